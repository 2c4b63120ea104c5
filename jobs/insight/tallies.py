"""Counts of jobs: by state, by kind, by the time of their creation, by how long they ran."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jobs.cloudinfinite.schema import Job

STEPS = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400, 30 * 86400)
"""Seconds that one column of the chart over time may stand for."""
MOST_COLUMNS = 24
BOUNDS = (1, 10, 60, 300, 1800, 3600, 3 * 3600, 12 * 3600, 86400)
"""Seconds at which the columns of the chart of run times begin, but for the first, which begins at 0."""


@dataclass(frozen=True, slots=True)
class Column:
    """How many jobs were created from `begin` to before `end`."""

    begin: datetime
    end: datetime
    count: int
    failed: int


@dataclass(frozen=True, slots=True)
class Span:
    """How many jobs ran at least `least` and less than `below` seconds, None where there is no bound."""

    least: int
    below: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Tallies:
    """What is counted over some jobs. States and kinds are upstream's own words, the most frequent first."""

    jobs: int
    states: Sequence[tuple[str, int]]
    types: Sequence[tuple[str, int]]
    created: Sequence[Column]
    ran: Sequence[Span]
    undated: int


def tally(jobs: Iterable[Job]) -> Tallies:
    """Return the counts of `jobs`; `undated` are those whose creation isn't told."""
    listed = list(jobs)
    created = [(time, job.state == "Failed") for job in listed if (time := job.creation_time)]
    return Tallies(
        jobs=len(listed),
        states=Counter(job.state for job in listed).most_common(),
        types=Counter(job.type for job in listed).most_common(),
        created=_columns(created),
        ran=_spans([ran.total_seconds() for job in listed if (ran := job.ran) is not None]),
        undated=len(listed) - len(created),
    )


def _columns(created: Sequence[tuple[datetime, bool]]) -> tuple[Column, ...]:
    """Return columns of one width, from the one that holds the first moment to the one that holds the last."""
    if not created:
        return ()
    seconds = [(int(time.timestamp()), failed) for time, failed in created]
    first, last = min(seconds)[0], max(seconds)[0]
    step = next((one for one in STEPS if last // one - first // one < MOST_COLUMNS), 0)
    if not step:
        step = -(-(last - first + 1) // MOST_COLUMNS)
    begin = first // step
    counts, failures = Counter[int](), Counter[int]()
    for at, failed in seconds:
        counts[at // step] += 1
        failures[at // step] += failed
    return tuple(
        Column(_moment(place * step), _moment((place + 1) * step), counts[place], failures[place])
        for place in range(begin, last // step + 1)
    )


def _spans(seconds: Sequence[float]) -> tuple[Span, ...]:
    if not seconds:
        return ()
    edges = [0, *BOUNDS]
    counts = [
        Span(least, below, sum(least <= one < (below if below is not None else float("inf")) for one in seconds))
        for least, below in zip(edges, [*BOUNDS, None], strict=True)
    ]
    return tuple(counts)


def _moment(seconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
