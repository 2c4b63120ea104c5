"""The pin: the moment at which a list was opened, so that what arrives later can't shift its pages."""

from __future__ import annotations

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
