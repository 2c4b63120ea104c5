"""The answers as frozen values.

Unknown states stay text, what is missing is "" or None, and the whole node is kept beside them.

Source: CN 460/76894 (list), CN 460/76893 (one job), CN 436/48988 (media buckets).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .tree import Tree, child_text, nodes, text

STATES = ("Submitted", "Running", "Success", "Failed", "Pause", "Cancel")
FINAL = frozenset({"Success", "Failed", "Cancel"})
TYPES = ("Workflow", "Job")


def parse_time(written: str | None) -> datetime | None:
    """Read a time with an offset, `+0800`, `+08:00` or `Z`. None for `-`, nothing, and what isn't such a time."""
    if written is None or "T" not in written:
        return None
    try:
        time = datetime.fromisoformat(written.strip())
    except ValueError:
        return None
    # The first and the last year can't be shown in every time zone.
    return time if time.tzinfo is not None and 1 < time.year < 9999 else None


def format_time(time: datetime) -> str:
    """Write an aware time as the API wants it, to the second:

    `2022-06-27T15:23:10+0800`. Raises ValueError for a naive one.
    """
    offset = time.utcoffset()
    if offset is None:
        raise ValueError("a time without an offset")
    if offset % timedelta(minutes=1):  # only historic local times have such offsets, and ±HHMM can't say them
        time = time.astimezone(UTC)
    written = time.replace(microsecond=0).isoformat()
    return written[:-3] + written[-2:]


@dataclass(frozen=True, slots=True)
class Job:
    """One JobsDetail, read where somebody asks: most readers want a few of its fields, and a page has a hundred jobs.

    Strings are "" where the element is absent; times are aware; `tree` is the whole element.
    """

    tree: Tree

    @property
    def job_id(self) -> str:
        return child_text(self.tree, "JobId")

    @property
    def name(self) -> str:
        return child_text(self.tree, "Name")

    @property
    def type(self) -> str:
        return child_text(self.tree, "Type")

    @property
    def state(self) -> str:
        return child_text(self.tree, "State")

    @property
    def code(self) -> str:
        return child_text(self.tree, "Code")

    @property
    def message(self) -> str:
        return child_text(self.tree, "Message")

    @property
    def tag(self) -> str | None:
        """Tag may stand in Operation (documents) or beside it (the Go SDK)."""
        return child_text(self._operation, "Tag") or child_text(self.tree, "Tag") or None

    @property
    def queue_id(self) -> str | None:
        """QueueId may stand in Operation (documents) or beside it (the Go SDK)."""
        return child_text(self._operation, "QueueId") or child_text(self.tree, "QueueId") or None

    @property
    def template_id(self) -> str | None:
        """The template of an independent job (JobParam.TemplateId)."""
        parameters = next((node for node in nodes(self._operation, "JobParam") if not isinstance(node, str)), {})
        return child_text(parameters, "TemplateId") or None

    @property
    def progress(self) -> str | None:
        return child_text(self.tree, "Progress") or None

    @property
    def workflow_ids(self) -> tuple[str, ...]:
        """The name is plural, the value one id or several with commas, and an element may be repeated (the Java SDK)."""
        texts = [ids for ids in nodes(self._operation, "WorkflowIds") if isinstance(ids, str)]
        return tuple(part.strip() for ids in texts for part in ids.split(",") if part.strip())

    @property
    def creation_time(self) -> datetime | None:
        return parse_time(child_text(self.tree, "CreationTime"))

    @property
    def start_time(self) -> datetime | None:
        return parse_time(child_text(self.tree, "StartTime"))

    @property
    def end_time(self) -> datetime | None:
        return parse_time(child_text(self.tree, "EndTime"))

    @property
    def _operation(self) -> Tree:
        found = self.tree.get("Operation")
        if isinstance(found, dict):
            return found
        return next((node for node in nodes(self.tree, "Operation") if not isinstance(node, str)), {})

    @property
    def is_final(self) -> bool:
        """Whether the state can't change any more."""
        return self.state in FINAL

    @property
    def waited(self) -> timedelta | None:
        """Time from creation to start; None when it hasn't started."""
        return _span(self.creation_time, self.start_time)

    @property
    def ran(self) -> timedelta | None:
        """Time from start to end; None before the state is final: CI prints an end for running jobs, too."""
        return _span(self.start_time, self.end_time) if self.is_final else None


@dataclass(frozen=True, slots=True)
class MediaBucket:
    """A bucket with media processing switched on."""

    name: str
    region: str
    creation_time: datetime | None
    tree: Tree

    @classmethod
    def from_tree(cls, tree: Tree) -> MediaBucket:
        """Read a MediaBucketList element; BucketId and Name are the same."""
        return cls(
            name=text(tree, "BucketId") or text(tree, "Name") or "",
            region=text(tree, "Region") or "",
            creation_time=parse_time(text(tree, "CreateTime")),
            tree=tree,
        )


@dataclass(frozen=True, slots=True)
class JobsAnswer:
    """A page of jobs.

    `next_token` is "" on the last page; `date` is the answer's Date in unix seconds, None when it bore none.
    """

    jobs: tuple[Job, ...]
    next_token: str
    request_id: str
    date: float | None


@dataclass(frozen=True, slots=True)
class JobAnswer:
    """One job. `raw` is the XML as received, decoded."""

    job: Job
    raw: str
    request_id: str
    date: float | None


@dataclass(frozen=True, slots=True)
class MediaBucketsAnswer:
    """A page of media buckets. The counts are 0 where upstream sent no number."""

    buckets: tuple[MediaBucket, ...]
    total_count: int
    page_number: int
    page_size: int
    request_id: str
    date: float | None


def _span(start: datetime | None, end: datetime | None) -> timedelta | None:
    if start is None or end is None or end < start:
        return None
    return end - start
