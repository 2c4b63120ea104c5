"""Created, started, ended: a job's own times, drawn to scale, with the stretches of waiting and running between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.details.contradictions import odd_times
from jobs.details.scale import Axis, Tick, percent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    from jobs.cloudinfinite.schema import Job

SHAPES = {
    "created": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0",  # a ring
    "started": "M-4 -6l9 6l-9 6z",  # a triangle
    "ended": "M-5 -5h10v10h-10z",  # a square
    "now": "M0 -13v26",
    "from": "M5 -13h-5v26h5",  # brackets
    "until": "M-5 -13h5v26h-5",
}
"""One shape for each kind of moment, so that they are told apart without colour; SVG paths around 0,0."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time between two moments. `kind` is "waiting", "running" or "paused"; an open one goes on when it was read."""

    kind: str
    first: datetime
    last: datetime
    is_open: bool = False

    @property
    def length(self) -> timedelta:
        """How long it is (so far)."""
        return self.last - self.first


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch as it is drawn; `right` is where it ends. An open side goes on beyond what is drawn."""

    kind: str
    x: str
    width: str
    right: str
    opens_left: bool = False
    opens_right: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """A moment as it is drawn; `kind` is one of SHAPES, `share` is from 0 to 100. An odd one contradicts what else is told."""

    kind: str
    share: float
    odd: bool = False

    @property
    def x(self) -> str:
        """Where it stands, as an SVG length."""
        return percent(self.share)

    @property
    def shape(self) -> str:
        """The path that is drawn."""
        return SHAPES[self.kind]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The drawing of one job. Without any time there are no points, and nothing is drawn. `odd` are as of `odd_times`."""

    stretches: tuple[Stretch, ...]
    bars: tuple[Bar, ...]
    points: tuple[Point, ...]
    ticks: tuple[Tick, ...]
    odd: frozenset[str] = frozenset()

    @property
    def shapes(self) -> dict[str, str]:
        """The shapes, for a legend."""
        return SHAPES

    @property
    def waiting(self) -> Stretch | None:
        """The time from creation to start."""
        return self._first("waiting")

    @property
    def running(self) -> Stretch | None:
        """The time from start to end."""
        return self._first("running")

    def _first(self, kind: str) -> Stretch | None:
        return next((one for one in self.stretches if one.kind == kind), None)


def timeline(job: Job, as_of: datetime, zone: ZoneInfo) -> Timeline:
    """Return the drawing of a job's times.

    Args:
        job: the job.
        as_of: CI's time when it was read; what is still open goes on until then.
        zone: whose round times the ticks show.
    """
    parts = tuple(stretches(job, as_of))
    axis = Axis.over([*_moments(job).values(), *(part.last for part in parts)], zone)
    if axis is None:
        return Timeline(parts, (), (), ())
    odd = odd_times(job, as_of)
    return Timeline(parts, tuple(bars(parts, axis)), tuple(points(job, parts, axis, odd)), axis.ticks, odd)


def stretches(job: Job, as_of: datetime) -> Iterator[Stretch]:
    """Yield what can be said: nothing is drawn between moments that contradict each other."""
    created, started, ended = job.creation_time, job.start_time, job.end_time
    if created and started and created <= started:
        yield Stretch("waiting", created, started)
    elif created and not started and job.state == "Submitted" and created <= as_of:
        yield Stretch("waiting", created, as_of, is_open=True)
    elif created and not started and ended and job.is_final and created <= ended:
        yield Stretch("waiting", created, ended)
    if not started:
        return
    if job.is_final:
        if ended and started <= ended:
            yield Stretch("running", started, ended)
    elif job.state in {"Running", "Pause"} and started <= as_of:
        yield Stretch("running" if job.state == "Running" else "paused", started, as_of, is_open=True)


def bars(parts: tuple[Stretch, ...], axis: Axis) -> Iterator[Bar]:
    """Yield the stretches as they are drawn on `axis`."""
    for part in parts:
        yield Bar(
            part.kind,
            axis.x(part.first),
            axis.width(part.first, part.last),
            axis.x(part.last),
            opens_right=part.is_open,
        )


def points(job: Job, parts: tuple[Stretch, ...], axis: Axis, odd: frozenset[str] = frozenset()) -> Iterator[Point]:
    """Yield the moments as they are drawn on `axis`, and "now" where a stretch goes on."""
    for kind, time in _moments(job).items():
        if time is not None:
            yield Point(kind, axis.share(time), kind in odd)
    for part in parts:
        if part.is_open:
            yield Point("now", axis.share(part.last))


def _moments(job: Job) -> dict[str, datetime | None]:
    return {"created": job.creation_time, "started": job.start_time, "ended": job.end_time}
