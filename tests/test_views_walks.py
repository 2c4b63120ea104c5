"""Counting all and its files, as people and programs get them, with a real worker."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client

from dashboard.celery import app
from jobs import clock, orders, walks
from jobs.filters import JobFilter, Pin
from jobs.models import Walk, WalkBatch
from tests.exports import csv_rows, export_path, finish, json_ids, start, text, walk_by_hand, walk_path, whole_list
from tests.factories import jobs_in, make_staff, make_viewer
from tests.reading import HTMX, UNBOUND, get, one, path_of, soup, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator
    from tests.processes import Process

    NewBucket = Callable[..., Bucket]
    Until = Callable[..., None]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker", "everybody")]


@pytest.fixture
def people(everybody: None, settings: Settings) -> None:
    """Who isn't signed in sees nothing."""
    settings.ANONYMOUS_ACCESS = False


# All of it ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "states=Running,Failed&size=10", "orderByTime=Asc", "range=3h"])
def test_files_of_all_hold_the_whole_list(
    client: Client, new_bucket: NewBucket, emulator: Emulator, until: Until, query: str
) -> None:
    bucket = new_bucket(jobs=230)
    path = start(client, bucket, query)

    twin = finish(client, path, until)

    table = csv_rows(client.get(twin["files"]["csv"]))
    lines = json_ids(client.get(twin["files"]["jsonl"]))
    walked = [job_id for call in emulator.calls(bucket.name) if ("size", "100") in call.query for job_id in call.ids]
    assert twin["state"] == "done"
    assert [row["JobId"] for row in table] == lines == list(dict.fromkeys(walked))
    assert lines == whole_list(client, bucket, query, twin["pin"])


def test_times_in_the_files_of_all_are_told_in_the_zone_of_the_link(
    client: Client, new_bucket: NewBucket, until: Until
) -> None:
    bucket = new_bucket(given=({"CreationTime": "2026-06-27T15:23:10+0800"},))
    twin = finish(client, path := start(client, bucket, "tz=Europe/Berlin"), until)
    page = soup(client.get(path))

    (row,) = csv_rows(client.get(str(page.select("a[download]")[0]["href"])))

    assert twin["state"] == "done"
    assert row["CreationTime"] == "2026-06-27T09:23:10+02:00"
    assert row["CreationTime_UTC"] == "2026-06-27T07:23:10Z"


def test_numbers_say_what_they_are_numbers_of(client: Client, new_bucket: NewBucket, until: Until) -> None:
    path = start(client, new_bucket(jobs=230))
    finish(client, path, until)

    page = soup(client.get(path))

    assert words(one(page, "#stands")) == "230 jobs in all"
    assert "230 of all, counted at" in words(one(page, ".numbers"))
    assert [words(link) for link in page.select("a[download]")] == [
        "CSV of all, 230 jobs",
        "JSON Lines of all, 230 jobs",
    ]
    response = client.get(str(page.select("a[download]")[0]["href"]))
    assert "_all-230-jobs_" in response["Content-Disposition"]
    assert list(csv_rows(response)[0])[-1].startswith("230 jobs of all, counted at ")


@pytest.mark.parametrize(
    ("fault", "end"),
    [
        ({"kind": "token_repeat", "when": {"token": True}}, "repeated"),
        ({"kind": "empty_page", "when": {"token": True}}, "no_new_rows"),
    ],
)
def test_count_of_a_list_that_was_cut_short_is_never_called_all(
    client: Client, new_bucket: NewBucket, until: Until, fault: dict[str, Any], end: str
) -> None:
    path = start(client, new_bucket(jobs=350, faults=(fault,)))

    twin = finish(client, path, until)
    page = soup(client.get(path))
    file = client.get(twin["files"]["csv"])
    last_column = list(csv_rows(file)[0])[-1]
    head = json.loads(text(client.get(twin["files"]["jsonl"])).splitlines()[0])["_export"]

    assert (twin["state"], twin["end"]) == ("done", end)
    assert end in twin["doubts"]
    assert "others may be missing" in words(one(page, "#stands"))
    assert not re.search(r"\ball\b", words(one(page, ".numbers")) + words(one(page, ".actions")))
    assert f"_counted-{twin['jobs']}-jobs_" in file["Content-Disposition"]
    assert re.match(rf"{twin['jobs']} jobs counted at .*Jobs may be missing\.", last_column)
    assert head["scope"] == "counted"
    assert end in head["doubts"]


