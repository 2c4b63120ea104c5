"""The loaded jobs of a merged list as files."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.factories import make_bucket, make_viewer
from tests.merging import path
from tests.reading import UNBOUND, get, one, scroll, soup, words
from tests.test_merge import DENIED, forget

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody", "waits_long")]


def file_path(listed: str, form: str = "csv") -> str:
    """Return the path of the file of what a list's address loads."""
    return listed.replace("/jobs/?", f"/jobs/loaded.{form}?")


def download(client: Client, path: str) -> Any:
    """Follow a link to a file as a patient reader does: again for as long as it leads to the list that waits."""
    for _ in range(20):
        response = client.get(path)
        if response.status_code != 302:
            break
        get(client, response["Location"])
    assert response.status_code == 200, response.status_code
    return response


def text(response: Any) -> str:
    return b"".join(response.streaming_content).decode("utf-8-sig")


def table(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text(response))))


def scrolled(client: Client, first: str) -> str:
    """Scroll one page on; return the address under which the list then shows both."""
    return str(scroll(client, one(soup(get(client, first)), "#more"), first)["Batchlens-Address"])


def test_files_hold_the_jobs_of_the_list_each_with_its_bucket(client: Client, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(jobs=15, seed=seed, spread=7200) for seed in (1, 2)]
    deeper = scrolled(client, path(*buckets, query="size=10"))

    rows = table(download(client, file_path(deeper)))
    lines = [json.loads(line) for line in text(download(client, file_path(deeper, "jsonl"))).splitlines()[1:]]

    twin = get(client, deeper.replace("/jobs/", "/jobs.json")).json()["jobs"]
    listed = [(job["_bucket"], job["JobId"]) for job in twin]
    assert len(listed) == 20
    assert {bucket for bucket, _job_id in listed} == {bucket.name for bucket in buckets}
    assert [(row["_bucket"], row["JobId"]) for row in rows] == listed
    assert lines == twin


def test_file_says_what_it_holds_and_whose_jobs_are_not_in_it(client: Client, new_bucket: NewBucket) -> None:
    well, denied, unbound = new_bucket(jobs=25), new_bucket(faults=(DENIED,)), new_bucket(faults=(UNBOUND,))
    listed = path(well, denied, unbound, query="size=10")

    response = download(client, file_path(listed))
    last_column = list(table(response)[0])[-1]
    head = json.loads(text(download(client, file_path(listed, "jsonl"))).splitlines()[0])["_export"]

    assert "3-buckets_loaded-10-jobs_" in response["Content-Disposition"]
    assert last_column.startswith("10 loaded jobs; the list goes on, as of ")
    names = sorted((denied.name, unbound.name))
    assert last_column.endswith(f" · without {', '.join(names)}")
    assert (head["scope"], head["jobs"], head["list_goes_on"]) == ("loaded", 10, True)
    told = {bucket["name"]: bucket["problem"] and bucket["problem"]["code"] for bucket in head["buckets"]}
    assert told == {well.name: None, denied.name: "AccessDenied", unbound.name: "MediaBucketUnBinded"}


def test_list_that_is_loaded_whole_says_so_in_its_file(client: Client, new_bucket: NewBucket) -> None:
    listed = path(new_bucket(jobs=3), new_bucket(jobs=2))
    get(client, listed)

    rows = table(download(client, file_path(listed)))

    assert len(rows) == 5
    assert list(rows[0])[-1].startswith("5 jobs, all of the list, as of ")


def test_file_of_all_that_could_be_had_says_neither_that_it_is_all_nor_that_the_list_goes_on(
    client: Client, new_bucket: NewBucket
) -> None:
    listed = path(new_bucket(jobs=3), new_bucket(faults=(DENIED,)))

    last_column = list(table(download(client, file_path(listed)))[0])[-1]
    head = json.loads(text(download(client, file_path(listed, "jsonl"))).splitlines()[0])["_export"]

    assert last_column.startswith("3 loaded jobs, as of ")
    assert head["list_goes_on"] is False


