"""The client against real sockets: what it sends, what it makes of answers, and what it survives."""

from __future__ import annotations

import contextlib
import gzip
import logging
import os
import socket
import ssl
import threading
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.cloudinfinite import (
    Client,
    CloudInfiniteError,
    Credential,
    transport,
    valid_bucket,
    valid_job_id,
    valid_region,
)
from jobs.cloudinfinite.auth import authorization, encoded, query_string
from jobs.cloudinfinite.exceptions import (
    ClockSkew,
    CredentialsRejected,
    DeadlineExceeded,
    NotFound,
    Refused,
    Unreadable,
    UpstreamFailing,
)
from jobs.cloudinfinite.watchdog import Call, Watchdog
from tests.ports import black_hole

DATA = Path(__file__).parent / "data"
BUCKET, REGION = "media-prod-1250000000", "ap-guangzhou"
HOST = f"{BUCKET}.ci.{REGION}.myqcloud.com"
CREDENTIAL = Credential("AKIDexampleexample", "SECRETKEYexample", "TOKEN+example/==")
NOW = 1_700_000_060.0
JOBS = "/inventorytriggerjob"
EMPTY = b"<Response/>"
DEADLINE = 0.5

Answerer = Callable[[socket.socket, bytes], None]


def response(body: bytes = EMPTY, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


class Server:
    """A raw HTTP server: `answer` gets the connection and a request's head, as often as requests come."""

    def __init__(self, answer: Answerer, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._answer = answer
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.add(connection)
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.closing(connection):
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            with contextlib.closing(connection):
                while head := self._head(connection):
                    self.requests.append(head)
                    self._answer(connection, head)

    @staticmethod
    def _head(connection: socket.socket) -> bytes:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            piece = connection.recv(65536)
            if not piece:
                return b""
            head += piece
        return head

    def stop(self) -> None:
        self.stopping.set()
        for opened in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)


@contextlib.contextmanager
def serving(answer: Answerer | bytes, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    def send(connection: socket.socket, _head: bytes) -> None:
        assert isinstance(answer, bytes)
        connection.sendall(answer)

    server = Server(send if isinstance(answer, bytes) else answer, context)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def asking(endpoint: str | None, **options: Any) -> Iterator[Client]:
    client = Client(**{"clock": lambda: NOW, "endpoint": endpoint, "deadline": DEADLINE, **options})
    try:
        yield client
    finally:
        client.close()


def ask(client: Client, **parameters: Any) -> Any:
    return client.list_jobs(BUCKET, REGION, CREDENTIAL, **parameters)


def failure_of(client: Client, **parameters: Any) -> CloudInfiniteError:
    with pytest.raises(CloudInfiniteError) as caught:
        ask(client, **parameters)
    return caught.value


def failure_with(answer: Answerer | bytes, **options: Any) -> CloudInfiniteError:
    with serving(answer) as server, asking(server.url, **options) as client:
        return failure_of(client)


def header(head: bytes, name: str) -> str:
    found = [line for line in head.decode("latin-1").split("\r\n") if line.lower().startswith(f"{name}:")]
    assert len(found) == 1
    return found[0].partition(": ")[2]


def target(head: bytes) -> str:
    return head.split(b" ", 2)[1].decode()


# What is sent ---------------------------------------------------------------------------------------------------------


def test_list_sends_size_and_nothing_empty() -> None:
    with serving(response()) as server, asking(server.url) as client:
        ask(client)

    assert target(server.requests[0]) == f"{JOBS}?size=10"


def test_list_sends_every_parameter_percent_encoded_and_times_without_a_colon() -> None:
    eight = timezone(timedelta(hours=8))
    with serving(response()) as server, asking(server.url) as client:
        ask(
            client,
            type="Job",
            states=("Running", "Failed"),
            name="夜间 转码/批次-1",
            job_id="b1",
            workflow_id="w1",
            start_creation_time=datetime(2023, 11, 1, tzinfo=eight),
            end_creation_time=datetime(2023, 11, 14, 15, 59, 59, tzinfo=UTC),
            order_by_time="Asc",
            size=100,
            next_token="a+b/c==&d",
        )

    assert target(server.requests[0]) == (
        f"{JOBS}?type=Job&states=Running%2CFailed"
        "&name=%E5%A4%9C%E9%97%B4%20%E8%BD%AC%E7%A0%81%2F%E6%89%B9%E6%AC%A1-1&jobId=b1&workflowId=w1"
        "&startCreationTime=2023-11-01T00%3A00%3A00%2B0800&endCreationTime=2023-11-14T15%3A59%3A59%2B0000"
        "&orderByTime=Asc&size=100&nextToken=a%2Bb%2Fc%3D%3D%26d"
    )


def test_request_goes_to_the_endpoint_and_names_the_real_host() -> None:
    with serving(response()) as server, asking(server.url + "/") as client:
        ask(client)
        client.list_media_buckets(REGION, CREDENTIAL)

    assert [header(head, "host") for head in server.requests] == [HOST, "ci.ap-guangzhou.myqcloud.com"]
    assert target(server.requests[1]) == "/mediabucket?pageNumber=1&pageSize=100"


def test_media_buckets_sends_its_filters() -> None:
    with serving(response()) as server, asking(server.url) as client:
        client.list_media_buckets(
            REGION, CREDENTIAL, regions=("a", "b"), bucket_names=("c",), bucket_name="d", page_size=5
        )

    assert target(server.requests[0]) == (
        "/mediabucket?regions=a%2Cb&bucketNames=c&bucketName=d&pageNumber=1&pageSize=5"
    )


@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    token=st.text("aZ09+/=% &;'\"#?é夜", max_size=20),
    job_id=st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_arrives_is_what_was_signed(shared: tuple[Server, Client], name: str, token: str, job_id: str) -> None:
    # Arrange
    server, client = shared
    params = [(key, value) for key, value in [("name", name), ("size", "10"), ("nextToken", token)] if value]
    paths = [(f"{JOBS}", params)]

    # Act
    server.requests.clear()
    ask(client, name=name, next_token=token)
    if valid_job_id(job_id):
        paths.append((f"{JOBS}/{job_id}", []))
        with contextlib.suppress(NotFound):
            client.get_job(BUCKET, REGION, CREDENTIAL, job_id)

    # Assert
    assert [target(head) for head in server.requests] == [
        encoded(path).replace("%2F", "/", 1 if path == JOBS else 2) + ("?" if params else "") + query_string(params)
        for path, params in paths
    ]
    assert [header(head, "authorization") for head in server.requests] == [
        authorization(
            CREDENTIAL,
            "1700000000;1700000660",
            "GET",
            path,
            params,
            [("host", header(head, "host")), ("x-ci-security-token", header(head, "x-ci-security-token"))],
        )
        for head, (path, params) in zip(server.requests, paths, strict=True)
    ]


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Server, Client]]:
    with serving(response()) as server, asking(server.url, deadline=5.0) as client:
        yield server, client


