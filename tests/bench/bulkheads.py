"""What a bucket that never answers costs the others, while forty people open links to lists of it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from http import HTTPStatus
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
LIMITS = ("CI_RATE_BUCKET", "CI_RATE_CREDENTIAL")
PAUSE = 0.2
"""Seconds between cold pages of one who keeps to a limit: each is two calls, the page's and that of the one ahead."""
LIST = f"/buckets/{BUCKET}/jobs/"


def bulkheads(report: Report) -> None:
    """Measure where no limit stands between the crowd and the workers."""
    _measure(report, pause=0.0)


def limited(report: Report) -> None:
    """Measure under the rates that a site has whose operator set none. Nobody's misses are counted here either."""
    for name in LIMITS:
        del os.environ[name]
    _measure(report, pause=PAUSE)


def _measure(report: Report, *, pause: float) -> None:
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
                        time.sleep(pause)
                    cold[crowded].append(taken)
                    cached[crowded].append([_cached(client) for _ in range(CACHED)])
                    if crowded:
                        assert _silent_calls(stack), "the silent bucket was not asked"
        client.close()
    for name, of_rounds in (("median", median_of_rounds), ("95th percentile", _late)):
        alone, beside = of_rounds(cold[False]) * 1000, of_rounds(cold[True]) * 1000
        report.line(f"cold page, {name}", alone, None, " ms")
        report.line(f"cold page beside 40 links to a silent bucket, longer by, {name}", beside - alone, 100, " ms")
        alone, beside = of_rounds(cached[False]) * 1000, of_rounds(cached[True]) * 1000
        report.line(f"cached page, {name}", alone, None, " ms")
        report.line(f"cached page beside 40 links to a silent bucket : alone, {name}", beside / alone, 2)


def _cached(client: Client) -> float:
    """Return the seconds of a page; an answer in trouble may be quicker, so it is none to measure."""
    seconds, status, body = client.get(LIST)
    assert status == HTTPStatus.OK, (status, body[:500])
    return seconds


def _silent_calls(stack: Stack) -> bool:
    """Tell whether the silent bucket is being asked."""
    return any(call.seconds is None for call in stack.emulator.calls(SILENT))


def _late(rounds: list[list[float]]) -> float:
    """Return what nineteen of twenty requests of all rounds took at most."""
    return statistics.quantiles([taken for one in rounds for taken in one], n=20)[-1]


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
    while _silent_calls(stack):
        assert time.monotonic() < deadline, "the silent bucket is still being asked"
        time.sleep(0.05)
    yield
