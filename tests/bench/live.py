"""What a live list costs upstream: one who leaves it open for five minutes, and fifty who look at the same link.

A viewer here stands for a browser whose person opened the list and looks at its first rows: it opens the page, sends the
ticks that `static/js/tick.js` would (every open row of the first page, and each that is marked as having left), and keeps
its rows up to date by the answers. It is a plain HTTP client, as fifty browsers would measure this machine.
"""

from __future__ import annotations

import html
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from jobs.cloudinfinite.emulator import DEMO_BUCKETS
from tests.bench.measure import Client, ready
from tests.bench.stack import running

if TYPE_CHECKING:
    from tests.bench.measure import Report
    from tests.bench.stack import Stack

SECONDS = 300
EVERY = 15
LATE = 0.1
"""Seconds by which a tick comes later than it may: tick.js looks at its clock each second. So no page that a tick asks for is
fresh by a hair, and one viewer asks upstream as often as can be."""
VIEWERS = 50
COMING_SECONDS = 60
"""In which the fifty open the link, one after another: their first pages differ by what has arrived meanwhile."""
MOST_CALLS = 2 + 2 * SECONDS // EVERY
"""The first page and the one ahead of it, and two calls a tick."""
LINKS = {"": "all jobs", "states=Submitted,Running": "open jobs"}
"""A link's query, and what it shows. From the second one, rows leave."""

FINAL = {"Success", "Failed", "Cancel"}
MOST_ROWS = 100
ROW = re.compile(r'<tr id="job-([^"]*)"([^>]*)>(.*?)</tr>', re.DOTALL)
STATE = re.compile(r'data-state="([^"]*)"')
CREATED = re.compile(r'<td class="when"><time datetime="([^"]*)"')
TICK = re.compile(r'data-tick="([^"]*)" data-every="(\d+)"')


class Viewer:
    """One open page. `ticks` counts the ticks that were answered."""

    def __init__(self, stack: Stack, path: str) -> None:
        self._client = Client(stack.port, stack.cookie)
        page = ready(self._client, path, as_browser=True).decode()
        found = TICK.search(page)
        assert found, page
        self._tick, every = html.unescape(found[1]), int(found[2])
        assert every == EVERY, every
        self._rows: dict[str, tuple[str, str, bool]] = {}
        self._take(page)
        self.ticks = 0

    def look(self, until: float) -> int:
        """Tick until that moment of the monotonic clock, leave, and return the number of ticks."""
        at = time.monotonic() + EVERY + LATE
        while at <= until:
            time.sleep(max(0.0, at - time.monotonic()))
            _seconds, status, body = self._client.get(f"{self._tick}&rows={quote(self._told(), safe='')}")
            assert status == 200, status
            self._take(body.decode())
            self.ticks += 1
            at += EVERY + LATE
        self._client.close()
        return self.ticks

    def _take(self, page: str) -> None:
        """Read the rows of a page, or those that an answer puts in the place of others."""
        for job_id, attributes, cells in ROW.findall(page):
            state, created = STATE.search(attributes), CREATED.search(cells)
            assert state, attributes
            seconds = str(int(datetime.fromisoformat(created[1]).timestamp())) if created else ""
            self._rows[html.unescape(job_id)] = html.unescape(state[1]), seconds, 'class="left"' in attributes

    def _told(self) -> str:
        """Return the rows that may still change, as tick.js writes them."""
        rows = []
        for job_id, (state, created, left) in self._rows.items():
            if state not in FINAL or left:
                parts = [job_id, state, created, *["left"] * left]
                rows.append(":".join(quote(part, safe="!'()*-._~") for part in parts))
        return ",".join(rows[:MOST_ROWS])


def live(report: Report) -> None:
    """Measure one viewer and fifty of each link, at the same time, each on a bucket of its own."""
    with running() as stack:
        looks = [(stack, query, viewers) for query in LINKS for viewers in (1, VIEWERS)]
        with ThreadPoolExecutor(len(looks)) as pool:
            for (_, query, viewers), (ticks, calls) in zip(
                looks, pool.map(lambda one: _calls(*one), looks), strict=True
            ):
                who = f"live list of {LINKS[query]}, {SECONDS // 60} min, viewers: {viewers}"
                report.line(f"{who}, ticks", ticks, None)
                report.line(f"{who}, upstream calls", calls, MOST_CALLS)


def _calls(stack: Stack, query: str, viewers: int) -> tuple[int, int]:
    """Let `viewers` look at one link; return the ticks of all and the upstream calls that they cost."""
    bucket = stack.new_bucket(f"live-{viewers}-{len(query)}-1250000000", **DEMO_BUCKETS[0].spec)
    path, ends = f"/buckets/{bucket}/jobs/?{query}", time.monotonic() + SECONDS + 0.5

    def look(number: int) -> int:
        time.sleep(COMING_SECONDS * number / viewers)
        return Viewer(stack, path.removesuffix("?")).look(ends)

    with ThreadPoolExecutor(viewers) as pool:
        ticks = sum(pool.map(look, range(viewers)))
    return ticks, len(stack.emulator.calls(bucket))
