"""The list of several buckets in a browser: scrolled to its end, every job once, with and without script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.looking import ids

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def buckets(new_bucket: NewBucket) -> list[Bucket]:
    return [new_bucket(jobs=count, seed=count, spread=7200) for count in (35, 20, 7)]


def path(buckets: list[Bucket], query: str = "size=10") -> str:
    return f"/jobs/?bucket={','.join(sorted(bucket.name for bucket in buckets))}&{query}"


def every_job(buckets: list[Bucket], emulator: Emulator) -> set[str]:
    return {job for bucket in buckets for job in emulator.job_ids(bucket.name)}


def test_scrolling_meets_every_job_of_every_bucket_once(page: Page, buckets: list[Bucket], emulator: Emulator) -> None:
    expected = every_job(buckets, emulator)
    page.goto(path(buckets))

    while not page.locator("#more[data-end]").count():
        seen = len(ids(page))
        page.evaluate("document.getElementById('more').scrollIntoView()")
        page.wait_for_function(
            f"() => document.querySelectorAll('tr[id^=job-]').length > {seen} || document.querySelector('#more[data-end]')"
        )

    found = ids(page)
    assert (len(found), set(found)) == (len(expected), expected)


def test_links_to_the_next_page_meet_every_job_without_script(
    plain_page: Page, buckets: list[Bucket], emulator: Emulator
) -> None:
    expected = every_job(buckets, emulator)
    plain_page.goto(path(buckets))
    found: list[str] = []

    while True:
        plain_page.wait_for_selector("#more")
        found += ids(plain_page)
        if not plain_page.locator("#more a[rel=next]").count():
            break
        plain_page.click("#more a[rel=next]")

    assert (len(found), set(found)) == (len(expected), expected)


def test_row_leads_to_its_job_and_to_its_bucket(page: Page, buckets: list[Bucket]) -> None:
    page.goto(path(buckets))
    bucket = page.locator("tr[id^=job-] .of").first.inner_text()

    page.locator("tr[id^=job-] .name > a").first.click()

    page.wait_for_url(f"**/buckets/{bucket}/jobs/**")
    page.go_back()
    page.locator("tr[id^=job-] .of").first.click()
    page.wait_for_url(f"**/buckets/{bucket}/jobs/**")
