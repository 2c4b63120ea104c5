"""Enqueueing: what happens to a reader whose broker is down or hangs."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest
from celery import signals
from kombu.exceptions import OperationalError

from dashboard.celery import app
from jobs import tasks
from jobs.filters import JobFilter
from jobs.records import PageQuestion
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        there = {"connection": connection, **tasks.AT_ONCE}
        with pytest.raises(OperationalError):
            tasks.fetch_page.apply_async(kwargs=arguments, queue="page", **there)
    return time.monotonic() - began


def test_broker_that_hangs_is_given_up_after_a_second(silent_port: int) -> None:
    assert seconds_to_fail(silent_port) < 1.8


def test_broker_that_is_down_is_known_at_once() -> None:
    assert seconds_to_fail(free_port()) < 0.5


def test_worker_is_more_patient_than_a_web_process() -> None:
    conf = type("Conf", (), {"broker_transport_options": dict(app.conf.broker_transport_options)})()

    signals.celeryd_init.send(sender="w1@here", instance=None, conf=conf, options={})

    assert conf.broker_transport_options["socket_timeout"] == 3.0
    assert app.conf.broker_transport_options["socket_timeout"] == 1.0
