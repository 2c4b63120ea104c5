"""Every demo bucket, opened: whatever can go wrong with a bucket is told truly, in time, and breaks nothing."""

from __future__ import annotations

import csv
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup, Tag
from django.conf import settings

from jobs.cloudinfinite.emulator import DEMO_BUCKETS
from jobs.export import COLUMNS
from jobs.filters import TABS
from tests.e2e.looking import list_path
from tests.e2e.sites import Reader, all_at_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.sites import Site

EXPECTED: dict[str, tuple[int, str | int]] = {
    "media-live": (200, 50),
    "media-archive": (200, 50),
    "media-empty": (200, 0),
    "media-denied": (403, "AccessDenied"),
    "media-unbound": (409, "MediaBucketUnBinded"),
    "media-throttled": (200, 50),
    "media-slow": (200, 50),
    "media-silent": (504, "timeout"),
    "media-irregular": (200, 50),
    "media-broken": (502, "bad_xml"),
}
"""Status and how many rows of a first page, or the problem's code. Two tries of a throttled page fail, the third comes."""
DEADLINE = 15 + 2
"""Seconds: FETCH_DEADLINE, and what a busy machine needs besides."""
PARTS = ("", "operation/", "output/", "time-interval/", "input/", "raw/")
LIVE = "media-live-1250000000"
IRREGULAR = "media-irregular-1250000000"


def test_every_demo_bucket_is_expected_here() -> None:
    assert {bucket.name.removesuffix("-1250000000") for bucket in DEMO_BUCKETS} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_demo_bucket_opens_as_what_it_is(demo: Site, name: str) -> None:
    began = time.monotonic()

    response = Reader(demo).patient(list_path(f"{name}-1250000000"))

    assert time.monotonic() - began < DEADLINE
    html = BeautifulSoup(response.content, "html.parser")
    problem = html.select_one("#results [role=alert]")
    found: str | int = len(html.select('tr[id^="job-"]')) if problem is None else str(problem["data-code"])
    assert (response.status_code, found) == EXPECTED[name]
    if problem is not None:
        advice = problem.select_one("p")
        assert advice is not None
        assert advice.get_text(strip=True) != ""


def test_live_demo_bucket_has_other_jobs_and_states_once_time_has_passed(demo: Site) -> None:
    reader, path = Reader(demo), list_path(LIVE, twin=True)
    before = {job["JobId"]: job["State"] for job in reader.json(path)["jobs"]}

    demo.emulator.shift_clock(300)  # no more than a signature allows a clock to be wrong
    demo.forget()
    after = {job["JobId"]: job["State"] for job in reader.json(path)["jobs"]}

    assert 300 // 40 - 1 <= len(after.keys() - before.keys()) <= 300 // 20 + 1
    moved = {(before[job], after[job]) for job in before.keys() & after.keys() if before[job] != after[job]}
    assert ("Running", "Success") in moved
    assert {state for state, _later in moved} <= {"Submitted", "Running"}


def test_trouble_of_demo_buckets_is_told_in_the_overview(
    demo: Site, until: Callable[[Callable[[], Any]], None]
) -> None:
    reader = Reader(demo)
    troubled = {
        "media-denied-1250000000",
        "media-unbound-1250000000",
        "media-broken-1250000000",
    }

    def found() -> dict[str, Any]:
        return {bucket["name"]: bucket for bucket in reader.json("/buckets.json")["buckets"]}

    until(lambda: all(found()[name]["problem"] for name in troubled))

    told = {name: bucket["problem"]["code"] for name, bucket in found().items() if name in troubled}
    assert told == {
        "media-denied-1250000000": "AccessDenied",
        "media-unbound-1250000000": "MediaBucketUnBinded",
        "media-broken-1250000000": "bad_xml",
    }


PAGES = (
    "/", "/?q=nothing+like+it", "/jobs/", "/jobs/?bucket={bucket}", "/jobs/insight/?bucket={bucket}", "/nowhere/", "/buckets/unknown-1250000000/jobs/",
    "/sign-in/", "/welcome/never-made/", "{list}", "{list}?size=0", "{list}?states=Failed&name=no-such-job", "{list}{job}/",
    *(f"{{list}}{{job}}/{part}/" for part in TABS), "{list}b0123456789abcdef0123456789abcdef/",
    "/buckets/{bucket}/insight/", "/buckets/{bucket}/export/", "/embed{list}", "/embed{list}{job}/",
    "/embed/card/?bucket={bucket}", "/embed/buckets/{bucket}/insight/", "/embed/buckets/unknown-1250000000/jobs/",
    "/buckets/media-denied-1250000000/jobs/", "/embed/nowhere/",
)  # fmt: skip
TWINS = (
    "/buckets.json", "/jobs.json", "/jobs.json?bucket={bucket}", "/jobs/insight.json?bucket={bucket}", "/nowhere.json", "/status.json",
    "/buckets/unknown-1250000000/jobs.json", "{twin}.json", "{twin}.json?size=0", "{twin}/{job}.json",
    *(f"{{twin}}/{{job}}/{part}.json" for part in TABS), "{twin}/b0123456789abcdef0123456789abcdef.json",
    "/buckets/{bucket}/insight.json", "/buckets/{bucket}/export.json", "/embed{twin}.json", "/embed/card.json?bucket={bucket}",
    "/embed/buckets/unknown-1250000000/jobs.json", "/buckets/media-denied-1250000000/jobs.json", "/readyz",
)  # fmt: skip


