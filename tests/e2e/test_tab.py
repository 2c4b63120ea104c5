"""What the browser's tab tells of a list that stands in the background: the worst state of what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.looking import list_path, wait_for_htmx, wait_for_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from jobs.models import Bucket
    from tests.processes import Process

PAST = "2026-06-27T15:23:10+0800"


def jobs_of(*states: str) -> tuple[dict[str, str], ...]:
    return tuple({"State": state, "CreationTime": PAST} for state in states)


def icon(page: Page) -> str:
    """Return the name of the tab's icon, without what tells its content."""
    return str(page.locator("link[rel=icon]").get_attribute("href")).rsplit("/", 1)[1].split(".")[0]


@pytest.mark.parametrize(
    ("states", "expected", "title"),
    [
        (("Success", "Cancel"), "batchlens", "All jobs"),
        (("Success", "Running"), "batchlens-busy", "All jobs"),
        (("Submitted",), "batchlens-busy", "All jobs"),
        (("Running", "Pause"), "batchlens-warn", "All jobs"),
        (("Running", "Pause", "Failed", "Failed"), "batchlens-bad", "(2 failed) All jobs"),
    ],
)
def test_icon_and_title_tell_the_worst_state(
    page: Page, new_bucket: Callable[..., Bucket], states: tuple[str, ...], expected: str, title: str
) -> None:
    page.goto(list_path(new_bucket(given=jobs_of(*states))))
    wait_for_rows(page, len(states))

    assert icon(page) == expected
    assert page.title().startswith(f"{title}, newest first · ")


def test_icon_and_title_tell_it_where_the_site_has_no_live_lists(
    page: Page, new_bucket: Callable[..., Bucket], session_web: Callable[..., tuple[Process, str]]
) -> None:
    _process, address = session_web(ANONYMOUS_ACCESS="true", LIVE_MIN_INTERVAL="0")

    page.goto(address + list_path(new_bucket(given=jobs_of("Failed", "Running"))))
    wait_for_rows(page, 2)

    assert page.locator("#ticker").count() == 0
    assert icon(page) == "batchlens-bad"
    assert page.title().startswith("(1 failed) All jobs")


def test_icon_and_title_follow_the_filter(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    page.goto(list_path(new_bucket(given=jobs_of("Failed", "Pause", "Success"))))
    wait_for_rows(page, 3)
    seen = [icon(page)]

    for label, rows in (("Paused", 1), ("Success", 2)):
        page.get_by_label(label).check()
        wait_for_rows(page, rows)
        wait_for_htmx(page)
        seen.append(icon(page))
        assert "failed" not in page.title()

    assert seen == ["batchlens-bad", "batchlens-warn", "batchlens-warn"]
