"""The emulator's demo: a trouble in each troubled bucket, every field of the API, twenty thousand jobs in little memory."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import pytest
import requests
from defusedxml.ElementTree import fromstring

from jobs.cloudinfinite.emulator import DEMO_BUCKETS, DEMO_SECRET_ID, DEMO_SECRET_KEY
from jobs.details.names import is_known
from tests.documented import PARAMETERS, PATHS, TAGS
from tests.emulators import Emulator
from tests.signed_calls import LIST, ask, column, parsed, refusal, rows


@pytest.fixture(scope="module")
def demo() -> Iterator[Emulator]:
    with Emulator(demo=True, credentials=((DEMO_SECRET_ID, DEMO_SECRET_KEY),)) as emulator:
        yield emulator


def ask_demo(demo: Emulator, index: int, query: dict[str, str] | None = None, **arguments: Any) -> requests.Response:
    bucket = DEMO_BUCKETS[index]
    host = f"{bucket.name}.ci.{bucket.region}.myqcloud.com"
    return ask(demo, query, host=host, credential=(DEMO_SECRET_ID, DEMO_SECRET_KEY), **arguments)


LIVE, ARCHIVE, EMPTY, DENIED, UNBOUND, THROTTLED, SLOW, SILENT, IRREGULAR, BROKEN = range(10)


def test_demo_buckets_have_legal_names() -> None:
    assert len(DEMO_BUCKETS) == 10
    for bucket in DEMO_BUCKETS:
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?-[0-9]{10}", bucket.name)
        assert re.fullmatch(r"[a-z]{2}-[a-z]+", bucket.region)
        assert len(f"{bucket.name}.cos.{bucket.region}.myqcloud.com") <= 60 or len(bucket.name) <= 63
        assert bucket.entry == f"{bucket.name}@{bucket.region} {bucket.label}"


def test_each_troubled_demo_bucket_has_its_trouble(demo: Emulator) -> None:
    assert refusal(ask_demo(demo, DENIED)) == (403, "AccessDenied")
    assert refusal(ask_demo(demo, UNBOUND)) == (400, "MediaBucketUnBinded")
    throttled = [ask_demo(demo, THROTTLED).status_code for _ in range(50)]
    assert set(throttled) == {200, 429}
    assert 10 <= throttled.count(429) <= 30
    begun = time.monotonic()
    assert len(rows(ask_demo(demo, SLOW))) == 10
    assert time.monotonic() - begun >= 3
    with pytest.raises(requests.ReadTimeout):
        ask_demo(demo, SILENT, timeout=0.2)
    with pytest.raises(ParseError):
        fromstring(ask_demo(demo, BROKEN).content)
    assert [node.tag for node in parsed(ask_demo(demo, EMPTY))] == ["RequestId"]


@pytest.fixture(scope="module")
def irregular(demo: Emulator) -> list[Element]:
    return rows(ask_demo(demo, IRREGULAR, {"size": "100"}))


def test_the_irregular_demo_bucket_is_well_formed_and_whole(demo: Emulator, irregular: list[Element]) -> None:
    assert len(irregular) == len(demo.jobs(DEMO_BUCKETS[IRREGULAR].name)) > 50


def text(row: Element, path: str) -> str:
    return row.findtext(path) or ""


KNOWN_STATES = {"Submitted", "Running", "Success", "Failed", "Pause", "Cancel"}
IRREGULARITIES: dict[str, Callable[[Element], object]] = {
    "unknown state": lambda row: text(row, "State") not in {"", *KNOWN_STATES},
    "no state": lambda row: row.find("State") is None,
    "empty state": lambda row: row.find("State") is not None and not text(row, "State"),
    "unknown leaf": lambda row: any(not is_known(node.tag) and not len(node) for node in row),
    "unknown tree": lambda row: any(not is_known(node.tag) and len(node) for node in row),
    "unknown element repeated": lambda row: any(len(row.findall(node.tag)) > 1 for node in row if not is_known(node.tag)),
    "unknown child of JobParam": lambda row: any(
        not is_known(f"Operation.JobParam.{node.tag}") for node in row.findall("Operation/JobParam/*")
    ),
    "unknown tag": lambda row: text(row, "Operation/Tag") not in {"", *TAGS},
    "misprinted tag Animatin": lambda row: text(row, "Operation/Tag") == "Animatin",
    "misprinted tag VoiceSpearte": lambda row: text(row, "Operation/Tag") == "VoiceSpearte",
    "misprinted tag VideoSeParete": lambda row: text(row, "Operation/Tag") == "VideoSeParete",
    "misprinted tag SDR2HDR": lambda row: text(row, "Operation/Tag") == "SDR2HDR",
    "no tag": lambda row: row.find("Operation/JobParam") is not None and row.find(".//Tag") is None,
    "tag beside Operation": lambda row: text(row, "Tag") and row.find("Operation/Tag") is None,
    "queue beside Operation": lambda row: text(row, "QueueId") and row.find("Operation/QueueId") is None,
    "progress beside Operation": lambda row: text(row, "Progress").isdigit(),
    "- for a time": lambda row: text(row, "EndTime") == "-",
    "- though it runs": lambda row: text(row, "State") == "Running" and text(row, "StartTime") == "-",
    "empty time": lambda row: row.find("StartTime") is not None and not text(row, "StartTime"),
    "no creation time": lambda row: row.find("CreationTime") is None,
    "time with a colon": lambda row: text(row, "CreationTime").endswith("+08:00"),
    "time in UTC": lambda row: text(row, "StartTime").endswith("Z"),
    "no time at all": lambda row: text(row, "StartTime") == "soon",
    "running with an end": lambda row: text(row, "State") == "Running" and text(row, "EndTime").startswith("20"),
    "several workflows": lambda row: "," in text(row, "Operation/WorkflowIds"),
    "10 kB of user data": lambda row: len(text(row, "Operation/UserData").encode()) >= 10_000,
    "markup in a name": lambda row: text(row, "Name") == "<script>alert('name')</script>",
    "script as a callback": lambda row: text(row, "Operation/CallBack") == "javascript:alert(1)",
    "no input": lambda row: row.find("Input") is None,
    "every input": lambda row: len(row.findall("Input/*")) == 4,
    "success with a code of failure": lambda row: text(row, "State") == "Success" and text(row, "Code") == "PartialFailure",
    "id of another shape": lambda row: not re.fullmatch(r"b[0-9a-f]{32}", text(row, "JobId")),
}  # fmt: skip
"""What the issue, and ci-api.md §10 and §11, name of a record; all of it is to be seen in one bucket."""


@pytest.mark.parametrize("name", IRREGULARITIES)
def test_the_irregular_demo_bucket_holds_every_irregularity(irregular: list[Element], name: str) -> None:
    held = [row for row in irregular if IRREGULARITIES[name](row)]

    assert held
    assert len(held) < len(irregular) / 2


def test_the_irregular_demo_bucket_orders_elements_in_several_ways(irregular: list[Element]) -> None:
    orders = {tuple(node.tag for node in row if node.tag in ("Code", "Message", "Type")) for row in irregular}

    assert orders >= {("Code", "Message", "Type"), ("Code", "Type", "Message"), ("Message", "Code", "Type")}


def test_the_live_demo_bucket_uses_every_field(demo: Emulator) -> None:
    found: list[Element] = []
    token = ""
    while True:
        answer = ask_demo(demo, LIVE, {"size": "100", **({"nextToken": token} if token else {})})
        found += rows(answer)
        token = parsed(answer).findtext("NextToken", "")
        if not token:
            break

    assert len({row.findtext("JobId") for row in found}) == len(found) >= 1_200
    assert [path for path in PATHS if not any(row.findtext(path) for row in found)] == []
    assert sorted(set(TAGS) - {row.findtext("Operation/Tag", "") for row in found}) == []
    used = {node.tag for row in found for node in row.findall("Operation/JobParam/*")}
    assert sorted(set(PARAMETERS) - used) == []
    states = [row.findtext("State") for row in found]
    assert set(states) == {"Submitted", "Running", "Success", "Failed", "Pause", "Cancel"}
    names = "".join(row.findtext("Name", "") for row in found)
    assert re.search(r"[\u4e00-\u9fff]", names)
    assert re.search(r"[a-z]{5}", names)
    assert {row.findtext("Operation/JobLevel") for row in found} >= {"0", "1", "2"}


def test_jobs_of_the_live_demo_bucket_arrive_and_move_while_time_passes() -> None:
    name = DEMO_BUCKETS[LIVE].name
    with Emulator(demo=True, credentials=((DEMO_SECRET_ID, DEMO_SECRET_KEY),)) as emulator:
        began = emulator.now()
        states = {job.job_id: job.state for job in emulator.jobs(name)}
        known, moves, arrived = set(states), set(), []
        for second in range(30, 3_600, 30):
            emulator.set_clock(began + second, frozen=True)
            # As a list shows it: the newest first, so what is new stands at its top.
            listed = rows(ask_demo(emulator, LIVE, {"size": "100"}))
            now = {row.findtext("JobId", ""): row.findtext("State", "") for row in listed}
            moves |= {(states[job_id], state) for job_id, state in now.items() if states.get(job_id, state) != state}
            fresh = [job_id for job_id in now if job_id not in states]
            assert fresh == list(now)[: len(fresh)]
            arrived += [(job_id, now[job_id]) for job_id in fresh]
            states |= now

    assert 3_600 // 40 - 2 <= len(arrived) <= 3_600 // 20
    assert not known & {job_id for job_id, _state in arrived}
    assert Counter(state for _job_id, state in arrived).most_common(1)[0][0] == "Submitted"
    assert {before for before, _after in moves} == {"Submitted", "Running"}
    assert moves >= {
        ("Submitted", "Running"), *(("Running", state) for state in ("Success", "Failed", "Cancel", "Pause")),
        ("Submitted", "Cancel"),
    }  # fmt: skip


def test_twenty_thousand_jobs_are_served_in_little_memory(demo: Emulator) -> None:
    bucket = DEMO_BUCKETS[ARCHIVE]
    jobs = demo.jobs(bucket.name)
    assert len({job.job_id for job in jobs}) == 20_000
    deep = jobs[15_000]

    found = column(ask_demo(demo, ARCHIVE, {"endCreationTime": deep.creation_time, "size": "100"}), "JobId")

    assert deep.job_id in found
    assert rows(ask_demo(demo, ARCHIVE, path=f"{LIST}/{deep.job_id}"))[0].findtext("Name") == deep.name
    status = Path(f"/proc/{demo.process.pid}/status")
    if status.exists():  # Linux only
        resident = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
        assert resident is not None
        assert int(resident[1]) < 60_000
