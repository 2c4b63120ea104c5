"""The emulator's clock, and times as CI writes them.

Alone responsible for what time it is here: the machine's time or a fixed start, plus an offset, running or frozen.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
_LOOSE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(Z|[+-]\d\d:?\d\d)")
_STRICT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}")


class Clock:
    """CI's time, unix seconds. `start` fixes the time at which it begins; by default it is the machine's."""

    def __init__(self, start: float | None = None) -> None:
        self._shift = 0.0 if start is None else start - time.time()
        self._base_shift = self._shift
        self._frozen: float | None = None

    def now(self) -> float:
        return time.time() + self._shift if self._frozen is None else self._frozen

    def set(self, *, offset: float | None = None, now: float | None = None, frozen: bool = False) -> None:
        """Move the clock: `offset` seconds away from where it began, or to `now`; `frozen` stops it there."""
        if now is not None:
            self._shift = now - time.time()
        elif offset is not None:
            self._shift = self._base_shift + offset
        self._frozen = None
        if frozen:
            self._frozen = now if now is not None else self.now()

    def as_dict(self) -> dict[str, float | bool]:
        return {"now": self.now(), "offset": self._shift - self._base_shift, "frozen": self._frozen is not None}


def written(seconds: float) -> str:
    """`2022-06-27T15:23:10+0800`."""
    return datetime.fromtimestamp(int(seconds), CHINA).strftime("%Y-%m-%dT%H:%M:%S%z")


def read_strict(text: str) -> int | None:
    """Unix seconds of a time in the one documented form (offset without colon), else None."""
    if not _STRICT.fullmatch(text):
        return None
    return read_loose(text)


def read_loose(text: str) -> int | None:
    """Unix seconds of a time with +0800, +08:00 or Z, else None."""
    match = _LOOSE.fullmatch(text)
    if match is None:
        return None
    try:
        return int(datetime.strptime(match[1] + match[2].replace("Z", "+0000"), "%Y-%m-%dT%H:%M:%S%z").timestamp())
    except (ValueError, OverflowError):
        return None


def http_date(seconds: float) -> str:
    """The form of the Date header; English names whatever the locale."""
    moment = datetime.fromtimestamp(int(seconds), UTC)
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[moment.weekday()]
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{day}, {moment:%d} {months[moment.month - 1]} {moment:%Y %H:%M:%S} GMT"