@pytest.fixture
def read_only(until: Until) -> Iterator[Callable[[], None]]:
    """What makes the database refuse to be written, as one does whose disk is full."""

    def refuse() -> None:
        connection.cursor().execute("PRAGMA query_only = ON")

    yield refuse
    connection.cursor().execute("PRAGMA query_only = OFF")


def test_database_that_takes_no_more_refuses_a_count_and_says_why(
    client: Client, new_bucket: NewBucket, read_only: Callable[[], None]
) -> None:
    bucket = new_bucket(jobs=5)
    page = soup(get(client, export_path(bucket)))
    read_only()

    response = client.post(str(one(page, "form[action*=export]")["action"]))

    assert response.status_code == 503
    assert one(soup(response), "main [role=alert]")["data-code"] == "not_stored"
    assert not Walk.objects.exists()


@pytest.mark.parametrize(("state", "action"), [("walking", "cancel"), ("cancelled", "resume")])
def test_database_that_takes_no_more_leaves_a_count_as_it_is_and_says_why(
    client: Client, new_bucket: NewBucket, read_only: Callable[[], None], state: str, action: str
) -> None:
    walk = walk_by_hand(new_bucket(), state=state)
    read_only()

    response = client.post(f"/buckets/{walk.bucket.name}/export/{walk.pk}/{action}/")

    assert response.status_code == 503
    assert one(soup(response), "main [role=alert]")["data-code"] == "not_stored"
    assert Walk.objects.get().state == state


def test_start_twice_is_one_walk(client: Client, new_bucket: NewBucket, until: Until, emulator: Emulator) -> None:
    bucket = new_bucket(jobs=5)
    page = soup(get(client, export_path(bucket)))
    action = str(one(page, "form[action*=export]")["action"])

    first, second = (client.post(action)["Location"] for _ in range(2))
    finish(client, first, until)
    third = client.post(action)["Location"]

    assert first == second == third
    assert len([call for call in emulator.calls(bucket.name) if ("size", "100") in call.query]) == 1


def test_start_without_a_pin_leads_to_the_page_and_starts_nothing(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=1)

    response = client.post(export_path(bucket, "states=Failed"))

    assert response.status_code in {302, 303}
    assert response["Location"] == export_path(bucket, "states=Failed")
    assert not Walk.objects.exists()


