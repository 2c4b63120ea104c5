"""Jobs of the API's own samples, and ones made by hand, for what a job's page shows of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jobs.cloudinfinite.parser import read_xml
from jobs.cloudinfinite.schema import Job, parse_time
from jobs.cloudinfinite.tree import nodes

SHANGHAI = ZoneInfo("Asia/Shanghai")


AS_OF = datetime(2023, 11, 14, 2, 11, 40, tzinfo=UTC)


BUCKET, REGION = "media-prod-1250000000", "ap-guangzhou"


def jobs_of(file: str) -> dict[str, Job]:
    """Return the jobs of a list's answer by name."""
    _, tree = read_xml((Path(__file__).parent / "data" / file).read_bytes())
    found = [Job(node) for node in nodes(tree, "JobsDetail") if not isinstance(node, str)]
    return {job.name: job for job in found}


FIRST, FAILED, LAST = jobs_of("f1_list_first.xml"), jobs_of("f2_list_filtered.xml"), jobs_of("f3_list_last.xml")


NIGHTLY = FIRST["夜间转码-1"]


def job(**fields: Any) -> Job:
    """Return a job with these elements and nothing else."""
    return Job(fields)


def at(written: str) -> datetime:
    """Return a time that CI wrote."""
    time = parse_time(written)
    assert time is not None
    return time
