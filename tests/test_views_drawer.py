"""The drawer beside a list, and the links that admins put on bucket and job, as pages: real worker, real Valkeys, emulator."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from jobs.models import LinkTemplate
from tests.emulators import REGION
from tests.reading import get, one, path_of, soup, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]

TABS = ("operation", "output", "time-interval", "input", "raw")
JOBS = tuple(
    {
        "JobId": f"b{number}",
        "Name": f"nightly {number}",
        "Type": "Job",
        "State": "Success",
        "CreationTime": f"2023-11-14T01:00:0{9 - number}+0800",
        "StartTime": "2023-11-14T01:00:10+0800",
        "EndTime": "2023-11-14T01:30:00+0800",
        "Input": {"Prefix": "raw/"},
        "Operation": {
            "Tag": "Transcode",
            "Output": {
                "Region": "ap-shanghai",
                "Bucket": "out-1250000000",
                "Object": "o/${InventoryTriggerJobId}/${Ext}",
            },
        },
    }
    for number in range(1, 4)
)


@pytest.fixture
def bucket(new_bucket: NewBucket) -> Bucket:
    """A bucket with three jobs: b1, b2 and b3, the newest first."""
    return new_bucket(given=JOBS)


# The drawer ---------------------------------------------------------------------------------------------------------------


def test_address_of_a_job_beside_its_list_shows_both_in_one_document(
    client: Client, bucket: Bucket, emulator: Emulator
) -> None:
    page = soup(get(client, path_of(bucket, "job=b2")))

    assert [row["id"] for row in page.select("tr[data-state]")] == ["job-b1", "job-b2", "job-b3"]
    drawer = one(page, "dialog#drawer[open]")
    assert words(one(drawer, "h2#drawer-title")) == "nightly 2"
    assert words(one(drawer, ".parts [aria-current=page]")) == "Operation"
    assert len(page.select("h1")) == 1
    assert [call.path for call in emulator.calls(bucket.name)] == ["/inventorytriggerjob"]


def test_drawer_is_closed_where_the_address_names_no_job(client: Client, bucket: Bucket) -> None:
    drawer = one(soup(get(client, path_of(bucket))), "dialog#drawer")

    assert (drawer.has_attr("open"), drawer.get_text(strip=True)) == (False, "")


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_has_its_address_with_links_to_all_tabs(client: Client, bucket: Bucket, tab: str) -> None:
    query = "size=20&tz=UTC&job=b2" + ("" if tab == "operation" else f"&tab={tab}")

    drawer = one(soup(get(client, path_of(bucket, query))), "#drawer")

    assert one(drawer, ".parts [aria-current=page]")["href"] == path_of(bucket, query)
    assert [link["href"] for link in drawer.select(".parts a")] == [
        path_of(bucket, "size=20&tz=UTC&job=b2" + ("" if name == "operation" else f"&tab={name}")) for name in TABS
    ]


def test_next_and_previous_keep_list_and_tab_and_close_leads_to_the_list(client: Client, bucket: Bucket) -> None:
    drawer = one(soup(get(client, path_of(bucket, "size=20&job=b2&tab=output"))), "#drawer")

    assert one(drawer, "#drawer-previous")["href"] == path_of(bucket, "size=20&job=b1&tab=output")
    assert one(drawer, "#drawer-next")["href"] == path_of(bucket, "size=20&job=b3&tab=output")
    assert one(drawer, "#drawer-close")["href"] == path_of(bucket, "size=20")
    assert f"/buckets/{bucket.name}/jobs/b2/output/" in [link["href"] for link in drawer.select(".drawer-bar a")]


def test_first_and_last_job_have_no_neighbour_on_one_side(client: Client, bucket: Bucket) -> None:
    first, last = (one(soup(get(client, path_of(bucket, f"job=b{number}"))), "#drawer") for number in (1, 3))

    assert [one(first, f"#drawer-{name}").has_attr("hidden") for name in ("previous", "next")] == [True, False]
    assert [one(last, f"#drawer-{name}").has_attr("hidden") for name in ("previous", "next")] == [False, True]


def test_job_that_the_list_does_not_hold_opens_beside_it_all_the_same(client: Client, bucket: Bucket) -> None:
    page = soup(get(client, path_of(bucket, "name=nothing&job=b2")))

    assert page.select("tr[data-state]") == []
    assert words(one(page, "#drawer-title")) == "nightly 2"
    assert [link["id"] for link in page.select(".drawer-bar [hidden]")] == ["drawer-previous", "drawer-next"]


def test_htmx_gets_what_stands_inside_the_drawer_and_nothing_is_asked_for(
    client: Client, bucket: Bucket, emulator: Emulator
) -> None:
    get(client, path_of(bucket))
    before = len(emulator.calls(bucket.name))

    response = get(client, path_of(bucket, "job=b2"), "drawer")

    fragment = soup(response)
    assert (fragment.select("html, dialog, tr, h1"), words(one(fragment, "#drawer-title"))) == ([], "nightly 2")
    assert len(emulator.calls(bucket.name)) == before
    again = client.get(
        path_of(bucket, "job=b2"),
        headers={"HX-Request": "true", "HX-Target": "drawer", "If-None-Match": response.headers["ETag"]},
    )
    assert again.status_code == 304


def test_unchanged_list_with_its_drawer_is_304_and_another_tab_is_not(client: Client, bucket: Bucket) -> None:
    answers = [get(client, path_of(bucket, "job=b2")) for _ in range(2)]  # the age may make one step
    tag = answers[-1].headers["ETag"]

    same, other = (
        client.get(path_of(bucket, query), headers={"If-None-Match": tag}) for query in ("job=b2", "job=b2&tab=input")
    )

    assert (same.status_code, other.status_code) == (304, 200)


def test_unknown_job_is_told_in_the_drawer_and_the_list_stays(client: Client, bucket: Bucket) -> None:
    response = get(client, path_of(bucket, "job=bffff"))

    page = soup(response)
    assert response.status_code == 200
    assert len(page.select("tr[data-state]")) == 3
    assert len(page.select("#drawer [role=alert][data-code=no_such_job]")) == 1
    assert get(client, path_of(bucket, "job=bffff"), "drawer").status_code == 404


def test_pending_drawer_asks_again_by_itself(
    client: Client, bucket: Bucket, emulator: Emulator, settings: Settings
) -> None:
    get(client, path_of(bucket))
    settings.FIRST_WAIT = 0.0
    emulator.set_latency(0.5, bucket.name)

    response = client.get(path_of(bucket, "job=b2&tab=raw"))

    pending = one(soup(response), "#drawer [aria-busy=true]")
    assert (response.status_code, pending["hx-target"], pending["hx-get"]) == (
        202, "#drawer", path_of(bucket, "job=b2&tab=raw"),
    )  # fmt: skip
    assert int(response.headers["Refresh"]) >= 1
    assert words(one(soup(response), "#drawer-title")) == "nightly 2"


def test_while_the_list_is_fetched_the_drawer_asks_for_nothing(
    client: Client, new_bucket: NewBucket, emulator: Emulator, settings: Settings
) -> None:
    settings.FIRST_WAIT = 0.0
    bucket = new_bucket(given=JOBS, latency=0.4)

    response = client.get(path_of(bucket, "job=b2"))

    assert response.status_code == 202
    assert len(soup(response).select("#drawer [aria-busy=true]")) == 1
    settings.FIRST_WAIT = 1.0
    assert get(client, path_of(bucket, "job=b2")).status_code == 200
    assert [call.path for call in emulator.calls(bucket.name)] == ["/inventorytriggerjob"]


@pytest.mark.parametrize(
    ("query", "name", "suggestion"),
    [
        ("job=b2&tab=outpt", "tab", "output"),
        ("job=b2&tab=Raw", "tab", "raw"),
        ("tab=output", "tab", ""),
        ("job=b2&tab=logs", "tab", ""),
        ("job=a%00b", "job", ""),
        ("jobb=b2", "jobb", "job"),
    ],
)
def test_wrong_drawer_is_400_and_says_what_was_meant(
    client: Client, bucket: Bucket, emulator: Emulator, query: str, name: str, suggestion: str
) -> None:
    response = client.get(path_of(bucket, query))

    assert response.status_code == 400
    said = one(soup(response), f"#filter-{name}-errors")
    assert ("Did you mean" in words(said), suggestion in words(said)) == (bool(suggestion), True)
    assert emulator.calls(bucket.name) == []


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("job=b2&tab=operation", "job=b2"),
        ("tab=raw&job=b2&lang=en&states=Failed", "states=Failed&lang=en&job=b2&tab=raw"),
        ("job=&states=Failed", "states=Failed"),
    ],
)
def test_drawer_stands_last_in_the_one_address_of_its_list(
    client: Client, bucket: Bucket, query: str, canonical: str
) -> None:
    response = client.get(path_of(bucket, query))

    assert (response.status_code, response.headers["Location"]) == (302, path_of(bucket, canonical))


def test_drawer_of_a_hidden_bucket_is_404(client: Client, bucket: Bucket) -> None:
    bucket.hidden = True
    bucket.save()

    headers = {"HX-Request": "true", "HX-Target": "drawer"}
    page, fragment = (client.get(path_of(bucket, "job=b2"), headers=given) for given in ({}, headers))

    assert (page.status_code, fragment.status_code, fragment.headers["HX-Refresh"]) == (404, 404, "true")
    assert fragment.content == b""


def test_twin_of_a_list_with_a_drawer_is_that_of_the_list(client: Client, bucket: Bucket) -> None:
    plain, beside = (
        get(client, f"/buckets/{bucket.name}/jobs.json{query}").json() for query in ("", "?job=b2&tab=raw")
    )

    assert {**beside, "as_of": ""} == {**plain, "as_of": ""}


def test_links_of_the_next_page_and_of_chips_close_the_drawer(client: Client, bucket: Bucket) -> None:
    page = soup(get(client, path_of(bucket, "states=Success&size=1&job=b1")))

    followed = [str(link["href"]) for link in page.select("#results .chip, #more a")]
    assert len(followed) >= 2
    assert [address for address in followed if re.search(r"[?&]job=", address)] == []


def test_drawer_in_a_frame_keeps_its_links_inside(client: Client, bucket: Bucket) -> None:
    drawer = one(soup(get(client, path_of(bucket, "job=b2", "/embed"))), "#drawer")

    assert [link["href"] for link in drawer.select("a[href]") if not str(link["href"]).startswith("/embed/")] == []


def test_rows_and_drawer_hold_no_id_twice_and_no_style_or_script(client: Client, bucket: Bucket) -> None:
    page = soup(get(client, path_of(bucket, "job=b2&tab=output")))

    names = [str(tag["id"]) for tag in page.select("[id]")]
    assert sorted(names) == sorted(set(names))
    assert [name for name in names if name.startswith("job-")] == ["job-b1", "job-b2", "job-b3"]
    assert page.select("[style], style, script:not([src])") == []


def test_rows_hold_no_link_of_this_very_list(client: Client, bucket: Bucket) -> None:
    """They are kept for all readers, so the script makes the drawer's addresses."""
    page = soup(get(client, path_of(bucket, "states=Success&job=b2")))

    assert [link["href"] for link in page.select("tr[data-state] a")] == [
        f"/buckets/{bucket.name}/jobs/b{number}/" for number in (1, 2, 3)
    ]


