"""Celery's queues on the broker: which lane waits in which, what waits there, and a worker that takes nothing of it."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings

from jobs import servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jobs.claims import Lane

logger = logging.getLogger(__name__)

AT_ONCE: dict[str, Any] = {"retry": True, "retry_policy": {"max_retries": 0}}
"""While the broker is down enqueueing fails at once: whoever waits is told instead of kept."""

QUEUES: dict[Lane, str] = {
    "person": "page",
    "refresh": "page",
    "overview": "ahead",
    "ahead": "ahead",
    "walk": "walk",
}
"""Lane -> the queue in which its fetches wait, or the steps of its walks."""

MOST_READ = 500
"""Messages of a queue that are looked at to find each lane's oldest."""

DEAF_BEATS = 6
"""Looks, one a second, at which tasks wait and this worker takes none, after which it counts as deaf."""


def key_of(queue: str) -> str:
    """Return the broker's key of a queue: Celery puts the release's version before it (global_keyprefix)."""
    return f"{settings.CACHE_VERSION}:{queue}"


def lanes_by_queue() -> dict[str, str]:
    """Return each queue's lanes, in words: those who share one can't be told apart while they wait in it."""
    names = sorted(set(QUEUES.values()))
    return {name: " and ".join(lane for lane, queue in QUEUES.items() if queue == name) for name in names}


@dataclass(frozen=True, slots=True)
class Queued:
    """What waits in one queue: how many tasks, and seconds since the oldest of them was enqueued."""

    length: int
    age: float


def queued() -> dict[str, Queued]:
    """Return what waits in each queue, by name. What a worker has taken but not begun is not among it.

    Raises:
        ServerDown: the broker can't be reached.
    """
    names = sorted(set(QUEUES.values()))
    with servers.broker().connection() as client:
        pipeline = client.pipeline(transaction=False)
        pipeline.time()
        for name in names:
            pipeline.llen(key_of(name))
            pipeline.lindex(key_of(name), -1)  # Kombu puts new messages to the left.
        (seconds, micros), *found = cast("Any", pipeline.execute())
    now = seconds * 1000 + micros / 1000
    return {
        name: Queued(length, _age(oldest, now))
        for name, length, oldest in zip(names, found[::2], found[1::2], strict=True)
    }


def lane_ages() -> dict[Lane, float]:
    """Return seconds since the oldest task of each lane was enqueued that no worker has taken, 0 where none waits.

    Of a queue that several lanes share, the MOST_READ oldest messages are looked at: a lane that isn't among them is told to be
    as old as the youngest of those, which it is at most.

    Raises:
        ServerDown: the broker can't be reached.
    """
    names = sorted(set(QUEUES.values()))
    with servers.broker().connection() as client:
        pipeline = client.pipeline(transaction=False)
        pipeline.time()
        for name in names:
            pipeline.lrange(key_of(name), -MOST_READ if _lanes_of(name)[1:] else -1, -1)
        (seconds, micros), *found = cast("Any", pipeline.execute())
    now = seconds * 1000 + micros / 1000
    ages: dict[Lane, float] = {}
    for name, messages in zip(names, found, strict=True):
        lanes = _lanes_of(name)
        oldest_first = [(_lane(message) or lanes[0], _age(message, now)) for message in reversed(messages)]
        unseen = oldest_first[-1][1] if len(messages) == MOST_READ else 0.0
        for lane in lanes:
            ages[lane] = next((age for its_lane, age in oldest_first if its_lane == lane), unseen)
    return ages


def _lanes_of(queue: str) -> list[Lane]:
    return [lane for lane, its_queue in QUEUES.items() if its_queue == queue]


def _named(message: bytes) -> dict[str, Any]:
    """Return a task's arguments by name, none for a stranger's message."""
    with suppress(TypeError, ValueError, KeyError, IndexError):
        _arguments, named, *_ = json.loads(base64.b64decode(json.loads(message)["body"]))
        return dict(named)
    return {}


def _lane(message: bytes) -> str:
    """Return the lane that one of our messages names, "" where its queue says it."""
    return str(_named(message).get("lane", ""))


def _age(message: bytes | None, now: float) -> float:
    """Return the age in seconds of one of our messages, 0 for none and for a stranger's."""
    with suppress(TypeError, ValueError, KeyError):
        if message:
            return max(0.0, (now - float(_named(message)["enqueued_at"])) / 1000)
    return 0.0


class Hearing:
    """Notices that this worker is deaf: tasks wait in its queues, it runs none, and it takes none.

    Its process may live and beat on while its connection to the broker is gone or asleep. Whoever supervises it starts it
    anew once it ends.
    """

    def __init__(self, queues: Iterable[str], end: Callable[[], object]) -> None:
        self._queues = tuple(queues)
        self._end = end
        self._lock = threading.Lock()
        self._running = 0
        self._beats = 0
        self._checked_at = 0.0

    def take(self) -> None:
        """Say that a task begins."""
        with self._lock:
            self._running += 1
            self._beats = 0

    def give(self) -> None:
        """Say that a task has ended."""
        with self._lock:
            self._running -= 1

    def check(self) -> None:
        """Look whether tasks wait, once a second; end the process at the DEAF_BEATS-th look in a row that finds it deaf.

        Raises:
            ServerDown: the broker can't be reached; then nobody could hear anything.
        """
        with servers.broker().connection() as client:
            waiting = any(client.llen(key_of(queue)) for queue in self._queues)
        now = time.monotonic()
        with self._lock:
            in_a_row = now - self._checked_at < DEAF_BEATS
            self._checked_at = now
            self._beats = (self._beats if in_a_row else 0) + 1 if waiting and not self._running else 0
            is_deaf = self._beats >= DEAF_BEATS
        if is_deaf:
            logger.critical("this worker takes no task though some have waited for %d s; it ends", DEAF_BEATS)
            self._end()
