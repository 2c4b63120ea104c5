"""Input: which objects a job reads, in words. (Its module isn't called `input`: that is a built-in function.)"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from django.utils.translation import gettext_lazy as _

from jobs.details.branches import Branch, grow

if TYPE_CHECKING:
    from collections.abc import Container

    from django.utils.functional import _StrPromise

    from jobs.cloudinfinite.schema import Job

MEANINGS: dict[str, _StrPromise] = {
    "Manifest": _("Every object that this inventory lists. It is the manifest.json of a COS inventory report."),
    "UrlFile": _("Every object that this text file names: one COS address on each line."),
    "Prefix": _("Every object of the bucket whose key begins with this."),
    "Object": _("This one object."),
}
WHOLE_BUCKET = _("The prefix is empty, so every object of the bucket is read.")


_ON_COS = re.compile(r"https?://([a-z0-9-]+)\.cos\.[a-z0-9-]+\.myqcloud\.com/([^?#]*)")


@dataclass(frozen=True, slots=True)
class Source:
    """One element of Input. `meaning` says what it selects, "" for one that we don't know; `cos` is its cos:// path, if any."""

    branch: Branch
    meaning: _StrPromise | str
    cos: str = ""


@dataclass(frozen=True, slots=True)
class Sources:
    """What Input holds, usually one. `several` says that more than one of the documented kinds stand together."""

    sources: tuple[Source, ...]
    several: bool
    left_out: int


def sources(job: Job, bucket: str, masked: Container[str] = ()) -> Sources:
    """Return what the Input part shows.

    Args:
        job: the job.
        bucket: the name of the job's own bucket, in which a key without an address is.
        masked: the paths whose text is masked.
    """
    root = grow({"Input": job.tree["Input"]} if "Input" in job.tree else {}, masked=masked)
    found: list[Source] = []
    for one in root.children:
        # An Input without elements but with text is no sample's; it is shown as it is.
        found.extend(Source(child, _meaning(child), _cos(child, bucket)) for child in one.children)
        if one.text:
            found.append(Source(one, ""))
    known = [source for source in found if source.meaning]
    left_out = root.left_out + sum(one.left_out for one in root.children)
    return Sources(tuple(found), several=len(known) > 1, left_out=left_out)


def _meaning(branch: Branch) -> _StrPromise | str:
    if branch.name == "Prefix" and branch.text == "":
        return WHOLE_BUCKET
    return MEANINGS.get(branch.name, "")


def _cos(branch: Branch, bucket: str) -> str:
    """Return the cos:// path that an element names by a key or an address, "" where it names none."""
    if branch.name not in MEANINGS or branch.text is None or branch.masked:
        return ""
    if address := _ON_COS.fullmatch(branch.text):
        return f"cos://{address[1]}/{unquote(address[2])}"
    return "" if "://" in branch.text else f"cos://{bucket}/{branch.text.removeprefix('/')}"
