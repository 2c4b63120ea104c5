"""The emulator's lists: filters, order and limits, tokens under each switch, and media buckets."""

from __future__ import annotations

import pytest
import requests
from defusedxml.ElementTree import fromstring
from qcloud_cos import CosConfig
from qcloud_cos.cos_auth import CosS3Auth

from jobs.cloudinfinite.emulator.switches import CHOICES
from tests.emulators import REGION, SECRET_ID, SECRET_KEY, Emulator
from tests.signed_calls import BUCKET, HOST, LIST, ask, column, parsed, refusal, rows


def crawl(cloud: Emulator, size: int, **query: str) -> list[str]:
    """All JobIds by following NextToken to the end."""
    ids: list[str] = []
    token = ""
    while True:
        root = parsed(ask(cloud, {"size": str(size), **query, **({"nextToken": token} if token else {})}))
        ids += [row.findtext("JobId", "") for row in root.findall("JobsDetail")]
        token = root.findtext("NextToken") or ""
        if not token:
            return ids


# Filters, order and limits --------------------------------------------------------------------------------------------


def three_jobs(cloud: Emulator) -> None:
    """Given jobs, newest first: c, b, a."""
    cloud.create_bucket(
        BUCKET,
        given=(
            {"Name": "course-archive", "JobId": "ba", "Type": "Workflow", "State": "Success",
             "CreationTime": "2026-11-20T10:00:00+0800", "Operation": {"WorkflowIds": "w1,w2"}},
            {"Name": "夜间 转码", "JobId": "bb", "Type": "Job", "State": "Running", "CreationTime": "2026-11-20T11:00:00+0800"},
            {"Name": "course", "JobId": "bc", "Type": "Workflow", "State": "Failed",
             "CreationTime": "2026-11-20T12:00:00+0800", "Operation": {"WorkflowIds": "w2"}},
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "cba"),
        ({"type": "Job"}, "b"),
        ({"type": "Workflow"}, "ca"),
        ({"states": "Running"}, "b"),
        ({"states": "Running,Failed"}, "cb"),
        ({"states": "All"}, "cba"),
        ({"states": "All,Running"}, "cba"),
        ({"states": "Pause"}, ""),
        ({"name": "course"}, "c"),
        ({"name": "夜间 转码"}, "b"),
        ({"jobId": "bb"}, "b"),
        ({"jobId": "bz"}, ""),
        ({"workflowId": "w2"}, "ca"),
        ({"workflowId": "w1"}, "a"),
        ({"workflowId": "w"}, ""),
        ({"startCreationTime": "2026-11-20T11:00:00+0800"}, "cb"),
        ({"endCreationTime": "2026-11-20T11:00:00+0800"}, "ba"),
        ({"startCreationTime": "2026-11-20T03:00:01+0000", "endCreationTime": "2026-11-20T12:00:00+0800"}, "c"),
        ({"startCreationTime": "2026-11-20T12:00:00+0800", "endCreationTime": "2026-11-20T11:00:00+0800"}, ""),
        ({"orderByTime": "Asc"}, "abc"),
        ({"orderByTime": "Desc"}, "cba"),
        ({"type": "Workflow", "states": "Failed,Running"}, "c"),
        ({"jobId": "bb", "type": "Workflow"}, ""),
        ({"size": "", "states": "", "type": "", "name": "", "nextToken": "", "startCreationTime": ""}, "cba"),
        ({"unheard": "of", "States": "Running"}, "cba"),
    ],
)
def test_filters_are_applied_together(cloud: Emulator, query: dict[str, str], expected: str) -> None:
    three_jobs(cloud)

    assert column(ask(cloud, query), "JobId") == [f"b{letter}" for letter in expected]


