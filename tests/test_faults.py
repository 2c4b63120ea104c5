"""A few of the faults of `./dev faults`, short, and proof that its judge can say no."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulators import Call
from tests.faults.evidence import Evidence, judge
from tests.faults.injections import FAULTS
from tests.faults.readers import Tally
from tests.faults.site import SICK, WELL
from tests.faults.trial import Result, Trial

if TYPE_CHECKING:
    from collections.abc import Iterator

OUTAGE = 2.0
END = 1_700_000_000
PATH = f"/buckets/{WELL}/jobs.json?states=Failed&size=10"


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    """A site under its readers; calls give up soon, so that a short outage is felt."""
    with Trial(CI_DEADLINE="1") as trial:
        yield trial


@pytest.mark.parametrize("name", ["worker killed while it waits for upstream", "broker hangs", "database gone"])
def test_site_is_true_under_a_fault_and_well_again_after_it(trial: Trial, name: str) -> None:
    result = trial.run(FAULTS[name], OUTAGE)

    assert result.tally.requests > 20
    assert result.tally.wrong == []
    assert result.tally.unnamed == []
    assert result.lost == 0
    assert result.is_in_time, str(result)


# The judge ---------------------------------------------------------------------------------------------------------------


def call(*ids: str, bucket: str = WELL, end: int = END, **parameters: str) -> Call:
    """Return a call that upstream answered with `ids`."""
    query = {
        "states": "Failed",
        "size": "10",
        "endCreationTime": datetime.fromtimestamp(end, UTC).isoformat(),
        **parameters,
    }
    return Call(
        number=1, time=float(END), bucket=bucket, region="ap-guangzhou", method="GET", path="/inventorytriggerjob",
        query=tuple((name, value) for name, value in query.items() if value), credential="id", in_flight=1, status=200,
        code="", request_id="req", ids=ids, faults=(), seconds=0.1,
    )  # fmt: skip


def twin(*ids: str, bucket: str = WELL, problem: dict[str, str] | None = None, **given: str) -> bytes:
    """Return the twin of a list that shows `ids`."""
    body: dict[str, Any] = {
        "bucket": bucket, "filter": {"states": "Failed", "size": "10", **given}, "pin": f"{END}.{END}001",
        "jobs": [{"JobId": job_id} for job_id in ids], "next": None, "problem": problem,
    }  # fmt: skip
    return json.dumps(body).encode()


def wrong_rows(body: bytes, *calls: Call, path: str = PATH) -> tuple[str, ...]:
    """Return which rows of a twin the judge takes for wrong, where upstream has answered `calls`."""
    evidence = Evidence()
    for one in calls:
        evidence.add(one)
    return judge(evidence, path, 200, body, "").wrong_rows


def test_row_that_upstream_sent_for_this_list_is_right() -> None:
    assert wrong_rows(twin("a", "b"), call("a"), call("b", "c", end=END - 60)) == ()


@pytest.mark.parametrize(
    "sent",
    [
        call("b"),
        call("a", bucket=SICK[0]),
        call("a", states="Success"),
        call("a", states=""),
        call("a", size="25"),
        call("a", end=END + 60),
        call("a", startCreationTime="2023-01-01T00:00:00+0800"),
    ],
    ids=[
        "never",
        "of another bucket",
        "of other states",
        "of any state",
        "of another size",
        "later",
        "of another time",
    ],
)
def test_row_that_upstream_has_not_sent_for_this_list_is_wrong(sent: Call) -> None:
    assert wrong_rows(twin("a"), sent) == ("a",)


@pytest.mark.parametrize(("order", "end", "start"), [("", END - 60, ""), ("Asc", END, "2023-11-14T22:12:20+00:00")])
def test_page_that_goes_on_by_creation_time_is_judged_from_there(order: str, end: int, start: str) -> None:
    path = f"{PATH}&pin={END}.{END}001&after=2023-11-14T22:12:20%2B00:00"  # a minute before END
    body = twin("a", orderByTime=order)

    assert wrong_rows(body, call("a", end=end, startCreationTime=start, orderByTime=order), path=path) == ()
    assert wrong_rows(body, call("a", end=END + 60, orderByTime=order), path=path) == ("a",)


def test_list_of_another_bucket_is_wrong() -> None:
    assert wrong_rows(twin("a", bucket=SICK[0]), call("a", bucket=SICK[0]))


def test_job_that_upstream_has_never_sent_is_wrong() -> None:
    path = f"/buckets/{WELL}/jobs/a.json"
    body = json.dumps({"job": {"JobId": "a"}}).encode()

    assert wrong_rows(body, call("a"), path=path) == ()
    assert wrong_rows(body, call("b"), path=path) == ("a",)
    assert wrong_rows(json.dumps({"job": {"JobId": "b"}}).encode(), call("b"), path=path) == ("b",)


def problem(kind: str, code: str) -> dict[str, str]:
    return {"class": kind, "code": code}


def tally(status: int, body: bytes, *, path: str = PATH, retry_after: str = "") -> Tally:
    """Return what is counted of one answer while only the broker is down."""
    counted = Tally(expected=[("ours", "redis_down")], everywhere=True)
    counted.count(path, judge(Evidence(), path, status, body, retry_after), 0.1)
    return counted


@pytest.mark.parametrize(
    ("status", "told", "is_unnamed"),
    [
        (503, problem("ours", "redis_down"), False),
        (503, problem("ours", "no_worker"), True),
        (502, problem("upstream_failing", "unreachable"), True),
        (500, problem("ours", "server_error"), True),
        (502, problem("ours", "redis_down"), True),  # not the status that the contract has for it
        (500, None, True),
    ],
)
def test_error_that_names_another_fault_is_counted(status: int, told: dict[str, str] | None, is_unnamed: bool) -> None:
    body = json.dumps({"problem": told}).encode()

    assert bool(tally(status, body).unnamed) == is_unnamed


def test_foreign_problem_beside_good_rows_is_counted() -> None:
    assert tally(200, twin(problem=problem("timeout", "timeout"))).unnamed
    assert not tally(200, twin(problem=problem("ours", "redis_down"))).unnamed


def test_answer_that_is_none_of_the_contracts_is_counted() -> None:
    assert tally(200, b"<html>").unnamed
    assert tally(202, b"{}").unnamed
    assert not tally(202, b"{}", retry_after="1").unnamed


def test_bucket_that_a_fault_spares_may_tell_nothing() -> None:
    spared = Tally(expected=[("timeout", "*")], everywhere=False)
    body = json.dumps({"problem": problem("timeout", "timeout")}).encode()
    sick = PATH.replace(WELL, SICK[0])

    spared.count(sick, judge(Evidence(), sick, 504, body, ""), 0.1)
    assert spared.unnamed == []
    spared.count(PATH, judge(Evidence(), PATH, 504, body, ""), 0.1)
    assert len(spared.unnamed) == 1


@pytest.mark.parametrize(
    ("lost", "recovery", "kept"), [(0, 3.0, True), (1, 3.0, False), (0, None, False), (0, 11.5, False)]
)
def test_fault_keeps_its_promises_only_where_all_come_again_in_time(
    lost: int, recovery: float | None, kept: bool
) -> None:
    assert Result(FAULTS["500"], Tally(requests=1), lost, recovery, 0).kept == kept
