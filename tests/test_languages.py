"""Every page in its reader's language: a made-up one, whose texts stand in brackets, shows whatever was not translated."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup
from bs4.element import Comment, Doctype
from django.db import OperationalError, connection
from django.test import Client
from django.utils import translation
from django.utils.translation import trans_real

from jobs import clock, completeness, problems
from jobs.models import LinkTemplate
from tests.exports import walk_by_hand
from tests.factories import jobs_in, make_bucket, make_staff, make_viewer
from tests.outages import OUTAGES, Outage
from tests.reading import get, one, soup
from tests.test_merge import DENIED
from tests.test_people import link
from tests.test_views_job import JOB_ID, PARTS
from tests.test_views_job import NIGHTLY as A_JOB
from tests.test_views_list_trouble import grow_old

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django import Settings

    from jobs.models import Bucket
    from tests.emulators import Emulator

    NewBucket = Callable[..., Bucket]
    Show = Callable[..., list[str]]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker")]

NIGHTLY = A_JOB | {"Name": "media-nightly"}
LANGUAGE = "eo"
"""No language of ours, so that what is kept by language, rows for instance, stays apart from that of other tests."""
DATA = "code, kbd, bdi, pre, time, script, style, .zone, .who, [hreflang], .what > span, .fault > b, .nowrap > a"
"""Elements whose content is data, or says itself in which language it is."""
SAID = (
    "aria-label", "alt", "title", "placeholder", "data-announce", "data-copied", "data-count-rows", "data-failed", "data-hide",
    "data-label", "data-only", "data-says",
)  # fmt: skip
NAMES = r"\b(Batchlens|RequestId|JSON|curl|Python|state:failed,pause|UTC|Asia/Shanghai|Europe/Berlin|Prefix|Manifest|UrlFile|Faild|test-[\w-]+|ap-\w+|b[0-9a-f]{32}|media-[\w-]+|vera|Film Archive)\b"
"""What has one name in every language, and the data of these tests where it stands among other words."""


@pytest.fixture
def brackets(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A language in which each translated text stands in brackets."""
    settings.LANGUAGES = [*settings.LANGUAGES, (LANGUAGE, "Brackets")]

    def marked(said: Callable[..., str]) -> Callable[..., str]:
        def answer(*given: Any) -> str:
            text = said(*given)
            return f"⟦{text.rpartition(chr(4))[2]}⟧" if translation.get_language() == LANGUAGE and text else text

        return answer

    for name in ("gettext", "ngettext"):
        monkeypatch.setattr(trans_real.DjangoTranslation, name, marked(getattr(trans_real.DjangoTranslation, name)))


@pytest.fixture
def show(brackets: None, static_files: None) -> Callable[..., list[str]]:
    """Ask for an address in the language of brackets, and return each text that stands outside of them."""

    def ask(path: str, status: int = 200, client: Client | None = None, **headers: str) -> list[str]:
        client = client or Client(raise_request_exception=False)
        deadline = time.monotonic() + 30  # all tries of an upstream that asks to slow down
        while True:
            response = client.get(path, headers={"Accept-Language": LANGUAGE, **headers})
            if response.status_code != 202 or status == 202 or time.monotonic() > deadline:
                break
        assert response.status_code == status
        return plain_texts(response)

    return ask


def plain_texts(response: Any) -> list[str]:
    """Return what an answer says outside of brackets."""
    if response["Content-Type"].startswith("application/json"):
        return [text for text in json_texts(response.json()) if not is_translated(text)]
    page = BeautifulSoup(response.content, "html.parser")
    assert page.html is None or page.html["lang"] == LANGUAGE
    for element in page.select(DATA):
        element.replace_with(" ")
    texts = ["\n".join(text for text in page.find_all(string=True) if not isinstance(text, (Comment, Doctype)))]
    texts += [str(tag[name]) for name in SAID for tag in page.select(f"[{name}]:not(.fault)")]
    return [line.strip() for text in texts for line in outside(text).splitlines() if re.search(r"[^\W\d_]{2}", line)]


