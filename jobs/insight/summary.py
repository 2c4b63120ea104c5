"""One bucket in one line: how many jobs failed, run, wait or are paused, which waits and runs longest, what failed last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from jobs.cloudinfinite.schema import Job

    T = TypeVar("T")

COUNTED = ("Failed", "Running", "Submitted", "Pause")
"""The states that are counted: what went wrong or isn't over."""
SLOTS = 24
"""Parts of a stretch of time in which jobs are counted by the time of their creation."""
LONGEST_MESSAGE = 200
"""Characters of upstream's message that a summary keeps."""


@dataclass(frozen=True, slots=True)
class Since:
    """A job that waits or runs, and the unix second since when."""

    job_id: str
    at: float


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that failed: why, and the unix second at which it ended, or was created where no end is told."""

    job_id: str
    code: str
    message: str
    at: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What the first page of a bucket's open and failed jobs says of all of them.

    `counts` are those of the page: there are more where `is_least`. `slots` hold, for each state of COUNTED, how many of its
    jobs were created in each of SLOTS equal parts of the stretch that was asked for.
    """

    counts: Mapping[str, int]
    is_least: bool
    waiting: Since | None
    running: Since | None
    failure: Failure | None
    slots: Mapping[str, tuple[int, ...]]

    def to_primitives(self) -> list[Any]:
        """Return the summary as JSON knows it."""
        since = [one and [one.job_id, one.at] for one in (self.waiting, self.running)]
        failure = self.failure and [self.failure.job_id, self.failure.code, self.failure.message, self.failure.at]
        counts = [self.counts[state] for state in COUNTED]
        return [counts, int(self.is_least), *since, failure, [_sparse(self.slots[state]) for state in COUNTED]]

    @classmethod
    def from_primitives(cls, written: Any) -> Summary:
        """Return the summary that `to_primitives` was called on."""
        counts, is_least, waiting, running, failure, slots = written
        return cls(
            counts=dict(zip(COUNTED, counts, strict=True)),
            is_least=bool(is_least),
            waiting=Since(*waiting) if waiting else None,
            running=Since(*running) if running else None,
            failure=Failure(*failure) if failure else None,
            slots={state: _dense(part) for state, part in zip(COUNTED, slots, strict=True)},
        )


def summarize(jobs: Iterable[Job], begin: datetime, end: datetime, *, is_least: bool) -> Summary:
    """Return what `jobs` say together.

    Args:
        jobs: those of one bucket; states that aren't counted say nothing.
        begin: the first moment of the stretch in which they were created.
        end: its last moment.
        is_least: whether there are more jobs than these.
    """
    by_state: dict[str, list[Job]] = {state: [] for state in COUNTED}
    for job in jobs:
        if job.state in by_state:
            by_state[job.state].append(job)
    return Summary(
        counts={state: len(found) for state, found in by_state.items()},
        is_least=is_least,
        waiting=_longest(by_state["Submitted"], lambda job: job.creation_time),
        running=_longest(by_state["Running"], lambda job: job.start_time or job.creation_time),
        failure=_newest_failure(by_state["Failed"]),
        slots={state: _slots(found, begin, end) for state, found in by_state.items()},
    )


def severity(summary: Summary | None, *, has_problem: bool, now: float) -> tuple[float, ...]:
    """Return what sorts buckets by how much they need a look, the worst greatest.

    What failed comes first, by number; then what can't be read; then what is paused, and what waits or runs longest.

    Args:
        summary: None where nothing is known.
        has_problem: whether the bucket can't be read now.
        now: CI's time in unix seconds.
    """
    if summary is None:
        return (0, int(has_problem), 0, 0, 0)
    ages = [now - one.at for one in (summary.waiting, summary.running) if one]
    counts = summary.counts
    return (counts["Failed"], int(has_problem), counts["Pause"], max(ages, default=0.0), sum(counts.values()))


def _longest(jobs: Sequence[Job], since: Callable[[Job], datetime | None]) -> Since | None:
    known = [(time.timestamp(), job.job_id) for job in jobs if (time := since(job))]
    at, job_id = min(known, default=(0.0, ""))
    return Since(job_id, at) if known else None


def _newest_failure(jobs: Sequence[Job]) -> Failure | None:
    known = [(time.timestamp(), job) for job in jobs if (time := job.end_time or job.creation_time)]
    if not known:
        return None
    at, job = max(known, key=lambda one: one[0])
    return Failure(job.job_id, job.code, job.message[:LONGEST_MESSAGE], at)


def _slots(jobs: Sequence[Job], begin: datetime, end: datetime) -> tuple[int, ...]:
    counts = [0] * SLOTS
    first, span = begin.timestamp(), max(1.0, (end - begin).total_seconds())
    for job in jobs:
        if time := job.creation_time:
            share = (time.timestamp() - first) / span
            counts[min(SLOTS - 1, max(0, int(share * SLOTS)))] += 1
    return tuple(counts)


def _sparse(counts: Sequence[int]) -> list[list[int]]:
    """Return the counts that aren't 0, each with its place: most are."""
    return [[place, count] for place, count in enumerate(counts) if count]


def _dense(pairs: Iterable[Sequence[int]]) -> tuple[int, ...]:
    counts = [0] * SLOTS
    for place, count in pairs:
        counts[place] = count
    return tuple(counts)
