"""The client's connections: used again, shared by threads, opened anew, and closed."""

from __future__ import annotations

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from jobs.cloudinfinite import CloudInfiniteError, transport
from jobs.cloudinfinite.watchdog import Call
from tests.raw_servers import Server, ask, asking, response, serving, target, wait_until


def test_connection_is_used_again() -> None:
    with serving(response()) as server, asking(server.url) as client:
        for _ in range(5):
            ask(client)

    assert (server.connections, len(server.requests)) == (1, 5)


def test_connection_that_the_server_closed_meanwhile_is_opened_anew() -> None:
    def answer(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(response())
        connection.shutdown(socket.SHUT_RDWR)

    with serving(answer) as server, asking(server.url) as client:
        ask(client)
        wait_until(lambda: not is_open_anywhere(server))
        ask(client)

    assert server.connections == 2


@pytest.mark.parametrize("order", [("keep-alive", "close"), ("close", "keep-alive")])
def test_connection_that_the_server_says_it_closes_is_not_used_again_whatever_else_it_says(
    order: tuple[str, str],
) -> None:
    headers = "".join(f"Connection: {option}\r\n" for option in order)

    with serving(response(headers=headers)) as server, asking(server.url) as client:
        ask(client)
        ask(client)

    assert server.connections == 2


@pytest.mark.parametrize("broken", ["No Colon", "X: a\rNo Colon"])
@pytest.mark.parametrize("status", ["200 OK", "500 Internal Server Error"])
def test_connection_is_not_used_again_behind_a_head_that_can_t_be_read_whole(broken: str, status: str) -> None:
    """Whatever stands behind the broken line is hidden, that the server closes among it."""
    headers = f"{broken}\r\nConnection: close\r\n"

    with serving(response(status=status, headers=headers)) as server, asking(server.url) as client:
        for _ in range(2):
            with contextlib.suppress(CloudInfiniteError):
                ask(client)

    assert server.connections == 2


@pytest.mark.parametrize("interim", ["100 Continue", "102 Processing", "103 Early Hints", "199 Other"])
def test_interim_answer_is_passed_over_and_the_next_call_gets_its_own(interim: str) -> None:
    early = f"HTTP/1.1 {interim}\r\nLink: x\r\n\r\n".encode()

    def answer(connection: socket.socket, head: bytes) -> None:
        connection.sendall(early)
        connection.sendall(early + response(named(head)))

    with serving(answer) as server, asking(server.url) as client:
        tokens = [ask(client, name=name).next_token for name in ("a", "b", "c")]

    assert (tokens, server.connections) == (["a", "b", "c"], 1)


def test_connection_that_is_no_longer_http_is_not_used_again() -> None:
    with serving(b"HTTP/1.1 101 Switching Protocols\r\n\r\n") as server, asking(server.url) as client:
        for _ in range(2):
            with pytest.raises(CloudInfiniteError):
                ask(client)

    assert server.connections == 2


def named(head: bytes) -> bytes:
    """Return a list whose token is the name that was asked for: it shows whose answer somebody got."""
    name = target(head).partition("name=")[2].partition("&")[0]
    return f"<Response><NextToken>{name}</NextToken></Response>".encode()


def is_open_anywhere(server: Server) -> bool:
    return any(thread.is_alive() for thread in server._threads[1:])


def test_twenty_threads_share_one_client() -> None:
    def answer(connection: socket.socket, head: bytes) -> None:
        connection.sendall(response(named(head)))

    with serving(answer) as server, asking(server.url, deadline=10.0) as client, ThreadPoolExecutor(20) as threads:
        tokens = list(threads.map(lambda n: ask(client, name=f"n{n}").next_token, range(300)))

    assert tokens == [f"n{n}" for n in range(300)]
    assert server.connections <= 20


def test_connection_idle_for_long_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_IDLE", -1.0)

    with serving(response()) as server, asking(server.url) as client:
        ask(client)
        ask(client)

    assert server.connections == 2


def test_second_address_is_tried_when_the_first_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dead = listener.getsockname()

    def two(_host: str, port: int, **_options: Any) -> Any:
        start = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*start, dead), (*start, ("127.0.0.1", port))]

    with serving(response()) as server, asking(f"http://ci.invalid:{server.port}", lookup=two) as client:
        assert ask(client).jobs == ()


def test_connection_given_back_is_never_shut_by_the_call_before() -> None:
    """Each call ends shortly before its deadline, and the next one takes the connection while that deadline passes."""
    delays = iter([1.5] * 6)

    def answer(connection: socket.socket, _head: bytes) -> None:
        time.sleep(next(delays))
        connection.sendall(response())

    with serving(answer) as server, asking(server.url, deadline=2.0) as client:
        for _ in range(3):
            ask(client)

    assert server.connections == 1


def test_a_call_can_shut_its_connection_only_until_it_lets_go() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        call = Call(time.monotonic() + 60)
        call.hold(ours)
        assert call.let_go() is True

        call.expire()
        theirs.sendall(b"x")

        assert ours.recv(1) == b"x"
        assert (call.let_go(), call.finish()) == (False, True)


def test_a_late_call_shuts_a_connection_at_once() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        call = Call(time.monotonic() + 60)
        call.expire()
        call.hold(ours)

        assert (ours.recv(1), call.let_go(), call.finish()) == (b"", False, True)


def test_a_finished_call_does_not_expire() -> None:
    call = Call(time.monotonic() + 60)
    call.finish()
    call.expire()

    assert call.finish() is False


def test_calls_leave_no_open_descriptors() -> None:
    with serving(response()) as server, asking(server.url) as client:
        ask(client)
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(20):
            ask(client)

        assert len(list(Path("/proc/self/fd").iterdir())) == before
