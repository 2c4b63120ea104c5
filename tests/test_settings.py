"""Settings: what the environment means, and that nothing is looser than it must be."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from dashboard.settings import credentials_from_environment, secret

ROOT = Path(__file__).resolve().parent.parent


def settings_with(*names: str, **environment: str) -> Any:
    """Return the settings `names` as a fresh process sees them, or the last line of its complaint."""
    code = f"import json; from django.conf import settings; print(json.dumps([getattr(settings, name) for name in {names}]))"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "dashboard.settings", **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(ended.stdout) if ended.returncode == 0 else ended.stderr.strip().splitlines()[-1]


def test_credentials_are_found_by_their_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CI_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "CI_SECRET_ID": "a",
        "CI_SECRET_KEY_FILE": "/run/key",
        "CI_TEAM_A_SECRET_ID": "b",
        "CI_TEAM_A_SECURITY_TOKEN": "t",
        "CI_EMPTY_SECRET_ID": "",
        "CI_ENDPOINT": "http://x",
        "CI_RATE_BUCKET": "5",
        "NOT_CI_SECRET_ID": "c",
    }.items():
        monkeypatch.setenv(name, value)

    assert credentials_from_environment() == {
        "default": {"SECRET_ID": "a", "SECRET_KEY_FILE": "/run/key"},
        "team-a": {"SECRET_ID": "b", "SECURITY_TOKEN": "t"},
    }


def test_a_secret_comes_from_its_file_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from the file\n")
    monkeypatch.setenv("SOME_SECRET", "from the variable")

    first = secret("SOME_SECRET")
    monkeypatch.setenv("SOME_SECRET_FILE", str(tmp_path / "key"))

    assert (first, secret("SOME_SECRET")) == ("from the variable", "from the file")


def test_without_a_word_everything_is_tight() -> None:
    names = ("DEBUG", "HTTPS", "SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "ALLOWED_HOSTS",
             "ANONYMOUS_ACCESS", "DEMO", "EMBED_ORIGINS", "X_FRAME_OPTIONS")  # fmt: skip

    # The empty text is how this process's own variable is taken back.
    assert settings_with(*names, HTTPS="true", ALLOWED_HOSTS="") == [
        False, True, True, True, True, [], False, False, [], "DENY",
    ]  # fmt: skip


def test_the_example_loosens_nothing_for_those_who_copy_it() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    active = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    active["SECRET_KEY"] = "x" * 50
    names = ("DEBUG", "HTTPS", "SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS",
             "ANONYMOUS_ACCESS", "DEMO", "EMBED_ORIGINS", "ALLOWED_HOSTS")  # fmt: skip

    assert settings_with(*names, **{"HTTPS": "", **active}) == [
        False, True, True, True, True, 31_536_000, False, False, [], ["localhost", "127.0.0.1"],
    ]  # fmt: skip


# The example names every variable ------------------------------------------------------------------------------------

READERS = {"several", "secret", "switch", "number", "whole_number", "time_zone", "database"}
"""Functions of the settings that read the variable which they are told."""
READ_ELSEWHERE = {"PORT", "BIND", "POSTGRES_PASSWORD"}
"""By ./dev run and compose.yaml."""


def read_by(path: str) -> set[str]:
    """Return the variables that a file reads."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function, name = ast.unparse(node.func), str(node.args[0].value)
            if function in READERS or function in {"env.str", "env.list", "os.environ.get"}:
                found.add(name)
            if function == "secret":
                found.add(f"{name}_FILE")
    return found


def example() -> tuple[dict[str, str], dict[str, str]]:
    """Return the example's variables with their values, commented out or not: those of a site, and those of sample data."""
    site, _, demo = (ROOT / ".env.example").read_text(encoding="utf-8").partition("# Sample data")
    return values_in(site), values_in(demo)


def values_in(text: str) -> dict[str, str]:
    return dict(re.findall(r"^#?([A-Z][A-Z_]*)=(.*)$", text, re.MULTILINE))