# What can be copied -------------------------------------------------------------------------------------------------------


def test_id_and_cos_paths_can_be_copied_and_read(client: Client, bucket: Bucket) -> None:
    page = soup(get(client, f"/buckets/{bucket.name}/jobs/b2/"))

    copied = [button["data-copy"] for button in page.select(".job-head button[data-copy]")]
    paths = [f"cos://{bucket.name}/raw/", "cos://out-1250000000/o/b2/${Ext}"]
    assert copied[:3] == ["b2", *paths]
    assert [code.get_text() for code in page.select(".paths code")] == paths


def test_request_of_a_job_and_of_a_list_can_be_read_without_script(client: Client, bucket: Bucket) -> None:
    job = soup(get(client, f"/buckets/{bucket.name}/jobs/b2/"))
    listed = soup(get(client, path_of(bucket, "states=Success,Failed&size=20")))

    host = f"https://{bucket.name}.ci.{REGION}.myqcloud.com/inventorytriggerjob"
    curl, python = (block.get_text() for block in job.select("details.snippets pre"))
    assert f"{host}/b2 " in curl
    assert "ci_get_inventory_trigger_jobs" in python
    curl, python = (block.get_text() for block in listed.select("details.snippets pre"))
    assert f"{host}?states=Success%2CFailed&endCreationTime=" in curl
    assert "Type=''," in python
    assert [button["data-copy"] for button in listed.select(".snippets button")] == [curl, python]


