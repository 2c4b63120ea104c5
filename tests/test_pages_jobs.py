"""One job by itself: from a list that held it, or asked for alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs import cache, pages, servers
from jobs.records import JobQuestion
from jobs.searches import Failed, Pending
from tests.paging import get, ids

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator


pytestmark = pytest.mark.usefixtures("worker")


def get_job(bucket: Bucket, job_id: str, *, raw: bool = False, tries: int = 40) -> Any:
    answer: Any = None
    for _ in range(tries):
        answer = pages.get_job(bucket, job_id, raw=raw)
        if not isinstance(answer, Pending):
            return answer
    return answer


def job_calls(emulator: Emulator, bucket: Bucket) -> int:
    return sum(call.path != "/inventorytriggerjob" for call in emulator.calls(bucket.name))


def test_job_seen_in_a_list_opens_without_a_call(
    new_bucket: Callable[..., Bucket], emulator: Emulator, until: Callable[[Callable[[], Any]], None]
) -> None:
    bucket = new_bucket(jobs=5)
    job_id = ids(get(bucket))[2]
    until(lambda: cache.find_job(JobQuestion(bucket.name, job_id), bucket.credential).job)

    answer = get_job(bucket, job_id)

    assert (answer.record.row.job.job_id, answer.record.raw_missing) == (job_id, "not_asked")
    assert job_calls(emulator, bucket) == 0


def test_job_asked_by_its_link_alone_is_fetched(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket(jobs=5)
    job_id = emulator.job_ids(bucket.name)[0]

    answer = get_job(bucket, job_id)

    assert answer.record.row.job.job_id == job_id
    assert job_calls(emulator, bucket) == 1


def test_raw_is_the_xml_as_received(new_bucket: Callable[..., Bucket], emulator: Emulator) -> None:
    bucket = new_bucket()
    job_id = emulator.add_job(bucket.name, Name="a <b> & c", Operation={"UserData": "token=abc", "WorkflowIds": "w1"})

    answer = get_job(bucket, job_id, raw=True)

    assert "<Name>a &lt;b&gt; &amp; c</Name>" in answer.record.raw
    assert "<UserData>token=***</UserData>" in answer.record.raw
    assert answer.record.row.masked == ("Operation.UserData",)


def test_job_is_read_from_the_list_where_reading_one_is_denied(
    new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    denied = {"kind": "error", "status": 403, "code": "AccessDenied", "when": {"call": "job"}}
    bucket = new_bucket(jobs=5, faults=(denied,))
    job_id = emulator.job_ids(bucket.name)[0]

    answer = get_job(bucket, job_id, raw=True)

    assert (answer.record.row.job.job_id, answer.record.raw, answer.record.raw_missing) == (job_id, None, "denied")


@pytest.mark.parametrize("unknown", ["200", "404"])
def test_unknown_job_is_said_to_be_unknown(new_bucket: Callable[..., Bucket], unknown: str) -> None:
    fault = {"kind": "raw", "status": 404, "body": "", "when": {"call": "job"}}
    bucket = new_bucket(jobs=1, faults=(fault,) if unknown == "404" else ())

    answer = get_job(bucket, "b" + "f" * 32)

    assert isinstance(answer, Failed)
    assert (answer.problem.code, answer.problem.status) == ("no_such_job", 404)


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("job_id", [".", "\n", "\x00", "b1\x7f", "\x85b1"])
def test_what_can_be_no_job_id_is_unknown_without_a_call_and_at_no_cost(
    new_bucket: Callable[..., Bucket], emulator: Emulator, settings: Settings, job_id: str, raw: bool
) -> None:
    settings.MISS_BUDGET = 1
    bucket = new_bucket(jobs=1)

    answers = [pages.get_job(bucket, job_id, reader="user:1", raw=raw) for _ in range(2)]

    assert [(answer.problem.code, answer.problem.status) for answer in answers if isinstance(answer, Failed)] == [
        ("no_such_job", 404)
    ] * 2
    assert job_calls(emulator, bucket) == 0
    with servers.broker().connection() as client:
        assert not client.exists("budget:user:1")
