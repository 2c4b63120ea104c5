"""What holds on each page that people open, whatever it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.looking import ROWS, ids, job_path, list_path, wait_for_rows
from tests.factories import jobs_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import BrowserContext, Page

    from jobs.models import Bucket
    from tests.e2e.sites import Site

    NewBucket = Callable[..., Bucket]

LOOSE_FIELDS = (
    "[...document.querySelectorAll('[name]:is(input, select, textarea)')].filter((field) => !field.form).length"
)
NO_STORAGE = """
for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("The operation is insecure.", "SecurityError"); } });
}
"""


def visit(page: Page, bucket: Bucket, other: Bucket) -> Iterator[str]:
    """Open every page of a bucket of two failed jobs, its times in UTC, and yield which it is."""
    name = bucket.name
    page.goto(list_path(bucket, "tz=UTC"))
    wait_for_rows(page, 2)
    yield "list"
    page.goto(job_path(bucket, ids(page)[0]) + "?tz=UTC")
    page.locator("#drill").wait_for()
    yield "job"
    page.goto(list_path(bucket, "tz=UTC"))
    page.goto(list_path(bucket, f"tz=UTC&job={ids(page)[0]}"))
    page.wait_for_selector("#drawer[open] #panel h2")
    yield "drawer"
    for path, awaited in (
        ("/?tz=UTC", f"#line-{bucket.pk} [data-state=Failed] a"),
        (f"/jobs/?bucket={name},{other.name}&tz=UTC", f"{ROWS} >> nth=1"),
        (f"/buckets/{name}/insight/?tz=UTC", "#by-state"),
        (f"/jobs/insight/?bucket={name},{other.name}&tz=UTC", "#by-bucket"),
        (f"/buckets/{name}/export/?tz=UTC", "#of-loaded"),
        ("/status/?tz=UTC", "#status .standings"),
    ):
        page.goto(path)
        page.wait_for_selector(awaited)
        yield path
    page.goto(f"/buckets/{name}/export/?tz=UTC")
    page.get_by_role("button", name="Count and export all").click()
    page.locator("#walk[data-state=done]").wait_for()
    yield "walk"


def test_each_page_says_once_in_which_zone_its_times_are(page: Page, new_bucket: NewBucket) -> None:
    bucket, other = new_bucket(given=jobs_in("Failed", "Failed")), new_bucket()

    said = {name: page.inner_text("body").lower().count("times in utc") for name in visit(page, bucket, other)}

    assert set(said.values()) == {1}, said


def test_each_field_with_a_name_is_sent_with_a_form(page: Page, new_bucket: NewBucket) -> None:
    bucket, other = new_bucket(given=jobs_in("Failed", "Failed")), new_bucket()

    loose = {name: page.evaluate(LOOSE_FIELDS) for name in visit(page, bucket, other)}

    assert set(loose.values()) == {0}, loose


def test_pages_work_where_the_browser_forbids_all_storage(
    site: Site,
    new_context: Callable[..., BrowserContext],
    sign_in: Callable[..., BrowserContext],
    new_bucket: NewBucket,
) -> None:
    """A browser that trusts no third party lets a portal's frame store nothing."""
    bucket = new_bucket(jobs=30)
    context = sign_in(new_context(base_url=site.address), site)
    context.add_init_script(NO_STORAGE)
    page = context.new_page()

    page.goto(list_path(bucket, "size=10", prefix="/embed"))
    page.locator("#more").scroll_into_view_if_needed()
    page.wait_for_function("(rows) => document.querySelectorAll(rows).length > 10", arg=ROWS)
    page.locator(f"{ROWS} .name a").first.click()
    page.locator("#drawer[open] #drawer-title").wait_for()
    page.keyboard.press("Escape")
    page.locator("#drawer:not([open])").wait_for(state="attached")
    page.locator('#filter input[value="Failed"]').check()
    page.wait_for_url("**states=Failed*")

    assert page.locator("#trouble").is_hidden()


def test_bare_address_shows_the_same_jobs_to_everybody_whatever_their_browser_remembers(
    site: Site,
    new_context: Callable[..., BrowserContext],
    sign_in: Callable[..., BrowserContext],
    page: Page,
    new_bucket: NewBucket,
) -> None:
    bucket = new_bucket(jobs=60)
    page.goto(list_path(bucket))
    wait_for_rows(page, 50)
    page.select_option("#theme", "dark")
    page.locator("#ticking").uncheck()
    page.locator('#filter input[value="Failed"]').check()
    page.wait_for_url("**states=Failed*")
    page.goto(list_path(bucket))
    wait_for_rows(page, 50)

    other = sign_in(new_context(base_url=site.address), site).new_page()
    other.goto(list_path(bucket))
    wait_for_rows(other, 50)

    assert ids(other) == ids(page)