def test_the_example_names_every_variable_that_is_read() -> None:
    read = read_by("dashboard/settings.py") | read_by("docker/gunicorn.conf.py")
    assert {"SECRET_KEY_FILE", "CI_PROXY", "CSRF_COOKIE_NAME", "WEB_THREADS", "PROMETHEUS_MULTIPROC_DIR"} <= read

    site, demo = example()
    named = {*site, *demo}
    of_credentials = {"CI_SECRET_ID", "CI_SECRET_KEY", "CI_SECURITY_TOKEN"}
    assert sorted(read - named) == []
    assert sorted(named - read - of_credentials - READ_ELSEWHERE) == []


def test_the_examples_values_are_those_that_hold_without_them() -> None:
    shown = {name: value for name, value in example()[0].items() if value and hasattr(settings, name)}
    shown.pop("ALLOWED_HOSTS")  # It is no comment: over https there is no value that would be right for all.
    assert len(shown) > 15

    held = settings_with(*shown, **dict.fromkeys(shown, ""))

    assert isinstance(held, list), held
    assert {name: as_written(value) for name, value in zip(shown, held, strict=True)} == shown


def as_written(value: object) -> str:
    """Return a setting as it is written into a variable."""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def test_variables_that_are_empty_mean_the_same_as_none() -> None:
    databases, *names = settings_with(
        "DATABASES", "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME",
        DATABASE_URL="", VAR_DIR="", SESSION_COOKIE_NAME="", CSRF_COOKIE_NAME="",
    )  # fmt: skip

    assert databases["default"]["NAME"] == str(ROOT / "var" / "batchlens.sqlite3")
    assert names == ["sessionid", "csrftoken"]


def test_the_policy_for_content_allows_nothing_inline_and_nothing_foreign() -> None:
    (policy,) = settings_with("CONTENT_SECURITY_POLICY")

    assert {source for sources in policy["DIRECTIVES"].values() for source in sources} == {"'none'", "'self'", "data:"}


@pytest.mark.parametrize(
    "origin", ["*", "portal.example.com", "https://portal.example.com/path", "https://a b", "'self'; x"]
)
def test_embed_origins_that_are_none_are_refused(origin: str) -> None:
    assert settings_with("DEBUG", EMBED_ORIGINS=origin).startswith(
        "django.core.exceptions.ImproperlyConfigured: EMBED_ORIGINS holds"
    )


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("TIME_ZONE", "Mars/Base", "is 'Mars/Base', which is no known time zone. Write it like Asia/Shanghai."),
        ("TIME_ZONE", "../etc/passwd", "is '../etc/passwd', which is no known time zone. Write it like Asia/Shanghai."),
        ("TIME_ZONE", "Asia", "is 'Asia', which is no known time zone. Write it like Asia/Shanghai."),
        ("OVERVIEW_REFRESH", "5", "is 5. Write 15 seconds or more, or 0."),
        ("WEB_THREADS", "abc", "is 'abc'. Write a whole number, 1 or more."),
        ("WEB_THREADS", "0", "is '0'. Write a whole number, 1 or more."),
        ("WORKER_THREADS", "-1", "is '-1'. Write a whole number, 1 or more."),
        ("WORKER_THREADS", "2.5", "is '2.5'. Write a whole number, 1 or more."),
        ("MISS_BUDGET", "-1", "is '-1'. Write a whole number, 0 or more."),
        ("CI_DEADLINE", "0", "is '0'. Write a number, more than 0."),
        ("CI_DEADLINE", "5s", "is '5s'. Write a number, more than 0."),
        ("FETCH_DEADLINE", "nan", "is 'nan'. Write a number, more than 0."),
        ("FIRST_WAIT", "inf", "is 'inf'. Write a number, 0 or more."),
        ("CI_RATE_BUCKET", "-1", "is '-1'. Write a number, 0 or more."),
        ("CI_RATE_CREDENTIAL", "many", "is 'many'. Write a number, 0 or more."),
        ("HTTPS", "ture", "is 'ture'. Write true or false."),
        ("DATABASE_URL", "hunter22", "is not the address of a database. Write postgres://user:password@host/name."),
        ("DATABASE_URL", "postgres://u:hunter22@host:port/x",
         "is not the address of a database. Write postgres://user:password@host/name."),
        ("SECRET_KEY_FILE", "/none", "does not point to a text file that can be read."),
    ],
)  # fmt: skip
def test_a_value_that_can_not_be_is_said_in_one_sentence(name: str, text: str, sentence: str) -> None:
    expected = f"django.core.exceptions.ImproperlyConfigured: {name} {sentence}"

    assert settings_with("DEBUG", **{name: text}) == expected


