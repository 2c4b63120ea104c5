"""What stays in sight over a long list: the filter as text, and the head of the table under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.looking import ROWS, list_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

    from tests.e2e.sites import Site

LIST = list_path("media-live-1250000000")


def scrolled(site: Site, new_context: Callable[..., BrowserContext], width: int, height: int = 740) -> Page:
    """Return a list that is scrolled to the middle of its rows."""
    page = new_context(base_url=site.address, viewport={"width": width, "height": height}).new_page()
    page.goto(LIST)
    page.locator(ROWS).first.wait_for()
    page.evaluate("scrollTo(0, 1200)")
    return page


def test_text_box_and_head_stay_in_sight_one_under_the_other(
    demo: Site, new_context: Callable[..., BrowserContext]
) -> None:
    for width in (800, 1600):
        page = scrolled(demo, new_context, width)

        bar = page.locator("#text-box").bounding_box()
        heads = [head.bounding_box() for head in page.locator(".jobs thead th").all()]

        assert bar
        assert bar["y"] == 0
        assert len(heads) == 6
        for head in heads:
            assert head
            assert abs(head["y"] - bar["height"]) <= 1, (bar, heads)


def test_filter_can_be_written_in_mid_scroll(demo: Site, new_context: Callable[..., BrowserContext]) -> None:
    page = scrolled(demo, new_context, 1280)

    page.keyboard.press("/")
    page.keyboard.type("state:failed")

    assert page.evaluate("scrollY") == 1200
    page.keyboard.press("Enter")
    page.locator("#results .chip").first.wait_for()
    page.locator(ROWS).first.wait_for()
    page.wait_for_function("() => scrollY < 1200")


def test_filter_of_a_phone_opens_in_mid_scroll(demo: Site, new_context: Callable[..., BrowserContext]) -> None:
    page = scrolled(demo, new_context, 360)

    page.locator(".fold > summary").click()

    box = page.locator('#filter input[value="Failed"]').bounding_box()
    assert box
    assert 0 < box["y"] < 740
    assert page.evaluate("scrollY") >= 1200


def test_low_window_is_left_to_the_rows(demo: Site, new_context: Callable[..., BrowserContext]) -> None:
    page = scrolled(demo, new_context, 1280, height=400)

    bar = page.locator("#text-box").bounding_box()

    assert bar
    assert bar["y"] + bar["height"] < 0
