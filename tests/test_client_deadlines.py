"""The client's deadline: whatever hangs or trickles, in whatever part of a call, ends in time."""

from __future__ import annotations

import socket
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jobs.cloudinfinite.exceptions import DeadlineExceeded
from jobs.cloudinfinite.watchdog import Watchdog
from tests.ports import black_hole
from tests.raw_servers import (
    CREDENTIAL,
    DEADLINE,
    IN_TIME,
    OK,
    REGION,
    Answerer,
    ask,
    asking,
    failure_of,
    failure_with,
    response,
    serving,
    silent,
    trickling,
    wait_until,
)


@pytest.mark.parametrize(
    "answer",
    [
        silent,
        trickling(b"", b"H"),
        trickling(OK, b"X: y\r\n"),
        trickling(OK + b"X: ", b"y"),
        trickling(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        trickling(OK + b"Content-Length: 1000000\r\n\r\n", b" "),
        trickling(OK + b"\r\n", b" "),
        trickling(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        trickling(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
        trickling(b"HTTP/1.1 500 No\r\nContent-Length: 1000000\r\n\r\n", b" "),
        trickling(OK + b"Content-Encoding: gzip\r\n\r\n" + zlib.compress(b"x", wbits=31)[:10], b"\0"),
    ],
    ids=[
        "silent",
        "status",
        "header",
        "value",
        "continue",
        "body",
        "eof-body",
        "chunks",
        "chunk-size",
        "error-body",
        "gzip",
    ],
)
def test_whatever_trickles_ends_at_the_deadline(answer: Answerer) -> None:
    with serving(answer) as server, asking(server.url) as client:
        started = time.monotonic()
        error = failure_of(client)
        took = time.monotonic() - started

    assert (type(error) is DeadlineExceeded, error.code) == (True, "timeout")
    assert DEADLINE - 0.05 < took < IN_TIME


def test_connection_used_again_that_trickles_ends_at_the_deadline() -> None:
    answers = iter([lambda connection, _head: connection.sendall(response()), trickling(OK, b"X: y\r\n")])

    with serving(lambda connection, head: next(answers)(connection, head)) as server, asking(server.url) as client:
        ask(client)
        started = time.monotonic()
        error = failure_of(client)
        took = time.monotonic() - started

    assert (type(error) is DeadlineExceeded, server.connections) == (True, 1)
    assert took < IN_TIME


def test_answer_that_ends_when_the_watchdog_cuts_it_is_not_believed() -> None:
    """Without a length an end is an end: this one would parse, and lose rows."""
    whole = OK + b"\r\n<Response/>"

    assert type(failure_with(trickling(whole, b"\n"))) is DeadlineExceeded


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("addresses", [1, 10])
def test_connect_that_never_completes_ends_at_the_deadline(scheme: str, addresses: int) -> None:
    """However many addresses the name has: the deadline is the call's, not the connection's."""
    with black_hole() as hole:

        def lookup(_host: str, _port: int, **_options: Any) -> Any:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", hole)] * addresses

        with asking(f"{scheme}://ci.invalid:{hole[1]}", lookup=lookup) as client:
            started = time.monotonic()
            error = failure_of(client)
            took = time.monotonic() - started

    assert (type(error) is DeadlineExceeded, error.code) == (True, "timeout")
    assert DEADLINE - 0.05 < took < IN_TIME


def test_lookup_that_hangs_ends_at_the_deadline_and_takes_few_threads() -> None:
    # Arrange
    released = threading.Event()
    asked: list[str] = []
    before = set(threading.enumerate())

    def hang(host: str, *_arguments: object, **_options: object) -> list[Any]:
        asked.append(host)
        released.wait(30)
        return []

    def hung(bucket: str) -> str:
        with pytest.raises(DeadlineExceeded) as caught:
            client.list_jobs(bucket, REGION, CREDENTIAL)
        return caught.value.code

    # Act
    with asking(None, lookup=hang) as client, ThreadPoolExecutor(40) as threads:
        started = time.monotonic()
        failures = list(threads.map(hung, [f"b{n % 8}-12345" for n in range(40)]))
        took = time.monotonic() - started
        resolving = [thread.name for thread in set(threading.enumerate()) - before].count("resolver")
        lookups = len(asked)
        released.set()

    # Assert
    assert failures == ["timeout"] * 40
    assert took < DEADLINE + 1
    assert (resolving, lookups) == (4, 4)


def test_lookup_that_hung_once_does_not_spoil_the_next_call() -> None:
    released = threading.Event()

    def hang(_host: str, port: int, **options: Any) -> Any:
        released.wait(30)
        return socket.getaddrinfo("127.0.0.1", port, **options)

    with serving(response()) as server, asking(f"http://ci.invalid:{server.port}", lookup=hang) as client:
        assert type(failure_of(client)) is DeadlineExceeded
        released.set()
        assert ask(client).jobs == ()


def test_watchdog_ends_calls_in_the_order_of_their_deadlines() -> None:
    watchdog = Watchdog(0.1)
    calls = [watchdog.watch() for _ in range(3)]

    wait_until(lambda: all(not call.let_go() for call in calls))
    watchdog.close()

    assert [call.finish() for call in calls] == [True, True, True]
