"""A job's page, its parts and their JSON twins as people and programs get them: real worker, real Valkeys, the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup, Tag

from jobs import servers
from tests.ports import free_port
from tests.reading import get, one, soup, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client
    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]

JOB_ID = "b0a77d3f0828f11eea1b2525400c0ffee"
PARTS = ("operation", "output", "time-interval", "input", "raw")
SECRET = "hunter2-hunter2"
NIGHTLY: dict[str, Any] = {
    "JobId": JOB_ID,
    "Type": "Job",
    "Name": "夜间转码-1",
    "State": "Success",
    "Code": "Success",
    "Message": "",
    "CreationTime": "2023-11-14T01:00:02+0800",
    "StartTime": "2023-11-14T01:00:04+0800",
    "EndTime": "2023-11-14T03:42:51+0800",
    "Input": {"Prefix": "raw/"},
    "Mood": "good",
    "Operation": {
        "TimeInterval": {"Start": "2023-11-13T00:00:00+0800", "End": "2023-11-14T00:00:00+0800"},
        "UserData": f"owner=media&token={SECRET}",
        "CallBack": f"https://hooks.example.com/{SECRET}",
        "Tag": "Transcode",
        "JobParam": {"WatermarkTemplateId": ["t1", "t2"]},
        "Output": {
            "Region": "ap-shanghai",
            "Bucket": "media-out-1250000000",
            "Object": "out/${InventoryTriggerJobId}/${InputName}.mp4",
        },
    },
}


@pytest.fixture
def bucket(new_bucket: NewBucket) -> Bucket:
    """A bucket with one finished job."""
    return new_bucket(given=(NIGHTLY,))


@pytest.fixture
def no_cache_server(settings: Settings) -> Iterator[None]:
    """The cache's Redis is down: nobody listens where it should be."""
    settings.REDIS_CACHE_URL = f"redis://127.0.0.1:{free_port()}/0"
    servers.cache_server.cache_clear()
    yield
    servers.cache_server.cache_clear()


def path_of(bucket: Bucket, part: str = "", job_id: str = JOB_ID, *, prefix: str = "", twin: bool = False) -> str:
    path = f"{prefix}/buckets/{bucket.name}/jobs/{job_id}{'/' * bool(part)}{part}"
    return f"{path}.json" if twin else f"{path}/"


def named(tree: BeautifulSoup, name: str) -> Tag:
    """Return what the page says of the element `name`."""
    found = [node for node in tree.select(".node") if name in [code.get_text() for code in node.select("dt code")]]
    assert len(found) == 1, (name, found)
    return one(found[0], "dd")


def test_job_page_says_who_it_is_and_opens_operation(client: Client, bucket: Bucket) -> None:
    page = soup(get(client, path_of(bucket)))

    assert words(one(page, "h1")) == "夜间转码-1"
    assert words(one(page, ".job-title .state")) == "Success"
    assert words(one(page, ".parts [aria-current=page]")) == "Operation"
    assert words(named(page, "Tag")) == "Transcode transcoding"


@pytest.mark.parametrize("part", PARTS)
def test_each_part_is_a_page_with_links_to_all_parts(client: Client, bucket: Bucket, part: str) -> None:
    page = soup(get(client, path_of(bucket, part)))

    links = page.select(".parts a")
    assert [link["href"] for link in links] == [path_of(bucket, name) for name in PARTS]
    assert [link["hx-get"] for link in links] == [link["href"] for link in links]
    assert one(page, ".parts [aria-current=page]")["href"] == path_of(bucket, part)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_is_a_fragment_for_htmx(client: Client, bucket: Bucket, part: str) -> None:
    response = get(client, path_of(bucket, part), "drill")

    fragment = soup(response)
    assert fragment.select("html, main, h1") == []
    assert one(fragment, "#drill .parts [aria-current=page]")["href"] == path_of(bucket, part)
    assert "HX-Request" in response.headers["Vary"]


def test_history_restore_gets_the_whole_page(client: Client, bucket: Bucket) -> None:
    get(client, path_of(bucket, "output"))

    headers = {"HX-Request": "true", "HX-Target": "drill", "HX-History-Restore-Request": "true"}
    response = client.get(path_of(bucket, "output"), headers=headers)

    assert len(soup(response).select("html")) == 1


def test_output_path_stands_once_with_the_job_id_in_it(client: Client, bucket: Bucket) -> None:
    page = soup(get(client, path_of(bucket, "output")))

    assert one(page, "code[data-resolved]").decode_contents() == f"out/{JOB_ID}/${{InputName}}.mp4"
    assert one(page, "#panel button[data-copy^='cos://']")["data-copy"] == (
        f"cos://media-out-1250000000/out/{JOB_ID}/${{InputName}}.mp4"
    )
    assert "another region" in words(named(page, "Region"))