def json_texts(node: Any) -> Iterator[str]:
    """Return the values of a twin that are written for people."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in {"summary", "title", "advice"} or (name == "message" and node.get("class") == "ours"):
                yield value
            elif name == "errors":
                yield from (text for texts in value.values() for text in texts)
            elif name != "jobs":
                yield from json_texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from json_texts(value)


def is_translated(text: str) -> bool:
    return not text or (text.startswith("⟦") and text.endswith("⟧"))


def outside(text: str) -> str:
    """Return a text without what stands in brackets, and without names."""
    while (shorter := re.sub("⟦[^⟦⟧]*⟧", "", text)) != text:
        text = shorter
    return re.sub(NAMES, "", text)


def test_text_that_was_not_translated_is_noticed(brackets: None) -> None:
    assert outside("⟦A ⟦b⟧ c⟧ Oops ⟦d⟧").strip() == "Oops"


@pytest.mark.usefixtures("everybody")
def test_overview(show: Show, client: Client) -> None:
    assert show("/") == []
    make_bucket("media-prod-1250000000", "ap-guangzhou", label="Film Archive")
    make_bucket("media-test-1250000000", "ap-beijing")

    assert show("/") == []
    assert show("/?range=7d&sort=worst") == []
    assert show("/?page=7", 404) == []
    assert show("/?group=nothing-like-it") == []
    assert show("/?range=5y", 400) == []
    assert show("/?page=x", 400) == []
    assert show("/?sort=x", 400) == []
    assert show("/?q=nothing-like-it") == []
    assert show("/?bucket=x", 400) == []
    assert show("/buckets.json?bucket=x", 400) == []
    client.force_login(make_viewer("vera"))
    assert show("/", client=client) == []


@pytest.mark.usefixtures("everybody")
def test_exports(show: Show, client: Client, new_bucket: NewBucket) -> None:
    bucket, owner = new_bucket(given=jobs_in("Failed", "Running")), make_staff()
    client.force_login(owner)
    path = f"/buckets/{bucket.name}/export"

    assert show(f"{path}/", client=client) == []
    assert show(f"{path}/?states=failed", 400, client=client) == []
    assert show(f"{path}.json", client=client) == []
    assert show(f"{path}.json?states=failed", 400, client=client) == []
    now = clock.now()
    problem = problems.ours("busy", now).to_primitives()
    stands: list[dict[str, Any]] = [
        {"state": "waiting"},
        {"state": "walking", "rows": 3, "pages": 2, "problem": problem, "tries": 2},
        {"state": "done", "rows": 3, "pages": 2, "finished": now, "doubts": "order,second", "end": "repeated"},
        {"state": "done", "rows": 0, "finished": now, "end": "no_new_rows"},
        {"state": "failed", "problem": problem},
        {"state": "cancelled", "rows": 1},
    ]
    for number, values in enumerate(stands):
        walk = walk_by_hand(bucket, owner=owner, pin=f"{int(now)}.{number + 1}", **values)
        assert show(f"{path}/{walk.pk}/", client=client) == []
        assert show(f"{path}/{walk.pk}.json", client=client) == []
    assert show(f"{path}/", client=client) == []


@pytest.mark.usefixtures("everybody", "worker")
def test_summary_of_a_list(show: Show, new_bucket: NewBucket) -> None:
    failed = jobs_in("Failed", "Failed", Code="AccessDenied", Message="fault 1")
    odd = {**jobs_in("Running")[0], "EndTime": jobs_in("Running")[0]["CreationTime"]}
    path = f"/buckets/{new_bucket(given=(*failed, odd)).name}/insight/"

    assert show(path) == []
    assert show(f"{path}?odd=ended") == []
    assert show(f"{path}?family={'0' * 12}") == []
    assert show(f"{path}?kind={'0' * 12}") == []
    assert show(f"{path}?odd=x", 400) == []
    assert show(f"{path}?family=x", 400) == []
    assert show(f"{path}?kind=x", 400) == []
    assert show(f"{path}?ran=60-300") == []
    assert show(f"{path}?ran=x", 400) == []
    assert show(f"/buckets/{new_bucket().name}/insight/") == []


@pytest.mark.usefixtures("everybody", "worker")
def test_summary_of_a_list_of_several_buckets(show: Show, new_bucket: NewBucket) -> None:
    failed = jobs_in("Failed", "Failed", Code="AccessDenied", Message="fault 1")
    odd = {**jobs_in("Running")[0], "EndTime": jobs_in("Running")[0]["CreationTime"]}
    well, bad = new_bucket(jobs=25, given=(*failed, odd)), new_bucket(faults=(DENIED,))
    of = f"bucket={well.name},{bad.name}"

    assert show(f"/jobs/insight/?{of}") == []
    assert show(f"/jobs/insight/?odd=ended&{of}&size=100") == []
    assert show(f"/jobs/insight/?family={'0' * 12}&{of}") == []
    assert show(f"/jobs/insight/?odd=x&{of}", 400) == []
    assert show(f"/jobs/insight/?bucket={bad.name}", 403) == []


@pytest.mark.usefixtures("everybody", "worker")
def test_list_of_several_buckets(show: Show, new_bucket: NewBucket, emulator: Emulator) -> None:
    well, bad = (
        new_bucket(given=jobs_in("Failed")),
        new_bucket(faults=(DENIED,)),
    )
    path = f"/jobs/?bucket={','.join(sorted((well.name, bad.name)))}"

    assert show(path) == []
    assert show(f"{path}&states=Success&range=24h") == []
    assert show(f"/jobs/?bucket={well.name}&group=x", 400) == []
    assert show("/jobs/?bucket=unknown-1250000000", 400) == []
    assert show("/jobs/?group=unknown", 400) == []
    assert show(f"/jobs/?bucket={well.name}&at=x", 400) == []
    assert show(f"/jobs/?bucket={well.name}&at=1", 400) == []
    assert show(f"/jobs/?bucket={well.name}&nextToken=x", 400) == []
    assert show(f"/jobs/?bucket={well.name}&job=x", 400) == []
    assert show(f"/jobs/?bucket={well.name}&job=other-1250000000/x", 400) == []
    (job,) = emulator.job_ids(well.name)
    assert show(f"{path}&depth=2&job={well.name}/{job}") == []


@pytest.mark.usefixtures("everybody")
def test_card_of_a_portal(show: Show, new_bucket: NewBucket) -> None:
    well, bad, calm = (
        new_bucket(given=jobs_in("Failed", "Submitted")),
        new_bucket(faults=(DENIED,)),
        new_bucket(),
    )
    path = f"/embed/card/?bucket={','.join(sorted((well.name, bad.name)))}"

    assert show(path) == []
    assert show(f"{path}&states=Failed&name=media&range=7d") == []
    assert show(f"/embed/card/?bucket={calm.name}&name=nothing") == []
    assert show(f"/embed/card.json?bucket={well.name}") == []
    assert show(f"/embed/card/?bucket={well.name}&states=Success", 400) == []
    assert show(f"/embed/card/?bucket={well.name}&size=10", 400) == []
    assert show(f"/embed/card/?bucket={well.name}&q=order:oldest", 400) == []


@pytest.mark.usefixtures("everybody")
def test_job_list(show: Show, new_bucket: NewBucket) -> None:
    path = f"/buckets/{new_bucket(jobs=120).name}/jobs"
    opened = int(clock.now()) - 7200

    assert show(f"{path}/") == []
    assert show(f"{path}/?size=100&depth=2") == []
    assert show(f"{path}/", **{"HX-Request": "true", "HX-Target": "results"}) == []
    assert show(f"{path}/?type=Job&states=Failed,Pause&name=media-nightly&orderByTime=Asc&size=10&range=24h") == []
    assert show(f"{path}/?type=Workflow&startCreationTime=2023-01-01T00:00:00%2B0800&tz=UTC") == []
    assert show(f"{path}/?depth=2&pin={opened}.{opened * 1000}") == []
    assert show(f"{path}/?states=Faild&size=1000&range=1M&startCreationTime=soon&colour=red", 400) == []
    assert show(f"{path}.json?states=Failed") == []
    assert show(f"{path}.json?states=Faild", 400) == []
    assert show(f"/embed{path}/") == []


@pytest.mark.usefixtures("everybody")
def test_list_that_is_scrolled(show: Show, client: Client, new_bucket: NewBucket) -> None:
    """The button after some pages, the end of a full document, what follows it and leads back, and a page that can't be had."""
    path = f"/buckets/{new_bucket(jobs=1100).name}/jobs"
    opened = twin = get(client, f"{path}.json?size=100").json()
    while twin["next"]:
        twin = get(client, twin["next"]).json()
    full = f"{path}/?size=100&depth=10&pin={opened['pin']}"
    broken = f"/buckets/{new_bucket(jobs=25, faults=({**DENIED, 'when': {'token': True}},)).name}/jobs/?size=10"

    assert show(f"{path}/?size=100&depth=6&pin={opened['pin']}") == []
    assert show(full) == []
    assert show(str(one(soup(client.get(full)), "#more a[rel=next]")["href"])) == []
    more = str(one(soup(get(client, broken)), "#more")["hx-get"])
    assert show(more, 403, **{"HX-Request": "true", "HX-Target": "more"}) == []


