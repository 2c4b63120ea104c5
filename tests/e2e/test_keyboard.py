"""The keyboard alone, all the way through the drawer and the zone switch: everything is reached, and one sees where one is."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.keyboard import tab_to, walk_by_tab
from tests.e2e.looking import (
    ROWS,
    ids,
    job_path,
    list_path,
    see_more,
    wait_for_htmx,
    wait_for_more_rows,
    wait_for_rows,
    wait_until_drawn,
)
from tests.e2e.test_live import DENIED, given, look, stamp, tick

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

    from jobs.models import Bucket
    from tests.e2e.sites import Site
    from tests.emulators import Emulator

FOCUSED_ROW = "document.activeElement.closest('tr')?.id.slice(4)"


@pytest.fixture
def listed(
    new_context: Callable[..., BrowserContext],
    sign_in: Callable[..., BrowserContext],
    site: Site,
    new_bucket: Callable[..., Bucket],
) -> Page:
    """A list of three jobs in a browser that lets pages copy."""
    bucket = new_bucket(jobs=3)
    context = new_context(
        base_url=site.address,
        viewport={"width": 1600, "height": 900},
        permissions=["clipboard-read", "clipboard-write"],
    )
    page = sign_in(context, site).new_page()
    page.goto(list_path(bucket))
    wait_for_rows(page, 3)
    return page


def wait_for_job(page: Page, job_id: str) -> None:
    page.locator("#drawer[open] .facts code", has_text=job_id).first.wait_for()


def copied(page: Page) -> str:
    """Wait until something was copied, and return it."""
    page.locator("#drawer .copy[data-done]").wait_for()
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_drawer_is_walked_through_and_left_by_keyboard(listed: Page) -> None:
    first, second, _third = ids(listed)
    tab_to(listed, f"{ROWS} .name a")
    listed.keyboard.press("Enter")
    wait_for_job(listed, first)
    listed.locator("#drawer-title:focus").wait_for()

    tab_to(listed, "#drawer-next", back=True)
    listed.keyboard.press("Enter")
    wait_for_job(listed, second)
    listed.locator("#drawer-next:focus").wait_for()
    tab_to(listed, "#drawer-previous", back=True)
    listed.keyboard.press("Enter")
    wait_for_job(listed, first)
    tab_to(listed, "#drawer-close")
    listed.keyboard.press("Enter")

    listed.locator("#drawer:not([open])").wait_for(state="attached")
    assert listed.evaluate(FOCUSED_ROW) == first


def test_what_the_drawer_offers_to_copy_is_copied_by_keyboard(listed: Page) -> None:
    job_id = ids(listed)[0]
    tab_to(listed, f"{ROWS} .name a")
    listed.keyboard.press("Enter")
    listed.locator("#drawer-title:focus").wait_for()

    tab_to(listed, "#drawer .facts .copy")
    listed.keyboard.press("Enter")
    assert copied(listed) == job_id

    tab_to(listed, "#drawer .snippets summary")
    listed.keyboard.press("Enter")
    tab_to(listed, "#drawer .snippets .copy")
    listed.locator("#drawer .copy[data-done]").wait_for(state="detached")
    listed.keyboard.press("Enter")
    assert copied(listed).startswith("curl ")
    tab_to(listed, "#drawer .snippets pre")  # it may be wider than the drawer, so it can be scrolled by keyboard

    tab_to(listed, "#part-output")
    listed.keyboard.press("Enter")
    listed.locator("#part-output[aria-current]:focus").wait_for()


def test_zone_is_chosen_by_keyboard(listed: Page) -> None:
    tab_to(listed, "button.zone")
    listed.keyboard.press("Enter")
    listed.locator("#zones:popover-open").wait_for()

    tab_to(listed, "#zones a:not([aria-current])")
    tab_to(listed, "#other-zone")
    tab_to(listed, "#zones button")
    listed.keyboard.press("Escape")
    listed.locator("#zones:popover-open").wait_for(state="detached")
    assert listed.evaluate("document.activeElement.matches('button.zone')")

    listed.keyboard.press("Enter")
    tab_to(listed, "#other-zone")
    listed.keyboard.type("Pacific/Auckland")
    listed.keyboard.press("Enter")

    listed.get_by_role("button", name="Times in Pacific/Auckland").wait_for()
    assert parse_qs(urlsplit(listed.url).query) == {"tz": ["Pacific/Auckland"]}


@pytest.mark.parametrize("mark", ["outline: none; box-shadow: 0 0 0 2px red", "outline: 2px solid red"])
def test_mark_that_is_there_without_the_focus_shows_none(new_context: Callable[..., BrowserContext], mark: str) -> None:
    """Else nobody would notice that a button with a shadow of its own doesn't show the focus."""
    page = new_context().new_page()
    style = f"<style>button {{ {mark} }} #marked:focus {{ outline: 3px solid blue }}</style>"
    page.set_content(f"{style}<button id=one>One</button><button id=marked>Two</button>")

    with pytest.raises(AssertionError, match="nothing shows"):
        tab_to(page, "#one")
    tab_to(page, "#marked")


