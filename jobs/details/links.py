"""Links that admins set up: addresses with placeholders, filled with what is known of a bucket or a job.

Who writes a template is trusted; what fills it is not. So each value is percent-encoded whole, and none that comes from a
job can stand where the host is named.
"""

from __future__ import annotations

import re
from datetime import UTC
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from django.utils.translation import gettext_lazy as _

from jobs.cloudinfinite.tree import nodes, text
from jobs.details.branches import web_address

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django.utils.functional import _StrPromise

    from jobs.cloudinfinite.schema import Job

OF_BUCKET: dict[str, _StrPromise] = {
    "bucket": _("the bucket's full name"),
    "region": _("the bucket's region"),
}
OF_JOB: dict[str, _StrPromise] = {
    "job_id": _("the job's id"),
    "job_name": _("the job's name"),
    "type": _("Job or Workflow"),
    "state": _("the job's state"),
    "workflow_id": _("the first workflow of a Workflow job"),
    "created": _("when the job was created, such as 2026-01-31T08:00:00Z"),
    "start": _("when it started, or else was created"),
    "end": _("when it ended; of a job that goes on, when it was last asked for"),
    "start_ms": _("start, in milliseconds since 1970"),
    "end_ms": _("end, in milliseconds since 1970"),
    "output_bucket": _("the bucket that results are written to"),
    "output_region": _("that bucket's region"),
    "output_prefix": _("the folder of the output path, as far as it is known before the job runs"),
}
"""Placeholder -> what stands in its place."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PRINTABLE = re.compile(r"[!-~]+")
_AUTHORITY = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
_JOB_ID = "${InventoryTriggerJobId}"


def wrong_with(template: str, *, of_job: bool) -> _StrPromise | str:
    """Return what is wrong with a template, "" when nothing is.

    Args:
        template: an address with placeholders in braces.
        of_job: whether it stands on jobs, so that their placeholders are known too.
    """
    if not _PRINTABLE.fullmatch(template) or "\\" in template:
        return _("Write it in printable ASCII without spaces and backslashes; other letters percent-encoded.")
    known = OF_BUCKET | OF_JOB if of_job else OF_BUCKET
    for name in _PLACEHOLDER.findall(template):
        if name not in known:
            said = _("There is no placeholder {%(name)s} here. Known are %(known)s.")
            return said % {"name": name, "known": ", ".join(f"{{{one}}}" for one in known)}
    if re.search(r"[{}]", _PLACEHOLDER.sub("", template)):
        return _("A brace stands alone. Write %7B and %7D for braces that are no placeholder.")
    authority = _AUTHORITY.match(template)
    if authority is None:
        return _("Begin with https:// or http://.")
    if set(_PLACEHOLDER.findall(authority[1])) - OF_BUCKET.keys():
        return _("Only {bucket} and {region} may stand in the host: all else comes from jobs, and could name any host.")
    return "" if web_address(_PLACEHOLDER.sub("x", template)) else _("This is no web address.")


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return the address, "" where a value is missing or what comes out is no web address."""
    used = _PLACEHOLDER.findall(template)
    if not all(values.get(name) for name in used):
        return ""
    address = web_address(_PLACEHOLDER.sub(lambda match: quote(values[match[1]], safe="", errors="replace"), template))
    # A browser would follow these upwards, and so could lead a job's text to another part of the site.
    return "" if {".", ".."} & set(urlsplit(address).path.split("/")) else address


def bucket_values(bucket: str, region: str) -> dict[str, str]:
    """Return what fills the placeholders of a bucket."""
    return {"bucket": bucket, "region": region}


def job_values(job: Job, bucket: str, region: str, as_of: datetime) -> dict[str, str]:
    """Return what fills the placeholders of a job.

    Args:
        job: the job.
        bucket: the name of its bucket.
        region: the region of its bucket.
        as_of: CI's time when it was read.
    """
    begin = job.start_time or job.creation_time
    end = (job.end_time if job.is_final else as_of) or as_of
    target, where, prefix = _output(job)
    return {
        **bucket_values(bucket, region),
        "job_id": job.job_id,
        "job_name": job.name,
        "type": job.type,
        "state": job.state,
        "workflow_id": next(iter(job.workflow_ids), ""),
        "created": _iso(job.creation_time),
        "start": _iso(begin),
        "end": _iso(end),
        "start_ms": _milliseconds(begin),
        "end_ms": _milliseconds(end),
        "output_bucket": target,
        "output_region": where,
        "output_prefix": prefix,
    }


def _output(job: Job) -> tuple[str, str, str]:
    """Return bucket, region and the known beginning of the path."""
    operation = next((node for node in nodes(job.tree, "Operation") if not isinstance(node, str)), {})
    output = next((node for node in nodes(operation, "Output") if not isinstance(node, str)), {})
    path = (text(output, "Object") or "").replace(_JOB_ID, job.job_id)
    return text(output, "Bucket") or "", text(output, "Region") or "", path.partition("${")[0].rpartition("/")[0]


def _iso(time: datetime | None) -> str:
    return f"{time.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z" if time else ""


def _milliseconds(time: datetime | None) -> str:
    return str(round(time.timestamp() * 1000)) if time else ""
