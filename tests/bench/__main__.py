"""Measures and prints; exit 1 where a bound is missed. One client process, the product in its own processes."""

from __future__ import annotations

import html
import itertools
import math
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

from devtools.messages import Failed
from tests.bench import sharing
from tests.bench.back import back
from tests.bench.browser import browser
from tests.bench.bulkheads import bulkheads, limited
from tests.bench.clone import clone
from tests.bench.exports import exports
from tests.bench.lighthouse import lighthouse
from tests.bench.live import live
from tests.bench.measure import Client, Report, exit_code, median_of_rounds, page_seconds, ready, resident_bytes
from tests.bench.overview import many, overview
from tests.bench.scale import scale
from tests.bench.stack import BUCKET, UPSTREAM_SECONDS, Stack, running
from tests.ports import free_port
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

LIST = f"/buckets/{BUCKET}/jobs/"
ROUNDS = 5
REQUESTS = 60
ASKERS = 30
WARM_ROWS = 50
"""Rows of a list whose size nobody chose."""
ROW = b'id="job-'
"""What each row's markup has once."""
PAIRS = 3000
"""Requests with metrics, and as many without."""

_names = itertools.count()


def cold_path() -> str:
    """Return the address of a list that nobody has asked for yet; it finds what the plain list finds."""
    return f"{LIST}?range={100_000 + next(_names)}m"


def warm_list(stack: Stack, report: Report) -> float:
    """A cached list of 50 rows against the empty base page; return the list's seconds."""
    client = Client(stack.port, stack.cookie)
    pinned = f"{LIST}?{_pin(client)}"
    for path in (pinned, "/bench/empty/") * 20:
        page_seconds(client, path)
    empty, rows = [], []
    for _ in range(ROUNDS):
        empty.append([page_seconds(client, "/bench/empty/") for _ in range(REQUESTS)])
        rows.append([page_seconds(client, pinned, ROW, WARM_ROWS) for _ in range(REQUESTS)])
    report.line("empty base page, median", median_of_rounds(empty) * 1000, None, " ms")
    report.line(f"warm list of {WARM_ROWS} rows, median", median_of_rounds(rows) * 1000, None, " ms")
    report.line("warm list : empty base page", median_of_rounds(rows) / median_of_rounds(empty), 3)
    return median_of_rounds(rows)


def metrics_cost(stack: Stack, warm: float, report: Report) -> None:
    """What counting takes of a warm request, whose seconds `warm` are: the same request with and without, by turns.

    Other work of the machine strikes both alike, and the median of the pairs' differences leaves out where it struck one
    alone. Which comes first is left to chance: the second of two might find the processor warmer.
    """
    client, chance = Client(stack.port, stack.cookie), random.Random(7)
    pinned = f"{LIST}?{_pin(client)}"
    for _ in range(50):
        client.get(pinned)
    differences, before = [], _counted(client)
    for _ in range(PAIRS):
        seconds = {}
        for uncounted in chance.sample("01", 2):
            seconds[uncounted], status, _body = client.get(pinned, {"Bench-Uncounted": uncounted})
            assert status == 200, status
        differences.append(seconds["0"] - seconds["1"])
    assert _counted(client) - before == PAIRS, "with and without metrics are not what they should be"
    client.close()
    cost = statistics.median(differences)
    # How far chance alone may move a median of so many: two of its standard errors.
    spread = statistics.quantiles(differences, n=4)
    error = 2 * 1.2533 * (spread[2] - spread[0]) / 1.349 / math.sqrt(PAIRS)
    report.line("metrics of a warm request, median of pairs", cost * 1_000_000, None, " µs")
    report.line("metrics of a warm request : the request", cost / warm * 100, 2, " %")
    # What chance moves by more than the bound proves nothing.
    report.line("    at most, whatever chance did", (cost + error) / warm * 100, 2, " %")


def _counted(client: Client) -> int:
    """Return how many lists web has counted."""
    found = re.findall(
        r'^batchlens_request_seconds_count\{[^}]*view="jobs:job_list"[^}]*\} (\S+)',
        client.get("/metrics")[2].decode(),
        re.M,
    )
    return round(sum(map(float, found)))


