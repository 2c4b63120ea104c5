"""What a job does to each object: every documented element by name, unknown ones too."""

from __future__ import annotations

import pytest

from jobs.details.names import JOB_PARAM, LABELS, PARAMETERS, TAGS, is_known, tag_meaning
from jobs.details.operation import operation
from tests import documented
from tests.detailing import NIGHTLY, job


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
