"""Nothing that is read moves while a page's scripts are still under way."""

from __future__ import annotations

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
document.addEventListener("readystatechange", () => {
  if (document.readyState !== "interactive") return;
  // Two frames on, whatever the parser still moved is painted.
  requestAnimationFrame(() => requestAnimationFrame(() => { window.painted = performance.now(); }));
});
new PerformanceObserver((list) => {
  for (const { startTime, value, sources } of list.getEntries()) {
    if (startTime > window.painted) shifts.push([value, ...sources.map(({ node }) => node?.outerHTML?.slice(0, 80))]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""


class Held:
    """Modules that come once the page without them was painted; the classic script of the theme holds up the parser."""

    def __init__(self, page: Page) -> None:
        self._routes: list[Route] | None = []
        page.route("**/static/js/*.js", self._take)

    def _take(self, route: Route) -> None:
        if self._routes is None or "/theme." in route.request.url:
            route.continue_()
        else:
            self._routes.append(route)

    def let_go(self) -> None:
        held, self._routes = self._routes or [], None
        for route in held:
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
    scripts = Held(page)

    page.goto(job if shows == "job" else list_path(bucket), wait_until="commit")
    page.wait_for_function("() => window.painted")
    scripts.let_go()
    page.wait_for_load_state("load")
    page.wait_for_function("() => !document.querySelector('button[data-copy][hidden]')")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    shifts = page.evaluate("shifts")
    assert sum(value for value, *_moved in shifts) < SEEN, shifts