@pytest.mark.usefixtures("everybody")
def test_tick(
    show: Show, client: Client, new_bucket: NewBucket, emulator: Emulator, until: Callable[[Callable[[], bool]], None]
) -> None:
    """New jobs behind the pill, and trouble."""
    bucket = new_bucket(given=jobs_in("Running"))
    tick = str(one(soup(get(client, f"/buckets/{bucket.name}/jobs/")), "#ticker")["data-tick"])
    emulator.add_job(bucket.name)

    def tells(selector: str) -> bool:
        grow_old(bucket)
        return bool(soup(client.get(tick)).select(selector))

    until(lambda: tells(".pill"))
    assert show(tick) == []
    emulator.set_faults(bucket.name, DENIED)
    until(lambda: tells("[data-problem]"))
    assert show(tick) == []


@pytest.mark.usefixtures("everybody")
def test_list_without_jobs(show: Show, new_bucket: NewBucket) -> None:
    path = f"/buckets/{new_bucket().name}/jobs/"

    assert show(path) == []
    assert show(f"{path}?states=Running&range=today") == []


@pytest.mark.usefixtures("everybody")
def test_list_that_is_asked_for(show: Show, new_bucket: NewBucket, settings: Settings) -> None:
    settings.FIRST_WAIT = 0.01

    assert show(f"/buckets/{new_bucket(latency=0.5).name}/jobs/", 202) == []


