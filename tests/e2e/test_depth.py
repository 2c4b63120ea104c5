"""A list is a link: as deep as it was scrolled, at the same place, for everybody, from the cache."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.e2e.looking import ROWS, ids, list_path, see_more, wait_for_htmx, wait_for_rows
from tests.e2e.staleness import forget_pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page, Route

    from jobs.models import Bucket
    from tests.e2e.sites import Site
    from tests.emulators import Call, Emulator

    Until = Callable[[Callable[[], object]], None]

TOP_ROW = """() => {
  const head = document.querySelector(".jobs thead th").getBoundingClientRect().bottom;
  const middle = (row) => { const { top, bottom } = row.getBoundingClientRect(); return (top + bottom) / 2; };
  return [...document.querySelectorAll('tr[id^="job-"]')].find((row) => middle(row) > head).id;
}"""
"""The first row of which one sees more than half below the head."""
PLACE = f"""() => {{
  const row = ({TOP_ROW})();
  return [row, document.getElementById(row).getBoundingClientRect().top];
}}"""
"""That row, and where on the screen it stands. How far the document is scrolled says less: pages out of sight may be estimated."""
NEXT_PAGE = "**nextToken=**"
"""What a sentinel asks for."""
SLOW_PAGES = {"kind": "delay", "seconds": 1.5, "when": {"token": True}}


@pytest.fixture
def second_page(new_context: Callable[..., BrowserContext], sign_in: Callable[..., BrowserContext], site: Site) -> Page:
    """A page in another browser."""
    return sign_in(new_context(base_url=site.address), site).new_page()


def query_of(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def scrolled(page: Page, bucket: Bucket, emulator: Emulator, until: Until) -> list[Call]:
    """Scroll four pages of ten, then back into their middle; return all calls that this took."""
    page.set_viewport_size({"width": 1000, "height": 500})
    page.goto(list_path(bucket, "size=10"))
    page.wait_for_selector("#more")
    for _ in range(3):
        see_more(page)
    page.evaluate("document.querySelectorAll('tr[id^=job-]')[24].scrollIntoView({block: 'center'})")
    page.wait_for_function(f"() => location.hash === '#' + ({TOP_ROW})()")
    until(lambda: len(emulator.calls(bucket.name)) == 5)  # four pages, and the one ahead
    until(lambda: all(call.seconds is not None for call in emulator.calls(bucket.name)))
    return emulator.calls(bucket.name)


def wait_for_place(page: Page, place: tuple[str, float]) -> None:
    page.wait_for_function(
        f"([row, top]) => {{ const [at, stands] = ({PLACE})(); return at === row && Math.abs(stands - top) < 2; }}",
        arg=place,
    )


def test_reload_back_and_forward_show_the_same_rows_at_the_same_place_without_a_call(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator, until: Until
) -> None:
    bucket = new_bucket(jobs=95)
    calls = scrolled(page, bucket, emulator, until)
    rows, place, address = ids(page), page.evaluate(PLACE), page.evaluate("location.href")
    job = page.locator(f"{ROWS}[data-state=Success] .name a").first.get_attribute("href")
    assert rows == emulator.job_ids(bucket.name)[:40]
    assert query_of(page)["depth"] == ["4"]

    page.reload()
    wait_for_place(page, place)
    assert (ids(page), page.url) == (rows, address)

    page.goto(str(job))
    page.go_back()
    page.wait_for_url(address)
    wait_for_place(page, place)
    assert ids(page) == rows

    page.go_forward()
    page.wait_for_url(f"**{job}")
    page.go_back()
    page.wait_for_url(address)
    wait_for_place(page, place)
    assert ids(page) == rows

    page.goto("/status/")
    page.goto(address)
    page.evaluate("scrollBy(0, -33)")
    # Going to the row was a scroll, too, of which the history learns: wait for what it says of this one.
    page.wait_for_function(
        f"() => {{ const [row, top] = ({PLACE})(), {{ at, top: noted }} = history.state ?? {{}};"
        " return at === row && Math.abs(noted - top) < 1; }"
    )
    place, address = page.evaluate(f"[({PLACE})(), location.href]")
    page.go_back()
    page.wait_for_url("**/status/")
    page.go_forward()
    page.wait_for_url(address)
    wait_for_place(page, place)
    assert ids(page) == rows

    assert emulator.calls(bucket.name) == calls


def test_page_that_comes_while_a_job_is_opened_leaves_the_job_in_the_address(
    page: Page, new_bucket: Callable[..., Bucket]
) -> None:
    page.set_viewport_size({"width": 1000, "height": 500})
    page.goto(list_path(new_bucket(jobs=45), "size=10"))
    page.wait_for_selector("#more")
    # Between the answer's coming and the moment at which the address is written, as a click then would.
    page.evaluate(
        "document.addEventListener('htmx:beforeSwap', () => history.pushState({}, '', `${location.href}&job=x`), { once: true })"
    )

    see_more(page)
    page.wait_for_function("() => document.querySelectorAll('tr[id^=job-]').length > 15")
    assert (query_of(page).get("job"), query_of(page).get("depth")) == (["x"], None)

    # Once its job is closed the next answer writes how deep the list is.
    page.go_back()
    see_more(page)
    page.wait_for_url("**depth=3**")


def test_second_browser_opens_the_same_rows_at_the_same_row_without_a_call(
    page: Page, second_page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator, until: Until
) -> None:
    bucket = new_bucket(jobs=95)
    calls = scrolled(page, bucket, emulator, until)
    emulator.add_job(bucket.name)
    top = page.evaluate(TOP_ROW)
    second_page.set_viewport_size({"width": 1000, "height": 500})

    second_page.goto(page.url)

    assert ids(second_page) == ids(page)
    assert second_page.evaluate(TOP_ROW) == top
    assert second_page.url == page.url
    assert emulator.calls(bucket.name) == calls


def test_link_of_a_list_at_its_top_names_no_row(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator, until: Until
) -> None:
    scrolled(page, new_bucket(jobs=95), emulator, until)

    page.evaluate("scrollTo(0, 0)")

    page.wait_for_function("() => location.hash === ''")
    assert query_of(page)["depth"] == ["4"]


def test_scrolling_goes_on_where_the_link_ends(
    page: Page, second_page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator, until: Until
) -> None:
    bucket = new_bucket(jobs=95)
    scrolled(page, bucket, emulator, until)
    second_page.goto(page.url)

    see_more(second_page)

    assert ids(second_page)[:50] == emulator.job_ids(bucket.name)[:50]
    assert int(query_of(second_page)["depth"][0]) * 10 == len(ids(second_page))


def test_pages_that_the_cache_has_lost_follow_those_that_it_has_and_the_place_is_found(
    site: Site,
    page: Page,
    second_page: Page,
    new_bucket: Callable[..., Bucket],
    emulator: Emulator,
    until: Until,
) -> None:
    bucket = new_bucket(jobs=95)
    scrolled(page, bucket, emulator, until)
    top = page.evaluate(TOP_ROW)
    assert top.removeprefix("job-") in ids(page)[20:30]
    forget_pages(site, bucket, but=2)
    emulator.set_faults(bucket.name, SLOW_PAGES)
    second_page.set_viewport_size({"width": 1000, "height": 500})

    answer = second_page.goto(page.url)
    assert answer is not None
    assert len(re.findall(r'<tr id="job-', answer.text())) == 20
    wait_for_rows(second_page, 40)
    wait_for_htmx(second_page)

    assert ids(second_page) == ids(page)
    assert query_of(second_page) == query_of(page)
    assert second_page.evaluate(TOP_ROW) == top


def test_after_five_pages_by_themselves_the_reader_is_asked(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=95)
    page.set_viewport_size({"width": 1200, "height": 9000})  # so tall that the end is always seen
    page.goto(list_path(bucket, "size=5"))
    button = page.get_by_role("link", name="Show more")

    button.wait_for()
    wait_for_htmx(page)
    assert len(ids(page)) == 30

    button.focus()
    page.keyboard.press("Enter")
    wait_for_rows(page, 60)
    wait_for_htmx(page)
    assert button.count() == 1
    assert ids(page) == emulator.job_ids(bucket.name)[:60]
    first_new = f"job-{ids(page)[30]}"
    page.wait_for_function("(id) => document.activeElement.closest('tr')?.id === id", arg=first_new)


def test_sentinel_that_is_fired_twice_asks_once(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    page.set_viewport_size({"width": 1000, "height": 400})
    page.goto(list_path(new_bucket(jobs=45), "size=10"))
    page.wait_for_selector("#more")
    held = held_pages(page)

    with page.expect_request(NEXT_PAGE):
        page.evaluate("() => { for (let i = 0; i < 3; i++) document.querySelector('#more a').click(); }")
    page.evaluate("document.getElementById('more').scrollIntoView()")
    page.evaluate("scrollTo(0, 0)")
    assert len(held) == 1
    let_go(page, held)
    wait_for_rows(page, 20)

    assert len(set(ids(page))) == 20


def held_pages(page: Page) -> list[Route]:
    """Hold what sentinels ask for from now on, until the test lets it go."""
    held: list[Route] = []
    page.route(NEXT_PAGE, lambda route: held.append(route))
    return held


def let_go(page: Page, held: list[Route]) -> None:
    """Let what was held go, and whatever sentinels ask from now on: on a busy machine they may have to ask again."""
    for route in held:
        route.continue_()
    page.unroute(NEXT_PAGE)


def test_scrolling_leaves_one_entry_in_the_history_and_nothing_in_the_browsers_storage(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator, until: Until
) -> None:
    bucket = new_bucket(jobs=95)
    page.add_init_script("window.saved = 0; document.addEventListener('htmx:beforeHistorySave', () => saved++)")
    page.goto("/status/")
    entries = page.evaluate("history.length")

    scrolled(page, bucket, emulator, until)

    assert page.evaluate("history.length") == entries + 1
    assert page.evaluate("saved") == 0  # htmx would copy the whole page for it
    assert page.evaluate("localStorage.length") == 0
    assert page.evaluate("sessionStorage.getItem('htmx-history-cache')") is None
    page.go_back()
    page.wait_for_url("**/status/")


def test_slow_page_of_an_old_filter_changes_neither_rows_nor_address_of_a_new_one(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator, until: Until
) -> None:
    # So slow that the one ahead, which is fetched as the list comes, isn't there yet when it is asked for.
    bucket = new_bucket(jobs=45, faults=({**SLOW_PAGES, "seconds": 4.0},))
    page.goto(list_path(bucket, "size=10"))
    page.wait_for_selector("#more")
    with page.expect_request(NEXT_PAGE):
        page.evaluate("document.getElementById('more').scrollIntoView()")

    page.get_by_label("Failed").check()
    page.locator("#summary", has_text="Failed jobs").wait_for()
    until(lambda: all(call.seconds is not None for call in emulator.calls(bucket.name)))
    page.wait_for_timeout(700)  # by now the slow answer, or a question whether it is there, would have landed

    states = page.locator(ROWS).evaluate_all("rows => rows.map(row => row.dataset.state)")
    assert query_of(page) == {"states": ["Failed"], "size": ["10"]}
    assert set(states) == {"Failed"}


def test_address_that_changed_while_a_page_was_on_its_way_is_written_by_the_next_one(
    page: Page, new_bucket: Callable[..., Bucket]
) -> None:
    page.set_viewport_size({"width": 1000, "height": 400})
    page.goto(list_path(new_bucket(jobs=45), "size=10"))
    page.wait_for_selector("#more")
    held = held_pages(page)
    with page.expect_request(NEXT_PAGE):
        page.evaluate("document.getElementById('more').scrollIntoView()")
    page.evaluate("() => { history.pushState(null, '', location.href + '&lang=en'); scrollTo(0, 0); }")

    let_go(page, held)
    wait_for_rows(page, 20)
    between = page.url
    see_more(page)

    assert between.endswith("?size=10&lang=en")
    assert (query_of(page)["depth"], query_of(page)["lang"]) == (["3"], ["en"])


def test_load_is_said_aloud_once_and_the_list_is_busy_meanwhile(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    page.set_viewport_size({"width": 1000, "height": 400})
    page.goto(list_path(new_bucket(jobs=35), "size=10"))
    page.wait_for_selector("#more")
    page.evaluate(
        "window.said = []; new MutationObserver(() => said.push(document.getElementById('announce').textContent))"
        ".observe(document.getElementById('announce'), {childList: true})"
    )

    for rows in (20, 30, 35):
        held = held_pages(page)
        with page.expect_request(NEXT_PAGE):
            page.evaluate("document.getElementById('more').scrollIntoView()")
        page.wait_for_selector("#results[aria-busy=true]")
        page.evaluate("scrollTo(0, 0)")
        let_go(page, held)
        wait_for_rows(page, rows)
        page.wait_for_selector("#results:not([aria-busy])")

    page.wait_for_function("() => said.length === 3")
    assert page.evaluate("said") == [
        "10 more jobs loaded, 20 shown.",
        "10 more jobs loaded, 30 shown.",
        "5 more jobs loaded, 35 shown. End of the list.",
    ]


def test_reload_after_a_new_question_stays_where_one_is(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator, until: Until
) -> None:
    scrolled(page, new_bucket(jobs=95), emulator, until)
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("checkbox", name="Success").check()
    page.wait_for_url(lambda url: "states=Success" in url and "pin=" not in url)
    wait_for_htmx(page)
    page.evaluate("scrollTo(0, 150)")
    page.wait_for_function("() => scrollY === 150")

    page.reload()

    page.wait_for_function("() => scrollY === 150")


def test_reload_with_a_job_open_keeps_the_rows_beside_it_in_their_place(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator, until: Until
) -> None:
    scrolled(page, new_bucket(jobs=95), emulator, until)
    page.set_viewport_size({"width": 1400, "height": 500})
    page.evaluate("scrollBy(0, 70)")
    page.wait_for_function(f"() => location.hash === '#' + ({TOP_ROW})()")
    job = page.evaluate(TOP_ROW)
    page.evaluate(f"document.getElementById({job!r}).nextElementSibling.querySelector('a').click()")
    page.locator("#drawer[open] .facts").wait_for()
    wait_for_htmx(page)
    before = page.evaluate(PLACE)

    page.reload()

    page.locator("#drawer[open] .facts").wait_for()
    wait_for_place(page, before)
