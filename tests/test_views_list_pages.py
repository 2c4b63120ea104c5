"""The pages of a list, one behind the other: links, sentinels, depth, and what the address becomes."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from jobs import clock, servers
from tests.reading import HTMX, PORTAL, get, one, path_of, row_ids, scroll, sent, soup, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]


def test_jobs_of_a_list_that_goes_on_are_called_the_loaded_ones(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=15)

    begun = soup(get(client, path_of(bucket, "size=10")))
    ended = scroll(client, one(begun, "#more"), path_of(bucket, "size=10")).content.decode()

    assert words(one(begun, "#to-summary")) == "10 jobs loaded"
    assert one(begun, "#to-summary")["data-count-rows"] == "% jobs loaded"
    assert 'data-count-rows="% jobs"' in ended


def test_sentinel_is_a_real_link_to_what_htmx_asks_for(client: Client, new_bucket: NewBucket) -> None:
    page = soup(get(client, path_of(new_bucket(jobs=12), "size=10")))

    more = one(page, "tbody#more")

    assert more["hx-get"] == one(more, "a")["href"]
    assert "nextToken=" in str(more["hx-get"])
    assert str(more["hx-trigger"]).startswith("intersect once")
    assert page.select("tbody")[-1]["id"] == "more"


def test_plain_links_lead_through_every_job_once_to_the_end(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=35)
    page = soup(get(client, path_of(bucket, "size=10")))
    seen = row_ids(page)

    while links := page.select("#more a"):
        emulator.add_job(bucket.name)
        page = soup(get(client, str(links[0]["href"])))
        seen += row_ids(page)
        assert one(page, ".meta a:not(#to-summary)")["href"] == path_of(bucket, "size=10")

    assert seen == emulator.job_ids(bucket.name)[-35:]
    assert one(page, "#more")["data-end"] == "missing"


def test_sentinel_is_replaced_by_rows_and_the_next_sentinel(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=25)
    more = one(soup(get(client, path_of(bucket, "size=10"))), "#more")

    response = get(client, str(more["hx-get"]), target="more")

    tree = soup(response)
    assert {tag.name for tag in tree.find_all(recursive=False)} == {"tbody"}
    assert row_ids(tree) == emulator.job_ids(bucket.name)[10:20]
    assert one(tree, "#more")["hx-get"] != more["hx-get"]


def test_depth_shows_so_many_pages_together(client: Client, new_bucket: NewBucket, emulator: Emulator) -> None:
    bucket = new_bucket(jobs=35)
    first = soup(get(client, path_of(bucket, "size=10")))
    pin = re.search(r"pin=([0-9.]+)", str(one(first, "#more")["hx-get"]))
    second = soup(get(client, str(one(first, "#more")["hx-get"])))
    assert pin

    page = soup(get(client, path_of(bucket, f"size=10&depth=2&pin={pin[1]}")))

    assert row_ids(page) == emulator.job_ids(bucket.name)[:20]
    assert one(page, "#more")["hx-get"] == one(second, "#more")["hx-get"]


def test_each_answer_to_a_sentinel_replaces_the_address_and_never_pushes_one(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=45)
    document = f"http://testserver{path_of(bucket, 'size=10')}"
    more = one(soup(get(client, document)), "#more")
    pin = re.search(r"pin=([0-9.]+)", str(more["hx-get"]))
    assert pin

    for depth in (2, 3, 4):
        response = scroll(client, more, document)
        more, document = one(soup(response), "#more"), f"http://testserver{response['Batchlens-Address']}"
        assert response["Batchlens-Address"] == path_of(bucket, f"size=10&depth={depth}&pin={pin[1]}")
        assert "HX-Push-Url" not in response

    whole = soup(get(client, document))
    assert row_ids(whole) == emulator.job_ids(bucket.name)[:40]
    assert one(whole, "#more")["hx-get"] == more["hx-get"]


def test_sentinel_without_its_document_gets_its_rows_and_no_address(client: Client, new_bucket: NewBucket) -> None:
    more = one(soup(get(client, path_of(new_bucket(jobs=25), "size=10"))), "#more")

    response = get(client, str(more["hx-get"]), target="more")

    assert len(row_ids(soup(response))) == 10
    assert "Batchlens-Address" not in response


def test_answers_to_sentinels_of_different_documents_are_kept_apart(client: Client, new_bucket: NewBucket) -> None:
    path = path_of(new_bucket(jobs=45), "size=10")
    more = one(soup(get(client, path)), "#more")
    documents = (path, f"{path}#job-x") * 2  # in turns, because the age may make one step

    answers = [scroll(client, more, f"http://testserver{document}") for document in documents]
    first = answers[0]
    deeper = scroll(client, more, f"http://testserver{first['Batchlens-Address']}")

    tags = [answer["ETag"] for answer in answers]
    assert any(one == other for one, other in pairwise(tags))
    assert deeper["ETag"] not in tags
    assert {"HX-Current-URL", "Batchlens-Pages"} <= set(first["Vary"].split(", "))


def test_unchanged_answer_to_a_sentinel_still_says_what_the_address_becomes(
    client: Client, new_bucket: NewBucket
) -> None:
    path = path_of(new_bucket(jobs=25), "size=10")
    more = one(soup(get(client, path)), "#more")
    answers = [scroll(client, more, f"http://testserver{path}") for _ in range(2)]  # the age may make one step

    headers = {**HTMX, "HX-Target": "more", "HX-Current-URL": f"http://testserver{path}", **sent(more)}
    unchanged = client.get(str(more["hx-get"]), headers={**headers, "If-None-Match": answers[-1]["ETag"]})

    assert unchanged.status_code == 304
    assert unchanged["Batchlens-Address"] == answers[0]["Batchlens-Address"]


def test_pages_that_a_link_asks_for_and_nobody_has_are_asked_for_at_once_while_the_address_stays(
    client: Client, new_bucket: NewBucket, emulator: Emulator, until: Callable[[Callable[[], Any]], None]
) -> None:
    bucket = new_bucket(jobs=45)
    first = one(soup(get(client, path_of(bucket, "size=10"))), "#more")
    pin = re.search(r"pin=([0-9.]+)", str(first["hx-get"]))
    assert pin
    get(client, str(first["hx-get"]))  # page 2, and page 3 ahead of it
    until(lambda: forget_places(bucket, but=2) == 1)
    path = path_of(bucket, f"size=10&depth=4&pin={pin[1]}")

    page = soup(get(client, path))
    seen, more, addresses, triggers = row_ids(page), one(page, "#more"), [], []
    assert seen == emulator.job_ids(bucket.name)[:20]
    for _ in range(2):
        triggers.append(str(more["hx-trigger"]).split(",")[0])
        response = scroll(client, more, f"http://testserver{path}")
        addresses.append(response["Batchlens-Address"])
        seen, more = seen + row_ids(soup(response)), one(soup(response), "#more")

    assert triggers == ["load", "load"]
    assert addresses == [path, path]
    assert seen == emulator.job_ids(bucket.name)[:40]
    assert str(more["hx-trigger"]).startswith("intersect once")


def test_link_of_which_the_cache_has_lost_everything_comes_page_by_page(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=45)
    first = one(soup(get(client, path_of(bucket, "size=10"))), "#more")
    pin = re.search(r"pin=([0-9.]+)", str(first["hx-get"]))
    assert pin
    with servers.cache_server().connection() as connection:
        connection.delete(*connection.keys(f"*:{bucket.name}:*"))
    emulator.add_job(bucket.name)
    path = path_of(bucket, f"size=10&depth=3&pin={pin[1]}")

    page = soup(get(client, path))
    seen, more = row_ids(page), one(page, "#more")
    while str(more["hx-trigger"]).startswith("load"):
        answer = soup(scroll(client, more, f"http://testserver{path}"))
        seen, more = seen + row_ids(answer), one(answer, "#more")

    assert seen == emulator.job_ids(bucket.name)[1:31]


def test_list_that_goes_on_by_creation_time_is_a_link_as_well(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=30)
    expected = emulator.job_ids(bucket.name)[::-1]
    document = f"http://testserver{path_of(bucket, 'orderByTime=Asc&size=5')}"
    more = one(soup(get(client, document)), "#more")
    continued = f"http://testserver{more['hx-get']}"
    for _ in range(2):
        response = scroll(client, more, document)
        more, document = one(soup(response), "#more"), f"http://testserver{response['Batchlens-Address']}"

    whole = soup(get(client, document))
    rest = soup(get(client, continued))
    response = scroll(client, one(rest, "#more"), continued)

    assert "after=" in continued
    assert len(row_ids(whole)) == 13  # by creation time each page repeats the last row before it
    assert row_ids(whole) == expected[:13]
    assert row_ids(rest) + row_ids(soup(response)) == row_ids(soup(get(client, response["Batchlens-Address"])))
    assert row_ids(soup(get(client, str(one(rest, "#before a")["href"])))) == expected[:5]


def forget_places(bucket: Bucket, but: int) -> int:
    """Take all pages of a bucket from the cache but the first `but` ones of their chain; return how many there were."""
    with servers.cache_server().connection() as connection:
        pages = connection.keys(f"*:page:{bucket.name}:*")
        return sum(connection.delete(key) for key in pages if int(connection.hget(key, "n") or 0) > but)


def test_sixth_page_waits_for_a_click_and_is_a_plain_link_as_well(client: Client, new_bucket: NewBucket) -> None:
    path = path_of(new_bucket(jobs=35), "size=5")
    response = get(client, path)
    while len(more := soup(response).select("#more .button")) == 0:
        sentinel = one(soup(response), "#more")
        assert str(sentinel["hx-trigger"]).startswith("intersect once")
        response = scroll(client, sentinel, f"http://testserver{path}")
        path = response["Batchlens-Address"]

    assert "depth=6" in path
    assert words(more[0]) == "Show more"
    assert one(soup(response), "#more")["hx-trigger"] == "click from:find a"
    assert more[0]["href"] == one(soup(response), "#more")["hx-get"]


def test_after_a_thousand_rows_a_plain_link_continues_on_a_page_that_leads_back(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=2250)
    expected = emulator.job_ids(bucket.name)
    pin = re.search(r"pin=([0-9.]+)", str(one(soup(get(client, path_of(bucket, "size=100"))), "#more")["hx-get"]))
    assert pin
    address, seen, backs = path_of(bucket, f"size=100&depth=10&pin={pin[1]}"), [], []

    while True:
        page = soup(get(client, address))
        backs.append([str(link["href"]) for link in page.select("#before a[rel=prev]")])
        while (more := one(page, "#more")).has_attr("hx-get"):
            response = scroll(client, more, f"http://testserver{address}")
            address = response["Batchlens-Address"]
            page = soup(response)
        whole = soup(get(client, address))
        seen.append((address, row_ids(whole)))
        if not (links := one(whole, "#more").select("a[rel=next]")):
            break
        assert words(links[0]) == "Continue"
        address = str(links[0]["href"])

    assert [len(rows) for _address, rows in seen] == [1000, 1000, 250]
    assert [job_id for _address, rows in seen for job_id in rows] == expected
    assert backs == [[], [f"{seen[0][0]}#more"], [f"{seen[1][0]}#more"]]
    assert "In all: 23 pages, received 2,250, shown 2,250" in words(one(whole, "#more"))


def test_page_of_a_plain_link_leads_back_to_all_rows_before_it(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=35)
    page = soup(get(client, path_of(bucket, "size=10")))
    for _ in range(2):
        page = soup(get(client, str(one(page, "#more a")["href"])))

    before = soup(get(client, str(one(page, "#before a")["href"])))

    assert row_ids(before) == emulator.job_ids(bucket.name)[:20]
    assert before.select("#before") == []


def test_page_whose_chain_is_forgotten_leads_back_to_the_first_page_alone(
    client: Client, new_bucket: NewBucket, until: Callable[[Callable[[], Any]], None]
) -> None:
    bucket = new_bucket(jobs=25)
    more = one(soup(get(client, path_of(bucket, "size=10"))), "#more")
    with servers.cache_server().connection() as connection:
        # The page ahead must not come while the first is being forgotten.
        until(lambda: len(connection.keys(servers.cache_key(f"page:{bucket.name}:*"))) == 2)
        connection.delete(*connection.keys(f"*:{bucket.name}:*"))

    page = soup(get(client, str(more["hx-get"])))

    assert page.select("#before") == []
    assert "1 page, received 10, shown 10; earlier pages unknown" in words(one(page, "#more"))
    assert one(page, ".meta a:not(#to-summary)")["href"] == path_of(bucket, "size=10")


def test_place_in_a_list_has_a_way_to_the_newest_one(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=25)
    live = soup(get(client, path_of(bucket, "size=10&tz=UTC")))
    pin = re.search(r"pin=([0-9.]+)", str(one(live, "#more")["hx-get"]))
    assert pin

    place = soup(get(client, path_of(bucket, f"size=10&tz=UTC&depth=2&pin={pin[1]}")))

    newest = [link for link in one(place, ".meta").select("a") if words(link) == "Show the newest"]
    assert [link["href"] for link in newest] == [path_of(bucket, "size=10&tz=UTC")]
    assert "Show the newest" not in words(one(live, ".meta"))


def test_sentinel_inside_a_portal_writes_the_address_inside_it(
    client: Client, new_bucket: NewBucket, settings: Settings
) -> None:
    settings.EMBED_ORIGINS = [PORTAL]
    path = path_of(new_bucket(jobs=25), "size=10", prefix="/embed")
    more = one(soup(get(client, path)), "#more")

    response = scroll(client, more, f"http://testserver{path}")

    assert response["Batchlens-Address"].startswith("/embed/buckets/")


def test_place_that_was_opened_long_ago_opens_the_newest_list_and_says_so(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=3)
    opened = int(clock.now()) - 2 * 3600

    page = soup(get(client, path_of(bucket, f"depth=2&pin={opened}.{opened * 1000}")))

    assert row_ids(page) == emulator.job_ids(bucket.name)
    assert "endCreationTime=" in str(one(page, ".notice.warn a")["href"])
