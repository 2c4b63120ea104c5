"""The answers as frozen values.

Unknown states stay text, what is missing is "" or None, and the whole node is kept beside them.

Source: CN 460/76894 (list), CN 460/76893 (one job), CN 436/48988 (media buckets).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .tree import Tree, nodes, text

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
    """One JobsDetail. Strings are "" where the element is absent; times are aware; `tree` is the whole element."""

    job_id: str
    name: str
    type: str
    state: str
    code: str
    message: str
    tag: str | None
    queue_id: str | None
    progress: str | None
    workflow_ids: tuple[str, ...]
    creation_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    tree: Tree

    @classmethod
    def from_tree(cls, tree: Tree) -> Job:
        """Read a JobsDetail element. Tag and QueueId may stand in Operation (documents) or beside it (the Go SDK)."""
        return cls(
            job_id=text(tree, "JobId") or "",
            name=text(tree, "Name") or "",
            type=text(tree, "Type") or "",
            state=text(tree, "State") or "",
            code=text(tree, "Code") or "",
            message=text(tree, "Message") or "",
            tag=text(tree, "Operation", "Tag") or text(tree, "Tag") or None,
            queue_id=text(tree, "Operation", "QueueId") or text(tree, "QueueId") or None,
            progress=text(tree, "Progress") or None,
            workflow_ids=_workflow_ids(tree),
            creation_time=parse_time(text(tree, "CreationTime")),
            start_time=parse_time(text(tree, "StartTime")),
            end_time=parse_time(text(tree, "EndTime")),
            tree=tree,
        )

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


def _workflow_ids(tree: Tree) -> tuple[str, ...]:
    """The name is plural, the value one id or several with commas, and an element may be repeated (the Java SDK)."""
    operations = [node for node in nodes(tree, "Operation") if not isinstance(node, str)]
    texts = [ids for node in operations[:1] for ids in nodes(node, "WorkflowIds") if isinstance(ids, str)]
    return tuple(part.strip() for ids in texts for part in ids.split(",") if part.strip())


def _span(start: datetime | None, end: datetime | None) -> timedelta | None:
    if start is None or end is None or end < start:
        return None
    return end - start
