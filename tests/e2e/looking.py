"""What a person sees of a page in the browser: rows, the end of the list, a problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from jobs.models import Bucket
    from tests.emulators import Emulator

ROWS = 'tr[id^="job-"]'


def list_path(bucket: Bucket | str, query: str = "", *, twin: bool = False, prefix: str = "") -> str:
    """Return the address of a bucket's list, or of its JSON twin."""
    name = bucket if isinstance(bucket, str) else bucket.name
    return f"{prefix}/buckets/{name}/jobs{'.json' if twin else '/'}{'?' * bool(query)}{query}"


def job_path(bucket: Bucket | str, job_id: str, part: str = "", *, twin: bool = False, prefix: str = "") -> str:
    """Return the address of a job or of one of its parts, or of its JSON twin."""
    path = list_path(bucket, prefix=prefix) + job_id + (f"/{part}" if part else "")
    return f"{path}.json" if twin else f"{path}/"


def ids(page: Page) -> list[str]:
    """Return the JobIds of the rows, in order."""
    # One step in the page: rows may be added while one asks for them one by one, and this works without JavaScript too.
    names = page.locator(ROWS).evaluate_all("rows => rows.map(row => row.id)")
    return [str(name).removeprefix("job-") for name in names]


def calls_for_what_is_seen(emulator: Emulator, bucket: Bucket) -> int:
    """Count a bucket's calls but for those of a page ahead, which comes some moment or other: each asks by a token of its own."""
    tokens = [call.parameters.get("nextToken", "") for call in emulator.calls(bucket.name)]
    return len(tokens) - len({token for token in tokens if token})


def wait_for_rows(page: Page, count: int) -> None:
    """Wait until the list shows exactly `count` rows."""
    page.wait_for_function("([rows, count]) => document.querySelectorAll(rows).length === count", arg=[ROWS, count])


def wait_for_more_rows(page: Page, than: int) -> None:
    """Wait until the list shows more rows than it did."""
    page.wait_for_function("([rows, than]) => document.querySelectorAll(rows).length > than", arg=[ROWS, than])


def see_more(page: Page) -> None:
    """Go to the end of what is loaded, ask for more there if one must, and wait until it has come."""
    seen = len(ids(page))
    button = page.locator("#more[hx-get] .button")
    if button.count():
        button.click()
    else:
        page.evaluate("document.getElementById('more').scrollIntoView()")
    wait_for_more_rows(page, seen)
    wait_for_htmx(page)


def wait_for_htmx(page: Page) -> None:
    """Wait until no request of htmx is under way, and what has come is settled: only then do its elements answer to a click."""
    page.wait_for_function("() => !document.querySelector('.htmx-request, .htmx-settling')")


def wait_until_drawn(page: Page) -> None:
    """Wait until what has changed so far is on the screen, and what the page puts off until then is done."""
    page.evaluate(
        "() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(drawn))))"
    )
