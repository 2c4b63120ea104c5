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

    `begins` is None where the list does. From `open_from` on, in that order, new jobs are those of a page that is still to come:
    the chain goes on from there, or no page that was fetched goes past the last second. None where no page brings them any more.
    """

    begins: datetime | None
    ends: datetime
    open_from: datetime | None = None

    def is_open(self, created: datetime | None, job_filter: JobFilter) -> bool:
        """Tell whether a job of that creation time, if it is new, is a later page's."""
        if created is None or self.open_from is None:
            return False
        return created <= self.open_from if job_filter.order == "Desc" else created >= self.open_from

    def within(self, job_filter: JobFilter, pin: datetime) -> JobFilter:
        """Return the filter that shows this stretch of a list that was opened at `pin`."""
        first, last = job_filter.window(pin)
        if job_filter.order == "Desc":
            first, last = self.ends, self.begins or last
        else:
            first, last = self.begins or first, self.ends
        return replace(job_filter, range="", zone="", start=first, end=last, size=LARGEST_SIZE)
