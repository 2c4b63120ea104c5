"""The links that admins set up, filled for one bucket or one job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from jobs.details import links
from jobs.models import LinkTemplate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from jobs.cloudinfinite.schema import Job
    from jobs.models import Bucket


@dataclass(frozen=True, slots=True)
class Link:
    """One link to another place."""

    label: str
    address: str


def bucket_links(bucket: Bucket) -> tuple[Link, ...]:
    """Return the links of a bucket's list."""
    return _filled(LinkTemplate.Place.BUCKET, bucket, links.bucket_values(bucket.name, bucket.region))


def job_links(bucket: Bucket, job: Job, as_of: datetime) -> tuple[Link, ...]:
    """Return the links of a job that was read at `as_of`; one that needs what the job doesn't have is left out."""
    return _filled(LinkTemplate.Place.JOB, bucket, links.job_values(job, bucket.name, bucket.region, as_of))


def _filled(place: LinkTemplate.Place, bucket: Bucket, values: Mapping[str, str]) -> tuple[Link, ...]:
    of_this_bucket = Q(buckets=None) | Q(buckets=bucket)
    templates = LinkTemplate.objects.filter(of_this_bucket, place=place).values_list("label", "url")
    found = (Link(label, links.fill(url, values)) for label, url in templates)
    return tuple(link for link in found if link.address)
