"""What sharing saves: upstream calls of one who scrolls, of a hundred who look at the same, and cached pages under load."""

from __future__ import annotations

import json
import random
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.bench.measure import Client, ready
from tests.bench.stack import BUCKET

if TYPE_CHECKING:
    from tests.bench.measure import Report
    from tests.bench.stack import Stack

ROWS = 1000
LINKS, VIEWERS = 20, 5
MINUTES = 5
REFRESH_SECONDS = 15.0
CLIENTS, LOAD_SECONDS = 64, 10


def scrolling(stack: Stack, report: Report) -> None:
    """One reader who scrolls a thousand rows: a call for each page, and the one page ahead."""
    bucket = stack.new_bucket("scrolled-1250000000", jobs=ROWS * 2, spread=7 * 86_400)
    client = Client(stack.port, stack.cookie)
    path, rows, pages = f"/buckets/{bucket}/jobs.json", 0, 0
    while rows < ROWS:
        twin = json.loads(ready(client, path))
        rows, pages, path = rows + twin["unique"], pages + 1, twin["next"]
    before = -1
    while (calls := len(stack.emulator.calls(bucket))) != before:  # until the page ahead has come
        before = calls
        time.sleep(1.0)
    client.close()
    report.line(f"upstream calls for scrolling {rows:,} rows", calls, pages + 1)


def viewers(stack: Stack, report: Report) -> None:
    """A hundred who look at twenty links, against twenty who look at one each, at the same time on a bucket alike."""
    alone = stack.new_bucket("alone-1250000000", jobs=60, newest=5, moving=True, seed=11)
    shared = stack.new_bucket("shared-1250000000", jobs=60, newest=5, moving=True, seed=11)
    ends = time.monotonic() + MINUTES * 60
    looks = [(alone, link, 0) for link in range(LINKS)]
    looks += [(shared, link, viewer) for link in range(LINKS) for viewer in range(VIEWERS)]

    def look(bucket: str, link: int, viewer: int) -> int:
        """Refresh one link until the end; return how often."""
        chance = random.Random(f"{bucket} {link} {viewer}")
        client = Client(stack.port, stack.cookie)
        path = f"/buckets/{bucket}/jobs/?size=100&range={2000 + link}m"
        # Alone or with others, a link is first opened at the same moment: whoever looks longer needs more calls. And that
        # moment is never a whole number of refreshes before the end, where chance would decide about the last call.
        time.sleep(REFRESH_SECONDS * (0.2 + 0.6 * link / LINKS))
        if viewer:
            time.sleep(chance.uniform(0, REFRESH_SECONDS))  # people don't begin together
        count = 0
        while time.monotonic() < ends:
            ready(client, path)
            count += 1
            # what is measured: a reader who refreshes
            time.sleep(REFRESH_SECONDS + (chance.uniform(0, 0.5) if viewer else 0))
        client.close()
        return count

    with ThreadPoolExecutor(len(looks)) as pool:
        counts = list(pool.map(lambda one: look(*one), looks))
    one = len(stack.emulator.calls(alone))
    many = len(stack.emulator.calls(shared))
    report.line(f"{LINKS} viewers of a link each, {MINUTES} min: looks", sum(counts[:LINKS]), None)
    report.line("    their upstream calls", one, None)
    report.line(f"{LINKS * VIEWERS} viewers of {LINKS} links, {MINUTES} min: looks", sum(counts[LINKS:]), None)
    report.line("    their upstream calls", many, one)


def load(stack: Stack, report: Report) -> None:
    """Cached pages under many clients: nobody waits much longer than the others."""
    path = f"/buckets/{BUCKET}/jobs/?pin="
    first = Client(stack.port, stack.cookie)
    path += json.loads(ready(first, f"/buckets/{BUCKET}/jobs.json"))["pin"]
    ready(first, path)
    start = threading.Barrier(CLIENTS)

    def ask(_: int) -> list[float]:
        client = Client(stack.port, stack.cookie)
        start.wait()
        ends, taken = time.monotonic() + LOAD_SECONDS, []
        while time.monotonic() < ends:
            seconds, status, _body = client.get(path)
            assert status == 200, status
            taken.append(seconds)
        client.close()
        return taken

    with ThreadPoolExecutor(CLIENTS) as pool:
        taken = [seconds for one in pool.map(ask, range(CLIENTS)) for seconds in one]
    median, p99 = statistics.median(taken), statistics.quantiles(taken, n=100)[98]
    report.line(f"cached page under {CLIENTS} clients, median", median * 1000, None, " ms")
    report.line(f"cached page under {CLIENTS} clients, p99 : median", p99 / median, 10)
