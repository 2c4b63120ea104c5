"""Where a list ends: its completeness line, ends that upstream did not say, and what may be missing."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from bs4 import Tag

from jobs import servers
from jobs.cloudinfinite.schema import format_time
from tests.reading import LONG_AGO, get, one, path_of, row_ids, scroll, soup, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]


def test_completeness_line_counts_from_the_first_page_however_deep_the_document(
    client: Client, new_bucket: NewBucket
) -> None:
    bucket = new_bucket(jobs=35)
    first = one(soup(get(client, path_of(bucket, "size=10"))), "#more")
    second = one(soup(scroll(client, first, f"http://testserver{path_of(bucket, 'size=10')}")), "#more")
    pin = re.search(r"pin=([0-9.]+)", str(first["hx-get"]))
    assert pin

    together = one(soup(get(client, path_of(bucket, f"size=10&depth=2&pin={pin[1]}"))), "#more")
    alone = one(soup(get(client, str(first["hx-get"]))), "#more")

    assert "So far: 1 page, received 10, shown 10" in words(first)
    told = [one(more, "[data-pages]") for more in (second, together, alone)]
    assert {words(tag) for tag in told} == {"So far: 2 pages, received 20, shown 20"}
    assert {(tag["data-pages"], tag["data-received"], tag["data-unique"]) for tag in told} == {("2", "20", "20")}


def last_row(client: Client, path: str) -> Tag:
    """Follow the links from page to page and return the last one's row below all jobs."""
    for _ in range(12):
        more = one(soup(get(client, path)), "#more")
        if more.has_attr("data-end"):
            return more
        path = str(one(more, "a[rel=next]")["href"])
    raise AssertionError("the list has no end")


EMPTY_ONCE = {"kind": "empty_page", "count": 1}
OUT_OF_ORDER = {"kind": "shuffle", "among": "answer", "seed": 1}
TOKEN_REFUSED = {"kind": "error", "status": 400, "code": "InvalidArgument", "message": "Param nextToken is illegal", "when": {"token": True}, "count": 1}  # fmt: skip
RUNNING = {"State": "Running", "CreationTime": LONG_AGO}


def test_page_to_which_more_jobs_came_than_are_asked_for_at_once_says_so(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    now = emulator.now()
    bucket = new_bucket(given=[running(now - 200 * number) for number in range(1, 11)])
    address = path_of(bucket, "states=Running&size=5")
    first = one(soup(get(client, address)), "#more")
    pin = re.search(r"pin=([0-9.]+)", str(first["hx-get"]))
    assert pin
    for number in range(305):
        emulator.add_job(bucket.name, **running(now - 601 - number))
    with servers.cache_server().connection() as connection:
        connection.delete(*connection.keys(servers.cache_key(f"page:{bucket.name}:*")))

    again = get(client, f"{address}&pin={pin[1]}")

    assert words(one(soup(again), "#more .doubt")) == (
        "A page was asked for again later, and by then more jobs belonged to it than are asked for at once. One of them may be missing."
    )


def running(created: float) -> dict[str, str]:
    return {"State": "Running", "CreationTime": format_time(datetime.fromtimestamp(created, UTC))}


@pytest.mark.parametrize(
    ("spec", "query", "sentence"),
    [
        (
            {"given": [RUNNING | {"CreationTime": f"2026-06-2{n}T15:23:10+0800"} for n in range(6)], "faults": (OUT_OF_ORDER,)},
            "states=Running&size=3",
            "Cloud Infinite sent jobs without a creation time or out of order, so that the order is not proven and a job may be missing.",
        ),
        (
            {"given": [RUNNING] * 5},
            "states=Running&size=2",
            "Jobs that were created within one second fill a whole page. One of them, or of those right behind them, may be missing where others left the list meanwhile.",
        ),
        (
            {"given": [RUNNING | {"CreationTime": f"2026-06-2{n}T15:23:10+0800"} for n in range(6)], "faults": (EMPTY_ONCE,)},
            "states=Running&size=3",
            "Cloud Infinite sent a page without jobs and named a next one. A job may be missing there where others left the list meanwhile.",
        ),
        (
            {"jobs": 5, "newest": 600, "spread": 3600, "faults": (TOKEN_REFUSED,)},
            "size=2",
            "Cloud Infinite refused its own token, so the list goes on by creation time. No job is lost by that.",
        ),
    ],
    ids=["order", "second", "empty", "token"],
)  # fmt: skip
def test_what_is_not_proven_of_a_list_is_said_at_its_end(
    client: Client, new_bucket: NewBucket, spec: dict[str, Any], query: str, sentence: str
) -> None:
    bucket = new_bucket(**spec)

    said = last_row(client, path_of(bucket, query)).select(".doubt")

    assert [words(tag) for tag in said] == [sentence]


@pytest.mark.parametrize(
    ("fault", "end", "sentence"),
    [
        (
            {"kind": "token_repeat"},
            "repeated",
            "Cloud Infinite named a page again that was here already, so the list ends here. Jobs may be missing.",
        ),
        (
            {"kind": "empty_page", "when": {"token": True}},
            "no_new_rows",
            "Cloud Infinite's last three pages held nothing new, so the list ends here. Jobs may be missing.",
        ),
    ],
    ids=["repeated", "no_new_rows"],
)
def test_end_that_upstream_did_not_say_is_told_with_what_it_may_have_cost(
    client: Client, new_bucket: NewBucket, fault: dict[str, Any], end: str, sentence: str
) -> None:
    bucket = new_bucket(jobs=9, newest=600, spread=3600, faults=(fault,))

    row = last_row(client, path_of(bucket, "size=2"))

    assert row["data-end"] == end
    assert sentence in words(row)


def test_page_without_rows_at_the_end_of_a_list_does_not_say_that_no_job_matches(
    client: Client, new_bucket: NewBucket
) -> None:
    bucket = new_bucket(jobs=2, newest=600, spread=3600, faults=({"kind": "empty_page", "when": {"token": True}},))
    page = soup(get(client, path_of(bucket, "size=1&range=30d")))
    while link := page.select_one("#more a[rel=next]"):
        page = soup(get(client, str(link["href"])))

    assert row_ids(page) == []
    assert page.select(".empty") == []
    assert one(page, "#more")["data-end"] == "no_new_rows"
    assert len(page.select(".chips")) == 1
    assert len(page.select("#before a")) == 1


def test_list_that_is_whole_says_nothing_of_what_may_be_missing(client: Client, new_bucket: NewBucket) -> None:
    row = last_row(client, path_of(new_bucket(jobs=9, newest=600, spread=3600), "size=2"))

    assert row["data-end"] == "missing"
    assert row.select(".doubt") == []
    assert "missing" not in words(row)


def test_repeats_are_counted_where_they_were_left_out(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=25)
    emulator.fault(bucket.name, "repeat_rows", rows=2, when={"token": True}, count=1)
    more = one(soup(get(client, path_of(bucket, "size=10"))), "#more")

    rows = soup(get(client, str(more["hx-get"]), target="more"))

    assert "2 pages, received 20, shown 18, left out 2" in words(one(rows, "#more"))
