"""What a page asks by itself: nothing while nobody sees it, and not for ever while nobody touches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.looking import ROWS, list_path, wait_for_more_rows, wait_for_rows
from tests.e2e.staleness import forget_pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Request

    from jobs.models import Bucket
    from tests.e2e.sites import Site
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

UNSEEN = "Object.defineProperty(document, 'hidden', { get: () => !window.seen, configurable: true })"
LOOK = "() => { window.seen = true; document.dispatchEvent(new Event('visibilitychange', { bubbles: true })); }"


def asked_by(page: Page) -> list[str]:
    """Return the addresses that the page's scripts ask for from now on."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.resource_type in {"xhr", "fetch"}:
            asked.append(request.url)

    page.on("request", note)
    return asked


@pytest.mark.parametrize(
    "path",
    [
        "/buckets/{}/jobs/",
        "/buckets/{}/jobs/{}/",
        "/jobs/?bucket={}",
        "/buckets/{}/insight/",
        "/jobs/insight/?bucket={}",
        "/buckets/{}/export/",
    ],
)
def test_pending_page_in_a_tab_that_nobody_sees_waits_until_somebody_does(
    page: Page, new_bucket: NewBucket, emulator: Emulator, path: str
) -> None:
    bucket = new_bucket(jobs=3, latency=2.5)
    page.add_init_script(UNSEEN)
    page.clock.install()
    asked = asked_by(page)

    answer = page.goto(path.format(bucket.name, emulator.job_ids(bucket.name)[0]))
    page.clock.run_for(10_000)

    assert answer is not None
    assert answer.status == 202
    assert asked == []
    page.evaluate(LOOK)
    page.wait_for_event("requestfinished", lambda request: request.resource_type == "xhr")


def test_deep_link_in_a_tab_that_nobody_sees_fetches_no_page_until_somebody_does(
    page: Page, site: Site, new_bucket: NewBucket
) -> None:
    bucket = new_bucket(jobs=45)
    page.goto(list_path(bucket, "size=10&depth=3"))
    wait_for_rows(page, 30)
    address = page.url
    forget_pages(site, bucket, 1)
    page.add_init_script(UNSEEN)
    asked = asked_by(page)

    page.goto(address)
    page.wait_for_load_state("load")
    page.wait_for_selector("#more")
    shown = page.locator(ROWS).count()

    # The tab only says that nobody sees it: what a list asks once it is on the screen is asked all the same.
    assert [url for url in asked if "/insight/" not in url] == []
    page.evaluate(LOOK)
    wait_for_more_rows(page, shown)


def test_walk_in_a_tab_that_nobody_sees_is_asked_after_once_somebody_does(page: Page, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=500, latency=4.0)
    page.goto(f"/buckets/{bucket.name}/export/")
    page.get_by_role("button", name="Count and export all").click()
    page.locator("progress").wait_for()
    page.clock.install()
    page.add_init_script(UNSEEN)
    asked = asked_by(page)
    page.reload()
    page.locator("progress").wait_for()
    asked.clear()

    page.clock.run_for(60_000)

    assert asked == []
    with page.expect_request(lambda request: request.resource_type == "xhr"):
        page.evaluate(LOOK)
        page.clock.run_for(6_000)


def test_card_of_a_portal_that_nobody_sees_asks_nothing(page: Page, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=1)
    page.clock.install()
    page.goto(f"/embed/card/?bucket={bucket.name}")
    page.clock.run_for(6_000)
    page.wait_for_selector("#glance-again")
    page.evaluate(UNSEEN)
    asked = asked_by(page)

    page.clock.run_for(600_000)

    assert asked == []
    with page.expect_request(lambda request: request.resource_type == "xhr"):
        page.evaluate(LOOK)
        page.clock.run_for(120_000)


@pytest.mark.console_allows(TROUBLE_STATUS)
def test_failed_list_of_a_wall_screen_asks_nothing_while_hidden(page: Page, new_bucket: NewBucket) -> None:
    fault = {"kind": "error", "status": 403, "code": "AccessDenied"}
    bucket = new_bucket(faults=(fault,))
    page.add_init_script(UNSEEN)
    page.clock.install()
    page.goto(list_path(bucket, "live=60s"))
    page.wait_for_selector("[data-code]")
    asked = asked_by(page)

    page.clock.run_for(200_000)

    assert asked == []


@pytest.mark.parametrize("path", ["/", "/status/"])
def test_page_that_refreshes_itself_lets_turns_pass_while_hidden(page: Page, new_bucket: NewBucket, path: str) -> None:
    new_bucket(jobs=1)
    page.clock.install()
    page.goto(path)
    page.clock.run_for(6_000)
    page.wait_for_selector("[hx-trigger='every 5s']")
    page.evaluate(UNSEEN)
    asked = asked_by(page)

    page.clock.run_for(60_000)

    assert asked == []
    with page.expect_request(lambda request: request.resource_type == "xhr"):
        page.evaluate(LOOK)
        page.clock.run_for(6_000)


@pytest.mark.parametrize("ticked", [False, True])
def test_overview_that_nobody_touches_stops_after_half_an_hour_unless_it_was_asked_to_go_on(
    page: Page, new_bucket: NewBucket, *, ticked: bool
) -> None:
    bucket = new_bucket(jobs=1)
    page.clock.install()
    page.goto("/")
    page.clock.run_for(6_000)
    page.wait_for_selector(f".lines tr:has-text('{bucket.name}')")
    page.wait_for_selector("[hx-trigger='every 5s']")
    box = page.locator("#live")
    if ticked:
        box.uncheck()
        box.check()
    page.route("**/*", lambda route: route.fulfill(status=204))  # what is asked for matters, not what comes

    for _ in range(400):
        page.clock.run_for(5_000)
        if not box.is_checked():
            break

    assert box.is_checked() == ticked


def test_touch_keeps_the_overview_awake(page: Page, new_bucket: NewBucket) -> None:
    new_bucket(jobs=1)
    page.clock.install()
    page.goto("/")
    page.clock.run_for(6_000)
    page.wait_for_selector("[hx-trigger='every 5s']")
    page.route("**/*", lambda route: route.fulfill(status=204))

    for touch in range(4):
        for _turn in range(100):
            page.clock.run_for(5_000)
        page.mouse.move(10, 10 + 20 * touch)

    assert page.locator("#live").is_checked()
