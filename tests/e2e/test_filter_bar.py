"""The filter bar in a browser: a filter is typed, mended, handed on, and looked at in another zone."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.looking import ROWS, ids, list_path, wait_for_htmx, wait_for_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

    from jobs.models import Bucket
    from tests.e2e.sites import Site
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

BOX = "#filter-q"
TIMES = ("range", "startCreationTime", "endCreationTime")
PAST = "2026-06-27T15:23:10+0800"
MIXED = tuple(
    {"Name": name, "State": state, "CreationTime": PAST}
    for name, state in [("nightly", "Failed"), ("nightly", "Success"), ("other", "Failed"), ("other", "Pause")]
)
wrong_text = pytest.mark.console_allows(TROUBLE_STATUS)


def shown(page: Page) -> list[tuple[str, str]]:
    """Return name and state of each row."""
    rows = page.locator(ROWS)
    return [
        tuple(row)
        for row in rows.evaluate_all("rows => rows.map(r => [r.querySelector('.name a').textContent, r.dataset.state])")
    ]


# The text box -------------------------------------------------------------------------------------------------------------


def test_text_is_sent_by_enter_alone_and_leaves_an_address_of_parameters(
    page: Page, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(given=MIXED)
    page.goto(list_path(bucket))
    wait_for_rows(page, 4)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.locator(BOX).press_sequentially("State:失败,pause nightly")
    # A list asks by itself which of its rows are odd.
    assert [url for url in asked if "/insight/" not in url] == []
    page.keyboard.press("Enter")
    wait_for_rows(page, 1)

    assert page.url.endswith(list_path(bucket, "states=Failed,Pause&name=nightly"))
    assert shown(page) == [("nightly", "Failed")]
    assert page.locator(BOX).input_value() == "state:failed,pause name:nightly"
    assert page.locator(BOX).evaluate("box => box === document.activeElement")
    assert page.get_by_role("checkbox", name="Failed").is_checked()
    page.go_back()
    wait_for_rows(page, 4)
    assert page.locator(BOX).input_value() == ""


@wrong_text
def test_wrong_part_is_marked_and_selected_so_that_typing_mends_it(
    page: Page, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(given=MIXED)
    page.goto(list_path(bucket))
    wait_for_rows(page, 4)
    calls = len(emulator.calls(bucket.name))

    page.locator(BOX).fill("state:faild name:nightly")
    page.keyboard.press("Enter")
    page.locator("#filter-q-errors mark").wait_for()

    assert page.locator("#filter-q-errors mark").all_inner_texts() == ["faild"]
    assert page.locator(BOX).input_value() == "state:faild name:nightly"
    page.wait_for_function("() => getSelection().toString() === 'faild'")
    assert len(emulator.calls(bucket.name)) == calls
    page.reload()
    assert page.locator("#filter-q-errors mark").all_inner_texts() == ["faild"]
    page.locator(BOX).fill("state:faild name:nightly")
    page.keyboard.press("Enter")
    wait_for_htmx(page)
    page.keyboard.type("success")
    page.keyboard.press("Enter")
    wait_for_rows(page, 1)
    assert page.url.endswith("?states=Success&name=nightly")
    assert page.locator("#filter-q-errors").count() == 0


@wrong_text
def test_what_was_meant_is_one_click_away(page: Page, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=MIXED)
    page.goto(list_path(bucket, "q=state:faild"))

    page.locator("#filter-q-errors a", has_text="failed").click()
    wait_for_rows(page, 2)

    assert page.url.endswith("?states=Failed")


def test_box_follows_the_form_and_the_chips(page: Page, new_bucket: NewBucket) -> None:
    page.goto(list_path(new_bucket(given=MIXED)))
    wait_for_rows(page, 4)

    page.get_by_label("Failed").check()
    wait_for_rows(page, 2)
    assert page.locator(BOX).input_value() == "state:failed"
    page.get_by_label("Paused").check()
    wait_for_rows(page, 3)
    assert page.locator(BOX).input_value() == "state:failed,pause"
    page.locator(".chip", has_text="Failed").click()
    wait_for_rows(page, 1)

    assert page.url.endswith("?states=Pause")
    assert page.locator(BOX).input_value() == "state:pause"


def test_what_is_being_typed_is_not_replaced_by_an_answer_to_something_else(page: Page, new_bucket: NewBucket) -> None:
    slow = {"kind": "delay", "seconds": 0.7, "when": {"query": {"states": "Failed"}}}
    page.goto(list_path(new_bucket(given=MIXED, faults=(slow,))))
    wait_for_rows(page, 4)

    page.get_by_label("Failed").check()
    page.locator(BOX).focus()
    page.keyboard.type("name:night")
    wait_for_rows(page, 2)
    page.keyboard.type("ly")

    assert page.locator(BOX).input_value() == "name:nightly"


def test_range_and_own_times_exclude_each_other(page: Page, new_bucket: NewBucket) -> None:
    page.goto(list_path(new_bucket(given=MIXED), "range=30d"))
    page.wait_for_selector("#results [data-count-rows], #results .empty")
    page.locator("details.rest summary").click()

    page.get_by_label("Created from").fill("2026-06-27T00:00")
    page.get_by_label("Created until").fill("2026-06-28T00:00")
    page.keyboard.press("Enter")
    page.wait_for_url("**?startCreationTime=**")
    own = [page.locator(f"#filter [name={name}]").input_value() for name in TIMES]
    wait_for_rows(page, 4)

    page.locator("#filter [name=range]").select_option("7d")
    page.wait_for_url("**?range=7d")

    assert own == ["", "2026-06-27T00:00", "2026-06-28T00:00"]
    assert [page.locator(f"#filter [name={name}]").input_value() for name in TIMES] == ["7d", "", ""]


def test_text_works_without_javascript(plain_page: Page, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=MIXED)
    plain_page.goto(list_path(bucket))

    plain_page.locator(BOX).fill("state:pause")
    plain_page.keyboard.press("Enter")
    plain_page.locator(ROWS).first.wait_for()

    assert plain_page.url.endswith("?states=Pause")
    assert len(ids(plain_page)) == 1
    assert not plain_page.locator("details.grammar dl").is_visible()
    plain_page.locator("details.grammar summary").click()
    assert plain_page.locator("details.grammar dl").is_visible()


@pytest.mark.parametrize("script", ["page", "plain_page"])
def test_time_without_an_offset_is_told_how_it_was_read(
    request: pytest.FixtureRequest, new_bucket: NewBucket, script: str
) -> None:
    page: Page = request.getfixturevalue(script)
    page.goto(list_path(new_bucket(given=MIXED), "tz=Europe/Berlin"))
    wait_for_rows(page, 4)
    page.locator("details.rest summary").click()

    page.get_by_label("Created from").fill("2026-03-01T09:00")
    page.keyboard.press("Enter")
    page.locator("#filter-startCreationTime-notes:not([hidden])").wait_for()

    text = "Created from: This time has no offset, so it is read in Europe/Berlin: 2026-03-01T09:00:00+0100."
    assert page.locator("#results .notice:visible").inner_text() == text
    assert page.url.endswith("?startCreationTime=2026-03-01T09:00&tz=Europe/Berlin")
    start = page.locator("#filter-startCreationTime")
    assert start.input_value() == "2026-03-01T09:00"
    assert start.evaluate("field => field.ariaDescribedByElements.map(told => told.textContent)") == [text]


# Links to hand on ---------------------------------------------------------------------------------------------------------


def test_live_and_frozen_links_are_copied(
    new_context: Callable[..., BrowserContext],
    sign_in: Callable[..., BrowserContext],
    site: Site,
    new_bucket: NewBucket,
    emulator: Emulator,
) -> None:
    bucket = new_bucket(jobs=5)
    context = sign_in(new_context(base_url=site.address, permissions=["clipboard-read", "clipboard-write"]), site)
    page = context.new_page()
    page.goto(list_path(bucket, "range=30d"))
    page.wait_for_selector("#more")
    assert page.locator(".links a:visible").count() == 0

    copied = []
    for name in ("Copy live link", "Copy frozen link"):
        page.evaluate("document.getElementById('announce').textContent = ''")
        page.get_by_role("button", name=name).click()
        page.locator("#announce", has_text="Copied").wait_for()
        copied.append(page.evaluate("navigator.clipboard.readText()"))

    before = ids(page)
    emulator.add_job(bucket.name)
    assert copied[0] == page.url == f"{site.address}{list_path(bucket, 'range=30d')}"
    assert "startCreationTime=" in copied[1]
    page.goto(copied[1])
    page.wait_for_selector("#more")
    assert ids(page) == before


def test_links_to_hand_on_are_links_without_javascript(plain_page: Page, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=5)
    plain_page.goto(list_path(bucket, "range=30d"))
    plain_page.wait_for_selector("#more")

    assert plain_page.locator(".links button:visible").count() == 0
    plain_page.get_by_role("link", name="Frozen link").click()
    plain_page.wait_for_url("**startCreationTime=**")


# Times and zones ----------------------------------------------------------------------------------------------------------


def test_zone_switch_keeps_the_place_that_scrolling_wrote_into_the_address(page: Page, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=30)
    page.goto(list_path(bucket, "size=10"))
    page.wait_for_selector("#more")
    page.evaluate("history.replaceState(null, '', '?size=10&depth=2')")

    page.get_by_role("button", name="Times in Asia/Shanghai").click()
    page.get_by_role("link", name="UTC", exact=True).click()
    page.wait_for_url(f"**{list_path(bucket, 'size=10&tz=UTC&depth=2')}")

    wait_for_rows(page, 20)
    assert page.get_by_role("button", name="Times in UTC").is_visible()
    titles = page.locator(f"{ROWS} time").evaluate_all("times => times.map(time => time.title.split('\\n')[0])")
    assert {title.split()[-1] for title in titles} == {"UTC"}


def test_browsers_own_zone_is_offered_and_goes_into_the_address(
    new_context: Callable[..., BrowserContext],
    sign_in: Callable[..., BrowserContext],
    site: Site,
    new_bucket: NewBucket,
) -> None:
    bucket = new_bucket(jobs=3)
    page = sign_in(new_context(base_url=site.address, timezone_id="America/St_Johns"), site).new_page()
    page.goto(list_path(bucket, "range=today"))

    page.get_by_role("button", name="Times in").click()  # there with and without rows: today may just have begun
    page.get_by_role("link", name="America/St_Johns").click()
    page.wait_for_url(f"**{list_path(bucket, 'range=today&tz=America/St_Johns')}")

    page.get_by_role("button", name="Times in America/St_Johns").wait_for()


def test_any_other_zone_is_typed_with_its_names_at_hand(page: Page, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=3)
    page.goto(list_path(bucket))
    page.wait_for_selector("#more")
    page.get_by_role("button", name="Times in").click()

    page.locator("#other-zone").focus()
    assert page.locator("#zone-names option").count() > 300
    page.keyboard.type("Pacific/Auckland")
    page.keyboard.press("Enter")

    page.wait_for_url(f"**{list_path(bucket, 'tz=Pacific/Auckland')}")


def test_zone_is_changed_without_javascript(plain_page: Page, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=3)
    plain_page.goto(list_path(bucket))
    plain_page.wait_for_selector("#more")
    plain_page.get_by_role("button", name="Times in").click()
    assert plain_page.locator("#zones li:visible").count() == 2

    plain_page.locator("#other-zone").fill("Pacific/Honolulu")
    plain_page.keyboard.press("Enter")

    plain_page.wait_for_url(f"**{list_path(bucket, 'tz=Pacific%2FHonolulu')}")
    assert plain_page.get_by_role("button", name="Times in Pacific/Honolulu").is_visible()


def test_title_of_a_time_speaks_the_readers_language(
    new_context: Callable[..., BrowserContext],
    sign_in: Callable[..., BrowserContext],
    site: Site,
    new_bucket: NewBucket,
) -> None:
    page = sign_in(new_context(base_url=site.address, locale="zh-CN"), site).new_page()
    page.goto(list_path(new_bucket(given=MIXED[:1])))
    time = page.locator(f"{ROWS} .when time")

    time.hover()

    *_, told = str(time.get_attribute("title")).splitlines()
    assert re.fullmatch(r"\d+天前", told)


def test_what_is_typed_into_a_field_is_sent_by_enter_alone(page: Page, new_bucket: NewBucket) -> None:
    page.clock.install()
    page.goto(list_path(new_bucket(given=MIXED)))
    wait_for_rows(page, len(MIXED))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.locator("#filter [name=name]").press_sequentially("nightly")
    page.clock.run_for(2000)  # whatever waits until somebody has done typing
    before = [url for url in asked if "name=" in url]
    page.keyboard.press("Enter")
    page.wait_for_url("**name=nightly*")

    assert before == []


def test_title_of_a_time_says_how_long_ago_it_was(page: Page, new_bucket: NewBucket, emulator: Emulator) -> None:
    bucket = new_bucket(given=MIXED[:1])
    page.goto(list_path(bucket))
    time = page.locator(f"{ROWS} .when time")
    days = (datetime.now().astimezone() - datetime.fromisoformat(PAST)).days

    time.hover()

    assert str(time.get_attribute("title")).splitlines() == [
        "2026-06-27 15:23:10 Asia/Shanghai",
        "2026-06-27 07:23:10 UTC",
        f"Cloud Infinite wrote {PAST}",
        f"{days} days ago",
    ]
