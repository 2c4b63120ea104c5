"""What a thousand rows cost a browser on a machine four times slower than this: what is felt while one scrolls and clicks."""

from __future__ import annotations

import re
from statistics import median
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from tests.bench.measure import Client, ready
from tests.bench.stack import BUCKET, running
from tests.e2e.looking import ROWS, ids, list_path, see_more, wait_for_htmx, wait_for_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

    from tests.bench.measure import Report
    from tests.bench.stack import Stack

SLOWER = 4
ROUNDS = 3
MOST_ROWS = 1000

WATCH = """
window.seen = { painted: 0, tasks: [], frames: [], interactions: [] };
const watch = (type, does, options) =>
  new PerformanceObserver((list) => list.getEntries().forEach(does)).observe({ type, buffered: true, ...options });
watch("largest-contentful-paint", ({ startTime }) => (seen.painted = startTime));
watch("long-animation-frame", ({ duration, scripts }) => {
  seen.frames.push(duration);
  for (const { sourceURL, invoker, duration, forcedStyleAndLayoutDuration: layout } of scripts) {
    if (sourceURL.startsWith(location.origin)) seen.tasks.push({ duration, layout, what: `${invoker} ${sourceURL}` });
  }
});
watch("event", ({ interactionId, duration }) => interactionId && seen.interactions.push(duration), { durationThreshold: 16 });
"""
"""Keeps what the browser itself measures: of long frames the scripts that are ours or htmx's, in ms."""
PAINTED = "() => new Promise((painted) => requestAnimationFrame(() => setTimeout(painted, 100)))"
"""Ends once what an interaction has changed is on the screen, and told to the observers."""


def browser(report: Report) -> None:
    """Load a list, scroll it to its thousandth row, then walk, open and hide there."""
    with running() as stack, sync_playwright() as playwright:
        # Only here: it reads models, and running() has just set up what they need.
        from tests.e2e.conftest import CHROMIUM, FLAGS

        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            page = _slow_page(chromium, stack)
            _first_load(page, stack, report)
            _scroll(page, report)
            _scroll_about(page, report)
            link = _come_to_the_midst(page)
            _interact(page, report)
            page.context.close()
            _follow_links(chromium, stack, link, report)
        finally:
            chromium.close()


def _slow_page(chromium: Browser, stack: Stack) -> Page:
    """Open a page in a browser that holds nothing."""
    context = chromium.new_context(base_url=f"http://127.0.0.1:{stack.port}")
    name, _, value = stack.cookie.partition("=")
    context.add_cookies([{"name": name, "value": value, "url": f"http://127.0.0.1:{stack.port}"}])
    context.add_init_script(WATCH)
    page: Page = context.new_page()
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    return page


def _first_load(page: Page, stack: Stack, report: Report) -> None:
    """Paint a list that the cache holds."""
    ready(Client(stack.port, stack.cookie), list_path(BUCKET))
    page.goto(list_path(BUCKET))
    wait_for_rows(page, 50)
    page.evaluate(PAINTED)
    report.line("largest contentful paint of a warm list", page.evaluate("seen.painted"), 1000, " ms")


def _scroll(page: Page, report: Report) -> None:
    """See page after page, asked or unasked, until the document is full."""
    page.evaluate("seen.tasks = []; seen.frames = []")
    while len(ids(page)) < MOST_ROWS:
        see_more(page)
    page.get_by_role("link", name="Continue").wait_for()
    _tell_longest(page, report, "while scrolling to 1,000 rows")
    report.line(
        "longest frame meanwhile, with the browser's own work",
        max(page.evaluate("seen.frames"), default=0),
        None,
        " ms",
    )


def _scroll_about(page: Page, report: Report) -> None:
    """Scroll up and down a document that is full, and stay until a tick has told what is new."""
    page.evaluate("seen.tasks = []")
    page.mouse.move(700, 500)
    for distance in (-4000, -8000, 6000, -12000, 9000):
        page.mouse.wheel(0, distance)
        page.evaluate(PAINTED)
    with page.expect_response(lambda response: "/tick/" in response.url):
        pass
    wait_for_htmx(page)
    _tell_longest(page, report, "while scrolling about in 1,000 rows, and in a tick")


