"""The problem table, as the design writes it: each trouble is made upstream, and looked for where readers look."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from jobs import cache, fetch, problems, servers, summaries, troubles
from jobs.filters import JobFilter
from jobs.models import Bucket
from jobs.problems import Problem, ours
from jobs.records import JobQuestion, PageQuestion
from jobs.summaries import Known
from tests.emulators import REGION, Emulator

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

_numbers = itertools.count(1)

TABLE = {
    # class: our status, tries, kept (s), scope
    "credentials": (403, 1, 60, "credential"),
    "clock": (403, 2, 60, "credential"),
    "permission": (403, 1, 60, "bucket"),
    "not_enabled": (409, 1, 60, "bucket"),
    "refused": (400, 1, 60, "page"),
    "billing": (403, 1, 60, "bucket"),
    "throttled": (429, 3, 10, "bucket"),
    "unreadable": (502, 2, 10, "page"),
    "upstream_failing": (502, 3, 10, "page"),
    "timeout": (504, 2, 10, "page"),
    "not_found": (404, 1, 10, "page"),
}
TRIED = {"too_large": 1}
"""Calls by code, where they differ from those of the class."""


def error(status: int, code: str, message: str = "said so") -> dict[str, Any]:
    return {"kind": "error", "status": status, "code": code, "message": message}


def raw(status: int, body: str) -> dict[str, Any]:
    return {"kind": "raw", "status": status, "body": body}


UPSTREAM = [
    (error(401, "InvalidAccessKeyId"), "credentials", "InvalidAccessKeyId"),
    (error(403, "InvalidAccessKeyId"), "credentials", "InvalidAccessKeyId"),
    (error(403, "SignatureDoesNotMatch"), "credentials", "SignatureDoesNotMatch"),
    (error(403, "ExpiredToken"), "credentials", "ExpiredToken"),
    (error(401, "Whatever"), "credentials", "Whatever"),
    (raw(401, "<html>"), "credentials", "http_401"),
    (error(403, "SignatureExpired"), "clock", "SignatureExpired"),
    (error(403, "RequestTimeTooSkewed"), "clock", "RequestTimeTooSkewed"),
    (error(403, "AccessDenied", "Request has expired"), "clock", "AccessDenied"),
    (error(401, "AccessDenied"), "permission", "AccessDenied"),
    (error(403, "AccessDenied"), "permission", "AccessDenied"),
    (error(403, "Whatever"), "permission", "Whatever"),
    (raw(403, ""), "permission", "http_403"),
    (error(400, "MediaBucketUnBinded"), "not_enabled", "MediaBucketUnBinded"),
    (error(400, "PicBucketUnBinded"), "not_enabled", "PicBucketUnBinded"),
    (error(400, "InvalidHost"), "not_enabled", "InvalidHost"),
    (error(404, "NoSuchBucket"), "not_enabled", "NoSuchBucket"),
    (error(400, "InvalidArgument"), "refused", "InvalidArgument"),
    (error(400, "Whatever"), "refused", "Whatever"),
    (error(405, "MethodNotAllowed"), "refused", "MethodNotAllowed"),
    (raw(418, "<html>"), "refused", "http_418"),
    (error(402, "PaymentRequired"), "billing", "PaymentRequired"),
    (error(402, "Whatever"), "billing", "Whatever"),
    (error(451, "UnavailableForLegalReasons"), "billing", "UnavailableForLegalReasons"),
    (raw(451, ""), "billing", "http_451"),
    (error(429, "Whatever"), "throttled", "Whatever"),
    (error(503, "SlowDown"), "throttled", "SlowDown"),
    (raw(429, ""), "throttled", "http_429"),
    (raw(200, "<html>"), "unreadable", "bad_xml"),
    (raw(200, "not XML"), "unreadable", "bad_xml"),
    (raw(200, '<!DOCTYPE x [<!ENTITY a "b">]><Response>&a;</Response>'), "unreadable", "bad_xml"),
    (raw(200, "<Response>" + "<a>" * 70 + "</a>" * 70 + "</Response>"), "unreadable", "bad_xml"),
    ({"kind": "truncate", "keep": 0.5}, "unreadable", "bad_xml"),
    ({"kind": "huge", "bytes": 9_000_000}, "unreadable", "too_large"),
    (error(500, "InternalError"), "upstream_failing", "InternalError"),
    (error(503, "ServiceUnavailable"), "upstream_failing", "ServiceUnavailable"),
    (raw(502, "<html>bad gateway</html>"), "upstream_failing", "http_502"),
    ({"kind": "redirect", "status": 302}, "upstream_failing", "http_302"),
    ({"kind": "redirect", "status": 307}, "upstream_failing", "http_307"),
    ({"kind": "reset", "after": 0}, "upstream_failing", "unreachable"),
    ({"kind": "hang", "seconds": 5.0}, "timeout", "timeout"),
]
ONE_JOB = [
    (error(404, "NonExistJobIds"), "not_found", "no_such_job"),
    (error(404, "NoSuchKey"), "not_found", "no_such_job"),
    (raw(404, ""), "not_found", "no_such_job"),
    (raw(200, "<Response><NonExistJobIds>b1</NonExistJobIds></Response>"), "not_found", "no_such_job"),
]


@dataclass
class Account:
    """Two buckets of one credential and one of another, all of them in the emulator."""

    emulator: Emulator
    bucket: str = field(default_factory=lambda: f"trouble-{os.getpid()}-{next(_numbers)}-1250000000")

    @property
    def list(self) -> PageQuestion:
        return PageQuestion(self.bucket, JobFilter())

    def tries_of(self, question: PageQuestion | JobQuestion) -> int:
        """Fetch until the trouble is known, as if every wait between were over; return how many calls that took."""
        for _ in range(5):
            with servers.broker().connection() as client:
                client.delete(f"cool:bucket:{self.bucket}", "cool:credential:default")
            if isinstance(question, JobQuestion):
                fetch.fetch_job(question, 2**53, "person")
            else:
                fetch.fetch_page(question, 2**53, "person")
            if known(question):
                break
        return len(self.emulator.calls(self.bucket))


@pytest.fixture
def account(emulator: Emulator, db: None, settings: Settings, empty_redis: None, own_client: None) -> Account:
    """A bucket that this process's own client asks."""
    settings.CI_ENDPOINT = emulator.endpoint
    settings.CI_DEADLINE = 2.0
    own = Account(emulator)
    emulator.create_bucket(own.bucket, jobs=3, newest=600)
    Bucket.objects.create(name=own.bucket, region=REGION)
    return own


