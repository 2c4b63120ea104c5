"""Alone responsible for what a walk needs in a process of its own: Redis, database, settings and an emulator."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.emulators import REGION, Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

SECURITY_TOKEN = "EXAMPLE-TOKEN+/0001=="
"""The credential is a temporary one, so that it matters which header its token is demanded in."""
VARIABLES = {"MISS_BUDGET": "0", "CI_RATE_BUCKET": "0", "CI_RATE_CREDENTIAL": "0", "CI_DEADLINE": "1"}
"""Walks measure truth, not patience: nothing is throttled, and who never answers is given up soon."""


@contextmanager
def site() -> Iterator[Emulator]:
    """Start everything in this process and yield the emulator that its client asks."""
    import tests.services  # noqa: F401 - starts the two Redis servers and sets the environment

    with Emulator() as emulator:
        os.environ |= {
            **VARIABLES,
            "CI_SECURITY_TOKEN": SECURITY_TOKEN,
            "CI_ENDPOINT": emulator.endpoint,
            "DATABASE_URL": f"sqlite:///{Path(os.environ['VAR_DIR']) / 'walks.sqlite3'}",
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        }
        import logging

        import django

        django.setup()
        logging.disable(logging.CRITICAL)  # the troubles are made on purpose
        from django.core.management import call_command

        from jobs.models import Bucket
        from tests.walks.walker import BUCKET

        call_command("migrate", verbosity=0)
        Bucket.objects.create(name=BUCKET, region=REGION)
        yield emulator
