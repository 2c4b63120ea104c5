"""What the loaded jobs of a list say together, as people and programs get it."""

from __future__ import annotations

import html
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.factories import jobs_in
from tests.reading import LONG_AGO, UNBOUND, get, one, row_ids, scroll, soup, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from bs4 import BeautifulSoup
    from django.test import Client

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]

DENIED: dict[str, Any] = {"Code": "AccessDenied", "Message": "no right on output bucket media-1250000000"}
KINDS = (("Job", "Transcode"),) * 2 + (("Job", "Snapshot"),) * 2 + (("Workflow", ""),)
BROKEN: dict[str, Any] = {"Code": "InternalError", "Message": "internal error, please retry later"}


def path(bucket: Bucket, query: str = "") -> str:
    return f"/buckets/{bucket.name}/insight/{'?' * bool(query)}{query}"


def page_of(client: Client, bucket: Bucket, query: str = "") -> BeautifulSoup:
    response = get(client, path(bucket, query))
    assert response.status_code == 200, response.content
    return soup(response)


def test_loaded_jobs_are_counted_by_state_and_kind_each_a_link_to_its_list(
    client: Client, new_bucket: NewBucket
) -> None:
    bucket = new_bucket(given=jobs_in("Failed", "Failed", "Success", Type="Job"))

    page = page_of(client, bucket, "range=24h")

    bars = {words(one(row, "th")): one(row, "td a") for row in page.select("[aria-labelledby=by-state] tbody tr")}
    assert {label: words(link) for label, link in bars.items()} == {"Failed": "2", "Success": "1", "Job": "3"}
    assert bars["Failed"]["href"] == f"/buckets/{bucket.name}/jobs/?states=Failed&range=24h"
    assert bars["Job"]["href"] == f"/buckets/{bucket.name}/jobs/?type=Job&range=24h"
    assert "All of the list: 3 jobs" in words(one(page, ".meta"))


def tagged(*tags: str, states: tuple[str, ...] = (), **more: Any) -> tuple[dict[str, Any], ...]:
    jobs = jobs_in(*(states or ["Failed"] * len(tags)), **more)
    return tuple({**job, "Type": "Job", "Operation": {"Tag": tag}} for job, tag in zip(jobs, tags, strict=True))


