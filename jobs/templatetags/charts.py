"""What a list's loaded jobs say: bars beside their numbers, columns over time, what is odd about a job and by which numbers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django import template
from django.utils.translation import gettext, ngettext

from jobs.details.scale import percent
from jobs.filters.times import local_text, write_time
from jobs.filters.words import ODD_WORDS
from jobs.templatetags.jobs import duration, list_path, name_of, namespace_of
from jobs.templatetags.markup import fill, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.template import Context
    from django.utils.safestring import SafeString

    from jobs.filters import InsightRequest
    from jobs.insight import Column, Odd, Span

register = template.Library()

HEIGHT = 100


@register.simple_tag
def odd_badge(odd: Odd) -> SafeString:
    """Say in which way a job is odd."""
    return fill('<span class="state" data-tone="warn">{}</span>', str(ODD_WORDS[odd.why]))


@register.simple_tag
def odd_numbers(odd: Odd) -> SafeString:
    """Tell the numbers behind an odd job: how long it took, and others of its kind; nothing where it is odd by itself."""
    if odd.took is None or odd.usual is None:
        return fill("")
    median = ngettext("median of %(jobs)d finished job", "median of %(jobs)d finished jobs", odd.finished)
    return fill(
        '<span class="small soft">{}; {} {} ({})</span>',
        duration(odd.took),
        gettext("usual:"),
        duration(odd.usual),
        median % {"jobs": odd.finished},
    )


@register.simple_tag
def bar(count: int, most: int) -> SafeString:
    """Draw a bar as long as `count` is of `most`; the number stands beside it, so nothing is said here."""
    share = percent(count / most * 100 if most else 0.0)
    return fill(
        '<svg class="bar" width="100%" height="12" aria-hidden="true"><rect width="{}" height="12" rx="2"/></svg>',
        share,
    )


@register.simple_tag(takes_context=True)
def columns(context: Context, created: Sequence[Column]) -> SafeString:
    """Draw when jobs were created, each column a link to the list of just those.

    Args:
        context: its `asked` is the list, `bucket` whose, "" for that of several, `zone` the page's.
        created: the columns.
    """
    asked, zone = context["asked"], context["zone"]
    path = list_path(namespace_of(context), name_of(context["bucket"]))
    most = max((column.count for column in created), default=0)
    drawn = []
    for place, column in enumerate(created):
        if not column.count:
            continue
        last = column.end - timedelta(seconds=1)
        query = asked.query(startCreationTime=write_time(column.begin), endCreationTime=write_time(last))
        height, failed = column.count / most * HEIGHT, column.failed / most * HEIGHT
        told = _told(column.count, column.failed)
        label = f"{local_text(column.begin, zone)} – {local_text(last, zone)}: {told}"
        drawn.append(
            fill(
                '<a href="{}?{}" aria-label="{}"><title>{}</title><rect class="hit" x="{}" width="1" height="{}"/>'
                '<rect x="{}.1" y="{}" width=".8" height="{}"/><rect data-tone="bad" x="{}.1" y="{}" width=".8" height="{}"/></a>',
                path, query, label, label, str(place), str(HEIGHT),
                str(place), f"{HEIGHT - height:.2f}", f"{height:.2f}",
                str(place), f"{HEIGHT - failed:.2f}", f"{failed:.2f}",
            )
        )  # fmt: skip
    return fill(
        '<svg class="columns" viewBox="0 0 {} {}" preserveAspectRatio="none" role="group" aria-label="{}">{}</svg>',
        str(max(1, len(created))), str(HEIGHT), gettext("Jobs by the time of their creation"), joined(drawn),
    )  # fmt: skip


def _told(jobs: int, failed: int) -> str:
    told = ngettext("%(count)d job", "%(count)d jobs", jobs) % {"count": jobs}
    if not failed:
        return told
    return gettext("%(jobs)s, %(failed)d of them failed") % {"jobs": told, "failed": failed}


@register.simple_tag
def insight_query(asked: InsightRequest, **wanted: str) -> str:
    """Return the query of the page about a list's loaded jobs, with some of them shown."""
    return asked.narrowed(**wanted)


@register.filter
def span_label(span: Span) -> str:
    """Return the bounds of a run time in words: “1 min to 5 min”."""
    if span.below is None:
        return gettext("%(least)s and longer") % {"least": _length(span.least)}
    if not span.least:
        return gettext("under %(below)s") % {"below": _length(span.below)}
    return gettext("%(least)s to %(below)s") % {"least": _length(span.least), "below": _length(span.below)}


def _length(seconds: int) -> str:
    for pattern, unit in (
        (gettext("%(count)d d"), 86400),
        (gettext("%(count)d h"), 3600),
        (gettext("%(count)d min"), 60),
    ):
        if seconds >= unit:
            return pattern % {"count": seconds // unit}
    return gettext("%(count)d s") % {"count": seconds}
