"""People, buckets and jobs for tests, in one line each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group, User

from jobs.models import Bucket


def make_bucket(name: str = "media-1250000000", region: str = "ap-guangzhou", **values: object) -> Bucket:
    """Create a bucket."""
    return Bucket.objects.create(name=name, region=region, **values)


def make_viewer(username: str = "vera", *, sees: tuple[Bucket, ...] = (), password: str | None = None) -> User:
    """Create somebody who may see the buckets of one group; hashing a password takes time, so few have one."""
    user = User.objects.create_user(username, password=password)
    group = Group.objects.create(name=f"group of {username}")
    user.groups.add(group)
    for bucket in sees:
        bucket.groups.add(group)
    return user


def make_staff(username: str = "stan") -> User:
    """Create somebody who sees every bucket and may use the admin."""
    return User.objects.create_superuser(username)


def jobs_in(*states: str, **nodes: str) -> tuple[dict[str, Any], ...]:
    """Return jobs in these states for a bucket of the emulator, the first the newest, created 90 minutes ago and before."""
    newest = datetime.now(UTC) - timedelta(minutes=90)  # in the midst of an hour, which is a column of the overview
    return tuple(
        {"State": state, "CreationTime": f"{newest - timedelta(seconds=number):%Y-%m-%dT%H:%M:%S+0000}", **nodes}
        for number, state in enumerate(states)
    )
