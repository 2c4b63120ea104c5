"""The emulator's demo: a trouble in each troubled bucket, every field of the API, twenty thousand jobs in little memory."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import pytest
import requests
from defusedxml.ElementTree import fromstring

from jobs.cloudinfinite.emulator import DEMO_BUCKETS, DEMO_SECRET_ID, DEMO_SECRET_KEY
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


def test_the_irregular_demo_bucket_is_well_formed_and_odd(demo: Emulator) -> None:
    found = rows(ask_demo(demo, IRREGULAR, {"size": "100"}))

    assert len(found) == len(demo.jobs(DEMO_BUCKETS[IRREGULAR].name)) > 50
    states = {row.findtext("State") for row in found}
    assert {"Archived", "Auditing", None, ""} <= states
    assert any(len((row.findtext("Operation/UserData") or "").encode()) >= 10_000 for row in found)
    assert any(row.findtext("Operation/CallBack") == "javascript:alert(1)" for row in found)
    assert {"Animatin", "VoiceSpearte", "SDR2HDR", "VideoSeParete"} <= {row.findtext("Operation/Tag") for row in found}
    assert any("," in (row.findtext("Operation/WorkflowIds") or "") for row in found)
    assert any(row.findtext("Name") == "<script>alert('name')</script>" for row in found)
    assert any("+08:00" in (row.findtext("CreationTime") or "") for row in found)
    orders = {tuple(node.tag for node in row if node.tag in ("Code", "Message", "Type")) for row in found}
    assert len(orders) >= 3


PATHS = """
Code Message Type Name JobId Tag Progress State CreationTime StartTime EndTime QueueId
Input/Manifest Input/UrlFile Input/Prefix Input/Object
Operation/TimeInterval/Start Operation/TimeInterval/End Operation/WorkflowIds Operation/Tag Operation/QueueId
Operation/QueueType Operation/UserData Operation/JobLevel Operation/CallBackFormat Operation/CallBackType Operation/CallBack
Operation/CallBackMqConfig/MqRegion Operation/CallBackMqConfig/MqMode Operation/CallBackMqConfig/MqName
Operation/CallBackKafkaConfig/Region Operation/CallBackKafkaConfig/InstanceId Operation/CallBackKafkaConfig/Topic
Operation/FreeTranscode Operation/Output/Region Operation/Output/Bucket Operation/Output/Object Operation/Output/AuObject
Operation/Output/SpriteObject Operation/Output/StreamExtract/Index Operation/Output/StreamExtract/Object
Operation/Output/BassObject Operation/Output/DrumObject Operation/Output/Force
""".split()  # noqa: SIM905  # read as the tables of ci-api.md §1.5 and §2.3 are
TAGS = """
Animation SmartCover Transcode Snapshot SpeechRecognition Concat VoiceSeparate VideoMontage SDRtoHDR VideoProcess SuperResolution
Segment VideoTag PicProcess DigitalWatermark ExtractDigitalWatermark MediaInfo StreamExtract Tts NoiseReduction QualityEstimate
ImageInspect
""".split()  # noqa: SIM905  # the table of §2.3
PARAMETERS = """
TemplateId TranscodeTemplateId WatermarkTemplateId Transcode Watermark RemoveWatermark DigitalWatermark Animation Snapshot
SmartCover SpeechRecognition ConcatTemplate VoiceSeparate VideoMontage SDRtoHDR VideoProcess SuperResolution Segment
ExtractDigitalWatermark VideoTag TtsTpl PicProcess NoiseReduction TtsConfig QualityEstimate Translation WordsGeneralize DnaConfig
VocalScore ImageInspect ImageOCR DocAIGCMetadata MediaResult MediaInfo VideoTagResult WordsGeneralizeResult DnaResult
VocalScoreResult ImageInspectResult Detection PicProcessResult
""".split()  # noqa: SIM905  # the table of §2.4


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
