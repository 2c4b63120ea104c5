"""Counts of jobs: by state, by kind, by the time of their creation, by how long they ran."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf
from typing import TYPE_CHECKING

from .kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jobs.cloudinfinite.schema import Job

    from .kinds import Kind

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

    @property
    def name(self) -> str:
        """Its name in an address: both bounds, the second "" where there is none."""
        return span_name(self.least, self.below)

    def holds(self, ran: timedelta | None) -> bool:
        """Tell whether a job that ran so long is one of these."""
        return ran is not None and self.least <= ran.total_seconds() < (inf if self.below is None else self.below)


@dataclass(frozen=True, slots=True)
class Tallies:
    """What is counted over some jobs, the most frequent first. States and types are upstream's own words.

    `kinds` are those of jobs that name a workflow, a template or a tag.
    """

    jobs: int
    states: Sequence[tuple[str, int]]
    types: Sequence[tuple[str, int]]
    kinds: Sequence[tuple[Kind, int]]
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
        kinds=Counter(kind for job in listed if (kind := kind_of(job)).of).most_common(),
        created=_columns(created),
        ran=_spans([ran.total_seconds() for job in listed if (ran := job.ran) is not None]),
        undated=len(listed) - len(created),
    )


def _columns(created: Sequence[tuple[datetime, bool]]) -> tuple[Column, ...]:
    """Return columns of one width, from the one that holds the first moment to the one that holds the last.

    Those two begin and end with these jobs: whoever asks for a column's jobs asks for none beyond what was asked for here.
    """
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
        Column(
            _moment(max(first, place * step)),
            _moment(min(last + 1, (place + 1) * step)),
            counts[place],
            failures[place],
        )
        for place in range(begin, last // step + 1)
    )


def _spans(seconds: Sequence[float]) -> tuple[Span, ...]:
    if not seconds:
        return ()
    return tuple(
        Span(least, below, sum(least <= one < (inf if below is None else below) for one in seconds))
        for least, below in _EDGES
    )


def span_name(least: int, below: int | None) -> str:
    """Return the name of a span in an address."""
    return f"{least}-{'' if below is None else below}"


_EDGES: tuple[tuple[int, int | None], ...] = tuple(zip((0, *BOUNDS), (*BOUNDS, None), strict=True))
SPANS = tuple(span_name(least, below) for least, below in _EDGES)
"""The names of all spans in an address."""


def _moment(seconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
