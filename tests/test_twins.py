"""The JSON shapes that programs rely on: the API's own names and text, and ours under an underscore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import QueryDict

from jobs import twins
from jobs.cloudinfinite.schema import Job
from jobs.completeness import DOUBTS, Completeness
from jobs.filters import Pin, parse_list
from jobs.models import Bucket
from jobs.problems import Problem
from jobs.records import Continuation, Page, Row
from jobs.searches import Ready

if TYPE_CHECKING:
    from jobs.cloudinfinite.tree import Tree

TREE: Tree = {
    "JobId": "b1",
    "State": "Failed",
    "Code": "InvalidArgument",
    "CreationTime": "2026-01-02T03:04:05+0800",
    "StartTime": "2026-01-02T03:04:07+0800",
    "EndTime": "-",
    "Operation": {"CallBack": "https://example.com/***", "Output": [{"Object": "a"}, {"Object": "b"}]},
    "Unknown": "kept",
}


def row(job_id: str = "b1", *masked: str) -> Row:
    return Row(Job({**TREE, "JobId": job_id}), masked)


def page(n: int, *rows: Row, following: str = "") -> Page:
    return Page(
        bucket="media-1250000000",
        region="ap-guangzhou",
        digest="d",
        pin=Pin(1_767_200_000, 1_767_200_001_000),
        n=n,
        rows=rows,
        received=len(rows) + 1,
        repeats=1,
        next=Continuation(following) if following else None,
        end="" if following else "missing",
        request_id=f"request-{n}",
        as_of=1_767_200_000.25 + n,
    )


def test_job_is_the_node_itself_with_what_was_read_beside_it() -> None:
    assert twins.job(row("b1", "Operation.CallBack")) == {
        **TREE,
        "_times": {
            "CreationTime": "2026-01-02T03:04:05+08:00",
            "StartTime": "2026-01-02T03:04:07+08:00",
            "EndTime": None,
        },
        "_durations": {"waited": 2.0, "ran": None},
        "_masked": ["Operation.CallBack"],
    }


def test_list_puts_its_pages_together_as_one() -> None:
    asked = parse_list(QueryDict("states=Failed&depth=2"), now=1_767_200_100.0)
    trouble = Problem("throttled", "SlowDown", "Reduce your request rate.", "request-9")
    ready = [Ready(page(1, row("b1"), following="t"), stale=True, problem=trouble), Ready(page(2, row("b2")))]

    body = twins.job_list(
        Bucket(name="media-1250000000", region="ap-guangzhou"),
        asked,
        ready,
        Completeness(2, 7, 6, ("second",)),
        next_path="/next.json",
    )

    assert [job.pop("JobId") for job in body.pop("jobs")] == ["b1", "b2"]
    assert body.pop("problem")["code"] == "SlowDown"
    assert body == {
        "bucket": "media-1250000000",
        "region": "ap-guangzhou",
        "filter": {"states": "Failed"},
        "summary": "Failed jobs, newest first",
        "as_of": "2025-12-31T16:53:21.250+00:00",
        "pin": "1767200000.1767200001000",
        "stale": True,
        "request_id": "request-2",
        "received": 4,
        "unique": 2,
        "completeness": {
            "pages": 2,
            "received": 7,
            "unique": 6,
            "repeats": 1,
            "earlier_unknown": False,
            "end": "missing",
            "doubts": {"second": str(DOUBTS["second"])},
        },
        "next": "/next.json",
    }


def test_problem_says_whose_it_is_and_what_helps() -> None:
    body = twins.problem(Problem("refused", "InvalidArgument", "Param size is illegal", "request-1"))

    assert body == {
        "problem": {
            "class": "refused",
            "code": "InvalidArgument",
            "message": "Param size is illegal",
            "advice": "Change the filter, or start again from the first page.",
            "retryable": False,
            "request_id": "request-1",
        }
    }


def test_wrong_filter_has_the_shape_of_a_problem_and_its_reasons_by_parameter() -> None:
    asked = parse_list(QueryDict("states=Faild&size=0"), now=0.0)

    body = twins.wrong(asked.errors)

    assert body["problem"].keys() == twins.problem_body(Problem("ours", "busy")).keys()
    assert {name: len(texts) for name, texts in body["errors"].items()} == {"states": 1, "size": 1}
    assert body["errors"]["states"][0].endswith("Did you mean “Failed”?")


def test_moment_is_aware_and_keeps_milliseconds() -> None:
    assert twins.moment(0.25) == "1970-01-01T00:00:00.250+00:00"