@pytest.mark.parametrize("job_id", ["", "..", "a/b", "b1\n"])
def test_what_can_be_no_job_id_is_not_found_without_a_call(shared: tuple[Server, Client], job_id: str) -> None:
    server, client = shared
    asked = len(server.requests)

    with pytest.raises(NotFound):
        client.get_job(BUCKET, REGION, CREDENTIAL, job_id)

    assert len(server.requests) == asked


@pytest.mark.parametrize(
    ("bucket", "region"),
    [
        ("evil.example.com/-12345", REGION),
        ("a@b-1250000000", REGION),
        ("nodigits", REGION),
        (f"{BUCKET}\n", REGION),
        (BUCKET, "ap-guangzhou.example.com"),
        (BUCKET, "ap-guangzhou:80"),
        (BUCKET, ""),
    ],
)
def test_name_that_may_not_stand_in_a_host_is_refused_without_a_call(bucket: str, region: str) -> None:
    with asking("http://127.0.0.1:1") as client, pytest.raises(Refused) as caught:
        client.list_jobs(bucket, region, CREDENTIAL)

    assert (caught.value.code, caught.value.__context__) == ("invalid_host", None)


@pytest.mark.parametrize(
    ("name", "is_valid"),
    [
        ("a-12345", True),
        ("media-prod-1250000000", True),
        ("a-1234", False),
        ("-a-12345", False),
        ("A-12345", False),
        ("a_b-12345", False),
        ("a-12345\n", False),
        ("a-١٢٣٤٥", False),
        ("x" * 52 + "-1250000000", True),
        ("x" * 53 + "-1250000000", False),
    ],
)
def test_valid_bucket(name: str, is_valid: bool) -> None:
    assert valid_bucket(name) is is_valid


