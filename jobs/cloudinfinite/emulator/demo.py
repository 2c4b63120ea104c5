"""The demo account: one bucket for each thing that can be seen, or go wrong.

Alone responsible for which buckets `--demo` serves and what is in them. Everything here is invented.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .admin import create
from .clock import written
from .world import World

DEMO_SECRET_ID = "EMULATOR-DEMO-SECRET-ID"  # noqa: S105  # as the key below
DEMO_SECRET_KEY = "emulator-demo-secret-key"  # noqa: S105  # known to everyone, opens nothing but the emulator


@dataclass(frozen=True)
class DemoBucket:
    """A demo bucket: its name and region, a short English label, and the admin API's spec of it."""

    name: str
    region: str
    label: str
    spec: Mapping[str, Any] = field(repr=False)
    given: Callable[[int], list[dict[str, Any]]] = field(repr=False, default=lambda now: [])

    @property
    def entry(self) -> str:
        """`name@region label`, the form that BUCKETS takes."""
        return f"{self.name}@{self.region} {self.label}"


def populate(world: World) -> None:
    """Create the demo buckets in a world, with times counting from its now."""
    now = int(world.clock.now())
    for bucket in DEMO_BUCKETS:
        create(world, bucket.name, {"region": bucket.region, "given": bucket.given(now), "anchor": now, **bucket.spec})


