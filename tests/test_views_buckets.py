"""The bucket list as people and programs get it: real worker, real Valkeys, the emulator behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.factories import make_bucket, make_viewer
from tests.reading import HTMX, UNBOUND, get, one, path_of, soup, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import Settings

    from jobs.models import Bucket

    NewBucket = Callable[..., Bucket]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]


@pytest.mark.usefixtures("empty_redis")
def test_bucket_list_shows_each_visible_bucket_with_label_region_and_link(client: Client) -> None:
    make_bucket("media-1250000000", "ap-guangzhou", label="Media")
    make_bucket("other-1250000000", "xx-new")
    make_bucket("hidden-1250000000", hidden=True)

    page = soup(client.get("/"))

    assert [words(item) for item in page.select(".buckets > li")] == [
        "Media media-1250000000 Guangzhou ap-guangzhou",
        "other-1250000000 xx-new",
    ]
    assert [link["href"] for link in page.select(".buckets a")] == [
        "/buckets/media-1250000000/jobs/",
        "/buckets/other-1250000000/jobs/",
    ]


@pytest.mark.parametrize(
    ("q", "found"), [("MEDIA", 1), ("guangzhou", 1), ("beijing film", 1), ("nothing", 0), ("1250", 2)]
)
def test_bucket_list_is_searched_by_name_label_and_region(client: Client, q: str, found: int) -> None:
    make_bucket("media-1250000000", "ap-guangzhou")
    make_bucket("b-1250000000", "ap-beijing", label="Film")

    page = soup(client.get("/", {"q": q}))

    assert len(page.select(".buckets > li")) == found
    assert one(page, "#q")["value"] == q


def test_bucket_list_answers_htmx_with_the_results_alone(client: Client) -> None:
    make_bucket()

    response = client.get("/?q=media", headers={**HTMX, "HX-Target": "results"})

    assert [tag.name for tag in soup(response).find_all(recursive=False)] == ["section"]


def test_bucket_list_refuses_an_unknown_parameter(client: Client) -> None:
    make_bucket()

    response = client.get("/?bucket=x")

    assert response.status_code == 400
    assert "bucket" in words(one(soup(response), "[role=alert][data-code=wrong_filter]"))
    assert client.get("/buckets.json?bucket=x").json()["errors"].keys() == {"bucket"}


def test_bucket_list_without_any_bucket_says_how_to_name_one(client: Client) -> None:
    assert "BUCKETS" in words(one(soup(client.get("/")), ".empty"))


def test_bucket_list_of_somebody_who_may_see_none_says_whom_to_ask(client: Client) -> None:
    make_bucket()
    client.force_login(make_viewer("vera"))

    text = words(one(soup(client.get("/")), ".empty"))

    assert "Ask whoever runs Batchlens" in text
    assert "vera" in text


def test_bucket_list_shows_the_last_known_trouble(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(faults=(UNBOUND,))
    get(client, path_of(bucket))

    page = soup(client.get("/"))
    twin = client.get("/buckets.json").json()

    assert words(one(page, ".buckets .trouble")) == "Cloud Infinite is not enabled for this bucket MediaBucketUnBinded"
    assert twin["buckets"][0]["problem"]["code"] == "MediaBucketUnBinded"


def test_bucket_twin_lists_names_and_paths(client: Client) -> None:
    make_bucket("media-1250000000", label="Media")

    assert client.get("/buckets.json").json() == {
        "buckets": [
            {
                "name": "media-1250000000",
                "region": "ap-guangzhou",
                "label": "Media",
                "problem": None,
                "jobs": "/buckets/media-1250000000/jobs.json",
            }
        ]
    }


def test_demo_data_says_so_on_pages_and_in_twins(client: Client, settings: Settings) -> None:
    settings.DEMO = True

    page, twin = client.get("/"), client.get("/buckets.json")

    assert "Demo data" in words(one(soup(page), ".demo-bar"))
    assert twin.json()["demo"] is True
