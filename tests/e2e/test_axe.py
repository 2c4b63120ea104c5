"""axe finds nothing on any page, in light and in dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import AnonymousUser, Group
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.test import Client, RequestFactory

from dashboard import errors
from jobs import access
from jobs.filters import JobFilter, Pin
from jobs.models import LinkTemplate, Walk
from tests.e2e.accessible import OPTIONS, assert_accessible
from tests.e2e.conftest import TROUBLE_STATUS
from tests.e2e.looking import job_path, list_path, see_more, wait_for_htmx, wait_for_rows
from tests.e2e.staleness import make_stale
from tests.e2e.test_live import DENIED, given, look, pass_time, stamp, tick
from tests.factories import make_viewer

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.http import HttpResponse
    from playwright.sync_api import BrowserContext, Page

    from jobs.models import Bucket
    from tests.e2e.sites import Reader, Site
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = pytest.mark.console_allows(TROUBLE_STATUS)

PAST = "2026-06-27T15:23:10+0800"
RICH = {
    "Name": "nightly 夜间",
    "Type": "Job",
    "State": "Failed",
    "Code": "InvalidArgument",
    "Message": "no such template",
    "CreationTime": PAST,
    "StartTime": "2026-06-27T15:23:40+0800",
    "EndTime": "2026-06-27T15:25:10+0800",
    "Input": {"Prefix": "in/", "Manifest": "m.json"},
    "Operation": {
        "Tag": "Transcode",
        "UserData": "owner=ops&token=abc",
        "CallBack": "https://hooks.example.com/in?sign=abc",
        "TimeInterval": {"Start": "2026-06-01T00:00:00+0800", "End": "2026-06-02T00:00:00+0800"},
        "Output": {"Region": "ap-beijing", "Bucket": "out-1250000000", "Object": "o/${InventoryTriggerJobId}/${Unheard}.mp4"},
        "JobParam": {"TemplateId": "t1", "Deep": {"Deeper": {"Deepest": "1"}}, "Many": ["1", "2"]},
        "Unheard": "x" * 400,
    },
}  # fmt: skip


@pytest.mark.parametrize(
    "query", ["", "states=Failed,Running&range=7d&orderByTime=Asc&tz=UTC", "size=100&lang=zh-hans"]
)
def test_job_list(page: Page, new_bucket: NewBucket, query: str) -> None:
    page.goto(list_path(new_bucket(jobs=60, given=(RICH,)), query))
    page.wait_for_selector("#more")

    assert_accessible(page)


@pytest.mark.parametrize("query", ["", "name=nothing&states=Failed"])
def test_empty_list(page: Page, new_bucket: NewBucket, query: str) -> None:
    page.goto(list_path(new_bucket(), query))
    page.wait_for_selector("#results .empty")

    assert_accessible(page)


def test_wrong_filter(page: Page, new_bucket: NewBucket) -> None:
    page.goto(list_path(new_bucket(jobs=1), "states=failed&size=0&colour=red&startCreationTime=soon"))
    page.wait_for_selector("[data-code=wrong_filter]")

    assert_accessible(page)


def test_time_without_an_offset(page: Page, new_bucket: NewBucket) -> None:
    page.goto(list_path(new_bucket(jobs=1), "startCreationTime=2024-10-27T02:30&tz=Europe/Berlin"))
    page.wait_for_selector("#more")
    page.locator("#filter-startCreationTime-notes").wait_for()

    assert_accessible(page)


def test_wrong_text(page: Page, new_bucket: NewBucket) -> None:
    page.goto(list_path(new_bucket(jobs=1), "q=state:faild%20type:job"))
    page.locator("details.grammar summary").click()

    assert_accessible(page)


def test_zone_switch(page: Page, new_bucket: NewBucket) -> None:
    page.goto(list_path(new_bucket(jobs=1), "range=30d"))
    page.locator("button.zone").click()
    page.locator("#zones:popover-open").wait_for()

    assert_accessible(page)


def test_problem(page: Page, new_bucket: NewBucket) -> None:
    page.goto(list_path(new_bucket(jobs=1, faults=(DENIED,))))
    page.wait_for_selector("[data-code=AccessDenied]")

    assert_accessible(page)


def test_stale_list_with_trouble(page: Page, new_bucket: NewBucket, site: Site, reader: Reader) -> None:
    bucket = new_bucket(jobs=3)
    reader.patient(list_path(bucket))
    make_stale(site, bucket)
    site.emulator.set_faults(bucket.name, DENIED)
    page.goto(list_path(bucket))
    wait_until_told(page)

    assert_accessible(page)


def wait_until_told(page: Page) -> None:
    """Look again until the refresh behind the page has failed."""
    for _ in range(50):
        if page.locator("[role=alert][data-code=AccessDenied]").count():
            return
        page.reload()
    raise AssertionError("the trouble is not told")


def hold_fragments(page: Page) -> None:
    """Let a page wait for as long as axe takes: what htmx asks for gets no answer."""
    page.route("**/jobs/**", lambda route: None if "hx-request" in route.request.headers else route.continue_())


def test_pending_list(page: Page, new_bucket: NewBucket) -> None:
    hold_fragments(page)
    page.goto(list_path(new_bucket(jobs=1, latency=4.5)))
    page.wait_for_selector("[data-pending]")

    assert_accessible(page)
    assert page.locator("[data-pending]").count() == 1


def test_pending_job(page: Page, new_bucket: NewBucket, emulator: Emulator) -> None:
    hold_fragments(page)
    bucket = new_bucket(jobs=1, latency=4.5)
    page.goto(job_path(bucket, emulator.job_ids(bucket.name)[0]))
    page.wait_for_selector("[aria-busy=true]")

    assert_accessible(page)
    assert page.locator("[aria-busy=true]").count() == 1


@pytest.mark.parametrize("part", ["", "output", "time-interval", "input", "raw"])
def test_job(page: Page, new_bucket: NewBucket, emulator: Emulator, part: str) -> None:
    bucket = new_bucket(given=(RICH,))
    page.goto(job_path(bucket, emulator.job_ids(bucket.name)[0], part))
    page.wait_for_selector("#panel h2")
    assert page.locator("#part-" + (part or "operation")).get_attribute("aria-current") == "page"

    assert_accessible(page)


@pytest.mark.parametrize("prefix", ["", "/embed"])
@pytest.mark.parametrize("width", [1600, 360])
def test_drawer(page: Page, new_bucket: NewBucket, emulator: Emulator, prefix: str, width: int) -> None:
    LinkTemplate.objects.create(label="Logs", place="job", url="https://logs.example.com/?q={job_id}")
    LinkTemplate.objects.create(label="Console", place="bucket", url="https://console.example.com/{bucket}")
    page.set_viewport_size({"width": width, "height": 900})
    bucket = new_bucket(jobs=5, given=(RICH,))
    page.goto(list_path(bucket, f"job={emulator.job_ids(bucket.name)[0]}&tab=output", prefix=prefix))
    page.wait_for_selector("#drawer[open] #panel h2")
    page.locator(".snippets summary").evaluate_all("all => all.map(one => one.parentElement.open = true)")

    assert_accessible(page)


def test_menu_of_a_cell_and_hidden_rows(page: Page, new_bucket: NewBucket) -> None:
    page.goto(list_path(new_bucket(jobs=5, given=(RICH,))))
    wait_for_rows(page, 6)
    page.locator("tr[data-state] .name").first.hover()
    page.click("#cell-button")
    page.wait_for_selector("#cell-menu a")
    assert_accessible(page)

    page.locator("#cell-menu button").first.click()
    page.wait_for_selector("#hiding:visible")
    page.keyboard.press("End")  # where the bar rests behind the list: elsewhere rows scroll through below it
    page.wait_for_function(
        """() => {
          const [list, bar] = ["list", "hiding"].map((id) => document.getElementById(id).getBoundingClientRect());
          return list.bottom <= bar.top;
        }"""
    )
    assert_accessible(page)


def test_unknown_job(page: Page, new_bucket: NewBucket) -> None:
    page.goto(job_path(new_bucket(), "b" + "0" * 32))
    page.wait_for_selector("[data-code=no_such_job]")

    assert_accessible(page)


def test_status(page: Page, new_bucket: NewBucket, reader: Reader) -> None:
    reader.patient(list_path(new_bucket(jobs=1)))
    denied = new_bucket(faults=(DENIED,))
    reader.patient(list_path(denied))
    new_bucket(jobs=1)
    page.goto("/status/")
    assert page.locator('[data-state="trouble"]').count() == 1
    assert_accessible(page)

    page.goto("/status/?size=5")
    assert_accessible(page)


def test_small_targets_would_be_found(page: Page) -> None:
    page.goto("/nowhere/")
    page.evaluate("""() => {
      for (const left of ["100px", "112px"]) {
        const button = document.createElement("button");
        button.textContent = "small";
        Object.assign(button.style, { position: "absolute", left, top: "200px", width: "12px", height: "12px", padding: 0 });
        document.querySelector("main").append(button);
      }
    }""")

    found = Axe().run(page, options=OPTIONS).response["violations"]

    assert [violation["id"] for violation in found] == ["target-size"]


# The admin -------------------------------------------------------------------------------------------------------------

DJANGOS = (".breadcrumbs", "#changelist-filter", ".help-tooltip")
"""What Django draws and we don't: links told apart by their colour alone, links too near to each other, and a label on an icon."""
AXES_OWN = r"Applying inline style violates .*|Couldn't load preload assets: .*"
"""What axe brings about in forms: a style of its own, and a style sheet of Django's whose `@import` it can't follow. That the pages
have no inline style is seen in tests/test_admin.py."""
THINGS = ("bucket", "linktemplate", "walk")


