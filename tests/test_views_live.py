"""What a list says of its being live: how often, whether the reader's switch is on, and what asks again where it failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from jobs.models import Bucket
from tests.reading import UNBOUND, get, one, path_of, soup

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    NewBucket = Callable[..., Bucket]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]


@pytest.mark.parametrize(
    ("least", "query", "every"),
    [(15, "", 15), (15, "live=60s", 60), (60, "", 60), (300, "live=60s", 300), (5, "", 15)],
)
def test_list_is_live_as_often_as_its_link_says_and_the_site_allows(
    client: Client, new_bucket: NewBucket, settings: Settings, least: int, query: str, every: int
) -> None:
    settings.LIVE_MIN_INTERVAL = least

    ticker = one(soup(get(client, path_of(new_bucket(jobs=2), query))), "#ticker")

    assert ticker["data-every"] == str(every)
    assert f"every {every} s" in ticker.get_text()
    assert one(ticker, "#ticking").has_attr("checked")
    assert ticker.has_attr("data-kept") == bool(query)


@pytest.mark.parametrize("query", ["", "states=Failed,Cancel&jobId=nothing-has-this"])
def test_list_with_and_without_rows_can_be_live(client: Client, new_bucket: NewBucket, query: str) -> None:
    page = soup(get(client, path_of(new_bucket(jobs=2), query)))

    assert len(page.select("#ticker")) == len(page.select("#as-of")) == len(page.select("#newer")) == 1


def test_link_can_switch_it_off(client: Client, new_bucket: NewBucket) -> None:
    ticker = one(soup(get(client, path_of(new_bucket(jobs=2), "live=off"))), "#ticker")

    assert not one(ticker, "#ticking").has_attr("checked")
    assert ticker["data-kept"] == "off"  # who switches it on has a list that goes to sleep


def test_site_can_switch_it_off(client: Client, new_bucket: NewBucket, settings: Settings) -> None:
    settings.LIVE_MIN_INTERVAL = 0
    bucket = new_bucket(jobs=2)
    page = soup(get(client, path_of(bucket)))

    assert page.select("#ticker") == []
    assert client.get(f"/buckets/{bucket.name}/tick/").status_code == 404


@pytest.mark.parametrize(("query", "trigger"), [("", None), ("live=off", None), ("live=120s", "load delay:120s")])
def test_list_that_failed_asks_again_only_where_its_link_says_how_often(
    client: Client, new_bucket: NewBucket, query: str, trigger: str | None
) -> None:
    path = path_of(new_bucket(faults=(UNBOUND,)), query)

    asking = soup(get(client, path)).select(".problem [hx-get]")

    assert [(tag["hx-get"], tag["hx-trigger"]) for tag in asking] == ([(path, trigger)] if trigger else [])
