"""Where there is very much room: nothing is drawn out over the whole screen, and what is read stays readable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.looking import ROWS, list_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

    from tests.e2e.sites import Site

LIVE = "media-live-1250000000"
WIDTH = 2560
LONGEST = 100
"""Characters in a line of prose: more, and the eye doesn't find the next one."""
LINES = """() => [...document.querySelectorAll("main :is(p, li, dd, blockquote)")]
  .filter(block => block.checkVisibility() && !block.closest(".meta, .facts, .chips, td, pre")
    && [...block.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim().length > 20))
  .map(block => {
    const range = document.createRange();
    range.selectNodeContents(block);
    const lines = new Set([...range.getClientRects()].map(({ bottom }) => Math.round(bottom / 8))).size;
    return [Math.round(block.innerText.length / lines), block.innerText.slice(0, 60)];
  })"""
"""How many characters each block of prose has a line, and how it begins."""


@pytest.fixture
def wide(demo: Site, new_context: Callable[..., BrowserContext]) -> Page:
    """A page of the demo's site, as wide as screens are."""
    return new_context(base_url=demo.address, viewport={"width": WIDTH, "height": 1440}).new_page()


def assert_sane(page: Page) -> None:
    """Check that nothing is wider than the screen, what is read stands in its middle, and no line is too long to read."""
    main = page.locator("main").bounding_box()
    assert main
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH
    assert main["width"] <= 1600
    assert main["x"] == pytest.approx(WIDTH - main["x"] - main["width"], abs=20)  # the scroll bar has its own room
    assert [line for line in page.evaluate(LINES) if line[0] > LONGEST] == []


@pytest.mark.console_allows(TROUBLE_STATUS)
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/status/",
        "/nowhere/",
        list_path(LIVE),
        f"/buckets/{LIVE}/insight/?range=30d",
        f"/jobs/insight/?bucket={LIVE},media-denied-1250000000,media-irregular-1250000000&size=100",
        f"/buckets/{LIVE}/export/",
        list_path(LIVE, "states=Failed,Running&range=30d&lang=zh-hans"),
        list_path(LIVE, "states=failed&size=0&colour=red"),
        list_path(LIVE, "q=state:faild"),
        list_path("media-empty-1250000000"),
        list_path("media-denied-1250000000"),
        list_path("media-unbound-1250000000"),
    ],
)
def test_page_is_readable_on_a_very_wide_screen(wide: Page, path: str) -> None:
    wide.goto(path)
    wide.wait_for_selector("#results > :not([data-pending], [hidden]), #status, .narrow, .problem")

    assert_sane(wide)


@pytest.mark.parametrize("part", ["", "output/", "time-interval/", "input/", "raw/"])
def test_job_is_readable_on_a_very_wide_screen(wide: Page, part: str) -> None:
    wide.goto(list_path(LIVE, "states=Failed"))
    link = wide.locator(f"{ROWS} .name a").first.get_attribute("href")
    wide.goto(f"{link}{part}")
    wide.wait_for_selector("#panel h2")
    wide.locator(".snippets summary").evaluate_all("all => all.map(one => one.parentElement.open = true)")

    assert_sane(wide)


def test_drawer_leaves_the_list_its_room_on_a_very_wide_screen(wide: Page) -> None:
    wide.goto(list_path(LIVE, "states=Failed"))
    wide.locator(f"{ROWS} .name a").first.click()
    wide.wait_for_selector("body.beside #drawer[open] #panel h2")

    drawer, table = wide.locator("#drawer").bounding_box(), wide.locator("table.jobs").bounding_box()

    assert drawer
    assert table
    assert table["x"] + table["width"] <= drawer["x"]
    assert table["width"] > 1000
    assert drawer["width"] > 600
    assert wide.evaluate("document.documentElement.scrollWidth") <= WIDTH
