"""Back from a job's page to the list it was opened from, in a real browser: ten pages deep against one page.

Both lists stand in one tab's history, each with its depth in its address; all pages are cached. The time is the browser's own,
from the beginning of the navigation until the document with all its rows is parsed and its scripts have run.
"""

from __future__ import annotations

import re
import statistics
import time
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.bench.chromium import FLAGS, chromium
from tests.bench.stack import BUCKET, running
from tests.e2e.looking import ids, job_path, list_path, see_more, wait_for_rows

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

    from tests.bench.measure import Report
    from tests.bench.stack import Stack

ROUNDS = 9
DEPTHS = {50: 1, 500: 10}
"""Rows -> pages."""
DOCUMENT = "() => performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"


def back(report: Report) -> None:
    """Go back to both lists in turn, again and again."""
    browser_path = chromium()
    taken: dict[int, list[float]] = {rows: [] for rows in DEPTHS}
    with running() as stack, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(FLAGS))
        page = _signed_in(browser.new_context(base_url=f"http://127.0.0.1:{stack.port}"), stack)
        deep = _scrolled(page, max(DEPTHS))
        # The same list with one page: without its pin it would be a live list, which is asked anew when it has grown old.
        lists = {
            rows: re.sub("depth=[0-9]+&?", "" if pages == 1 else f"depth={pages}&", deep)
            for rows, pages in DEPTHS.items()
        }
        job = job_path(BUCKET, next(one.job_id for one in stack.emulator.jobs(BUCKET) if one.state == "Success"))
        for address in lists.values():  # once uncounted: what the browser keeps, it keeps from here on
            _back(page, address, job)
        time.sleep(1.0)  # until the page ahead of the last one has come
        stack.emulator.clear_calls()
        for _ in range(ROUNDS):
            for rows, address in lists.items():
                taken[rows].append(_back(page, address, job))
                wait_for_rows(page, rows)
        calls = len(stack.emulator.calls(BUCKET))
        browser.close()
    few, many = (statistics.median(one) for one in taken.values())
    report.line("Back to a list of 50 rows, median", few, None, " ms")
    report.line("Back to a list of 500 rows, median", many, None, " ms")
    report.line("Back to 500 rows : back to 50 rows", many / few, 3)
    report.line("upstream calls for going back", calls, 0)


def _signed_in(context: BrowserContext, stack: Stack) -> Page:
    name, _, key = stack.cookie.partition("=")
    context.add_cookies([{"name": name, "value": key, "url": f"http://127.0.0.1:{stack.port}"}])
    return context.new_page()


def _scrolled(page: Page, rows: int) -> str:
    """Open the list, scroll until it shows so many rows, and return the address that it has then."""
    page.goto(list_path(BUCKET))
    page.wait_for_selector("#more")
    while len(ids(page)) < rows:
        see_more(page)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function("() => location.hash === '' && location.search.includes('depth=')")
    return page.url


def _back(page: Page, address: str, job: str) -> float:
    """Open the list, go to a job and back; return the milliseconds that the way back took."""
    page.goto(address)
    page.goto(job)
    page.go_back(wait_until="load")
    assert page.url == address, page.url
    return float(page.evaluate(DOCUMENT))
