"""What the client sends, where to, and what it refuses to send."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.cloudinfinite import Client, Credential, valid_bucket, valid_job_id, valid_region
from jobs.cloudinfinite.auth import authorization, encoded, query_string
from jobs.cloudinfinite.exceptions import CredentialsRejected, NotFound, Refused
from tests.raw_servers import (
    BUCKET,
    CREDENTIAL,
    HOST,
    JOBS,
    NOW,
    REGION,
    Server,
    ask,
    asking,
    header,
    response,
    serving,
    target,
)


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
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
            [(name, header(head, name)) for name in ("host", "x-ci-security-token", "x-cos-security-token")],
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
        ("b\ufffd", True),
        ("b\ufffe", False),
        ("b\uffff", False),
        ("b\ud800", False),
        ("b\U0010ffff", True),
        ("b" * 128, True),
        ("b" * 129, False),
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
