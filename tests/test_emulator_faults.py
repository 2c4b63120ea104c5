"""The emulator's faults: what each does to an answer, and when it strikes."""

from __future__ import annotations

import socket
import time
from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree.ElementTree import ParseError

import pytest
import requests
from defusedxml.ElementTree import fromstring
from qcloud_cos import CosConfig
from qcloud_cos.cos_auth import CosS3Auth

from jobs.cloudinfinite.emulator.switches import CHOICES
from tests.emulators import REGION, SECRET_ID, SECRET_KEY, Emulator
from tests.signed_calls import BUCKET, HOST, LIST, ask, column, faulty, parsed, refusal, rows


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
    faulty(cloud, "trickle", part=part, chunk=8, interval=0.2)
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