def test_bucket_that_fails_once_its_pages_are_lost_is_told_by_its_file(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    well, bad = (new_bucket(jobs=40, seed=seed, spread=7200) for seed in (1, 2))
    deeper = scrolled(client, path(well, bad, query="size=10"))
    forget(f"page:{bad.name}:*")
    emulator.set_faults(bad.name, DENIED)

    rows = table(download(client, file_path(deeper)))

    assert {row["_bucket"] for row in rows} == {well.name}
    assert list(rows[0])[-1].endswith(f" · without {bad.name}")


def test_file_of_a_place_that_is_too_old_leads_to_the_list_that_says_so(client: Client, new_bucket: NewBucket) -> None:
    listed = path(new_bucket(jobs=25), new_bucket(jobs=25, seed=2), query="size=10")
    link = str(one(soup(get(client, listed)), "#to-csv")["href"])
    old = re.sub(r"(?<=pin=)[^&]*", lambda pins: re.sub(r"\d+\.\d+", "1700000000.1700000002000", pins[0]), link)

    response = client.get(old)

    assert response.status_code == 302
    assert response["Location"] == old.replace("loaded.csv", "")
    assert "opened over an hour ago" in words(one(soup(get(client, response["Location"])), "#results"))


def test_page_that_the_cache_has_lost_is_fetched_anew_for_a_file(client: Client, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(jobs=40, seed=seed, spread=7200) for seed in (1, 2)]
    deeper = scrolled(client, path(*buckets, query="size=10"))
    for bucket in buckets:
        forget(f"page:{bucket.name}:*")

    rows = table(download(client, file_path(deeper)))

    assert len({row["JobId"] for row in rows}) == 20


@pytest.mark.usefixtures("waits_a_second")
def test_file_that_a_silent_bucket_holds_up_leads_to_the_list_that_waits_for_it(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    buckets = [new_bucket(jobs=40, seed=seed, spread=7200) for seed in (1, 2)]
    deeper = scrolled(client, path(*buckets, query="size=10"))
    for bucket in buckets:
        forget(f"page:{bucket.name}:*")
    emulator.set_faults(buckets[1].name, {"kind": "hang", "seconds": 60.0})

    response = client.get(file_path(deeper))

    assert (response.status_code, response["Location"]) == (302, deeper)


def test_file_of_a_list_without_a_job_leads_to_the_list(client: Client, new_bucket: NewBucket) -> None:
    listed = path(new_bucket(), new_bucket())
    get(client, listed)

    assert client.get(file_path(listed))["Location"] == listed


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("query", ["states=Nope", "foo=1", "nextToken=25"])
def test_wrong_address_leads_to_the_list_that_says_what_is_wrong_and_nothing_is_asked(
    client: Client, new_bucket: NewBucket, emulator: Emulator, form: str, query: str
) -> None:
    buckets = [new_bucket(jobs=3), new_bucket(jobs=3)]

    response = client.get(file_path(path(*buckets, query=query), form))

    assert response.status_code == 302
    assert client.get(response["Location"]).status_code == 400
    assert [call for bucket in buckets for call in emulator.calls(bucket.name)] == []


def test_bucket_that_one_may_not_see_reads_like_an_unknown_one(client: Client) -> None:
    make_bucket("hidden-1250000000")
    client.force_login(make_viewer("vera"))

    hidden, unknown = (
        client.get(client.get(f"/jobs/loaded.csv?bucket={name}-1250000000")["Location"])
        for name in ("hidden", "unheard")
    )

    assert (hidden.status_code, unknown.status_code) == (400, 400)
    told = [words(one(soup(answer), ".problem li")) for answer in (hidden, unknown)]
    assert "hidden-1250000000" in told[0]
    assert told[0].replace("hidden", "unheard") == told[1]


def test_list_leads_to_files_of_as_many_jobs_as_it_shows(client: Client, new_bucket: NewBucket) -> None:
    listed = path(new_bucket(jobs=15, seed=1), new_bucket(jobs=15, seed=2), query="size=10")
    page = soup(get(client, listed))

    answer = scroll(client, one(page, "#more"), f"http://testserver{listed}").content.decode()

    links = page.select("#to-export a")
    assert [link["id"] for link in links] == ["to-csv", "to-jsonl"]  # by which htmx gives the focus back
    assert [words(link) for link in links] == ["CSV of 10 loaded", "JSON Lines of 10 loaded"]
    assert [link["data-count-rows"] for link in links] == ["CSV of % loaded", "JSON Lines of % loaded"]
    assert len(table(download(client, str(links[0]["href"])))) == 10
    (swapped,) = re.findall(r'<span id="to-export"[^>]* hx-swap-oob="true">.*?</span>', answer)
    (deeper, _lines) = re.findall(r'href="([^"]*)"', swapped)
    assert len(table(download(client, html.unescape(deeper)))) == 20


def test_empty_list_offers_no_file(client: Client, new_bucket: NewBucket) -> None:
    assert soup(get(client, path(new_bucket(), new_bucket()))).select("#to-export") == []
