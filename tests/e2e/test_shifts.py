"""Nothing that is read moves while a page's scripts are still under way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.looking import job_path, list_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Route

    from jobs.models import Bucket
    from tests.emulators import Emulator

SEEN = 0.001
"""A layout shift that one may notice: a line of text that moves by its height counts some ten times as much."""
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const { value, sources } of list.getEntries()) shifts.push([value, ...sources.map(({ node }) => node?.outerHTML?.slice(0, 80))]);
}).observe({ type: "layout-shift", buffered: true });
"""


def late(route: Route) -> None:
    """Let a script come once the page without it was painted."""
    time.sleep(0.05)
    route.continue_()


@pytest.mark.parametrize("width", [1350, 1000, 412])
@pytest.mark.parametrize("shows", ["list", "job"])
def test_nothing_moves_when_the_scripts_start(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator, shows: str, width: int
) -> None:
    bucket = new_bucket(jobs=30)
    job = job_path(bucket, emulator.job_ids(bucket.name)[0])
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(list_path(bucket))
    page.wait_for_selector("#more")
    page.add_init_script(SHIFTS)
    page.route("**/static/js/*.js", late)

    page.goto(job if shows == "job" else list_path(bucket), wait_until="load")
    page.wait_for_function("() => !document.querySelector('button[data-copy][hidden]')")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    shifts = page.evaluate("shifts")
    assert sum(value for value, *_moved in shifts) < SEEN, shifts
