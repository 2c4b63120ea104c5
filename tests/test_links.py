"""Links that admins set up: what a template may be, and that nothing a job says leads a reader elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from jobs.cloudinfinite.schema import Job
from jobs.details.links import OF_BUCKET, OF_JOB, bucket_values, fill, job_values, wrong_with
from jobs.models import LinkTemplate
from tests.factories import make_staff

if TYPE_CHECKING:
    from django.test import Client

BUCKET, REGION = "media-prod-1250000000", "ap-guangzhou"
AS_OF = datetime(2023, 11, 14, 2, 0, tzinfo=UTC)
ADD = "/admin/jobs/linktemplate/add/"


def job(**fields: Any) -> Job:
    return Job({"JobId": "b1", "State": "Success", "CreationTime": "2023-11-14T09:00:00+0800", **fields})


def address(template: str, **fields: Any) -> str:
    return fill(template, job_values(job(**fields), BUCKET, REGION, AS_OF))


# Templates ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "template",
    [
        "https://console.cloud.tencent.com/ci/bucket?bucket={bucket}&region={region}",
        "http://intra/jobs",
        "https://{bucket}.cos.{region}.myqcloud.com/{output_prefix}/",
        "https://logs.example.com:8443/explore?from={start_ms}&to={end_ms}&q=%7Bjob%3D%22{job_id}%22%7D#top",
        "HTTPS://logs.example.com/",
    ],
)
def test_web_address_with_known_placeholders_is_taken(template: str) -> None:
    assert wrong_with(template, of_job=True) == ""


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("javascript:alert('{job_id}')", "Begin with https:// or http://."),
        ("data:text/html,{job_name}", "Begin with https:// or http://."),
        ("//evil.example/{job_id}", "Begin with https:// or http://."),
        ("{job_name}", "Begin with https:// or http://."),
        ("https:{job_name}", "Begin with https:// or http://."),
        ("{type}://x/", "Begin with https:// or http://."),
        ("https://{job_name}/x", "Only {bucket} and {region} may stand in the host"),
        ("https://x.{output_bucket}.com/", "Only {bucket} and {region} may stand in the host"),
        ("https://{job_id}@x.example.com/", "Only {bucket} and {region} may stand in the host"),
        ("https://x.example.com:{job_id}/", "Only {bucket} and {region} may stand in the host"),
        ("https://a@x.example.com/", "This is no web address."),
        ("https://", "This is no web address."),
        ("https://[x/", "This is no web address."),
        ("https://x.example.com/{jobid}", "There is no placeholder {jobid} here."),
        ("https://x.example.com/{}", "There is no placeholder {} here."),
        ("https://x.example.com/{job_id", "A brace stands alone."),
        ("https://x.example.com/{job_id}}", "A brace stands alone."),
        ("https://x.example.com/{{job_id}}", "A brace stands alone."),
        ("https://x.example.com/a b", "Write it in printable ASCII"),
        ("https://x.example.com\\@evil.example/", "Write it in printable ASCII"),
        ("https://x.example.com/\n", "Write it in printable ASCII"),
        ("https://xn\u202e.example.com/", "Write it in printable ASCII"),
        ("", "Write it in printable ASCII"),
    ],
)
def test_other_template_is_refused_and_told_why(template: str, said: str) -> None:
    assert str(wrong_with(template, of_job=True)).startswith(said)


def test_links_of_buckets_know_nothing_of_jobs() -> None:
    assert "Known are {bucket}, {region}." in str(wrong_with("https://x.example.com/{job_id}", of_job=False))
    assert wrong_with("https://x.example.com/{bucket}", of_job=False) == ""


# Filling ------------------------------------------------------------------------------------------------------------------


def test_values_of_a_job_fill_every_placeholder() -> None:
    found = job_values(
        job(
            Name="夜 1",
            Type="Workflow",
            StartTime="2023-11-14T09:00:05+0800",
            EndTime="2023-11-14T09:30:00+0800",
            Operation={
                "WorkflowIds": "w1,w2",
                "Output": {
                    "Bucket": "out-1250000000",
                    "Region": "ap-x",
                    "Object": "a/${InventoryTriggerJobId}/x-${Ext}",
                },
            },
        ),
        BUCKET,
        REGION,
        AS_OF,
    )

    assert found == {
        "bucket": BUCKET, "region": REGION, "job_id": "b1", "job_name": "夜 1", "type": "Workflow", "state": "Success",
        "workflow_id": "w1", "created": "2023-11-14T01:00:00Z", "start": "2023-11-14T01:00:05Z",
        "end": "2023-11-14T01:30:00Z", "start_ms": "1699923605000", "end_ms": "1699925400000",
        "output_bucket": "out-1250000000", "output_region": "ap-x", "output_prefix": "a/b1",
    }  # fmt: skip
    assert found.keys() == OF_BUCKET.keys() | OF_JOB.keys()


def test_job_that_goes_on_ends_when_it_was_read() -> None:
    found = job_values(job(State="Running", EndTime="2023-11-14T08:00:00+0800"), BUCKET, REGION, AS_OF)

    assert (found["start"], found["end"]) == ("2023-11-14T01:00:00Z", "2023-11-14T02:00:00Z")


def test_values_are_percent_encoded_whole() -> None:
    assert address("https://x.example.com/?q={job_name}&z=1", Name="a&b=c#d/e?é 夜") == (
        "https://x.example.com/?q=a%26b%3Dc%23d%2Fe%3F%C3%A9%20%E5%A4%9C&z=1"
    )


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_link_whose_value_is_missing_or_would_lead_upwards_is_left_out(name: str) -> None:
    assert address("https://x.example.com/jobs/{job_name}/log", Name=name) == ""


def test_template_that_nobody_could_save_leads_nowhere() -> None:
    assert address("javascript:alert({job_id})") == ""


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_no_value_leaves_its_place(value: str) -> None:
    found = address("https://x.example.com/p/{job_name}?q={job_name}#f", Name=value)

    if found:
        parts = urlsplit(found)
        assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "x.example.com", "f")
        assert parts.path.count("/") == 2
        assert parse_qs(parts.query, keep_blank_values=True) == {"q": [value]}


def test_link_of_a_bucket() -> None:
    assert fill("https://{bucket}.cos.{region}.myqcloud.com/", bucket_values(BUCKET, REGION)) == (
        f"https://{BUCKET}.cos.{REGION}.myqcloud.com/"
    )


# The admin ----------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_staff_add_a_link_and_see_what_may_stand_in_it(client: Client) -> None:
    client.force_login(make_staff())

    form = BeautifulSoup(client.get(ADD).content, "html.parser")
    answer = client.post(ADD, {"label": "Logs", "place": "job", "url": "https://x.example.com/{job_id}"})

    told = [code.get_text() for code in form.select(".field-placeholders code")]
    assert told == [f"{{{name}}}" for name in (*OF_BUCKET, *OF_JOB)]
    assert answer.status_code == 302
    assert LinkTemplate.objects.values("label", "place", "url").get() == {
        "label": "Logs", "place": "job", "url": "https://x.example.com/{job_id}",
    }  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("place", "url"),
    [("job", "javascript:alert(1)"), ("bucket", "https://x.example.com/{job_id}"), ("job", "https://{job_name}/")],
)
def test_form_refuses_what_may_not_be_a_link(client: Client, place: str, url: str) -> None:
    client.force_login(make_staff())

    answer = client.post(ADD, {"label": "Logs", "place": place, "url": url})

    errors = BeautifulSoup(answer.content, "html.parser").select("ul.errorlist[id]")
    assert (answer.status_code, [item["id"] for item in errors]) == (200, ["id_url_error"])
    assert LinkTemplate.objects.count() == 0


@pytest.mark.django_db
def test_admin_of_links_needs_no_inline_script_or_style(client: Client) -> None:
    client.force_login(make_staff())
    kept = LinkTemplate.objects.create(label="Logs", place="job", url="https://x.example.com/")

    for path in ("/admin/jobs/linktemplate/", ADD, f"/admin/jobs/linktemplate/{kept.pk}/change/"):
        page = BeautifulSoup(client.get(path).content, "html.parser")
        assert page.select("style, [style], [onclick], [onload]") == []
        assert [tag for tag in page.select("script:not([src])") if tag.get("type") != "application/json"] == []
