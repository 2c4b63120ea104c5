"""The list of several buckets as people and programs get it."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from jobs.filters.reading import MOST_MERGED
from tests.factories import jobs_in, make_bucket, make_viewer
from tests.merging import loaded, path
from tests.reading import HTMX, get, one, row_ids, soup, words
from tests.test_live import grow_old as grow_minute_old
from tests.test_merge import forget

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]


pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody", "waits_long")]


def test_rows_of_all_buckets_stand_in_one_list_each_with_its_bucket(client: Client, new_bucket: NewBucket) -> None:
    first, second = new_bucket(given=jobs_in("Failed")), new_bucket(given=jobs_in("Running"))

    page = soup(get(client, path(first, second)))

    rows = page.select('tr[id^="job-"]')
    assert {words(one(row, ".of")) for row in rows} == {first.name, second.name}
    assert all(str(one(row, ".name > a[href*='/jobs/b']")["href"]).startswith("/buckets/") for row in rows)
    assert loaded(page) == "2 loaded of 2 buckets"


def test_filter_narrows_every_bucket(client: Client, new_bucket: NewBucket, emulator: Emulator) -> None:
    buckets = [new_bucket(given=jobs_in("Failed", "Running")) for _ in range(2)]

    page = soup(get(client, path(*buckets, query="states=Failed&range=24h")))

    assert [str(row["data-state"]) for row in page.select('tr[id^="job-"]')] == ["Failed", "Failed"]
    assert {call.parameters["states"] for bucket in buckets for call in emulator.calls(bucket.name)} == {"Failed"}
    chips = {words(chip.b or chip): str(chip["href"]) for chip in page.select("a.chip")}
    names = ",".join(sorted(bucket.name for bucket in buckets))
    assert chips["Failed"] == f"/jobs/?bucket={names}&range=24h"
    assert [query for words, query in chips.items() if words != "Failed"] == [
        f"/jobs/?bucket={names}&states=Failed",
        f"/jobs/?bucket={names}",
    ]


def test_sentinel_brings_the_rows_that_follow(client: Client, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(jobs=12, seed=seed) for seed in (1, 2)]
    first = soup(get(client, path(*buckets, query="size=10")))

    second = soup(get(client, str(one(first, "#more")["hx-get"]), "more"))
    third = soup(get(client, str(one(second, "#more")["hx-get"]), "more"))

    ids = [row_ids(page) for page in (first, second, third)]
    assert [len(page) for page in ids] == [10, 10, 4]
    assert len({job for page in ids for job in page}) == 24
    assert "data-end" in one(third, "#more").attrs


def test_text_of_a_filter_leads_to_its_parameters_and_keeps_the_buckets(client: Client) -> None:
    make_bucket("a-1250000000")

    response = client.get("/jobs/?bucket=a-1250000000&q=state:failed")

    assert (response.status_code, response["Location"]) == (302, "/jobs/?bucket=a-1250000000&states=Failed")


def test_label_names_its_buckets(client: Client, new_bucket: NewBucket) -> None:
    film, other = new_bucket(given=jobs_in("Failed")), new_bucket(given=jobs_in("Failed"))
    film.label = "Film"
    film.save()

    page = soup(get(client, "/jobs/?group=Film"))

    assert [words(cell) for cell in page.select(".of")] == ["Film"]
    assert other.name not in page.get_text()


def test_link_to_the_next_page_holds_though_a_page_before_it_is_fetched_again(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    buckets = [new_bucket(jobs=25, seed=seed, spread=7200) for seed in (1, 2)]
    every = {f"{bucket.name}/{job}" for bucket in buckets for job in emulator.job_ids(bucket.name)}
    page = soup(get(client, path(*buckets, query="size=10")))
    found = row_ids(page)
    gone = found[2]
    emulator.remove_job(*gone.split("/"))
    forget(f"page:{gone.partition('/')[0]}:*")

    while following := one(page, "#more").get("hx-get"):
        page = soup(get(client, str(following), "more"))
        found += row_ids(page)

    assert (len(found), set(found)) == (len(every), every)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("bucket=unknown-1250000000", "bucket"),
        ("bucket=a-1250000000,unknown-1250000000", "bucket"),
        ("bucket=a-1250000000&group=x", "group"),
        ("group=nobody-has-this", "group"),
        ("bucket=a-1250000000&states=Nope", "states"),
        ("bucket=a-1250000000&at=1.2", "pin"),
        ("bucket=b-1250000000,a-1250000000&pin=-,-&at=3.7", "pin"),
        ("bucket=a-1250000000&pin=1700000000.1700000002000", "pin"),
        ("bucket=a-1250000000&pin=x&at=1", "pin"),
        ("bucket=a-1250000000&pin=-&at=x", "at"),
        ("bucket=a-1250000000&pin=-&at=1-", "at"),
        ("bucket=a-1250000000&pin=-&at=1-1700000000", "at"),
        ("bucket=a-1250000000&pin=-&at=1-1700000000-nothex", "at"),
        ("bucket=a-1250000000&pin=-&at=1-1700000000" + "-0123ab" * 41, "at"),
        ("bucket=a-1250000000&depth=21", "depth"),
        ("bucket=a-1250000000&nextToken=x", "nextToken"),
        ("bucket=a-1250000000&job=b0123", "job"),
        ("bucket=a-1250000000&job=other-1250000000/b0123", "job"),
        ("bucket=a-1250000000&tab=raw", "tab"),
        ("bucket=" + ",".join(f"b{number}-1250000000" for number in range(MOST_MERGED + 1)), "bucket"),
    ],
)
def test_wrong_address_is_refused_and_nothing_is_asked(
    client: Client, emulator: Emulator, query: str, parameter: str
) -> None:
    make_bucket("a-1250000000")
    before = len(emulator.calls())

    response, twin = client.get(f"/jobs/?{query}"), client.get(f"/jobs.json?{query}")

    assert (response.status_code, twin.status_code) == (400, 400)
    assert parameter in twin.json()["errors"]
    assert one(soup(response), ".problem[data-code=wrong_filter]")
    assert len(emulator.calls()) == before


@pytest.mark.parametrize("query", ["group=Many", ""])
def test_label_of_more_buckets_than_one_list_holds_is_refused_with_their_number(client: Client, query: str) -> None:
    for number in range(MOST_MERGED + 1):
        make_bucket(f"m{number}-1250000000", label="Many")

    answer = client.get(f"/jobs/?{query}")

    assert answer.status_code == 400
    assert f"these are {MOST_MERGED + 1}" in words(one(soup(answer), ".problem[data-code=wrong_filter]"))


def test_bucket_that_one_may_not_see_reads_like_an_unknown_one(client: Client) -> None:
    make_bucket("hidden-1250000000")
    client.force_login(make_viewer("vera"))

    hidden, unknown = client.get("/jobs/?bucket=hidden-1250000000"), client.get("/jobs/?bucket=unheard-1250000000")

    assert (hidden.status_code, unknown.status_code) == (400, 400)
    told = [words(one(soup(answer), ".problem li")) for answer in (hidden, unknown)]
    assert "hidden-1250000000" in told[0]
    assert told[0].replace("hidden", "unheard") == told[1]


def test_order_of_names_makes_no_other_address(client: Client) -> None:
    make_bucket("a-1250000000")
    make_bucket("b-1250000000")

    response = client.get("/jobs/?bucket=b-1250000000,a-1250000000,a-1250000000")

    assert (response.status_code, response["Location"]) == (302, "/jobs/?bucket=a-1250000000,b-1250000000")


def test_twin_pages_through_all_jobs(client: Client, new_bucket: NewBucket, emulator: Emulator) -> None:
    buckets = [new_bucket(jobs=12, seed=seed) for seed in (1, 2)]
    following, found = path(*buckets, query="size=10", twin=True), []

    while following:
        page = get(client, following).json()
        found += [(job["_bucket"], job["JobId"]) for job in page["jobs"]]
        following = page["next"]

    assert sorted(found) == sorted((bucket.name, job) for bucket in buckets for job in emulator.job_ids(bucket.name))


def test_form_holds_the_filter_and_keeps_the_buckets(client: Client, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(jobs=3), new_bucket(jobs=3)]

    form = one(soup(get(client, path(*buckets, query="states=Failed&tz=UTC"))), "form#filter")

    assert form["action"] == form["hx-get"] == "/jobs/"
    hidden = {str(field["name"]): str(field["value"]) for field in form.select("input[type=hidden]")}
    assert hidden == {"bucket": ",".join(sorted(bucket.name for bucket in buckets)), "tz": "UTC"}
    assert [box["value"] for box in form.select("input[name=states][checked]")] == ["Failed"]


def test_wrong_field_is_marked_and_the_form_keeps_what_was_typed(client: Client) -> None:
    make_bucket("a-1250000000")

    response = client.get(
        "/jobs/?bucket=a-1250000000&startCreationTime=nonsense", headers={**HTMX, "HX-Target": "results"}
    )

    tree = soup(response)
    field = one(tree, "#filter-startCreationTime")
    assert (response.status_code, response["HX-Retarget"]) == (400, "#list")
    assert (field["value"], field["aria-invalid"]) == ("nonsense", "true")
    assert one(tree, f"#{field['aria-describedby']}")
    assert one(tree, "form#filter input[name=bucket]")["value"] == "a-1250000000"


def test_tick_tells_of_every_bucket_with_two_calls_each_at_most(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    buckets = [new_bucket(given=jobs_in("Running", "Running", "Failed")) for _ in range(3)]
    page = soup(get(client, path(*buckets, query="states=Running")))
    ticker = one(page, "#ticker")
    assert 2 <= int(str(ticker["data-most"])) <= 100
    for bucket in buckets:
        grow_minute_old(bucket)
        emulator.change_job(bucket.name, emulator.job_ids(bucket.name)[0], State="Success")
    before = {bucket.name: len(emulator.calls(bucket.name)) for bucket in buckets}
    created = [datetime.fromisoformat(str(one(row, ".when time")["datetime"])) for row in page.select("tr[id^=job-]")]
    rows = ",".join(
        f"{quote(quote(name, safe=''), safe='')}:Running:{int(moment.timestamp())}"
        for name, moment in zip(row_ids(page), created, strict=True)
    )

    for _ in range(40):
        found = soup(get(client, f"{ticker['data-tick']}&rows={rows}"))
        if len(found.find_all("tr", class_="left")) == 3:
            break

    assert {str(row["id"]) for row in found.find_all("tr", class_="left")} == {
        f"job-{bucket.name}/{emulator.job_ids(bucket.name)[0]}" for bucket in buckets
    }
    assert all(len(emulator.calls(name)) - calls <= 2 for name, calls in before.items())


def test_tick_of_what_one_may_not_see_or_that_was_never_opened_is_none(client: Client) -> None:
    make_bucket("hidden-1250000000")
    client.force_login(make_viewer("vera"))
    pin = "1700000000.1700000002000"

    assert client.get(f"/jobs/tick/?bucket=hidden-1250000000&pin={pin}&at=0").status_code == 404
    assert client.get("/jobs/tick/?bucket=hidden-1250000000").status_code == 400


def test_page_of_a_bucket_that_may_not_be_seen_any_more_loads_anew(client: Client, new_bucket: NewBucket) -> None:
    stays, goes = new_bucket(jobs=2), new_bucket(jobs=2, seed=2)
    ticker = one(soup(get(client, path(stays, goes))), "#ticker")
    goes.hidden = True
    goes.save()

    response = client.get(str(ticker["data-tick"]), headers=HTMX)

    assert (response.status_code, response["HX-Refresh"]) == (404, "true")


@pytest.mark.usefixtures("waits_a_second")
def test_silent_bucket_holds_up_no_other_s_live_rows(
    client: Client, new_bucket: NewBucket, emulator: Emulator, settings: Settings
) -> None:
    buckets = [new_bucket(given=jobs_in("Running", "Failed")) for _ in range(3)]
    page = soup(get(client, path(*buckets, query="states=Running")))
    for bucket in buckets:
        grow_minute_old(bucket)
        emulator.change_job(bucket.name, emulator.job_ids(bucket.name)[0], State="Success")
    silent = buckets[1]
    emulator.set_faults(silent.name, {"kind": "hang"})
    rows = ",".join(
        f"{quote(quote(name, safe=''), safe='')}:Running:{int(datetime.fromisoformat(str(one(row, '.when time')['datetime'])).timestamp())}"
        for name, row in zip(row_ids(page), page.select("tr[id^=job-]"), strict=True)
    )
    wanted = {f"job-{bucket.name}/{emulator.job_ids(bucket.name)[0]}" for bucket in buckets if bucket != silent}
    longest = 0.0

    for _ in range(40):
        began = time.monotonic()
        found = soup(get(client, f"{one(page, '#ticker')['data-tick']}&rows={rows}"))
        longest = max(longest, time.monotonic() - began)
        if {str(row["id"]) for row in found.find_all("tr", class_="left")} == wanted:
            break

    assert {str(row["id"]) for row in found.find_all("tr", class_="left")} == wanted
    assert longest < 3 * settings.FIRST_WAIT  # One wait for the newest pages of all, one for what is further down.


def test_list_of_many_buckets_names_few_enough_rows_in_a_tick(client: Client, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(jobs=8, seed=seed) for seed in range(MOST_MERGED)]

    page = soup(get(client, path(*buckets, query="size=100")))

    ticker, longest = one(page, "#ticker"), max(map(len, row_ids(page)))
    asked = len(str(ticker["data-tick"])) + int(str(ticker["data-most"])) * (
        longest + len("%252F,:Submitted:1700000000")
    )
    assert asked < 8190
