"""Upstream as one fetch may ask it: this process's client, the permit for its calls, and what they tell of CI's time."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import cache as once
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings

from jobs import clock, metrics
from jobs.cloudinfinite.auth import ENDS_AFTER, STARTS_BEFORE
from jobs.cloudinfinite.client import Client
from jobs.cloudinfinite.exceptions import ClockSkew, CloudInfiniteError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.cloudinfinite.auth import Credential
    from jobs.cloudinfinite.schema import JobAnswer, JobsAnswer
    from jobs.models import Bucket
    from jobs.throttle import Permit

    Answer = TypeVar("Answer", JobsAnswer, JobAnswer)

logger = logging.getLogger(__name__)

LONGEST = 4.0
"""Calls' deadlines that one fetch may take: a call is repeated once after the clock was corrected, and a page that is fetched
again may take several."""


@once
def client() -> Client:
    """Return this process's client; one serves all threads."""
    return Client(
        clock=clock.now,
        endpoint=settings.CI_ENDPOINT or None,
        deadline=settings.CI_DEADLINE,
        pool_size=settings.WORKER_THREADS,
        proxy=settings.CI_PROXY or None,
    )


@dataclass(frozen=True, slots=True)
class Upstream:
    """Cloud Infinite as one fetch may ask it: a bucket, the secret, and the permit for its calls."""

    bucket: Bucket
    credential: Credential
    permit: Permit

    def call(self, ask: Callable[[], Answer], *, again: bool = False) -> tuple[Answer, bool]:
        """Ask, and once more if our clock was refused; tell whether the clock was corrected meanwhile.

        Args:
            ask: one call of the client.
            again: whether the permit's first token is spent already.

        Raises:
            CloudInfiniteError: as the client.
            HeldBack: there is no token for a further call.
        """
        if again:
            self.permit.take_token()
        began, offset = clock.now(), clock.offset()
        try:
            answer = self._ask(ask)
        except ClockSkew as error:
            answer = self._ask_by_their_clock(ask, error, offset)
            return answer, True
        ended = clock.now()
        moved = clock.offset() != offset
        if not moved and answer.date is not None:
            skew = _skew(answer.date, began, ended)
            # They took our signature, so their clock is where it holds: a `Date` elsewhere is wrong itself.
            moved = -STARTS_BEFORE <= skew <= ENDS_AFTER and clock.learn(skew, offset)
        return answer, moved

    def _ask_by_their_clock(self, ask: Callable[[], Answer], refusal: ClockSkew, offset: float) -> Answer:
        """Ask once more, signed by the time that a refusal told; correct everybody's clock once that is accepted.

        Args:
            ask: as `call`.
            refusal: what came of the first call.
            offset: with which that call began. Another one may have corrected the clock since, which is correction enough.

        Raises:
            CloudInfiniteError: as the client; the `refusal` itself where nothing can be corrected.
            HeldBack: there is no token for a further call.
        """
        skew, measured_by = refusal.offset or 0.0, clock.offset()
        if not clock.is_wrong(skew, measured_by):
            if measured_by == offset:
                raise refusal
            skew = 0.0
        self.permit.take_token()
        with clock.supposed(measured_by + skew):
            answer = self._ask(ask)
        clock.learn(skew, measured_by)
        return answer

    def _ask(self, ask: Callable[[], Answer]) -> Answer:
        """Make one call; count it, and log it with upstream's RequestId."""
        self.permit.calls += 1
        self.permit.asked_at = began = time.monotonic()
        outcome, request_id = "error", ""
        try:
            answer = ask()
        except CloudInfiniteError as error:
            outcome, request_id = error.kind, error.request_id
            raise
        else:
            outcome, request_id = "ok", answer.request_id
            return answer
        finally:
            bucket, seconds = self.bucket.name, time.monotonic() - began
            metrics.upstream_call(bucket, outcome, seconds)
            facts = {"bucket": bucket, "class": outcome, "seconds": round(seconds, 4), "request_id": request_id}
            logger.info("%s: %s in %.3f s, RequestId %s", bucket, outcome, seconds, request_id or "none", extra=facts)


def longest_call() -> float:
    """Return the seconds that the calls for one page take at most."""
    return LONGEST * settings.CI_DEADLINE + clock.SYNC_EVERY + 1


def _skew(date: float, began: float, ended: float) -> float:
    """Return how far `date` lies outside the span of the call; inside it, nothing can be said."""
    if date < began:
        return min(0.0, date + 1 - began)  # `Date` is cut to whole seconds
    return max(0.0, date - ended)
