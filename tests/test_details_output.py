"""Where a job writes: paths, placeholders, regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.details.output import output
from tests.detailing import BUCKET, FIRST, NIGHTLY, REGION, job

if TYPE_CHECKING:
    from jobs.cloudinfinite.tree import Tree


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
