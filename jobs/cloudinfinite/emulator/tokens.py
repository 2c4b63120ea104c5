"""NextToken texts: opaque to clients, and always holding `+`, `/` and `=`, so that careless encoding shows.

Alone responsible for how a place in a list is written. An offset token holds a number of rows to skip in the filtered
list: rows shift under it when jobs come or leave. A cursor token holds the last row sent: they don't.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import dataclass

_PREFIX = "C+/"


@dataclass(frozen=True)
class Offset:
    """Skip so many rows of the filtered list."""

    rows: int


@dataclass(frozen=True)
class Cursor:
    """Go on behind this row: its creation (unix seconds) and JobId."""

    created: int
    job_id: str


Place = Offset | Cursor


def write(place: Place, bucket: str, serial: int, now: float) -> str:
    """The token for a place, written at `now` (unix seconds). `serial` makes two tokens for one place differ, as CI may."""
    body = [place.rows] if isinstance(place, Offset) else [place.created, place.job_id]
    text = json.dumps([serial, int(now), *body], separators=(",", ":"))
    payload = f"{zlib.crc32(f'{bucket}{text}'.encode()):08x}{text}"
    payload += " " * (len(payload) % 3 == 0)  # a length that leaves padding, so that the text ends in "="
    return _PREFIX + base64.b64encode(payload.encode()).decode()


def read(token: str, bucket: str, not_before: float) -> Place | None:
    """The place a token of this bucket stands for.

    None when it is unknown here, belongs to another bucket, or was written before `not_before` (unix seconds).
    """
    try:
        payload = base64.b64decode(token.removeprefix(_PREFIX), validate=True).decode()
    except (ValueError, binascii.Error):
        return None
    check, text = payload[:8], payload[8:].rstrip()
    if not token.startswith(_PREFIX) or check != f"{zlib.crc32(f'{bucket}{text}'.encode()):08x}":
        return None
    _, written, *body = json.loads(text)
    if written < not_before:
        return None
    return Offset(body[0]) if len(body) == 1 else Cursor(body[0], body[1])
