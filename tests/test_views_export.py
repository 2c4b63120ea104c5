"""The page that offers exports, and the files of what is loaded, with a real worker."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from tests.exports import csv_rows, export_path, json_ids, text
from tests.reading import UNBOUND, get, one, path_of, scroll, soup, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]
    Until = Callable[[Callable[[], Any]], None]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]


# The page that offers it ---------------------------------------------------------------------------------------------------


def test_list_leads_to_the_exports_of_what_is_loaded(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=25)
    listed = soup(get(client, path_of(bucket, "size=10")))

    page = soup(get(client, str(one(listed, "#to-export")["href"])))

    assert "10 jobs are loaded; the list goes on" in words(one(page, "#of-loaded"))
    assert [words(link) for link in page.select("[aria-labelledby=of-loaded] a")] == [
        "CSV of 10 loaded",
        "JSON Lines of 10 loaded",
    ]


def test_link_follows_what_is_scrolled(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=25)
    first = path_of(bucket, "size=10")
    answer = scroll(client, one(soup(get(client, first)), "#more"), f"http://testserver{first}").content.decode()

    (link,) = re.findall(r'<a id="to-export" class="small" title="[^"]*" href="([^"]*)" hx-swap-oob="true">', answer)

    assert "20 jobs are loaded" in words(one(soup(get(client, html.unescape(link))), "#of-loaded"))


def test_list_that_is_loaded_whole_says_so(client: Client, new_bucket: NewBucket) -> None:
    page = soup(get(client, export_path(new_bucket(jobs=3))))

    assert words(one(page, "#of-loaded")) == "3 jobs are loaded: all of the list"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "token_repeat"}, "named a page again that was here already"),
        ({"kind": "empty_page", "when": {"token": True}}, "last three pages held nothing new"),
    ],
)
def test_nothing_says_that_a_list_is_all_which_may_miss_jobs(
    client: Client, new_bucket: NewBucket, fault: dict[str, Any], said: str
) -> None:
    bucket = new_bucket(jobs=25, faults=(fault,))
    pin = get(client, f"/buckets/{bucket.name}/jobs.json?size=20").json()["pin"]
    query = f"size=20&depth=5&pin={pin}"

    twin = get(client, f"/buckets/{bucket.name}/export.json?{query}").json()
    page = soup(get(client, export_path(bucket, query)))
    last_column = list(csv_rows(client.get(f"/buckets/{bucket.name}/loaded.csv?{query}"))[0])[-1]

    assert twin["is_whole"] is False
    assert "others may be missing" in words(one(page, "#of-loaded"))
    assert "all of the list" not in last_column
    assert said in last_column
    assert said in words(one(page, "section[aria-labelledby=of-loaded]"))


def test_list_that_is_another_by_now_is_told(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=25)
    old = "size=10&depth=2&pin=1700000000.1700000002000"

    page = soup(get(client, export_path(bucket, old)))
    file = client.get(f"/buckets/{bucket.name}/loaded.csv?{old}")

    assert "opened over an hour ago" in words(one(page, "#results > .notice.warn"))
    assert str(one(page, "#results > .notice.warn a")["href"]).startswith(path_of(bucket, ""))
    assert (file.status_code, file["Location"]) == (302, export_path(bucket, old))


def test_page_that_the_cache_has_lost_is_fetched_anew(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=25)
    pin = get(client, path_of(bucket, "size=10").replace("/?", ".json?")).json()["pin"]

    response = get(client, f"/buckets/{bucket.name}/export.json?size=10&depth=3&pin={pin}")

    assert (response.json()["loaded"], response.json()["is_whole"]) == (25, True)


def test_trouble_is_told_instead(client: Client, new_bucket: NewBucket) -> None:
    response = get(client, export_path(new_bucket(faults=(UNBOUND,))))

    assert response.status_code == 409
    assert one(soup(response), "main [role=alert]")["data-code"] == "MediaBucketUnBinded"


def test_wrong_parameter_is_told(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket()

    for path in (export_path(bucket), f"/buckets/{bucket.name}/loaded.csv"):
        response = client.get(f"{path}?states=failed")
        assert response.status_code == 400
        assert "Failed" in words(one(soup(response), "[data-code=wrong_filter]"))
    assert client.post(export_path(bucket, "states=failed")).status_code == 400
    assert client.get(f"/buckets/{bucket.name}/export.json?size=0").json()["errors"].keys() == {"size"}


# What is loaded ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["size=10", "size=10&depth=2", "states=Failed", "orderByTime=Asc&size=5"])
def test_file_of_what_is_loaded_holds_the_jobs_of_the_list(client: Client, new_bucket: NewBucket, query: str) -> None:
    bucket = new_bucket(jobs=60, seed=1)  # some of them failed
    first = get(client, f"/buckets/{bucket.name}/jobs.json?{query.replace('&depth=2', '')}").json()
    pinned = f"{query}&pin={first['pin']}"
    get(client, export_path(bucket, pinned))
    listed = [job["JobId"] for job in get(client, f"/buckets/{bucket.name}/jobs.json?{pinned}").json()["jobs"]]

    table = csv_rows(client.get(f"/buckets/{bucket.name}/loaded.csv?{pinned}"))
    lines = json_ids(client.get(f"/buckets/{bucket.name}/loaded.jsonl?{pinned}"))

    assert listed
    assert [row["JobId"] for row in table] == lines == listed


def test_file_says_how_many_of_what_it_holds(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=25)
    get(client, path_of(bucket, "size=10"))

    response = client.get(f"/buckets/{bucket.name}/loaded.csv?size=10")
    last_column = list(csv_rows(response)[0])[-1]
    head = json.loads(text(client.get(f"/buckets/{bucket.name}/loaded.jsonl?size=10")).splitlines()[0])["_export"]

    assert f"{bucket.name}_loaded-10-jobs_" in response["Content-Disposition"]
    assert last_column.startswith("10 loaded jobs; the list goes on, as of ")
    assert (head["scope"], head["jobs"], head["list_goes_on"]) == ("loaded", 10, True)


def test_times_are_told_in_the_zone_of_the_link_and_in_utc(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=({"CreationTime": "2026-06-27T15:23:10+0800"},))
    get(client, path_of(bucket, "tz=Europe/Berlin"))

    (row,) = csv_rows(client.get(f"/buckets/{bucket.name}/loaded.csv?tz=Europe/Berlin"))

    assert row["CreationTime"] == "2026-06-27T09:23:10+02:00"
    assert row["CreationTime_UTC"] == "2026-06-27T07:23:10Z"


def test_file_of_what_is_not_loaded_leads_to_the_page_that_waits_for_it(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(faults=(UNBOUND,))
    get(client, path_of(bucket))

    response = client.get(f"/buckets/{bucket.name}/loaded.csv")

    assert (response.status_code, response["Location"]) == (302, export_path(bucket))
