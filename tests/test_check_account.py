"""`check_account` against a real emulator process: what it says for each trouble, and that it never tells a secret."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from jobs.models import Bucket
from tests.emulators import REGION, SECRET_ID, SECRET_KEY, Emulator
from tests.factories import make_bucket

pytestmark = pytest.mark.django_db

NAME = "check-1250000000"


@pytest.fixture(autouse=True)
def _at_the_emulator(settings: Settings, emulator: Emulator) -> None:
    settings.CI_ENDPOINT = emulator.endpoint
    settings.CI_CREDENTIALS = {"default": {"SECRET_ID": SECRET_ID, "SECRET_KEY": SECRET_KEY}}


def bucket_with(emulator: Emulator, *faults: dict[str, Any], **spec: Any) -> Bucket:
    emulator.create_bucket(NAME, faults=faults, **{"jobs": 3, **spec})
    return make_bucket(NAME, REGION)


def check(*arguments: str) -> tuple[list[str], str]:
    """Return the lines said and the final complaint ("" if all is well)."""
    out = StringIO()
    complaint = ""
    try:
        call_command("check_account", *arguments, stdout=out)
    except CommandError as error:
        complaint = str(error)
    said = out.getvalue()
    assert SECRET_KEY not in said + complaint
    return said.splitlines(), complaint


def policy(lines: list[str]) -> Any:
    text = "\n".join(lines)
    return json.loads(text[text.index("{") : text.rindex("}") + 1])


def denied(call: str) -> dict[str, Any]:
    return {"kind": "error", "status": 403, "code": "AccessDenied", "message": "no permission", "when": {"call": call}}


def test_a_bucket_that_can_be_listed_and_read_is_well(emulator: Emulator) -> None:
    bucket_with(emulator)

    said, complaint = check()

    listed, read = (call.request_id for call in emulator.calls(NAME)[-2:])
    assert (said, complaint) == (
        [
            f"{NAME} ({REGION}, credential default)",
            f"  list: allowed (RequestId {listed})",
            f"  read: allowed (RequestId {read})",
            "All is well: 1 of 1 buckets can be listed and read.",
        ],
        "",
    )


def test_an_empty_bucket_is_tried_with_an_id_that_nobody_has(emulator: Emulator) -> None:
    bucket_with(emulator, jobs=0)

    said, complaint = check()

    assert complaint == ""
    assert [line.partition(" (RequestId")[0] for line in said[1:3]] == [
        "  list: allowed, the bucket has no jobs",
        "  read: allowed",
    ]


@pytest.mark.parametrize(
    ("calls", "actions"),
    [
        (["list", "job"], ["ci:DescribeInventoryTriggerJobs", "ci:DescribeInventoryTriggerJob"]),
        (["list"], ["ci:DescribeInventoryTriggerJobs"]),
        (["job"], ["ci:DescribeInventoryTriggerJob"]),
    ],
)
def test_a_missing_permission_is_told_with_the_statement_to_add(
    emulator: Emulator, calls: list[str], actions: list[str]
) -> None:
    bucket_with(emulator, *(denied(call) for call in calls))

    said, complaint = check()

    assert complaint == f"1 of 1 buckets failed: {NAME}."
    assert policy(said) == {
        "version": "2.0",
        "statement": [
            {
                "effect": "allow",
                "action": actions,
                "resource": [f"qcs::ci:{REGION}:uid/1250000000:bucket/{NAME}/*"],
            }
        ],
    }


@pytest.mark.parametrize(
    ("status", "code", "begins"),
    [
        (401, "InvalidAuthorization", "Cloud Infinite does not know this secret id"),
        (403, "InvalidAccessKeyId", "Cloud Infinite does not know this secret id"),
        (400, "MediaBucketUnBinded", f"There is no bucket {NAME} in {REGION}, or media processing"),
        (404, "NoSuchBucket", f"There is no bucket {NAME} in {REGION}, or media processing"),
        (402, "PaymentRequired", "The cloud account is in arrears"),
        (400, "InvalidArgument", "Cloud Infinite refused a plain question."),
        (500, "InternalError", "Cloud Infinite fails, or can't be reached"),
    ],
)
def test_other_trouble_is_told_in_plain_words(emulator: Emulator, status: int, code: str, begins: str) -> None:
    bucket_with(emulator, {"kind": "error", "status": status, "code": code, "message": "told by upstream"})

    said, complaint = check()

    request_id = emulator.calls(NAME)[-1].request_id
    assert complaint == f"1 of 1 buckets failed: {NAME}."
    assert said[1] == f"  list: {code} (HTTP {status}, RequestId {request_id}): told by upstream"
    assert said[2].strip().startswith(begins)
    assert len(said) == 3


def test_a_wrong_key_names_the_variables_to_set(settings: Settings, emulator: Emulator) -> None:
    settings.CI_CREDENTIALS = {"default": {"SECRET_ID": SECRET_ID, "SECRET_KEY": "another"}}
    bucket_with(emulator)

    said, _complaint = check()

    assert said[2].endswith("set CI_SECRET_ID and CI_SECRET_KEY anew.")


def test_a_missing_credential_is_told_without_a_call(settings: Settings, emulator: Emulator) -> None:
    settings.CI_CREDENTIALS = {}
    bucket_with(emulator)
    before = len(emulator.calls(NAME))

    said, complaint = check()

    assert said[1] == "  The credential “default” is not configured: set CI_SECRET_ID and CI_SECRET_KEY."
    assert complaint == f"1 of 1 buckets failed: {NAME}."
    assert len(emulator.calls(NAME)) == before


def test_one_slow_down_is_waited_for(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.management.commands.check_account.SLOW_DOWN_PAUSE", 0.01)
    bucket_with(emulator, {"kind": "error", "status": 429, "code": "SlowDown", "message": "", "count": 1})

    assert check()[1] == ""


def test_a_clock_that_differs_is_corrected_and_told(settings: Settings, pristine_emulator: Emulator) -> None:
    settings.CI_ENDPOINT = pristine_emulator.endpoint
    pristine_emulator.shift_clock(7200)
    bucket_with(pristine_emulator)

    said, complaint = check()

    assert complaint == ""
    assert [line.startswith("This machine's clock is 7") for line in said][3:] == [True, False]
    assert "behind Cloud Infinite's" in said[3]


def test_an_endpoint_where_nobody_listens_is_told(settings: Settings, emulator: Emulator) -> None:
    settings.CI_ENDPOINT = "http://127.0.0.1:9"
    bucket_with(emulator)

    said, complaint = check()

    assert said[1].startswith("  list: unreachable (no answer, RequestId unknown)")
    assert said[2].strip().startswith("Cloud Infinite fails, or can't be reached from here.")
    assert complaint == f"1 of 1 buckets failed: {NAME}."


def test_upstream_words_can_not_steer_the_terminal(emulator: Emulator) -> None:
    bucket_with(emulator, {"kind": "raw", "status": 500, "body": "\x1b[31m\x9b2J\u202eevil"})

    said, _complaint = check()

    assert all(character.isprintable() for line in said for character in line)


def test_one_bucket_can_be_named_even_if_hidden(emulator: Emulator) -> None:
    bucket_with(emulator)
    Bucket.objects.update(hidden=True)
    make_bucket("other-12345")

    assert check("--bucket", NAME)[1] == ""


def test_without_a_bucket_it_says_how_to_get_one() -> None:
    make_bucket("hidden-12345", hidden=True)

    assert check()[1].startswith("There is no bucket to check. Name some in BUCKETS")
    assert check("--bucket", "nobody-12345")[1] == "There is no bucket nobody-12345."
