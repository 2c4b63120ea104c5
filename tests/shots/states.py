"""The states that are photographed, each with how one gets there. Their names are the pictures' names."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.utils import translation

from dashboard import errors
from jobs import access
from tests.e2e.conftest import session_of
from tests.e2e.looking import ROWS, ids, job_path, list_path, see_more, wait_for_htmx
from tests.e2e.staleness import make_stale

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse
    from playwright.sync_api import Page

    from tests.e2e.sites import Site

    State = Callable[[Page, Site, str], None]

LIVE = "media-live-1250000000"
SLOW = "media-slow-1250000000"
ARCHIVE = "media-archive-1250000000"
MERGED = "media-archive-1250000000,media-denied-1250000000,media-live-1250000000"
SETTLED = "#results table:not(.bones), #results .empty, [role=alert][data-code], .job, #status"
FILLED = ".lines td[data-state=Failed] a"
DESIGNED = ("first-use", "nothing-matches", "denied", "not-enabled", "throttled", "upstream-down")
"""What docs/states shows."""

STATES: dict[str, State] = {}
_cold = itertools.count(100_000)


def state(name: str) -> Callable[[State], State]:
    def add(opens: State) -> State:
        STATES[name] = opens
        return opens

    return add


def at(path: str, settled: str = SETTLED) -> State:
    """Return the state that an address shows."""

    def opens(page: Page, _site: Site, lang: str) -> None:
        page.goto(f"{path}{'&' if '?' in path else '?'}lang={lang}")
        page.wait_for_selector(settled, timeout=25_000)

    return opens


def newest_failed(page: Page, lang: str) -> str:
    """Return the id of the newest failed job."""
    page.goto(list_path(LIVE, f"states=Failed&lang={lang}"))
    page.wait_for_selector(ROWS)
    return ids(page)[0]


def first_job(part: str, prefix: str = "") -> State:
    """Return a part of the newest failed job's page."""

    def opens(page: Page, _site: Site, lang: str) -> None:
        page.goto(f"{job_path(LIVE, newest_failed(page, lang), part, prefix=prefix)}?lang={lang}")
        page.wait_for_selector("#panel h2")

    return opens


STATES |= {
    "buckets": at("/", FILLED),
    "buckets-worst": at("/?sort=worst", FILLED),
    "no-such-bucket": at("/?q=nothing-like-it"),
    "export": at(f"/buckets/{LIVE}/export/", "#of-loaded"),
    "card": at(f"/embed/card/?bucket={LIVE}", "#glance-again"),
    "list": at(list_path(LIVE)),
    "merged": at(f"/jobs/?bucket={MERGED}&states=Failed,Running"),
    "merged-wrong": at("/jobs/?bucket=media-live-1250000000,unknown-1250000000"),
    "summary": at(f"/buckets/{LIVE}/insight/?range=7d", ".insight"),
    "merged-summary": at(f"/jobs/insight/?bucket={MERGED}&size=100", ".insight"),
    "odd-ones": at("/buckets/media-irregular-1250000000/insight/?odd=any&size=100", ".chosen"),
    "list-filtered": at(list_path(LIVE, "type=Job&states=Running,Failed&range=7d")),
    "unclear-time": at(
        list_path(LIVE, "startCreationTime=2024-10-27T02:30&endCreationTime=2099-07-01&tz=Europe/Berlin")
    ),
    "nothing-matches": at(list_path(LIVE, "states=Failed&name=no-such-job&range=24h")),
    "empty-bucket": at(list_path("media-empty-1250000000")),
    "wrong-text": at(list_path(LIVE, "q=state:faild%20type:job")),
    "wrong-filter": at(list_path(LIVE, "states=Faild&size=500")),
    "irregular": at(list_path("media-irregular-1250000000")),
    "denied": at(list_path("media-denied-1250000000")),
    "not-enabled": at(list_path("media-unbound-1250000000")),
    "broken": at(list_path("media-broken-1250000000")),
    "job-operation": first_job("operation"),
    "job-output": first_job("output"),
    "job-time-interval": first_job("time-interval"),
    "job-input": first_job("input"),
    "job-raw": first_job("raw"),
    "job-unknown": at(job_path(LIVE, "b" + "0" * 32)),
    "sign-in": at("/sign-in/", "h1"),
    "not-found": at("/nowhere/", "h1"),
    "embed": at(list_path(LIVE, prefix="/embed")),
    "embed-job": first_job("operation", prefix="/embed"),
}


