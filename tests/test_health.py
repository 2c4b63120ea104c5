"""The health pages: which part is down is named, within a second, whoever hangs, and no secret is told."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from jobs import claims, metrics
from tests.processes import web
from tests.services import Valkeys

pytestmark = pytest.mark.django_db(transaction=True)

DOZE = 0.01
"""Seconds of each sleep of `within`."""


@pytest.fixture
def heartbeat(valkeys: Valkeys, until: Callable[[Callable[[], Any]], None]) -> Iterator[claims.Renewer]:
    """A live worker, as far as its heartbeat tells."""
    renewer = claims.Renewer(every=0.05)
    renewer.start("w1@test")
    until(claims.heartbeats)
    yield renewer
    renewer.retire()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Hold the block to a time, without the moments in which the machine gave this process no turn.

    A second thread sleeps over and over: what it oversleeps is what was taken from both.
    """
    over = threading.Event()
    stalls: list[float] = []

    def doze() -> None:
        while not over.is_set():
            fell_asleep = time.monotonic()
            time.sleep(DOZE)  # what is measured here is this sleep
            stalls.append(time.monotonic() - fell_asleep - DOZE)

    sleeper = threading.Thread(target=doze)
    sleeper.start()
    began = time.monotonic()
    try:
        yield
        took = time.monotonic() - began
    finally:
        over.set()
        sleeper.join()
    assert took - sum(stalls) < seconds


def ready(client: Client) -> tuple[int, list[str]]:
    with within(1):
        answer = client.get("/readyz")
    assert answer.json()["ready"] == (answer.status_code == 200)
    return answer.status_code, answer.json()["down"]


def test_healthz_answers_without_asking_anybody(
    client: Client, valkeys: Valkeys, django_assert_num_queries: Callable[[int], Any]
) -> None:
    client.cookies["sessionid"] = "whatever-was-left-over"
    valkeys.broker.kill()
    valkeys.cache.kill()

    with django_assert_num_queries(0):
        answer = client.get("/healthz")

    assert (answer.status_code, answer.content) == (200, b"ok\n")


@pytest.mark.usefixtures("heartbeat", "patient_probes")
def test_readyz_is_ready_when_all_parts_are(client: Client) -> None:
    answer = client.get("/readyz")

    assert answer.json() == {
        "ready": True,
        "down": [],
        "parts": {"broker": "ok", "cache": "ok", "database": "ok", "worker": "ok"},
    }
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.usefixtures("valkeys", "patient_probes")
def test_readyz_names_a_missing_worker(client: Client) -> None:
    assert ready(client) == (503, ["worker"])


@pytest.mark.usefixtures("patient_probes")
def test_readyz_names_a_dead_cache(client: Client, heartbeat: claims.Renewer, valkeys: Valkeys) -> None:
    valkeys.cache.kill()
    valkeys.cache.wait()

    assert ready(client) == (503, ["cache"])


def test_readyz_names_a_hanging_cache_within_a_second_each_time(
    client: Client, heartbeat: claims.Renewer, valkeys: Valkeys, until: Callable[[Callable[[], Any]], None]
) -> None:
    valkeys.cache.send_signal(signal.SIGSTOP)
    hanging = [ready(client) for _ in range(3)]
    valkeys.cache.send_signal(signal.SIGCONT)

    assert hanging == [(503, ["cache"])] * 3
    until(lambda: ready(client) == (200, []))


def test_readyz_names_a_hanging_broker_and_that_the_worker_is_unknown(client: Client, valkeys: Valkeys) -> None:
    valkeys.broker.send_signal(signal.SIGSTOP)

    assert ready(client) == (503, ["broker", "worker"])


def test_readyz_names_a_database_that_is_not_there_and_tells_no_password(tmp_path: Path) -> None:
    process, address = web(tmp_path / "web.log", DATABASE_URL="postgres://someone:hunter22@127.0.0.1:9/nothing")
    process.start()
    try:
        answer = requests.get(f"{address}/readyz", timeout=5)
        alive = requests.get(f"{address}/healthz", timeout=5)
    finally:
        process.stop()

    assert (answer.status_code, alive.status_code) == (503, 200)
    assert answer.json()["parts"]["database"] == "does not answer"
    assert "hunter22" not in answer.text


def test_readyz_names_a_silent_database_within_a_second_each_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_url = f"postgres://someone@127.0.0.1:{silent.getsockname()[1]}/nothing"
        process, address = web(tmp_path / "web.log", DATABASE_URL=silent_url)
        process.start()
        try:
            answers = []
            for _ in range(3):
                with within(1):
                    answers.append(requests.get(f"{address}/readyz", timeout=5))
                with within(1):
                    assert requests.get(f"{address}/healthz", timeout=5).ok
        finally:
            process.stop()

    assert [answer.status_code for answer in answers] == [503] * 3
    assert {answer.json()["parts"]["database"] for answer in answers} == {"no answer in time"}
    assert all("database" in answer.json()["down"] for answer in answers)


@pytest.mark.usefixtures("heartbeat", "patient_probes")
def test_metrics_are_read_by_prometheus(client: Client) -> None:
    metrics.upstream_call("media-1250000000", "ok", 0.12)
    metrics.lookup("page", "miss")
    metrics.claim("claimed")
    metrics.wait("ready", 0.2)

    families = {
        family.name: family for family in text_string_to_metric_families(client.get("/metrics").content.decode())
    }

    assert {sample.labels["part"]: sample.value for sample in families["batchlens_up"].samples} == {
        "broker": 1.0,
        "cache": 1.0,
        "database": 1.0,
        "worker": 1.0,
    }
    for name in ("batchlens_upstream_seconds", "batchlens_lookups", "batchlens_claims", "batchlens_wait_seconds"):
        assert families[name].samples


def test_metrics_of_several_processes_are_added_up(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    shared = {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    code = "import django; django.setup(); from jobs import metrics; metrics.claim('joined')"
    for _ in range(2):
        _run(code, shared)

    process, address = web(tmp_path / "web.log", **shared)
    process.start()
    try:
        text = requests.get(f"{address}/metrics", timeout=5).text
    finally:
        process.stop()

    assert 'batchlens_claims_total{outcome="joined"} 2.0' in text.splitlines()


def _run(code: str, extra: dict[str, str]) -> None:
    import os
    import sys

    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "dashboard.settings", **extra}
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=Path(__file__).parent.parent, check=True)
