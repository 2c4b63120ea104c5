"""What sharing saves: upstream calls of one who scrolls, of a hundred who look at the same, and cached pages under load."""

from __future__ import annotations

import json
import random
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bs4 import BeautifulSoup, Tag

from tests.bench.measure import Client, again_in, ready
from tests.bench.stack import BUCKET

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.measure import Report
    from tests.bench.stack import Stack

ROWS = 1000
RUNNING_IN = 30
"""Jobs among which one is still running, or fewer."""
LINKS, VIEWERS = 20, 5
MINUTES = 5
REFRESH_SECONDS = 15.0
CLIENTS, LOAD_SECONDS = 64, 10


def scrolling(stack: Stack, report: Report) -> None:
    """One reader who scrolls a thousand rows: a call for each page, and the one page ahead.

    Where jobs can leave, the list goes on by creation time, and each page begins with rows that were there before; a browser
    asks by its sentinel, and waits before it asks again.
    """
    readers: dict[str, tuple[str, int, Callable[[Client, str], tuple[int, int]]]] = {
        "a list": ("", ROWS * 2, scroll_twins),
        "running jobs": ("?states=Running", ROWS * RUNNING_IN, scroll_twins),
        "a list in a browser": ("", ROWS * 2, scroll_pages),
    }
    for number, (what, (query, jobs, scroll)) in enumerate(readers.items()):
        bucket = stack.new_bucket(f"scrolled-{number}-1250000000", jobs=jobs, spread=7 * 86_400)
        client = Client(stack.port, stack.cookie)
        rows, pages = scroll(client, f"/buckets/{bucket}/jobs/{query}")
        before = -1
        while (calls := len(stack.emulator.calls(bucket))) != before:  # until the page ahead has come
            before = calls
            time.sleep(1.0)
        client.close()
        assert rows >= ROWS, f"{what}: {rows} rows in {pages} pages"
        report.line(f"upstream calls for scrolling {rows:,} rows of {what}", calls, pages + 1)


def scroll_twins(client: Client, path: str) -> tuple[int, int]:
    """Read a list by its twins until there are enough rows; return how many rows and pages that were."""
    following, rows, pages = path.replace("/jobs/", "/jobs.json"), 0, 0
    while following and rows < ROWS:
        twin = json.loads(ready(client, following))
        rows, pages, following = rows + twin["unique"], pages + 1, twin["next"]
    return rows, pages


def scroll_pages(client: Client, path: str) -> tuple[int, int]:
    """Read a list as a browser does that keeps no list live: each sentinel asks for what follows, in place of itself.

    Returns how many rows and pages that were. A sentinel that waits for a click is clicked; one whose document is full leads
    to the next one.
    """
    address, rows, pages = path, 0, 0
    tree = BeautifulSoup(ready(client, path, as_browser=True), "html.parser")
    while True:
        rows, pages = rows + len(tree.select('tr[id^="job-"]')), pages + 1
        following = tree.select_one("#more")
        if rows >= ROWS or following is None or following.select_one("a[rel=next]") is None:
            return rows, pages
        if "hx-get" in following.attrs:
            tree = _sentinel(client, following, address)
        else:
            address = str(following.select("a[rel=next]")[0]["href"])
            tree = BeautifulSoup(ready(client, address, as_browser=True), "html.parser")


def _sentinel(client: Client, asking: Tag, address: str) -> BeautifulSoup:
    """Return what comes in place of a sentinel, which asks as often as it says itself while that is pending."""
    deadline = time.monotonic() + 30
    while True:
        headers = {
            "HX-Request": "true",
            "HX-Target": "more",
            "HX-Current-URL": address,
            **json.loads(str(asking["hx-headers"])),
        }
        _seconds, status, body = client.get(str(asking["hx-get"]), headers)
        tree = BeautifulSoup(body, "html.parser")
        if status == 200 and tree.select_one("#more[data-pending]") is None:
            return tree
        assert status in (200, 202), (status, asking["hx-get"])
        assert time.monotonic() < deadline, asking["hx-get"]
        time.sleep(again_in(body))
        asking = tree.select("#more")[0]


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
