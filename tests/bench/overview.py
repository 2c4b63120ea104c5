"""All buckets at once: the overview of forty from the cache against the empty page, and cold, under one credential's limit; and
ten in one list against a list of one."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from tests.bench.measure import Client, median_of_rounds, ready
from tests.bench.stack import running

if TYPE_CHECKING:
    from tests.bench.measure import Report
    from tests.bench.stack import Stack

BUCKETS = 40
MERGED = 10
ROUNDS = 5
REQUESTS = 60
RANGES = ("1h", "6h", "3d")
"""Cold is what nobody has asked for yet: each of these once."""
EVERY = 0.1
"""Seconds between two looks, while it is measured when lines appear."""


def overview(report: Report) -> None:
    """Measure cold first: what is asked for there is no part of what is warm then."""
    os.environ["CI_RATE_CREDENTIAL"] = "10"  # the product's own default, which the other parts switch off
    with running() as stack:
        for number in range(BUCKETS - 1):
            stack.new_bucket(f"bench-{number:02}-1250000000", jobs=300, spread=7 * 86_400)
        client = Client(stack.port, stack.cookie)
        cold = [_cold(client, chosen) for chosen in RANGES]
        report.line(
            f"overview of {BUCKETS} buckets, cold: first lines, slowest", max(first for first, _ in cold), 1, " s"
        )
        report.line(f"overview of {BUCKETS} buckets, cold: all lines, slowest", max(last for _, last in cold), 10, " s")
        most = max(len(times) for times in _seconds(stack).values())
        report.line("upstream calls in the busiest second meanwhile", most, None)
        _warm(client, report)
        _merged(client, report)
        client.close()


def _cold(client: Client, chosen: str) -> tuple[float, float]:
    """Return the seconds until the first lines, and until all, are told."""
    time.sleep(3)  # the tokens of the round before come back: a cold morning has them all
    began = time.perf_counter()
    first = 0.0
    while True:
        told = BUCKETS - _missing(client, f"/?range={chosen}")
        now = time.perf_counter() - began
        first = first or (now if told else 0.0)
        if told == BUCKETS:
            return first, now
        assert now < 60, f"{told} of {BUCKETS} after a minute"
        time.sleep(EVERY)


def _missing(client: Client, path: str) -> int:
    _seconds, status, body = client.get(path)
    assert status == 200, status
    return body.count("asking …".encode())


def _seconds(stack: Stack) -> dict[int, list[float]]:
    times: dict[int, list[float]] = {}
    for call in stack.emulator.calls():
        times.setdefault(int(call.time), []).append(call.time)
    return times


def _warm(client: Client, report: Report) -> None:
    path = f"/?range={RANGES[0]}"
    for one in (path, "/bench/empty/") * 20:
        assert client.get(one)[1] == 200
    empty, rows = [], []
    for _ in range(ROUNDS):
        empty.append([client.get("/bench/empty/")[0] for _ in range(REQUESTS)])
        rows.append([client.get(path)[0] for _ in range(REQUESTS)])
    report.line("empty base page, median", median_of_rounds(empty) * 1000, None, " ms")
    report.line(f"overview of {BUCKETS} buckets, warm, median", median_of_rounds(rows) * 1000, None, " ms")
    report.line("overview : empty base page", median_of_rounds(rows) / median_of_rounds(empty), 3)


def _merged(client: Client, report: Report) -> None:
    """A first page of fifty rows of ten buckets, pinned and cached, against that of one."""
    names = sorted([f"bench-{number:02}-1250000000" for number in range(MERGED)])
    single = f"/buckets/{names[0]}/jobs/"
    merged = f"/jobs/?bucket={','.join(names)}"
    for one in (single, merged):
        ready(client, one)
    for one in (single, merged) * 20:
        assert client.get(one)[1] == 200
    of_one, of_ten = [], []
    for _ in range(ROUNDS):
        of_one.append([client.get(single)[0] for _ in range(REQUESTS)])
        of_ten.append([client.get(merged)[0] for _ in range(REQUESTS)])
    report.line("list of one bucket, warm, median", median_of_rounds(of_one) * 1000, None, " ms")
    report.line(f"list of {MERGED} buckets, warm, median", median_of_rounds(of_ten) * 1000, None, " ms")
    report.line(f"list of {MERGED} buckets : list of one", median_of_rounds(of_ten) / median_of_rounds(of_one), 2)
