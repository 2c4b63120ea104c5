"""The stretch of creation times that a page of a chain covers, by which it is fetched a second time.

A page that is out of date or evicted is fetched again while its readers go on to the next ones. So it is asked for what it
covered, not for as many rows as it had: what entered or left the list since moves no other row from one page to another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jobs.filters import LARGEST_SIZE

if TYPE_CHECKING:
    from datetime import datetime

    from jobs.filters import JobFilter


@dataclass(frozen=True, slots=True)
class Span:
    """The stretch of creation times that a page covers, in the list's order, both ends inclusive.

    `begins` is None where the list does. `is_shared` says that the new jobs of its last second may be the next page's, for none
    that was fetched goes past it.
    """

    begins: datetime | None
    ends: datetime
    is_shared: bool

    def within(self, job_filter: JobFilter, pin: datetime) -> JobFilter:
        """Return the filter that shows this stretch of a list that was opened at `pin`."""
        first, last = job_filter.window(pin)
        if job_filter.order == "Desc":
            first, last = self.ends, self.begins or last
        else:
            first, last = self.begins or first, self.ends
        return replace(job_filter, range="", zone="", start=first, end=last, size=LARGEST_SIZE)
