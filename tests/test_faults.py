"""A few of the faults of `./dev faults`, short, and proof that its judge can say no."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulators import Call, JobSummary
from tests.faults.evidence import Evidence, Verdict, judge, page_of
from tests.faults.injections import FAULTS, Fault, strike_answers
from tests.faults.readers import SETTLING, Browser, Tally, on_the_way
from tests.faults.site import SICK, WELL, Site, wait_for
from tests.faults.trial import Result, Trial

if TYPE_CHECKING:
    from collections.abc import Iterator

OUTAGE = 2.0
LONG_OUTAGE = 7.0
"""Longer than the five seconds that one statement may wait for another."""
END = 1_700_000_000
PATH = f"/buckets/{WELL}/jobs.json?states=Failed&size=10"


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    """A site under its readers; calls give up soon, so that a short outage is felt."""
    with Trial(CI_DEADLINE="2") as trial:
        yield trial


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("worker killed while it waits for upstream", OUTAGE),
        ("broker hangs", OUTAGE),
        ("database gone", OUTAGE),
        ("database locked", LONG_OUTAGE),
    ],
)
def test_site_is_true_under_a_fault_and_well_again_after_it(trial: Trial, name: str, seconds: float) -> None:
    result = trial.run(FAULTS[name], seconds)

    assert result.tally.requests > 20
    assert result.tally.pages > 5
    assert result.tally.wrong == []
    assert result.tally.unnamed == []
    assert result.lost == 0
    assert result.is_in_time, str(result)
    assert result.kept, str(result)


def test_fault_that_strikes_nobody_is_no_proof(trial: Trial) -> None:
    @contextmanager
    def strike(site: Site, evidence: Evidence) -> Iterator[None]:
        yield from strike_answers(site, kind="error", count=0)

    result = trial.run(Fault("none", strike, frozenset()), 0.1)

    assert result.unbitten.startswith("no call of")
    assert not result.kept
    assert "did not bite" in str(result)


@pytest.fixture
def browser(trial: Trial) -> Iterator[Browser]:
    """Somebody who looks at the site and judges what comes."""
    with closing(Browser(trial.site.port, trial.evidence)) as browser:
        yield browser


def page_and_twin(browser: Browser, path: str) -> tuple[Verdict, Verdict]:
    """Look at a list's page and its twin until both are of one pin: the list may be fetched anew between the two looks."""
    looks: list[tuple[Verdict, Verdict]] = []

    def agree() -> bool:
        looks.append((browser.look(page_of(path))[0], browser.look(path)[0]))
        page, twin = looks[-1]
        return page.data.get("pin") == twin.data.get("pin")

    assert wait_for(agree)
    return looks[-1]


@pytest.mark.parametrize("query", ["size=10", "states=Failed&size=10", "orderByTime=Asc&size=10"])
def test_page_is_read_as_its_twin_is(browser: Browser, query: str) -> None:
    path = f"/buckets/{WELL}/jobs.json?{query}"
    assert wait_for(lambda: browser.look(path)[0].ready)

    page, twin = page_and_twin(browser, path)

    assert (page.ready, page.broken, page.wrong_rows, page.named) == (True, "", (), None)
    assert [row["JobId"] for row in page.data["jobs"]] == [row["JobId"] for row in twin.data["jobs"]] != []
    assert page.data["next"] == (twin.data["next"] and page_of(twin.data["next"]))


def test_page_of_a_job_is_read_as_its_twin_is(trial: Trial, browser: Browser) -> None:
    job_id = trial.site.upstream.emulator.job_ids(WELL)[3]
    path = f"/buckets/{WELL}/jobs/{job_id}.json"
    assert wait_for(lambda: browser.look(path)[0].ready)

    page, twin = browser.look(page_of(path))[0], browser.look(path)[0]

    assert (page.ready, page.broken, page.wrong_rows) == (True, "", ())
    assert (page.data["job"]["JobId"], page.data["job"]["Name"]) == (job_id, twin.data["job"]["Name"])


# The judge ---------------------------------------------------------------------------------------------------------------


