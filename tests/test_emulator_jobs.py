"""The emulator's jobs: one by its id, generated from a seed, moving with the clock, added and changed by hand."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import pytest

from tests.emulators import AdminError, Emulator
from tests.signed_calls import ANCHOR, BUCKET, LIST, ask, column, parsed, refusal, rows

HOUR = 3_600


# One job --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("switch", "status"), [("200", 200), ("404", 404)])
def test_an_unknown_job_is_answered_as_switched(cloud: Emulator, switch: str, status: int) -> None:
    cloud.create_bucket(BUCKET, jobs=3)
    cloud.set_switches(unknown_id=switch)

    answer = ask(cloud, path=f"{LIST}/bffffffffffffffffffffffffffffffff")

    assert answer.status_code == status
    if status == 200:
        nodes = [(node.tag, node.text) for node in parsed(answer)]
        assert nodes[1:] == [("NonExistJobIds", "bffffffffffffffffffffffffffffffff")]
    else:
        assert refusal(answer) == (404, "ResourceNotFound")


def test_one_job_is_what_the_list_shows(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=40)
    for row in rows(ask(cloud, {"size": "40"})):
        single = rows(ask(cloud, path=f"{LIST}/{row.findtext('JobId')}"))

        assert [[(node.tag, node.text) for node in one.iter()] for one in single] == [
            [(node.tag, node.text) for node in row.iter()]
        ]


@pytest.mark.parametrize(("switch", "tag"), [("absent", None), ("present", "Transcode")])
def test_tag_stands_above_operation_when_switched(cloud: Emulator, switch: str, tag: str | None) -> None:
    cloud.create_bucket(BUCKET, given=({"Type": "Job", "JobId": "b1"},))
    cloud.set_switches(job_level=switch)

    assert rows(ask(cloud))[0].findtext("Tag") == tag
    assert rows(ask(cloud, path=f"{LIST}/b1"))[0].findtext("Tag") == tag


# Generated jobs and time ----------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_jobs(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=200, seed=3, anchor=ANCHOR)
    first = cloud.jobs(BUCKET)
    one = rows(ask(cloud, {"size": "1"}))[0]
    cloud.create_bucket(BUCKET, jobs=200, seed=3, anchor=ANCHOR)
    assert cloud.jobs(BUCKET) == first
    assert [(node.tag, node.text) for node in rows(ask(cloud, {"size": "1"}))[0].iter()] == [
        (node.tag, node.text) for node in one.iter()
    ]

    cloud.create_bucket(BUCKET, jobs=200, seed=4, anchor=ANCHOR)

    assert not {job.job_id for job in first} & set(cloud.job_ids(BUCKET))


def test_jobs_that_stand_still_are_in_every_state(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=200)
    before = cloud.jobs(BUCKET)

    cloud.shift_clock(30 * HOUR)

    assert {job.state for job in before} == {"Submitted", "Running", "Success", "Failed", "Pause", "Cancel"}
    assert cloud.jobs(BUCKET) == before


def test_jobs_arrive_and_move_while_time_passes(cloud: Emulator) -> None:
    cloud.set_clock(ANCHOR, frozen=True)
    cloud.create_bucket(BUCKET, jobs=10, arrivals=(20, 40), moving=True)
    legal = {
        "Submitted": {"Submitted", "Running", "Success", "Failed", "Pause", "Cancel"},
        "Running": {"Running", "Success", "Failed", "Pause", "Cancel"},
    }
    seen: dict[str, str] = {}
    counts = []
    moves = set()

    for second in range(0, 2 * HOUR, 20):
        cloud.set_clock(ANCHOR + second, frozen=True)
        jobs = cloud.jobs(BUCKET)
        counts.append(len(jobs))
        for job in jobs:
            if job.job_id in seen:
                assert job.state in legal.get(seen[job.job_id], {seen[job.job_id]})
                moves.add((seen[job.job_id], job.state))
            seen[job.job_id] = job.state

    assert counts[0] == 10
    assert all(0 <= later - earlier <= 1 for earlier, later in pairwise(counts))
    assert 10 + 2 * HOUR // 40 - 1 <= counts[-1] <= 10 + 2 * HOUR // 20 + 1
    assert {("Submitted", "Running"), ("Running", "Success"), ("Running", "Failed"), ("Running", "Cancel"),
            ("Running", "Pause"), ("Submitted", "Cancel"), ("Submitted", "Failed")} <= moves  # fmt: skip


def test_the_state_is_told_by_the_clock_alone(cloud: Emulator) -> None:
    cloud.set_clock(ANCHOR, frozen=True)
    cloud.create_bucket(BUCKET, jobs=10, arrivals=(20, 40), moving=True)
    cloud.set_clock(ANCHOR + 5_000, frozen=True)
    once = cloud.jobs(BUCKET)
    cloud.set_clock(ANCHOR, frozen=True)
    assert len(cloud.jobs(BUCKET)) == 10
    with pytest.raises(AdminError, match="404"):
        cloud.remove_job(BUCKET, once[0].job_id)  # not there yet

    cloud.create_bucket(BUCKET, jobs=10, arrivals=(20, 40), moving=True)
    cloud.set_clock(ANCHOR + 5_000, frozen=True)

    assert cloud.jobs(BUCKET) == once


def test_times_fit_the_state(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=400, spread=4 * HOUR, newest=0, moving=True)
    token, found = "", []
    while True:
        answer = ask(cloud, {"size": "100", **({"nextToken": token} if token else {})})
        found += rows(answer)
        token = parsed(answer).findtext("NextToken", "")
        if not token:
            break
    assert len(found) == 400

    for row in found:
        state = row.findtext("State")
        created, start, end = (row.findtext(name, "") for name in ("CreationTime", "StartTime", "EndTime"))
        stamps = [datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z") for text in (created, start, end) if text != "-"]
        assert stamps == sorted(stamps)
        assert (end == "-") == (state in ("Submitted", "Running", "Pause"))
        assert start != "-" or state in ("Submitted", "Failed", "Cancel")
        assert (row.findtext("Code") == "Success") == (state != "Failed")


def test_a_job_is_added_changed_and_removed(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=5)
    job_id = cloud.add_job(BUCKET, Name="今天", Type="Job", EndTime=None)
    row = rows(ask(cloud, {"size": "1"}))[0]
    assert (row.findtext("JobId"), row.findtext("Name"), row.findtext("State"), row.find("EndTime")) == (
        job_id, "今天", "Submitted", None,
    )  # fmt: skip

    cloud.change_job(BUCKET, job_id, State="Failed", Code="QueueNotFound", Input=None)
    generated = cloud.job_ids(BUCKET)[3]
    cloud.change_job(BUCKET, generated, Name="renamed")
    removed = cloud.job_ids(BUCKET)[4]
    cloud.remove_job(BUCKET, removed)

    row = rows(ask(cloud, {"states": "Failed", "jobId": job_id}))[0]
    assert (row.findtext("Code"), row.find("Input")) == ("QueueNotFound", None)
    assert column(ask(cloud, {"name": "renamed"}), "JobId") == [generated]
    assert cloud.job_ids(BUCKET)[3] == generated
    assert len(rows(ask(cloud))) == 5
    assert [node.tag for node in parsed(ask(cloud, path=f"{LIST}/{removed}"))] == ["RequestId", "NonExistJobIds"]
    with pytest.raises(AdminError, match="404"):
        cloud.remove_job(BUCKET, removed)


def test_given_jobs_keep_their_node_order(cloud: Emulator) -> None:
    cloud.create_bucket(
        BUCKET, given=({"State": "Failed", "Message": "m <&> \"'", "Extra": ["1", {"Two": "2"}], "Code": "c"},)
    )

    row = rows(ask(cloud))[0]

    assert [node.tag for node in row][:5] == ["State", "Message", "Extra", "Extra", "Code"]
    assert row.findtext("Message") == "m <&> \"'"
