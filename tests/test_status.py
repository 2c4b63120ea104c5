"""The status page: what is true of a bucket, told to whom it concerns, also while a server is down."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from jobs import cache, claims, clock, fetch, pages, servers, status, throttle, troubles
from jobs.filters import JobFilter, View
from jobs.models import Bucket
from jobs.problems import Problem
from jobs.records import JobQuestion, PageQuestion
from jobs.searches import Ready, ReadyJob
from jobs.troubles import Tally
from tests.emulators import REGION, Emulator
from tests.factories import make_bucket, make_staff, make_viewer
from tests.ports import free_port
from tests.services import Valkeys

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis")]

NAME = "media-prod-1250000000"
OTHER = "media-other-1250000000"
DENIED = {"kind": "error", "status": 403, "code": "AccessDenied", "message": "Access Denied."}
UNKNOWN_KEY = {"kind": "error", "status": 403, "code": "InvalidAccessKeyId", "message": "No such key."}


@pytest.fixture
def ci(pristine_emulator: Emulator, settings: Settings, own_client: None) -> Emulator:
    """An emulator with two buckets of one credential, which this process's own client asks."""
    settings.CI_ENDPOINT = pristine_emulator.endpoint
    for name in (NAME, OTHER):
        pristine_emulator.create_bucket(name, jobs=3, newest=600)
        Bucket.objects.create(name=name, region=REGION)
    return pristine_emulator


def fetch_once(name: str = NAME, **values: Any) -> None:
    """Ask and fetch a first page, as one person and one worker do."""
    question = PageQuestion(name, JobFilter(**values))
    asking = claims.ask(question.key, throttle.gate(name, "default"), lane="person")
    assert asking.outcome == "claimed"
    fetch.fetch_page(question, asking.enqueued_at, "person")


def look() -> dict[str, status.Standing]:
    return {one.name: one for one in status.look(Bucket.objects.all()).buckets}


def test_good_answer_is_the_last_success(ci: Emulator) -> None:
    assert look()[NAME].state == "unasked"
    before = ci.now()

    fetch_once()

    one = look()[NAME]
    (call,) = ci.calls(NAME)
    assert one.state == "well"
    assert one.tally
    assert one.tally.well_id == call.request_id
    assert before <= (one.well_at or 0) <= ci.now()
    assert look()[OTHER].state == "unasked"


def test_problem_is_told_with_class_code_and_request_id_and_outlives_the_next_success(ci: Emulator) -> None:
    ci.set_faults(NAME, DENIED)
    fetch_once()

    troubled = look()[NAME]
    (call,) = ci.calls(NAME)
    assert troubled.state == "trouble"
    assert troubled.problem
    assert (troubled.problem.kind, troubled.problem.code) == ("permission", "AccessDenied")
    assert troubled.problem.request_id == call.request_id

    ci.set_faults(NAME)
    troubles.mark_retry(NAME, "default", clock.now())
    fetch_once(size=7)
    well = look()[NAME]
    assert (well.state, well.problem) == ("well", troubled.problem)


def test_readers_mistake_is_no_trouble_of_the_bucket(ci: Emulator) -> None:
    fetch_once()
    question = JobQuestion(NAME, "no-such-job")
    asking = claims.ask(question.key, throttle.gate(NAME, "default"), lane="person")
    fetch.fetch_job(question, asking.enqueued_at, "person")

    assert cache.find_job(question, "default").problem  # it did go wrong
    assert (look()[NAME].state, look()[NAME].problem) == ("well", None)


def test_calls_and_answers_are_counted(ci: Emulator) -> None:
    bucket = Bucket.objects.get(name=NAME)
    fetch_once()
    for _ in range(5):
        assert isinstance(pages.get_page(bucket, JobFilter(), View(), person=False), Ready)
    job_id = ci.job_ids(NAME)[0]
    assert isinstance(pages.get_job(bucket, job_id), ReadyJob)

    tally = look()[NAME].tally

    assert tally
    assert (tally.calls, tally.answers) == (len(ci.calls(NAME)), 6)
    assert status.look([bucket]).saved == 5