def open_admin(page: Page, new_bucket: NewBucket, staff: User, path: str) -> None:
    """Make one thing of each kind, with one that it is linked to, and open a page of the admin; `{bucket}` is one's id."""
    bucket = new_bucket(jobs=1)
    bucket.groups.add(Group.objects.create(name="operations"))
    link = LinkTemplate.objects.create(label="Logs", place="job", url="https://logs.example.com/?q={job_id}")
    link.buckets.add(bucket)
    walk = Walk.objects.create(
        bucket=bucket, reader="anybody", owner=staff, filter={"states": "Failed"}, digest=JobFilter().digest,
        pin=str(Pin(1_700_000_000, 1_700_000_002_000)), state=Walk.State.DONE, created=1.0, touched=2.0, finished=2.0,
    )  # fmt: skip
    page.goto("/admin/" + path.format(bucket=bucket.pk, linktemplate=link.pk, walk=walk.pk))
    page.locator("#content h1").wait_for()


@pytest.mark.console_allows(AXES_OWN)
@pytest.mark.parametrize(
    "path",
    [
        "",
        "jobs/",
        *(f"jobs/{thing}/" for thing in THINGS),
        *(f"jobs/{thing}/{{{thing}}}/change/" for thing in THINGS),
        "jobs/bucket/add/",
        "jobs/linktemplate/add/",
        "jobs/bucket/{bucket}/delete/",
        "jobs/bucket/{bucket}/history/",
        "auth/user/",
        "auth/group/",
        "auth/group/add/",
    ],
)
def test_admin(page: Page, new_bucket: NewBucket, staff: User, path: str) -> None:
    open_admin(page, new_bucket, staff, path)

    assert_accessible(page, but=DJANGOS)


