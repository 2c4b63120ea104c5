"""Lighthouse's judgement of a list and of a job page: medians of accessibility, best practices and performance.

Its desktop preset is taken: who watches batch jobs sits at a desk, and with the mobile preset, which takes everything for
four times as long, a machine that is busy would decide. Whoever looks is signed in by a cookie. Lighthouse needs a Node.js and
comes from npm into .cache when it is first asked for.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devtools.environment import tool, works
from devtools.files import CACHE, REQUIREMENTS, digest, only_one
from devtools.messages import Failed, say
from jobs.cloudinfinite.emulator import DEMO_BUCKETS
from tests.bench.chromium import FLAGS, chromium
from tests.bench.measure import Client, ready
from tests.bench.stack import running

if TYPE_CHECKING:
    from tests.bench.measure import Report

ROUNDS = 5
TRIES = 3
"""A browser on a busy machine now and then leaves out of its trace what Lighthouse looks for."""
BOUNDS = {"accessibility": 100, "best-practices": 100, "performance": 95}
"""Category -> the points that it must reach, of a hundred."""
NODE = (22, 19)
"""The oldest Node.js that the pinned Lighthouse runs on."""
PINS = ("package.json", "package-lock.json", ".npmrc")


def lighthouse(report: Report) -> None:
    """Judge both pages in turn, from a cache that holds them."""
    node = _node()
    command, browser = [node, _installed(node)], chromium()
    speeds = []
    with running() as stack:
        bucket = stack.new_bucket("seen-1250000000", **DEMO_BUCKETS[0].spec)
        listing = f"/buckets/{bucket}/jobs/"
        pages = {"list": listing, "job page": f"{listing}{stack.emulator.job_ids(bucket)[3]}/"}
        client = Client(stack.port, stack.cookie)
        points: dict[str, list[dict[str, float]]] = {name: [] for name in pages}
        lost: dict[str, set[str]] = {name: set() for name in pages}
        for _ in range(ROUNDS):
            for name, path in pages.items():
                ready(client, path)
                judged = _judge(command, browser, f"http://127.0.0.1:{stack.port}{path}", stack.cookie)
                points[name].append({kind: (judged["categories"][kind]["score"] or 0) * 100 for kind in BOUNDS})
                lost[name] |= set(_lost(judged))
                speeds.append(judged["environment"]["benchmarkIndex"])
        client.close()
    for name in pages:
        for kind, bound in BOUNDS.items():
            median = statistics.median(one[kind] for one in points[name])
            report.line(f"Lighthouse {kind} of a {name}, median", median, bound, at_least=True)
        for audit in sorted(lost[name]):
            print(f"    cost points now and then: {audit}")  # noqa: T201 - printing is what a bench is for
    # A desktop has 1,000 and more. Far below that, the points tell of who else uses this machine.
    report.line("Lighthouse's benchmark index of this machine, median", statistics.median(speeds), None)


def _judge(command: list[str], browser: str, address: str, cookie: str) -> dict[str, Any]:
    """Return Lighthouse's report of one visit by whom `cookie` signs in.

    Raises:
        Failed: it made none, however often it tried.
    """
    with tempfile.TemporaryDirectory() as folder:
        headers, told = Path(folder) / "headers.json", Path(folder) / "report.json"
        headers.write_text(json.dumps({"Cookie": cookie, "Accept-Language": "en"}), encoding="utf-8")
        options = [
            address, "--quiet", "--preset=desktop", "--output=json", f"--output-path={told}", f"--extra-headers={headers}",
            f"--only-categories={','.join(BOUNDS)}", "--no-enable-error-reporting",
            f"--chrome-flags={' '.join(('--headless=new', *FLAGS))}",
        ]  # fmt: skip
        variables = {**os.environ, "CHROME_PATH": browser}
        for _ in range(TRIES):
            ran = subprocess.run([*command, *options], env=variables, check=False, timeout=180)
            if ran.returncode == 0:
                found: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
                return found
    raise Failed(f"Lighthouse could not judge {address}: its lines above say why.")


def _lost(judged: dict[str, Any]) -> list[str]:
    """Return the audits that cost a category points, with what Lighthouse says of them."""
    lost = []
    for kind in BOUNDS:
        for one in judged["categories"][kind]["auditRefs"]:
            audit = judged["audits"][one["id"]]
            if one["weight"] and audit["score"] is not None and audit["score"] < 0.95:
                lost.append(f"{one['id']}: {audit['title']}")
    return lost


def _node() -> str:
    """Return a Node.js that is new enough: the one that the tests' requirements bring, else the machine's.

    Raises:
        Failed: there is none.
    """
    for program in (tool("node"), shutil.which("node")):
        if program and works(program, "--version"):
            ran = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
            version = tuple(int(part) for part in ran.stdout.strip().removeprefix("v").split(".")[:2])
            if version >= NODE:
                return program
    raise Failed(
        f"The part lighthouse needs Node.js {'.'.join(map(str, NODE))} or newer. Install it, or name other parts."
    )


def _installed(node: str) -> str:
    """Return Lighthouse's script, installed by npm first where it isn't what is pinned.

    Raises:
        Failed: npm can't install it.
    """
    source, folder = REQUIREMENTS / "lighthouse", CACHE / "lighthouse"
    pinned = digest(*((source / name).read_bytes() for name in PINS))
    stamp = folder / "stamp"
    with only_one(CACHE / "lighthouse.lock"):
        if not (stamp.exists() and stamp.read_text(encoding="utf-8") == pinned):
            say("Installing Lighthouse into .cache (once, 180 MB)")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for name in PINS:
                shutil.copy(source / name, folder / name)
            # npm starts whatever `node` comes first.
            variables = os.environ | {
                "PATH": f"{Path(node).parent}{os.pathsep}{os.environ['PATH']}",
                "npm_config_cache": str(CACHE / "npm"),
            }
            npm = shutil.which("npm", path=variables["PATH"])
            command = [npm or "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
            if not npm or subprocess.run(command, cwd=folder, env=variables, check=False).returncode != 0:
                raise Failed("npm can't install Lighthouse: its lines above say why. Try again, or name other parts.")
            stamp.write_text(pinned, encoding="utf-8")
    return str(folder / "node_modules" / "lighthouse" / "cli" / "index.js")
