"""Somebody holds SQLite's write lock, as a backup or a long migration does: what only reads goes on, what writes says so."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from bs4 import BeautifulSoup
from django.conf import settings

from tests.e2e.looking import list_path
from tests.e2e.sites import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from jobs.models import Bucket
    from tests.e2e.sites import Site


def start_walk(reader: Reader, page: BeautifulSoup) -> requests.Response:
    """Press "count and export all": it puts a row into the database."""
    (button,) = page.select("main form")
    fields = {str(field["name"]): str(field["value"]) for field in button.select("input")}
    return reader.session.post(reader.address + str(button["action"]), fields, timeout=20, allow_redirects=False)


def test_pages_come_while_the_database_is_locked_and_what_writes_says_so_and_works_afterwards(
    open_site: Site, new_bucket: Callable[..., Bucket]
) -> None:
    bucket, reader = new_bucket(jobs=15), Reader(open_site)
    cached = reader.json(list_path(bucket, "size=10", twin=True))
    page = BeautifulSoup(reader.patient(f"/buckets/{bucket.name}/export/").text, "html.parser")

    with closing(sqlite3.connect(settings.DATABASES["default"]["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        again = reader.json(list_path(bucket, "size=10", twin=True))
        cold = reader.scroll(list_path(bucket, "size=5", twin=True))
        refused = start_walk(reader, page)
        other.execute("ROLLBACK")
    started = start_walk(reader, page)

    assert again["jobs"] == cached["jobs"]
    assert cold == open_site.emulator.job_ids(bucket.name)
    assert refused.status_code == 503
    assert "its disk may be full, or it is locked" in BeautifulSoup(refused.text, "html.parser").get_text()
    assert started.status_code == 303
    assert reader.get(started.headers["Location"]).status_code == 200
