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

    waited: _Median
    ran: _Median

    @classmethod
    def of(cls, members: Iterable[Job]) -> _Usual:
        finished = [job for job in members if job.is_final]
        return cls(_Median.of(job.waited for job in finished), _Median.of(job.ran for job in finished))

    def judge(self, job: Job, kind: Kind, now: datetime) -> Odd | None:
        """Return what is odd about a job beside these, None where nothing is or too few of them tell."""
        if job.state == "Submitted" and job.creation_time:
            return _long(job, "waits", kind, now - job.creation_time, self.waited)
        # Of one whose start isn't told it is known since when at most, as the overview tells it.
        began = job.start_time or job.creation_time
        if job.state == "Running" and began and not job.end_time:
            return _long(job, "runs", kind, now - began, self.ran)
        can_be_quick = job.state == "Success" and self.ran.tells and self.ran.value >= SHORTEST
        if can_be_quick and job.ran is not None and job.ran < FRACTION * self.ran.value:
            return Odd(job, "quick", kind, job.ran, self.ran.value, self.ran.count)
        return None

    def cannot_tell(self, job: Job) -> bool:
        """Whether too few of these tell how long a job that isn't over may take."""
        behind = {"Submitted": self.waited, "Running": self.ran}.get(job.state)
        return behind is not None and not behind.tells


@dataclass(frozen=True, slots=True)
class _Median:
    """The median of so many times, 0 of none."""

    value: timedelta
    count: int

    @classmethod
    def of(cls, spans: Iterable[timedelta | None]) -> _Median:
        known = [span.total_seconds() for span in spans if span is not None]
        return cls(timedelta(seconds=median(known) if known else 0), len(known))

    @property
    def tells(self) -> bool:
        """Whether there are enough to call others odd."""
        return self.count >= ENOUGH


def _long(job: Job, why: Why, kind: Kind, took: timedelta, usual: _Median) -> Odd | None:
    if not usual.tells or took <= max(FACTOR * usual.value, timedelta(seconds=1)):
        return None
    return Odd(job, why, kind, took, usual.value, usual.count)


def _excess(one: Odd) -> tuple[int, float]:
    """Sort what contradicts itself first, then by how many times the usual it took; what was too quick last."""
    if one.why == "ended" or one.took is None or one.usual is None:
        return 1, 0.0
    return 0, one.took / one.usual if one.usual and one.why != "quick" else 0.0