def irregular_jobs(now: int) -> list[dict[str, Any]]:
    """Jobs that are odd in every way of ci-api.md §10 and §11, and then some; created in the week before `now`."""
    long_data = "\n".join(f"{line:04d} {'运营备注 note ' * 6}" for line in range(120))
    output = {"Region": "ap-tokyo", "Bucket": "media-out-1250000000", "Object": "out/${InputName}.mp4"}
    transcode = {"Tag": "Transcode", "JobParam": {"TemplateId": "t19b0c8d7e6f5a4b3c2d1e0f9a8b7c6d5"}, "Output": output}

    def ago(hours: float) -> str:
        return written(now - hours * 3_600)

    def colon(text: str) -> str:
        return f"{text[:-2]}:{text[-2:]}"

    odd: list[dict[str, Any]] = [
        {"Name": "state-from-the-future", "State": "Archived"},
        {"Name": "状态未知", "State": "Auditing", "StartTime": "-"},
        {"Name": "state-missing", "State": None},
        {"Name": "state-empty", "State": ""},
        {"Name": "unknown-elements", "State": "Success", "Billing": {"Minutes": "12.5", "Currency": "CNY"}, "Region": "ap-tokyo"},
        {"Name": "unknown-element-repeated", "State": "Running", "Warning": ["slow source", "queue is busy", "慢"]},
        {"Name": "unknown-tree-repeated", "State": "Running",
         "Shard": [{"No": "1", "State": "Success"}, {"No": "2", "State": "Running"}]},
        {"Name": "unknown-jobparam-child", "Type": "Job", "State": "Success",
         "Operation": {**transcode, "Tag": "HoloCast", "JobParam": {"HoloCast": {"Depth": "3", "Layer": ["a", "b"]}}}},
        {"Name": "tag-missing", "Type": "Job", "State": "Running",
         "Operation": {name: node for name, node in transcode.items() if name != "Tag"}},
        {"Name": "tag-empty", "Type": "Job", "State": "Success", "Operation": {**transcode, "Tag": ""}},
        {"Name": "tag-on-top-only", "Type": "Job", "State": "Running", "Tag": "Snapshot", "QueueId": "p1", "Progress": "61",
         "Operation": {"JobParam": {"Snapshot": {"Mode": "Interval", "Count": "3"}}, "Output": output}},
        {"Name": "progress-odd", "Type": "Job", "State": "Running", "Progress": "150%", "Operation": transcode},
        {"Name": "times-dash", "State": "Running", "StartTime": "-", "EndTime": "-"},
        {"Name": "times-empty", "State": "Submitted", "StartTime": "", "EndTime": ""},
        {"Name": "times-missing", "State": "Success", "StartTime": None, "EndTime": None},
        {"Name": "running-with-end", "Type": "Job", "State": "Running", "StartTime": ago(5), "EndTime": ago(4), "Operation": transcode},
        {"Name": "ends-before-it-starts", "State": "Success", "StartTime": ago(4), "EndTime": ago(5)},
        {"Name": "starts-before-created", "State": "Success", "StartTime": ago(400), "EndTime": ago(4)},
        {"Name": "times-with-colon", "State": "Success", "StartTime": colon(ago(6)), "EndTime": colon(ago(5.9))},
        {"Name": "times-utc", "State": "Success", "StartTime": "2026-11-20T01:02:03Z", "EndTime": "2026-11-20T01:12:03Z"},
        {"Name": "times-other-zone", "State": "Success", "StartTime": "2026-11-20T01:02:03-0500", "EndTime": "2026-11-20T02:02:03-0500"},
        {"Name": "times-junk", "State": "Failed", "StartTime": "soon", "EndTime": "2026-13-45T99:99:99+0800"},
        {"Name": "创建时间缺失", "State": "Success", "CreationTime": None},
        {"Name": "creation-dash", "State": "Submitted", "CreationTime": "-"},
        {"Name": "several-workflows", "State": "Running",
         "Operation": {"WorkflowIds": "w4d0f6a1b2c3e4f5061728394a5b6c7d8,w0a1b2c3d4e5f60718293a4b5c6d7e8f9, wffff"}},
        {"Name": "workflows-repeated", "State": "Running", "Operation": {"WorkflowIds": ["w4d0f6a1b2c3e4f5061728394a5b6c7d8", "w2"]}},
        {"Name": "user-data-10-kB", "Type": "Job", "State": "Success", "Operation": {**transcode, "UserData": long_data}},
        {"Name": "secrets-in-user-data", "Type": "Job", "State": "Running", "Operation": {**transcode,
            "UserData": "user=ops&password=hunter2-invented&token=tok-invented-1&secretKey=sk-invented-2&note=keep",
            "CallBack": "https://hooks.example.com/ci/batch?sign=sig-invented-3&token=tok-invented-4", "CallBackFormat": "JSON"}},
        {"Name": "secrets-in-json-user-data", "Type": "Job", "State": "Success", "Operation": {**transcode,
            "UserData": '{"owner":"媒资","api_key":"key-invented-5","nested":{"password":"pw-invented-6"}}',
            "CallBack": "https://ops:pw-invented-7@hooks.example.com:8443/deep/path?x=1#f"}},
        {"Name": "callback-javascript", "Type": "Job", "State": "Success", "Operation": {**transcode, "CallBack": "javascript:alert(1)"}},
        {"Name": "callback-data", "Type": "Job", "State": "Success",
         "Operation": {**transcode, "CallBack": "data:text/html,<script>alert(1)</script>", "UserData": "JaVaScRiPt:alert(2)"}},
        {"Name": "callback-no", "Type": "Job", "State": "Success", "Operation": {**transcode, "CallBack": "no"}},
        {"Name": "<script>alert('name')</script>", "State": "Success"},
        {"Name": "\"><img src=x onerror=alert(1)> & 'quotes' `ticks` {{ braces }} {% now %} ${Dollar}", "State": "Failed",
         "Code": "<b>Bold</b>", "Message": "</td></tr></table><h1>broken out?</h1>"},
        {"Name": "‮txt.反转 RTL override‬ עברית العربية", "State": "Success"},
        {"Name": "emoji 🎬🎞️👩‍💻 and combining a̐éö̲", "State": "Success"},
        {"Name": "zero\u200bwidth\u2066isolate\u2069 tab\tand\nnewline", "State": "Success"},
        {"Name": "很长的名字" * 60, "State": "Running"},
        {"Name": "x" * 600, "State": "Success"},
        {"Name": "", "State": "Success"},
        {"Name": None, "State": "Success", "Type": None},
        {"Name": "input-missing", "State": "Failed", "Input": None, "Code": "InvalidArgument", "Message": "Param Input is illegal"},
        {"Name": "input-four-at-once", "State": "Running",
         "Input": {"Manifest": "m.json", "UrlFile": "u.txt", "Prefix": "p/", "Object": "o.mp4"}},
        {"Name": "input-path-tricks", "State": "Success", "Input": {"Prefix": "../../etc/<&>\"'/空 格/"}},
        {"Name": "operation-missing", "State": "Submitted", "Operation": None},
        {"Name": "operation-empty", "State": "Submitted", "Operation": {}},
        {"Name": "output-missing", "Type": "Job", "State": "Running",
         "Operation": {name: node for name, node in transcode.items() if name != "Output"}},
        {"Name": "output-unknown-placeholder", "Type": "Job", "State": "Success", "Operation": {**transcode,
            "Output": {**output, "Object": "out/${InventoryTriggerJobId}/${Unheard}/${InputName}-${Number}.${Ext}"}}},
        {"Name": "output-without-placeholder", "Type": "Job", "State": "Success",
         "Operation": {**transcode, "Output": {**output, "Object": "always/the-same.mp4"}}},
        {"Name": "output-elsewhere", "Type": "Job", "State": "Success",
         "Operation": {**transcode, "Output": {**output, "Region": "ap-atlantis"}}},
        {"Name": "interval-open-start", "State": "Success", "Operation": {"TimeInterval": {"End": ago(30)}, "WorkflowIds": "w2"}},
        {"Name": "interval-open-end", "State": "Success", "Operation": {"TimeInterval": {"Start": "0"}, "WorkflowIds": "w2"}},
        {"Name": "interval-backwards", "State": "Success",
         "Operation": {"TimeInterval": {"Start": ago(30), "End": ago(60)}, "WorkflowIds": "w2"}},
        {"Name": "interval-after-the-job", "State": "Success",
         "Operation": {"TimeInterval": {"Start": ago(1), "End": ago(-48)}, "WorkflowIds": "w2"}},
        {"Name": "type-unknown", "Type": "Stream", "State": "Running"},
        {"Name": "success-with-code", "State": "Success", "Code": "PartialFailure", "Message": "3 of 900 objects failed"},
        {"Name": "failed-without-code", "State": "Failed", "Code": "", "Message": ""},
        {"Name": "failed-long-message", "State": "Failed", "Code": "InternalError", "Message": "调用失败；trace " + "af01-" * 300},
        {"Code": "ResourceNotFound", "Type": "Workflow", "Message": "manifest file not found", "Name": "order-code-type-message",
         "State": "Failed"},
        {"State": "Failed", "Name": "order-all-mixed", "Message": "role CI_QCSRole does not exist", "JobId": "b-xxx-xxx",
         "Code": "CIRoleNotExist", "Operation": {"WorkflowIds": "w2"}, "Type": "Workflow"},
        {"Name": "id-odd", "JobId": "B/strange id?&#%2F;", "State": "Success"},
        {"Name": "tag-misprinted-animation", "Type": "Job", "State": "Success",
         "Operation": {**transcode, "Tag": "Animatin", "JobParam": {"Animation": {"Container": {"Format": "gif"}}}}},
        {"Name": "tag-misprinted-voices", "Type": "Job", "State": "Failed", "Code": "InvalidArgument", "Message": "Param Tag is illegal",
         "Operation": {**transcode, "Tag": "VoiceSpearte", "JobParam": {"VoiceSeparate": {"AudioMode": "IsAudio"}}}},
        {"Name": "人声分离-标签有误", "Type": "Job", "State": "Running", "Operation": {**transcode, "Tag": "VideoSeParete",
            "Output": {**output, "AuObject": "stems/${InputName}-vocal.mp3"}, "JobParam": {"VoiceSeparate": {"AudioMode": "AudioAndBackground"}}}},
        {"Name": "tag-misprinted-hdr", "Type": "Job", "State": "Success",
         "Operation": {**transcode, "Tag": "SDR2HDR", "JobParam": {"SDRtoHDR": {"HdrMode": "HLG"}, "TranscodeTemplateId": "t3a"}}},
        {"Name": "whitespace-everywhere", "State": "Running", "Input": {"Prefix": "  padded/  "}, "Message": "\n   \n"},
    ]  # fmt: skip
    made = []
    for number, fields in enumerate(odd):
        created = now - 600 - number * 9_000
        placed = dict(fields) | {"_created": created}
        if "CreationTime" not in fields:
            placed["CreationTime"] = written(created)
        if number % 13 == 5:
            placed["CreationTime"] = colon(placed["CreationTime"] or written(created))
        made.append(placed)
    return made


