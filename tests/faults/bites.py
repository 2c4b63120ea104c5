"""Proofs that a fault struck: a promise kept under a fault that never came is none."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.canaries import redis_texts
from tests.faults.names import NAMES_MISLED
from tests.faults.site import WORKERS, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.emulators import Call
    from tests.faults.site import Site, Valkey

AT_ONCE = 5.0
"""Seconds within which what the harness does itself must be seen."""
FELT_WITHIN = 5.0
"""Seconds that the site has, beyond the outage, to walk into a fault that waits for it."""


class DidNotBiteError(AssertionError):
    """A fault did not come into force; the text says what was missing."""


def must(holds: object, missing: str) -> None:
    """Go on only if something holds.

    Raises:
        DidNotBiteError: it does not.
    """
    if not holds:
        raise DidNotBiteError(missing)


# Processes ---------------------------------------------------------------------------------------------------------------


def state_of(pid: int) -> str:
    """Return the state of a process in one letter, as /proc tells it (T is stopped, Z a zombie), "" if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return ""


def kill_worker(site: Site, name: str) -> None:
    """Kill one worker and see that it is gone."""
    pid = site.workers().get(name)
    must(pid, f"no worker {name} runs")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    must(wait_for(lambda: state_of(pid) in ("", "Z"), AT_ONCE), f"worker {name} lives on")


def stop_workers(site: Site, names: Iterable[str] = WORKERS) -> dict[str, int]:
    """Stop workers, see that each is, and return their process ids."""
    stopped = {}
    for name in names:
        pid = site.workers().get(name)
        must(pid, f"no worker {name} runs")
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        stopped[name] = pid
    must_be_stopped(stopped.values())
    return stopped


def must_be_stopped(pids: Iterable[int]) -> None:
    """Raise DidNotBiteError unless these processes are all stopped."""
    for pid in pids:
        must(wait_for(partial(_is_stopped, pid), AT_ONCE), f"process {pid} is not stopped")


def _is_stopped(pid: int) -> bool:
    return state_of(pid) == "T"


def hang(server: Valkey) -> None:
    """Stop a Redis server and see that it is."""
    server.signal(signal.SIGSTOP)
    must_be_stopped([server.pid])


# Servers -----------------------------------------------------------------------------------------------------------------


def refusals(server: Valkey, code: str) -> int:
    """Return how many commands a Redis server has answered with this error, such as OOM, since it was started."""
    counted = server.info("errorstats").get(f"errorstat_{code}")
    return int(counted["count"]) if counted else 0


@contextmanager
def refused(server: Valkey, code: str) -> Iterator[None]:
    """See that a Redis server refuses something to the site meanwhile, with this error."""
    before = refusals(server, code)
    yield
    must(wait_for(lambda: refusals(server, code) > before, FELT_WITHIN), f"nothing was refused with {code}")


def is_down(port: int) -> bool:
    """Tell whether nobody listens on this port."""
    try:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=2)):
            return False
    except OSError:
        return True


def must_be_down(port: int) -> None:
    """Raise DidNotBiteError if somebody listens on this port."""
    must(is_down(port), f"somebody listens on port {port}")


# Upstream ----------------------------------------------------------------------------------------------------------------


class Struck:
    """Waits for calls in upstream's journal, from now on."""

    def __init__(self, site: Site) -> None:
        self._emulator = site.upstream.emulator
        self._since = max((call.number for call in self._emulator.calls()), default=0)

    def calls(self, bucket: str = "") -> list[Call]:
        """Return the calls since, of a bucket or of all."""
        return self._emulator.calls(bucket, since=self._since)

    def first(self, bucket: str, is_one: Callable[[Call], bool]) -> list[Call]:
        """Return the first such calls of a bucket, once there are some.

        Raises:
            DidNotBiteError: none comes soon.
        """
        found: list[Call] = []

        def look() -> list[Call]:
            found[:] = filter(is_one, self.calls(bucket))
            return found

        must(wait_for(look, FELT_WITHIN), "no call came")
        return found

    def same(self, calls: Iterable[Call]) -> list[Call]:
        """Return what the journal says of these calls by now."""
        numbers = {call.number for call in calls}
        return [call for call in self.calls() if call.number in numbers]


@contextmanager
def looked_up(site: Site) -> Iterator[None]:
    """See that a worker looks upstream's name up meanwhile, in vain or in the wrong place."""
    file = site.folder / NAMES_MISLED

    def count() -> int:
        return file.stat().st_size if file.exists() else 0

    before = count()
    yield
    must(wait_for(lambda: count() > before, FELT_WITHIN), "nobody looked upstream's name up")


def is_stored(server: Valkey, request_id: str) -> bool:
    """Tell whether something made of this answer of upstream's stands in a Redis."""
    return any(request_id in text for text in redis_texts(server.url))
