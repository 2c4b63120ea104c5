"""TimeInterval: which objects a job takes, by the time of their upload. It is not when the job ran, so both are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from jobs.cloudinfinite.schema import parse_time
from jobs.cloudinfinite.tree import nodes, text
from jobs.details.branches import Branch, as_tree, grow
from jobs.details.scale import EARLIEST, Axis, Tick
from jobs.details.timeline import Bar, Point, bars, points, stretches

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from jobs.cloudinfinite.schema import Job
    from jobs.cloudinfinite.tree import Tree

ROOM = 0.25
"""Share of the span that an open start gets to the left."""
LONE = timedelta(minutes=1)
"""The same where there is no span."""
NEAR = 2.5
"""Percent of the width within which the moments of a job are drawn as one: beside months, minutes fall together."""
NO_END = frozenset({"", "-", "0"})
"""Texts that leave an end open. The documents give 0 as Start's default."""


@dataclass(frozen=True, slots=True)
class End:
    """One end of the interval. `time` is None where it is open, or where `unreadable` holds a text that is no time."""

    time: datetime | None
    unreadable: str = ""


@dataclass(frozen=True, slots=True)
class TimeInterval:
    """The interval and its drawing.

    `upto` is where an open end is taken to lie: at the job's creation, None where that isn't known. `relation` is
    "reversed" (start after end), "moment" (both equal), "later" (it reaches beyond the job's creation) or "".
    """

    given: bool
    start: End
    end: End
    upto: datetime | None
    relation: str
    selection: Bar | None
    edges: tuple[Point, ...]
    job_bars: tuple[Bar, ...]
    job_points: tuple[Point, ...]
    ticks: tuple[Tick, ...]
    others: tuple[Branch, ...]
    left_out: int

    @property
    def length(self) -> timedelta | None:
        """How long the interval is; None where it is open to the left, reversed or unreadable."""
        last = self.end.time or self.upto
        if self.start.time is None or last is None or self.end.unreadable or last < self.start.time:
            return None
        return last - self.start.time


def time_interval(job: Job, as_of: datetime, zone: ZoneInfo, masked: Container[str] = ()) -> TimeInterval:
    """Return what the TimeInterval part shows.

    Args:
        job: the job.
        as_of: CI's time when it was read.
        zone: whose round times the ticks show.
        masked: the paths whose text is masked.
    """
    operations = nodes(job.tree, "Operation")
    found = nodes(operations[0], "TimeInterval") if operations and not isinstance(operations[0], str) else []
    tree = as_tree(found[0]) if found else {}
    start, end = _end(tree, "Start"), _end(tree, "End")
    upto = None if end.time or end.unreadable else job.creation_time
    rest = grow(_rest(tree, found), "Operation.TimeInterval", masked)
    parts = tuple(stretches(job, as_of))
    own = [job.creation_time, job.start_time, job.end_time, *(part.last for part in parts)]
    axis = Axis.over(_with_room([start.time, end.time, *own], to_the_left=start.time is None), zone)
    return TimeInterval(
        given=bool(tree),
        start=start,
        end=end,
        upto=upto,
        relation=_relation(start, end, job.creation_time),
        selection=_selection(start, end, upto, axis) if axis else None,
        edges=tuple(
            Point(kind, axis.share(one.time)) for kind, one in (("from", start), ("until", end)) if axis and one.time
        ),
        job_bars=tuple(bars(parts, axis)) if axis else (),
        job_points=tuple(_apart(points(job, parts, axis))) if axis else (),
        ticks=axis.ticks if axis else (),
        others=rest.children,
        left_out=rest.left_out,
    )


def _with_room(times: list[datetime | None], *, to_the_left: bool) -> list[datetime]:
    """Return the times that are known, and one before them where the drawing has to show that nothing bounds it there."""
    known = [time for time in times if time is not None]
    if not known or not to_the_left:
        return known
    span = max(known) - min(known)
    return [*known, min(known) - min(span * ROOM or LONE, min(known) - EARLIEST)]


def _apart(close: Iterable[Point]) -> Iterator[Point]:
    """Yield the points that can be told apart, the first of those that can't."""
    last = -NEAR
    for point in sorted(close, key=lambda one: one.share):
        if point.share - last >= NEAR:
            yield point
            last = point.share


def _end(tree: Tree, name: str) -> End:
    written = (text(tree, name) or "").strip()
    time = parse_time(written)
    return End(time, "" if time or written in NO_END else written)


def _rest(tree: Tree, found: list[str | Tree]) -> Tree:
    """Return what the two ends don't tell: unknown elements, a second Start, an End with children, a second interval."""
    rest: Tree = {
        name: node for name, node in tree.items() if name not in {"Start", "End"} or not isinstance(node, str)
    }
    if len(found) > 1:
        rest["TimeInterval"] = found[1:]
    return rest


def _relation(start: End, end: End, created: datetime | None) -> str:
    if start.time and end.time:
        if start.time > end.time:
            return "reversed"
        if start.time == end.time:
            return "moment"
    if created and ((end.time and end.time > created) or (start.time and start.time > created)):
        return "later"
    return ""


def _selection(start: End, end: End, upto: datetime | None, axis: Axis) -> Bar | None:
    """Return the bar of the selected upload times, open where nothing bounds it; None where there is none to draw."""
    if start.unreadable or end.unreadable:
        return None
    last = end.time or upto
    left = axis.share(start.time) if start.time else 0.0
    right = axis.share(last) if last else 100.0
    if left > right:
        return None
    return Bar(
        "selected",
        f"{left:.2f}%",
        f"{right - left:.2f}%",
        f"{right:.2f}%",
        opens_left=start.time is None,
        opens_right=last is None,
    )