@pytest.mark.usefixtures("everybody")
@pytest.mark.parametrize("text", ["state:faild type:jop", "created:soon", "colour:red", '"', "size:0 state:"])
def test_list_whose_text_is_wrong(show: Show, new_bucket: NewBucket, text: str) -> None:
    path = f"/buckets/{new_bucket(jobs=1).name}/jobs"

    assert show(f"{path}/?q={quote(text)}", 400) == []
    assert show(f"{path}.json?q={quote(text)}", 400) == []


@pytest.mark.usefixtures("everybody")
@pytest.mark.parametrize("part", PARTS)
def test_drawer_beside_a_list(show: Show, new_bucket: NewBucket, part: str) -> None:
    LinkTemplate.objects.create(label="media-log", place="job", url="https://logs.example.com/?q={job_id}")
    path = f"/buckets/{new_bucket(given=(NIGHTLY,)).name}/jobs/?job={JOB_ID}&tab={part}".replace("&tab=operation", "")

    assert show(path) == []
    assert show(path, **{"HX-Request": "true", "HX-Target": "drawer"}) == []


@pytest.mark.usefixtures("everybody")
def test_parts_of_every_list_that_scripts_show(show: Show, client: Client, new_bucket: NewBucket) -> None:
    """The menu of a cell, what is said of hidden rows, the help of the keys, the zones, and where the tab's words come from."""
    path = f"/buckets/{new_bucket(jobs=1).name}/jobs/"

    assert show(path) == []

    page = BeautifulSoup(client.get(path, headers={"Accept-Language": LANGUAGE}).content, "html.parser")
    assert [bool(page.select_one(f"#{name}")) for name in ("keys", "zones", "cell-button")] == [True] * 3
    for name, said in (("cell-menu", "only"), ("cell-menu", "hide"), ("hiding", "says")):
        assert is_translated(str(page.select(f"#{name}")[0][f"data-{said}"]))
    assert is_translated(str(page.select("table.jobs")[0]["data-failed"]))