def test_start_needs_a_token_of_the_page(new_bucket: NewBucket, static_files: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    bucket = new_bucket(jobs=1)

    assert strict.post(export_path(bucket, "pin=1.1")).status_code == 403
    assert strict.post(walk_path(walk_by_hand(bucket), "cancel/")).status_code == 403


def test_too_many_at_once_are_refused(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(latency=2.0)
    for number in range(orders.AT_ONCE):
        assert client.post(export_path(bucket, f"pin={number + 1}.1")).status_code == 303

    response = client.post(export_path(bucket, "pin=9.1"))

    assert response.status_code == 429
    assert one(soup(response), "main [role=alert]")["data-code"] == "too_many_walks"
    assert Walk.objects.count() == orders.AT_ONCE
    Walk.objects.all().delete()


def test_walk_that_is_refused_says_why_and_offers_no_file(client: Client, new_bucket: NewBucket, until: Until) -> None:
    bucket = new_bucket(jobs=1, faults=({**UNBOUND, "code": "InvalidArgument", "message": "Param is illegal"},))
    path = client.post(export_path(bucket, f"pin={int(clock.now())}.1"))["Location"]

    twin = finish(client, path, until)

    page = soup(client.get(path))
    alert = one(page, "main [role=alert]")
    assert (twin["state"], twin["files"], twin["problem"]["code"]) == ("failed", None, "InvalidArgument")
    assert alert["data-code"] == "InvalidArgument"
    assert "RequestId" in words(alert)
    assert page.select("a[download]") == []
    assert client.get(path + "jobs.csv").status_code == 409


def test_walk_is_cancelled_and_goes_on(client: Client, new_bucket: NewBucket, until: Until, emulator: Emulator) -> None:
    # Long enough to be under way still when it is cancelled.
    bucket = new_bucket(jobs=930, latency=0.4)
    path = client.post(export_path(bucket, f"pin={int(clock.now())}.1"))["Location"]
    until(lambda: Walk.objects.get().pages)
    page = soup(client.get(path))

    cancelled = client.post(str(one(page, "form[action*=cancel]")["action"]))
    stopped = soup(client.get(path))
    assert (cancelled.status_code, cancelled["Location"]) == (303, path)
    assert one(stopped, "#walk")["data-state"] == "cancelled"
    assert stopped.select("a[download]") == []

    client.post(str(one(stopped, "form[action*=resume]")["action"]))
    twin = finish(client, path, until)
    assert json_ids(client.get(twin["files"]["jsonl"])) == emulator.job_ids(bucket.name)


def test_walk_goes_on_though_its_worker_is_killed(
    client: Client, new_bucket: NewBucket, until: Until, emulator: Emulator, worker: Process
) -> None:
    bucket = new_bucket(jobs=730, latency=0.2)
    path = client.post(export_path(bucket, f"pin={int(clock.now())}.1"))["Location"]
    until(lambda: Walk.objects.get().pages >= 2)

    worker.kill()
    killed_at = Walk.objects.get().rows
    worker.start()
    twin = finish(client, path, until)

    assert killed_at < 730
    assert twin["state"] == "done"
    assert json_ids(client.get(twin["files"]["jsonl"])) == emulator.job_ids(bucket.name)
    assert twin["pages"] == 8


def test_worker_that_is_asked_to_end_leaves_the_rest_to_the_next_one(
    client: Client, new_bucket: NewBucket, until: Until, emulator: Emulator, worker: Process
) -> None:
    """Nobody looks meanwhile, so it is the one that ends who has the walk gone on with; no page is asked for twice."""
    bucket = new_bucket(jobs=1530, latency=0.3)
    client.post(export_path(bucket, f"pin={int(clock.now())}.1"))
    until(lambda: Walk.objects.get().pages >= 2)

    assert worker.popen is not None
    worker.popen.terminate()
    worker.popen.wait(20)
    left = Walk.objects.get()
    worker.start()
    until(lambda: Walk.objects.get().state == "done", 30)

    assert (left.state, left.pages < 16) == ("walking", True)
    assert len(emulator.calls(bucket.name)) == Walk.objects.get().pages == 16


def test_two_walks_through_a_bucket_take_turns_until_both_are_done(
    client: Client, new_bucket: NewBucket, until: Until, emulator: Emulator
) -> None:
    """Nobody looks at them meanwhile, so the one that waits is begun by the one that ends."""
    bucket, now = new_bucket(jobs=230, latency=0.2), int(clock.now())
    for query in (f"pin={now}.1", f"orderByTime=Asc&pin={now}.1"):
        client.post(export_path(bucket, query))

    until(lambda: set(Walk.objects.values_list("state", flat=True)) == {"done"})

    found = [[row.job.job_id for row in orders.rows(walk)] for walk in Walk.objects.order_by("created")]
    assert found == [emulator.job_ids(bucket.name), emulator.job_ids(bucket.name)[::-1]]
    assert max(call.in_flight for call in emulator.calls(bucket.name)) == 1


def test_walk_that_nobody_goes_on_with_is_found_by_what_beat_asks_for(new_bucket: NewBucket, until: Until) -> None:
    asked = app.conf.beat_schedule["tend-walks"]
    old = {"state": "walking", "touched": clock.now() - walks.SILENT_FOR - 1}
    walk_by_hand(new_bucket(jobs=3), filter={}, **old)
    forgotten = walk_by_hand(new_bucket(), state="done", touched=clock.now() - walks.KEPT - 1)

    app.send_task(asked["task"], **asked["options"])

    until(lambda: list(Walk.objects.values_list("state", "rows")) == [("done", 3)])
    assert not Walk.objects.filter(pk=forgotten.pk).exists()


def test_walk_under_way_reloads_itself_with_and_without_script(client: Client, new_bucket: NewBucket) -> None:
    walk = walk_by_hand(new_bucket(), state="walking", filter={"range": "24h", "size": "100"})

    response = client.get(walk_path(walk))
    fragment = client.get(walk_path(walk), headers={**HTMX, "HX-Target": "walk"})

    section = one(soup(response), "#walk")
    assert response["Refresh"] == "2"
    assert (section["hx-get"], section["hx-trigger"]) == (walk_path(walk), "load delay:2s")
    assert "Refresh" not in fragment
    assert fragment.content.strip().startswith(b"<section")


def test_progress_is_told_where_the_filter_has_a_beginning(client: Client, new_bucket: NewBucket) -> None:
    now = int(clock.now())
    values = {"state": "walking", "rows": 300, "received": 300, "pages": 3, "walked": 6.0, "pin": f"{now}.1"}
    bounded = walk_by_hand(new_bucket(), filter={"range": "100m"}, reached=now - 1500, **values)
    for number, reached in enumerate((now - 400, now - 1000, now - 1500), 1):
        WalkBatch.objects.create(
            walk=bounded, number=number, count=100, rows=b"", ids=b"", reached=reached, walked=2.0 * number
        )
    endless = walk_by_hand(bounded.bucket, reached=now - 1500, **{**values, "digest": "e"})

    known, unknown = (soup(client.get(walk_path(walk))) for walk in (bounded, endless))
    twin = client.get(walk_path(bounded).removesuffix("/") + ".json").json()

    assert one(known, "progress")["value"] == "25"
    assert twin["fraction"] == 0.25
    assert twin["jobs_a_second"] == 50.0
    assert [round(seconds) for seconds in twin["seconds_left"]] == [13, 22]
    assert "13 s to 22 s" in words(one(known, ".numbers"))
    assert "value" not in one(unknown, "progress").attrs
    assert "the filter has no beginning" in words(one(unknown, ".numbers"))


def test_file_whose_part_is_gone_is_not_offered(client: Client, new_bucket: NewBucket, until: Until) -> None:
    path = start(client, new_bucket(jobs=230))
    finish(client, path, until)
    WalkBatch.objects.filter(number=2).delete()

    assert client.get(path + "jobs.csv").status_code == 503


def test_names_that_are_formulas_and_words_that_are_markup_do_nothing(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(given=jobs_in("Failed", Name="=cmd|' /C calc'!A0", Message='<script>,"\n'))
    get(client, path_of(bucket))

    (row,) = csv_rows(client.get(f"/buckets/{bucket.name}/loaded.csv"))

    assert (row["Name"], row["Message"]) == ("'=cmd|' /C calc'!A0", '<script>,"\n')


def test_everything_stays_in_the_frame(client: Client, new_bucket: NewBucket, until: Until) -> None:
    bucket = new_bucket(jobs=3)
    page = soup(get(client, f"/embed{export_path(bucket)}"))

    links = [str(link["href"]) for link in page.select("main .card a.button, main nav a")]
    path = client.post(str(one(page, "main form")["action"]))["Location"]
    finish(client, path, until)

    assert {link.split("/")[1] for link in [*links, path]} == {"embed"}
    assert client.get(path + "jobs.csv").status_code == 200


# Whose it is ---------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("people")
def test_walk_is_its_owners_and_staffs_alone(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=1)
    owner, other, staff = make_viewer("olga", sees=(bucket,)), make_viewer("otto", sees=(bucket,)), make_staff()
    walk = walk_by_hand(bucket, owner=owner)

    answers = []
    for user in (owner, other, staff):
        client.force_login(user)
        gets = [client.get(walk_path(walk, part)).status_code for part in ("", "jobs.csv", "jobs.jsonl")]
        twin = client.get(walk_path(walk).removesuffix("/") + ".json").status_code
        answers.append([*gets, twin, client.post(walk_path(walk, "cancel/")).status_code])

    assert answers == [[200, 409, 409, 200, 303], [404] * 5, [200, 409, 409, 200, 303]]


@pytest.mark.usefixtures("people")
def test_walk_through_a_bucket_that_may_not_be_seen_any_more_is_gone(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=1)
    owner = make_viewer("olga", sees=(bucket,))
    walk = walk_by_hand(bucket, owner=owner)
    client.force_login(owner)
    bucket.groups.clear()

    assert client.get(walk_path(walk)).status_code == 404
    assert client.get(export_path(bucket)).status_code == 404
    assert client.get(f"/buckets/{bucket.name}/loaded.csv").status_code == 404


@pytest.mark.usefixtures("people")
def test_strangers_sign_in_first(client: Client, new_bucket: NewBucket) -> None:
    walk = walk_by_hand(new_bucket(jobs=1))

    assert client.get(walk_path(walk)).status_code == 302
    assert client.get(walk_path(walk, "jobs.csv")).status_code == 302
    assert client.get(walk_path(walk).removesuffix("/") + ".json").status_code == 401


@pytest.mark.usefixtures("people")
def test_ones_own_are_listed(client: Client, new_bucket: NewBucket) -> None:
    bucket = new_bucket(jobs=1)
    owner = make_viewer("olga", sees=(bucket,))
    mine, _other = walk_by_hand(bucket, owner=owner), walk_by_hand(bucket)
    client.force_login(owner)

    page = soup(get(client, export_path(bucket)))

    assert [link["href"] for link in page.select("#results ul a")] == [walk_path(mine)]


def test_walk_of_another_bucket_or_of_none_is_not_found(client: Client, new_bucket: NewBucket) -> None:
    walk, other = walk_by_hand(new_bucket()), new_bucket()

    assert client.get(walk_path(walk).replace(walk.bucket.name, other.name)).status_code == 404
    assert client.get(walk_path(walk).replace(walk.pk, "nothing")).status_code == 404
    assert client.get(walk_path(walk)).status_code == 200


def test_methods_that_change_nothing_change_nothing(client: Client, new_bucket: NewBucket) -> None:
    walk = walk_by_hand(new_bucket())

    assert [client.get(walk_path(walk, action)).status_code for action in ("cancel/", "resume/")] == [405, 405]
    assert client.put(export_path(walk.bucket)).status_code == 405


def test_filter_of_a_walk_is_its_own(new_bucket: NewBucket) -> None:
    """What a walk is stored as is read as it was meant."""
    bucket, pin = new_bucket(), Pin(int(clock.now()), 1)
    wanted = JobFilter(states=("Failed",), range="today", zone="Europe/Berlin", order="Asc")

    walk = orders.start(bucket, make_viewer(), "user:1", wanted, pin)

    assert isinstance(walk, Walk)
    stored = JobFilter.from_params(Walk.objects.get().filter)
    assert (stored.states, stored.range, stored.zone, stored.order) == (("Failed",), "today", "Europe/Berlin", "Asc")
