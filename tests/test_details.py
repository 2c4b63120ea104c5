"""What a job page shows of a job: Operation, Output, TimeInterval, Input, raw, its times and their contradictions."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.cloudinfinite.parser import read_xml
from jobs.cloudinfinite.schema import Job, parse_time
from jobs.cloudinfinite.tree import nodes
from jobs.details.branches import DEEPEST, MOST, Branch, grow, size, web_address
from jobs.details.codes import UNKNOWN, advice
from jobs.details.contradictions import contradictions, odd_times
from jobs.details.names import JOB_PARAM, LABELS, PARAMETERS, TAGS, is_known, tag_meaning
from jobs.details.operation import operation
from jobs.details.output import output
from jobs.details.raw import SHOWN, raw
from jobs.details.scale import MOST_TICKS, Axis
from jobs.details.source import sources
from jobs.details.time_interval import time_interval
from jobs.details.timeline import timeline
from tests import documented

if TYPE_CHECKING:
    from jobs.cloudinfinite.tree import Tree

SHANGHAI = ZoneInfo("Asia/Shanghai")
AS_OF = datetime(2023, 11, 14, 2, 11, 40, tzinfo=UTC)
BUCKET, REGION = "media-prod-1250000000", "ap-guangzhou"


def jobs_of(file: str) -> dict[str, Job]:
    """Return the jobs of a list's answer by name."""
    _, tree = read_xml((Path(__file__).parent / "data" / file).read_bytes())
    found = [Job(node) for node in nodes(tree, "JobsDetail") if not isinstance(node, str)]
    return {job.name: job for job in found}


FIRST, FAILED, LAST = jobs_of("f1_list_first.xml"), jobs_of("f2_list_filtered.xml"), jobs_of("f3_list_last.xml")
NIGHTLY = FIRST["夜间转码-1"]


def job(**fields: Any) -> Job:
    """Return a job with these elements and nothing else."""
    return Job(fields)


def at(written: str) -> datetime:
    """Return a time that CI wrote."""
    time = parse_time(written)
    assert time is not None
    return time


# Branches ---------------------------------------------------------------------------------------------------------------


def test_grow_numbers_repeated_elements_and_keeps_document_order() -> None:
    root = grow({"JobParam": {"WatermarkTemplateId": ["t1", "t2"], "TemplateId": "t3"}}, "Operation")

    branches = root.children[0].children
    assert [(one.name, one.number, one.text, one.path) for one in branches] == [
        ("WatermarkTemplateId", 1, "t1", "Operation.JobParam.WatermarkTemplateId.0"),
        ("WatermarkTemplateId", 2, "t2", "Operation.JobParam.WatermarkTemplateId.1"),
        ("TemplateId", None, "t3", "Operation.JobParam.TemplateId"),
    ]


def test_grow_marks_what_is_masked_and_what_is_unknown() -> None:
    root = grow({"UserData": "token=***", "Colour": "blue"}, "Operation", {"Operation.UserData"})

    assert [(one.name, one.masked, one.known) for one in root.children] == [
        ("UserData", True, True),
        ("Colour", False, False),
    ]


def test_grow_marks_only_where_the_unknown_begins() -> None:
    root = grow({"Billing": {"Minutes": "12"}, "Operation": {"JobParam": {"Novel": {"a": "b"}}}})

    billing, below = root.children
    novel = below.children[0].children[0]
    assert [one.known for one in (billing, billing.children[0], novel, novel.children[0])] == [False, True, False, True]


def test_grow_counts_what_lies_too_deep() -> None:
    tree: Tree = {"a": "x", "b": "y"}
    for _ in range(40):
        tree = {"deeper": tree}

    branch, depth = grow(tree).children[0], 1
    while branch.children:
        branch, depth = branch.children[0], depth + 1

    assert (depth, branch.left_out) == (DEEPEST, 40 - DEEPEST + 2)


def test_grow_counts_what_is_too_much() -> None:
    root = grow({"many": {"one": [str(number) for number in range(3 * MOST)]}})

    many = root.children[0]
    assert (len(many.children), many.left_out) == (MOST - 1, 2 * MOST + 1)


