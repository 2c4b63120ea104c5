from __future__ import annotations

import base64
import http.client
import re
import socket
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import pytest
import requests
from defusedxml.ElementTree import fromstring
from qcloud_cos import CosConfig
from qcloud_cos.cos_auth import CosS3Auth

from jobs.cloudinfinite.emulator import DEMO_BUCKETS, DEMO_SECRET_ID, DEMO_SECRET_KEY
from jobs.cloudinfinite.emulator.journal import KEPT_CALLS, KEPT_SECONDS, Journal
from jobs.cloudinfinite.emulator.signature import Known, SignatureRefusedError, Signed, verify
from jobs.cloudinfinite.emulator.switches import CHOICES
from tests.emulators import REGION, SECRET_ID, SECRET_KEY, AdminError, Emulator

BUCKET = "media-test-1250000000"
HOST = f"{BUCKET}.ci.{REGION}.myqcloud.com"
LIST = "/inventorytriggerjob"
HOUR = 3_600
ANCHOR = 1_795_000_000  # 2026-11-18T20:26:40+0800


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def cloud(running: Emulator) -> Emulator:
    running.reset()
    return running


def ask(
    cloud: Emulator,
    query: dict[str, str] | None = None,
    *,
    path: str = LIST,
    host: str = HOST,
    method: str = "GET",
    credential: tuple[str, str] = (SECRET_ID, SECRET_KEY),
    headers: dict[str, str] | None = None,
    expire: int = 10_000,
    timeout: float = 10,
) -> requests.Response:
    """A call signed by the official SDK's signer."""
    config = CosConfig(Region=REGION, SecretId=credential[0], SecretKey=credential[1])
    signer = CosS3Auth(config, path, params=query or {}, expire=expire)
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method, cloud.endpoint + path, params=query, headers={"Host": host, **(headers or {})}, auth=signer,
            timeout=timeout, allow_redirects=False,
        )  # fmt: skip


def parsed(answer: requests.Response) -> Element:
    assert answer.status_code == 200, answer.text
    root: Element = fromstring(answer.content)
    assert root.tag == "Response"
    return root


def rows(answer: requests.Response) -> list[Element]:
    return parsed(answer).findall("JobsDetail")


def column(answer: requests.Response, name: str) -> list[str]:
    return [row.findtext(name, "") for row in rows(answer)]


def refusal(answer: requests.Response) -> tuple[int, str]:
    root = fromstring(answer.content)
    assert root.tag == "Error"
    return answer.status_code, root.findtext("Code", "")


def crawl(cloud: Emulator, size: int, **query: str) -> list[str]:
    """All JobIds by following NextToken to the end."""
    ids: list[str] = []
    token = ""
    while True:
        root = parsed(ask(cloud, {"size": str(size), **query, **({"nextToken": token} if token else {})}))
        ids += [row.findtext("JobId", "") for row in root.findall("JobsDetail")]
        token = root.findtext("NextToken") or ""
        if not token:
            return ids


# --- signatures


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "header_list", "parameter_list", "signature"),
    [
        ("GET", LIST, [], {}, "host", "", "ccb1c884e6bea89b461ac7f89adc5cb3b2da217a"),
        (
            "GET", LIST,
            [("size", "100"), ("states", "Running,Failed"), ("orderByTime", "Desc"),
             ("startCreationTime", "2023-11-01T00:00:00+0800"), ("endCreationTime", "2023-11-14T23:59:59+0800"),
             ("nextToken", "225508"), ("type", "Job"), ("name", "夜间 转码/批次-1")],
            {}, "host", "endcreationtime;name;nexttoken;orderbytime;size;startcreationtime;states;type",
            "7c827b87e64fdaff7631b615bf596d264684082a",
        ),
        ("GET", f"{LIST}/b0123456789abcdef0123456789abcdef", [], {"x-ci-security-token": "EXAMPLE+TOKEN/0001=="},
         "host;x-ci-security-token", "", "bab6002e4aa5471a4d4002a17e158af9c230f863"),
        ("PUT", f"{LIST}/b0123456789abcdef0123456789abcdef", [("cancel", "")], {}, "host", "cancel",
         "76635b50997a207bd1915358a30671a350355c48"),
        ("GET", "/", [("max-keys", "1000"), ("region", "ap-guangzhou")], {"host": "service.cos.myqcloud.com"}, "host",
         "max-keys;region", "edacd00f5071b4745344062def7c3f9ca13ba1f7"),
        ("GET", LIST, [], {}, "", "", "f03af8aa52790a332e0eba71bf2c8097b4a70c54"),
    ],
    ids=["O1", "O2", "O3", "O4", "O5", "O6"],
)  # fmt: skip
def test_verify_accepts_the_documented_vectors(
    method: str, path: str, query: list[tuple[str, str]], headers: dict[str, str], header_list: str, parameter_list: str,
    signature: str,
) -> None:  # fmt: skip
    known = Known("EXAMPLE-SECRET-ID-0001", "EXAMPLE-SECRET-KEY-0001")
    authorization = (
        "q-sign-algorithm=sha1&q-ak=EXAMPLE-SECRET-ID-0001&q-sign-time=1700000000;1700000600&q-key-time=1700000000;1700000600"
        f"&q-header-list={header_list}&q-url-param-list={parameter_list}&q-signature={signature}"
    )
    host = "media-prod-1250000000.ci.ap-guangzhou.myqcloud.com"
    signed = Signed(method, path, query, {"host": host, "authorization": authorization, **headers})

    assert verify(signed, {known.secret_id: known}, 1_700_000_100) == known


@pytest.mark.parametrize(
    ("sign_time", "parameter_list", "reason"),
    [("1700000000;1700000600", "size", "mismatch"), ("1700000000;1700009999", "", "malformed")],
    ids=["a declared parameter that is not sent", "another time than the key's"],
)
def test_verify_refuses_what_the_signature_does_not_cover(sign_time: str, parameter_list: str, reason: str) -> None:
    known = Known("EXAMPLE-SECRET-ID-0001", "EXAMPLE-SECRET-KEY-0001")
    authorization = (  # O6 but for the two fields, which its signature does not depend on
        f"q-sign-algorithm=sha1&q-ak=EXAMPLE-SECRET-ID-0001&q-sign-time={sign_time}&q-key-time=1700000000;1700000600"
        f"&q-header-list=&q-url-param-list={parameter_list}&q-signature=f03af8aa52790a332e0eba71bf2c8097b4a70c54"
    )
    signed = Signed("GET", LIST, [], {"host": HOST, "authorization": authorization})

    with pytest.raises(SignatureRefusedError, match=reason):
        verify(signed, {known.secret_id: known}, 1_700_000_100)


