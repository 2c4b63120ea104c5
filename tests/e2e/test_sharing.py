"""One call for a page, whoever asks: fifty people, at once or within a few seconds, over HTTP."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from bs4 import BeautifulSoup

from tests.e2e.looking import job_path, list_path
from tests.e2e.sites import Reader, all_at_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.models import Bucket
    from tests.emulators import Emulator
    from tests.processes import Process

READERS = 50


def rows_of(reader: Reader, path: str) -> list[str]:
    """Return the rows of a page."""
    response = reader.patient(path)
    assert response.status_code == 200, response.text[:300]
    html = BeautifulSoup(response.content, "html.parser")
    return [str(row["id"]).removeprefix("job-") for row in html.select('tr[id^="job-"]')]


def first_page_calls(emulator: Emulator, bucket: Bucket) -> int:
    return sum("nextToken" not in call.parameters for call in emulator.calls(bucket.name))


@pytest.mark.parametrize("latency", [0.3, 2.5])
def test_fifty_at_once_make_one_call(
    reader: Reader, new_bucket: Callable[..., Bucket], emulator: Emulator, latency: float
) -> None:
    bucket = new_bucket(jobs=25, latency=latency)
    expected = emulator.job_ids(bucket.name)[:10]
    together = threading.Barrier(READERS)

    def look() -> list[str]:
        together.wait()
        return rows_of(reader, list_path(bucket, "size=10"))

    seen = all_at_once([look] * READERS)

    assert seen == [expected] * READERS
    assert first_page_calls(emulator, bucket) == 1


def test_fifty_within_five_seconds_make_one_call_for_a_relative_range(
    reader: Reader, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=25, latency=0.3, spread=3600)
    expected = emulator.job_ids(bucket.name)[:10]
    began = time.monotonic()

    def look(number: int) -> list[str]:
        # They are to come one after another, a tenth of a second apart: that is the test, not a wait for anything.
        time.sleep(max(0.0, began + number / 10 - time.monotonic()))
        return rows_of(reader, list_path(bucket, "size=10&range=24h"))

    seen = all_at_once([lambda number=number: look(number) for number in range(READERS)])  # type: ignore[misc]  # mypy can't infer a default

    assert seen == [expected] * READERS
    assert first_page_calls(emulator, bucket) == 1


def test_fifty_at_once_make_one_call_for_a_job(
    reader: Reader, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=1, latency=0.3)
    job_id = emulator.job_ids(bucket.name)[0]

    statuses = all_at_once([lambda: reader.patient(job_path(bucket, job_id)).status_code] * READERS)

    assert statuses == [200] * READERS
    assert len(emulator.calls(bucket.name)) == 1


def test_trouble_is_asked_for_once_by_fifty(
    reader: Reader, new_bucket: Callable[..., Bucket], emulator: Emulator
) -> None:
    bucket = new_bucket(latency=0.3, faults=({"kind": "error", "status": 403, "code": "AccessDenied"},))

    statuses = all_at_once([lambda: reader.patient(list_path(bucket)).status_code] * READERS)

    assert statuses == [403] * READERS
    assert len(emulator.calls(bucket.name)) == 1


FIRST_WAIT = 4.0
"""Seconds for which a reader of the patient site waits for a page."""


@pytest.fixture
def patient_reader(session_web: Callable[..., tuple[Process, str]], worker: Process, transactional_db: None) -> Reader:
    """Somebody who reads a site that lets its readers wait for long."""
    _process, address = session_web(ANONYMOUS_ACCESS="true", FIRST_WAIT=str(FIRST_WAIT))
    return Reader(address)


def test_full_house_of_waiting_readers_leaves_room_for_cached_pages(
    patient_reader: Reader,
    new_bucket: Callable[..., Bucket],
    emulator: Emulator,
    until: Callable[[Callable[[], bool]], None],
) -> None:
    reader = patient_reader
    warm, silent = new_bucket(jobs=5), new_bucket(faults=({"kind": "hang", "seconds": 8.0},))
    reader.patient(list_path(warm))
    crowd = [threading.Thread(target=reader.get, args=(list_path(silent),)) for _ in range(READERS)]
    for one in crowd:
        one.start()
    until(lambda: bool(emulator.calls(silent.name)))

    took = reader.get(list_path(warm)).elapsed.total_seconds()

    for one in crowd:
        one.join()
    assert (
        took < FIRST_WAIT - 1
    )  # else it came after those who wait, though pages for those who find no place are quick
