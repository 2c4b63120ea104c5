"""A tick of a live list: the rows that have changed, how many jobs are new, and how old all this is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from jobs import access, filters, live
from jobs.views.document import Document
from jobs.views.listing import Listing
from jobs.views.responses import as_html, ci_time, listed, namespace, reader_of

if TYPE_CHECKING:
    from django.http import HttpRequest


@require_safe
@listed
def tick(request: HttpRequest, bucket_name: str) -> HttpResponse:
    """Answer one tick with parts that htmx puts where they belong; the page around them stays."""
    if not settings.LIVE_MIN_INTERVAL:
        raise Http404
    bucket = access.get_bucket(request.user, bucket_name)
    found = filters.parse_live(request.GET, now=ci_time())
    asked = found.asked
    if asked.errors or asked.view.pin is None:
        # Our own page asks for nothing else than it shows, so this is no reader's mistake.
        return HttpResponse(status=400)
    ticked = live.tick(bucket, asked.filter, asked.view.pin, found.shown, reader=reader_of(request))
    now = ci_time()
    listing = Listing(bucket, asked, [ticked.head], now, namespace(request) == "embed", Document.new(asked, now))
    context = {
        "asked": asked,
        "bucket": bucket,
        "ticked": ticked,
        "listing": listing,
        "view": asked.view,
        "zone": asked.view.zone,
    }
    return as_html(request, "jobs/tick.html", context)
