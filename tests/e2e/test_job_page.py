"""A job in the browser: its raw form, copying, and the whole way to it by the keyboard alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.keyboard import tab_to
from tests.e2e.looking import ROWS, job_path, list_path, wait_for_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

    from jobs.models import Bucket
    from tests.e2e.sites import Site
    from tests.emulators import Emulator

PAST = "2026-06-27T15:23:10+0800"
JOB: dict[str, Any] = {
    "Name": "nightly <b>夜间</b>",
    "Type": "Job",
    "State": "Success",
    "CreationTime": PAST,
    "Operation": {
        "Tag": "Transcode",
        "UserData": "owner=ops&token=hush",
        "CallBack": "https://hooks.example.com/hush/in?sign=hush",
        "TimeInterval": {"Start": "2026-06-01T00:00:00+0800", "End": "2026-06-02T00:00:00+0800"},
        "Output": {"Region": "ap-guangzhou", "Bucket": "out-1250000000", "Object": "o/${InventoryTriggerJobId}.mp4"},
        "Unheard": {"Of": "1"},
    },
}
PARTS = ("operation", "output", "time-interval", "input", "raw")


@pytest.fixture
def bucket(new_bucket: Callable[..., Bucket]) -> Bucket:
    """A bucket with one job of known nodes."""
    return new_bucket(given=(JOB,))


@pytest.fixture
def job_id(bucket: Bucket, emulator: Emulator) -> str:
    """The job's id."""
    return emulator.job_ids(bucket.name)[0]


def test_raw_shows_the_xml_as_received_but_for_masks(page: Page, bucket: Bucket, job_id: str) -> None:
    page.goto(job_path(bucket, job_id, "raw"))
    xml = page.locator("pre[aria-labelledby=raw-xml]")
    xml.wait_for()

    text = xml.inner_text()
    assert "<Name>nightly &lt;b&gt;夜间&lt;/b&gt;</Name>" in text
    assert "<UserData>owner=ops&amp;token=***</UserData>" in text
    assert "<Of>1</Of>" in text
    assert "hush" not in page.content()


def test_copy_button_copies_the_raw_xml_and_says_so(
    new_context: Callable[..., BrowserContext],
    sign_in: Callable[..., BrowserContext],
    site: Site,
    bucket: Bucket,
    job_id: str,
) -> None:
    context = sign_in(new_context(base_url=site.address, permissions=["clipboard-read", "clipboard-write"]), site)
    page = context.new_page()
    page.goto(job_path(bucket, job_id, "raw"))
    page.get_by_role("button", name="Copy XML").click()
    page.locator("#announce", has_text="XML copied").wait_for()

    copied = page.evaluate("navigator.clipboard.readText()")

    assert copied == page.locator("pre[aria-labelledby=raw-xml]").inner_text()
    assert "hush" not in copied


def test_copy_button_works_where_the_clipboard_is_denied(page: Page, bucket: Bucket, job_id: str) -> None:
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.add_init_script(
        "addEventListener('copy', () => { window.copied = document.activeElement.value?.slice("
        "document.activeElement.selectionStart, document.activeElement.selectionEnd) })"
    )
    page.goto(job_path(bucket, job_id))
    page.get_by_role("button", name="Copy job id").click()
    page.locator("#announce", has_text="Job id copied").wait_for()

    assert page.evaluate("window.copied") == job_id


def test_copy_buttons_are_not_shown_without_javascript(plain_page: Page, bucket: Bucket, job_id: str) -> None:
    plain_page.goto(job_path(bucket, job_id, "raw"))
    plain_page.locator("pre[aria-labelledby=raw-xml]").wait_for()

    assert plain_page.locator("button.copy:visible").count() == 0


def test_output_path_holds_the_job_id_once(page: Page, bucket: Bucket, job_id: str) -> None:
    page.goto(job_path(bucket, job_id, "output"))
    page.wait_for_selector("#panel h2")

    assert page.locator("code[data-resolved]").all_inner_texts() == [f"o/{job_id}.mp4"]


def test_main_path_works_by_keyboard_alone(page: Page, bucket: Bucket, job_id: str, emulator: Emulator) -> None:
    emulator.add_job(bucket.name, Name="another", State="Failed", CreationTime=PAST)

    page.goto("/")
    tab_to(page, ".skip")
    tab_to(page, f'.lines th a[href*="{bucket.name}"]')
    page.keyboard.press("Enter")
    wait_for_rows(page, 2)

    tab_to(page, '#filter input[name="states"][value="Success"]')
    page.keyboard.press("Space")
    wait_for_rows(page, 1)
    page.wait_for_url("**?states=Success")
    tab_to(page, f"{ROWS} .name a")
    page.keyboard.press("Enter")
    page.locator("#drawer-title:focus").wait_for()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.textContent") == "Full page"
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{job_path(bucket, job_id)}")

    for part in PARTS[1:]:
        tab_to(page, f"#part-{part}")
        page.keyboard.press("Enter")
        page.locator(f"#part-{part}[aria-current=page]").wait_for()
        page.locator("#panel h2").first.wait_for()
        # The keyboard stays at the parts: the swap took the link away and put the same one there.
        assert page.evaluate("document.activeElement.id") == f"part-{part}"


def test_parts_open_in_place_without_a_reload(page: Page, bucket: Bucket, job_id: str) -> None:
    page.goto(job_path(bucket, job_id))
    page.evaluate("window.mark = 1")

    for part in PARTS[1:]:
        page.click(f"#part-{part}")
        page.locator(f"#part-{part}[aria-current=page]").wait_for()
        page.wait_for_url(f"**{job_path(bucket, job_id, part)}")

    assert page.evaluate("window.mark") == 1


def test_whole_way_works_without_javascript(plain_page: Page, bucket: Bucket, job_id: str) -> None:
    plain_page.goto("/")
    plain_page.click(f'.lines th a[href*="{bucket.name}"]')
    plain_page.locator(ROWS).first.wait_for()
    plain_page.check('#filter input[name="states"][value="Success"]')
    plain_page.click("#filter button.primary")
    plain_page.locator(ROWS).first.wait_for()
    assert plain_page.url.endswith(list_path(bucket, "states=Success"))

    plain_page.click(f"{ROWS} .name a")
    for part in PARTS[1:]:
        plain_page.click(f"#part-{part}")
        plain_page.wait_for_url(f"**{job_path(bucket, job_id, part)}")
        plain_page.locator("#panel h2").first.wait_for()
