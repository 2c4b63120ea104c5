"""The overview as people and programs get it: real worker, real Valkeys, the emulator behind."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.factories import jobs_in, make_bucket, make_viewer
from tests.reading import HTMX, UNBOUND, get, one, row_ids, soup, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from bs4 import BeautifulSoup, Tag
    from django.test import Client
    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]
    Until = Callable[[Callable[[], Any]], None]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]

FILL = {**HTMX, "HX-Target": "fill"}


def whole(client: Client, until: Until, path: str = "/") -> BeautifulSoup:
    """The overview once every bucket has told something."""
    until(lambda: "Refresh" not in client.get(path).headers)
    return soup(client.get(path))


def names(page: BeautifulSoup) -> list[str]:
    return [words(row) for row in page.select(".lines tbody th > a")]


def line(page: BeautifulSoup | Tag, bucket: Bucket) -> Tag:
    return one(page, f"#line-{bucket.pk}")


def told(row: Tag) -> dict[str, str]:
    return {str(cell["data-state"]): words(cell) for cell in row.select("td[data-state]")}


@pytest.mark.usefixtures("empty_redis")
def test_overview_shows_each_visible_bucket_with_label_region_and_link(client: Client) -> None:
    media = make_bucket("media-1250000000", "ap-guangzhou", label="Media")
    other = make_bucket("other-1250000000", "xx-new")
    make_bucket("hidden-1250000000", hidden=True)

    page = soup(client.get("/"))

    assert [words(one(line(page, bucket), "th")) for bucket in (media, other)] == [
        "Media media-1250000000 · Guangzhou",
        "other-1250000000 xx-new",
    ]
    assert [link["href"] for link in page.select(".lines th > a")] == [
        "/buckets/media-1250000000/jobs/",
        "/buckets/other-1250000000/jobs/",
    ]


def test_overview_counts_what_failed_runs_waits_and_is_paused(
    client: Client, new_bucket: NewBucket, until: Until
) -> None:
    bucket = new_bucket(given=jobs_in("Failed", "Failed", "Running", "Submitted", "Pause", "Success"))

    row = line(whole(client, until), bucket)

    assert told(row) == {"Failed": "2", "Running": "1", "Submitted": "1", "Pause": "1"}


@pytest.mark.parametrize(("query", "failed"), [("?range=1h", "0"), ("", "1"), ("?range=7d", "2")])
def test_only_jobs_created_within_the_range_are_counted(
    client: Client, new_bucket: NewBucket, emulator: Emulator, until: Until, query: str, failed: str
) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=3)
    old = {"State": "Failed", "CreationTime": f"{long_ago:%Y-%m-%dT%H:%M:%S+0000}"}
    bucket = new_bucket(given=(*jobs_in("Failed"), old))

    row = line(whole(client, until, f"/{query}"), bucket)

    assert told(row)["Failed"] == failed
    assert emulator.calls(bucket.name)[0].parameters["startCreationTime"]


def test_each_cell_opens_the_list_narrowed_to_it(client: Client, new_bucket: NewBucket, until: Until) -> None:
    bucket = new_bucket(given=jobs_in("Failed", "Running", "Submitted", "Pause", Code="AccessDenied", Message="no"))

    row = line(whole(client, until, "/?range=7d&tz=UTC"), bucket)

    queries = {str(link["id"]).split("-", 2)[2]: str(link["href"]).partition("?")[2] for link in row.select("a")}
    failed = queries.pop("failure")
    assert queries == {
        "all": "tz=UTC",
        "Failed": "states=Failed&range=7d&tz=UTC",
        "Running": "states=Running&range=7d&tz=UTC",
        "Submitted": "states=Submitted&range=7d&tz=UTC",
        "Pause": "states=Pause&range=7d&tz=UTC",
        "oldest-Submitted": "states=Submitted&orderByTime=Asc&range=7d&tz=UTC",
        "oldest-Running": "states=Running&orderByTime=Asc&range=7d&tz=UTC",
    }
    assert re.fullmatch(r"states=Failed&range=7d&tz=UTC&job=b\w+", failed)
    assert words(one(row, ".failure a")) == "AccessDenied"
    for query in [*queries.values(), failed]:
        assert client.get(f"/buckets/{bucket.name}/jobs/?{query}").status_code in {200, 202}


def test_line_tells_which_waits_and_runs_longest_what_failed_last_and_as_of_when(
    client: Client, new_bucket: NewBucket, emulator: Emulator, until: Until
) -> None:
    waits, runs, failed, ran = jobs_in("Submitted", "Running", "Failed", "Running", Code="AccessDenied", Message="no")
    long_ago = (datetime.fromisoformat(runs["CreationTime"]) - timedelta(hours=4)).isoformat()
    bucket = new_bucket(
        given=(waits, {**runs, "StartTime": long_ago}, {**ran, "StartTime": ran["CreationTime"]}, failed)
    )

    row = line(whole(client, until, "/?tz=UTC"), bucket)

    waited, ran_for = row.select("td.age")
    assert (waited["data-label"], ran_for["data-label"]) == ("oldest waiting", "longest running")
    assert re.fullmatch("1 h (29|30) min", words(waited))
    assert re.fullmatch("5 h (29|30) min", words(ran_for))
    assert words(one(row, ".failure")).startswith("AccessDenied")
    called = datetime.fromtimestamp(emulator.calls(bucket.name)[0].time, UTC)
    as_of = datetime.fromisoformat(str(one(row, ".told time")["datetime"]))
    assert abs(as_of - called) < timedelta(seconds=3)


def test_ages_are_the_least_where_there_are_more_jobs(client: Client, new_bucket: NewBucket, until: Until) -> None:
    bucket = new_bucket(given=jobs_in(*["Submitted"] * 101))

    row = line(whole(client, until), bucket)

    assert words(row.select("td.age")[0]).startswith("≥ 1 h")


def test_more_jobs_than_a_page_holds_are_told_with_a_plus(client: Client, new_bucket: NewBucket, until: Until) -> None:
    bucket = new_bucket(given=jobs_in(*["Failed"] * 101))

    row = line(whole(client, until), bucket)

    assert told(row)["Failed"] == "100+"


def test_overview_draws_when_the_jobs_were_created(client: Client, new_bucket: NewBucket, until: Until) -> None:
    bucket = new_bucket(given=jobs_in("Failed", "Failed", "Running"))

    drawing = one(line(whole(client, until), bucket), "svg")

    assert [path["data-tone"] for path in drawing.select("path")] == ["bad", "accent"]
    assert re.fullmatch(r"most were created around [-0-9: ]+: 3 jobs", str(drawing["aria-label"]))


def test_page_looks_again_until_all_is_there(client: Client, new_bucket: NewBucket, until: Until) -> None:
    bucket = new_bucket(jobs=1, latency=0.4)

    first = client.get("/")

    fill = one(soup(first), "#fill")
    assert (first.status_code, first["Refresh"]) == (200, "1")
    assert re.fullmatch(r"load delay:\d+ms", str(fill["hx-trigger"]))
    assert "0 of 1" in words(fill)
    assert one(line(soup(first), bucket), ".told").get_text() == "asking …"
    last = one(whole(client, until), "#fill")
    assert last["hx-trigger"] == "every 5s"


def sent(fill: Tag) -> dict[str, str]:
    import json

    return dict(json.loads(str(fill["hx-headers"])))


def test_look_again_brings_the_lines_that_have_changed(client: Client, new_bucket: NewBucket, until: Until) -> None:
    slow = new_bucket(given=jobs_in("Failed"), latency=0.3)
    fill = one(soup(client.get("/")), "#fill")

    def answer() -> Any:
        return client.get(str(fill["hx-get"]), headers={**FILL, **sent(fill)})

    until(lambda: "every" in str(one(soup(answer()), "#fill")["hx-trigger"]))

    found = soup(answer())
    assert [tag.name for tag in found.find_all(recursive=False)] == ["p", "template"]
    row = line(soup(inside(answer())), slow)
    assert (row["hx-swap-oob"], told(row)["Failed"]) == ("true", "1")
    later = sent(one(found, "#fill")) | {"Batchlens-Since": "9999999999"}
    assert b"<tr" not in client.get("/", headers={**FILL, **later}).content


def inside(response: Any) -> Any:
    """Return the answer without its template elements, in which the parser looks for nothing."""
    response.content = response.content.replace(b"<template>", b"").replace(b"</template>", b"")
    return response


@pytest.mark.parametrize("shown", ["", "x", "1;2", "99999999999999", "-1"])
def test_look_again_that_says_nonsense_gets_no_lines(client: Client, new_bucket: NewBucket, shown: str) -> None:
    new_bucket()

    response = client.get("/", headers={**FILL, "Batchlens-Lines": shown, "Batchlens-Since": "x"})

    assert response.status_code == 200
    assert b"<tr" not in response.content


def test_look_again_tells_nothing_of_a_bucket_that_may_not_be_seen(client: Client, new_bucket: NewBucket) -> None:
    hidden = new_bucket()
    client.force_login(make_viewer("vera"))

    response = client.get("/", headers={**FILL, "Batchlens-Lines": str(hidden.pk)})

    assert b"<tr" not in response.content
    assert response.headers["HX-Refresh"] == "true"  # it may stand there from before


def test_worst_bucket_comes_first_on_demand(client: Client, new_bucket: NewBucket, until: Until) -> None:
    buckets = [new_bucket(given=jobs_in(*["Failed"] * failed)) for failed in (0, 3, 1)]

    by_name, by_worst = whole(client, until), whole(client, until, "/?sort=worst")

    assert names(by_name) == sorted(bucket.name for bucket in buckets)
    assert names(by_worst) == [buckets[1].name, buckets[2].name, buckets[0].name]


def test_overview_is_narrowed_to_a_label(client: Client) -> None:
    make_bucket("a-1250000000", label="Film")
    make_bucket("b-1250000000", label="Sound")

    page = soup(client.get("/?group=Film"))

    assert names(page) == ["Film"]
    assert [words(option) for option in page.select("#group option")] == ["Every label", "Film", "Sound"]
    assert one(page, "#group option[selected]").get_text() == "Film"
    assert "Noise" in words(one(soup(client.get("/?group=Noise")), ".empty"))


def test_all_that_failed_is_one_link_away(client: Client, new_bucket: NewBucket, until: Until) -> None:
    failed = [new_bucket(given=jobs_in(*["Failed"] * count)) for count in (1, 2)]
    new_bucket(given=jobs_in("Running"))
    page = whole(client, until)

    (link,) = [link for link in page.select("#fill a") if "All that failed" in words(link)]
    listed = soup(get(client, str(link["href"])))

    assert len(row_ids(listed)) == 3
    assert {words(cell) for cell in listed.select(".of")} == {bucket.name for bucket in failed}


def test_why_they_failed_is_one_link_away(client: Client, new_bucket: NewBucket, until: Until) -> None:
    failed = [new_bucket(given=jobs_in("Failed", Code="AccessDenied", Message="no right")) for _ in range(2)]
    page = whole(client, until)

    (link,) = [link for link in page.select("#fill a") if words(link) == "Why they failed"]
    family = one(soup(get(client, str(link["href"]))), ".families > li")

    assert "AccessDenied no right" in words(family)
    assert all(bucket.name in words(family) for bucket in failed)


def test_all_that_hangs_is_one_link_away_the_oldest_first(client: Client, new_bucket: NewBucket, until: Until) -> None:
    for state in ("Running", "Submitted", "Failed"):
        new_bucket(given=jobs_in(state, state))
    page = whole(client, until)

    (link,) = [link for link in page.select("#fill a") if "the oldest first" in words(link)]
    listed = soup(get(client, str(link["href"])))

    times = [str(time["datetime"]) for time in listed.select("tr[id^=job-] .when time")]
    assert (len(times), times) == (4, sorted(times))
    assert {str(row["data-state"]) for row in listed.select("tr[id^=job-]")} == {"Running", "Submitted"}


def test_all_that_failed_in_forty_buckets_is_one_link_away(client: Client, new_bucket: NewBucket, until: Until) -> None:
    failed = [new_bucket(given=jobs_in("Failed")) for _ in range(40)]
    page = whole(client, until)

    (link,) = [link for link in page.select("#fill a") if "All that failed" in words(link)]

    assert words(link) == "All that failed, in one list"
    response = get(client, str(link["href"]))
    wanted, listed = {bucket.name for bucket in failed}, soup(response)
    assert response.status_code == 200
    late = {name for name in wanted if name in words(one(listed, "#about"))}
    assert {words(cell) for cell in listed.select(".of")} | late == wanted
    # One that was late stands there where one opens it again.
    until(lambda: {words(cell) for cell in soup(get(client, str(link["href"]))).select(".of")} == wanted)


def test_link_to_all_that_failed_says_where_it_covers_one_page_of_several(
    client: Client, new_bucket: NewBucket, until: Until
) -> None:
    failed = [new_bucket(given=jobs_in("Failed")) for _ in range(2)]
    for number in range(50):
        make_bucket(f"zz-{number:03}-1250000000")

    def link() -> Any:
        found = soup(client.get("/")).select("#fill a")
        return next((link for link in found if "All that failed" in words(link)), None)

    until(link)

    assert words(link()) == "All that failed in the buckets of this page, in one list"
    assert all(bucket.name in str(link()["href"]) for bucket in failed)


@pytest.mark.parametrize(
    ("query", "parameter", "meant"),
    [("range=1d", "range", "24h"), ("range=5y", "range", ""), ("sort=wurst", "sort", "worst"), ("page=0", "page", "1")],
)
def test_wrong_parameters_are_named_and_nothing_is_asked(
    client: Client, new_bucket: NewBucket, emulator: Emulator, query: str, parameter: str, meant: str
) -> None:
    bucket = new_bucket()

    response = client.get(f"/?{query}")

    alert = one(soup(response), "[role=alert][data-code=wrong_filter]")
    assert (response.status_code, parameter in words(alert)) == (400, True)
    assert ("Did you mean" in words(alert)) == bool(meant)
    assert not emulator.calls(bucket.name)
    assert client.get(f"/buckets.json?{query}").json()["errors"].keys() == {parameter}


def test_many_buckets_come_in_pages(client: Client) -> None:
    for number in range(53):
        make_bucket(f"many-{number:03}-1250000000")

    first, second = soup(client.get("/")), soup(client.get("/?page=2"))

    assert (len(names(first)), len(names(second))) == (50, 3)
    assert one(first, "a[rel=next]")["href"] == "/?page=2"
    assert one(second, "a[rel=prev]")["href"] == "/"
    assert client.get("/buckets.json").json()["next"] == "/buckets.json?page=2"
    beyond = client.get("/?page=3")
    assert (beyond.status_code, "only 2 pages" in words(one(soup(beyond), ".empty"))) == (404, True)


def test_overview_of_many_buckets_asks_the_database_no_more_than_of_one(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        make_bucket(f"many-{number:03}-1250000000")
    client.get("/")

    with django_assert_max_num_queries(3):
        client.get("/")


@pytest.mark.parametrize(
    ("q", "found"), [("MEDIA", 1), ("guangzhou", 1), ("beijing film", 1), ("nothing", 0), ("1250", 2)]
)
def test_overview_is_searched_by_name_label_and_region(client: Client, q: str, found: int) -> None:
    make_bucket("media-1250000000", "ap-guangzhou")
    make_bucket("b-1250000000", "ap-beijing", label="Film")

    page = soup(client.get("/", {"q": q}))

    assert len(names(page)) == found
    assert one(page, "#q")["value"] == q


def test_overview_answers_htmx_with_the_results_alone(client: Client) -> None:
    make_bucket()

    response = client.get("/?q=media", headers={**HTMX, "HX-Target": "results"})

    assert [tag.name for tag in soup(response).find_all(recursive=False)] == ["section"]


def test_overview_refuses_an_unknown_parameter(client: Client) -> None:
    make_bucket()

    response = client.get("/?bucket=x")

    assert response.status_code == 400
    assert "bucket" in words(one(soup(response), "[role=alert][data-code=wrong_filter]"))
    assert client.get("/buckets.json?bucket=x").json()["errors"].keys() == {"bucket"}


def test_overview_without_any_bucket_says_how_to_name_one(client: Client) -> None:
    assert "BUCKETS" in words(one(soup(client.get("/")), ".empty"))


def test_overview_of_somebody_who_may_see_none_says_whom_to_ask(client: Client) -> None:
    make_bucket()
    client.force_login(make_viewer("vera"))

    text = words(one(soup(client.get("/")), ".empty"))

    assert "Ask whoever runs Batchlens" in text
    assert "vera" in text


def test_overview_shows_what_keeps_a_bucket_from_being_read(
    client: Client, new_bucket: NewBucket, until: Until
) -> None:
    bucket = new_bucket(faults=(UNBOUND,))

    page = whole(client, until)

    assert (
        words(one(line(page, bucket), ".trouble"))
        == "Cloud Infinite is not enabled for this bucket MediaBucketUnBinded"
    )
    twin = client.get("/buckets.json").json()
    assert twin["buckets"][0]["problem"]["code"] == "MediaBucketUnBinded"


def test_twin_tells_what_the_page_tells(client: Client, new_bucket: NewBucket, until: Until) -> None:
    bucket = new_bucket(given=jobs_in("Failed", "Submitted", Code="AccessDenied", Message="no"))
    whole(client, until)

    twin = client.get("/buckets.json").json()

    assert {name: twin[name] for name in ("range", "sort", "pending", "next")} == {
        "range": "24h", "sort": "name", "pending": False, "next": None,
    }  # fmt: skip
    (told_of,) = twin["buckets"]
    assert told_of["name"] == bucket.name
    assert told_of["counts"] == {"Failed": 1, "Running": 0, "Submitted": 1, "Pause": 0}
    assert (told_of["counts_are_least"], told_of["pending"], told_of["problem"]) == (False, False, None)
    assert told_of["newest_failure"]["Code"] == "AccessDenied"
    assert told_of["oldest_waiting"].keys() == {"JobId", "since"}
    assert told_of["longest_running"] is None
    assert told_of["jobs"] == f"/buckets/{bucket.name}/jobs.json"


def test_twin_of_what_is_still_asked_for_says_when_to_ask_again(client: Client, new_bucket: NewBucket) -> None:
    new_bucket(latency=1.0)

    response = client.get("/buckets.json")

    assert (response.status_code, response["Retry-After"]) == (200, "1")
    body = response.json()
    assert (body["pending"], body["buckets"][0]["pending"], body["buckets"][0]["counts"]) == (True, True, None)


def test_demo_data_says_so_on_pages_and_in_twins(client: Client, settings: Settings) -> None:
    settings.DEMO = True

    page, twin = client.get("/"), client.get("/buckets.json")

    assert "Demo data" in words(one(soup(page), ".demo-bar"))
    assert twin.json()["demo"] is True
