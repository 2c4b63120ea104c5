"""The JSON twins, key by key, as design and documents promise them to programs."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.looking import job_path, list_path
from tests.e2e.sites import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.models import Bucket
    from tests.e2e.sites import Site
    from tests.emulators import Emulator

PROBLEM = ["advice", "class", "code", "message", "request_id", "retryable"]
DENIED = {"kind": "error", "status": 403, "code": "AccessDenied", "message": "No."}
JOB: dict[str, Any] = {
    "Name": "nightly 夜间",
    "Type": "Job",
    "State": "Failed",
    "Code": "InvalidArgument",
    "Message": "no such template",
    "CreationTime": "2026-06-27T15:23:10+0800",
    "StartTime": "2026-06-27T15:23:40+0800",
    "EndTime": "2026-06-27T15:25:10+0800",
    "Operation": {
        "Tag": "Transcode",
        "UserData": "owner=ops&token=abc",
        "CallBack": "https://hooks.example.com/in?sign=abc",
        "TimeInterval": {"Start": "2026-06-01T00:00:00+0800", "End": "2026-06-02T00:00:00+0800"},
        "Output": {"Region": "ap-guangzhou", "Bucket": "out-1250000000", "Object": "o/${InventoryTriggerJobId}.mp4"},
        "Unheard": {"Of": ["1", "2"]},
    },
}


@pytest.fixture
def bucket(new_bucket: Callable[..., Bucket]) -> Bucket:
    """A bucket with one job of known nodes."""
    return new_bucket(given=(JOB,))


def is_aware(text: str) -> bool:
    return datetime.fromisoformat(text).utcoffset() is not None


def test_list_has_its_keys_in_order(reader: Reader, bucket: Bucket, emulator: Emulator) -> None:
    body = reader.json(list_path(bucket, "type=Job&states=Failed&name=nightly+%E5%A4%9C%E9%97%B4", twin=True))

    assert list(body) == [
        "bucket", "region", "filter", "summary", "as_of", "pin", "stale", "problem", "request_id", "received", "unique",
        "completeness", "jobs", "next",
    ]  # fmt: skip
    call = emulator.calls(bucket.name)[-1]
    fixed = {
        name: body[name]
        for name in ("bucket", "region", "filter", "stale", "problem", "request_id", "received", "unique", "next")
    }
    assert fixed == {
        "bucket": bucket.name,
        "region": "ap-guangzhou",
        "filter": {"type": "Job", "states": "Failed", "name": "nightly 夜间"},
        "stale": False,
        "problem": None,
        "request_id": call.request_id,
        "received": 1,
        "unique": 1,
        "next": None,
    }
    assert is_aware(body["as_of"])
    assert re.fullmatch(r"\d{10}\.\d{13}", body["pin"])
    assert body["summary"] != ""


def test_job_is_the_node_itself_with_what_is_read_from_it(reader: Reader, bucket: Bucket, emulator: Emulator) -> None:
    listed = reader.json(list_path(bucket, twin=True))["jobs"][0]
    body = reader.json(job_path(bucket, emulator.job_ids(bucket.name)[0], twin=True))

    assert list(body) == ["job", "as_of", "stale", "request_id"]
    job = body["job"]
    assert job == listed
    assert (body["stale"], is_aware(body["as_of"]), body["request_id"]) == (
        False, True, emulator.calls(bucket.name)[-1].request_id,
    )  # fmt: skip
    given = {name: job[name] for name in JOB if name != "Operation"}
    assert given == {name: value for name, value in JOB.items() if name != "Operation"}
    assert job["Operation"]["Unheard"] == {"Of": ["1", "2"]}
    assert job["Operation"]["TimeInterval"] == JOB["Operation"]["TimeInterval"]
    assert job["Operation"]["CallBack"].startswith("https://hooks.example.com")
    assert "abc" not in job["Operation"]["CallBack"] + job["Operation"]["UserData"]
    assert sorted(job["_masked"]) == ["Operation.CallBack", "Operation.UserData"]
    assert job["_times"] == {
        "CreationTime": "2026-06-27T15:23:10+08:00",
        "StartTime": "2026-06-27T15:23:40+08:00",
        "EndTime": "2026-06-27T15:25:10+08:00",
    }
    assert job["_durations"] == {"waited": 30.0, "ran": 90.0}
    assert {name for name in job if name.startswith("_")} == {"_times", "_durations", "_masked"}


def test_absent_times_are_null(reader: Reader, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(
        given=({"State": "Submitted", "CreationTime": JOB["CreationTime"], "StartTime": "-", "EndTime": ""},)
    )

    job = reader.json(list_path(bucket, twin=True))["jobs"][0]

    assert (job["_times"]["StartTime"], job["_times"]["EndTime"]) == (None, None)
    assert job["_durations"] == {"waited": None, "ran": None}
    assert job["StartTime"] == "-"


def test_next_leads_to_the_end_and_pins_the_list(
    reader: Reader, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=65)
    expected = emulator.job_ids(bucket.name)

    pages = list(reader.pages(list_path(bucket, "size=10", twin=True), lambda: emulator.add_job(bucket.name)))

    assert [job["JobId"] for page in pages for job in page["jobs"]] == expected
    assert len({page["pin"] for page in pages}) == 1
    assert [page["unique"] for page in pages] == [10, 10, 10, 10, 10, 10, 5]
    assert all(page["next"].startswith(list_path(bucket, twin=True) + "?") for page in pages[:-1])


def test_pending_is_202_with_retry_after(site: Site, reader: Reader, new_bucket: Callable[..., Bucket]) -> None:
    bucket = new_bucket(jobs=1, latency=2.0)

    answers = [reader.get(list_path(bucket, twin=True)), reader.get(job_path(bucket, "b" + "0" * 32, twin=True))]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert [answer.json() for answer in answers] == [{"pending": True}] * 2
    assert [answer.headers["Retry-After"].isdigit() for answer in answers] == [True, True]


@pytest.mark.parametrize("of", ["list", "job"])
def test_problem_has_its_keys_and_status(
    reader: Reader, new_bucket: Callable[..., Bucket], emulator: Emulator, of: str
) -> None:
    bucket = new_bucket(jobs=1, faults=(DENIED,))
    path = list_path(bucket, twin=True) if of == "list" else job_path(bucket, "b" + "0" * 32, twin=True)

    answer = reader.patient(path)

    body = answer.json()
    assert (answer.status_code, list(body), sorted(body["problem"])) == (403, ["problem"], PROBLEM)
    problem = body["problem"]
    assert (problem["class"], problem["code"], problem["message"]) == ("permission", "AccessDenied", "No.")
    assert problem["request_id"] in [call.request_id for call in emulator.calls(bucket.name)]
    assert (problem["advice"] != "", problem["retryable"]) == (True, True)


def test_unknown_job_is_404(reader: Reader, bucket: Bucket) -> None:
    answer = reader.patient(job_path(bucket, "b" + "0" * 32, twin=True))

    problem = answer.json()["problem"]
    assert (answer.status_code, problem["class"], problem["code"], problem["retryable"]) == (
        404, "not_found", "no_such_job", False,
    )  # fmt: skip


def test_wrong_filter_is_400_with_each_parameter(reader: Reader, bucket: Bucket, emulator: Emulator) -> None:
    answer = reader.get(list_path(bucket, "states=failed&size=0&colour=red", twin=True))

    body = answer.json()
    assert (answer.status_code, sorted(body), sorted(body["problem"])) == (400, ["errors", "problem"], PROBLEM)
    assert sorted(body["errors"]) == ["colour", "size", "states"]
    assert all(texts and all(isinstance(text, str) for text in texts) for texts in body["errors"].values())
    assert emulator.calls(bucket.name) == []


def test_page_and_twin_have_the_same_status(reader: Reader, new_bucket: Callable[..., Bucket]) -> None:
    well, denied = new_bucket(jobs=1), new_bucket(faults=(DENIED,))
    missing = "b" + "0" * 32

    pairs = [
        (list_path(well), list_path(well, twin=True)),
        (list_path(denied), list_path(denied, twin=True)),
        (list_path(well, "size=0"), list_path(well, "size=0", twin=True)),
        (job_path(well, missing), job_path(well, missing, twin=True)),
        (job_path(well, missing, "raw"), job_path(well, missing, "raw", twin=True)),
        (list_path(UNSEEN), list_path(UNSEEN, twin=True)),
    ]

    statuses = [(reader.patient(page).status_code, reader.patient(twin).status_code) for page, twin in pairs]
    assert statuses == [(200, 200), (403, 403), (400, 400), (404, 404), (404, 404), (404, 404)]


UNSEEN = "nobody-has-this-1250000000"