@pytest.mark.parametrize(
    ("text", "is_link"),
    [
        ("https://media-out-1250000000.cos.ap-guangzhou.myqcloud.com/logo.png", True),
        ("http://example.com", True),
        ("javascript:alert(1)", False),
        ("JavaScript://example.com/%0aalert(1)", False),
        ("data:text/html,<script>", False),
        ("https://", False),
        ("https:///etc/passwd", False),
        ("https://user:word@example.com/", False),
        (" https://example.com", False),
        ("https://example.com/a b", False),
        ("https://exаmple.com/", False),
        ("https://[::1", False),
        ("//example.com/", False),
    ],
)
def test_web_address_takes_http_only(text: str, is_link: bool) -> None:
    assert web_address(text) == (text if is_link else "")


def test_a_callback_is_never_a_link() -> None:
    root = grow({"CallBack": "https://hooks.example.com", "Url": "https://hooks.example.com"})

    assert [one.link for one in root.children] == ["", "https://hooks.example.com"]


# Operation --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [path.replace("/", ".") for path in documented.PATHS])
def test_every_documented_element_is_known_by_name(path: str) -> None:
    assert is_known(path)
    assert str(LABELS[path]) != ""


@pytest.mark.parametrize("name", documented.PARAMETERS)
def test_every_documented_parameter_is_known_with_all_that_stands_inside(name: str) -> None:
    assert is_known(f"{JOB_PARAM}.{name}")
    assert is_known(f"{JOB_PARAM}.{name}.Whatever.Stands.Inside")


@pytest.mark.parametrize("tag", documented.TAGS)
def test_every_documented_tag_is_explained(tag: str) -> None:
    assert str(tag_meaning(tag)) not in {"", tag}


def test_nothing_is_known_that_no_document_names() -> None:
    leaves = {path.replace("/", ".") for path in documented.PATHS}
    inner = {".".join(path.split(".")[:depth]) for path in leaves for depth in range(1, path.count(".") + 1)}

    assert set(LABELS) - leaves - inner - {f"{JOB_PARAM}.{name}" for name in documented.PARAMETERS} == {JOB_PARAM}
    assert (set(documented.PARAMETERS), set(documented.TAGS)) == (set(PARAMETERS), set(TAGS))
    assert not any(map(is_known, ("Mood", "Operation.Mood", f"{JOB_PARAM}.Mood", "Operation.JobParamX.Transcode")))


def test_operation_shows_every_element_in_order() -> None:
    names = [field.branch.name for field in operation(NIGHTLY).fields]

    assert names == [
        "TimeInterval", "QueueId", "UserData", "CallBack", "CallBackFormat", "Tag", "JobParam", "Output", "JobLevel",
    ]  # fmt: skip


def test_operation_splits_workflow_ids() -> None:
    found = operation(job(Operation={"WorkflowIds": "w1, w2,,w3 "}))

    assert found.fields[0].workflow_ids == ("w1", "w2", "w3")


def test_operation_explains_what_it_knows() -> None:
    found = operation(job(Operation={"Tag": "Transcode", "JobLevel": "2", "CallBack": "no", "Colour": "blue"}))

    assert [str(field.hint) for field in found.fields] == [
        "transcoding", "highest: before level 1 and 0", "no callback, not even the queue's own", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "meant"),
    [("Animatin", "Animation"), ("VoiceSpearte", "VoiceSeparate"), ("VideoSeParete", "VoiceSeparate"), ("SDR2HDR", "SDRtoHDR")],
)  # fmt: skip
@pytest.mark.parametrize("inside", [True, False])
def test_tag_that_the_documents_misprint_is_kept_and_explained_as_what_it_means(
    tag: str, meant: str, inside: bool
) -> None:
    found = operation(job(Operation={"Tag": tag}) if inside else job(Tag=tag))

    (field,) = found.fields if inside else found.beside
    assert (field.branch.text, field.branch.known) == (tag, True)
    assert str(field.hint) == f"{TAGS[meant]}; a misprint of {meant} in the documents"


