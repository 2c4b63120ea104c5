"""`makemessages`: brings the catalogues up to what the source holds. Takes the place of Django's own, which needs GNU gettext."""

from __future__ import annotations

from typing import Any

import polib
from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.management.catalogues import catalogues
from jobs.management.messages import Key, Unreadable, messages, problems, update

WIDTH = 116
"""Columns of a catalogue's lines, its quotation marks and names beside."""


class Command(BaseCommand):
    """Updates or checks the catalogues."""

    help = "Write every string of the source into the catalogues, those that are new without a translation."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --check."""
        parser.add_argument("--check", action="store_true", help="write nothing; fail where a catalogue is not whole")

    def handle(self, *args: Any, **options: Any) -> None:
        """Update each catalogue and say what is left to translate, or only say it.

        Raises:
            CommandError: something is left, and --check was given; or a marked string isn't written out.
        """
        try:
            wanted = messages()
        except Unreadable as error:
            raise CommandError(str(error)) from None
        left = []
        for path in catalogues():
            catalogue = polib.pofile(str(path), wrapwidth=WIDTH)
            if not options["check"]:
                for entry in catalogue:
                    if Key(entry.msgctxt, entry.msgid) not in wanted:
                        self.stdout.write(f"Gone: “{entry.msgid}”, which was “{entry.msgstr or entry.msgstr_plural}”")
                update(catalogue, wanted)
                catalogue.save()
            left += [f"{path.parent.parent.name}: {problem}" for problem in problems(catalogue, wanted)]
        for line in left:
            self.stdout.write(line)
        if left and options["check"]:
            raise CommandError(
                f"{len(left)} to mend. ./dev messages brings the catalogues up to date; then translate what is empty."
            )
