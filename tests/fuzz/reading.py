"""Lets a hostile answer be read, by the client alone or by the whole product, and says what is wrong with what was made of it.

Whatever is shown as a job must stand in the bytes that were sent, as the standard library reads them; what is no
well-formed answer must be a problem. What is in order must be shown whole.
"""

from __future__ import annotations

import base64
import json
import time
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.emulators import REGION
from tests.fuzz import truth
from tests.fuzz.addresses import CSRF, MARK
from tests.fuzz.answers import HUSHES, mutant
from tests.fuzz.firing import Result, in_lanes
from tests.fuzz.judging import INSIDE, problem_code
from tests.fuzz.stack import LANES, lane_credential
from tests.fuzz.wire import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.emulators import Emulator
    from tests.fuzz.answers import Mutant
    from tests.fuzz.stack import Stack
    from tests.fuzz.wire import Received

DEADLINE = 5.0
"""Seconds a call may take at most, and `LATE` a busy machine's more."""
LATE = 3.0
PROBLEMS = {200, 400, 403, 404, 409, 429, 502, 504}
"""Statuses that a page may have when upstream's answer is hostile. 503 would say that a task of ours broke."""
CREDENTIAL_CLASSES = {"credentials", "clock"}
PATIENCE = 25.0


def garbage(made: Mutant, now: float) -> dict[str, Any]:
    """Return the fault that sends exactly these bytes in place of an answer."""
    return {"kind": "garbage", "data_base64": base64.b64encode(made.wire(now)).decode()}


def truths(made: Mutant) -> list[truth.Truth]:
    """Return what may be shown of an answer: each honest reading that is a list."""
    found = [read for body in made.shown if (read := truth.read(body)) is not None]
    return [read for read in found if read.root == "Response"]


def must_show(made: Mutant, may: Sequence[truth.Truth]) -> bool:
    """Tell whether anything but its rows would be a loss."""
    return made.whole and len(may) == 1 and may[0].is_modest


def hidden(made: Mutant) -> list[str]:
    """Return the jobs' secrets that nothing may show of this answer."""
    bodies = [body for body in (*made.shown, made.body) if body]
    return [hush for hush in HUSHES if all(truth.must_hide(body, hush) for body in bodies)]


# The client alone ------------------------------------------------------------------------------------------------------


def read_by_client(emulator: Emulator, seed: int, first: int, count: int, *, lanes: int) -> Result:
    """Give answers to the client over a socket, and what it reads to what masks it."""
    from jobs.cloudinfinite.auth import Credential
    from jobs.cloudinfinite.client import Client

    client = Client(clock=time.time, endpoint=emulator.endpoint, deadline=DEADLINE, pool_size=lanes)
    buckets = [emulator.create_bucket(f"fuzz-client{lane}-1250000000") for lane in range(lanes)]
    result = Result()

    def read(lane: int, number: int) -> None:
        made = mutant(seed, number)
        may = truths(made)
        emulator.set_faults(buckets[lane], garbage(made, time.time()))
        credential = Credential(*lane_credential(lane % LANES))
        job_id = next((truth.job_id(job) for read in may for job in read.jobs if truth.job_id(job)), "b1")
        outcome, found = _list(client, buckets[lane], credential, made, may)
        found += _job(client, buckets[lane], credential, made, may, job_id) if number % 3 == 0 else []
        result.add(found, str(made), f"client {outcome}")

    try:
        in_lanes(range(first, first + count), lanes, read)
    finally:
        client.close()
    return result


def _list(client: Any, bucket: str, credential: Any, made: Mutant, may: Sequence[truth.Truth]) -> tuple[str, list[str]]:
    from jobs import fetch
    from jobs.cloudinfinite.exceptions import CloudInfiniteError

    began = time.monotonic()
    try:
        answer = client.list_jobs(bucket, REGION, credential)
    except CloudInfiniteError as error:
        late = ["too late"] if time.monotonic() - began > DEADLINE + LATE else []
        lost = [f"rows are lost: {error}"] if must_show(made, may) else []
        return error.kind, late + lost + _error(error, made)
    except Exception as error:  # noqa: BLE001 - that nothing else leaves the client is what is looked at
        return "crash", [f"{type(error).__name__} leaves the client: {error}"]
    trees = [job.tree for job in answer.jobs]
    if not any(trees == read.jobs for read in may):
        return "rows", ["rows that do not stand in the answer"]
    masked = [fetch._masked(job) for job in answer.jobs]
    text = json.dumps([row.to_primitives() for row in masked], ensure_ascii=False)
    found = [f"a masked job shows {hush}" for hush in hidden(made) if hush in text]
    for row, tree in zip(masked, trees, strict=True):
        if not truth.same(row.job.tree, tree, set(row.masked)):
            found.append("a mask changed more than it says")
    return "rows", found


