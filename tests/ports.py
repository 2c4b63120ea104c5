"""Ports of the loopback: free ones, from a share that no other process of a test run has, and one that never answers."""

from __future__ import annotations

import contextlib
import os
import random
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

RANGE = range(20_000, 32_000)
"""Below those that a system gives to whoever connects, or listens without naming a port."""


def _share() -> list[int]:
    """Return this process's ports, in an order that a second run on this machine does not have."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    mine = list(RANGE[worker::workers])
    random.Random(os.urandom(8)).shuffle(mine)
    return mine


_ports = _share()


def free_port() -> int:
    """Return a port that nobody listens on, each at most once until all have had their turn.

    What is started on it listens only later, and what is ended there stays away. If both test processes had their
    ports from the system, one would now and then get the other's meanwhile: its tests would read a stranger's site, or
    find a server alive that they had killed.
    """
    for _ in range(len(_ports)):
        port = _ports.pop()
        _ports.insert(0, port)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no port of {RANGE} is free")


@contextlib.contextmanager
def black_hole(host: str = "127.0.0.1", port: int = 0) -> Iterator[tuple[str, int]]:
    """An address at which connecting never ends: its queue is full and nobody accepts, so the kernel drops what comes."""
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.socket())
        listener.bind((host, port))
        listener.listen(0)
        address = listener.getsockname()
        while True:
            filler = opened.enter_context(socket.socket())
            filler.settimeout(0.2)
            try:
                filler.connect(address)
            except TimeoutError:
                break
        yield address