def test_demo_data_says_so_on_every_page_and_twin(demo: Site) -> None:
    reader = Reader(demo)
    path = list_path(LIVE)
    job = reader.json(list_path(LIVE, twin=True))["jobs"][0]["JobId"]
    names = {"bucket": LIVE, "list": path, "twin": path[:-1], "job": job}

    pages = {address: reader.patient(address.format(**names)).text for address in PAGES}
    twins = {address: reader.patient(address.format(**names)).json() for address in TWINS}

    assert [address for address, text in pages.items() if "Demo data" not in text] == []
    assert [address for address, twin in twins.items() if twin.get("demo") is not True] == []


def test_demo_data_says_so_while_it_is_still_fetched(demo: Site) -> None:
    reader = Reader(demo)
    # A list that no other test asks for: what a worker still fetches for one would be there. Nor does it come while both look.
    slow = "media-slow-1250000000"
    demo.emulator.set_latency(settings.CI_DEADLINE - 0.2, slow)
    paths = [list_path(slow, "size=7", twin=is_twin) for is_twin in (True, False)]

    twin, page = map(reader.get, paths)

    assert (twin.status_code, twin.json()) == (202, {"demo": True, "pending": True})
    assert (page.status_code, "Demo data" in page.text) == (202, True)


def test_demo_data_says_so_in_every_title_that_a_fragment_sets(demo: Site) -> None:
    """The tab keeps what the last answer to htmx called it."""
    reader = Reader(demo)
    path = list_path(LIVE)
    job = reader.json(list_path(LIVE, twin=True))["jobs"][0]["JobId"]
    asked = {
        path: ("results", "list"),
        f"/jobs/?bucket={LIVE}": ("results", "list"),
        f"{path}{job}/": ("look", "panel"),
        f"{path}{job}/output/": ("look", "panel"),
    }

    titles = {
        (address, target): BeautifulSoup(
            reader.patient(address, HX_Request="true", HX_Target=target).content, "html.parser"
        ).title
        for address, targets in asked.items()
        for target in targets
    }

    told = {key: title.get_text() for key, title in titles.items() if title}
    assert told.keys() >= {(path, "results"), (path, "list"), (f"{path}{job}/", "look")}
    assert [key for key, title in told.items() if not title.endswith("· Demo data")] == []


def test_demo_data_says_so_in_files_that_are_kept(demo: Site) -> None:
    reader = Reader(demo)
    pin = reader.json(list_path(LIVE, twin=True))["pin"]  # jobs arrive between two files of the newest list

    lines, table = (reader.patient(f"/buckets/{LIVE}/loaded.{kind}?pin={pin}") for kind in ("jsonl", "csv"))

    first, *jobs = [json.loads(line) for line in lines.content.decode().splitlines()]
    assert (first["_export"]["demo"], first["_export"]["bucket"], len(jobs)) == (True, LIVE, 50)
    head, *rows = csv.reader(table.content.decode("utf-8-sig").splitlines())
    assert head[:-1] == list(COLUMNS)
    assert head[-1].startswith("Demo data · ")
    assert [row[0] for row in rows] == [job["JobId"] for job in jobs]
    for answer in (lines, table):
        assert f'filename="demo_{LIVE}_loaded-50-jobs_' in answer.headers["Content-Disposition"]


def foreign_markup(html: BeautifulSoup) -> list[str]:
    """Return what no page of ours holds: it could only come from a job's own text."""
    found = [str(tag) for tag in html.select("img[src=x], b, h1") if tag.get_text() in {"", "Bold", "broken out?"}]
    for tag in html.find_all(True):
        assert isinstance(tag, Tag)
        if tag.name == "script" and (not tag.get("src") or tag.get_text()):
            found.append(str(tag))
        found += [f"{name}={value}" for name, value in tag.attrs.items() if name.startswith("on") or name == "style"]
        link = str(tag.get("href") or tag.get("action") or tag.get("hx-get") or tag.get("hx-post") or "/")
        if not link.startswith(("/", "http://", "https://", "#", "?")) or link.startswith("//"):
            found.append(link)
    return found


def test_every_part_of_every_irregular_job_opens_and_holds_no_foreign_markup(demo: Site) -> None:
    reader = Reader(demo)
    page = BeautifulSoup(reader.patient(list_path(IRREGULAR, "size=100")).content, "html.parser")
    links = [str(link["href"]) for link in page.select('tr[id^="job-"] .name a')]
    rows = [str(row["id"]).removeprefix("job-") for row in page.select('tr[id^="job-"]')]

    # Two at a time: the machine that runs the tests is small, and a person reads one after another.
    addresses = [link + part for link in links for part in PARTS]
    answers: list[Any] = all_at_once([lambda path=path: reader.patient(path) for path in addresses], threads=2)  # type: ignore[misc]  # mypy can't infer a default

    assert foreign_markup(page) == []
    assert {
        path: answer.status_code for path, answer in zip(addresses, answers, strict=True) if answer.status_code != 200
    } == {}
    foreign = {
        path: found
        for path, answer in zip(addresses, answers, strict=True)
        if (found := foreign_markup(BeautifulSoup(answer.content, "html.parser")))
    }
    assert foreign == {}
    # Only an id with a slash, which no address can hold, has no link.
    opened = [unquote(link.rstrip("/").rsplit("/", 1)[1]) for link in links]
    assert [row for row in rows if row not in opened] == ["B/strange id?&#%2F;"]
    assert len(rows) == len(demo.emulator.job_ids(IRREGULAR))
