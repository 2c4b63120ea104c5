"""What the tags of the pages render: times, durations, states, kinds, and every link to a list or a job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

import pytest
from bs4 import BeautifulSoup
from django.http import QueryDict
from django.template import Context, Template
from django.urls import resolve, reverse
from hypothesis import given
from hypothesis import strategies as st

from jobs.cloudinfinite.names import valid_job_id
from jobs.cloudinfinite.schema import STATES
from jobs.filters import ListRequest, Pin, View, parse_list
from jobs.models import Bucket

NOW = datetime(2024, 7, 10, 12, 0, tzinfo=UTC).timestamp()
PIN = Pin(int(NOW), int(NOW) * 1000)
BUCKET = "video-1250000000"
MOMENT = datetime(2023, 11, 14, 2, 11, 32, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def render(template: str, **context: Any) -> str:
    return Template(template).render(Context(context))


def asked(query: str) -> ListRequest:
    return parse_list(QueryDict(query), now=NOW)


# Times --------------------------------------------------------------------------------------------------------------------


def test_time_is_shown_in_the_page_zone() -> None:
    html = render("{% time value written %}", value=MOMENT, written="2023-11-14T10:11:32+0800", zone=BERLIN)

    assert html == (
        '<time class="t" datetime="2023-11-14T02:11:32Z" title="2023-11-14 03:11:32 Europe/Berlin\n'
        '2023-11-14 02:11:32 UTC\nCloud Infinite wrote 2023-11-14T10:11:32+0800">2023-11-14 03:11:32</time>'
    )


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        (None, "2023-11-14 10:11:32"),
        ("Asia/Shanghai", "2023-11-14 10:11:32"),
        ("Pacific/Auckland", "2023-11-14 15:11:32"),
        ("Pacific/Honolulu", "2023-11-13 16:11:32"),
    ],
)
def test_time_follows_the_zone(zone: str | None, shown: str) -> None:
    html = render("{% time value %}", value=MOMENT, zone=zone and ZoneInfo(zone))

    (tag,) = BeautifulSoup(html, "html.parser").find_all("time")
    assert (tag.text, tag["datetime"]) == (shown, "2023-11-14T02:11:32Z")


def test_both_hours_that_come_twice_are_told_apart_by_their_title() -> None:
    first, second = (datetime(2024, 10, 27, hour, 30, tzinfo=UTC) for hour in (0, 1))

    one, other = (render("{% time value %}", value=value, zone=BERLIN) for value in (first, second))

    assert [">2024-10-27 02:30:00<" in html for html in (one, other)] == [True, True]
    assert one != other


def test_time_has_no_parts_of_a_second() -> None:
    html = render("{% time value %}", value=MOMENT.replace(microsecond=999_999))

    assert html == render("{% time value %}", value=MOMENT)


@pytest.mark.parametrize("written", ["", "-", None, {"#text": "x"}, ["a"]])
def test_missing_time_is_a_dash_that_can_be_heard(written: object) -> None:
    html = render("{% time value written %}", value=None, written=written)

    assert html == '<span class="t"><span aria-hidden="true">–</span><span class="visually-hidden">none</span></span>'


def test_time_that_nobody_can_read_is_shown_as_upstream_wrote_it() -> None:
    assert render("{% time value written %}", value=None, written="<soon>") == '<span class="t">&lt;soon&gt;</span>'


def test_what_upstream_wrote_can_not_leave_the_title() -> None:
    html = render("{% time value written %}", value=MOMENT, written='"><script>')

    assert "<script>" not in html
    assert BeautifulSoup(html, "html.parser").time["title"].endswith('Cloud Infinite wrote "><script>')  # type: ignore[index,union-attr]  # bs4 knows no tags by name


@pytest.mark.parametrize(
    ("seconds", "text", "title"),
    [
        (0, "0 s", "0 seconds"),
        (0.4, "0 s", "0 seconds"),
        (1, "1 s", "1 second"),
        (59.6, "1 min 0 s", "60 seconds"),
        (200, "3 min 20 s", "200 seconds"),
        (3600, "1 h 0 min", "3600 seconds"),
        (7_519, "2 h 5 min", "7519 seconds"),
        (86_400, "1 d 0 h", "86400 seconds"),
        (1_000_000, "11 d 13 h", "1000000 seconds"),
    ],
)
def test_duration_is_told_by_its_two_greatest_units(seconds: float, text: str, title: str) -> None:
    html = render("{% duration value %}", value=timedelta(seconds=seconds))

    assert html == f'<span class="t" title="{title}">{text}</span>'


def test_missing_duration_is_a_dash() -> None:
    assert render("{% duration value %}", value=None) == render("{% time value %}", value=None)


# States and kinds ---------------------------------------------------------------------------------------------------------


def shape(html: str) -> str:
    return html.partition('<path d="')[2].partition('"')[0]


def test_states_are_told_apart_by_word_and_by_shape() -> None:
    badges = {state: render("{% state_badge state %}", state=state) for state in (*STATES, "Paused?")}

    words = {state: BeautifulSoup(html, "html.parser").text for state, html in badges.items()}
    assert words == {
        "Submitted": "Submitted",
        "Running": "Running",
        "Success": "Success",
        "Failed": "Failed",
        "Pause": "Paused",
        "Cancel": "Cancelled",
        "Paused?": "Paused?",
    }
    assert len({shape(html) for html in badges.values()}) == len(badges)
    assert all('<svg class="icon"' in html and 'aria-hidden="true"' in html for html in badges.values())


@pytest.mark.parametrize(("state", "tone"), [("Failed", "bad"), ("Success", "good"), ("Melted", "calm"), ("", "calm")])
def test_state_has_a_tone(state: str, tone: str) -> None:
    assert f'data-tone="{tone}"' in render("{% state_badge state %}", state=state)


def test_unknown_state_is_text() -> None:
    html = render("{% state_badge state %}", state="<b>Melted</b>")

    assert BeautifulSoup(html, "html.parser").text == "<b>Melted</b>"


def test_missing_state_says_so() -> None:
    assert BeautifulSoup(render("{% state_badge state %}", state=""), "html.parser").text == "no state"


@pytest.mark.parametrize(("kind", "label"), [("Job", "Job"), ("Workflow", "Workflow"), ("", ""), ("<i>", "&lt;i&gt;")])
def test_kind_has_a_label(kind: str, label: str) -> None:
    assert render("{% kind_label kind %}", kind=kind) == label


# Links --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("embedded", "prefix"), [(False, ""), (True, "/embed")])
def test_links_stay_inside_the_frame_or_outside(embedded: bool, prefix: str) -> None:
    context = {"bucket": Bucket(name=BUCKET), "embedded": embedded}

    assert render("{% list_url bucket %}", **context) == f"{prefix}/buckets/{BUCKET}/jobs/"
    assert render("{% job_url bucket 'b1' %}", **context) == f"{prefix}/buckets/{BUCKET}/jobs/b1/"
    assert render("{% job_url bucket 'b1' 'time-interval' %}", **context) == (
        f"{prefix}/buckets/{BUCKET}/jobs/b1/time-interval/"
    )


def test_list_link_takes_a_query_that_is_made_already() -> None:
    html = render('<a href="{% list_url bucket query=query %}">', bucket=BUCKET, query="states=Failed&size=10")

    assert html == f'<a href="/buckets/{BUCKET}/jobs/?states=Failed&amp;size=10">'


def test_list_link_with_an_empty_query_is_the_plain_list() -> None:
    assert render("{% list_url bucket query='' %}", bucket=BUCKET, zone=BERLIN) == f"/buckets/{BUCKET}/jobs/"


def test_list_link_changes_the_filter_that_the_page_shows() -> None:
    found = asked(f"states=Failed&pin={PIN}&depth=2&tz=Europe/Berlin")

    address = render(
        "{% autoescape off %}{% list_url bucket asked type='Job' %}{% endautoescape %}", bucket=BUCKET, asked=found
    )

    assert address == f"/buckets/{BUCKET}/jobs/?type=Job&states=Failed&tz=Europe/Berlin"


@pytest.mark.parametrize(
    ("context", "query"),
    [
        ({}, "workflowId=w1"),
        ({"zone": ZoneInfo("Asia/Shanghai")}, "workflowId=w1"),
        ({"zone": BERLIN}, "workflowId=w1&amp;tz=Europe/Berlin"),
        ({"zone": BERLIN, "view": View(tz="UTC", lang="en", pin=PIN, depth=2)}, "workflowId=w1&amp;tz=UTC&amp;lang=en"),
    ],
)
def test_bare_list_link_keeps_zone_and_language(context: dict[str, Any], query: str) -> None:
    html = render("{% list_url bucket workflowId='w1' %}", bucket=BUCKET, **context)

    assert html == f"/buckets/{BUCKET}/jobs/?{query}"


def test_bare_link_to_a_calendar_range_means_the_page_zone() -> None:
    assert render("{% list_url bucket range='today' %}", bucket=BUCKET, zone=BERLIN).endswith(
        "?range=today&amp;tz=Europe/Berlin"
    )


def test_job_link_keeps_the_zone_of_its_row() -> None:
    assert (
        render("{% job_url bucket 'b1' %}", bucket=BUCKET, zone=BERLIN)
        == f"/buckets/{BUCKET}/jobs/b1/?tz=Europe/Berlin"
    )


@pytest.mark.parametrize(
    ("part", "beside", "alone"),
    [("", "job=b2", ""), ("operation", "job=b2", "operation/"), ("raw", "job=b2&tab=raw", "raw/")],
)
def test_part_of_a_job_is_looked_at_where_the_reader_is(part: str, beside: str, alone: str) -> None:
    found = asked(f"states=Failed&nextToken=t&pin={PIN}&lang=en&job=b1&tab=input")
    template = "{% autoescape off %}{% part_url bucket 'b2' part %}{% endautoescape %}"

    assert render(template, bucket=BUCKET, part=part, drawer=found) == (
        f"/buckets/{BUCKET}/jobs/?states=Failed&nextToken=t&pin={PIN}&lang=en&{beside}"
    )
    assert render(template, bucket=BUCKET, part=part) == f"/buckets/{BUCKET}/jobs/b2/{alone}"


@pytest.mark.parametrize("job_id", ["", ".", "..", "a/b", "/", "b1\n"])
def test_id_that_no_address_can_hold_has_no_link(job_id: str) -> None:
    assert render("{% job_url bucket job_id %}", bucket=BUCKET, job_id=job_id) == ""


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(valid_job_id))
def test_job_link_leads_to_the_very_job(job_id: str) -> None:
    html = render('<a href="{% job_url bucket job_id %}">', bucket=BUCKET, job_id=job_id)

    address = unescape(html.removeprefix('<a href="').removesuffix('">'))
    assert urlsplit(address).query == ""
    assert resolve(unquote(urlsplit(address).path)).kwargs == {"bucket_name": BUCKET, "job_id": job_id}


@given(st.text(min_size=1, max_size=40).filter(valid_job_id))
def test_job_address_is_what_django_would_reverse(job_id: str) -> None:
    address = Template("{% job_url bucket job_id %}").render(
        Context({"bucket": "media-1250000000", "job_id": job_id}, autoescape=False)
    )

    assert address == reverse("jobs:job", args=["media-1250000000", job_id])
