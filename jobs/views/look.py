"""One look at a job, in the terms its template and its twin need: what is there, and what isn't and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from jobs import pages
from jobs.cloudinfinite.tree import text
from jobs.details import codes
from jobs.details.contradictions import contradictions
from jobs.details.operation import operation
from jobs.details.output import output
from jobs.details.raw import raw
from jobs.details.snippets import job_snippets
from jobs.details.source import sources
from jobs.details.time_interval import time_interval
from jobs.details.timeline import timeline
from jobs.filters import TABS
from jobs.searches import Failed, Pending, ReadyJob

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.filters import View
    from jobs.models import Bucket
    from jobs.problems import Problem
    from jobs.records import JobRecord

PARTS = {
    "operation": _("Operation"),
    "output": _("Output"),
    "time-interval": _("TimeInterval"),
    "input": _("Input"),
    "raw": _("Raw"),
}
FIRST_PART = TABS[0]


@dataclass(frozen=True)
class Look:
    """What one look at a job has brought.

    `part` is "" where the address names none. Lists keep no XML, so a job may be there and its XML not: then `xml_answer`
    says why.
    """

    bucket: Bucket
    job_id: str
    part: str
    view: View
    answer: ReadyJob | Pending | Failed
    xml_answer: Pending | Failed | None = None

    @classmethod
    def take(cls, bucket: Bucket, job_id: str, part: str, view: View, reader: str) -> Look:
        """Ask for the job, and for its XML where that is what is looked at; `reader` is whose budget that costs."""
        answer = pages.get_job(bucket, job_id, reader=reader)
        if part != "raw" or not isinstance(answer, ReadyJob) or answer.record.raw_missing != "not_asked":
            return cls(bucket, job_id, part, view, answer)
        # What a list told of the job is shown while its XML is fetched.
        whole = pages.get_job(bucket, job_id, reader=reader, raw=True)
        if isinstance(whole, ReadyJob):
            return cls(bucket, job_id, part, view, whole)
        return cls(bucket, job_id, part, view, answer, whole)

    @property
    def record(self) -> JobRecord | None:
        """The job, None while there is nothing to show."""
        return self.answer.record if isinstance(self.answer, ReadyJob) else None

    @property
    def stale(self) -> bool:
        """Whether it may have changed since."""
        return isinstance(self.answer, ReadyJob) and self.answer.stale

    @property
    def pending(self) -> Pending | None:
        """Set while what is looked at is being fetched."""
        return self._missing if isinstance(self._missing, Pending) else None

    @property
    def failed(self) -> Problem | None:
        """Why what is looked at can't be shown."""
        return self._missing.problem if isinstance(self._missing, Failed) else None

    @property
    def problem(self) -> Problem | None:
        """What is wrong, with or without something older to show beside it."""
        return self.failed or (self.answer.problem if isinstance(self.answer, ReadyJob) else None)

    @property
    def _missing(self) -> Pending | Failed | None:
        return self.xml_answer if isinstance(self.answer, ReadyJob) else self.answer

    @property
    def status(self) -> int:
        """Our HTTP status."""
        return self.failed.status if self.failed else 202 if self.pending else 200

    @property
    def retry_after(self) -> float | None:
        """Seconds after which asking again makes sense, None when that isn't known or needed."""
        return self.failed.retry_after if self.failed else self.pending.retry_after if self.pending else None

    @property
    def again_in(self) -> str:
        """The same for htmx, which takes milliseconds."""
        return f"{round((self.retry_after or 1) * 1000)}ms"

    @property
    def version(self) -> list[object] | None:
        """All that its page depends on, besides the reader; None while something is missing."""
        if self.record is None or self._missing:
            return None
        looked_at = [self.bucket.name, self.bucket.label, self.bucket.region, self.job_id, self.part, self.view]
        return [*looked_at, self.record.as_of, self.record.raw is not None, self.stale, self.problem]

    # What the template shows ----------------------------------------------------------------------------------------------

    @property
    def open_part(self) -> str:
        """The part that is open."""
        return self.part or FIRST_PART

    @property
    def parts(self) -> Iterator[dict[str, Any]]:
        """Yield every part by name and label."""
        for name, label in PARTS.items():
            yield {"name": name, "label": label, "is_open": name == self.open_part}

    def details(self) -> dict[str, Any]:
        """Return the job's view models: those of its head, and that of the part that is open."""
        if self.record is None:
            return {}
        job, masked, zone = self.record.row.job, self.record.row.masked, self.view.zone
        as_of = datetime.fromtimestamp(self.record.as_of, UTC)
        target = output(job, self.bucket.name, self.bucket.region, masked)
        source = sources(job, self.bucket.name, masked)
        part: Any
        match self.open_part:
            case "output":
                part = target
            case "time-interval":
                part = time_interval(job, as_of, zone, masked)
            case "input":
                part = source
            case "raw":
                part = raw(job, self.record.raw, masked)
            case _:
                part = operation(job, masked)
        return {
            "job": job,
            "written": {name: text(job.tree, name) for name in ("CreationTime", "StartTime", "EndTime")},
            "as_of": as_of,
            "timeline": timeline(job, as_of, zone),
            "contradictions": contradictions(job, as_of),
            "advice": codes.advice(job.code) if job.state == "Failed" and job.code else "",
            "output_cos": next((path.cos for path in target.paths if path.cos), ""),
            "input_cos": next((one.cos for one in source.sources if one.cos), ""),
            "snippets": job_snippets(self.bucket.name, self.bucket.region, job.job_id or self.job_id),
            "detail": part,
        }