def test_jobs_are_counted_by_what_they_name_each_a_link_to_just_them(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    *named, nameless = tagged("Snapshot", "Transcode", "Transcode", "")
    bucket = new_bucket(given=(*named, {**nameless, "Operation": {}}))

    rows = page_of(client, bucket, "tz=UTC").select("[aria-labelledby=by-kind] tbody tr")

    assert [(words(one(row, "th")), words(one(row, "a"))) for row in rows] == [
        ("Transcode Job", "2"),
        ("Snapshot Job", "1"),
    ]
    alone = page_of(client, bucket, str(one(rows[0], "a")["href"])[1:])
    assert row_ids(alone) == emulator.job_ids(bucket.name)[1:3]
    assert words(one(alone, "#chosen")) == "Transcode Job"
    assert "2 of 4 loaded" in words(one(alone, ".chosen"))


def test_more_than_ten_kinds_are_folded_away(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=tagged(*(f"tag-{number}" for number in range(12)), "tag-3"))

    card = one(page_of(client, bucket), "[aria-labelledby=by-kind]")

    first, more = card.select("table")
    assert (len(first.select("tbody tr")), len(more.select("tbody tr"))) == (10, 2)
    assert words(first.select("tbody tr")[0]) == "tag-3 Job 2"
    assert words(one(card, "details > summary")) == "2 more kinds"


def test_jobs_that_name_nothing_have_no_card_of_kinds(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=tuple({**job, "Operation": {}} for job in jobs_in("Success")))

    assert not page_of(client, bucket).select("[aria-labelledby=by-kind]")


def test_what_is_asked_together_narrows_together(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=(*tagged("a", "b", **DENIED), *tagged("b", **BROKEN)))
    page = page_of(client, bucket)
    family, kind = (
        re.findall(rf"{name}=([0-9a-f]+)", str(page.select(f"[href*='{name}=']")[0]["href"]))[0]
        for name in ("family", "kind")
    )

    found = page_of(client, bucket, f"family={family}&kind={kind}")

    assert len(row_ids(page_of(client, bucket, f"family={family}"))) == 2
    assert len(row_ids(page_of(client, bucket, f"kind={kind}"))) == 2
    assert len(row_ids(found)) == 1
    assert words(one(found, "#chosen")) == "AccessDenied no right on output bucket ‹bucket› b Job"


@pytest.mark.parametrize(
    ("fault", "is_all"),
    [
        (None, True),
        ({"kind": "token_repeat"}, False),
        ({"kind": "empty_page", "when": {"token": True}}, False),
    ],
)
def test_summary_speaks_of_all_only_where_the_list_is_known_to_be_whole(
    client: Client, new_bucket: NewBucket, fault: dict[str, Any] | None, *, is_all: bool
) -> None:
    bucket = new_bucket(jobs=25, faults=(fault,) if fault else ())
    twin = get(client, f"/buckets/{bucket.name}/jobs.json?size=20").json()
    while twin["next"]:
        twin = get(client, twin["next"]).json()

    page = page_of(client, bucket, f"size=20&depth=5&pin={twin['pin']}")

    told = words(one(page, ".meta"))
    assert ("All of the list" in told) == is_all
    assert ("jobs may be missing" in told) != is_all
    assert words(page.select(".scope")[0]).startswith("of all" if is_all else "of 2")
    told_twin = client.get(f"/buckets/{bucket.name}/insight.json?size=20&depth=5&pin={twin['pin']}").json()
    assert told_twin["is_whole"] == is_all


def test_summary_inside_a_frame_leads_nowhere_out_of_it(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=jobs_in("Failed", "Success", "Running", **DENIED))

    page = soup(get(client, f"/embed/buckets/{bucket.name}/insight/"))

    addresses = [str(link["href"]) for link in page.select("main a")]
    assert len(addresses) > 8
    assert [one for one in addresses if not one.startswith(("/embed/", "?"))] == []


def test_summary_of_a_list_that_is_another_by_now_is_told(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=25)

    page = page_of(client, bucket, "size=10&depth=2&pin=1700000000.1700000002000")

    assert "opened over an hour ago" in words(one(page, "#results > .notice.warn"))
    assert "Of 10 loaded jobs" in words(one(page, ".meta"))
    assert str(one(page, "#results > .notice.warn a")["href"]).startswith(f"/buckets/{bucket.name}/jobs/?")


def test_column_opens_no_job_beyond_those_that_it_counts(client: Client, new_bucket: NewBucket) -> None:
    jobs = [
        {"State": "Success", "CreationTime": f"2026-06-27T{at}+0000"}
        for at in ("14:49:40", "14:49:00", "14:13:00", "14:11:00", "03:00:00")
    ]
    bucket = new_bucket(given=tuple(jobs))

    page = page_of(
        client, bucket, "startCreationTime=2026-06-27T22:12:00%2B0800&endCreationTime=2026-06-27T22:49:10%2B0800"
    )
    links = page.select("svg.columns a")

    opened = [row_ids(soup(get(client, str(link["href"])))) for link in links]
    assert sum(map(len, opened)) == 2
    assert all(words(one(link, "title")).endswith(f": {len(ids)} job") for link, ids in zip(links, opened, strict=True))


def test_run_times_open_the_jobs_that_ran_so_long(client: Client, new_bucket: NewBucket, emulator: Emulator) -> None:
    given = [
        {**job, "StartTime": job["CreationTime"], "EndTime": later(job["CreationTime"], seconds)}
        for job, seconds in zip(jobs_in(*["Success"] * 4), (5, 60, 299, 300), strict=True)
    ]
    bucket = new_bucket(given=tuple(given))
    ids = emulator.job_ids(bucket.name)

    links = page_of(client, bucket).select("[aria-labelledby=run-times] a")

    found = [page_of(client, bucket, str(link["href"])[1:]) for link in links]
    assert [words(link) for link in links] == ["1", "2", "1"]
    assert [row_ids(page) for page in found] == [ids[:1], ids[1:3], ids[3:]]
    assert words(one(found[1], "#chosen")) == "Ran 1 min to 5 min"


def test_kinds_of_which_too_few_have_finished_are_told(client: Client, new_bucket: NewBucket) -> None:
    page = page_of(client, new_bucket(given=tagged("a", "a", states=("Running", "Submitted"))))

    assert words(one(page, "[aria-labelledby=odd]")).endswith("(fewer than eight): a Job (2)")


@pytest.mark.parametrize(
    ("job", "why"),
    [({"State": "Submitted"}, "waits"), ({"State": "Success", "StartTime": 100, "EndTime": 101}, "quick")],
)
def test_job_that_waits_long_or_was_done_suspiciously_fast_bears_a_badge(
    client: Client, new_bucket: NewBucket, job: dict[str, Any], why: str
) -> None:
    usual = [
        {**one_job, "StartTime": later(one_job["CreationTime"], 10), "EndTime": later(one_job["CreationTime"], 130)}
        for one_job in jobs_in(*["Success"] * 8)
    ]
    (odd,) = jobs_in("Success", Name="the odd one")
    times = {name: later(odd["CreationTime"], value) for name, value in job.items() if isinstance(value, int)}
    bucket = new_bucket(given=(*usual, {**odd, **job, **times}))

    item = one(page_of(client, bucket), ".odd > li")

    assert (item["data-odd"], "the odd one" in words(item)) == (why, True)
    assert "median of" in words(item)


def test_every_card_says_of_how_many_jobs_it_tells(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=25, given=tagged("a"))

    part, whole = page_of(client, bucket, "size=10&tz=UTC"), page_of(client, bucket, "size=100&tz=UTC")

    cards = {str(card["aria-labelledby"]) for card in whole.select(".insight > .card")}
    assert cards == {"by-state", "by-kind", "over-time", "run-times", "families", "odd"}
    assert {words(scope) for scope in part.select(".card .scope")} == {"of 10 loaded"}
    told = [words(scope) for scope in whole.select(".card .scope")]
    assert len(told) == len(cards)
    assert all(re.fullmatch(r"of all 26 jobs, counted at [\d: -]+", one) for one in told), told


def test_page_says_of_how_many_loaded_jobs_it_tells(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=25)

    assert "Of 10 loaded jobs; the list goes on" in words(page_of(client, bucket, "size=10"))


def test_all_pages_of_the_address_are_counted(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=25)
    listed = f"/buckets/{bucket.name}/jobs.json?size=10"
    first = get(client, listed).json()
    second = get(client, first["next"]).json()
    get(client, second["next"])

    page = page_of(client, bucket, f"size=10&depth=2&pin={first['pin']}")

    assert "Of 20 loaded jobs" in words(page)


def test_column_over_time_opens_the_list_of_just_its_jobs(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=jobs_in("Failed", "Success"))

    page = page_of(client, bucket, "tz=UTC")

    links = page.select("svg.columns a")
    found = [row_ids(soup(get(client, str(link["href"])))) for link in links]
    assert sum(len(ids) for ids in found) == 2
    assert all("job" in str(link["aria-label"]) for link in links)


def test_failures_are_told_by_family_with_advice_and_a_link_to_just_them(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=(*jobs_in("Failed", "Failed", "Success", **DENIED), *jobs_in("Failed", **BROKEN)))

    page = page_of(client, bucket)

    families = page.select(".families > li")
    assert [words(one(family, "a")) for family in families] == [
        "AccessDenied no right on output bucket ‹bucket›",
        "InternalError internal error, please retry later",
    ]
    assert "2 jobs" in words(families[0])
    assert "CI_QCSRole" in words(families[0])
    alone = soup(get(client, path(bucket) + str(one(families[0], "a")["href"])))
    assert len(row_ids(alone)) == 2
    assert "2 of 4 loaded" in words(one(alone, ".chosen"))


def test_family_tells_how_many_it_holds_from_when_to_when_and_of_how_many_kinds(
    client: Client, new_bucket: NewBucket
) -> None:
    failed = jobs_in(*["Failed"] * 5, **DENIED)
    ended = [later(job["CreationTime"], 100) for job in failed]
    given = [
        {**job, "EndTime": end, "Type": kind, "Operation": {"Tag": tag}}
        for job, end, (kind, tag) in zip(failed, ended, KINDS, strict=True)
    ]
    bucket = new_bucket(given=tuple(given))

    (family,) = page_of(client, bucket).select(".families > li")

    assert [words(fact) for fact in family.select(".facts > span")][::3] == ["5 jobs", "3 kinds"]
    first, last = (str(time["datetime"]) for time in family.select("time"))
    times = sorted(map(datetime.fromisoformat, ended))
    assert (datetime.fromisoformat(first), datetime.fromisoformat(last)) == (times[0], times[-1])


def test_columns_over_time_and_their_table_tell_the_same(client: Client, new_bucket: NewBucket) -> None:
    newest = jobs_in("Failed", "Success", "Failed", "Success")
    given = [{**job, "CreationTime": later(job["CreationTime"], -7200 * number)} for number, job in enumerate(newest)]
    bucket = new_bucket(given=tuple(given))

    page = page_of(client, bucket, "tz=UTC")

    (table,) = page.select("[aria-labelledby=over-time] table")
    rows = [[words(cell) for cell in row.select("td")] for row in table.select("tbody tr")]
    assert rows == [["1", "0"], ["1", "1"], ["1", "0"], ["1", "1"]]
    labels = [str(link["aria-label"]) for link in page.select("svg.columns a")]
    assert len(labels) == len(rows)
    assert ["1 of them failed" in label for label in labels] == [failed == "1" for _jobs, failed in rows]


def test_run_times_of_finished_jobs_are_told_with_how_many_ran_so_long(client: Client, new_bucket: NewBucket) -> None:
    def ran(job: dict[str, Any], seconds: int) -> dict[str, Any]:
        return {**job, "StartTime": job["CreationTime"], "EndTime": later(job["CreationTime"], seconds)}

    jobs = jobs_in(*["Success"] * 4, "Running")
    bucket = new_bucket(given=(*map(ran, jobs[:4], (5, 6, 120, 7200)), {**jobs[4], "EndTime": "-"}))

    (table,) = page_of(client, bucket).select("[aria-labelledby=run-times] table")

    rows = [(words(one(row, "th")), words(row.select("td")[0])) for row in table.select("tbody tr")]
    assert [count for _span, count in rows] == ["2", "1", "1"]
    assert len({span for span, _count in rows}) == 3


def test_odd_ones_are_told_with_the_numbers_behind_them(client: Client, new_bucket: NewBucket) -> None:
    def times(start: int, end: int) -> dict[str, str]:
        (made,) = jobs_in("Success")
        return {"StartTime": later(made["CreationTime"], start), "EndTime": later(made["CreationTime"], end)}

    usual = [{**one_job, **times(10, 130)} for one_job in jobs_in(*["Success"] * 8)]
    (slow,) = jobs_in("Running", Name="the slow one")
    bucket = new_bucket(given=(*usual, {**slow, "StartTime": later(slow["CreationTime"], 5), "EndTime": "-"}))

    page = page_of(client, bucket)

    item = one(page, ".odd > li")
    assert item["data-odd"] == "runs"
    assert "the slow one" in words(item)
    assert "usual: 2 min 0 s (median of 8 finished jobs" in words(item)
    narrowed = page_of(client, bucket, "odd=runs")
    assert len(row_ids(narrowed)) == 1
    assert "1 of 9 loaded" in words(one(narrowed, ".chosen"))
    assert "usual: 2 min 0 s (median of 8 finished jobs)" in words(one(narrowed, ".chosen .name .odd-note"))


def test_more_odd_ones_than_are_told_at_once_are_all_behind_a_link(client: Client, new_bucket: NewBucket) -> None:
    contradictory = jobs_in(*["Running"] * 25, EndTime=LONG_AGO)
    bucket = new_bucket(given=contradictory)

    part = one(page_of(client, bucket), "[aria-labelledby=odd]")

    link = one(part, "ul + p a")
    assert (len(part.select("li")), words(link)) == (20, "The first 20 of 25: show all as rows")
    assert len(row_ids(page_of(client, bucket, str(link["href"])[1:]))) == 25


def test_family_of_more_than_a_hundred_jobs_is_listed_whole(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=jobs_in(*["Failed"] * 130, **DENIED))
    first = get(client, f"/buckets/{bucket.name}/jobs.json?size=100").json()
    get(client, first["next"])
    query = f"size=100&depth=2&pin={first['pin']}"
    family = one(page_of(client, bucket, query), "[href*='family=']")

    listed = page_of(client, bucket, str(family["href"]).split("?")[1])

    assert len(row_ids(listed)) == 130


def test_list_asks_which_of_its_jobs_are_odd(client: Client, new_bucket: NewBucket) -> None:
    (contradictory,) = jobs_in("Running")
    ended = {**contradictory, "StartTime": later(contradictory["CreationTime"], 5), "EndTime": LONG_AGO}
    listed, plain = (
        one(soup(get(client, f"/buckets/{bucket.name}/jobs/?tz=UTC")), "#to-summary")
        for bucket in (new_bucket(given=(ended,)), new_bucket(given=jobs_in("Success")))
    )

    odd, none = (one(soup(get(client, str(link["hx-get"]), "odd-ones")), "#odd-ones") for link in (listed, plain))

    assert listed["hx-get"] == listed["href"]
    assert (words(odd), one(odd, "a")["title"]) == ("1 odd one", "runs, but has an end 1")
    assert len(row_ids(soup(get(client, str(one(odd, "a")["href"]))))) == 1
    assert "hidden" in none.attrs


def later(time: str, seconds: int) -> str:
    from datetime import datetime, timedelta

    return (datetime.fromisoformat(time) + timedelta(seconds=seconds)).isoformat()


def test_empty_list_leads_back(client: Client, new_bucket: NewBucket) -> None:
    assert "no job" in words(one(page_of(client, new_bucket()), ".empty"))


def test_trouble_is_told_as_everywhere(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(faults=(UNBOUND,))

    response = get(client, path(bucket))
    twin = get(client, f"/buckets/{bucket.name}/insight.json")

    assert response.status_code == twin.status_code == 409
    assert one(soup(response), ".problem[role=alert]")["data-code"] == "MediaBucketUnBinded"
    assert twin.json()["problem"]["code"] == "MediaBucketUnBinded"


@pytest.mark.parametrize("query", ["odd=loud", "family=x", "kind=x", "ran=7", "states=Nope", "foo=1"])
def test_wrong_address_is_refused_and_nothing_is_asked(
    client: Client, new_bucket: NewBucket, emulator: Emulator, query: str
) -> None:
    bucket = new_bucket()

    response = client.get(path(bucket, query))

    assert response.status_code == 400
    assert query.partition("=")[0] in words(one(soup(response), ".problem[role=alert]"))
    assert client.get(f"/buckets/{bucket.name}/insight.json?{query}").status_code == 400
    assert not emulator.calls(bucket.name)


def test_family_that_no_loaded_job_is_of_says_so(client: Client, new_bucket: NewBucket) -> None:
    page = page_of(client, new_bucket(given=jobs_in("Failed", **DENIED)), f"family={'0' * 12}")

    assert "No loaded job is of this family" in words(one(page, ".chosen"))


def test_kind_that_no_loaded_job_is_of_says_so(client: Client, new_bucket: NewBucket) -> None:
    page = page_of(client, new_bucket(given=tagged("a")), f"kind={'0' * 12}")

    assert "No loaded job is of this kind" in words(one(page, ".chosen"))


def test_list_leads_to_its_summary_and_back(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=jobs_in("Failed", "Success"))
    listed = soup(get(client, f"/buckets/{bucket.name}/jobs/?states=Failed&tz=UTC"))

    page = soup(get(client, str(one(listed, "#to-summary")["href"])))

    assert "1 job" in words(one(page, ".meta"))
    back = next(link for link in page.select(".meta a") if words(link) == "Back to the list")
    assert "states=Failed" in str(back["href"])
    assert "tz=UTC" in str(back["href"])


def test_summary_of_a_scrolled_list_holds_all_that_was_scrolled(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=35)
    listed = f"/buckets/{bucket.name}/jobs/?size=10"
    document = f"http://testserver{listed}"
    first = one(soup(get(client, listed)), "#more")

    answer = scroll(client, first, document).content.decode()

    (link,) = re.findall(r'<template><a id="to-summary"[^>]* href="([^"]*)"[^>]* hx-swap-oob="true">', answer)
    assert "Of 20 loaded jobs" in words(soup(get(client, html.unescape(link))))


def test_twin_counts_by_what_jobs_name(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=tagged("a", "b", "a"))

    twin: dict[str, Any] = get(client, f"/buckets/{bucket.name}/insight.json").json()

    assert [(kind["type"], kind["of"], kind["jobs"]) for kind in twin["kinds"]] == [("Job", "a", 2), ("Job", "b", 1)]
    for kind in twin["kinds"]:
        assert len(row_ids(page_of(client, bucket, f"kind={kind['name']}"))) == kind["jobs"]


def test_twin_tells_what_the_page_tells(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=jobs_in("Failed", "Failed", "Success", **DENIED))

    twin: dict[str, Any] = get(client, f"/buckets/{bucket.name}/insight.json?range=24h").json()

    assert (twin["loaded"], twin["is_whole"], twin["states"]) == (3, True, {"Failed": 2, "Success": 1})
    (family,) = twin["families"]
    assert (family["Code"], family["text"], len(family["jobs"])) == (
        "AccessDenied", "no right on output bucket ‹bucket›", 2,
    )  # fmt: skip
    assert sum(column["jobs"] for column in twin["created"]) == 3
    assert [kind["jobs"] for kind in twin["kinds"]] == [3]
    assert twin["odd"] == []
