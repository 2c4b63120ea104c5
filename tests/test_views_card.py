"""A card for a portal's frame, as people and programs get it, with a real worker, two real Valkeys and the emulator."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from jobs import overview, pages
from jobs.filters import JobFilter, View
from jobs.searches import Ready
from tests.factories import jobs_in, make_bucket, make_viewer
from tests.reading import PORTAL, get, one, soup, words
from tests.test_overview import DENIED, grow_old

if TYPE_CHECKING:
    from collections.abc import Callable

    from bs4 import BeautifulSoup
    from django.test import Client
    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]
    Until = Callable[[Callable[[], Any]], None]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]


def path(*buckets: Bucket, query: str = "", twin: bool = False) -> str:
    names = ",".join(sorted(bucket.name for bucket in buckets))
    return f"/embed/card{'.json' if twin else '/'}?bucket={names}{'&' * bool(query)}{query}"


def whole(client: Client, until: Until, address: str) -> BeautifulSoup:
    """Return a card once every bucket has answered."""
    until(lambda: "have answered" not in (text := client.get(address).content.decode()) and "has answered" not in text)
    return soup(client.get(address))


def tallies(card: BeautifulSoup) -> dict[str, str]:
    return {str(item["data-state"]): words(one(item, "b")) for item in card.select(".tallies li")}


def links(card: BeautifulSoup) -> dict[str, str]:
    return {str(link["id"]).removeprefix("glance-"): str(link["href"]) for link in card.select("#results a[id]")}


def test_card_counts_and_names_the_worst_job(client: Client, new_bucket: NewBucket, until: Until) -> None:
    bucket = new_bucket(
        given=jobs_in("Failed", "Failed", Code="AccessDenied", Message="no right to read")
        + jobs_in("Running", "Submitted", "Success")
    )

    card = whole(client, until, path(bucket))

    assert tallies(card) == {"Failed": "2", "Running": "1", "Submitted": "1", "Pause": "0"}
    assert "Last 24 hours" in words(one(card, "h1"))
    assert "AccessDenied" in words(one(card, ".facts"))
    assert "1 h 30 min" in words(one(card, "#glance-waiting"))
    assert [words(line) for line in card.select(".worst")] == [
        "Worst job Failed",
        f"{words(one(card, '#glance-worst'))} no right to read",
    ]
    assert "as of" in words(one(card, ".meta"))


def test_links_open_the_narrowed_list_outside_of_the_frame(
    client: Client, new_bucket: NewBucket, emulator: Emulator, until: Until
) -> None:
    bucket = new_bucket(given=jobs_in("Failed", "Submitted"))
    (failed, waits) = emulator.job_ids(bucket.name)

    card = whole(client, until, path(bucket))

    jobs = f"/buckets/{bucket.name}/jobs/"
    assert links(card) == {
        "all": f"{jobs}?states=Submitted,Running,Failed,Pause&range=24h",
        "Failed": f"{jobs}?states=Failed&range=24h",
        "Submitted": f"{jobs}?states=Submitted&range=24h",
        "waiting": f"{jobs}?states=Submitted&orderByTime=Asc&range=24h&job={waits}",
        "worst": f"{jobs}?states=Failed&range=24h&job={failed}",
        "again": path(bucket),
    }
    outward = [link for link in card.select("#results a[id]") if link["id"] != "glance-again"]
    assert {(str(link["target"]), " ".join(link["rel"])) for link in outward} == {("_blank", "noopener")}


def test_several_buckets_are_counted_together(client: Client, new_bucket: NewBucket, until: Until) -> None:
    first = new_bucket(given=jobs_in("Failed", "Running"))
    second = new_bucket(given=jobs_in("Failed", "Pause"))

    card = whole(client, until, path(first, second))

    assert tallies(card) == {"Failed": "2", "Running": "1", "Submitted": "0", "Pause": "1"}
    assert words(one(card, "h1 a")) == "2 buckets"
    names = ",".join(sorted((first.name, second.name)))
    assert links(card)["Failed"] == f"/jobs/?bucket={names}&states=Failed&range=24h"


def test_label_names_its_buckets(client: Client, new_bucket: NewBucket, until: Until) -> None:
    film, _other = new_bucket(given=jobs_in("Failed")), new_bucket(given=jobs_in("Failed"))
    film.label = "Film"
    film.save()

    card = whole(client, until, "/embed/card/?group=Film")

    assert (tallies(card)["Failed"], words(one(card, "h1 a"))) == ("1", "Film")


def test_without_a_failure_the_longest_waiting_job_is_the_worst(
    client: Client, new_bucket: NewBucket, emulator: Emulator, until: Until
) -> None:
    bucket = new_bucket(given=jobs_in("Running", "Submitted", "Submitted"))
    oldest = emulator.job_ids(bucket.name)[-1]

    card = whole(client, until, path(bucket))

    assert words(one(card, "#glance-worst")) == oldest
    assert words(card.select(".worst")[0]) == "Worst job Submitted 1 h 30 min"
    assert "orderByTime=Asc" in links(card)["worst"]


def test_card_of_a_calm_bucket_says_so(client: Client, new_bucket: NewBucket, until: Until) -> None:
    card = whole(client, until, path(new_bucket(given=jobs_in("Success"))))

    assert words(one(card, ".worst")) == "Nothing failed, waits or runs."
    assert set(tallies(card).values()) == {"0"}


def test_counts_of_a_page_that_goes_on_are_the_least(client: Client, new_bucket: NewBucket, until: Until) -> None:
    bucket = new_bucket(given=jobs_in(*["Failed"] * 130))

    assert tallies(whole(client, until, path(bucket)))["Failed"] == "100+"
    assert get(client, path(bucket, twin=True)).json()["counts_are_least"] is True


# What it costs --------------------------------------------------------------------------------------------------------


def test_card_and_overview_share_their_calls(
    client: Client, new_bucket: NewBucket, emulator: Emulator, until: Until
) -> None:
    bucket = new_bucket(given=jobs_in("Failed"))
    question = overview.question("24h")
    whole(client, until, path(bucket))

    until(lambda: overview.look([bucket], question, now=0.0).lines[0].summary)

    assert len(emulator.calls(bucket.name)) == 1


def test_narrowed_card_asks_for_one_page_a_bucket_that_a_list_shares(
    client: Client, new_bucket: NewBucket, emulator: Emulator, until: Until
) -> None:
    bucket = new_bucket(given=jobs_in("Failed", Name="nightly") + jobs_in("Failed", "Failed", Name="weekly"))
    address = path(bucket, query="states=Failed&name=nightly&range=7d")

    card = whole(client, until, address)

    assert tallies(card) == {"Failed": "1"}
    assert "Last 7 days" in words(one(card, "h1"))
    assert "nightly" in words(one(card, "h1"))
    assert links(card)["Failed"] == f"/buckets/{bucket.name}/jobs/?states=Failed&name=nightly&range=7d"
    question = JobFilter(states=("Failed",), name="nightly", range="7d", size=100)
    assert isinstance(pages.get_page(bucket, question, View()), Ready)
    client.get(address)
    assert len(emulator.calls(bucket.name)) == 1


def test_whole_card_looks_again_each_minute_with_and_without_script(
    client: Client, new_bucket: NewBucket, emulator: Emulator, until: Until
) -> None:
    bucket = new_bucket(given=jobs_in("Failed"))
    card = whole(client, until, path(bucket))
    response = client.get(path(bucket))

    assert response["Refresh"] == "60"
    assert one(card, ".meta[hx-get]")["hx-trigger"] == "load delay:60000ms"
    emulator.add_job(bucket.name, **jobs_in("Failed")[0])
    grow_old(bucket, 61)
    fragment = get(client, path(bucket), "results")
    assert "Refresh" not in fragment
    assert not soup(fragment).select("html")
    until(lambda: tallies(soup(get(client, path(bucket), "results")))["Failed"] == "2")


def test_budget_that_is_spent_is_told_on_the_card(client: Client, new_bucket: NewBucket, settings: Settings) -> None:
    settings.MISS_BUDGET = 1
    buckets = [new_bucket(jobs=1), new_bucket(jobs=1)]

    paid, refused = (soup(client.get(path(*buckets, query=f"name={name}"))) for name in "xy")

    assert paid.select(".trouble li") == []
    assert [str(item["data-code"]) for item in refused.select(".trouble li")] == ["miss_budget"] * 2


# Trouble --------------------------------------------------------------------------------------------------------------


def test_bucket_in_trouble_is_named_beside_the_counts_of_the_others(
    client: Client, new_bucket: NewBucket, until: Until
) -> None:
    well, bad = new_bucket(given=jobs_in("Failed")), new_bucket(faults=(DENIED,))

    card = whole(client, until, path(well, bad))
    twin = get(client, path(well, bad, twin=True)).json()

    assert tallies(card)["Failed"] == "1"
    (trouble,) = card.select(".trouble li")
    assert bad.name in words(trouble)
    assert trouble["data-code"] == "AccessDenied"
    assert {bucket["name"]: bucket["problem"] and bucket["problem"]["code"] for bucket in twin["buckets"]} == {
        well.name: None,
        bad.name: "AccessDenied",
    }


def test_card_whose_buckets_are_all_in_trouble_shows_no_zeros_and_looks_again(
    client: Client, new_bucket: NewBucket, until: Until
) -> None:
    bucket = new_bucket(faults=(DENIED,))

    card = whole(client, until, path(bucket, query="name=x"))

    assert set(tallies(card).values()) == {"–"}
    assert client.get(path(bucket, query="name=x"))["Refresh"]


def test_slow_bucket_is_told_as_not_answered(client: Client, new_bucket: NewBucket, until: Until) -> None:
    quick, slow = new_bucket(given=jobs_in("Failed")), new_bucket(given=jobs_in("Failed"), latency=4.0)

    until(lambda: tallies(soup(client.get(path(quick, slow))))["Failed"] == "1")

    response = client.get(path(quick, slow))
    assert "1 of 2 buckets have answered" in words(one(soup(response), ".meta"))
    assert int(response["Refresh"]) <= 2


@pytest.mark.parametrize("query", ["", "type=Job&states=Failed"])
def test_silent_bucket_holds_up_no_card(
    client: Client, new_bucket: NewBucket, settings: Settings, until: Until, query: str
) -> None:
    quick, silent = new_bucket(given=jobs_in("Failed", Type="Job")), new_bucket(faults=({"kind": "hang"},))
    longest = 0.0

    def is_told() -> bool:
        nonlocal longest
        began = time.monotonic()
        card = soup(client.get(path(quick, silent, query=query)))
        longest = max(longest, time.monotonic() - began)
        return tallies(card)["Failed"] == "1"

    until(is_told)

    assert longest < 2 * settings.FIRST_WAIT


def test_twin_is_pending_until_something_is_known(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=jobs_in("Failed"))

    first = client.get(path(bucket, twin=True))

    assert (first.status_code, first.json()) == (202, {"pending": True})


def test_twin_tells_the_same(client: Client, new_bucket: NewBucket, emulator: Emulator, until: Until) -> None:
    bucket = new_bucket(given=jobs_in("Failed", "Submitted", Code="Oops"))
    failed, waits = emulator.job_ids(bucket.name)
    whole(client, until, path(bucket))

    twin = get(client, path(bucket, twin=True)).json()

    assert twin["counts"] == {"Failed": 1, "Running": 0, "Submitted": 1, "Pause": 0}
    assert (twin["pending"], twin["counts_are_least"]) == (False, False)
    assert twin["filter"] == {"states": "Submitted,Running,Failed,Pause", "size": "100", "range": "24h"}
    assert twin["worst"] == {"bucket": bucket.name, "JobId": failed, "State": "Failed"}
    assert (twin["oldest_waiting"]["JobId"], twin["newest_failure"]["Code"]) == (waits, "Oops")
    assert twin["buckets"][0]["jobs"] == f"/embed/buckets/{bucket.name}/jobs.json"


# Addresses ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("bucket=unknown-1250000000", "bucket"),
        ("bucket=a-1250000000&group=x", "group"),
        ("group=nobody-has-this", "group"),
        ("bucket=a-1250000000&states=Nope", "states"),
        ("bucket=a-1250000000&states=Failed,Success", "states"),
        ("bucket=a-1250000000&q=state:success", "q"),
        ("bucket=a-1250000000&q=order:oldest", "q"),
        ("bucket=a-1250000000&range=soon", "range"),
        ("bucket=a-1250000000&size=10", "size"),
        ("bucket=a-1250000000&orderByTime=Asc", "orderByTime"),
        ("bucket=a-1250000000&live=60s", "live"),
        ("bucket=a-1250000000&nextToken=x", "nextToken"),
        ("bucket=a-1250000000&job=x", "job"),
        ("bucket=a-1250000000&colour=red", "colour"),
        ("bucket=" + ",".join(f"b{number}-1250000000" for number in range(51)), "bucket"),
    ],
)
def test_wrong_address_is_refused_by_name_and_nothing_is_asked(
    client: Client, emulator: Emulator, query: str, parameter: str
) -> None:
    make_bucket("a-1250000000")
    before = len(emulator.calls())

    response, twin = client.get(f"/embed/card/?{query}"), client.get(f"/embed/card.json?{query}")

    assert (response.status_code, twin.status_code) == (400, 400)
    assert parameter in twin.json()["errors"]
    assert parameter in words(one(soup(response), ".problem[data-code=wrong_filter]"))
    assert "Refresh" not in response
    assert len(emulator.calls()) == before


def test_wrong_state_is_mended_by_a_link(client: Client) -> None:
    make_bucket("a-1250000000")

    problem = one(soup(client.get("/embed/card/?bucket=a-1250000000&states=Failed,Success")), ".problem")

    assert [str(link["href"]) for link in problem.select("a")] == [
        "?bucket=a-1250000000&states=Failed",
        "?bucket=a-1250000000",
    ]


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("bucket=b-1250000000,a-1250000000", "bucket=a-1250000000,b-1250000000"),
        ("bucket=a-1250000000&range=24h", "bucket=a-1250000000"),
        ("bucket=a-1250000000&states=Failed,Pause,Running,Submitted", "bucket=a-1250000000"),
        ("states=Pause,Failed&bucket=a-1250000000", "bucket=a-1250000000&states=Failed,Pause"),
        ("bucket=a-1250000000&q=state:failed created:7d", "bucket=a-1250000000&states=Failed&range=7d"),
        ("bucket=a-1250000000&utm_source=portal", "bucket=a-1250000000"),
    ],
)
def test_every_card_has_one_address(client: Client, query: str, canonical: str) -> None:
    make_bucket("a-1250000000")
    make_bucket("b-1250000000")

    response = client.get(f"/embed/card/?{query}")

    assert (response.status_code, response["Location"]) == (302, f"/embed/card/?{canonical}")


def test_bucket_that_one_may_not_see_reads_like_an_unknown_one(client: Client, emulator: Emulator) -> None:
    make_bucket("hidden-1250000000")
    client.force_login(make_viewer("vera"))

    hidden = client.get("/embed/card/?bucket=hidden-1250000000")
    unknown = client.get("/embed/card/?bucket=unheard-1250000000")

    assert (hidden.status_code, unknown.status_code) == (400, 400)
    told = [words(one(soup(answer), ".problem li")) for answer in (hidden, unknown)]
    assert "hidden-1250000000" in told[0]
    assert told[0].replace("hidden", "unheard") == told[1]
    assert emulator.calls("hidden-1250000000") == []


def test_strangers_get_the_card_that_leads_to_sign_in(client: Client, settings: Settings) -> None:
    settings.ANONYMOUS_ACCESS, settings.EMBED_ORIGINS = False, [PORTAL]

    page, twin = client.get("/embed/card/?bucket=a-1250000000"), client.get("/embed/card.json?bucket=a-1250000000")

    assert (page.status_code, twin.status_code) == (401, 401)
    assert one(soup(page), "a[target=_blank]")
    assert f"frame-ancestors {PORTAL}" in page["Content-Security-Policy"]


def test_card_is_a_page_of_portals_alone(client: Client, settings: Settings) -> None:
    settings.EMBED_ORIGINS = [PORTAL]
    make_bucket("a-1250000000")

    response = client.get("/embed/card/?bucket=a-1250000000")

    assert f"frame-ancestors {PORTAL}" in response["Content-Security-Policy"]
    assert "X-Frame-Options" not in response
    assert client.get("/card/?bucket=a-1250000000").status_code == 404