@state("drawer")
def drawer(page: Page, _site: Site, lang: str) -> None:
    """A job beside the list that it stands in."""
    job_id = newest_failed(page, lang)
    page.goto(list_path(LIVE, f"states=Failed&lang={lang}&job={job_id}"))
    page.wait_for_selector("#drawer[open] #panel h2")


def sign_in(page: Page, site: Site) -> None:
    """Let the page be that of somebody with an account."""
    user, _made = get_user_model().objects.get_or_create(username="ops", is_staff=True)
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session_of(user), "url": site.address}])


@state("status")
def status(page: Page, site: Site, lang: str) -> None:
    """What is known of buckets, credentials and workers: for people alone."""
    sign_in(page, site)
    page.goto(f"/status/?lang={lang}")
    page.wait_for_selector("#status")


@state("export-done")
def export_done(page: Page, site: Site, lang: str) -> None:
    """All of a list was counted, and can be had as a file."""
    sign_in(page, site)
    page.goto(f"/buckets/{LIVE}/export/?states=Failed&lang={lang}")
    page.locator("form[action*=export] button").click()
    page.wait_for_selector("#walk[data-state=done]", timeout=60_000)


@state("live")
def live(page: Page, site: Site, lang: str) -> None:
    """A row that has left the filter stays, and new jobs wait behind a pill."""
    page.clock.install()
    page.goto(list_path(LIVE, f"states=Running&size=10&lang={lang}"))
    page.wait_for_selector("#ticker")
    site.emulator.change_job(LIVE, ids(page)[0], State="Success")
    for _ in range(3):
        site.emulator.add_job(LIVE, State="Running")
    make_stale(site, LIVE)
    while not (page.locator("#newer a").count() and page.locator(f"{ROWS}.left").count()):
        with page.expect_response(lambda response: "/tick/" in response.url):
            page.clock.run_for(61_000)  # as long as a slow answer may keep it from asking again
        wait_for_htmx(page)


@state("asleep")
def asleep(page: Page, _site: Site, lang: str) -> None:
    """Nobody has touched the page for half an hour, so it asks for nothing, and what it shows is old."""
    page.clock.install()
    page.goto(list_path(LIVE, f"range=8d&lang={lang}"))
    page.wait_for_selector("#ticker")
    page.clock.run_for(31 * 60_000)
    page.wait_for_selector("#ticker [data-note]:not(:empty)")


@state("old-place")
def old_place(page: Page, _site: Site, lang: str) -> None:
    """A link to a place in the list, opened more than an hour later: the list is live, and says so."""
    opened = int(time.time()) - 7200
    page.goto(list_path(LIVE, f"depth=2&pin={opened}.{opened * 1000}&lang={lang}"))
    page.wait_for_selector(SETTLED)


@state("before")
def before(page: Page, _site: Site, lang: str) -> None:
    """The page behind a full one leads back to the rows before it."""
    page.goto(list_path(ARCHIVE, f"size=10&lang={lang}"))
    page.wait_for_selector(ROWS)
    page.goto(str(page.locator("#more a[rel=next]").get_attribute("href")))
    page.wait_for_selector("#before")


@state("drawer-trouble")
def drawer_trouble(page: Page, _site: Site, lang: str) -> None:
    """The job beside the list is unknown to Cloud Infinite."""
    page.goto(list_path(LIVE, f"job=b{'0' * 32}&lang={lang}"))
    page.wait_for_selector("#drawer[open] [role=alert]")


@state("kind")
def kind(page: Page, _site: Site, lang: str) -> None:
    """The jobs of one workflow, template or tag by themselves."""
    page.goto(f"/buckets/{LIVE}/insight/?range=7d&lang={lang}")
    page.locator("[aria-labelledby=by-kind] a").first.click()
    page.wait_for_selector(".chosen tr[id]")


@state("family")
def family(page: Page, _site: Site, lang: str) -> None:
    """The jobs of one family of failures by themselves."""
    page.goto(f"/buckets/{LIVE}/insight/?range=7d&states=Failed&lang={lang}")
    page.locator(".families a").first.click()
    page.wait_for_selector(".chosen tr[id]")


@state("merged-drawer")
def merged_drawer(page: Page, _site: Site, lang: str) -> None:
    """A job beside the list of several buckets."""
    page.goto(f"/jobs/?bucket={MERGED}&states=Failed&lang={lang}")
    page.locator(f"{ROWS} .name a").first.click()
    page.wait_for_selector("#drawer[open] #panel h2")