def is_met(page: Page, *selectors: str) -> None:
    """Check that Tab leads to everything that one could click, among it what the selectors name."""
    for selector in selectors:
        assert page.locator(selector).first.is_visible(), selector
    reachable, missed = walk_by_tab(page)
    assert len(reachable) > len(selectors)
    assert missed == []


@pytest.mark.web(FIRST_WAIT="5")
def test_tab_leads_to_everything_of_a_list_that_is_live(
    page: Page, site: Site, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(given=given(3))
    look(page, bucket, "range=24h")
    emulator.add_job(bucket.name, CreationTime=stamp(60), State="Running")
    tick(page, site, bucket)
    page.wait_for_selector("#newer a")

    is_met(
        page, "#newer a", "#ticking", "#to-export", "#filter-q", ".links button", ".chip", "button.zone", "#to-summary"
    )


def test_tab_leads_to_everything_of_a_job_and_beside_it(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(given=given(3))
    job = emulator.job_ids(bucket.name)[1]
    page.goto(list_path(bucket, f"job={job}"))
    page.wait_for_selector("#drawer[open] #panel h2")
    is_met(page, "#drawer-next", "#drawer-previous", "#drawer-close", "#part-output", "#drawer .snippets summary")

    page.goto(job_path(bucket, job))
    page.wait_for_selector("#panel h2")
    is_met(page, "#part-raw", ".copy", ".snippets summary")


@pytest.mark.console_allows(TROUBLE_STATUS)
def test_tab_leads_to_everything_where_there_are_no_rows(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    empty, denied = new_bucket(), new_bucket(faults=(DENIED,))
    for path, *selectors in (
        (list_path(empty, "states=Failed&range=24h"), "#results .empty a", ".chip"),
        (list_path(denied), ".problem button", ".problem [data-copy]"),
        (list_path(empty, "states=failed&size=0"), ".problem li a"),
    ):
        page.goto(path)
        page.wait_for_selector(selectors[0])
        is_met(page, *selectors)


def test_more_rows_are_asked_for_by_keyboard(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    page.goto(list_path(new_bucket(jobs=90), "size=10"))
    page.wait_for_selector("#more")
    while page.locator("#more[hx-trigger*=intersect]").count():
        see_more(page)
    shown = len(ids(page))
    page.locator(f"{ROWS} .name a").last.focus()

    tab_to(page, "#more a")
    page.keyboard.press("Enter")

    wait_for_more_rows(page, shown)


def test_list_is_narrowed_to_a_cell_by_keyboard(listed: Page) -> None:
    tab_to(listed, f"{ROWS} .name a")
    tab_to(listed, "#cell-button")
    listed.keyboard.press("Enter")
    listed.locator("#cell-menu:popover-open").wait_for()
    state = listed.locator(ROWS).first.get_attribute("data-state")

    tab_to(listed, f"#cell-menu a[href*='states={state}']")
    listed.keyboard.press("Enter")

    listed.wait_for_url(f"**?states={state}")


def test_focus_stays_where_it_was_moved_to_while_an_answer_is_put_in_place(listed: Page) -> None:
    kept = "() => document.activeElement.matches('a[hreflang]')"
    listed.get_by_label("Failed").check()
    listed.wait_for_url("**/jobs/?states=Failed")
    wait_for_htmx(listed)
    # Behind the page's own listeners: by then what had the focus is gone, and the list's sentence is about to get it.
    listed.evaluate(
        "() => document.addEventListener('htmx:afterSettle', () => document.querySelector('a[hreflang]').focus())"
    )

    listed.locator("#results .chip").first.press("Enter")

    listed.wait_for_url("**/jobs/")
    listed.wait_for_function(kept)
    wait_until_drawn(listed)
    assert listed.evaluate(kept)


def test_focus_stays_where_it_was_moved_to_while_the_browser_asks_whether_to_copy(listed: Page) -> None:
    listed.evaluate(
        "() => { navigator.clipboard.writeText = () => new Promise((allowed) => (window.allowed = allowed)); }"
    )
    listed.locator("#as-of .copy, .meta .copy").first.press("Enter")
    listed.locator("a[hreflang]").first.focus()

    listed.evaluate("() => window.allowed()")

    listed.locator(".copy[data-done]").wait_for()
    assert listed.evaluate("document.activeElement.matches('a[hreflang]')")
