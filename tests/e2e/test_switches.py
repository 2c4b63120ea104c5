"""What nobody knows about Cloud Infinite is a switch of the emulator: the product is right under every value of each."""

from __future__ import annotations

import itertools

import pytest

from jobs.cloudinfinite.emulator.switches import CHOICES
from tests.e2e.looking import job_path, list_path
from tests.e2e.sites import Reader, Site
from tests.e2e.test_hostile import make_bucket

EVERY_VALUE = [(name, value) for name, values in CHOICES.items() for value in values]
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


@pytest.mark.parametrize("filters", CHOICES["filters"])
@pytest.mark.parametrize("tokens", CHOICES["tokens"])
def test_filters_show_what_upstream_takes_for_matching(hasty: Site, tokens: str, filters: str) -> None:
    emulator, reader = hasty.emulator, Reader(hasty)
    emulator.set_switches(tokens=tokens, filters=filters)
    kinds, states = ("Job", "Workflow"), ("Running", "Failed", "Success")
    given = [
        {"JobId": f"b{n:032x}", "Type": kinds[n % 2], "State": states[n % 3], "CreationTime": f"2026-06-27T15:23:{n:02d}+0800"}
        for n in range(36)
    ]  # fmt: skip
    bucket = make_bucket(hasty, "combined", given=tuple(given))
    enough = any if filters == "or" else all
    one = given[0]["JobId"]

    # A list whose jobs can leave it goes on by times, and one of ended jobs by tokens.
    for state in ("Running", "Failed"):
        shown = reader.scroll(list_path(bucket, f"type=Job&states={state}&size=5", twin=True))
        assert shown == [
            job["JobId"] for job in reversed(given) if enough((job["Type"] == "Job", job["State"] == state))
        ]

    # Nothing of what is sent is left out.
    shown = reader.scroll(list_path(bucket, f"states=Failed&jobId={one}", twin=True))
    assert (
        shown
        == {
            "and": [],
            "or": [job["JobId"] for job in reversed(given) if job["State"] == "Failed" or job["JobId"] == one],
            "job_id_alone": [one],
        }[filters]
    )


@pytest.mark.parametrize("live", CHOICES["tokens_live"])
@pytest.mark.parametrize("tokens", CHOICES["tokens"])
def test_reader_who_comes_back_after_minutes_goes_on(hasty: Site, tokens: str, live: str) -> None:
    emulator = hasty.emulator
    emulator.set_switches(tokens=tokens, tokens_live=live)
    bucket = make_bucket(hasty, "later", jobs=52)
    expected, waits = emulator.job_ids(bucket.name), itertools.count(1)

    pages = list(
        Reader(hasty).pages(list_path(bucket, "size=10", twin=True), lambda: emulator.shift_clock(120 * next(waits)))
    )

    assert [job["JobId"] for page in pages for job in page["jobs"]] == expected
    told = {doubt for page in pages for doubt in page["completeness"]["doubts"]}
    assert told == ({"token"} if live == "minute" else set())


def test_refused_credential_is_told_as_such(switched: Site) -> None:
    bucket = make_bucket(switched, "refused", jobs=3)
    switched.emulator.set_credentials(("SOMEBODY-ELSE", "another-key"))

    answer = Reader(switched).patient(list_path(bucket, twin=True))

    assert (answer.status_code, answer.json()["problem"]["class"]) == (403, "credentials")
