"""Count all, export all: from the list to the file, by mouse and without script."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import TROUBLE_FRAGMENT, TROUBLE_STATUS
from tests.e2e.keyboard import tab_to
from tests.e2e.looking import list_path, see_more, wait_for_rows
from tests.e2e.test_axe import assert_accessible

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

SLOW_DOWN = {
    "kind": "error",
    "status": 400,
    "code": "InvalidArgument",
    "message": "Param is illegal",
    "when": {"size": "100"},
}


def ids_of(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["JobId"] for line in lines[1:]]


def download(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as coming:
        page.get_by_role("link", name=name).click()
    file = folder / coming.value.suggested_filename
    coming.value.save_as(file)
    return file


def test_all_is_counted_and_fetched_by_keyboard_alone(
    page: Page, new_bucket: NewBucket, emulator: Emulator, tmp_path: Path
) -> None:
    bucket = new_bucket(jobs=30)
    page.goto(list_path(bucket, "size=10"))
    wait_for_rows(page, 10)

    tab_to(page, "#to-export")
    page.keyboard.press("Enter")
    page.locator("#of-all").wait_for()
    tab_to(page, "form[action*=export] button")
    page.keyboard.press("Enter")
    page.locator("#walk[data-state=done]").wait_for()
    tab_to(page, "a[download][href*=jsonl]")
    with page.expect_download() as coming:
        page.keyboard.press("Enter")

    coming.value.save_as(tmp_path / "jobs")
    assert ids_of(tmp_path / "jobs") == emulator.job_ids(bucket.name)


def test_list_is_counted_and_exported_to_its_end(
    page: Page, new_bucket: NewBucket, emulator: Emulator, tmp_path: Path
) -> None:
    bucket = new_bucket(jobs=230)
    page.goto(list_path(bucket, "size=10"))
    wait_for_rows(page, 10)
    page.get_by_role("link", name="Export", exact=True).click()
    page.get_by_role("button", name="Count and export all").click()

    page.locator("#walk[data-state=done]").wait_for()

    assert page.locator("#stands").inner_text() == "230 jobs in all"
    assert page.locator("#announce").inner_text() in {"", "230 jobs in all"}
    file = download(page, "JSON Lines of all, 230 jobs", tmp_path)
    assert ids_of(file) == emulator.job_ids(bucket.name)
    assert f"{bucket.name}_all-230-jobs_" in file.name


def test_link_grows_with_the_list(page: Page, new_bucket: NewBucket, emulator: Emulator, tmp_path: Path) -> None:
    bucket = new_bucket(jobs=45)
    page.set_viewport_size({"width": 1200, "height": 600})
    page.goto(list_path(bucket, "size=20"))
    see_more(page)
    see_more(page)
    page.locator('#to-export[href*="depth=3"]').click()

    file = download(page, "JSON Lines of 45 loaded", tmp_path)

    assert ids_of(file) == emulator.job_ids(bucket.name)


def test_it_works_without_script(plain_page: Page, new_bucket: NewBucket, emulator: Emulator, tmp_path: Path) -> None:
    page = plain_page
    bucket = new_bucket(jobs=130, latency=0.6)
    page.goto(f"/buckets/{bucket.name}/export/")
    page.get_by_role("button", name="Count and export all").click()

    page.get_by_role("link", name="JSON Lines of all, 130 jobs").wait_for()  # the page reloads itself until then

    assert ids_of(download(page, "JSON Lines of all, 130 jobs", tmp_path)) == emulator.job_ids(bucket.name)


@pytest.mark.console_allows(TROUBLE_STATUS, TROUBLE_FRAGMENT)
@pytest.mark.parametrize("width", [360, 1600])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_state_is_accessible_and_fits(page: Page, new_bucket: NewBucket, width: int, language: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    path = f"/buckets/{{}}/export/?lang={language}&pin=1780000000.1780000000000"
    bucket = new_bucket(jobs=230, latency=0.1)

    def check() -> None:
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.goto(f"/buckets/{bucket.name}/export/?lang={language}")
    page.locator("#of-all").wait_for()
    check()
    page.locator("form[action*=export] button").click()
    page.locator("#walk[data-state=done]").wait_for()
    check()

    slow = new_bucket(jobs=500, latency=1.0)
    page.goto(f"/buckets/{slow.name}/export/?lang={language}")
    page.locator("form[action*=export] button").click()
    page.locator("progress").wait_for()
    check()
    page.locator("form[action*=cancel] button").click()
    page.locator("#walk[data-state=cancelled]").wait_for()
    check()

    refused = new_bucket(jobs=1)
    page.goto(f"/buckets/{refused.name}/export/?lang={language}")
    page.locator("#of-all").wait_for()
    page.goto(path.format(refused.name) + "&states=nothing")
    page.locator("[data-code=wrong_filter]").wait_for()
    check()
