"""CI's time: the broker's clock plus an offset learned from upstream's `Date` headers.

Pins, signatures, ages and deadlines use it, never a machine's own clock. Each process asks the broker once a second and
counts on by its monotonic clock in between.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from jobs import servers

if TYPE_CHECKING:
    from collections.abc import Iterator

OFFSET_KEY = "clock:offset"
SYNC_EVERY = 1.0
TOLERANCE = 2.0
"""Seconds by which CI's clock may differ from ours before the offset is changed; `Date` has whole seconds."""
BELIEVED = 86_400.0
"""Seconds by which it may differ at most. One answer with a mad `Date` must not move the clock that all buckets share."""


def is_wrong(skew: float, offset: float) -> bool:
    """Tell whether a clock with `offset` that is `skew` behind upstream's wants correcting (both in seconds)."""
    return abs(skew) > TOLERANCE and abs(offset + skew) <= BELIEVED


class Clock:
    """CI's time in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._base: float | None = None
        self._synced_at = float("-inf")
        self._offset = 0.0

    @property
    def offset(self) -> float:
        """The offset that `now()` counts with, in seconds."""
        return self._offset

    def now(self) -> float:
        """Return CI's time in unix seconds; fails as `broker_time`."""
        return self.broker_time() + self._offset

    def broker_time(self) -> float:
        """Return the broker's time in unix seconds, by which everything in its queues is counted.

        While the broker is away the last known time is counted on.

        Raises:
            ServerDown: the broker was never reached by this process.
        """
        base = self._base
        if base is None or time.monotonic() - self._synced_at > SYNC_EVERY:
            try:
                base = self._sync()
            except servers.ServerDown:
                if base is None:
                    raise
        return base + time.monotonic()

    def _sync(self) -> float:
        # Without the lock every waiting thread would ask at once; one asks, the others use the last base.
        if not self._lock.acquire(blocking=self._base is None):
            return cast("float", self._base)
        try:
            if time.monotonic() - self._synced_at <= SYNC_EVERY and self._base is not None:
                return self._base
            self._synced_at = time.monotonic()
            with servers.broker().connection() as client:
                pipeline = client.pipeline(transaction=False)
                pipeline.time()
                pipeline.get(OFFSET_KEY)
                (seconds, micros), offset = cast("Any", pipeline.execute())
            self._offset = float(offset or 0)
            self._base = seconds + micros / 1e6 - time.monotonic()
            return self._base
        finally:
            self._lock.release()

    def learn(self, skew: float, offset: float) -> bool:
        """Correct the shared offset, and return when every process counts with it.

        Else what the caller stores next would lie in the future of a process that still counts with the old offset, which
        would refuse a link to it, or an hour in its past, and be asked again.

        Args:
            skew: seconds by which upstream's `Date` was ahead of `now()`.
            offset: the offset in force when the skew was measured. Two workers that find the same skew at once then set
                the same offset, instead of adding it twice.

        Returns whether the skew was more than the tolerance and can be believed, so that something changed.

        Raises:
            ServerDown: the broker can't be reached.
        """
        if not is_wrong(skew, offset):
            return False
        with servers.broker().connection() as client:
            client.set(OFFSET_KEY, repr(offset + skew))
        time.sleep(SYNC_EVERY)  # there is nothing to be woken by: each process asks the broker so often
        self._synced_at = float("-inf")
        return True


_clock = Clock()
_supposed: ContextVar[float | None] = ContextVar("supposed", default=None)


def now() -> float:
    """Return CI's time in unix seconds, as `Clock.now`, or by what this thread supposes."""
    supposed_offset = _supposed.get()
    return _clock.now() if supposed_offset is None else _clock.broker_time() + supposed_offset


@contextmanager
def supposed(offset: float) -> Iterator[None]:
    """Let this thread alone count with an `offset` (seconds) that nothing has proven yet."""
    token = _supposed.set(offset)
    try:
        yield
    finally:
        _supposed.reset(token)


def broker_time() -> float:
    """Return the broker's time in unix seconds, as `Clock.broker_time`."""
    return _clock.broker_time()


def offset() -> float:
    """Return the offset that `now()` counts with, in seconds."""
    return _clock.offset


def learn(skew: float, offset: float) -> bool:
    """Correct the offset for every process, as `Clock.learn`."""
    return _clock.learn(skew, offset)
