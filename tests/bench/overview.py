"""All buckets at once: the overview of forty from the cache against the empty page, and cold, under one credential's limit, with
and without ten that misbehave; ten in one list against a list of one; and what five hundred buckets cost."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from tests.bench.measure import Client, median_of_rounds, page_seconds, ready
from tests.bench.stack import running

if TYPE_CHECKING:
    from tests.bench.measure import Report
    from tests.bench.stack import Stack

BUCKETS = 40
PAGE = 50
"""Buckets on a page of the overview."""
LINE = b'<tr id="line-'
ROW = b'id="job-'
"""What each line's and each row's markup has once."""
ROWS = 50
"""Rows of a list whose size nobody chose."""
MERGED = 10
MANY = 500
DENIED = {"kind": "error", "status": 403, "code": "AccessDenied", "message": "Access Denied."}
FAILING = {"kind": "error", "status": 500, "code": "InternalError", "message": "We encountered an internal error."}
MISBEHAVING: tuple[dict[str, Any], ...] = (
    {"faults": (DENIED,)}, {"faults": (DENIED,)}, {"bound": False}, {"bound": False},
    {"faults": (FAILING,)}, {"faults": (FAILING,)},
    {"latency": 3.0}, {"latency": 3.0}, {"latency": 60.0}, {"latency": 60.0},
)  # fmt: skip
"""What is wrong with ten of the forty: refused, not enabled, failing, slow, and never answering."""
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
        _misbehaving(stack, client, report)
        client.close()


def many(report: Report) -> None:
    """Measure five hundred buckets: a page of fifty in order, and the fifty worst, for which all must be known."""
    with running() as stack:
        for number in range(MANY - 1):
            stack.new_bucket(f"many-{number:03}-1250000000", jobs=20, spread=86_400)
        client = Client(stack.port, stack.cookie)
        began = time.perf_counter()
        while not _told(client, "sort=worst")["done"]:
            assert time.perf_counter() - began < 300
            time.sleep(EVERY)
        report.line(f"overview of {MANY} buckets, cold, no limit: all known", time.perf_counter() - began, None, " s")
        for path in ("/", "/?sort=worst", "/bench/empty/") * 5:
            assert client.get(path)[1] == 200
        empty, page, worst = [], [], []
        for _ in range(ROUNDS):
            empty.append([page_seconds(client, "/bench/empty/") for _ in range(REQUESTS)])
            page.append([page_seconds(client, "/", LINE, PAGE) for _ in range(REQUESTS)])
            worst.append([page_seconds(client, "/?sort=worst", LINE, PAGE) for _ in range(REQUESTS // 4)])
        report.line("empty base page, median", median_of_rounds(empty) * 1000, None, " ms")
        report.line(f"fifty of {MANY} buckets, warm, median", median_of_rounds(page) * 1000, None, " ms")
        report.line(f"fifty of {MANY} buckets : empty base page", median_of_rounds(page) / median_of_rounds(empty), 4)
        report.line(f"the worst fifty of {MANY}, warm, median", median_of_rounds(worst) * 1000, 250, " ms")
        client.close()


def _told(client: Client, query: str) -> dict[str, Any]:
    """Return the names of the buckets that have told something, and whether all that can be told is."""
    _seconds, status, body = client.get(f"/buckets.json?{query}")
    assert status == 200, status
    twin = json.loads(body)
    names = {line["name"] for line in twin["buckets"] if not line["pending"]}
    return {"names": names, "done": not twin["pending"]}


def _misbehaving(stack: Stack, client: Client, report: Report) -> None:
    """Ten of the forty are in trouble: when do the other thirty stand there, and when all that can be told?"""
    bad = [f"bench-{number:02}-1250000000" for number in range(len(MISBEHAVING))]
    for name, trouble in zip(bad, MISBEHAVING, strict=True):
        stack.emulator.create_bucket(name, jobs=300, spread=7 * 86_400, **trouble)
    time.sleep(3)  # as before each round
    began = time.perf_counter()
    well = 0.0
    while True:
        told = _told(client, "range=30d")
        now = time.perf_counter() - began
        if not well and len(told["names"] - set(bad)) == BUCKETS - len(bad):
            well = now
        if told["done"]:
            break
        assert now < 60, f"{len(told['names'])} of {BUCKETS} after a minute"
        time.sleep(EVERY)
    report.line(f"{len(bad)} of {BUCKETS} buckets misbehave, cold: the others' lines", well, 10, " s")
    report.line("  and all that can be told, with what is wrong", now, None, " s")


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
        page_seconds(client, one)
    assert not _missing(client, path)
    empty, rows = [], []
    for _ in range(ROUNDS):
        empty.append([page_seconds(client, "/bench/empty/") for _ in range(REQUESTS)])
        rows.append([page_seconds(client, path, LINE, BUCKETS) for _ in range(REQUESTS)])
    report.line("empty base page, median", median_of_rounds(empty) * 1000, None, " ms")
    report.line(f"overview of {BUCKETS} buckets, warm, median", median_of_rounds(rows) * 1000, None, " ms")
    report.line("overview : empty base page", median_of_rounds(rows) / median_of_rounds(empty), 3)


def _merged(client: Client, report: Report) -> None:
    """A first page of fifty rows of ten buckets against that of one, both from the cache."""
    names = sorted([f"bench-{number:02}-1250000000" for number in range(MERGED)])
    single = f"/buckets/{names[0]}/jobs/"
    merged = f"/jobs/?bucket={','.join(names)}"
    ready(client, single)
    began = time.perf_counter()
    while not _all_take_part(client, ",".join(names)):
        assert time.perf_counter() - began < 60, "a bucket takes no part"
        time.sleep(EVERY)
    for one in (single, merged) * 20:
        page_seconds(client, one, ROW, ROWS)
    of_one, of_ten = [], []
    for _ in range(ROUNDS):
        of_one.append([page_seconds(client, single, ROW, ROWS) for _ in range(REQUESTS)])
        of_ten.append([page_seconds(client, merged, ROW, ROWS) for _ in range(REQUESTS)])
    assert _all_take_part(client, ",".join(names))
    report.line("list of one bucket, warm, median", median_of_rounds(of_one) * 1000, None, " ms")
    report.line(f"list of {MERGED} buckets, warm, median", median_of_rounds(of_ten) * 1000, None, " ms")
    report.line(f"list of {MERGED} buckets : list of one", median_of_rounds(of_ten) / median_of_rounds(of_one), 2)


def _all_take_part(client: Client, names: str) -> bool:
    """Tell whether no bucket of a merged list is late or in trouble."""
    twin = json.loads(ready(client, f"/jobs.json?bucket={names}"))
    return not any(bucket["late"] or bucket["left_out"] or bucket["problem"] for bucket in twin["buckets"])