@pytest.mark.parametrize(
    ("switch", "name", "expected"),
    [
        ("exact", "course", ["course"]),
        ("prefix", "course", ["course", "course-archive"]),
        ("substring", "archive", ["course-archive"]),
        ("exact", "archive", []),
        ("prefix", "archive", []),
        ("substring", "COURSE", []),
    ],
)
def test_name_matches_as_switched(cloud: Emulator, switch: str, name: str, expected: list[str]) -> None:
    three_jobs(cloud)
    cloud.set_switches(name=switch)

    assert column(ask(cloud, {"name": name}), "Name") == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", "0"), ("size", "-1"), ("size", "101"), ("size", "ten"), ("size", "1.5"), ("size", "9" * 5_000),
        ("type", "workflow"), ("type", "All"), ("states", "running"), ("states", "Foo"), ("states", "Running,"),
        ("states", "All,Foo"), ("orderByTime", "desc"), ("startCreationTime", "2026-11-20"),
        ("startCreationTime", "2026-11-20T10:00:00"), ("endCreationTime", "2026-11-20T10:00:00Z"),
        ("endCreationTime", "2026-11-20T10:00:00+08:00"), ("endCreationTime", "2026-13-20T10:00:00+0800"),
        ("endCreationTime", "2026-11-20T10:00:00 0800"), ("nextToken", "25"), ("nextToken", "C+/e30="),
    ],
)  # fmt: skip
def test_a_wrong_value_is_an_invalid_argument(cloud: Emulator, name: str, value: str) -> None:
    three_jobs(cloud)

    answer = ask(cloud, {name: value})

    assert refusal(answer) == (400, "InvalidArgument")
    assert fromstring(answer.content).findtext("Message") == f"Param {name} is illegal"


