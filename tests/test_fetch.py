"""One fetch: what it asks and stores, what is said where it fails, and what is never written down."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from django.db import OperationalError, connection

from jobs import cache, claims, fetch, servers
from jobs.models import Bucket
from jobs.records import JobQuestion
from tests.emulators import SECRET_ID, SECRET_KEY
from tests.fetching import NAME, QUESTION, ask, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_django import Settings

    from jobs.problems import Problem
    from jobs.records import Page
    from tests.emulators import Emulator


def test_page_is_asked_again_soon_after_the_database_was_down(ci: Emulator) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OperationalError("unable to open database file")

    asking = ask(QUESTION)
    with connection.execute_wrapper(refuse):
        fetch.fetch_page(QUESTION, asking.enqueued_at, "person")

    later = ask(QUESTION)
    assert (later.outcome, later.problem and later.problem.code) == ("later", "database_down")
    assert later.again <= 1.0
    assert ci.calls(NAME) == []


def test_bucket_hidden_while_the_task_was_queued_is_not_asked(ci: Emulator) -> None:
    Bucket.objects.update(hidden=True)

    assert run() == (None, None)
    assert ci.calls(NAME) == []


def test_missing_credential_is_said_by_name(ci: Emulator, settings: Settings) -> None:
    Bucket.objects.update(credential="team-a")

    asking = ask(QUESTION)
    fetch.fetch_page(QUESTION, asking.enqueued_at, "person")

    problem = cache.find_page(QUESTION, "team-a", person=True).problem
    assert problem is not None
    assert (problem.kind, problem.code) == ("credentials", "missing_credential")
    assert "team-a" in problem.message


def test_credential_s_file_that_was_away_for_a_moment_is_looked_for_again_soon(
    ci: Emulator, settings: Settings, tmp_path: Path, until: Callable[[Callable[[], object]], None]
) -> None:
    secret = tmp_path / "key"
    settings.CI_CREDENTIALS = {"default": {"SECRET_ID": SECRET_ID, "SECRET_KEY_FILE": str(secret)}}
    _page, missing = run()

    secret.write_text(SECRET_KEY)
    until(lambda: cache.find_page(QUESTION, "default", person=True).problem is None)
    page, problem = run()

    assert missing is not None
    assert missing.code == "missing_credential"
    assert problem is None
    assert page is not None


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ({"kind": "raw", "status": 200, "body": "<html>"}, "unreadable", "bad_xml"),
        ({"kind": "raw", "status": 502, "body": "<html>bad gateway</html>"}, "upstream_failing", "http_502"),
        ({"kind": "redirect", "status": 307, "location": "http://127.0.0.1:1/"}, "upstream_failing", "http_307"),
        ({"kind": "truncate", "keep": 0.5}, "unreadable", "bad_xml"),
        ({"kind": "huge", "bytes": 60_000_000}, "unreadable", "too_large"),
        ({"kind": "error", "status": 429, "code": "SlowDown"}, "throttled", "SlowDown"),
        ({"kind": "error", "status": 400, "code": "MediaBucketUnBinded"}, "not_enabled", "MediaBucketUnBinded"),
        ({"kind": "error", "status": 402, "code": "PaymentRequired"}, "billing", "PaymentRequired"),
    ],
)
def test_each_trouble_gets_its_class(ci: Emulator, fault: dict[str, Any], kind: str, code: str) -> None:
    ci.set_faults(NAME, fault)
    asking = ask(QUESTION)

    for _ in range(3):
        claim = claims.start(QUESTION.key, asking.enqueued_at)
        if claim:  # the claim is let go at once, so that each try begins where a reader's next look would
            claims.finish(claim, "failed")
    _page, problem = tried_to_the_end()

    assert problem is not None
    assert (problem.kind, problem.code) == (kind, code)


def tried_to_the_end() -> tuple[Page | None, Problem | None]:
    """Fetch until there is an answer or no try left, as if every cool-down between were over."""
    for _ in range(4):
        with servers.broker().connection() as client:
            client.delete(f"cool:bucket:{NAME}")
        found = cache.find_page(QUESTION, "default", person=True)
        if found.problem:
            break
        fetch.fetch_page(QUESTION, 2**53, "person")
    return found.page, found.problem


def test_trickling_answer_ends_at_the_deadline(ci: Emulator, settings: Settings) -> None:
    settings.CI_DEADLINE = 0.5
    ci.fault(NAME, "trickle", part="body", chunk=10, interval=0.1, seconds=20)
    began = time.monotonic()

    tried_to_the_end()

    assert time.monotonic() - began < 4
    _page, problem = cache.find_page(QUESTION, "default", person=True).page, cache.find_page(QUESTION, "default", person=True).problem  # fmt: skip
    assert problem is not None
    assert (problem.kind, problem.status) == ("timeout", 504)


def test_time_out_is_kept_from_when_upstream_was_asked(ci: Emulator, settings: Settings) -> None:
    settings.CI_DEADLINE = 1.0
    ci.fault(NAME, "trickle", part="body", chunk=10, interval=0.1, seconds=20)

    tried_to_the_end()

    with servers.cache_server().connection() as client:
        (kept,) = [client.pttl(key) for key in client.scan_iter("*:problem:page:*")]
    assert 5_000 < kept <= 8_000


def test_no_credential_reaches_a_log_line_or_redis(ci: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    from jobs import servers

    caplog.set_level(logging.DEBUG)
    run()
    ci.fault(NAME, "error", status=403, code="SignatureDoesNotMatch")
    fetch.fetch_job(JobQuestion(NAME, "b1"), 2**53, "person")

    texts = [record.getMessage() for record in caplog.records]
    for server in (servers.broker(), servers.cache_server()):
        with server.connection() as client:
            texts += [str(key) + str(client.dump(key)) for key in client.scan_iter()]
    assert texts
    assert [text for text in texts if SECRET_ID in text or SECRET_KEY in text or "q-signature" in text] == []


def test_job_s_secrets_are_masked_before_anything_is_stored(ci: Emulator) -> None:
    job_id = ci.add_job(
        NAME,
        CreationTime="2023-11-14T01:00:02+0800",
        Operation={"CallBack": "https://h.example.com/p?t=1", "UserData": "secret=abc"},
    )

    page, _problem = run()
    fetch.fetch_job(JobQuestion(NAME, job_id), 2**53, "person")
    job = cache.find_job(JobQuestion(NAME, job_id), "default").job

    assert page is not None
    assert page.rows[-1].masked == ("Operation.CallBack", "Operation.UserData")
    assert job is not None
    assert job.row.job.tree["Operation"] == {"CallBack": "https://h.example.com/***", "UserData": "secret=***"}
    assert job.raw is not None
    assert "secret=abc" not in job.raw


def test_odd_headers_of_an_answer_bring_neither_its_words_nor_a_traceback_into_the_log(
    ci: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    ci.fault(NAME, "garbage", data=b"HTTP/1.1 200 OK\r\nNo colon, but words\r\n\r\n<Response/>")

    run()

    assert [record.getMessage() for record in caplog.records if record.exc_info or "words" in record.getMessage()] == []