def test_time_interval_is_told_as_upload_times_and_drawn_beside_the_job(client: Client, bucket: Bucket) -> None:
    page = soup(get(client, path_of(bucket, "time-interval")))

    assert words(one(page, ".lead")) == "Objects uploaded between 2023-11-13 00:00:00 and 2023-11-14 00:00:00"
    assert [words(lane) for lane in page.select("svg .lane")] == ["Objects uploaded", "This job"]
    assert len(page.select("svg .bar.selected")) == 1


@pytest.mark.parametrize(
    ("given", "lead"),
    [
        ({"End": "2023-11-14T00:00:00+0800"}, "Objects uploaded between the beginning and 2023-11-14 00:00:00"),
        (
            {"Start": "2023-11-13T00:00:00+0800", "End": "-"},
            "Objects uploaded between 2023-11-13 00:00:00 and the job's creation ( 2023-11-14 01:00:02 )",
        ),
        ({"Start": "0"}, "Objects uploaded between the beginning and the job's creation ( 2023-11-14 01:00:02 )"),
        (
            None,
            "No TimeInterval is given: objects of any upload time, from the beginning up to the job's creation.",
        ),
    ],
    ids=["start", "end", "both", "none"],
)
def test_open_ends_of_the_time_interval_are_told_in_words(
    client: Client, new_bucket: NewBucket, given: dict[str, str] | None, lead: str
) -> None:
    bucket = new_bucket(given=(NIGHTLY | {"Operation": {"Tag": "Transcode", "TimeInterval": given}},))

    assert words(one(soup(get(client, path_of(bucket, "time-interval"))), ".lead")) == lead


def test_time_interval_follows_the_zone_of_the_link(client: Client, bucket: Bucket) -> None:
    page = soup(get(client, path_of(bucket, "time-interval") + "?tz=UTC"))

    assert words(one(page, ".lead")) == "Objects uploaded between 2023-11-12 16:00:00 and 2023-11-13 16:00:00"
    assert one(page, ".crumbs [href*=buckets]")["href"] == f"/buckets/{bucket.name}/jobs/?tz=UTC"
    assert {str(link["href"]).partition("?")[2] for link in page.select(".parts a")} == {"tz=UTC"}


def test_raw_shows_xml_and_json_and_lists_what_is_unknown_and_masked(client: Client, bucket: Bucket) -> None:
    page = soup(get(client, path_of(bucket, "raw")))

    xml, parsed = (block.get_text() for block in page.select("pre.raw"))
    assert "<Name>夜间转码-1</Name>" in xml
    assert '"Name": "夜间转码-1"' in parsed
    assert [mark.get_text() for mark in page.select("pre.raw mark")] == ["Mood", "Mood"]
    assert [code.get_text() for code in page.select("#panel .hint code")] == [
        "Operation.UserData", "Operation.CallBack", "Mood",
    ]  # fmt: skip


def test_raw_of_a_job_that_a_list_told_of_is_fetched(client: Client, bucket: Bucket, emulator: Emulator) -> None:
    get(client, f"/buckets/{bucket.name}/jobs/")
    get(client, path_of(bucket))
    assert [call.path for call in emulator.calls(bucket.name)] == ["/inventorytriggerjob"]

    page = soup(get(client, path_of(bucket, "raw")))

    assert len(page.select("pre.raw")) == 2
    assert [call.path for call in emulator.calls(bucket.name)][1:] == [f"/inventorytriggerjob/{JOB_ID}"]


@pytest.mark.parametrize("part", ["", *PARTS])
@pytest.mark.parametrize("twin", [False, True])
def test_no_secret_of_a_job_is_shown(client: Client, bucket: Bucket, part: str, twin: bool) -> None:
    response = get(client, path_of(bucket, part, twin=twin))

    assert response.status_code == 200
    assert SECRET not in response.content.decode()


def test_a_callback_is_no_link(client: Client, bucket: Bucket) -> None:
    page = soup(get(client, path_of(bucket)))

    said = named(page, "CallBack")
    assert words(said).startswith("https://hooks.example.com/*** masked")
    assert said.select("a") == []


def test_addresses_are_links_only_for_http(client: Client, new_bucket: NewBucket) -> None:
    parameters = {"Good": "https://example.com/logo.png", "Bad": "javascript:alert(1)", "Odd": "data:text/html,x"}
    bucket = new_bucket(given=({**NIGHTLY, "Operation": {"JobParam": {"PicProcess": parameters}}},))

    page = soup(get(client, path_of(bucket)))

    links = page.select(".tree a")
    assert [(link["href"], link["rel"]) for link in links] == [
        ("https://example.com/logo.png", ["noopener", "noreferrer"])
    ]


