"""Credentials that change, are gone and come back while workers run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs import claims, servers
from jobs.rotation import Rotation
from tests.emulators import SECRET_ID, SECRET_KEY
from tests.fetching import run

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

    from tests.emulators import Emulator
    from tests.services import Valkeys

WRONG = {"SECRET_ID": SECRET_ID, "SECRET_KEY": "wrong-key"}
RIGHT = {"SECRET_ID": SECRET_ID, "SECRET_KEY": SECRET_KEY}


@pytest.fixture
def secret(settings: Settings, tmp_path: Path) -> Path:
    """The file that holds the secret key."""
    path = tmp_path / "key"
    path.write_text(SECRET_KEY)
    settings.CI_CREDENTIALS = {"default": {"SECRET_ID": SECRET_ID, "SECRET_KEY_FILE": str(path)}}
    return path


def marks() -> dict[str, Any]:
    """Return when which credential was marked as changed."""
    names = ("default", "other", "rotated")
    with servers.cache_server().connection() as client:
        found = {name: client.get(servers.cache_key(f"mark:changed:{name}")) for name in names}
    return {name: value for name, value in found.items() if value}


def test_rotated_credential_file_drops_the_old_ones_problems(ci: Emulator, secret: Path) -> None:
    secret.write_text("wrong-key")
    rotation = Rotation()
    rotation.look()
    _page, refused = run()

    secret.write_text(SECRET_KEY)
    rotation.look()
    page, problem = run()

    assert refused is not None
    assert refused.kind == "credentials"
    assert problem is None
    assert page is not None


def test_new_worker_with_another_key_drops_the_old_ones_problems(ci: Emulator, settings: Settings) -> None:
    settings.CI_CREDENTIALS = {"default": WRONG}
    Rotation().look()
    _page, refused = run()

    settings.CI_CREDENTIALS = {"default": RIGHT}
    Rotation().look()
    page, _problem = run()

    assert refused is not None
    assert page is not None


@pytest.mark.usefixtures("empty_redis")
def test_new_worker_with_another_key_is_a_change_though_the_broker_was_emptied(settings: Settings) -> None:
    # By a name of its own: the session's worker, too, remembers its key of "default" on a broker that was emptied.
    settings.CI_CREDENTIALS = {"rotated": WRONG}
    old = Rotation()
    old.look()
    with servers.broker().connection() as client:
        client.flushall()
    old.look()

    settings.CI_CREDENTIALS = {"rotated": RIGHT}
    Rotation().look()

    assert list(marks()) == ["rotated"]


def test_change_that_can_t_be_marked_while_the_cache_takes_nothing_is_marked_afterwards(
    settings: Settings, valkeys: Valkeys
) -> None:
    settings.CI_CREDENTIALS = {"default": WRONG}
    Rotation().look()
    settings.CI_CREDENTIALS = {"default": RIGHT}
    new = Rotation()
    with servers.cache_server().connection() as client:
        client.replicaof("127.0.0.1", "1")
        with pytest.raises(servers.ServerDown):
            new.look()
        client.replicaof("NO", "ONE")

    new.look()

    assert list(marks()) == ["default"]


@pytest.mark.usefixtures("empty_redis")
def test_two_workers_with_different_keys_don_t_look_like_a_change_to_each_other(settings: Settings) -> None:
    old, new = Rotation(), Rotation()
    for rotation, credential in ((old, WRONG), (new, RIGHT)):
        settings.CI_CREDENTIALS = {"default": credential}
        rotation.look()
    marked = marks()

    for rotation, credential in ((old, WRONG), (new, RIGHT)):
        settings.CI_CREDENTIALS = {"default": credential}
        rotation.look()

    assert len(marked) == 1
    assert marks() == marked


@pytest.mark.usefixtures("empty_redis")
def test_credential_that_can_t_be_read_does_not_stop_the_watch(settings: Settings) -> None:
    rotation = Rotation()
    settings.CI_CREDENTIALS = {"default": {"SECRET_ID": "half"}, "other": {"SECRET_ID": "a", "SECRET_KEY": "b"}}
    rotation.look()
    settings.CI_CREDENTIALS["other"] = {"SECRET_ID": "a", "SECRET_KEY": "c"}

    rotation.look()

    assert claims.credential_changed("other", "x") is True
    assert len(marks()) == 1
