"""Ranges: stretches of time that move with the clock, and what they come to at a given moment.

`24h` is the same everywhere. A calendar range such as `today` depends on the zone whose calendar is meant.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .times import end_of_day, start_of_day

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

CALENDAR = ("today", "yesterday", "this-week", "this-month")
"""Ranges by the calendar; a week begins on Monday."""
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
LONGEST = timedelta(weeks=520)
"""The longest range that can be asked for. The documents say nothing of how long CI keeps jobs (ci-api.md section 8)."""

_RELATIVE = re.compile(r"0*([1-9][0-9]{0,6})([mhdw])")


def split(written: str) -> tuple[int, str] | None:
    """Return number and unit of a relative range; None for anything else."""
    match = _RELATIVE.fullmatch(written)
    if match is None or int(match[1]) * UNITS[match[2]] > LONGEST:
        return None
    return int(match[1]), match[2]


def normal(written: str) -> str:
    """Return a range as a canonical address writes it, "" when it is none."""
    if written in CALENDAR:
        return written
    relative = split(written)
    return f"{relative[0]}{relative[1]}" if relative else ""


def window(written: str, zone: ZoneInfo, pin: datetime) -> tuple[datetime, datetime]:
    """Return the first and the last moment of a range as seen at `pin`, in UTC, both inclusive.

    Raises:
        ValueError: it is no range.
    """
    if relative := split(written):
        return pin - relative[0] * UNITS[relative[1]], pin
    today = pin.astimezone(zone).date()
    if written == "today":
        return start_of_day(today, zone), pin
    if written == "yesterday":
        day = today - timedelta(days=1)
        return start_of_day(day, zone), end_of_day(day, zone)
    if written == "this-week":
        return start_of_day(today - timedelta(days=today.weekday()), zone), pin
    if written == "this-month":
        return start_of_day(today.replace(day=1), zone), pin
    raise ValueError(f"not a range: {written!r}")
