"""Families of failures: jobs that failed with one code and, but for names and numbers, one message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .kinds import kind_of, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from jobs.cloudinfinite.schema import Job

_FORMATS = (
    "mp4|m4[avs]|mov|mkv|flv|f4v|avi|wmv|webm|mpe?g|3gp|vob|rmvb|m3u8?|mpd|ts|mp3|aac|wav|ogg|opus|flac|amr|wma|jpe?g|png|gif"
    "|webp|avif|hei[cf]|bmp|tiff?|svg|pdf|docx?|pptx?|xlsx?|txt|json|xml|csv|srt|vtt|ass|html?|zip|rar|7z|tar|gz"
)
_PLACEHOLDERS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), f"‹{name}›")
    for pattern, name in (
        (r"\b(?:https?|cos|s3)://[^\s\"'<>,;，；。]+", "url"),
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?", "time"),
        (r"\b[a-z0-9][a-z0-9-]*-\d{5,}\b(?!\.\w)", "bucket"),
        (r"(?<![\w./-])(?=[A-Za-z+]*\d+[A-Za-z+]+\d)(?=[A-Z\d+]*[a-z])(?=[a-z\d+]*[A-Z])[A-Za-z\d+]{20,}={0,2}(?![\w./-])", "id"),
        (r"\b[0-9a-f]{8}(?:_[0-9a-f]{1,8}){2,}\b", "id"),
        (r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b", "id"),
        (r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b", "address"),
        (r"(?<![\w/])/?(?:[\w.$%{}+@-]+/)+[\w.$%{}+@-]*", "key"),
        (rf"(?i)\b[\w-]+\.(?:{_FORMATS})\b", "key"),
        (r"(?i)\b[a-z]?(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", "id"),
        (r"(?<![\w‹])\d+(?:\.\d+)*(?=[A-Za-z]{0,4}(?![\w›]))", "n"),  # its unit may stand right behind it
    )
)  # fmt: skip
LONGEST = 1000
"""Characters of a message that are compared."""


@dataclass(frozen=True, slots=True)
class Family:
    """Jobs that failed alike. `text` is their message with placeholders; times are those of their ends, or creations.

    `kinds` counts the workflows, templates, tags or types among them, `templates` the templates, 0
    where not all of them name one.
    """

    code: str
    text: str
    jobs: Sequence[Job]
    first: datetime | None
    last: datetime | None
    kinds: int
    templates: int

    @property
    def name(self) -> str:
        """The family's name in an address: the same wherever the same code and text are met."""
        return name_of(self.code, self.text)


def normal(message: str) -> str:
    """Return a message with placeholders for what differs from job to job: addresses, keys, ids, times and numbers."""
    text = " ".join(message[:LONGEST].split())
    for pattern, placeholder in _PLACEHOLDERS:
        text = pattern.sub(placeholder, text)
    return text


def families(jobs: Iterable[Job]) -> list[Family]:
    """Return the families of those of `jobs` that failed, the largest first; equally large ones by their last failure."""
    alike: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        if job.state == "Failed":
            alike.setdefault((job.code, normal(job.message)), []).append(job)
    found = [_family(code, text, members) for (code, text), members in alike.items()]
    return sorted(found, key=lambda one: (-len(one.jobs), -(one.last.timestamp() if one.last else 0.0), one.name))


def _family(code: str, text: str, members: Sequence[Job]) -> Family:
    times = sorted(time for job in members if (time := job.end_time or job.creation_time))
    kinds = {kind_of(job) for job in members}
    templates = {job.template_id for job in members}
    first, last = (times[0], times[-1]) if times else (None, None)
    return Family(code, text, tuple(members), first, last, len(kinds), 0 if None in templates else len(templates))
