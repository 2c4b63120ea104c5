"""Back, Forward and slow answers: the address and the page always tell the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.looking import ROWS, ids, list_path, wait_for_more_rows, wait_for_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from jobs.models import Bucket
    from tests.e2e.sites import Reader
    from tests.emulators import Emulator


ABORTED = r"htmx:\w+, \[object HTML\w+\]"
"""What htmx writes when a newer request takes the place of an older one."""


def test_back_from_a_job_shows_a_whole_page_without_doubled_rows(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(jobs=45)
    page.goto(list_path(bucket, "size=10"))
    page.wait_for_selector("#more")
    page.evaluate("document.getElementById('more').scrollIntoView()")
    wait_for_more_rows(page, 10)
    page.locator(f"{ROWS} a").first.click()
    page.wait_for_url("**/jobs/b*/")

    page.go_back()
    page.wait_for_selector("#more")

    assert page.locator("html > head > title").count() == 1
    assert page.locator("main h1").inner_text() == "All jobs, newest first"
    assert len(ids(page)) == len(set(ids(page))) >= 10


def test_back_after_a_filter_shows_the_list_before_it(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(jobs=30)
    page.goto(list_path(bucket))
    wait_for_rows(page, 30)
    page.get_by_label("Failed").check()
    page.wait_for_url("**/jobs/?states=Failed")
    page.locator("#summary", has_text="Failed jobs").wait_for()

    page.go_back()

    page.wait_for_url(f"**{list_path(bucket)}")
    wait_for_rows(page, 30)
    assert page.locator("#summary").inner_text() == "All jobs, newest first"
    assert page.get_by_label("Failed").is_checked() is False


@pytest.mark.console_allows(ABORTED)
def test_slow_answer_to_an_old_filter_never_lands_after_a_new_one(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=30)
    page.goto(list_path(bucket))
    wait_for_rows(page, 30)
    emulator.fault(bucket.name, "delay", seconds=0.8, when={"query": {"states": "Failed"}})

    page.get_by_label("Failed").check()
    page.get_by_label("Failed").uncheck()
    page.get_by_label("Running").check()
    page.locator("#summary", has_text="Running jobs").wait_for()
    page.wait_for_timeout(1200)  # longer than the slow answer takes: it must not come any more

    assert page.url.endswith("?states=Running")
    assert page.locator("#summary").inner_text() == "Running jobs, newest first"
    states = page.locator(ROWS).evaluate_all("rows => rows.map(row => row.dataset.state)")
    assert set(states) == {"Running"}


def test_scrolling_writes_nothing_into_the_history(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(jobs=45)
    page.goto(list_path(bucket, "size=10"))
    page.wait_for_selector("#more")
    before = page.evaluate("history.length")

    page.evaluate("document.getElementById('more').scrollIntoView()")
    wait_for_more_rows(page, 10)

    assert page.evaluate("history.length") == before


def test_page_and_fragment_of_one_address_are_never_mixed_up(reader: Reader, new_bucket: Callable[..., Bucket]) -> None:
    path = list_path(new_bucket(jobs=5))
    reader.patient(path)

    page = reader.get(path)
    fragment = reader.get(path, HX_Request="true", HX_Target="results")
    restored = reader.get(path, HX_Request="true", HX_Target="results", HX_History_Restore_Request="true")

    assert [answer.text.lstrip().startswith("<!doctype html>") for answer in (page, fragment, restored)] == [
        True,
        False,
        True,
    ]
    assert {answer.headers["Vary"].split(", ")[0] for answer in (page, fragment, restored)} == {"HX-Request"}
