"""Odd ones out: jobs that wait or run far longer than others of their kind, or were done suspiciously fast."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING, Literal

from .kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from jobs.cloudinfinite.schema import Job

    from .kinds import Kind

Why = Literal["waits", "runs", "quick", "ended"]
ENOUGH = 8
"""Finished jobs of a kind from which on others of it can be called odd."""
FACTOR = 3
"""How many times the median a job may wait or run."""
FRACTION = 0.1
"""The share of the median in which a success is too quick: it may have found nothing to do."""
SHORTEST = timedelta(seconds=30)
"""The least median of run times at which a quick success says anything: times are told in whole seconds."""


@dataclass(frozen=True, slots=True)
class Odd:
    """An odd job, and the numbers behind that: how long it took so far, and the median of so many finished ones.

    A job that runs although it has an end is odd by itself: then there are no numbers.
    """

    job: Job
    why: Why
    kind: Kind
    took: timedelta | None = None
    usual: timedelta | None = None
    finished: int = 0


@dataclass(frozen=True, slots=True)
class Oddities:
    """What is odd among some jobs, and the kinds of which too few have finished to tell, with their open jobs."""

    odd: Sequence[Odd]
    too_few: Mapping[Kind, int]


def oddities(jobs: Iterable[Job], now: datetime) -> Oddities:
    """Return what is odd among `jobs`, the longest over its kind's usual time first.

    Args:
        jobs: those that are compared; what isn't among them counts for nothing.
        now: CI's time.
    """
    kinds: dict[Kind, list[Job]] = defaultdict(list)
    odd: list[Odd] = []
    for job in jobs:
        kinds[kind_of(job)].append(job)
        if job.state == "Running" and job.end_time:
            odd.append(Odd(job, "ended", kind_of(job)))
    too_few: dict[Kind, int] = {}
    for kind, members in kinds.items():
        usual = _Usual.of(members)
        odd += (one for job in members if (one := usual.judge(job, kind, now)))
        if open_jobs := sum(usual.cannot_tell(job) for job in members):
            too_few[kind] = open_jobs
    return Oddities(sorted(odd, key=_excess, reverse=True), too_few)


@dataclass(frozen=True, slots=True)
class _Usual:
    """How long the finished jobs of a kind waited and ran, as far as they tell."""

    waited: Sequence[timedelta]
    ran: Sequence[timedelta]

    @classmethod
    def of(cls, members: Iterable[Job]) -> _Usual:
        finished = [job for job in members if job.is_final]
        waited = [job.waited for job in finished if job.waited is not None]
        return cls(waited, [job.ran for job in finished if job.ran is not None])

    def judge(self, job: Job, kind: Kind, now: datetime) -> Odd | None:
        """Return what is odd about a job beside these, None where nothing is or too few of them tell."""
        if job.state == "Submitted" and job.creation_time:
            return _long(job, "waits", kind, now - job.creation_time, self.waited)
        if job.state == "Running" and job.start_time and not job.end_time:
            return _long(job, "runs", kind, now - job.start_time, self.ran)
        if job.state == "Success" and job.ran is not None and len(self.ran) >= ENOUGH:
            usual = _median(self.ran)
            if usual >= SHORTEST and job.ran < FRACTION * usual:
                return Odd(job, "quick", kind, job.ran, usual, len(self.ran))
        return None

    def cannot_tell(self, job: Job) -> bool:
        """Whether too few of these tell how long a job that isn't over may take."""
        behind = {"Submitted": self.waited, "Running": self.ran}.get(job.state)
        return behind is not None and len(behind) < ENOUGH


def _long(job: Job, why: Why, kind: Kind, took: timedelta, others: Sequence[timedelta]) -> Odd | None:
    if len(others) < ENOUGH:
        return None
    usual = _median(others)
    return Odd(job, why, kind, took, usual, len(others)) if took > max(FACTOR * usual, timedelta(seconds=1)) else None


def _median(spans: Iterable[timedelta]) -> timedelta:
    return timedelta(seconds=median(span.total_seconds() for span in spans))


def _excess(one: Odd) -> tuple[int, float]:
    """Sort what contradicts itself first, then by how many times the usual it took; what was too quick last."""
    if one.why == "ended" or one.took is None or one.usual is None:
        return 1, 0.0
    return 0, one.took / one.usual if one.usual and one.why != "quick" else 0.0
