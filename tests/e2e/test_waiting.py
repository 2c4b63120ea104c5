"""A page that is still being fetched gets there by itself, with JavaScript and without, and says what it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.looking import ROWS, list_path, wait_for_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from jobs.models import Bucket
    from tests.e2e.sites import Reader


def test_rows_appear_without_a_reload_and_the_refresh_header_is_called_off(
    page: Page, new_bucket: Callable[..., Bucket]
) -> None:
    bucket = new_bucket(jobs=5, latency=1.6)
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))

    answer = page.goto(list_path(bucket))
    wait_for_rows(page, 5)
    page.wait_for_timeout(2500)  # longer than the Refresh header says: the page must not be loaded again

    assert answer is not None
    assert (answer.status, answer.headers["refresh"]) == (202, "1")
    assert len(loads) == 1


def test_page_gets_there_by_itself_without_javascript(plain_page: Page, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(jobs=5, latency=1.6)

    plain_page.goto(list_path(bucket))
    plain_page.locator(ROWS).nth(4).wait_for()

    assert plain_page.locator(ROWS).count() == 5


def test_pending_twin_says_when_to_ask_again(reader: Reader, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(jobs=5, latency=1.6)

    answer = reader.get(list_path(bucket, twin=True))

    assert (answer.status_code, answer.json(), answer.headers["Retry-After"]) == (202, {"pending": True}, "1")