def known(question: PageQuestion | JobQuestion, credential: str = "default") -> Problem | None:
    if isinstance(question, JobQuestion):
        return cache.find_job(question, credential).problem
    return cache.find_page(question, credential, person=True).problem


def scopes(question: PageQuestion | JobQuestion) -> list[str]:
    """Whom the trouble of `question` concerns: the smallest scope that covers all who find it."""
    there, elsewhere = PageQuestion(question.bucket, JobFilter(size=7)), PageQuestion("else-1250000000", JobFilter())
    found = {
        "page": known(question),
        "bucket": known(there),
        "credential": known(elsewhere),
        "another credential": known(elsewhere, "team-a"),
        "another credential's bucket": known(PageQuestion("else-1250000000", JobFilter(size=7)), "team-a"),
    }
    return [scope for scope, problem in found.items() if problem]


SCOPES = {"page": ["page"], "bucket": ["page", "bucket"], "credential": ["page", "bucket", "credential"]}


def seconds_kept() -> dict[str, float]:
    """For how long what stops readers from asking is still kept, by scope."""
    kept = {}
    with servers.cache_server().connection() as client:
        for key in cast("Any", client).scan_iter(servers.cache_key("problem:*")):
            scope = key.decode().split(":")[2]
            if scope != "last":
                kept[scope] = cast("Any", client).pttl(key) / 1000
    return kept


def test_the_table_has_no_other_classes() -> None:
    assert set(problems.RULES) == {*TABLE, "ours"}
    assert {kind for _fault, kind, _code in UPSTREAM + ONE_JOB} == set(TABLE)


@pytest.mark.parametrize(("fault", "kind", "code"), UPSTREAM, ids=lambda given: str(given)[:60])
def test_trouble_of_a_list_is_treated_as_the_table_says(
    account: Account, settings: Settings, fault: dict[str, Any], kind: str, code: str
) -> None:
    if kind == "timeout":
        settings.CI_DEADLINE = 0.3
    # What a clock is corrected by; the signature stays inside its window.
    date = [{"kind": "date", "offset": 60.0}] if kind == "clock" else []
    account.emulator.set_faults(account.bucket, *date, fault)

    check(account, account.list, kind, code)


