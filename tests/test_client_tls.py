"""The client over TLS: which certificate it trusts, and that handshake and body end at the deadline."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from jobs.cloudinfinite.exceptions import DeadlineExceeded, UpstreamFailing
from tests.raw_servers import (
    CREDENTIAL,
    DATA,
    DEADLINE,
    HOST,
    IN_TIME,
    OK,
    REGION,
    Server,
    ask,
    asking,
    failure_of,
    header,
    response,
    serving,
    trickling,
)


def test_tls_handshake_that_trickles_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def trickle() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"\x16\x03\x03\x40\x00")
                while not stop.wait(DEADLINE / 25):
                    connection.sendall(b"\x02")

        thread = threading.Thread(target=trickle)
        thread.start()
        started = time.monotonic()
        with asking(f"https://127.0.0.1:{listener.getsockname()[1]}") as client:
            error = failure_of(client)
        took = time.monotonic() - started
        stop.set()
        thread.join(5)

    assert type(error) is DeadlineExceeded
    assert took < IN_TIME


CERTIFICATE = DATA / "tls_test_only.pem"  # self-signed for HOST, with its key, until 2126


def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def to(server: Server) -> Callable[..., Any]:
    """A lookup that leads every name to `server`."""
    return lambda _host, _port, **_options: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]


def test_tls_checks_the_name_though_the_address_was_resolved_apart() -> None:
    with serving(response(), tls()) as server, asking(None, lookup=to(server), deadline=5.0) as client:
        client._transport.session.verify = str(CERTIFICATE)

        assert ask(client).jobs == ()
        with pytest.raises(UpstreamFailing) as caught:
            client.list_jobs("other-1250000000", REGION, CREDENTIAL)

    assert caught.value.message == (
        f"No answer from other-1250000000.ci.{REGION}.myqcloud.com: its certificate can't be trusted."
    )
    assert [header(head, "host") for head in server.requests] == [HOST]


def test_tls_refuses_a_certificate_nobody_vouches_for() -> None:
    with serving(response(), tls()) as server, asking(None, lookup=to(server), deadline=5.0) as client:
        error = failure_of(client)

    assert (error.message, server.requests) == (f"No answer from {HOST}: its certificate can't be trusted.", [])


def test_tls_body_that_trickles_ends_at_the_deadline() -> None:
    answer = trickling(OK + b"Content-Length: 1000000\r\n\r\n", b" ")
    with serving(answer, tls()) as server, asking(None, lookup=to(server)) as client:
        client._transport.session.verify = str(CERTIFICATE)
        started = time.monotonic()
        error = failure_of(client)
        took = time.monotonic() - started

    assert type(error) is DeadlineExceeded
    assert took < IN_TIME
