"""The journal: every call that reached the emulator, for tests to look at.

Alone responsible for remembering calls within bounds (the last 2,000 calls, counters of the last ten minutes).
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

KEPT_CALLS = 2_000
KEPT_SECONDS = 600


@dataclass
class Call:
    """One call. `status` is 0 until it is answered (a hanging one stays 0).

    `ids` are the JobIds sent, `states` their states in the same order, both comma-separated.
    """

    number: int
    time: float
    bucket: str
    region: str
    method: str
    path: str
    query: list[tuple[str, str]]
    credential: str
    in_flight: int
    status: int = 0
    code: str = ""
    request_id: str = ""
    ids: str = ""
    states: str = ""
    faults: list[str] = field(default_factory=list)
    seconds: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "time": self.time,
            "bucket": self.bucket,
            "region": self.region,
            "method": self.method,
            "path": self.path,
            "query": [list(pair) for pair in self.query],
            "credential": self.credential,
            "in_flight": self.in_flight,
            "status": self.status,
            "code": self.code,
            "request_id": self.request_id,
            "ids": self.ids.split(",") if self.ids else [],
            "states": self.states.split(",") if self.ids else [],
            "faults": self.faults,
            "seconds": self.seconds,
        }


class Journal:
    """Thread-safe. Times are the emulator's clock, unix seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, str] = {}  # number to bucket of the calls that are not answered
        self._number = 0
        self._calls: deque[Call] = deque(maxlen=KEPT_CALLS)
        self._counts: dict[int, Counter[str]] = {}

    def reset(self) -> None:
        """Forget everything, calls in flight too; numbers go on."""
        self.clear()
        with self._lock:
            self._open.clear()

    def clear(self) -> None:
        """Forget calls and counters; numbers go on, calls in flight stay counted."""
        with self._lock:
            self._calls.clear()
            self._counts.clear()

    def begin(self, *, now: float, bucket: str, region: str, method: str, path: str, query: list[tuple[str, str]],
              credential: str) -> Call:  # fmt: skip
        """Write down a call that came in; `in_flight` counts the bucket's calls that are not answered, with this one."""
        with self._lock:
            self._number += 1
            self._open[self._number] = bucket
            in_flight = sum(one == bucket for one in self._open.values())
            call = Call(self._number, now, bucket, region, method, path, query, credential, in_flight)
            self._calls.append(call)
            second = int(now)
            if second not in self._counts and len(self._counts) >= KEPT_SECONDS:
                del self._counts[min(self._counts)]
            self._counts.setdefault(second, Counter())[bucket] += 1
            return call

    def end(self, call: Call, now: float) -> None:
        """Write down that a call is answered; only the first time counts."""
        with self._lock:
            self._open.pop(call.number, None)
            if call.seconds is None:
                call.seconds = now - call.time

    def calls(self, since: int = 0, bucket: str = "") -> list[dict[str, Any]]:
        """Calls with a number above `since`, oldest first."""
        with self._lock:
            return [
                call.as_dict() for call in self._calls if call.number > since and (not bucket or call.bucket == bucket)
            ]

    def counts(self) -> dict[str, dict[str, int]]:
        """Second (unix) to bucket to number of calls."""
        with self._lock:
            return {str(second): dict(count) for second, count in sorted(self._counts.items())}
