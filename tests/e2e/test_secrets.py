"""A credential goes to Tencent in a signature and nowhere else: no log line, page, Redis value or process title shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from tests.canaries import (
    CANARY_ID,
    CANARY_KEY,
    CANARY_TOKEN,
    CREDENTIALS,
    database_texts,
    process_texts,
    server_texts,
    sightings,
)
from tests.e2e.looking import job_path, list_path
from tests.e2e.sites import Reader, own_database, start_site

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.models import Bucket
    from tests.emulators import Emulator

JOB_SECRETS = ("hush-in-user-data", "hush-in-callback")


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
        seen |= dict(server_texts(site.broker_url, site.cache_url))
        job = job_id in "".join(text for where, text in seen.items() if where.startswith(site.cache_url))
        message = '"size": "7"' in "".join(text for where, text in seen.items() if where.startswith(site.broker_url))
        assert (job, message) == (True, True)  # whoever looks so finds what is there
        site.worker.start()
        emulator.revoke_credential(CANARY_ID)
        for path in (list_path(denied), list_path(denied, twin=True)):
            seen[f"refused {path}"] = reader.patient(path).text
        seen |= {f"in the end {where}": text for where, text in server_texts(site.broker_url, site.cache_url)}
        titles = dict(process_texts())
    finally:
        site.stop()
    seen |= {"web's log": site.web.text(), "worker's log": site.worker.text()}
    seen |= titles | dict(database_texts(settings.DATABASES["default"]["NAME"]))

    assert "403" in seen["worker's log"] or "credentials" in seen["worker's log"]
    assert any("celery" in title for title in titles.values())
    assert sightings(seen.items(), (*CREDENTIALS, *JOB_SECRETS)) == []
