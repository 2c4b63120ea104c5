"""Credentials: read by name, read again when a file changes, and never repeated in a message."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pytest_django import Settings

from jobs import credentials
from jobs.cloudinfinite.auth import Credential

SECRET = "s3cr3t-value-nobody-may-read"


def test_get_returns_the_named_credential(settings: Settings) -> None:
    settings.CI_CREDENTIALS = {"team-a": {"SECRET_ID": "id", "SECRET_KEY": "key", "SECURITY_TOKEN": "token"}}

    assert credentials.get("team-a") == Credential("id", "key", "token")
    assert credentials.names() == ("team-a",)


def test_get_names_the_variables_of_an_unknown_credential(settings: Settings) -> None:
    settings.CI_CREDENTIALS = {}

    with pytest.raises(credentials.MissingCredential) as caught:
        credentials.get("team-a")

    assert str(caught.value) == (
        "The credential “team-a” is not configured: set CI_TEAM_A_SECRET_ID and CI_TEAM_A_SECRET_KEY."
    )


@pytest.mark.parametrize(
    ("parts", "missing"),
    [
        ({"SECRET_ID": SECRET}, "CI_SECRET_KEY"),
        ({"SECRET_KEY": SECRET}, "CI_SECRET_ID"),
        ({"SECURITY_TOKEN": SECRET}, "CI_SECRET_ID and CI_SECRET_KEY"),
    ],
)
def test_half_a_credential_is_told_without_its_value(settings: Settings, parts: dict[str, str], missing: str) -> None:
    settings.CI_CREDENTIALS = {"default": parts, "whole": {"SECRET_ID": "i", "SECRET_KEY": "k"}}

    assert credentials.half_credentials() == {
        "default": f"The credential “default” is not complete: {missing} is missing."
    }


def test_files_are_read_again_when_they_change(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("first\n")
    settings.CI_CREDENTIALS = {"default": {"SECRET_ID": "id", "SECRET_KEY_FILE": str(file)}}

    first = credentials.get("default").secret_key
    # Same size, written in place: the time of change tells.
    file.write_text("other\n")
    os.utime(file, ns=(1, 1))
    second = credentials.get("default").secret_key
    # Same size and time, another file: what a mounted secret's new version looks like.
    replacement = tmp_path / "new"
    replacement.write_text("third\n")
    os.utime(replacement, ns=(1, 1))
    replacement.replace(file)
    third = credentials.get("default").secret_key

    assert (first, second, third) == ("first", "other", "third")


def test_a_file_goes_before_a_value(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "id"
    file.write_text("from-file")
    settings.CI_CREDENTIALS = {"default": {"SECRET_ID": "value", "SECRET_ID_FILE": str(file), "SECRET_KEY": "k"}}

    assert credentials.get("default").secret_id == "from-file"


@pytest.mark.parametrize("content", [b"\xff\xfe", f"{SECRET} {SECRET}".encode(), f"{SECRET}\r\nHost: x".encode(), "ключ".encode()])  # fmt: skip
def test_a_file_that_holds_no_secret_is_refused_in_silence_about_it(
    settings: Settings, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    settings.CI_CREDENTIALS = {"default": {"SECRET_ID": "id", "SECRET_KEY_FILE": str(file)}}

    with pytest.raises(credentials.MissingCredential, match=r"CI_SECRET_KEY_FILE") as caught:
        credentials.get("default")

    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("path", [SECRET, SECRET + "\0", SECRET * 200, "/"])
def test_a_secret_put_where_a_path_belongs_is_not_repeated(settings: Settings, path: str) -> None:
    settings.CI_CREDENTIALS = {"default": {"SECRET_ID": "id", "SECRET_KEY_FILE": path}}

    with pytest.raises(credentials.MissingCredential) as caught:
        credentials.get("default")

    assert str(caught.value) == (
        "The credential “default” can't be read: CI_SECRET_KEY_FILE does not point to a text file."
    )


def test_fingerprint_changes_with_each_part_and_shows_none(settings: Settings) -> None:
    whole = {"SECRET_ID": "id", "SECRET_KEY": "key", "SECURITY_TOKEN": "token"}
    found = []
    for part in (None, *whole):
        settings.CI_CREDENTIALS = {"default": {**whole, **({part: "changed"} if part else {})}}
        found.append(credentials.fingerprint("default"))
    settings.CI_CREDENTIALS = {"default": whole}

    assert len(set(found)) == 4
    assert credentials.fingerprint("default") == found[0]
    assert {len(text) for text in found} == {16}


def test_fingerprint_depends_on_the_secret_key(settings: Settings) -> None:
    settings.CI_CREDENTIALS = {"default": {"SECRET_ID": "id", "SECRET_KEY": "key"}}

    first = credentials.fingerprint("default")
    settings.SECRET_KEY = "another-long-secret-key-of-the-site"

    assert credentials.fingerprint("default") != first
