"""On a phone: nothing is cut off at the right edge, however long what Cloud Infinite sent."""

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
    ):
        phone.goto(path)
        phone.wait_for_selector("#results > :not([data-pending])")
        assert_fits(phone)


@pytest.mark.parametrize("name", ["unknown-elements", "x" * 600, "user-data-10-kB", "secrets-in-json-user-data"])
def test_every_part_of_an_irregular_job_fits_a_phone(phone: Page, name: str) -> None:
    phone.goto(list_path(IRREGULAR, "size=100"))
    link = phone.locator(f"{ROWS} .name a").filter(has_text=name).first.get_attribute("href")
    for part in PARTS:
        phone.goto(f"{link}{part}")
        phone.wait_for_selector("#panel h2, #panel .none, #panel h3")
        assert_fits(phone)
