"""The view: how a list is looked at. It changes nothing about what upstream is asked for the first page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from .times import default_zone, write_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .pins import Mark, Pin

TABS = ("operation", "output", "time-interval", "input", "raw")
"""What a job is drilled into; the first is open where none is named."""
PLACE_KEPT = timedelta(hours=1)
"""How long a link to a place in a list opens that very place; after that it opens the newest list."""


@dataclass(frozen=True, slots=True)
class View:
    """`tz` is "" for TIME_ZONE and `lang` for the browser's; `live` is how often the list is looked at anew, "off" or such as
    "60s", "" where the reader decides; `depth` counts pages; the rest says which page comes first.

    `after` is the creation time, inclusive, at which a chain goes on by keyset; it is kept in UTC. `job` is the id of the job
    that the drawer beside the list shows, "" while it is closed, and `tab` the part of it that is open. In a merged list a
    job is named `<bucket>/<JobId>`, and `places` say for each bucket where its part of the list begins: by the pin of its
    chain, None where it takes no part, and how many of its rows stand before; `mark` tells up to which row, where that is known.
    """

    tz: str = ""
    lang: str = ""
    depth: int = 1
    pin: Pin | None = None
    next_token: str = ""
    after: datetime | None = None
    job: str = ""
    tab: str = TABS[0]
    live: str = ""
    places: tuple[tuple[Pin | None, int], ...] = ()
    mark: Mark | None = None

    def __post_init__(self) -> None:
        """Let equal views be equal: the default zone has one name, a moment one form."""
        if self.tz == default_zone().key:
            object.__setattr__(self, "tz", "")
        if self.after is not None:
            object.__setattr__(self, "after", self.after.astimezone(UTC))

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which times are shown, and read where they have no offset."""
        return ZoneInfo(self.tz) if self.tz else default_zone()

    @property
    def after_text(self) -> str:
        """`after` as upstream is sent it, ±HHMM; "" when there is none."""
        return write_time(self.after) if self.after else ""

    @property
    def is_continuation(self) -> bool:
        """Whether it begins behind the first page."""
        return bool(self.next_token or self.after) or any(taken for _pin, taken in self.places)

    def first(self) -> View:
        """Return this view of the newest first page: zone, language and liveliness stay, the place goes, the drawer closes."""
        return View(tz=self.tz, lang=self.lang, live=self.live)

    def is_old_place(self, now: float) -> bool:
        """Tell whether it is a place in a list that was opened too long ago to be opened again.

        Args:
            now: CI's time in unix seconds.
        """
        pins = [pin for pin in (self.pin, *(pin for pin, _taken in self.places)) if pin]
        if not pins or self.is_continuation:
            return False
        return now - min(pin.opened for pin in pins) / 1000 > PLACE_KEPT.total_seconds()

    def showing(self, job: str, tab: str = TABS[0]) -> View:
        """Return this view with a job in the drawer, or with the drawer closed where `job` is ""."""
        return replace(self, job=job, tab=tab)

    def beginning(self, places: Iterable[tuple[Pin | None, int]], *, depth: int = 1, mark: Mark | None = None) -> View:
        """Return this view of `depth` pages of a merged list from `places` on, behind the row that `mark` tells."""
        return replace(self, places=tuple(places), depth=depth, mark=mark)

    def at(self, pin: Pin, *, depth: int = 1, next_token: str = "", after: str = "") -> View:
        """Return this view of a page of the chain that `pin` names.

        Args:
            pin: the chain's pin.
            depth: how many pages are looked at together.
            next_token: the page's token, "" for the first page.
            after: where the page begins by keyset, as `Continuation.after`.
        """
        begins = datetime.fromisoformat(after) if after else None
        return replace(self, pin=pin, depth=depth, next_token=next_token, after=begins)