@pytest.mark.console_allows(AXES_OWN)
@pytest.mark.parametrize(
    ("thing", "fields"),
    [("bucket", {"name": "media", "region": "moon"}), ("linktemplate", {"label": "Logs", "url": "javascript:1"})],
)
def test_form_of_the_admin_that_was_filled_in_wrongly(
    page: Page, new_bucket: NewBucket, staff: User, thing: str, fields: dict[str, str]
) -> None:
    open_admin(page, new_bucket, staff, f"jobs/{thing}/add/")
    for name, text in fields.items():
        page.fill(f"[name={name}]", text)
    if thing == "linktemplate":
        page.select_option("[name=place]", "job")
    page.click("[name=_save]")
    page.locator(".errorlist").first.wait_for()

    assert_accessible(page, but=DJANGOS)


def test_unknown_address(page: Page) -> None:
    page.goto("/nowhere/")

    assert_accessible(page)


def forbidden() -> HttpResponse:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    return errors.forbidden(request, PermissionDenied())


def form_too_old() -> HttpResponse:
    return Client(enforce_csrf_checks=True).post("/sign-in/", {"username": "a", "password": "b"})  # type: ignore[return-value] # Django's test response


def failed() -> HttpResponse:
    return errors.server_error(RequestFactory().get("/"))


def database_down() -> HttpResponse:
    try:
        raise OperationalError("unable to open database file")
    except OperationalError:
        return errors.server_error(RequestFactory().get("/"))


@pytest.mark.parametrize(
    ("answer", "status"), [(forbidden, 403), (form_too_old, 403), (failed, 500), (database_down, 503)]
)
def test_page_of_an_error(page: Page, answer: Callable[[], HttpResponse], status: int) -> None:
    """Made here, because nothing that a reader can do brings all of them; shown in the place of the site's start page."""
    made = answer()
    assert made.status_code == status
    page.route("**/", lambda route: route.fulfill(status=status, content_type="text/html", body=made.content))
    page.goto("/")
    page.locator("h1").wait_for()

    assert_accessible(page)


