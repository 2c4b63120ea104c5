"""The product under fire: who asks, what there is, its processes, and the search for canaries in all they leave behind."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.canaries import (
    CANARY_ID,
    CANARY_KEY,
    CANARY_TOKEN,
    CREDENTIALS,
    database_texts,
    process_texts,
    server_texts,
    sightings,
)
from tests.fuzz.addresses import CSRF, Places
from tests.fuzz.judging import PORTAL, Person
from tests.fuzz.pulse import Pulse
from tests.fuzz.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.sites import Site
    from tests.emulators import Emulator

SHOWN, SHOWN_TOO, ELSEWHERE, HIDDEN, UNKNOWN = (
    f"fuzz-{name}-1250000000" for name in ("shown", "second", "other", "taboo", "never")
)
LABELS = {ELSEWHERE: "Label-of-another-group", HIDDEN: "Label-of-a-taboo"}
LANES = 12
"""Threads that ask at once; each has a credential of its own, because a problem of one is a problem of all its buckets."""
JOBS = 30
PARTS = ("SECRET_ID", "SECRET_KEY", "SECURITY_TOKEN")


def lane_credential(lane: int) -> tuple[str, str, str]:
    """Return secret id, key and token of a lane."""
    return f"{CANARY_ID}-lane{lane}", f"{CANARY_KEY}-lane{lane}", f"{CANARY_TOKEN}-lane{lane}"


@dataclass
class Stack:
    """A running site with its people. `viewers` has a session for each lane: signing out ends one of them only.

    `pulse` tells when the machine was slow, `watch` which canaries stood in Redis at any time.
    """

    site: Site
    places: Places
    stranger: Person
    viewers: list[Person]
    staff: Person
    canaries: tuple[str, ...]
    pulse: Pulse
    watch: Watch

    def canaries_left_behind(self) -> list[tuple[str, str]]:
        """Search Redis, database, logs and process titles, for credentials and for tracebacks in the logs."""
        from django.conf import settings

        logs = [("web's log", self.site.web.text()), ("worker's log", self.site.worker.text())]
        found = sightings(server_texts(self.site.broker_url, self.site.cache_url), self.canaries)
        found += sorted(self.watch.found)
        found += sightings(database_texts(settings.DATABASES["default"]["NAME"]), self.canaries)
        found += sightings(process_texts(), self.canaries)
        found += sightings(logs, self.canaries)
        for where, text in logs:
            found += [(where, trace[-1500:]) for trace in re.findall(r"Traceback .{0,3000}", text, re.DOTALL)[:3]]
        return found

    def sign_in_again(self, lane: int) -> None:
        """Bring a viewer's session back; a request may have signed out."""
        self.viewers[lane] = _viewer(self.viewers[lane].name, self.viewers[lane].secrets)


@contextmanager
def running(emulator: Emulator, **environment: str) -> Iterator[Stack]:
    """Start the site, with everything in it; the database is there and empty."""
    from django.conf import settings

    from tests.e2e.sites import start_site

    for lane in range(LANES):
        emulator.add_credential(*lane_credential(lane))
    credentials = {
        f"CI_LANE{lane}_{part}": value
        for lane in range(LANES)
        for part, value in zip(PARTS, lane_credential(lane), strict=True)
    }
    ids = {name: _make_jobs(emulator, name) for name in (SHOWN, SHOWN_TOO, ELSEWHERE, HIDDEN)}
    people = _make_people()
    site = start_site(
        emulator,
        ANONYMOUS_ACCESS="false",
        DEBUG="false",
        ALLOWED_HOSTS="127.0.0.1",
        EMBED_ORIGINS=PORTAL,
        MISS_BUDGET="0",
        CI_RATE_BUCKET="0",
        CI_RATE_CREDENTIAL="0",
        WORKER_THREADS=str(LANES),
        **{f"CI_{part}": value for part, value in zip(PARTS, lane_credential(0), strict=True)},
        **credentials,
        **environment,
    )
    try:
        now = int(emulator.now()) - 5
        places = Places(
            urlsplit(site.address).netloc, SHOWN, SHOWN_TOO, ELSEWHERE, HIDDEN, UNKNOWN,
            (*ids[SHOWN][:4], *ids[SHOWN_TOO][:2], ids[ELSEWHERE][0]), (f"{now}.{now * 1000}",), ("884213",),
            {name: {job.job_id: job for job in emulator.jobs(name)} for name in ids},
        )  # fmt: skip
        all_words = (*ids, *LABELS.values(), *(job_id for jobs in ids.values() for job_id in jobs))
        unseen = (ELSEWHERE, HIDDEN, *LABELS.values(), *ids[ELSEWHERE], *ids[HIDDEN])
        canaries = (*CREDENTIALS, settings.SECRET_KEY)
        servers = (site.broker_url, site.cache_url)
        with Pulse(servers) as pulse, Watch(servers, canaries) as watch:
            yield Stack(
                site,
                places,
                Person("the stranger", f"csrftoken={CSRF}".encode(), all_words, is_stranger=True),
                [_viewer(people["viewer"], unseen) for _ in range(LANES)],
                _viewer(people["staff"], ()),
                canaries,
                pulse,
                watch,
            )
    finally:
        site.stop()


def _make_jobs(emulator: Emulator, bucket: str) -> list[str]:
    """Create the emulator's bucket and return the ids of its jobs; they are the same in every run."""
    word = bucket.split("-")[1]
    started = datetime.fromtimestamp(emulator.now(), UTC) - timedelta(hours=1)
    given = tuple(
        {
            "JobId": f"bfuzz{word}{number:04}",
            "CreationTime": f"{started - timedelta(minutes=number):%Y-%m-%dT%H:%M:%S+0000}",
        }
        for number in range(JOBS)
    )
    emulator.create_bucket(bucket, given=given)
    return [str(job["JobId"]) for job in given]


def _make_people() -> dict[str, str]:
    """Create buckets, groups and people; return user names by role."""
    from jobs.models import Bucket
    from tests.emulators import REGION
    from tests.factories import make_staff, make_viewer

    shown = tuple(Bucket.objects.create(name=name, region=REGION) for name in (SHOWN, SHOWN_TOO))
    elsewhere = Bucket.objects.create(name=ELSEWHERE, region=REGION, label=LABELS[ELSEWHERE])
    Bucket.objects.create(name=HIDDEN, region=REGION, label=LABELS[HIDDEN], hidden=True)
    make_viewer("somebody-else", sees=(elsewhere,))
    return {"viewer": make_viewer("fuzz-viewer", sees=shown).username, "staff": make_staff("fuzz-staff").username}


def _viewer(username: str, secrets: tuple[str, ...]) -> Person:
    """Return somebody with a new session."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    client: Any = Client()
    client.force_login(get_user_model().objects.get(username=username))
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    cookies = f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={CSRF}"
    return Person(username, cookies.encode(), secrets, is_stranger=False)
