"""Nothing that is read moves while a page's scripts are still under way, or when rows take the place of their skeleton."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.looking import list_path, wait_for_htmx
from tests.factories import jobs_in

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


def leave_odd_ones_out(page: Page) -> None:
    """Answer nothing to what a list asks by itself a moment after its rows: it is no part of what these tests wait for."""

    def answer(route: Route) -> None:
        if route.request.headers.get("hx-target") == "odd-ones":
            route.fulfill(status=204)
        else:
            route.fallback()

    page.route("**/insight/**", answer)


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
@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/buckets/{bucket}/jobs/", "#more"),
        ("/buckets/{bucket}/jobs/{job}/", "#drill"),
        ("/", "#line-{number} td[data-state=Failed]:not(:has(.bone))"),
        ("/jobs/?bucket={bucket},{other}", "#more"),
        ("/buckets/{bucket}/insight/", ".insight"),
        ("/buckets/{bucket}/export/", "#of-loaded"),
        ("/embed/card/?bucket={bucket}", "#glance-again"),
    ],
)
def test_nothing_moves_when_the_scripts_start(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator, path: str, there: str, width: int
) -> None:
    bucket, other = new_bucket(jobs=30), new_bucket(jobs=3)
    job = emulator.job_ids(bucket.name)[0]
    address = path.format(bucket=bucket.name, other=other.name, job=job)
    page.set_viewport_size({"width": width, "height": 800})
    leave_odd_ones_out(page)
    page.goto(address)
    page.wait_for_selector(there.format(number=bucket.pk))
    page.add_init_script(SHIFTS)
    scripts = Held(page)

    page.goto(address, wait_until="commit")
    page.wait_for_function("() => window.painted")
    scripts.let_go()
    page.wait_for_load_state("load")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    shifts = page.evaluate("shifts")
    assert sum(value for value, *_moved in shifts) < SEEN, shifts


PLACES = """() => Object.fromEntries(
  ["#summary", "#results", ".chips", ".jobs", ".jobs tbody tr"].map((name) => {
    const { top, left, width } = document.querySelector(name)?.getBoundingClientRect() ?? {};
    return [name, [top, left, width]];
  })
)"""
"""Where things stand. What is new counts for no shift, so that the table stands where its skeleton stood is asked by itself."""
SLOW = 2.5
"""Seconds that an answer takes: a page waits for one second, and shows the skeleton from then on."""


@pytest.mark.parametrize("width", [2560, 1350, 1200, 1000, 800, 600])
@pytest.mark.parametrize("query", ["", "states=Failed,Success&type=Job"])
def test_rows_come_where_their_skeleton_stood(
    page: Page, new_bucket: Callable[..., Bucket], width: int, query: str
) -> None:
    """On a phone, how many lines the facts over the list take depends on the facts."""
    skeleton, rows = skeleton_and_rows(page, new_bucket(jobs=80, latency=SLOW), width, query)

    for name, place in skeleton.items():
        assert rows[name] == pytest.approx(place, abs=1), name


@pytest.mark.parametrize("width", [412, 360])
def test_on_a_phone_rows_come_no_line_below_their_skeleton(
    page: Page, new_bucket: Callable[..., Bucket], width: int
) -> None:
    skeleton, rows = skeleton_and_rows(page, new_bucket(jobs=80, latency=SLOW), width, "")

    assert abs(rows[".jobs"][0] - skeleton[".jobs"][0]) < 20


def skeleton_and_rows(page: Page, bucket: Bucket, width: int, query: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return where things stand while a list is waited for, and once it has come; check that nothing shifts or scrolls."""
    page.set_viewport_size({"width": width, "height": 400})
    page.add_init_script(SHIFTS)
    leave_odd_ones_out(page)
    page.goto(list_path(bucket, query))
    page.wait_for_selector("[data-pending] .bones")
    page.wait_for_function("() => window.painted")
    page.evaluate("scrollTo(0, 90)")
    skeleton = page.evaluate(PLACES)

    page.wait_for_selector("#results table:not(.bones)")
    wait_for_htmx(page)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    assert page.evaluate("shifts") == []
    assert page.evaluate("scrollY") == 90
    return skeleton, page.evaluate(PLACES)