def test_operation_says_why_a_value_is_hidden() -> None:
    found = operation(job(Operation={"CallBack": "https://h/***"}), {"Operation.CallBack"})

    assert "webhook" in str(found.fields[0].mask)


def test_operation_keeps_what_stands_beside_it() -> None:
    found = operation(job(JobId="b1", Tag="Transcode", QueueId="p1", Mood={"Good": "yes"}, Operation={"Tag": "x"}))

    assert [field.branch.name for field in found.beside] == ["Tag", "QueueId", "Mood"]


def test_operation_keeps_a_second_one_and_loose_text() -> None:
    found = operation(job(Operation=["loose", {"Tag": "Snapshot"}]))

    assert found.fields == ()
    assert [(field.branch.name, field.branch.text) for field in found.beside] == [
        ("Operation", "loose"),
        ("Operation", None),
    ]


# Output -----------------------------------------------------------------------------------------------------------------


def test_output_fills_the_job_id_in() -> None:
    found = output(NIGHTLY, BUCKET, REGION)

    (path,) = found.paths
    assert path.resolved == "transcoded/b0a77d3f0828f11eea1b2525400c0ffee/${InputName}.mp4"
    assert path.cos == f"cos://media-out-1250000000/{path.resolved}"
    assert [(piece.text, piece.is_placeholder) for piece in path.pieces] == [
        ("transcoded/", False), ("${InventoryTriggerJobId}", True), ("/", False), ("${InputName}", True), (".mp4", False),
    ]  # fmt: skip


def test_output_explains_placeholders_once_and_says_which_are_unknown() -> None:
    tree = {"Object": "${InputName}/${InputName}-${Weather}.${ext}", "AuObject": "${InputName}"}

    found = output(job(Operation={"Output": tree}), BUCKET, REGION)

    assert [(one.text, bool(one.meaning)) for one in found.placeholders] == [
        ("${InputName}", True),
        ("${Weather}", False),
        ("${ext}", True),
    ]


@pytest.mark.parametrize(
    ("region", "expected"), [("ap-guangzhou", "same"), ("ap-shanghai", "other"), ("", ""), (None, "")]
)
def test_output_compares_regions(region: str | None, expected: str) -> None:
    tree: Tree = {"Object": "a"} if region is None else {"Object": "a", "Region": region}

    assert output(job(Operation={"Output": tree}), BUCKET, REGION).region_is == expected


def test_output_shows_every_kind_of_path() -> None:
    tree = {
        "Bucket": "out-1250000000",
        "StreamExtract": [{"Index": "0", "Object": "s0"}, {"Index": "1", "Object": "s1"}],
        "SpriteObject": "sprite",
        "DrumObject": "drum",
        "BassObject": "bass",
        "AuObject": "voice",
        "Force": "true",
    }

    found = output(job(Operation={"Output": tree}), BUCKET, REGION)

    assert [(path.name, path.resolved, path.stream) for path in found.paths] == [
        ("AuObject", "voice", ""),
        ("BassObject", "bass", ""),
        ("DrumObject", "drum", ""),
        ("SpriteObject", "sprite", ""),
        ("StreamExtract", "s0", "0"),
        ("StreamExtract", "s1", "1"),
    ]
    assert [branch.name for branch in found.others] == ["Force"]


def test_output_keeps_what_it_cannot_tell() -> None:
    tree = {"Object": {"Deep": "x"}, "StreamExtract": {"Index": "0", "Object": "s", "New": "n"}, "Region": ["a", "b"]}

    found = output(job(Operation={"Output": tree}), BUCKET, REGION)

    assert [branch.name for branch in found.others] == ["Object", "StreamExtract", "Region", "Region"]


def test_output_of_a_workflow_is_said_to_be_in_the_workflow() -> None:
    assert "in the workflow itself" in str(output(FIRST["course-archive-2023Q4"], BUCKET, REGION).absent)


def test_output_of_a_kind_that_writes_nothing_says_so() -> None:
    assert "writes no object" in str(output(job(Type="Job", Operation={"Tag": "MediaInfo"}), BUCKET, REGION).absent)


