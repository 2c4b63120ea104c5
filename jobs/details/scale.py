"""A time axis: where a moment stands between the first and the last, in percent, and which ticks help to read it.

Percent, because a drawing with such coordinates fits every width while its letters keep their size.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import ceil, floor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = datetime(1, 1, 3, tzinfo=UTC)
LATEST = datetime(9999, 12, 29, tzinfo=UTC)
"""Bounds of an axis: what lies further out can't be shown in every zone."""
MARGIN = 0.04
"""Share of the span that stays free on each side."""
LONE = 30.0
"""Seconds on each side of a single moment."""
MOST_TICKS = 6

MINUTE, HOUR, DAY = 60, 3600, 86400
SECONDS = (1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR)  # fmt: skip
DAYS = (1, 2, 5, 10)
MONTHS = (1, 2, 3, 6)
YEARS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
DAYS_A_MONTH, DAYS_A_YEAR = 30.44, 365.24


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the axis. `above` and `below` are its two lines of text; `below` is only there where it changes."""

    x: str
    above: str
    below: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Axis:
    """From `begin` to `end`, both in seconds since the epoch; ticks are those of `zone`."""

    begin: float
    end: float
    zone: ZoneInfo

    @classmethod
    def over(cls, times: Iterable[datetime | None], zone: ZoneInfo) -> Axis | None:
        """Return an axis that holds all `times` with a margin; None when there is none."""
        known = [seconds(time) for time in times if time is not None]
        if not known:
            return None
        first, last = min(known), max(known)
        margin = (last - first) * MARGIN if last > first else LONE
        return cls(max(first - margin, seconds(EARLIEST)), min(last + margin, seconds(LATEST)), zone)

    def share(self, time: datetime) -> float:
        """Return where `time` stands, from 0 to 100."""
        return min(100.0, max(0.0, (seconds(time) - self.begin) / (self.end - self.begin) * 100))

    def x(self, time: datetime) -> str:
        """Return where `time` stands, as an SVG length."""
        return percent(self.share(time))

    def width(self, first: datetime, last: datetime) -> str:
        """Return how wide the stretch from `first` to `last` is, as an SVG length."""
        return percent(max(0.0, self.share(last) - self.share(first)))

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """The ticks, from left to right."""
        ticks: list[Tick] = []
        before = ""
        for moment, above, below in self._marks():
            share = self.share(moment)
            anchor = "start" if share < 8 else "end" if share > 92 else "middle"
            ticks.append(Tick(percent(share), above, below if below != before else "", anchor))
            before = below
        return tuple(ticks)

    def _marks(self) -> Iterator[tuple[datetime, str, str]]:
        """Yield the moments at round local times, each with its two lines of text."""
        span = self.end - self.begin
        first, last = local(self.begin, self.zone), local(self.end, self.zone)
        for step in SECONDS:
            if span / step < MOST_TICKS:
                yield from self._clock_marks(step)
                return
        for step in DAYS:
            if span / (step * DAY) < MOST_TICKS:
                for number in range(_up(first.toordinal(), step), last.toordinal() + 1, step):
                    day = date.fromordinal(number)
                    yield from self._mark(day, day.isoformat()[5:], day.isoformat()[:4])
                return
        for step in MONTHS:
            if span / (step * DAYS_A_MONTH * DAY) < MOST_TICKS:
                for number in range(_up(first.year * 12 + first.month - 1, step), last.year * 12 + last.month, step):
                    day = date(number // 12, number % 12 + 1, 1)
                    yield from self._mark(day, day.isoformat()[:7], "")
                return
        for step in YEARS:
            if span / (step * DAYS_A_YEAR * DAY) < MOST_TICKS:
                for year in range(max(_up(first.year, step), step), last.year + 1, step):
                    yield from self._mark(date(year, 1, 1), f"{year:04d}", "")
                return

    def _clock_marks(self, step: int) -> Iterator[tuple[datetime, str, str]]:
        offset = local(self.begin, self.zone).utcoffset() or timedelta()
        shift = offset.total_seconds()
        for number in range(ceil((self.begin + shift) / step), floor((self.end + shift) / step) + 1):
            moment = local(number * step - shift, self.zone)
            written = moment.isoformat()
            yield moment, written[11:19] if step < MINUTE else written[11:16], written[:10]

    def _mark(self, day: date, above: str, below: str) -> Iterator[tuple[datetime, str, str]]:
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        if self.begin <= seconds(midnight) <= self.end:
            yield midnight, above, below


def seconds(time: datetime) -> float:
    """Return seconds since the epoch; unlike `timestamp` for every year."""
    return (time - EPOCH).total_seconds()


def local(since_epoch: float, zone: ZoneInfo) -> datetime:
    """Return a moment as `zone` shows it."""
    return (EPOCH + timedelta(seconds=since_epoch)).astimezone(zone)


def percent(share: float) -> str:
    """Return an SVG length that no language writes with a comma."""
    return f"{share:.2f}%"


def _up(number: int, step: int) -> int:
    return -(-number // step) * step