def test_zero_is_no_limit_and_an_empty_variable_is_none() -> None:
    names = ("CI_RATE_BUCKET", "MISS_BUDGET", "FIRST_WAIT", "CI_DEADLINE", "WEB_THREADS", "TIME_ZONE", "HTTPS")
    zeros = {"CI_RATE_BUCKET": "0", "MISS_BUDGET": "0", "FIRST_WAIT": "0"}
    empty = {"CI_DEADLINE": "", "WEB_THREADS": "", "TIME_ZONE": "", "HTTPS": ""}

    assert settings_with(*names, **zeros, **empty) == [0, 0, 0, 5, 32, "Asia/Shanghai", True]


def test_postgres_that_hangs_is_given_up() -> None:
    (databases,) = settings_with("DATABASES", DATABASE_URL="postgres://someone@db.example/batchlens")

    assert databases["default"]["OPTIONS"] == {
        "connect_timeout": 3,
        "options": "-c statement_timeout=5000",
        "tcp_user_timeout": 5000,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
    }


def test_what_the_address_of_postgres_says_itself_stands() -> None:
    query = "connect_timeout=9&options=-c%20statement_timeout%3D60000&sslmode=require"

    (databases,) = settings_with("DATABASES", DATABASE_URL=f"postgres://someone@db.example/batchlens?{query}")

    options = databases["default"]["OPTIONS"]
    assert options["connect_timeout"] == 9
    assert options["options"] == "-c statement_timeout=60000"
    assert options["sslmode"] == "require"


@pytest.mark.parametrize("command", ["check", "prepare", "nonesuch"])
def test_manage_says_it_in_one_line_and_the_rest_on_request(command: str) -> None:
    def said(*options: str) -> list[str]:
        ended = subprocess.run(
            [sys.executable, "manage.py", command, *options],
            env={**os.environ, "CI_RATE_BUCKET": "-1"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ended.returncode, ended.stdout) == (1, "")
        return ended.stderr.splitlines()

    sentence = "CI_RATE_BUCKET is '-1'. Write a number, 0 or more."
    assert said() == [f"CommandError: {sentence}"]
    assert said("--traceback")[-1] == f"django.core.exceptions.ImproperlyConfigured: {sentence}"


def test_embed_origins_are_a_list() -> None:
    assert settings_with("EMBED_ORIGINS", EMBED_ORIGINS="https://a.example,http://b.example:8080") == [
        ["https://a.example", "http://b.example:8080"]
    ]


def test_lists_may_hold_blanks_and_an_empty_one_is_none() -> None:
    names = ("ALLOWED_HOSTS", "EMBED_ORIGINS")

    assert settings_with(*names, ALLOWED_HOSTS="a.example, b.example,", EMBED_ORIGINS=" https://a.example , ") == [
        ["a.example", "b.example"],
        ["https://a.example"],
    ]
    assert settings_with(*names, HTTPS="false", ALLOWED_HOSTS="", EMBED_ORIGINS="") == [
        ["localhost", "127.0.0.1", "[::1]"],
        [],
    ]


def test_a_secret_is_taken_as_it_stands() -> None:
    given = "$" + "x" * 50

    assert settings_with("SECRET_KEY", SECRET_KEY=given) == [given]


def test_a_missing_secret_key_is_said() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "SECRET_KEY"}
    ended = subprocess.run(
        [sys.executable, "-c", "import dashboard.settings"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.stderr.strip().splitlines()[-1].endswith("Set the SECRET_KEY environment variable")


def test_a_suspicious_request_leaves_a_line_in_the_log_and_no_traceback() -> None:
    code = (
        "import django; django.setup(); from django.test import Client;"
        "print(Client(raise_request_exception=False).get('/', headers={'Host': 'a b'}).status_code)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "dashboard.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stdout.split() == ["400"]
    assert len([line for line in ended.stderr.splitlines() if "DisallowedHost" in line]) == 1
    assert "Traceback" not in ended.stderr
    assert "dashboard.access GET / 400" in ended.stderr
