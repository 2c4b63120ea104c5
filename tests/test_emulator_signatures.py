"""The emulator's signatures: what is accepted, what is refused and in which words, and credentials that change."""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime

import pytest
import requests
from defusedxml.ElementTree import fromstring
from qcloud_cos import CosConfig
from qcloud_cos.cos_auth import CosS3Auth

from jobs.cloudinfinite import Credential
from jobs.cloudinfinite.emulator.signature import Known, SignatureRefusedError, Signed, verify
from jobs.cloudinfinite.emulator.switches import CHOICES
from jobs.cloudinfinite.exceptions import CredentialsRejected
from tests.emulators import REGION, SECRET_ID, SECRET_KEY, Emulator
from tests.raw_servers import asking
from tests.signed_calls import BUCKET, HOST, LIST, ask, refusal


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


@pytest.mark.parametrize("sent", ["ci", "cos"])
@pytest.mark.parametrize("demanded", CHOICES["token_header"])
def test_a_temporary_credential_needs_its_token_in_the_header_that_is_demanded(
    cloud: Emulator, demanded: str, sent: str
) -> None:
    cloud.create_bucket(BUCKET)
    cloud.set_credentials(("TEMPORARY", "temporary-key", "TOKEN+/0001=="))
    cloud.set_switches(token_header=demanded)
    credential, header = ("TEMPORARY", "temporary-key"), f"x-{sent}-security-token"

    answer = ask(cloud, credential=credential, headers={header: "TOKEN+/0001=="})

    if demanded in {"either", sent}:
        assert answer.status_code == 200
    else:
        assert refusal(answer) == (401, "InvalidAuthorization")
    assert refusal(ask(cloud, credential=credential)) == (401, "InvalidAuthorization")
    assert refusal(ask(cloud, credential=credential, headers={header: "other"})) == (401, "InvalidAuthorization")
    cloud.set_switches(errors="cos")
    assert refusal(ask(cloud, credential=credential)) == (400, "ExpiredToken")


@pytest.mark.parametrize("demanded", CHOICES["token_header"])
def test_the_product_s_client_is_let_in_whichever_header_is_demanded(cloud: Emulator, demanded: str) -> None:
    cloud.create_bucket(BUCKET, jobs=1)
    cloud.set_credentials(("TEMPORARY", "temporary-key", "TOKEN+/0001=="))
    cloud.set_switches(token_header=demanded)
    credential = Credential("TEMPORARY", "temporary-key", "TOKEN+/0001==")

    with asking(cloud.endpoint, clock=time.time, deadline=5.0) as client:
        (job,) = client.list_jobs(BUCKET, REGION, credential).jobs
        again = client.get_job(BUCKET, REGION, credential, job.job_id)
        buckets = client.list_media_buckets(REGION, credential).buckets
        with pytest.raises(CredentialsRejected):
            client.list_jobs(BUCKET, REGION, Credential("TEMPORARY", "temporary-key", "other"))

    assert again.job.job_id == job.job_id
    assert [bucket.name for bucket in buckets] == [BUCKET]


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
