"""From `git clone` to the first page, as the README promises: with Python alone, and with uv beside it where this machine has it.

It installs what the requirement files pin, over whatever network pip and uv have here, so it is measured only where it is named:
`./dev bench clone`. Nothing that this machine's user has lies in the way: HOME is empty, and PATH leads to Python (and uv) alone.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from devtools.messages import Failed
from tests.bench.measure import Client, ready
from tests.ports import free_port
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.bench.measure import Report

CLONE_TO_PAGE = 90
"""Seconds that are promised."""
LONGEST = 300.0
"""Seconds after which nobody waits any more."""
ENDS_WITHIN = 15.0
"""Seconds that `./dev run` has to end."""
LIST = "/buckets/media-live-1250000000/jobs/"
"""Of the demo."""
ACCOUNT = {"CI_SECRET_ID": "EXAMPLE-SECRET-ID-0001", "CI_SECRET_KEY": "EXAMPLE-SECRET-KEY-0001"}
NETWORK = re.compile(r"PIP_|UV_|SSL_|(https?|all|no)_proxy$", re.IGNORECASE)
"""What variables are called, or begin with, by which pip and uv find their index here."""


def clone(report: Report) -> None:
    """A clone for each way to install: `./dev run` with nothing set, and once more with an account, as who tries it goes on."""
    for name in ("pip", "uv"):
        if name == "uv" and not shutil.which("uv"):
            report.note("git clone to the first page, with uv: there is none on PATH, so it was not measured")
            continue
        with tempfile.TemporaryDirectory(prefix="batchlens-clone-") as folder:
            _measure(Path(folder), name, report)


def _measure(folder: Path, name: str, report: Report) -> None:
    variables = _bare(folder, with_uv=name == "uv")
    checkout = folder / "batchlens"
    began = time.perf_counter()
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout)], check=True)
    with _running(checkout, variables) as site:
        page = site.opened(r"\| Open (http\S+)$")
        seconds = time.perf_counter() - began
        assert b"Demo data" in page
        assert ready(site.client, LIST).count(b'id="job-') > 0
        # Where uv can't reach its index, pip does the work, and this would be pip's number.
        assert (checkout / ".venv" / "bin" / "pip").exists() == (name == "pip"), site.text()
    report.line(f"git clone to the first page, installed by {name}", seconds, CLONE_TO_PAGE, " s")
    began = time.perf_counter()
    with _running(checkout, {**variables, **ACCOUNT}) as site:
        page = site.opened(r"Create the first admin, once, within a day: (http\S+)$")
        report.line("the one-time link of a first start with an account", time.perf_counter() - began, None, " s")
        assert b'name="password1"' in page


def _bare(folder: Path, *, with_uv: bool) -> dict[str, str]:
    """Return the variables of a machine with nothing but Python, and uv where it is wanted: an empty HOME, and a PATH to them alone."""
    programs = {"python3": Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")}
    if with_uv:
        programs["uv"] = Path(shutil.which("uv") or "")
    (folder / "home").mkdir()
    (folder / "bin").mkdir()
    for name, program in programs.items():
        # No link: Python would look for its library around it.
        (folder / "bin" / name).write_text(f'#!/bin/sh\nexec "{program}" "$@"\n')
        (folder / "bin" / name).chmod(0o755)
    network = {name: text for name, text in os.environ.items() if NETWORK.match(name)}
    return {**network, "HOME": str(folder / "home"), "PATH": str(folder / "bin")}


class _Site:
    """A `./dev run` and what it has said."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, port: int) -> None:
        self.client = Client(port, "")
        self._process = process
        self._log = log

    def text(self) -> str:
        """Return what it has said so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def opened(self, line: str) -> bytes:
        """Wait for the line that gives an address, and return the page that it leads to."""
        deadline = time.monotonic() + LONGEST
        while not (found := re.search(line, self.text(), re.MULTILINE)):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"./dev run serves nothing:\n{self.text()}")
            time.sleep(0.02)  # nothing wakes who looks from outside
        address = urlsplit(found[1])
        _seconds, status, body = self.client.get(address.path)
        assert status == 200, (address.path, status, body[:500])
        return body


@contextmanager
def _running(checkout: Path, variables: Mapping[str, str]) -> Iterator[_Site]:
    """Run `./dev run` while the block runs; none of its processes outlives it."""
    port, log = free_port(), checkout.parent / f"{checkout.name}-{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["./dev", "run", "--port", str(port)],
            cwd=checkout, env=dict(variables), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    site = _Site(process, log, port)
    try:
        yield site
    finally:
        site.client.close()
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(ENDS_WITHIN)
        # What it installs by would else go on for a moment, in a folder that is gone.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
