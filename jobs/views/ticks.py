"""A tick of a live list: the rows that have changed, how many jobs are new, and how old all this is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from django.conf import settings
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from jobs import access, filters, live
from jobs.filters import Shown
from jobs.searches import Pending, Ready
from jobs.views.ages import age_below, age_patterns, age_text
from jobs.views.document import Document
from jobs.views.listing import Listing
from jobs.views.responses import as_html, ci_time, listed, namespace, reader_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest

    from jobs.live import Change, Tick
    from jobs.models import Bucket
    from jobs.problems import Problem


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
    watched = live.Watched(bucket, asked.view.pin, found.shown)
    (ticked,) = live.tick([watched], asked.filter, reader=reader_of(request))
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


@require_safe
@listed
def merged_tick(request: HttpRequest) -> HttpResponse:
    """Answer one tick of a merged list: those of its buckets that take part, together."""
    found = filters.parse_merged_live(request.GET, now=ci_time())
    asked = found.asked
    if not settings.LIVE_MIN_INTERVAL:
        raise Http404
    pins = {name: pin for name, (pin, _taken) in zip(asked.buckets, asked.view.places, strict=False) if pin}
    if asked.errors or not pins:
        return HttpResponse(status=400)
    visible = {bucket.name: bucket for bucket in access.visible_buckets(request.user).filter(name__in=pins)}
    if visible.keys() != pins.keys():
        raise Http404  # One of them is gone or may not be seen any more: the page loads anew, and says so.
    watched = [live.Watched(visible[name], pin, _of(name, found.shown)) for name, pin in pins.items()]
    ticks = live.tick(watched, asked.filter, reader=reader_of(request))
    ticked = MergedTick([one.bucket for one in watched], ticks, ci_time())
    context = {
        "asked": asked,
        "bucket": "",
        "ticked": ticked,
        "listing": ticked,
        "view": asked.view,
        "zone": asked.view.zone,
    }
    return as_html(request, "jobs/tick.html", context)


def _of(bucket: str, shown: Sequence[Shown]) -> list[Shown]:
    """Return the rows of one bucket. In a merged list a row is named by its bucket, too."""
    begins = f"{bucket}/"
    return [
        Shown(one.job_id.removeprefix(begins), one.state, one.created, one.left)
        for one in shown
        if one.job_id.startswith(begins)
    ]


@dataclass(frozen=True)
class MergedTick:
    """What one tick of several buckets has brought, in the terms of the templates of one bucket's; `now` is CI's unix time."""

    buckets: Sequence[Bucket]
    ticks: Sequence[Tick]
    now: float

    @property
    def ready(self) -> list[Ready]:
        """The newest first pages that are there."""
        return [one.head for one in self.ticks if isinstance(one.head, Ready)]

    @property
    def outcome(self) -> Literal["ready", "pending"]:
        """Whether there is anything to tell of."""
        return "ready" if self.ready else "pending"

    @property
    def changes(self) -> list[tuple[Bucket, Change]]:
        """The rows to show anew."""
        return [
            (bucket, change) for bucket, one in zip(self.buckets, self.ticks, strict=True) for change in one.changes
        ]

    @property
    def new(self) -> int:
        """How many jobs came since the list was opened."""
        return sum(one.new for one in self.ticks)

    @property
    def new_is_least(self) -> bool:
        """Whether there may be more."""
        return any(one.new_is_least for one in self.ticks)

    @cached_property
    def troubles(self) -> list[tuple[Bucket, Problem]]:
        """The buckets whose rows could not be refreshed, and why."""
        pairs = zip(self.buckets, self.ticks, strict=True)
        return [(bucket, problem) for bucket, one in pairs if (problem := _problem(one))]

    @property
    def problem(self) -> Problem | None:
        """What is wrong with all of them: then ticks become rarer. One bucket in trouble holds up no other."""
        return self.troubles[0][1] if len(self.troubles) == len(self.buckets) else None

    @property
    def apart(self) -> list[tuple[Bucket, Problem]]:
        """The buckets in trouble where others are not."""
        return [] if self.problem else self.troubles

    @property
    def stale(self) -> bool:
        """Whether any of it may have changed since."""
        return any(head.stale for head in self.ready) or bool(self.troubles)

    @property
    def as_of(self) -> datetime:
        """When the oldest of the pages was asked for."""
        return datetime.fromtimestamp(min(head.page.as_of for head in self.ready), UTC)

    @property
    def age_below(self) -> int:
        """As of `Listing`."""
        return age_below(self.now - self.as_of.timestamp())

    @property
    def age(self) -> str:
        """How old the oldest of the pages is, in words."""
        return age_text(self.age_below)

    @property
    def ages(self) -> list[tuple[str, int]]:
        """How ages are told."""
        return age_patterns()

    request_id = ""
    """Each bucket's answer has one of its own."""


def _problem(one: Tick) -> Problem | None:
    """Return why a bucket's newest first page could not be refreshed."""
    return None if isinstance(one.head, Pending) else one.head.problem
