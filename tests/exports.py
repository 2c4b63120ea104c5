"""Exports and walks as people and programs get them: their addresses, what is started, and what a file holds."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from jobs import clock
from jobs.models import Walk
from tests.reading import get, one, soup

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from jobs.models import Bucket


def export_path(bucket: Bucket, query: str = "") -> str:
    return f"/buckets/{bucket.name}/export/{'?' * bool(query)}{query}"


def text(response: Any) -> str:
    return b"".join(response.streaming_content).decode()


def csv_rows(response: Any) -> list[dict[str, str]]:
    written = text(response)
    assert written.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(written.removeprefix("\ufeff"))))


def json_ids(response: Any) -> list[str]:
    return [job["JobId"] for job in map(json.loads, text(response).splitlines()[1:])]


def start(client: Client, bucket: Bucket, query: str = "") -> str:
    """Press the button on the page of exports; return the address of the walk."""
    page = soup(get(client, export_path(bucket, query)))
    response = client.post(str(one(page, "form[action*=export]")["action"]))
    assert response.status_code == 303, response.content
    return str(response["Location"])


def finish(client: Client, path: str, until: Callable[..., None]) -> dict[str, Any]:
    """Look at a walk until it is over; return its twin."""
    twin = path.partition("?")[0].removesuffix("/") + ".json"
    until(lambda: client.get(twin).json()["state"] not in {"waiting", "walking"})
    found: dict[str, Any] = client.get(twin).json()
    return found


def walk_by_hand(bucket: Bucket, **values: Any) -> Walk:
    """A walk that nobody goes on with."""
    now = clock.now()
    given = {"state": "cancelled", "reader": "r", "filter": {"size": "100"}, "digest": "d", "pin": f"{int(now)}.1"}
    return Walk.objects.create(bucket=bucket, **{**given, "created": now, "touched": now, **values})


def walk_path(walk: Walk, action: str = "") -> str:
    return f"/buckets/{walk.bucket.name}/export/{walk.pk}/{action}"


def whole_list(client: Client, bucket: Bucket, query: str, pin: str) -> list[str]:
    """Read a list page by page."""
    path = f"/buckets/{bucket.name}/jobs.json?{query}{'&' * bool(query)}pin={pin}"
    ids: list[str] = []
    while path:
        page = get(client, path).json()
        ids += [job["JobId"] for job in page["jobs"]]
        path = page["next"]
    return ids
