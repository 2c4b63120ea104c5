"""Where there is little room: nothing is cut off, the first job is on the first screen, ids stay on one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.cloudinfinite.emulator import DEMO_BUCKETS
from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.looking import ROWS, list_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

    from tests.e2e.sites import Site

IRREGULAR = "media-irregular-1250000000"
PARTS = ("", "output/", "time-interval/", "input/", "raw/")


def assert_fits(page: Page) -> None:
    """Check that one never has to scroll sideways."""
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360, f"{page.url} is {width} pixels wide"


@pytest.fixture
def phone(demo: Site, new_context: Callable[..., BrowserContext]) -> Page:
    """A page of the demo's site, 360 pixels wide."""
    return new_context(base_url=demo.address, viewport={"width": 360, "height": 740}).new_page()


@pytest.mark.console_allows(TROUBLE_STATUS)
def test_lists_fit_a_phone(phone: Page) -> None:
    assert IRREGULAR in {bucket.name for bucket in DEMO_BUCKETS}
    for path in (
        "/",
        list_path(IRREGULAR, "size=100"),
        list_path(IRREGULAR, "states=failed&size=0"),
        list_path("media-empty-1250000000"),
        list_path("media-denied-1250000000"),
        f"/buckets/{IRREGULAR}/insight/?size=100",
        f"/buckets/{IRREGULAR}/insight/?size=100&odd=any",
        f"/jobs/insight/?bucket={IRREGULAR},media-denied-1250000000,media-live-1250000000&size=100",
        f"/jobs/insight/?odd=any&bucket={IRREGULAR},media-denied-1250000000,media-live-1250000000&size=100",
        f"/buckets/{IRREGULAR}/export/",
    ):
        phone.goto(path)
        phone.wait_for_selector("#results > :not([data-pending], [hidden])")
        assert_fits(phone)


@pytest.mark.parametrize("query", ["", "states=Failed,Running&type=Job&range=30d&orderByTime=Asc"])
def test_first_job_is_on_the_first_screen_of_a_phone(phone: Page, query: str) -> None:
    phone.goto(list_path("media-live-1250000000", query))
    first = phone.locator(ROWS).first
    first.wait_for()

    box = first.bounding_box()

    assert box
    assert box["y"] + box["height"] < 740
    assert phone.locator("#results .chip").count() == (query.count("=") + 1 if query else 0)


def test_filter_of_a_phone_opens_by_keyboard_without_javascript(
    demo: Site, new_context: Callable[..., BrowserContext]
) -> None:
    phone = new_context(
        base_url=demo.address, viewport={"width": 360, "height": 740}, java_script_enabled=False
    ).new_page()
    phone.goto(list_path("media-live-1250000000"))
    phone.locator(ROWS).first.wait_for()
    choice = phone.locator('#filter input[value="Failed"]')
    assert not choice.is_visible()

    phone.locator(".fold > summary").press("Enter")
    choice.press("Space")
    phone.locator("#filter [name=name]").press("Enter")
    phone.locator("#results .chip").wait_for()

    assert phone.url.endswith(list_path("media-live-1250000000", "states=Failed"))
    assert set(phone.locator(ROWS).evaluate_all("rows => rows.map(row => row.dataset.state)")) == {"Failed"}


def test_filter_is_open_where_there_is_room(demo: Site, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(base_url=demo.address, viewport={"width": 800, "height": 900}).new_page()
    page.goto(list_path("media-live-1250000000"))

    assert page.locator('#filter input[value="Failed"]').is_visible()
    assert page.get_by_role("checkbox", name="Failed").count() == 1
    assert not page.locator(".fold > summary").is_visible()


@pytest.mark.parametrize("width", [800, 1000, 1160, 1600])
def test_ids_of_a_table_stay_on_one_line(demo: Site, new_context: Callable[..., BrowserContext], width: int) -> None:
    page = new_context(base_url=demo.address, viewport={"width": width, "height": 900}).new_page()
    page.goto(list_path("media-live-1250000000"))
    page.locator(ROWS).first.wait_for()

    heights = page.locator(f"{ROWS} code").evaluate_all(
        "ids => ids.map(id => [id.offsetHeight, id.scrollWidth - id.clientWidth])"
    )

    assert {height < 25 and hidden <= 0 for height, hidden in heights} == {True}


@pytest.mark.parametrize("width", [1000, 1160, 1300, 1600])
def test_ids_and_times_stay_on_one_line_beside_the_drawer(
    demo: Site, new_context: Callable[..., BrowserContext], width: int
) -> None:
    page = new_context(base_url=demo.address, viewport={"width": width, "height": 900}).new_page()
    page.goto(list_path("media-live-1250000000"))
    page.locator(f"{ROWS} .name a").first.click()
    page.locator("#drawer[open] .facts").wait_for()

    heights = page.locator(f"{ROWS} :is(.name code, .when .t)").evaluate_all(
        "told => told.map(one => one.offsetHeight)"
    )

    assert len(heights) >= 100
    assert max(heights) < 25


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("width", [970, 1100, 1160, 1600])
def test_times_and_durations_stay_on_one_line_where_there_is_room(
    demo: Site, new_context: Callable[..., BrowserContext], width: int, language: str
) -> None:
    page = new_context(base_url=demo.address, viewport={"width": width, "height": 900}).new_page()
    page.goto(list_path("media-live-1250000000", f"size=100&lang={language}"))
    page.locator(ROWS).first.wait_for()

    heights = page.locator(f"{ROWS} :is(.when, .span) .t").evaluate_all("told => told.map(one => one.offsetHeight)")

    assert len(heights) > 200
    assert max(heights) < 25


@pytest.mark.parametrize("name", ["unknown-elements", "x" * 600, "user-data-10-kB", "secrets-in-json-user-data"])
def test_every_part_of_an_irregular_job_fits_a_phone(phone: Page, name: str) -> None:
    phone.goto(list_path(IRREGULAR, "size=100"))
    link = phone.locator(f"{ROWS} .name a").filter(has_text=name).first.get_attribute("href")
    for part in PARTS:
        phone.goto(f"{link}{part}")
        phone.wait_for_selector("#panel h2, #panel .none, #panel h3")
        assert_fits(phone)


@pytest.mark.parametrize(("width", "is_table"), [(360, False), (640, False), (760, False), (761, True), (1600, True)])
def test_rows_are_cards_where_a_table_has_no_room(
    demo: Site, new_context: Callable[..., BrowserContext], width: int, *, is_table: bool
) -> None:
    page = new_context(base_url=demo.address, viewport={"width": width, "height": 900}).new_page()
    page.goto(list_path("media-live-1250000000"))
    page.locator(ROWS).first.wait_for()

    row = page.locator(ROWS).first
    state, name = (row.locator(cell).bounding_box() for cell in (".status", ".name"))
    head = page.locator(".jobs thead").evaluate("head => getComputedStyle(head).clipPath")

    assert state
    assert name
    assert (abs(state["y"] - name["y"]) < 2, head == "none") == (is_table, is_table)
