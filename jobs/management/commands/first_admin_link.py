"""`first_admin_link`: prints the one-time link with which the first admin is made in the browser."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.urls import reverse

from jobs import access


def first_admin_path() -> str:
    """Return the path of a fresh link, or "" where there is an admin already."""
    return "" if access.has_admin() else reverse("first_admin", args=[access.first_admin_token()])


class Command(BaseCommand):
    """Prints the path alone, so that a script can put the address in front of it."""

    help = (
        "Print the path of a one-time link to create the first admin. It is valid for 24 hours and until it was used."
    )
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the path, or say on stderr that there is an admin already."""
        path = first_admin_path()
        if path:
            self.stdout.write(path)
        else:
            self.stderr.write("There is an admin already: sign in, or run “manage.py createsuperuser”.")
