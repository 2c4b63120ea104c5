"""`compilemessages`: makes of each catalogue what Django reads. Takes the place of Django's own, which needs GNU gettext."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from jobs.management.catalogues import compile_if_needed


class Command(BaseCommand):
    """Compiles the catalogues."""

    help = "Compile each catalogue of translations that changed. `prepare` does it, too."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Compile."""
        for path in compile_if_needed():
            self.stdout.write(f"{path.parent.parent.name} is compiled.")