def test_keys(page: Page, new_bucket: NewBucket) -> None:
    page.goto(list_path(new_bucket(jobs=3)))
    wait_for_rows(page, 3)
    page.keyboard.press("?")
    page.locator("#keys[open]").wait_for()

    assert_accessible(page)


@pytest.mark.web(FIRST_WAIT="5")
def test_pill_of_new_jobs(page: Page, site: Site, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=given(5))
    look(page, bucket)
    site.emulator.add_job(bucket.name, CreationTime=stamp(60), State="Running")
    tick(page, site, bucket)
    page.locator("#newer a").wait_for()

    assert_accessible(page)


@pytest.mark.web(FIRST_WAIT="5")
def test_row_that_left_and_a_tick_in_trouble(page: Page, site: Site, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=given(3))
    look(page, bucket, "states=Running")
    site.emulator.change_job(bucket.name, f"b{1:032x}", State="Success")
    tick(page, site, bucket)
    page.wait_for_selector(".left")
    site.emulator.set_faults(bucket.name, DENIED)
    tick(page, site, bucket)
    page.wait_for_selector("#as-of.old [data-problem]")

    assert_accessible(page)


def test_list_that_sleeps(page: Page, new_bucket: NewBucket) -> None:
    look(page, new_bucket(given=given(3)))
    pass_time(page, 31 * 60)
    page.wait_for_selector("[data-note]:not(:empty)")

    assert_accessible(page)


def test_row_that_asks_before_more_comes(page: Page, new_bucket: NewBucket) -> None:
    page.set_viewport_size({"width": 1200, "height": 9000})  # so tall that the end is always seen
    page.goto(list_path(new_bucket(jobs=15), "size=2"))
    page.get_by_role("link", name="Show more").wait_for()
    wait_for_htmx(page)

    assert_accessible(page)


def test_row_that_leads_to_a_page_of_its_own(page: Page, new_bucket: NewBucket) -> None:
    """Of a thousand rows axe would look at each; that they are in order is seen in shorter lists."""
    page.goto(list_path(new_bucket(jobs=1001), "size=100"))
    page.wait_for_selector("#more")
    while page.locator("#more[hx-get]").count():
        see_more(page)
    page.get_by_role("link", name="Continue").wait_for()
    assert_accessible(page, "#more")

    page.get_by_role("link", name="Continue").click()
    page.wait_for_selector("#before")
    assert_accessible(page)


def test_sign_in(new_context: Callable[..., BrowserContext], site: Site) -> None:
    make_viewer("vera", password="three-words-and-7")
    page = new_context(base_url=site.address).new_page()
    page.goto("/")
    assert_accessible(page)

    page.fill("[name=username]", "vera")
    page.fill("[name=password]", "wrong")
    page.click("main button")
    page.wait_for_selector("form [role=alert]")
    assert_accessible(page)


def test_first_admin(new_context: Callable[..., BrowserContext], site: Site) -> None:
    page = new_context(base_url=site.address).new_page()
    page.goto(f"/welcome/{access.first_admin_token()}/")
    assert_accessible(page)

    page.fill("[name=username]", "ada")
    page.fill("[name=password1]", "123")
    page.fill("[name=password2]", "124")
    page.click("main button")
    page.wait_for_selector(".error")
    assert_accessible(page)

    page.goto("/welcome/mistyped/")
    assert_accessible(page)


def test_embedded_pages(page: Page, new_bucket: NewBucket, emulator: Emulator) -> None:
    bucket = new_bucket(given=(RICH,))
    page.goto(list_path(bucket, prefix="/embed"))
    wait_for_rows(page, 1)
    assert_accessible(page)

    page.goto(job_path(bucket, emulator.job_ids(bucket.name)[0], prefix="/embed"))
    page.wait_for_selector("#panel h2")
    assert_accessible(page)

    page.goto(f"/embed/buckets/{bucket.name}/insight/")
    page.wait_for_selector(".insight")
    assert_accessible(page)


def test_embedded_sign_in_card(new_context: Callable[..., BrowserContext], site: Site) -> None:
    page = new_context(base_url=site.address).new_page()
    page.goto(list_path("somewhere-1250000000", prefix="/embed"))

    assert_accessible(page)
