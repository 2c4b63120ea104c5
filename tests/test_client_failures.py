"""What the client says of answers that never came whole, and that it says no secret."""

from __future__ import annotations

import logging
import socket
import traceback
from typing import Any

import pytest
import requests

from jobs.cloudinfinite import CloudInfiniteError
from jobs.cloudinfinite.exceptions import UpstreamFailing
from tests.raw_servers import HOST, Answerer, asking, failure_of, failure_with, header, response, silent


def test_refused_connection_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with asking(f"http://127.0.0.1:{port}") as client:
        error = failure_of(client)

    assert (type(error), error.code, error.status, error.message) == (
        UpstreamFailing,
        "unreachable",
        None,
        f"No answer from {HOST}: connection refused.",
    )


def close_at_once(connection: socket.socket, _head: bytes) -> None:
    connection.close()


def reset_in_mid_body(connection: socket.socket, _head: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<Response>")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (close_at_once, "connection reset"),
        (reset_in_mid_body, None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n<Response>", None),
        (b"SSH-2.0-OpenSSH_9.2\r\n" * 3, "not HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", "not HTTP"),
        (response(b"no gzip", headers="Content-Encoding: gzip\r\n"), "its compression is broken"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", None),
    ],
    ids=["closed", "reset", "short", "not http", "many headers", "long header", "not gzip", "bad chunk"],
)
def test_broken_answer_is_unreachable(answer: Answerer | bytes, words: str | None) -> None:
    def send_and_close(connection: socket.socket, _head: bytes) -> None:
        assert isinstance(answer, bytes)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)

    error = failure_with(send_and_close if isinstance(answer, bytes) else answer)

    assert (type(error), error.code) == (UpstreamFailing, "unreachable")
    if words:
        assert error.message == f"No answer from {HOST}: {words}."


def test_name_that_does_not_exist_is_unreachable() -> None:
    def unknown(*_arguments: object, **_options: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with asking(None, lookup=unknown) as client:
        assert failure_of(client).message == f"No answer from {HOST}: the name can't be resolved."


# Secrets --------------------------------------------------------------------------------------------------------------


def echo(status: str, before: int = 0) -> Answerer:
    """Answer with the request's secret headers after `before` other characters, as careless gateways do."""

    def answer(connection: socket.socket, head: bytes) -> None:
        names = ("x-ci-security-token", "x-cos-security-token", "authorization")
        secrets = " ".join(header(head, name) for name in names)
        connection.sendall(response(b"<" + b"x" * before + secrets.encode(), status))

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        response(b"<Error><Code>SignatureDoesNotMatch</Code></Error>", "403 Forbidden"),
        echo("502 Bad Gateway"),
        echo("200 OK"),
        echo("404 Not Found"),
        echo("502 Bad Gateway", before=190),
        close_at_once,
        reset_in_mid_body,
        silent,
        b"nonsense\r\n\r\n",
        response(b"no gzip", headers="Content-Encoding: gzip\r\n"),
        response(b" " * 5000),
    ],
    ids=[
        "error",
        "echo-502",
        "echo-200",
        "echo-404",
        "echo-cut",
        "closed",
        "reset",
        "silent",
        "nonsense",
        "gzip",
        "large",
    ],
)
def test_no_secret_is_in_anything_that_may_be_logged(
    answer: Answerer | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    error = failure_with(answer, max_bytes=2000)
    logging.getLogger("test").error("failed", exc_info=error)
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    texts = [caplog.text, repr(error), str(error), repr(error.args), *shown.format()]

    everything = "\n".join(texts).replace("q-signature=***", "")
    assert [part for part in ("AKIDexam", "SECRETKEY", "TOKEN+", "q-signature=") if part in everything] == []
    assert (error.__cause__, error.__context__) == (None, None)
    assert holds_request(error) is False


def holds_request(error: CloudInfiniteError) -> bool:
    """Whether a tool that looks into frames, as error reporters do, would find the request with its headers."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    found = [value for frame in frames for value in frame.f_locals.values()]
    return any(isinstance(value, requests.Response | requests.PreparedRequest) for value in found)
