"""Files of jobs: what a spreadsheet and a program read in them."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import export
from jobs.cloudinfinite.schema import Job

if TYPE_CHECKING:
    from jobs.cloudinfinite.tree import Tree

BERLIN = ZoneInfo("Europe/Berlin")
TOLD = "1 job of all, counted at 2026-11-28 14:02:33 Asia/Shanghai"


def table(*trees: Tree, told: str = TOLD, masked: tuple[str, ...] = ()) -> list[dict[str, str]]:
    """Write jobs and read them as a spreadsheet does."""
    written = "".join(export.csv_lines(((Job(tree), masked) for tree in trees), BERLIN, told))
    assert written.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(written.removeprefix("\ufeff"), newline=""), strict=True))


def cell(name: str, **tree: Any) -> str:
    (row,) = table(tree)
    return row[name]


def test_columns_are_called_as_in_the_api_and_the_last_says_what_the_file_is() -> None:
    (row,) = table({"JobId": "b1", "Operation": {"Output": {"Region": "ap-beijing"}}})

    assert list(row) == [*export.COLUMNS, TOLD]
    assert (row["JobId"], row["Operation.Output.Region"], row[TOLD]) == ("b1", "ap-beijing", "")


def test_times_stand_there_in_the_readers_zone_and_in_utc() -> None:
    (row,) = table({"CreationTime": "2026-01-27T15:23:10+0800", "StartTime": "-", "EndTime": "soon"})

    assert (row["CreationTime"], row["CreationTime_UTC"]) == ("2026-01-27T08:23:10+01:00", "2026-01-27T07:23:10Z")
    assert (row["StartTime"], row["StartTime_UTC"]) == ("", "")
    assert (row["EndTime"], row["EndTime_UTC"]) == ("soon", "")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x"])
def test_cell_that_may_be_a_formula_is_text(name: str) -> None:
    assert cell("Name", Name=name) == f"'{name}"


@pytest.mark.parametrize("name", ["nightly", "1-2", "a=b", "", "夜间", 'a "b", c', "two\nlines", "'quoted"])
def test_any_other_cell_is_as_it_came(name: str) -> None:
    assert cell("Name", Name=name) == name


def test_sentence_that_may_be_a_formula_is_text_as_well() -> None:
    assert list(table({}, told="=1")[0])[-1] == "'=1"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_whatever_names_hold_each_job_is_one_row(names: list[str]) -> None:
    trees: list[Tree] = [{"JobId": str(number), "Name": name} for number, name in enumerate(names)]
    rows = table(*trees)

    assert [row["JobId"] for row in rows] == [str(number) for number in range(len(names))]
    assert [export.guarded(name) for name in names] == [row["Name"] for row in rows]
    assert not [row for row in rows if row["Name"][:1] in export.RISKY]


def test_what_is_repeated_or_stands_elsewhere_is_found() -> None:
    (several,) = table({"Operation": {"WorkflowIds": ["w1", "w2"], "Output": [{"Bucket": "a"}, {"Bucket": "b"}]}})
    (beside,) = table({"Tag": "Transcode", "QueueId": "p1", "Operation": "none"})

    assert (several["Operation.WorkflowIds"], several["Operation.Output.Bucket"]) == ("w1 w2", "a")
    assert (beside["Operation.Tag"], beside["Operation.QueueId"]) == ("Transcode", "p1")


def test_node_with_children_where_a_text_belongs_is_an_empty_cell() -> None:
    assert cell("Name", Name={"Deep": "x"}) == ""
    assert cell("Message", Message={"@lang": "en", "#text": "no"}) == "no"


def test_masked_paths_are_told() -> None:
    (row,) = table({}, masked=("Operation.CallBack", "Operation.UserData"))

    assert row["_masked"] == "Operation.CallBack Operation.UserData"


def test_json_lines_begin_with_what_they_are() -> None:
    lines = list(export.json_lines({"jobs": 2}, [{"JobId": "b1", "Name": "夜间\u2028\n"}, {"JobId": "b2"}]))

    assert [line.count("\n") for line in lines] == [1, 1, 1]
    assert [json.loads(line) for line in lines] == [
        {"_export": {"jobs": 2}},
        {"JobId": "b1", "Name": "夜间\u2028\n"},
        {"JobId": "b2"},
    ]


def test_lines_are_written_as_they_are_asked_for() -> None:
    """Else a file's length would cost memory."""
    asked: list[int] = []

    def jobs() -> Any:
        for number in range(3):
            asked.append(number)
            yield Job({"JobId": str(number)}), ()

    lines = export.csv_lines(jobs(), BERLIN, TOLD)
    next(lines)
    assert asked == []
    next(lines)
    assert asked == [0]