def call(
    *ids: str, bucket: str = WELL, end: int = END, sent_as: tuple[str, ...] = (), answer: str = "req", **parameters: str
) -> Call:
    """Return a call that upstream answered with `ids`, jobs that failed if nothing else is said, under the RequestId `answer`."""
    query = {
        "states": "Failed",
        "size": "10",
        "endCreationTime": datetime.fromtimestamp(end, UTC).isoformat(),
        **parameters,
    }
    return Call(
        number=1, time=float(END), bucket=bucket, region="ap-guangzhou", method="GET", path="/inventorytriggerjob",
        query=tuple((name, value) for name, value in query.items() if value), credential="id", in_flight=1, status=200,
        code="", request_id=answer, ids=ids, faults=(), seconds=0.1, states=sent_as or ("Failed",) * len(ids),
    )  # fmt: skip


def twin(*ids: str, bucket: str = WELL, problem: dict[str, str] | None = None, **given: str) -> bytes:
    """Return the twin of a list that shows `ids`, jobs that failed."""
    body: dict[str, Any] = {
        "bucket": bucket, "filter": {"states": "Failed", "size": "10", **given}, "pin": f"{END}.{END}001",
        "jobs": [{"JobId": job_id, "State": "Failed"} for job_id in ids], "next": None, "problem": problem,
        "request_id": "req", "completeness": {"earlier_unknown": False, "doubts": {}, "end": "missing"},
    }  # fmt: skip
    return json.dumps(body).encode()


def wrong_rows(body: bytes, *calls: Call, path: str = PATH) -> tuple[str, ...]:
    """Return which rows of a twin the judge takes for wrong, where upstream has answered `calls`."""
    evidence = Evidence()
    for one in calls:
        evidence.add(one)
    return judge(evidence, path, 200, body, "").wrong_rows


def test_row_that_upstream_sent_for_this_list_is_right() -> None:
    assert wrong_rows(twin("a", "b"), call("a", "b"), call("b", "c", end=END - 60, answer="other")) == ()


@pytest.mark.parametrize(
    ("shown", "sent", "told"),
    [
        (("a",), call("a", "b"), "b cut off"),
        (("a", "a"), call("a"), "a shown twice"),
        (("b", "a"), call("a", "b"), "in another order"),
        (("a",), call("a", sent_as=("Running",)), "a as Failed, not Running"),
        (("a",), call("a", answer="other"), "of req answer"),
    ],
)
def test_page_must_be_the_answer_that_it_names(shown: tuple[str, ...], sent: Call, told: str) -> None:
    assert wrong_rows(twin(*shown), sent) == (told,)
    assert wrong_rows(page(*shown), sent, path=page_of(PATH)) == (told,)


def test_page_of_another_answer_is_wrong_though_all_its_rows_were_sent() -> None:
    assert wrong_rows(twin("a"), call("b"), call("a", answer="other")) == ("b cut off", "a of another answer")


def test_row_of_the_second_from_which_a_page_goes_on_may_be_left_out_by_whoever_has_seen_it() -> None:
    path = f"{PATH}&pin={END}.{END}001&after=2023-11-14T22:12:20%2B00:00"
    evidence = Evidence()
    evidence.add(call("a", "b", end=END - 60))
    evidence.know(WELL, JobSummary("a", "Job", "n", "Failed", "2023-11-15T06:12:20+0800"))

    verdict = judge(evidence, path, 200, twin("b"), "")

    assert (verdict.wrong_rows, sorted(verdict.left_out)) == ((), ["a"])
    assert on_the_way(verdict, frozenset({"a"}), evidence).wrong_rows == ()
    unseen = on_the_way(verdict, frozenset({"c"}), evidence).wrong_rows
    assert unseen == ("a left out though never shown", "a passed over")


def test_row_before_a_page_s_own_may_be_left_out_where_it_goes_on_by_a_token_by_whoever_has_seen_it() -> None:
    path = f"{PATH}&pin={END}.{END}001&nextToken=t"
    evidence = Evidence()
    evidence.add(call("a", "b", "c"))

    verdict = judge(evidence, path, 200, twin("b", "c"), "")

    assert (verdict.wrong_rows, sorted(verdict.left_out)) == ((), ["a"])
    assert on_the_way(verdict, frozenset({"a"}), evidence).wrong_rows == ()
    assert on_the_way(verdict, frozenset({"x"}), evidence).wrong_rows == ("a left out though never shown",)
    assert judge(evidence, path, 200, twin("a", "c"), "").wrong_rows == ("b cut off",)
    assert judge(evidence, PATH, 200, twin("b", "c"), "").wrong_rows == ("a cut off",)


