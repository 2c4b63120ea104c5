"""`./dev run` as a person meets it: what it refuses, what it serves, what comes back, and that nothing is left behind."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from devtools import redis
from devtools.checks import requirement_problems
from devtools.messages import Failed
from devtools.site import django_variables, read_site
from devtools.variables import is_of_account
from tests.emulators import REGION, SECRET_ID, SECRET_KEY, Emulator
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT = {"CI_SECRET_ID": SECRET_ID, "CI_SECRET_KEY": SECRET_KEY}
PATIENCE = 60.0
COMMANDS = {
    "worker": " celery ",
    "web": " gunicorn ",
    "emulator": "emulator",
    "broker": "broker.conf",
    "cache": "cache.conf",
}
"""What tells the processes of a demo apart."""
OF_BUILD_SYSTEMS = (
    "CI", "CI_COMMIT_SHA", "CI_JOB_ID", "CI_JOB_TOKEN", "CI_JOB_TIMEOUT", "CI_DEPLOY_PASSWORD",
    "CI_DEPENDENCY_PROXY_SERVER", "CI_RUNNER_SHORT_TOKEN", "CI_TRIGGER_SHORT_TOKEN", "CI_SERVER_TLS_KEY_FILE",
    "CI_SERVER_TLS_CERT_FILE", "CI_PROJECT_ID", "CI_MERGE_REQUEST_ID", "CI_CONCURRENT_ID", "CI_CONCURRENT_PROJECT_ID",
    "CI_ENVIRONMENT_ID", "CI_PIPELINE_URL", "CI_REGISTRY_PASSWORD", "CI_REPO_REMOTE_ID", "CI_NETRC_PASSWORD",
    "CI_TEAM_ID", "CI_PRODUCT_ID", "CI_DERIVED_DATA_PATH", "CI_NAME", "CI_TAG",
)  # fmt: skip
"""Of GitLab, Woodpecker and Xcode Cloud: what comes nearest to our names, and what everybody sets."""


class Run:
    """One `./dev run` on a free port, ended with the `with` block."""

    def __init__(self, var: Path | None, *options: str, checkout: str = str(ROOT), **variables: str) -> None:
        self.port = free_port()
        self.lines: list[str] = []
        self.starts: dict[str, int] = {}
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, Path(checkout, "dev"), "run", "--port", str(self.port), *options],
            env={"PATH": os.environ["PATH"], **({"VAR_DIR": str(var)} if var else {}), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def line(self, pattern: str, times: int = 1) -> str:
        """Wait until a line matches for the `times`-th time and return it."""

        def matching() -> list[str]:
            return [line for line in self.lines if re.search(pattern, line)]

        with self._changed:
            self._changed.wait_for(lambda: len(matching()) >= times or not self._reader.is_alive(), PATIENCE)
            assert len(matching()) >= times, "\n".join(self.lines)
            return matching()[times - 1]

    def get(self, path: str) -> tuple[int, str]:
        """Return status and text of a page; a redirect is not followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def wait_answer(self, path: str) -> str:
        """Return the text of a page or twin once upstream's answer is in it."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.get(path))[0] == 202:
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
        assert found[0] == 200, found
        return found[1]

    def wait_ready(self) -> None:
        """Wait until /readyz is well."""
        deadline = time.monotonic() + PATIENCE
        while self.get("/readyz")[0] != 200:
            assert time.monotonic() < deadline, self.get("/readyz")
            time.sleep(0.02)

    def processes(self) -> dict[int, str]:
        """Return pid -> command of every process below this one."""
        return below(self.process.pid)

    def note_starts(self) -> None:
        """Note when each process began, in the kernel's ticks: tests that kill some make them younger."""
        for name, pattern in COMMANDS.items():
            stat = Path(f"/proc/{self.pid(pattern)}/stat").read_text()
            self.starts[name] = int(stat.rpartition(")")[2].split()[19])

    def pid(self, pattern: str) -> int:
        """Return the process directly below this one whose command matches."""
        children = {pid: command for pid, command in self.processes().items() if re.search(pattern, command)}
        return min(children)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code