# TimeInterval -----------------------------------------------------------------------------------------------------------


def interval_of(**fields: Any) -> Any:
    return time_interval(job(**fields), AS_OF, SHANGHAI)


def test_time_interval_reads_both_ends() -> None:
    found = time_interval(NIGHTLY, AS_OF, SHANGHAI)

    assert (found.start.time, found.end.time, found.relation) == (
        at("2023-11-13T00:00:00+0800"),
        at("2023-11-14T00:00:00+0800"),
        "",
    )
    assert found.length == timedelta(days=1)


def test_time_interval_without_ends_reaches_to_the_creation() -> None:
    created = "2023-11-14T10:00:00+0800"

    found = interval_of(CreationTime=created, Operation={"TimeInterval": {"Start": "0"}})

    assert (found.start.time, found.upto, found.length) == (None, at(created), None)
    assert found.selection is not None
    assert (found.selection.x, found.selection.opens_left, found.selection.opens_right) == ("0.00%", True, False)


def test_time_interval_gives_an_open_start_room() -> None:
    found = interval_of(State="Submitted", CreationTime="2023-11-14T10:00:00+0800")

    assert found.selection is not None
    assert float(found.selection.width.rstrip("%")) > 15


def test_time_interval_draws_moments_that_fall_together_as_one() -> None:
    found = interval_of(
        State="Success",
        CreationTime="2023-11-14T10:00:00+0800",
        StartTime="2023-11-14T10:00:05+0800",
        EndTime="2023-11-14T10:01:00+0800",
        Operation={"TimeInterval": {"Start": "2023-10-01T00:00:00+0800"}},
    )

    assert [point.kind for point in found.job_points] == ["created"]


@pytest.mark.parametrize(
    ("start", "end", "relation"),
    [
        ("2023-11-02T00:00:00+0800", "2023-11-01T00:00:00+0800", "reversed"),
        ("2023-11-01T00:00:00+0800", "2023-10-31T16:00:00Z", "moment"),
        ("2023-11-01T00:00:00+0800", "2023-12-01T00:00:00+0800", "later"),
        ("2023-10-01T00:00:00+0800", "2023-11-01T00:00:00+0800", ""),
    ],
)
def test_time_interval_says_how_its_ends_lie(start: str, end: str, relation: str) -> None:
    found = interval_of(
        CreationTime="2023-11-14T10:00:00+0800", Operation={"TimeInterval": {"Start": start, "End": end}}
    )

    assert found.relation == relation


def test_time_interval_draws_no_bar_between_reversed_ends() -> None:
    found = interval_of(
        Operation={"TimeInterval": {"Start": "2023-11-02T00:00:00+0800", "End": "2023-11-01T00:00:00+0800"}}
    )

    assert found.selection is None
    assert [edge.kind for edge in found.edges] == ["from", "until"]


def test_time_interval_keeps_what_is_no_time() -> None:
    found = interval_of(Operation={"TimeInterval": {"Start": "yesterday", "Zone": "UTC"}})

    assert (found.start.unreadable, found.start.time) == ("yesterday", None)
    assert [branch.name for branch in found.others] == ["Zone"]


# The job's own times ----------------------------------------------------------------------------------------------------


def test_timeline_of_a_finished_job_is_drawn_to_scale() -> None:
    found = timeline(
        job(
            State="Success",
            CreationTime="2023-11-14T00:00:00+0800",
            StartTime="2023-11-14T01:00:00+0800",
            EndTime="2023-11-14T04:00:00+0800",
        ),
        AS_OF,
        SHANGHAI,
    )

    waiting, running = (float(bar.width.rstrip("%")) for bar in found.bars)
    assert running == pytest.approx(3 * waiting, rel=0.001)
    assert [(tick.above, tick.below) for tick in found.ticks] == [
        ("00:00", "2023-11-14"), ("01:00", ""), ("02:00", ""), ("03:00", ""), ("04:00", ""),
    ]  # fmt: skip


