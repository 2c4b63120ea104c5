"""How old what a list shows is, in words that stay true for a while, and how often it is looked at anew."""

from __future__ import annotations

from bisect import bisect_right

from django.conf import settings
from django.utils.translation import gettext

AGES = (2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
"""Seconds by which an age is told: “less than”."""
TICK_EVERY = 15
"""Seconds from one tick of a live list to the next, where neither link nor settings say otherwise."""


def age_below(age: float) -> int:
    """Return seconds that something of `age` seconds is younger than, in steps; 0 where it is over a day old."""
    step = bisect_right(AGES, max(0.0, age))
    return AGES[step] if step < len(AGES) else 0


def age_text(seconds: int) -> str:
    """Return an age in words, given what `age_below` says."""
    if seconds == AGES[0]:
        return gettext("just asked")
    if not seconds:
        return gettext("from cache, over a day old")
    pattern, length = next((pattern, length) for pattern, length in age_patterns() if seconds >= length)
    return pattern % {"count": seconds // length}


def age_patterns() -> list[tuple[str, int]]:
    """Return how ages are told: each pattern with the seconds of its unit, the longest first."""
    return [
        (gettext("from cache, less than %(count)d h old"), 3600),
        (gettext("from cache, less than %(count)d min old"), 60),
        (gettext("from cache, less than %(count)d s old"), 1),
    ]


def tick_every(live: str) -> int:
    """Return the seconds from one tick to the next, 0 where the site allows none; `live` is what the link says of it."""
    wanted = live.removesuffix("s")
    if not settings.LIVE_MIN_INTERVAL:
        return 0
    return max(settings.LIVE_MIN_INTERVAL, int(wanted) if wanted.isdigit() else TICK_EVERY)
