"""The main job: from the newest row to the oldest, meeting every job once, whatever happens meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.looking import ids, list_path, wait_for_more_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from jobs.models import Bucket
    from tests.e2e.sites import Reader
    from tests.emulators import Emulator


def test_scrolling_to_the_end_meets_every_job_once_while_jobs_arrive(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=1200)
    expected = emulator.job_ids(bucket.name)

    page.goto(list_path(bucket, "size=100"))
    while not page.locator("#more[data-end]").count():
        seen = page.locator('tr[id^="job-"]').count()
        emulator.add_job(bucket.name)
        page.evaluate("document.getElementById('more').scrollIntoView()")
        wait_for_more_rows(page, seen)

    assert ids(page) == expected
    assert len(emulator.job_ids(bucket.name)) == 1211
    assert page.locator("#more").inner_text().count("1,200 jobs") == 1


def test_links_to_the_next_page_meet_every_job_once_without_javascript(
    plain_page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=1200)
    expected = emulator.job_ids(bucket.name)

    plain_page.goto(list_path(bucket, "size=100"))
    plain_page.wait_for_selector("#more")
    seen = ids(plain_page)
    while plain_page.locator("#more a[rel=next]").count():
        emulator.add_job(bucket.name)
        plain_page.click("#more a[rel=next]")
        plain_page.wait_for_selector("#more")
        seen += ids(plain_page)

    assert seen == expected


def test_five_pages_scrolled_cost_five_calls_and_the_one_ahead(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator, until: Callable[[Callable[[], object]], None]
) -> None:
    bucket = new_bucket(jobs=95)

    page.goto(list_path(bucket, "size=10"))
    page.wait_for_selector("#more")
    while page.locator('tr[id^="job-"]').count() < 50:
        seen = page.locator('tr[id^="job-"]').count()
        page.evaluate("document.getElementById('more').scrollIntoView()")
        wait_for_more_rows(page, seen)
        page.evaluate("scrollTo(0, 0)")

    tokens = [call.parameters.get("nextToken", "") for call in emulator.calls(bucket.name)]
    assert len(set(tokens)) == len(tokens)
    assert len(tokens) <= 7


def test_every_order_and_size_meets_every_job_once(
    reader: Reader, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=130)
    expected = emulator.job_ids(bucket.name)

    assert reader.scroll(list_path(bucket, "orderByTime=Asc&size=7", twin=True)) == expected[::-1]
    assert reader.scroll(list_path(bucket, "size=100", twin=True)) == expected