def test_names_of_any_kind_are_text(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=({**NIGHTLY, "Name": "<img src=x onerror=alert(1)>"},))

    page = soup(get(client, path_of(bucket)))

    assert one(page, "h1").get_text(strip=True) == "<img src=x onerror=alert(1)>"
    assert page.select("img[src=x]") == []


def test_workflow_ids_lead_to_the_jobs_of_the_workflow(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=({**NIGHTLY, "Type": "Workflow", "Operation": {"WorkflowIds": "w1,w2"}},))

    page = soup(get(client, path_of(bucket)))

    assert [link["href"] for link in named(page, "WorkflowIds").select("a")] == [
        f"/buckets/{bucket.name}/jobs/?workflowId=w1",
        f"/buckets/{bucket.name}/jobs/?workflowId=w2",
    ]


def test_failure_is_told_with_what_it_usually_means(client: Client, new_bucket: NewBucket) -> None:
    job = {**NIGHTLY, "State": "Failed", "Code": "CIRoleNotExist", "Message": "role CI_QCSRole does not exist"}
    bucket = new_bucket(given=(job,))

    said = words(one(soup(get(client, path_of(bucket))), ".failure"))

    assert said.startswith("CIRoleNotExist role CI_QCSRole does not exist What it usually means: The account lacks")


def test_contradictions_are_told(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=({**NIGHTLY, "State": "Running"},))

    page = soup(get(client, path_of(bucket)))

    assert "yet an end time is given" in words(one(page, ".job-head .notice.warn"))


# What isn't there -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["", *PARTS])
def test_unknown_job_is_404_that_says_so(client: Client, bucket: Bucket, part: str) -> None:
    response = get(client, path_of(bucket, part, "bffffffffffffffffffffffffffffffff"))

    assert response.status_code == 404
    alert = one(soup(response), "[role=alert][data-code=no_such_job]")
    assert "doesn't know this job in this bucket (any more)" in words(alert)
    assert len(alert.select("li")) == 3
    assert one(alert, "a")["href"] == f"/buckets/{bucket.name}/jobs/"


@pytest.mark.parametrize("job_id", ["%0A", "%00", "b1%7F"])
def test_what_can_be_no_job_id_is_an_unknown_job(client: Client, bucket: Bucket, job_id: str) -> None:
    response = get(client, path_of(bucket, job_id=job_id))

    assert response.status_code == 404
    assert soup(response).select("[role=alert][data-code=no_such_job]")


@pytest.mark.parametrize("job_id", ["a%3Fb", "a%2523b", "100%25"])
def test_redirect_and_twin_lead_to_the_same_job_whatever_its_id_holds(
    client: Client, new_bucket: NewBucket, job_id: str
) -> None:
    bucket = new_bucket(given=({**NIGHTLY, "JobId": unquote(job_id)},))
    path = f"/buckets/{bucket.name}/jobs/{job_id}"

    redirected = client.get(f"{path}/?utm_source=x")
    page = soup(get(client, f"{path}/"))

    assert redirected["Location"] == f"{path}/"
    assert one(page, "[href$='.json']")["href"] == f"{path}.json"


def test_unknown_job_is_404_in_json(client: Client, bucket: Bucket) -> None:
    response = get(client, path_of(bucket, job_id="bffffffffffffffffffffffffffffffff", twin=True))

    assert response.status_code == 404
    assert response.json()["problem"]["code"] == "no_such_job"


