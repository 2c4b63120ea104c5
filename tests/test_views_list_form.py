"""The form above a list: what it holds, the address that it leads to, and what is said of a wrong or an unclear one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.reading import LONG_AGO, get, one, path_of, soup, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]


def test_form_holds_every_parameter_of_the_api_as_it_was_asked(client: Client, new_bucket: NewBucket) -> None:
    asked = "type=Job&states=Failed,Cancel&name=n&jobId=b1&workflowId=w1&orderByTime=Asc&size=20&range=24h"

    form = one(soup(get(client, path_of(new_bucket(), asked))), "form#filter")

    values = {str(field["name"]): field.get("value") for field in form.select("input:not([type=checkbox])")}
    chosen = {str(field["name"]): one(field, "option[selected]")["value"] for field in form.select("select")}
    assert [box["value"] for box in form.select("input[type=checkbox][checked]")] == ["Failed", "Cancel"]
    assert values == {"name": "n", "jobId": "b1", "workflowId": "w1", "startCreationTime": "", "endCreationTime": ""}
    assert chosen == {"type": "Job", "range": "24h", "orderByTime": "Asc", "size": "20"}


def test_what_a_browser_sends_is_redirected_to_the_canonical_address(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket()

    response = client.get(path_of(bucket, "states=Failed&states=Cancel&name=&size=50&utm_source=mail&type=Job"))

    assert response.status_code == 302
    assert response["Location"] == path_of(bucket, "type=Job&states=Failed,Cancel")


def test_form_of_one_question_is_not_shown_for_another(client: Client, new_bucket: NewBucket) -> None:
    bucket, other = new_bucket(), new_bucket()

    forms = [
        str(one(soup(get(client, path)), "form#filter"))
        for path in (path_of(bucket), path_of(bucket, "name=x"), path_of(bucket, "tz=UTC"), path_of(other))
    ]

    assert len(set(forms)) == 4


TURNED_AROUND = "startCreationTime=2026-02-02T00:00:00%2B0800&endCreationTime=2026-01-01T00:00:00%2B0800"


@pytest.mark.parametrize(
    ("query", "parameter", "meant", "without"),
    [
        ("states=Faild", "states", "Failed", ""),
        ("states=All,Failed", "states", "Failed", ""),
        ("name=zebra&size=500", "size", "100", "name=zebra"),
        ("type=Job&state=Failed", "state", "states", "type=Job"),
        (TURNED_AROUND, "startCreationTime", "", "endCreationTime=2026-01-01T00:00:00%2B0800"),
        ("pin=99999999999.1", "pin", "", ""),
        ("size=20&nextToken=abc", "nextToken", "", "size=20"),
    ],
)
def test_wrong_parameter_is_told_with_links_that_go_on_and_nothing_is_fetched(
    client: Client,
    new_bucket: NewBucket,
    emulator: Emulator,
    query: str,
    parameter: str,
    meant: str,
    without: str,
) -> None:
    bucket = new_bucket(jobs=3)

    response = client.get(path_of(bucket, query))
    twin = client.get(f"/buckets/{bucket.name}/jobs.json?{query}")
    calls = emulator.calls(bucket.name)  # before the links are followed, which may fetch

    alert = one(soup(response), "[role=alert][data-code=wrong_filter]")
    assert (response.status_code, twin.status_code) == (400, 400)
    assert calls == []
    assert [words(code) for code in alert.select("li > code")] == [parameter]
    assert [words(link) for link in alert.select("li span a")] == ([meant] if meant else [])
    assert [(words(link), link["href"]) for link in alert.select("li > a")] == [
        (f"Go on without {parameter}", path_of(bucket, without))
    ]
    assert {client.get(str(link["href"])).status_code for link in alert.select("a")} <= {200, 202}
    assert list(twin.json()["errors"]) == [parameter]
    assert twin.json()["problem"]["code"] == "wrong_filter"


def test_each_of_several_wrong_parameters_has_its_own_link_that_goes_on_without_it(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=3)

    response = client.get(path_of(bucket, "name=zebra&states=Faild&size=0&colour=red"))
    calls = emulator.calls(bucket.name)

    alert = one(soup(response), "[role=alert][data-code=wrong_filter]")
    leads = {words(one(item, "code")): str(one(item, ":scope > a")["href"]) for item in alert.select("li")}
    assert calls == []
    assert {name: parse_qs(urlsplit(href).query) for name, href in leads.items()} == {
        "states": {"name": ["zebra"], "size": ["0"], "colour": ["red"]},
        "size": {"name": ["zebra"], "states": ["Faild"], "colour": ["red"]},
        "colour": {"name": ["zebra"], "states": ["Faild"], "size": ["0"]},
    }


def test_nothing_is_asked_of_upstream_for_a_wrong_address(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=3)

    client.get(path_of(bucket, "size=0"))
    client.get(f"/buckets/{bucket.name}/jobs.json?size=0")

    assert emulator.calls(bucket.name) == []


def test_wrong_field_shows_what_was_typed_and_points_to_its_reason(client: Client, new_bucket: NewBucket) -> None:
    page = soup(client.get(path_of(new_bucket(), "startCreationTime=yesterday")))

    field = one(page, "#filter-startCreationTime")

    assert (field["value"], field["aria-invalid"]) == ("yesterday", "true")
    assert "“yesterday” is no time" in words(one(page, f"#{field['aria-describedby']}"))
    assert words(page).count("“yesterday” is no time") == 1
    assert page.select("details.rest[open]") != []


def test_wrong_states_point_to_their_reason(client: Client, new_bucket: NewBucket) -> None:
    page = soup(client.get(path_of(new_bucket(), "states=Foo")))

    described = one(page, "#filter fieldset")["aria-describedby"]

    assert "“Foo”: no such state" in words(one(page, f"[role=alert] #{described}"))
    assert words(page).count("“Foo”: no such state") == 1


def test_form_that_was_sent_by_htmx_is_replaced_together_with_its_reasons(
    client: Client, new_bucket: NewBucket
) -> None:
    bucket = new_bucket()

    response = get(client, path_of(bucket, "name=&size=0&type="), target="results")

    assert response.status_code == 400
    assert response["HX-Retarget"] == "#list"
    assert response["HX-Push-Url"] == path_of(bucket, "size=0")
    assert one(soup(response), "#list form#filter [aria-invalid]")["name"] == "size"


# Times without an offset --------------------------------------------------------------------------------------------------

UNCLEAR = [
    (
        "startCreationTime=2024-07-01T12:00&tz=Europe/Berlin",
        {"startCreationTime": "This time has no offset, so it is read in Europe/Berlin: 2024-07-01T12:00:00+0200."},
    ),
    (
        "endCreationTime=2024-07-01",
        {"endCreationTime": "This time has no offset, so it is read in Asia/Shanghai: 2024-07-01T23:59:59+0800."},
    ),
    (
        "startCreationTime=2024-10-27T02:30&endCreationTime=2024-10-27T02:30&tz=Europe/Berlin",
        {
            "startCreationTime": "In Europe/Berlin this time comes twice, as the clocks go back; the earlier is taken: "
            "2024-10-27T02:30:00+0200.",
            "endCreationTime": "In Europe/Berlin this time comes twice, as the clocks go back; the later is taken: "
            "2024-10-27T02:30:00+0100.",
        },
    ),
]


def followed(client: Client, path: str) -> Any:
    """Return the answer at the end of all redirects."""
    while (response := get(client, path)).status_code == 302:
        path = response["Location"]
    return response


@pytest.mark.parametrize("prefix", ["", "/embed"])
@pytest.mark.parametrize(("query", "told"), UNCLEAR)
def test_time_without_an_offset_is_told_how_it_was_read(
    client: Client, new_bucket: NewBucket, query: str, told: dict[str, str], prefix: str
) -> None:
    bucket = new_bucket(jobs=3)

    # What a browser makes of the form, without script.
    page = soup(followed(client, path_of(bucket, f"type=&name=&{query}&range=&size=50", prefix)))
    twin = followed(client, f"{prefix}/buckets/{bucket.name}/jobs.json?name=&{query}")

    for name, text in told.items():
        field = one(page, f"#filter-{name}")
        assert words(one(page, f"#results #{field['aria-describedby']}")).endswith(f": {text}")
        assert str(field["value"]) in query
    assert twin.status_code == 200
    assert twin.json()["notes"] == {name: [text] for name, text in told.items()}


@pytest.mark.parametrize(
    "where",
    [
        "/jobs{twin}?bucket={name}&",
        "/buckets/{name}/insight{twin}?",
        "/jobs/insight{twin}?bucket={name}&",
        "/buckets/{name}/export{twin}?",
        "/embed/card{twin}?bucket={name}&",
    ],
)
def test_every_page_that_takes_a_filter_tells_how_a_time_was_read(
    client: Client, new_bucket: NewBucket, where: str
) -> None:
    name = new_bucket(jobs=3).name
    query = "startCreationTime=2024-10-27T02:30&tz=Europe/Berlin"

    page = soup(followed(client, where.format(name=name, twin="/") + query))
    twin = followed(client, where.format(name=name, twin=".json") + query)

    told = words(one(page, "#results .notice:not([hidden])"))
    assert told.startswith("Created from : In Europe/Berlin this time comes twice")
    assert twin.json()["notes"] == {"startCreationTime": [told.removeprefix("Created from : ")]}


def test_time_with_an_offset_needs_no_word(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=3)
    query = "startCreationTime=2024-07-01T12:00:00%2B0800"

    page = soup(get(client, path_of(bucket, query)))
    twin = get(client, f"/buckets/{bucket.name}/jobs.json?{query}")

    assert [words(note) for note in page.select("#results .notice")] == [""] * 2
    assert page.select("#results .notice:not([hidden]), link[rel=canonical]") == []
    assert "notes" not in twin.json()


def test_how_a_time_was_read_is_told_while_the_list_is_still_fetched_too(
    client: Client, new_bucket: NewBucket, settings: Settings, until: Callable[[Callable[[], Any]], None]
) -> None:
    settings.FIRST_WAIT = 0.01
    bucket = new_bucket(jobs=1, latency=0.3)
    path = path_of(bucket, "startCreationTime=2024-07-01T12:00")

    pending = client.get(path)
    until(lambda: client.get(path).status_code == 200)
    ready = client.get(path)
    exact = get(client, path_of(bucket, "startCreationTime=2024-07-01T12:00:00%2B0800"))

    assert pending.status_code == 202
    assert "This time has no offset" in words(one(soup(pending), "#filter-startCreationTime-notes"))
    assert one(soup(pending), "#results [data-pending]")["hx-get"] == path
    assert (ready.status_code, exact.status_code) == (200, 200)
    assert ready["ETag"] != exact["ETag"]


def test_links_of_a_page_with_an_unclear_time_hold_the_exact_one(client: Client, new_bucket: NewBucket) -> None:
    """Equal filters, equal addresses: what was typed is handed on by nobody but who typed it."""
    bucket = new_bucket(given=({"CreationTime": LONG_AGO},) * 30)
    exact = "startCreationTime=2024-07-01T18:00:00%2B0800&size=10&tz=Europe/Berlin"

    page = soup(get(client, path_of(bucket, "startCreationTime=2024-07-01T12:00&size=10&tz=Europe/Berlin")))

    assert one(page, "link[rel=canonical]")["href"] == f"?{exact}"
    assert page.select(".links a")[0]["href"] == path_of(bucket, exact)
    links = [str(link["href"]) for link in page.select("#results a[href*=startCreationTime]")]
    assert len(links) > 4
    assert [link for link in links if "startCreationTime=2024-07-01T18:00:00%2B0800" not in link] == []


def test_form_that_was_sent_by_htmx_is_told_too_and_aloud(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=3)
    query = "startCreationTime=2024-07-01T12:00"

    before = one(soup(get(client, path_of(bucket))), "#filter-startCreationTime")
    results = one(soup(get(client, path_of(bucket, query), target="results")), "#results")

    text = "This time has no offset, so it is read in Asia/Shanghai: 2024-07-01T12:00:00+0800."
    assert words(one(results, f"#{before['aria-describedby']}")) == f"Created from : {text}"
    assert str(results["data-announce"]).endswith(text)
