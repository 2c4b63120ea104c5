"""The Cloud Infinite emulator as a process, for tests: start it, set it up through its admin API, read its journal.

`conftest.py` imports the fixtures: `emulator`, one for the session, `pristine_emulator`, a process of the test's own, for
tests that change clock, switches or credentials, and `cloud`, one for the module and reset for each test, for the emulator's
own tests.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

import pytest

SECRET_ID = "EXAMPLE-SECRET-ID-0001"  # the pair that tests/services.py puts into the environment
SECRET_KEY = "EXAMPLE-SECRET-KEY-0001"
REGION = "ap-guangzhou"
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Call:
    """One entry of the journal; times are the emulator's, `seconds` is None while the call is in flight."""

    number: int
    time: float
    bucket: str
    region: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    credential: str
    in_flight: int
    status: int
    code: str
    request_id: str
    ids: tuple[str, ...]
    faults: tuple[str, ...]
    seconds: float | None
    states: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, str]:
        return dict(self.query)


@dataclass(frozen=True)
class JobSummary:
    """What the emulator says of a job that exists."""

    job_id: str
    type: str
    name: str
    state: str
    creation_time: str


class AdminError(Exception):
    """The admin API refused a call; carries status and text."""


class Emulator:
    """A running emulator. Use as a context manager, or call `stop`.

    `credentials` are (id, key) or (id, key, token) tuples; `now` fixes the clock's start; `options` are further options
    of its command line.
    """

    def __init__(
        self,
        *options: str,
        seed: int = 7,
        demo: bool = False,
        latency: float = 0.0,
        now: float | None = None,
        credentials: tuple[tuple[str, ...], ...] = ((SECRET_ID, SECRET_KEY),),
    ) -> None:
        command = [sys.executable, "-m", "jobs.cloudinfinite.emulator", "--seed", str(seed), "--latency", str(latency)]
        command += ["--demo"] * demo + ([] if now is None else ["--now", str(now)]) + list(options)
        pairs = ",".join(":".join(credential) for credential in credentials)
        environment = {**os.environ, "EMULATOR_CREDENTIALS": pairs}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        match = re.fullmatch(r"emulator listening on 127\.0\.0\.1:(\d+)\n", line)
        if match is None:
            self.stop()
            raise RuntimeError(f"the emulator did not start: {line!r}")
        self.port = int(match[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *trouble: object) -> None:
        self.stop()

    @property
    def endpoint(self) -> str:
        """For CI_ENDPOINT."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> int:
        """End the process; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()

    def admin(self, method: str, path: str, data: Any = None) -> Any:
        """Any admin call, `path` below /_emulator/. Raises AdminError."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            body = None if data is None else json.dumps(data).encode()
            connection.request(method, f"/_emulator/{path}", body)
            answer = connection.getresponse()
            result = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise AdminError(f"{answer.status} {result.get('error')}")
        return result

    def reset(self) -> None:
        """Everything as at the start: no buckets (or the demo's), switches, credentials, clock, empty journal."""
        self.admin("POST", "reset")

    # buckets and jobs

    def create_bucket(
        self,
        name: str,
        region: str = REGION,
        *,
        jobs: int = 0,
        seed: int | None = None,
        spread: int = 86_400,
        newest: int = 60,
        shape: str = "even",
        arrivals: tuple[int, int] | None = None,
        moving: bool = False,
        given: tuple[dict[str, Any], ...] = (),
        faults: tuple[dict[str, Any], ...] = (),
        latency: float | None = None,
        bound: bool = True,
        anchor: int | None = None,
    ) -> str:
        """Create or replace a bucket; returns its name. Arguments as in `emulator.generate.Recipe` and `store.add`."""
        spec = {
            "region": region, "jobs": jobs, "spread": spread, "newest": newest, "shape": shape, "arrivals": arrivals,
            "moving": moving, "given": given, "faults": faults, "latency": latency, "bound": bound, "anchor": anchor,
        }  # fmt: skip
        self.admin("PUT", f"buckets/{name}", spec if seed is None else {**spec, "seed": seed})
        return name

    def delete_bucket(self, name: str) -> None:
        self.admin("DELETE", f"buckets/{name}")

    def set_latency(self, seconds: float, bucket: str = "") -> None:
        """Seconds before each answer: of one bucket, or of all that have none of their own."""
        if bucket:
            self.admin("PATCH", f"buckets/{bucket}", {"latency": seconds})
        else:
            self.admin("PUT", "latency", {"seconds": seconds})

    def jobs(self, bucket: str) -> list[JobSummary]:
        """Every job that exists now, newest first: the truth to compare with."""
        rows = self.admin("GET", f"buckets/{bucket}/jobs")
        return [JobSummary(row["JobId"], row["Type"], row["Name"], row["State"], row["CreationTime"]) for row in rows]

    def job_ids(self, bucket: str) -> list[str]:
        return [job.job_id for job in self.jobs(bucket)]

    def add_job(self, bucket: str, **fields: Any) -> str:
        """Add a job, created now unless CreationTime is given; returns its JobId. None leaves a node out."""
        return str(self.admin("POST", f"buckets/{bucket}/jobs", fields)["JobId"])

    def change_job(self, bucket: str, job_id: str, **fields: Any) -> None:
        self.admin("PATCH", f"buckets/{bucket}/jobs/{quote(job_id, safe='')}", fields)

    def remove_job(self, bucket: str, job_id: str) -> None:
        self.admin("DELETE", f"buckets/{bucket}/jobs/{quote(job_id, safe='')}")

    # faults

    def set_faults(self, bucket: str, *faults: dict[str, Any]) -> None:
        """Replace the bucket's faults; without any, it is well again."""
        self.admin("PUT", f"buckets/{bucket}/faults", list(faults))

    def fault(self, bucket: str, kind: str, **parameters: Any) -> None:
        """Add one fault. Kinds and parameters: the emulator's package docstring. Bytes in `body` or `data` are taken."""
        for name in ("body", "data"):
            if isinstance(parameters.get(name), bytes):
                parameters[f"{name}_base64"] = base64.b64encode(parameters.pop(name)).decode()
        self.admin("POST", f"buckets/{bucket}/faults", {"kind": kind, **parameters})

    # the account

    def set_switches(self, **switches: str) -> None:
        """Names and values: `emulator.switches.CHOICES`."""
        self.admin("PATCH", "switches", switches)

    def set_credentials(self, *credentials: tuple[str, ...]) -> None:
        """The credentials known from now on, as (id, key) or (id, key, token)."""
        names = ("secret_id", "secret_key", "token")
        self.admin("PUT", "credentials", [dict(zip(names, one, strict=False)) for one in credentials])

    def add_credential(self, secret_id: str, secret_key: str, token: str = "") -> None:
        self.admin("POST", "credentials", {"secret_id": secret_id, "secret_key": secret_key, "token": token})

    def revoke_credential(self, secret_id: str) -> None:
        self.admin("DELETE", f"credentials/{quote(secret_id, safe='')}")

    # the clock

    def now(self) -> float:
        """CI's time, unix seconds."""
        return float(self.admin("GET", "clock")["now"])

    def shift_clock(self, offset: float) -> None:
        """Put the clock `offset` seconds away from where it began; 0 puts it right."""
        self.admin("PUT", "clock", {"offset": offset})

    def set_clock(self, now: float, *, frozen: bool = False) -> None:
        self.admin("PUT", "clock", {"now": now, "frozen": frozen})

    # the journal

    def calls(self, bucket: str = "", *, since: int = 0) -> list[Call]:
        """The calls of a bucket (or all), oldest first; `since` leaves out numbers up to it."""
        entries = self.admin("GET", f"journal?{urlencode({'bucket': bucket, 'since': since})}")
        return [
            Call(**{**entry, "query": tuple((name, value) for name, value in entry["query"]),
                    **{name: tuple(entry[name]) for name in ("ids", "states", "faults")}})
            for entry in entries
        ]  # fmt: skip

    def clear_calls(self) -> None:
        self.admin("DELETE", "journal")

    def calls_per_second(self) -> dict[int, dict[str, int]]:
        """Unix second to bucket to number of calls, over the last ten minutes."""
        return {int(second): count for second, count in self.admin("GET", "calls").items()}


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """One emulator for all tests of a process. Use bucket names of your own, and leave clock and switches alone."""
    with Emulator() as running:
        yield running


@pytest.fixture
def pristine_emulator() -> Iterator[Emulator]:
    """An emulator of the test's own, as at the start. Starting one takes a quarter of a second."""
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def module_emulator() -> Iterator[Emulator]:
    """The process behind `cloud`."""
    with Emulator() as running:
        yield running


@pytest.fixture
def cloud(module_emulator: Emulator) -> Emulator:
    """The module's own emulator, as at the start."""
    module_emulator.reset()
    return module_emulator