def test_timeline_of_a_running_job_goes_on_until_now() -> None:
    found = timeline(FIRST["course-archive-2023Q4"], AS_OF, SHANGHAI)

    assert found.running is not None
    assert (found.running.length, found.running.is_open) == (timedelta(seconds=5), True)
    assert [point.kind for point in found.points] == ["created", "started", "now"]


def test_timeline_of_a_waiting_job_goes_on_until_now() -> None:
    found = timeline(FIRST["thumbs-backfill"], AS_OF, SHANGHAI)

    assert found.waiting is not None
    assert found.waiting.is_open
    assert found.running is None


def test_timeline_does_not_count_the_end_of_a_running_job() -> None:
    found = timeline(
        job(State="Running", StartTime="2023-11-14T10:00:00+0800", EndTime="2023-11-14T10:01:00+0800"), AS_OF, SHANGHAI
    )

    assert found.running is not None
    assert found.running.last == AS_OF


def test_timeline_draws_nothing_between_reversed_times() -> None:
    found = timeline(
        job(State="Success", StartTime="2023-11-14T10:00:00+0800", EndTime="2023-11-14T09:00:00+0800"), AS_OF, SHANGHAI
    )

    assert (found.bars, len(found.points)) == ((), 2)


def test_timeline_without_times_draws_nothing() -> None:
    found = timeline(job(State="Success"), AS_OF, SHANGHAI)

    assert (found.stretches, found.bars, found.points, found.ticks) == ((), (), (), ())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"State": "Running", "StartTime": "2023-11-14T09:00:00+0800", "EndTime": "2023-11-14T09:10:00+0800"}, "end is not counted"),
        ({"State": "Running", "StartTime": "-"}, "no start time"),
        ({"State": "Success", "StartTime": "2023-11-14T09:10:00+0800", "EndTime": "2023-11-14T09:00:00+0800"}, "ended before it started"),
        ({"State": "Pause", "CreationTime": "2023-11-14T09:10:00+0800", "StartTime": "2023-11-14T09:00:00+0800"}, "started before it was created"),
        ({"State": "Cancel", "EndTime": "-"}, "no end time"),
        ({"State": "Failed", "Code": "Success", "EndTime": "2023-11-14T09:10:00+0800"}, "no error code"),
        ({"State": "Submitted", "CreationTime": "2023-11-14T11:00:00+0800"}, "later than"),
        ({"State": "Archived"}, "“Archived” is a state"),
        ({"State": "Pause", "Type": "Dance"}, "“Dance” is a kind"),
        ({"State": "Pause", "EndTime": "soon"}, "EndTime reads “soon”"),
        ({}, "No state"),
    ],
)  # fmt: skip
def test_contradictions_are_said_in_words(fields: dict[str, str], said: str) -> None:
    found = contradictions(job(**fields), AS_OF)

    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize("sample", [*FIRST.values(), *FAILED.values(), *LAST.values()], ids=lambda sample: sample.name)
def test_ordinary_jobs_have_no_contradictions(sample: Job) -> None:
    assert contradictions(sample, AS_OF) == ()


@pytest.mark.parametrize("code", documented.CODES)
def test_each_documented_code_has_advice(code: str) -> None:
    assert advice(code) != UNKNOWN


def test_advice_says_when_a_code_is_unknown() -> None:
    assert advice("SomethingNew") == UNKNOWN


# The axis ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "labels"),
    [
        ("2023-11-14T10:00:00+0800", "2023-11-14T10:00:00+0800", ["09:59:30", "09:59:45", "10:00:00", "10:00:15", "10:00:30"]),
        ("2023-11-14T10:00:00+0800", "2023-11-14T10:04:00+0800", ["10:00", "10:01", "10:02", "10:03", "10:04"]),
        ("2023-11-12T00:00:00+0800", "2023-11-16T00:00:00+0800", ["11-12", "11-13", "11-14", "11-15", "11-16"]),
        ("2023-01-01T00:00:00+0800", "2023-05-01T00:00:00+0800", ["2023-01", "2023-02", "2023-03", "2023-04", "2023-05"]),
        ("2018-01-01T00:00:00+0800", "2023-01-01T00:00:00+0800", ["2018", "2019", "2020", "2021", "2022", "2023"]),
    ],
)  # fmt: skip
def test_ticks_stand_at_round_local_times(first: str, last: str, labels: list[str]) -> None:
    axis = Axis.over([at(first), at(last)], SHANGHAI)

    assert axis is not None
    assert [tick.above for tick in axis.ticks] == labels


