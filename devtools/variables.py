"""Which variables are about an account at Cloud Infinite, and which were meant to be."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

CREDENTIAL = re.compile(r"CI_(?:(?P<name>[A-Z][A-Z0-9_]*)_)?(?P<part>SECRET_ID|SECRET_KEY|SECURITY_TOKEN)(?:_FILE)?")
PARTS = ("SECRET_ID", "SECRET_KEY", "SECURITY_TOKEN")
BUCKETS = ("BUCKETS", "BUCKETS_FILE")
OTHER_CI = ("CI_ENDPOINT", "CI_DEADLINE", "CI_PROXY", "CI_RATE_BUCKET", "CI_RATE_CREDENTIAL")

NEAR = 0.8
"""From here on (0 nothing in common, 1 the same) a name is a slip of the keyboard and not another name: `PORXY` is as near
to `PROXY`. Of the names that build systems are known to set, none comes nearer than 0.75."""


def is_of_account(name: str) -> bool:
    """Return whether Batchlens knows the variable, and it is about the account."""
    return name in BUCKETS or name in OTHER_CI or CREDENTIAL.fullmatch(name) is not None


def misspelt(names: Iterable[str]) -> dict[str, str]:
    """Return each name that Batchlens doesn't know but that was meant for it, and the nearest one that it knows.

    Everything that begins with BUCKETS was. Build systems set many a CI_ variable that is none of ours (CI_COMMIT_SHA,
    CI_JOB_TOKEN, CI_SERVER_TLS_KEY_FILE), so of those only what holds SECRET, begins with CI_RATE, or is NEAR to ours.
    """
    found = {}
    for name in sorted(names):
        if is_of_account(name):
            continue
        if name.startswith("BUCKETS"):
            found[name] = _nearest(name, BUCKETS)[1]
        elif name.startswith("CI_"):
            # A common _FILE makes two names look alike that aren't.
            near, _ = _nearest(name.removesuffix("_FILE"), OTHER_CI, ("",))
            if "SECRET" in name.upper() or name.startswith("CI_RATE") or near >= NEAR:
                found[name] = _nearest(name, OTHER_CI)[1]
    return found


def _nearest(name: str, known: Iterable[str], endings: Iterable[str] = ("", "_FILE")) -> tuple[float, str]:
    """Return how near the name is to the nearest one of `known` and, behind its first words, a part of a credential."""
    likes = [(_likeness(name.removeprefix("CI_"), other.removeprefix("CI_")), other) for other in known]
    words = [word for word in name.upper().split("_") if word]
    for number in range(1, len(words)):
        for part in (part + ending for part in PARTS for ending in endings):
            likes.append((_likeness("_".join(words[number:]), part), "_".join([*words[:number], part])))
    return max(like for like in likes if is_of_account(like[1]))


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()