@pytest.mark.parametrize(
    ("region", "is_valid"),
    [
        ("ap-guangzhou", True),
        ("ap-shanghai-fsi", True),
        ("ap-beijing-1", True),
        ("na-siliconvalley", True),
        ("ap", False),
        ("ap-", False),
        ("AP-guangzhou", False),
        ("ap-guangzhou.evil", False),
        ("ap-guangzhou/", False),
        ("ap-guangzhou\n", False),
        ("ap-" + "x" * 61, False),
    ],
)
def test_valid_region(region: str, is_valid: bool) -> None:
    assert valid_region(region) is is_valid


@pytest.mark.parametrize(
    ("job_id", "is_valid"),
    [
        ("b0123456789abcdef0123456789abcdef", True),
        ("夜 ?#%", True),
        ("...", True),
        ("", False),
        (".", False),
        ("..", False),
        ("a/b", False),
        ("\n", False),
        ("b1\n", False),
        ("\x00b1", False),
        ("b\x7f1", False),
        ("b\x851", False),
    ],
)
def test_valid_job_id(job_id: str, is_valid: bool) -> None:
    assert valid_job_id(job_id) is is_valid


def test_credential_that_no_header_can_carry_is_rejected_without_a_call() -> None:
    with asking("http://127.0.0.1:1") as client, pytest.raises(CredentialsRejected) as caught:
        client.list_jobs(BUCKET, REGION, Credential("AKID\r\nX-Evil: 1", "key"))

    assert "AKID" not in str(caught.value)


@pytest.mark.parametrize(
    "endpoint",
    ["127.0.0.1:9000", "ftp://127.0.0.1", "http://", "http://u:p@127.0.0.1", "http://127.0.0.1/path", "http://h?q"],
)
def test_endpoint_must_be_an_origin(endpoint: str) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        Client(clock=lambda: NOW, endpoint=endpoint)


def test_proxy_must_be_http() -> None:
    with pytest.raises(ValueError, match="proxy"):
        Client(clock=lambda: NOW, proxy="socks5://127.0.0.1:1")


def test_environment_is_not_asked_for_proxies_or_passwords(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login stranger password stranger")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    with serving(response()) as server, asking(server.url) as client:
        assert ask(client).jobs == ()

    assert header(server.requests[0], "authorization").startswith("q-sign-algorithm=sha1&")


def test_explicit_proxy_is_used_and_gets_the_signed_host() -> None:
    with serving(response()) as proxy, asking("http://ci.invalid:8080", proxy=proxy.url) as client:
        assert ask(client).jobs == ()

    assert (target(proxy.requests[0]), header(proxy.requests[0], "host")) == (
        f"http://ci.invalid:8080{JOBS}?size=10",
        HOST,
    )


# What comes back ------------------------------------------------------------------------------------------------------


def test_list_returns_jobs_token_request_id_and_date() -> None:
    body = (DATA / "f1_list_first.xml").read_bytes()
    with (
        serving(response(body, headers="Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n")) as server,
        asking(server.url) as client,
    ):
        answer = ask(client)

    assert (len(answer.jobs), answer.next_token, answer.date) == (3, "884213", 1_700_000_000.0)


@pytest.mark.parametrize("date", ["", "Date: \r\n", "Date: yesterday\r\n", "Date: Tue, 14 Nov 99999 22:13:20 GMT\r\n"])
def test_unreadable_date_is_none(date: str) -> None:
    with serving(response(headers=date)) as server, asking(server.url) as client:
        assert ask(client).date is None


@pytest.mark.parametrize("name", ["x-ci-request-id", "x-cos-request-id"])
def test_request_id_comes_from_either_header(name: str) -> None:
    with serving(response(headers=f"{name}: id-1\r\n")) as server, asking(server.url) as client:
        assert ask(client).request_id == "id-1"


def test_job_is_returned_with_its_raw_xml() -> None:
    body = (DATA / "job_one.xml").read_bytes()
    with serving(response(body)) as server, asking(server.url) as client:
        answer = client.get_job(BUCKET, REGION, CREDENTIAL, "b0a77d3f0828f11eea1b2525400c0ffee")

    assert (answer.job.state, answer.raw) == ("Success", body.decode())


def test_clock_skew_offset_is_their_date_less_our_clock() -> None:
    error = failure_with(
        response(
            b"<Error><Code>RequestTimeTooSkewed</Code></Error>",
            "403 Forbidden",
            "Date: Tue, 14 Nov 2023 22:43:20 GMT\r\nx-ci-trace-id: trace-1\r\n",
        )
    )

    assert isinstance(error, ClockSkew)
    assert (error.offset, error.trace_id) == (1740.0, "trace-1")


def test_redirect_is_not_followed() -> None:
    with serving(response()) as other:
        error = failure_with(response(b"", "302 Found", f"Location: {other.url}/\r\n"))

    assert (type(error), error.code, other.requests) == (UpstreamFailing, "http_302", [])


def test_cookies_are_not_kept() -> None:
    with serving(response(headers="Set-Cookie: a=b; Path=/\r\n")) as server, asking(server.url) as client:
        ask(client)
        ask(client)

    assert [b"cookie" in head.lower() for head in server.requests] == [False, False]


@pytest.mark.parametrize("chunked", [False, True])
def test_gzip_is_read(chunked: bool) -> None:
    packed = gzip.compress((DATA / "f1_list_first.xml").read_bytes())
    plain = response(packed, headers="Content-Encoding: gzip\r\n")
    pieces = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + (
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    )

    with serving(pieces if chunked else plain) as server, asking(server.url) as client:
        assert len(ask(client).jobs) == 3


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


def is_open_anywhere(server: Server) -> bool:
    return any(thread.is_alive() for thread in server._threads[1:])


def wait_until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.005)


