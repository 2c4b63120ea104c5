"""Links and boxes that are told one from the other by a finger: at every width, for rows of them wrap anywhere (WCAG 2.5.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.accessible import spoken, targets_too_near
from tests.factories import jobs_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

WIDTHS = range(320, 1640, 40)
LIST, ROW = "/buckets/{one}/jobs/?states=Failed,Success", "tr[data-state]"
PAGES = {
    "list": (LIST, ROW),
    "drawer": (LIST + "&job={job}&tab=output", "#drawer[open] #panel h2"),
    "overview": ("/", ".lines svg >> nth=1"),
    "merged list": ("/jobs/?bucket={one},{other}&states=Failed,Success", ROW),
    "summary": ("/buckets/{one}/insight/", "svg.columns"),
}
"""Where each is, and what it has once it is whole."""


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("name", PAGES)
def test_targets_stand_apart_at_every_width(
    page: Page, new_bucket: NewBucket, emulator: Emulator, name: str, language: str
) -> None:
    failed = jobs_in("Failed", "Failed", Code="AccessDenied", Message="no")
    one, other = sorted(new_bucket(jobs=20, given=failed).name for _ in range(2))
    path, whole = PAGES[name]
    page.goto(spoken(path.format(one=one, other=other, job=emulator.job_ids(one)[0]), language))
    page.wait_for_selector(whole)

    assert targets_too_near(page, WIDTHS) == {}