@pytest.mark.parametrize(
    ("change", "ci", "cos"),
    [
        ("missing", (401, "MissingAuthorization"), (403, "AccessDenied")),
        ("malformed", (401, "InvalidAuthorization"), (403, "SignatureDoesNotMatch")),
        ("unequal times", (401, "InvalidAuthorization"), (403, "SignatureDoesNotMatch")),
        ("other algorithm", (401, "InvalidAuthorization"), (403, "SignatureDoesNotMatch")),
        ("unknown id", (401, "SecretidNotExist"), (403, "InvalidAccessKeyId")),
        ("wrong key", (401, "InvalidAuthorization"), (403, "SignatureDoesNotMatch")),
        ("tampered parameter", (401, "InvalidAuthorization"), (403, "SignatureDoesNotMatch")),
        ("declared but not sent", (401, "InvalidAuthorization"), (403, "SignatureDoesNotMatch")),
        ("other host", (401, "InvalidAuthorization"), (403, "SignatureDoesNotMatch")),
        ("expired", (401, "SignatureExpired"), (403, "AccessDenied")),
        ("slow clock", (401, "SignatureExpired"), (403, "RequestTimeTooSkewed")),
        ("fast clock", (401, "SignatureExpired"), (403, "RequestTimeTooSkewed")),
    ],
)
@pytest.mark.parametrize("family", CHOICES["errors"])
def test_a_bad_signature_is_refused(
    cloud: Emulator, family: str, change: str, ci: tuple[int, str], cos: tuple[int, str]
) -> None:
    cloud.create_bucket(BUCKET, jobs=1)
    cloud.set_switches(errors=family)
    config = CosConfig(Region=REGION, SecretId=SECRET_ID, SecretKey="wrong" if change == "wrong key" else SECRET_KEY)
    request = requests.Request("GET", cloud.endpoint + LIST, params={"size": "5"}, headers={"Host": HOST}).prepare()
    request = CosS3Auth(config, LIST, params={"size": "5"}, expire=100 if change == "expired" else 600)(request)
    text = request.headers["Authorization"]
    assert request.url is not None
    match change:
        case "missing":
            del request.headers["Authorization"]
        case "malformed":
            request.headers["Authorization"] = "Bearer abc"
        case "unequal times":
            request.headers["Authorization"] = re.sub(r"q-key-time=\d+", "q-key-time=1", text)
        case "other algorithm":
            request.headers["Authorization"] = text.replace("algorithm=sha1", "algorithm=md5")
        case "unknown id":
            request.headers["Authorization"] = text.replace(SECRET_ID, "SOMEBODY-ELSE")
        case "tampered parameter":
            request.url = request.url.replace("size=5", "size=50")
        case "declared but not sent":
            request.url = request.url.replace("size=5", "length=5")
        case "other host":
            request.headers["Host"] = HOST.replace("media-test", "media-prod")
        case "expired":
            cloud.shift_clock(200)
        case "slow clock":
            cloud.shift_clock(2_000)
        case "fast clock":
            cloud.shift_clock(-2_000)

    with requests.Session() as session:
        answer = session.send(request, timeout=10)

    assert refusal(answer) == (ci if family == "ci" else cos)
    root = fromstring(answer.content)
    nodes = [node.tag for node in root if node.tag != "ServerTime"]
    if family == "ci":
        assert nodes == ["Code", "Message", "RequestId", "TraceId"]
        assert (answer.headers["Server"], answer.headers["x-ci-request-id"]) == (
            "tencent-ci",
            root.findtext("RequestId"),
        )
    else:
        assert nodes == ["Code", "Message", "Resource", "RequestId", "TraceId"]
        assert (answer.headers["Server"], answer.headers["x-cos-request-id"]) == (
            "tencent-cos",
            root.findtext("RequestId"),
        )


def test_an_expired_request_is_told_so_in_cos_words(cloud: Emulator) -> None:
    cloud.set_switches(errors="cos")
    cloud.shift_clock(200)

    root = fromstring(ask(cloud, expire=100).content)

    assert root.findtext("Message") == "Request has expired"


def test_the_date_header_shows_the_shifted_clock(cloud: Emulator) -> None:
    cloud.shift_clock(1_200)

    answer = ask(cloud, expire=600)

    assert refusal(answer) == (401, "SignatureExpired")
    assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == pytest.approx(time.time() + 1_200, abs=3)


@pytest.mark.parametrize("header", ["x-ci-security-token", "x-cos-security-token"])
def test_a_temporary_credential_needs_its_token_in_either_header(cloud: Emulator, header: str) -> None:
    cloud.create_bucket(BUCKET)
    cloud.set_credentials(("TEMPORARY", "temporary-key", "TOKEN+/0001=="))
    credential = ("TEMPORARY", "temporary-key")

    assert ask(cloud, credential=credential, headers={header: "TOKEN+/0001=="}).status_code == 200
    assert refusal(ask(cloud, credential=credential)) == (401, "InvalidAuthorization")
    assert refusal(ask(cloud, credential=credential, headers={header: "other"})) == (401, "InvalidAuthorization")
    cloud.set_switches(errors="cos")
    assert refusal(ask(cloud, credential=credential)) == (400, "ExpiredToken")


def test_a_host_with_a_port_may_be_signed_with_and_without_it(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET)
    # The SDK's signer takes the host from the URL, without the port.
    bare = requests.Request("GET", f"http://{HOST}:8080{LIST}").prepare()
    config = CosConfig(Region=REGION, SecretId=SECRET_ID, SecretKey=SECRET_KEY)
    bare = CosS3Auth(config, LIST)(bare)
    bare.url, bare.headers["Host"] = cloud.endpoint + LIST, f"{HOST}:8080"

    with requests.Session() as session:
        assert session.send(bare, timeout=10).status_code == 200
    assert ask(cloud, host=f"{HOST}:8080").status_code == 200


def test_credentials_are_revoked_and_rotated(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET)
    cloud.add_credential("SECOND", "second-key")
    assert ask(cloud, credential=("SECOND", "second-key")).status_code == 200

    cloud.revoke_credential(SECRET_ID)
    cloud.add_credential("SECOND", "rotated-key")

    assert refusal(ask(cloud)) == (401, "SecretidNotExist")
    assert refusal(ask(cloud, credential=("SECOND", "second-key"))) == (401, "InvalidAuthorization")
    assert ask(cloud, credential=("SECOND", "rotated-key")).status_code == 200


# --- hosts, paths, headers


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
    cloud.set_latency(0.2)

    def seconds(host: str) -> float:
        begun = time.monotonic()
        ask(cloud, host=host)
        return time.monotonic() - begun

    assert seconds(HOST) >= 0.2
    assert seconds(f"quick-1250000000.ci.{REGION}.myqcloud.com") < 0.15
    cloud.set_latency(0.0, BUCKET)
    assert seconds(HOST) < 0.15


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


# --- list: filters, order, limits


