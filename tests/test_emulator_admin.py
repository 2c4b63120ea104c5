"""The emulator as a process: its journal, its admin API, its options, calls at once, and its end."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import pytest
import requests

from jobs.cloudinfinite.emulator.journal import KEPT_CALLS, KEPT_SECONDS, Journal
from tests.emulators import REGION, SECRET_ID, AdminError, Emulator
from tests.signed_calls import ANCHOR, BUCKET, LIST, ask, faulty, refusal

# Journal and admin ----------------------------------------------------------------------------------------------------


def test_the_journal_tells_every_call(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=3)
    answer = ask(cloud, {"name": "夜间 转码", "size": "5"})
    ask(cloud, path=f"{LIST}/{cloud.job_ids(BUCKET)[0]}")
    ask(cloud, host="other-1250000000.ci.ap-tokyo.myqcloud.com")

    listed, single, lost = cloud.calls()

    assert (listed.bucket, listed.region, listed.method, listed.path) == (BUCKET, REGION, "GET", LIST)
    assert listed.query == (("name", "夜间 转码"), ("size", "5"))
    assert (listed.status, listed.code, listed.ids, listed.credential) == (200, "", (), SECRET_ID)
    assert listed.request_id == answer.headers["x-ci-request-id"]
    assert listed.time == pytest.approx(time.time(), abs=5)
    assert single.ids == (cloud.job_ids(BUCKET)[0],)
    assert (lost.bucket, lost.status, lost.code) == ("other-1250000000", 400, "InvalidHost")
    assert cloud.calls(BUCKET, since=listed.number) == [single]
    assert sum(count.get(BUCKET, 0) for count in cloud.calls_per_second().values()) == 2
    cloud.clear_calls()
    assert (cloud.calls(), cloud.calls_per_second()) == ([], {})


def test_the_journal_counts_calls_in_flight(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, latency=2.0)
    threads = [threading.Thread(target=ask, args=(cloud,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cloud.set_latency(0.0, BUCKET)
    ask(cloud)

    assert [call.in_flight for call in cloud.calls(BUCKET)] == [1, 2, 3, 4, 1]


def test_the_journal_is_bounded() -> None:
    journal = Journal()
    for number in range(KEPT_CALLS + 50):
        call = journal.begin(now=number, bucket="b", region="r", method="GET", path="/", query=[], credential="")
        journal.end(call, number + 1)

    calls, counts = journal.calls(), journal.counts()

    assert (len(calls), calls[0]["number"], calls[-1]["number"]) == (KEPT_CALLS, 51, KEPT_CALLS + 50)
    assert (len(counts), calls[0]["seconds"]) == (KEPT_SECONDS, 1)


@pytest.mark.parametrize(
    ("method", "path", "data", "message"),
    [
        ("PATCH", "switches", {"tokens": "both"}, "400 no switch tokens=both"),
        ("PATCH", "switches", {"colour": "red"}, "400 no switch colour=red"),
        ("POST", f"buckets/{BUCKET}/faults", {"kind": "gremlin"}, "400 no fault 'gremlin'"),
        ("POST", f"buckets/{BUCKET}/faults", {"kind": "hang", "minutes": 1}, "400 fault hang has no minutes"),
        ("PUT", "buckets/Bad_Name", {"region": REGION}, "400 'Bad_Name'"),
        ("PUT", "buckets/x-1250000000", {"region": "../etc"}, "400 'x-1250000000' in '../etc'"),
        ("PUT", "buckets/x-1250000000", {"region": REGION, "size": 3}, "400 a bucket has no size"),
        ("POST", f"buckets/{BUCKET}/jobs", {"Progress": 5}, "400 a node is a text"),
        ("POST", "buckets/unknown-1250000000/jobs", {}, "404 no unknown-1250000000"),
        ("GET", "nothing", None, "404 no GET /_emulator/nothing"),
    ],
)
def test_admin_says_what_is_wrong(cloud: Emulator, method: str, path: str, data: Any, message: str) -> None:
    cloud.create_bucket(BUCKET)

    with pytest.raises(AdminError, match=re.escape(message)):
        cloud.admin(method, path, data)


def test_admin_is_not_reachable_through_a_ci_host(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET)

    assert refusal(ask(cloud, path="/_emulator/journal")) == (404, "InvalidUrl")


# The process ----------------------------------------------------------------------------------------------------------


def test_thirty_two_slow_calls_are_answered_together(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=20, latency=1.0)
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(ask(cloud).status_code)) for _ in range(32)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 32
    assert time.monotonic() - begun < 4


def test_sigterm_ends_it_at_once_though_calls_hang() -> None:
    with Emulator() as emulator:
        faulty(emulator, "hang")
        outcomes: list[str] = []

        def hang() -> None:
            try:
                ask(emulator)
            except requests.ConnectionError:
                outcomes.append("broken off")

        threads = [threading.Thread(target=hang) for _ in range(3)]
        for thread in threads:
            thread.start()
        while len(emulator.calls(BUCKET)) < 3:
            time.sleep(0.01)

        begun = time.monotonic()
        assert emulator.stop() == 0
        assert time.monotonic() - begun < 3  # Else it is killed after five seconds.
        for thread in threads:
            thread.join()
        assert outcomes == ["broken off"] * 3


def test_options_set_seed_clock_switches_and_credentials() -> None:
    options = ("--tokens", "offset", "--end-of-list", "empty", "--token-header", "ci")
    with Emulator(*options, seed=9, now=ANCHOR, credentials=(("A", "a"), ("B", "b", "t"))) as emulator:
        assert emulator.now() == pytest.approx(ANCHOR, abs=5)
        switches = emulator.admin("GET", "switches")
        assert (switches["tokens"], switches["end_of_list"], switches["name"]) == ("offset", "empty", "exact")
        assert switches["token_header"] == "ci"
        emulator.set_clock(time.time())
        emulator.create_bucket(BUCKET)
        assert ask(emulator, credential=("A", "a")).status_code == 200
        assert ask(emulator, credential=("B", "b"), headers={"x-ci-security-token": "t"}).status_code == 200
        emulator.reset()
        assert emulator.now() == pytest.approx(ANCHOR, abs=20)
