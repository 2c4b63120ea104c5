"""Chinese in the browser: the reader's language, the links that change it, and room for its words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.looking import ROWS, list_path, wait_for_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

    from jobs.models import Bucket
    from tests.e2e.sites import Site

LIVE, IRREGULAR = "media-live-1250000000", "media-irregular-1250000000"


def test_language_links_lead_to_what_htmx_has_made_of_the_page(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(jobs=30)
    page.goto(list_path(bucket))
    wait_for_rows(page, 30)
    page.get_by_label("Failed").check()
    page.wait_for_url("**/jobs/?states=Failed")

    page.locator("a[hreflang=zh-Hans]").click()

    page.wait_for_url("**/jobs/?states=Failed&lang=zh-hans")
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    assert page.locator("#summary").inner_text() == "执行失败的任务，从新到旧"

    page.locator("#results .chip").first.click()
    page.wait_for_url("**/jobs/?lang=zh-hans")
    page.locator("a[hreflang=en]").press("Enter")

    page.wait_for_url("**/jobs/?lang=en")
    assert page.locator("#summary").inner_text() == "All jobs, newest first"


def test_links_to_send_hold_no_language_of_a_chinese_reader(
    demo: Site, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(base_url=demo.address, locale="zh-CN").new_page()
    page.goto(list_path(LIVE))
    page.locator(ROWS).first.wait_for()

    page.locator('#filter input[value="Failed"]').check()
    page.wait_for_url("**/jobs/?states=Failed")

    assert page.locator("#summary", has_text="执行失败的任务").count() == 1
    page.locator(f"{ROWS} a").first.click()
    page.wait_for_url("**/jobs/?states=Failed*&job=b*")
    assert page.locator("#drawer .state").first.inner_text() == "执行失败"


@pytest.mark.console_allows(TROUBLE_STATUS)
@pytest.mark.parametrize("width", [360, 800, 1600])
def test_chinese_pages_fit(
    demo: Site, new_context: Callable[..., BrowserContext], sign_in: Callable[..., BrowserContext], width: int
) -> None:
    context = new_context(base_url=demo.address, locale="zh-CN", viewport={"width": width, "height": 900})
    page = sign_in(context, demo).new_page()
    for path in (
        "/",
        list_path(LIVE),
        list_path(LIVE, "states=Failed,Running&type=Job&range=30d&orderByTime=Asc"),
        list_path(IRREGULAR, "size=100"),
        list_path(IRREGULAR, "states=failed&size=0"),
        list_path("media-empty-1250000000"),
        list_path("media-denied-1250000000"),
        "/buckets/media-live-1250000000/insight/?range=30d",
        f"/jobs/insight/?bucket={LIVE},{IRREGULAR},media-denied-1250000000&size=100",
        "/buckets/media-live-1250000000/export/",
        "/status/",
        "/nowhere/",
    ):
        page.goto(path)
        page.wait_for_selector("#results > :not([data-pending], [hidden]), #status, main .card")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