@state("merged-late")
def merged_late(page: Page, _site: Site, lang: str) -> None:
    """A bucket that takes three seconds an answer is left out by its name, and may be added."""
    page.goto(f"/jobs/?bucket={LIVE},{SLOW}&range={next(_cold)}m&lang={lang}")
    page.wait_for_selector(ROWS)


@state("pending-job")
def pending_job(page: Page, site: Site, lang: str) -> None:
    """A job that nobody has asked for yet, of the same slow bucket: another for each picture, for the one before is on its way."""
    jobs = site.emulator.job_ids(SLOW)
    site.forget()
    page.goto(f"{job_path(SLOW, jobs[-1 - next(_cold) % len(jobs)])}?lang={lang}")
    page.wait_for_selector("[aria-busy]")


def start_walk(page: Page, site: Site, lang: str) -> None:
    """Count a long list, slowly enough to be looked at meanwhile."""
    from jobs.models import Walk

    Walk.objects.all().delete()  # those of the pictures before: three at once are too many
    sign_in(page, site)
    site.emulator.set_latency(0.7, ARCHIVE)
    page.goto(f"/buckets/{ARCHIVE}/export/?range={next(_cold)}m&lang={lang}")
    page.locator("form[action*=export] button").click(timeout=30_000)
    page.wait_for_selector("progress", timeout=30_000)


@state("walk")
def walk(page: Page, site: Site, lang: str) -> None:
    """All of a list is being counted."""
    try:
        start_walk(page, site, lang)
    finally:
        site.emulator.set_latency(0.0, ARCHIVE)


@state("walk-cancelled")
def walk_cancelled(page: Page, site: Site, lang: str) -> None:
    """Somebody ended that before it was through."""
    try:
        start_walk(page, site, lang)
        page.locator("form[action*=cancel] button").click()
        page.wait_for_selector("#walk[data-state=cancelled]")
    finally:
        site.emulator.set_latency(0.0, ARCHIVE)


@state("keys")
def keys(page: Page, _site: Site, lang: str) -> None:
    """What the keys do."""
    page.goto(list_path(LIVE, f"lang={lang}"))
    page.wait_for_selector(ROWS)
    page.keyboard.press("?")
    page.wait_for_selector("#keys[open]")


def open_menu(page: Page, lang: str) -> None:
    """Open the menu of a job's name, which holds all of its values."""
    page.goto(list_path(LIVE, f"type=Job&lang={lang}"))
    page.wait_for_selector(ROWS)
    page.locator(f"{ROWS} .name").nth(1).hover()
    page.click("#cell-button")
    page.wait_for_selector("#cell-menu a")


@state("cell-menu")
def cell_menu(page: Page, _site: Site, lang: str) -> None:
    """What a job's values can be asked for or hidden by."""
    open_menu(page, lang)


@state("hidden-rows")
def hidden_rows(page: Page, _site: Site, lang: str) -> None:
    """How many rows are hidden, and the way back."""
    open_menu(page, lang)
    page.locator("#cell-menu button").nth(1).click()
    page.wait_for_selector("#hiding:visible")
    page.mouse.move(0, 0)


@state("zones")
def zones(page: Page, _site: Site, lang: str) -> None:
    """The choice of another time zone."""
    page.goto(list_path(LIVE, f"lang={lang}"))
    page.wait_for_selector(ROWS)
    page.click("button.zone")
    page.wait_for_selector("#zones:popover-open")


def scroll_until(page: Page, selector: str) -> None:
    """Go to the end of what is loaded until it is the one that is wanted."""
    for _ in range(40):
        page.wait_for_selector("#more")
        if page.locator(selector).count():
            break
        see_more(page)
    page.locator(selector).scroll_into_view_if_needed()
    wait_for_htmx(page)


@state("show-more")
def show_more(page: Page, _site: Site, lang: str) -> None:
    """After five pages by themselves the reader is asked."""
    page.goto(list_path(LIVE, f"size=10&lang={lang}"))
    scroll_until(page, "#more[hx-get] .button")


@state("continue")
def full_page(page: Page, _site: Site, lang: str) -> None:
    """After a thousand rows the next ones open as a page of their own."""
    page.goto(list_path(ARCHIVE, f"size=100&lang={lang}"))
    scroll_until(page, "#more:not([hx-get]) .button")


