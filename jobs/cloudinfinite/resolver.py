"""Resolves names in a few threads of their own: getaddrinfo knows no deadline, and one that hangs may hold nobody up."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeAlias

THREADS = 4
Addresses: TypeAlias = "Sequence[tuple[Any, ...]]"  # as getaddrinfo returns them
Lookup: TypeAlias = "Callable[..., Addresses]"


class Resolver:
    """Resolves host names, each once at a time however many ask, in at most `THREADS` threads.

    `lookup` has getaddrinfo's signature. The threads are daemons: one that hangs doesn't keep the process from ending.
    """

    def __init__(self, lookup: Lookup = socket.getaddrinfo) -> None:
        self._lookup = lookup
        self._lock = threading.Lock()
        self._asked: dict[tuple[str, int], Future[Addresses]] = {}
        self._waiting: queue.SimpleQueue[tuple[str, int] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def addresses(self, host: str, port: int, seconds: float) -> Addresses:
        """Return the addresses of `host`.

        Raises TimeoutError after `seconds`, else what the lookup raised (socket.gaierror).
        """
        key = (host, port)
        with self._lock:
            answer = self._asked.get(key)
            if answer is None:
                answer = self._asked[key] = Future()
                self._waiting.put(key)
                self._start_thread()
        return answer.result(timeout=seconds)

    def close(self) -> None:
        """Let the threads end."""
        with self._lock:
            for _ in self._threads:
                self._waiting.put(None)

    def _start_thread(self) -> None:
        # After a fork the parent's threads are listed but don't live.
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if len(self._threads) < THREADS:
            thread = threading.Thread(target=self._run, name="resolver", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self) -> None:
        while (key := self._waiting.get()) is not None:
            try:
                found: Addresses | Exception = self._lookup(*key, type=socket.SOCK_STREAM)
            except (OSError, ValueError) as error:  # ValueError: a name that IDNA doesn't take
                found = error
            with self._lock:
                answer = self._asked.pop(key)
            if isinstance(found, Exception):
                answer.set_exception(found)
            else:
                answer.set_result(found)
