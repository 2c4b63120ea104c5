"""Trees of elements: numbered, in order, bounded, and whatever comes is shown whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.cloudinfinite.schema import Job
from jobs.details.branches import DEEPEST, MOST, Branch, grow, size, web_address
from jobs.details.contradictions import contradictions
from jobs.details.operation import operation
from jobs.details.output import output
from jobs.details.raw import raw
from jobs.details.source import sources
from jobs.details.time_interval import time_interval
from jobs.details.timeline import timeline
from tests.detailing import AS_OF, BUCKET, REGION, SHANGHAI

if TYPE_CHECKING:
    from jobs.cloudinfinite.tree import Tree


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


@settings(max_examples=300)
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