@pytest.mark.parametrize("width", [1350, 800, 412])
@pytest.mark.parametrize(
    ("path", "waited_for", "there"),
    [
        ("/jobs/?bucket={bucket},{other}", "[data-pending]", "#more:not([data-pending])"),
        ("/buckets/{bucket}/jobs/{job}/", "[aria-busy=true]", "#panel h2"),
        ("/buckets/{bucket}/jobs/?job={job}", "#drawer[open] [aria-busy=true]", "#drawer[open] #panel h2"),
        ("/buckets/{bucket}/insight/", "[data-pending]", ".insight"),
        ("/embed/card/?bucket={bucket}", ".glance", "#glance-worst"),
    ],
)
def test_nothing_moves_when_what_was_waited_for_comes(
    page: Page,
    new_bucket: Callable[..., Bucket],
    emulator: Emulator,
    path: str,
    waited_for: str,
    there: str,
    width: int,
) -> None:
    bucket, other = (new_bucket(jobs=30, given=jobs_in("Failed"), latency=SLOW) for _ in range(2))
    job = emulator.job_ids(bucket.name)[0]
    page.set_viewport_size({"width": width, "height": 800})
    page.add_init_script(SHIFTS)
    leave_odd_ones_out(page)

    page.goto(path.format(bucket=bucket.name, other=other.name, job=job))
    page.wait_for_selector(waited_for)
    page.wait_for_selector(there)
    wait_for_htmx(page)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    shifts = page.evaluate("shifts")
    assert sum(value for value, *_moved in shifts) < SEEN, shifts


@pytest.mark.parametrize("width", [1000, 800, 412])
def test_no_line_of_the_overview_moves_when_what_failed_is_told(
    page: Page, new_bucket: Callable[..., Bucket], width: int
) -> None:
    """Where lines are cards; in a table a long name may take two lines once the others have their words."""
    buckets = [new_bucket(jobs=30, given=jobs_in("Failed"), latency=SLOW) for _ in range(2)]
    page.set_viewport_size({"width": width, "height": 800})
    page.add_init_script(SHIFTS)

    page.goto("/")
    page.wait_for_selector(".lines .bone")
    for bucket in buckets:
        page.wait_for_selector(f"#line-{bucket.pk} td[data-state=Failed]:not(:has(.bone))")
    wait_for_htmx(page)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    shifts = page.evaluate("shifts")
    assert sum(value for value, *_moved in shifts) < SEEN, shifts


ROWS_BEGIN = "() => Math.round(document.querySelector('.jobs').getBoundingClientRect().top)"


@pytest.mark.parametrize("width", [1350, 1000, 800, 640, 360])
@pytest.mark.parametrize("path", ["/buckets/{bucket}/jobs/", "/jobs/?bucket={bucket},{other}"])
def test_rows_stay_where_they_are_when_odd_ones_are_told(
    page: Page, new_bucket: Callable[..., Bucket], path: str, width: int
) -> None:
    (running,) = jobs_in("Running")
    odd = {**running, "StartTime": running["CreationTime"], "EndTime": "2026-06-27T15:23:10+0800"}
    bucket, other = (new_bucket(given=(odd, *jobs_in("Success", "Failed"))) for _ in range(2))
    held: list[Route] = []
    page.route("**/insight/**", lambda route: held.append(route))
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(path.format(bucket=bucket.name, other=other.name))
    page.wait_for_selector("#more:not([data-pending])")
    while not held:
        page.wait_for_timeout(20)
    before = page.evaluate(ROWS_BEGIN)

    for route in held:
        route.continue_()

    page.locator("#odd-ones a").wait_for()
    assert page.evaluate(ROWS_BEGIN) == before
