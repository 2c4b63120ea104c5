"""Credentials by name: a secret comes from the environment, or from a file that is read again when it changed.

Nothing else in Batchlens holds a secret. No message here repeats a value or a path: people put the one where the other
belongs.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.crypto import salted_hmac

from jobs.cloudinfinite.auth import Credential

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""How a credential is named; `a-b` is read from `CI_A_B_SECRET_ID`."""

MAX_FILE_BYTES = 64 * 1024


class MissingCredential(Exception):
    """No complete credential of this name is configured; the text says what is missing and holds no secret."""


@dataclass(frozen=True, slots=True)
class _SecretFile:
    """What a file held, and the stamp by which a change is noticed."""

    stamp: tuple[int, int, int]
    text: str


_files: dict[str, _SecretFile] = {}


def names() -> tuple[str, ...]:
    """Return the names of all credentials that are configured, whole or in part."""
    return tuple(sorted(settings.CI_CREDENTIALS))


def get(name: str) -> Credential:
    """Return the credential `name`; its files are read again when they changed.

    Raises:
        MissingCredential: it is not configured, only half of it is, or a file can't be read.
    """
    parts = settings.CI_CREDENTIALS.get(name)
    if parts is None:
        raise MissingCredential(
            f"The credential “{name}” is not configured: set {variable(name, 'SECRET_ID')} and {variable(name, 'SECRET_KEY')}."
        )
    values = {part: _value(name, part, parts) for part in ("SECRET_ID", "SECRET_KEY", "SECURITY_TOKEN")}
    missing = [variable(name, part) for part in ("SECRET_ID", "SECRET_KEY") if not values[part]]
    if missing:
        raise MissingCredential(f"The credential “{name}” is not complete: {' and '.join(missing)} is missing.")
    return Credential(values["SECRET_ID"], values["SECRET_KEY"], values["SECURITY_TOKEN"])


def fingerprint(name: str) -> str:
    """Return 16 hex digits that change when the credential `name` does, and tell nothing about it.

    Raises:
        MissingCredential: as `get`.
    """
    credential = get(name)
    whole = "\0".join([credential.secret_id, credential.secret_key, credential.security_token])
    return salted_hmac("jobs.credentials.fingerprint", whole, algorithm="sha256").hexdigest()[:16]


def half_credentials() -> dict[str, str]:
    """Return name -> what is wrong, for each credential that is configured but can't be used."""
    found = {}
    for name in names():
        try:
            get(name)
        except MissingCredential as error:
            found[name] = str(error)
    return found


def variable(name: str, part: str) -> str:
    """Return the environment variable that holds `part` of the credential `name`."""
    return f"CI_{part}" if name == "default" else f"CI_{name.upper().replace('-', '_')}_{part}"


def _value(name: str, part: str, parts: dict[str, str]) -> str:
    path = parts.get(f"{part}_FILE", "")
    source = variable(name, part) + ("_FILE" if path else "")
    try:
        text = _read(path) if path else parts.get(part, "").strip()
    except (OSError, ValueError):
        # ValueError: the path holds a null byte, or the file isn't text. The error's own text may repeat a secret.
        raise MissingCredential(
            f"The credential “{name}” can't be read: {source} does not point to a text file."
        ) from None
    # Such a value would go into a header, and the HTTP library's complaint would repeat it.
    if not text.isascii() or any(not character.isprintable() or character == " " for character in text):
        raise MissingCredential(f"The credential “{name}” can't be used: {source} holds a blank or another character that no credential has.")  # fmt: skip
    return text


def _read(path: str) -> str:
    stamp = _stamp(os.stat(path))  # noqa: PTH116 - a Path can't be made of what may be anything; os.stat says ValueError
    known = _files.get(path)
    if known is not None and known.stamp == stamp:
        return known.text
    with Path(path).open("rb") as file:
        # The stamp of the very file that is read: it may have been replaced since.
        stamp = _stamp(os.fstat(file.fileno()))
        text = file.read(MAX_FILE_BYTES).decode("utf-8-sig").strip()
    _files[path] = _SecretFile(stamp, text)
    return text


def _stamp(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_mtime_ns, found.st_ino, found.st_size
