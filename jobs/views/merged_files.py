"""The loaded jobs of a merged list as a file, at once. Each says whose it is, and the file whose are not in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from jobs import filters, twins
from jobs.filters.values import listed as joined
from jobs.views.files import as_file
from jobs.views.merged import chosen_buckets
from jobs.views.merging import Merging
from jobs.views.responses import address, ci_time, listed
from jobs.views.walking import as_of, file_name, loaded_scope, told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from jobs.models import Bucket
    from jobs.views.files import Form


@require_safe
@listed
def merged_file(request: HttpRequest, form: Form) -> HttpResponseBase:
    """Send the jobs that a merged list's address loads. Where that can't be, its link leads to the list itself."""
    now = ci_time()
    asked = filters.parse_merged(request.GET, now=now)
    buckets: list[Bucket] = []
    if not asked.errors:
        buckets, asked = chosen_buckets(request.user, asked)
    listing = None
    if not asked.errors and not asked.view.is_old_place(now):
        # A page that the cache has lost since is fetched anew: a file is of all that its link names.
        listing = Merging.look(request, buckets, asked, now=now, whole=True)
    if listing is None or listing.pending or listing.problem or not listing.rows:
        return HttpResponseRedirect(address(reverse("jobs:merged"), asked.canonical))
    at, zone, found = listing.as_of, asked.view.zone, listing.found
    goes_on = bool(found.next) or asked.view.is_continuation
    head = {
        "buckets": twins.merged_buckets(buckets, found),
        "filter": asked.filter.params(),
        "summary": asked.summary,
        "scope": "loaded",
        "list_goes_on": goes_on,
        "jobs": listing.unique,
        "as_of": at.isoformat(timespec="seconds"),
    }
    scope = loaded_scope(listing.unique, is_whole=listing.is_known_whole, goes_on=goes_on)
    sentence = told(f"{scope}, {as_of(at, zone)}", asked.summary, _names(buckets), _doubts(listing))
    return as_file(
        form,
        [row for _bucket, row in listing.rows],
        name=file_name(f"{len(buckets)}-buckets", "loaded", listing.unique, at),
        told=sentence,
        head=head,
        zone=zone,
        owners=[bucket.name for bucket, _row in listing.rows],
    )


def _doubts(listing: Merging) -> list[str]:
    """Return the sentences about buckets whose jobs are not in the file, and about those of which some may not be."""
    found = listing.found
    there = {bucket.pk for bucket, _row in listing.rows}
    out = {place.bucket.pk for place in found.begin if place.out} | {bucket.pk for bucket in found.lost} - there
    partly = {bucket.pk for bucket in (*found.lost, *found.doubtful)} - out
    said = ((_("without %(buckets)s"), out), (_("jobs of %(buckets)s may be missing"), partly))
    named = ((sentence, [bucket for bucket in listing.buckets if bucket.pk in keys]) for sentence, keys in said)
    return [sentence % {"buckets": _names(buckets)} for sentence, buckets in named if buckets]


def _names(buckets: Iterable[Bucket]) -> str:
    return joined(bucket.name for bucket in buckets)
