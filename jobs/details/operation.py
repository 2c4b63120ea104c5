"""Operation: every element by name, with what it means where that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from jobs.details.branches import Branch, grow
from jobs.details.names import tag_meaning

if TYPE_CHECKING:
    from collections.abc import Container

    from django.utils.functional import _StrPromise

    from jobs.cloudinfinite.schema import Job

IN_THE_HEAD = frozenset(
    [
        "Code",
        "Message",
        "Type",
        "Name",
        "JobId",
        "State",
        "CreationTime",
        "StartTime",
        "EndTime",
        "Progress",
        "Input",
        "Operation",
    ]
)
"""Elements of JobsDetail that the page shows elsewhere: in its head or in a part of their own."""

_MEANINGS: dict[tuple[str, str], _StrPromise] = {
    ("JobLevel", "0"): _("lowest, as without a priority; jobs of level 1 and 2 run first"),
    ("JobLevel", "1"): _("middle: before level 0, after level 2"),
    ("JobLevel", "2"): _("highest: before level 1 and 0"),
    ("QueueType", "SpeedTranscoding"): _("the queue for fast transcoding, taken where no queue is named"),
    ("CallBack", "no"): _("no callback, not even the queue's own"),
    ("CallBackType", "Url"): _("an HTTP request to the callback address"),
    ("CallBackType", "TDMQ"): _("a message to a Tencent message queue"),
    ("CallBackType", "Kafka"): _("a message to Kafka"),
}
_HINTS: dict[str, _StrPromise] = {
    "JobLevel": _("Levels 0, 1 and 2 are documented; a higher one runs first"),
    "UserData": _("the caller's own text, passed on as it is"),
    "FreeTranscode": _("its meaning is not documented"),
}
_MASKS: dict[str, _StrPromise] = {
    "CallBack": _("Only scheme and host are shown, because a webhook's path often is its secret."),
    "UserData": _("Values named key, token, secret, sign or password are hidden."),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One element of Operation. `hint` says what its value means, `mask` why a part of it is hidden, "" where nothing."""

    branch: Branch
    hint: _StrPromise | str = ""
    mask: _StrPromise | str = ""
    workflow_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """What a job does. `beside` are elements that stand next to Operation and nowhere else on the page."""

    fields: tuple[Field, ...]
    beside: tuple[Field, ...]
    left_out: int


def operation(job: Job, masked: Container[str] = ()) -> Operation:
    """Return what the Operation part shows; `masked` are the paths whose text is masked."""
    root = grow({"Operation": job.tree["Operation"]} if "Operation" in job.tree else {}, masked=masked)
    # One element is what CI sends. Of several the first is the job's, as `Job` reads it; the others stay visible.
    first, others = root.children[:1], root.children[1:]
    beside = grow({name: node for name, node in job.tree.items() if name not in IN_THE_HEAD}, masked=masked)
    fields = [child for one in first for child in one.children]
    odd = [one for one in first if one.text]
    return Operation(
        fields=tuple(_field(branch) for branch in fields),
        beside=tuple(_field(branch) for branch in [*odd, *others, *beside.children]),
        left_out=root.left_out + beside.left_out + sum(one.left_out for one in first),
    )


def _field(branch: Branch) -> Field:
    text = branch.text or ""
    workflow_ids: tuple[str, ...] = ()
    if branch.name == "WorkflowIds" and text:
        workflow_ids = tuple(part.strip() for part in text.split(",") if part.strip())
    hint: _StrPromise | str
    if branch.name == "Tag":
        hint = tag_meaning(text)
    else:
        hint = _MEANINGS.get((branch.name, text), _HINTS.get(branch.name, ""))
    return Field(branch, hint, _MASKS.get(branch.name, "") if branch.masked else "", workflow_ids)
