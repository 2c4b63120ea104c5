"""What many jobs say together, on invented jobs with known answers."""

from __future__ import annotations

import itertools
import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.cloudinfinite.schema import Job
from jobs.insight import (
    COUNTED,
    ENOUGH,
    SLOTS,
    Failure,
    Kind,
    Since,
    Summary,
    families,
    kind_of,
    normal,
    oddities,
    severity,
    summarize,
    tally,
)

if TYPE_CHECKING:
    from jobs.cloudinfinite.tree import Tree

BEGIN = datetime(2026, 11, 24, tzinfo=UTC)
END = BEGIN + timedelta(hours=24)


def at(hours: float) -> str:
    return (BEGIN + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def job(job_id: str, state: str, created: float, **nodes: str) -> Job:
    tree: Tree = {"JobId": job_id, "State": state, "CreationTime": at(created), **nodes}
    return Job(tree)


def summary(*jobs: Job, is_least: bool = False) -> Summary:
    return summarize(jobs, BEGIN, END, is_least=is_least)


def test_states_that_went_wrong_or_are_not_over_are_counted() -> None:
    found = summary(
        job("a", "Failed", 1), job("b", "Failed", 2), job("c", "Running", 3), job("d", "Submitted", 4),
        job("e", "Success", 5), job("f", "Cancel", 5), job("g", "Odd", 5),
    )  # fmt: skip

    assert found.counts == {"Failed": 2, "Running": 1, "Submitted": 1, "Pause": 0}


def test_oldest_waiting_is_the_submitted_job_created_first() -> None:
    found = summary(job("a", "Submitted", 4), job("b", "Submitted", 2), job("c", "Running", 1))

    assert found.waiting == Since("b", (BEGIN + timedelta(hours=2)).timestamp())


def test_longest_running_is_the_one_started_first_or_created_where_no_start_is_told() -> None:
    found = summary(job("a", "Running", 1, StartTime=at(6)), job("b", "Running", 3, StartTime="-"))

    assert found.running == Since("b", (BEGIN + timedelta(hours=3)).timestamp())


def test_newest_failure_is_the_one_that_ended_last() -> None:
    found = summary(
        job("a", "Failed", 1, EndTime=at(20), Code="AccessDenied", Message="x" * 300),
        job("b", "Failed", 9, Code="Other"),
    )

    assert found.failure == Failure("a", "AccessDenied", "x" * 200, (BEGIN + timedelta(hours=20)).timestamp())


def test_jobs_without_a_time_are_counted_and_stand_in_no_slot() -> None:
    odd = [Job({"JobId": state, "State": state, "CreationTime": "-"}) for state in COUNTED]

    found = summary(*odd)

    assert set(found.counts.values()) == {1}
    assert (found.waiting, found.running, found.failure) == (None, None, None)
    assert all(sum(slots) == 0 for slots in found.slots.values())


def test_slots_hold_each_job_where_it_was_created() -> None:
    found = summary(job("a", "Failed", 0), job("b", "Failed", 0.5), job("c", "Failed", 24), job("d", "Pause", 12))

    assert found.slots["Failed"] == (2, *[0] * (SLOTS - 2), 1)
    assert found.slots["Pause"][SLOTS // 2] == 1


@pytest.mark.parametrize("is_least", [False, True])
def test_summary_survives_json(is_least: bool) -> None:
    whole = summary(
        job("a", "Failed", 1, Code="x", Message="失败"),
        job("b", "Running", 2),
        job("c", "Submitted", 3),
        is_least=is_least,
    )
    nothing = summary(is_least=is_least)

    for found in (whole, nothing):
        assert Summary.from_primitives(json.loads(json.dumps(found.to_primitives()))) == found


def test_worst_are_those_with_most_failures_then_unreadable_ones_then_paused_then_who_waits_longest() -> None:
    now = END.timestamp()
    known = {
        "two failed": severity(summary(job("a", "Failed", 1), job("b", "Failed", 1)), has_problem=False, now=now),
        "one failed": severity(summary(job("a", "Failed", 1)), has_problem=False, now=now),
        "unreadable": severity(None, has_problem=True, now=now),
        "paused": severity(summary(job("a", "Pause", 1)), has_problem=False, now=now),
        "waits long": severity(summary(job("a", "Submitted", 1)), has_problem=False, now=now),
        "waits": severity(summary(job("a", "Submitted", 9)), has_problem=False, now=now),
        "well": severity(summary(), has_problem=False, now=now),
    }

    assert sorted(known, key=lambda name: known[name], reverse=True) == list(known)


# Odd ones out ----------------------------------------------------------------------------------------------------------


def finished(count: int, minutes: float = 10, waited: float = 1, **nodes: str) -> list[Job]:
    """So many jobs that waited and ran for so many minutes each."""
    return [
        job(f"f{number}", "Success", 1, StartTime=at(1 + waited / 60), EndTime=at(1 + (waited + minutes) / 60), **nodes)
        for number in range(count)
    ]


def odd(*jobs: Job) -> list[tuple[str, str]]:
    return [(one.job.job_id, one.why) for one in oddities(jobs, END).odd]


def test_job_that_waits_over_three_times_the_median_is_odd() -> None:
    others = finished(8, waited=10)

    assert odd(*others, job("w", "Submitted", 24 - 31 / 60)) == [("w", "waits")]
    assert odd(*others, job("w", "Submitted", 24 - 29 / 60)) == []


def test_job_that_runs_over_three_times_the_median_is_odd_with_the_numbers_behind_it() -> None:
    (found,) = oddities([*finished(9, minutes=20), job("r", "Running", 1, StartTime=at(22))], END).odd

    assert (found.why, found.took, found.usual, found.finished) == (
        "runs", timedelta(hours=2), timedelta(minutes=20), 9,
    )  # fmt: skip


def test_success_in_a_fraction_of_the_usual_time_is_odd() -> None:
    quick = job("q", "Success", 1, StartTime=at(2), EndTime=at(2 + 1 / 60))

    assert odd(*finished(8, minutes=20), quick) == [("q", "quick")]
    assert odd(*finished(8, minutes=0.4), quick) == []  # such jobs are all quick


def test_running_job_with_an_end_is_odd_by_itself() -> None:
    assert odd(job("e", "Running", 1, StartTime=at(2), EndTime=at(3))) == [("e", "ended")]


def test_with_fewer_than_eight_finished_ones_nobody_can_tell() -> None:
    found = oddities([*finished(ENOUGH - 1), job("r", "Running", 1, StartTime=at(2))], END)

    assert (found.odd, found.too_few) == ([], {Kind("", ""): 1})


def test_median_counts_those_that_tell_how_long_they_waited() -> None:
    silent = [Job({**one.tree, "CreationTime": "-"}) for one in finished(5)]

    assert odd(*finished(7), *silent, job("w", "Submitted", 1)) == []
    (found,) = oddities([*finished(8), *silent, job("w", "Submitted", 1)], END).odd
    assert (found.why, found.finished) == ("waits", 8)


def test_jobs_are_compared_with_those_of_their_kind_alone() -> None:
    jobs = [*finished(8, Tag="a"), job("b", "Running", 1, StartTime=at(2), Tag="b")]

    found = oddities(jobs, END)

    assert (found.odd, found.too_few) == ([], {Kind("", "b"): 1})


def test_kind_is_the_most_telling_thing_a_job_names() -> None:
    of: Tree = {"Operation": {"WorkflowIds": "w1,w2", "JobParam": {"TemplateId": "t1"}, "Tag": "Transcode"}}
    without_workflow: Tree = {"Operation": {"JobParam": {"TemplateId": "t1"}, "Tag": "Transcode"}}
    tagged: Tree = {"Tag": "Transcode"}
    nothing: Tree = {}

    kinds = [kind_of(Job({"Type": "Job", **nodes})) for nodes in (of, without_workflow, tagged, nothing)]

    assert [kind.of for kind in kinds] == ["w1,w2", "t1", "Transcode", ""]
    assert {kind.type for kind in kinds} == {"Job"}


def test_running_job_whose_start_is_not_told_is_compared_since_its_creation() -> None:
    jobs = [*finished(8, minutes=10), job("unstarted", "Running", 12), job("new", "Running", 23.9)]

    assert odd(*jobs) == [("unstarted", "runs")]


def test_the_oddest_come_first_and_contradictions_before_them() -> None:
    jobs = [
        *finished(8, minutes=10),
        job("less", "Running", 1, StartTime=at(23)),
        job("more", "Running", 1, StartTime=at(12)),
        job("quick", "Success", 1, StartTime=at(2), EndTime=at(2 + 0.1 / 60)),
        job("ended", "Running", 1, StartTime=at(2), EndTime=at(3)),
    ]

    assert [job_id for job_id, _why in odd(*jobs)] == ["ended", "more", "less", "quick"]


# Families of failures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("get object videos/2026/a.mp4 failed", "get object ‹key› failed"),
        ("file clip-01.mp4 is broken", "file ‹key› is broken"),
        ("cos://media-prod-1250000000/x/y.mp4 denied", "‹url› denied"),
        ("AccessDenied on output bucket media-prod-1250000000", "AccessDenied on output bucket ‹bucket›"),
        ("job b000000006b0ad6130000000000000001 failed", "job ‹id› failed"),
        ("request 6902025a-6657-ed4f-8888-0123456789ab", "request ‹id›"),
        ("retry 3 of 5 after 2.5 s", "retry ‹n› of ‹n› after ‹n› s"),
        ("at 2026-11-28T14:25:03+08:00 from 10.0.0.1:8080", "at ‹time› from ‹address›"),
        ("文件 input/中文.mp4 不存在，重试 3 次", "文件 ‹key› 不存在，重试 ‹n› 次"),
        ("no right on bucket media-1250000000.", "no right on bucket ‹bucket›."),
        ("no such host media-1250000000.cos", "no such host media-‹id›.cos"),
        ("timed out after 1200ms at 720p", "timed out after ‹n›ms at ‹n›p"),
        ("A.MP4 and clip-a.webm are broken", "‹key› and ‹key› are broken"),
        ("request NjJiZDU1ZmZfOTBmYTUwNjRfNzdjY18xYQ==", "request ‹id›"),
        ("request 62bd55ff_90fa5064_77cc_1a failed", "request ‹id› failed"),
        ("md5 D41D8CD98F00B204E9800998ECF8427E differs", "md5 ‹id› differs"),
        ("on 2026.11.29 by ffmpeg 4.2.1", "on ‹n› by ffmpeg ‹n›"),
        ("UnsupportedVideoCodecH264Profile stays", "UnsupportedVideoCodecH264Profile stays"),
        ("h264 and NoSuchTranscodeTemplateForBucket stay", "h264 and NoSuchTranscodeTemplateForBucket stay"),
        ("plain words stay", "plain words stay"),
        ("", ""),
    ],
)
def test_what_differs_from_job_to_job_becomes_a_placeholder(message: str, text: str) -> None:
    assert normal(message) == text


