"""Which bucket names and region ids may stand in a host name, and which job ids in a path.

The first two end up in `<bucket>.ci.<region>.myqcloud.com`, so anything else than these forms could lead a signed request to
another host. What can be no job id would lead it to another address of that host.
"""

from __future__ import annotations

import re

LABEL_LENGTH = 63  # of one DNS label
BUCKET = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?-[0-9]{5,}")
JOB_ID = re.compile(r"(?!\.{1,2}\Z)[^/\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]{1,128}")
REGION = re.compile(r"[a-z]{2}-[a-z]+(-[a-z]+)?(-[0-9])?")


def valid_bucket(name: str) -> bool:
    """Tell whether `name` is a full bucket name, `<BucketName>-<APPID>` (INTL 436/13312)."""
    return len(name) <= LABEL_LENGTH and BUCKET.fullmatch(name) is not None


def valid_region(region: str) -> bool:
    """Tell whether `region` has the form of a region id, as `ap-guangzhou` has it.

    No grammar is published and the list of regions grows (INTL 1045/33423), so the form is all that is checked.
    """
    return len(region) <= LABEL_LENGTH and REGION.fullmatch(region) is not None


def valid_job_id(text: str) -> bool:
    """Tell whether CI can know a job by `text`: one part of a path, of 128 characters at most, without a control character or
    one that XML can't hold, for CI's answers are XML.

    No grammar is published; ids seen so far are a letter and 32 hex digits. Servers refuse addresses that are too long.
    """
    return JOB_ID.fullmatch(text) is not None


def bucket_host(bucket: str, region: str) -> str:
    """Return the host that answers for one bucket. Raises ValueError for one that may not stand there."""
    if not valid_bucket(bucket):
        raise ValueError("not a bucket name")
    return f"{bucket}.{region_host(region)}"


def region_host(region: str) -> str:
    """Return the host that answers for a whole region. Raises ValueError for one that may not stand there."""
    if not valid_region(region):
        raise ValueError("not a region id")
    return f"ci.{region}.myqcloud.com"
