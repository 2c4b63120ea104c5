"""The request behind a list, as something to run elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.details.snippets import Snippet, list_snippets
from jobs.filters.times import write_time

if TYPE_CHECKING:
    from jobs.views.listing import Listing


def list_snippets_of(listing: Listing) -> tuple[Snippet, ...]:
    """Return how the first page that is shown was asked for, with the very times that its pin meant."""
    if not listing.ready:
        return ()
    asked, view, pin = listing.asked.filter, listing.asked.view, listing.ready[0].page.pin
    start, end = asked.window(pin.time)
    if view.after and asked.order == "Asc":
        start = max(view.after, start or view.after)
    elif view.after:
        end = min(view.after, end)
    params = {
        **asked.params(),
        "startCreationTime": write_time(start) if start else "",
        "endCreationTime": write_time(end),
        "orderByTime": asked.order,
        "size": str(asked.size),
        "nextToken": view.next_token,
    }
    return list_snippets(listing.bucket.name, listing.bucket.region, params)
