"""One id leads from what a reader was answered to upstream's own RequestId, through the logs of two processes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.e2e.looking import job_path, list_path
from tests.e2e.sites import Reader, own_database, start_site

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.models import Bucket
    from tests.emulators import Emulator
    from tests.processes import Process

CANARY_ID, CANARY_KEY = "CANARY-ID-5b1e", "CANARY-KEY-c077"


def lines(process: Process) -> list[dict[str, Any]]:
    """Return the log lines of a process. What Celery says to a terminal, at its beginning and its end, is none."""
    found = process.text().splitlines()
    assert [line for line in found if " INFO " in line or " ERROR " in line] == []
    return [json.loads(line) for line in found if line.startswith("{")]


def test_one_id_from_the_request_to_upstream(
    emulator: Emulator, new_bucket: Callable[..., Bucket], static_files: None
) -> None:
    emulator.add_credential(CANARY_ID, CANARY_KEY)
    site = start_site(
        emulator,
        ANONYMOUS_ACCESS="true",
        LOG_FORMAT="json",
        TRUST_REQUEST_ID="true",
        CI_SECRET_ID=CANARY_ID,
        CI_SECRET_KEY=CANARY_KEY,
        **own_database(9),
    )
    try:
        bucket = new_bucket(jobs=30)
        denied = new_bucket(
            jobs=1, faults=({"kind": "error", "status": 403, "code": "AccessDenied", "message": "Access Denied."},)
        )
        reader = Reader(site)
        answers = {
            name: reader.patient(path, X_Request_ID=f"from-the-proxy.{name}")
            for name, path in {
                "list": list_path(bucket, "name=hush&size=10"),
                "job": job_path(bucket, emulator.job_ids(bucket.name)[0], "raw"),
                "denied": list_path(denied, twin=True),
            }.items()
        }
        own = reader.get("/buckets.json").headers["X-Request-ID"]
    finally:
        site.stop()

    web, worker = lines(site.web), lines(site.worker)
    assert len(web) == len(site.web.text().splitlines())  # gunicorn's own lines are JSON as well
    calls = {call.request_id: call for name in (bucket.name, denied.name) for call in emulator.calls(name)}
    for name, answer in answers.items():
        trail = f"from-the-proxy.{name}"
        assert answer.headers["X-Request-ID"] == trail
        asked = [line for line in web if line["id"] == trail and line["logger"] == "dashboard.access"]
        assert asked[-1]["status"] == answer.status_code
        assert "hush" not in asked[-1]["path"]
        called = [
            line for line in worker if line["id"] == trail and line["logger"] == "jobs.upstream" and "class" in line
        ]
        assert called
        for line in called:
            assert calls[line["request_id"]].bucket == line["bucket"]
            assert line["class"] == ("permission" if name == "denied" else "ok")
            assert 0 <= line["seconds"] < 10
    assert [line["status"] for line in web if line["id"] == own] == [200]
    # Each call of the emulator's journal stands once in the worker's log, and no line about it lacks an id.
    assert sorted(line["request_id"] for line in worker if "class" in line) == sorted(calls)
    assert [line for line in worker if "class" in line and not line["id"]] == []
    written = site.web.text() + site.worker.text()
    assert [secret for secret in (CANARY_ID, CANARY_KEY, "q-signature", "hush") if secret in written] == []
