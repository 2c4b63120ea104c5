"""Pages that the browser keeps and shows again on the way back, as people's browsers do: Playwright switches that off."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error

from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.e2e.looking import ROWS, calls_for_what_is_seen, ids, list_path, see_more, wait_for_rows
from tests.e2e.test_live import given, row, tick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, CDPSession, Page

    from jobs.models import Bucket
    from tests.e2e.sites import Site


WHY_NOT_KEPT = "() => JSON.stringify(performance.getEntriesByType('navigation')[0].notRestoredReasons)"


@pytest.fixture(scope="module")
def browser(browser: Browser) -> Iterator[Browser]:
    """A Chromium that keeps the pages one comes from."""
    keeping = browser.browser_type.launch(
        executable_path=CHROMIUM, args=FLAGS, ignore_default_args=["--disable-back-forward-cache"]
    )
    yield keeping
    keeping.close()


def go_back(page: Page) -> None:
    """Go back, and wait until the page that was left is there again, with what was noted on it.

    It is asked nothing before the browser has gone back: a script that runs in a kept page ends its keeping.
    """
    history = page.context.new_cdp_session(page)
    left = _index(history)
    page.evaluate("() => setTimeout(() => history.back())")
    until = time.monotonic() + 10
    while _index(history) in {left, None} or not _is_back(page):
        assert time.monotonic() < until, (page.url, page.evaluate(WHY_NOT_KEPT))
        time.sleep(0.02)  # Playwright tells nothing of a page that comes back


def _index(history: CDPSession) -> int | None:
    """Return which entry of its history the browser shows, None in the moment between two."""
    try:
        return int(history.send("Page.getNavigationHistory")["currentIndex"])
    except Error:
        return None


def _is_back(page: Page) -> bool:
    try:
        return bool(page.evaluate("() => window.wasHere"))
    except Error:
        return False


def leave(page: Page) -> None:
    """Note on the page that somebody was here, and follow the masthead's way out."""
    page.evaluate("() => { window.wasHere = true }")
    page.get_by_role("link", name="Status").click()
    page.wait_for_url("**/status/")


def test_list_that_was_left_is_there_with_all_that_was_loaded_and_goes_on(
    page: Page, site: Site, new_bucket: Callable[..., Bucket]
) -> None:
    bucket = new_bucket(given=given(25))
    page.goto(list_path(bucket, "size=10"))
    wait_for_rows(page, 10)
    see_more(page)
    wait_for_rows(page, 20)
    asked = calls_for_what_is_seen(site.emulator, bucket)

    leave(page)
    go_back(page)

    assert len(ids(page)) == len(set(ids(page))) == 20
    assert calls_for_what_is_seen(site.emulator, bucket) == asked
    see_more(page)
    wait_for_rows(page, 25)


@pytest.mark.web(FIRST_WAIT="5")
def test_list_that_was_left_is_live_again(page: Page, site: Site, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(given=given(5))
    page.clock.install()
    page.goto(list_path(bucket))
    page.wait_for_selector("#ticker")
    leave(page)
    site.emulator.change_job(bucket.name, f"b{2:032x}", State="Success")

    go_back(page)
    tick(page, site, bucket)

    page.wait_for_selector(row(2, "Success"))


def test_drawer_that_was_left_open_is_open_and_closes(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(given=given(5))
    page.goto(list_path(bucket))
    page.locator(f"{ROWS} .name a").first.click()
    page.wait_for_selector("#drawer #drawer-title")

    leave(page)
    go_back(page)

    assert page.locator("#drawer #drawer-title").is_visible()
    page.keyboard.press("Escape")
    page.wait_for_function("() => !document.getElementById('drawer').open")
    assert "job=" not in page.url