def three_jobs(cloud: Emulator) -> None:
    """Given jobs, newest first: c, b, a."""
    cloud.create_bucket(
        BUCKET,
        given=(
            {"Name": "course-archive", "JobId": "ba", "Type": "Workflow", "State": "Success",
             "CreationTime": "2026-11-20T10:00:00+0800", "Operation": {"WorkflowIds": "w1,w2"}},
            {"Name": "夜间 转码", "JobId": "bb", "Type": "Job", "State": "Running", "CreationTime": "2026-11-20T11:00:00+0800"},
            {"Name": "course", "JobId": "bc", "Type": "Workflow", "State": "Failed",
             "CreationTime": "2026-11-20T12:00:00+0800", "Operation": {"WorkflowIds": "w2"}},
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "cba"),
        ({"type": "Job"}, "b"),
        ({"type": "Workflow"}, "ca"),
        ({"states": "Running"}, "b"),
        ({"states": "Running,Failed"}, "cb"),
        ({"states": "All"}, "cba"),
        ({"states": "All,Running"}, "cba"),
        ({"states": "Pause"}, ""),
        ({"name": "course"}, "c"),
        ({"name": "夜间 转码"}, "b"),
        ({"jobId": "bb"}, "b"),
        ({"jobId": "bz"}, ""),
        ({"workflowId": "w2"}, "ca"),
        ({"workflowId": "w1"}, "a"),
        ({"workflowId": "w"}, ""),
        ({"startCreationTime": "2026-11-20T11:00:00+0800"}, "cb"),
        ({"endCreationTime": "2026-11-20T11:00:00+0800"}, "ba"),
        ({"startCreationTime": "2026-11-20T03:00:01+0000", "endCreationTime": "2026-11-20T12:00:00+0800"}, "c"),
        ({"startCreationTime": "2026-11-20T12:00:00+0800", "endCreationTime": "2026-11-20T11:00:00+0800"}, ""),
        ({"orderByTime": "Asc"}, "abc"),
        ({"orderByTime": "Desc"}, "cba"),
        ({"type": "Workflow", "states": "Failed,Running"}, "c"),
        ({"jobId": "bb", "type": "Workflow"}, ""),
        ({"size": "", "states": "", "type": "", "name": "", "nextToken": "", "startCreationTime": ""}, "cba"),
        ({"unheard": "of", "States": "Running"}, "cba"),
    ],
)
def test_filters_are_applied_together(cloud: Emulator, query: dict[str, str], expected: str) -> None:
    three_jobs(cloud)

    assert column(ask(cloud, query), "JobId") == [f"b{letter}" for letter in expected]


@pytest.mark.parametrize(
    ("switch", "name", "expected"),
    [
        ("exact", "course", ["course"]),
        ("prefix", "course", ["course", "course-archive"]),
        ("substring", "archive", ["course-archive"]),
        ("exact", "archive", []),
        ("prefix", "archive", []),
        ("substring", "COURSE", []),
    ],
)
def test_name_matches_as_switched(cloud: Emulator, switch: str, name: str, expected: list[str]) -> None:
    three_jobs(cloud)
    cloud.set_switches(name=switch)

    assert column(ask(cloud, {"name": name}), "Name") == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", "0"), ("size", "-1"), ("size", "101"), ("size", "ten"), ("size", "1.5"), ("size", "9" * 5_000),
        ("type", "workflow"), ("type", "All"), ("states", "running"), ("states", "Foo"), ("states", "Running,"),
        ("states", "All,Foo"), ("orderByTime", "desc"), ("startCreationTime", "2026-11-20"),
        ("startCreationTime", "2026-11-20T10:00:00"), ("endCreationTime", "2026-11-20T10:00:00Z"),
        ("endCreationTime", "2026-11-20T10:00:00+08:00"), ("endCreationTime", "2026-13-20T10:00:00+0800"),
        ("endCreationTime", "2026-11-20T10:00:00 0800"), ("nextToken", "25"), ("nextToken", "C+/e30="),
    ],
)  # fmt: skip
def test_a_wrong_value_is_an_invalid_argument(cloud: Emulator, name: str, value: str) -> None:
    three_jobs(cloud)

    answer = ask(cloud, {name: value})

    assert refusal(answer) == (400, "InvalidArgument")
    assert fromstring(answer.content).findtext("Message") == f"Param {name} is illegal"


@pytest.mark.parametrize(("size", "expected"), [("0", 1), ("-7", 1), ("101", 100), ("1000", 100), ("ten", 10)])
def test_a_wrong_size_is_clamped_when_switched(cloud: Emulator, size: str, expected: int) -> None:
    cloud.create_bucket(BUCKET, jobs=120)
    cloud.set_switches(bad_size="clamp")

    assert len(rows(ask(cloud, {"size": size}))) == expected


def test_a_raw_plus_in_a_time_is_a_space(cloud: Emulator) -> None:
    three_jobs(cloud)
    query = {"endCreationTime": "2026-11-20T10:00:00+0800"}
    config = CosConfig(Region=REGION, SecretId=SECRET_ID, SecretKey=SECRET_KEY)
    request = requests.Request("GET", cloud.endpoint + LIST, params=query, headers={"Host": HOST}).prepare()
    request = CosS3Auth(config, LIST, params=query)(request)
    assert request.url is not None
    request.url = request.url.replace("%2B", "+")

    with requests.Session() as session:
        answer = session.send(request, timeout=10)

    assert refusal(answer) == (401, "InvalidAuthorization")


def test_default_size_is_ten_and_newest_come_first(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=25)

    answer = ask(cloud)

    assert column(answer, "JobId") == cloud.job_ids(BUCKET)[:10]
    times = column(answer, "CreationTime")
    assert times == sorted(times, reverse=True)


def test_jobs_of_one_second_are_ordered_by_id(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=50, spread=9)
    cloud.add_job(BUCKET, JobId="b0", CreationTime=cloud.jobs(BUCKET)[20].creation_time)
    cloud.add_job(BUCKET, JobId="bz", CreationTime=cloud.jobs(BUCKET)[20].creation_time)

    keys = [(job.creation_time, job.job_id) for job in cloud.jobs(BUCKET)]

    assert keys == sorted(keys, reverse=True)
    assert len({time for time, _ in keys}) <= 10
    assert crawl(cloud, 7) == [job_id for _, job_id in keys]
    assert crawl(cloud, 7, orderByTime="Asc") == [job_id for _, job_id in reversed(keys)]


def test_an_empty_bucket_is_an_empty_answer(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET)

    assert [node.tag for node in parsed(ask(cloud))] == ["RequestId"]
    cloud.set_switches(end_of_list="empty")
    assert [(node.tag, node.text) for node in parsed(ask(cloud))][1:] == [("NextToken", None)]


# --- tokens


@pytest.mark.parametrize("tokens", CHOICES["tokens"])
@pytest.mark.parametrize("end", CHOICES["end_of_list"])
@pytest.mark.parametrize("query", [{}, {"states": "Success,Failed", "orderByTime": "Asc"}])
def test_paging_meets_every_job_once(cloud: Emulator, tokens: str, end: str, query: dict[str, str]) -> None:
    cloud.create_bucket(BUCKET, jobs=130, spread=60)
    cloud.set_switches(tokens=tokens, end_of_list=end)
    jobs = [job for job in cloud.jobs(BUCKET) if not query or job.state in ("Success", "Failed")]

    found = crawl(cloud, 20, **query)

    expected = [job.job_id for job in (reversed(jobs) if query else jobs)]
    assert found == expected
    last = parsed(ask(cloud, {"size": "100", "jobId": found[0]}))
    assert [node.text for node in last.findall("NextToken")] == ([] if end == "missing" else [None])


