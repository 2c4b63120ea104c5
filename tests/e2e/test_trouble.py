"""Trouble beside rows: what is on the page stays, the problem says what to do, and "Try again" tries."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.looking import ids, list_path, wait_for_rows
from tests.e2e.sites import Reader
from tests.e2e.staleness import make_stale
from tests.e2e.test_hostile import make_bucket
from tests.outages import OUTAGES, Outage

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

    from jobs.models import Bucket
    from tests.e2e.sites import Site
    from tests.emulators import Emulator

PATIENCE = 30
"""Seconds: three tries of an upstream that asks to slow down, the cool-downs between them, and a busy machine."""

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


@pytest.fixture
def seen(hasty: Site, new_context: Callable[..., BrowserContext]) -> Page:
    """A page of the hasty site."""
    return new_context(base_url=hasty.address, viewport={"width": 1000, "height": 400}).new_page()


@pytest.mark.console_allows(TROUBLE_STATUS)
@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
def test_next_page_that_fails_leaves_the_rows_and_can_be_tried_again(seen: Page, hasty: Site, outage: Outage) -> None:
    bucket = make_bucket(hasty, "next", jobs=25, faults=({**outage.fault, "when": {"token": True}},))
    expected = hasty.emulator.job_ids(bucket.name)
    seen.goto(list_path(bucket, "size=10"))
    seen.wait_for_selector("#more")
    seen.evaluate("document.getElementById('more').scrollIntoView()")
    alert = seen.locator(f'#more [role="alert"][data-code="{outage.code}"]')
    alert.wait_for(timeout=PATIENCE * 1000)
    assert_told(alert.inner_text(), hasty, bucket, outage)
    assert ids(seen) == expected[:10]
    hasty.emulator.set_faults(bucket.name)

    seen.locator("#more").get_by_role("button", name="Try again").click()
    seen.locator('tr[id^="job-"]').nth(19).wait_for(timeout=PATIENCE * 1000)

    assert ids(seen)[:20] == expected[:20]


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_trouble_stands_beside_the_rows_that_are_there_and_goes_by_trying_again(
    hasty: Site, new_context: Callable[..., BrowserContext], javascript: bool, outage: Outage
) -> None:
    page = new_context(base_url=hasty.address, java_script_enabled=javascript).new_page()
    bucket = make_bucket(hasty, "old", jobs=5)
    expected = hasty.emulator.job_ids(bucket.name)
    Reader(hasty).patient(list_path(bucket))
    make_stale(hasty, bucket)
    hasty.emulator.set_faults(bucket.name, outage.fault)
    alert = page.locator(f'#results [role="alert"][data-code="{outage.code}"]')
    answers: list[tuple[int, list[str]]] = []

    def is_told() -> bool:
        answers.append((look(page, bucket), ids(page)))
        return alert.count() == 1

    wait_until(is_told)
    assert answers == [(200, expected)] * len(answers)
    assert_told(alert.inner_text(), hasty, bucket, outage)

    hasty.emulator.set_faults(bucket.name)
    page.get_by_role("button", name="Try again").click()
    page.locator("#more").wait_for()
    wait_until(lambda: look(page, bucket) == 200 and page.locator("#results .stale").count() == 0)

    assert (alert.count(), ids(page)) == (0, expected)
    assert page.url.endswith(list_path(bucket))


def assert_told(said: str, site: Site, bucket: Bucket, outage: Outage) -> None:
    """Check that what happened, its code, what to do, and which call it was are said."""
    failed = [call.request_id for call in site.emulator.calls(bucket.name) if call.faults]

    assert (str(outage.rule.title) in said, outage.code in said, str(outage.rule.advice) in said) == (True, True, True)
    if outage.answers:
        assert sum(request_id in said for request_id in failed) == 1
    else:
        assert "RequestId" not in said


def look(page: Page, bucket: Bucket) -> int:
    """Look at the list, as people do who come again; return the answer's status."""
    answer = page.goto(list_path(bucket))
    assert answer is not None
    return answer.status


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until what goes on behind the page, all tries with their pauses, has come to its end."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
