"""An export of a long list against a loop of Tencent's own SDK over the same emulator: wall time, and memory by length."""

from __future__ import annotations

import http.client
import json
import os
import re
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.measure import resident_bytes
from tests.bench.stack import running
from tests.sdk import sdk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.measure import Report
    from tests.bench.stack import Stack

SHORT, LONG = 2_000, 20_000
BUCKETS = {SHORT: "exports-short-1250000000", LONG: "exports-long-1250000000"}
SIZE = 100
LOOK_EVERY = 0.2
SAMPLE_EVERY = 0.5
"""Seconds between two looks at the memory: each reads of every process of the machine, which takes a while."""
WARM = 8
GROWTH = 16
"""Megabytes that ten times the jobs may cost besides: the worker keeps some hundred bytes for each job's id. The jobs themselves
would be many times that."""
ROUNDS = 2


def exports(report: Report) -> None:
    """The short list first, and often: what any thread needs once is there by then."""
    with running(*BUCKETS.values()) as stack:
        for jobs, bucket in BUCKETS.items():
            stack.emulator.create_bucket(bucket, jobs=jobs, spread=7 * 86_400)
        for _ in range(WARM):
            _export(stack, SHORT)
        short, _, short_memory = _export(stack, SHORT)
        rounds = [(_loop(stack), *_export(stack, LONG)) for _ in range(ROUNDS)]
    # Whatever else the machine does can only cost seconds; memory counts where it was most.
    theirs, ours, table = (min(one[place] for one in rounds) for place in range(3))
    memory = max(one[3] for one in rounds)
    report.line(f"loop of the SDK over {LONG:,} jobs, to JSON Lines", theirs, None, " s")
    report.line(f"export of {LONG:,} jobs, to JSON Lines", ours, None, " s")
    report.line("the same as CSV besides", table, None, " s")
    report.line("export : loop of the SDK", ours / theirs, 1)
    report.line(f"export of {SHORT:,} jobs", short, None, " s")
    report.line(f"worker and web at their largest, {SHORT:,} jobs", short_memory / 2**20, None, " MB")
    report.line(
        f"worker and web at their largest, {LONG:,} jobs, over that", (memory - short_memory) / 2**20, GROWTH, " MB"
    )


def _loop(stack: Stack) -> float:
    """Return the seconds in which somebody with the SDK has all jobs in a file."""
    client, token = sdk(stack.emulator), ""
    began = time.perf_counter()
    with (Path(os.environ["VAR_DIR"]) / "sdk.jsonl").open("w", encoding="utf-8") as file:
        count = 0
        while True:
            data = client.ci_list_inventory_trigger_jobs(
                Bucket=BUCKETS[LONG], Size=SIZE, NextToken=token, Type="", EndCreationTime=_now()
            )
            for job in data.get("JobsDetail", []):
                file.write(json.dumps(job, ensure_ascii=False) + "\n")
                count += 1
            token = data.get("NextToken") or ""
            if not token:
                break
    assert count == LONG, count
    return time.perf_counter() - began


def _now() -> str:
    return f"{datetime.now(UTC) - timedelta(seconds=2):%Y-%m-%dT%H:%M:%S+0000}"


def _export(stack: Stack, jobs: int) -> tuple[float, float, int]:
    """Return the seconds from the button to the last line, those for the CSV besides, and the bytes of worker and web at their
    largest."""
    most, done = [0], threading.Event()
    sampler = threading.Thread(target=_sample, args=(stack, most, done))
    sampler.start()
    try:
        began = time.perf_counter()
        twin = _walk(stack, BUCKETS[jobs])
        lines = sum(chunk.count(b"\n") for chunk in _read(stack, twin["files"]["jsonl"]))
        assert lines == jobs + 1, lines
        seconds, began = time.perf_counter() - began, time.perf_counter()
        for _chunk in _read(stack, twin["files"]["csv"]):
            pass
        return seconds, time.perf_counter() - began, most[0]
    finally:
        done.set()
        sampler.join()


def _sample(stack: Stack, most: list[int], done: threading.Event) -> None:
    while not done.wait(SAMPLE_EVERY):
        most[0] = max(most[0], resident_bytes(stack.web_pid) + resident_bytes(stack.worker_pid))


def _walk(stack: Stack, bucket: str) -> dict[str, Any]:
    """Start a walk as a browser does; return its twin once it is done."""
    pin = f"{int(time.time()) - 2}.{int(time.time() * 1000)}"
    path = f"/buckets/{bucket}/export/?pin={pin}"
    token = None
    while token is None:  # the page that offers it waits for the first page of the list
        page = _ask(stack, "GET", path).decode()
        token = re.search(
            r'action="[^"]*/export/[^"]*"><input type="hidden" name="csrfmiddlewaretoken" value="([^"]*)"', page
        )
    where = _ask(stack, "POST", path, f"csrfmiddlewaretoken={token[1]}").decode()
    while True:
        twin: dict[str, Any] = json.loads(_ask(stack, "GET", where.rstrip("/") + ".json"))
        if twin["state"] == "done":
            return twin
        assert twin["state"] in {"waiting", "walking"}, twin
        time.sleep(LOOK_EVERY)  # nothing wakes who looks from outside


_cookies: dict[str, str] = {}


def _ask(stack: Stack, method: str, path: str, body: str = "") -> bytes:
    """Return the body of an answer, or where it leads."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=30)
    cookies = "; ".join([stack.cookie, *(f"{name}={value}" for name, value in _cookies.items())])
    headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded", "Accept-Language": "en"}
    connection.request(method, path, body or None, headers)
    answer = connection.getresponse()
    for cookie in answer.headers.get_all("Set-Cookie") or []:
        name, _, value = cookie.partition(";")[0].partition("=")
        _cookies[name] = value
    found = answer.read()
    connection.close()
    assert answer.status in {200, 202, 303}, (path, answer.status, found[:500])
    return answer.headers["Location"].encode() if answer.status == 303 else found


def _read(stack: Stack, path: str) -> Iterator[bytes]:
    """Yield a file as it comes."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=30)
    connection.request("GET", path, headers={"Cookie": stack.cookie})
    answer = connection.getresponse()
    assert answer.status == 200, (path, answer.status)
    while chunk := answer.read(65_536):
        yield chunk
    connection.close()