def below(root: int) -> dict[int, str]:
    """Return pid -> command of every living process below `root`."""
    listed = subprocess.run(["ps", "-axwwo", "pid=,ppid=,stat=,command="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 3) for line in listed.stdout.splitlines()]
    found: dict[int, str] = {}
    parents = {root}
    while parents:
        children = {int(row[0]): row[3] for row in rows if int(row[1]) in parents and not row[2].startswith("Z")}
        found |= children
        parents = set(children)
    return found


def wait_gone(pids: Mapping[int, str]) -> None:
    """Wait until none of these processes lives."""
    deadline = time.monotonic() + PATIENCE
    while left := {
        pid: command for pid, command in pids.items() if Path(f"/proc/{pid}").exists() and not is_zombie(pid)
    }:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def is_zombie(pid: int) -> bool:
    """Return whether the process has ended and only waits to be noticed."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for state; what is the same for every port is made once in it."""
    return tmp_path_factory.mktemp("var")


@pytest.fixture(scope="module")
def demo(var: Path) -> Iterator[Run]:
    """A demo that serves; tests may kill parts of it but leave it serving."""
    with Run(var) as run:
        run.line(r"Open http")
        run.note_starts()
        yield run


def refusal(*options: str, **variables: str) -> str:
    """Return the one line with which `./dev run` refuses to start."""
    done = subprocess.run(
        [sys.executable, ROOT / "dev", "run", *options],
        env={"PATH": os.environ["PATH"], "PORT": str(free_port()), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    return line


def files_of_the_checkout() -> list[str]:
    """Return the path of every file that git knows."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def copy_of_the_checkout(target: Path) -> Path:
    """Make a checkout that no other test writes to, without .venv, .cache and var; return its path."""
    for name in files_of_the_checkout():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    return target


# What it refuses ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("missing", sorted(ACCOUNT))
def test_half_a_credential_is_refused(missing: str) -> None:
    (there,) = set(ACCOUNT) - {missing}
    assert refusal(**{there: "EXAMPLE"}) == (
        f"dev: Half a credential: {there} is set, {missing} is not. Set both, or unset both for the demo."
    )


def test_half_a_named_credential_is_refused() -> None:
    line = refusal(**ACCOUNT, CI_TEAM_A_SECRET_ID="EXAMPLE")
    assert line.startswith("dev: Half a credential: CI_TEAM_A_SECRET_ID is set, CI_TEAM_A_SECRET_KEY is not.")


def test_a_security_token_alone_is_half_a_credential() -> None:
    line = refusal(CI_SECURITY_TOKEN="EXAMPLE")
    assert line.startswith("dev: Half a credential: CI_SECURITY_TOKEN is set, CI_SECRET_ID and CI_SECRET_KEY is not.")


def test_a_credential_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    line = refusal(CI_SECRET_ID="EXAMPLE", CI_SECRET_KEY_FILE=str(tmp_path / "none"))
    assert line == f"dev: CI_SECRET_KEY_FILE: {tmp_path / 'none'} can't be read (No such file or directory)."


@pytest.mark.parametrize("part", ["ID", "KEY"])
def test_a_credential_file_that_is_empty_is_named(part: str, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    variable = f"CI_SECRET_{part}_FILE"
    assert refusal(**{variable: str(tmp_path / "empty")}) == f"dev: {variable}: {tmp_path / 'empty'} is empty."


def test_an_empty_file_for_a_token_is_no_token_but_no_demo_either(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    token = {"CI_SECURITY_TOKEN_FILE": str(tmp_path / "empty")}
    assert not read_site(ACCOUNT | token, 8100).demo
    with pytest.raises(Failed, match=r"^CI_SECURITY_TOKEN_FILE is set, so this is not the demo; but"):
        read_site(token, 8100)


def test_buckets_without_a_credential_are_refused() -> None:
    assert refusal(BUCKETS="media-1250000000@ap-guangzhou") == (
        "dev: The bucket media-1250000000 has no credential: set CI_SECRET_ID and CI_SECRET_KEY, or run ./dev run --demo"
    )


def test_a_bucket_whose_named_credential_is_missing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "buckets").write_text(
        "# ours\na-1250000000@ap-guangzhou Ours = best\nb-1250000000@ap-guangzhou = team-b Their videos # theirs\n"
    )
    assert refusal(**ACCOUNT, BUCKETS_FILE=str(tmp_path / "buckets")) == (
        "dev: The bucket b-1250000000 has no credential: set CI_TEAM_B_SECRET_ID and CI_TEAM_B_SECRET_KEY,"
        " or run ./dev run --demo"
    )


def test_an_endpoint_alone_is_neither_demo_nor_account() -> None:
    line = refusal(CI_ENDPOINT="http://127.0.0.1:9")
    assert line.startswith("dev: CI_ENDPOINT is set, so this is not the demo; but there is no credential")


@pytest.mark.parametrize("limit", ["CI_RATE_BUCKET", "CI_RATE_CREDENTIAL", "CI_DEADLINE"])
def test_a_limit_alone_is_neither_demo_nor_account(limit: str) -> None:
    assert refusal(**{limit: "2"}) == (
        f"dev: {limit} is set, so this is not the demo; but there is no credential: set CI_SECRET_ID and CI_SECRET_KEY,"
        " or run ./dev run --demo"
    )


def test_misspelt_variables_are_refused_with_what_was_meant() -> None:
    assert refusal(CI_SECRET_IDD="x", CI_SECRET_KEYY="y") == (
        "dev: Unknown variable: CI_SECRET_IDD (did you mean CI_SECRET_ID?), CI_SECRET_KEYY (did you mean CI_SECRET_KEY?)."
        " Correct or unset it, or run ./dev run --demo"
    )


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("BUCKETS_FIL", "BUCKETS_FILE"),
        ("BUCKETSS", "BUCKETS"),
        ("CI_SECRETID", "CI_SECRET_ID"),
        ("CI_SECRT_KEY", "CI_SECRET_KEY"),
        ("CI_SECRET", "CI_SECRET_ID"),
        ("CI_SECRET_ID_FIL", "CI_SECRET_ID_FILE"),
        ("CI__SECRET_ID", "CI_SECRET_ID"),
        ("CI_2_SECRET_ID", "CI_SECRET_ID"),
        ("CI_Team_SECRET_ID", "CI_TEAM_SECRET_ID"),
        ("CI_TEAM_A_SECERT_KEY_FILE", "CI_TEAM_A_SECRET_KEY_FILE"),
        ("CI_SECURITY_TOKENS", "CI_SECURITY_TOKEN"),
        ("CI_SECRET_TOKEN", "CI_SECURITY_TOKEN"),
        ("CI_ENDPIONT", "CI_ENDPOINT"),
        ("CI_ENDPOINT_FILE", "CI_ENDPOINT"),
        ("CI_DEDLINE", "CI_DEADLINE"),
        ("CI_PORXY", "CI_PROXY"),
        ("CI_RATE_LIMIT", "CI_RATE_BUCKET"),
    ],
)
def test_a_misspelt_variable_never_starts_the_demo_nor_an_account(name: str, meant: str) -> None:
    for variables in ({name: "x"}, {**ACCOUNT, name: "x"}):
        with pytest.raises(Failed, match=rf"^Unknown variable: {name} \(did you mean {meant}\?\)\."):
            read_site(variables, 8100)
    assert read_site({name: "x"}, 8100, demo=True).given == {}


def test_a_busy_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        line = refusal(PORT=str(port))
    assert line.startswith(f"dev: Port {port} of 127.0.0.1 is taken.")


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_an_impossible_port_is_refused(port: str) -> None:
    assert refusal(PORT=port) == "dev: PORT must be a number from 1 to 65535."


@pytest.mark.parametrize("variable", ["REDIS_URL", "REDIS_CACHE_URL"])
def test_a_dead_redis_is_refused_without_its_password(variable: str) -> None:
    port = free_port()
    line = refusal(**{variable: f"redis://:EXAMPLE@127.0.0.1:{port}/0"})
    assert line == (
        f"dev: {variable}: no Redis that can be used at 127.0.0.1:{port} (Connection refused)."
        " Start it, or unset the variable: ./dev run then brings one."
    )


def test_a_redis_that_is_none_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        thread = threading.Thread(target=answer_as_web_server, args=(silent,))
        thread.start()
        line = refusal(REDIS_URL=f"redis://127.0.0.1:{silent.getsockname()[1]}")
        thread.join(PATIENCE)
    assert "it doesn't speak Redis's protocol" in line


def answer_as_web_server(server: socket.socket) -> None:
    """Answer one connection as something else than a Redis would."""
    connection, _ = server.accept()
    with connection:
        connection.recv(1024)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_the_same_redis_twice_is_refused_whatever_its_names() -> None:
    broker = os.environ["REDIS_URL"]
    line = refusal(REDIS_URL=broker, REDIS_CACHE_URL=broker.replace("127.0.0.1", "localhost"))
    assert line.startswith("dev: REDIS_URL and REDIS_CACHE_URL are the same server and database")


def test_two_databases_of_one_redis_are_told_apart() -> None:
    broker = os.environ["REDIS_URL"].removesuffix("/0")
    identities = {redis.identify("REDIS_URL", url) for url in (broker, f"{broker}/0", f"{broker}?db=0", f"{broker}/1")}
    assert len(identities) == 2


@pytest.mark.parametrize(
    ("variable", "text", "sentence"),
    [
        ("TIME_ZONE", "Mars/Base", "TIME_ZONE is 'Mars/Base', which is no known time zone. Write it like Asia/Shanghai."),
        ("WEB_THREADS", "abc", "WEB_THREADS is 'abc'. Write a whole number, 1 or more."),
        ("EMBED_ORIGINS", "portal.example.com",
         "EMBED_ORIGINS holds 'portal.example.com'. Write origins like https://portal.example.com"),
        ("CI_RATE_BUCKET", "-1", "CI_RATE_BUCKET is '-1'. Write a number, 0 or more."),
        ("BUCKETS", "nonsense", "BUCKETS, line 1, “nonsense”: write name-appid@region or name-appid@region=credential."),
    ],
)  # fmt: skip
def test_a_wrong_setting_ends_it_with_one_line(var: Path, variable: str, text: str, sentence: str) -> None:
    with Run(var, **{**ACCOUNT, variable: text}) as run:
        assert run.process.wait(PATIENCE) == 1
        assert run.line("^dev: ") == f"dev: {sentence}"
    # Before it: at most how the servers came, and nothing of how they went.
    assert not [line for line in run.lines if "SIGTERM" in line]
    assert [line for line in run.lines if not re.match(r"(broker|cache) +\| ", line)] == [f"dev: {sentence}"]
    assert run.lines[-1] == f"dev: {sentence}"


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_a_python_that_can_not_make_environments_is_told_how_to_learn_it(missing: str, tmp_path: Path) -> None:
    checkout = copy_of_the_checkout(tmp_path / "checkout")
    (tmp_path / "shim").mkdir()
    (tmp_path / "shim" / f"{missing}.py").write_text("raise ImportError('as Debian ships it')\n")
    done = subprocess.run(
        [sys.executable, checkout / "dev", "run", "--port", str(free_port())],
        # No uv either, which needs none of both.
        env={"PATH": str(tmp_path / "shim"), "PYTHONPATH": str(tmp_path / "shim")},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "dev: This Python can't make virtual environments. On Debian and Ubuntu:"
        f" apt install python3-venv (or python{sys.version_info[0]}.{sys.version_info[1]}-venv)\n"
    )
    assert not (checkout / ".venv").exists()


# Demo or real ---------------------------------------------------------------------------------------------------------
def test_it_is_the_demo_with_nothing_of_an_account_set() -> None:
    assert read_site({"PORT": "8100", "BUCKETS": "", "CI_SECRET_ID": "", "CI_SECRET_IDD": "", "BUCKETSS": ""}).demo


def test_what_build_systems_set_is_no_account() -> None:
    build = dict.fromkeys(OF_BUILD_SYSTEMS, "x")
    assert read_site(build, 8100).demo
    assert not read_site(build | ACCOUNT, 8100).demo


def test_every_variable_of_the_settings_that_is_about_an_account_is_known() -> None:
    settings = (ROOT / "dashboard" / "settings.py").read_text(encoding="utf-8")
    names = set(re.findall(r"\b(?:CI|BUCKETS)(?:_[A-Z]+)*\b(?=\", )", settings))
    assert {"BUCKETS", "BUCKETS_FILE", "CI_ENDPOINT", "CI_RATE_BUCKET"} <= names
    assert {name for name in names if not is_of_account(name)} == set()


@pytest.mark.parametrize("demo", [False, True])
def test_the_demo_never_uses_the_database_of_an_account(*, demo: bool, tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgres://example/real", "VAR_DIR": str(tmp_path)} | (ACCOUNT if demo else {})
    site = read_site(given, 8100, demo=demo)
    variables = django_variables(site, {})
    assert variables["DATABASE_URL"] == f"sqlite:///{tmp_path}/port-8100/demo.sqlite3"


def test_the_demo_that_is_asked_for_ignores_the_account_and_its_servers(tmp_path: Path) -> None:
    account = {**ACCOUNT, "BUCKETS": "media-1250000000@ap-guangzhou", "CI_ENDPOINT": "http://real", "CI_DEADLINE": "9"}
    site = read_site({**account, "REDIS_URL": "redis://real", "VAR_DIR": str(tmp_path)}, 8100, demo=True)
    variables = django_variables(site, {})
    assert site.redis == {}
    assert variables["CI_SECRET_ID"] == "EMULATOR-DEMO-SECRET-ID"
    assert "media-1250000000@" not in variables["BUCKETS"]
    assert variables["CI_ENDPOINT"] == "http://127.0.0.1:1"
    assert variables.keys().isdisjoint({"CI_DEADLINE", "REDIS_URL"})


def test_an_account_is_never_shown_as_demo_nor_to_everyone(tmp_path: Path) -> None:
    site = read_site({**ACCOUNT, "DEMO": "true", "VAR_DIR": str(tmp_path)}, 8100)
    variables = django_variables(site, {})
    assert (site.demo, variables["DEMO"], "ANONYMOUS_ACCESS" in variables) == (False, "false", False)


def test_two_ports_share_no_state_but_the_key(tmp_path: Path) -> None:
    sites = [read_site({**ACCOUNT, "VAR_DIR": str(tmp_path)}, port) for port in (8100, 8101)]
    first, second = (django_variables(site, {}) for site in sites)
    assert first["SECRET_KEY"] == second["SECRET_KEY"]
    assert {name for name in first if first[name] != second[name]} == {
        "DATABASE_URL",
        "SESSION_COOKIE_NAME",
        "CSRF_COOKIE_NAME",
        "PROMETHEUS_MULTIPROC_DIR",
    }
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(Failed, match="it is not text in UTF-8"):
        read_site({"CI_SECRET_ID_FILE": str(tmp_path / "key"), "CI_SECRET_KEY": "EXAMPLE"}, 8100)


def test_the_requirement_files_are_in_order() -> None:
    assert requirement_problems() == []


# What it serves, and what comes back ----------------------------------------------------------------------------------
def test_the_demo_serves_its_first_page_and_says_that_it_is_a_demo(demo: Run) -> None:
    status, page = demo.get("/")
    assert status == 200
    assert "Demo data" in page
    assert "Live production" in page
    assert demo.line(r"Open http") == f"dev      | Open http://127.0.0.1:{demo.port}/"


def test_everything_together_stays_under_350_mb(demo: Run) -> None:
    pids = [demo.process.pid, *demo.processes()]
    shares = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    kilobytes = sum(int(size) for share in shares for size in re.findall(r"^Pss:\s+(\d+)", share, re.MULTILINE))
    assert kilobytes < 350 * 1024


def test_what_others_need_starts_before_them(demo: Run) -> None:
    servers, users = (
        [demo.starts[name] for name in names] for names in (("emulator", "broker", "cache"), ("worker", "web"))
    )
    assert max(servers) < min(users)
    # The database comes between the two, and the address only with the first page.
    assert demo.line(r"Ready after|Open http").startswith("dev      | Ready after")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_process_that_is_killed_comes_back(demo: Run, name: str) -> None:
    before = sum(f"{name} ended" in line for line in demo.lines)
    os.kill(demo.pid(COMMANDS[name]), signal.SIGKILL)
    demo.line(rf"^dev      \| {name} ended \(killed by SIGKILL\) and starts again", before + 1)
    demo.wait_ready()
    assert demo.get("/")[0] == 200


def test_manage_talks_to_the_servers_of_the_running_site(demo: Run, var: Path) -> None:
    code = (
        "from jobs import clock, cache, servers; from django.conf import settings; clock.now();"
        "servers.ping(servers.cache_server()); print(settings.CI_ENDPOINT)"
    )
    printed = subprocess.run(
        [sys.executable, ROOT / "dev", "manage", "--port", str(demo.port), "shell", "--no-imports", "-c", code],
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(var)},
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    ).stdout
    assert printed.strip() == f"http://{demo.line(r'emulator listening').rpartition(' ')[2]}"


def test_a_second_run_on_the_same_port_is_refused_and_disturbs_nobody(demo: Run) -> None:
    line = refusal(PORT=str(demo.port))
    assert line.startswith(f"dev: Port {demo.port} of 127.0.0.1 is taken.")
    assert demo.get("/")[0] == 200


def test_an_account_without_buckets_starts_and_points_to_the_admin(var: Path) -> None:
    with Run(var, **ACCOUNT) as run:
        run.line(r"Open http")
        assert "BUCKETS is not set. Add buckets in the admin" in run.line(r"BUCKETS")
        link = run.line(r"Create the first admin, once").rpartition(f"http://127.0.0.1:{run.port}")[2]
        assert run.get(link)[0] == 200
        assert run.get("/")[0] == 302
    assert not any(ACCOUNT["CI_SECRET_KEY"] in line for line in run.lines)


def test_an_account_with_buckets_shows_its_own_jobs_and_no_demo(var: Path) -> None:
    bucket = "media-of-the-account-1250000000"
    with Emulator() as upstream:
        upstream.create_bucket(bucket, given=({"JobId": "bofthisaccount", "State": "Failed"},))
        account = {**ACCOUNT, "BUCKETS": f"{bucket}@{REGION}", "CI_ENDPOINT": upstream.endpoint}
        with Run(var, **account, ANONYMOUS_ACCESS="true") as run:
            run.line(r"Open http")
            twin = json.loads(run.wait_answer(f"/buckets/{bucket}/jobs.json"))
            home = run.get("/")[1]
            page = run.wait_answer(f"/buckets/{bucket}/jobs/")
        credentials = {call.credential for call in upstream.calls(bucket)}

    assert [job["JobId"] for job in twin["jobs"]] == ["bofthisaccount"]
    assert 'id="job-bofthisaccount"' in page
    assert credentials == {ACCOUNT["CI_SECRET_ID"]}
    # Nothing of the demo: neither its banner, nor its mark in the twin, nor its buckets, nor its upstream.
    assert "demo" not in twin
    assert "Demo data" not in home + page
    assert set(re.findall(r'href="/buckets/([^/"]+)/jobs/', home)) == {bucket}
    assert not [line for line in run.lines if line.startswith("emulator")]
    assert not any(ACCOUNT["CI_SECRET_KEY"] in line for line in run.lines)


def test_it_writes_nowhere_but_into_var(tmp_path: Path) -> None:
    checkout, home = copy_of_the_checkout(tmp_path / "checkout"), tmp_path / "home"
    home.mkdir()
    for name in (".venv", ".cache"):
        (checkout / name).symlink_to(ROOT / name)
    before = files_outside_var(checkout)
    with Run(None, "--demo", checkout=str(checkout), HOME=str(home)) as run:
        run.line(r"Open http")
        # The worker and the emulator have something to do as well.
        assert run.get("/buckets/media-live-1250000000/jobs/")[0] in {200, 202}
        assert run.get("/buckets/media-live-1250000000/jobs.json")[0] in {200, 202}
        assert run.end() == 0
    assert files_outside_var(checkout) == before
    assert list(home.iterdir()) == []
    assert (checkout / "var" / f"port-{run.port}" / "demo.sqlite3").is_file()


def files_outside_var(checkout: Path) -> dict[str, tuple[int, int]]:
    """Return path -> size and time of everything in a checkout, folders too, but for .venv, .cache, var and __pycache__."""
    found = {}
    for path in checkout.rglob("*"):
        relative = path.relative_to(checkout)
        if relative.parts[0] not in {".venv", ".cache", "var"} and "__pycache__" not in relative.parts:
            stat = path.stat()
            found[str(relative)] = (0, 0) if path.is_dir() else (stat.st_size, stat.st_mtime_ns)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_everything_within_twelve_seconds_and_leaves_nothing(var: Path, number: signal.Signals) -> None:
    with Run(var) as run:
        run.line(r"Open http")
        processes = run.processes()
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", run.port)) as idle:
            idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert idle.recv(4096).startswith(b"HTTP/1.1 200")
            code = run.end(number)
        assert (code, time.monotonic() - began < 12) == (0, True)
        assert {
            name for name in ("celery", "gunicorn", "emulator", "valkey") if name in " ".join(processes.values())
        } == {
            "celery",
            "gunicorn",
            "emulator",
            "valkey",
        }
        assert {pid for pid in processes if Path(f"/proc/{pid}").exists() and not is_zombie(pid)} == set()
        with pytest.raises(ConnectionRefusedError):
            run.get("/")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_even_killed_outright_it_leaves_nothing(var: Path) -> None:
    with Run(var) as run:
        run.line(r"Open http")
        processes = run.processes()
        run.end(signal.SIGKILL)
        wait_gone(processes)


def test_a_crash_loop_starts_again_ever_later_and_ends_everything_with_one_line(var: Path) -> None:
    with Run(var) as run:
        run.line(r"Open http")
        processes = run.processes()
        waits = []
        for time_killed in range(1, 5):
            os.kill(run.pid("emulator"), signal.SIGKILL)
            line = run.line(r"emulator ended \(killed by SIGKILL\) and starts again in [\d.]+ s$", time_killed)
            waits.append(float(line.split()[-2]))
            run.line(r"^emulator \| emulator listening", time_killed + 1)
        os.kill(run.pid("emulator"), signal.SIGKILL)
        assert run.process.wait(PATIENCE) == 1
        assert waits == [0.2, 0.4, 0.8, 1.6]
        assert run.line(r"^dev: ") == (
            "dev: emulator ended 5 times within 30 seconds (killed by SIGKILL); its own lines above say why."
        )
        wait_gone(processes)
