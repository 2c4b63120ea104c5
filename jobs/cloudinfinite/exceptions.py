"""Everything that can go wrong with a call, and the table that finds the class for an error answer.

    CloudInfiniteError
      CredentialsRejected   credentials       the key is unknown, wrong or expired
      ClockSkew             clock             our clock and theirs differ; `offset` says by how much
      PermissionDenied      permission        the key is right, its policy does not allow this
      NotEnabled            not_enabled       the bucket does not exist or is not bound to media processing
      Refused               refused           the question is wrong
      BillingStopped        billing           unpaid, or stopped for legal reasons
      Throttled             throttled         too many requests
      Unreadable            unreadable        an answer came and can't be read
      UpstreamFailing       upstream_failing  their trouble, or no connection
      DeadlineExceeded      timeout           no whole answer before the deadline
      NotFound              not_found         no such job in this bucket

No text, argument or chained exception ever holds a secret.
Sources: INTL 1045/43611 (CI's codes), 436/7730 (COS's codes).
"""

from __future__ import annotations

import re
from typing import ClassVar

MESSAGE_LENGTH = 500  # characters of upstream's words that are kept
CODE_LENGTH = 100
REQUEST_ID_LENGTH = 200


class CloudInfiniteError(Exception):
    """A call that brought no usable answer.

    Arguments: `code`, upstream's Code, or `http_<status>`, `bad_xml`, `too_large`, `unreachable`, `timeout`,
    `no_such_job`; `message`, upstream's words or ours in English; `status`, the HTTP status, None when no answer came;
    `request_id` and `trace_id` for Tencent's support, "" when unknown.
    """

    kind: ClassVar[str]

    def __init__(self, code: str, message: str, status: int | None, request_id: str, trace_id: str = "") -> None:
        super().__init__(code, message, status, request_id, trace_id)
        self.code = code
        self.message = message
        self.status = status
        self.request_id = request_id
        self.trace_id = trace_id

    def __str__(self) -> str:
        status = "no answer" if self.status is None else f"HTTP {self.status}"
        return f"{self.code} ({status}, RequestId {self.request_id or 'unknown'}): {self.message}"


class CredentialsRejected(CloudInfiniteError):
    """The key is unknown, wrong or expired."""

    kind = "credentials"


class ClockSkew(CloudInfiniteError):
    """Our clock and theirs differ. `offset`: seconds to add to our clock; None when the answer bore no date."""

    kind = "clock"

    def __init__(
        self,
        code: str,
        message: str,
        status: int | None,
        request_id: str,
        trace_id: str = "",
        offset: float | None = None,
    ) -> None:
        super().__init__(code, message, status, request_id, trace_id)
        self.args = (*self.args, offset)
        self.offset = offset


class PermissionDenied(CloudInfiniteError):
    """The key's policy does not allow this call on this bucket."""

    kind = "permission"


class NotEnabled(CloudInfiniteError):
    """The bucket does not exist, or media processing is not switched on for it."""

    kind = "not_enabled"


class Refused(CloudInfiniteError):
    """The question itself is wrong, a foreign nextToken for example."""

    kind = "refused"


class BillingStopped(CloudInfiniteError):
    """The account is in arrears, or the service is stopped for legal reasons."""

    kind = "billing"


class Throttled(CloudInfiniteError):
    """Too many requests."""

    kind = "throttled"


class Unreadable(CloudInfiniteError):
    """An answer came that isn't the XML it should be. `message` ends with its first characters."""

    kind = "unreadable"


class UpstreamFailing(CloudInfiniteError):
    """Trouble on their side, or no connection to them."""

    kind = "upstream_failing"


class DeadlineExceeded(CloudInfiniteError):
    """No whole answer came before the deadline."""

    kind = "timeout"


class NotFound(CloudInfiniteError):
    """CI doesn't know the job in this bucket."""

    kind = "not_found"


BY_CODE: dict[str, type[CloudInfiniteError]] = {
    "AccessDenied": PermissionDenied,
    "ExpiredToken": CredentialsRejected,
    "InvalidAccessKeyId": CredentialsRejected,
    "InvalidArgument": Refused,
    "InvalidAuthorization": CredentialsRejected,
    "InvalidHost": NotEnabled,
    "MediaBucketUnBinded": NotEnabled,
    "MissingAuthorization": CredentialsRejected,
    "NoSuchBucket": NotEnabled,
    "PaymentRequired": BillingStopped,
    "PicBucketUnBinded": NotEnabled,
    "RequestTimeTooSkewed": ClockSkew,
    "SecretidNotExist": CredentialsRejected,
    "SignatureDoesNotMatch": CredentialsRejected,
    "SignatureExpired": ClockSkew,
    "SlowDown": Throttled,
    "UnavailableForLegalReasons": BillingStopped,
}
BY_STATUS: dict[int, type[CloudInfiniteError]] = {
    401: CredentialsRejected,
    402: BillingStopped,
    403: PermissionDenied,
    429: Throttled,
    451: BillingStopped,
}
CLOCK_MESSAGES = ("request has expired", "requesttimetooskewed")


def error_class(code: str, message: str, status: int) -> type[CloudInfiniteError]:
    """Find the class of an error answer: by its Code, then its Message, then its status.

    AccessDenied alone says too little: COS also uses it for a request outside its time window (436/7730), so there the
    message is asked first. CI uses it with 401 and with 403, which mean the same.
    """
    by_code = BY_CODE.get(code)
    if by_code is not None and by_code is not PermissionDenied:
        return by_code
    if any(words in message.lower() for words in CLOCK_MESSAGES):
        return ClockSkew
    if by_code is not None:
        return by_code
    if status in BY_STATUS:
        return BY_STATUS[status]
    return Refused if 400 <= status < 500 else UpstreamFailing


def plain(text: str, length: int) -> str:
    """Return foreign `text` as one line without control characters, at most `length` characters: it goes into logs."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", text[: 4 * length]).strip()[:length]
