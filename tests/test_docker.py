"""The image: everything that its Dockerfile copies is there for whoever clones this, and is let through to the builder."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.processes import web

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent


def instructions() -> list[list[str]]:
    """Return the words of each instruction of the Dockerfile, one that goes on over several lines as one."""
    text = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.split() for line in text.splitlines() if re.match(r"[A-Z]+\s", line)]


def stages() -> list[list[list[str]]]:
    """Return the instructions of each stage."""
    begins = [place for place, words in enumerate(instructions()) if words[0] == "FROM"]
    return [instructions()[place:following] for place, following in zip(begins, [*begins[1:], None], strict=True)]


def copied() -> list[str]:
    """Return every source of a COPY or ADD that comes from the checkout."""
    copies = [words for words in instructions() if words[0] in {"COPY", "ADD"}]
    here = [words[1:] for words in copies if not any(word.startswith("--from=") for word in words)]
    return [word for words in here for word in words[:-1] if not word.startswith("--")]


def tracked(source: str) -> list[str]:
    """Return the files of git at, or below, a path."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", source], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listed.stdout.split("\0")[:-1]


def let_through(path: str) -> bool:
    """Tell whether .dockerignore lets a file through: the last line decides that names it or a folder around it."""
    through = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if re.fullmatch(f"{pattern}(?:/.*)?", path):
            through = line.startswith("!")
    return through


def test_the_dockerfile_copies_something() -> None:
    assert {"manage.py", "jobs", "docker/health.py"} <= set(copied())


@pytest.mark.parametrize("source", copied())
def test_what_the_image_is_made_from_is_in_git_and_reaches_the_builder(source: str) -> None:
    files = tracked(source)

    assert files, f"{source} is not in git"
    assert [path for path in files if not let_through(path)] == []


@pytest.mark.parametrize(
    "path", [".env", "docker/.env", "var/secret_key", "tests/conftest.py", "jobs/__pycache__/a.pyc"]
)
def test_what_is_no_part_of_the_image_stays_outside(path: str) -> None:
    assert not let_through(path)


def test_the_image_only_holds_what_a_first_stage_has_built() -> None:
    first, second = stages()
    name = first[0][first[0].index("AS") + 1]

    taken = [words[1] for words in second if words[0] == "COPY"]
    assert taken[:2] == [f"--from={name}"] * 2
    # What installs and compiles ran in the first, and left its leavings there.
    assert [words[1] for words in second if words[0] == "RUN"] == ["useradd"]


def test_nobody_in_the_image_is_root() -> None:
    _first, second = stages()
    names = [words[0] for words in second]
    users = [words[1] for words in second if words[0] == "USER"]

    # By number: whoever starts the image and demands that it isn't root can't look names up.
    assert [int(user) > 0 for user in users] == [True]
    assert names.index("RUN") < names.index("USER") < names.index("CMD")


def test_the_image_asks_itself_whether_it_is_well() -> None:
    (check,) = [words for words in instructions() if words[0] == "HEALTHCHECK"]
    command = " ".join(check).partition("CMD ")[2]

    assert json.loads(command) == ["python", "docker/health.py"]
    assert "docker/health.py" in copied()


# The health check --------------------------------------------------------------------------------------------------------


@pytest.fixture
def strict_port(tmp_path: Path) -> Iterator[int]:
    """The port of a web process as production runs it: https only, and under none of this machine's names."""
    process, address = web(tmp_path / "web.log", HTTPS="true", ALLOWED_HOSTS=".example.com,batchlens.internal")
    port = int(address.rpartition(":")[2])
    process = replace(process, ready=lambda: answers(port, "batchlens.internal")).start()
    yield port
    process.kill()


def answers(port: int, name: str) -> bool:
    """Tell whether the site on a port of the loopback answers to `name`."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        try:
            connection.request("GET", "/healthz", headers={"Host": name})
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False


def check(port: int, allowed_hosts: str) -> int:
    """Return the exit code of the health check in a container with these ALLOWED_HOSTS."""
    environment = {**os.environ, "ALLOWED_HOSTS": allowed_hosts}
    command = [sys.executable, "docker/health.py", str(port)]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=10).returncode


@pytest.mark.parametrize(
    ("allowed_hosts", "code"),
    [
        (".example.com,batchlens.internal", 0),
        ("batchlens.internal", 0),
        ("*", 1),  # it then asks for localhost, to which this site doesn't answer
        ("other.example.org", 1),
    ],
)
def test_container_is_healthy_while_its_site_answers_to_its_own_name(
    strict_port: int, allowed_hosts: str, code: int
) -> None:
    assert check(strict_port, allowed_hosts) == code


def test_container_whose_site_is_gone_is_not_healthy(tmp_path: Path) -> None:
    process, address = web(tmp_path / "web.log")
    port = int(address.rpartition(":")[2])
    process.start()
    assert check(port, "*") == 0

    process.kill()

    assert check(port, "*") == 1
