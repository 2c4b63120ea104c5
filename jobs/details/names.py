"""What the elements of a job are called and which of them we know. Source: ci-api.md 1.5, 2.3, 2.4 and 10.

A path is the dotted way down from JobsDetail without the numbers of repeated elements, such as `Operation.Output.Bucket`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

LABELS: dict[str, _StrPromise] = {
    "Code": _("Error code"),
    "Message": _("Error message"),
    "Type": _("Kind"),
    "Name": _("Name"),
    "JobId": _("Job id"),
    "Tag": _("Media task"),
    "Progress": _("Progress"),
    "State": _("State"),
    "CreationTime": _("Created"),
    "StartTime": _("Started"),
    "EndTime": _("Ended"),
    "QueueId": _("Queue"),
    "Input": _("What is read"),
    "Input.Manifest": _("Inventory manifest"),
    "Input.UrlFile": _("List of addresses"),
    "Input.Prefix": _("Key prefix"),
    "Input.Object": _("One object"),
    "Operation": _("What is done"),
    "Operation.TimeInterval": _("Upload time of the objects"),
    "Operation.TimeInterval.Start": _("Uploaded from"),
    "Operation.TimeInterval.End": _("Uploaded until"),
    "Operation.WorkflowIds": _("Workflows"),
    "Operation.Tag": _("Media task"),
    "Operation.QueueId": _("Queue"),
    "Operation.QueueType": _("Queue type"),
    "Operation.UserData": _("User data"),
    "Operation.JobLevel": _("Priority"),
    "Operation.CallBackFormat": _("Callback format"),
    "Operation.CallBackType": _("Callback way"),
    "Operation.CallBack": _("Callback address"),
    "Operation.CallBackMqConfig": _("Callback message queue"),
    "Operation.CallBackMqConfig.MqRegion": _("Region of the message queue"),
    "Operation.CallBackMqConfig.MqMode": _("Mode of the message queue"),
    "Operation.CallBackMqConfig.MqName": _("Name of the message queue"),
    "Operation.CallBackKafkaConfig": _("Callback Kafka"),
    "Operation.CallBackKafkaConfig.Region": _("Region of Kafka"),
    "Operation.CallBackKafkaConfig.InstanceId": _("Kafka instance"),
    "Operation.CallBackKafkaConfig.Topic": _("Kafka topic"),
    "Operation.JobParam": _("Parameters"),
    "Operation.JobParam.TemplateId": _("Template"),
    "Operation.JobParam.TranscodeTemplateId": _("Transcoding template"),
    "Operation.JobParam.WatermarkTemplateId": _("Watermark template"),
    "Operation.Output": _("Where results go"),
    "Operation.Output.Region": _("Output region"),
    "Operation.Output.Bucket": _("Output bucket"),
    "Operation.Output.Object": _("Output path"),
    "Operation.Output.AuObject": _("Path of the voice"),
    "Operation.Output.BassObject": _("Path of the bass"),
    "Operation.Output.DrumObject": _("Path of the drums"),
    "Operation.Output.SpriteObject": _("Path of the sprites"),
    "Operation.Output.StreamExtract": _("Extracted stream"),
    "Operation.Output.StreamExtract.Index": _("Stream number"),
    "Operation.Output.StreamExtract.Object": _("Path of the stream"),
    "Operation.Output.Force": _("Overwrite"),
    "Operation.FreeTranscode": _("Free transcoding"),
}

JOB_PARAM = "Operation.JobParam"
PARAMETERS = frozenset(
    [
        "TemplateId",
        "TranscodeTemplateId",
        "WatermarkTemplateId",
        "Transcode",
        "Watermark",
        "RemoveWatermark",
        "DigitalWatermark",
        "Animation",
        "Snapshot",
        "SmartCover",
        "SpeechRecognition",
        "ConcatTemplate",
        "VoiceSeparate",
        "VideoMontage",
        "SDRtoHDR",
        "VideoProcess",
        "SuperResolution",
        "Segment",
        "ExtractDigitalWatermark",
        "VideoTag",
        "TtsTpl",
        "PicProcess",
        "NoiseReduction",
        "TtsConfig",
        "QualityEstimate",
        "Translation",
        "WordsGeneralize",
        "DnaConfig",
        "VocalScore",
        "ImageInspect",
        "ImageOCR",
        "DocAIGCMetadata",
        "MediaResult",
        "MediaInfo",
        "VideoTagResult",
        "WordsGeneralizeResult",
        "DnaResult",
        "VocalScoreResult",
        "ImageInspectResult",
        "Detection",
        "PicProcessResult",
    ]
)
"""Children of JobParam. What stands inside them grows every few months, so all of it counts as known."""

TAGS: dict[str, _StrPromise] = {
    "Animation": _("moving picture from video"),
    "Concat": _("joining media"),
    "DigitalWatermark": _("adding a digital watermark"),
    "ExtractDigitalWatermark": _("reading a digital watermark"),
    "ImageInspect": _("inspecting pictures"),
    "MediaInfo": _("reading media information"),
    "NoiseReduction": _("reducing noise"),
    "PicProcess": _("processing pictures"),
    "QualityEstimate": _("rating quality"),
    "SDRtoHDR": _("SDR to HDR"),
    "Segment": _("splitting media"),
    "SmartCover": _("choosing covers"),
    "Snapshot": _("taking snapshots"),
    "SpeechRecognition": _("speech to text"),
    "StreamExtract": _("extracting streams"),
    "SuperResolution": _("super resolution"),
    "Transcode": _("transcoding"),
    "Tts": _("text to speech"),
    "VideoMontage": _("cutting highlights"),
    "VideoProcess": _("enhancing video"),
    "VideoTag": _("tagging video"),
    "VoiceSeparate": _("separating voices"),
}


MISPRINTS = {
    "Animatin": "Animation",
    "SDR2HDR": "SDRtoHDR",
    "VideoSeParete": "VoiceSeparate",
    "VoiceSpearte": "VoiceSeparate",
}
"""How the documents misprint some tags. A job made after them may come back with one; nobody tried whether CI takes it."""


def tag_meaning(tag: str) -> _StrPromise | str:
    """Return what a media task does, "" where that is not known. The tag itself is shown as it came."""
    if meant := MISPRINTS.get(tag):
        return _("%(meaning)s; a misprint of %(tag)s in the documents") % {"meaning": TAGS[meant], "tag": meant}
    return TAGS.get(tag, "")


def is_known(path: str) -> bool:
    """Whether the documents or an SDK name the element at `path`; attributes and loose text never are."""
    if path in LABELS:
        return True
    inside = path.removeprefix(f"{JOB_PARAM}.")
    return inside != path and inside.split(".", 1)[0] in PARAMETERS


def begins_unknown(path: str) -> bool:
    """Whether the element at `path` is unknown while the one around it is not."""
    parent = path.rpartition(".")[0]
    return bool(path) and not is_known(path) and (not parent or is_known(parent))
