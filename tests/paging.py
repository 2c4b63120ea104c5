"""Pages asked for as views ask, by a patient reader; and pages made old."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from jobs import cache, pages, servers
from jobs.cloudinfinite.schema import parse_time
from jobs.filters import JobFilter, View
from jobs.records import PageQuestion
from jobs.searches import Pending, Ready

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.models import Bucket
    from tests.emulators import Emulator


LIST = JobFilter(size=10)


def get(bucket: Bucket, job_filter: JobFilter = LIST, view: View | None = None) -> Any:
    """Ask as a patient reader does: again for as long as it is pending, who finds no place to wait in soon after."""
    return wait_for(
        lambda: pages.get_page(bucket, job_filter, view or View()), lambda answer: not isinstance(answer, Pending)
    )


def following(answer: Ready) -> View:
    assert answer.page.next is not None
    return View(pin=answer.page.pin, next_token=answer.page.next.next_token, after=parse_time(answer.page.next.after))


def ids(answer: Any) -> list[str]:
    assert isinstance(answer, Ready), answer
    return [row.job.job_id for row in answer.page.rows]


def list_calls(emulator: Emulator, bucket: Bucket, *, token: str | None = None) -> int:
    """How often upstream was asked for the page of `token` ("" is the first page)."""
    calls = emulator.calls(bucket.name)
    return sum(token is None or call.parameters.get("nextToken", "") == token for call in calls)


def make_stale(bucket: Bucket, answer: Ready) -> None:
    """Let the head's page be as old as if a minute had passed."""
    question = PageQuestion(bucket.name, LIST)
    key = servers.cache_key(f"page:{bucket.name}:{LIST.digest}:{answer.page.pin}:first")
    with servers.cache_server().connection() as client:
        changed = client.hset(key, "began", round((answer.page.as_of - 61) * 1000))
    assert changed == 0, "the page's key has another name now"
    assert cache.find_page(question, bucket.credential, person=False).page is not None


def emulator_time(emulator: Emulator, seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(int(emulator.now() + seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def wait_for(ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 10
    while not good(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.01)
    return answer