def _tell_longest(page: Page, report: Report, when: str) -> None:
    page.evaluate(PAINTED)
    tasks: list[dict[str, Any]] = page.evaluate("seen.tasks")
    none: dict[str, Any] = {"duration": 0.0, "layout": 0.0, "what": "none"}
    longest = max(tasks, key=lambda task: float(task["duration"]), default=none)
    what = re.sub(r"\S*/|\.[0-9a-f]{12}", "", longest["what"])
    report.line(f"longest task of scripts {when}", longest["duration"], 50, " ms")
    report.line(f"  of it forced layout ({what})", longest["layout"], None, " ms")


def _come_to_the_midst(page: Page) -> str:
    """Scroll back to the row in the midst of the document, and return the link that names the one at the screen's top."""
    page.locator(ROWS).nth(MOST_ROWS // 2).scroll_into_view_if_needed()
    page.wait_for_function("() => location.hash")
    page.evaluate(PAINTED)
    return page.url


def _follow_links(chromium: Browser, stack: Stack, link: str, report: Report) -> None:
    """Paint what somebody sent who had scrolled that far: the list from its top, and at the row to which they had come."""
    bare = link.partition("#")[0]
    for name, address, most in (("", bare, 1000), (", at a row in its midst", link, None)):
        page = _slow_page(chromium, stack)
        page.goto(address)
        wait_for_rows(page, MOST_ROWS)
        page.evaluate(PAINTED)
        report.line(
            f"largest contentful paint of a link to 1,000 rows{name}", page.evaluate("seen.painted"), most, " ms"
        )
        page.context.close()


def _interact(page: Page, report: Report) -> None:
    """Do at a thousand rows what people do there, in ROUNDS; tell the median of the slowest answers to each, and the worst of these.

    A single answer says little: now and then one of them takes a frame or two longer, each time another.
    """
    actions: dict[str, Callable[[Page], None]] = {
        "j and k": _walk,
        "opening a job beside the list": lambda page: page.locator(f"{ROWS} .name a").nth(MOST_ROWS // 2).click(),
        "closing it": lambda page: page.keyboard.press("Escape"),
        "opening a cell's menu": _open_menu,
        "hiding a value": lambda page: page.locator("#cell-menu button").first.click(),
        "showing all again": lambda page: page.locator("#hiding button").click(),
        "typing into the filter": lambda page: page.locator("#filter [name=name]").press_sequentially("none"),
        "taking that back": lambda page: _press(page, "Backspace", 4),
    }
    leaving = {"asking for another filter": lambda page: page.locator('#filter input[value="Failed"]').check()}
    answers: dict[str, list[float]] = {}
    for name, does in [*actions.items()] * ROUNDS + [*leaving.items()]:
        if does is _walk:
            # Who walks or clicks there has come to the row before: the frame in which rows come into view is told with scrolling.
            page.evaluate("document.activeElement.blur()")
            page.locator(ROWS).nth(MOST_ROWS // 2).scroll_into_view_if_needed()
            page.evaluate(PAINTED)
        page.evaluate("seen.interactions = []")
        does(page)
        wait_for_htmx(page)
        page.evaluate(PAINTED)
        answers.setdefault(name, []).append(max(page.evaluate("seen.interactions"), default=0))
    for name, slowest in answers.items():
        report.line(f"  {name}", median(slowest), None, " ms")
    report.line("interaction to next paint at 1,000 rows, the slowest", max(map(median, answers.values())), 100, " ms")


def _walk(page: Page) -> None:
    for key in "jjjk":
        page.keyboard.press(key)


def _press(page: Page, key: str, times: int) -> None:
    for _ in range(times):
        page.keyboard.press(key)


def _open_menu(page: Page) -> None:
    page.locator(f"{ROWS} .status").nth(MOST_ROWS // 2).hover()
    page.locator("#cell-button").click()
