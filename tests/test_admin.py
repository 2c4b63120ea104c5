"""Buckets in the admin: what the list shows, what the form refuses, and who gets in."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from django.contrib.messages import get_messages
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from jobs import cache, clock, servers, summaries, troubles
from jobs.filters import JobFilter
from jobs.models import Bucket, Walk, WalkBatch
from jobs.problems import Problem
from jobs.records import PageQuestion
from tests.factories import make_bucket, make_staff, make_viewer
from tests.ports import free_port

pytestmark = pytest.mark.django_db

ADD = "/admin/jobs/bucket/add/"
FORM = {"name": "media-1250000000", "region": "ap-guangzhou", "label": "Videos", "credential": "default"}


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_staff())
    return client


def test_staff_add_a_bucket(staff: Client) -> None:
    answer = staff.post(ADD, FORM)

    assert answer.status_code == 302
    assert Bucket.objects.values("name", "region", "label", "credential", "hidden", "synced").get() == {
        **FORM,
        "hidden": False,
        "synced": False,
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "media"), ("name", "x@evil-12345"), ("region", "evil.com"), ("credential", "A_B")],
)
def test_the_form_refuses_what_may_not_stand_in_a_host_name(staff: Client, field: str, value: str) -> None:
    answer = staff.post(ADD, {**FORM, field: value})

    page = BeautifulSoup(answer.content, "html.parser")
    assert answer.status_code == 200
    assert [item["id"] for item in page.select("ul.errorlist[id]")] == [f"id_{field}_error"]
    assert Bucket.objects.count() == 0


def test_a_second_bucket_of_the_name_is_refused(staff: Client) -> None:
    make_bucket()

    assert staff.post(ADD, FORM).status_code == 200
    assert Bucket.objects.count() == 1


def test_the_list_shows_what_matters(staff: Client) -> None:
    make_bucket(label="Videos", credential="team-a", hidden=True)

    page = BeautifulSoup(staff.get("/admin/jobs/bucket/").content, "html.parser")

    cells = [
        cell.get_text(strip=True) or cell.select("img")[0]["alt"]
        for cell in page.select("#result_list tbody tr > *")[1:]
    ]
    assert cells == ["media-1250000000", "ap-guangzhou", "Videos", "team-a", "True", "False"]


def test_a_credential_nobody_configured_is_a_warning(staff: Client) -> None:
    answer = staff.post(ADD, {**FORM, "credential": "team-b"})

    assert [str(message) for message in get_messages(answer.wsgi_request) if message.level_tag == "warning"] == [
        (
            "The credential “team-b” is not configured in this process."
            " The worker needs CI_TEAM_B_SECRET_ID and CI_TEAM_B_SECRET_KEY."
        )
    ]


def test_a_change_that_the_next_start_undoes_is_told(staff: Client) -> None:
    bucket = make_bucket(synced=True)

    answer = staff.post(f"/admin/jobs/bucket/{bucket.pk}/change/", {**FORM, "region": "ap-tokyo"})

    assert [str(message) for message in get_messages(answer.wsgi_request) if message.level_tag == "warning"] == [
        "BUCKETS names this bucket: the next start sets its region and credential again."
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_redis")
@pytest.mark.parametrize(
    ("change", "known"),
    [({"credential": "team-a"}, False), ({"region": "ap-tokyo"}, False), ({"label": "Other"}, True), ({}, True)],
)
def test_another_credential_or_region_drops_what_was_known_to_go_wrong(
    staff: Client, change: dict[str, str], known: bool
) -> None:
    bucket, other = make_bucket(label="Videos"), make_bucket("other-1250000000")
    for each in (bucket, other):
        for kind in ("permission", "timeout"):
            troubles.store_problem(Problem(kind, "Code", at=clock.now()), question_of(each).key, each.name, "default")

    answer = staff.post(f"/admin/jobs/bucket/{bucket.pk}/change/", {**FORM, **change})

    assert answer.status_code == 302
    bucket.refresh_from_db()
    assert (problem_of(bucket) is not None) is known
    assert (summaries.find([bucket], JobFilter())[0].last is not None) is known
    assert problem_of(other) is not None


@pytest.mark.django_db(transaction=True)
def test_a_credential_is_changed_without_redis_as_well(staff: Client, settings: Settings) -> None:
    bucket = make_bucket()
    settings.REDIS_URL = settings.REDIS_CACHE_URL = f"redis://127.0.0.1:{free_port()}/0"
    servers.broker.cache_clear()
    servers.cache_server.cache_clear()

    answer = staff.post(f"/admin/jobs/bucket/{bucket.pk}/change/", {**FORM, "credential": "team-a"})

    servers.broker.cache_clear()
    servers.cache_server.cache_clear()
    assert answer.status_code == 302
    assert Bucket.objects.get().credential == "team-a"


def question_of(bucket: Bucket) -> PageQuestion:
    return PageQuestion(bucket.name, JobFilter())


def problem_of(bucket: Bucket) -> Problem | None:
    return cache.find_page(question_of(bucket), bucket.credential, person=True).problem


def test_viewers_do_not_get_in(client: Client) -> None:
    client.force_login(make_viewer())

    answer = client.get("/admin/jobs/bucket/")

    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/?next=/admin/jobs/bucket/")


def test_the_admin_needs_no_inline_script_or_style(staff: Client, settings: Settings) -> None:
    bucket = make_bucket()

    for path in ("/admin/", "/admin/jobs/bucket/", ADD, f"/admin/jobs/bucket/{bucket.pk}/change/"):
        answer = staff.get(path)
        page = BeautifulSoup(answer.content, "html.parser")
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert page.select("style, [style], [onclick], [onload]") == []
        assert [tag for tag in page.select("script:not([src])") if tag.get("type") != "application/json"] == []


def test_walks_are_looked_at_and_deleted_but_neither_made_nor_changed(staff: Client) -> None:
    walk = Walk.objects.create(bucket=make_bucket(), filter={}, digest="d", pin="1.1", created=1.0, touched=1.0)
    page = f"/admin/jobs/walk/{walk.pk}/"

    assert staff.get("/admin/jobs/walk/").status_code == 200
    assert staff.get(f"{page}change/").status_code == 200
    assert [
        staff.post(path, {"state": "done"}).status_code for path in ("/admin/jobs/walk/add/", f"{page}change/")
    ] == [403, 403]
    assert staff.post(f"{page}delete/", {"post": "yes"}).status_code == 302
    assert not Walk.objects.exists()


@pytest.mark.parametrize("page", ["", "jobs/bucket/", "jobs/bucket/add/", "jobs/bucket/add/?_popup=1"])
def test_admin_of_a_demo_says_that_it_is_one(staff: Client, settings: Settings, page: str) -> None:
    real = staff.get(f"/admin/{page}").content.decode()
    settings.DEMO = True

    demo = BeautifulSoup(staff.get(f"/admin/{page}").content, "html.parser")

    assert "Demo data" not in real
    assert demo.title is not None
    assert demo.title.get_text(strip=True).endswith("· Demo data")
    assert len(demo.select("aside.demo")) == (0 if "popup" in page else 1)


def test_another_name_is_another_bucket(staff: Client) -> None:
    bucket = make_bucket()

    staff.post(f"/admin/jobs/bucket/{bucket.pk}/change/", {**FORM, "name": "other-1250000000"})

    assert [one.name for one in Bucket.objects.all()] == [bucket.name]


@pytest.mark.parametrize("kind", ["jobs/walk", "jobs/bucket", "auth/user"])
def test_deleting_a_walk_reads_nothing_of_what_it_brought(
    staff: Client, django_assert_max_num_queries: DjangoAssertNumQueries, kind: str
) -> None:
    owner = make_viewer("vera")
    walk = Walk.objects.create(
        bucket=make_bucket(), owner=owner, filter={}, digest="d", pin="1.1", created=1.0, touched=1.0
    )
    WalkBatch.objects.bulk_create(
        WalkBatch(walk=walk, number=number, count=1, rows=b"rows", ids=b"ids", walked=0.1) for number in range(300)
    )
    numbers = {"jobs/walk": walk.pk, "jobs/bucket": walk.bucket.pk, "auth/user": owner.pk}
    page = f"/admin/{kind}/{numbers[kind]}/delete/"

    with django_assert_max_num_queries(40) as queries:
        asked = staff.get(page)
        done = staff.post(page, {"post": "yes"})

    assert "300" in asked.content.decode()
    assert len(asked.content) < 20_000
    assert done.status_code == 302
    assert not [query["sql"] for query in queries.captured_queries if '"jobs_walkbatch"."rows"' in query["sql"]]
    assert not WalkBatch.objects.exists()
    assert not Walk.objects.exists()
