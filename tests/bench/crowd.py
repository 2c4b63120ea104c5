"""Forty people who each open another list of one bucket and wait for it as a browser does: port, cookie and bucket are given."""

from __future__ import annotations

import os
import sys
import threading
import time
from http import HTTPStatus

from tests.bench.measure import Client, again_in

PEOPLE = 40
TOLD = {HTTPStatus.ACCEPTED, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
"""What may be said of a bucket that never answers: not yet, that there are too many who wait, or that it took too long."""


def wait_for_ever(port: int, cookie: str, path: str, asked: threading.Barrier) -> None:
    """Ask for `path` as often as its pending page does."""
    client = Client(port, cookie)
    waits_for: threading.Barrier | None = asked
    while True:
        _seconds, status, body = client.get(path)
        if status not in TOLD:
            # No crowd, then: whoever started this waits in vain for the word that all have asked, or finds nobody asking.
            print(f"{path}: {status} {body[:300]!r}", file=sys.stderr, flush=True)  # noqa: T201 - nobody else sees it
            os._exit(1)
        if waits_for:
            waits_for.wait()
            waits_for = None
        # Who is told that it failed presses "try again" after a while.
        time.sleep(again_in(body) if status == HTTPStatus.ACCEPTED else 2.0)


def main() -> None:
    """Open the links, say so, and go on until this process is ended."""
    port, cookie, bucket = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    asked = threading.Barrier(PEOPLE + 1)
    for number in range(PEOPLE):
        path = f"/buckets/{bucket}/jobs/?range={100_000 + number}m"
        threading.Thread(target=wait_for_ever, args=(port, cookie, path, asked), daemon=True).start()
    asked.wait()
    print("all have asked", flush=True)  # noqa: T201 - whoever started this waits for it
    threading.Event().wait()


if __name__ == "__main__":
    main()
