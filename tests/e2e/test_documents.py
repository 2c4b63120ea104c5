"""What the page says when Batchlens itself doesn't answer as it should: a notice over the list, which stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.looking import ids, list_path, wait_for_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Route

    from jobs.models import Bucket

ADDRESS = "**/jobs/?states=Failed**"
BROKEN_LINE = r"Failed to load resource: net::ERR_\w+"
"""What the browser itself writes about a request that came to nothing."""
GIVEN_UP = r"htmx:timeout.*"
"""What htmx writes where a time-out has been set: of that the browser says nothing."""


@pytest.fixture
def listed(page: Page, new_bucket: Callable[..., Bucket]) -> Page:
    """A list of thirty jobs."""
    page.goto(list_path(new_bucket(jobs=30)))
    wait_for_rows(page, 30)
    return page


def gateway(status: int) -> Callable[[Route], None]:
    """Answer as a proxy in between does: with a document of its own."""
    body = "\n<!DOCTYPE html><html><head><title>Oops</title></head><body><h1>Bad gateway</h1></body></html>"
    return lambda route: route.fulfill(status=status, content_type="text/html", body=body)


@pytest.mark.console_allows(TROUBLE_STATUS, BROKEN_LINE)
@pytest.mark.parametrize(
    "answer",
    [gateway(500), gateway(502), gateway(503), lambda route: route.abort("connectionrefused")],
    ids=["500", "502", "503", "no line"],
)
def test_trouble_of_our_own_is_told_over_the_list_until_an_answer_comes(
    listed: Page, answer: Callable[[Route], None]
) -> None:
    jobs = ids(listed)
    listed.route(ADDRESS, answer)
    assert listed.locator("#trouble").is_hidden()

    listed.get_by_label("Failed").check()
    listed.locator("#trouble").wait_for()

    assert "did not answer as it should" in listed.locator("#trouble").inner_text()
    assert listed.get_by_text("Bad gateway").count() == 0
    assert ids(listed) == jobs
    listed.unroute(ADDRESS)
    listed.get_by_label("Paused").check()
    listed.locator("#summary", has_text="Failed and paused").wait_for()
    assert listed.locator("#trouble").is_hidden()


@pytest.mark.console_allows(GIVEN_UP)
def test_answer_that_never_comes_is_told_once_it_is_given_up(listed: Page) -> None:
    """Nothing of ours gives up by itself; who sets htmx's time-out is told all the same."""
    jobs = ids(listed)
    listed.route(ADDRESS, lambda _route: None)  # kept for ever
    listed.evaluate("() => { htmx.config.timeout = 200; }")

    listed.get_by_label("Failed").check()
    listed.locator("#trouble").wait_for()

    assert ids(listed) == jobs


def test_document_of_another_page_is_not_pasted_into_this_one_which_loads_anew(listed: Page) -> None:
    listed.evaluate("window.mark = 1")
    listed.route(ADDRESS, gateway(200))

    listed.get_by_label("Failed").check()
    listed.wait_for_function("() => !window.mark")
    wait_for_rows(listed, 30)

    assert listed.get_by_text("Bad gateway").count() == 0
    assert listed.locator("#trouble").is_hidden()
