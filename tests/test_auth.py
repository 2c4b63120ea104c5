"""The signature: vectors O1-O6, the official SDK as oracle, and the rules for what is signed."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
import requests
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from qcloud_cos import CosConfig
from qcloud_cos.cos_auth import CosS3Auth

from jobs.cloudinfinite.auth import TOKEN_HEADERS, Credential, QSignAuth, authorization, encoded, query_string

CREDENTIAL = Credential("EXAMPLE-SECRET-ID-0001", "EXAMPLE-SECRET-KEY-0001")
TOKEN = "EXAMPLE+TOKEN/0001=="
KEY_TIME = "1700000000;1700000600"
HOST = "media-prod-1250000000.ci.ap-guangzhou.myqcloud.com"
HEADERS = [("host", HOST)]
JOBS = "/inventorytriggerjob"
ONE = f"{JOBS}/b0123456789abcdef0123456789abcdef"
O2_PARAMS = [
    ("size", "100"),
    ("states", "Running,Failed"),
    ("orderByTime", "Desc"),
    ("startCreationTime", "2023-11-01T00:00:00+0800"),
    ("endCreationTime", "2023-11-14T23:59:59+0800"),
    ("nextToken", "225508"),
    ("type", "Job"),
    ("name", "夜间 转码/批次-1"),
]
O2_LIST = "endcreationtime;name;nexttoken;orderbytime;size;startcreationtime;states;type"
COS = "service.cos.myqcloud.com"
COS_PARAMS = [("max-keys", "1000"), ("region", "ap-guangzhou")]
VECTORS = {
    "O1": ("GET", JOBS, [], HEADERS, "host", "", "ccb1c884e6bea89b461ac7f89adc5cb3b2da217a"),
    "O2": ("GET", JOBS, O2_PARAMS, HEADERS, "host", O2_LIST, "7c827b87e64fdaff7631b615bf596d264684082a"),
    "O3": (
        "GET",
        ONE,
        [],
        [("x-ci-security-token", TOKEN), *HEADERS],
        "host;x-ci-security-token",
        "",
        "bab6002e4aa5471a4d4002a17e158af9c230f863",
    ),
    "O4": ("PUT", ONE, [("cancel", "")], HEADERS, "host", "cancel", "76635b50997a207bd1915358a30671a350355c48"),
    "O5": (
        "GET",
        "/",
        COS_PARAMS,
        [("Host", COS)],
        "host",
        "max-keys;region",
        "edacd00f5071b4745344062def7c3f9ca13ba1f7",
    ),
    "O6": ("GET", JOBS, [], [], "", "", "f03af8aa52790a332e0eba71bf2c8097b4a70c54"),
}


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS.keys())
def test_authorization_equals_the_vector(
    vector: tuple[str, str, list[tuple[str, str]], list[tuple[str, str]], str, str, str],
) -> None:
    method, path, params, headers, header_list, param_list, signature = vector

    assert authorization(CREDENTIAL, KEY_TIME, method, path, params, headers) == (
        f"q-sign-algorithm=sha1&q-ak=EXAMPLE-SECRET-ID-0001&q-sign-time={KEY_TIME}&q-key-time={KEY_TIME}"
        f"&q-header-list={header_list}&q-url-param-list={param_list}&q-signature={signature}"
    )


def prepared(path: str, params: list[tuple[str, str]], credential: Credential, now: float) -> requests.PreparedRequest:
    query = query_string(params)
    url = f"https://{HOST}{path}{'?' + query if query else ''}"
    return requests.Request("GET", url, auth=QSignAuth(credential, lambda: now)).prepare()


def part(request: requests.PreparedRequest, name: str) -> str:
    return dict(piece.split("=", 1) for piece in request.headers["Authorization"].split("&"))[name]


# Whatever a person may type or a token may hold, but not lone surrogates, which UTF-8 can't carry.
VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.text("+/=%& ;é夜?#\"'()!*~", max_size=10)
NAMES = st.sampled_from(
    [
        "type",
        "states",
        "name",
        "jobId",
        "workflowId",
        "startCreationTime",
        "endCreationTime",
        "orderByTime",
        "size",
        "nextToken",
    ]
) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10)


def signed_name(pair: tuple[str, str]) -> str:
    return encoded(pair[0]).lower()


@given(
    params=st.lists(st.tuples(NAMES, VALUES), max_size=8, unique_by=signed_name),
    job_id=st.text("abc0123456789-_.~夜 +", min_size=3, max_size=20),
    token=st.text("abcXYZ0123456789+/=", max_size=20),
    now=st.integers(1_000_000_000, 4_000_000_000),
)
def test_signature_equals_the_official_sdks(params: list[tuple[str, str]], job_id: str, token: str, now: int) -> None:
    # Arrange
    credential = Credential("AKIDexample", "example-key", token)
    path = f"{JOBS}/x{job_id}"
    ours = prepared(encoded(path).replace("%2F", "/"), params, credential, now)
    oracle = requests.Request("GET", f"https://{HOST}{path}", headers={"Host": HOST}).prepare()
    if token:
        oracle.headers.update({"x-ci-security-token": token, "x-cos-security-token": token})
    config = CosConfig(Region="ap-guangzhou", SecretId="AKIDexample", SecretKey="example-key")

    # Act
    with time_machine.travel(now, tick=False):
        CosS3Auth(config, path, dict(params), expire=600)(oracle)

    # Assert
    assert ours.headers["Authorization"] == oracle.headers["Authorization"]


@given(params=st.lists(st.tuples(NAMES, VALUES), max_size=8))
def test_the_query_that_is_sent_is_the_query_that_was_built(params: list[tuple[str, str]]) -> None:
    request = prepared(JOBS, params, CREDENTIAL, 1)

    assert urlsplit(request.url or "").query == query_string(params)


def test_signature_holds_from_a_minute_ago_for_ten_minutes() -> None:
    request = prepared(JOBS, [], CREDENTIAL, 1700000060.9)

    assert part(request, "q-sign-time") == part(request, "q-key-time") == "1700000000;1700000660"


def test_token_is_sent_and_signed_in_both_headers_that_are_documented() -> None:
    """CI's pages name the one, those about signatures the other, and SDKs differ (ci-api.md §5.3)."""
    request = prepared(JOBS, [], Credential("id", "key", TOKEN), 1)

    assert {name: request.headers[name] for name in TOKEN_HEADERS} == {
        "x-ci-security-token": TOKEN,
        "x-cos-security-token": TOKEN,
    }
    assert part(request, "q-header-list") == "host;x-ci-security-token;x-cos-security-token"


