"""The states that are photographed, each with how one gets there. Their names are the pictures' names."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from tests.e2e.looking import ROWS, ids, job_path, list_path
from tests.e2e.staleness import make_stale

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.e2e.sites import Site

    State = Callable[[Page, Site, str], None]

LIVE = "media-live-1250000000"
SETTLED = "#results table:not(.bones), #results .empty, [role=alert][data-code], .job, #status"
DESIGNED = ("first-use", "nothing-matches", "denied", "not-enabled", "throttled", "upstream-down")
"""What docs/states shows."""

STATES: dict[str, State] = {}


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
    "buckets": at("/", "h1"),
    "list": at(list_path(LIVE)),
    "list-filtered": at(list_path(LIVE, "type=Job&states=Running,Failed&range=7d")),
    "nothing-matches": at(list_path(LIVE, "states=Failed&name=no-such-job&range=24h")),
    "empty-bucket": at(list_path("media-empty-1250000000")),
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
    "status": at("/status/", "#status"),
    "sign-in": at("/sign-in/", "h1"),
    "embed": at(list_path(LIVE, prefix="/embed")),
    "embed-job": first_job("operation", prefix="/embed"),
}


@state("drawer")
def drawer(page: Page, _site: Site, lang: str) -> None:
    """A job beside the list that it stands in."""
    job_id = newest_failed(page, lang)
    page.goto(list_path(LIVE, f"states=Failed&lang={lang}&job={job_id}"))
    page.wait_for_selector("#drawer[open] #panel h2")


@state("keys")
def keys(page: Page, _site: Site, lang: str) -> None:
    """What the keys do."""
    page.goto(list_path(LIVE, f"lang={lang}"))
    page.wait_for_selector(ROWS)
    page.keyboard.press("?")
    page.wait_for_selector("#keys[open]")


_cold = itertools.count(100_000)


@state("pending")
def pending(page: Page, _site: Site, lang: str) -> None:
    """A list that nobody has asked for yet, of a bucket that takes three seconds an answer."""
    page.goto(list_path("media-slow-1250000000", f"lang={lang}&range={next(_cold)}m"))
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
    path = list_path(LIVE, f"range=30d&lang={lang}")
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
def first_use(page: Page, _site: Site, lang: str) -> None:
    """Nobody has told of a bucket yet."""
    from jobs.models import Bucket

    Bucket.objects.update(hidden=True)
    try:
        page.goto(f"/?lang={lang}")
        page.wait_for_selector("h1")
    finally:
        Bucket.objects.update(hidden=False)
