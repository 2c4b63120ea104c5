"""The pin: the moment at which a list was opened, so that what arrives later can't shift its pages; and where in it one stands."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

_WRITTEN = re.compile(r"(0|[1-9][0-9]{0,10})\.(0|[1-9][0-9]{0,13})")


@dataclass(frozen=True, slots=True)
class Pin:
    """`end` is where the list ends, in unix seconds of CI's time; `opened` is when its chain began, in milliseconds."""

    end: int
    opened: int

    @classmethod
    def parse(cls, written: str) -> Pin:
        """Return the pin that `str` wrote as `<end>.<opened>`.

        Raises:
            ValueError: it is written otherwise.
        """
        match = _WRITTEN.fullmatch(written)
        if match is None:
            raise ValueError(f"not a pin: {written[:40]!r}")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.end}.{self.opened}"

    @property
    def time(self) -> datetime:
        """`end` as an aware time."""
        return datetime.fromtimestamp(self.end, UTC)


_MARK = re.compile(r"(0|[1-9][0-9]{0,10})((?:-[0-9a-f]{6})+)")
MOST_MARKED = 40
"""Jobs of one second that a mark names: an address has no room for more."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to which row several lists that are read as one have been shown: all before a second, and these jobs of it.

    `second` is in unix seconds, of the jobs' creation; `shown` are short digests of their names.
    """

    second: int
    shown: tuple[str, ...]

    @classmethod
    def parse(cls, written: str) -> Mark:
        """Return the mark that `str` wrote as `<second>-<digest>-...`.

        Raises:
            ValueError: it is written otherwise.
        """
        match = _MARK.fullmatch(written)
        shown = match[2][1:].split("-") if match else []
        if match is None or len(shown) > MOST_MARKED:
            raise ValueError(f"not a mark: {written[:40]!r}")
        return cls(int(match[1]), tuple(shown))

    def __str__(self) -> str:
        return "-".join((str(self.second), *self.shown))

    @staticmethod
    def digest(bucket: str, job_id: str) -> str:
        """Return how a mark names a job of a bucket."""
        return hashlib.sha256(f"{bucket}/{job_id}".encode()).hexdigest()[:6]
