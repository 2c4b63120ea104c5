"""Times and zones as people write them: reading a typed time, finding a zone, and the first second of a day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from difflib import get_close_matches
from functools import cache as once
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings

from jobs.cloudinfinite.schema import format_time

YEARS = range(1970, 9000)
"""Years that can be asked for: every zone can show them."""

_TYPED = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ](?P<clock>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?P<fraction>\.[0-9]{1,9})?"
    # A plus that nobody percent-encoded arrives as a space.
    r"(?:(?P<utc>Z)|(?P<sign>[+\- ])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2}))?)?"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time that was read: in UTC, the zone it was taken to be in ("" when it said so itself), and whether that zone had it twice."""

    time: datetime
    zone: str = ""
    twice: bool = False


class UnreadableTime(ValueError):
    """A time that can't be taken as it is written. `meant` is the nearest that could, "" when there is none."""

    def __init__(self, reason: Literal["form", "date", "fraction", "skipped"], meant: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.meant = meant


def read_time(written: str, zone: ZoneInfo, *, is_end: bool = False) -> Moment:
    """Return the moment that somebody typed.

    Args:
        written: `2022-06-27T15:23:10+0800`, with `+08:00` or `Z`, without seconds, without an offset, or a day alone.
        zone: where it is read if it has no offset.
        is_end: whether it ends a stretch. A day then means its last second, and of a time that comes twice, when the
            clocks go back, the later is taken; else its first second and the earlier, so that nothing is left out.

    Raises:
        UnreadableTime: it is no such time, or `zone` skips it.
    """
    match = _TYPED.fullmatch(written)
    if match is None:
        raise UnreadableTime("form")
    clock = match["clock"] or ("23:59:59" if is_end else "00:00:00")
    try:
        local = datetime.fromisoformat(f"{match['date']}T{clock}")
        offset = _offset(match)
    except ValueError:
        raise UnreadableTime("date") from None
    if local.year not in YEARS:
        raise UnreadableTime("date")
    if match["clock"] is None:
        return Moment((end_of_day if is_end else start_of_day)(local.date(), zone), zone.key)
    if (match["fraction"] or "").strip(".0"):
        raise UnreadableTime("fraction", written.replace(match["fraction"], "", 1).replace(" ", "+"))
    if offset is not None:
        return Moment(local.replace(tzinfo=offset).astimezone(UTC))
    return _in_zone(local, zone, is_end=is_end)


def write_time(moment: datetime, zone: ZoneInfo | None = None) -> str:
    """Return an aware time as an address writes it, ±HHMM, in `zone` or, so that equal times look equal, in TIME_ZONE."""
    return format_time(moment.astimezone(zone or default_zone()))


def local_text(moment: datetime, zone: tzinfo) -> str:
    """Return an aware time as a page shows it in `zone`: `2022-06-27 15:23:10`."""
    return moment.astimezone(zone).isoformat(" ", "seconds")[:19]  # without the offset


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the first second of `day` in `zone`, in UTC.

    Where the clocks skip midnight, Python reads it with the offset from before, which lands on the first second after
    the gap: every such gap since 1970 begins at midnight. Where midnight comes twice, it reads the first.
    """
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the last second of `day` in `zone`, in UTC."""
    return start_of_day(day + timedelta(days=1), zone) - timedelta(seconds=1)


def read_day(written: str) -> date | None:
    """Return a day that somebody typed, `2022-06-27`; None for anything else."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", written):
        return None
    try:
        day = date.fromisoformat(written)
    except ValueError:
        return None
    return day if day.year in YEARS else None


def default_zone() -> ZoneInfo:
    """Return the zone of a link that names none."""
    return ZoneInfo(settings.TIME_ZONE)


@once
def zone_names() -> frozenset[str]:
    """Return the names a link may give."""
    # These two depend on the machine, so a link with them would mean something else elsewhere.
    return frozenset(available_timezones() - {"localtime", "Factory"} | {settings.TIME_ZONE})


@lru_cache(maxsize=256)  # an error is looked at several times for its links, and some six hundred names take a while
def similar_zone(name: str) -> str:
    """Return the zone that was probably meant, "" when none is near: another case, a city alone, or a slip."""
    wanted = name.lower().replace(" ", "_")
    known = {zone.lower(): zone for zone in sorted(zone_names())}
    cities = {lower.rpartition("/")[2]: zone for lower, zone in known.items()}
    for names in (known, cities):
        if wanted in names:
            return names[wanted]
    near = get_close_matches(wanted, known, n=1, cutoff=0.7)
    return known[near[0]] if near else ""


def _offset(match: re.Match[str]) -> timezone | None:
    if match["utc"]:
        return UTC
    if match["sign"] is None:
        return None
    if int(match["minutes"]) > 59:
        raise ValueError("an offset has at most 59 minutes")
    offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
    return timezone(-offset if match["sign"] == "-" else offset)


def _in_zone(local: datetime, zone: ZoneInfo, *, is_end: bool) -> Moment:
    if _is_skipped(local, zone):
        raise UnreadableTime("skipped", write_time(_end_of_gap(local, zone), zone))
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return Moment(second if is_end else first, zone.key, twice=first != second)


def _is_skipped(local: datetime, zone: ZoneInfo) -> bool:
    """Tell whether the clocks of `zone` never show `local`."""
    return local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local


def _end_of_gap(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the first second after the gap that `local` lies in.

    Python reads a skipped time with the offset after the gap for fold 1, which lands before it, and with the one before
    the gap for fold 0, which lands behind it; the change lies between.
    """
    before = int(local.replace(tzinfo=zone, fold=1).timestamp())
    after = int(local.replace(tzinfo=zone, fold=0).timestamp())
    while before < after:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, zone).replace(tzinfo=None) > local:
            after = middle
        else:
            before = middle + 1
    return datetime.fromtimestamp(after, UTC)
