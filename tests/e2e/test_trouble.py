"""Trouble beside rows: what is on the page stays, the problem says what to do, and "Try again" tries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import TROUBLE_FRAGMENT, TROUBLE_STATUS
from tests.e2e.looking import ids, list_path, wait_for_rows
from tests.e2e.staleness import make_stale

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from jobs.models import Bucket
    from tests.e2e.sites import Reader, Site
    from tests.emulators import Emulator

DENIED = {"kind": "error", "status": 403, "code": "AccessDenied", "message": "Access Denied."}


@pytest.mark.console_allows(TROUBLE_STATUS)
def test_try_again_leads_to_the_list_once_the_trouble_is_over(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=5, faults=(DENIED,))
    page.goto(list_path(bucket))
    alert = page.locator('[role="alert"][data-code="AccessDenied"]')
    alert.wait_for()
    request_id = emulator.calls(bucket.name)[0].request_id
    assert request_id in alert.inner_text()
    emulator.set_faults(bucket.name)

    page.get_by_role("button", name="Try again").click()

    wait_for_rows(page, 5)
    assert page.url.endswith(list_path(bucket))


@pytest.mark.console_allows(TROUBLE_STATUS)
def test_try_again_works_without_javascript(
    plain_page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=5, faults=(DENIED,))
    plain_page.goto(list_path(bucket))
    plain_page.locator('[role="alert"][data-code="AccessDenied"]').wait_for()
    emulator.set_faults(bucket.name)

    plain_page.get_by_role("button", name="Try again").click()

    plain_page.locator('tr[id^="job-"]').nth(4).wait_for()


@pytest.mark.console_allows(TROUBLE_STATUS, TROUBLE_FRAGMENT)
def test_next_page_that_fails_leaves_the_rows_and_can_be_tried_again(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=25, faults=({**DENIED, "when": {"token": True}},))
    page.set_viewport_size({"width": 1000, "height": 400})
    page.goto(list_path(bucket, "size=10"))
    page.wait_for_selector("#more")
    page.evaluate("document.getElementById('more').scrollIntoView()")
    page.locator('#more [role="alert"][data-code="AccessDenied"]').wait_for()
    assert len(ids(page)) == 10
    emulator.set_faults(bucket.name)

    page.locator("#more").get_by_role("button", name="Try again").click()
    page.locator('tr[id^="job-"]').nth(19).wait_for()

    assert ids(page)[:20] == emulator.job_ids(bucket.name)[:20]


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_trouble_stands_beside_the_rows_that_are_there_and_goes_by_trying_again(
    request: pytest.FixtureRequest, site: Site, reader: Reader, new_bucket: Callable[..., Bucket], javascript: bool
) -> None:
    page: Page = request.getfixturevalue("page" if javascript else "plain_page")
    bucket = new_bucket(jobs=5)
    expected = site.emulator.job_ids(bucket.name)
    reader.patient(list_path(bucket))
    make_stale(site, bucket)
    site.emulator.set_faults(bucket.name, DENIED)
    alert = page.locator('#results [role="alert"][data-code="AccessDenied"]')

    answer = page.goto(list_path(bucket))
    look_until(page, lambda: alert.count() == 1)
    assert answer is not None
    assert (answer.status, ids(page)) == (200, expected)

    site.emulator.set_faults(bucket.name)
    page.get_by_role("button", name="Try again").click()
    page.locator("#more").wait_for()
    look_until(page, lambda: page.locator("#results .stale").count() == 0)

    assert (alert.count(), ids(page)) == (0, expected)
    assert page.url.endswith(list_path(bucket))


def look_until(page: Page, condition: Callable[[], bool]) -> None:
    """Look again, as people do, until what goes on behind the page has come to its end."""
    for _ in range(50):
        if condition():
            return
        page.reload()
    raise AssertionError(page.locator("main").inner_text())
