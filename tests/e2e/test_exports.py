"""Count all, export all: from the list to the file, by mouse and without script."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from requests.exceptions import ChunkedEncodingError

from jobs import clock
from jobs.cloudinfinite.schema import Job
from jobs.models import Walk, WalkBatch
from jobs.records import Row, pack
from tests.e2e.accessible import LANGUAGES, assert_accessible_and_fits
from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.keyboard import tab_to
from tests.e2e.looking import list_path, see_more, wait_for_htmx, wait_for_rows
from tests.e2e.test_live import DENIED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from jobs.models import Bucket
    from tests.e2e.sites import Reader
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]


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


def test_count_is_cancelled_and_goes_on_by_keyboard_alone(
    page: Page, new_bucket: NewBucket, emulator: Emulator, tmp_path: Path
) -> None:
    bucket = new_bucket(jobs=900, latency=0.8)
    page.goto(f"/buckets/{bucket.name}/export/")
    page.locator("#of-all").wait_for()
    tab_to(page, "form[action*=export] button")
    page.keyboard.press("Enter")
    page.locator("progress").wait_for()

    tab_to(page, "form[action*=cancel] button")
    page.keyboard.press("Enter")
    page.locator("#walk[data-state=cancelled]").wait_for()
    tab_to(page, "form[action*=resume] button")
    page.keyboard.press("Enter")
    page.locator("#walk[data-state=done]").wait_for(timeout=30_000)  # nine pages

    assert ids_of(download(page, "JSON Lines of all, 900 jobs", tmp_path)) == emulator.job_ids(bucket.name)


def test_focus_stays_on_cancel_while_the_numbers_change(page: Page, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=5000, latency=0.5)
    page.goto(f"/buckets/{bucket.name}/export/")
    page.locator("form[action*=export] button").click()
    page.locator("#walk-cancel").focus()

    for _ in range(2):
        with page.expect_response(lambda answer: "hx-request" in answer.request.headers):
            pass
        wait_for_htmx(page)
        assert page.evaluate("document.activeElement.id") == "walk-cancel"
    page.keyboard.press("Enter")
    page.locator("#walk[data-state=cancelled]").wait_for()


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


def test_count_is_cancelled_and_goes_on_without_script(plain_page: Page, new_bucket: NewBucket) -> None:
    page, bucket = plain_page, new_bucket(jobs=900, latency=0.7)
    page.goto(f"/buckets/{bucket.name}/export/")
    page.get_by_role("button", name="Count and export all").click()

    page.locator("form[action*=cancel] button").click()
    page.locator("#walk[data-state=cancelled]").wait_for()
    page.locator("form[action*=resume] button").click()

    page.locator("#walk[data-state=done]").wait_for(timeout=30_000)  # the page reloads itself until then


def test_file_of_a_list_that_is_too_old_opens_the_page_that_says_so(
    page: Page, new_bucket: NewBucket, tmp_path: Path
) -> None:
    bucket = new_bucket(jobs=25)
    page.goto(f"/buckets/{bucket.name}/export/?size=10")
    link = page.get_by_role("link", name="CSV of 10 loaded")
    link.evaluate("link => { link.href = link.href.replace(/pin=[^&]*/, 'pin=1700000000.1700000002000'); }")

    link.click()

    page.locator(".notice.warn", has_text="opened over an hour ago").wait_for()


def test_file_whose_part_goes_while_it_is_sent_breaks_off(reader: Reader, new_bucket: NewBucket) -> None:
    """Eighty megabytes: more than waits between two processes, so that the end isn't written yet when it goes."""
    bucket, now, pages = new_bucket(), clock.now(), 200
    rows = [Row(Job({"JobId": f"b{number:032x}", "Name": "x" * 4000})).to_primitives() for number in range(100)]
    whole = {"state": Walk.State.DONE, "pages": pages, "rows": pages * len(rows), "finished": now}
    asked = {"reader": "r", "filter": {"size": "100"}, "digest": "d", "pin": f"{int(now)}.1"}
    walk = Walk.objects.create(bucket=bucket, created=now, touched=now, **asked, **whole)
    batch = {"walk": walk, "count": len(rows), "rows": pack(rows), "ids": b"", "walked": 0.0}
    WalkBatch.objects.bulk_create(WalkBatch(number=number + 1, **batch) for number in range(pages))
    file = f"{reader.address}/buckets/{bucket.name}/export/{walk.pk}/jobs.jsonl"

    with reader.session.get(file, headers={"Accept-Encoding": "identity"}, stream=True, timeout=20) as answer:
        assert answer.status_code == 200
        content = answer.iter_content(65_536)
        next(content)
        WalkBatch.objects.filter(number=pages).delete()

        with pytest.raises(ChunkedEncodingError):
            list(content)


@pytest.mark.console_allows(TROUBLE_STATUS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_is_accessible_and_fits(page: Page, new_bucket: NewBucket, language: str) -> None:
    bucket, slow, refused = new_bucket(jobs=230, latency=0.1), new_bucket(jobs=5000, latency=1.0), new_bucket(jobs=1)
    denied = new_bucket(jobs=230, faults=({**DENIED, "when": {"token": True}},))
    path = f"/buckets/{{}}/export/?lang={language}"

    page.goto(path.format(bucket.name))
    page.locator("#of-all").wait_for()
    assert_accessible_and_fits(page, language)
    page.locator("form[action*=export] button").click()
    page.locator("#walk[data-state=done]").wait_for()
    assert_accessible_and_fits(page, language)

    page.goto(path.format(slow.name))
    page.locator("form[action*=export] button").click()
    page.locator("progress").wait_for()
    assert_accessible_and_fits(page, language)
    page.locator("form[action*=cancel] button").click()
    page.locator("#walk[data-state=cancelled]").wait_for()
    assert_accessible_and_fits(page, language)

    page.goto(path.format(refused.name))
    page.locator("#of-all").wait_for()
    page.goto(f"{path.format(refused.name)}&pin=1780000000.1780000000000&states=nothing")
    page.locator("[data-code=wrong_filter]").wait_for()
    assert_accessible_and_fits(page, language)

    page.goto(path.format(denied.name))
    page.locator("form[action*=export] button").click()
    page.locator("#walk[data-state=failed]").wait_for()
    assert_accessible_and_fits(page, language)
