"""The main job: from the newest row to the oldest, meeting every job once, whatever happens meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.cloudinfinite.emulator.switches import CHOICES
from tests.e2e.looking import ROWS, ids, list_path, see_more, wait_for_htmx, wait_for_more_rows
from tests.e2e.test_hostile import make_bucket
from tests.e2e.test_live import given, look, stamp, tick

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

    from jobs.models import Bucket
    from tests.e2e.sites import Reader, Site
    from tests.emulators import Emulator


LONG = [("offset", 1200), ("cursor", 300)]
"""Under tokens that count rows an arrival shifts all that follows; under the others it can't, so a shorter list will do."""


@pytest.mark.parametrize(("tokens", "jobs"), [("offset", 1200), ("cursor", 3000)])
def test_scrolling_to_the_end_meets_every_job_once_while_jobs_arrive(
    hasty: Site, new_context: Callable[..., BrowserContext], tokens: str, jobs: int
) -> None:
    emulator = hasty.emulator
    emulator.set_switches(tokens=tokens)
    bucket = make_bucket(hasty, "scrolled", jobs=jobs)
    expected = emulator.job_ids(bucket.name)
    page = new_context(base_url=hasty.address).new_page()
    documents: list[list[str]] = []

    page.goto(list_path(bucket, "size=100"))
    page.wait_for_selector("#more")
    while True:
        while page.locator("#more[hx-get]").count():
            emulator.add_job(bucket.name)
            see_more(page)
        documents.append(ids(page))
        if page.locator("#more[data-end]").count():
            break
        page.get_by_role("link", name="Continue").click()
        page.wait_for_url("**nextToken=**")
        page.wait_for_selector("#before")

    assert [len(rows) for rows in documents] == [min(1000, jobs - before) for before in range(0, jobs, 1000)]
    assert [job_id for rows in documents for job_id in rows] == expected
    assert page.locator("#more").inner_text().count(f"{jobs:,} jobs") == 1
    assert len(emulator.job_ids(bucket.name)) > len(expected)


def test_pages_of_a_thousand_rows_lead_back_to_the_same_rows_without_a_call(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=2100)
    expected = emulator.job_ids(bucket.name)
    page.goto(list_path(bucket, "size=100"))
    page.wait_for_selector("#more")
    for _ in range(2):
        while page.locator("#more[hx-get]").count():
            see_more(page)
        page.get_by_role("link", name="Continue").click()
        page.locator(f"{ROWS} >> nth=0").wait_for()
        page.wait_for_selector("#before")
    page.wait_for_selector("#more[data-end]")
    calls = len(emulator.calls(bucket.name))
    seen = [ids(page)]

    while page.locator("#before").count():
        page.locator("#before a").click()
        page.wait_for_url("**depth=10**")
        page.wait_for_selector("#more")
        seen.insert(0, ids(page))
        assert page.evaluate("scrollY") > 10_000  # at the end of the rows before, where the reader came from

    assert [job_id for rows in seen for job_id in rows] == expected
    assert len(emulator.calls(bucket.name)) == calls


@pytest.mark.parametrize(("tokens", "jobs"), LONG)
def test_links_to_the_next_page_meet_every_job_once_without_javascript(
    hasty: Site, new_context: Callable[..., BrowserContext], tokens: str, jobs: int
) -> None:
    emulator = hasty.emulator
    emulator.set_switches(tokens=tokens)
    bucket = make_bucket(hasty, "linked", jobs=jobs)
    expected = emulator.job_ids(bucket.name)
    page = new_context(base_url=hasty.address, java_script_enabled=False).new_page()

    page.goto(list_path(bucket, "size=100"))
    page.wait_for_selector("#more")
    seen = ids(page)
    while page.locator("#more a[rel=next]").count():
        emulator.add_job(bucket.name)
        page.click("#more a[rel=next]")
        page.wait_for_selector("#more")
        seen += ids(page)
    page.click("#before a[rel=prev]")
    page.wait_for_selector("#more")

    assert seen == expected
    assert ids(page) == expected[max(0, jobs - 1100) : jobs - 100]
    assert len(emulator.job_ids(bucket.name)) > len(expected)


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


def test_scripts_look_through_the_rows_for_each_answer_not_for_each_of_its_rows(
    page: Page, new_bucket: Callable[..., Bucket]
) -> None:
    page.add_init_script("""
      window.looks = 0;
      const look = Document.prototype.querySelectorAll;
      Document.prototype.querySelectorAll = function (selector) {
        looks += String(selector).startsWith('tr[id^="job-"]');
        return look.call(this, selector);
      };
    """)
    page.goto(list_path(new_bucket(jobs=120), "size=50"))
    page.wait_for_selector("#more")
    before = page.evaluate("looks")

    page.evaluate("document.getElementById('more').scrollIntoView()")
    wait_for_more_rows(page, 50)
    wait_for_htmx(page)
    page.wait_for_function("() => document.getElementById('announce').textContent")

    assert 0 < page.evaluate("looks") - before < 50


@pytest.mark.parametrize("tokens", CHOICES["tokens"])
def test_jobs_that_come_between_pages_leave_no_gap_and_wait_behind_the_pill(
    hasty: Site, new_context: Callable[..., BrowserContext], tokens: str
) -> None:
    hasty.emulator.set_switches(tokens=tokens)
    bucket = make_bucket(hasty, "moving", given=given(45))
    expected = hasty.emulator.job_ids(bucket.name)
    page = new_context(base_url=hasty.address, viewport={"width": 1200, "height": 400}).new_page()
    look(page, bucket, "size=10")
    see_more(page)

    for number in range(5):
        hasty.emulator.add_job(bucket.name, CreationTime=stamp(60 + number), State="Running")
    while page.locator("#more[hx-get]").count():
        see_more(page)
    tick(page, hasty, bucket)

    # Where a busy machine takes longer for what is new than a tick waits for it, the next tick tells.
    page.locator("#newer a", has_text="5 new jobs").wait_for(timeout=20_000)
    assert ids(page) == expected
