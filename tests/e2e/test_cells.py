"""“Only this” and “hide” on the cells of a list, by mouse and by keyboard, and what is said about hidden rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.looking import ROWS, ids, list_path, wait_for_more_rows, wait_for_rows, wait_until_drawn

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

    from jobs.models import Bucket
    from tests.e2e.sites import Site

SHOWN = f"{ROWS}:visible"


def moment(second: int) -> str:
    return f"2026-06-27T15:{second // 60:02}:{second % 60:02}+0800"


@pytest.fixture
def bucket(new_bucket: Callable[..., Bucket]) -> Bucket:
    """A bucket with 40 jobs: each fourth failed, each half of them of one workflow."""
    return new_bucket(
        given=tuple(
            {
                "Name": f"nightly {number % 5}",
                "Type": "Workflow" if number % 2 else "Job",
                "State": "Failed" if number % 4 == 0 else "Success",
                "CreationTime": moment(number),
                "StartTime": moment(number + 2),
                "EndTime": moment(number + 32),
                "Operation": {"WorkflowIds": "w1"} if number % 2 else {"Tag": "Transcode"},
            }
            for number in range(40)
        )
    )


@pytest.fixture
def listed(page: Page, bucket: Bucket) -> Page:
    """A page that shows twenty of them, high enough for no more to come by itself."""
    page.set_viewport_size({"width": 1400, "height": 500})
    page.goto(list_path(bucket, "size=20"))
    wait_for_rows(page, 20)
    return page


def test_row_with_the_focus_is_never_under_the_bar_that_says_what_is_hidden(page: Page, bucket: Bucket) -> None:
    page.set_viewport_size({"width": 1400, "height": 500})
    page.goto(list_path(bucket, "size=40"))
    wait_for_rows(page, 40)
    open_menu(page, f"{ROWS}[data-state=Failed] .status")
    page.get_by_role("button", name="Hide Failed").click()
    page.wait_for_selector("#hiding:visible")

    for _ in range(14):
        page.keyboard.press("j")
        page.wait_for_function(
            """() => {
              const { left, top, width, height } = document.activeElement.getBoundingClientRect();
              const seen = document.elementFromPoint(left + width / 2, top + height / 2);
              return document.activeElement.closest("tr")?.contains(seen);
            }"""
        )


def items(page: Page) -> list[str]:
    return page.locator("#cell-menu > *").all_inner_texts()


def open_menu(page: Page, cell: str) -> None:
    """Point at a cell and open its menu."""
    page.locator(cell).first.hover()
    page.click("#cell-button")
    page.locator("#cell-menu:popover-open").wait_for()


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (".status", ["Only Success", "Hide Success"]),
        (".what", ["Only Workflow", "Hide Workflow", "Only w1", "Hide w1"]),
        (
            ".name",
            ["Only nightly 4", "Hide nightly 4", "Only Success", "Hide Success", "Only Workflow", "Hide Workflow", "Only w1",
             "Hide w1", "Only 2026-06-27", "Hide 2026-06-27", "Hide waited 2 s", "Hide ran 30 s"],
        ),
        (".when", ["Only 2026-06-27", "Hide 2026-06-27"]),
        ("td:nth-child(5)", ["Hide waited 2 s"]),
        ("td:nth-child(6)", ["Hide ran 30 s"]),
    ],
)  # fmt: skip
def test_menu_of_a_cell_tells_its_values_and_that_of_a_name_all_of_the_row(
    listed: Page, cell: str, expected: list[str]
) -> None:
    open_menu(listed, f"{ROWS} {cell}")

    assert items(listed) == expected


@pytest.mark.parametrize(("width", "height"), [(1400, 500), (800, 900), (360, 740), (640, 400)])
@pytest.mark.parametrize("place", ["start", "end"])
def test_menu_stands_on_the_screen_wherever_its_row_is(listed: Page, width: int, height: int, place: str) -> None:
    listed.set_viewport_size({"width": width, "height": height})
    name = listed.locator(f"{ROWS} .name").nth(12)
    name.evaluate("(cell, place) => cell.scrollIntoView({block: place})", place)
    name.hover()
    listed.click("#cell-button")
    listed.locator("#cell-menu:popover-open").wait_for()

    _is_whole(listed, width, height)


@pytest.mark.parametrize("cell", [".status", ".what", ".when", "td:nth-child(5)", "td:nth-child(6)"])
def test_menu_stands_on_the_screen_where_its_button_has_little_room_on_either_side(
    page: Page, bucket: Bucket, cell: str
) -> None:
    width, height = 360, 740
    page.route("**/insight/**", lambda _route: None)  # what is told late above the rows would move them
    page.set_viewport_size({"width": width, "height": height})
    page.goto(list_path(bucket, "size=20"))
    wait_for_rows(page, 20)
    pointed_at = page.locator(f"{ROWS} {cell}").nth(12)
    pointed_at.evaluate("cell => cell.scrollIntoView({block: 'end'})")
    pointed_at.hover()

    page.locator("#cell-button").evaluate("it => it.click()")
    page.locator("#cell-menu:popover-open").wait_for()

    _is_whole(page, width, height)


def _is_whole(listed: Page, width: int, height: int) -> None:
    menu, last = listed.locator("#cell-menu"), listed.locator("#cell-menu > *").last
    box = menu.bounding_box()
    last.scroll_into_view_if_needed()
    end = last.bounding_box()

    assert box
    assert end
    assert box["height"] >= min(menu.evaluate("menu => menu.scrollHeight"), 0.4 * height)
    assert 0 <= box["y"] < box["y"] + box["height"] <= height
    assert 0 <= box["x"] < box["x"] + box["width"] <= width
    assert end["y"] + end["height"] <= height


def test_what_the_list_can_not_be_asked_for_can_only_be_hidden(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    page.goto(list_path(new_bucket(given=({"State": "Melted", "Type": "Job", "CreationTime": moment(0)},))))
    wait_for_rows(page, 1)

    open_menu(page, f"{ROWS} .status")

    assert items(page) == ["Hide Melted"]


@pytest.mark.parametrize(
    ("cell", "item", "query"),
    [
        (".status", "Only Success", "states=Success&size=20"),
        (".what", "Only Workflow", "type=Workflow&size=20"),
        (".what", "Only w1", "workflowId=w1&size=20"),
        (".name", "Only nightly 4", "name=nightly 4&size=20"),
        (
            ".when",
            "Only 2026-06-27",
            "startCreationTime=2026-06-27&endCreationTime=2026-06-27&size=20",  # and the page says how that day was read
        ),
    ],
)
def test_only_this_leads_to_the_list_of_that_value(
    listed: Page, bucket: Bucket, cell: str, item: str, query: str
) -> None:
    open_menu(listed, f"{ROWS} {cell}")

    listed.get_by_role("link", name=item).click()

    listed.wait_for_url(lambda address: query in address.replace("%20", " "))
    listed.locator(ROWS).first.wait_for()
    assert listed.locator(".chip").count() >= 1
    assert listed.locator(".notice.read:visible").count() == 2 * (cell == ".when")


def test_hide_says_how_many_of_how_many_and_hides_rows_that_come_later(listed: Page) -> None:
    open_menu(listed, f'{ROWS}[data-state="Failed"] .status')

    listed.get_by_role("button", name="Hide Failed").click()

    expect(listed.locator("#hiding strong")).to_have_text("Hiding 5 of 20 loaded")
    assert listed.locator("#announce").inner_text() == "Hiding 5 of 20 loaded"
    assert listed.locator(SHOWN).count() == 15
    listed.evaluate("document.getElementById('more').scrollIntoView()")
    wait_for_more_rows(listed, 20)
    expect(listed.locator("#hiding strong")).to_have_text("Hiding 10 of 40 loaded")
    assert listed.locator(f'{SHOWN}[data-state="Failed"]').count() == 0

    open_menu(listed, f"{SHOWN} .what")
    listed.get_by_role("button", name="Hide w1").click()
    expect(listed.locator("#hiding strong")).to_have_text("Hiding 30 of 40 loaded")

    listed.get_by_role("button", name="Show them again").click()
    expect(listed.locator(SHOWN)).to_have_count(40)
    assert listed.locator("#hiding").is_hidden()
    assert "hid" not in listed.url


def test_hiding_all_that_a_whole_list_holds_leads_to_the_way_back(listed: Page, bucket: Bucket) -> None:
    listed.goto(list_path(bucket, "size=50"))
    listed.locator("#more[data-end]").wait_for()
    open_menu(listed, f"{ROWS} .when")

    listed.get_by_role("button", name="Hide 2026-06-27").click()

    expect(listed.locator("#hiding strong")).to_have_text("Hiding 40 of 40 loaded")
    expect(listed.get_by_role("button", name="Show them again")).to_be_focused()


def test_whole_way_works_by_keyboard(listed: Page, bucket: Bucket) -> None:
    listed.locator(f"{ROWS} .name a").first.focus()

    listed.keyboard.press("Tab")
    assert listed.evaluate("document.activeElement.id") == "cell-button"
    listed.keyboard.press("Enter")
    listed.locator("#cell-menu > :focus").wait_for()
    assert listed.evaluate("document.activeElement.textContent") == "Only nightly 4"
    listed.keyboard.press("Escape")
    listed.locator("#cell-menu:popover-open").wait_for(state="detached")
    assert listed.evaluate("document.activeElement.id") == "cell-button"

    listed.keyboard.press("Enter")
    listed.locator("#cell-menu > :focus").wait_for()
    listed.keyboard.press("Tab")
    listed.keyboard.press("Enter")

    listed.locator("#hiding:visible").wait_for()
    expect(listed.locator("#hiding strong")).to_have_text("Hiding 4 of 20 loaded")
    expect(listed.locator(f"#job-{ids(listed)[1]} .name a")).to_be_focused()


def test_focus_stays_where_it_was_moved_to_before_rows_are_seen_to_be_gone(listed: Page) -> None:
    open_menu(listed, f"{ROWS}[data-state=Failed] .status")
    listed.evaluate("() => document.addEventListener('click', () => document.querySelector('a[hreflang]').focus())")

    listed.get_by_role("button", name="Hide Failed").click()

    listed.locator("#hiding:visible").wait_for()
    wait_until_drawn(listed)
    assert listed.evaluate("document.activeElement.matches('a[hreflang]')")


def test_escape_in_the_menu_leaves_the_drawer_open(listed: Page) -> None:
    listed.locator(f"{ROWS} .name a").first.click()
    listed.locator("#drawer[open] #panel").wait_for()
    open_menu(listed, f"{ROWS} .name")

    listed.keyboard.press("Escape")

    listed.locator("#cell-menu:popover-open").wait_for(state="detached")
    assert listed.locator("#drawer[open]").count() == 1


def test_hidden_rows_are_passed_over_by_next(listed: Page) -> None:
    open_menu(listed, f'{ROWS}[data-state="Failed"] .status')
    listed.get_by_role("button", name="Hide Failed").click()
    expect(listed.locator(SHOWN)).to_have_count(15)
    shown = listed.locator(SHOWN).evaluate_all("rows => rows.map(row => row.id)")

    listed.locator(f"#{shown[0]} .name a").click()
    for row in shown[1:6]:
        listed.locator(f"#drawer-next[href*='{row.removeprefix('job-')}']").click()
        listed.locator("#drawer .facts code", has_text=row.removeprefix("job-")).first.wait_for()


def test_one_button_and_one_menu_serve_all_rows(listed: Page) -> None:
    for number in range(5):
        listed.locator(f"{ROWS} .name").nth(number).hover()
        assert listed.locator("#cell-button").count() == 1

    assert listed.locator(f"{ROWS} button").count() == 1


def test_menu_is_opened_and_used_by_touch(
    new_context: Callable[..., BrowserContext],
    sign_in: Callable[..., BrowserContext],
    site: Site,
    bucket: Bucket,
) -> None:
    context = new_context(base_url=site.address, viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    page = sign_in(context, site).new_page()
    page.goto(list_path(bucket, "size=20"))
    wait_for_rows(page, 20)

    page.locator(f"{ROWS} .status").first.tap()
    page.locator("#cell-button").tap()
    page.locator("#cell-menu:popover-open").wait_for()
    assert items(page) == ["Only Success", "Hide Success"]
    page.get_by_role("button", name="Hide Success").tap()

    expect(page.locator("#hiding strong")).to_have_text("Hiding 15 of 20 loaded")
    page.get_by_role("button", name="Show them again").tap()
    expect(page.locator(SHOWN)).to_have_count(20)
    assert page.locator("#drawer[open]").count() == 0