moments = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 # bounds of hypothesis are naive
zones = st.sampled_from(["Asia/Shanghai", "UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati"])


@given(st.lists(moments, min_size=1, max_size=4), zones)
def test_an_axis_holds_every_moment_and_has_few_ticks(times: list[datetime], zone: str) -> None:
    axis = Axis.over(times, ZoneInfo(zone))

    assert axis is not None
    assert all(0 <= axis.share(time) <= 100 for time in times)
    assert len(axis.ticks) <= MOST_TICKS + 1
    shares = [float(tick.x.rstrip("%")) for tick in axis.ticks]
    assert shares == sorted(shares)


@given(moments, st.integers(1, 400 * 86400), zones)
def test_an_axis_of_a_year_or_less_has_ticks(first: datetime, span: int, zone: str) -> None:
    last = min(first + timedelta(seconds=span), datetime(9998, 12, 31, tzinfo=UTC))

    axis = Axis.over([first, last], ZoneInfo(zone))

    assert axis is not None
    assert len(axis.ticks) >= 1


# Input and raw ----------------------------------------------------------------------------------------------------------


def test_sources_say_what_each_kind_selects() -> None:
    found = sources(job(Input={"Prefix": "", "Object": "a.mp4", "Cloud": "x"}), BUCKET)

    assert [(one.branch.name, bool(one.meaning)) for one in found.sources] == [
        ("Prefix", True), ("Object", True), ("Cloud", False),
    ]  # fmt: skip
    assert "every object of the bucket is read" in str(found.sources[0].meaning)
    assert found.several


@pytest.mark.parametrize(
    ("given", "cos"),
    [
        ({"Prefix": "raw/"}, f"cos://{BUCKET}/raw/"),
        ({"Prefix": ""}, f"cos://{BUCKET}/"),
        ({"Object": "/a b.mp4"}, f"cos://{BUCKET}/a b.mp4"),
        ({"UrlFile": "https://lists-1250000000.cos.ap-x.myqcloud.com/a%20b.txt"}, "cos://lists-1250000000/a b.txt"),
        ({"Manifest": "https://elsewhere.example/manifest.json"}, ""),
        ({"Cloud": "x"}, ""),
    ],
)
def test_source_has_a_cos_path_where_it_names_one(given: dict[str, Any], cos: str) -> None:
    [source] = sources(job(Input=given), BUCKET).sources

    assert source.cos == cos


@pytest.mark.parametrize(
    ("fields", "odd"),
    [
        ({"State": "Success", "StartTime": "2023-11-14T09:00:05+0800", "EndTime": "2023-11-14T09:30:00+0800"}, set()),
        (
            {"State": "Running", "StartTime": "2023-11-14T09:00:05+0800", "EndTime": "2023-11-14T09:30:00+0800"},
            {"ended"},
        ),
        ({"State": "Submitted", "StartTime": "2023-11-14T09:00:05+0800"}, {"started"}),
        ({"State": "Success", "StartTime": "2023-11-14T08:00:05+0800"}, {"started"}),
        ({"State": "Success", "EndTime": "2023-11-14T08:00:05+0800"}, {"ended"}),
        ({"State": "Submitted", "CreationTime": "2023-11-14T12:00:00+0800"}, {"created"}),
        ({"State": "Melted", "EndTime": "2023-11-14T09:30:00+0800"}, set()),
    ],
)
def test_times_that_can_not_be_true_beside_the_others_are_marked_in_the_drawing(
    fields: dict[str, str], odd: set[str]
) -> None:
    sample = job(**{"CreationTime": "2023-11-14T09:00:00+0800", **fields})

    drawn = timeline(sample, AS_OF, SHANGHAI)

    assert odd_times(sample, AS_OF) == odd
    assert {point.kind for point in drawn.points if point.odd} == odd
    assert bool(odd) <= bool(contradictions(sample, AS_OF))


