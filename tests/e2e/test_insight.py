"""What a list's jobs say together, in a browser: on the way there, by mouse, by keyboard and without script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.keyboard import tab_to
from tests.factories import jobs_in
from tests.reading import LONG_AGO

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from jobs.models import Bucket

    NewBucket = Callable[..., Bucket]

pytestmark = pytest.mark.usefixtures("site")

DENIED = tuple(
    {**job, "Operation": {"Tag": "Transcode"}} for job in jobs_in("Failed", "Failed", Code="AccessDenied", Message="no")
)


def test_list_leads_to_its_summary_whose_columns_are_reached_by_keyboard(page: Page, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=jobs_in("Failed", "Failed", "Success", Code="AccessDenied"))
    page.goto(f"/buckets/{bucket.name}/jobs/")

    page.locator("#to-summary").click()
    page.wait_for_selector("svg.columns")
    while not page.evaluate("() => document.activeElement.matches('svg.columns a')"):
        assert not page.evaluate("() => document.activeElement.matches('.families a')"), "no column was reached"
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.wait_for_function(
        "() => document.querySelectorAll('tr[id^=job-]').length === 1"
    )  # each was created in a second of its own
    assert "startCreationTime=" in page.url


def test_list_says_by_itself_which_of_its_jobs_are_odd_and_says_it_anew_as_it_grows(
    page: Page, new_bucket: NewBucket
) -> None:
    times = {"StartTime": LONG_AGO, "EndTime": LONG_AGO}
    bucket = new_bucket(given=jobs_in(*["Running"] * 12, **times))
    page.goto(f"/buckets/{bucket.name}/jobs/?size=10")

    odd = page.locator("#odd-ones a")
    expect(odd).to_have_text("10 odd ones")
    # Not clicked: the link may give way to its own page under the pointer, and the first new row would take the focus and the scroll.
    page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    page.locator("#more[data-end]").wait_for()
    page.evaluate("() => scrollTo(0, 0)")
    expect(odd).to_have_text("12 odd ones")
    odd.click()

    page.wait_for_selector(".chosen")
    assert page.locator(".chosen tr[id^=job-]").count() == 12


def test_family_and_kind_are_opened_by_keyboard(page: Page, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=(*DENIED, *jobs_in("Success")))
    page.goto(f"/buckets/{bucket.name}/insight/")

    for link in (".families a", "[aria-labelledby=by-kind] a"):
        page.wait_for_selector(".insight")
        tab_to(page, link)
        page.keyboard.press("Enter")
        page.wait_for_selector(".chosen tr[id^=job-]")
        assert page.locator(".chosen tr[id^=job-]").count() == 2
        page.go_back()


@pytest.mark.parametrize("merged", [False, True])
def test_summary_comes_and_is_narrowed_without_script(plain_page: Page, new_bucket: NewBucket, *, merged: bool) -> None:
    page = plain_page
    bucket = new_bucket(given=(*DENIED, *jobs_in("Success")), latency=1.5)
    page.goto(f"/jobs/insight/?bucket={bucket.name}" if merged else f"/buckets/{bucket.name}/insight/")

    page.wait_for_selector("svg.columns")  # the page reloads itself until then
    page.locator(".families a").first.click()
    page.wait_for_selector(".chosen tr[id^=job-]")

    assert page.locator(".chosen tr[id^=job-]").count() == 2
    page.locator(".chosen .meta a").click()
    page.locator("svg.columns a").first.click()
    page.wait_for_selector("tr[id^=job-]")