def _job(client: Any, bucket: str, credential: Any, made: Mutant, may: Sequence[truth.Truth], job_id: str) -> list[str]:
    from jobs import fetch, masks
    from jobs.cloudinfinite.exceptions import CloudInfiniteError

    try:
        answer = client.get_job(bucket, REGION, credential, job_id)
    except CloudInfiniteError as error:
        return _error(error, made)
    except Exception as error:  # noqa: BLE001 - as above
        return [f"{type(error).__name__} leaves the client of one job: {error}"]
    if not any(answer.job.tree in read.jobs for read in may):
        return ["a job that does not stand in the answer"]
    row, raw = fetch._masked(answer.job), masks.mask_xml(answer.raw)
    if not fetch._shows_only(raw, row.job.tree):
        return []  # then it isn't shown
    return [f"masked XML shows {hush}" for hush in hidden(made) if hush in raw]


def _error(error: Any, made: Mutant) -> list[str]:
    from jobs.problems import Problem

    kept = json.dumps(Problem.from_exception(error, 0.0).to_primitives(), ensure_ascii=False) + str(error) + repr(error)
    found = [f"a problem shows {hush}" for hush in hidden(made) if hush in kept]
    return found + [f"a problem shows {lane_credential(0)[0]}"] * ("CANARY" in kept)


# The whole product -----------------------------------------------------------------------------------------------------


def read_by_product(stack: Stack, emulator: Emulator, seed: int, first: int, count: int) -> Result:
    """Let the worker fetch each answer and look at what pages and twins show of it.

    Answers with an odd Date move the clock that all share, so those come last, one after another.
    """
    from jobs.models import Bucket

    numbers = range(first, first + count)
    credentials = [f"lane{lane}" for lane in range(LANES)]
    dated = {number for number in numbers if mutant(seed, number).is_dated}
    result, problems = Result(), dict.fromkeys(range(LANES), False)

    def read(lane: int, number: int) -> None:
        made = mutant(seed, number)
        bucket = f"fuzz-answer{number}-1250000000"
        emulator.create_bucket(bucket, faults=(garbage(made, emulator.now()),))
        if problems[lane]:
            _forget_problems(stack, bucket)
        kind, found = _Look(stack, bucket, made).complaints()
        problems[lane] = kind in CREDENTIAL_CLASSES
        result.add(found, str(made), f"product {kind}")

    Bucket.objects.bulk_create(
        Bucket(name=f"fuzz-answer{number}-1250000000", region=REGION, credential=credentials[0]) for number in numbers
    )

    def in_lane(lane: int, number: int) -> None:
        Bucket.objects.filter(name=f"fuzz-answer{number}-1250000000").update(credential=credentials[lane])
        read(lane, number)

    in_lanes([number for number in numbers if number not in dated], LANES, in_lane)
    in_lanes(sorted(dated), 1, in_lane)
    return result


def _forget_problems(stack: Stack, bucket: str) -> None:
    """Press "try again" until what became of this lane's last answer isn't said of the next."""
    headers = ((b"X-CSRFToken", CSRF.encode()), (b"Content-Type", b"application/x-www-form-urlencoded"))
    press = Request("POST", f"/buckets/{bucket}/retry/".encode(), headers, b"next=/")
    look = Request("GET", f"/buckets.json?q={bucket}".encode())
    deadline = time.monotonic() + PATIENCE
    while True:
        assert stack.staff.ask(stack.places.host, press).status == 303
        listed = json.loads(stack.staff.ask(stack.places.host, look).body)["buckets"]
        if [bucket["problem"] for bucket in listed] == [None]:
            return
        assert time.monotonic() < deadline, listed