def test_failures_alike_are_one_family_with_first_and_last_and_kinds() -> None:
    jobs = [
        job("a", "Failed", 9, EndTime=at(9.2), Code="AccessDenied", Message="no right on media-1250000000", Tag="t1"),
        job("b", "Failed", 11, EndTime=at(11.7), Code="AccessDenied", Message="no right on film-1250000000", Tag="t2"),
        job("c", "Failed", 10, Code="AccessDenied", Message="no right on media-1250000000", Tag="t1"),
        job("d", "Failed", 10, Code="InternalError", Message="no right on media-1250000000"),
        job("e", "Success", 10, Code="AccessDenied", Message="no right on media-1250000000"),
    ]

    first, second = families(jobs)

    assert (first.code, first.text, [one.job_id for one in first.jobs]) == (
        "AccessDenied", "no right on ‹bucket›", ["a", "b", "c"],
    )  # fmt: skip
    assert (first.first, first.last, first.kinds) == (
        BEGIN + timedelta(hours=9.2), BEGIN + timedelta(hours=11.7), 2,
    )  # fmt: skip
    assert (first.templates, second.kinds) == (0, 1)
    assert (second.code, len(second.jobs)) == ("InternalError", 1)
    assert first.name != second.name
    assert families(reversed(jobs))[0].name == first.name


