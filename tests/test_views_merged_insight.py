"""What the loaded jobs of several buckets say together, as people and programs get it."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.factories import jobs_in, make_bucket
from tests.merging import loaded
from tests.reading import LONG_AGO, UNBOUND, get, one, row_ids, scroll, soup, words
from tests.test_merge import DENIED, forget

if TYPE_CHECKING:
    from collections.abc import Callable

    from bs4 import BeautifulSoup
    from django.test import Client
    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody", "waits_long")]

NO_RIGHT = {"Code": "AccessDenied", "Message": "no right on output bucket media-1250000000"}
SAME = "b0123456789abcdef0123456789abcdef"
BROKEN = {"Code": "InternalError", "Message": "internal error, please retry later"}


def path(*buckets: Bucket, query: str = "", kind: str = "jobs/insight/") -> str:
    return f"/{kind}?bucket={','.join(sorted(bucket.name for bucket in buckets))}{'&' * bool(query)}{query}"


def page_of(client: Client, *buckets: Bucket, query: str = "") -> BeautifulSoup:
    response = get(client, path(*buckets, query=query))
    assert response.status_code == 200, response.content
    return soup(response)


def bars(page: BeautifulSoup, heading: str) -> dict[str, tuple[str, str]]:
    """Return each bar's label with its number and where that leads."""
    rows = page.select(f"[aria-labelledby={heading}] tbody tr")
    return {words(one(row, "th")): (words(link), str(link["href"])) for row in rows for link in row.select("td a")}


def test_jobs_of_all_buckets_are_counted_each_number_a_link_to_just_those(
    client: Client, new_bucket: NewBucket
) -> None:
    first, second = new_bucket(given=jobs_in("Failed", "Success")), new_bucket(given=jobs_in("Failed"))
    names = ",".join(sorted((first.name, second.name)))

    page = page_of(client, first, second, query="range=24h")

    assert bars(page, "by-state")["Failed"] == ("2", f"/jobs/?bucket={names}&states=Failed&range=24h")
    assert bars(page, "by-bucket") == {
        first.name: ("2", f"/buckets/{first.name}/jobs/?range=24h"),
        second.name: ("1", f"/buckets/{second.name}/jobs/?range=24h"),
    }
    assert loaded(page) == "3 loaded of 2 buckets"
    columns = [str(link["href"]) for link in page.select("svg.columns a")]
    assert sum(len(row_ids(soup(get(client, column)))) for column in columns) == 3


def test_failures_alike_in_several_buckets_are_one_family_that_tells_each_bucket_s_share(
    client: Client, new_bucket: NewBucket
) -> None:
    first = new_bucket(given=(*jobs_in("Failed", "Failed", **NO_RIGHT), *jobs_in("Success")))
    second = new_bucket(given=(*jobs_in("Failed", **NO_RIGHT), *jobs_in("Failed", **BROKEN)))

    family, other = page_of(client, first, second).select(".families > li")

    assert words(one(family, "p:first-child a")) == "AccessDenied no right on output bucket ‹bucket›"
    assert "3 jobs" in words(family)
    assert "InternalError" in words(other)
    shares = {words(part): str(one(part, "a")["href"]) for part in family.select(".facts.small > span")}
    assert shares == {
        f"{first.name} 2": f"/buckets/{first.name}/jobs/?states=Failed",
        f"{second.name} 1": f"/buckets/{second.name}/jobs/?states=Failed",
    }
    alone = soup(get(client, "/jobs/insight/" + str(one(family, "p:first-child a")["href"])))
    assert [name.split("/")[0] for name in row_ids(alone)].count(first.name) == 2
    assert len(row_ids(alone)) == 3
    assert "3 of 5 loaded" in words(one(alone, ".chosen"))


def test_odd_one_is_told_with_its_bucket_though_another_has_a_job_of_its_id(
    client: Client, new_bucket: NewBucket
) -> None:
    (job,) = jobs_in("Success", JobId=SAME)
    odd = new_bucket(given=({**job, "State": "Running", "EndTime": LONG_AGO},))
    plain = new_bucket(given=(job,))

    page = page_of(client, odd, plain)

    item = one(page, ".odd > li")
    assert odd.name in words(item)
    assert one(item, "a")["href"] == f"/buckets/{odd.name}/jobs/{job['JobId']}/"
    assert row_ids(soup(get(client, "/jobs/insight/" + str(one(page, ".card .meta a")["href"])))) == [
        f"{odd.name}/{job['JobId']}"
    ]


