"""How the fleet grows: pages a second of one, two and four workers with four threads each, where upstream takes its time."""

from __future__ import annotations

import os
import statistics
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.stack import prepare
from tests.emulators import Emulator
from tests.processes import worker

if TYPE_CHECKING:
    from tests.bench.measure import Report

BUCKETS = tuple(f"scale-{number}-1250000000" for number in range(8))
THREADS = 4
LATENCY = 0.5
WAVES = 10
"""Calls that each thread makes, one after another."""
ROUNDS = 3
BOUNDS = {1: None, 2: 1.8, 4: 3.2}
"""Workers -> how many times the pages a second of one."""


def scale(report: Report) -> None:
    """Measure each number of workers in each round, and take the medians."""
    rounds: dict[int, list[float]] = {workers: [] for workers in BOUNDS}
    os.environ["DATABASE_URL"] = f"sqlite:///{Path(os.environ['VAR_DIR']) / 'scale.sqlite3'}"
    with Emulator(latency=LATENCY) as emulator:
        os.environ["CI_ENDPOINT"] = emulator.endpoint
        for name in BUCKETS:
            emulator.create_bucket(name, jobs=20)
        prepare(BUCKETS)
        for _ in range(ROUNDS):
            for workers in BOUNDS:
                rounds[workers].append(_pages_a_second(emulator, workers))
    rates = {workers: statistics.median(taken) for workers, taken in rounds.items()}
    for workers, bound in BOUNDS.items():
        report.line(f"pages a second, workers: {workers}, median of {ROUNDS}", rates[workers], None)
        if bound:
            report.line(f"pages a second, workers: {workers} : 1", rates[workers] / rates[1], bound, at_least=True)


def _pages_a_second(emulator: Emulator, workers: int) -> float:
    """Let `workers` fetch pages that nobody asked for before; return how many they bring into the cache in a second."""
    from jobs import servers

    for server in (servers.broker(), servers.cache_server()):
        with server.connection() as client:
            client.flushall()
    folder, count = Path(os.environ["VAR_DIR"]), workers * THREADS * WAVES
    with ExitStack() as ending:
        for number in range(workers):
            hand = worker(folder / f"scale-{number}.log", name=f"scale{number}", threads=THREADS)
            ending.callback(hand.stop)
            hand.start()
        emulator.clear_calls()
        _ask(count)
        deadline = time.monotonic() + 60
        while (stored := _stored()) < count:
            assert time.monotonic() < deadline, f"{stored} of {count} pages came"
            time.sleep(0.02)
        ended = time.time()
    calls = emulator.calls()
    assert len(calls) == count, f"{len(calls)} calls for {count} pages"
    return count / (ended - min(call.time for call in calls))


def _stored() -> int:
    """Return how many pages the cache holds."""
    from jobs import servers

    with servers.cache_server().connection() as client:
        return len(set(client.scan_iter(servers.cache_key("page:*"), count=1000)))


def _ask(count: int) -> None:
    """Ask for `count` first pages, of one bucket after another."""
    from jobs import claims, tasks, throttle
    from jobs.filters import JobFilter
    from jobs.records import PageQuestion

    for number in range(count):
        bucket = BUCKETS[number % len(BUCKETS)]
        since = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
        question = PageQuestion(bucket, JobFilter(start=since))
        asking = claims.ask(question.key, throttle.gate(bucket, "default"), lane="person")
        assert asking.outcome == "claimed", asking
        tasks.enqueue_page(question, asking.enqueued_at, "person")
