"""Keys and themes in a browser: a person's own choices, remembered on the device alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.looking import ids, list_path, wait_for_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from jobs.models import Bucket
    from tests.emulators import Emulator

FOCUSED_ROW = "document.activeElement.closest('tr')?.id.slice(4)"
GROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture
def listed(page: Page, new_bucket: Callable[..., Bucket]) -> Page:
    """A list of five jobs."""
    page.goto(list_path(new_bucket(jobs=5)))
    wait_for_rows(page, 5)
    return page


def test_j_goes_to_the_first_row_though_it_is_below_the_screen(listed: Page) -> None:
    listed.set_viewport_size({"width": 1000, "height": 300})
    first = ids(listed)[0]

    listed.keyboard.press("j")

    assert listed.evaluate("document.activeElement.closest('tr')?.id") == f"job-{first}"


def test_j_and_k_walk_over_the_rows(listed: Page) -> None:
    jobs = ids(listed)

    for key, expected in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        listed.keyboard.press(key)
        assert listed.evaluate(FOCUSED_ROW) == jobs[expected]


def test_slash_goes_to_the_filter_and_what_is_typed_there_is_text(listed: Page) -> None:
    listed.keyboard.press("/")
    listed.keyboard.type("jkrt?")

    assert listed.locator("#filter-q").input_value() == "jkrt?"
    assert not listed.locator("#keys").is_visible()


def test_r_shows_the_newest(listed: Page) -> None:
    with listed.expect_navigation():
        listed.keyboard.press("r")


def test_enter_opens_the_job_and_escape_closes_it(listed: Page) -> None:
    listed.keyboard.press("j")
    listed.keyboard.press("Enter")
    listed.locator("#drawer[open] #drawer-title").wait_for()

    listed.keyboard.press("Escape")

    listed.locator("#drawer:not([open])").wait_for(state="attached")
    assert listed.evaluate(FOCUSED_ROW) == ids(listed)[0]


@pytest.mark.parametrize(("key", "chosen"), [("f", '#filter [name="name"]'), ("t", "#theme")])
def test_letter_goes_to_its_field(listed: Page, key: str, chosen: str) -> None:
    listed.keyboard.press(key)

    assert listed.evaluate("chosen => document.activeElement.matches(chosen)", chosen)


def test_c_copies_the_live_link(listed: Page) -> None:
    listed.context.grant_permissions(["clipboard-read", "clipboard-write"])

    listed.keyboard.press("c")

    listed.locator("button[data-key=c][data-done]").wait_for()
    assert listed.evaluate("navigator.clipboard.readText()") == listed.url


def test_key_that_belongs_to_an_input_method_does_nothing(listed: Page) -> None:
    listed.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'j', isComposing: true, bubbles: true}))"
    )

    assert listed.evaluate(FOCUSED_ROW) is None


def test_keys_of_the_browser_stay_its_own(listed: Page) -> None:
    listed.keyboard.press("Control+j")

    assert listed.evaluate(FOCUSED_ROW) is None


def test_help_tells_the_keys_and_turns_them_off_for_good(listed: Page) -> None:
    listed.keyboard.press("?")
    listed.locator("#keys").wait_for()
    listed.locator("#keys-on").uncheck()
    listed.keyboard.press("Escape")
    listed.reload()
    wait_for_rows(listed, 5)

    listed.keyboard.press("j")

    assert listed.evaluate(FOCUSED_ROW) is None
    listed.keyboard.press("?")
    assert not listed.locator("#keys").is_visible()
    listed.locator("#keys-open").click()
    listed.locator("#keys-on").check()
    listed.keyboard.press("Escape")
    listed.keyboard.press("j")
    assert listed.evaluate(FOCUSED_ROW) == ids(listed)[0]


def test_help_is_opened_by_a_button_inside_a_frame_too(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    page.goto(list_path(new_bucket(jobs=1), prefix="/embed"))

    page.locator("#keys-open").click()

    page.locator("#keys[open]").wait_for()


@pytest.mark.parametrize(("key", "field"), [("/", "#filter-q"), ("f", '#filter [name="name"]')])
def test_key_opens_the_folded_form_of_a_narrow_window(
    page: Page, new_bucket: Callable[..., Bucket], key: str, field: str
) -> None:
    page.set_viewport_size({"width": 640, "height": 800})
    page.goto(list_path(new_bucket(jobs=5)))
    wait_for_rows(page, 5)
    assert not page.locator(field).is_visible()

    page.keyboard.press(key)

    assert page.evaluate("field => document.activeElement.matches(field)", field)
    assert page.locator(field).is_visible()


def test_j_walks_over_the_edge_of_a_page(page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(jobs=30)
    page.set_viewport_size({"width": 1000, "height": 400})
    page.goto(list_path(bucket, "size=10"))
    page.wait_for_selector("#more")

    for place in range(12):
        page.wait_for_function("place => document.querySelectorAll('tr[id^=job-]').length > place", arg=place)
        page.keyboard.press("j")

    assert page.evaluate(FOCUSED_ROW) == emulator.job_ids(bucket.name)[11]


def test_r_shows_the_newest_of_a_list_that_holds_nothing(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    page.goto(list_path(new_bucket(jobs=3), "jobId=nothing-has-this"))
    page.wait_for_selector(".empty h2")

    with page.expect_navigation():
        page.keyboard.press("r")


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/", ["j", "k", "Enter", "Esc", "f", "r", "t", "?"]),
        ("/buckets/{bucket}/jobs/", ["j", "k", "Enter", "Esc", "/", "f", "c", "r", "t", "?"]),
        ("/jobs/?bucket={bucket},{other}", ["j", "k", "Enter", "Esc", "/", "f", "c", "r", "t", "?"]),
        ("/buckets/{bucket}/jobs/{job}/", ["Esc", "t", "?"]),
        ("/buckets/{bucket}/insight/", ["Esc", "t", "?"]),
        ("/buckets/{bucket}/export/", ["Esc", "t", "?"]),
        ("/embed/buckets/{bucket}/jobs/{job}/", ["Esc", "?"]),
    ],
)
def test_help_on_every_page_tells_the_keys_that_do_something_there(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator, path: str, keys: list[str]
) -> None:
    bucket, other = new_bucket(jobs=1), new_bucket(jobs=1)
    page.goto(path.format(bucket=bucket.name, other=other.name, job=emulator.job_ids(bucket.name)[0]))
    page.wait_for_load_state("networkidle")
    page.evaluate("document.activeElement.blur()")

    page.keyboard.press("?")

    page.locator("#keys[open]").wait_for()
    assert page.locator("#keys kbd:visible").all_inner_texts() == keys
    page.keyboard.press("Escape")
    if "t" in keys:
        page.keyboard.press("t")
        assert page.evaluate("document.activeElement.id") == "theme"


def test_theme_is_a_choice_that_lasts(listed: Page) -> None:
    light = listed.evaluate(GROUND)

    listed.locator("#theme").select_option("dark")
    dark = listed.evaluate(GROUND)
    listed.reload()

    assert dark != light
    assert listed.evaluate(GROUND) == dark
    listed.locator("#theme").select_option("")
    assert listed.evaluate(GROUND) == light


def test_theme_is_that_of_the_system_until_another_is_chosen(listed: Page) -> None:
    found = {}
    for chosen in ("", "light", "dark"):
        listed.locator("#theme").select_option(chosen)
        for system in ("light", "dark"):
            listed.emulate_media(color_scheme=system)
            found[chosen, system] = listed.evaluate(GROUND)

    light, dark = found["", "light"], found["", "dark"]
    assert light != dark
    assert {found["light", system] for system in ("light", "dark")} == {light}
    assert {found["dark", system] for system in ("light", "dark")} == {dark}


WITHOUT_STORAGE = """
Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } });
"""
"""What a browser does that keeps nothing for a site, or for a frame."""


def test_where_nothing_may_be_stored_keys_and_theme_last_as_long_as_the_page(
    page: Page, new_bucket: Callable[..., Bucket]
) -> None:
    page.add_init_script(WITHOUT_STORAGE)
    page.goto(list_path(new_bucket(jobs=5)))
    wait_for_rows(page, 5)
    light = page.evaluate(GROUND)

    page.keyboard.press("j")
    walked = page.evaluate(FOCUSED_ROW)
    page.locator("#theme").select_option("dark")
    dark = page.evaluate(GROUND)
    page.keyboard.press("?")
    page.locator("#keys-on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    stayed = page.evaluate(FOCUSED_ROW)
    jobs = ids(page)
    page.reload()
    wait_for_rows(page, 5)

    assert dark != light
    assert (walked, stayed) == (jobs[0], jobs[0])
    assert page.evaluate(GROUND) == light
    assert page.locator("#keys-on").is_checked()
