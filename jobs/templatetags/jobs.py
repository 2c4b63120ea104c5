"""How jobs are told in templates: the one way a time is rendered, durations, states, kinds, and every filter link."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote
from zoneinfo import ZoneInfo

from django import template
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.http import RFC3986_SUBDELIMS
from django.utils.translation import get_language, gettext, ngettext, pgettext
from django.utils.translation import gettext_lazy as _

from jobs.cloudinfinite.names import valid_job_id
from jobs.filters import TABS, JobFilter, View, job_query, list_query
from jobs.filters.times import default_zone, local_text
from jobs.filters.words import KINDS, STATES
from jobs.templatetags.markup import fill

if TYPE_CHECKING:
    from django.template import Context
    from django.utils.safestring import SafeString

    from jobs.filters import ListRequest
    from jobs.models import Bucket

register = template.Library()

UNQUOTED = RFC3986_SUBDELIMS + "~:@"
"""Characters that stay as they are in a part of a path, as Django's `reverse` leaves them."""


@dataclass(frozen=True, slots=True)
class Badge:
    """How a state looks: a tone of the style sheet, and a shape of 16 × 16 that tells it apart without colour."""

    tone: str
    shape: str


BADGES = {
    "Submitted": Badge("calm", "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M8 5v3.2l2 1.3"),  # a clock
    "Running": Badge("accent", "M5 3v10l8-5z"),  # play
    "Success": Badge("good", "M3 8.5l3.3 3.3L13 4.5"),  # a tick
    "Failed": Badge("bad", "M4 4l8 8M12 4l-8 8"),  # a cross
    "Pause": Badge("warn", "M5.5 3v10M10.5 3v10"),  # two bars
    "Cancel": Badge("violet", "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M4.2 11.8l7.6-7.6"),  # a barred circle
}
UNKNOWN = Badge("calm", "M8 2l6 6l-6 6l-6-6z")  # a diamond


@register.simple_tag(takes_context=True)
def time(context: Context, value: datetime | None, written: object = "") -> SafeString:
    """Render a time in the page's `zone`; its title holds the zone, UTC and what upstream wrote.

    Args:
        context: its `zone` is a ZoneInfo; without one TIME_ZONE is meant.
        value: an aware time, or None where there is none.
        written: upstream's own text; a node that is no text says nothing.
    """
    return time_html(value, written, context.get("zone") or default_zone(), get_language())


def time_html(value: datetime | None, written: object, zone: ZoneInfo, language: str | None) -> SafeString:
    """Render a time in `zone`; the other arguments are those of `time`, and the language in force.

    Asking for the language takes longer than all else here, so who renders many asks once. So it is below.
    """
    text = written.strip() if isinstance(written, str) else ""
    if value is None:
        # Upstream prints "-" or nothing for a time that hasn't come; anything else is shown as it stands.
        return fill('<span class="t">{}</span>', text) if text.strip("-") else _dash(language)
    shown = local_text(value, zone)
    utc = local_text(value, UTC)
    title = f"{shown} {zone.key}\n{utc} UTC"
    if text:
        title += "\n" + _wrote(language) % {"text": text}
    return fill('<time class="t" datetime="{}Z" title="{}">{}</time>', utc.replace(" ", "T"), title, shown)


@register.simple_tag
def duration(value: timedelta | None) -> SafeString:
    """Render a length of time by its two greatest units; its title holds the exact seconds."""
    return duration_html(value, get_language())


def duration_html(value: timedelta | None, language: str | None) -> SafeString:
    """Render a length of time, as `duration`, in the language in force."""
    return _dash(language) if value is None else _duration(round(value.total_seconds()), language)


@lru_cache(maxsize=4096)
def _duration(seconds: int, _language: str | None) -> SafeString:
    # Most durations on a list are short, and so the same few.
    exact = ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    return format_html('<span class="t" title="{}">{}</span>', exact, _duration_text(seconds))


@register.simple_tag
def state_badge(state: str) -> SafeString:
    """Render a state by shape and word, and by colour last. An unknown state keeps its own text."""
    return badge_html(state, get_language())


def badge_html(state: str, language: str | None) -> SafeString:
    """Render a state, as `state_badge`, in the language in force."""
    return _known_badge(state, language) if state in BADGES else _badge(state)


@lru_cache(maxsize=64)
def _known_badge(state: str, _language: str | None) -> SafeString:
    # A list shows the same six a hundred times.
    return _badge(state)


def _badge(state: str) -> SafeString:
    badge = BADGES.get(state, UNKNOWN)
    return format_html(
        '<span class="state" data-tone="{}"><svg class="icon" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">'
        '<path d="{}"/></svg>{}</span>',
        badge.tone,
        badge.shape,
        STATES.get(state) or state or _("no state"),
    )


@register.simple_tag
def kind_label(kind: str) -> str:
    """Return what people call a kind of job. An unknown one keeps its own text."""
    return kind_text(kind, get_language())


def kind_text(kind: str, language: str | None) -> str:
    """Return a kind's label, as `kind_label`, in the language in force."""
    return _known_kind(kind, language) if kind in KINDS else kind


