"""The problem table: what can go wrong, whom it concerns, how often it is tried, how long it is kept, and what helps.

A problem is cached without prose; title and advice are looked up by class when rendered, in the reader's language.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.functional import _StrPromise

    from jobs.cloudinfinite.exceptions import CloudInfiniteError

Scope = Literal["credential", "bucket", "page", "none"]


@dataclass(frozen=True, slots=True)
class Rule:
    """How one class of problem is treated.

    `status` is ours, `tries` the calls made before it is said, `kept` the seconds it is remembered.
    """

    status: int
    tries: int
    kept: int
    scope: Scope
    title: _StrPromise
    advice: _StrPromise


RULES: dict[str, Rule] = {
    "credentials": Rule(
        403, 1, 60, "credential",
        _("Cloud Infinite does not accept our credential"),
        _("Ask whoever runs Batchlens to check the secret id and secret key of this bucket. Looking again does not help until they are changed."),
    ),
    "clock": Rule(
        403, 2, 60, "credential",
        _("Our clock and Cloud Infinite's clock differ too much"),
        _("Ask whoever runs Batchlens to check the time of its machines."),
    ),
    "permission": Rule(
        403, 1, 60, "bucket",
        _("Our credential may not read this bucket's jobs"),
        _("Ask whoever runs Batchlens to run “manage.py check_account”: it prints the CAM statement that is missing."),
    ),
    "not_enabled": Rule(
        409, 1, 60, "bucket",
        _("Cloud Infinite is not enabled for this bucket"),
        _("Check the bucket's name and region, and bind it to media processing in the Cloud Infinite console."),
    ),
    "refused": Rule(
        400, 1, 60, "page",
        _("Cloud Infinite refused this question"),
        _("Change the filter, or start again from the first page."),
    ),
    "billing": Rule(
        403, 1, 60, "bucket",
        _("The cloud account is suspended"),
        _("Cloud Infinite names unpaid bills or legal reasons. Ask the owner of the cloud account."),
    ),
    "throttled": Rule(
        429, 3, 10, "bucket",
        _("Cloud Infinite asks us to slow down"),
        _("Wait a few seconds and try again. Other programs may share this account's quota."),
    ),
    "unreadable": Rule(
        502, 2, 10, "page",
        _("Cloud Infinite's answer could not be read"),
        _("Try again. If it stays, report the RequestId to Tencent Cloud; a smaller page size may help meanwhile."),
    ),
    "upstream_failing": Rule(
        502, 3, 10, "page",
        _("Cloud Infinite fails to answer"),
        _("Try again in a moment. If it stays, look at the status page of Tencent Cloud."),
    ),
    "timeout": Rule(
        504, 2, 10, "page",
        _("Cloud Infinite did not answer in time"),
        _("Try again. A shorter time range or a smaller page size may answer sooner."),
    ),
    "not_found": Rule(
        404, 1, 10, "page",
        _("Cloud Infinite does not know this job in this bucket (any more)"),
        _("It may belong to another bucket, or be older than Cloud Infinite keeps jobs."),
    ),
    "ours": Rule(
        503, 1, 0, "none",
        _("Batchlens itself is in trouble"),
        _("Try again in a moment. If it stays, tell whoever runs Batchlens."),
    ),
}  # fmt: skip

OUR_TITLES: dict[str, tuple[_StrPromise, _StrPromise]] = {
    "no_worker": (
        _("No worker is running"),
        _("The process that asks Cloud Infinite is down. Tell whoever runs Batchlens; this page goes on by itself once it is back."),
    ),
    "busy": (
        _("Batchlens is busy"),
        _("More pages are being asked for than can be fetched now. Try again in a moment."),
    ),
    "miss_budget": (
        _("You have asked Cloud Infinite for very much in the last minute"),
        _("Lists that somebody has opened already still open at once. New ones can be asked for again in a moment."),
    ),
    "redis_down": (
        _("Batchlens can't reach its Redis"),
        _("Tell whoever runs Batchlens: “/readyz” says which part is down."),
    ),
    "database_down": (
        _("Batchlens can't reach its database"),
        _("Tell whoever runs Batchlens: “/readyz” says which part is down."),
    ),
    "not_stored": (
        _("This could not be stored"),
        _("The database takes nothing now: its disk may be full, or it is locked. Try again; if that doesn't help, tell whoever runs Batchlens. Nothing is lost that had come before."),
    ),
    "too_many_walks": (
        _("You have too many lists counted at once, or today"),
        _("Wait until one is done, or cancel one. Results are kept for a day."),
    ),
}  # fmt: skip

OUR_STATUS = {"miss_budget": 429, "too_many_walks": 429}
"""Troubles of ours that are the reader's to mend have a status of their own."""

