"""What a list weighs on its way to a browser, htmx included: bytes as a proxy that compresses sends them."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from tests.e2e.looking import list_path, wait_for_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Response

    from jobs.models import Bucket

BOUND = 60_000
"""Bytes of the page without its images."""


def test_list_of_fifty_rows_is_light(page: Page, new_bucket: Callable[..., Bucket]) -> None:
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))

    page.goto(list_path(new_bucket(jobs=60)))
    wait_for_rows(page, 50)
    page.wait_for_load_state("networkidle")

    bodies = {answer.url: answer.body() for answer in answers if answer.ok and "/icons/" not in answer.url}
    weights = {url.rpartition("/")[2] or "page": len(gzip.compress(body, 6)) for url, body in bodies.items()}
    assert sum(weights.values()) < BOUND, weights
