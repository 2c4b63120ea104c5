"""A list of several buckets of which some are in trouble or late, or that may not be asked at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs import servers
from tests.factories import jobs_in, make_staff
from tests.merging import loaded, path
from tests.reading import HTMX, UNBOUND, get, one, path_of, row_ids, scroll, soup, words
from tests.test_merge import DENIED
from tests.test_views_list_trouble import grow_old

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]


pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody", "waits_long")]


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


@pytest.mark.usefixtures("waits_a_second")
def test_list_with_a_late_bucket_and_no_row_is_not_called_empty(client: Client, new_bucket: NewBucket) -> None:
    empty, slow = new_bucket(), new_bucket(jobs=3, latency=2.5)

    page = soup(get(client, path(empty, slow)))

    assert words(one(page, ".empty h2")) == "No job matches in those buckets that could be read"
    assert slow.name in words(one(page, "#about"))


def test_list_of_buckets_that_all_answered_without_a_job_is_empty(client: Client, new_bucket: NewBucket) -> None:
    page = soup(get(client, path(new_bucket(), new_bucket())))

    assert words(one(page, ".empty h2")) == "No job of these buckets matches"


@pytest.mark.usefixtures("waits_a_second")
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


@pytest.mark.usefixtures("waits_a_second")
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


@pytest.mark.usefixtures("waits_a_second")
def test_late_bucket_is_named_and_offered_by_opening_the_list_anew(client: Client, new_bucket: NewBucket) -> None:
    quick, slow = new_bucket(jobs=15), new_bucket(jobs=15, latency=2.5)
    address = path(quick, slow, query="size=10")

    page = soup(get(client, address))

    notice = one(page, "#about .notice.warn")
    assert slow.name in words(notice)
    assert (words(one(notice, "a")), one(notice, "a")["href"]) == ("Add", address)
    assert {name.split("/")[0] for name in row_ids(page)} == {quick.name}


@pytest.mark.usefixtures("waits_a_second")
def test_late_bucket_joins_where_one_follows_add_after_it_has_answered(
    client: Client, new_bucket: NewBucket, emulator: Emulator, until: Callable[[Callable[[], Any]], None]
) -> None:
    quick, slow = new_bucket(jobs=5), new_bucket(jobs=4, latency=1.5)
    add = one(soup(get(client, path(quick, slow))), "#about .notice a")
    until(lambda: [call for call in emulator.calls(slow.name) if call.seconds is not None])

    page = soup(get(client, str(add["href"])))

    assert page.select("#about .notice") == []
    assert {name.split("/")[0] for name in row_ids(page)} == {quick.name, slow.name}
    assert loaded(page) == "9 loaded of 2 buckets"


def test_number_of_loaded_jobs_tells_of_how_many_buckets_and_which_part_is_denied(
    client: Client, new_bucket: NewBucket
) -> None:
    well = [new_bucket(jobs=40, seed=seed) for seed in (1, 2, 3)]

    denied = soup(get(client, path(*well, new_bucket(faults=(DENIED,)), query="size=100")))
    both = soup(get(client, path(*well, new_bucket(faults=(DENIED,)), new_bucket(faults=(UNBOUND,)), query="size=100")))

    assert loaded(denied) == "100 loaded of 4 buckets, 1 denied"
    assert loaded(both) == "100 loaded of 5 buckets, 1 denied, 1 can't be read"


def test_bucket_that_was_left_out_stays_named_where_the_list_is_opened_again(
    client: Client, new_bucket: NewBucket
) -> None:
    well, bad = new_bucket(jobs=25), new_bucket(faults=(UNBOUND,))
    address = path(well, bad, query="size=10")
    deeper = scroll(client, one(soup(get(client, address)), "#more"), address)["Batchlens-Address"]

    page, twin = soup(get(client, deeper)), get(client, deeper.replace("/jobs/", "/jobs.json")).json()

    assert loaded(page) == "20 loaded of 2 buckets, 1 can't be read"
    notice = one(page, "#about .notice.warn")
    assert words(notice).startswith(f"Left out when this list was opened: {bad.name} (last known: ")
    assert "MediaBucketUnBinded" in words(notice)
    assert one(notice, "a")["href"] == address
    assert {bucket["name"]: bucket["left_out"] for bucket in twin["buckets"]} == {well.name: False, bad.name: True}
    assert [bucket["problem"]["code"] for bucket in twin["buckets"] if bucket["left_out"]] == ["MediaBucketUnBinded"]


@pytest.mark.usefixtures("waits_a_second")
def test_bucket_that_was_left_out_for_being_late_is_told_without_a_reason(
    client: Client, new_bucket: NewBucket, emulator: Emulator, until: Callable[[Callable[[], Any]], None]
) -> None:
    quick, slow = new_bucket(jobs=25), new_bucket(jobs=4, latency=1.5)
    address = path(quick, slow, query="size=10")
    deeper = scroll(client, one(soup(get(client, address)), "#more"), address)["Batchlens-Address"]
    until(lambda: [call for call in emulator.calls(slow.name) if call.seconds is not None])

    page = soup(get(client, deeper))

    assert loaded(page) == "20 loaded of 2 buckets, 1 left out"
    assert words(one(page, "#about .notice.warn")) == f"Left out when this list was opened: {slow.name} Add"


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
