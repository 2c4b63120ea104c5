"""The drawer beside a list: by click, by link and by keyboard; what the history holds of it; and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.looking import (
    ROWS,
    calls_for_what_is_seen,
    ids,
    job_path,
    list_path,
    wait_for_more_rows,
    wait_for_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page, ViewportSize

    from jobs.models import Bucket
    from tests.e2e.sites import Site
    from tests.emulators import Emulator

WIDE: ViewportSize = {"width": 1600, "height": 900}
MARK = "window.mark = 1"
STILL_MARKED = "window.mark === 1"
"""Whether the document is still the one that was marked: nothing was reloaded."""


@pytest.fixture
def bucket(new_bucket: Callable[..., Bucket]) -> Bucket:
    """A bucket with 45 jobs."""
    return new_bucket(jobs=45)


@pytest.fixture
def listed(page: Page, bucket: Bucket) -> Page:
    """A page that shows ten of them."""
    page.set_viewport_size(WIDE)
    open_list(page, bucket)
    return page


def open_list(page: Page, bucket: Bucket, query: str = "size=10", **where: Any) -> None:
    """Open a list, and mark the document."""
    page.goto(list_path(bucket, query, **where))
    page.wait_for_selector("#more")
    page.evaluate(MARK)


def link_of(job_id: str) -> str:
    return f"#job-{job_id} .name a"


def wait_for_job(page: Page, job_id: str) -> None:
    """Wait until the drawer shows a job: the focus is in it then."""
    page.locator("#drawer[open] .facts code", has_text=job_id).first.wait_for()


def wait_until_closed(page: Page) -> None:
    page.locator("#drawer:not([open])").wait_for(state="attached")


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.closest('tr')?.id || document.activeElement.id"))


def query_of(page: Page) -> str:
    return str(page.evaluate("location.search"))


def params_of(page: Page) -> dict[str, str]:
    return dict(page.evaluate("[...new URLSearchParams(location.search)]"))


# Opening ------------------------------------------------------------------------------------------------------------------


def test_click_on_a_row_opens_its_job_beside_the_list_without_a_call(
    listed: Page, bucket: Bucket, emulator: Emulator
) -> None:
    job_id = ids(listed)[3]
    calls = len(emulator.calls(bucket.name))

    listed.click(link_of(job_id))
    wait_for_job(listed, job_id)

    assert params_of(listed)["job"] == job_id
    assert focused(listed) == "drawer-title"
    assert listed.locator(".name [aria-current]").count() == 1
    assert len(ids(listed)) >= 10
    assert listed.evaluate(STILL_MARKED)
    assert len(emulator.calls(bucket.name)) <= calls + 1  # the page ahead may just have been asked for


def test_second_browser_with_the_link_shows_the_same(
    listed: Page,
    bucket: Bucket,
    new_context: Callable[..., BrowserContext],
    sign_in: Callable[..., BrowserContext],
    site: Site,
) -> None:
    job_id = ids(listed)[3]
    listed.click(link_of(job_id))
    wait_for_job(listed, job_id)
    listed.click("#part-output")
    listed.locator("#part-output[aria-current]").wait_for()

    for script in (True, False):
        other = sign_in(new_context(base_url=site.address, viewport=WIDE, java_script_enabled=script), site).new_page()
        other.goto(listed.url)
        wait_for_job(other, job_id)

        assert other.locator("#part-output[aria-current]").count() == 1
        assert ids(other)[: len(ids(listed))] == ids(listed)[: len(ids(other))]
        assert other.locator("#drawer-title").inner_text() == listed.locator("#drawer-title").inner_text()


@pytest.mark.parametrize("modifier", ["Control", "Shift"])
def test_click_for_a_new_tab_or_window_opens_the_full_page(listed: Page, bucket: Bucket, modifier: Any) -> None:
    job_id = ids(listed)[0]

    with listed.context.expect_page() as opened:
        listed.click(link_of(job_id), modifiers=[modifier])

    opened.value.wait_for_url(f"**{job_path(bucket, job_id)}")
    assert listed.locator("#drawer[open]").count() == 0


def test_middle_click_opens_the_full_page(listed: Page, bucket: Bucket) -> None:
    job_id = ids(listed)[0]

    with listed.context.expect_page() as opened:
        listed.click(link_of(job_id), button="middle")

    opened.value.wait_for_url(f"**{job_path(bucket, job_id)}")
    assert listed.locator("#drawer[open]").count() == 0


def test_without_javascript_a_row_leads_to_the_full_page_and_close_to_the_list(
    plain_page: Page, bucket: Bucket, emulator: Emulator
) -> None:
    job_id = emulator.job_ids(bucket.name)[2]
    plain_page.goto(list_path(bucket))
    plain_page.locator(ROWS).first.wait_for()
    plain_page.click(link_of(job_id))
    plain_page.wait_for_url(f"**{job_path(bucket, job_id)}")

    plain_page.goto(list_path(bucket, f"job={job_id}"))
    following = ids(plain_page)[ids(plain_page).index(job_id) + 1]  # now: the click leads to another document
    plain_page.click("#drawer-next")
    wait_for_job(plain_page, following)
    plain_page.click("#drawer-close")

    plain_page.wait_for_url(f"**{list_path(bucket)}")
    assert plain_page.locator("#drawer[open]").count() == 0


# Closing ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["Escape", "Back", "Close"])
def test_closing_leads_back_to_the_row_and_leaves_no_entry_behind(listed: Page, how: str) -> None:
    job_id = ids(listed)[3]
    before = query_of(listed)
    length = listed.evaluate("history.length")
    listed.click(link_of(job_id))
    wait_for_job(listed, job_id)
    assert listed.evaluate("history.length") == length + 1

    if how == "Escape":
        listed.keyboard.press("Escape")
    elif how == "Back":
        listed.go_back()
    else:
        listed.click("#drawer-close")
    wait_until_closed(listed)

    assert query_of(listed) == before
    assert focused(listed) == f"job-{job_id}"
    assert listed.evaluate(STILL_MARKED)


def test_second_escape_before_it_is_closed_leads_no_further_back(page: Page, bucket: Bucket) -> None:
    page.goto("/status/")
    open_list(page, bucket)
    page.locator(ROWS).first.locator(".name a").click()
    page.locator("#drawer[open] #panel h2").wait_for()

    page.evaluate("""() => {
      for (let press = 0; press < 2; press += 1)
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
      return new Promise((gone) => addEventListener("popstate", () => setTimeout(gone, 100)));
    }""")

    assert "/jobs/" in page.url
    wait_until_closed(page)


def test_forward_opens_it_again_and_back_closes_it_again(listed: Page) -> None:
    job_id = ids(listed)[3]
    listed.click(link_of(job_id))
    wait_for_job(listed, job_id)

    for _ in range(2):
        listed.go_back()
        wait_until_closed(listed)
        listed.go_forward()
        wait_for_job(listed, job_id)

    listed.keyboard.press("Escape")
    wait_until_closed(listed)
    assert "job" not in params_of(listed)
    assert listed.evaluate(STILL_MARKED)


def test_escape_closes_what_a_link_opened_and_stays_on_the_site(listed: Page, bucket: Bucket) -> None:
    job_id = ids(listed)[3]
    open_list(listed, bucket, f"size=10&job={job_id}&tab=input")
    wait_for_job(listed, job_id)
    assert focused(listed) == "drawer-title"
    length = listed.evaluate("history.length")

    listed.keyboard.press("Escape")
    wait_until_closed(listed)

    assert params_of(listed).keys() & {"job", "tab"} == set()
    assert focused(listed) == f"job-{job_id}"
    assert (listed.evaluate("history.length"), listed.evaluate(STILL_MARKED)) == (length, True)


def test_escape_in_a_field_of_the_filter_leaves_it_open(listed: Page) -> None:
    job_id = ids(listed)[3]
    listed.click(link_of(job_id))
    wait_for_job(listed, job_id)

    listed.locator("#filter input[name=name]").press("Escape")

    assert listed.locator("#drawer[open]").count() == 1


def test_new_filter_closes_it_and_back_opens_it_again(listed: Page) -> None:
    job_id = ids(listed)[3]
    listed.click(link_of(job_id))
    wait_for_job(listed, job_id)

    listed.get_by_label("Failed").check()
    listed.locator("#summary", has_text="Failed jobs").wait_for()
    wait_until_closed(listed)
    assert params_of(listed).keys() & {"job", "tab"} == set()

    listed.go_back()
    wait_for_job(listed, job_id)
    assert listed.locator("#summary").inner_text() == "All jobs, newest first"


# Inside it ----------------------------------------------------------------------------------------------------------------


def test_next_and_previous_lead_from_page_to_page_of_the_list(listed: Page) -> None:
    listed.evaluate("document.getElementById('more').scrollIntoView()")
    wait_for_more_rows(listed, 10)
    last_of_a_page, first_of_the_next = ids(listed)[9:11]
    listed.click(link_of(last_of_a_page))
    wait_for_job(listed, last_of_a_page)

    listed.click("#drawer-next")
    wait_for_job(listed, first_of_the_next)
    listed.click("#drawer-previous")

    wait_for_job(listed, last_of_a_page)


def test_next_stays_under_the_pointer_from_the_first_job_on(listed: Page) -> None:
    jobs = ids(listed)
    listed.click(link_of(jobs[0]))
    wait_for_job(listed, jobs[0])
    box = listed.locator("#drawer-next").bounding_box()
    assert box

    for job_id in jobs[1:4]:
        listed.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        wait_for_job(listed, job_id)


def test_next_and_previous_keep_the_tab_and_push_nothing(listed: Page, bucket: Bucket, emulator: Emulator) -> None:
    first, second, third = ids(listed)[:3]
    listed.click(link_of(first))
    wait_for_job(listed, first)
    listed.click("#part-time-interval")
    listed.locator("#drawer #part-time-interval[aria-current]").wait_for()
    length = listed.evaluate("history.length")
    calls = calls_for_what_is_seen(emulator, bucket)
    assert listed.locator("#drawer-previous").is_hidden()

    listed.click("#drawer-next")
    wait_for_job(listed, second)
    assert focused(listed) == "drawer-next"
    listed.keyboard.press("Enter")
    wait_for_job(listed, third)
    listed.click("#drawer-previous")
    wait_for_job(listed, second)

    assert params_of(listed)["job"] == second
    assert params_of(listed)["tab"] == "time-interval"
    assert listed.locator("#part-time-interval[aria-current]").count() == 1
    assert (listed.evaluate("history.length"), listed.evaluate(STILL_MARKED)) == (length, True)
    assert calls_for_what_is_seen(emulator, bucket) == calls

    listed.keyboard.press("Escape")
    wait_until_closed(listed)
    assert focused(listed) == f"job-{second}"


def test_tabs_have_their_address_and_survive_a_reload(listed: Page) -> None:
    job_id = ids(listed)[1]
    listed.click(link_of(job_id))
    wait_for_job(listed, job_id)

    for tab in ("output", "time-interval", "input", "raw", "operation"):
        listed.click(f"#part-{tab}")
        listed.locator(f"#part-{tab}[aria-current]").wait_for()
        assert params_of(listed).get("tab", "operation") == tab
        assert focused(listed) == f"part-{tab}"
    listed.click("#part-raw")
    listed.locator("#drawer pre[aria-labelledby=raw-xml]").wait_for()
    listed.reload()

    listed.locator("#drawer pre[aria-labelledby=raw-xml]").wait_for()
    assert listed.locator("#part-raw[aria-current]").count() == 1


def test_job_still_being_fetched_comes_by_itself(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=3)
    page.set_viewport_size(WIDE)
    open_list(page, bucket, "")
    emulator.set_latency(2.0, bucket.name)
    job_id = ids(page)[0]
    page.click(link_of(job_id))
    wait_for_job(page, job_id)

    page.click("#part-raw")
    page.locator("#drawer [aria-busy=true]").wait_for()
    page.locator("#drawer pre[aria-labelledby=raw-xml]").wait_for()

    assert page.evaluate(STILL_MARKED)


def test_quick_steps_end_at_the_last_one(listed: Page) -> None:
    wanted = ids(listed)[4]
    listed.click(link_of(ids(listed)[0]))
    wait_for_job(listed, ids(listed)[0])

    for job_id in ids(listed)[1:5]:
        listed.evaluate("selector => document.querySelector(selector).click()", link_of(job_id))
    wait_for_job(listed, wanted)

    assert params_of(listed)["job"] == wanted


# The list beside it -------------------------------------------------------------------------------------------------------


def test_list_scrolls_on_beside_it_and_back_closes_it_without_losing_rows(listed: Page) -> None:
    job_id = ids(listed)[3]
    listed.click(link_of(job_id))
    wait_for_job(listed, job_id)

    count = len(ids(listed))
    listed.evaluate("document.getElementById('more').scrollIntoView()")
    wait_for_more_rows(listed, count)
    more = len(ids(listed))

    wait_for_job(listed, job_id)
    assert params_of(listed)["job"] == job_id
    last = ids(listed)[-1]
    listed.click(link_of(last))
    wait_for_job(listed, last)
    listed.go_back()
    wait_until_closed(listed)
    assert len(ids(listed)) >= more
    assert listed.evaluate(STILL_MARKED)


def test_drawer_works_inside_a_portal_as_well(page: Page, bucket: Bucket) -> None:
    page.set_viewport_size(WIDE)
    open_list(page, bucket, prefix="/embed")
    job_id = ids(page)[0]

    page.click(link_of(job_id))
    wait_for_job(page, job_id)
    assert "/embed/" in page.url
    page.keyboard.press("Escape")
    wait_until_closed(page)

    assert focused(page) == f"job-{job_id}"


@pytest.mark.parametrize("width", [360, 800, 1280, 1600])
def test_nothing_stands_beside_the_edge_of_the_page(page: Page, bucket: Bucket, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    open_list(page, bucket)
    job_id = ids(page)[0]

    page.click(link_of(job_id))
    wait_for_job(page, job_id)

    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    box = page.locator("#drawer").bounding_box()
    assert over == 0
    assert box is not None
    assert box["width"] >= (width - 16 if width <= 800 else 400)
    assert page.locator("#list").is_visible() is (width > 1000)


def test_on_a_phone_the_list_is_where_it_was_after_closing(page: Page, bucket: Bucket) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    open_list(page, bucket, "size=50")
    wait_for_rows(page, 45)
    job_id = ids(page)[30]
    page.locator(link_of(job_id)).scroll_into_view_if_needed()

    page.click(link_of(job_id))
    wait_for_job(page, job_id)
    page.keyboard.press("Escape")
    wait_until_closed(page)

    page.wait_for_function(
        "id => { const { top, bottom } = document.getElementById(id).getBoundingClientRect();"
        " return top >= 0 && bottom <= innerHeight; }",
        arg=f"job-{job_id}",
    )
    assert focused(page) == f"job-{job_id}"
