"""What is proven of a list, and the sentence for each thing that is not: no list shall look whole that may not be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.utils.functional import _StrPromise

Doubt = Literal["order", "second", "empty", "token", "grown"]

DOUBTS: dict[str, _StrPromise] = {
    "order": _(
        "Cloud Infinite sent jobs without a creation time or out of order, so that the order is not proven and a job may be missing."
    ),
    "second": _(
        "Jobs that were created within one second fill a whole page. One of them, or of those right behind them, may be missing where others left the list meanwhile."
    ),
    "empty": _(
        "Cloud Infinite sent a page without jobs and named a next one. A job may be missing there where others left the list meanwhile."
    ),
    "token": _(
        "Cloud Infinite refused its own token, so the list goes on by creation time. No job is lost by that."
    ),
    "grown": _(
        "A page was asked for again later, and by then more jobs belonged to it than are asked for at once. One of them may be missing."
    ),
}  # fmt: skip
"""Doubt -> what is told of it."""
LOSING = frozenset({"order", "second", "empty", "grown"})
"""Doubts that leave it open whether a job is missing."""
ENDS: dict[str, _StrPromise] = {
    "repeated": _(
        "Cloud Infinite named a page again that was here already, so the list ends here. Jobs may be missing."
    ),
    "no_new_rows": _("Cloud Infinite's last three pages held nothing new, so the list ends here. Jobs may be missing."),
}
"""End of a list behind which more may follow -> what is told of it."""


def may_miss(doubts: Collection[str], end: str) -> bool:
    """Tell whether jobs may be missing where these doubts are and the list ended so, "" where it goes on."""
    return end in ENDS or not LOSING.isdisjoint(doubts)


def told(doubts: Collection[str], end: str) -> dict[str, _StrPromise]:
    """Return what can't be proven of such a list, and the sentence for it; what only a newer release knows has none here."""
    return {one: sentence for one, sentence in (DOUBTS | ENDS).items() if one in doubts or one == end}


@dataclass(frozen=True, slots=True)
class Completeness:
    """What a chain has brought up to one of its pages.

    `received` rows came in `pages` answers, `unique` of them are shown, and `doubts` say what can't be proven.
    """

    pages: int
    received: int
    unique: int
    doubts: tuple[str, ...] = ()

    @property
    def repeats(self) -> int:
        """How many rows stood on an earlier page already."""
        return self.received - self.unique

    @property
    def told(self) -> dict[str, _StrPromise]:
        """What can't be proven, and the sentence for it."""
        return told(self.doubts, "")
