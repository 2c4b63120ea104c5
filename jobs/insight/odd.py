"""Odd ones out: jobs that wait or run far longer than others of their kind, or were done suspiciously fast."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from jobs.cloudinfinite.schema import Job

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
class Kind:
    """What jobs have in common: their type, and a workflow, template or tag, "" where they name none."""

    type: str
    of: str


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


def kind_of(job: Job) -> Kind:
    """Return what a job has in common with others: the most telling of what it names."""
    workflows = ",".join(job.workflow_ids)
    return Kind(job.type, workflows or job.template_id or job.tag or "")


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
        finished = [job for job in members if job.is_final and job.ran is not None]
        open_jobs = sum(job.state in {"Submitted", "Running"} for job in members)
        if len(finished) < ENOUGH:
            if open_jobs:
                too_few[kind] = open_jobs
            continue
        odd += _odd_of(kind, members, finished, now)
    return Oddities(sorted(odd, key=_excess, reverse=True), too_few)


def _odd_of(kind: Kind, members: Sequence[Job], finished: Sequence[Job], now: datetime) -> list[Odd]:
    waited, ran = _median(job.waited for job in finished), _median(job.ran for job in finished)
    found: list[Odd] = []
    for job in members:
        waits = now - job.creation_time if job.state == "Submitted" and job.creation_time else None
        runs = now - job.start_time if job.state == "Running" and job.start_time and not job.end_time else None
        if waits and waited is not None and waits > max(FACTOR * waited, timedelta(seconds=1)):
            found.append(Odd(job, "waits", kind, waits, waited, len(finished)))
        elif runs and ran is not None and runs > max(FACTOR * ran, timedelta(seconds=1)):
            found.append(Odd(job, "runs", kind, runs, ran, len(finished)))
        elif job.state == "Success" and job.ran is not None and ran and ran >= SHORTEST and job.ran < FRACTION * ran:
            found.append(Odd(job, "quick", kind, job.ran, ran, len(finished)))
    return found


def _median(spans: Iterable[timedelta | None]) -> timedelta | None:
    known = [span.total_seconds() for span in spans if span is not None]
    return timedelta(seconds=median(known)) if known else None


def _excess(one: Odd) -> tuple[int, float]:
    """Sort what contradicts itself first, then by how many times the usual it took; what was too quick last."""
    if one.why == "ended" or one.took is None or one.usual is None:
        return 1, 0.0
    return 0, one.took / one.usual if one.usual and one.why != "quick" else 0.0
