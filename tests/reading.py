"""Pages read as people read them, while a real worker fetches: asked for until they come, scrolled, searched for what they show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bs4 import BeautifulSoup, Tag

if TYPE_CHECKING:
    from django.test import Client

    from jobs.models import Bucket

HTMX = {"HX-Request": "true"}
PORTAL = "https://portal.example.com"
UNBOUND = {"kind": "error", "status": 400, "code": "MediaBucketUnBinded", "message": "bucket unbinded"}
LONG_AGO = "2026-06-27T15:23:10+0800"
"""Some time before any pin; a job of this very second lies behind it."""


def path_of(bucket: Bucket, query: str = "", prefix: str = "") -> str:
    return f"{prefix}/buckets/{bucket.name}/jobs/{'?' * bool(query)}{query}"


def get(client: Client, path: str, target: str | None = None, **headers: str) -> Any:
    """Ask as a patient reader does: again for as long as it is pending. `target` is what htmx would replace."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if target is not None:
        headers |= {**HTMX, "HX-Target": target}
    for _ in range(40):
        response = client.get(path, headers=headers)
        if response.status_code != 202:
            break
    return response


def soup(response: Any) -> BeautifulSoup:
    return BeautifulSoup(response.content, "html.parser")


def one(tree: BeautifulSoup | Tag, selector: str) -> Tag:
    found = tree.select(selector)
    assert len(found) == 1, (selector, found)
    return found[0]


def row_ids(tree: BeautifulSoup | Tag) -> list[str]:
    return [str(row["id"]).removeprefix("job-") for row in tree.select('tr[id^="job-"]')]


def words(tag: Tag) -> str:
    return " ".join(tag.get_text(" ").split())


def scroll(client: Client, sentinel: Tag, document: str) -> Any:
    """Ask as a sentinel of the document at `document` does."""
    return get(client, str(sentinel["hx-get"]), "more", HX_Current_URL=document, **sent(sentinel))


def sent(sentinel: Tag) -> dict[str, str]:
    """What a sentinel sends besides."""
    return {name.replace("-", "_"): value for name, value in json.loads(str(sentinel["hx-headers"])).items()}