def _pin(client: Client) -> str:
    import json

    twin = ready(client, LIST.removesuffix("/") + ".json")
    return f"pin={json.loads(twin)['pin']}"


def cold_page(stack: Stack, report: Report) -> None:
    """A page that must be fetched, over what upstream itself takes, on a site where people read cached pages too."""
    client = Client(stack.port, stack.cookie)
    cached = f"{LIST}?{_pin(client)}"
    for _ in range(10):
        ready(client, cold_path())
    stack.emulator.clear_calls()
    rounds = []
    for _ in range(ROUNDS):
        taken = []
        for _ in range(REQUESTS):
            seconds, status, _body = client.get(cold_path())
            assert status == 200, status
            taken.append(seconds)
            _read(client, cached, 0.15)  # until the page ahead has come, so that it isn't measured with the next one
        rounds.append(taken)
    upstream = statistics.median(call.seconds or 0.0 for call in stack.emulator.calls(BUCKET))
    cold = median_of_rounds(rounds)
    report.line("upstream's own time, median", upstream * 1000, None, " ms")
    report.line("cold page, median", cold * 1000, None, " ms")
    report.line("cold page over upstream's own time, median", (cold - upstream) * 1000, 30, " ms")


def _read(client: Client, path: str, seconds: float) -> None:
    """Ask for a cached page again and again for a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert client.get(path)[1] == 200


def many_askers(stack: Stack, report: Report) -> None:
    """Thirty people who ask for one page at once: cold, against the same thirty on a cached page."""
    clients = [Client(stack.port, stack.cookie) for _ in range(ASKERS)]
    with ThreadPoolExecutor(ASKERS) as pool:

        def together(path: str) -> float:
            """Return seconds until the last one has the page."""
            start = threading.Barrier(ASKERS + 1)

            def ask(client: Client) -> None:
                start.wait()
                ready(client, path)

            asked = [pool.submit(ask, client) for client in clients]
            start.wait()
            began = time.perf_counter()
            for one in asked:
                one.result()
            return time.perf_counter() - began

        warm_path = f"{LIST}?{_pin(clients[0])}"
        for _ in range(3):
            together(warm_path)
        warm, cold = [], []
        for _ in range(ROUNDS * 3):
            warm.append(together(warm_path))
            cold.append(together(cold_path()))
    for client in clients:
        client.close()
    over = statistics.median(cold) - UPSTREAM_SECONDS
    report.line("30 askers of a cached page, last one, median", statistics.median(warm) * 1000, None, " ms")
    report.line("30 askers of a cold page, last one, over upstream's time, median", over * 1000, None, " ms")
    report.line("30 cold askers : 30 warm askers", over / statistics.median(warm), 2)


def redis_bytes(stack: Stack, report: Report) -> None:
    """What the cache needs for a job, against the XML it came as: all that a reader leaves who reads a list to its end."""
    from jobs import servers
    from jobs.cloudinfinite.client import Client as CloudInfinite
    from jobs.credentials import get
    from tests.emulators import REGION

    upstream = CloudInfinite(clock=time.time, endpoint=stack.emulator.endpoint)
    everything = stack.emulator.job_ids(BUCKET)
    answers = [upstream.get_job(BUCKET, REGION, get("default"), job_id).raw for job_id in everything[:100]]
    upstream.close()
    xml = statistics.mean(len(_element(answer).encode()) for answer in answers)

    with servers.cache_server().connection() as client:
        client.flushall()
    reader, path, jobs, documents = Client(stack.port, stack.cookie), LIST, 0, 0
    while path:
        page = ready(reader, path).decode()
        jobs, documents = jobs + page.count('id="job-'), documents + 1
        following = re.search(r'href="([^"]*)" rel="next"', page)
        path = html.unescape(following[1]) if following else ""
    assert jobs == len(everything), jobs
    with servers.cache_server().connection() as client:
        # Rendered rows are kept behind the reader; a scan may name a key twice.
        _wait_until(lambda: len(set(client.scan_iter(servers.cache_key("html:*")))) == documents)
        used: dict[str, int] = {}
        for key in set(client.scan_iter(servers.cache_key("*"))):
            kind = key.decode().removeprefix(servers.cache_key("")).partition(":")[0]
            used[kind] = used.get(kind, 0) + cast("Any", client).memory_usage(key, samples=0)
    report.line("XML of a job, mean", xml, None, " B")
    for kind, size in sorted(used.items(), key=lambda one: -one[1]):
        if size >= jobs:
            report.line(f"Redis bytes per cached job, in keys of the kind {kind}", size / jobs, None, " B")
    report.line("Redis bytes per cached job : its XML", sum(used.values()) / jobs / xml, 2)


def _element(answer: str) -> str:
    """Return the job alone of an answer to who asks for one job."""
    found = re.search(r"<JobsDetail>.*</JobsDetail>", answer, re.DOTALL)
    assert found, answer
    return found[0]


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def start(report: Report) -> None:
    """`./dev run` on a prepared machine: seconds to the first page, and the memory of everything."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CI_", "REDIS_", "DATABASE", "BUCKETS", "VAR_DIR"))}  # fmt: skip
    for warm in (False, True):
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "dev", "run", "--demo", "--port", str(port)],
            cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            while not _serves(port):
                assert process.poll() is None, "./dev run ended"
                assert time.perf_counter() - began < 120
                time.sleep(0.02)
            seconds = time.perf_counter() - began
            if warm:
                report.line("./dev run to the first page", seconds, 4, " s")
                client = Client(port, "")
                for path in (
                    "/",
                    "/buckets/media-live-1250000000/jobs/",
                    "/buckets/media-archive-1250000000/jobs/?size=100",
                ) * 10:
                    client.get(path)
                report.line("resident memory of everything", resident_bytes(process.pid) / 2**20, 350, " MB")
        finally:
            process.terminate()
            process.wait(15)


