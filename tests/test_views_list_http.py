"""Lists as HTTP answers: fragments for htmx, JSON twins, ETags, and who gets them inside which site."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from tests.factories import make_bucket, make_staff, make_viewer
from tests.reading import HTMX, PORTAL, UNBOUND, get, one, path_of, soup

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]


# Fragments ------------------------------------------------------------------------------------------------------------


def test_form_gets_the_results_the_sentence_and_the_title(client: Client, new_bucket: NewBucket) -> None:
    tree = soup(get(client, path_of(new_bucket(jobs=2), "states=Failed"), target="results"))

    assert [(tag.name, tag.get("id")) for tag in tree.find_all(recursive=False)] == [
        ("title", None),
        ("section", "results"),
        ("h1", "summary"),
        ("div", "text-box"),
    ]
    assert one(tree, "h1")["hx-swap-oob"] == one(tree, "#text-box")["hx-swap-oob"] == "true"
    assert one(tree, "#filter-q")["value"] == "state:failed"


def test_chip_gets_the_list_with_its_form(client: Client, new_bucket: NewBucket) -> None:
    tree = soup(get(client, path_of(new_bucket(jobs=2)), target="list"))

    assert [(tag.name, tag.get("id")) for tag in tree.find_all(recursive=False)] == [("title", None), ("div", "list")]
    assert len(tree.select("form#filter")) == 1


def test_restored_history_gets_the_whole_page(client: Client, new_bucket: NewBucket) -> None:
    headers = {**HTMX, "HX-History-Restore-Request": "true", "HX-Target": "results"}

    response = client.get(path_of(new_bucket()), headers=headers)

    assert response.content.lstrip().startswith(b"<!doctype html>")


def test_both_shapes_of_an_address_are_kept_apart_by_caches(client: Client, new_bucket: NewBucket) -> None:
    for path in ("/", path_of(new_bucket())):
        response = client.get(path)

        assert {"HX-Request", "HX-Target"} <= set(response["Vary"].replace(" ", "").split(","))
        assert response["Cache-Control"] == "private, no-cache"


def test_fragment_of_a_bucket_that_went_away_reloads_the_page(client: Client) -> None:
    response = client.get("/buckets/gone-1250000000/jobs/", headers={**HTMX, "HX-Target": "more"})

    assert (response.status_code, response["HX-Refresh"], response.content) == (404, "true", b"")


# Not modified ---------------------------------------------------------------------------------------------------------


def test_unchanged_list_is_not_sent_again(client: Client, new_bucket: NewBucket) -> None:
    path = path_of(new_bucket(jobs=3))
    first = get(client, path)

    # The age is told in steps; the first two seconds may end between two requests.
    answers = [client.get(path, headers={"If-None-Match": first["ETag"]}) for _ in range(2)]
    again = client.get(path, headers={"If-None-Match": answers[-1]["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == answers[-1]["ETag"]
    assert again["Cache-Control"] == "private, no-cache"
    assert "HX-Request" in again["Vary"]


def test_page_is_sent_compressed_to_who_takes_that_and_is_still_not_sent_again(
    client: Client, new_bucket: NewBucket
) -> None:
    path = path_of(new_bucket(jobs=50))
    plain = get(client, path)
    takes = {"Accept-Encoding": "gzip"}

    answers = [client.get(path, headers=takes) for _ in range(2)]  # the age is told in steps, as above
    again = client.get(path, headers={**takes, "If-None-Match": answers[-1]["ETag"]})

    assert "Content-Encoding" not in plain
    assert answers[-1]["Content-Encoding"] == "gzip"
    assert gzip.decompress(answers[-1].content).count(b'id="job-') == 50
    assert len(answers[-1].content) < len(plain.content) / 4
    assert "Accept-Encoding" in answers[-1]["Vary"]
    assert again.status_code == 304


def test_another_reader_language_zone_or_shape_gets_another_etag(client: Client, new_bucket: NewBucket) -> None:
    path = path_of(new_bucket(jobs=3))
    get(client, path)

    answers = [
        client.get(path),
        client.get(path, headers={"Accept-Language": "zh-CN"}),
        client.get(path + "?tz=UTC"),
        client.get(path, headers={**HTMX, "HX-Target": "results"}),
        client.get(path.removesuffix("/") + ".json"),
    ]
    client.force_login(make_staff())
    answers.append(client.get(path))

    assert len({answer["ETag"] for answer in answers}) == len(answers)


def test_trouble_is_never_not_modified(client: Client, new_bucket: NewBucket) -> None:
    assert "ETag" not in get(client, path_of(new_bucket(faults=(UNBOUND,))))


# The twin -------------------------------------------------------------------------------------------------------------


def test_twin_of_a_list_says_all_that_the_page_says(client: Client, new_bucket: NewBucket, emulator: Emulator) -> None:
    bucket = new_bucket(jobs=12)

    twin = get(client, f"/buckets/{bucket.name}/jobs.json?states=Running,Success,Failed&size=10").json()
    shown = [job.job_id for job in emulator.jobs(bucket.name) if job.state in ("Success", "Failed", "Running")]

    assert list(twin) == [
        "bucket", "region", "filter", "summary", "as_of", "pin", "stale", "problem", "request_id", "received", "unique",
        "completeness", "jobs", "next",
    ]  # fmt: skip
    assert (twin["bucket"], twin["region"], twin["stale"], twin["problem"]) == (bucket.name, bucket.region, False, None)
    assert twin["filter"] == {"states": "Running,Success,Failed", "size": "10"}
    assert [job["JobId"] for job in twin["jobs"]] == shown[:10]
    assert twin["received"] == twin["unique"] == len(shown[:10])


def test_twins_lead_through_the_whole_list(client: Client, new_bucket: NewBucket, emulator: Emulator) -> None:
    bucket = new_bucket(jobs=25)
    seen: list[str] = []
    path = f"/buckets/{bucket.name}/jobs.json?size=10"

    while path:
        twin = get(client, path).json()
        seen += [job["JobId"] for job in twin["jobs"]]
        path = twin["next"]

    assert seen == emulator.job_ids(bucket.name)


# Who may look, and where from -----------------------------------------------------------------------------------------


def test_hidden_bucket_is_not_found_at_any_address(client: Client) -> None:
    make_bucket("hidden-1250000000", hidden=True)
    client.force_login(make_staff())

    for prefix in ("", "/embed"):
        for end in ("jobs/", "jobs.json", "jobs/b1/", "jobs/b1.json", "jobs/b1/raw/", "jobs/b1/operation.json"):
            assert client.get(f"{prefix}/buckets/hidden-1250000000/{end}").status_code == 404
        assert client.post(f"{prefix}/buckets/hidden-1250000000/retry/").status_code == 404


def test_bucket_of_another_group_is_not_found(client: Client, settings: Settings) -> None:
    bucket = make_bucket()
    client.force_login(make_viewer())

    assert client.get(path_of(bucket)).status_code == 404


def test_lists_are_only_read(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket()

    assert [client.post(path).status_code for path in ("/", path_of(bucket))] == [405, 405]
    assert client.get(f"/buckets/{bucket.name}/retry/").status_code == 405
    assert client.head(path_of(bucket)).content == b""


def test_embedded_list_has_no_chrome_and_keeps_its_links_inside(
    client: Client, new_bucket: NewBucket, settings: Settings
) -> None:
    settings.EMBED_ORIGINS = [PORTAL]
    bucket = new_bucket(jobs=12)

    response = get(client, path_of(bucket, "states=Running,Success,Failed,Pause,Cancel&size=1", prefix="/embed"))

    page = soup(response)
    # A style sheet leads nowhere, if it is one of ours.
    assert [
        str(link["href"]) for link in page.select("body link") if not str(link["href"]).startswith("/static/css/")
    ] == []
    ways = [(tag, name) for name in ("href", "action", "hx-get") for tag in page.select(f"body :not(link)[{name}]")]
    addresses = [str(tag[name]) for tag, name in ways]
    assert page.select("header") == []
    assert [address for address in addresses if not address.startswith(("/embed/", "#"))] == []
    assert f"frame-ancestors {PORTAL}" in response["Content-Security-Policy"]
    assert "X-Frame-Options" not in response


@pytest.mark.parametrize("path", ["/", "/buckets/b-1250000000/jobs/"])
def test_framing_is_denied_outside_embed(client: Client, settings: Settings, path: str) -> None:
    settings.EMBED_ORIGINS = [PORTAL]
    make_bucket("b-1250000000")

    response = client.get(path)

    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "DENY"


def test_framing_is_denied_everywhere_without_portals(client: Client, new_bucket: NewBucket) -> None:
    response = client.get(path_of(new_bucket(), prefix="/embed"))

    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "DENY"