def test_failed_calls_count_as_calls(ci: Emulator) -> None:
    ci.set_faults(NAME, {"kind": "error", "status": 500, "code": "InternalError", "message": "x"})
    fetch_once()

    tally = look()[NAME].tally
    assert tally
    assert (tally.calls, len(ci.calls(NAME))) == (1, 1)
    assert look()[NAME].saved == 0


def test_failing_bucket_eats_up_nothing_that_another_has_saved(ci: Emulator) -> None:
    ci.set_faults(NAME, DENIED)
    fetch_once()
    fetch_once(OTHER)
    for _ in range(3):
        pages.get_page(Bucket.objects.get(name=OTHER), JobFilter(), View(), person=False)

    found = status.look(Bucket.objects.all())
    assert (found.calls, found.answers, found.saved) == (2, 3, 2)
    assert [one.saved for one in found.credentials] == [2]


def test_credential_is_judged_by_what_concerns_it_alone(ci: Emulator) -> None:
    ci.set_faults(NAME, DENIED)
    fetch_once()
    fetch_once(OTHER)
    (well,) = status.look(Bucket.objects.all()).credentials
    assert (well.name, well.state, well.problem) == ("default", "well", None)
    assert well.tally
    assert well.tally.calls == 2

    time.sleep(0.01)  # the two answers must not bear the same millisecond
    ci.set_faults(OTHER, UNKNOWN_KEY)
    fetch_once(OTHER, size=7)
    (bad,) = status.look(Bucket.objects.all()).credentials
    assert bad.state == "trouble"
    assert bad.problem
    assert bad.problem.code == "InvalidAccessKeyId"


def test_quota_is_what_the_next_call_would_find(ci: Emulator, settings: Settings) -> None:
    settings.CI_RATE_BUCKET, settings.CI_RATE_CREDENTIAL = 5.0, 10.0
    began = time.monotonic()
    with throttle.permit(NAME, "default", "person", 5.0):
        found = status.look(Bucket.objects.all())
    meanwhile = time.monotonic() - began
    (quota,) = [one.quota for one in found.buckets if one.name == NAME]
    (untouched,) = [one.quota for one in found.buckets if one.name == OTHER]
    (credential,) = [one.quota for one in found.credentials]

    assert quota
    assert untouched
    assert credential
    assert (quota.burst, quota.in_flight) == (9.0, 1)
    assert 8.0 <= (quota.tokens or 0) <= 8.0 + 4.5 * meanwhile
    assert (untouched.tokens, untouched.in_flight) == (9.0, 0)
    assert 17.0 <= (credential.tokens or 0) <= 17.0 + 9.0 * meanwhile
    taken = 0
    while True:
        try:
            with throttle.permit(NAME, "default", "person", 5.0):
                taken += 1
        except throttle.HeldBack:
            break
    assert 8 <= taken <= 9 + 1  # one may come due meanwhile


def test_cool_down_is_told_until_its_end(ci: Emulator) -> None:
    ci.set_faults(NAME, {"kind": "error", "status": 429, "code": "SlowDown", "message": "x"})
    fetch_once()

    one = look()[NAME]
    assert one.state == "quiet"
    assert one.quota
    assert 0 < one.quota.quiet <= 1.25
    assert look()[OTHER].state == "unasked"


def test_server_that_is_down_leaves_out_its_part(ci: Emulator, settings: Settings) -> None:
    fetch_once()
    for role, variable in (("cache", "REDIS_CACHE_URL"), ("broker", "REDIS_URL")):
        there = getattr(settings, variable)
        setattr(settings, variable, f"redis://127.0.0.1:{free_port()}/0")
        forget_servers()
        try:
            found = status.look(Bucket.objects.all())
        finally:
            setattr(settings, variable, there)
            forget_servers()
        assert found.down == [role]
        assert (found.workers is None) == (role == "broker")
        assert {one.state for one in found.buckets} == ({"unknown"} if role == "cache" else {"well", "unasked"})


def forget_servers() -> None:
    servers.broker.cache_clear()
    servers.cache_server.cache_clear()


