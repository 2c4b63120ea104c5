"""Places for threads that wait for upstream: half of all, so that the other half always answers cached pages."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterator


class Places:
    """Places for threads that wait. A bucket takes another one only while more are free than it holds already.

    So one bucket that does not answer holds half of them at most, two hold three quarters, and a further one still finds
    its own.
    """

    def __init__(self, number: int) -> None:
        self._free = number
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def lend(self, bucket: str) -> Iterator[bool]:
        """Lend a place to a reader of `bucket` while the block runs; tell whether there is one."""
        with self._lock:
            lent = self._held[bucket] < self._free
            if lent:
                self._free -= 1
                self._held[bucket] += 1
        try:
            yield lent
        finally:
            if lent:
                with self._lock:
                    self._free += 1
                    self._held[bucket] -= 1


_places = Places(max(1, settings.WEB_THREADS // 2))


def lend(bucket: str) -> AbstractContextManager[bool]:
    """Lend one of this process's places, as `Places.lend`."""
    return _places.lend(bucket)