def test_no_token_no_header() -> None:
    assert not prepared(JOBS, [], CREDENTIAL, 1).headers.keys() & set(TOKEN_HEADERS)


def test_an_explicit_host_is_what_is_signed() -> None:
    elsewhere = requests.Request(
        "GET", f"http://127.0.0.1:9{JOBS}", headers={"Host": HOST}, auth=QSignAuth(CREDENTIAL, lambda: 1.0)
    ).prepare()

    assert part(elsewhere, "q-signature") == part(prepared(JOBS, [], CREDENTIAL, 1), "q-signature")


def test_without_a_host_header_the_urls_is_set_with_its_port() -> None:
    request = requests.Request("GET", "http://127.0.0.1:9000/", auth=QSignAuth(CREDENTIAL, lambda: 1.0)).prepare()

    assert request.headers["Host"] == "127.0.0.1:9000"


def test_a_plus_in_a_foreign_query_is_signed_as_the_space_it_means() -> None:
    loose = requests.Request("GET", f"https://{HOST}{JOBS}?name=a+b", auth=QSignAuth(CREDENTIAL, lambda: 1.0)).prepare()

    assert part(loose, "q-signature") == part(prepared(JOBS, [("name", "a b")], CREDENTIAL, 1), "q-signature")


def test_a_query_decodes_to_what_was_given() -> None:
    assert unquote(query_string([("name", "夜间 a+b%2F")])) == "name=夜间 a+b%2F"


def test_credential_shows_nothing_of_itself() -> None:
    assert f"{CREDENTIAL!r} {CREDENTIAL}" == "Credential() Credential()"


def test_credential_hides_itself_and_signatures() -> None:
    credential = Credential("AKID1", "key1", "token1")

    assert credential.hide(b"a AKID1 key1 token1 q-signature=0af b") == b"a *** *** *** q-signature=*** b"


@pytest.mark.parametrize("text", ["id\n", "id\r\nX-Evil: 1", "夜", "\x7f"])
def test_credential_that_no_header_can_carry_is_not_sendable(text: str) -> None:
    assert (Credential(text, "key").is_sendable, Credential("id", "key", text).is_sendable) == (False, False)
