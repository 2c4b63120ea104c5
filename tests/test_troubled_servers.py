"""What a Redis in trouble is to those who use it: down, whatever words it uses."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
import redis

from dashboard.celery import app
from jobs import queues, tasks
from jobs.filters import JobFilter
from jobs.records import PageQuestion
from jobs.servers import Server, ServerDown
from tests.ports import free_port
from tests.services import start_valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

QUESTION = PageQuestion("media-prod-1250000000", JobFilter())


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a Valkey of the test's own."""
    port = free_port()
    process = start_valkey(port)
    yield port
    process.kill()
    process.wait()


def be_read_only(client: redis.Redis) -> None:
    client.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]


def be_full(client: redis.Redis) -> None:
    client.config_set("maxmemory", "1")
    client.config_set("maxmemory-policy", "noeviction")


@pytest.mark.parametrize("trouble", [be_read_only, be_full])
def test_server_that_takes_no_writes_is_down(port: int, trouble: object) -> None:
    assert callable(trouble)
    with redis.Redis(port=port) as client:
        trouble(client)

    with pytest.raises(ServerDown), Server("broker", f"redis://127.0.0.1:{port}/0").connection() as connection:
        connection.set("a", "1")


def test_server_that_becomes_a_replica_lets_nobody_wait_and_is_down(port: int) -> None:
    server = Server("broker", f"redis://127.0.0.1:{port}/0")

    def change_roles() -> None:
        with redis.Redis(port=port) as client:
            until = time.monotonic() + 5
            while not client.info("clients")["blocked_clients"] and time.monotonic() < until:
                time.sleep(0.01)
            be_read_only(client)

    changer = threading.Thread(target=change_roles)
    changer.start()
    with pytest.raises(ServerDown), server.waiting(6) as client:
        client.xread({"nothing": "0-0"}, block=6000)
    changer.join()


def test_error_of_ours_is_not_taken_for_the_servers(port: int) -> None:
    server = Server("broker", f"redis://127.0.0.1:{port}/0")
    with server.connection() as client:
        client.set("a", "text")

    with pytest.raises(redis.ResponseError), server.connection() as client:
        client.incr("a")


@pytest.mark.parametrize("trouble", [be_read_only, be_full])
def test_enqueueing_where_the_broker_takes_no_writes_says_that_it_is_down(
    port: int, trouble: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(trouble)
    with redis.Redis(port=port) as client:
        trouble(client)
    with app.connection_for_write(f"redis://127.0.0.1:{port}/0") as connection:
        monkeypatch.setattr(tasks, "AT_ONCE", {**queues.AT_ONCE, "connection": connection})

        with pytest.raises(ServerDown):
            tasks.enqueue_page(QUESTION, 0, "person")
