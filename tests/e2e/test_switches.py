"""What nobody knows about Cloud Infinite is a switch of the emulator: the product is right under every value of each."""

from __future__ import annotations

import pytest

from jobs.cloudinfinite.emulator.switches import EVERY
from tests.e2e.looking import job_path, list_path
from tests.e2e.sites import Reader, Site
from tests.e2e.test_hostile import make_bucket

EVERY_VALUE = [(name, value) for name, values in EVERY.items() for value in values]
PAST = "2026-06-27T15:23:10+0800"


@pytest.fixture(params=EVERY_VALUE, ids=lambda chosen: "=".join(chosen))
def switched(hasty: Site, request: pytest.FixtureRequest) -> Site:
    """A site whose emulator has one switch set, each value in turn."""
    name, value = request.param
    hasty.emulator.set_switches(**{name: value})
    return hasty


def test_list_and_job_are_right(switched: Site) -> None:
    emulator, reader = switched.emulator, Reader(switched)
    names = ("zebra", "zebra-2", "very zebra", "another")
    bucket = make_bucket(
        switched, "switched", jobs=52, given=tuple({"Name": name, "CreationTime": PAST} for name in names)
    )
    expected = emulator.job_ids(bucket.name)

    # To the end, while jobs arrive.
    seen = reader.scroll(list_path(bucket, "size=10", twin=True), lambda: emulator.add_job(bucket.name))
    assert seen == expected

    # A job opens, as page and raw.
    for part in ("", "raw"):
        answer = reader.patient(job_path(bucket, expected[0], part, twin=True))
        assert answer.status_code == 200
    assert reader.json(job_path(bucket, expected[0], twin=True))["job"]["JobId"] == expected[0]

    # One that upstream doesn't know.
    missing = reader.patient(job_path(bucket, "b" + "0" * 32, twin=True))
    assert (missing.status_code, missing.json()["problem"]["code"]) == (404, "no_such_job")

    # The name filter shows what upstream sent, however it matches.
    shown = reader.scroll(list_path(bucket, "name=zebra", twin=True))
    sent = [call for call in emulator.calls(bucket.name) if call.parameters.get("name") == "zebra"]
    assert shown == list(sent[-1].ids)
    assert len(shown) == {"exact": 1, "prefix": 2, "substring": 3}[emulator.admin("GET", "switches")["name"]]


def test_refused_credential_is_told_as_such(switched: Site) -> None:
    bucket = make_bucket(switched, "refused", jobs=3)
    switched.emulator.set_credentials(("SOMEBODY-ELSE", "another-key"))

    answer = Reader(switched).patient(list_path(bucket, twin=True))

    assert (answer.status_code, answer.json()["problem"]["class"]) == (403, "credentials")
