"""What pages weigh on their way to a browser, htmx included: bytes as they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.looking import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Response

    from jobs.models import Bucket
    from tests.emulators import Emulator

BOUND = 60_000
"""Bytes of the page without its images."""


@pytest.mark.parametrize(
    ("path", "shows"),
    [
        ("/buckets/{bucket}/jobs/", f"{ROWS}:nth-of-type(50)"),
        ("/jobs/?bucket={bucket},{other}", f"{ROWS}:nth-of-type(50)"),
        ("/buckets/{bucket}/jobs/{job}/", "#drill table, #drill dl"),
        ("/buckets/{bucket}/jobs/?job={job}", "#drawer[open] #drawer-title"),
        ("/buckets/{bucket}/jobs/?size=100", f"{ROWS}:nth-of-type(100)"),
        ("/buckets/{bucket}/insight/", "#results svg"),
        ("/buckets/{bucket}/export/", "#of-loaded"),
        ("/", "#line-{number} a"),
    ],
)
def test_page_is_light(
    page: Page, new_bucket: Callable[..., Bucket], emulator: Emulator, path: str, shows: str
) -> None:
    bucket, other = new_bucket(jobs=120), new_bucket(jobs=60)
    job = emulator.job_ids(bucket.name)[0]
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))

    page.goto(path.format(bucket=bucket.name, other=other.name, job=job))
    page.locator(shows.format(number=bucket.pk)).first.wait_for()
    page.wait_for_load_state("networkidle")

    weighed = [answer for answer in answers if answer.ok and "/icons/" not in answer.url]
    weights = [(answer.url, answer.request.sizes()["responseBodySize"]) for answer in weighed]
    assert all(weight for _url, weight in weights), weights
    assert sum(weight for _url, weight in weights) < BOUND, weights
