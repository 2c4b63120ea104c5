"""Pages as people set them up for themselves: twice as large, without motion, by keyboard where nothing or trouble is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.keyboard import tab_to
from tests.e2e.looking import ROWS, list_path, wait_for_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

    from jobs.models import Bucket
    from tests.e2e.sites import Site

    NewBucket = Callable[..., Bucket]

DENIED = {"kind": "error", "status": 403, "code": "AccessDenied", "message": "Access Denied."}


def test_twice_as_large_nothing_is_cut_off(demo: Site, new_context: Callable[..., BrowserContext]) -> None:
    # A window of 1280 pixels at 200 % is one of 640, each of them drawn as two.
    page = new_context(base_url=demo.address, viewport={"width": 640, "height": 400}, device_scale_factor=2).new_page()
    page.goto(list_path("media-live-1250000000", "states=Failed&range=30d"))
    page.locator(ROWS).first.wait_for()
    list_width = page.evaluate("document.documentElement.scrollWidth")

    page.locator(f"{ROWS} .name a").first.click()
    page.locator("#drawer-title").wait_for()

    assert list_width <= 640
    assert page.evaluate("document.documentElement.scrollWidth") <= 640


def test_nothing_moves_for_people_who_asked_for_that(demo: Site, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(base_url=demo.address, reduced_motion="reduce").new_page()
    page.goto(list_path("media-silent-1250000000"))
    page.locator(".bones").wait_for()

    moving = page.evaluate("document.getAnimations().length")

    assert moving == 0


def test_condition_that_leaves_nothing_is_dropped_by_keyboard(page: Page, new_bucket: NewBucket) -> None:
    page.goto(list_path(new_bucket(jobs=3), "name=nothing-like-it"))
    page.locator(".empty").wait_for()

    tab_to(page, ".empty .chip")
    page.keyboard.press("Enter")

    wait_for_rows(page, 3)
    page.locator("#summary:focus").wait_for()


@pytest.mark.console_allows(TROUBLE_STATUS)
def test_trouble_is_tried_again_by_keyboard(page: Page, new_bucket: NewBucket, site: Site) -> None:
    bucket = new_bucket(jobs=3, faults=(DENIED,))
    page.goto(list_path(bucket))
    page.locator("[data-code=AccessDenied]").wait_for()
    site.emulator.set_faults(bucket.name)

    tab_to(page, ".problem .actions button")
    page.keyboard.press("Enter")

    wait_for_rows(page, 3)