def test_a_full_last_page_has_no_token(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=20)

    assert parsed(ask(cloud, {"size": "20"})).find("NextToken") is None


@pytest.mark.parametrize("tokens", CHOICES["tokens"])
def test_a_token_is_opaque_and_hard_to_carry(cloud: Emulator, tokens: str) -> None:
    cloud.create_bucket(BUCKET, jobs=120)
    cloud.set_switches(tokens=tokens)

    for size in range(1, 100, 7):
        token = parsed(ask(cloud, {"size": str(size)})).findtext("NextToken", "")
        assert {"+", "/", "="} <= set(token)


@pytest.mark.parametrize(("tokens", "again"), [("cursor", 0), ("offset", 3)])
def test_jobs_that_arrive_shift_rows_under_offsets_only(cloud: Emulator, tokens: str, again: int) -> None:
    cloud.create_bucket(BUCKET, jobs=30)
    cloud.set_switches(tokens=tokens)
    truth = cloud.job_ids(BUCKET)
    first = parsed(ask(cloud))
    for _ in range(3):
        cloud.add_job(BUCKET)

    second = column(ask(cloud, {"nextToken": first.findtext("NextToken", "")}), "JobId")

    assert second == truth[10 - again : 20 - again]


@pytest.mark.parametrize(("tokens", "lost"), [("cursor", 0), ("offset", 2)])
def test_jobs_that_leave_the_filter_lose_rows_under_offsets_only(cloud: Emulator, tokens: str, lost: int) -> None:
    cloud.create_bucket(BUCKET, given=tuple(
        {"JobId": f"b{number:02d}", "State": "Running", "CreationTime": f"2026-11-20T10:00:{number:02d}+0800"}
        for number in range(30)
    ))  # fmt: skip
    cloud.set_switches(tokens=tokens)
    truth = cloud.job_ids(BUCKET)
    first = parsed(ask(cloud, {"states": "Running"}))
    for job_id in truth[:2]:
        cloud.change_job(BUCKET, job_id, State="Success")

    second = column(ask(cloud, {"states": "Running", "nextToken": first.findtext("NextToken", "")}), "JobId")

    assert second == truth[10 + lost : 20 + lost]


@pytest.mark.parametrize("tokens", CHOICES["tokens"])
def test_a_token_of_another_bucket_is_refused(cloud: Emulator, tokens: str) -> None:
    cloud.set_switches(tokens=tokens)
    cloud.create_bucket(BUCKET, jobs=20)
    cloud.create_bucket("other-1250000000", jobs=20)
    other = f"other-1250000000.ci.{REGION}.myqcloud.com"
    token = parsed(ask(cloud, host=other)).findtext("NextToken", "")

    assert ask(cloud, {"nextToken": token}, host=other).status_code == 200
    assert refusal(ask(cloud, {"nextToken": token})) == (400, "InvalidArgument")


def test_a_token_keeps_its_place_under_other_filters(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=60)
    jobs = cloud.jobs(BUCKET)
    token = parsed(ask(cloud, {"size": "20"})).findtext("NextToken", "")

    found = column(ask(cloud, {"nextToken": token, "states": "Success", "size": "100"}), "JobId")

    assert found == [job.job_id for job in jobs[20:] if job.state == "Success"]


def test_a_token_outlives_its_switch(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=30)
    cloud.set_switches(tokens="offset")
    token = parsed(ask(cloud)).findtext("NextToken", "")
    cloud.set_switches(tokens="cursor")

    assert column(ask(cloud, {"nextToken": token}), "JobId") == cloud.job_ids(BUCKET)[10:20]


# --- one job, media buckets


@pytest.mark.parametrize(("switch", "status"), [("200", 200), ("404", 404)])
def test_an_unknown_job_is_answered_as_switched(cloud: Emulator, switch: str, status: int) -> None:
    cloud.create_bucket(BUCKET, jobs=3)
    cloud.set_switches(unknown_id=switch)

    answer = ask(cloud, path=f"{LIST}/bffffffffffffffffffffffffffffffff")

    assert answer.status_code == status
    if status == 200:
        nodes = [(node.tag, node.text) for node in parsed(answer)]
        assert nodes[1:] == [("NonExistJobIds", "bffffffffffffffffffffffffffffffff")]
    else:
        assert refusal(answer) == (404, "ResourceNotFound")


def test_one_job_is_what_the_list_shows(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=40)
    for row in rows(ask(cloud, {"size": "40"})):
        single = rows(ask(cloud, path=f"{LIST}/{row.findtext('JobId')}"))

        assert [[(node.tag, node.text) for node in one.iter()] for one in single] == [
            [(node.tag, node.text) for node in row.iter()]
        ]


@pytest.mark.parametrize(("switch", "tag"), [("absent", None), ("present", "Transcode")])
def test_tag_stands_above_operation_when_switched(cloud: Emulator, switch: str, tag: str | None) -> None:
    cloud.create_bucket(BUCKET, given=({"Type": "Job", "JobId": "b1"},))
    cloud.set_switches(job_level=switch)

    assert rows(ask(cloud))[0].findtext("Tag") == tag
    assert rows(ask(cloud, path=f"{LIST}/b1"))[0].findtext("Tag") == tag


def test_media_buckets_are_paged_and_filtered(cloud: Emulator) -> None:
    for name, region in (("aa-1250000000", REGION), ("ab-1250000000", "ap-tokyo"), ("b-1250000000", REGION)):
        cloud.create_bucket(name, region)
    cloud.create_bucket("unbound-1250000000", bound=False)
    host = f"ci.{REGION}.myqcloud.com"

    def names(**query: str) -> list[str]:
        answer = parsed(ask(cloud, query, path="/mediabucket", host=host))
        return [node.findtext("Name", "").removesuffix("-1250000000") for node in answer.findall("MediaBucketList")]

    assert names() == ["aa", "ab", "b"]
    assert names(bucketName="a") == ["aa", "ab"]
    assert names(bucketNames="b-1250000000,ab-1250000000") == ["ab", "b"]
    assert names(regions="ap-tokyo") == ["ab"]
    assert names(regions="All") == ["aa", "ab", "b"]
    assert names(pageSize="2", pageNumber="2") == ["b"]
    root = parsed(ask(cloud, {"pageSize": "2", "pageNumber": "2"}, path="/mediabucket", host=host))
    assert [root.findtext(name) for name in ("TotalCount", "PageNumber", "PageSize")] == ["3", "2", "2"]
    assert refusal(ask(cloud, {"pageSize": "101"}, path="/mediabucket", host=host)) == (400, "InvalidArgument")
    cloud.set_switches(media_regions="own")
    assert names() == ["aa", "b"]


# --- generated jobs and time


