"""Rows far from what one sees: the browser spares their layout (css/list.css), and nobody may miss them for that."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.e2e.looking import ids, list_path, see_more, wait_for_rows
from tests.e2e.test_depth import PLACE, TOP_ROW, wait_for_place
from tests.e2e.test_live import given

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    from jobs.models import Bucket

JOBS, SIZE = 100, 20
SPARED = "(row) => !document.getElementById(row).checkVisibility({ contentVisibilityAuto: true })"
"""Whether the browser has left a row's layout out."""


@pytest.fixture(scope="module")
def browser(browser: Browser) -> Iterator[Browser]:
    """A Chromium that tells of pages what it tells screen readers. Without one it leaves out what it hasn't laid out."""
    telling = browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, "--force-renderer-accessibility"])
    yield telling
    telling.close()


@pytest.fixture
def deep(page: Page, new_bucket: Callable[..., Bucket]) -> Page:
    """A list whose pages are loaded, looked at from its top in a tab of its own, so that most rows were never seen."""
    bucket = new_bucket(given=given(JOBS))
    page.goto(list_path(bucket, f"size={SIZE}"))
    while not page.locator("#more[data-end]").count():
        see_more(page)
    page.goto(page.url.partition("#")[0])
    wait_for_rows(page, JOBS)
    return page


def test_rows_that_are_far_are_not_laid_out(deep: Page) -> None:
    names = ids(deep)

    spared = [name for name in names if deep.evaluate(SPARED, f"job-{name}")]

    assert names[0] not in spared
    assert names[-1] in spared
    assert len(spared) >= JOBS / 4


def test_screen_reader_finds_every_row_with_all_its_cells(deep: Page) -> None:
    session = deep.context.new_cdp_session(deep)
    session.send("Accessibility.enable")

    nodes: list[dict[str, Any]] = session.send("Accessibility.getFullAXTree")["nodes"]

    found = Counter(node["role"]["value"] for node in nodes if not node["ignored"])
    assert found["table"] == 1
    assert found["columnheader"] == 6
    assert found["row"] >= 1 + JOBS
    assert found["cell"] >= 6 * JOBS
    links = {node["name"]["value"] for node in nodes if node["role"]["value"] == "link"}
    assert set(deep.locator(".jobs .name a").all_text_contents()) <= links


def test_link_to_a_far_row_opens_there(deep: Page) -> None:
    name, address = ids(deep)[-40], deep.url.partition("#")[0]

    # A document of its own: behind # alone the browser would stay on this one.
    deep.goto("about:blank")
    deep.goto(f"{address}#job-{name}")

    wait_for_rows(deep, JOBS)
    head = deep.locator(".jobs thead").bounding_box()
    row = deep.locator(f"#job-{name}").bounding_box()
    assert head
    assert row
    assert head["y"] + head["height"] - 1 <= row["y"] < 400


def test_far_row_is_found_by_its_name(deep: Page) -> None:
    name = deep.locator(".jobs .name a").last.text_content()

    found = deep.evaluate("(name) => window.find(name)", name)

    assert found
    assert deep.evaluate("() => getSelection().focusNode.parentElement.closest('tr').id") == f"job-{ids(deep)[-1]}"


def test_place_comes_back_exactly_though_rows_are_higher_than_was_guessed(
    page: Page, new_bucket: Callable[..., Bucket]
) -> None:
    failed = {"Code": "InvalidArgument", "Message": "The template of this job names a format that is not known. " * 3}
    page.set_viewport_size({"width": 1000, "height": 400})
    page.goto(list_path(new_bucket(given=tuple({**job, **failed} for job in given(JOBS, "Failed"))), f"size={SIZE}"))
    while not page.locator("#more[data-end]").count():
        see_more(page)
    page.evaluate("document.querySelectorAll('tr[id]')[70].scrollIntoView({ block: 'center' })")
    page.wait_for_function(f"() => location.hash === '#' + ({TOP_ROW})()")
    before = page.evaluate(PLACE)

    page.reload()

    wait_for_rows(page, JOBS)
    wait_for_place(page, before)
    page.goto("/")
    page.go_back()
    wait_for_rows(page, JOBS)
    wait_for_place(page, before)
