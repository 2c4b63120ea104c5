"""What a job reads, and the job as it was received."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobs.cloudinfinite.schema import Job
from jobs.details.raw import SHOWN, raw
from jobs.details.source import sources
from tests.detailing import BUCKET, NIGHTLY, job


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
