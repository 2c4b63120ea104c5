"""The bucket list and the job list as people and programs get them: real worker, real Valkeys, the emulator behind."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from bs4 import BeautifulSoup, Tag

from jobs import cache, clock, pages, servers
from jobs.filters import JobFilter, View
from jobs.pages import Ready
from jobs.problems import Problem
from tests.factories import make_bucket, make_staff, make_viewer

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]

HTMX = {"HX-Request": "true"}
PORTAL = "https://portal.example.com"
UNBOUND = {"kind": "error", "status": 400, "code": "MediaBucketUnBinded", "message": "bucket unbinded"}
LONG_AGO = "2026-06-27T15:23:10+0800"
"""Some time before any pin; a job of this very second lies behind it."""


@pytest.fixture
def everybody(settings: Settings) -> None:
    """Everybody may look without signing in."""
    settings.ANONYMOUS_ACCESS = True


def path_of(bucket: Bucket, query: str = "", prefix: str = "") -> str:
    return f"{prefix}/buckets/{bucket.name}/jobs/{'?' * bool(query)}{query}"


def get(client: Client, path: str, target: str | None = None, **headers: str) -> Any:
    """Ask as a patient reader does: again for as long as it is pending. `target` is what htmx would replace."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if target is not None:
        headers |= {**HTMX, "HX-Target": target}
    for _ in range(40):
        response = client.get(path, headers=headers)
        if response.status_code != 202:
            break
    return response


def soup(response: Any) -> BeautifulSoup:
    return BeautifulSoup(response.content, "html.parser")


def one(tree: BeautifulSoup | Tag, selector: str) -> Tag:
    found = tree.select(selector)
    assert len(found) == 1, (selector, found)
    return found[0]


def row_ids(tree: BeautifulSoup | Tag) -> list[str]:
    return [str(row["id"]).removeprefix("job-") for row in tree.select('tr[id^="job-"]')]


def words(tag: Tag) -> str:
    return " ".join(tag.get_text(" ").split())


# The bucket list ------------------------------------------------------------------------------------------------------


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


# The list and its pages -----------------------------------------------------------------------------------------------


def test_list_shows_the_newest_jobs_each_in_its_row(client: Client, new_bucket: NewBucket, emulator: Emulator) -> None:
    bucket = new_bucket(jobs=12)
    truth = emulator.jobs(bucket.name)

    page = soup(get(client, path_of(bucket, "size=10")))

    rows = page.select('tr[id^="job-"]')
    assert [(str(row["id"]), str(row["data-state"])) for row in rows] == [
        (f"job-{job.job_id}", job.state) for job in truth[:10]
    ]
    assert [one(row, ".name a")["href"] for row in rows] == [f"{path_of(bucket)}{job.job_id}/" for job in truth[:10]]
    assert [words(one(row, ".name a")) for row in rows] == [job.name for job in truth[:10]]
    assert words(one(page, "h1")) == "All jobs, newest first"


def test_row_tells_kind_tag_and_times(client: Client, new_bucket: NewBucket) -> None:
    done = {
        "Type": "Job",
        "State": "Success",
        "CreationTime": LONG_AGO,
        "StartTime": "2026-06-27T15:23:52+0800",
        "EndTime": "2026-06-27T16:25:55+0800",
        "Operation": {"Tag": "Transcode"},
    }
    waiting = {
        "Type": "Workflow",
        "State": "Submitted",
        "CreationTime": "2026-06-27T15:23:09+0800",
        "StartTime": "-",
        "EndTime": "-",
        "Operation": {"WorkflowIds": "w1"},
    }
    bucket = new_bucket(given=(done, waiting))

    rows = soup(get(client, path_of(bucket))).select('tr[id^="job-"]')

    assert [[words(cell) for cell in row.select("td.what, td.when, td.span")] for row in rows] == [
        ["Job Transcode", "2026-06-27 15:23:10", "42 s", "1 h 2 min"],
        ["Workflow w1", "2026-06-27 15:23:09", "– none", "– none"],
    ]
    assert [span["title"] for span in rows[0].select("td.span .t")] == ["42 seconds", "3723 seconds"]