def test_sources_without_input_are_none() -> None:
    assert sources(job(JobId="b1"), BUCKET).sources == ()


def test_raw_keeps_the_xml_to_the_letter_and_marks_unknown_names() -> None:
    xml = (
        "<Response><RequestId>r</RequestId><JobsDetail><!-- <Odd> --><JobId>b1</JobId><Mood a='>'>x</Mood>"
        "<Operation><JobParam><Snapshot><New/></Snapshot><Novel/></JobParam><![CDATA[<Odd>]]></Operation></JobsDetail></Response>"
    )

    found = raw(job(JobId="b1"), xml)

    assert "".join(piece.text for piece in found.xml) == xml
    assert [piece.text for piece in found.xml if piece.is_unknown] == ["Mood", "Mood", "Novel"]


def test_raw_lists_unknown_elements_once() -> None:
    tree: dict[str, Any] = {"Mood": {"Inner": "x"}, "Input": [{"Cloud": "1"}, {"Cloud": "2"}], "JobId": "b"}

    assert raw(Job(tree), None).unknown == ("Mood", "Input.Cloud")


def test_raw_cuts_what_is_huge() -> None:
    found = raw(job(Name="x" * SHOWN), "y" * (SHOWN + 1))

    assert (sum(len(piece.text) for piece in found.xml), found.xml_is_cut) == (SHOWN, True)
    assert (len(found.json), found.json_is_cut) == (SHOWN, True)


def test_raw_json_is_the_tree() -> None:
    found = raw(NIGHTLY, None)

    assert json.loads(found.json) == NIGHTLY.tree


# Whatever comes ---------------------------------------------------------------------------------------------------------

NAMES = [
    "Operation", "Input", "Output", "TimeInterval", "Start", "End", "Object", "Bucket", "Region", "StreamExtract", "Index",
    "WorkflowIds", "Tag", "JobParam", "CallBack", "UserData", "Prefix", "State", "Type", "Code", "JobId", "Name",
    "CreationTime", "StartTime", "EndTime", "#text", "@kind", "Odd",
]  # fmt: skip
TEXTS = [
    "", "-", "0", "Running", "Failed", "Success", "Workflow", "2023-11-14T10:11:32+0800", "2023-11-13T10:11:32+08:00",
    "${InventoryTriggerJobId}/${InputName}-${x}", "https://example.com/", "javascript:alert(1)", "w1,w2", "<b>&amp;", "\u202eabc",
]  # fmt: skip
leaves = st.sampled_from(TEXTS) | st.text(max_size=20)
names = st.sampled_from(NAMES)


def elements(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(names, children | st.lists(children, min_size=2, max_size=3), min_size=1, max_size=5)


# Up to five levels, each written out: `st.recursive` throws a large tree away and draws anew, at three times the cost.
trees = leaves
for _ in range(4):
    trees = leaves | elements(trees)
trees = elements(trees)


@settings(max_examples=300, deadline=None)
@given(trees, st.sets(st.sampled_from(["Operation.CallBack", "Operation.UserData"])))
def test_any_tree_is_shown_whole(tree: dict[str, Any], masked: set[str]) -> None:
    any_job = Job(tree)

    contradictions(any_job, AS_OF)
    timeline(any_job, AS_OF, SHANGHAI)
    time_interval(any_job, AS_OF, SHANGHAI, masked)
    sources(any_job, BUCKET, masked)
    output(any_job, BUCKET, REGION, masked)
    operation(any_job, masked)
    raw(any_job, None, tuple(masked))

    root = grow(tree, masked=masked)
    drawn = sum(_drawn(branch) for branch in root.children)
    assert drawn + root.left_out == size(tree) - 1


def _drawn(branch: Branch) -> int:
    return 1 + branch.left_out + sum(_drawn(child) for child in branch.children)
