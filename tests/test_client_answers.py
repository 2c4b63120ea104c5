"""What the client makes of whole answers: jobs, tokens, headers, compression, and bodies that are too large."""

from __future__ import annotations

import gzip
import os
import socket
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.cloudinfinite.exceptions import ClockSkew, Unreadable, UpstreamFailing
from tests.raw_servers import (
    BUCKET,
    CREDENTIAL,
    DATA,
    EMPTY,
    OK,
    REGION,
    Answerer,
    ask,
    asking,
    failure_of,
    failure_with,
    response,
    serving,
)


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
