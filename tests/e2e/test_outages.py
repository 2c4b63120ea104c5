"""Many readers at once, a worker that is killed, a Redis that comes back empty: the page comes, by one call where it can."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.e2e.looking import list_path
from tests.e2e.sites import Reader, all_at_once, start_site
from tests.ports import free_port
from tests.services import start_valkey

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.models import Bucket
    from tests.e2e.sites import Site
    from tests.emulators import Emulator


def first_page_calls(emulator: Emulator, bucket: Bucket) -> int:
    """How often upstream was asked for the first page."""
    return sum("nextToken" not in call.parameters for call in emulator.calls(bucket.name))


def ids(twin: Any) -> list[str]:
    """The JobIds of a list's twin."""
    return [job["JobId"] for job in twin["jobs"]]


def test_fifty_simultaneous_cold_requests_make_one_call(
    open_site: Site, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=80, latency=0.2)
    path = list_path(bucket, twin=True)

    twins = all_at_once([partial(Reader(open_site).json, path)] * 50)

    assert {tuple(ids(twin)) for twin in twins} == {tuple(emulator.job_ids(bucket.name)[:50])}
    assert first_page_calls(emulator, bucket) == 1


def test_fifty_requests_over_five_seconds_on_a_relative_range_make_one_call(
    open_site: Site, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=20, spread=3600)
    path = list_path(bucket, "range=24h", twin=True)

    def ask_after(seconds: float) -> Any:
        time.sleep(seconds)  # readers who come one after another are what is tested
        return Reader(open_site).json(path)

    twins = all_at_once([partial(ask_after, number / 10) for number in range(50)])

    assert len({twin["pin"] for twin in twins}) == 1
    assert first_page_calls(emulator, bucket) == 1


def test_worker_killed_in_mid_fetch_costs_no_page(
    open_site: Site, new_bucket: Callable[..., Bucket], emulator: Emulator, until: Callable[[Callable[[], Any]], None]
) -> None:
    bucket = new_bucket(jobs=5, latency=1.5)
    reader, path = Reader(open_site), list_path(bucket, twin=True)
    assert reader.get(path).status_code == 202
    until(lambda: emulator.calls(bucket.name))

    open_site.worker.kill()
    open_site.worker.start()

    assert ids(reader.json(path)) == emulator.job_ids(bucket.name)


def test_redis_that_is_killed_and_comes_back_empty_costs_no_page(
    emulator: Emulator, new_bucket: Callable[..., Bucket], static_files: None
) -> None:
    bucket, ports = new_bucket(jobs=5), (free_port(), free_port())
    servers = [start_valkey(port) for port in ports]
    urls = [f"redis://127.0.0.1:{port}/0" for port in ports]
    site = start_site(emulator, ANONYMOUS_ACCESS="true", REDIS_URL=urls[0], REDIS_CACHE_URL=urls[1])
    reader, path = Reader(site), list_path(bucket, twin=True)
    try:
        reader.json(path)
        for server in servers:
            server.kill()
            server.wait()
        down = reader.get(path)
        servers = [start_valkey(port) for port in ports]

        again = ids(reader.json(path))
    finally:
        site.stop()
        for server in servers:
            server.kill()
            server.wait()

    assert (down.status_code, down.json()["problem"]["code"]) == (503, "redis_down")
    assert again == emulator.job_ids(bucket.name)
