"""What a page of a list shows: its jobs row by row, as of when, and what it says where there are none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.reading import LONG_AGO, get, one, path_of, row_ids, soup, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]


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
    assert [words(one(row, ".name > code")) for row in rows] == [job.job_id for job in truth[:10]]
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


@pytest.mark.parametrize("count", [0, 1, 2])
def test_list_of_few_rows_shows_each_once(
    client: Client, new_bucket: NewBucket, emulator: Emulator, count: int
) -> None:
    """XML tells a list of one row from a single value by nothing."""
    bucket = new_bucket(jobs=count)

    page = soup(get(client, path_of(bucket)))
    twin = get(client, f"/buckets/{bucket.name}/jobs.json").json()

    assert row_ids(page) == emulator.job_ids(bucket.name)
    assert [job["JobId"] for job in twin["jobs"]] == row_ids(page)
    assert (len(row_ids(page)), page.select("[role=alert][data-code]")) == (count, [])


def test_row_that_is_odd_in_every_way_is_shown_among_the_others(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    odd = {
        "CreationTime": LONG_AGO, "State": "Melted", "StartTime": "-", "EndTime": "-", "Unheard": {"Of": ["1", "2"]},
        "Operation": {"Tag": "Transcode", "UserData": "夜 note " * 1500},
    }  # fmt: skip
    bucket = new_bucket(jobs=2)
    job_id = emulator.add_job(bucket.name, **odd)

    page = soup(get(client, path_of(bucket)))

    row = one(page, f'tr[id="job-{job_id}"]')
    assert row_ids(page) == emulator.job_ids(bucket.name)
    assert words(one(row, ".state")) == "Melted"
    assert [str(time["title"]).splitlines()[-1] for time in row.select("time")] == [f"Cloud Infinite wrote {LONG_AGO}"]
    assert page.select("[role=alert][data-code]") == []


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
