"""The list of several buckets' jobs in one: page, the rows that a sentinel gets, JSON twin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from jobs import access, filters, merge, twins
from jobs.filters import ParameterError
from jobs.filters.reading import MOST_MERGED
from jobs.filters.values import listed as joined
from jobs.filters.values import shortened
from jobs.merge import Merged, Place
from jobs.views.responses import address, as_html, as_twin, ci_time, fragment_target, listed, reader_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.contrib.auth.models import AnonymousUser, User
    from django.http import HttpRequest

    from jobs.filters import MergedRequest
    from jobs.models import Bucket
    from jobs.problems import Problem


@dataclass(frozen=True)
class MergedList:
    """What one look at a merged list has brought, in the terms its template and its twin need."""

    asked: MergedRequest
    buckets: Sequence[Bucket]
    found: Merged

    @property
    def names(self) -> list[str]:
        """The names of its buckets, in the order of the address."""
        return [bucket.name for bucket in self.buckets]

    @property
    def next_query(self) -> str:
        """The query of the page that follows, "" at the end."""
        if self.found.next is None:
            return ""
        places = [(None if place.out else place.pin, place.taken) for place in self.found.next]
        return self.asked.merged_query(self.names, places)

    @property
    def first_query(self) -> str:
        """The query of the newest first page."""
        return self.asked.merged_query()

    @property
    def again_in(self) -> str:
        """When to ask again, for htmx, which takes milliseconds."""
        return f"{round((self.found.again or 1) * 1000)}ms"

    @property
    def as_of(self) -> datetime | None:
        """When the oldest of its pages was asked for."""
        return None if self.found.as_of is None else datetime.fromtimestamp(self.found.as_of, UTC)

    @property
    def troubles(self) -> list[tuple[Bucket, Problem]]:
        """The buckets that can't be read now, and why."""
        return self._named(self.found.problems)

    @property
    def not_refreshed(self) -> list[tuple[Bucket, Problem]]:
        """The buckets whose rows are shown though they are out of date, and why they could not be refreshed."""
        return self._named(self.found.stale)

    def _named(self, problems: Mapping[str, Problem | None]) -> list[tuple[Bucket, Problem]]:
        return [(bucket, problem) for bucket in self.buckets if (problem := problems.get(bucket.name))]

    @property
    def status(self) -> int:
        """Our HTTP status: trouble only where every bucket is in trouble."""
        if self.found.again is not None:
            return 202
        if self.troubles and len(self.troubles) == len(self.buckets) and not self.found.rows:
            return self.troubles[0][1].status
        return 200

    @property
    def chips(self) -> list[tuple[filters.Chip, str]]:
        """The conditions that narrow the list, each with the query without it."""
        own = self.asked.merged_query()
        plain = filters.list_query(self.asked.filter, self.asked.view.first())
        before = own.removesuffix(plain).removesuffix("&")
        return [(chip, "&".join(filter(None, (before, chip.query_without)))) for chip in self.asked.chips]


@require_safe
@listed
def merged_list(request: HttpRequest, *, as_json: bool = False) -> HttpResponse:
    """Show one page of the jobs of several buckets, newest or oldest first."""
    asked = filters.parse_merged(request.GET, now=ci_time())
    buckets: list[Bucket] = []
    if not asked.errors:
        if not asked.is_canonical:
            return HttpResponseRedirect(address(request.path, asked.canonical))
        buckets, asked = chosen_buckets(request.user, asked)
    frame: dict[str, Any] = {
        "asked": asked,
        "here": request.get_full_path(),
        "view": asked.view,
        "zone": asked.view.zone,
        "fragment": fragment_target(request),
    }
    template = f"jobs/merged.html{'#rows' if fragment_target(request) == 'more' else ''}"
    if asked.errors:
        if as_json:
            return as_twin(request, twins.wrong(asked.errors), status=400)
        return as_html(request, template, frame, status=400)
    found = MergedList(asked, buckets, merge.look(_places(buckets, asked), asked.filter, reader=reader_of(request)))
    if as_json:
        following = address(request.path, found.next_query) if found.next_query else None
        body = twins.merged(found.asked, buckets, found.found, following) if found.status != 202 else twins.PENDING
        return as_twin(request, body, status=found.status, retry_after=found.found.again)
    return as_html(request, template, {**frame, "found": found}, status=found.status, retry_after=found.found.again)


def _places(buckets: Sequence[Bucket], asked: MergedRequest) -> list[Place]:
    if not asked.pins:
        return [Place(bucket) for bucket in buckets]
    return [
        Place(bucket, pin, taken, out=pin is None)
        for bucket, pin, taken in zip(buckets, asked.pins, asked.counts, strict=True)
    ]


def chosen_buckets(user: User | AnonymousUser, asked: MergedRequest) -> tuple[list[Bucket], MergedRequest]:
    """Return the buckets that are asked for, in order, and the request with what is wrong about them."""
    visible = access.visible_buckets(user)
    if asked.buckets:
        by_name = {bucket.name: bucket for bucket in visible.filter(name__in=asked.buckets)}
        if unknown := [name for name in asked.buckets if name not in by_name]:
            text = ngettext(
                "There is no such bucket, or you may not see it: %(names)s.",
                "There are no such buckets, or you may not see them: %(names)s.",
                len(unknown),
            )
            known = [name for name in asked.buckets if name in by_name]
            return [], _wrong(asked, "bucket", text % {"names": joined(map(shortened, unknown))}, known)
        return [by_name[name] for name in asked.buckets], asked
    chosen = [bucket for bucket in visible if asked.group in {"", bucket.label}]
    name = "group" if asked.group else "bucket"
    if not chosen:
        return [], _wrong(asked, name, _("No bucket that you may see has this label."), ())
    if len(chosen) > MOST_MERGED:
        text = _("At most %(most)s buckets can stand in one list; these are %(count)s.")
        return [], _wrong(asked, name, text % {"most": MOST_MERGED, "count": len(chosen)}, ())
    return chosen, asked


def _wrong(asked: MergedRequest, name: str, text: str, known: Iterable[str]) -> MergedRequest:
    names = tuple(known)
    without = replace(asked, group="" if name == "group" else asked.group).merged_query(names) if names else ""
    return replace(asked, errors={name: (ParameterError(text, "", "", without),)})