def test_contradicting_end_is_marked_where_it_stands_and_where_it_is_drawn(
    client: Client, new_bucket: NewBucket
) -> None:
    bucket = new_bucket(given=({**JOBS[0], "State": "Running"},))

    page = soup(get(client, f"/buckets/{bucket.name}/jobs/b1/"))

    assert [
        words(station.select("dt")[0]) for station in page.select(".stations > div") if station.select(".flag.odd")
    ] == ["Ended"]
    assert len(page.select(".times .point.ended.odd")) == 1


# Links of admins ----------------------------------------------------------------------------------------------------------


def test_links_of_admins_stand_on_list_job_and_drawer(client: Client, bucket: Bucket) -> None:
    console, logs = "https://console.example.com/{region}/{bucket}", "https://logs.example.com/?q={job_id}&to={end}"
    LinkTemplate.objects.create(label="CI console", place="bucket", url=console)
    LinkTemplate.objects.create(label="Logs <then>", place="job", url=logs)

    listed = soup(get(client, path_of(bucket, "job=b2")))
    page = soup(get(client, f"/buckets/{bucket.name}/jobs/b2/"))

    assert [(link["href"], link["rel"]) for link in listed.select("#list .elsewhere a")] == [
        (f"https://console.example.com/{REGION}/{bucket.name}", ["noopener", "noreferrer"])
    ]
    for place in (listed.select("#drawer .elsewhere a"), page.select(".job-head .elsewhere a")):
        assert [(link.get_text(), link["href"], link["rel"]) for link in place] == [
            ("Logs <then>", "https://logs.example.com/?q=b2&to=2023-11-13T17%3A30%3A00Z", ["noopener", "noreferrer"])
        ]


