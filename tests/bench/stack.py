"""The product under measurement: the emulator, a worker and gunicorn with two processes, and a signed-in person."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tests.services  # noqa: F401 - starts the two Redis servers and sets the environment
from tests.emulators import REGION, Emulator
from tests.ports import free_port
from tests.processes import Process, worker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BUCKET = "bench-1250000000"
UPSTREAM_SECONDS = 0.05


@dataclass
class Stack:
    """Where it is served, the cookie that signs in, the emulator behind it, and the processes of web and worker."""

    port: int
    cookie: str
    emulator: Emulator
    web_pid: int
    worker_pid: int

    def new_bucket(self, name: str, **spec: Any) -> str:
        """Make a bucket that the emulator and the product know; arguments as `Emulator.create_bucket`."""
        from jobs.models import Bucket

        self.emulator.create_bucket(name, **spec)
        Bucket.objects.create(name=name, region=REGION)
        return name


@contextmanager
def running(*buckets: str) -> Iterator[Stack]:
    """Start everything, yield it, and leave nothing behind. `buckets` are there beside the one that every bench reads."""
    folder = Path(os.environ["VAR_DIR"])
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(
        folder / "numbers"
    )  # as in production: counting is dearer in shared files
    os.environ["MALLOC_ARENA_MAX"] = "2"  # as `./dev run` and the image set it
    os.environ["DATABASE_URL"] = f"sqlite:///{folder / 'bench.sqlite3'}"
    with Emulator(latency=UPSTREAM_SECONDS) as emulator:
        os.environ["CI_ENDPOINT"] = emulator.endpoint
        emulator.create_bucket(BUCKET, jobs=5000, spread=7 * 86_400)
        cookie = prepare((BUCKET, *buckets))
        port = free_port()
        command = [sys.executable, "-m", "gunicorn", "-c", "docker/gunicorn.conf.py", "-b", f"127.0.0.1:{port}", "tests.bench.wsgi:application"]  # fmt: skip
        web = Process(command, folder / "web.log", ready=lambda: _answers(port))
        tasks = worker(folder / "worker.log", threads=20)
        try:
            tasks.start()
            web.start()
            yield Stack(port, cookie, emulator, web.pid, tasks.pid)
        finally:
            web.stop()
            tasks.stop()


def prepare(buckets: Iterable[str]) -> str:
    """Make the database, the buckets and a member of staff; return the cookie that signs that person in."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command

    from jobs.models import Bucket

    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    Bucket.objects.bulk_create(Bucket(name=name, region=REGION) for name in buckets)
    user = get_user_model().objects.create_user("bench", password="never used to sign in", is_staff=True)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1):
            return True
    except (urllib.error.URLError, OSError):
        return False
