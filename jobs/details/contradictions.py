"""What in a job does not fit together, in words. CI prints such jobs; they are shown, and nothing is computed from them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from jobs.cloudinfinite.schema import STATES, TYPES, parse_time
from jobs.cloudinfinite.tree import text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from jobs.cloudinfinite.schema import Job

SLACK = timedelta(seconds=5)
"""How far a creation may lie ahead of CI's time before it counts as in the future; clocks differ a little."""
_TIMES = ("CreationTime", "StartTime", "EndTime")


def contradictions(job: Job, as_of: datetime) -> tuple[str, ...]:
    """Return what doesn't fit together, in the reader's language.

    Args:
        job: the job.
        as_of: CI's time when it was read.
    """
    return (*_of_words(job), *_of_state(job), *_of_order(job, as_of))


def odd_times(job: Job, as_of: datetime) -> frozenset[str]:
    """Return which of "created", "started" and "ended" can't be true beside the others, so that a drawing marks them."""
    created, started, ended = job.creation_time, job.start_time, job.end_time
    odd: set[str] = set()
    if created and created > as_of + SLACK:
        odd.add("created")
    if started and (job.state == "Submitted" or (created and started < created)):
        odd.add("started")
    if ended and (
        (job.state in STATES and not job.is_final) or any(time and ended < time for time in (created, started))
    ):
        odd.add("ended")
    return frozenset(odd)


def _of_words(job: Job) -> Iterator[str]:
    if not job.state:
        yield _("No state is given.")
    elif job.state not in STATES:
        yield _("“%(state)s” is a state that the documents don't know.") % {"state": job.state}
    if job.type and job.type not in TYPES:
        yield _("“%(type)s” is a kind that the documents don't know.") % {"type": job.type}
    for name in _TIMES:
        written = (text(job.tree, name) or "").strip()
        if written not in {"", "-"} and parse_time(written) is None:
            yield _("%(name)s reads “%(text)s”, which is no time.") % {"name": name, "text": written[:100]}


def _of_state(job: Job) -> Iterator[str]:
    state = {"state": job.state}
    if job.end_time and job.state in STATES and not job.is_final:
        yield _("The state is %(state)s, yet an end time is given. Cloud Infinite does this at times; the end is not counted.") % state  # fmt: skip
    if job.state == "Running" and job.start_time is None:
        yield _("The state is Running, yet no start time is given. Cloud Infinite does this at times.")
    if job.state == "Submitted" and job.start_time:
        yield _("The state is Submitted, yet a start time is given.")
    if job.state == "Success" and job.start_time is None:
        yield _("The state is Success, yet no start time is given.")
    if job.is_final and job.end_time is None:
        yield _("The state is %(state)s, yet no end time is given.") % state
    if job.state == "Failed" and job.code in {"", "Success"}:
        yield _("The state is Failed, yet no error code is given.")


def _of_order(job: Job, as_of: datetime) -> Iterator[str]:
    created, started, ended = job.creation_time, job.start_time, job.end_time
    if created and started and started < created:
        yield _("It started before it was created.")
    if started and ended and ended < started:
        yield _("It ended before it started.")
    elif created and ended and ended < created:
        yield _("It ended before it was created.")
    if created and created > as_of + SLACK:
        yield _("It was created later than Cloud Infinite's own clock says it is now.")