def test_list_leads_to_the_summary_of_what_it_shows_and_back(client: Client, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(jobs=12, seed=seed) for seed in (1, 2)]
    listed = soup(get(client, path(*buckets, query="size=10&tz=UTC", kind="jobs/")))

    page = soup(get(client, str(one(listed, "#to-summary")["href"])))

    assert loaded(page) == "10 loaded of 2 buckets; the list goes on"
    back = next(link for link in page.select(".meta a") if words(link) == "Back to the list")
    assert row_ids(soup(get(client, str(back["href"])))) == row_ids(listed)


def test_summary_of_a_scrolled_list_holds_all_that_was_scrolled(client: Client, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(jobs=15, seed=seed) for seed in (1, 2)]
    listed = path(*buckets, query="size=10", kind="jobs/")
    first = one(soup(get(client, listed)), "#more")

    answer = scroll(client, first, f"http://testserver{listed}").content.decode()

    (link,) = re.findall(r'<template><a id="to-summary"[^>]* href="([^"]*)"[^>]* hx-swap-oob="true">', answer)
    assert "20 loaded of 2 buckets" in words(soup(get(client, html.unescape(link))))


def test_scrolling_leaves_what_a_list_says_of_its_denied_buckets(client: Client, new_bucket: NewBucket) -> None:
    well, denied = new_bucket(jobs=15), new_bucket(faults=(DENIED,))
    listed = path(well, denied, query="size=10", kind="jobs/")
    page = soup(get(client, listed))

    answer = scroll(client, one(page, "#more"), f"http://testserver{listed}").content.decode()

    assert loaded(page) == "10 loaded of 2 buckets, 1 denied"
    # The script counts the rows of all; what stands beside the link stays.
    assert re.findall(r'<a id="to-summary"[^>]*>([^<]*)</a>', answer) == ["5 loaded of 2 buckets"]
    assert not re.search(r"1 (denied|left out)", answer)


def test_summary_that_a_list_leads_to_says_why_a_bucket_takes_no_part(client: Client, new_bucket: NewBucket) -> None:
    well, denied = new_bucket(jobs=15), new_bucket(faults=(DENIED,))
    listed = soup(get(client, path(well, denied, query="size=10", kind="jobs/")))

    page = soup(get(client, str(one(listed, "#to-summary")["href"])))

    assert loaded(page) == "10 loaded of 2 buckets, 1 denied; the list goes on"
    told = words(one(page, "#about .notice.warn"))
    assert denied.name in told
    assert "AccessDenied" in told