def test_twenty_threads_share_one_client() -> None:
    def answer(connection: socket.socket, head: bytes) -> None:
        name = target(head).partition("name=")[2].partition("&")[0]
        body = f"<Response><NextToken>{name}</NextToken></Response>"
        connection.sendall(response(body.encode()))

    with serving(answer) as server, asking(server.url, deadline=10.0) as client, ThreadPoolExecutor(20) as threads:
        tokens = list(threads.map(lambda n: ask(client, name=f"n{n}").next_token, range(300)))

    assert tokens == [f"n{n}" for n in range(300)]
    assert server.connections <= 20


# What goes wrong ------------------------------------------------------------------------------------------------------


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


def trickling(head: bytes, piece: bytes) -> Answerer:
    """Send `head` and then `piece` for ever, slowly enough to outlast any deadline and fast enough to outwit a time-out."""

    def answer(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(head)
        ends = time.monotonic() + 20 * DEADLINE
        while time.monotonic() < ends:
            connection.sendall(piece)
            time.sleep(DEADLINE / 25)

    return answer


def silent(connection: socket.socket, _head: bytes) -> None:
    connection.recv(1)


OK = b"HTTP/1.1 200 OK\r\n"


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
    assert DEADLINE - 0.05 < took < DEADLINE + 0.4


def test_connection_used_again_that_trickles_ends_at_the_deadline() -> None:
    answers = iter([lambda connection, _head: connection.sendall(response()), trickling(OK, b"X: y\r\n")])

    with serving(lambda connection, head: next(answers)(connection, head)) as server, asking(server.url) as client:
        ask(client)
        started = time.monotonic()
        error = failure_of(client)
        took = time.monotonic() - started

    assert (type(error) is DeadlineExceeded, server.connections) == (True, 1)
    assert took < DEADLINE + 0.4


def test_connection_idle_for_long_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_IDLE", -1.0)

    with serving(response()) as server, asking(server.url) as client:
        ask(client)
        ask(client)

    assert server.connections == 2


def test_answer_that_ends_when_the_watchdog_cuts_it_is_not_believed() -> None:
    """Without a length an end is an end: this one would parse, and lose rows."""
    whole = OK + b"\r\n<Response/>"

    assert type(failure_with(trickling(whole, b"\n"))) is DeadlineExceeded


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
    assert took < DEADLINE + 0.4


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("addresses", [1, 3])
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
    assert DEADLINE - 0.05 < took < DEADLINE + 0.4


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
    delays = iter([0.8 * DEADLINE] * 12)

    def answer(connection: socket.socket, _head: bytes) -> None:
        time.sleep(next(delays))
        connection.sendall(response())

    with serving(answer) as server, asking(server.url) as client:
        for _ in range(6):
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


def test_watchdog_ends_calls_in_the_order_of_their_deadlines() -> None:
    watchdog = Watchdog(0.1)
    calls = [watchdog.watch() for _ in range(3)]

    wait_until(lambda: all(not call.let_go() for call in calls))
    watchdog.close()

    assert [call.finish() for call in calls] == [True, True, True]


def test_calls_leave_no_open_descriptors() -> None:
    with serving(response()) as server, asking(server.url) as client:
        ask(client)
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(20):
            ask(client)

        assert len(list(Path("/proc/self/fd").iterdir())) == before


# Size -----------------------------------------------------------------------------------------------------------------


def resident() -> int:
    """Peak-free measure: bytes resident now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def sending(
    head: bytes, piece: bytes, count: int, wrap: Callable[[bytes], bytes] = bytes
) -> tuple[Answerer, list[int]]:
    sent: list[int] = []

    def answer(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(head)
        for _ in range(count):
            connection.sendall(wrap(piece))
            sent.append(len(piece))

    return answer, sent


MEGABYTE = b" " * 1024 * 1024


@pytest.mark.parametrize(
    ("head", "wrap"),
    [
        (b"Content-Length: 62914560\r\n\r\n", bytes),
        (b"\r\n", bytes),
        (b"Transfer-Encoding: chunked\r\n\r\n", lambda piece: b"%x\r\n%s\r\n" % (len(piece), piece)),
    ],
    ids=["length", "no length", "chunked"],
)
def test_body_of_sixty_megabytes_is_refused_without_being_read(head: bytes, wrap: Callable[[bytes], bytes]) -> None:
    answer, sent = sending(OK + head, MEGABYTE, 60, wrap)
    with serving(answer) as server, asking(server.url, deadline=10.0) as client:
        before = resident()
        error = failure_of(client)
        grown = resident() - before

    assert (type(error), error.code, error.status) == (Unreadable, "too_large", 200)
    assert sum(sent) < 30 * len(MEGABYTE)
    assert grown < 40 * len(MEGABYTE)


@pytest.mark.parametrize("chunked", [False, True])
def test_gzip_bomb_is_refused_in_little_memory(chunked: bool) -> None:
    packer = zlib.compressobj(9, wbits=31)
    packed = b"".join(packer.compress(MEGABYTE) for _ in range(200)) + packer.flush()
    head = OK + b"Content-Encoding: gzip\r\n"
    if chunked:
        bomb = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    else:
        bomb = head + b"Content-Length: %d\r\n\r\n" % len(packed) + packed

    with serving(bomb) as server, asking(server.url, deadline=10.0) as client:
        before = resident()
        error = failure_of(client)
        grown = resident() - before

    assert (type(error), error.code) == (Unreadable, "too_large")
    assert grown < 40 * len(MEGABYTE)


def test_body_of_just_the_limit_is_read() -> None:
    body = EMPTY + b" " * (1000 - len(EMPTY))
    with serving(response(body)) as server, asking(server.url, max_bytes=1000) as client:
        assert ask(client).jobs == ()
    assert failure_with(response(body + b" "), max_bytes=1000).code == "too_large"


def test_huge_error_page_still_goes_by_its_status() -> None:
    answer, sent = sending(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 62914560\r\n\r\n", MEGABYTE, 60)

    error = failure_with(answer, deadline=10.0)

    assert (error.kind, error.code) == ("permission", "http_403")
    assert sum(sent) < 30 * len(MEGABYTE)


# TLS ------------------------------------------------------------------------------------------------------------------


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
    assert took < DEADLINE + 0.4


# Secrets --------------------------------------------------------------------------------------------------------------


def echo(status: str, before: int = 0) -> Answerer:
    """Answer with the request's secret headers after `before` other characters, as careless gateways do."""

    def answer(connection: socket.socket, head: bytes) -> None:
        secrets = f"{header(head, 'x-ci-security-token')} {header(head, 'authorization')}"
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