@pytest.mark.parametrize(("size", "expected"), [("0", 1), ("-7", 1), ("101", 100), ("1000", 100), ("ten", 10)])
def test_a_wrong_size_is_clamped_when_switched(cloud: Emulator, size: str, expected: int) -> None:
    cloud.create_bucket(BUCKET, jobs=120)
    cloud.set_switches(bad_size="clamp")

    assert len(rows(ask(cloud, {"size": size}))) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", "All"), ("states", "Foo"), ("states", "Running,Foo"), ("orderByTime", "asc"),
        ("startCreationTime", "2026-11-20"), ("endCreationTime", "2026-11-20T10:00:00Z"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_taken_for_absent_when_switched(cloud: Emulator, name: str, value: str) -> None:
    three_jobs(cloud)
    cloud.set_switches(bad_value="ignore")

    assert column(ask(cloud, {name: value}), "JobId") == ["bc", "bb", "ba"]


@pytest.mark.parametrize(
    ("query", "either", "alone"),
    [
        ({"type": "Job", "states": "Failed"}, "cb", ""),
        ({"name": "course-archive", "workflowId": "w2", "type": "Workflow"}, "ca", "a"),
        ({"jobId": "ba", "states": "Running"}, "ba", "a"),
        ({"jobId": "ba", "startCreationTime": "2026-11-20T11:00:00+0800"}, "", "a"),
        ({"type": "Job", "endCreationTime": "2026-11-20T10:30:00+0800"}, "", ""),
        ({}, "cba", "cba"),
    ],
)
def test_filters_are_combined_as_switched(cloud: Emulator, query: dict[str, str], either: str, alone: str) -> None:
    three_jobs(cloud)

    cloud.set_switches(filters="or")
    assert column(ask(cloud, query), "JobId") == [f"b{letter}" for letter in either]
    cloud.set_switches(filters="job_id_alone")
    assert column(ask(cloud, query), "JobId") == [f"b{letter}" for letter in alone]


def test_a_raw_plus_in_a_time_is_a_space(cloud: Emulator) -> None:
    three_jobs(cloud)
    query = {"endCreationTime": "2026-11-20T10:00:00+0800"}
    config = CosConfig(Region=REGION, SecretId=SECRET_ID, SecretKey=SECRET_KEY)
    request = requests.Request("GET", cloud.endpoint + LIST, params=query, headers={"Host": HOST}).prepare()
    request = CosS3Auth(config, LIST, params=query)(request)
    assert request.url is not None
    request.url = request.url.replace("%2B", "+")

    with requests.Session() as session:
        answer = session.send(request, timeout=10)

    assert refusal(answer) == (401, "InvalidAuthorization")


def test_default_size_is_ten_and_newest_come_first(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=25)

    answer = ask(cloud)

    assert column(answer, "JobId") == cloud.job_ids(BUCKET)[:10]
    times = column(answer, "CreationTime")
    assert times == sorted(times, reverse=True)


def test_jobs_of_one_second_are_ordered_by_id(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=50, spread=9)
    cloud.add_job(BUCKET, JobId="b0", CreationTime=cloud.jobs(BUCKET)[20].creation_time)
    cloud.add_job(BUCKET, JobId="bz", CreationTime=cloud.jobs(BUCKET)[20].creation_time)

    keys = [(job.creation_time, job.job_id) for job in cloud.jobs(BUCKET)]

    assert keys == sorted(keys, reverse=True)
    assert len({time for time, _ in keys}) <= 10
    assert crawl(cloud, 7) == [job_id for _, job_id in keys]
    assert crawl(cloud, 7, orderByTime="Asc") == [job_id for _, job_id in reversed(keys)]


def test_an_empty_bucket_is_an_empty_answer(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET)

    assert [node.tag for node in parsed(ask(cloud))] == ["RequestId"]
    cloud.set_switches(end_of_list="empty")
    assert [(node.tag, node.text) for node in parsed(ask(cloud))][1:] == [("NextToken", None)]


# Tokens ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tokens", CHOICES["tokens"])
@pytest.mark.parametrize("end", CHOICES["end_of_list"])
@pytest.mark.parametrize("query", [{}, {"states": "Success,Failed", "orderByTime": "Asc"}])
def test_paging_meets_every_job_once(cloud: Emulator, tokens: str, end: str, query: dict[str, str]) -> None:
    cloud.create_bucket(BUCKET, jobs=130, spread=60)
    cloud.set_switches(tokens=tokens, end_of_list=end)
    jobs = [job for job in cloud.jobs(BUCKET) if not query or job.state in ("Success", "Failed")]

    found = crawl(cloud, 20, **query)

    expected = [job.job_id for job in (reversed(jobs) if query else jobs)]
    assert found == expected
    last = parsed(ask(cloud, {"size": "100", "jobId": found[0]}))
    assert [node.text for node in last.findall("NextToken")] == ([] if end == "missing" else [None])


def test_a_full_last_page_has_no_token(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=20)

    assert parsed(ask(cloud, {"size": "20"})).find("NextToken") is None


@pytest.mark.parametrize("tokens", CHOICES["tokens"])
def test_a_token_is_opaque_and_hard_to_carry(cloud: Emulator, tokens: str) -> None:
    cloud.create_bucket(BUCKET, jobs=120)
    cloud.set_switches(tokens=tokens)

    for size in range(1, 100, 7):
        token = parsed(ask(cloud, {"size": str(size)})).findtext("NextToken", "")
        assert {"+", "/", "="} <= set(token)


@pytest.mark.parametrize(("tokens", "again"), [("cursor", 0), ("offset", 3)])
def test_jobs_that_arrive_shift_rows_under_offsets_only(cloud: Emulator, tokens: str, again: int) -> None:
    cloud.create_bucket(BUCKET, jobs=30)
    cloud.set_switches(tokens=tokens)
    truth = cloud.job_ids(BUCKET)
    first = parsed(ask(cloud))
    for _ in range(3):
        cloud.add_job(BUCKET)

    second = column(ask(cloud, {"nextToken": first.findtext("NextToken", "")}), "JobId")

    assert second == truth[10 - again : 20 - again]


@pytest.mark.parametrize(("tokens", "lost"), [("cursor", 0), ("offset", 2)])
def test_jobs_that_leave_the_filter_lose_rows_under_offsets_only(cloud: Emulator, tokens: str, lost: int) -> None:
    cloud.create_bucket(BUCKET, given=tuple(
        {"JobId": f"b{number:02d}", "State": "Running", "CreationTime": f"2026-11-20T10:00:{number:02d}+0800"}
        for number in range(30)
    ))  # fmt: skip
    cloud.set_switches(tokens=tokens)
    truth = cloud.job_ids(BUCKET)
    first = parsed(ask(cloud, {"states": "Running"}))
    for job_id in truth[:2]:
        cloud.change_job(BUCKET, job_id, State="Success")

    second = column(ask(cloud, {"states": "Running", "nextToken": first.findtext("NextToken", "")}), "JobId")

    assert second == truth[10 + lost : 20 + lost]


@pytest.mark.parametrize("tokens", CHOICES["tokens"])
@pytest.mark.parametrize(("live", "good"), [("endlessly", 3600), ("minute", 60)])
def test_a_token_is_good_for_as_long_as_switched(cloud: Emulator, tokens: str, live: str, good: int) -> None:
    cloud.create_bucket(BUCKET, jobs=30)
    cloud.set_switches(tokens=tokens, tokens_live=live)
    now = int(cloud.now())
    cloud.set_clock(now, frozen=True)
    token = parsed(ask(cloud)).findtext("NextToken", "")

    cloud.set_clock(now + good, frozen=True)
    assert len(rows(ask(cloud, {"nextToken": token}))) == 10
    cloud.set_clock(now + good + 1, frozen=True)
    last = ask(cloud, {"nextToken": token})
    assert last.status_code == (200 if live == "endlessly" else 400)


@pytest.mark.parametrize("tokens", CHOICES["tokens"])
def test_a_token_of_another_bucket_is_refused(cloud: Emulator, tokens: str) -> None:
    cloud.set_switches(tokens=tokens)
    cloud.create_bucket(BUCKET, jobs=20)
    cloud.create_bucket("other-1250000000", jobs=20)
    other = f"other-1250000000.ci.{REGION}.myqcloud.com"
    token = parsed(ask(cloud, host=other)).findtext("NextToken", "")

    assert ask(cloud, {"nextToken": token}, host=other).status_code == 200
    assert refusal(ask(cloud, {"nextToken": token})) == (400, "InvalidArgument")


def test_a_token_keeps_its_place_under_other_filters(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=60)
    jobs = cloud.jobs(BUCKET)
    token = parsed(ask(cloud, {"size": "20"})).findtext("NextToken", "")

    found = column(ask(cloud, {"nextToken": token, "states": "Success", "size": "100"}), "JobId")

    assert found == [job.job_id for job in jobs[20:] if job.state == "Success"]


def test_a_token_outlives_its_switch(cloud: Emulator) -> None:
    cloud.create_bucket(BUCKET, jobs=30)
    cloud.set_switches(tokens="offset")
    token = parsed(ask(cloud)).findtext("NextToken", "")
    cloud.set_switches(tokens="cursor")

    assert column(ask(cloud, {"nextToken": token}), "JobId") == cloud.job_ids(BUCKET)[10:20]


# Media buckets --------------------------------------------------------------------------------------------------------


def test_media_buckets_are_paged_and_filtered(cloud: Emulator) -> None:
    for name, region in (("aa-1250000000", REGION), ("ab-1250000000", "ap-tokyo"), ("b-1250000000", REGION)):
        cloud.create_bucket(name, region)
    cloud.create_bucket("unbound-1250000000", bound=False)
    host = f"ci.{REGION}.myqcloud.com"

    def names(**query: str) -> list[str]:
        answer = parsed(ask(cloud, query, path="/mediabucket", host=host))
        return [node.findtext("Name", "").removesuffix("-1250000000") for node in answer.findall("MediaBucketList")]

    assert names() == ["aa", "ab", "b"]
    assert names(bucketName="a") == ["aa", "ab"]
    assert names(bucketNames="b-1250000000,ab-1250000000") == ["ab", "b"]
    assert names(regions="ap-tokyo") == ["ab"]
    assert names(regions="All") == ["aa", "ab", "b"]
    assert names(pageSize="2", pageNumber="2") == ["b"]
    root = parsed(ask(cloud, {"pageSize": "2", "pageNumber": "2"}, path="/mediabucket", host=host))
    assert [root.findtext(name) for name in ("TotalCount", "PageNumber", "PageSize")] == ["3", "2", "2"]
    assert refusal(ask(cloud, {"pageSize": "101"}, path="/mediabucket", host=host)) == (400, "InvalidArgument")
    cloud.set_switches(media_regions="own")
    assert names() == ["aa", "b"]
