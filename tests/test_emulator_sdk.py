"""Tencent's own Python SDK as a client of the emulator: what it reads without complaint, CI would have sent."""

from __future__ import annotations

from typing import Any

import pytest
from qcloud_cos import CosS3Client, CosServiceError

from jobs.cloudinfinite.emulator.switches import CHOICES
from tests.emulators import SECRET_ID, SECRET_KEY, Emulator
from tests.sdk import sdk

BUCKET = "media-sdk-1250000000"


def crawl(client: CosS3Client, **arguments: Any) -> list[dict[str, Any]]:
    """All jobs, as somebody using the SDK would page."""
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        data = client.ci_list_inventory_trigger_jobs(Bucket=BUCKET, Size=100, NextToken=token, **arguments)
        found += data.get("JobsDetail", [])
        token = data.get("NextToken") or ""
        if not token:
            return found


@pytest.mark.parametrize("end", CHOICES["end_of_list"])
@pytest.mark.parametrize("tokens", CHOICES["tokens"])
def test_the_sdk_pages_through_1200_jobs(cloud: Emulator, tokens: str, end: str) -> None:
    cloud.create_bucket(BUCKET, jobs=1_200, spread=30 * 86_400)
    cloud.set_switches(tokens=tokens, end_of_list=end)
    truth = cloud.jobs(BUCKET)

    found = crawl(sdk(cloud), Type="")

    assert [
        (job["JobId"], job["Type"], job["Name"], job["State"], job["CreationTime"]) for job in found
    ] == [(job.job_id, job.type, job.name, job.state, job.creation_time) for job in truth]  # fmt: skip
    assert {call.status for call in cloud.calls(BUCKET)} == {200}
    assert len(cloud.calls(BUCKET)) == 12


def test_the_sdk_sends_every_filter_and_is_understood(cloud: Emulator) -> None:
    cloud.create_bucket(
        BUCKET,
        given=(
            {"JobId": "b1", "Type": "Job", "Name": "夜间 转码/批次-1", "State": "Failed",
             "CreationTime": "2026-11-20T10:00:00+0800"},
            {"JobId": "b2", "Type": "Job", "Name": "夜间 转码/批次-1", "State": "Success",
             "CreationTime": "2026-11-20T10:00:00+0800"},
        ),
    )  # fmt: skip

    data = sdk(cloud).ci_list_inventory_trigger_jobs(
        Bucket=BUCKET, Type="Job", OrderByTime="Asc", States="Running,Failed", Size=100, JobId="b1", Name="夜间 转码/批次-1",
        StartCreationTime="2026-11-20T10:00:00+0800", EndCreationTime="2026-11-20T10:00:00+0800",
    )  # fmt: skip

    assert [job["JobId"] for job in data["JobsDetail"]] == ["b1"]
    [call] = cloud.calls(BUCKET)
    assert call.parameters == {
        "type": "Job", "orderByTime": "Asc", "states": "Running,Failed", "size": "100", "nextToken": "", "workflowId": "",
        "jobId": "b1", "name": "夜间 转码/批次-1", "startCreationTime": "2026-11-20T10:00:00+0800",
        "endCreationTime": "2026-11-20T10:00:00+0800",
    }  # fmt: skip


def test_the_sdk_reads_one_job(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=30)
    client = sdk(cloud)
    for job in crawl(client, Type=""):
        data = client.ci_get_inventory_trigger_jobs(Bucket=BUCKET, JobID=job["JobId"])

        assert data["JobsDetail"] == [job]


def test_the_sdk_reads_of_an_unknown_job(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET)

    data = sdk(cloud).ci_get_inventory_trigger_jobs(Bucket=BUCKET, JobID="bffff")

    assert (data["NonExistJobIds"], "JobsDetail" in data) == ("bffff", False)


def test_the_sdk_signs_its_security_token(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=1)
    cloud.set_credentials((SECRET_ID, SECRET_KEY, "TOKEN+/0001=="))

    data = sdk(cloud, token="TOKEN+/0001==").ci_list_inventory_trigger_jobs(Bucket=BUCKET, Type="")

    assert len(data["JobsDetail"]) == 1
    with pytest.raises(CosServiceError):
        sdk(cloud).ci_list_inventory_trigger_jobs(Bucket=BUCKET)


@pytest.mark.parametrize(
    ("family", "code"),
    [("ci", "Unknown"), ("cos", "SignatureDoesNotMatch")],  # the SDK reads COS's errors only: CI's have no Resource
)
def test_the_sdk_reports_a_wrong_key(cloud: Emulator, family: str, code: str) -> None:
    cloud.create_bucket(BUCKET)
    cloud.set_switches(errors=family)

    with pytest.raises(CosServiceError) as trouble:
        sdk(cloud, secret_key="wrong").ci_list_inventory_trigger_jobs(Bucket=BUCKET)

    assert trouble.value.get_status_code() == (401 if family == "ci" else 403)
    assert trouble.value.get_error_code() == code


def test_the_sdk_lists_media_buckets(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET)

    data = sdk(cloud).ci_get_media_bucket(PageSize="100")

    assert [bucket["BucketId"] for bucket in data["MediaBucketList"]] == [BUCKET]
