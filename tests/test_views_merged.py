"""The list of several buckets as people and programs get it."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from jobs import servers
from jobs.filters.reading import MOST_MERGED
from tests.factories import jobs_in, make_bucket, make_staff, make_viewer
from tests.reading import HTMX, LONG_AGO, UNBOUND, get, one, path_of, row_ids, scroll, soup, words
from tests.test_live import grow_old as grow_minute_old
from tests.test_merge import DENIED, forget
from tests.test_views_list_trouble import grow_old

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]


def path(*buckets: Bucket, query: str = "", twin: bool = False) -> str:
    names = ",".join(sorted(bucket.name for bucket in buckets))
    return f"/jobs{'.json' if twin else '/'}?bucket={names}{'&' * bool(query)}{query}"


def test_rows_of_all_buckets_stand_in_one_list_each_with_its_bucket(client: Client, new_bucket: NewBucket) -> None:
    first, second = new_bucket(given=jobs_in("Failed")), new_bucket(given=jobs_in("Running"))

    page = soup(get(client, path(first, second)))

    rows = page.select('tr[id^="job-"]')
    assert {words(one(row, ".of")) for row in rows} == {first.name, second.name}
    assert all(str(one(row, ".name > a[href*='/jobs/b']")["href"]).startswith("/buckets/") for row in rows)
    assert words(one(page, ".meta [data-count-rows]")) == "2 loaded of 2 buckets"


def test_filter_narrows_every_bucket(client: Client, new_bucket: NewBucket, emulator: Emulator) -> None:
    buckets = [new_bucket(given=jobs_in("Failed", "Running")) for _ in range(2)]

    page = soup(get(client, path(*buckets, query="states=Failed&range=24h")))

    assert [str(row["data-state"]) for row in page.select('tr[id^="job-"]')] == ["Failed", "Failed"]
    assert {call.parameters["states"] for bucket in buckets for call in emulator.calls(bucket.name)} == {"Failed"}
    chips = {words(chip.b or chip): str(chip["href"]) for chip in page.select("a.chip")}
    names = ",".join(sorted(bucket.name for bucket in buckets))
    assert chips["Failed"] == f"/jobs/?bucket={names}&range=24h"
    assert [query for words, query in chips.items() if words != "Failed"] == [
        f"/jobs/?bucket={names}&states=Failed",
        f"/jobs/?bucket={names}",
    ]


def test_sentinel_brings_the_rows_that_follow(client: Client, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(jobs=12, seed=seed) for seed in (1, 2)]
    first = soup(get(client, path(*buckets, query="size=10")))

    second = soup(get(client, str(one(first, "#more")["hx-get"]), "more"))
    third = soup(get(client, str(one(second, "#more")["hx-get"]), "more"))

    ids = [row_ids(page) for page in (first, second, third)]
    assert [len(page) for page in ids] == [10, 10, 4]
    assert len({job for page in ids for job in page}) == 24
    assert "data-end" in one(third, "#more").attrs


def test_text_of_a_filter_leads_to_its_parameters_and_keeps_the_buckets(client: Client) -> None:
    make_bucket("a-1250000000")

    response = client.get("/jobs/?bucket=a-1250000000&q=state:failed")

    assert (response.status_code, response["Location"]) == (302, "/jobs/?bucket=a-1250000000&states=Failed")


def test_label_names_its_buckets(client: Client, new_bucket: NewBucket) -> None:
    film, other = new_bucket(given=jobs_in("Failed")), new_bucket(given=jobs_in("Failed"))
    film.label = "Film"
    film.save()

    page = soup(get(client, "/jobs/?group=Film"))

    assert [words(cell) for cell in page.select(".of")] == ["Film"]
    assert other.name not in page.get_text()


def test_bucket_in_trouble_is_told_beside_the_rows_of_the_others(client: Client, new_bucket: NewBucket) -> None:
    well, bad = new_bucket(given=jobs_in("Failed")), new_bucket(faults=(UNBOUND,))

    response = get(client, path(well, bad))
    twin = get(client, path(well, bad, twin=True)).json()

    assert response.status_code == 200
    assert "MediaBucketUnBinded" in words(one(soup(response), ".troubles[role=alert]"))
    assert len(row_ids(soup(response))) == 1
    assert {bucket["name"]: bucket["problem"] and bucket["problem"]["code"] for bucket in twin["buckets"]} == {
        well.name: None,
        bad.name: "MediaBucketUnBinded",
    }


def test_rows_that_can_t_be_refreshed_are_shown_as_out_of_date_and_no_bucket_as_unreadable(
    client: Client, new_bucket: NewBucket, emulator: Emulator, until: Callable[[Callable[[], Any]], None]
) -> None:
    well, bad = new_bucket(given=jobs_in("Failed")), new_bucket(given=jobs_in("Failed"))
    get(client, path(well, bad))
    for bucket in (well, bad):
        grow_old(bucket)
    emulator.set_faults(bad.name, UNBOUND)
    until(lambda: "MediaBucketUnBinded" in get(client, path(well, bad)).content.decode())

    page = soup(get(client, path(well, bad)))
    twin = get(client, path(well, bad, twin=True)).json()

    assert len(row_ids(page)) == 2
    assert page.select(".troubles") == []
    assert "can't be read" not in words(one(page, ".meta"))
    assert words(one(page, ".meta .stale")) == "out of date"
    assert one(page, "table.jobs")["class"] == ["jobs", "old"]
    assert bad.name in words(one(page, ".notice.warn"))
    assert {bucket["name"]: (bucket["stale"], bucket["problem"] is None) for bucket in twin["buckets"]} == {
        well.name: (False, True),
        bad.name: (True, False),
    }


def test_where_every_bucket_is_in_trouble_the_status_says_so(client: Client, new_bucket: NewBucket) -> None:
    assert get(client, path(new_bucket(faults=(UNBOUND,)))).status_code == 409


def test_link_to_the_next_page_holds_though_a_page_before_it_is_fetched_again(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    buckets = [new_bucket(jobs=25, seed=seed, spread=7200) for seed in (1, 2)]
    every = {f"{bucket.name}/{job}" for bucket in buckets for job in emulator.job_ids(bucket.name)}
    page = soup(get(client, path(*buckets, query="size=10")))
    found = row_ids(page)
    gone = found[2]
    emulator.remove_job(*gone.split("/"))
    forget(f"page:{gone.partition('/')[0]}:*")

    while following := one(page, "#more").get("hx-get"):
        page = soup(get(client, str(following), "more"))
        found += row_ids(page)

    assert (len(found), set(found)) == (len(every), every)


@pytest.mark.parametrize(
    ("well", "said"),
    [
        ((), "None of these buckets could be read"),
        ((0,), "No job matches in those buckets that could be read"),
        ((0, 0), "No job matches in those buckets that could be read"),
        ((3,), ""),
    ],
)
def test_list_is_called_empty_only_where_every_bucket_answered(
    client: Client, new_bucket: NewBucket, well: tuple[int, ...], said: str
) -> None:
    buckets = [new_bucket(faults=(DENIED,)), new_bucket(faults=(UNBOUND,)), *(new_bucket(jobs=jobs) for jobs in well)]

    page = soup(get(client, path(*buckets, query="tz=UTC")))

    assert [words(heading) for heading in page.select(".empty h2")] == [said] * bool(said)
    assert "No job of these buckets matches" not in page.get_text()
    assert len(page.select(".troubles li")) == 2
    assert len(page.select("#as-of")) == bool(well)


def test_list_with_a_late_bucket_and_no_row_is_not_called_empty(client: Client, new_bucket: NewBucket) -> None:
    empty, slow = new_bucket(), new_bucket(jobs=3, latency=2.5)

    page = soup(get(client, path(empty, slow)))

    assert words(one(page, ".empty h2")) == "No job matches in those buckets that could be read"
    assert slow.name in words(one(page, "#about"))


def test_list_of_buckets_that_all_answered_without_a_job_is_empty(client: Client, new_bucket: NewBucket) -> None:
    page = soup(get(client, path(new_bucket(), new_bucket())))

    assert words(one(page, ".empty h2")) == "No job of these buckets matches"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("bucket=unknown-1250000000", "bucket"),
        ("bucket=a-1250000000,unknown-1250000000", "bucket"),
        ("bucket=a-1250000000&group=x", "group"),
        ("group=nobody-has-this", "group"),
        ("bucket=a-1250000000&states=Nope", "states"),
        ("bucket=a-1250000000&at=1.2", "pin"),
        ("bucket=a-1250000000&pin=1700000000.1700000002000", "pin"),
        ("bucket=a-1250000000&pin=x&at=1", "pin"),
        ("bucket=a-1250000000&pin=-&at=x", "at"),
        ("bucket=a-1250000000&pin=-&at=1-", "at"),
        ("bucket=a-1250000000&pin=-&at=1-1700000000", "at"),
        ("bucket=a-1250000000&pin=-&at=1-1700000000-nothex", "at"),
        ("bucket=a-1250000000&pin=-&at=1-1700000000" + "-0123ab" * 41, "at"),
        ("bucket=a-1250000000&depth=21", "depth"),
        ("bucket=a-1250000000&nextToken=x", "nextToken"),
        ("bucket=a-1250000000&job=b0123", "job"),
        ("bucket=a-1250000000&job=other-1250000000/b0123", "job"),
        ("bucket=a-1250000000&tab=raw", "tab"),
        ("bucket=" + ",".join(f"b{number}-1250000000" for number in range(MOST_MERGED + 1)), "bucket"),
    ],
)
def test_wrong_address_is_refused_and_nothing_is_asked(
    client: Client, emulator: Emulator, query: str, parameter: str
) -> None:
    make_bucket("a-1250000000")
    before = len(emulator.calls())

    response, twin = client.get(f"/jobs/?{query}"), client.get(f"/jobs.json?{query}")

    assert (response.status_code, twin.status_code) == (400, 400)
    assert parameter in twin.json()["errors"]
    assert one(soup(response), ".problem[data-code=wrong_filter]")
    assert len(emulator.calls()) == before


def test_bucket_that_one_may_not_see_reads_like_an_unknown_one(client: Client) -> None:
    make_bucket("hidden-1250000000")
    client.force_login(make_viewer("vera"))

    hidden, unknown = client.get("/jobs/?bucket=hidden-1250000000"), client.get("/jobs/?bucket=unheard-1250000000")

    assert (hidden.status_code, unknown.status_code) == (400, 400)
    told = [words(one(soup(answer), ".problem li")) for answer in (hidden, unknown)]
    assert told[0].replace("hidden", "unheard") == told[1]


def test_order_of_names_makes_no_other_address(client: Client) -> None:
    make_bucket("a-1250000000")
    make_bucket("b-1250000000")

    response = client.get("/jobs/?bucket=b-1250000000,a-1250000000,a-1250000000")

    assert (response.status_code, response["Location"]) == (302, "/jobs/?bucket=a-1250000000,b-1250000000")


def test_twin_pages_through_all_jobs(client: Client, new_bucket: NewBucket, emulator: Emulator) -> None:
    buckets = [new_bucket(jobs=12, seed=seed) for seed in (1, 2)]
    following, found = path(*buckets, query="size=10", twin=True), []

    while following:
        page = get(client, following).json()
        found += [(job["_bucket"], job["JobId"]) for job in page["jobs"]]
        following = page["next"]

    assert sorted(found) == sorted((bucket.name, job) for bucket in buckets for job in emulator.job_ids(bucket.name))


def test_fragment_of_a_page_that_is_late_asks_again(client: Client, new_bucket: NewBucket, emulator: Emulator) -> None:
    bucket = new_bucket(jobs=25)
    first = soup(get(client, path(bucket, query="size=10")))
    second = soup(get(client, str(one(first, "#more")["hx-get"]), "more"))
    emulator.set_latency(3.0, bucket.name)
    with servers.cache_server().connection() as connection:
        connection.flushall()

    response = client.get(str(one(second, "#more")["hx-get"]), headers={**HTMX, "HX-Target": "more"})

    assert response.status_code == 202
    assert "load delay" in str(one(soup(response), "#more")["hx-trigger"])
    assert f"Waiting for {bucket.name}" in words(one(soup(response), "#more"))


def test_list_that_a_silent_bucket_holds_up_goes_on_without_it(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    well, bad = (new_bucket(jobs=40, seed=seed, spread=7200) for seed in (1, 2))
    following = str(one(soup(get(client, path(well, bad, query="size=10"))), "#more")["hx-get"])
    emulator.set_faults(bad.name, {"kind": "hang", "seconds": 60.0})
    while (response := client.get(following, headers={**HTMX, "HX-Target": "more"})).status_code != 202:
        following = str(one(soup(response), "#more")["hx-get"])
    held_up = one(soup(response), "#more")

    page = soup(get(client, str(held_up.select("a")[-1]["href"])))

    assert f"Waiting for {bad.name} · Go on without" in words(held_up)
    assert {name.split("/")[0] for name in row_ids(page)} == {well.name}
    assert bad.name in words(one(page, "#about .notice.warn"))


def test_late_bucket_is_named_and_offered_by_opening_the_list_anew(client: Client, new_bucket: NewBucket) -> None:
    quick, slow = new_bucket(jobs=15), new_bucket(jobs=15, latency=2.5)
    address = path(quick, slow, query="size=10")

    page = soup(get(client, address))

    notice = one(page, "#about .notice.warn")
    assert slow.name in words(notice)
    assert (words(one(notice, "a")), one(notice, "a")["href"]) == ("Add", address)
    assert {name.split("/")[0] for name in row_ids(page)} == {quick.name}


def test_late_bucket_joins_where_one_follows_add_after_it_has_answered(
    client: Client, new_bucket: NewBucket, emulator: Emulator, until: Callable[[Callable[[], Any]], None]
) -> None:
    quick, slow = new_bucket(jobs=5), new_bucket(jobs=4, latency=1.5)
    add = one(soup(get(client, path(quick, slow))), "#about .notice a")
    until(lambda: [call for call in emulator.calls(slow.name) if call.seconds is not None])

    page = soup(get(client, str(add["href"])))

    assert page.select("#about .notice") == []
    assert {name.split("/")[0] for name in row_ids(page)} == {quick.name, slow.name}
    assert words(one(page, ".meta [data-count-rows]")) == "9 loaded of 2 buckets"


def test_number_of_loaded_jobs_tells_of_how_many_buckets_and_which_part_is_denied(
    client: Client, new_bucket: NewBucket
) -> None:
    well = [new_bucket(jobs=40, seed=seed) for seed in (1, 2, 3)]

    denied = soup(get(client, path(*well, new_bucket(faults=(DENIED,)), query="size=100")))
    both = soup(get(client, path(*well, new_bucket(faults=(DENIED,)), new_bucket(faults=(UNBOUND,)), query="size=100")))

    assert words(one(denied, ".meta [data-count-rows]")) == "100 loaded of 4 buckets, 1 denied"
    assert words(one(both, ".meta [data-count-rows]")) == "100 loaded of 5 buckets, 1 denied, 1 can't be read"


# Drawer -------------------------------------------------------------------------------------------------------------------


def test_drawer_shows_the_job_of_its_bucket_in_the_list_and_alone(client: Client, new_bucket: NewBucket) -> None:
    same = {"JobId": "b0123456789abcdef0123456789abcdef", "CreationTime": LONG_AGO, "State": "Failed"}
    first, second = new_bucket(given=({**same, "Name": "one"},)), new_bucket(given=({**same, "Name": "two"},))
    address = path(first, second, query=f"job={second.name}/{same['JobId']}&tab=output")
    get(client, path(first, second))

    beside, alone = soup(get(client, address)), soup(get(client, address, "drawer"))

    for tree in (one(beside, "#drawer[open]"), alone):
        assert words(one(tree, "#drawer-title")).startswith("two")
        assert second.name in words(one(tree, ".drawer-of"))
        assert one(tree, "#part-output")["aria-current"] == "page"
        names = ",".join(sorted((first.name, second.name)))
        assert one(tree, "#part-input")["href"] == (
            f"/jobs/?bucket={names}&job={second.name}/{same['JobId']}&tab=input"
        )
        assert one(tree, "#drawer-close")["href"] == f"/jobs/?bucket={names}"
        assert f"/buckets/{second.name}/jobs/{same['JobId']}/output/" in {
            str(link["href"]) for link in tree.select("a[href]")
        }
    assert not alone.select("table.jobs")
    assert len(beside.select("table.jobs tr[id^=job-]")) == len(set(row_ids(beside))) == 2


def test_drawer_of_a_label_keeps_the_label(client: Client, new_bucket: NewBucket) -> None:
    film = new_bucket(jobs=3)
    film.label = "Film"
    film.save()
    name = row_ids(soup(get(client, "/jobs/?group=Film")))[1]

    page = soup(get(client, f"/jobs/?group=Film&job={name}"))

    assert str(one(page, "#drawer-next")["href"]).startswith(f"/jobs/?group=Film&job={film.name}/")


def test_job_of_a_bucket_that_one_may_not_see_reads_like_one_of_no_bucket_of_the_list(
    client: Client, new_bucket: NewBucket
) -> None:
    bucket = make_bucket("a-1250000000")
    make_bucket("hidden-1250000000")
    client.force_login(make_viewer("vera", sees=(bucket,)))

    told = [
        words(one(soup(client.get(f"/jobs/?bucket=a-1250000000&job={name}-1250000000/b1")), ".problem li"))
        for name in ("hidden", "unheard")
    ]

    assert told[0].replace("hidden", "unheard") == told[1]


# Depth --------------------------------------------------------------------------------------------------------------------


def test_scrolling_writes_where_the_document_begins_and_how_deep_it_is(client: Client, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(jobs=25, seed=seed) for seed in (1, 2)]
    address = path(*buckets, query="size=10")
    tree = soup(get(client, address))
    found = row_ids(tree)

    for depth in (2, 3):
        response = scroll(client, one(tree, "#more"), address)
        tree, address = soup(response), response["Batchlens-Address"]
        found += row_ids(tree)
        query = parse_qs(urlsplit(address).query)
        assert (query["depth"], query["at"], query["size"]) == ([str(depth)], ["0.0"], ["10"])

    assert row_ids(soup(get(client, address))) == found
    assert [job["JobId"] for job in get(client, address.replace("/jobs/", "/jobs.json")).json()["jobs"]] == [
        name.partition("/")[2] for name in found
    ]


def test_scrolling_keeps_the_job_in_the_drawer_and_leaves_a_foreign_address_alone(
    client: Client, new_bucket: NewBucket
) -> None:
    buckets = [new_bucket(jobs=15, seed=seed) for seed in (1, 2)]
    tree = soup(get(client, path(*buckets, query="size=10")))
    job = row_ids(tree)[2]

    own = scroll(client, one(tree, "#more"), path(*buckets, query=f"size=10&job={job}"))
    foreign = scroll(client, one(tree, "#more"), path(*buckets, query="size=20"))

    assert parse_qs(urlsplit(own["Batchlens-Address"]).query)["job"] == [job]
    assert "Batchlens-Address" not in foreign


def test_bucket_that_was_left_out_stays_named_where_the_list_is_opened_again(
    client: Client, new_bucket: NewBucket
) -> None:
    well, bad = new_bucket(jobs=25), new_bucket(faults=(UNBOUND,))
    address = path(well, bad, query="size=10")
    deeper = scroll(client, one(soup(get(client, address)), "#more"), address)["Batchlens-Address"]

    page, twin = soup(get(client, deeper)), get(client, deeper.replace("/jobs/", "/jobs.json")).json()

    assert words(one(page, ".meta [data-count-rows]")) == "20 loaded of 2 buckets, 1 left out"
    notice = one(page, "#about .notice.warn")
    assert bad.name in words(notice)
    assert one(notice, "a")["href"] == address
    assert {bucket["name"]: bucket["left_out"] for bucket in twin["buckets"]} == {well.name: False, bad.name: True}


def test_bucket_that_is_lost_in_mid_list_is_named_there_and_above(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    well, bad = (new_bucket(jobs=60, seed=seed, spread=7200) for seed in (1, 2))
    address = path(well, bad, query="size=10")
    tree = soup(get(client, address))
    emulator.set_faults(bad.name, DENIED)

    while not tree.select(".lost"):
        tree = soup(scroll(client, one(tree, "#more"), address))

    above = tree.find("div", attrs={"hx-swap-oob": "beforeend:#about"})
    assert bad.name in words(one(tree, ".lost"))
    assert bad.name in str(above)


def test_bucket_of_which_jobs_may_be_missing_is_named_where_that_is(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    well, looping = (new_bucket(jobs=30, seed=seed, spread=7200) for seed in (1, 2))
    emulator.fault(looping.name, "token_repeat", when={"token": True})
    page = soup(get(client, path(well, looping, query="size=10")))
    twin = get(client, path(well, looping, query="size=10", twin=True)).json()

    while not page.select(".doubtful"):
        page = soup(get(client, str(one(page, "#more")["hx-get"]), "more"))
    while not any(bucket["doubtful"] for bucket in twin["buckets"]):
        twin = get(client, twin["next"]).json()

    assert [str(link["href"]) for link in page.select(".doubtful a")] == [path_of(looping)]
    assert {bucket["name"]: bucket["doubtful"] for bucket in twin["buckets"]} == {well.name: False, looping.name: True}


def test_place_that_is_too_old_opens_the_newest_list_and_leads_to_it_as_it_was(
    client: Client, new_bucket: NewBucket
) -> None:
    buckets = sorted((new_bucket(jobs=15, seed=seed) for seed in (1, 2)), key=lambda bucket: bucket.name)
    opened = int(time.time()) - 4000
    pins = ",".join(f"{opened}.{opened}000" for _ in buckets)

    page = soup(get(client, path(*buckets, query=f"pin={pins}&at=0.0&size=10&depth=2")))

    assert len(row_ids(page)) == 10
    frozen = parse_qs(urlsplit(str(one(page, ".notice.warn a")["href"])).query)
    assert frozen.keys() == {"bucket", "endCreationTime", "size"}


def test_wrong_place_is_told_with_a_link_that_goes_on_without_it(client: Client) -> None:
    make_bucket("a-1250000000")

    response = client.get("/jobs/?bucket=a-1250000000&states=Failed&at=1")

    assert response.status_code == 400
    assert one(soup(response), ".problem li a")["href"] == "/jobs/?bucket=a-1250000000&states=Failed"


# Form ---------------------------------------------------------------------------------------------------------------------


def test_form_holds_the_filter_and_keeps_the_buckets(client: Client, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(jobs=3), new_bucket(jobs=3)]

    form = one(soup(get(client, path(*buckets, query="states=Failed&tz=UTC"))), "form#filter")

    assert form["action"] == form["hx-get"] == "/jobs/"
    hidden = {str(field["name"]): str(field["value"]) for field in form.select("input[type=hidden]")}
    assert hidden == {"bucket": ",".join(sorted(bucket.name for bucket in buckets)), "tz": "UTC"}
    assert [box["value"] for box in form.select("input[name=states][checked]")] == ["Failed"]


def test_wrong_field_is_marked_and_the_form_keeps_what_was_typed(client: Client) -> None:
    make_bucket("a-1250000000")

    response = client.get(
        "/jobs/?bucket=a-1250000000&startCreationTime=nonsense", headers={**HTMX, "HX-Target": "results"}
    )

    tree = soup(response)
    field = one(tree, "#filter-startCreationTime")
    assert (response.status_code, response["HX-Retarget"]) == (400, "#list")
    assert (field["value"], field["aria-invalid"]) == ("nonsense", "true")
    assert one(tree, f"#{field['aria-describedby']}")
    assert one(tree, "form#filter input[name=bucket]")["value"] == "a-1250000000"


# Live ---------------------------------------------------------------------------------------------------------------------


def test_tick_tells_of_every_bucket_with_two_calls_each_at_most(
    client: Client, new_bucket: NewBucket, emulator: Emulator
) -> None:
    buckets = [new_bucket(given=jobs_in("Running", "Running", "Failed")) for _ in range(3)]
    page = soup(get(client, path(*buckets, query="states=Running")))
    ticker = one(page, "#ticker")
    assert 2 <= int(str(ticker["data-most"])) <= 100
    for bucket in buckets:
        grow_minute_old(bucket)
        emulator.change_job(bucket.name, emulator.job_ids(bucket.name)[0], State="Success")
    before = {bucket.name: len(emulator.calls(bucket.name)) for bucket in buckets}
    created = [datetime.fromisoformat(str(one(row, ".when time")["datetime"])) for row in page.select("tr[id^=job-]")]
    rows = ",".join(
        f"{quote(quote(name, safe=''), safe='')}:Running:{int(moment.timestamp())}"
        for name, moment in zip(row_ids(page), created, strict=True)
    )

    for _ in range(40):
        found = soup(get(client, f"{ticker['data-tick']}&rows={rows}"))
        if len(found.find_all("tr", class_="left")) == 3:
            break

    assert {str(row["id"]) for row in found.find_all("tr", class_="left")} == {
        f"job-{bucket.name}/{emulator.job_ids(bucket.name)[0]}" for bucket in buckets
    }
    assert all(len(emulator.calls(name)) - calls <= 2 for name, calls in before.items())


def test_tick_of_what_one_may_not_see_or_that_was_never_opened_is_none(client: Client) -> None:
    make_bucket("hidden-1250000000")
    client.force_login(make_viewer("vera"))
    pin = "1700000000.1700000002000"

    assert client.get(f"/jobs/tick/?bucket=hidden-1250000000&pin={pin}&at=0").status_code == 400
    assert client.get("/jobs/tick/?bucket=hidden-1250000000").status_code == 400


def test_list_of_many_buckets_names_few_enough_rows_in_a_tick(client: Client, new_bucket: NewBucket) -> None:
    buckets = [new_bucket(jobs=8, seed=seed) for seed in range(MOST_MERGED)]

    page = soup(get(client, path(*buckets, query="size=100")))

    ticker, longest = one(page, "#ticker"), max(map(len, row_ids(page)))
    asked = len(str(ticker["data-tick"])) + int(str(ticker["data-most"])) * (
        longest + len("%252F,:Submitted:1700000000")
    )
    assert asked < 8190


# Budget -------------------------------------------------------------------------------------------------------------------


def test_reader_who_asks_for_too_many_merged_lists_is_told_and_gets_no_part_of_one(
    client: Client, new_bucket: NewBucket, emulator: Emulator, settings: Settings
) -> None:
    settings.MISS_BUDGET = 3
    buckets = [new_bucket(jobs=25, seed=seed) for seed in (1, 2)]
    client.force_login(make_staff())
    with servers.broker().connection() as connection:
        connection.delete(f"budget:user:{client.session['_auth_user_id']}")
    opened = [get(client, path(*buckets, query=f"size=10&range={hours}h")) for hours in (30, 31)]
    assert get(client, path_of(buckets[0], "size=10")).status_code == 200  # so one of them would be there

    refused, twin = (get(client, path(*buckets, query="size=10", twin=twin)) for twin in (False, True))

    assert [response.status_code for response in opened] == [200, 200]
    assert (refused.status_code, twin.status_code, twin.json()["problem"]["code"]) == (429, 429, "miss_budget")
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert one(soup(refused), ".problem[role=alert]")["data-code"] == "miss_budget"
    assert row_ids(soup(refused)) == []
    assert all("startCreationTime" in call.parameters for call in emulator.calls(buckets[1].name))
    assert get(client, path(*buckets, query="size=10&range=31h")).status_code == 200
    assert get(client, str(one(soup(opened[0]), "#more")["hx-get"]), "more").status_code == 200


@pytest.mark.parametrize(("budget", "changes"), [(3, 1), (9, 4), (1, 1)])
def test_list_of_twenty_buckets_costs_two_new_questions_however_often_it_is_asked(
    client: Client, new_bucket: NewBucket, settings: Settings, budget: int, changes: int
) -> None:
    settings.MISS_BUDGET = budget
    settings.FIRST_WAIT = 0.01
    client.force_login(make_staff(f"with-{budget}"))
    with servers.broker().connection() as connection:
        connection.delete(f"budget:user:{client.session['_auth_user_id']}")
    buckets = [new_bucket(jobs=1, seed=seed) for seed in range(20)]

    statuses = [get(client, path(*buckets, query=f"range={hours + 30}h")).status_code for hours in range(changes + 1)]

    assert statuses == [200] * changes + [429]


# Wall screens -------------------------------------------------------------------------------------------------------------


def test_list_of_which_no_bucket_could_be_read_asks_again_where_its_link_says_how_often(
    client: Client, new_bucket: NewBucket
) -> None:
    failed = [new_bucket(faults=(DENIED,)), new_bucket(faults=(UNBOUND,))]

    asks, hands_off, well = (
        soup(get(client, address))
        for address in (
            path(*failed, query="live=60s"),
            path(*failed),
            path(*failed, new_bucket(jobs=1), query="live=60s"),
        )
    )

    again = one(asks, ".ticker")
    assert (again["hx-trigger"], again["hx-target"]) == ("load delay:60s", "#results")
    assert again["hx-get"] == path(*failed, query="live=60s")
    assert hands_off.select(".ticker") == []
    assert one(well, ".ticker")["id"] == "ticker"


def test_list_that_was_refused_for_want_of_budget_asks_again_where_its_link_says_how_often(
    client: Client, new_bucket: NewBucket, settings: Settings
) -> None:
    settings.MISS_BUDGET = 1
    bucket = new_bucket(jobs=1)
    get(client, path(bucket, query="range=30h"))

    response = get(client, path(bucket, query="range=31h&live=60s"))

    assert response.status_code == 429
    assert one(soup(response), ".ticker")["hx-trigger"] == "load delay:60s"
