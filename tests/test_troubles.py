"""What is known to go wrong: it concerns whom it should, and only for as long as it does."""

from __future__ import annotations

import time

import pytest

from jobs import cache, servers, summaries, troubles
from jobs.chains import Step
from jobs.cloudinfinite.schema import Job
from jobs.filters import JobFilter, Pin
from jobs.models import Bucket
from jobs.problems import Problem
from jobs.records import JobQuestion, Page, PageQuestion, Row

pytestmark = pytest.mark.usefixtures("empty_redis")

BUCKET = "media-prod-1250000000"
HEAD = PageQuestion(BUCKET, JobFilter())
B1 = JobQuestion(BUCKET, "b1")


def problem(kind: str, at: float = 100.0) -> Problem:
    return Problem(kind, "Code", "upstream's words", "req", at=at)


def known_trouble(question: JobQuestion, credential: str = "default") -> Problem | None:
    return cache.find_job(question, credential).problem


def last_trouble() -> Problem | None:
    """What the overview tells of the bucket."""
    return summaries.find([Bucket(name=BUCKET)], JobFilter())[0].last


@pytest.mark.parametrize(
    ("kind", "same_page", "same_bucket", "same_credential"),
    [
        ("timeout", True, False, False),
        ("permission", True, True, False),
        ("credentials", True, True, True),
    ],
)
def test_problem_concerns_its_page_its_bucket_or_its_credential(
    kind: str, same_page: bool, same_bucket: bool, same_credential: bool
) -> None:
    troubles.store_problem(problem(kind), B1.key, BUCKET, "default")

    found = [
        known_trouble(JobQuestion(bucket, job_id)) is not None
        for bucket, job_id in ((BUCKET, "b1"), (BUCKET, "other"), ("another-1250000000", "other"))
    ]

    assert found == [same_page, same_bucket, same_credential]


def test_problem_never_overwrites_a_page() -> None:
    page = Page(
        bucket=BUCKET,
        region="ap-guangzhou",
        digest=HEAD.filter.digest,
        pin=Pin(end=1_700_000_000, opened=1_700_000_002_000),
        n=None,
        rows=(Row(Job({"JobId": "b1"}), ()),),
        received=1,
        repeats=0,
        next=None,
        end="",
        request_id="req",
        as_of=100.0,
        place="first",
    )
    cache.store_page(HEAD, page, Step(None, (), None, None), moves_head=True, person=True)

    troubles.store_problem(problem("timeout"), HEAD.key, BUCKET, "default")

    found = cache.find_page(HEAD, "default", person=True)
    assert found.page is not None
    assert ([row.job.job_id for row in found.page.rows], found.problem) == (["b1"], problem("timeout"))


def test_try_again_drops_what_was_known_before_it() -> None:
    troubles.store_problem(problem("permission", at=100.0), B1.key, BUCKET, "default")

    troubles.mark_retry(BUCKET, "default", 99.99)  # the clock of who presses may be a little behind the worker's

    assert known_trouble(B1) is None
    assert last_trouble() is None


@pytest.mark.parametrize("kind", ["permission", "credentials"])
def test_try_again_holds_nothing_back_that_comes_after_the_clock_was_set_back(kind: str) -> None:
    """Upstream's Date was five hours ahead for a moment, and CI's time with it."""
    before, now = time.time() + 5 * 3600, time.time()
    troubles.store_problem(problem(kind, at=before), B1.key, BUCKET, "default")
    assert known_trouble(B1) == problem(kind, at=before)

    troubles.mark_retry(BUCKET, "default", now)
    assert known_trouble(B1) is None
    assert last_trouble() is None

    troubles.store_problem(problem(kind, at=now + 1), B1.key, BUCKET, "default")
    assert known_trouble(B1) == problem(kind, at=now + 1)


def test_problem_that_a_process_with_the_old_time_tells_is_not_hidden_by_a_mark() -> None:
    now = time.time()
    troubles.mark_credential_changed("default", now)

    troubles.store_problem(problem("permission", at=now + 3600), B1.key, BUCKET, "default")

    assert known_trouble(B1) == problem("permission", at=now + 3600)


def test_mark_from_before_the_clock_was_set_back_holds_nothing_back() -> None:
    now = time.time()
    troubles.mark_retry(BUCKET, "default", now + 5 * 3600)

    troubles.store_problem(problem("permission", at=now), B1.key, BUCKET, "default")

    assert known_trouble(B1) == problem("permission", at=now)
    assert cache.find_job(B1, "default").since <= now + 1


def test_changed_credential_drops_its_problems_in_every_bucket() -> None:
    troubles.store_problem(problem("credentials", at=100.0), B1.key, BUCKET, "team-a")

    troubles.mark_credential_changed("team-a", 101.0)

    assert known_trouble(B1, "team-a") is None


def test_last_trouble_of_a_bucket_stays_known_after_it_may_be_asked_again() -> None:
    troubles.store_problem(problem("timeout"), B1.key, BUCKET, "default")
    with servers.cache_server().connection() as client:
        assert client.delete(servers.cache_key(f"problem:page:{B1.key}")) == 1

    assert known_trouble(B1) is None
    assert last_trouble() == problem("timeout")


def test_good_answer_clears_the_trouble() -> None:
    troubles.store_problem(problem("permission"), B1.key, BUCKET, "default")

    troubles.clear_problems(B1.key, BUCKET, "default")

    assert known_trouble(B1) is None
    assert last_trouble() is None
