"""Ends calls at their deadline, whatever trickles: a socket's own time-out starts anew with every byte.

The thread that shuts a connection and the one that gives it back to the pool could meet. So each call has a second
handle of its connection while it uses it, and both threads take the call's lock: after `let_go` nothing can shut that
connection any more. The handle is a duplicate because the socket object changes under TLS, and because closing it can't
hit a reused descriptor.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque


class Call:
    """One call in flight, until `ends` (seconds of time.monotonic)."""

    def __init__(self, ends: float) -> None:
        self.ends = ends
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None
        self._is_late = False
        self._is_finished = False

    def remaining(self) -> float:
        """Return the seconds left. Raises TimeoutError when there are none."""
        seconds = self.ends - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the deadline has passed")
        return seconds

    def hold(self, connection: socket.socket) -> None:
        """Take a handle of the connection this call uses from now on."""
        handle = socket.fromfd(connection.fileno(), connection.family, connection.type)
        with self._lock:
            self._drop()
            self._handle = handle
            if self._is_late:
                self._shut()

    def let_go(self) -> bool:
        """Give the connection up, before somebody else may have it. Return whether it is still whole."""
        with self._lock:
            self._drop()
            return not self._is_late

    def expire(self) -> None:
        """Shut the connection, unless the call is finished."""
        with self._lock:
            if not self._is_finished:
                self._is_late = True
                self._shut()

    def finish(self) -> bool:
        """End the call. Return whether its deadline came first."""
        with self._lock:
            self._is_finished = True
            self._drop()
            return self._is_late

    def _shut(self) -> None:
        if self._handle is not None:
            with contextlib.suppress(OSError):  # the other side may have been faster
                self._handle.shutdown(socket.SHUT_RDWR)

    def _drop(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None


class Watchdog:
    """One thread that ends every call of a client at its deadline, `seconds` after its start."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._changed = threading.Condition()
        self._calls: deque[Call] = deque()  # equal spans, so the first to begin is the first to end
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def watch(self) -> Call:
        """Begin a call. Its owner calls `finish`."""
        with self._changed:
            call = Call(time.monotonic() + self._seconds)
            self._calls.append(call)
            # After a fork the parent's thread is known but doesn't live.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            self._changed.notify()
        return call

    def close(self) -> None:
        """End the thread. Calls still in flight end by themselves or at their sockets' time-outs."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._calls and not self._is_closed:
                    self._changed.wait()
                if self._is_closed:
                    return
                left = self._calls[0].ends - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                call = self._calls.popleft()
            call.expire()