def test_count_does_not_keep_a_full_cache_from_being_read(ci: Emulator) -> None:
    fetch_once()
    question = PageQuestion(NAME, JobFilter())
    with servers.cache_server().connection() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
        try:
            found = cache.find_page(question, "default", person=False)
            job = cache.find_job(JobQuestion(NAME, ci.job_ids(NAME)[0]), "default")
        finally:
            client.config_set("maxmemory", "128mb")
            client.config_set("maxmemory-policy", "allkeys-lru")

    assert found.page is not None
    assert job.job is not None


def test_tally_of_a_bucket_that_nobody_asked_is_empty() -> None:
    assert troubles.tallies([NAME]) == {NAME: Tally()}
    assert troubles.tallies([]) == {}


# The page ---------------------------------------------------------------------------------------------------------------


def note(name: str) -> None:
    troubles.note_problem(Problem("permission", "AccessDenied", request_id=f"r-{name}", at=clock.now()), name, 1)


@pytest.mark.parametrize("path", ["/status/", "/status.json"])
def test_reader_sees_their_own_buckets_alone(client: Client, path: str) -> None:
    mine = make_bucket(NAME, credential="team-a")
    make_bucket(OTHER, credential="team-b")
    make_bucket("media-hidden-1250000000", hidden=True, credential="team-c")
    for name in (NAME, OTHER, "media-hidden-1250000000"):
        note(name)
    client.force_login(make_viewer(sees=(mine,)))

    text = client.get(path).content.decode()

    assert NAME in text
    assert f"r-{NAME}" in text
    assert "team-a" in text
    assert [word for word in (OTHER, "media-hidden", "team-b", "team-c") if word in text] == []


@pytest.mark.parametrize("everyone_may_look", [False, True])
def test_stranger_is_sent_to_sign_in_even_where_everyone_may_look(
    client: Client, settings: Settings, *, everyone_may_look: bool
) -> None:
    settings.ANONYMOUS_ACCESS = everyone_may_look
    make_bucket(NAME, credential="team-a")
    note(NAME)

    page = client.get("/status/?tz=UTC")
    twin = client.get("/status.json")
    fragment = client.get("/status/", headers={"HX-Request": "true", "HX-Target": "status"})

    assert (page.status_code, page["Location"]) == (302, "/sign-in/?next=/status/%3Ftz%3DUTC")
    assert (twin.status_code, twin.json()["problem"]["code"]) == (401, "sign_in")
    assert fragment["HX-Redirect"].startswith("/sign-in/")
    told = b"".join(answer.content for answer in (page, twin, fragment)).decode()
    assert [word for word in (NAME, "team-a", f"r-{NAME}") if word in told] == []


def test_names_of_machines_are_for_staff(client: Client) -> None:
    renewer = claims.Renewer(every=0.05)
    renewer.start("worker@secret-host")
    deadline = time.monotonic() + 10
    while not claims.heartbeats():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    try:
        client.force_login(make_viewer())
        viewer = [client.get(path).content.decode() for path in ("/status/", "/status.json")]
        client.force_login(make_staff())
        staff = [client.get(path).content.decode() for path in ("/status/", "/status.json")]
    finally:
        renewer.retire()

    assert ["secret-host" in text for text in viewer + staff] == [False, False, True, True]


def test_json_twin_says_what_the_page_says(client: Client, valkeys: Valkeys) -> None:
    make_bucket(NAME)
    note(NAME)
    client.force_login(make_staff())

    told = client.get("/status.json").json()

    (bucket,) = told["buckets"]
    assert (bucket["name"], bucket["state"], bucket["last_success"]) == (NAME, "trouble", None)
    assert (bucket["last_problem"]["code"], bucket["last_problem"]["request_id"]) == ("AccessDenied", f"r-{NAME}")
    assert bucket["shared"]["calls"] == 1
    assert told["workers"] == []
    assert told["queues"] == {name: {"length": 0, "age": 0.0} for name in ("ahead", "page", "walk")}


