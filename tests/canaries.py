"""Looks for a secret wherever somebody outside could see it: Redis, database, logs, process titles.

Alone responsible for what those places hold as text. Pages are looked at by whoever asks for them.
"""

from __future__ import annotations

import base64
import os
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import redis

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CANARY_ID, CANARY_KEY, CANARY_TOKEN = "CANARY-ID-7f3a", "CANARY-KEY-91c2", "CANARY-TOKEN-d04e"
SIGNATURE = "q-signature="
"""How a signed request can be told; whoever has the signature can repeat the request."""
CREDENTIALS = (CANARY_ID, CANARY_KEY, CANARY_TOKEN, SIGNATURE)

BASE64 = re.compile(rb"(?<=[\"'])(?:[A-Za-z0-9+/]{4}){6,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?(?=[\"'])")


def redis_texts(url: str) -> Iterator[str]:
    """Yield every key and value of a Redis, unpacked where it is packed."""
    with redis.Redis.from_url(url) as client:
        for name in client.scan_iter(count=1000):
            yield name.decode("latin-1")
            kind = client.type(name)
            if kind == b"none":
                continue  # it lapsed since it was named
            values = {
                b"string": lambda name: [client.get(name) or b""],
                b"hash": lambda name: [part for pair in client.hgetall(name).items() for part in pair],
                b"list": lambda name: client.lrange(name, 0, -1),
                b"set": client.smembers,
                b"zset": lambda name: client.zrange(name, 0, -1),
                b"stream": lambda name: [repr(client.xrange(name)).encode()],
            }[kind](name)
            for value in values:
                try:
                    yield zlib.decompress(value).decode()
                except zlib.error:
                    yield value.decode("latin-1")
                    # Celery's messages carry their content in base64.
                    yield from (base64.b64decode(found).decode("latin-1") for found in BASE64.findall(value))


def server_texts(*urls: str) -> Iterator[tuple[str, str]]:
    """Yield what `redis_texts` finds in each of these servers, each with where it stands."""
    for url in urls:
        for number, text in enumerate(redis_texts(url)):
            yield f"{url} {number}", text


def database_texts(path: str | Path) -> Iterator[tuple[str, str]]:
    """Yield what the files of a SQLite database hold, its journal among them."""
    for file in sorted(Path(path).parent.glob(f"{Path(path).name}*")):
        yield f"database {file.name}", file.read_bytes().decode("latin-1")


def process_texts() -> Iterator[tuple[str, str]]:
    """Yield command line and name of this process and of every process below it."""
    parents = {os.getpid()}
    while parents:
        for pid in parents:
            for what in ("cmdline", "comm"):
                try:
                    text = Path(f"/proc/{pid}/{what}").read_text(errors="replace")
                except OSError:
                    continue  # it ended since it was named
                yield f"{what} of process {pid}", text
        parents = {pid for pid, parent in _parents() if parent in parents}


def _parents() -> Iterator[tuple[int, int]]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        yield int(stat.parent.name), int(after_name[1])


def sightings(texts: Iterable[tuple[str, str]], secrets: Iterable[str]) -> list[tuple[str, str]]:
    """Return where which of the secrets stands in `texts`, pairs of a place and what it holds."""
    wanted = tuple(secrets)
    return [(where, secret) for where, text in texts for secret in wanted if secret in text]