@pytest.mark.usefixtures("waits_a_second")
def test_summary_that_a_silent_bucket_holds_up_goes_on_without_it_with_the_same_jobs_shown(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    well, bad = new_bucket(given=jobs_in("Failed", "Success")), new_bucket(given=jobs_in("Failed"))
    link = str(one(soup(get(client, path(well, bad, kind="jobs/"))), "#to-summary")["href"])
    emulator.set_faults(bad.name, {"kind": "hang", "seconds": 60.0})
    forget(f"page:{bad.name}:*")
    held_up = client.get(link.replace("?", "?odd=any&"))

    (without,) = soup(held_up).select("[data-pending] a[href*=odd]")[:1]
    page = soup(get(client, str(without["href"])))

    assert (held_up.status_code, words(without)) == (202, "Go on without")
    assert re.match("2 loaded of 2 buckets, 1 (left out|can't be read)", words(page.select(".meta")[0]))
    assert "Odd ones out" in words(one(page, ".chosen"))


@pytest.mark.usefixtures("waits_a_second")
def test_summary_that_a_silent_bucket_holds_up_goes_on_without_it_as_deep_as_it_was(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    well, bad = new_bucket(jobs=15, seed=1), new_bucket(jobs=15, seed=2)
    listed = path(well, bad, query="size=10", kind="jobs/")
    first = one(soup(get(client, listed)), "#more")
    answer = scroll(client, first, f"http://testserver{listed}").content.decode()
    (link,) = re.findall(r'<a id="to-summary"[^>]* href="([^"]*)"', answer)
    emulator.set_faults(bad.name, {"kind": "hang", "seconds": 60.0})
    forget(f"page:{bad.name}:*")

    held_up = soup(client.get(html.unescape(link)))

    assert "&depth=2" in link.replace("&amp;", "&")
    assert "&depth=2" in str(held_up.select("[data-pending] a[href*='pin=']")[0]["href"])


def test_list_asks_which_of_its_jobs_are_odd(client: Client, new_bucket: NewBucket) -> None:
    contradictory = new_bucket(given=jobs_in("Running", EndTime=LONG_AGO))
    link = one(soup(get(client, path(contradictory, new_bucket(jobs=3), kind="jobs/"))), "#to-summary")

    odd = one(soup(get(client, str(link["hx-get"]), "odd-ones")), "#odd-ones")

    assert link["hx-get"] == link["href"]
    assert (words(odd), one(odd, "a")["title"]) == ("1 odd one", "runs, but has an end 1")
    assert len(row_ids(soup(get(client, str(one(odd, "a")["href"]))))) == 1


def test_buckets_in_trouble_are_named_beside_what_the_others_have(client: Client, new_bucket: NewBucket) -> None:
    well, denied, unbound = (
        new_bucket(given=jobs_in("Failed")),
        new_bucket(faults=(DENIED,)),
        new_bucket(faults=(UNBOUND,)),
    )

    page = page_of(client, well, denied, unbound)

    assert loaded(page) == "1 loaded of 3 buckets, 1 denied, 1 can't be read"
    told = words(one(page, ".troubles[role=alert]"))
    assert all(word in told for word in (denied.name, "AccessDenied", unbound.name, "MediaBucketUnBinded"))


def test_buckets_of_which_none_can_be_read_are_said_so_with_their_status(client: Client, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(faults=(DENIED,)) for _ in range(2)]

    response = get(client, path(*buckets))
    twin = get(client, path(*buckets, kind="jobs/insight.json"))

    assert (response.status_code, twin.status_code) == (403, 403)
    assert one(soup(response), ".troubles")["data-code"] == "AccessDenied"
    assert "None of these buckets could be read" in words(one(soup(response), ".empty"))
    assert {bucket["problem"]["code"] for bucket in twin.json()["buckets"]} == {"AccessDenied"}


@pytest.mark.usefixtures("waits_a_second")
def test_late_bucket_is_named_and_joins_by_add(
    client: Client, new_bucket: NewBucket, emulator: Emulator, until: Callable[[Callable[[], Any]], None]
) -> None:
    quick, slow = new_bucket(jobs=5), new_bucket(jobs=4, latency=1.5)
    add = one(page_of(client, quick, slow), "#about .notice a")
    until(lambda: [call for call in emulator.calls(slow.name) if call.seconds is not None])

    page = soup(get(client, str(add["href"])))

    assert str(add["href"]) == path(quick, slow)
    assert loaded(page) == "9 loaded of 2 buckets"


def test_empty_buckets_lead_back_to_the_list(client: Client, new_bucket: NewBucket) -> None:
    assert "no job" in words(one(page_of(client, new_bucket(), new_bucket()), ".empty"))


@pytest.mark.parametrize("query", ["odd=loud", "family=x", "kind=x", "ran=7", "states=Nope", "foo=1", "nextToken=25"])
def test_wrong_address_is_refused_and_nothing_is_asked(
    client: Client, new_bucket: NewBucket, emulator: Emulator, query: str
) -> None:
    buckets = [new_bucket(), new_bucket()]

    response = client.get(path(*buckets, query=query))

    assert response.status_code == 400
    assert query.partition("=")[0] in words(one(soup(response), ".problem[role=alert]"))
    assert client.get(path(*buckets, query=query, kind="jobs/insight.json")).status_code == 400
    assert not [call for bucket in buckets for call in emulator.calls(bucket.name)]


def test_unknown_bucket_is_named_and_nothing_is_asked(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    known = new_bucket()

    response = client.get(f"/jobs/insight/?bucket=nobody-1250000000,{known.name}")

    assert response.status_code == 400
    assert "nobody-1250000000" in words(one(soup(response), ".problem[role=alert]"))
    assert not emulator.calls(known.name)


def test_summary_of_lists_that_are_others_by_now_is_told(client: Client, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(jobs=25, seed=seed) for seed in (1, 2)]
    first = soup(get(client, path(*buckets, query="size=10", kind="jobs/")))
    deeper = str(one(first, "#to-summary")["href"])
    old = re.sub(r"(?<=pin=)[^&]*", lambda pins: re.sub(r"\d+\.\d+", "1700000000.1700000002000", pins[0]), deeper)

    page = soup(get(client, old))

    assert "opened over an hour ago" in words(one(page, "#results > .notice.warn"))


def test_buckets_of_one_label_are_told_apart_by_their_names(client: Client, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(given=jobs_in("Failed", **NO_RIGHT)) for _ in range(2)]
    for bucket in buckets:
        bucket.label = "videos"
        bucket.save()

    page = soup(get(client, "/jobs/insight/?group=videos"))

    names = {f"videos ({bucket.name})" for bucket in buckets}
    assert set(bars(page, "by-bucket")) == names
    assert {words(link) for link in page.select(".families .facts.small a")} == names


def test_reader_who_may_ask_no_more_is_told_so_in_mid_list_too(
    client: Client, new_bucket: NewBucket, settings: Settings
) -> None:
    buckets = [new_bucket(jobs=15, seed=seed) for seed in (1, 2)]
    listed = get(client, path(*buckets, query="size=10", kind="jobs.json")).json()
    query = urlsplit(listed["next"]).query
    forget("chain:*", "page:*", "head:*")
    settings.MISS_BUDGET = 1
    get(client, path(*buckets, query="name=x", kind="jobs.json"))  # spends it

    response = client.get(f"/jobs/insight/?{query}")
    twin = client.get(f"/jobs/insight.json?{query}")

    assert (response.status_code, twin.status_code) == (429, 429)
    assert one(soup(response), ".problem[role=alert]")["data-code"] == "miss_budget"
    assert twin.json()["problem"]["code"] == "miss_budget"
    assert int(twin.headers["Retry-After"]) > 0


@pytest.mark.usefixtures("waits_a_second")
def test_add_keeps_which_jobs_are_shown(client: Client, new_bucket: NewBucket) -> None:
    quick, slow = new_bucket(given=jobs_in("Running", EndTime=LONG_AGO)), new_bucket(jobs=4, latency=2.5)
    of = ",".join(sorted((quick.name, slow.name)))

    page = soup(get(client, f"/jobs/insight/?odd=ended&bucket={of}"))

    assert one(page, "#about .notice a")["href"] == f"/jobs/insight/?odd=ended&bucket={of}"


def test_label_stands_for_its_buckets(client: Client, new_bucket: NewBucket) -> None:
    wanted = new_bucket(given=jobs_in("Failed"))
    wanted.label = "videos"
    wanted.save()
    make_bucket("other-1250000000", label="else")

    page = soup(get(client, "/jobs/insight/?group=videos"))

    assert bars(page, "by-bucket") == {"videos": ("1", f"/buckets/{wanted.name}/jobs/")}
    assert loaded(page) == "1 loaded of 1 bucket"


def test_twin_tells_what_the_page_tells_with_each_job_s_bucket(client: Client, new_bucket: NewBucket) -> None:
    (odd,) = jobs_in("Running", EndTime=LONG_AGO, JobId=SAME)
    first, second = (
        new_bucket(given=jobs_in("Failed", **NO_RIGHT)),
        new_bucket(given=(odd, *jobs_in("Failed", **NO_RIGHT))),
    )

    twin: dict[str, Any] = get(client, path(first, second, kind="jobs/insight.json")).json()

    assert (twin["loaded"], twin["is_whole"], twin["states"]) == (3, True, {"Failed": 2, "Running": 1})
    (family,) = twin["families"]
    assert {name.split("/")[0] for name in family["jobs"]} == {first.name, second.name}
    assert [(one_odd["_bucket"], one_odd["JobId"]) for one_odd in twin["odd"]] == [(second.name, SAME)]
    assert [bucket["problem"] for bucket in twin["buckets"]] == [None, None]