@pytest.mark.usefixtures("empty_redis")
def test_page_tells_of_those_in_trouble_first(client: Client) -> None:
    for name in ("a-1250000000", NAME):
        make_bucket(name)
    note(NAME)
    client.force_login(make_staff())

    page = BeautifulSoup(client.get("/status/").content, "html.parser")

    assert [row["data-name"] for row in page.select('[aria-labelledby="of-buckets"] [data-name]')] == [
        NAME,
        "a-1250000000",
    ]


@pytest.mark.parametrize("of", ["bucket", "credential"])
def test_page_and_twin_tell_success_quota_and_calls_saved(
    client: Client, ci: Emulator, settings: Settings, of: str
) -> None:
    settings.CI_RATE_BUCKET = settings.CI_RATE_CREDENTIAL = 5.0
    client.force_login(make_staff())
    fetch_once()
    (call,) = ci.calls(NAME)
    for _ in range(4):
        pages.get_page(Bucket.objects.get(name=NAME), JobFilter(), View(), person=False)

    html = BeautifulSoup(client.get("/status/").content, "html.parser")
    twin = client.get("/status.json").json()

    name = NAME if of == "bucket" else "default"
    (row,) = html.select(f'[aria-labelledby="of-{of}s"] [data-name="{name}"]')
    told = [" ".join(part.get_text(" ").split()) for part in row.select("dl > div")]
    assert f"RequestId {call.request_id}" in told[0]
    assert re.search(r"Quota [89] of 9 calls left at once", told[2])
    assert ("0 of 4 in flight" in told[2]) == (of == "bucket")
    assert "Calls saved 3 Answers: 4, calls: 1" in told[3]
    (one,) = [one for one in twin[f"{of}s"] if one["name"] == name]
    assert one["last_success_request_id"] == call.request_id
    assert (one["quota"]["calls_at_once"], one["shared"]["calls"], one["shared"]["answers"]) == (9, 1, 4)
    assert 7 < one["quota"]["calls_left"] <= 9


@pytest.mark.parametrize(("of", "refusal"), [("bucket", DENIED), ("credential", UNKNOWN_KEY)])
def test_page_and_twin_tell_the_last_problem_of_whom_it_concerns(
    client: Client, ci: Emulator, of: str, refusal: dict[str, Any]
) -> None:
    client.force_login(make_staff())
    ci.set_faults(NAME, refusal)
    fetch_once()
    (call,) = ci.calls(NAME)

    html = BeautifulSoup(client.get("/status/").content, "html.parser")
    twin = client.get("/status.json").json()

    name = NAME if of == "bucket" else "default"
    (row,) = html.select(f'[aria-labelledby="of-{of}s"] [data-name="{name}"]')
    told = " ".join(row.get_text(" ").split())
    assert row["data-state"] == "trouble"
    assert refusal["code"] in told
    assert call.request_id in told
    (one,) = [one for one in twin[f"{of}s"] if one["name"] == name]
    assert (one["last_problem"]["code"], one["last_problem"]["request_id"]) == (refusal["code"], call.request_id)


def test_fragment_is_the_section_alone_and_asks_again_by_itself(client: Client) -> None:
    client.force_login(make_staff())

    html = client.get("/status/?tz=UTC", headers={"HX-Request": "true", "HX-Target": "status"}).content.decode()

    assert html.strip().startswith('<section id="status"')
    assert 'hx-get="/status/?tz=UTC"' in html
    assert "<html" not in html


def test_wrong_parameter_is_told(client: Client) -> None:
    client.force_login(make_staff())

    assert client.get("/status/?size=5").status_code == 400
    assert client.get("/status.json?size=5").json()["errors"].keys() == {"size"}
    assert client.get("/status/?lang=").status_code == 302


def test_page_is_linked_for_who_may_see_it(client: Client, settings: Settings) -> None:
    assert b'href="/status/"' not in client.get("/sign-in/").content
    settings.ANONYMOUS_ACCESS = True
    assert b'href="/status/"' not in client.get("/").content
    client.force_login(make_viewer())
    assert b'href="/status/"' in client.get("/").content