# The six designed states: first use, nothing matches, denied and not enabled (below), throttled, and upstream down -------------


def test_first_use(show: Show, client: Client) -> None:
    client.force_login(make_staff())

    assert show("/", client=client) == []


@pytest.mark.usefixtures("everybody")
def test_nothing_matches_but_something_likelier_was_meant(show: Show, new_bucket: NewBucket) -> None:
    path = f"/buckets/{new_bucket(jobs=1).name}/jobs/"

    assert show(f"{path}?name=Faild&range=24h") == []
    assert show(f"{path}?name=b{'0' * 32}") == []


@pytest.mark.usefixtures("everybody")
@pytest.mark.parametrize("outage", [OUTAGES["429"], OUTAGES["500"]], ids=lambda outage: outage.code)
def test_trouble_without_rows_and_beside_old_ones(
    show: Show, client: Client, new_bucket: NewBucket, emulator: Emulator, outage: Outage
) -> None:
    without, beside = new_bucket(), new_bucket(given=(NIGHTLY,))
    path = f"/buckets/{beside.name}/jobs"
    assert show(f"{path}/") == []
    grow_old(beside)
    emulator.set_faults(beside.name, outage.fault)
    emulator.set_faults(without.name, outage.fault)

    assert show(f"/buckets/{without.name}/jobs/", outage.rule.status) == []
    deadline = time.monotonic() + 30
    while "problem" not in client.get(f"{path}.json").json():
        assert time.monotonic() < deadline
    assert show(f"{path}/") == []
    assert show(f"{path}.json") == []
    assert show(f"{path}/{JOB_ID}/raw/", outage.rule.status) == []


@pytest.mark.usefixtures("everybody")
@pytest.mark.parametrize(
    ("status", "code"), [(403, "AccessDenied"), (400, "MediaBucketUnBinded"), (400, "InvalidArgument")]
)
def test_list_that_can_t_be_had(show: Show, new_bucket: NewBucket, emulator: Emulator, status: int, code: str) -> None:
    bucket = new_bucket()
    emulator.fault(bucket.name, "error", status=status, code=code, message="Said by upstream.")
    ours = {"MediaBucketUnBinded": 409}.get(code, status)

    assert show(f"/buckets/{bucket.name}/jobs/", ours) == []
    assert show(f"/buckets/{bucket.name}/jobs.json", ours) == []
    assert show("/") == []


@pytest.mark.parametrize("kind", problems.RULES)
def test_problem_of_every_class(brackets: None, kind: str) -> None:
    with translation.override(LANGUAGE):
        problem = problems.Problem(kind, "any")

        assert is_translated(str(problem.title))
        assert is_translated(str(problem.advice))