def test_failed_job_shows_code_and_message_in_its_row(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket()
    emulator.add_job(
        bucket.name, CreationTime=LONG_AGO, State="Failed", Code="InvalidArgument", Message="no such <template>"
    )

    assert words(one(soup(get(client, path_of(bucket))), ".fault")) == "InvalidArgument no such <template>"


@pytest.mark.parametrize("target", [None, "results", "list"])
def test_page_that_was_waited_for_is_the_page_that_the_cache_gives(
    client: Client, new_bucket: NewBucket, target: str | None
) -> None:
    bucket = new_bucket(jobs=30)

    cold = client.get(path_of(bucket, "states=Failed"), headers=_htmx(target))
    cached = client.get(path_of(bucket, "states=Failed"), headers=_htmx(target))

    assert cold.status_code == 200
    assert _without_ages(cold) == _without_ages(cached)


def _htmx(target: str | None) -> dict[str, str]:
    return {"HX-Request": "true", "HX-Target": target} if target else {}


def _without_ages(response: Any) -> str:
    return re.sub(r"just asked|from cache, less than [^<]*", "", response.content.decode())


def test_names_from_upstream_are_only_text(client: Client, new_bucket: NewBucket, emulator: Emulator) -> None:
    bucket = new_bucket()
    emulator.add_job(bucket.name, CreationTime=LONG_AGO, Name='<script>alert("x")</script>', State='"><img src=x>')

    page = soup(get(client, path_of(bucket)))

    assert words(one(page, "td.name a")) == '<script>alert("x")</script>'
    assert page.select("tbody script, tbody img") == []


def test_job_without_an_id_that_fits_an_address_has_no_link(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket()
    emulator.add_job(bucket.name, CreationTime=LONG_AGO, JobId="a/b", Name="odd")

    page = soup(get(client, path_of(bucket)))

    assert words(one(page, "td.name b")) == "odd"
    assert page.select("td.name a") == []


def test_sentinel_is_a_real_link_to_what_htmx_asks_for(client: Client, new_bucket: NewBucket) -> None:
    page = soup(get(client, path_of(new_bucket(jobs=12), "size=10")))

    more = one(page, "tr#more")

    assert more["hx-get"] == one(more, "a")["href"]
    assert "nextToken=" in str(more["hx-get"])
    assert str(more["hx-trigger"]).startswith("intersect once")
    assert page.select("tbody tr")[-1]["id"] == "more"


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
        assert one(page, ".meta a")["href"] == path_of(bucket, "size=10")

    assert seen == emulator.job_ids(bucket.name)[-35:]
    assert one(page, "#more")["data-end"] == "missing"


def test_sentinel_is_replaced_by_rows_and_the_next_sentinel(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=25)
    more = one(soup(get(client, path_of(bucket, "size=10"))), "#more")

    response = get(client, str(more["hx-get"]), target="more")

    tree = soup(response)
    assert {tag.name for tag in tree.find_all(recursive=False)} == {"tr"}
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


def scroll(client: Client, sentinel: Tag, document: str) -> Any:
    """Ask as a sentinel of the document at `document` does."""
    return get(client, str(sentinel["hx-get"]), "more", HX_Current_URL=document, **sent(sentinel))


def sent(sentinel: Tag) -> dict[str, str]:
    """What a sentinel sends besides."""
    return {name.replace("-", "_"): value for name, value in json.loads(str(sentinel["hx-headers"])).items()}


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
        more, document = one(soup(response), "#more"), f"http://testserver{response['HX-Replace-Url']}"
        assert response["HX-Replace-Url"] == path_of(bucket, f"size=10&depth={depth}&pin={pin[1]}")
        assert "HX-Push-Url" not in response

    whole = soup(get(client, document))
    assert row_ids(whole) == emulator.job_ids(bucket.name)[:40]
    assert one(whole, "#more")["hx-get"] == more["hx-get"]


def test_sentinel_without_its_document_gets_its_rows_and_no_address(client: Client, new_bucket: NewBucket) -> None:
    more = one(soup(get(client, path_of(new_bucket(jobs=25), "size=10"))), "#more")

    response = get(client, str(more["hx-get"]), target="more")

    assert len(row_ids(soup(response))) == 10
    assert "HX-Replace-Url" not in response


def test_answers_to_sentinels_of_different_documents_are_kept_apart(client: Client, new_bucket: NewBucket) -> None:
    path = path_of(new_bucket(jobs=45), "size=10")
    more = one(soup(get(client, path)), "#more")
    first = scroll(client, more, f"http://testserver{path}")

    again = scroll(client, more, f"http://testserver{path}#job-x")
    deeper = scroll(client, more, f"http://testserver{first['HX-Replace-Url']}")

    assert again["ETag"] == first["ETag"] != deeper["ETag"]
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
    assert unchanged["HX-Replace-Url"] == answers[0]["HX-Replace-Url"]


def test_pages_that_a_link_asks_for_and_nobody_has_are_asked_for_at_once_while_the_address_stays(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=45)
    first = one(soup(get(client, path_of(bucket, "size=10"))), "#more")
    pin = re.search(r"pin=([0-9.]+)", str(first["hx-get"]))
    assert pin
    get(client, str(first["hx-get"]))  # page 2; page 3 may have been fetched ahead
    forget_places(bucket, but=2)
    path = path_of(bucket, f"size=10&depth=4&pin={pin[1]}")

    page = soup(get(client, path))
    seen, more, addresses, triggers = row_ids(page), one(page, "#more"), [], []
    assert seen == emulator.job_ids(bucket.name)[:20]
    for _ in range(2):
        triggers.append(str(more["hx-trigger"]).split(",")[0])
        response = scroll(client, more, f"http://testserver{path}")
        addresses.append(response["HX-Replace-Url"])
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
        more, document = one(soup(response), "#more"), f"http://testserver{response['HX-Replace-Url']}"

    whole = soup(get(client, document))
    rest = soup(get(client, continued))
    response = scroll(client, one(rest, "#more"), continued)

    assert "after=" in continued
    assert len(row_ids(whole)) == 13  # by creation time each page repeats the last row before it
    assert row_ids(whole) == expected[:13]
    assert row_ids(rest) + row_ids(soup(response)) == row_ids(soup(get(client, response["HX-Replace-Url"])))
    assert row_ids(soup(get(client, str(one(rest, "#before a")["href"])))) == expected[:5]


def forget_places(bucket: Bucket, but: int) -> None:
    """Take all pages of a bucket from the cache but the first `but` ones of their chain."""
    with servers.cache_server().connection() as connection:
        for key in connection.keys(f"*:page:{bucket.name}:*"):
            if int(connection.hget(key, "n") or 0) > but:
                connection.delete(key)


def test_sixth_page_waits_for_a_click_and_is_a_plain_link_as_well(client: Client, new_bucket: NewBucket) -> None:
    path = path_of(new_bucket(jobs=35), "size=5")
    response = get(client, path)
    while len(more := soup(response).select("#more .button")) == 0:
        sentinel = one(soup(response), "#more")
        assert str(sentinel["hx-trigger"]).startswith("intersect once")
        response = scroll(client, sentinel, f"http://testserver{path}")
        path = response["HX-Replace-Url"]

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
            address = response["HX-Replace-Url"]
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
        until(lambda: len(connection.keys(f"v1:page:{bucket.name}:*")) == 2)
        connection.delete(*connection.keys(f"*:{bucket.name}:*"))

    page = soup(get(client, str(more["hx-get"])))

    assert page.select("#before") == []
    assert "1 page, received 10, shown 10; earlier pages unknown" in words(one(page, "#more"))
    assert one(page, ".meta a")["href"] == path_of(bucket, "size=10")


def test_completeness_line_counts_from_the_first_page_however_deep_the_document(
    client: Client, new_bucket: NewBucket
) -> None:
    bucket = new_bucket(jobs=35)
    first = one(soup(get(client, path_of(bucket, "size=10"))), "#more")
    second = one(soup(scroll(client, first, f"http://testserver{path_of(bucket, 'size=10')}")), "#more")
    pin = re.search(r"pin=([0-9.]+)", str(first["hx-get"]))
    assert pin

    together = one(soup(get(client, path_of(bucket, f"size=10&depth=2&pin={pin[1]}"))), "#more")
    alone = one(soup(get(client, str(first["hx-get"]))), "#more")

    assert "So far: 1 page, received 10, shown 10" in words(first)
    told = [one(more, "[data-pages]") for more in (second, together, alone)]
    assert {words(tag) for tag in told} == {"So far: 2 pages, received 20, shown 20"}
    assert {(tag["data-pages"], tag["data-received"], tag["data-unique"]) for tag in told} == {("2", "20", "20")}


def last_row(client: Client, path: str) -> Tag:
    """Follow the links from page to page and return the last one's row below all jobs."""
    for _ in range(12):
        more = one(soup(get(client, path)), "#more")
        if more.has_attr("data-end"):
            return more
        path = str(one(more, "a[rel=next]")["href"])
    raise AssertionError("the list has no end")


OUT_OF_ORDER = {"kind": "shuffle", "among": "answer", "seed": 1}
TOKEN_REFUSED = {"kind": "error", "status": 400, "code": "InvalidArgument", "message": "Param nextToken is illegal", "when": {"token": True}, "count": 1}  # fmt: skip
RUNNING = {"State": "Running", "CreationTime": LONG_AGO}


@pytest.mark.parametrize(
    ("spec", "query", "sentence"),
    [
        (
            {"given": [RUNNING | {"CreationTime": f"2026-06-2{n}T15:23:10+0800"} for n in range(6)], "faults": (OUT_OF_ORDER,)},
            "states=Running&size=3",
            "Cloud Infinite sent jobs without a creation time or out of order, so that the order is not proven and a job may be missing.",
        ),
        (
            {"given": [RUNNING] * 5},
            "states=Running&size=2",
            "Jobs that were created within one second fill a whole page. One of them, or of those right behind them, may be missing where others left the list meanwhile.",
        ),
        (
            {"jobs": 5, "newest": 600, "spread": 3600, "faults": (TOKEN_REFUSED,)},
            "size=2",
            "Cloud Infinite refused its own token, so the list goes on by creation time. No job is lost by that.",
        ),
    ],
    ids=["order", "second", "token"],
)  # fmt: skip
def test_what_is_not_proven_of_a_list_is_said_at_its_end(
    client: Client, new_bucket: NewBucket, spec: dict[str, Any], query: str, sentence: str
) -> None:
    bucket = new_bucket(**spec)

    said = last_row(client, path_of(bucket, query)).select(".doubt")

    assert [words(tag) for tag in said] == [sentence]


@pytest.mark.parametrize(
    ("fault", "end", "sentence"),
    [
        (
            {"kind": "token_repeat"},
            "repeated",
            "Cloud Infinite named a page again that was here already, so the list ends here. Jobs may be missing.",
        ),
        (
            {"kind": "empty_page", "when": {"token": True}},
            "no_new_rows",
            "Cloud Infinite's last three pages held nothing new, so the list ends here. Jobs may be missing.",
        ),
    ],
    ids=["repeated", "no_new_rows"],
)
def test_end_that_upstream_did_not_say_is_told_with_what_it_may_have_cost(
    client: Client, new_bucket: NewBucket, fault: dict[str, Any], end: str, sentence: str
) -> None:
    bucket = new_bucket(jobs=9, newest=600, spread=3600, faults=(fault,))

    row = last_row(client, path_of(bucket, "size=2"))

    assert row["data-end"] == end
    assert sentence in words(row)


def test_page_without_rows_at_the_end_of_a_list_does_not_say_that_no_job_matches(
    client: Client, new_bucket: NewBucket
) -> None:
    bucket = new_bucket(jobs=2, newest=600, spread=3600, faults=({"kind": "empty_page", "when": {"token": True}},))
    page = soup(get(client, path_of(bucket, "size=1&range=30d")))
    while link := page.select_one("#more a[rel=next]"):
        page = soup(get(client, str(link["href"])))

    assert row_ids(page) == []
    assert page.select(".empty") == []
    assert one(page, "#more")["data-end"] == "no_new_rows"
    assert len(page.select(".chips")) == 1
    assert len(page.select("#before a")) == 1


def test_list_that_is_whole_says_nothing_of_what_may_be_missing(client: Client, new_bucket: NewBucket) -> None:
    row = last_row(client, path_of(new_bucket(jobs=9, newest=600, spread=3600), "size=2"))

    assert row["data-end"] == "missing"
    assert row.select(".doubt") == []
    assert "missing" not in words(row)


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

    assert response["HX-Replace-Url"].startswith("/embed/buckets/")


def test_place_that_was_opened_long_ago_opens_the_newest_list_and_says_so(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=3)
    opened = int(clock.now()) - 2 * 3600

    page = soup(get(client, path_of(bucket, f"depth=2&pin={opened}.{opened * 1000}")))

    assert row_ids(page) == emulator.job_ids(bucket.name)
    assert "endCreationTime=" in str(one(page, ".notice.warn a")["href"])


def test_repeats_are_counted_where_they_were_left_out(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=25)
    emulator.fault(bucket.name, "repeat_rows", rows=2, when={"token": True}, count=1)
    more = one(soup(get(client, path_of(bucket, "size=10"))), "#more")

    rows = soup(get(client, str(more["hx-get"]), target="more"))

    assert "2 pages, received 20, shown 18, left out 2" in words(one(rows, "#more"))


def test_list_says_as_of_when_and_from_which_request(client: Client, new_bucket: NewBucket, emulator: Emulator) -> None:
    bucket = new_bucket(jobs=1)

    text = words(one(soup(get(client, path_of(bucket))), ".meta"))

    call = emulator.calls(bucket.name)[0]
    assert re.fullmatch(
        rf"1 job as of 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d (just asked|from cache, less than \d+ s old)"
        rf" RequestId {re.escape(call.request_id)} Copy RequestId",
        text,
    )


def test_times_are_told_in_the_zone_of_the_link_and_links_keep_it(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket()
    emulator.add_job(bucket.name, CreationTime=LONG_AGO)

    page = soup(get(client, path_of(bucket, "tz=UTC")))

    assert words(one(page, "td.when time")) == "2026-06-27 07:23:10"
    assert str(one(page, "td.name a")["href"]).endswith("/?tz=UTC")
    assert words(one(page, "button.zone")) == "Times in UTC"


def test_empty_bucket_says_how_jobs_come(client: Client, new_bucket: NewBucket) -> None:
    page = soup(get(client, path_of(new_bucket())))

    assert words(one(page, ".empty h2")) == "This bucket has no jobs"
    assert page.select("table") == []


@pytest.mark.parametrize("query", ["", "states=Failed"])
def test_page_without_rows_that_leads_on_goes_on_by_itself(
    client: Client, new_bucket: NewBucket, emulator: Emulator, query: str
) -> None:
    bucket = new_bucket(jobs=3)
    emulator.fault(bucket.name, "empty_page", count=1)

    page = soup(get(client, path_of(bucket, query)))

    assert page.select(".empty") == []
    assert one(page, "#more")["hx-get"] == one(page, "#more a[rel=next]")["href"]
    assert len(page.select(".chip")) == bool(query)


def test_filter_without_matches_offers_to_remove_each_condition(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=3)

    page = soup(get(client, path_of(bucket, "states=Failed&name=nothing-like-this")))

    assert words(one(page, ".empty h2")) == "No job matches this filter"
    assert [link["href"] for link in page.select(".empty .chip")] == [
        path_of(bucket, "name=nothing-like-this"),
        path_of(bucket, "states=Failed"),
        path_of(bucket),
    ]


# The form and the address -----------------------------------------------------------------------------------------------


def test_form_holds_every_parameter_of_the_api_as_it_was_asked(client: Client, new_bucket: NewBucket) -> None:
    asked = "type=Job&states=Failed,Cancel&name=n&jobId=b1&workflowId=w1&orderByTime=Asc&size=20&range=24h"

    form = one(soup(get(client, path_of(new_bucket(), asked))), "form#filter")

    values = {str(field["name"]): field.get("value") for field in form.select("input:not([type=checkbox])")}
    chosen = {str(field["name"]): one(field, "option[selected]")["value"] for field in form.select("select")}
    assert [box["value"] for box in form.select("input[type=checkbox][checked]")] == ["Failed", "Cancel"]
    assert values == {"name": "n", "jobId": "b1", "workflowId": "w1", "startCreationTime": "", "endCreationTime": ""}
    assert chosen == {"type": "Job", "range": "24h", "orderByTime": "Asc", "size": "20"}


def test_what_a_browser_sends_is_redirected_to_the_canonical_address(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket()

    response = client.get(path_of(bucket, "states=Failed&states=Cancel&name=&size=50&utm_source=mail&type=Job"))

    assert response.status_code == 302
    assert response["Location"] == path_of(bucket, "type=Job&states=Failed,Cancel")


def test_form_of_one_question_is_not_shown_for_another(client: Client, new_bucket: NewBucket) -> None:
    bucket, other = new_bucket(), new_bucket()

    forms = [
        str(one(soup(get(client, path)), "form#filter"))
        for path in (path_of(bucket), path_of(bucket, "name=x"), path_of(bucket, "tz=UTC"), path_of(other))
    ]

    assert len(set(forms)) == 4


@pytest.mark.parametrize(
    ("query", "parameter", "meant"),
    [
        ("states=Faild", "states", "Failed"),
        ("states=All,Failed", "states", "Failed"),
        ("size=500", "size", "100"),
        ("state=Failed", "state", "states"),
        (
            "startCreationTime=2026-02-02T00:00:00%2B0800&endCreationTime=2026-01-01T00:00:00%2B0800",
            "startCreationTime",
            "",
        ),
        ("pin=99999999999.1", "pin", ""),
        ("nextToken=abc", "nextToken", ""),
    ],
)
def test_wrong_parameter_is_told_with_links_that_go_on_and_nothing_is_fetched(
    client: Client, new_bucket: NewBucket, emulator: Emulator, query: str, parameter: str, meant: str
) -> None:
    bucket = new_bucket(jobs=3)

    response = client.get(path_of(bucket, query))
    twin = client.get(f"/buckets/{bucket.name}/jobs.json?{query}")

    alert = one(soup(response), "[role=alert][data-code=wrong_filter]")
    assert (response.status_code, twin.status_code) == (400, 400)
    assert [words(code) for code in alert.select("li > code")] == [parameter]
    assert [words(link) for link in alert.select("li span a")] == ([meant] if meant else [])
    assert all(client.get(str(link["href"])).status_code in (200, 202) for link in alert.select("a"))
    assert list(twin.json()["errors"]) == [parameter]
    assert twin.json()["problem"]["code"] == "wrong_filter"


def test_nothing_is_asked_of_upstream_for_a_wrong_address(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=3)

    client.get(path_of(bucket, "size=0"))
    client.get(f"/buckets/{bucket.name}/jobs.json?size=0")

    assert emulator.calls(bucket.name) == []


def test_wrong_field_shows_what_was_typed_and_points_to_its_reason(client: Client, new_bucket: NewBucket) -> None:
    page = soup(client.get(path_of(new_bucket(), "startCreationTime=yesterday")))

    field = one(page, "#filter-startCreationTime")

    assert (field["value"], field["aria-invalid"]) == ("yesterday", "true")
    assert "“yesterday” is no time" in words(one(page, f"#{field['aria-describedby']}"))
    assert words(page).count("“yesterday” is no time") == 1
    assert page.select("details.rest[open]") != []


def test_wrong_states_point_to_their_reason(client: Client, new_bucket: NewBucket) -> None:
    page = soup(client.get(path_of(new_bucket(), "states=Foo")))

    described = one(page, "#filter fieldset")["aria-describedby"]

    assert "“Foo”: no such state" in words(one(page, f"[role=alert] #{described}"))
    assert words(page).count("“Foo”: no such state") == 1


def test_form_that_was_sent_by_htmx_is_replaced_together_with_its_reasons(
    client: Client, new_bucket: NewBucket
) -> None:
    bucket = new_bucket()

    response = get(client, path_of(bucket, "name=&size=0&type="), target="results")

    assert response.status_code == 400
    assert response["HX-Retarget"] == "#list"
    assert response["HX-Push-Url"] == path_of(bucket, "size=0")
    assert one(soup(response), "#list form#filter [aria-invalid]")["name"] == "size"


# Fragments --------------------------------------------------------------------------------------------------------------


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


# Pending and trouble ------------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(settings: Settings) -> None:
    """Nobody waits for a page."""
    settings.FIRST_WAIT = 0.01


@pytest.mark.usefixtures("impatient")
def test_page_that_is_being_fetched_says_so_and_comes(
    client: Client, new_bucket: NewBucket, emulator: Emulator, until: Callable[[Callable[[], Any]], None]
) -> None:
    bucket = new_bucket(jobs=3, latency=0.3)

    response = client.get(path_of(bucket))

    assert (response.status_code, response["Retry-After"], response["Refresh"]) == (202, "1", "1")
    waiting = one(soup(response), "#results [data-pending]")
    assert waiting["hx-get"] == one(waiting, "a")["href"] == path_of(bucket)
    assert re.fullmatch(r"load delay:\d+ms", str(waiting["hx-trigger"]))
    until(lambda: row_ids(soup(client.get(path_of(bucket)))) == emulator.job_ids(bucket.name))


@pytest.mark.usefixtures("impatient")
def test_pending_fragment_leaves_the_page_in_its_place(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=3, latency=0.3)

    response = client.get(path_of(bucket), headers={**HTMX, "HX-Target": "results"})

    assert (response.status_code, response["Retry-After"]) == (202, "1")
    assert "Refresh" not in response


@pytest.mark.usefixtures("impatient")
def test_pending_twin_says_when_to_ask_again(client: Client, new_bucket: NewBucket) -> None:
    response = client.get(f"/buckets/{new_bucket(latency=0.3).name}/jobs.json")

    assert (response.status_code, response["Retry-After"], response.json()) == (202, "1", {"pending": True})


def test_pending_sentinel_keeps_its_link_and_asks_again(
    client: Client, new_bucket: NewBucket, emulator: Emulator, settings: Settings
) -> None:
    bucket = new_bucket(jobs=25)
    emulator.fault(bucket.name, "delay", seconds=0.5, when={"token": True})
    address = str(one(soup(get(client, path_of(bucket, "size=10"))), "#more")["hx-get"])
    settings.FIRST_WAIT = 0.01

    response = client.get(address, headers={**HTMX, "HX-Target": "more"})

    more = one(soup(response), "tr#more")
    assert response.status_code == 202
    assert more["hx-get"] == one(more, "a")["href"] == address
    assert row_ids(soup(get(client, address, target="more"))) == emulator.job_ids(bucket.name)[10:20]


def test_trouble_is_told_with_code_advice_and_request(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket()
    emulator.fault(bucket.name, "error", status=403, code="AccessDenied", message="Access <Denied>.")

    response = get(client, path_of(bucket))

    alert = one(soup(response), "[role=alert][data-code]:not([hidden])")
    assert response.status_code == 403
    assert (alert["data-code"], alert["data-class"]) == ("AccessDenied", "permission")
    assert words(one(alert, "blockquote")) == "Access <Denied>."
    assert one(alert, "[data-copy]")["data-copy"] == emulator.calls(bucket.name)[0].request_id
    assert "check_account" in words(alert)


def test_reader_who_asks_for_too_many_new_lists_is_told_and_cached_ones_still_open(
    client: Client, new_bucket: NewBucket, emulator: Emulator, settings: Settings
) -> None:
    settings.MISS_BUDGET = 2
    bucket = new_bucket(jobs=25)
    client.force_login(make_staff())
    opened = [get(client, path_of(bucket, f"size=10&range={hours}h")) for hours in (30, 31)]
    calls = len(emulator.calls(bucket.name))

    refused = get(client, path_of(bucket, "size=10&range=32h"))
    twin = get(client, f"/buckets/{bucket.name}/jobs.json?size=10&range=33h")

    assert [response.status_code for response in opened] == [200, 200]
    assert (refused.status_code, twin.status_code) == (429, 429)
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert one(soup(refused), "[role=alert][data-code]:not([hidden])")["data-code"] == "miss_budget"
    assert twin.json()["problem"]["class"] == "ours"
    assert get(client, path_of(bucket, "size=10&range=31h")).status_code == 200
    more = one(soup(opened[0]), "#more")["hx-get"]
    assert get(client, str(more), target="more").status_code == 200
    assert len(emulator.calls(bucket.name)) <= calls + 3  # pages of chains that are open, and the ones ahead


def test_page_that_upstream_refused_does_not_load_itself_anew(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket()
    cache.store_problem(
        Problem("throttled", "SlowDown", at=clock.now(), retry_after=10), "k", bucket.name, bucket.credential
    )

    response = get(client, path_of(bucket))

    assert (response.status_code, response["Retry-After"]) == (429, "10")
    assert "Refresh" not in response


def test_twin_of_trouble_has_its_status_and_says_the_same(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(faults=(UNBOUND,))

    response = get(client, f"/buckets/{bucket.name}/jobs.json")

    assert response.status_code == 409
    assert response.json().keys() == {"problem"}
    assert response.json()["problem"].keys() == {"class", "code", "message", "advice", "retryable", "request_id"}
    assert response.json()["problem"]["code"] == "MediaBucketUnBinded"


def test_try_again_drops_the_problem_and_goes_back(client: Client, new_bucket: NewBucket, emulator: Emulator) -> None:
    bucket = new_bucket(jobs=3)
    emulator.fault(bucket.name, "error", status=403, code="AccessDenied")
    form = one(soup(get(client, path_of(bucket, "size=10"))), ".problem form")
    emulator.set_faults(bucket.name)
    still = get(client, path_of(bucket, "size=10")).status_code

    response = client.post(str(form["action"]), {"next": one(form, "[name=next]")["value"]})

    assert (still, response.status_code, response["Location"]) == (403, 303, path_of(bucket, "size=10"))
    assert row_ids(soup(get(client, response["Location"]))) == emulator.job_ids(bucket.name)


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil.example", ""]
)
def test_try_again_never_leads_to_another_site(client: Client, new_bucket: NewBucket, back: str) -> None:
    bucket = new_bucket()

    response = client.post(f"/buckets/{bucket.name}/retry/", {"next": back})

    assert response["Location"] == path_of(bucket)


def test_refused_token_offers_the_first_page_and_no_second_try(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=3)
    now = int(clock.now())

    response = get(client, path_of(bucket, f"size=10&nextToken=foreign&pin={now - 9}.{now * 1000 - 9000}"))

    alert = one(soup(response), ".problem")
    assert response.status_code == 400
    assert alert.select("form") == []
    assert path_of(bucket, "size=10") in [link["href"] for link in alert.select("a")]


def test_failing_sentinel_stays_and_can_be_tried_again(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=25)
    emulator.fault(bucket.name, "error", status=403, code="AccessDenied", when={"token": True})
    address = str(one(soup(get(client, path_of(bucket, "size=10"))), "#more")["hx-get"])

    response = get(client, address, target="more")

    more = one(soup(response), "tr#more")
    form = one(more, "form")
    assert (response.status_code, one(more, "[role=alert]")["data-code"]) == (403, "AccessDenied")
    assert (form["hx-post"], form["hx-target"]) == (form["action"], "#more")
    assert one(form, "[name=next]")["value"] == address


def test_old_rows_stay_beside_the_problem(client: Client, new_bucket: NewBucket, emulator: Emulator) -> None:
    bucket = new_bucket(jobs=3)
    get(client, path_of(bucket))
    grow_old(bucket)
    emulator.fault(bucket.name, "error", status=403, code="AccessDenied")
    deadline = time.monotonic() + 10
    while not (page := soup(client.get(path_of(bucket)))).select(".problem.warn"):
        assert time.monotonic() < deadline

    twin = client.get(f"/buckets/{bucket.name}/jobs.json").json()

    assert row_ids(page) == emulator.job_ids(bucket.name)
    assert words(one(page, ".meta .stale")) == "out of date"
    assert (twin["stale"], twin["problem"]["code"], len(twin["jobs"])) == (True, "AccessDenied", 3)


def grow_old(bucket: Bucket) -> None:
    """Make the bucket's first page look as if it had been fetched two minutes ago."""
    answer = pages.get_page(bucket, JobFilter(), View(), person=False)
    assert isinstance(answer, Ready)
    key = f"v1:page:{bucket.name}:{JobFilter().digest}:{answer.page.pin}:first"
    with servers.cache_server().connection() as connection:
        changed = connection.hset(key, "began", round((answer.page.as_of - 120) * 1000))
    assert changed == 0, "the page's key has another name now"


# Not modified -------------------------------------------------------------------------------------------------------------


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


# The twin -----------------------------------------------------------------------------------------------------------------


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


# Who may look, and where from ---------------------------------------------------------------------------------------------


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
    addresses = [str(tag[name]) for name in ("href", "action", "hx-get") for tag in page.select(f"body [{name}]")]
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