class _Page(HTMLParser):
    """The ids of a page's rows, the links in them, and whether there is an element that we never write."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.smuggled = self._in_row = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.smuggled |= (
            tag == MARK or (tag == "script" and "src" not in found) or any(name[:2] == "on" for name in found)
        )
        if tag == "tr":
            self._in_row = found.get("id", "").startswith("job-")
            if self._in_row:
                self.ids.append(found["id"].removeprefix("job-"))
        if tag == "a" and self._in_row:
            self.links.append(found["href"])


class _Look:
    """One answer as a member of staff sees it."""

    def __init__(self, stack: Stack, bucket: str, made: Mutant) -> None:
        self._stack, self._bucket, self._made = stack, bucket, made
        self._list = f"/buckets/{bucket}/jobs"
        self._may, self._hidden = truths(made), hidden(made)
        self._found: list[str] = []

    def complaints(self) -> tuple[str, list[str]]:
        """Return the class of the problem, or "rows", and what is wrong."""
        twin = self._own(f"{self._list}.json")
        kind = self._twin(twin)
        page = self._get(f"{self._list}/")
        html = _Page(page.body.decode(errors="replace"))
        if kind == "rows":
            ids = [job_id for job in json.loads(twin.body)["jobs"] if (job_id := truth.job_id(job))]
            if html.ids != [" ".join(job_id.split("\r")) if "\r" in job_id else job_id for job_id in ids]:
                self._found.append(f"the page's rows {html.ids[:5]} are not the twin's {ids[:5]}")
        elif html.ids:
            self._found.append("the page shows rows where its twin shows a problem")
        for link in html.links[:1]:
            self._job(link)
        return kind, self._found

    def _own(self, target: str) -> Received:
        """Return what is said of this answer. A problem of the credential may be another answer's that came late."""
        deadline = time.monotonic() + PATIENCE
        while True:
            twin = self._get(target)
            foreign = twin.status == 403 and must_show(self._made, self._may)
            if not foreign or time.monotonic() > deadline:
                return twin
            _forget_problems(self._stack, self._bucket)

    def _twin(self, answer: Received) -> str:
        try:
            data = json.loads(answer.body)
        except ValueError:
            self._found.append(f"the twin is no JSON, status {answer.status}")
            return "broken"
        if answer.status != 200:
            # A Date that the product's own clock contradicts says that no pin can be trusted, so no list is shown.
            code = str((data.get("problem") or {}).get("code"))
            is_unsteady = self._made.is_dated and code == "unsteady_clock"
            if must_show(self._made, self._may) and not is_unsteady:
                self._found.append(f"rows are lost: {answer.status} {str(data)[:300]}")
            return str((data.get("problem") or {}).get("class", f"status {answer.status}"))
        for read in self._may:
            true, shown = read.unique, data["jobs"]
            if len(true) == len(shown) and all(
                truth.same(left, right, set(left["_masked"])) for left, right in zip(shown, true, strict=True)
            ):
                return "rows"
        self._found.append("rows that do not stand in the answer")
        return "rows"

    def _job(self, link: str) -> None:
        path = link.partition("?")[0]
        for target in (
            link,
            f"{path}output/",
            f"{path}time-interval/",
            f"{path.removesuffix('/')}.json",
            f"{path}raw/",
        ):
            page = self._get(target)
            if page.status == 404 and not target.endswith("/raw/"):
                self._found.append(f"a row's link leads nowhere: {target[:200]}")

    def _get(self, target: str) -> Received:
        """Ask patiently, and look at what any answer must keep to."""
        request = Request("GET", quote(target, safe="/?=&%.:,-_~").encode())
        deadline = time.monotonic() + PATIENCE
        while True:
            received = self._stack.staff.ask(self._stack.places.host, request)
            # A Redis that took too long says nothing of the answer: on a busy machine one asks again.
            waits = received.status == 202 or problem_code(received) == "redis_down"
            if not waits or time.monotonic() > deadline:
                break
            time.sleep(0.1)  # as a page does by itself
        self._check(received, target)
        return received

    def _check(self, received: Received, target: str) -> None:
        text = f"{received.head}\n{received.body.decode(errors='replace')}"
        if received.status not in PROBLEMS:
            self._found.append(f"{target[:100]} answers {received.status} {problem_code(received)}")
        if received.status >= 500 and not problem_code(received):
            self._found.append(f"{target[:100]} answers {received.status} and no problem")
        self._found += [f"shows {word!r}" for word in (*self._stack.canaries, *INSIDE) if word in text]
        self._found += [f"{target[:100]} shows {hush}" for hush in self._hidden if hush in text]
        if received.kind == "text/html" and _Page(text).smuggled:
            self._found.append(f"markup of the answer stands in {target[:100]}")
