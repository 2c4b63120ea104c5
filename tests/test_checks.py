"""System checks: each wrong setting is found, each right one is let through, and `check --deploy` is clean."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core import checks
from pytest_django import Settings

from jobs.checks import TAG, server_and_database
from tests.factories import make_bucket

ROOT = Path(__file__).resolve().parent.parent


def found(databases: list[str] | None = None) -> list[str]:
    return [message.id or "" for message in checks.run_checks(tags=[TAG], databases=databases)]


def test_the_settings_of_the_tests_are_clean() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("url", "means"),
    [
        ("redis://localhost", ("localhost:6379", "0")),
        ("redis://127.0.0.1:6379/0", ("localhost:6379", "0")),
        ("redis://:secret@[::1]/", ("localhost:6379", "0")),
        ("rediss://user:secret@LOCALHOST./2", ("localhost:6379", "2")),
        ("redis://cache.example:7000?db=3", ("cache.example:7000", "3")),
        ("unix:///run/redis.sock?db=1", ("/run/redis.sock", "1")),
        ("unix:///run/redis.sock", ("/run/redis.sock", "0")),
    ],
)
def test_a_redis_url_is_read_as_its_client_reads_it(url: str, means: tuple[str, str]) -> None:
    assert server_and_database(url) == means


@pytest.mark.parametrize(
    ("broker", "cache", "ids"),
    [
        ("redis://localhost", "redis://127.0.0.1:6379/0", ["batchlens.E002"]),
        ("unix:///a.sock", "unix:///a.sock?db=0", ["batchlens.E002"]),
        ("redis://localhost/0", "redis://localhost/1", ["batchlens.W001"]),
        ("redis://localhost:1", "redis://localhost:2", []),
        ("redis://a", "redis://b", []),
        ("http://a", "redis://b", ["batchlens.E001"]),
        ("sentinel://a,b/broker/0", "sentinel://a,b/cache/0", []),
        ("sentinel://a,b/one/0", "sentinel://b:26379,a/one/0", ["batchlens.E002"]),
        ("sentinel://a,b/one/0", "sentinel://a,b/one/1", ["batchlens.W001"]),
        ("sentinel://a,b", "redis://b", ["batchlens.E001"]),
        ("redis://a", "redis://b:notaport", ["batchlens.E001"]),
        ("redis://a", "", ["batchlens.E001"]),
    ],
)
def test_one_redis_for_both_is_refused(settings: Settings, broker: str, cache: str, ids: list[str]) -> None:
    settings.REDIS_URL, settings.REDIS_CACHE_URL = broker, cache

    assert found() == ids


def test_a_redis_url_is_not_repeated_with_its_password(settings: Settings) -> None:
    settings.REDIS_URL = settings.REDIS_CACHE_URL = "redis://:hunter22@a:notaport"

    assert "hunter22" not in str(checks.run_checks(tags=[TAG]))


def test_half_a_credential_is_an_error(settings: Settings) -> None:
    settings.CI_CREDENTIALS = {"default": {"SECRET_ID": "id"}}

    assert found() == ["batchlens.E003"]


@pytest.mark.parametrize(
    ("name", "value", "ids"),
    [
        ("SECRET_KEY", "short", ["batchlens.E004"]),
        ("CI_ENDPOINT", "ci.example.com", ["batchlens.E006"]),
        ("CI_ENDPOINT", "http://user:pass@host", ["batchlens.E006"]),
        ("CI_ENDPOINT", "http://host:port", ["batchlens.E006"]),
        ("CI_ENDPOINT", "http://127.0.0.1:8100", []),
        ("CI_ENDPOINT", "https://ci.example.com/", []),
    ],
)
def test_values_that_would_only_fail_later_are_errors(
    settings: Settings, name: str, value: object, ids: list[str]
) -> None:
    setattr(settings, name, value)

    assert found() == ids


@pytest.mark.django_db
def test_a_bucket_with_an_unknown_credential_is_a_warning_where_the_database_is_asked() -> None:
    make_bucket(credential="nobody")
    make_bucket("hidden-12345", credential="nobody", hidden=True)
    make_bucket("fine-12345")

    assert (found(), found(["default"])) == ([], ["batchlens.W002"])


@pytest.mark.django_db
def test_overview_that_would_cost_more_than_half_of_a_credential_is_refused(settings: Settings) -> None:
    settings.OVERVIEW_REFRESH, settings.CI_RATE_CREDENTIAL = 20, 0.2
    make_bucket()
    make_bucket("other-12345")
    assert found(["default"]) == []

    make_bucket("third-12345")
    make_bucket("hidden-12345", hidden=True)

    (message,) = checks.run_checks(tags=[TAG], databases=["default"])
    assert (message.id, message.is_serious()) == ("batchlens.E007", True)
    assert "with its 3 buckets, 9 calls a minute" in message.msg
    assert message.hint == "Write 30 or more, or 0."


def test_check_deploy_is_clean_with_https(tmp_path: Path) -> None:
    # The browser's tests set this variable for their own process, and Django's check would name it.
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}

    ended = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "INFO"],
        cwd=ROOT,
        env={**kept, "HTTPS": "true", "ALLOWED_HOSTS": "batchlens.example.com", "VAR_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.strip() == "System check identified no issues (0 silenced)."
