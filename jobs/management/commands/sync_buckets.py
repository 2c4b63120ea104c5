"""`sync_buckets`: makes the database's buckets follow BUCKETS and BUCKETS_FILE; all of it, or nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from jobs import credentials
from jobs.models import Bucket

ENTRY = re.compile(
    r"(?P<name>[^@\s]*)\s*@\s*(?P<region>[^=\s]*)(?:\s*=\s*(?P<credential>\S+))?(?:\s+(?P<label>[^=\s].*))?"
)
"""`devtools.site` reads the credential by the same form."""


class Malformed(Exception):
    """An entry that can't be used; the text is one line that says where and why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One bucket as it is written: `name-appid@region[=credential] [label]`."""

    name: str
    region: str
    credential: str = "default"
    label: str = ""

    def values(self) -> dict[str, str]:
        """Return what the bucket is to follow; without a label it keeps the one that staff gave it."""
        found = {"region": self.region, "credential": self.credential}
        return found | {"label": self.label} if self.label else found


@dataclass(slots=True)
class Changes:
    """What a sync did, as names."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return one line for each kind of change that happened."""
        words = {
            "Created": self.created,
            "Updated": self.updated,
            "Shown again": self.shown,
            "Hidden, no longer named": self.hidden,
        }
        return [f"{word}: {', '.join(names)}" for word, names in words.items() if names]


def parse(text: str, source: str) -> list[Entry]:
    """Return the entries of `text`, separated by commas or line ends; `#` begins a comment.

    Args:
        text: what BUCKETS holds, or the content of BUCKETS_FILE.
        source: which of the two, for the messages.

    Raises:
        Malformed: an entry breaks the form or names an impossible bucket, region or credential.
    """
    entries = []
    for number, line in enumerate(text.splitlines(), start=1):
        for written in line.partition("#")[0].split(","):
            if entry := written.strip():
                entries.append(_parse_entry(entry, f"{source}, line {number}, “{entry[:100]}”"))
    return entries


def _parse_entry(written: str, where: str) -> Entry:
    parts = ENTRY.fullmatch(written)
    if parts is None:
        raise Malformed(f"{where}: write name-appid@region or name-appid@region=credential.")
    bucket = Bucket(
        name=parts["name"],
        region=parts["region"],
        credential=parts["credential"] or "default",
        label=parts["label"] or "",
    )
    try:
        bucket.clean_fields()
    except ValidationError as error:
        fieldname, messages = next(iter(error.message_dict.items()))
        raise Malformed(f"{where}: the {fieldname} can't be used. {messages[0]}") from None
    return Entry(bucket.name, bucket.region, bucket.credential, bucket.label)


def wanted() -> dict[str, Entry]:
    """Return name -> entry of everything that BUCKETS and BUCKETS_FILE name together.

    Raises:
        Malformed: an entry can't be used, two contradict each other, or the file can't be read.
    """
    entries = parse(settings.BUCKETS, "BUCKETS")
    if settings.BUCKETS_FILE:
        try:
            text = Path(settings.BUCKETS_FILE).read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            raise Malformed(f"BUCKETS_FILE {settings.BUCKETS_FILE} can't be read: {reason}.") from None
        entries += parse(text, f"BUCKETS_FILE {settings.BUCKETS_FILE}")
    found: dict[str, Entry] = {}
    for entry in entries:
        if found.setdefault(entry.name, entry) != entry:
            raise Malformed(f"The bucket {entry.name} is named twice, with different regions, credentials or labels.")
    return found


def sync() -> Changes:
    """Create and update what is named, hide what once was and is no longer; never delete. Return what was done.

    A bucket made by hand stays as it is until it is named. One that comes back is shown again.

    Raises:
        Malformed: an entry can't be used, or a credential is missing; nothing was changed.
    """
    entries = wanted()
    for message in credentials.half_credentials().values():
        raise Malformed(message)
    for entry in entries.values():
        if entry.credential not in credentials.names():
            raise Malformed(
                f"The bucket {entry.name} needs the credential “{entry.credential}”: set "
                f"{credentials.variable(entry.credential, 'SECRET_ID')} and "
                f"{credentials.variable(entry.credential, 'SECRET_KEY')}."
            )
    changes = Changes()
    with transaction.atomic():
        known = {bucket.name: bucket for bucket in Bucket.objects.select_for_update()}
        for name, entry in entries.items():
            _follow(known.get(name), entry, changes)
        for name, bucket in known.items():
            if bucket.synced and name not in entries:
                # No longer synced: what staff then do with it by hand stays.
                Bucket.objects.filter(pk=bucket.pk).update(hidden=True, synced=False)
                changes.hidden.append(name)
    return changes


def _follow(bucket: Bucket | None, entry: Entry, changes: Changes) -> None:
    if bucket is None:
        _bucket, created = Bucket.objects.get_or_create(name=entry.name, defaults={**entry.values(), "synced": True})
        if created:
            changes.created.append(entry.name)
        return
    values: dict[str, Any] = dict(entry.values())
    if any(getattr(bucket, name) != value for name, value in values.items()):
        changes.updated.append(entry.name)
    if not bucket.synced:
        values |= {"synced": True, "hidden": False}
        if bucket.hidden:
            changes.shown.append(entry.name)
    Bucket.objects.filter(pk=bucket.pk).update(**values)


class Command(BaseCommand):
    """Syncs the buckets and says what changed."""

    help = "Make the buckets follow BUCKETS and BUCKETS_FILE (name-appid@region[=credential] [label]). Nothing is ever deleted."
    # Checks load every view; this runs at each start.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Sync.

        Raises:
            CommandError: an entry can't be used; nothing was changed.
        """
        try:
            changes = sync()
        except Malformed as error:
            raise CommandError(str(error)) from None
        for line in changes.lines() or ["The buckets are as named."]:
            self.stdout.write(line)