@pytest.mark.parametrize(("unknown", "told"), [(False, ("b shown again",)), (True, ())])
def test_row_that_comes_again_further_down_is_wrong_unless_the_page_says_so(
    told: tuple[str, ...], *, unknown: bool
) -> None:
    body = json.loads(twin("b", "c")) | {"completeness": {"earlier_unknown": unknown, "doubts": {}, "end": None}}
    evidence = Evidence()
    evidence.add(call("b", "c"))
    verdict = judge(evidence, PATH, 200, json.dumps(body).encode(), "")

    assert on_the_way(verdict, frozenset({"a", "b"}), evidence).wrong_rows == told


@pytest.mark.parametrize(
    ("seen", "shown", "following", "completeness", "told"),
    [
        ("", "ab", "/next", {}, ()),
        ("ab", "cd", None, {}, ()),
        ("", "acd", "/next", {}, ("b passed over",)),
        ("a", "d", "/next", {}, ("b passed over",)),  # c is of d's second: it may follow
        ("a", "d", None, {}, ("b passed over", "c passed over")),
        ("ab", "", None, {}, ("c passed over", "d passed over")),
        ("a", "", "/next", {}, ()),
        ("a", "d", None, {"doubts": {"order": "Something may be missing."}}, ()),
        ("a", "d", None, {"earlier_unknown": True}, ()),
        ("ab", "", None, {"end": "no_new_rows"}, ()),
        ("ab", "", None, {"end": "repeated"}, ()),
    ],
)
def test_job_that_is_passed_over_is_wrong_unless_the_page_says_that_something_may_be_missing(
    seen: str, shown: str, following: str | None, completeness: dict[str, Any], told: tuple[str, ...]
) -> None:
    evidence = Evidence()
    for second, ids in ((4, "a"), (3, "b"), (2, "cd")):
        evidence.know(WELL, *(JobSummary(one, "Job", "n", "Failed", f"2023-11-14T22:12:0{second}+0000") for one in ids))
    evidence.know(WELL, JobSummary("of-another-state", "Job", "n", "Success", "2023-11-14T22:12:03+0000"))
    evidence.add(call(*shown))
    body = json.loads(twin(*shown))
    body["completeness"] |= completeness
    verdict = judge(evidence, PATH, 200, json.dumps(body | {"next": following}).encode(), "")

    found = on_the_way(verdict, frozenset(seen), evidence).wrong_rows

    assert tuple(row for row in found if "passed over" in row) == told


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


# A page is judged as its twin is.


def page(*ids: str, told: str = "", pin: str = f"{END}.{END}001", bucket: str = WELL) -> bytes:
    """Return as much of a list's page as is judged: of jobs that failed."""
    rows = "".join(
        f"<tr id='job-{job_id}' data-type='Job' data-state='Failed'><td class='name'><bdi>n</bdi></td><td class='when'>"
        f"<time datetime='2023-11-14T22:12:20Z'></time></td></tr>"
        for job_id in ids
    )
    named = "<p id='as-of'><span class='request'><code>req</code></span></p>"
    ticker = f"<span id='ticker' data-tick='/tick/?pin={pin}'></span>" if pin else ""
    return (
        f"<html><nav class='crumbs'><code>{bucket}</code></nav><h1>jobs</h1>"
        f"<section id='results'>{told}{named}{ticker}<table>{rows}</table></section></html>"
    ).encode()


def alert(kind: str, code: str) -> str:
    """Return how a page tells a problem."""
    return f"<div class='problem' data-class='{kind}' data-code='{code}'></div>"


def test_row_of_a_page_must_be_one_that_upstream_sent_for_it() -> None:
    path = page_of(PATH)

    assert wrong_rows(page("a"), call("a"), path=path) == ()
    assert wrong_rows(page("a", "b"), call("a"), path=path) == ("b",)
    assert wrong_rows(page("a"), call("a", states="Success"), path=path) == ("a",)
    assert wrong_rows(page("a"), call("a", end=END + 60), path=path) == ("a",)
    assert wrong_rows(page("a", bucket=SICK[0]), call("a"), path=path)


