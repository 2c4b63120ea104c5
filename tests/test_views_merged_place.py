"""The place in a list of several buckets that an address names: how deep, and which job is open beside it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.factories import make_bucket, make_viewer
from tests.merging import path
from tests.reading import LONG_AGO, get, one, row_ids, scroll, soup, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from jobs.models import Bucket

    NewBucket = Callable[..., Bucket]


pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody", "waits_long")]


def test_drawer_shows_the_job_of_its_bucket_in_the_list_and_alone(client: Client, new_bucket: NewBucket) -> None:
    same = {"JobId": "b0123456789abcdef0123456789abcdef", "CreationTime": LONG_AGO, "State": "Failed"}
    first, second = new_bucket(given=({**same, "Name": "one"},)), new_bucket(given=({**same, "Name": "two"},))
    address = path(first, second, query=f"job={second.name}/{same['JobId']}&tab=output")
    get(client, path(first, second))

    beside, alone = soup(get(client, address)), soup(get(client, address, "drawer"))

    for tree in (one(beside, "#drawer[open]"), alone):
        assert words(one(tree, "#drawer-title")).startswith("two")
        assert second.name in words(one(tree, ".drawer-of"))
        assert one(tree, "#part-output")["aria-current"] == "page"
        names = ",".join(sorted((first.name, second.name)))
        assert one(tree, "#part-input")["href"] == (
            f"/jobs/?bucket={names}&job={second.name}/{same['JobId']}&tab=input"
        )
        assert one(tree, "#drawer-close")["href"] == f"/jobs/?bucket={names}"
        assert f"/buckets/{second.name}/jobs/{same['JobId']}/output/" in {
            str(link["href"]) for link in tree.select("a[href]")
        }
    assert not alone.select("table.jobs")
    assert len(beside.select("table.jobs tr[id^=job-]")) == len(set(row_ids(beside))) == 2


def test_drawer_of_a_label_keeps_the_label(client: Client, new_bucket: NewBucket) -> None:
    film = new_bucket(jobs=3)
    film.label = "Film"
    film.save()
    name = row_ids(soup(get(client, "/jobs/?group=Film")))[1]

    page = soup(get(client, f"/jobs/?group=Film&job={name}"))

    assert str(one(page, "#drawer-next")["href"]).startswith(f"/jobs/?group=Film&job={film.name}/")


def test_job_of_a_bucket_that_one_may_not_see_reads_like_one_of_no_bucket_of_the_list(
    client: Client, new_bucket: NewBucket
) -> None:
    bucket = make_bucket("a-1250000000")
    make_bucket("hidden-1250000000")
    client.force_login(make_viewer("vera", sees=(bucket,)))

    told = [
        words(one(soup(client.get(f"/jobs/?bucket=a-1250000000&job={name}-1250000000/b1")), ".problem li"))
        for name in ("hidden", "unheard")
    ]

    assert told[0].replace("hidden", "unheard") == told[1]


def test_scrolling_writes_where_the_document_begins_and_how_deep_it_is(client: Client, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(jobs=25, seed=seed) for seed in (1, 2)]
    address = path(*buckets, query="size=10")
    tree = soup(get(client, address))
    found = row_ids(tree)

    for depth in (2, 3):
        response = scroll(client, one(tree, "#more"), address)
        tree, address = soup(response), response["Batchlens-Address"]
        found += row_ids(tree)
        query = parse_qs(urlsplit(address).query)
        assert (query["depth"], query["at"], query["size"]) == ([str(depth)], ["0.0"], ["10"])

    assert row_ids(soup(get(client, address))) == found
    assert [job["JobId"] for job in get(client, address.replace("/jobs/", "/jobs.json")).json()["jobs"]] == [
        name.partition("/")[2] for name in found
    ]


def test_scrolling_keeps_the_job_in_the_drawer_and_leaves_a_foreign_address_alone(
    client: Client, new_bucket: NewBucket
) -> None:
    buckets = [new_bucket(jobs=15, seed=seed) for seed in (1, 2)]
    tree = soup(get(client, path(*buckets, query="size=10")))
    job = row_ids(tree)[2]

    own = scroll(client, one(tree, "#more"), path(*buckets, query=f"size=10&job={job}"))
    foreign = scroll(client, one(tree, "#more"), path(*buckets, query="size=20"))

    assert parse_qs(urlsplit(own["Batchlens-Address"]).query)["job"] == [job]
    assert "Batchlens-Address" not in foreign


def test_place_that_is_too_old_opens_the_newest_list_and_leads_to_it_as_it_was(
    client: Client, new_bucket: NewBucket
) -> None:
    buckets = sorted((new_bucket(jobs=15, seed=seed) for seed in (1, 2)), key=lambda bucket: bucket.name)
    opened = int(time.time()) - 4000
    pins = ",".join(f"{opened}.{opened}000" for _ in buckets)

    page = soup(get(client, path(*buckets, query=f"pin={pins}&at=0.0&size=10&depth=2")))

    assert len(row_ids(page)) == 10
    frozen = parse_qs(urlsplit(str(one(page, ".notice.warn a")["href"])).query)
    assert frozen.keys() == {"bucket", "endCreationTime", "size"}


def test_wrong_place_is_told_with_a_link_that_goes_on_without_it(client: Client) -> None:
    make_bucket("a-1250000000")

    response = client.get("/jobs/?bucket=a-1250000000&states=Failed&at=1")

    assert response.status_code == 400
    assert one(soup(response), ".problem li a")["href"] == "/jobs/?bucket=a-1250000000&states=Failed"
