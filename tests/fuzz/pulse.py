"""Tells a slow machine from a site that fails: whether everything around it stood still at that moment, too."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

import redis

if TYPE_CHECKING:
    from collections.abc import Sequence

BEAT = 0.1
"""Seconds between two beats."""
STALL = 0.4
"""Seconds that a beat is late, or that a Redis takes for a PING, from which on the product may give something up: it waits half a
second for a connection to a Redis."""
BEFORE = 6.0
"""Seconds for which a stall may be felt: a call to upstream that it struck is given up after five."""


class Pulse:
    """A thread that does next to nothing each tenth of a second, and notes when even that took long."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls
        self._stalls: list[float] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *trouble: object) -> None:
        self._ending.set()
        self._thread.join(5)

    def _beat(self) -> None:
        with ExitStack() as opened:
            clients = [opened.enter_context(redis.Redis.from_url(url)) for url in self._urls]
            due = time.monotonic() + BEAT
            while not self._ending.wait(max(0.0, due - time.monotonic())):
                for client in clients:
                    client.ping()
                now = time.monotonic()
                if now - due > STALL:
                    self._stalls.append(now)
                due = now + BEAT

    def stalled(self, since: float) -> bool:
        """Tell whether the machine stood still at a moment that somebody may have felt who asked at `since` (monotonic)."""
        if self._stalls and self._stalls[-1] >= since - BEFORE:
            return True
        # One that is under way will be noted once it is over.
        time.sleep(2 * BEAT)
        return bool(self._stalls) and self._stalls[-1] >= since - BEFORE
