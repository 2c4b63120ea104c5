"""A credential goes to Tencent in a signature and nowhere else: no log line, page, Redis value or process title shows it."""

from __future__ import annotations

import base64
import re
import subprocess
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import redis
from django.conf import settings

from tests.e2e.looking import job_path, list_path
from tests.e2e.sites import Reader, own_database, start_site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobs.models import Bucket
    from tests.e2e.sites import Site
    from tests.emulators import Emulator

CANARY_ID, CANARY_KEY, CANARY_TOKEN = "CANARY-ID-7f3a", "CANARY-KEY-91c2", "CANARY-TOKEN-d04e"
BASE64 = re.compile(rb"(?<=[\"'])(?:[A-Za-z0-9+/]{4}){6,}[A-Za-z0-9+/=]{0,4}(?=[\"'])")
JOB_SECRETS = ("hush-in-user-data", "hush-in-callback")


def redis_texts(url: str) -> Iterator[str]:
    """Yield every key and value of a Redis, unpacked where it is packed."""
    with redis.Redis.from_url(url) as client:
        for name in client.scan_iter():
            yield name.decode("latin-1")
            kind = client.type(name)
            values = {
                b"string": lambda name: [client.get(name)],
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


def all_redis_texts(site: Site) -> dict[str, str]:
    """Return what `redis_texts` finds in both servers of a site, by where it stands."""
    return {
        f"{url} {number}": text
        for url in (site.broker_url, site.cache_url)
        for number, text in enumerate(redis_texts(url))
    }


def test_no_secret_is_seen_anywhere(emulator: Emulator, new_bucket: Callable[..., Bucket], static_files: None) -> None:
    emulator.add_credential(CANARY_ID, CANARY_KEY, CANARY_TOKEN)
    site = start_site(
        emulator,
        ANONYMOUS_ACCESS="true",
        DEBUG="false",
        CI_SECRET_ID=CANARY_ID,
        CI_SECRET_KEY=CANARY_KEY,
        CI_SECURITY_TOKEN=CANARY_TOKEN,
        **own_database(3),
    )
    seen: dict[str, str] = {}
    try:
        bucket, denied = new_bucket(jobs=30), new_bucket(jobs=1)
        job_id = emulator.add_job(
            bucket.name,
            CreationTime="2023-11-14T01:00:02+0800",
            Operation={
                "UserData": f"token={JOB_SECRETS[0]}",
                "CallBack": f"https://h.example.com/{JOB_SECRETS[1]}?sign={JOB_SECRETS[1]}",
            },
        )
        reader = Reader(site)
        paths = ["/", "/buckets.json", "/readyz", "/metrics", list_path(bucket), list_path(bucket, twin=True)]
        paths += [job_path(bucket, job_id, part) for part in ("operation", "output", "time-interval", "input", "raw")]
        paths += [job_path(bucket, job_id, twin=True), job_path(bucket, job_id, "raw", twin=True)]
        for path in paths:
            seen[path] = reader.patient(path).text
        # A message that nobody takes: what goes to the worker is looked at, too.
        site.worker.stop()
        reader.get(list_path(bucket, "size=7"))
        seen |= all_redis_texts(site)
        job = job_id in "".join(text for where, text in seen.items() if where.startswith(site.cache_url))
        message = '"size": "7"' in "".join(text for where, text in seen.items() if where.startswith(site.broker_url))
        assert (job, message) == (True, True)  # whoever looks so finds what is there
        site.worker.start()
        emulator.revoke_credential(CANARY_ID)
        for path in (list_path(denied), list_path(denied, twin=True)):
            seen[f"refused {path}"] = reader.patient(path).text
        seen |= {f"in the end {where}": text for where, text in all_redis_texts(site).items()}
        seen["titles"] = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    finally:
        site.stop()
    seen |= {"web's log": site.web.text(), "worker's log": site.worker.text()}
    seen["database"] = Path(settings.DATABASES["default"]["NAME"]).read_bytes().decode("latin-1")

    assert "403" in seen["worker's log"] or "credentials" in seen["worker's log"]
    assert [
        (where, secret)
        for where, text in seen.items()
        for secret in (CANARY_ID, CANARY_KEY, CANARY_TOKEN, "q-signature=", *JOB_SECRETS)
        if secret in text
    ] == []
