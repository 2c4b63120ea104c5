"""A client of Tencent Cloud Infinite's batch-job API. Pure Python: it knows nothing of Django, Celery or Redis."""

from __future__ import annotations

from .auth import Credential
from .client import Client
from .exceptions import ClockSkew, CloudInfiniteError, NotFound
from .names import valid_bucket, valid_job_id, valid_region
from .schema import FINAL, STATES, TYPES, Job, JobAnswer, JobsAnswer, MediaBucket, MediaBucketsAnswer
from .tree import Node, Tree

__all__ = [
    "FINAL",
    "STATES",
    "TYPES",
    "Client",
    "ClockSkew",
    "CloudInfiniteError",
    "Credential",
    "Job",
    "JobAnswer",
    "JobsAnswer",
    "MediaBucket",
    "MediaBucketsAnswer",
    "Node",
    "NotFound",
    "Tree",
    "valid_bucket",
    "valid_job_id",
    "valid_region",
]
