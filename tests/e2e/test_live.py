"""A live list in a browser: rows change in their place, new jobs wait behind a pill, and nobody's page asks for nothing."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.looking import list_path, wait_for_htmx
from tests.e2e.staleness import forget_trouble, make_stale

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Response, Route

    from jobs.models import Bucket
    from tests.e2e.sites import Site

pytestmark = pytest.mark.web(FIRST_WAIT="5")
"""A tick waits so long for what is new; on a busy machine a second may be too short, and no other comes within a test."""

DENIED = {"kind": "error", "status": 403, "code": "AccessDenied", "message": "Access Denied."}


def stamp(seconds_ago: float) -> str:
    return datetime.fromtimestamp(int(time.time() - seconds_ago), UTC).isoformat()


def given(count: int, state: str = "Running") -> tuple[dict[str, Any], ...]:
    """Jobs created a minute apart, the first an hour ago."""
    return tuple(
        {"JobId": f"b{number:032x}", "State": state, "CreationTime": stamp(3600 + 60 * number)}
        for number in range(count)
    )


def row(number: int, state: str = "") -> str:
    return f'tr[id="job-b{number:032x}"]' + (f'[data-state="{state}"]' if state else "")


def look(page: Page, bucket: Bucket, query: str = "") -> list[str]:
    """Open the list with a clock that the test moves; return the addresses that it asks for from then on."""
    page.clock.install()
    told = answers_about_odd_ones(page)
    page.goto(list_path(bucket, query))
    page.wait_for_selector("#ticker")
    if page.locator("#to-summary").count():
        be_told_of_odd_ones(page, told)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


def pass_time(page: Page, seconds: int) -> None:
    page.clock.run_for(seconds * 1000)


def is_about_odd_ones(response: Response) -> bool:
    return "/insight/" in response.url


def answers_about_odd_ones(page: Page) -> list[Response]:
    """Note what lists are told of their odd ones from now on: on a busy machine that is there before the page has loaded."""
    told: list[Response] = []
    page.on("response", lambda response: told.append(response) if is_about_odd_ones(response) else None)
    return told


def be_told_of_odd_ones(page: Page, told: list[Response]) -> None:
    """Let a second pass: once, a moment after its rows, a list asks which of them are odd. `told` is what was noted before."""
    pass_time(page, 1)
    if not told:
        page.wait_for_event("response", is_about_odd_ones)
    wait_for_htmx(page)


def tick(page: Page, site: Site, bucket: Bucket) -> None:
    """Let a quarter of a minute pass for the page, and a minute for what is cached; wait for the answer."""
    make_stale(site, bucket)
    with page.expect_response(lambda response: "/tick/" in response.url):
        pass_time(page, 16)


def test_row_in_which_somebody_selects_changes_once_they_have_done(
    page: Page, site: Site, new_bucket: Callable[..., Bucket]
) -> None:
    bucket = new_bucket(given=given(3))
    look(page, bucket)
    site.emulator.change_job(bucket.name, f"b{1:032x}", State="Success")
    make_stale(site, bucket)
    held: list[Route] = []
    page.route("**/tick/**", lambda route: held.append(route))
    with page.expect_request(lambda request: "/tick/" in request.url):
        pass_time(page, 16)
    page.evaluate("(row) => getSelection().selectAllChildren(document.querySelector(`${row} a`))", row(1))

    with page.expect_event("requestfinished", lambda request: "/tick/" in request.url):
        held[0].continue_()
    wait_for_htmx(page)

    assert page.evaluate("getSelection().toString()")
    assert page.locator(row(1, "Running")).count() == 1
    page.unroute("**/tick/**")
    page.evaluate("getSelection().removeAllRanges()")
    tick(page, site, bucket)
    page.wait_for_selector(row(1, "Success"))


def test_row_changes_in_its_place_and_keeps_the_focus(
    page: Page, site: Site, new_bucket: Callable[..., Bucket]
) -> None:
    bucket = new_bucket(given=given(5))
    look(page, bucket)
    page.locator(row(2)).locator("a").first.focus()

    site.emulator.change_job(bucket.name, f"b{2:032x}", State="Success")
    tick(page, site, bucket)

    page.wait_for_selector(row(2, "Success"))
    assert page.locator('tr[id^="job-"]').count() == 5
    assert page.evaluate("document.activeElement.closest('tr').id") == f"job-b{2:032x}"


def test_tick_asks_for_the_page_in_view_even_when_its_first_row_was_replaced(
    page: Page, site: Site, new_bucket: Callable[..., Bucket]
) -> None:
    bucket = new_bucket(given=given(30))
    page.set_viewport_size({"width": 1400, "height": 400})
    asked = look(page, bucket, "size=10&depth=3")
    page.locator(row(15)).evaluate("row => row.scrollIntoView({block: 'center'})")
    site.emulator.change_job(bucket.name, f"b{10:032x}", State="Pause")

    tick(page, site, bucket)
    page.wait_for_selector(row(10, "Pause"))
    tick(page, site, bucket)

    ticks = [parse_qs(urlsplit(address).query)["rows"][0] for address in asked if "/tick/" in address]
    for rows in ticks:
        assert [part.split(":")[0] for part in rows.split(",")] == [f"b{number:032x}" for number in range(10, 20)]
    assert len(ticks) == 2


def test_open_job_far_from_the_rows_in_view_has_every_other_tick(
    page: Page, site: Site, new_bucket: Callable[..., Bucket]
) -> None:
    bucket = new_bucket(given=given(60))
    page.set_viewport_size({"width": 1400, "height": 400})
    asked = look(page, bucket, f"size=10&depth=6&job=b{15:032x}")
    page.wait_for_selector("#drawer[open] #drawer-title")
    page.locator(row(45)).evaluate("row => row.scrollIntoView({block: 'center'})")

    for _ in range(2):
        tick(page, site, bucket)
    ticks = [parse_qs(urlsplit(address).query)["rows"][0].split(",") for address in asked if "/tick/" in address]

    assert sorted(len(rows) for rows in ticks) == [1, 10]
    assert min(ticks, key=len)[0].startswith(f"b{15:032x}:")


def test_value_is_hidden_by_a_menu_under_which_a_tick_put_a_new_row(
    page: Page, site: Site, new_bucket: Callable[..., Bucket]
) -> None:
    bucket = new_bucket(given=given(5))
    look(page, bucket)
    page.locator(row(1)).locator(".status").hover()
    page.click("#cell-button")
    page.wait_for_selector("#cell-menu:popover-open")
    site.emulator.change_job(bucket.name, f"b{1:032x}", State="Success")
    tick(page, site, bucket)
    page.wait_for_selector(row(1, "Success"))

    page.get_by_role("button", name="Hide Running").click()
    pass_time(page, 1)

    page.wait_for_selector("#hiding:visible")
    assert page.locator('tr[id^="job-"]:visible').count() == 1
    assert page.evaluate("document.activeElement !== document.body")


def test_new_jobs_wait_behind_a_pill(page: Page, site: Site, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(given=given(5))
    look(page, bucket)

    for number in range(3):
        site.emulator.add_job(bucket.name, JobId=f"c{number:032x}", CreationTime=stamp(60 + number), State="Running")
    tick(page, site, bucket)

    pill = page.locator("#newer a")
    pill.wait_for()
    assert pill.inner_text() == "3 new jobs"
    page.locator("#announce", has_text="3 new jobs").wait_for()
    assert page.locator('tr[id^="job-"]').count() == 5
    pill.click()
    page.wait_for_function("() => document.querySelectorAll('tr[id^=\"job-\"]').length == 8")


def test_more_new_jobs_than_a_page_holds_are_so_many_at_least(
    page: Page, site: Site, new_bucket: Callable[..., Bucket]
) -> None:
    bucket = new_bucket(given=given(5))
    look(page, bucket, "size=10")

    for number in range(12):
        site.emulator.add_job(bucket.name, JobId=f"c{number:032x}", CreationTime=stamp(60 + number), State="Running")
    tick(page, site, bucket)

    pill = page.locator("#newer a")
    pill.wait_for()
    assert pill.inner_text() == "10+ new jobs"


def test_tick_leaves_the_place_where_the_reader_is(page: Page, site: Site, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(given=given(40))
    page.set_viewport_size({"width": 1000, "height": 500})
    look(page, bucket)
    page.locator(row(20)).scroll_into_view_if_needed()
    place = "(row) => document.querySelector(row).getBoundingClientRect().top"
    before = page.evaluate(place, row(20))

    # The first one, far above, becomes higher by it.
    site.emulator.change_job(bucket.name, f"b{0:032x}", State="Failed", Code="AccessDenied", Message="No.")
    for number in (19, 20, 21):
        site.emulator.change_job(bucket.name, f"b{number:032x}", State="Success")
    tick(page, site, bucket)
    page.wait_for_selector(row(20, "Success"))

    assert page.evaluate(place, row(20)) == pytest.approx(before, abs=1)


def test_row_that_leaves_the_filter_stays_and_says_so(
    page: Page, site: Site, new_bucket: Callable[..., Bucket]
) -> None:
    bucket = new_bucket(given=given(5))
    look(page, bucket, "states=Running")

    site.emulator.change_job(bucket.name, f"b{1:032x}", State="Success")
    tick(page, site, bucket)

    left = page.locator(row(1, "Success") + ".left")
    left.wait_for()
    assert "now Success, left this filter" in " ".join(left.inner_text().split())
    page.locator("#announce", has_text="now Success, left this filter").wait_for()
    assert page.locator('tr[id^="job-"]').count() == 5
    ink = "(row) => getComputedStyle(document.querySelector(`${row} .name`)).color"
    assert page.evaluate(ink, row(1, "Success")) != page.evaluate(ink, row(2, "Running"))  # it is dimmed
    name = page.locator(row(2)).locator(".name a").inner_text()

    site.emulator.change_job(bucket.name, f"b{2:032x}", State="Success")
    tick(page, site, bucket)

    page.wait_for_selector(row(2, "Success") + ".left")
    page.locator("#announce", has_text=name).wait_for()
    assert page.locator("#announce").inner_text() == f"{name} now Success, left this filter"


def test_page_is_quiet_while_it_is_hidden_and_asks_when_it_is_seen_again(
    page: Page, site: Site, new_bucket: Callable[..., Bucket]
) -> None:
    bucket = new_bucket(given=given(3))
    asked = look(page, bucket)

    page.evaluate(
        "Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true}); away = true"
    )
    pass_time(page, 120)
    assert asked == []

    with page.expect_request(lambda request: "/tick/" in request.url):
        page.evaluate("away = false")
        pass_time(page, 2)


def test_page_nobody_touches_goes_to_sleep_and_says_so(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(given=given(3))
    asked = look(page, bucket)

    pass_time(page, 31 * 60)
    page.wait_for_selector("#ticker [data-note]:not(:empty)")
    assert page.locator("[data-note]").inner_text() == "asleep: nobody touched this page for half an hour"
    wait_for_htmx(page)
    asked.clear()
    pass_time(page, 120)
    assert asked == []

    with page.expect_request(lambda request: "/tick/" in request.url):
        page.mouse.move(10, 10)
        pass_time(
            page, 41
        )  # answers that came while half an hour was skipped look slow, and a slow list is asked less often


def test_link_that_says_how_often_asks_so_often_and_never_sleeps(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(given=given(3))
    asked = look(page, bucket, "live=60s")
    pass_time(page, 50)  # the clock goes on by itself, too
    assert asked == []

    pass_time(page, 31 * 60)
    asked.clear()
    with page.expect_request(lambda request: "/tick/" in request.url):
        pass_time(page, 61)


def test_person_switches_it_off(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(given=given(3))
    asked = look(page, bucket)

    page.locator("#ticking").uncheck()
    pass_time(page, 120)

    assert asked == []


def test_link_switches_it_off(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(given=given(3))
    asked = look(page, bucket, "live=off")

    pass_time(page, 120)

    assert asked == []
    assert not page.locator("#ticking").is_checked()


def test_list_that_was_switched_on_by_hand_goes_to_sleep_though_its_link_says_off(
    page: Page, new_bucket: Callable[..., Bucket]
) -> None:
    bucket = new_bucket(given=given(3))
    look(page, bucket, "live=off")
    page.locator("#ticking").check()

    pass_time(page, 31 * 60)

    assert page.locator("[data-note]").inner_text() == "asleep: nobody touched this page for half an hour"


def test_trouble_is_told_beside_rows_that_stay_and_asked_about_half_as_often(
    page: Page, site: Site, new_bucket: Callable[..., Bucket]
) -> None:
    bucket = new_bucket(given=given(3))
    asked = look(page, bucket)

    site.emulator.set_faults(bucket.name, DENIED)
    tick(page, site, bucket)
    problem = page.locator('#as-of.old [data-problem="AccessDenied"]')
    problem.wait_for()
    page.locator("#announce", has_text=problem.locator("b").inner_text()).wait_for()
    refused = [call.request_id for call in site.emulator.calls(bucket.name) if call.status == DENIED["status"]]
    assert problem.locator("[data-copy]").get_attribute("data-copy") in refused
    assert "check_account" in problem.inner_text()
    asked.clear()
    pass_time(page, 16)

    assert asked == []
    with page.expect_request(lambda request: "/tick/" in request.url):
        pass_time(page, 16)
    assert page.locator('tr[id^="job-"]').count() == 3


def test_slow_list_is_asked_four_times_as_seldom_as_it_takes_to_answer(
    page: Page, new_bucket: Callable[..., Bucket]
) -> None:
    asked = look(page, new_bucket(given=given(3)))
    held: list[Route] = []
    page.route("**/tick/**", lambda route: held.append(route))
    with page.expect_request(lambda request: "/tick/" in request.url):
        pass_time(page, 16)
    pass_time(page, 8)
    with page.expect_response(lambda response: "/tick/" in response.url):
        held[0].continue_()
    wait_for_htmx(page)
    asked.clear()

    pass_time(page, 20)
    assert asked == []

    # The clock goes on by itself, too: on a busy machine the answer took longer than 8 s, but for no more than 10 of them it counts.
    with page.expect_request(lambda request: "/tick/" in request.url):
        pass_time(page, 13)
    assert len(asked) == 1


def test_list_that_fails_is_asked_each_five_minutes_at_last_and_shows_how_long_that_is(
    page: Page, site: Site, new_bucket: Callable[..., Bucket]
) -> None:
    bucket = new_bucket(given=given(3))
    asked = look(page, bucket)
    site.emulator.set_faults(bucket.name, DENIED)
    tick(page, site, bucket)
    page.wait_for_selector("#as-of [data-problem]")
    for seconds in (31, 61, 121, 241):
        with page.expect_response(lambda response: "/tick/" in response.url):
            pass_time(page, seconds)
        wait_for_htmx(page)
    asked.clear()

    pass_time(page, 280)
    assert asked == []
    due = "() => Number(document.querySelector('#ticker label').style.getPropertyValue('--due'))"
    assert page.evaluate(due) == pytest.approx(285 / 300, abs=0.03)

    with page.expect_request(lambda request: "/tick/" in request.url):
        pass_time(page, 22)


@pytest.mark.console_allows(TROUBLE_STATUS)
def test_another_list_is_asked_at_its_own_pace_though_the_one_before_failed(
    page: Page, new_bucket: Callable[..., Bucket]
) -> None:
    look(page, new_bucket(given=given(3)))
    page.route("**/tick/**", lambda route: route.fulfill(status=503))
    for seconds in (16, 31, 61):
        with page.expect_response(lambda response: "/tick/" in response.url):
            pass_time(page, seconds)
        wait_for_htmx(page)
    page.unroute("**/tick/**")
    page.get_by_label("Running").check()
    page.locator("#results .chip").wait_for()

    with page.expect_request(lambda request: "/tick/" in request.url):
        pass_time(page, 31)


def test_list_that_holds_nothing_yet_tells_of_the_first_job(
    page: Page, site: Site, new_bucket: Callable[..., Bucket]
) -> None:
    bucket = new_bucket(given=given(3))
    look(page, bucket, "states=Failed")
    page.get_by_role("heading", name="No job matches this filter").wait_for()

    site.emulator.change_job(bucket.name, f"b{1:032x}", State="Failed")
    tick(page, site, bucket)

    pill = page.locator("#newer a")
    pill.wait_for()
    assert pill.inner_text() == "1 new job"
    pill.click()
    page.wait_for_selector(row(1, "Failed"))


@pytest.mark.console_allows(TROUBLE_STATUS)
def test_wall_screen_whose_list_failed_asks_again_by_itself(
    page: Page, site: Site, new_bucket: Callable[..., Bucket]
) -> None:
    bucket = new_bucket(given=given(3))
    site.emulator.set_faults(bucket.name, DENIED)
    page.clock.install()
    page.goto(list_path(bucket, "live=60s"))
    page.wait_for_selector('.problem[data-code="AccessDenied"]')

    site.emulator.set_faults(bucket.name)
    forget_trouble(site, bucket)
    pass_time(page, 61)

    page.wait_for_selector(row(2))


def test_open_job_that_changes_leaves_the_focus_with_who_reads_the_list(
    page: Page, site: Site, new_bucket: Callable[..., Bucket]
) -> None:
    bucket = new_bucket(given=given(5))
    look(page, bucket)
    page.locator(row(2)).locator(".name a").click()
    page.wait_for_selector('#drawer .state:has-text("Running")')
    page.evaluate("document.activeElement.blur()")

    site.emulator.change_job(bucket.name, f"b{2:032x}", State="Success")
    tick(page, site, bucket)

    page.wait_for_selector('#drawer .state:has-text("Success")')
    wait_for_htmx(page)
    assert page.evaluate("document.activeElement === document.body")


def test_open_drawer_follows_its_row(page: Page, site: Site, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(given=given(5))
    look(page, bucket)
    page.locator(row(2)).locator(".name a").click()
    page.wait_for_selector('#drawer .state:has-text("Running")')
    page.locator(row(4)).locator(".name a").focus()

    site.emulator.change_job(bucket.name, f"b{2:032x}", State="Success")
    tick(page, site, bucket)

    page.wait_for_selector('#drawer .state:has-text("Success")')
    assert page.locator(row(2, "Success") + ".open").count() == 1
    assert page.evaluate("document.activeElement.closest('tr')?.id") == f"job-b{4:032x}"


def test_drawer_keeps_its_row_live_while_the_reader_is_further_down(
    page: Page, site: Site, new_bucket: Callable[..., Bucket]
) -> None:
    bucket = new_bucket(given=given(30))
    page.set_viewport_size({"width": 1400, "height": 400})
    look(page, bucket, "size=10&depth=3")
    page.locator(row(1)).locator(".name a").click()
    page.wait_for_selector('#drawer .state:has-text("Running")')
    page.locator(row(25)).evaluate("row => row.scrollIntoView({block: 'center'})")

    site.emulator.change_job(bucket.name, f"b{1:032x}", State="Success")
    tick(page, site, bucket)

    page.wait_for_selector('#drawer .state:has-text("Success")')


def test_switch_is_remembered(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    is_off = "() => document.querySelector('#ticking')?.checked === false"  # there is none while the list is pending
    bucket = new_bucket(given=given(3))
    asked = look(page, bucket)
    told = answers_about_odd_ones(page)
    page.locator("#ticking").uncheck()

    page.get_by_label("Running").check()
    page.locator("#summary", has_text="Running jobs").wait_for()
    page.wait_for_function(is_off)  # once what came is settled
    be_told_of_odd_ones(page, told)
    told.clear()
    page.reload()
    page.wait_for_function(is_off)
    be_told_of_odd_ones(page, told)
    asked.clear()
    pass_time(page, 120)

    assert asked == []


def test_age_grows_while_nothing_is_asked_and_grows_old(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(given=given(3))
    look(page, bucket, "live=off")
    told = page.locator("#as-of [data-told]")

    pass_time(page, 30)
    assert re.fullmatch("from cache, less than 3[0-9] s old", told.inner_text())
    assert page.locator("#as-of.old").count() == 0
    pass_time(page, 60 * 60)

    assert told.inner_text() == "from cache, less than 2 h old"
    assert page.locator("#as-of.old").count() == 1


def test_page_waits_while_text_is_selected_and_says_so(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(given=given(3))
    asked = look(page, bucket)

    page.evaluate("getSelection().selectAllChildren(document.querySelector('#summary'))")
    pass_time(page, 120)
    assert asked == []
    assert page.locator("[data-note]").inner_text() == "paused while text is selected"

    with page.expect_request(lambda request: "/tick/" in request.url):
        page.evaluate("getSelection().removeAllRanges()")
        pass_time(page, 2)


def test_late_tick_of_another_list_changes_nothing(page: Page, site: Site, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(given=given(5))
    look(page, bucket)
    site.emulator.add_job(bucket.name, JobId=f"c{1:032x}", CreationTime=stamp(60), State="Running")
    make_stale(site, bucket)
    held: list[Route] = []
    page.route("**/tick/**", lambda route: held.append(route))
    with page.expect_request(lambda request: "/tick/" in request.url):
        pass_time(page, 16)

    page.get_by_label("Pause").check()
    page.get_by_role("heading", name="No job matches this filter").wait_for()
    with page.expect_response(lambda response: "/tick/" in response.url):
        held[0].continue_()
    page.evaluate("() => new Promise(requestAnimationFrame)")

    assert page.locator("#newer a").count() == 0


def test_every_row_of_a_hundred_in_view_is_kept_live(page: Page, site: Site, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(given=given(100))
    look(page, bucket, "size=100&states=Running")
    page.locator(row(99)).scroll_into_view_if_needed()

    site.emulator.change_job(bucket.name, f"b{98:032x}", State="Success")
    tick(page, site, bucket)

    page.wait_for_selector(row(98, "Success"))


def test_tab_tells_how_many_failed(page: Page, site: Site, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(given=given(3))
    look(page, bucket)
    calm = page.title()

    site.emulator.change_job(bucket.name, f"b{0:032x}", State="Failed")
    tick(page, site, bucket)

    page.wait_for_function("() => document.title.startsWith('(1 failed) ')")
    assert page.title() == f"(1 failed) {calm}"
    assert "bad" in (page.locator('link[rel="icon"]').get_attribute("href") or "")
