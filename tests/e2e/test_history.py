"""Back, Forward and slow answers: the address and the page always tell the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.looking import ROWS, ids, job_path, list_path, wait_for_more_rows, wait_for_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from jobs.models import Bucket
    from tests.e2e.sites import Reader
    from tests.emulators import Call, Emulator


PAST = "2026-06-27T15:23:10+0800"


def test_back_from_a_job_shows_a_whole_page_without_doubled_rows(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(jobs=45)
    page.goto(list_path(bucket, "size=10"))
    page.wait_for_selector("#more")
    page.evaluate("document.getElementById('more').scrollIntoView()")
    wait_for_more_rows(page, 10)
    page.locator(f"{ROWS} a").first.click()
    page.get_by_role("link", name="Full page").click()
    page.wait_for_url("**/jobs/b*/")

    page.go_back()
    page.wait_for_selector("#more")

    assert page.locator("html > head > title").count() == 1
    assert page.locator("main h1").inner_text() == "All jobs, newest first"
    assert len(ids(page)) == len(set(ids(page))) >= 10


def test_back_after_a_filter_shows_the_list_before_it(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(jobs=30)
    page.goto(list_path(bucket))
    wait_for_rows(page, 30)
    page.get_by_label("Failed").check()
    page.wait_for_url("**/jobs/?states=Failed")
    page.locator("#summary", has_text="Failed jobs").wait_for()

    page.go_back()

    page.wait_for_url(f"**{list_path(bucket)}")
    wait_for_rows(page, 30)
    assert page.locator("#summary").inner_text() == "All jobs, newest first"
    assert page.get_by_label("Failed").is_checked() is False


@pytest.mark.parametrize("seconds", [0.7, 2.2], ids=["comes itself", "is asked for again"])
def test_slow_answer_to_an_old_filter_never_lands_after_a_new_one(
    page: Page,
    new_bucket: Callable[..., Bucket],
    emulator: Emulator,
    until: Callable[[Callable[[], object]], None],
    seconds: float,
) -> None:
    slow = {"kind": "delay", "seconds": seconds, "when": {"query": {"name": "slow"}}}
    bucket = new_bucket(given=tuple({"Name": name, "CreationTime": PAST} for name in ("slow", "quick")), faults=(slow,))
    page.goto(list_path(bucket))
    wait_for_rows(page, 2)

    def slow_calls() -> list[Call]:
        return [call for call in emulator.calls(bucket.name) if call.parameters.get("name") == "slow"]

    page.locator("[name=name]").fill("slow")
    page.keyboard.press("Enter")
    if seconds > 1:
        page.wait_for_selector("[data-pending]")
    until(slow_calls)
    page.locator("[name=name]").fill("quick")
    page.keyboard.press("Enter")
    page.locator("#summary", has_text="quick").wait_for()
    wait_for_rows(page, 1)
    until(lambda: slow_calls()[0].seconds is not None)
    page.wait_for_timeout(700)  # by now the slow answer, or a question whether it is there, would have landed

    assert page.url.endswith("?name=quick")
    assert page.locator(f"{ROWS} .name a").all_inner_texts() == ["quick"]
    assert "slow" not in page.locator("main h1").inner_text()


def test_back_from_a_part_of_a_job_shows_the_part_before_it(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=1)
    path = job_path(bucket, emulator.job_ids(bucket.name)[0])
    page.goto(path)
    for part in ("output", "raw"):
        page.click(f"#part-{part}")
        page.locator(f"#part-{part}[aria-current=page]").wait_for()
        page.wait_for_url(f"**{path}{part}/")

    for address, part in ((f"{path}output/", "output"), (path, "operation")):
        page.go_back()
        page.wait_for_url(f"**{address}")
        page.locator(f"#part-{part}[aria-current=page]").wait_for()
        assert page.locator("body > header").count() == 1
    page.go_forward()
    page.locator("#part-output[aria-current=page]").wait_for()


def test_scrolling_writes_nothing_into_the_history(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(jobs=45)
    page.goto(list_path(bucket, "size=10"))
    page.wait_for_selector("#more")
    before = page.evaluate("history.length")

    page.evaluate("document.getElementById('more').scrollIntoView()")
    wait_for_more_rows(page, 10)

    assert page.evaluate("history.length") == before


def test_page_and_fragment_of_one_address_are_never_mixed_up(reader: Reader, new_bucket: Callable[..., Bucket]) -> None:
    path = list_path(new_bucket(jobs=5))
    reader.patient(path)

    page = reader.get(path)
    fragment = reader.get(path, HX_Request="true", HX_Target="results")
    restored = reader.get(path, HX_Request="true", HX_Target="results", HX_History_Restore_Request="true")

    assert [answer.text.lstrip().startswith("<!doctype html>") for answer in (page, fragment, restored)] == [
        True,
        False,
        True,
    ]
    assert ["HX-Request" in answer.headers["Vary"].split(", ") for answer in (page, fragment, restored)] == [True] * 3
    assert {answer.headers["Cache-Control"] for answer in (page, fragment, restored)} == {"private, no-cache"}
