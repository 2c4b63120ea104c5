"""What a page says of its filter: the sentence above the list and the form."""

from __future__ import annotations

import pytest
from django.http import QueryDict
from hypothesis import given

from jobs.filters import FormState, JobFilter, View, form_fields, list_query
from tests.asking import requests
from tests.queries import asked, at

# Words ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "All jobs, newest first"),
        ("type=Workflow&orderByTime=Asc", "All jobs of kind Workflow, oldest first"),
        ("states=Failed", "Failed jobs, newest first"),
        ("states=Failed,Pause,Cancel", "Failed, paused and cancelled jobs, newest first"),
        (
            "type=Job&states=Failed,Pause&name=nightly&range=24h",
            "Failed and paused jobs of kind Job named “nightly”, created in the last 24 hours, newest first",
        ),
        ("jobId=b1&workflowId=w1", "All jobs with the id b1 of workflow w1, newest first"),
        ("range=1h", "All jobs, created in the last 1 hour, newest first"),
        ("range=this-week&tz=Europe/Berlin", "All jobs, created this week (Europe/Berlin), newest first"),
        (
            "startCreationTime=2024-01-01T00:00:00Z&tz=UTC",
            "All jobs, created from 2024-01-01 00:00:00 on (UTC), newest first",
        ),
        ("endCreationTime=2024-01-01T00:00:00Z", "All jobs, created until 2024-01-01 08:00:00 (Asia/Shanghai), newest first"),
        (
            "startCreationTime=2024-01-01T00:00:00Z&endCreationTime=2024-01-02T00:00:00Z&tz=UTC",
            "All jobs, created from 2024-01-01 00:00:00 to 2024-01-02 00:00:00 (UTC), newest first",
        ),
        ("name=100%25(jobs)s", "All jobs named “100%(jobs)s”, newest first"),
    ],
)  # fmt: skip
def test_summary_says_in_one_sentence_what_is_asked(query: str, sentence: str) -> None:
    assert asked(query).summary == sentence


@given(requests())
def test_every_request_has_a_sentence(request: tuple[JobFilter, View]) -> None:
    assert request[0].summary(request[1].zone).endswith("est first")


def test_summary_alone_tells_times_in_the_default_zone() -> None:
    assert JobFilter(end=at("2024-01-01T00:00:00Z")).summary() == (
        "All jobs, created until 2024-01-01 08:00:00 (Asia/Shanghai), newest first"
    )


# The form -------------------------------------------------------------------------------------------------------------


def sent(form: FormState) -> str:
    """Return the query that a browser makes of the untouched form."""
    query = QueryDict(mutable=True)
    texts = [form.name, form.job_id, form.workflow_id, form.start, form.end]
    for control in texts:
        query.appendlist(control.name, control.value)
    for control in [form.type, form.range, form.order, form.size]:
        query.appendlist(control.name, next(choice.value for choice in control.choices if choice.selected))
    for choice in form.states.choices:
        if choice.selected:
            query.appendlist("states", choice.value)
    for name, value in form.hidden:
        query.appendlist(name, value)
    return query.urlencode()


@given(requests())
def test_untouched_form_asks_for_the_very_same(request: tuple[JobFilter, View]) -> None:
    job_filter, view = request

    found = asked(sent(form_fields(asked(list_query(job_filter, view)))))

    assert (found.errors, found.canonical) == ({}, list_query(job_filter, view.first()))


def test_form_shows_times_in_the_page_zone_with_their_offset() -> None:
    form = form_fields(asked("startCreationTime=2024-10-27T08:30:00%2B0800&tz=Europe/Berlin"))

    assert form.start.value == "2024-10-27T02:30:00+0200"


def test_form_keeps_what_was_typed_wrong_beside_its_error() -> None:
    found = asked("states=Failed,Foo&size=1000&startCreationTime=soon&colour=red&lang=en")

    form = form_fields(found)

    assert [(choice.value, choice.selected) for choice in form.states.choices if choice.selected] == [
        ("Failed", True),
        ("Foo", True),
    ]
    assert (form.start.value, form.size.choices[-1].value) == ("soon", "1000")
    assert form.states.errors == found.errors["states"]
    assert (form.states.id, form.states.errors_id) == ("filter-states", "filter-states-errors")
    assert form.name.errors == ()
    assert form.hidden == (("lang", "en"),)
    assert form.other_errors == (("colour", found.errors["colour"][0]),)


def test_new_filter_keeps_how_often_the_list_is_looked_at() -> None:
    """A screen on a wall shows other jobs, and still asks by itself."""
    form = form_fields(asked("states=Failed&live=60s&lang=en"))

    assert form.hidden == (("live", "60s"), ("lang", "en"))


def test_form_shows_a_time_without_an_offset_as_it_was_typed() -> None:
    """Beside the note that says how it was read, and would be again if the form were sent."""
    form = form_fields(asked("startCreationTime=2024-01-01T00:00&endCreationTime=2024-02-01T00:00%2B0000"))

    assert (form.start.value, form.end.value) == ("2024-01-01T00:00", "2024-02-01T08:00:00+0800")


def test_form_offers_a_value_that_is_not_among_the_usual_ones() -> None:
    form = form_fields(asked("range=90m&size=33"))

    assert [(choice.value, choice.label) for choice in form.range.choices if choice.selected] == [
        ("90m", "Last 90 minutes")
    ]
    assert [choice.value for choice in form.size.choices if choice.selected] == ["33"]


def test_plain_form_chooses_the_defaults() -> None:
    form = form_fields(asked(""))

    chosen = [
        [choice.value for choice in control.choices if choice.selected]
        for control in (form.type, form.range, form.order, form.size)
    ]
    assert chosen == [[""], [""], ["Desc"], ["50"]]
    assert (form.hidden, form.other_errors) == ((), ())