@pytest.mark.parametrize("code", problems.OUR_TITLES)
def test_trouble_of_ours(brackets: None, code: str) -> None:
    with translation.override(LANGUAGE):
        problem = problems.Problem("ours", code)

        assert is_translated(str(problem.title))
        assert is_translated(str(problem.advice))


def test_doubts_about_a_list(brackets: None) -> None:
    with translation.override(LANGUAGE):
        assert all(is_translated(str(text)) for text in completeness.DOUBTS.values())


@pytest.mark.usefixtures("everybody")
@pytest.mark.parametrize("part", ["", *PARTS])
def test_job(show: Show, new_bucket: NewBucket, part: str) -> None:
    bucket = new_bucket(given=(NIGHTLY,))

    assert show(f"/buckets/{bucket.name}/jobs/{JOB_ID}/{part}{'/' * bool(part)}") == []


@pytest.mark.usefixtures("everybody")
@pytest.mark.parametrize(
    "changed",
    [
        {"State": "Failed", "Code": "CIRoleNotExist", "Message": "no role"},
        {"State": "Failed", "Code": "", "Message": ""},
        {"State": "Running", "EndTime": "2023-11-14T03:42:51+0800", "StartTime": "-"},
        {"State": "media-odd", "Type": "media-odd", "StartTime": "media-odd"},
        {"State": "Success", "EndTime": "2023-11-13T00:00:00+0800"},
        {"Type": "Workflow", "Operation": {"WorkflowIds": "w1,w2"}, "Input": {"Manifest": "m.json", "UrlFile": "u"}},
        {"Operation": "", "Input": ""},
    ],
)
def test_job_that_is_not_as_usual(show: Show, new_bucket: NewBucket, changed: dict[str, Any]) -> None:
    path = f"/buckets/{new_bucket(given=({**NIGHTLY, **changed},)).name}/jobs/{JOB_ID}"

    assert [found for part in ("", *PARTS) for found in show(f"{path}/{part}{'/' * bool(part)}")] == []


@pytest.mark.usefixtures("everybody")
def test_job_that_is_not_there(show: Show, new_bucket: NewBucket) -> None:
    path = f"/buckets/{new_bucket().name}/jobs/{JOB_ID}"

    assert show(f"{path}/", 404) == []
    assert show(f"{path}.json", 404) == []
    assert show(f"{path}/?colour=red", 400) == []


@pytest.mark.usefixtures("everybody")
def test_status(show: Show, new_bucket: NewBucket, emulator: Emulator, client: Client) -> None:
    well, troubled = new_bucket(jobs=1), new_bucket()
    emulator.fault(troubled.name, "error", status=403, code="AccessDenied", message="Said by upstream.")
    show(f"/buckets/{well.name}/jobs/")
    show(f"/buckets/{troubled.name}/jobs/", 403)
    client.force_login(make_staff())

    assert show("/status/", client=client) == []
    assert show("/status/?colour=red", 400, client=client) == []
    assert show("/status.json", client=client) == []


def test_people(show: Show, client: Client) -> None:
    path = link()
    token = Client(enforce_csrf_checks=True)

    assert show("/sign-in/") == []
    assert show(path) == []
    assert plain_texts(client.post("/sign-in/", {"username": "vera"}, headers={"Accept-Language": LANGUAGE})) == []
    assert plain_texts(client.post(path, {"username": "a b"}, headers={"Accept-Language": LANGUAGE})) == []
    assert plain_texts(token.post("/sign-in/", {}, headers={"Accept-Language": LANGUAGE})) == []
    assert show("/embed/buckets/media-1250000000/jobs/", 401) == []
    assert show("/buckets/media-1250000000/jobs.json", 401) == []
    assert show("/welcome/wrong/", 410) == []


