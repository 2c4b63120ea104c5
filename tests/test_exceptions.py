"""The table that finds the class of an error answer, and what an exception shows."""

from __future__ import annotations

import pickle

import pytest

from jobs.cloudinfinite.exceptions import ClockSkew, CloudInfiniteError, error_class, plain

TABLE = [
    # Code, Message, status, kind
    ("InvalidAuthorization", "", 401, "credentials"),
    ("MissingAuthorization", "", 401, "credentials"),
    ("SecretidNotExist", "", 401, "credentials"),
    ("SomethingNew", "", 401, "credentials"),
    ("", "", 401, "credentials"),
    ("InvalidAccessKeyId", "", 403, "credentials"),
    ("SignatureDoesNotMatch", "", 403, "credentials"),
    ("ExpiredToken", "", 400, "credentials"),
    ("SignatureExpired", "", 401, "clock"),
    ("RequestTimeTooSkewed", "", 403, "clock"),
    ("AccessDenied", "Request has expired", 403, "clock"),
    ("AccessDenied", "RequestTimeTooSkewed", 403, "clock"),
    ("", "Request has expired.", 403, "clock"),
    ("AccessDenied", "Access Denied.", 401, "permission"),
    ("AccessDenied", "Access Denied.", 403, "permission"),
    ("MediaBucketAlreadyBinded", "", 403, "permission"),
    ("", "", 403, "permission"),
    ("MediaBucketUnBinded", "", 400, "not_enabled"),
    ("PicBucketUnBinded", "", 400, "not_enabled"),
    ("InvalidHost", "", 400, "not_enabled"),
    ("NoSuchBucket", "", 404, "not_enabled"),
    ("InvalidArgument", "Param size is illegal", 400, "refused"),
    ("InvalidArgument", "Request has expired", 400, "refused"),
    ("ResourceAccessDenied", "", 400, "refused"),
    ("ResourceNotFound", "", 400, "refused"),
    ("CIRoleNotExist", "", 400, "refused"),
    ("InvalidUrl", "", 404, "refused"),
    ("MethodNotAllowed", "", 405, "refused"),
    ("", "", 404, "refused"),
    ("PaymentRequired", "", 402, "billing"),
    ("UnavailableForLegalReasons", "", 451, "billing"),
    ("", "", 402, "billing"),
    ("", "", 451, "billing"),
    ("SlowDown", "", 429, "throttled"),
    ("SlowDown", "", 503, "throttled"),
    ("SomethingNew", "", 429, "throttled"),
    ("InternalError", "", 500, "upstream_failing"),
    ("ServiceUnavailable", "", 503, "upstream_failing"),
    ("", "", 502, "upstream_failing"),
    ("PermanentRedirect", "", 301, "upstream_failing"),
    ("", "", 307, "upstream_failing"),
    ("SomethingNew", "", 200, "upstream_failing"),
]


@pytest.mark.parametrize(("code", "message", "status", "kind"), TABLE)
def test_error_class_follows_code_then_message_then_status(code: str, message: str, status: int, kind: str) -> None:
    assert error_class(code, message, status).kind == kind


def test_every_class_has_a_kind_of_its_own() -> None:
    kinds = [leaf.kind for leaf in CloudInfiniteError.__subclasses__()]

    assert sorted(kinds) == sorted(
        [
            "credentials",
            "clock",
            "permission",
            "not_enabled",
            "refused",
            "billing",
            "throttled",
            "unreadable",
            "upstream_failing",
            "timeout",
            "not_found",
        ]
    )


def test_exception_says_code_status_request_id_and_message() -> None:
    error = ClockSkew("SignatureExpired", "too late", 401, "req-1", "trace-1", -90.0)

    assert str(error) == "SignatureExpired (HTTP 401, RequestId req-1): too late"


def test_exception_survives_pickling() -> None:
    error = ClockSkew("SignatureExpired", "too late", 401, "req-1", "trace-1", -90.0)

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert (copy.args, copy.offset, str(copy)) == (error.args, -90.0, str(error))


def test_plain_makes_one_line_of_foreign_text() -> None:
    assert plain("a\r\nINFO forged\x00\x1b[31m\u0085b", 100) == "a INFO forged [31m b"


def test_plain_shortens() -> None:
    assert plain("x" * 1000, 10) == "xxxxxxxxxx"
