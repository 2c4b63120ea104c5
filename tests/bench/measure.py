"""How numbers are taken and printed: medians of interleaved rounds, each bound beside its number."""

from __future__ import annotations

import gzip
import http.client
import re
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass
class Report:
    """The table that is printed, and whether a bound was missed."""

    missed: list[str] = field(default_factory=list)

    def line(self, what: str, value: float, bound: float | None, unit: str = "", *, at_least: bool = False) -> None:
        """Print one number with its bound, which it must not pass, or must reach."""
        verdict = ""
        if bound is not None:
            verdict = f"  (at {'least' if at_least else 'most'} {bound:g}{unit})"
            if (value < bound) if at_least else (value > bound):
                verdict += "  MISSED"
                self.missed.append(what)
        print(f"{what:<78} {value:8.2f}{unit}{verdict}", flush=True)  # noqa: T201 - printing is what it is for

    def note(self, text: str) -> None:
        """Print what was not measured here, and why."""
        print(text, flush=True)  # noqa: T201 - as above


def exit_code(parts: Iterable[int]) -> int:
    """Return 0 where every part ended with 0. One that was killed ends with the signal's number, negative."""
    return 1 if any(parts) else 0


class Client:
    """A signed-in browser's connection: keep-alive, one request at a time."""

    def __init__(self, port: int, cookie: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {"Cookie": cookie, "Accept-Language": "en", "Accept-Encoding": "gzip"}

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[float, int, bytes]:
        """Return seconds, status and body of one request; `headers` go beside those of every request."""
        sent = {**self._headers, **(headers or {})}
        began = time.perf_counter()
        self._connection.request("GET", path, headers=sent)
        answer = self._connection.getresponse()
        body = answer.read()
        seconds = time.perf_counter() - began
        return seconds, answer.status, gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" else body

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def page_seconds(client: Client, path: str, mark: bytes = b"", times: int = 0) -> float:
    """Return the seconds of one page, in which `mark` stands so many times: an answer in trouble may be quicker, and is none to measure."""
    seconds, status, body = client.get(path)
    assert status == 200, (path, status, body[:500])
    assert not mark or body.count(mark) == times, (path, mark, body.count(mark))
    return seconds


def ready(client: Client, path: str, *, as_browser: bool = False) -> bytes:
    """Return the body of a page once it is no longer pending, asking again at once or when a browser does."""
    deadline = time.monotonic() + 30
    while True:
        _seconds, status, body = client.get(path)
        if status == 200:
            return body
        assert status == 202, (path, status)
        assert time.monotonic() < deadline, path
        if as_browser:
            time.sleep(again_in(body))


def again_in(body: bytes) -> float:
    """Return the seconds after which a browser asks for a pending page again."""
    found = re.search(rb"load delay:([\d.]+)(ms|s)", body)
    assert found, body
    return float(found[1]) / (1000 if found[2] == b"ms" else 1)


def median_of_rounds(rounds: list[list[float]]) -> float:
    """Return the median of the rounds' medians."""
    return statistics.median(statistics.median(one) for one in rounds)


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and all its children."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except OSError:
            continue
        if int(fields["Pid"]) == pid:
            total += int(fields.get("VmRSS", "0 kB").split()[0]) * 1024
        elif int(fields["PPid"]) == pid:
            total += resident_bytes(int(fields["Pid"]))
    return total
