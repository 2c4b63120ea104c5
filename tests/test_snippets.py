"""Snippets ask for what the page asked for, by curl and by Tencent's own SDK, and hold neither a key nor a trap."""

from __future__ import annotations

import ast
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from qcloud_cos import CosServiceError

from jobs.details.snippets import Snippet, job_snippets, list_snippets
from tests.emulators import REGION, Emulator
from tests.sdk import sdk

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "media-sdk-1250000000"
TRICKY = ["a'; rm -rf / #", '"); __import__("os") #', "$(id) `id` \\", "{region}{0}", "夜间\u202e转码", "a\tb"]


@pytest.fixture
def cloud() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


def by_name(snippets: tuple[Snippet, ...]) -> dict[str, str]:
    return {one.name: one.code for one in snippets}


def shell_words(curl: str) -> list[str]:
    """Return the words of a command as a shell reads them: a backslash at the end of a line joins the next."""
    return shlex.split(curl.replace("\\\n", ""))


def run(python: str, cloud: Emulator) -> Any:
    """Run the snippet's call with the SDK's client connected to the emulator."""
    assignments = [node for node in ast.parse(python).body if isinstance(node, ast.Assign)]
    [call] = [node.value for node in assignments if ast.unparse(node).startswith("answer = ")]
    client = sdk(cloud)
    return eval(compile(ast.Expression(call), "snippet", "eval"), {"client": client})  # noqa: S307 - our own snippet


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"type": "Job", "states": "Running,Failed", "size": "50"},
        {
            "type": "Workflow",
            "name": "夜间 转码/批次-1",
            "startCreationTime": "2022-01-01T00:00:00+0800",
            "orderByTime": "Asc",
        },
        {"endCreationTime": "2099-01-01T00:00:00+0800", "nextToken": "a+/=b", "jobId": "b1", "workflowId": "w1"},
    ],
)
def test_both_send_the_parameters_of_the_list(cloud: Emulator, params: dict[str, str]) -> None:
    cloud.create_bucket(BUCKET)
    codes = by_name(list_snippets(BUCKET, REGION, params))

    with suppress(CosServiceError):  # it was sent all the same
        run(codes["Python"], cloud)

    [call] = cloud.calls(BUCKET)
    defaults = {"orderByTime": "Desc", "states": "All", "size": "10"}
    sent = {name: value for name, value in call.parameters.items() if value and defaults.get(name) != value}
    assert sent == {name: value for name, value in params.items() if defaults.get(name) != value}
    address = urlsplit(shell_words(codes["curl"])[1])
    assert address.netloc == f"{BUCKET}.ci.{REGION}.myqcloud.com"
    assert dict(parse_qsl(address.query)) == params


def test_list_of_both_kinds_is_asked_for_by_the_sdk_as_well(cloud: Emulator) -> None:
    given = tuple({"Type": kind, "CreationTime": "2022-01-01T00:00:00+0800"} for kind in ("Job", "Workflow"))
    cloud.create_bucket(BUCKET, given=given)

    answer = run(by_name(list_snippets(BUCKET, REGION, {"size": "50"}))["Python"], cloud)

    assert {job["Type"] for job in answer["JobsDetail"]} == {"Job", "Workflow"}


def test_one_job_is_asked_for_by_its_id(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=1)
    [job_id] = cloud.job_ids(BUCKET)
    codes = by_name(job_snippets(BUCKET, REGION, job_id))

    answer = run(codes["Python"], cloud)

    assert [job["JobId"] for job in answer["JobsDetail"]] == [job_id]
    assert urlsplit(shell_words(codes["curl"])[1]).path == f"/inventorytriggerjob/{job_id}"


@pytest.mark.parametrize("value", TRICKY)
def test_nothing_that_a_job_or_a_link_says_leaves_its_quotation(value: str) -> None:
    both = [
        by_name(list_snippets(BUCKET, REGION, {"name": value})),
        by_name(job_snippets(BUCKET, REGION, value)),
    ]

    for codes in both:
        words = shell_words(codes["curl"])
        assert (words[0], words[2:]) == ("curl", ["--header", "Authorization: $COS_AUTHORIZATION"])
        assert codes["curl"].isascii()
        assert "\u202e" not in codes["Python"]
        tree = ast.parse(codes["Python"])
        assert [type(node).__name__ for node in tree.body] == ["Import", "ImportFrom", "Assign", "Assign", "Expr"]
        assert value in [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]


def test_no_credential_stands_in_a_snippet() -> None:
    for one in (*list_snippets(BUCKET, REGION, {}), *job_snippets(BUCKET, REGION, "b1")):
        keys = [line for line in one.code.splitlines() if "Secret" in line or "Authorization" in line]
        assert keys
        assert all("os.environ[" in line or "$COS_AUTHORIZATION" in line for line in keys)


@pytest.mark.parametrize(("bucket", "region"), [("a.evil.example/-12345", REGION), (BUCKET, "x@evil.example")])
def test_bucket_that_no_host_can_name_has_no_snippet(bucket: str, region: str) -> None:
    assert (list_snippets(bucket, region, {}), job_snippets(bucket, region, "b1")) == ((), ())