@pytest.mark.parametrize(
    ("name", "kind", "created", "wrong"),
    [
        ("n", "Job", "2023-11-15T06:12:20+0800", ()),
        ("other", "Job", "2023-11-15T06:12:20+0800", ("a",)),
        ("n", "Workflow", "2023-11-15T06:12:20+0800", ("a",)),
        ("n", "Job", "2023-11-15T06:12:21+0800", ("a",)),
    ],
)
def test_row_of_a_page_must_look_as_upstream_knows_the_job(
    name: str, kind: str, created: str, wrong: tuple[str, ...]
) -> None:
    evidence = Evidence()
    evidence.add(call("a"))
    evidence.know(WELL, JobSummary("a", kind, name, "Failed", created))

    assert judge(evidence, page_of(PATH), 200, page("a"), "").wrong_rows == wrong


def test_page_that_can_not_be_judged_is_counted() -> None:
    path = page_of(PATH)

    assert tally(200, b"<html><h1>Something</h1></html>", path=path).unnamed
    assert tally(200, page("a", pin=""), path=path).unnamed
    assert tally(200, twin("a"), path=path).unnamed
    assert tally(502, page(), path=path).unnamed
    assert tally(202, page(), path=path).unnamed
    assert not tally(202, page(), path=path, retry_after="1").unnamed


def test_page_names_the_fault_as_its_twin_does() -> None:
    path = page_of(PATH)

    assert not tally(503, page(told=alert("ours", "redis_down")), path=path).unnamed
    assert tally(503, page(told=alert("ours", "no_worker")), path=path).unnamed
    assert tally(200, page(told=alert("timeout", "timeout")), path=path).unnamed


def test_page_that_needs_nothing_names_the_database() -> None:
    path, body = page_of(PATH), b"<html><h1>Batchlens can't reach its database</h1></html>"

    assert judge(Evidence(), path, 503, body, "").named == ("ours", "database_down")
    assert judge(Evidence(), path, 500, b"<html><h1>Batchlens failed</h1></html>", "").broken


# What is counted of it ---------------------------------------------------------------------------------------------------


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


def test_error_that_names_the_workers_pause_is_allowed_only_while_they_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("tests.faults.readers.time.monotonic", lambda: now)
    counted = Tally(expected=[("timeout", "timeout")], of_pause=[("ours", "redis_down")])
    verdict = judge(Evidence(), PATH, 503, json.dumps({"problem": problem("ours", "redis_down")}).encode(), "")

    counted.count(PATH, verdict, 0.1)
    assert len(counted.unnamed) == 1

    counted.pause()
    counted.count(PATH, verdict, 0.1)
    counted.go_on()
    now += SETTLING - 0.1
    counted.count(PATH, verdict, 0.1)
    assert len(counted.unnamed) == 1

    now += 0.2
    counted.count(PATH, verdict, 0.1)
    assert len(counted.unnamed) == 2
    assert not counted.is_felt


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
    assert Result(FAULTS["token loop"], Tally(requests=1), lost, recovery, 0).kept == kept


@pytest.mark.parametrize(("code", "kept"), [("database_down", True), ("redis_down", False)])
def test_fault_that_must_be_told_keeps_its_promises_only_where_somebody_was_told(code: str, *, kept: bool) -> None:
    fault = FAULTS["database locked"]
    counted = Tally(expected=fault.expected, named={("ours", code): 1})

    assert Result(fault, counted, 0, 3.0, 0).kept == kept


def test_fault_that_did_not_bite_keeps_no_promise() -> None:
    result = Result(FAULTS["token loop"], Tally(requests=1), 0, 3.0, 0, "nobody was struck")

    assert not result.kept
    assert "did not bite: nobody was struck" in str(result)


def test_permission_and_binding_are_well_again_within_the_minute_for_which_they_are_kept() -> None:
    assert {FAULTS[f"{what} taken away"].bound for what in ("permission", "binding")} == {60.0}