def test_admin(show: Show, client: Client) -> None:
    bucket = make_bucket("media-prod-1250000000", "ap-guangzhou", label="Film Archive")
    client.force_login(make_staff("vera"))

    assert show("/admin/", client=client) == []
    # Data, and what Django itself leaves in English: the texts of two pictures.
    assert set(show("/admin/jobs/bucket/", client=client)) == {"default", "False", "Search"}
    assert set(show(f"/admin/jobs/bucket/{bucket.pk}/change/", client=client)) == {"False"}


@pytest.mark.usefixtures("everybody")
def test_what_no_view_answers(show: Show) -> None:
    assert show("/nowhere/", 404) == []
    assert show("/buckets/unknown-1250000000/jobs/", 404) == []
    assert show("/buckets/unknown-1250000000/jobs.json", 404) == []


@pytest.mark.usefixtures("everybody")
@pytest.mark.parametrize(("trouble", "status"), [(OperationalError, 503), (RuntimeError, 500)])
def test_what_broke(show: Show, trouble: type[Exception], status: int) -> None:
    def refuse(*_: object) -> None:
        raise trouble("broken")

    with connection.execute_wrapper(refuse):
        assert show("/", status) == []
        assert show("/buckets.json", status) == []


# The reader's language, and the links that change it ------------------------------------------------------------------


@pytest.mark.usefixtures("everybody")
@pytest.mark.parametrize(
    ("query", "accept", "tag", "links"),
    [
        ("", "en", "en", {"zh-Hans": "?lang=zh-hans"}),
        ("", "zh-CN", "zh-Hans", {"en": "?lang=en"}),
        ("?lang=en", "zh-CN", "en", {"zh-Hans": "?lang=zh-hans"}),
        ("?q=a%2Fb&tz=UTC&lang=zh-hans", "en", "zh-Hans", {"en": "?q=a%2Fb&tz=UTC&lang=en"}),
    ],
)
def test_page_links_to_itself_in_the_other_language(
    client: Client, query: str, accept: str, tag: str, links: dict[str, str]
) -> None:
    page = BeautifulSoup(client.get(f"/{query}", headers={"Accept-Language": accept}).content, "html.parser")

    assert page.html
    assert page.html["lang"] == tag
    assert {link["hreflang"]: link["href"] for link in page.select("a[hreflang]")} == links
    assert all(link["lang"] == link["hreflang"] for link in page.select("a[hreflang]"))


@pytest.mark.usefixtures("everybody")
def test_language_of_the_link_is_kept_and_that_of_the_sender_is_not_sent(client: Client, new_bucket: NewBucket) -> None:
    path = f"/buckets/{new_bucket(jobs=60).name}/jobs/"

    def links(query: str, accept: str) -> list[str]:
        for _ in range(40):
            response = client.get(path + query, headers={"Accept-Language": accept})
            if response.status_code == 200:
                break
        page = BeautifulSoup(response.content, "html.parser")
        found = page.select("body a[href]:not([hreflang]):not([href^='#']):not([href^='/admin'])")
        return [str(tag["href"]) for tag in found if not str(tag["href"]).startswith("/sign-")]

    assert len(links("", "zh-CN")) > 50
    assert not [href for href in links("", "zh-CN") if "lang=" in href]
    assert [href for href in links("?lang=zh-hans", "en") if "lang=zh-hans" not in href and "/jobs/b" not in href] == []


def test_chinese_speaks_chinese(client: Client) -> None:
    page = client.get("/sign-in/", headers={"Accept-Language": "zh-CN"}).content.decode()

    assert '<h1 id="sign-in-title">登录</h1>' in page
    with translation.override("zh-hans"):
        assert translation.ngettext("%(count)d second", "%(count)d seconds", 1) % {"count": 1} == "1 秒"
        assert translation.pgettext("state", "Running") == "执行中"
    assert json.loads(client.get("/buckets.json?lang=zh-hans").content)["problem"]["message"] == "您尚未登录。"
