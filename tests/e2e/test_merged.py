"""The list of several buckets in a browser: scrolled, opened again, drilled into and kept live as one bucket's list is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.looking import (
    ROWS,
    calls_for_what_is_seen,
    ids,
    job_path,
    see_more,
    wait_for_htmx,
    wait_for_rows,
)
from tests.e2e.staleness import forget_trouble, make_stale
from tests.e2e.test_depth import PLACE, TOP_ROW, wait_for_place
from tests.e2e.test_drawer import MARK, STILL_MARKED, WIDE, focused, params_of, wait_for_job, wait_until_closed
from tests.e2e.test_live import DENIED, given, pass_time, stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

    from jobs.models import Bucket
    from tests.e2e.sites import Site
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = pytest.mark.usefixtures("site")


@pytest.fixture
def buckets(new_bucket: NewBucket) -> list[Bucket]:
    return [new_bucket(jobs=count, seed=count, spread=7200) for count in (35, 20, 7)]


@pytest.fixture
def listed(page: Page, buckets: list[Bucket]) -> Page:
    """A wide page that shows ten jobs of three buckets, marked, so that a reload would be seen."""
    page.set_viewport_size(WIDE)
    page.goto(path(buckets))
    page.wait_for_selector("#more")
    page.evaluate(MARK)
    return page


def path(buckets: list[Bucket], query: str = "size=10") -> str:
    return f"/jobs/?bucket={','.join(sorted(bucket.name for bucket in buckets))}{'&' * bool(query)}{query}"


def every_job(buckets: list[Bucket], emulator: Emulator) -> set[str]:
    return {f"{bucket.name}/{job}" for bucket in buckets for job in emulator.job_ids(bucket.name)}


def link_of(name: str) -> str:
    return f'[id="job-{name}"] .name a'


def job_of(name: str) -> str:
    return name.partition("/")[2]


def open_job(page: Page, name: str) -> None:
    page.click(link_of(name))
    wait_for_job(page, job_of(name))


# Paging -------------------------------------------------------------------------------------------------------------------


def test_scrolling_meets_every_job_of_every_bucket_once(page: Page, buckets: list[Bucket], emulator: Emulator) -> None:
    expected = every_job(buckets, emulator)
    page.goto(path(buckets))

    while not page.locator("#more[data-end]").count():
        see_more(page)

    found = ids(page)
    assert (len(found), set(found)) == (len(expected), expected)
    expect(page.locator(".meta [data-count-rows]")).to_have_text(f"{len(expected)} loaded of 3 buckets")


def test_links_to_the_next_page_meet_every_job_without_script(
    plain_page: Page, buckets: list[Bucket], emulator: Emulator
) -> None:
    expected = every_job(buckets, emulator)
    plain_page.goto(path(buckets))
    found: list[str] = []

    while True:
        plain_page.wait_for_selector("#more")
        found += ids(plain_page)
        if not plain_page.locator("#more a[rel=next]").count():
            break
        plain_page.click("#more a[rel=next]")

    assert (len(found), set(found)) == (len(expected), expected)


def test_jobs_of_one_id_in_two_buckets_are_two_rows(page: Page, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(given=given(3)) for _ in range(2)]

    page.goto(path(buckets, ""))
    wait_for_rows(page, 6)

    assert len(set(ids(page))) == 6
    open_job(page, ids(page)[1])
    assert page.locator(".open").count() == 1


def scrolled(page: Page, buckets: list[Bucket], emulator: Emulator, until: Callable[..., Any]) -> list[int]:
    """Scroll four pages of ten, then back into their middle; return how many calls each bucket took."""
    page.set_viewport_size({"width": 1000, "height": 500})
    page.goto(path(buckets))
    page.wait_for_selector("#more")
    for _ in range(3):
        see_more(page)
    page.evaluate("document.querySelectorAll('tr[id^=job-]')[24].scrollIntoView({block: 'center'})")
    page.wait_for_function(f"() => location.hash === '#' + ({TOP_ROW})()")
    until(lambda: all(call.seconds is not None for bucket in buckets for call in emulator.calls(bucket.name)))
    return [calls_for_what_is_seen(emulator, bucket) for bucket in buckets]


def test_reload_and_back_show_the_same_rows_at_the_same_place_without_a_call(
    page: Page, buckets: list[Bucket], emulator: Emulator, until: Callable[..., Any]
) -> None:
    calls = scrolled(page, buckets, emulator, until)
    rows, place, address = ids(page), page.evaluate(PLACE), page.evaluate("location.href")
    query = parse_qs(urlsplit(address).query)
    assert (query["depth"], query["at"]) == (["4"], ["0.0.0"])

    page.reload()
    wait_for_place(page, place)
    assert (ids(page), page.url) == (rows, address)

    page.goto(job_path(buckets[0], emulator.job_ids(buckets[0].name)[0]))
    page.go_back()
    page.wait_for_url(address)
    wait_for_place(page, place)
    assert ids(page) == rows
    assert [calls_for_what_is_seen(emulator, bucket) for bucket in buckets] == calls


def test_second_browser_opens_the_same_rows_with_and_without_script(
    page: Page,
    buckets: list[Bucket],
    emulator: Emulator,
    until: Callable[..., Any],
    new_context: Callable[..., BrowserContext],
    sign_in: Callable[..., BrowserContext],
    site: Site,
) -> None:
    scrolled(page, buckets, emulator, until)
    for bucket in buckets:
        emulator.add_job(bucket.name)

    for script in (True, False):
        other = sign_in(new_context(base_url=site.address, java_script_enabled=script), site).new_page()
        other.goto(page.url)
        other.wait_for_selector("#more")
        assert ids(other)[:40] == ids(page)


@pytest.mark.console_allows(TROUBLE_STATUS)
def test_buckets_that_take_no_part_stay_named_while_one_scrolls(
    page: Page, new_bucket: NewBucket, emulator: Emulator
) -> None:
    well, denied, lost = (new_bucket(jobs=60, seed=seed, spread=7200) for seed in (1, 2, 3))
    emulator.set_faults(denied.name, DENIED)
    page.goto(path([well, denied, lost]))
    page.locator("#about .troubles", has_text=denied.name).wait_for()
    emulator.set_faults(lost.name, DENIED)

    for _ in range(5):
        see_more(page)

    page.locator(".lost", has_text=lost.name).wait_for()
    assert page.locator("#about .troubles").all_inner_texts() == [
        f"{bucket.name}: Our credential may not read this bucket's jobs AccessDenied" for bucket in (denied, lost)
    ]
    page.reload()
    page.wait_for_selector("#about .notice")
    assert denied.name in page.locator("#about").inner_text()


def test_sixth_page_waits_for_a_click(page: Page, buckets: list[Bucket]) -> None:
    page.goto(path(buckets, "size=5"))
    page.wait_for_selector("#more")
    for _ in range(5):
        see_more(page)

    assert page.locator("#more .button").inner_text() == "Show more"
    see_more(page)
    assert page.locator("#more .button").count() == 0


def test_full_page_leads_on_and_back(page: Page, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(jobs=600, seed=seed, spread=7200) for seed in (1, 2)]
    page.goto(path(buckets, "size=100"))
    page.wait_for_selector("#more")
    for _ in range(9):
        see_more(page)
    first = ids(page)
    assert len(first) == 1000

    page.locator("#more .button", has_text="Continue").click()
    page.wait_for_selector("#before")
    assert set(first).isdisjoint(ids(page))
    page.click("#before a")

    wait_for_rows(page, 1000)
    assert ids(page) == first


def test_list_whose_buckets_are_all_late_comes_by_itself_with_its_drawer(
    page: Page, new_bucket: NewBucket, emulator: Emulator
) -> None:
    buckets = [new_bucket(given=given(3), latency=3) for _ in range(2)]
    page.set_viewport_size(WIDE)
    name = f"{buckets[1].name}/b{1:032x}"

    answer = page.goto(path(buckets, f"job={name}"), wait_until="commit")
    page.evaluate(MARK)
    assert answer is not None
    assert "data-pending" in answer.text()  # in what was sent: a slow browser may have its rows before we look

    wait_for_rows(page, 6)
    wait_for_job(page, job_of(name))
    assert page.evaluate(STILL_MARKED)
    page.locator(f'[id="job-{name}"].open').wait_for()


# Drawer -------------------------------------------------------------------------------------------------------------------


def test_click_opens_the_job_of_its_bucket_beside_the_list(
    listed: Page, buckets: list[Bucket], emulator: Emulator
) -> None:
    name = ids(listed)[3]
    calls = [len(emulator.calls(bucket.name)) for bucket in buckets]

    open_job(listed, name)

    assert params_of(listed)["job"] == name
    assert focused(listed) == "drawer-title"
    assert listed.locator(".name [aria-current]").count() == 1
    assert listed.evaluate(STILL_MARKED)
    after = [len(emulator.calls(bucket.name)) for bucket in buckets]
    assert all(now <= before + 1 for before, now in zip(calls, after, strict=True))  # pages ahead


@pytest.mark.parametrize("how", ["Escape", "Back", "Close"])
def test_closing_leads_back_to_the_row(listed: Page, how: str) -> None:
    name = ids(listed)[3]
    before = listed.evaluate("location.search")
    open_job(listed, name)

    if how == "Escape":
        listed.keyboard.press("Escape")
    elif how == "Back":
        listed.go_back()
    else:
        listed.click("#drawer-close")
    wait_until_closed(listed)

    assert listed.evaluate("location.search") == before
    assert focused(listed) == f"job-{name}"
    assert listed.evaluate(STILL_MARKED)


def test_next_and_previous_lead_from_bucket_to_bucket_and_keep_the_tab(listed: Page) -> None:
    names = ids(listed)
    at = next(place for place in range(9) if names[place].split("/")[0] != names[place + 1].split("/")[0])
    open_job(listed, names[at])
    listed.click("#part-output")
    listed.locator("#drawer #part-output[aria-current]").wait_for()

    listed.click("#drawer-next")
    wait_for_job(listed, job_of(names[at + 1]))
    assert params_of(listed) | {"job": names[at + 1], "tab": "output"} == params_of(listed)
    listed.click("#drawer-previous")
    wait_for_job(listed, job_of(names[at]))

    assert listed.evaluate(STILL_MARKED)


def test_middle_click_opens_the_full_page(listed: Page) -> None:
    bucket, job = ids(listed)[0].split("/")

    with listed.context.expect_page() as opened:
        listed.click(link_of(f"{bucket}/{job}"), button="middle")

    opened.value.wait_for_url(f"**{job_path(bucket, job)}")
    assert listed.locator("#drawer[open]").count() == 0


def test_link_with_a_job_works_without_script(plain_page: Page, buckets: list[Bucket], emulator: Emulator) -> None:
    plain_page.goto(path(buckets))
    plain_page.wait_for_selector("#more")
    names = ids(plain_page)
    plain_page.goto(path(buckets, f"size=10&job={names[2]}"))
    wait_for_job(plain_page, job_of(names[2]))

    plain_page.click("#part-input")
    plain_page.locator("#part-input[aria-current]").wait_for()
    plain_page.click("#drawer-next")
    wait_for_job(plain_page, job_of(names[3]))
    assert plain_page.locator("#part-input[aria-current]").count() == 1
    plain_page.click("#drawer-close")

    plain_page.wait_for_url(f"**{path(buckets)}")
    assert plain_page.locator("#drawer[open]").count() == 0


def test_list_scrolls_on_beside_the_drawer_and_keeps_it_in_the_address(listed: Page) -> None:
    name = ids(listed)[3]
    open_job(listed, name)

    see_more(listed)
    wait_for_htmx(listed)
    listed.reload()
    wait_for_job(listed, job_of(name))

    assert params_of(listed)["job"] == name
    assert len(ids(listed)) >= 20


def test_keys_walk_from_row_to_row_and_open_the_drawer(listed: Page) -> None:
    for key in "jjk":
        listed.keyboard.press(key)
    assert focused(listed) == f"job-{ids(listed)[0]}"

    listed.keyboard.press("Enter")
    wait_for_job(listed, job_of(ids(listed)[0]))
    listed.keyboard.press("Escape")
    wait_until_closed(listed)
    assert focused(listed) == f"job-{ids(listed)[0]}"


# Live ---------------------------------------------------------------------------------------------------------------------


patient = pytest.mark.web(FIRST_WAIT="5")
"""A tick waits so long for what is new; on a busy machine a second may be too short, and no other comes within a test."""


def look(page: Page, buckets: list[Bucket], query: str = "") -> None:
    """Open the list with a clock that the test moves."""
    page.clock.install()
    page.goto(path(buckets, query))
    page.wait_for_selector("#ticker")


def tick(page: Page, site: Site, buckets: list[Bucket]) -> str:
    """Let a quarter of a minute pass for the page, and a minute for what is cached; return the address that is asked."""
    for bucket in buckets:
        make_stale(site, bucket)
    with page.expect_response(lambda response: "/tick/" in response.url) as answered:
        pass_time(page, 16)
    return answered.value.url


def row(bucket: Bucket, number: int, state: str = "") -> str:
    return f'tr[id="job-{bucket.name}/b{number:032x}"]' + (f'[data-state="{state}"]' if state else "")


@patient
def test_rows_of_each_bucket_change_in_their_place(page: Page, site: Site, new_bucket: NewBucket) -> None:
    first, second = buckets = [new_bucket(given=given(3)) for _ in range(2)]
    look(page, buckets)

    site.emulator.change_job(first.name, f"b{1:032x}", State="Success")
    site.emulator.change_job(second.name, f"b{2:032x}", State="Failed")
    asked = tick(page, site, buckets)

    page.wait_for_selector(row(first, 1, "Success"))
    page.wait_for_selector(row(second, 2, "Failed"))
    assert page.locator(ROWS).count() == 6
    assert page.locator(row(second, 1, "Running")).count() == 1
    assert page.locator(row(first, 1)).locator(".of").inner_text() == first.name
    assert asked.partition("rows=")[2].count(",") == 5


@patient
def test_new_jobs_of_all_buckets_wait_behind_one_pill(page: Page, site: Site, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(given=given(3)) for _ in range(2)]
    look(page, buckets)

    for bucket in buckets:
        site.emulator.add_job(bucket.name, JobId=f"c{1:032x}", CreationTime=stamp(60), State="Running")
    tick(page, site, buckets)

    pill = page.locator("#newer a")
    pill.wait_for()
    assert pill.inner_text() == "2 new jobs"
    assert page.locator(ROWS).count() == 6
    pill.click()
    wait_for_rows(page, 8)


@patient
def test_row_that_leaves_the_filter_stays_and_says_so(page: Page, site: Site, new_bucket: NewBucket) -> None:
    first, second = buckets = [new_bucket(given=given(3)) for _ in range(2)]
    look(page, buckets, "states=Running")

    site.emulator.change_job(second.name, f"b{1:032x}", State="Success")
    tick(page, site, buckets)

    left = page.locator(row(second, 1, "Success") + ".left")
    left.wait_for()
    assert "left this filter" in left.inner_text()
    assert page.locator(ROWS).count() == 6
    assert page.locator(row(first, 1, "Running")).count() == 1


@pytest.mark.console_allows(TROUBLE_STATUS)
@patient
def test_bucket_in_trouble_is_named_and_the_others_stay_live(page: Page, site: Site, new_bucket: NewBucket) -> None:
    well, bad = buckets = [new_bucket(given=given(3)) for _ in range(2)]
    look(page, buckets)
    site.emulator.set_faults(bad.name, DENIED)
    site.emulator.change_job(well.name, f"b{1:032x}", State="Success")

    tick(page, site, buckets)
    page.wait_for_selector(row(well, 1, "Success"))
    tick(page, site, buckets)
    page.locator("#as-of", has_text="AccessDenied").wait_for()

    assert bad.name in page.locator("#as-of").inner_text()
    assert page.locator("#as-of [data-problem]").count() == 0
    assert page.locator(ROWS).count() == 6


# Filter -------------------------------------------------------------------------------------------------------------------


def test_form_narrows_all_buckets_in_place_and_keeps_them(listed: Page, buckets: list[Bucket]) -> None:
    listed.get_by_label("Failed").check()
    listed.locator("#summary", has_text="Failed jobs").wait_for()
    wait_for_htmx(listed)

    assert params_of(listed)["bucket"] == ",".join(sorted(bucket.name for bucket in buckets))
    assert params_of(listed)["states"] == "Failed"
    assert set(listed.locator(ROWS).evaluate_all("rows => rows.map(row => row.dataset.state)")) == {"Failed"}
    assert listed.evaluate(STILL_MARKED)
    listed.locator("a.chip", has_text="Failed").click()
    listed.locator("#summary", has_text="All jobs").wait_for()
    assert not listed.get_by_label("Failed").is_checked()


def test_only_this_of_a_cell_forgets_the_place_and_keeps_the_buckets(listed: Page, buckets: list[Bucket]) -> None:
    see_more(listed)
    assert "at" in params_of(listed)
    cell = listed.locator(f"{ROWS} .status").first
    cell.hover()
    listed.click("#cell-button")
    listed.locator("#cell-menu a").first.click()
    listed.wait_for_load_state()

    assert params_of(listed).keys() == {"bucket", "states", "size"}
    listed.wait_for_selector("#more")


def test_bucket_can_be_hidden_from_its_cell(listed: Page) -> None:
    name = listed.locator(f"{ROWS} .of").first.inner_text()
    listed.locator(f"{ROWS} .what").first.hover()
    listed.click("#cell-button")
    listed.locator("#cell-menu button", has_text=name).click()

    listed.locator("#hiding").wait_for()
    shown = listed.locator(f"{ROWS}:not([hidden]) .of").all_inner_texts()
    assert name not in shown


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_nothing_stands_beside_the_edge_of_the_page(page: Page, new_bucket: NewBucket, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    long_name = new_bucket(given=given(3))
    long_name.label = "a-label-" + "of-many-words-" * 4
    long_name.save()
    page.goto(path([long_name, new_bucket(given=given(3))], ""))
    page.wait_for_selector("#more")

    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


@pytest.mark.console_allows(TROUBLE_STATUS)
def test_wall_screen_of_which_no_bucket_could_be_read_recovers_by_itself(
    page: Page, site: Site, new_bucket: NewBucket
) -> None:
    buckets = [new_bucket(given=given(2)), new_bucket(given=given(2))]
    for bucket in buckets:
        site.emulator.set_faults(bucket.name, DENIED)
    page.clock.install()
    page.goto(path(buckets, "live=60s"))
    page.wait_for_selector("#results .ticker[hx-get]")

    for bucket in buckets:
        site.emulator.set_faults(bucket.name)
        forget_trouble(site, bucket)
    pass_time(page, 61)

    wait_for_rows(page, 4)
    page.wait_for_selector("#ticker", state="attached")
