"""The filter bar as people and programs get it: the text box, what a range came to, links to hand on, the zone switch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import pytest

from tests.reading import LONG_AGO, get, one, path_of, row_ids, soup, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from bs4 import Tag
    from django.test import Client

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]

SITE = "http://testserver"


def path_with(bucket: Bucket, text: str, more: str = "") -> str:
    """Return the list's address with a text as the box sends it."""
    return path_of(bucket, f"q={quote(text)}{more}")


def ends_of(chip: Tag) -> list[datetime]:
    return [datetime.fromisoformat(str(time["datetime"])) for time in chip.select("time")]


# The text box -------------------------------------------------------------------------------------------------------------


def test_text_is_answered_by_the_address_of_its_parameters(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket()

    response = client.get(path_with(bucket, "state:failed,pause type:job name:nightly created:24h", "&tz=UTC"))
    twin = client.get(f"/buckets/{bucket.name}/jobs.json?q=%E5%A4%B1%E8%B4%A5")

    assert response.status_code == 302
    assert response["Location"] == path_of(bucket, "type=Job&states=Failed,Pause&name=nightly&range=24h&tz=UTC")
    assert twin["Location"] == f"/buckets/{bucket.name}/jobs.json?name=%E5%A4%B1%E8%B4%A5"


def test_box_shows_the_filter_as_text_and_help_beside_it(client: Client, new_bucket: NewBucket) -> None:
    page = soup(get(client, path_of(new_bucket(), "states=Failed&size=20&range=24h&tz=UTC")))

    form = one(page, "form.text-box")
    assert one(form, "#filter-q")["value"] == "state:failed created:24h size:20"
    assert {str(field["name"]): field["value"] for field in form.select("[type=hidden]")} == {"tz": "UTC"}
    assert form["hx-trigger"] == "submit"
    assert "state:failed,pause" in words(one(page, "details.grammar"))


@pytest.mark.parametrize("target", [None, "list"])
def test_wrong_text_is_told_at_its_place_and_nothing_is_fetched(
    client: Client, new_bucket: NewBucket, emulator: Emulator, target: str | None
) -> None:
    bucket = new_bucket(jobs=3)

    response = get(client, path_with(bucket, "state:faild name:nightly"), target=target)
    page = soup(response)

    box, alert = one(page, "#filter-q"), one(page, "[role=alert][data-code=wrong_filter]")
    assert (response.status_code, emulator.calls(bucket.name)) == (400, [])
    assert (box["value"], box["aria-invalid"]) == ("state:faild name:nightly", "true")
    assert (box["data-start"], box["data-end"]) == ("6", "11")
    assert alert["id"] in str(box["aria-describedby"]).split()
    assert [mark.get_text() for mark in alert.select("mark")] == ["faild"]
    assert one(alert, ".marked").get_text() == "state:faild name:nightly"
    assert one(alert, "li a")["href"] == path_of(bucket, "states=Failed&name=nightly")
    assert words(one(page, "h1")) == "This filter can't be understood"
    assert one(page, "#filter [name=name]")["value"] == "nightly"


def test_wrong_text_is_wrong_in_the_twin_too(client: Client, new_bucket: NewBucket) -> None:
    response = client.get(f"/buckets/{new_bucket().name}/jobs.json?q=state:faild")

    assert response.status_code == 400
    (told,) = response.json()["errors"]["q"]
    assert told.startswith("“faild” is no state. Known are submitted, running, ")
    assert told.endswith(" Did you mean “failed”?")


def test_markup_in_a_wrong_text_is_only_text(client: Client, new_bucket: NewBucket) -> None:
    page = soup(client.get(path_with(new_bucket(), 'x:<script>"&lt; <b>')))

    assert page.select("#text-box script, #text-box .marked b") == []
    assert one(page, ".marked").get_text() == 'x:<script>"&lt; <b>'


def test_text_beside_a_wrong_zone_tells_both(client: Client, new_bucket: NewBucket) -> None:
    page = soup(client.get(path_with(new_bucket(), "state:faild", "&tz=Berlin")))

    assert len(page.select("[role=alert][data-code=wrong_filter]")) == 2
    assert [words(code) for code in page.select("#results li > code")] == ["tz"]


def test_embedded_text_stays_in_the_frame(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket()

    response = client.get(f"/embed{path_with(bucket, 'state:failed')}")

    assert response["Location"] == path_of(bucket, "states=Failed", "/embed")
    page = soup(get(client, response["Location"]))
    assert one(page, "form.text-box")["action"] == path_of(bucket, "", "/embed")


def test_bucket_opens_unfiltered(client: Client, new_bucket: NewBucket, emulator: Emulator) -> None:
    bucket = new_bucket(jobs=3)

    page = soup(get(client, path_of(bucket)))

    assert set(emulator.calls(bucket.name)[0].parameters) == {"orderByTime", "size", "endCreationTime"}
    assert (page.select(".chip"), one(page, "#filter-q")["value"]) == ([], "")


# What a range came to, and links to hand on -------------------------------------------------------------------------------


def test_chip_of_a_range_says_what_it_came_to_and_in_which_zone(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=3)

    page = soup(get(client, path_of(bucket, "range=24h&tz=Pacific/Auckland")))

    chip = one(page, "a.chip")
    start, end = ends_of(chip)
    assert end - start == timedelta(hours=24)
    assert abs(datetime.now(UTC) - end) < timedelta(minutes=2)
    assert words(chip).startswith("Remove Created: Last 24 hours ")
    assert words(chip).endswith("(Pacific/Auckland)")
    assert chip["href"] == path_of(bucket, "tz=Pacific/Auckland")


def test_chip_of_a_range_says_so_where_nothing_was_found_too(client: Client, new_bucket: NewBucket) -> None:
    page = soup(get(client, path_of(new_bucket(), "range=today&tz=Pacific/Honolulu")))

    (chip,) = page.select(".empty a.chip")
    start, end = ends_of(chip)
    assert (start.hour, start.minute, start.second) == (10, 0, 0)
    assert start < end
    assert words(chip).count("Pacific/Honolulu") == 1


def test_live_link_moves_with_the_clock_and_frozen_link_does_not(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=3)
    page = soup(get(client, path_of(bucket, "states=Success,Failed&size=10&range=24h&tz=UTC")))
    start, end = ends_of(one(page, 'a.chip:-soup-contains("Created")'))

    live, frozen = (str(link["href"]) for link in page.select(".links a"))

    assert live == path_of(bucket, "states=Success,Failed&size=10&range=24h&tz=UTC")
    assert frozen.startswith(f"/buckets/{bucket.name}/jobs/?states=Success,Failed&startCreationTime=")
    assert "pin=" not in live + frozen
    assert [button["data-copy"] for button in page.select(".links button[data-copy]")] == [SITE + live, SITE + frozen]
    emulator.add_job(bucket.name, State="Failed")
    query = urlsplit(frozen).query
    again = soup(get(client, path_of(bucket, query)))
    assert row_ids(again) == row_ids(page)
    assert [ends_of(chip) for chip in again.select("a.chip:not(.all)")] == [[], [], [start], [end]]
    assert [words(chip) for chip in again.select("a.chip")][2:4] == [
        f"Remove Created from: {start:%Y-%m-%d %H:%M:%S} (UTC)",
        f"Remove Created until: {end:%Y-%m-%d %H:%M:%S} (UTC)",
    ]


def test_empty_list_can_be_handed_on_and_told_in_another_zone_too(client: Client, new_bucket: NewBucket) -> None:
    page = soup(get(client, path_of(new_bucket(), "states=Failed&tz=UTC")))

    assert len(page.select(".empty .links a")) == 2
    assert words(one(page, ".empty button.zone")) == "Times in UTC"


def test_list_that_finds_nothing_tells_without_which_condition_there_are_jobs(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    made = {"State": "Running", "CreationTime": LONG_AGO}
    bucket = new_bucket(given=tuple({"JobId": f"b{number:032x}", **made} for number in range(12)))
    get(client, path_of(bucket, "size=10"))  # 10 of more
    get(client, path_of(bucket, "type=Job&states=Running&size=10"))  # whatever kinds there are
    get(client, path_of(bucket, "states=Failed&size=10"))  # none

    plain = soup(get(client, path_of(bucket, "states=Failed&size=10")))
    both = soup(get(client, path_of(bucket, "states=Failed&name=nothing-like-it&size=10")))

    assert [words(hint) for hint in plain.select(".empty ul.plain a")] == ["Without “State”: 10+ jobs"]
    assert one(plain, ".empty ul.plain a")["href"] == path_of(bucket, "size=10")
    assert both.select(".empty ul.plain a") == []  # one without either: nobody looked, or nothing was there
    # Each of the two lists that find nothing was asked for, and none for the hints. (The page ahead of the first may still come.)
    failed = [call for call in emulator.calls(bucket.name) if call.parameters.get("states") == "Failed"]
    assert [call.parameters.get("name") for call in failed] == [None, "nothing-like-it"]
    plain_pages = [
        call for call in emulator.calls(bucket.name) if not {"states", "name", "type"} & call.parameters.keys()
    ]
    assert len([call for call in plain_pages if "nextToken" not in call.parameters]) == 1


@pytest.mark.parametrize(
    ("name", "meant", "query"),
    [
        ("failed", "state:failed", "states=Failed"),
        ("失败", "state:failed", "states=Failed"),
        ("workflow", "type:workflow", "type=Workflow"),
        ("b1b3d1f69fce811ee88945254006c3eef", "id:b1b3d1f69fce811ee88945254006c3eef", "jobId=b1b3d1f69fce811ee88945254006c3eef"),
        ("w90262aa0def65c5f743ae44e03d6fe95", "workflow:w90262aa0def65c5f743ae44e03d6fe95", "workflowId=w90262aa0def65c5f743ae44e03d6fe95"),
    ],
)  # fmt: skip
def test_name_that_finds_nothing_and_reads_like_another_key_is_offered_as_that(
    client: Client, new_bucket: NewBucket, name: str, meant: str, query: str
) -> None:
    bucket = new_bucket()

    link = one(soup(get(client, path_of(bucket, f"name={quote(name)}&tz=UTC"))), ".empty > p > a")

    assert words(link) == meant
    assert link["href"] == path_of(bucket, f"{query}&tz=UTC")


@pytest.mark.parametrize("name", ["no-such-job", "all", "b1b3d1f69f"])
def test_name_that_finds_nothing_and_reads_like_a_name_is_left_alone(
    client: Client, new_bucket: NewBucket, name: str
) -> None:
    page = soup(get(client, path_of(new_bucket(), f"name={name}&tz=UTC")))

    assert page.select(".empty > p > a") == []


def test_links_of_a_place_in_the_list_lead_to_its_beginning(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=30)
    first = soup(get(client, path_of(bucket, "size=10")))

    page = soup(get(client, str(one(first, "#more a")["href"])))

    live, frozen = (str(link["href"]) for link in page.select(".links a"))
    assert live == path_of(bucket, "size=10")
    assert urlsplit(frozen).query.startswith("endCreationTime=")
    assert "nextToken" not in frozen


# The zone -----------------------------------------------------------------------------------------------------------------


def test_zone_switch_offers_the_default_and_utc_and_keeps_the_place(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    bucket = new_bucket(jobs=15)
    first = soup(get(client, path_of(bucket, "size=10&tz=Europe/Berlin")))
    place = str(one(first, "#more a")["href"])

    page = soup(get(client, place))
    links = {words(link): str(link["href"]) for link in page.select("#zones li:not([hidden]) a")}

    assert words(one(page, "button.zone")) == "Times in Europe/Berlin"
    assert list(links) == ["Asia/Shanghai", "UTC", "Europe/Berlin"]
    assert links["UTC"] == place.replace("Europe/Berlin", "UTC")
    assert links["Asia/Shanghai"] == place.replace("&tz=Europe/Berlin", "")
    calls = len(emulator.calls(bucket.name))
    assert row_ids(soup(get(client, links["UTC"]))) == row_ids(page)
    assert len(emulator.calls(bucket.name)) == calls


def test_zone_switch_of_a_calendar_range_opens_another_question(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=3)
    first = soup(get(client, path_of(bucket, "size=1&range=this-month")))
    following = one(first, "#more a")

    page = soup(get(client, str(following["href"])))

    switch = one(page, "#zones")
    assert not switch.has_attr("data-keeps-place")
    assert [link["href"] for link in switch.select("li:not([hidden]) a")][1] == path_of(
        bucket, "size=1&range=this-month&tz=UTC"
    )
    assert {str(field["name"]) for field in switch.select("[type=hidden]")} == {"size", "range"}


def test_zone_is_stated_once(client: Client, new_bucket: NewBucket) -> None:
    page = soup(get(client, path_of(new_bucket(jobs=3), "tz=Pacific/Auckland")))

    assert words(one(page, "#results table")).count("Pacific/Auckland") == 0
    assert len([tag for tag in page.select(".over button") if "Pacific/Auckland" in words(tag)]) == 1