DEMO_BUCKETS = (
    DemoBucket("media-live-1250000000", "ap-guangzhou", "Live production",
               {"jobs": 1_200, "spread": 30 * 86_400, "newest": 5, "shape": "recent", "arrivals": [20, 40], "moving": True}),
    DemoBucket("media-archive-1250000000", "ap-shanghai", "Archive (20 000 jobs)",
               {"jobs": 20_000, "spread": 300 * 86_400, "newest": 3_600}),
    DemoBucket("media-empty-1250000000", "ap-singapore", "Empty", {}),
    DemoBucket("media-denied-1250000000", "ap-beijing", "No permission",
               {"faults": [{"kind": "error", "status": 403, "code": "AccessDenied", "message": "Access Denied."}]}),
    DemoBucket("media-unbound-1250000000", "ap-chengdu", "Media processing not enabled",
               {"bound": False, "faults": [{"kind": "error", "status": 400, "code": "MediaBucketUnBinded",
                                            "message": "media bucket unbinded, bucket's host is unavailable"}]}),
    DemoBucket("media-throttled-1250000000", "ap-hongkong", "Throttled four times in ten",
               {"jobs": 300, "spread": 7 * 86_400,
                "faults": [{"kind": "error", "status": 429, "code": "SlowDown", "message": "Reduce your request rate.",
                            "probability": 0.4}]}),
    DemoBucket("media-slow-1250000000", "eu-frankfurt", "Three seconds an answer",
               {"jobs": 300, "spread": 7 * 86_400, "latency": 3.0}),
    DemoBucket("media-silent-1250000000", "na-siliconvalley", "Never answers",
               {"faults": [{"kind": "hang", "seconds": 60.0}]}),
    DemoBucket("media-irregular-1250000000", "ap-tokyo", "Every irregularity", {}, irregular_jobs),
    DemoBucket("media-broken-1250000000", "ap-seoul", "Broken XML",
               {"jobs": 60, "faults": [{"kind": "truncate", "keep": 0.6}]}),
)  # fmt: skip