def test_the_same_seed_gives_the_same_jobs(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=200, seed=3, anchor=ANCHOR)
    first = cloud.jobs(BUCKET)
    one = rows(ask(cloud, {"size": "1"}))[0]
    cloud.create_bucket(BUCKET, jobs=200, seed=3, anchor=ANCHOR)
    assert cloud.jobs(BUCKET) == first
    assert [(node.tag, node.text) for node in rows(ask(cloud, {"size": "1"}))[0].iter()] == [
        (node.tag, node.text) for node in one.iter()
    ]

    cloud.create_bucket(BUCKET, jobs=200, seed=4, anchor=ANCHOR)

    assert not {job.job_id for job in first} & set(cloud.job_ids(BUCKET))


def test_jobs_that_stand_still_are_in_every_state(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=200)
    before = cloud.jobs(BUCKET)

    cloud.shift_clock(30 * HOUR)

    assert {job.state for job in before} == {"Submitted", "Running", "Success", "Failed", "Pause", "Cancel"}
    assert cloud.jobs(BUCKET) == before


def test_jobs_arrive_and_move_while_time_passes(cloud: Emulator) -> None:
    cloud.set_clock(ANCHOR, frozen=True)
    cloud.create_bucket(BUCKET, jobs=10, arrivals=(20, 40), moving=True)
    legal = {
        "Submitted": {"Submitted", "Running", "Success", "Failed", "Pause", "Cancel"},
        "Running": {"Running", "Success", "Failed", "Pause", "Cancel"},
    }
    seen: dict[str, str] = {}
    counts = []
    moves = set()

    for second in range(0, 2 * HOUR, 20):
        cloud.set_clock(ANCHOR + second, frozen=True)
        jobs = cloud.jobs(BUCKET)
        counts.append(len(jobs))
        for job in jobs:
            if job.job_id in seen:
                assert job.state in legal.get(seen[job.job_id], {seen[job.job_id]})
                moves.add((seen[job.job_id], job.state))
            seen[job.job_id] = job.state

    assert counts[0] == 10
    assert all(0 <= later - earlier <= 1 for earlier, later in pairwise(counts))
    assert 10 + 2 * HOUR // 40 - 1 <= counts[-1] <= 10 + 2 * HOUR // 20 + 1
    assert {("Submitted", "Running"), ("Running", "Success"), ("Running", "Failed"), ("Running", "Cancel"),
            ("Running", "Pause"), ("Submitted", "Cancel"), ("Submitted", "Failed")} <= moves  # fmt: skip


def test_the_state_is_told_by_the_clock_alone(cloud: Emulator) -> None:
    cloud.set_clock(ANCHOR, frozen=True)
    cloud.create_bucket(BUCKET, jobs=10, arrivals=(20, 40), moving=True)
    cloud.set_clock(ANCHOR + 5_000, frozen=True)
    once = cloud.jobs(BUCKET)
    cloud.set_clock(ANCHOR, frozen=True)
    assert len(cloud.jobs(BUCKET)) == 10
    with pytest.raises(AdminError, match="404"):
        cloud.remove_job(BUCKET, once[0].job_id)  # not there yet

    cloud.create_bucket(BUCKET, jobs=10, arrivals=(20, 40), moving=True)
    cloud.set_clock(ANCHOR + 5_000, frozen=True)

    assert cloud.jobs(BUCKET) == once