TRIES_BY_CODE = {"too_large": 1}
"""An answer that is too large stays too large."""

KEPT_BY_CODE = {"missing_credential": 5}
"""Seconds for which a problem is remembered, where that isn't as long as others of its class. Whether a credential is there can be
seen without asking upstream, so it may be looked at again soon: its file may have been away for a moment only."""

FINAL = frozenset({"refused", "not_found"})
"""Classes where asking the same again can't help; after all others somebody may have mended something."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One trouble as it is cached and shown.

    `message` is upstream's own text, or ours in English where none came; `at` is CI's time in unix seconds, `retry_after`
    seconds or None.
    """

    kind: str
    code: str
    message: str = ""
    request_id: str = ""
    at: float = 0.0
    retry_after: int | None = None

    @property
    def rule(self) -> Rule:
        """How this class is treated."""
        return RULES[self.kind]

    @property
    def scope(self) -> Scope:
        """Whom it concerns."""
        return self.rule.scope

    @property
    def status(self) -> int:
        """Our HTTP status."""
        return OUR_STATUS.get(self.code, self.rule.status)

    @property
    def tries(self) -> int:
        """How many calls are made before it is said."""
        return TRIES_BY_CODE.get(self.code, self.rule.tries)

    @property
    def kept(self) -> int:
        """The seconds for which it is remembered, 0 where it is not."""
        return KEPT_BY_CODE.get(self.code, self.rule.kept)

    @property
    def title(self) -> _StrPromise:
        """What happened, in one line."""
        return OUR_TITLES[self.code][0] if self.code in OUR_TITLES else self.rule.title

    @property
    def advice(self) -> _StrPromise:
        """What to do about it."""
        return OUR_TITLES[self.code][1] if self.code in OUR_TITLES else self.rule.advice

    @property
    def retryable(self) -> bool:
        """Whether asking again later can help."""
        return self.kind not in FINAL

    def to_primitives(self) -> dict[str, Any]:
        """Return the problem as JSON-able data."""
        return asdict(self)

    @classmethod
    def from_primitives(cls, given: Mapping[str, Any]) -> Problem:
        """Return the problem that `to_primitives` was called on."""
        return cls(**given)

    @classmethod
    def from_exception(cls, error: CloudInfiniteError, at: float) -> Problem:
        """Return what is cached of an exception of the client; `at` is CI's time in unix seconds."""
        kept = RULES[error.kind].kept
        return cls(
            kind=error.kind,
            code=error.code,
            message=error.message[:1000],
            request_id=error.request_id[:200],
            at=at,
            retry_after=kept if error.kind == "throttled" else None,
        )


def ours(
    code: Literal["no_worker", "busy", "redis_down", "database_down", "miss_budget", "not_stored", "too_many_walks"],
    at: float = 0.0,
    *,
    retry_after: int = 2,
) -> Problem:
    """Return a problem of Batchlens itself, which is never kept; `retry_after` is in seconds."""
    return Problem(kind="ours", code=code, at=at, retry_after=retry_after)