def test_templates_of_a_family_are_counted_where_all_its_jobs_name_one() -> None:
    named = [
        Job(
            {
                "JobId": str(n),
                "State": "Failed",
                "Code": "X",
                "Message": "m",
                "Operation": {"JobParam": {"TemplateId": f"t{n % 2}"}},
            }
        )
        for n in range(4)
    ]

    (of_templates,) = families(named)
    (mixed,) = families([*named, job("w", "Failed", 1, Code="X", Message="m")])

    assert (of_templates.templates, mixed.templates) == (2, 0)


@pytest.mark.parametrize("text", ["a/" * 5000, "1" * 5000, "a-" * 5000 + "1", "‹" * 900, "http://" * 900])
def test_hostile_messages_are_compared_quickly(text: str) -> None:
    began = time.process_time()

    normal(text)

    assert time.process_time() - began < 0.2


# Counts ----------------------------------------------------------------------------------------------------------------


def test_jobs_are_counted_by_state_and_type() -> None:
    found = tally([job("a", "Failed", 1, Type="Job"), job("b", "Odd", 1, Type="Job"), job("c", "Failed", 1)])

    assert (found.jobs, found.states, found.types) == (3, [("Failed", 2), ("Odd", 1)], [("Job", 2), ("", 1)])


def test_jobs_are_counted_by_the_workflow_template_or_tag_that_they_name() -> None:
    found = tally([*finished(2, Tag="a", Type="Job"), job("b", "Failed", 1, Tag="a"), job("c", "Failed", 1)])

    assert found.kinds == [(Kind("Job", "a"), 2), (Kind("", "a"), 1)]
    assert len({kind.name for kind, _jobs in found.kinds}) == 2


def test_columns_over_time_hold_every_dated_job_once_and_follow_one_another() -> None:
    jobs = [job(str(hour), "Failed" if hour % 2 else "Success", hour) for hour in range(20)]

    found = tally([*jobs, Job({"JobId": "x", "State": "Failed", "CreationTime": "-"})])

    assert (sum(column.count for column in found.created), sum(column.failed for column in found.created)) == (20, 10)
    assert found.undated == 1
    assert len(found.created) <= 24
    assert all(one.end == other.begin for one, other in itertools.pairwise(found.created))
    assert found.created[0].begin <= BEGIN < found.created[0].end


def test_one_moment_is_one_column_and_decades_still_fit() -> None:
    assert [column.count for column in tally([job("a", "Failed", 1)] * 3).created] == [3]
    assert len(tally([job("a", "Failed", 0), job("b", "Failed", 24 * 365 * 30)]).created) <= 25


def test_run_times_are_counted_between_bounds() -> None:
    found = tally([*finished(3, minutes=0.5), *finished(2, minutes=90)])

    assert [(span.least, span.below, span.count) for span in found.ran if span.count] == [(10, 60, 3), (3600, 10800, 2)]
    assert tally([job("a", "Running", 1)]).ran == ()
