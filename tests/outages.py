"""What Cloud Infinite may do in place of answering: faults of the emulator, and how Batchlens tells of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jobs.problems import RULES, Rule


@dataclass(frozen=True)
class Outage:
    """A fault, the class and code under which it is told, and whether an answer came that could name a RequestId."""

    fault: dict[str, Any]
    kind: str
    code: str
    answers: bool = True

    @property
    def rule(self) -> Rule:
        """What is said of it, and with which status."""
        return RULES[self.kind]


def _error(status: int, code: str, kind: str) -> Outage:
    return Outage({"kind": "error", "status": status, "code": code, "message": f"{code}, said upstream."}, kind, code)


OUTAGES = {
    "403": _error(403, "AccessDenied", "permission"),
    "429": _error(429, "SlowDown", "throttled"),
    "500": _error(500, "InternalError", "upstream_failing"),
    "503": _error(503, "ServiceUnavailable", "upstream_failing"),
    "broken XML": Outage({"kind": "truncate", "keep": 0.5}, "unreadable", "bad_xml"),
    "timeout": Outage({"kind": "hang", "seconds": 30.0}, "timeout", "timeout", answers=False),
}
"""By what upstream does. A test may wait for all of its tries: `hasty` gives up a silent call after a second."""
