"""`prepare`: everything that is needed before the first page, in one short process that does only what is left to do."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core import checks
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection

from jobs.management.catalogues import compile_if_needed
from jobs.management.commands.first_admin_link import first_admin_path
from jobs.management.commands.sync_buckets import Malformed, sync
from jobs.models import Mark

if TYPE_CHECKING:
    from collections.abc import Iterator

STAMP = "migrations"
TAG = "batchlens"
"""The tag of the product's own checks (`jobs.checks`, which registers itself)."""
LOCK = 7_318_402_655
"""Any number that nobody else locks in this database."""


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let the other machines that prepare the same PostgreSQL wait: migrating at once, they trip over each other.

    Raises:
        OperationalError: the database can't be reached.
    """
    if connection.vendor != "postgresql":
        yield  # SQLite is on one machine, whose processes ./dev run starts in order.
        return
    with connection.cursor() as cursor:
        # The others, and the migrations, take their time. A page's statements may not.
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def migration_stamp() -> str:
    """Return a digest of the migration files of all apps, and of Django's version."""
    digest = hashlib.sha256(django.__version__.encode())
    for config in apps.get_app_configs():
        for path in sorted((Path(config.path) / "migrations").glob("*.py")):
            digest.update(f"\0{config.label}/{path.name}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def migrate_if_needed() -> bool:
    """Migrate unless the stamp of the present files stands in this database; tell whether it did.

    Raises:
        OperationalError: the database can't be reached.
    """
    stamp = migration_stamp()
    # Before the first migration there is no table to look into; in PostgreSQL asking it anyway would be logged as an error.
    known = Mark._meta.db_table in connection.introspection.table_names()
    if known and Mark.objects.filter(name=STAMP, value=stamp).exists():
        return False
    call_command("migrate", interactive=False, verbosity=0)
    Mark.objects.update_or_create(name=STAMP, defaults={"value": stamp})
    return True


def collect_static_if_needed() -> bool:
    """Collect the static files unless the stamp of the present ones stands beside those collected; tell whether it did."""
    digest = hashlib.sha256(f"{django.__version__} {settings.STORAGES['staticfiles']['BACKEND']}".encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            found = Path(storage.path(path)).stat()
            digest.update(f"\0{path}\0{found.st_size}\0{found.st_mtime_ns}".encode())
    stamp = Path(settings.STATIC_ROOT) / ".stamp"
    if stamp.is_file() and stamp.read_text(encoding="ascii") == digest.hexdigest():
        return False
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(digest.hexdigest(), encoding="ascii")
    return True


class Command(BaseCommand):
    """Checks the settings, migrates, syncs the buckets, compiles the translations."""

    help = (
        "Check the settings, migrate the database and compile the translations where needed, and sync the buckets."
        " Run it before web and worker."
    )
    # All checks would load every view; those of this product run below.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --static and --first-admin-link."""
        parser.add_argument("--static", action="store_true", help="collect the static files, too, where they changed")
        parser.add_argument(
            "--first-admin-link",
            action="store_true",
            help="print the one-time link's path as the last line while there is no admin",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare.

        Raises:
            CommandError: a setting is wrong, the database can't be reached, or an entry of BUCKETS can't be used.
        """
        self._check(None)
        if connection.vendor == "sqlite":
            Path(str(settings.DATABASES["default"]["NAME"])).parent.mkdir(parents=True, exist_ok=True)
        try:
            with one_at_a_time():
                if migrate_if_needed():
                    self.stdout.write("The database is migrated.")
                changes = sync()
        except Malformed as error:
            raise CommandError(str(error)) from None
        except OperationalError as error:
            reason = str(error).strip().splitlines() or ["no reason given"]
            raise CommandError(f"The database can't be used: {reason[0]}") from None
        compile_if_needed()
        for line in changes.lines():
            self.stdout.write(line)
        self._check(["default"])
        if options["static"] and collect_static_if_needed():
            self.stdout.write("The static files are collected.")
        if options["first_admin_link"] and (path := first_admin_path()):
            self.stdout.write(path)

    def _check(self, databases: list[str] | None) -> None:
        for message in checks.run_checks(tags=[TAG], databases=databases):
            line = f"{message.msg} {message.hint or ''}".strip()
            if message.is_serious():
                raise CommandError(line)
            # Those without a database were said the first time.
            if (databases is None) == (message.id != "batchlens.W002"):
                self.stderr.write(line)
