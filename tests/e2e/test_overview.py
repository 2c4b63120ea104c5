"""The overview in a browser: it fills in by itself, line by line, keeps the focus, and works without script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.keyboard import tab_to
from tests.e2e.looking import wait_for_htmx
from tests.e2e.staleness import make_stale
from tests.factories import jobs_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from jobs.models import Bucket
    from tests.e2e.sites import Site
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = pytest.mark.usefixtures("site")


def cell(bucket: Bucket, state: str) -> str:
    return f'#line-{bucket.pk} td[data-state="{state}"]'


def fast(page: Page) -> None:
    """Let five seconds of the page pass in half of one."""
    page.add_init_script("const later = setTimeout; setTimeout = (what, time) => later(what, time / 10);")


def test_lines_come_by_themselves_and_a_slow_bucket_holds_up_none(page: Page, new_bucket: NewBucket) -> None:
    slow = new_bucket(given=jobs_in("Failed"), latency=4.5)  # no more: upstream has five seconds
    quick = [new_bucket(given=jobs_in("Failed", "Running")) for _ in range(5)]
    page.goto("/")

    # In one look: the slow one may come while one looks for the others one by one.
    page.wait_for_function(
        "([came, waits]) => came.every(cell => document.querySelector(cell)) && document.querySelector(waits)",
        arg=[[f"{cell(bucket, 'Failed')} a" for bucket in quick], f"{cell(slow, 'Failed')} .bone"],
    )
    page.wait_for_selector(f"{cell(slow, 'Failed')} a", timeout=15_000)  # it is asked for again after five seconds

    assert "buckets have answered" not in page.locator("#fill").inner_text()


def test_focus_stays_on_the_link_whose_line_changes(
    page: Page, site: Site, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(given=jobs_in("Failed"))
    fast(page)
    page.goto("/")
    page.locator(f"{cell(bucket, 'Failed')} a").focus()
    emulator.add_job(bucket.name, **jobs_in("Failed", Code="AccessDenied")[0])

    make_stale(site, bucket)

    page.locator(f"{cell(bucket, 'Failed')} a", has_text="2").wait_for()
    assert page.evaluate("document.activeElement.id") == f"line-{bucket.pk}-Failed"


@pytest.mark.parametrize("link", ["All that failed", "Why they failed", "All that waits", "Reload"])
def test_focus_stays_on_the_links_above_the_lines_while_they_refresh(
    page: Page, new_bucket: NewBucket, link: str
) -> None:
    for _ in range(2):
        new_bucket(given=jobs_in("Failed", "Running"))
    fast(page)
    page.goto("/")
    page.locator("#fill a", has_text=link).focus()

    for _ in range(2):
        with page.expect_response(lambda response: response.request.headers.get("hx-target") == "fill"):
            pass
        wait_for_htmx(page)

    assert link in page.evaluate("document.activeElement.textContent")


def test_cell_opens_its_list_and_back_leads_to_the_overview(page: Page, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=jobs_in("Failed", "Failed", "Running"))
    page.goto("/")

    page.locator(f"{cell(bucket, 'Failed')} a").click()
    page.wait_for_function("() => document.querySelectorAll('tr[id^=job-]').length === 2")
    assert page.url.endswith(f"/buckets/{bucket.name}/jobs/?states=Failed&range=24h") or "pin=" in page.url

    page.go_back()
    page.wait_for_selector(f"{cell(bucket, 'Failed')} a")


def test_cell_is_opened_by_keyboard(page: Page, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=jobs_in("Failed", "Running"))
    page.goto("/")
    page.wait_for_selector(f"{cell(bucket, 'Failed')} a")

    tab_to(page, f"{cell(bucket, 'Failed')} a")
    page.keyboard.press("Enter")

    page.wait_for_function("() => document.querySelectorAll('tr[id^=job-]').length === 1")


def test_newest_failure_opens_that_job_beside_the_list(page: Page, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=jobs_in("Failed"))
    page.goto("/")

    page.locator(f"#line-{bucket.pk} .failure a").click()

    page.wait_for_selector("#drawer[open] #drawer-title")


def test_search_and_range_narrow_at_once_and_stand_in_the_address(page: Page, new_bucket: NewBucket) -> None:
    bucket, other = new_bucket(), new_bucket()
    page.goto("/")

    page.fill("#q", bucket.name)
    page.wait_for_selector(f"#line-{other.pk}", state="detached")
    page.select_option("#range", "7d")
    page.wait_for_url("**/?*range=7d*")

    assert f"q={bucket.name}" in page.url
    page.reload()
    assert page.locator(".lines tbody tr").count() == 1
    assert page.locator("#range").input_value() == "7d"


def test_what_is_typed_into_the_search_leaves_one_entry_in_the_history(page: Page, new_bucket: NewBucket) -> None:
    bucket, other = new_bucket(), new_bucket()
    page.goto("/")
    length = page.evaluate("history.length")

    for part in (bucket.name[:6], bucket.name[6:-12], bucket.name[-12:]):
        page.locator("#q").press_sequentially(part)
        page.wait_for_url(f"**/?q={page.locator('#q').input_value()}")
    page.wait_for_selector(f"#line-{other.pk}", state="detached")
    assert page.evaluate("history.length") == length

    page.select_option("#range", "7d")
    page.wait_for_url("**/?*range=7d*")
    page.go_back()
    page.wait_for_url(f"**/?q={bucket.name}")


def test_keys_walk_over_the_buckets_and_go_to_the_search(page: Page, new_bucket: NewBucket) -> None:
    lines = [f"line-{bucket.pk}" for bucket in sorted((new_bucket(), new_bucket()), key=lambda bucket: bucket.name)]
    page.goto("/")

    for key, expected in (("j", 0), ("j", 1), ("k", 0)):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.closest('tr')?.id") == lines[expected]
    page.keyboard.press("?")
    page.locator("#keys[open]").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type("jk")
    assert page.locator("#q").input_value() == "jk"


def test_overview_fills_without_script(plain_page: Page, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=jobs_in("Failed"), latency=0.5)
    plain_page.goto("/")

    plain_page.wait_for_selector(f"{cell(bucket, 'Failed')} a", timeout=10_000)


def test_list_shows_what_the_overview_knows_while_it_loads(
    page: Page, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(given=jobs_in("Failed", "Running"))
    page.goto("/")
    page.wait_for_selector(f"{cell(bucket, 'Failed')} a")
    emulator.set_latency(2.5, bucket.name)

    page.locator(f"{cell(bucket, 'Failed')} a").click()

    page.wait_for_selector("[data-pending] tr[data-state=Failed]")
    assert page.locator("tr[data-state]").count() == 1
    assert "meanwhile what the overview knows" in page.locator("[data-pending]").inner_text()
    page.wait_for_selector("#results > .jobs tr[data-state=Failed]")


def test_search_narrows_without_script(plain_page: Page, new_bucket: NewBucket) -> None:
    one, other = new_bucket(given=jobs_in("Failed")), new_bucket()
    plain_page.goto("/")

    plain_page.locator("#q").fill(one.name)
    plain_page.locator("#search button").click()
    plain_page.wait_for_selector(f"{cell(one, 'Failed')} a")  # the page reloads itself until then

    assert plain_page.locator(f"#line-{other.pk}").count() == 0
    assert plain_page.locator("#q").input_value() == one.name