def test_clock_that_nothing_can_be_learned_about_is_asked_once(account: Account) -> None:
    account.emulator.set_faults(account.bucket, error(403, "RequestTimeTooSkewed"))

    assert account.tries_of(account.list) == 1


@pytest.mark.parametrize(("fault", "kind", "code"), ONE_JOB, ids=lambda given: str(given)[:60])
def test_trouble_of_a_job_is_treated_as_the_table_says(
    account: Account, fault: dict[str, Any], kind: str, code: str
) -> None:
    account.emulator.set_faults(account.bucket, fault)

    check(account, JobQuestion(account.bucket, "b1"), kind, code)


def check(account: Account, question: PageQuestion | JobQuestion, kind: str, code: str) -> None:
    """Compare what becomes known of `question` with the table."""
    status, tries, kept, scope = TABLE[kind]

    assert account.tries_of(question) == TRIED.get(code, tries)
    problem = known(question)
    assert problem is not None
    assert (problem.kind, problem.code, problem.status) == (kind, code, status)
    assert problem.tries == TRIED.get(code, tries)
    assert problem.retry_after == (10 if kind == "throttled" else None)
    assert scopes(question) == SCOPES[scope]
    assert list(seconds_kept()) == [scope]
    # So much earlier that what its end lets out is answered by then.
    assert kept - 5 < seconds_kept()[scope] <= kept - troubles.ANSWERED_IN


def test_refused_connection_is_treated_as_the_table_says(account: Account, settings: Settings) -> None:
    settings.CI_ENDPOINT = "http://127.0.0.1:1"

    tries = 0
    while not known(account.list):
        fetch.fetch_page(account.list, 2**53, "person")
        tries += 1

    problem = known(account.list)
    assert problem is not None
    assert (problem.kind, problem.code, problem.status, tries) == ("upstream_failing", "unreachable", 502, 3)


@pytest.mark.parametrize("kind", TABLE)
def test_reader_gets_status_and_retry_after_of_the_table(
    client: Client, db: None, empty_redis: None, settings: Settings, kind: str
) -> None:
    settings.ANONYMOUS_ACCESS = True
    bucket = Bucket.objects.create(name="media-1250000000", region=REGION)
    question = PageQuestion(bucket.name, JobFilter())
    retry_after = 10 if kind == "throttled" else None
    troubles.store_problem(Problem(kind, "Code", at=1.0, retry_after=retry_after), question.key, bucket.name, "default")

    page, twin = client.get(f"/buckets/{bucket.name}/jobs/"), client.get(f"/buckets/{bucket.name}/jobs.json")

    for answer in (page, twin):
        assert answer.status_code == TABLE[kind][0]
        assert answer.headers.get("Retry-After") == (str(retry_after) if retry_after else None)
    assert twin.json()["problem"]["class"] == kind
    assert twin.json()["problem"]["code"] == "Code"


@pytest.mark.parametrize(
    ("trouble", "status"),
    [(ours("no_worker"), 503), (ours("busy"), 503), (ours("redis_down"), 503), (ours("miss_budget"), 429)],
    ids=lambda given: getattr(given, "code", given),
)
def test_trouble_of_ours_is_never_kept(empty_redis: None, trouble: Problem, status: int) -> None:
    question = PageQuestion("media-1250000000", JobFilter())

    troubles.store_problem(trouble, question.key, question.bucket, "default")

    assert trouble.status == status
    assert scopes(question) == []
    assert summaries.find([Bucket(name=question.bucket)], JobFilter()) == [Known()]
    with servers.cache_server().connection() as client:
        assert client.dbsize() == 0


def test_spent_budget_is_said_with_429_and_not_kept(
    client: Client, db: None, empty_redis: None, settings: Settings
) -> None:
    settings.ANONYMOUS_ACCESS = True
    settings.MISS_BUDGET = 1
    settings.FIRST_WAIT = 0
    bucket = Bucket.objects.create(name="media-1250000000", region=REGION)

    paid = client.get(f"/buckets/{bucket.name}/jobs.json")
    refused = client.get(f"/buckets/{bucket.name}/jobs.json?size=7")

    assert (paid.status_code, refused.status_code) == (202, 429)
    assert refused.json()["problem"]["code"] == "miss_budget"
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert scopes(PageQuestion(bucket.name, JobFilter(size=7))) == []
    assert seconds_kept() == {}
