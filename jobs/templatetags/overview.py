"""The lines of the overview. They are put together here, not in a template, as a list's rows are (`rows.py`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from django import template
from django.urls import reverse
from django.utils.translation import get_language, gettext, ngettext

from jobs.filters import JobFilter, list_query
from jobs.filters.queries import encode
from jobs.filters.times import local_text
from jobs.filters.words import STATES
from jobs.insight import COUNTED, SLOTS
from jobs.regions import region_name
from jobs.templatetags.jobs import BADGES, duration_html, list_path, time_html, view_of
from jobs.templatetags.markup import fill, joined

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from django.template import Context
    from django.utils.safestring import SafeString

    from jobs.filters import OverviewRequest, View
    from jobs.insight import Summary
    from jobs.overview import Line

register = template.Library()

NOTHING = fill("")
SWAPPED = fill(' hx-swap-oob="true"')
WAITING = fill('<span class="bone"></span>')
OLD = fill(' class="old"')

LINE = """
<tr id="line-{}"{}{}>
<th scope="row"><a id="line-{}-all" href="{}{}">{}</a> <span class="where">{}{}</span></th>
{}
<td class="told">{}</td>
</tr>"""
FACTS = """{}
<td class="age" data-label="{}">{}</td>
<td class="age" data-label="{}">{}</td>
<td class="failure">{}{}</td>
<td class="strip">{}</td>"""
UNREADABLE = '<td class="failure" colspan="8">{}</td>'
"""What stands in place of all facts."""
ZERO = fill('<span class="none">0</span>')
COUNT = '<td class="count" data-label="{}" data-state="{}">{}</td>'
LINK = '<a id="line-{}-{}" href="{}{}">{}</a>'
HEIGHT = 20
AGES_EVERY = 10
"""Seconds in steps of which it is told how long jobs wait and run."""


@register.simple_tag
def overview_url(asked: OverviewRequest, **changes: str) -> str:
    """Return the address of the overview that is asked for, with parameters changed; "" takes one away."""
    query = asked.query(**changes)
    return f"{reverse('jobs:overview')}{'?' if query else ''}{query}"


@register.simple_tag(takes_context=True)
def bucket_lines(context: Context, lines: Iterable[Line], *, swapped: bool = False) -> SafeString:
    """Render the overview's rows.

    Args:
        context: its `question` is what each bucket was asked, its `now` CI's unix time, its `zone` that of the page.
        lines: what is known of each bucket.
        swapped: whether each takes the place of the row with its id.
    """
    moment = context["now"] // AGES_EVERY * AGES_EVERY
    pen = _pen(context["question"], view_of(context), moment, context["zone"], get_language())
    mark = SWAPPED if swapped else NOTHING
    return joined([pen.line(line, mark) for line in lines])


@lru_cache(maxsize=32)
def _pen(question: JobFilter, view: View, now: float, zone: ZoneInfo, language: str | None) -> _Pen:
    return _Pen(question, view, now, zone, language)


@lru_cache(maxsize=1024)
def _columns(slots: tuple[tuple[int, ...], ...]) -> tuple[SafeString, int, int]:
    """Draw the columns of a line, one path for each state; return the highest column's jobs and place, too.

    A line is told again and again before it changes, and drawing it takes longer than all else of it.
    """
    together = [sum(counts) for counts in zip(*slots, strict=True)]
    most = max(together)
    base = [0.0] * SLOTS
    paths = []
    for state, counts in zip(COUNTED, slots, strict=True):
        drawn = []
        for slot, count in enumerate(counts):
            if count:
                height = count / most * HEIGHT
                drawn.append(f"M{slot} {HEIGHT - base[slot]:.1f}h.8v-{height:.1f}h-.8")
                base[slot] += height
        if drawn:
            paths.append(fill('<path data-tone="{}" d="{}"/>', BADGES[state].tone, "".join(drawn)))
    return joined(paths), most, together.index(most)


class _Pen:
    """Writes lines as they are told at one moment: whoever looks at the same moment gets what is written already."""

    def __init__(self, question: JobFilter, view: View, now: float, zone: ZoneInfo, language: str | None) -> None:
        self._question, self._view, self._now, self._zone, self._language = question, view, now, zone, language
        self._written: dict[tuple[object, ...], SafeString] = {}
        self._states = {state: fill("{}", str(STATES[state])) for state in COUNTED}
        self._waiting, self._running = fill("{}", gettext("oldest waiting")), fill("{}", gettext("longest running"))
        plain = list_query(JobFilter(), self._view)
        self._plain = fill("?{}", plain) if plain else NOTHING  # a bucket opens unfiltered
        self._queries = {state: self._query(states=state, range=self._question.range) for state in COUNTED}
        self._oldest = {
            state: self._query(states=state, range=self._question.range, orderByTime="Asc")
            for state in ("Submitted", "Running")
        }

    def _query(self, **wanted: str) -> SafeString:
        return fill("?{}", list_query(JobFilter.from_params(wanted), self._view))

    def line(self, line: Line, mark: SafeString) -> SafeString:
        bucket = line.bucket
        key = (
            bucket.pk,
            bucket.name,
            bucket.label,
            bucket.region,
            line.as_of,
            line.problem,
            line.pending,
            line.old,
            mark,
        )
        if key not in self._written:
            self._written[key] = self._line(line, mark)
        return self._written[key]

    def _line(self, line: Line, mark: SafeString) -> SafeString:
        bucket, pk = line.bucket, fill("{}", str(line.bucket.pk))
        path = fill("{}", list_path("jobs", bucket.name))
        region = region_name(bucket.region)
        return fill(
            LINE,
            pk,
            OLD if line.old else NOTHING,
            mark,
            pk,
            path,
            self._plain,
            bucket.label or bucket.name,
            fill("<code>{}</code> · ", bucket.name) if bucket.label else NOTHING,
            fill('<span title="{}">{}</span>', bucket.region, region)
            if region
            else fill("<code>{}</code>", bucket.region),
            self._facts(line, path, pk),
            self._told(line),
        )

    def _facts(self, line: Line, path: SafeString, pk: SafeString) -> SafeString:
        summary, trouble = line.summary, self._trouble(line, path, pk)
        if summary is None and trouble and not line.pending:
            return fill(UNREADABLE, trouble)
        nothing = WAITING if line.pending else NOTHING
        return fill(
            FACTS,
            joined([self._count(state, summary, path, pk, nothing) for state in COUNTED]),
            self._waiting,
            self._age("Submitted", summary, path, pk) if summary else nothing,
            self._running,
            self._age("Running", summary, path, pk) if summary else nothing,
            trouble,
            self._failure(summary, path, pk) if summary else nothing,
            self._strip(summary) if summary else nothing,
        )

    def _count(
        self, state: str, summary: Summary | None, path: SafeString, pk: SafeString, nothing: SafeString
    ) -> SafeString:
        if summary is None:
            return fill(COUNT, self._states[state], state, nothing)
        number = f"{summary.counts[state]}{'+' if summary.is_least else ''}"
        if number == "0":
            return fill(COUNT, self._states[state], state, ZERO)
        link = fill(LINK, pk, state, path, self._queries[state], number)
        return fill(COUNT, self._states[state], state, link)

    def _age(self, state: str, summary: Summary, path: SafeString, pk: SafeString) -> SafeString:
        one = summary.waiting if state == "Submitted" else summary.running
        if one is None:
            return duration_html(None, self._language)
        age = duration_html(timedelta(seconds=max(0.0, self._now - one.at)), self._language)
        told = fill("≥ {}", age) if summary.is_least else age
        return fill(LINK, pk, f"oldest-{state}", path, self._oldest[state], told)

    def _failure(self, summary: Summary, path: SafeString, pk: SafeString) -> SafeString:
        failure = summary.failure
        if failure is None:
            return NOTHING
        at = datetime.fromtimestamp(failure.at, UTC)
        beside = fill("{}&amp;{}", self._queries["Failed"], encode([("job", failure.job_id)]))
        link = fill(LINK, pk, "failure", path, beside, failure.code or gettext("without a code"))
        return fill(
            '{} {}<p title="{}"><bdi>{}</bdi></p>',
            link, time_html(at, "", self._zone, self._language), failure.message, failure.message,
        )  # fmt: skip

    def _strip(self, summary: Summary) -> SafeString:
        """Draw when the jobs were created: a column for each part of the stretch, the states one on the other."""
        paths, most, place = _columns(tuple(summary.slots[state] for state in COUNTED))
        if not most:
            return NOTHING
        begin = self._question.window(datetime.fromtimestamp(self._now, UTC))[0]
        span = self._now - begin.timestamp() if begin else 0.0
        at = local_text(datetime.fromtimestamp(self._now - span * (1 - place / SLOTS), UTC), self._zone)
        label = ngettext(
            "most were created around %(time)s: %(count)d job",
            "most were created around %(time)s: %(count)d jobs",
            most,
        ) % {"time": at, "count": most}
        return fill(
            '<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}"><title>{}</title>{}</svg>',
            str(SLOTS), str(HEIGHT), label, label, paths,
        )  # fmt: skip

    def _trouble(self, line: Line, path: SafeString, pk: SafeString) -> SafeString:
        if line.problem is None:
            return NOTHING
        link = fill(LINK, pk, "trouble", path, self._plain, str(line.problem.title))
        return fill('<p class="trouble">{} <code>{}</code></p>', link, line.problem.code)

    def _told(self, line: Line) -> SafeString:
        if line.as_of is None:
            return fill('<span class="soft">{}</span>', gettext("asking …")) if line.pending else NOTHING
        return time_html(datetime.fromtimestamp(line.as_of, UTC), "", self._zone, self._language)