def test_times_fit_the_state(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=400, spread=4 * HOUR, newest=0, moving=True)
    token, found = "", []
    while True:
        answer = ask(cloud, {"size": "100", **({"nextToken": token} if token else {})})
        found += rows(answer)
        token = parsed(answer).findtext("NextToken", "")
        if not token:
            break
    assert len(found) == 400

    for row in found:
        state = row.findtext("State")
        created, start, end = (row.findtext(name, "") for name in ("CreationTime", "StartTime", "EndTime"))
        stamps = [datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z") for text in (created, start, end) if text != "-"]
        assert stamps == sorted(stamps)
        assert (end == "-") == (state in ("Submitted", "Running", "Pause"))
        assert start != "-" or state in ("Submitted", "Failed", "Cancel")
        assert (row.findtext("Code") == "Success") == (state != "Failed")


def test_a_job_is_added_changed_and_removed(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=5)
    job_id = cloud.add_job(BUCKET, Name="今天", Type="Job", EndTime=None)
    row = rows(ask(cloud, {"size": "1"}))[0]
    assert (row.findtext("JobId"), row.findtext("Name"), row.findtext("State"), row.find("EndTime")) == (
        job_id, "今天", "Submitted", None,
    )  # fmt: skip

    cloud.change_job(BUCKET, job_id, State="Failed", Code="QueueNotFound", Input=None)
    generated = cloud.job_ids(BUCKET)[3]
    cloud.change_job(BUCKET, generated, Name="renamed")
    removed = cloud.job_ids(BUCKET)[4]
    cloud.remove_job(BUCKET, removed)

    row = rows(ask(cloud, {"states": "Failed", "jobId": job_id}))[0]
    assert (row.findtext("Code"), row.find("Input")) == ("QueueNotFound", None)
    assert column(ask(cloud, {"name": "renamed"}), "JobId") == [generated]
    assert cloud.job_ids(BUCKET)[3] == generated
    assert len(rows(ask(cloud))) == 5
    assert [node.tag for node in parsed(ask(cloud, path=f"{LIST}/{removed}"))] == ["RequestId", "NonExistJobIds"]
    with pytest.raises(AdminError, match="404"):
        cloud.remove_job(BUCKET, removed)


def test_given_jobs_keep_their_node_order(cloud: Emulator) -> None:
    cloud.create_bucket(
        BUCKET, given=({"State": "Failed", "Message": "m <&> \"'", "Extra": ["1", {"Two": "2"}], "Code": "c"},)
    )

    row = rows(ask(cloud))[0]

    assert [node.tag for node in row][:5] == ["State", "Message", "Extra", "Extra", "Code"]
    assert row.findtext("Message") == "m <&> \"'"


# --- faults


def faulty(cloud: Emulator, kind: str, **parameters: Any) -> None:
    cloud.create_bucket(BUCKET, jobs=40)
    cloud.fault(BUCKET, kind, **parameters)


def test_error_fault_answers_with_it(cloud: Emulator) -> None:
    faulty(cloud, "error", status=429, code="SlowDown", message="Reduce your request rate.", count=2)

    answers = [ask(cloud) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert refusal(answers[0]) == (429, "SlowDown")
    assert answers[0].headers["x-ci-trace-id"] == fromstring(answers[0].content).findtext("TraceId")


def test_probability_is_drawn_from_the_seed(cloud: Emulator) -> None:
    faulty(cloud, "error", status=429, code="SlowDown", probability=0.4, seed=5)
    first = [ask(cloud).status_code for _ in range(40)]
    faulty(cloud, "error", status=429, code="SlowDown", probability=0.4, seed=5)
    assert [ask(cloud).status_code for _ in range(40)] == first
    assert 8 <= first.count(429) <= 24


@pytest.mark.parametrize(
    ("when", "struck"),
    [
        ({"call": "list"}, [True, True, False]),
        ({"call": "job"}, [False, False, True]),
        ({"token": True}, [False, True, False]),
        ({"token": False, "call": "list"}, [True, False, False]),
        ({"query": {"size": "3"}}, [True, False, False]),
        ({"credential": SECRET_ID}, [True, True, True]),
        ({"credential": "OTHER"}, [False, False, False]),
    ],
)
def test_when_narrows_a_fault(cloud: Emulator, when: dict[str, Any], struck: list[bool]) -> None:
    cloud.create_bucket(BUCKET, jobs=20)
    token = parsed(ask(cloud)).findtext("NextToken", "")
    cloud.fault(BUCKET, "error", status=500, when=when)

    answers = [ask(cloud, {"size": "3"}), ask(cloud, {"nextToken": token}), ask(cloud, path=f"{LIST}/b1")]

    assert [answer.status_code == 500 for answer in answers] == struck


def test_raw_fault_sends_those_bytes(cloud: Emulator) -> None:
    faulty(cloud, "raw", status=502, content_type="text/html", body=b"<html>\xff\x00</html>", headers={"X-Extra": "1"})

    answer = ask(cloud)

    assert (answer.status_code, answer.content) == (502, b"<html>\xff\x00</html>")
    assert (answer.headers["Content-Type"], answer.headers["X-Extra"]) == ("text/html", "1")


def test_garbage_fault_is_no_http(cloud: Emulator) -> None:
    faulty(cloud, "garbage", data=b"\x00\x01 not http\r\n\r\n")

    with pytest.raises(requests.ConnectionError):
        ask(cloud)


def test_redirect_fault_points_elsewhere(cloud: Emulator) -> None:
    faulty(cloud, "redirect", status=301, location="https://elsewhere.example.com/x")

    answer = ask(cloud)

    assert (answer.status_code, answer.headers["Location"]) == (301, "https://elsewhere.example.com/x")


def test_hang_fault_sends_nothing(cloud: Emulator) -> None:
    faulty(cloud, "hang", seconds=30)

    with pytest.raises(requests.ReadTimeout):
        ask(cloud, timeout=0.3)

    assert [(call.status, call.faults) for call in cloud.calls(BUCKET)] == [(0, ("hang",))]


def test_a_hanging_call_ends_when_its_time_is_over(cloud: Emulator) -> None:
    faulty(cloud, "hang", seconds=0.2)

    with pytest.raises(requests.ConnectionError):
        ask(cloud, timeout=5)


def test_delay_fault_holds_the_headers_back(cloud: Emulator) -> None:
    faulty(cloud, "delay", seconds=0.3)

    begun = time.monotonic()
    answer = ask(cloud)

    assert len(rows(answer)) == 10
    assert time.monotonic() - begun >= 0.3


def test_reset_fault_breaks_the_body(cloud: Emulator) -> None:
    faulty(cloud, "reset", after=50)

    with pytest.raises(requests.exceptions.RequestException):
        ask(cloud)


def test_truncate_fault_leaves_broken_xml(cloud: Emulator) -> None:
    faulty(cloud, "truncate", keep=0.5)

    answer = ask(cloud)

    assert answer.headers["Content-Length"] == str(len(answer.content))
    with pytest.raises(ParseError):
        fromstring(answer.content)


def test_truncate_fault_can_hang_up_early(cloud: Emulator) -> None:
    faulty(cloud, "truncate", keep=0.5, close=True)

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask(cloud)


def test_date_fault_is_a_wrong_date_only(cloud: Emulator) -> None:
    faulty(cloud, "date", offset=-86_400)

    answer = ask(cloud)

    assert len(rows(answer)) == 10
    assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == pytest.approx(time.time() - 86_400, abs=3)


@pytest.mark.parametrize("part", ["headers", "body"])
def test_trickle_fault_sends_slowly(cloud: Emulator, part: str) -> None:
    faulty(cloud, "trickle", part=part, chunk=8, interval=0.02)
    config = CosConfig(Region=REGION, SecretId=SECRET_ID, SecretKey=SECRET_KEY)
    request = CosS3Auth(config, LIST)(requests.Request("GET", f"http://{HOST}{LIST}").prepare())
    lines = [f"GET {LIST} HTTP/1.1", f"Host: {HOST}", f"Authorization: {request.headers['Authorization']}", "", ""]

    with socket.create_connection(("127.0.0.1", cloud.port), timeout=5) as connection:
        connection.sendall("\r\n".join(lines).encode())
        time.sleep(0.15)
        received = connection.recv(65_536)

    assert received.startswith(b"HTTP/1.")
    assert (b"\r\n\r\n" in received) == (part == "body")
    assert len(received.partition(b"\r\n\r\n")[2]) < 150


@pytest.mark.parametrize("shape", [{}, {"chunked": True}, {"gzip": True}])
def test_huge_fault_is_as_large_as_asked(cloud: Emulator, shape: dict[str, bool]) -> None:
    faulty(cloud, "huge", bytes=3_000_000, **shape)

    answer = ask(cloud)

    assert 3_000_000 <= len(answer.content) <= 3_000_300
    assert len(rows(answer)) > 1_000
    assert answer.headers.get("Content-Encoding") == ("gzip" if shape.get("gzip") else None)
    assert ("Content-Length" in answer.headers) == (not shape)


def test_token_repeat_fault_gives_the_token_back(cloud: Emulator) -> None:
    faulty(cloud, "token_repeat")
    token = parsed(ask(cloud)).findtext("NextToken", "")

    assert parsed(ask(cloud, {"nextToken": token})).findtext("NextToken") == token


@pytest.mark.parametrize("tokens", CHOICES["tokens"])
@pytest.mark.parametrize("order", ["Asc", "Desc"])
def test_empty_page_fault_leads_on(cloud: Emulator, tokens: str, order: str) -> None:
    cloud.set_switches(tokens=tokens)
    faulty(cloud, "empty_page", count=2)

    answers, token = [], ""
    for _ in range(3):
        answers.append(ask(cloud, {"orderByTime": order, **({"nextToken": token} if token else {})}))
        token = parsed(answers[-1]).findtext("NextToken", "")

    truth = cloud.job_ids(BUCKET)[:: 1 if order == "Desc" else -1]
    assert [column(answer, "JobId") for answer in answers] == [[], [], truth[:10]]
    assert len({parsed(answer).findtext("NextToken") for answer in answers}) == 3


@pytest.mark.parametrize("tokens", CHOICES["tokens"])
def test_repeat_rows_fault_sends_rows_again(cloud: Emulator, tokens: str) -> None:
    cloud.set_switches(tokens=tokens)
    faulty(cloud, "repeat_rows", rows=4)
    truth = cloud.job_ids(BUCKET)
    first = parsed(ask(cloud))
    second = ask(cloud, {"nextToken": first.findtext("NextToken", "")})
    third = ask(cloud, {"nextToken": parsed(second).findtext("NextToken", "")})

    assert [row.findtext("JobId") for row in first.findall("JobsDetail")] == truth[:10]
    assert column(second, "JobId") == truth[6:16]
    assert column(third, "JobId") == truth[12:22]


def test_shuffle_fault_changes_the_order_of_an_answer(cloud: Emulator) -> None:
    faulty(cloud, "shuffle", seed=3)
    truth = cloud.job_ids(BUCKET)

    first, again = column(ask(cloud), "JobId"), column(ask(cloud), "JobId")

    assert sorted(first) == sorted(again) == sorted(truth[:10])
    assert len({tuple(first), tuple(again), tuple(truth[:10])}) == 3


@pytest.mark.parametrize("tokens", CHOICES["tokens"])
def test_shuffle_fault_among_ties_makes_tokens_that_count_rows_skip_some(cloud: Emulator, tokens: str) -> None:
    cloud.set_switches(tokens=tokens)
    cloud.create_bucket(BUCKET, jobs=30, spread=0)
    cloud.fault(BUCKET, "shuffle", among="ties")

    sent, token = [], ""
    for _ in range(3):
        answer = ask(cloud, {"nextToken": token} if token else {})
        sent += column(answer, "JobId")
        token = parsed(answer).findtext("NextToken", "")

    assert len(sent) == 30
    assert (len(set(sent)) == 30) is (tokens == "cursor")


def test_faults_are_removed(cloud: Emulator) -> None:
    faulty(cloud, "error", status=500)
    cloud.set_faults(BUCKET)

    assert ask(cloud).status_code == 200


# --- journal and admin


def test_the_journal_tells_every_call(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=3)
    answer = ask(cloud, {"name": "夜间 转码", "size": "5"})
    ask(cloud, path=f"{LIST}/{cloud.job_ids(BUCKET)[0]}")
    ask(cloud, host="other-1250000000.ci.ap-tokyo.myqcloud.com")

    listed, single, lost = cloud.calls()

    assert (listed.bucket, listed.region, listed.method, listed.path) == (BUCKET, REGION, "GET", LIST)
    assert listed.query == (("name", "夜间 转码"), ("size", "5"))
    assert (listed.status, listed.code, listed.ids, listed.credential) == (200, "", (), SECRET_ID)
    assert listed.request_id == answer.headers["x-ci-request-id"]
    assert listed.time == pytest.approx(time.time(), abs=5)
    assert single.ids == (cloud.job_ids(BUCKET)[0],)
    assert (lost.bucket, lost.status, lost.code) == ("other-1250000000", 400, "InvalidHost")
    assert cloud.calls(BUCKET, since=listed.number) == [single]
    assert sum(count.get(BUCKET, 0) for count in cloud.calls_per_second().values()) == 2
    cloud.clear_calls()
    assert (cloud.calls(), cloud.calls_per_second()) == ([], {})


def test_the_journal_counts_calls_in_flight(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, latency=0.3)
    threads = [threading.Thread(target=ask, args=(cloud,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ask(cloud)

    assert [call.in_flight for call in cloud.calls(BUCKET)] == [1, 2, 3, 4, 1]


def test_the_journal_is_bounded() -> None:
    journal = Journal()
    for number in range(KEPT_CALLS + 50):
        call = journal.begin(now=number, bucket="b", region="r", method="GET", path="/", query=[], credential="")
        journal.end(call, number + 1)

    calls, counts = journal.calls(), journal.counts()

    assert (len(calls), calls[0]["number"], calls[-1]["number"]) == (KEPT_CALLS, 51, KEPT_CALLS + 50)
    assert (len(counts), calls[0]["seconds"]) == (KEPT_SECONDS, 1)


@pytest.mark.parametrize(
    ("method", "path", "data", "message"),
    [
        ("PATCH", "switches", {"tokens": "both"}, "400 no switch tokens=both"),
        ("PATCH", "switches", {"colour": "red"}, "400 no switch colour=red"),
        ("POST", f"buckets/{BUCKET}/faults", {"kind": "gremlin"}, "400 no fault 'gremlin'"),
        ("POST", f"buckets/{BUCKET}/faults", {"kind": "hang", "minutes": 1}, "400 fault hang has no minutes"),
        ("PUT", "buckets/Bad_Name", {"region": REGION}, "400 'Bad_Name'"),
        ("PUT", "buckets/x-1250000000", {"region": "../etc"}, "400 'x-1250000000' in '../etc'"),
        ("PUT", "buckets/x-1250000000", {"region": REGION, "size": 3}, "400 a bucket has no size"),
        ("POST", f"buckets/{BUCKET}/jobs", {"Progress": 5}, "400 a node is a text"),
        ("POST", "buckets/unknown-1250000000/jobs", {}, "404 no unknown-1250000000"),
        ("GET", "nothing", None, "404 no GET /_emulator/nothing"),
    ],
)
def test_admin_says_what_is_wrong(cloud: Emulator, method: str, path: str, data: Any, message: str) -> None:
    cloud.create_bucket(BUCKET)

    with pytest.raises(AdminError, match=re.escape(message)):
        cloud.admin(method, path, data)


def test_admin_is_not_reachable_through_a_ci_host(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET)

    assert refusal(ask(cloud, path="/_emulator/journal")) == (404, "InvalidUrl")


# --- the process


def test_thirty_two_slow_calls_are_answered_together(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=20, latency=1.0)
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(ask(cloud).status_code)) for _ in range(32)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 32
    assert time.monotonic() - begun < 4


def test_sigterm_ends_it_at_once_though_calls_hang() -> None:
    with Emulator() as emulator:
        faulty(emulator, "hang")
        outcomes: list[str] = []

        def hang() -> None:
            try:
                ask(emulator)
            except requests.ConnectionError:
                outcomes.append("broken off")

        threads = [threading.Thread(target=hang) for _ in range(3)]
        for thread in threads:
            thread.start()
        while len(emulator.calls(BUCKET)) < 3:
            time.sleep(0.01)

        begun = time.monotonic()
        assert emulator.stop() == 0
        assert time.monotonic() - begun < 0.5
        for thread in threads:
            thread.join()
        assert outcomes == ["broken off"] * 3


def test_options_set_seed_clock_switches_and_credentials() -> None:
    options = ("--tokens", "offset", "--end-of-list", "empty")
    with Emulator(*options, seed=9, now=ANCHOR, credentials=(("A", "a"), ("B", "b", "t"))) as emulator:
        assert emulator.now() == pytest.approx(ANCHOR, abs=5)
        switches = emulator.admin("GET", "switches")
        assert (switches["tokens"], switches["end_of_list"], switches["name"]) == ("offset", "empty", "exact")
        emulator.set_clock(time.time())
        emulator.create_bucket(BUCKET)
        assert ask(emulator, credential=("A", "a")).status_code == 200
        assert ask(emulator, credential=("B", "b"), headers={"x-ci-security-token": "t"}).status_code == 200
        emulator.reset()
        assert emulator.now() == pytest.approx(ANCHOR, abs=20)


# --- the demo


@pytest.fixture(scope="module")
def demo() -> Iterator[Emulator]:
    with Emulator(demo=True, credentials=((DEMO_SECRET_ID, DEMO_SECRET_KEY),)) as emulator:
        yield emulator


def ask_demo(demo: Emulator, index: int, query: dict[str, str] | None = None, **arguments: Any) -> requests.Response:
    bucket = DEMO_BUCKETS[index]
    host = f"{bucket.name}.ci.{bucket.region}.myqcloud.com"
    return ask(demo, query, host=host, credential=(DEMO_SECRET_ID, DEMO_SECRET_KEY), **arguments)


LIVE, ARCHIVE, EMPTY, DENIED, UNBOUND, THROTTLED, SLOW, SILENT, IRREGULAR, BROKEN = range(10)


def test_demo_buckets_have_legal_names() -> None:
    assert len(DEMO_BUCKETS) == 10
    for bucket in DEMO_BUCKETS:
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?-[0-9]{10}", bucket.name)
        assert re.fullmatch(r"[a-z]{2}-[a-z]+", bucket.region)
        assert len(f"{bucket.name}.cos.{bucket.region}.myqcloud.com") <= 60 or len(bucket.name) <= 63
        assert bucket.entry == f"{bucket.name}@{bucket.region} {bucket.label}"


def test_each_troubled_demo_bucket_has_its_trouble(demo: Emulator) -> None:
    assert refusal(ask_demo(demo, DENIED)) == (403, "AccessDenied")
    assert refusal(ask_demo(demo, UNBOUND)) == (400, "MediaBucketUnBinded")
    throttled = [ask_demo(demo, THROTTLED).status_code for _ in range(50)]
    assert set(throttled) == {200, 429}
    assert 10 <= throttled.count(429) <= 30
    begun = time.monotonic()
    assert len(rows(ask_demo(demo, SLOW))) == 10
    assert time.monotonic() - begun >= 3
    with pytest.raises(requests.ReadTimeout):
        ask_demo(demo, SILENT, timeout=0.2)
    with pytest.raises(ParseError):
        fromstring(ask_demo(demo, BROKEN).content)
    assert [node.tag for node in parsed(ask_demo(demo, EMPTY))] == ["RequestId"]


def test_the_irregular_demo_bucket_is_well_formed_and_odd(demo: Emulator) -> None:
    found = rows(ask_demo(demo, IRREGULAR, {"size": "100"}))

    assert len(found) == len(demo.jobs(DEMO_BUCKETS[IRREGULAR].name)) > 50
    states = {row.findtext("State") for row in found}
    assert {"Archived", "Auditing", None, ""} <= states
    assert any(len((row.findtext("Operation/UserData") or "").encode()) >= 10_000 for row in found)
    assert any(row.findtext("Operation/CallBack") == "javascript:alert(1)" for row in found)
    assert any("," in (row.findtext("Operation/WorkflowIds") or "") for row in found)
    assert any(row.findtext("Name") == "<script>alert('name')</script>" for row in found)
    assert any("+08:00" in (row.findtext("CreationTime") or "") for row in found)
    orders = {tuple(node.tag for node in row if node.tag in ("Code", "Message", "Type")) for row in found}
    assert len(orders) >= 3


PATHS = """
Code Message Type Name JobId Tag Progress State CreationTime StartTime EndTime QueueId
Input/Manifest Input/UrlFile Input/Prefix Input/Object
Operation/TimeInterval/Start Operation/TimeInterval/End Operation/WorkflowIds Operation/Tag Operation/QueueId
Operation/QueueType Operation/UserData Operation/JobLevel Operation/CallBackFormat Operation/CallBackType Operation/CallBack
Operation/CallBackMqConfig/MqRegion Operation/CallBackMqConfig/MqMode Operation/CallBackMqConfig/MqName
Operation/CallBackKafkaConfig/Region Operation/CallBackKafkaConfig/InstanceId Operation/CallBackKafkaConfig/Topic
Operation/FreeTranscode Operation/Output/Region Operation/Output/Bucket Operation/Output/Object Operation/Output/AuObject
Operation/Output/SpriteObject Operation/Output/StreamExtract/Index Operation/Output/StreamExtract/Object
Operation/Output/BassObject Operation/Output/DrumObject Operation/Output/Force
""".split()  # noqa: SIM905  # read as the tables of ci-api.md §1.5 and §2.3 are
TAGS = """
Animation SmartCover Transcode Snapshot SpeechRecognition Concat VoiceSeparate VideoMontage SDRtoHDR VideoProcess SuperResolution
Segment VideoTag PicProcess DigitalWatermark ExtractDigitalWatermark MediaInfo StreamExtract Tts NoiseReduction QualityEstimate
ImageInspect
""".split()  # noqa: SIM905  # the table of §2.3
PARAMETERS = """
TemplateId TranscodeTemplateId WatermarkTemplateId Transcode Watermark RemoveWatermark DigitalWatermark Animation Snapshot
SmartCover SpeechRecognition ConcatTemplate VoiceSeparate VideoMontage SDRtoHDR VideoProcess SuperResolution Segment
ExtractDigitalWatermark VideoTag TtsTpl PicProcess NoiseReduction TtsConfig QualityEstimate Translation WordsGeneralize DnaConfig
VocalScore ImageInspect ImageOCR DocAIGCMetadata MediaResult MediaInfo VideoTagResult WordsGeneralizeResult DnaResult
VocalScoreResult ImageInspectResult Detection PicProcessResult
""".split()  # noqa: SIM905  # the table of §2.4


def test_the_live_demo_bucket_uses_every_field(demo: Emulator) -> None:
    found: list[Element] = []
    token = ""
    while True:
        answer = ask_demo(demo, LIVE, {"size": "100", **({"nextToken": token} if token else {})})
        found += rows(answer)
        token = parsed(answer).findtext("NextToken", "")
        if not token:
            break

    assert len({row.findtext("JobId") for row in found}) == len(found) >= 1_200
    assert [path for path in PATHS if not any(row.findtext(path) for row in found)] == []
    assert sorted(set(TAGS) - {row.findtext("Operation/Tag", "") for row in found}) == []
    used = {node.tag for row in found for node in row.findall("Operation/JobParam/*")}
    assert sorted(set(PARAMETERS) - used) == []
    states = [row.findtext("State") for row in found]
    assert set(states) == {"Submitted", "Running", "Success", "Failed", "Pause", "Cancel"}
    names = "".join(row.findtext("Name", "") for row in found)
    assert re.search(r"[\u4e00-\u9fff]", names)
    assert re.search(r"[a-z]{5}", names)
    assert {row.findtext("Operation/JobLevel") for row in found} >= {"0", "1", "2"}


def test_twenty_thousand_jobs_are_served_in_little_memory(demo: Emulator) -> None:
    bucket = DEMO_BUCKETS[ARCHIVE]
    jobs = demo.jobs(bucket.name)
    assert len({job.job_id for job in jobs}) == 20_000
    deep = jobs[15_000]

    found = column(ask_demo(demo, ARCHIVE, {"endCreationTime": deep.creation_time, "size": "100"}), "JobId")

    assert deep.job_id in found
    assert rows(ask_demo(demo, ARCHIVE, path=f"{LIST}/{deep.job_id}"))[0].findtext("Name") == deep.name
    status = Path(f"/proc/{demo.process.pid}/status")
    if status.exists():  # Linux only
        resident = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
        assert resident is not None
        assert int(resident[1]) < 60_000