def _serves(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def pages(report: Report) -> None:
    """What one page costs, cached and cold, for one person and for thirty."""
    with running() as stack:
        metrics_cost(stack, warm_list(stack, report), report)
        cold_page(stack, report)
        many_askers(stack, report)
        redis_bytes(stack, report)


def shared(report: Report) -> None:
    """What many people cost upstream and one another."""
    with running() as stack:
        sharing.scrolling(stack, report)
        sharing.load(stack, report)
        sharing.viewers(stack, report)


PARTS: dict[str, Callable[[Report], None]] = {
    "pages": pages,
    "overview": overview,
    "many": many,
    "sharing": shared,
    "live": live,
    "back": back,
    "lighthouse": lighthouse,
    "bulkheads": bulkheads,
    "limited": limited,
    "scale": scale,
    "exports": exports,
    "browser": browser,
    "start": start,
}
BY_NAME: dict[str, Callable[[Report], None]] = {"clone": clone}
"""Needs more than this machine, so it is measured only where it is named."""


def _end(*_: object) -> None:
    """Let a part end what it has started; who asks for the end once more doesn't disturb it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _in_a_process_of_its_own(part: str) -> int:
    with subprocess.Popen([sys.executable, "-m", "tests.bench", part], cwd=ROOT) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            raise


def main() -> int:
    """Measure the parts that are named, or all that this machine is enough for, and return the exit code."""
    wanted, parts = sys.argv[1:] or list(PARTS), PARTS | BY_NAME
    if unknown := set(wanted) - set(parts):
        print(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(parts)}")  # noqa: T201 - as below
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    if len(wanted) > 1:
        # Each has its own servers and database, which the settings take from the environment once.
        return exit_code([_in_a_process_of_its_own(part) for part in wanted])
    report = Report()
    try:
        parts[wanted[0]](report)
    except Failed as error:
        print(f"{wanted[0]}: {error}")  # noqa: T201 - as below
        return 1
    for what in report.missed:
        print(f"MISSED: {what}")  # noqa: T201 - printing is what it is for
    return 1 if report.missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