def test_trouble_has_its_status_and_can_be_tried_again(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(faults=({"kind": "error", "status": 400, "code": "MediaBucketUnBinded", "message": "m"},))

    response = get(client, path_of(bucket))

    assert response.status_code == 409
    assert one(soup(response), ".problem[role=alert]")["data-code"] == "MediaBucketUnBinded"
    assert one(soup(response), ".problem input[name=next]")["value"] == path_of(bucket)


def test_pending_page_asks_again_by_itself(client: Client, new_bucket: NewBucket, settings: Settings) -> None:
    settings.FIRST_WAIT = 0.0
    bucket = new_bucket(given=(NIGHTLY,), latency=0.5)

    response = client.get(path_of(bucket, "output"))

    assert response.status_code == 202
    assert int(response.headers["Retry-After"]) >= 1
    pending = one(soup(response), "[aria-busy=true]")
    assert (pending["hx-get"], pending["hx-target"]) == (path_of(bucket, "output"), "#look")
    settings.FIRST_WAIT = 1.0
    assert get(client, path_of(bucket, "output"), "look").status_code == 200


def test_pending_raw_keeps_what_is_known_of_the_job(
    client: Client, bucket: Bucket, emulator: Emulator, settings: Settings
) -> None:
    get(client, f"/buckets/{bucket.name}/jobs/")
    settings.FIRST_WAIT = 0.0
    emulator.set_latency(0.5, bucket.name)

    response = client.get(path_of(bucket, "raw"))

    assert response.status_code == 202
    assert words(one(soup(response), "h1")) == "夜间转码-1"
    assert one(soup(response), "[aria-busy=true]")["hx-target"] == "#drill"


def test_dead_redis_is_503(client: Client, bucket: Bucket, no_cache_server: None) -> None:
    response = client.get(path_of(bucket))

    assert response.status_code == 503
    assert one(soup(response), ".problem[role=alert]")["data-code"] == "redis_down"


def test_hidden_bucket_is_404_at_every_address(client: Client, bucket: Bucket) -> None:
    bucket.hidden = True
    bucket.save()

    paths = [path_of(bucket, part, twin=twin) for part in ("", *PARTS) for twin in (False, True)]

    assert {client.get(path).status_code for path in paths} == {404}


@pytest.mark.parametrize(("query", "name"), [("tz=Asia/Shanghia", "tz"), ("colour=blue", "colour")])
def test_wrong_parameter_is_400_and_fetches_nothing(
    client: Client, bucket: Bucket, emulator: Emulator, query: str, name: str
) -> None:
    response = client.get(f"{path_of(bucket)}?{query}")

    assert response.status_code == 400
    assert name in [code.get_text() for code in soup(response).select("[role=alert] li code")]
    assert client.get(f"{path_of(bucket, twin=True)}?{query}").json()["errors"].keys() == {name}
    assert emulator.calls(bucket.name) == []


def test_uncanonical_query_is_redirected(client: Client, bucket: Bucket) -> None:
    response = client.get(f"{path_of(bucket)}?tz=Asia/Shanghai&utm_source=mail")

    assert (response.status_code, response.headers["Location"]) == (302, path_of(bucket))


# Twins, conditions, frames --------------------------------------------------------------------------------------------


def test_twin_of_a_job_is_the_record_itself(client: Client, bucket: Bucket) -> None:
    body = get(client, path_of(bucket, twin=True)).json()

    assert body.keys() == {"job", "as_of", "stale", "request_id"}
    job = body["job"]
    assert (job["JobId"], job["Mood"], job["Operation"]["JobParam"]) == (
        JOB_ID,
        "good",
        {"WatermarkTemplateId": ["t1", "t2"]},
    )
    assert job["_masked"] == ["Operation.UserData", "Operation.CallBack"]
    assert job["_durations"] == {"waited": 2.0, "ran": 9767.0}


@pytest.mark.parametrize(
    ("part", "key", "expected"),
    [
        ("output", "output", NIGHTLY["Operation"]["Output"]),
        ("time-interval", "time_interval", NIGHTLY["Operation"]["TimeInterval"]),
        ("input", "input", NIGHTLY["Input"]),
    ],
)
def test_twin_of_a_part_is_its_element(client: Client, bucket: Bucket, part: str, key: str, expected: Any) -> None:
    body = get(client, path_of(bucket, part, twin=True)).json()

    assert body.keys() == {"job_id", key, "_masked", "as_of", "stale", "request_id"}
    assert (body["job_id"], body[key]) == (JOB_ID, expected)


def test_twin_of_raw_is_the_masked_xml(client: Client, bucket: Bucket) -> None:
    body = get(client, path_of(bucket, "raw", twin=True)).json()

    assert "<CallBack>https://hooks.example.com/***</CallBack>" in body["raw"]


def test_unchanged_page_is_304(client: Client, bucket: Bucket) -> None:
    first = get(client, path_of(bucket, "output"))

    again = client.get(path_of(bucket, "output"), headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, first.headers["Cache-Control"]) == (304, "private, no-cache")


def test_embedded_page_keeps_its_links_inside(client: Client, bucket: Bucket, settings: Settings) -> None:
    settings.EMBED_ORIGINS = ["https://portal.example.com"]

    page = soup(get(client, path_of(bucket, "operation", prefix="/embed")))

    addresses = [str(link["href"]) for link in page.select("a[href]")]
    assert [address for address in addresses if not address.startswith(("/embed/", "#"))] == []


def test_no_id_but_a_rows_begins_with_job(client: Client, bucket: Bucket) -> None:
    pages = [soup(get(client, path_of(bucket, part))) for part in PARTS]

    assert [tag["id"] for page in pages for tag in page.select("[id^='job-']")] == []


@pytest.mark.parametrize("part", PARTS)
def test_pages_hold_no_inline_style_or_script(client: Client, bucket: Bucket, part: str) -> None:
    page = soup(get(client, path_of(bucket, part)))

    assert page.select("[style], style, script:not([src])") == []