@state("doubtful-end")
def doubtful_end(page: Page, site: Site, lang: str) -> None:
    """Cloud Infinite names the same page for ever: what is there is shown, and that some may be missing."""
    site.forget()
    site.emulator.set_faults(LIVE, {"kind": "token_repeat", "when": {"token": True}})
    try:
        page.goto(list_path(LIVE, f"size=10&range=20d&lang={lang}"))
        scroll_until(page, "#more[data-end]")
    finally:
        site.emulator.set_faults(LIVE)
        site.forget()


@state("first-admin")
def first_admin(page: Page, _site: Site, lang: str) -> None:
    """The link with which the first account is made."""
    page.goto(f"/welcome/{access.first_admin_token()}/?lang={lang}")
    page.wait_for_selector("form.card")


# What no reader of this site can bring about is made here, and shown in the place of its start page ---------------------------


def made(answer: Callable[[str], HttpResponse]) -> State:
    """Return the state that shows what `answer` makes in a language."""

    def opens(page: Page, _site: Site, lang: str) -> None:
        with translation.override(lang):
            response = answer(lang)
        page.route(
            "**/",
            lambda route: route.fulfill(status=response.status_code, content_type="text/html", body=response.content),
        )
        page.goto("/")
        page.wait_for_selector("h1")

    return opens


def server_error(trouble: Exception) -> HttpResponse:
    """Return the page for what breaks."""
    try:
        raise trouble
    except type(trouble):
        return errors.server_error(RequestFactory().get("/"))


def asked(path: str, lang: str) -> HttpResponse:
    """Return what a stranger is answered whom this process, other than the site, doesn't let look."""
    return Client(headers={"Accept-Language": lang}).get(path)  # type: ignore[return-value] # Django's test response


def form_too_old(lang: str) -> HttpResponse:
    """Return what is answered to a form without its token."""
    client = Client(enforce_csrf_checks=True, headers={"Accept-Language": lang})
    return client.post("/sign-in/", {"username": "a", "password": "b"})  # type: ignore[return-value] # as above


STATES |= {
    "form-too-old": made(form_too_old),
    "failed": made(lambda _lang: server_error(ValueError())),
    "database-down": made(lambda _lang: server_error(OperationalError())),
    "embed-sign-in": made(lambda lang: asked(list_path(LIVE, prefix="/embed"), lang)),
}


@state("pending")
def pending(page: Page, _site: Site, lang: str) -> None:
    """A list that nobody has asked for yet, of a bucket that takes three seconds an answer."""
    page.goto(list_path(SLOW, f"lang={lang}&range={next(_cold)}m"))
    page.wait_for_selector("[data-pending]")


@state("throttled")
def throttled(page: Page, site: Site, lang: str) -> None:
    """Cloud Infinite says "slow down", each time."""
    site.emulator.set_faults(
        LIVE, {"kind": "error", "status": 429, "code": "SlowDown", "message": "Reduce your request rate."}
    )
    try:
        page.goto(list_path(LIVE, f"range=3d&lang={lang}"))
        page.wait_for_selector("[role=alert][data-code]", timeout=30_000)
    finally:
        site.emulator.set_faults(LIVE)
        site.forget()  # or the cool-down would be the next picture's


@state("upstream-down")
def upstream_down(page: Page, site: Site, lang: str) -> None:
    """The last good rows, and beside them why they are not newer."""
    # Jobs that have ended are some minutes old: newer ones than the rows, which are made old, would look like a mistake.
    path = list_path(LIVE, f"states=Success&range=7d&lang={lang}")
    page.goto(path)
    page.wait_for_selector('tr[id^="job-"]')
    site.emulator.set_faults(LIVE, {"kind": "error", "status": 500, "code": "InternalError", "message": "We encountered an internal error."})  # fmt: skip
    try:
        make_stale(site, LIVE)
        for _ in range(60):
            page.goto(path)
            page.wait_for_selector('tr[id^="job-"]')
            if page.locator("[role=alert][data-code]").count():
                return
            page.wait_for_timeout(500)  # the page asks behind itself, with pauses between its tries
    finally:
        site.emulator.set_faults(LIVE)
        site.forget()


@state("first-use")
def first_use(page: Page, site: Site, lang: str) -> None:
    """Nobody has told of a bucket yet: an admin is led to the form."""
    from jobs.models import Bucket

    sign_in(page, site)
    Bucket.objects.update(hidden=True)
    try:
        page.goto(f"/?lang={lang}")
        page.wait_for_selector("h1")
    finally:
        Bucket.objects.update(hidden=False)