@lru_cache(maxsize=64)
def _known_kind(kind: str, _language: str | None) -> SafeString:
    return escape(str(KINDS[kind]))


@register.simple_tag(takes_context=True)
def list_url(
    context: Context,
    bucket: Bucket | str,
    asked: ListRequest | None = None,
    *,
    query: str | None = None,
    **changes: str,
) -> str:
    """Return the address of a job list, inside the frame where the page is inside it.

    Args:
        context: its `embedded` says where the page stands; `view` or else `zone` is what a bare address keeps.
        bucket: the bucket or its name, "" for the list of several.
        asked: what the page shows; then `changes` change its filter.
        query: a query that is made already, such as a chip's.
        changes: parameters under the API's names; "" takes one away.
    """
    if query is None and asked is not None:
        query = asked.query(**changes)
    elif query is None:
        view = view_of(context)
        query = list_query(JobFilter().changed(tz=view.zone.key, **changes), view)
    path = list_path(namespace_of(context), name_of(bucket))
    return f"{path}?{query}" if query else path


@register.simple_tag(takes_context=True)
def job_url(context: Context, bucket: Bucket | str, job_id: str, part: str = "") -> str:
    """Return the address of a job or of a part of it, "" for what can be no job id.

    Args:
        context: as for `list_url`.
        bucket: the bucket or its name.
        job_id: upstream's text.
        part: `operation`, `output`, `time-interval`, `input` or `raw`.
    """
    path = job_path(job_folder(namespace_of(context), name_of(bucket)), job_id)
    query = job_query(view_of(context))
    return f"{path}{part}{'/' if part else ''}{'?' if query else ''}{query}" if path else ""


@register.simple_tag(takes_context=True)
def part_url(context: Context, bucket: Bucket | str, job_id: str, part: str = "") -> str:
    """Return the address of a part of a job where the reader looks at it: the job's page, or the drawer beside a list.

    Args:
        context: as for `list_url`; its `drawer` is the list beside which the drawer is open.
        bucket: the bucket or its name.
        job_id: upstream's text.
        part: as for `job_url`; the first one where it is "".
    """
    drawer = context.get("drawer")
    if drawer is None:
        return job_url(context, bucket, job_id, part)
    query = drawer.drawer_query(job_id, part or TABS[0], bucket=name_of(bucket))
    return list_url(context, "" if drawer.is_merged else bucket, query=query)


def job_path(folder: str, job_id: str) -> str:
    """Return the path of a job's page below its bucket's folder, "" for what can be no job id."""
    return f"{folder}{quote(job_id, safe=UNQUOTED)}/" if valid_job_id(job_id) else ""


@lru_cache(maxsize=1024)
def list_path(namespace: str, bucket: str) -> str:
    """Return the path of a bucket's list, of that of several where it is "". A page names it thirty times, and reversing it is slow."""
    return reverse(f"{namespace}:job_list", args=[bucket]) if bucket else reverse("jobs:merged")


@lru_cache(maxsize=1024)
def job_folder(namespace: str, bucket: str) -> str:
    """Return the path below which a bucket's jobs have their pages. Reversing it for each row took most of its time."""
    return reverse(f"{namespace}:job", args=[bucket, "x"]).removesuffix("x/")


def _duration_text(seconds: int) -> str:
    """Return a length of time in words, by its two greatest units: “3 min 20 s”."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return pgettext("duration", "%(days)d d %(hours)d h") % {"days": days, "hours": hours % 24}
    if hours:
        return pgettext("duration", "%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes % 60}
    if minutes:
        return pgettext("duration", "%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": seconds % 60}
    return pgettext("duration", "%(seconds)d s") % {"seconds": seconds}


@lru_cache(maxsize=16)
def _wrote(_language: str | None) -> str:
    return gettext("Cloud Infinite wrote %(text)s")


@lru_cache(maxsize=16)
def _dash(_language: str | None) -> SafeString:
    return format_html(
        '<span class="t"><span aria-hidden="true">–</span><span class="visually-hidden">{}</span></span>', _("none")
    )


@register.simple_tag
def settled(template_name: str) -> SafeString:
    """Render a template in which nothing changes but the language, once for each language."""
    return _settled(template_name, get_language())


@lru_cache(maxsize=32)
def _settled(template_name: str, _language: str | None) -> SafeString:
    return render_to_string(template_name)


def view_of(context: Context) -> View:
    """Return zone and language that a link keeps. Rows are rendered for every reader, so they know the zone alone."""
    view = context.get("view")
    if isinstance(view, View):
        return view.first()
    zone = context.get("zone")
    return View(tz=zone.key) if isinstance(zone, ZoneInfo) else View()


def namespace_of(context: Context) -> str:
    """Return the namespace in which links stay."""
    return "embed" if context.get("embedded") else "jobs"


def name_of(bucket: Bucket | str) -> str:
    """Return a bucket's name, "" for several."""
    return bucket if isinstance(bucket, str) else bucket.name
