"""PostgreSQL: one that hangs is given up in seconds, and what prepares it may take its time."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from jobs.management.commands.prepare import LOCK
from tests.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL for all tests of this module."""
    with Postgres() as running:
        yield running


def asked(url: str, statement: str) -> str:
    """Return what a process with that DATABASE_URL is answered, or the class of its trouble."""
    code = f"""
import django; django.setup()
from django.db import OperationalError, connection
try:
    with connection.cursor() as cursor:
        cursor.execute({statement!r})
        print(cursor.fetchone()[0])
except OperationalError as error:
    print(type(error.__cause__).__name__)
"""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "dashboard.settings", "DATABASE_URL": url},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout.strip()


def test_address_with_a_nul_is_that_of_no_page(postgres: Postgres) -> None:
    code = """
import django; django.setup()
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.http import Http404
from jobs import access
from jobs.models import Bucket
call_command("migrate", verbosity=0)
Bucket.objects.get_or_create(name="a-1250000000", region="ap-guangzhou")
for names in (["a\\0b"], ["a-1250000000", "a\\0b"]):
    try:
        (access.get_bucket if len(names) == 1 else access.get_walk)(AnonymousUser(), *names)
    except Http404:
        print("none")
"""
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "DATABASE_URL": postgres.url(),
            "ANONYMOUS_ACCESS": "true",
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (ended.stdout.split(), ended.returncode) == (["none", "none"], 0), ended.stderr


def test_database_that_never_answers_is_given_up_while_it_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://someone@127.0.0.1:{silent.getsockname()[1]}/nothing"
        began = time.monotonic()

        assert asked(url, "SELECT 1") == "ConnectionTimeout"

    assert time.monotonic() - began < 10


def test_statement_has_five_seconds(postgres: Postgres) -> None:
    assert asked(postgres.url(), "SHOW statement_timeout") == "5s"


def test_statement_that_takes_longer_than_the_address_allows_is_given_up(postgres: Postgres) -> None:
    url = f"{postgres.url()}?options=-c%20statement_timeout%3D100"

    assert asked(url, "SELECT pg_sleep(60)") == "QueryCanceled"


def test_machine_that_prepares_waits_for_another_longer_than_a_statement_may_take(
    postgres: Postgres, until: Callable[[Callable[[], Any]], None]
) -> None:
    url = postgres.new_database()
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        preparing = subprocess.Popen(
            [sys.executable, "manage.py", "prepare"],
            env={**os.environ, "DATABASE_URL": f"{url}?options=-c%20statement_timeout%3D200"},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory' AND query_start < clock_timestamp() - interval '0.4 s'"
        until(lambda: preparing.poll() is not None or other.execute(waits).fetchone())
        other.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        said, _ = preparing.communicate(timeout=60)

    assert (preparing.returncode, said) == (0, "The database is migrated.\n")
