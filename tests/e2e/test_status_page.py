"""The status page in a browser: it tells what changes by itself, only while it is seen, and works without script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.looking import list_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from jobs.models import Bucket
    from tests.e2e.sites import Reader

DENIED = {"kind": "error", "status": 403, "code": "AccessDenied", "message": "Access Denied."}


def state(bucket: Bucket, now: str = "") -> str:
    """Return a selector of the bucket's row, in a state."""
    return f'[data-name="{bucket.name}"]' + (f'[data-state="{now}"]' if now else "")


def fast(page: Page) -> None:
    """Let five seconds of the page pass in half of one."""
    page.add_init_script("const later = setTimeout; setTimeout = (what, time) => later(what, time / 10);")


def test_page_tells_by_itself_what_changes(page: Page, new_bucket: Callable[..., Bucket], reader: Reader) -> None:
    well, bad = new_bucket(jobs=1), new_bucket(jobs=1, faults=(DENIED,))
    fast(page)
    page.goto("/status/")
    assert page.locator(state(well, "unasked")).count() == page.locator(state(bad, "unasked")).count() == 1
    page.locator(f"#to-{well.name}").focus()

    reader.patient(list_path(well))
    reader.patient(list_path(bad))

    page.wait_for_selector(state(well, "well"))
    page.wait_for_selector(state(bad, "trouble"))
    assert "AccessDenied" in page.locator(state(bad)).inner_text()
    # Whoever stands on a link still does.
    assert page.evaluate("document.activeElement.id") == f"to-{well.name}"


def asked(page: Page, seconds: float) -> int:
    """Return how often the page asks within so many seconds of its time, which runs ten times as fast."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url))
    page.wait_for_timeout(seconds * 100)
    return len(found)


def test_page_is_quiet_while_nobody_sees_it_reads_it_or_wants_it(page: Page) -> None:
    fast(page)
    page.goto("/status/")
    for _ in range(2):
        with page.expect_request(lambda request: request.resource_type == "xhr"):
            pass

    page.locator("#live").uncheck()
    assert asked(page, 16) == 0

    page.locator("#live").check()
    page.evaluate("getSelection().selectAllChildren(document.getElementById('summary'))")
    page.wait_for_load_state("networkidle")
    assert asked(page, 16) == 0

    page.evaluate("getSelection().removeAllRanges()")
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
    page.wait_for_load_state("networkidle")
    assert asked(page, 16) == 0


def test_without_script_the_link_reloads(plain_page: Page, new_bucket: Callable[..., Bucket], reader: Reader) -> None:
    bucket = new_bucket(jobs=1)
    plain_page.goto("/status/")
    assert plain_page.locator(state(bucket, "unasked")).count() == 1
    assert not plain_page.locator("#live").is_visible()
    reader.patient(list_path(bucket))

    plain_page.get_by_role("link", name="Reload").click()

    plain_page.locator(state(bucket, "well")).wait_for()
