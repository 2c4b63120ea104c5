"""Output: where results are written, with the placeholders of the path explained and the job id filled in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from jobs.cloudinfinite.tree import nodes, text
from jobs.details.branches import Branch, as_tree, grow
from jobs.details.names import LABELS

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from django.utils.functional import _StrPromise

    from jobs.cloudinfinite.schema import Job
    from jobs.cloudinfinite.tree import Tree

JOB_ID = "InventoryTriggerJobId"
PLACEHOLDERS: dict[str, _StrPromise] = {
    JOB_ID: _("the id of this job"),
    "InputName": _("the input object's name without its folder and extension"),
    "InputPath": _("the folder of the input object"),
    "InputNameAndExt": _("the input object's name with its extension, without its folder"),
    "RunId": _("the id of the workflow run, one for each input object"),
    "Ext": _("the extension of the result"),
    "ext": _("the extension of the result"),
    "Number": _("the number of the result where one object gives several"),
    "number": _("the number of the result where one object gives several"),
}
WITHOUT_OUTPUT = frozenset({"VideoTag", "ExtractDigitalWatermark", "MediaInfo", "QualityEstimate"})
"""Kinds of media task that write no object."""

_PLACEHOLDER = re.compile(r"\$\{([^{}$]{0,100})\}")
_PATHS = ("Object", "AuObject", "BassObject", "DrumObject", "SpriteObject")
_TOLD = frozenset({"Region", "Bucket", *_PATHS, "StreamExtract"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a path: plain text, or one placeholder."""

    text: str
    is_placeholder: bool


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder that the paths use. `meaning` is "" for one that isn't documented."""

    text: str
    meaning: _StrPromise | str


@dataclass(frozen=True, slots=True)
class OutputPath:
    """One path. `written` is as CI sent it, `resolved` has the job's id in it, `cos` is "" where the bucket is unknown."""

    name: str
    label: _StrPromise | str
    written: str
    resolved: str
    cos: str
    stream: str = ""

    @property
    def holds_job_id(self) -> bool:
        """Whether the job's id is filled in, so that no other job writes to the same path."""
        return self.resolved != self.written

    @property
    def pieces(self) -> Iterator[Piece]:
        """Yield the written path, cut at its placeholders."""
        at = 0
        for match in _PLACEHOLDER.finditer(self.written):
            if match.start() > at:
                yield Piece(self.written[at : match.start()], is_placeholder=False)
            yield Piece(match[0], is_placeholder=True)
            at = match.end()
        if at < len(self.written):
            yield Piece(self.written[at:], is_placeholder=False)


@dataclass(frozen=True, slots=True)
class Output:
    """Where a job writes.

    `region_is` compares the output's region to the bucket's own: "same", "other", or "" where none is given. `absent` says
    why there is none, "" where there is one. `others` are elements without a place of their own.
    """

    bucket: str = ""
    region: str = ""
    region_is: str = ""
    same_bucket: bool = False
    paths: tuple[OutputPath, ...] = ()
    placeholders: tuple[Placeholder, ...] = ()
    others: tuple[Branch, ...] = ()
    left_out: int = 0
    absent: _StrPromise | str = ""


def output(job: Job, bucket: str, region: str, masked: Container[str] = ()) -> Output:
    """Return what the Output part shows.

    Args:
        job: the job.
        bucket: the name of the job's own bucket.
        region: the region of the job's own bucket.
        masked: the paths whose text is masked.
    """
    operations = nodes(job.tree, "Operation")
    found = nodes(operations[0], "Output") if operations and not isinstance(operations[0], str) else []
    if not found:
        return Output(absent=_why_absent(job))
    tree = as_tree(found[0])
    target, where = text(tree, "Bucket") or "", text(tree, "Region") or ""
    paths = tuple(_paths(tree, target, job.job_id))
    rest: Tree = {name: node for name, node in tree.items() if not _is_told(name, tree)}
    if len(found) > 1:
        rest["Output"] = found[1:]
    others = grow(rest, "Operation.Output", masked)
    return Output(
        bucket=target,
        region=where,
        region_is="" if not where else "same" if where == region else "other",
        same_bucket=target == bucket,
        paths=paths,
        placeholders=tuple(_placeholders(paths)),
        others=others.children,
        left_out=others.left_out,
        absent="" if tree else _("Cloud Infinite sent an empty Output."),
    )


def _why_absent(job: Job) -> _StrPromise:
    if job.type == "Workflow":
        return _("This job runs workflows. Where they write is set in the workflow itself, not in the job.")
    if job.tag in WITHOUT_OUTPUT:
        return _("This kind of media task writes no object: its result is data, kept with each single task.")
    return _("Cloud Infinite sent no Output for this job.")


def _is_told(name: str, tree: Tree) -> bool:
    """Whether an element's whole content is told by the fields above; if not, it stays visible as it came."""
    if name not in _TOLD:
        return False
    if name == "StreamExtract":
        return all(
            not isinstance(one, str)
            and one.keys() <= {"Index", "Object"}
            and all(isinstance(v, str) for v in one.values())
            for one in nodes(tree, name)
        )
    if name in _PATHS:
        return all(isinstance(one, str) for one in nodes(tree, name))
    return isinstance(tree[name], str)


def _paths(tree: Tree, bucket: str, job_id: str) -> Iterator[OutputPath]:
    for name in _PATHS:
        for one in nodes(tree, name):
            if isinstance(one, str) and one:
                yield _path(name, LABELS[f"Operation.Output.{name}"], one, bucket, job_id)
    for one in nodes(tree, "StreamExtract"):
        written = None if isinstance(one, str) else text(one, "Object")
        if written and not isinstance(one, str):
            label = LABELS["Operation.Output.StreamExtract.Object"]
            yield _path("StreamExtract", label, written, bucket, job_id, text(one, "Index") or "")


def _path(name: str, label: _StrPromise, written: str, bucket: str, job_id: str, stream: str = "") -> OutputPath:
    resolved = written.replace(f"${{{JOB_ID}}}", job_id) if job_id else written
    return OutputPath(name, label, written, resolved, f"cos://{bucket}/{resolved}" if bucket else "", stream)


def _placeholders(paths: tuple[OutputPath, ...]) -> Iterator[Placeholder]:
    """Yield each placeholder once, in the order of its first use."""
    used = dict.fromkeys(match for path in paths for match in _PLACEHOLDER.findall(path.written))
    for name in used:
        yield Placeholder(f"${{{name}}}", PLACEHOLDERS.get(name, ""))
