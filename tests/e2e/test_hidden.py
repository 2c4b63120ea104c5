"""A bucket that somebody may not see reads like one that doesn't exist, at every address there is."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from jobs.filters import JobFilter, Pin
from jobs.models import Walk
from tests.e2e.conftest import session_of
from tests.e2e.looking import list_path
from tests.e2e.sites import Reader
from tests.factories import make_viewer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django.contrib.auth.models import User
    from requests import Response

    from jobs.models import Bucket
    from tests.e2e.sites import Site
    from tests.emulators import Emulator

UNKNOWN = "nobody-has-this-1250000000"
WALK = "w" * 22
"""The id of a walk through the bucket that is hidden."""
MASKED_TOKEN = re.compile(r'(?<=name="csrfmiddlewaretoken" value=")\w+')
PARTS = ("operation", "output", "time-interval", "input", "raw")
CSRF = "a" * 32
FRAGMENTS = ("results", "list", "more", "look", "drill")


@dataclass(frozen=True)
class Address:
    """One row of the address table that is about a bucket."""

    name: str
    parameters: tuple[str, ...]

    def paths(self, bucket: str, job_id: str) -> list[str]:
        """Return its paths for a bucket, a job and a walk: one, or one for each part."""
        known = {"bucket_name": bucket, "job_id": job_id, "walk_id": WALK}
        # A parameter that this test doesn't know fails here: say then what it is filled with.
        fixed = {name: known[name] for name in self.parameters if name != "part"}
        if self.name.endswith(":tick"):
            return [f"{reverse(self.name, kwargs=fixed)}?pin=1700000000.1700000002000"]  # of some list, long ago
        if "part" not in self.parameters:
            return [reverse(self.name, kwargs=fixed)]
        return [reverse(self.name, kwargs={**fixed, "part": part}) for part in PARTS]


def addresses(patterns: Sequence[URLPattern | URLResolver] | None = None, prefix: str = "") -> Iterator[Address]:
    """Yield every address of the product's table that names a bucket."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            if pattern.namespace != "admin":
                yield from addresses(pattern.url_patterns, inner)
        elif "bucket_name" in pattern.pattern.converters:
            yield Address(f"{prefix}{pattern.name}", tuple(pattern.pattern.converters))


def test_the_address_table_is_found() -> None:
    names = [address.name for address in addresses()]

    assert len(names) == len(set(names))
    assert {"jobs:job_list", "jobs:job_part_json", "jobs:retry", "embed:job_list", "embed:job_part"} <= set(names)


def ways(reader: Reader, path: str) -> dict[str, Response]:
    """Ask for `path` in every way that the product knows: page, fragment of each kind, and by POST."""
    found = {"page": reader.patient(path)}
    for target in FRAGMENTS:
        found[target] = reader.patient(path, HX_Request="true", HX_Target=target)
    found["post"] = reader.session.post(
        reader.address + path, headers={"X-CSRFToken": CSRF}, timeout=20, allow_redirects=False
    )
    return found


def told(answers: dict[str, Response], bucket: str) -> dict[str, tuple[int, str, str]]:
    """Return all that answers tell of a bucket: status, where they lead, and the text, without its own name."""

    def without_names(text: str) -> str:
        return MASKED_TOKEN.sub("TOKEN", text.replace(bucket, "BUCKET"))

    return {
        way: (answer.status_code, answer.headers.get("HX-Refresh", ""), without_names(answer.text))
        for way, answer in answers.items()
    }


def assert_hidden(reader: Reader, bucket: Bucket, job_id: str) -> None:
    """Check that nobody can tell the bucket from one that doesn't exist."""
    reader.session.cookies.set("csrftoken", CSRF, domain="127.0.0.1", path="/")
    for address in addresses():
        for path, unknown in zip(address.paths(bucket.name, job_id), address.paths(UNKNOWN, job_id), strict=True):
            answers = ways(reader, path)
            assert told(answers, bucket.name) == told(ways(reader, unknown), UNKNOWN), path
            statuses = {way: answer.status_code for way, answer in answers.items()}
            # Reading what is only written, or writing what is only read, is refused before any bucket is looked up; exports are both.
            expected = {404} if address.name.endswith((":export", ":export_json")) else {404, 405}
            assert set(statuses.values()) == expected, (path, statuses)
            assert all(job_id not in answer.text for answer in answers.values()), path


@pytest.fixture
def opened(new_bucket: Callable[..., Bucket], emulator: Emulator, reader: Reader) -> tuple[Bucket, str]:
    """A bucket whose list and jobs stand in the cache, because somebody who may see it has looked."""
    bucket = new_bucket(jobs=3)
    job_id = emulator.job_ids(bucket.name)[0]
    now = time.time()
    Walk.objects.create(
        id=WALK, bucket=bucket, reader="anybody", filter={}, digest=JobFilter().digest, pin=str(Pin(int(now), int(now * 1000))),
        state=Walk.State.DONE, created=now, touched=now, finished=now,
    )  # fmt: skip
    seen = [reader.patient(path).status_code for address in addresses() for path in address.paths(bucket.name, job_id)]
    # The addresses are right: where reading is possible at all, somebody who may see the bucket gets its page.
    assert set(seen) == {200, 405}
    return bucket, job_id


def listed(reader: Reader) -> tuple[list[str], str]:
    """Return the buckets that the reader is told of, and the page that shows them."""
    names = [row["name"] for row in reader.json("/buckets.json")["buckets"]]
    return names, reader.get("/").text


def test_hidden_bucket_is_unknown_at_every_address(site: Site, opened: tuple[Bucket, str], reader: Reader) -> None:
    bucket, job_id = opened
    bucket.hidden = True
    bucket.save()

    assert_hidden(reader, bucket, job_id)
    assert listed(reader)[0] == []
    assert bucket.name not in listed(reader)[1]


def test_bucket_of_another_group_is_unknown_at_every_address(
    site: Site, opened: tuple[Bucket, str], new_bucket: Callable[..., Bucket]
) -> None:
    bucket, job_id = opened
    own = new_bucket(jobs=1)
    make_viewer("olga", sees=(bucket,))
    viewer = make_viewer("vera", sees=(own,))
    reader = Reader(site, session_of(viewer))

    assert_hidden(reader, bucket, job_id)
    assert listed(reader)[0] == [own.name]
    assert bucket.name not in listed(reader)[1]
    assert reader.patient(list_path(own)).status_code == 200


def test_hidden_bucket_is_unknown_to_everybody_where_everybody_may_look(
    site: Site, open_site: Site, opened: tuple[Bucket, str]
) -> None:
    bucket, job_id = opened
    reader = Reader(open_site)
    assert reader.patient(list_path(bucket)).status_code == 200
    bucket.hidden = True
    bucket.save()

    assert_hidden(reader, bucket, job_id)


def test_bucket_is_lost_with_the_group(site: Site, opened: tuple[Bucket, str], user: User) -> None:
    bucket, job_id = opened
    reader = Reader(site, session_of(user))
    bucket.groups.set(user.groups.all())
    assert reader.patient(list_path(bucket)).status_code == 200

    user.groups.clear()

    assert_hidden(reader, bucket, job_id)


@pytest.fixture
def user(transactional_db: None) -> Any:
    """Somebody in a group that sees nothing yet."""
    return make_viewer("walt")