def test_changed_link_is_shown_though_the_list_has_not_changed(client: Client, bucket: Bucket) -> None:
    paths = [path_of(bucket), path_of(bucket, "job=b2"), f"/buckets/{bucket.name}/jobs/b2/"]
    tags = [get(client, path).headers["ETag"] for path in paths]
    for place in ("bucket", "job"):
        LinkTemplate.objects.create(label="New", place=place, url="https://new.example.com/")

    answers = [client.get(path, headers={"If-None-Match": tag}) for path, tag in zip(paths, tags, strict=True)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [b"https://new.example.com/" in answer.content for answer in answers] == [True, True, True]


def test_link_of_some_buckets_stands_on_them_alone(client: Client, new_bucket: NewBucket) -> None:
    chosen, other = new_bucket(given=JOBS), new_bucket(given=JOBS)
    for place in ("bucket", "job"):
        link = LinkTemplate.objects.create(label=place, place=place, url="https://one.example.com/")
        link.buckets.add(chosen)

    pages = {
        (bucket, path): soup(get(client, f"/buckets/{bucket.name}/jobs/{path}"))
        for bucket in (chosen, other)
        for path in ("", "b1/")
    }

    shown = {key: [link.get_text() for link in page.select(".elsewhere a")] for key, page in pages.items()}
    assert shown == {(chosen, ""): ["bucket"], (chosen, "b1/"): ["job"], (other, ""): [], (other, "b1/"): []}


def test_link_that_needs_what_a_job_lacks_is_left_out(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=({**JOBS[0], "Operation": {"WorkflowIds": "w1"}, "Type": "Workflow"},))
    for name in ("output_prefix", "workflow_id"):
        LinkTemplate.objects.create(label=name, place="job", url=f"https://x.example.com/?at={{{name}}}")

    page = soup(get(client, f"/buckets/{bucket.name}/jobs/b1/"))

    assert [link.get_text() for link in page.select(".job-head .elsewhere a")] == ["workflow_id"]
