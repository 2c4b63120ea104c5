"""The emulator's HTTP: hosts, paths and methods that are refused, headers, connections and latency."""

from __future__ import annotations

import base64
import http.client
import socket
import time
from email.utils import parsedate_to_datetime

import pytest
import requests
from qcloud_cos import CosConfig
from qcloud_cos.cos_auth import CosS3Auth

from tests.emulators import REGION, SECRET_ID, SECRET_KEY, Emulator
from tests.signed_calls import BUCKET, HOST, LIST, ask, parsed, refusal, rows


@pytest.mark.parametrize(("family", "expected"), [("ci", (400, "InvalidHost")), ("cos", (404, "NoSuchBucket"))])
@pytest.mark.parametrize(
    "host",
    [f"other-1250000000.ci.{REGION}.myqcloud.com", f"{BUCKET}.ci.ap-tokyo.myqcloud.com", f"{BUCKET}.cos.{REGION}.myqcloud.com",
     "127.0.0.1"],
)  # fmt: skip
def test_a_host_without_such_a_bucket_is_refused(
    cloud: Emulator, host: str, family: str, expected: tuple[int, str]
) -> None:
    cloud.create_bucket(BUCKET)
    cloud.set_switches(errors=family)

    assert refusal(ask(cloud, host=host)) == expected


def test_headers_and_request_id_are_like_cis(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=1)

    answer = ask(cloud)

    request_id = parsed(answer).findtext("RequestId", "")
    assert answer.headers["Content-Type"] == "application/xml"
    assert answer.headers["Server"] == "tencent-ci"
    assert answer.headers["Connection"] == "keep-alive"
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert answer.headers["x-ci-request-id"] == request_id
    assert "x-ci-trace-id" not in answer.headers
    assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == pytest.approx(time.time(), abs=3)
    moment, host, process, counter = base64.b64decode(request_id).decode().split("_")
    assert int(moment, 16) == pytest.approx(time.time(), abs=3)
    assert (len(host), len(process), int(counter, 16) > 0) == (8, 4, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", LIST), ("PUT", f"{LIST}/b1?cancel"), ("DELETE", f"{LIST}/b1"), ("PATCH", LIST), ("PUT", LIST)],
)
def test_writes_are_refused_and_stand_in_the_journal(cloud: Emulator, method: str, path: str) -> None:
    cloud.create_bucket(BUCKET)
    bare, _, query = path.partition("?")

    answer = ask(cloud, dict.fromkeys([query] * bool(query), ""), method=method, path=bare)

    assert refusal(answer) == (403, "AccessDenied")
    assert [(call.method, call.path, call.parameters, call.status) for call in cloud.calls(BUCKET)] == [
        (method, bare, {query: ""} if query else {}, 403)
    ]


def test_a_connection_is_kept_and_bodies_are_read(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=5)
    statuses, sockets = [], set()
    for method, body in (("POST", b"<Request>GET / HTTP/1.1</Request>"), ("GET", None), ("GET", None)):
        connection.request(method, LIST, body, {"Host": HOST})
        answer = connection.getresponse()
        statuses.append((answer.status, bool(answer.read())))
        sockets.add(connection.sock)
    connection.close()

    assert statuses == [(401, True)] * 3
    assert len(sockets) == 1


def test_a_head_request_gets_no_body(cloud: Emulator) -> None:
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=5) as connection:
        connection.sendall(f"HEAD {LIST} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        received = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert received.startswith(b"HTTP/1.1 401 ")
    assert received.endswith(b"\r\n\r\n")


def test_latency_is_of_all_buckets_or_of_one(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET)
    cloud.create_bucket("quick-1250000000", latency=0.0)
    cloud.set_latency(slow := 1.0)

    def seconds(host: str) -> float:
        begun = time.monotonic()
        ask(cloud, host=host)
        return time.monotonic() - begun

    assert seconds(HOST) >= slow
    assert seconds(f"quick-1250000000.ci.{REGION}.myqcloud.com") < slow
    cloud.set_latency(0.0, BUCKET)
    assert seconds(HOST) < slow


@pytest.mark.parametrize("path", ["/", "/jobs", "/inventorytriggerjobs", f"{LIST}/", "/mediabucket"])
def test_other_paths_are_unknown(cloud: Emulator, path: str) -> None:
    cloud.create_bucket(BUCKET)

    assert refusal(ask(cloud, path=path)) == (404, "InvalidUrl")


def test_a_request_in_the_form_for_proxies_is_read(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=2)
    config = CosConfig(Region=REGION, SecretId=SECRET_ID, SecretKey=SECRET_KEY)
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(
            f"http://{HOST}{LIST}", proxies={"http": cloud.endpoint}, auth=CosS3Auth(config, LIST), timeout=10
        )

    assert len(rows(answer)) == 2
