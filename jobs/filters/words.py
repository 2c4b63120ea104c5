"""The words of filters: labels of states, kinds and parameters, and the sentence that says what a list shows.

Whole phrases with named places, so that a translation may put them in another order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext, ngettext, npgettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from . import ranges
from .times import local_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from django.utils.functional import _StrPromise

    from jobs.insight import Why

    from .filter import JobFilter

STATES: dict[str, _StrPromise] = {
    "Submitted": pgettext_lazy("state", "Submitted"),
    "Running": pgettext_lazy("state", "Running"),
    "Success": pgettext_lazy("state", "Success"),
    "Failed": pgettext_lazy("state", "Failed"),
    "Pause": pgettext_lazy("state", "Paused"),
    "Cancel": pgettext_lazy("state", "Cancelled"),
}
ADJECTIVES: dict[str, _StrPromise] = {
    "Submitted": pgettext_lazy("state of jobs, inside a sentence", "submitted"),
    "Running": pgettext_lazy("state of jobs, inside a sentence", "running"),
    "Success": pgettext_lazy("state of jobs, inside a sentence", "successful"),
    "Failed": pgettext_lazy("state of jobs, inside a sentence", "failed"),
    "Pause": pgettext_lazy("state of jobs, inside a sentence", "paused"),
    "Cancel": pgettext_lazy("state of jobs, inside a sentence", "cancelled"),
}
ODD_WORDS: dict[Why, _StrPromise] = {
    "waits": _("waits long"),
    "runs": _("runs long"),
    "quick": _("done very fast: empty scan?"),
    "ended": _("runs, but has an end"),
}
"""Ways in which a job is odd among others."""
KINDS: dict[str, _StrPromise] = {
    "Workflow": pgettext_lazy("kind of job", "Workflow"),
    "Job": pgettext_lazy("kind of job", "Job"),
}
ORDERS: dict[str, _StrPromise] = {"Desc": _("Newest first"), "Asc": _("Oldest first")}
PARAMETERS: dict[str, _StrPromise] = {
    "type": _("Kind"),
    "states": _("State"),
    "name": _("Name"),
    "jobId": _("Job id"),
    "workflowId": _("Workflow id"),
    "startCreationTime": _("Created from"),
    "endCreationTime": _("Created until"),
    "orderByTime": _("Order"),
    "size": _("Rows per page"),
    "nextToken": _("Next token"),
    "range": _("Created"),
}


def range_label(written: str) -> str:
    """Return a range as a choice of its own: “Last 24 hours”, “Today”."""
    if relative := ranges.split(written):
        count, unit = relative
        return {
            "m": npgettext("range", "Last %(count)d minute", "Last %(count)d minutes", count),
            "h": npgettext("range", "Last %(count)d hour", "Last %(count)d hours", count),
            "d": npgettext("range", "Last %(count)d day", "Last %(count)d days", count),
            "w": npgettext("range", "Last %(count)d week", "Last %(count)d weeks", count),
        }[unit] % {"count": count}
    return {
        "today": pgettext("range", "Today"),
        "yesterday": pgettext("range", "Yesterday"),
        "this-week": pgettext("range", "This week"),
        "this-month": pgettext("range", "This month"),
    }[written]


def moment_label(text: str, zone: str) -> str:
    """Return a time or a day with the zone it is told in."""
    return gettext("%(time)s (%(zone)s)") % {"time": text, "zone": zone}


def sentence(job_filter: JobFilter, zone: ZoneInfo) -> str:
    """Return in one sentence what the filter asks for; times are told in `zone`."""
    parts = {
        "jobs": _jobs(job_filter),
        "conditions": pgettext("between conditions", " ").join(_conditions(job_filter)),
        "created": _created(job_filter, zone),
        "order": gettext("newest first") if job_filter.order == "Desc" else gettext("oldest first"),
    }
    if parts["conditions"] and parts["created"]:
        whole = gettext("%(jobs)s %(conditions)s, %(created)s, %(order)s") % parts
    elif parts["conditions"]:
        whole = gettext("%(jobs)s %(conditions)s, %(order)s") % parts
    elif parts["created"]:
        whole = gettext("%(jobs)s, %(created)s, %(order)s") % parts
    else:
        whole = gettext("%(jobs)s, %(order)s") % parts
    return whole[:1].upper() + whole[1:]


def listed(words: Sequence[str]) -> str:
    """Return words as a list inside a sentence: “a, b and c”."""
    if len(words) < 2:
        return "".join(words)
    return gettext("%(first)s and %(last)s") % {
        "first": pgettext("between words of a list", ", ").join(words[:-1]),
        "last": words[-1],
    }


def _jobs(job_filter: JobFilter) -> str:
    if not job_filter.states:
        return {
            "": gettext("all jobs"),
            "Job": gettext("all jobs of kind Job"),
            "Workflow": gettext("all jobs of kind Workflow"),
        }[job_filter.type]
    states = listed([str(ADJECTIVES[state]) for state in job_filter.states])
    return {
        "": gettext("%(states)s jobs"),
        "Job": gettext("%(states)s jobs of kind Job"),
        "Workflow": gettext("%(states)s jobs of kind Workflow"),
    }[job_filter.type] % {"states": states}


def _conditions(job_filter: JobFilter) -> list[str]:
    phrases = [
        (job_filter.name, gettext("named “%(value)s”")),
        (job_filter.job_id, gettext("with the id %(value)s")),
        (job_filter.workflow_id, gettext("of workflow %(value)s")),
    ]
    return [phrase % {"value": value} for value, phrase in phrases if value]


def _created(job_filter: JobFilter, zone: ZoneInfo) -> str:
    if relative := ranges.split(job_filter.range):
        count, unit = relative
        return {
            "m": ngettext("created in the last %(count)d minute", "created in the last %(count)d minutes", count),
            "h": ngettext("created in the last %(count)d hour", "created in the last %(count)d hours", count),
            "d": ngettext("created in the last %(count)d day", "created in the last %(count)d days", count),
            "w": ngettext("created in the last %(count)d week", "created in the last %(count)d weeks", count),
        }[unit] % {"count": count}
    if job_filter.range:
        return {
            "today": gettext("created today (%(zone)s)"),
            "yesterday": gettext("created yesterday (%(zone)s)"),
            "this-week": gettext("created this week (%(zone)s)"),
            "this-month": gettext("created this month (%(zone)s)"),
        }[job_filter.range] % {"zone": job_filter.zone}
    start, end = (local_text(time, zone) if time else "" for time in (job_filter.start, job_filter.end))
    values = {"start": start, "end": end, "zone": zone.key}
    if start and end:
        return gettext("created from %(start)s to %(end)s (%(zone)s)") % values
    if start:
        return gettext("created from %(start)s on (%(zone)s)") % values
    return gettext("created until %(end)s (%(zone)s)") % values if end else ""
