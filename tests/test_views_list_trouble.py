"""Lists that are pending or in trouble: what is said, what stays, and how it is tried again."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from jobs import clock, pages, servers, troubles
from jobs.filters import JobFilter, View
from jobs.problems import Problem
from jobs.searches import Ready
from tests.factories import make_staff
from tests.outages import OUTAGES, Outage
from tests.reading import HTMX, UNBOUND, get, one, path_of, row_ids, soup, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]


@pytest.fixture
def impatient(settings: Settings) -> None:
    """Nobody waits for a page."""
    settings.FIRST_WAIT = 0.01


@pytest.mark.usefixtures("impatient")
def test_page_that_is_being_fetched_says_so_and_comes(
    client: Client, new_bucket: NewBucket, emulator: Emulator, until: Callable[[Callable[[], Any]], None]
) -> None:
    bucket = new_bucket(jobs=3, latency=0.3)

    response = client.get(path_of(bucket))

    assert (response.status_code, response["Retry-After"], response["Refresh"]) == (202, "1", "1")
    waiting = one(soup(response), "#results [data-pending]")
    assert waiting["hx-get"] == one(waiting, "a")["href"] == path_of(bucket)
    assert re.fullmatch(r"load delay:\d+ms", str(waiting["hx-trigger"]))
    until(lambda: row_ids(soup(client.get(path_of(bucket)))) == emulator.job_ids(bucket.name))


@pytest.mark.usefixtures("impatient")
def test_pending_fragment_leaves_the_page_in_its_place(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=3, latency=0.3)

    response = client.get(path_of(bucket), headers={**HTMX, "HX-Target": "results"})

    assert (response.status_code, response["Retry-After"]) == (202, "1")
    assert "Refresh" not in response


@pytest.mark.usefixtures("impatient")
def test_pending_twin_says_when_to_ask_again(client: Client, new_bucket: NewBucket) -> None:
    response = client.get(f"/buckets/{new_bucket(latency=0.3).name}/jobs.json")

    assert (response.status_code, response["Retry-After"], response.json()) == (202, "1", {"pending": True})


def test_pending_sentinel_keeps_its_link_and_asks_again(
    client: Client, new_bucket: NewBucket, emulator: Emulator, settings: Settings
) -> None:
    bucket = new_bucket(jobs=25)
    emulator.fault(bucket.name, "delay", seconds=2.0, when={"token": True})
    address = str(one(soup(get(client, path_of(bucket, "size=10"))), "#more")["hx-get"])
    settings.FIRST_WAIT = 0.01

    response = client.get(address, headers={**HTMX, "HX-Target": "more"})

    more = one(soup(response), "tbody#more")
    assert response.status_code == 202
    assert more["hx-get"] == one(more, "a")["href"] == address
    assert row_ids(soup(get(client, address, target="more"))) == emulator.job_ids(bucket.name)[10:20]


def test_trouble_that_is_told_is_not_logged_again_for_each_reader(
    client: Client, new_bucket: NewBucket, caplog: pytest.LogCaptureFixture
) -> None:
    bucket = new_bucket(faults=({"kind": "error", "status": 503, "code": "ServiceUnavailable"},))

    answers = [get(client, path_of(bucket)), get(client, f"/buckets/{bucket.name}/jobs.json")]

    assert all(answer.status_code >= 500 for answer in answers)
    assert [record for record in caplog.records if record.name == "django.request"] == []


def test_trouble_is_told_with_code_advice_and_request(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket()
    emulator.fault(bucket.name, "error", status=403, code="AccessDenied", message="Access <Denied>.")

    response = get(client, path_of(bucket))

    alert = one(soup(response), "[role=alert][data-code]:not([hidden])")
    assert response.status_code == 403
    assert (alert["data-code"], alert["data-class"]) == ("AccessDenied", "permission")
    assert words(one(alert, "blockquote")) == "Access <Denied>."
    assert one(alert, "[data-copy]")["data-copy"] == emulator.calls(bucket.name)[0].request_id
    assert "check_account" in words(alert)


def test_reader_who_asks_for_too_many_new_lists_is_told_and_cached_ones_still_open(
    client: Client, new_bucket: NewBucket, emulator: Emulator, settings: Settings
) -> None:
    settings.MISS_BUDGET = 2
    bucket = new_bucket(jobs=25)
    client.force_login(make_staff())
    opened = [get(client, path_of(bucket, f"size=10&range={hours}h")) for hours in (30, 31)]
    calls = len(emulator.calls(bucket.name))

    refused = get(client, path_of(bucket, "size=10&range=32h"))
    twin = get(client, f"/buckets/{bucket.name}/jobs.json?size=10&range=33h")

    assert [response.status_code for response in opened] == [200, 200]
    assert (refused.status_code, twin.status_code) == (429, 429)
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert one(soup(refused), "[role=alert][data-code]:not([hidden])")["data-code"] == "miss_budget"
    assert twin.json()["problem"]["class"] == "ours"
    assert get(client, path_of(bucket, "size=10&range=31h")).status_code == 200
    more = one(soup(opened[0]), "#more")["hx-get"]
    assert get(client, str(more), target="more").status_code == 200
    assert len(emulator.calls(bucket.name)) <= calls + 3  # pages of chains that are open, and the ones ahead


@pytest.mark.parametrize("made_up", ["after=2026-06-27T15:23:0{number}Z", "nextToken=made-up-{number}"])
def test_place_that_no_list_leads_to_costs_like_a_new_list(
    client: Client, new_bucket: NewBucket, emulator: Emulator, settings: Settings, made_up: str
) -> None:
    settings.MISS_BUDGET = 2
    bucket = new_bucket(jobs=25)
    pin = get(client, f"/buckets/{bucket.name}/jobs.json?size=10").json()["pin"]
    places = [made_up.format(number=number) for number in range(4)]

    answers = [
        client.get(f"/buckets/{bucket.name}/jobs.json?size=10&pin={pin}&{place}", follow=True) for place in places
    ]

    assert [answer.status_code == 429 for answer in answers] == [False, True, True, True]


def test_tick_of_a_list_that_nobody_has_opened_costs_like_opening_it(
    client: Client, new_bucket: NewBucket, emulator: Emulator, settings: Settings
) -> None:
    settings.MISS_BUDGET = 1
    bucket = new_bucket(jobs=1)
    pin = get(client, f"/buckets/{bucket.name}/jobs.json").json()["pin"]
    calls = len(emulator.calls(bucket.name))

    answers = [
        get(client, f"/buckets/{bucket.name}/tick/?name=made-up-{number}&pin={pin}&rows=") for number in range(3)
    ]

    assert all("miss_budget" in answer.content.decode() for answer in answers)
    assert len(emulator.calls(bucket.name)) == calls


def test_stranger_s_budget_is_that_of_the_address(new_bucket: NewBucket, settings: Settings) -> None:
    settings.MISS_BUDGET = 1
    bucket = new_bucket(jobs=1)

    def look(hours: int, address: str) -> int:
        status: int = get(Client(REMOTE_ADDR=address), path_of(bucket, f"range={hours}h")).status_code
        return status

    assert [look(40, "192.0.2.1"), look(41, "192.0.2.1")] == [200, 429]
    assert [look(42, "192.0.2.2"), look(43, "192.0.2.2")] == [200, 429]


def test_page_that_upstream_refused_does_not_load_itself_anew(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket()
    troubles.store_problem(
        Problem("throttled", "SlowDown", at=clock.now(), retry_after=10), "k", bucket.name, bucket.credential
    )

    response = get(client, path_of(bucket))

    assert (response.status_code, response["Retry-After"]) == (429, "10")
    assert "Refresh" not in response


def test_twin_of_trouble_has_its_status_and_says_the_same(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(faults=(UNBOUND,))

    response = get(client, f"/buckets/{bucket.name}/jobs.json")

    assert response.status_code == 409
    assert response.json().keys() == {"problem"}
    assert response.json()["problem"].keys() == {"class", "code", "message", "advice", "retryable", "request_id"}
    assert response.json()["problem"]["code"] == "MediaBucketUnBinded"


def test_try_again_drops_the_problem_and_goes_back(client: Client, new_bucket: NewBucket, emulator: Emulator) -> None:
    bucket = new_bucket(jobs=3)
    emulator.fault(bucket.name, "error", status=403, code="AccessDenied")
    form = one(soup(get(client, path_of(bucket, "size=10"))), ".problem form")
    emulator.set_faults(bucket.name)
    still = get(client, path_of(bucket, "size=10")).status_code

    response = client.post(str(form["action"]), {"next": one(form, "[name=next]")["value"]})

    assert (still, response.status_code, response["Location"]) == (403, 303, path_of(bucket, "size=10"))
    assert row_ids(soup(get(client, response["Location"]))) == emulator.job_ids(bucket.name)


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil.example", ""]
)
def test_try_again_never_leads_to_another_site(client: Client, new_bucket: NewBucket, back: str) -> None:
    bucket = new_bucket()

    response = client.post(f"/buckets/{bucket.name}/retry/", {"next": back})

    assert response["Location"] == path_of(bucket)


def test_refused_token_offers_the_first_page_and_no_second_try(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=3)
    now = int(clock.now())

    response = get(client, path_of(bucket, f"size=10&nextToken=foreign&pin={now - 9}.{now * 1000 - 9000}"))

    alert = one(soup(response), ".problem")
    assert response.status_code == 400
    assert alert.select("form") == []
    assert path_of(bucket, "size=10") in [link["href"] for link in alert.select("a")]


def test_failing_sentinel_stays_and_can_be_tried_again(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=25)
    emulator.fault(bucket.name, "error", status=403, code="AccessDenied", when={"token": True})
    address = str(one(soup(get(client, path_of(bucket, "size=10"))), "#more")["hx-get"])

    response = get(client, address, target="more")

    more = one(soup(response), "tbody#more")
    form = one(more, "form")
    assert (response.status_code, one(more, "[role=alert]")["data-code"]) == (403, "AccessDenied")
    assert (form["hx-post"], form["hx-target"]) == (form["action"], "#more")
    assert one(form, "[name=next]")["value"] == address


@pytest.mark.parametrize("outage", [outage for outage in OUTAGES.values() if outage.answers], ids=lambda one: one.code)
def test_old_rows_stay_beside_the_problem(
    client: Client, new_bucket: NewBucket, emulator: Emulator, outage: Outage
) -> None:
    bucket = new_bucket(jobs=3)
    get(client, path_of(bucket))
    grow_old(bucket)
    emulator.set_faults(bucket.name, outage.fault)
    deadline = time.monotonic() + 30  # all tries, with the pauses that upstream asks for
    while not (page := soup(response := client.get(path_of(bucket)))).select(".problem.warn"):
        assert response.status_code == 200
        assert time.monotonic() < deadline

    twin = client.get(f"/buckets/{bucket.name}/jobs.json").json()

    alert = one(page, ".problem.warn")
    assert row_ids(page) == emulator.job_ids(bucket.name)
    assert words(one(page, ".meta .stale")) == "out of date"
    assert one(page, "#as-of [data-copy]")["data-copy"] == emulator.calls(bucket.name)[0].request_id
    assert (alert["data-code"], alert["data-class"]) == (outage.code, outage.kind)
    assert str(outage.rule.advice) in words(alert)
    assert one(alert, "[data-copy]")["data-copy"] in [call.request_id for call in emulator.calls(bucket.name)]
    assert (twin["stale"], twin["problem"]["code"], len(twin["jobs"])) == (True, outage.code, 3)


def grow_old(bucket: Bucket) -> None:
    """Make the bucket's first page look as if it had been fetched two minutes ago."""
    answer = pages.get_page(bucket, JobFilter(), View(), person=False)
    assert isinstance(answer, Ready)
    key = servers.cache_key(f"page:{bucket.name}:{JobFilter().digest}:{answer.page.pin}:first")
    with servers.cache_server().connection() as connection:
        changed = connection.hset(key, "began", round((answer.page.as_of - 120) * 1000))
    assert changed == 0, "the page's key has another name now"
