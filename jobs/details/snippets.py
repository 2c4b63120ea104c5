"""The request behind a page, as something to paste into a terminal: by curl, and by Tencent's Python SDK.

Neither is signed and neither holds a credential: whoever runs it puts in their own. There is none for the Go SDK: its list
sends the start under the name of `states`, knows no `type`, and reads one job of a page.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.cloudinfinite.auth import encoded, query_string
from jobs.cloudinfinite.client import JOBS_PATH
from jobs.cloudinfinite.names import bucket_host, valid_bucket, valid_region

if TYPE_CHECKING:
    from collections.abc import Mapping

SDK_NAMES = {
    "type": "Type",
    "states": "States",
    "name": "Name",
    "jobId": "JobId",
    "workflowId": "WorkflowId",
    "startCreationTime": "StartCreationTime",
    "endCreationTime": "EndCreationTime",
    "orderByTime": "OrderByTime",
    "size": "Size",
    "nextToken": "NextToken",
}
"""The API's names -> those of the SDK's arguments."""

_CURL = """\
curl {address} \\
  --header "Authorization: $COS_AUTHORIZATION"
"""
_PYTHON = """\
import os

from qcloud_cos import CosConfig, CosS3Client

client = CosS3Client(CosConfig(
    Region={region!r},
    SecretId=os.environ["COS_SECRETID"],
    SecretKey=os.environ["COS_SECRETKEY"],
    Scheme="https",
))
answer = client.{method}(
{arguments}
)
print(answer)
"""


@dataclass(frozen=True, slots=True)
class Snippet:
    """One way to send the request. `name` is that of a program, the same in every language."""

    name: str
    code: str


def list_snippets(bucket: str, region: str, params: Mapping[str, str]) -> tuple[Snippet, ...]:
    """Return how one page of a list is asked for.

    Args:
        bucket: a bucket's full name.
        region: its region.
        params: the API's parameters; what is empty isn't sent, and what the API doesn't know is left out.
    """
    if not _has_host(bucket, region):
        return ()
    params = {name: params[name] for name in SDK_NAMES if params.get(name)}
    kind = params.get("type", "")
    both = "" if kind else "  # both kinds: without it the SDK asks for workflows alone"
    arguments = [f"Bucket={bucket!r},", f"Type={kind!r},{both}"]
    arguments += [f"{SDK_NAMES[name]}={value!r}," for name, value in params.items() if name != "type"]
    return (
        Snippet("curl", _curl(bucket, region, JOBS_PATH, query_string(params.items()))),
        Snippet("Python", _python(region, "ci_list_inventory_trigger_jobs", arguments)),
    )


def job_snippets(bucket: str, region: str, job_id: str) -> tuple[Snippet, ...]:
    """Return how one job is asked for by itself."""
    if not _has_host(bucket, region):
        return ()
    return (
        Snippet("curl", _curl(bucket, region, f"{JOBS_PATH}/{encoded(job_id)}", "")),
        Snippet(
            "Python", _python(region, "ci_get_inventory_trigger_jobs", [f"Bucket={bucket!r},", f"JobID={job_id!r},"])
        ),
    )


def _has_host(bucket: str, region: str) -> bool:
    # What no admin could save isn't asked either.
    return valid_bucket(bucket) and valid_region(region)


def _curl(bucket: str, region: str, path: str, query: str) -> str:
    # All of it is percent-encoded, so no text from a job or a link can end the quotation or hide what stands there.
    address = f"https://{bucket_host(bucket, region)}{path}{'?' * bool(query)}{query}"
    return _CURL.format(address=shlex.quote(address))


def _python(region: str, method: str, arguments: list[str]) -> str:
    return _PYTHON.format(region=region, method=method, arguments="\n".join(f"    {one}" for one in arguments))
