"""What OVERVIEW_REFRESH costs in calls to Cloud Infinite, and how much it may."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jobs.models import Bucket

SHARE = 0.5
"""Part of a credential's calls that may go into it: the other half is people's."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What refreshing the `buckets` of one credential costs, in calls a minute; `limit` is what it may cost, None for no limit.

    `shortest` is the shortest interval, in seconds, that keeps within the limit.
    """

    credential: str
    buckets: int
    calls: float
    limit: float | None
    shortest: int

    @property
    def is_too_much(self) -> bool:
        """Whether the interval is too short for so many buckets."""
        return self.limit is not None and self.calls > self.limit


def costs(buckets: Iterable[Bucket]) -> list[Cost]:
    """Return what OVERVIEW_REFRESH, which is set, costs each credential of `buckets` while all answer."""
    rate = settings.CI_RATE_CREDENTIAL * SHARE
    return [
        Cost(
            credential=credential,
            buckets=number,
            calls=60 / settings.OVERVIEW_REFRESH * number,
            limit=60 * rate if rate else None,
            shortest=math.ceil(number / rate) if rate else 0,
        )
        for credential, number in sorted(Counter(bucket.credential for bucket in buckets).items())
    ]


def stated(found: Sequence[Cost]) -> str:
    """Return in one line what refreshing costs."""
    buckets, calls = sum(cost.buckets for cost in found), sum(cost.calls for cost in found)
    line = f"OVERVIEW_REFRESH={settings.OVERVIEW_REFRESH} over {buckets} buckets costs {calls:g} calls a minute"
    limited = [f"{cost.calls:g} of {cost.limit / SHARE:g} of {cost.credential}" for cost in found if cost.limit]
    return f"{line} ({', '.join(limited)})" if limited else line
