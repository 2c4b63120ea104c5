"""What a bucket that never answers costs the others, while forty people open links to lists of it."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.bench.measure import Client, Report, median_of_rounds, ready
from tests.bench.stack import BUCKET, Stack, running
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SILENT = "silent-1250000000"
ROUNDS = 4
COLD, CACHED = 12, 60
"""Requests in a round."""
LIST = f"/buckets/{BUCKET}/jobs/"


def bulkheads(report: Report) -> None:
    """Measure with and without the crowd, in turn."""
    with running(SILENT) as stack:
        stack.emulator.create_bucket(SILENT, jobs=20, faults=({"kind": "hang", "seconds": 60.0},))
        client = Client(stack.port, stack.cookie)
        ready(client, LIST)
        cold: dict[bool, list[list[float]]] = {False: [], True: []}
        cached: dict[bool, list[list[float]]] = {False: [], True: []}
        number = 0
        for _ in range(ROUNDS):
            for crowded in (False, True):
                with _crowd(stack) if crowded else _quiet(stack):
                    taken = []
                    for _ in range(COLD):
                        number += 1
                        began = time.perf_counter()
                        ready(client, f"{LIST}?range={200_000 + number}m", as_browser=True)
                        taken.append(time.perf_counter() - began)
                    cold[crowded].append(taken)
                    cached[crowded].append([client.get(LIST)[0] for _ in range(CACHED)])
        client.close()
    alone, beside = median_of_rounds(cold[False]) * 1000, median_of_rounds(cold[True]) * 1000
    report.line("cold page, median", alone, None, " ms")
    report.line("cold page beside 40 links to a silent bucket, longer by, median", beside - alone, 100, " ms")
    alone, beside = median_of_rounds(cached[False]) * 1000, median_of_rounds(cached[True]) * 1000
    report.line("cached page, median", alone, None, " ms")
    report.line("cached page beside 40 links to a silent bucket : alone, median", beside / alone, 2)


@contextmanager
def _crowd(stack: Stack) -> Iterator[None]:
    """Let the crowd ask, from a process of its own, once all of it has asked."""
    command = [sys.executable, "-m", "tests.bench.crowd", str(stack.port), stack.cookie, SILENT]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"all have asked\n"
        yield
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _quiet(stack: Stack) -> Iterator[None]:
    """Wait until nothing is left of the crowd."""
    deadline = time.monotonic() + 30
    while any(call.seconds is None for call in stack.emulator.calls(SILENT)):
        assert time.monotonic() < deadline, "the silent bucket is still being asked"
        time.sleep(0.05)
    yield
