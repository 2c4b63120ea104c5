"""Enqueueing: what happens to a reader whose broker is down or hangs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
import redis
from celery import signals
from django.conf import settings
from kombu.exceptions import OperationalError

from dashboard.celery import app
from jobs import claims, queues, tasks
from jobs.filters import JobFilter
from jobs.records import PageQuestion
from tests.ports import free_port
from tests.processes import ROOT, worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUESTION = PageQuestion("media-prod-1250000000", JobFilter())


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def seconds_to_fail(port: int) -> float:
    """Enqueue at a broker that can't take it; return how long that took to be known."""
    began = time.monotonic()
    arguments = {"question": QUESTION.to_primitives(), "enqueued_at": 0, "lane": "person"}
    with app.connection_for_write(f"redis://127.0.0.1:{port}/0") as connection:
        there = {"connection": connection, **queues.AT_ONCE}
        with pytest.raises(OperationalError):
            tasks.fetch_page.apply_async(kwargs=arguments, queue="page", **there)
    return time.monotonic() - began


def test_broker_that_hangs_is_given_up_after_a_second(silent_port: int) -> None:
    assert seconds_to_fail(silent_port) < 3  # Celery's own tries would take nearly five.


def test_broker_that_is_down_is_known_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("kombu.utils.functional.sleep", pauses.append)

    seconds_to_fail(free_port())

    assert pauses == []  # It is not tried again.


def test_worker_looks_for_its_broker_every_two_seconds_however_long_it_is_away() -> None:
    pauses: list[float] = []
    with app.connection_for_read(f"redis://127.0.0.1:{free_port()}/0") as connection, pytest.raises(OperationalError):
        connection.ensure_connection(lambda _error, pause: pauses.append(pause), max_retries=3)

    assert max(pauses) <= 2


def test_worker_is_more_patient_than_a_web_process() -> None:
    conf = type("Conf", (), {"broker_transport_options": dict(app.conf.broker_transport_options)})()

    signals.celeryd_init.send(sender="w1@here", instance=None, conf=conf, options={})

    assert conf.broker_transport_options["socket_timeout"] == 3.0
    assert app.conf.broker_transport_options["socket_timeout"] == 1.0


# A worker that takes nothing -------------------------------------------------------------------------------------------


def test_worker_that_is_deaf_ends_so_that_it_is_started_anew(tmp_path: Path) -> None:
    url = settings.REDIS_URL.removesuffix("/0") + "/7"
    hand = worker(tmp_path / "worker.log", {"REDIS_URL": url, "DATABASE_URL": "sqlite://:memory:"}, name="deaf")
    with redis.Redis.from_url(url) as client, app.connection_for_write(url) as connection:
        hand.ready = lambda: bool(client.hlen(claims.HEARTBEATS))
        hand.start()
        try:
            options: dict[str, Any] = {"connection": connection}
            control = [
                sys.executable,
                "-m",
                "celery",
                "-A",
                "dashboard",
                "control",
                "--timeout",
                "5",
                "cancel_consumer",
                "page",
            ]
            subprocess.run(control, cwd=ROOT, env={**os.environ, "REDIS_URL": url}, check=True, capture_output=True)
            time.sleep(1.5)  # its last look into the queue lasts a second
            tasks.fetch_page.apply_async(
                kwargs={"question": QUESTION.to_primitives(), "enqueued_at": 0, "lane": "person"},
                queue="page",
                **options,
            )
            assert hand.popen is not None
            assert hand.popen.wait(20) == 1
            assert "takes no task" in hand.text()
        finally:
            hand.kill()
            client.flushdb()
