"""What the generated jobs are made of: names, kinds of media job with their JobParam, failures.

Pure data. Together the entries use every node of ci-api.md §1.5, §2.3 and §2.4.
"""

from __future__ import annotations

from .markup import Tree

WORKFLOW_NAMES = (
    "course-archive", "课程归档", "thumbs-backfill", "封面补录", "new-bucket-smoke", "直播回放-工作流", "ugc-review-chain",
    "短视频审核流程", "podcast-publish", "新闻素材入库", "trailer_pipeline", "体育集锦_全流程", "catalogue-refresh", "历史素材迁移",
)  # fmt: skip
JOB_NAMES = (
    "夜间转码", "nightly-transcode", "pictures_webp", "图片压缩", "snapshots", "截图补录", "speech-to-text", "会议录音转写",
    "4k-to-1080p", "老片修复", "subtitle-burn", "片头拼接", "hdr_upgrade", "水印检测", "gif-previews", "视频标签", "audio-cleanup",
    "人声分离", "quality-report", "多语言字幕_翻译", "archive-2019-2021", "电商主图处理", "tts_announcements", "门店监控抽帧",
)  # fmt: skip
PREFIXES = (
    "raw/",
    "courses/2026/",
    "ugc/video/",
    "素材/2026年/",
    "live/replay/",
    "uploads/app/",
    "news/",
    "pictures/orig/",
)
LISTS = ("lists/backfill.txt", "lists/重跑清单.txt", "ops/urls-20261101.txt")
OBJECTS = ("smoke/one.mp4", "demo/片头.mov", "raw/interview 01.wav", "pictures/cover.png")
REGIONS = ("ap-guangzhou", "ap-shanghai", "ap-singapore")

# Code, Message, and whether the job had started when it failed
FAILURES = (
    ("ResourceNotFound", "manifest file not found", True),
    ("CIRoleNotExist", "role CI_QCSRole does not exist", False),
    ("ResourceAccessDenied", "access denied when reading the url file", True),
    ("ResourceDownloadFailed", "download of the inventory failed: connection reset by peer", True),
    ("TemplateNotFound", "template not found", False),
    ("QueueNotFound", "queue not found", False),
    ("WriteTargetBucketDenied", "no permission to write to the target bucket", True),
    ("InvalidArgument", "Param Output.Object is illegal", False),
    ("ResourceNotSupported", "input file is damaged or not supported", True),
    ("InternalError", "internal error, please retry later", True),
)

_CONTAINER: Tree = {"Format": "mp4", "ClipConfig": {"Duration": "10"}}
_VIDEO: Tree = {
    "Codec": "H.264", "Width": "1920", "Height": "1080", "Fps": "25", "Remove": "false", "Profile": "high",
    "Bitrate": "2500", "Crf": "25", "Gop": "125", "Preset": "medium", "Bufsize": "5000", "Maxrate": "3000",
    "Pixfmt": "yuv420p", "LongShortMode": "true", "Rotate": "0", "Roi": "none", "Crop": "1920x800", "Interlaced": "false",
}  # fmt: skip
_AUDIO: Tree = {
    "Codec": "aac", "Samplerate": "44100", "Bitrate": "128", "Channels": "2", "Remove": "false",
    "KeepTwoTracks": "false", "SwitchTrack": "false", "SampleFormat": "s16",
}  # fmt: skip
_MIX: Tree = {
    "AudioSource": "https://media-out-1250000000.cos.ap-guangzhou.myqcloud.com/music/bgm.mp3",
    "MixMode": "Once",
    "Replace": "false",
    "EffectConfig": {"EnableStartFadein": "true", "StartFadeinTime": "3", "EnableEndFadeout": "false"},
}
_MIX_ARRAY: Tree = {"AudioMix": [_MIX, {**_MIX, "MixMode": "Repeat"}]}
_AIGC: Tree = {
    "Label": "1", "ContentProducer": "media-team", "ProduceID": "p-0001", "ReservedCode1": "r1",
    "ContentPropagator": "media-portal", "PropagateID": "q-0001", "ReservedCode2": "r2",
}  # fmt: skip
_HLS: Tree = {"IsHlsEncrypt": "true", "UriKey": "https://keys.example.com/hls"}
_TRANSCODE: Tree = {
    "Container": _CONTAINER,
    "Video": _VIDEO,
    "Audio": _AUDIO,
    "TimeInterval": {"Start": "0", "Duration": "600"},
    "TransConfig": {
        "AdjDarMethod": "scale", "IsCheckReso": "true", "ResoAdjMethod": "1", "IsCheckVideoBitrate": "true",
        "VideoBitrateAdjMethod": "0", "IsCheckAudioBitrate": "true", "AudioBitrateAdjMethod": "0",
        "DeleteMetadata": "false", "IsHdr2Sdr": "false", "HlsEncrypt": _HLS, "AIGCMetadata": _AIGC,
    },
    "AudioMix": _MIX,
    "AudioMixArray": _MIX_ARRAY,
    "Subtitle": {"Remove": "false"},
}  # fmt: skip
_IMAGE_MARK: Tree = {
    "Type": "Image", "Pos": "TopRight", "LocMode": "Absolute", "Dx": "24", "Dy": "24", "StartTime": "0", "EndTime": "100.5",
    "SlideConfig": {"SlideMode": "Default", "XSlideSpeed": "0", "YSlideSpeed": "0"},
    "Image": {
        "Url": "https://media-out-1250000000.cos.ap-guangzhou.myqcloud.com/logo.png", "Mode": "Proportion",
        "Width": "10", "Height": "10", "Transparency": "90", "Background": "false",
    },
}  # fmt: skip
_TEXT_MARK: Tree = {
    "Type": "Text", "Pos": "BottomLeft", "LocMode": "Relativity", "Dx": "3", "Dy": "3",
    "Text": {"FontSize": "30", "FontType": "simfang", "FontColor": "0xffffff", "Transparency": "60", "Text": "内部资料 <勿外传>"},
}  # fmt: skip
_DIGITAL_MARK: Tree = {
    "Message": "batch-2026",
    "Type": "Text",
    "Version": "V1",
    "IgnoreError": "true",
    "State": "Running",
}

# Tag -> the JobParam variants that jobs of this kind take in turn
JOB_PARAMS: dict[str, tuple[Tree, ...]] = {
    "Transcode": (
        {"TemplateId": "t19b0c8d7e6f5a4b3c2d1e0f9a8b7c6d5"},
        {"Transcode": _TRANSCODE, "Watermark": [_IMAGE_MARK, _TEXT_MARK]},
        {
            "TemplateId": "t19b0c8d7e6f5a4b3c2d1e0f9a8b7c6d5",
            "WatermarkTemplateId": ["t2a", "t2b", "t2c"],
            "RemoveWatermark": {"Dx": "150", "Dy": "75", "Width": "75", "Height": "40"},
            "DigitalWatermark": _DIGITAL_MARK,
        },
    ),
    "Snapshot": (
        {
            "Snapshot": {
                "Mode": "Interval", "Start": "0", "TimeInterval": "10", "Count": "3", "Width": "1280", "Height": "720",
                "CIParam": "imageMogr2/format/webp", "IsCheckCount": "false", "IsCheckBlack": "true", "BlackLevel": "100",
                "PixelBlackThreshold": "32", "SnapshotOutMode": "SnapshotAndSprite",
                "SpriteSnapshotConfig": {
                    "CellWidth": "128", "CellHeight": "72", "Color": "White", "Columns": "10", "Lines": "10",
                    "Margin": "2", "Padding": "2", "ScaleMethod": "MaxWH",
                },
            }
        },
    ),
    "PicProcess": (
        {"PicProcess": {"IsPicInfo": "true", "ProcessRule": "imageMogr2/thumbnail/!50p/format/webp"}},
        {"PicProcess": {"IsPicInfo": "false", "ProcessRule": "imageMogr2/rotate/90"}, "PicProcessResult": {"ObjectCount": "1"}},
    ),
    "SpeechRecognition": (
        {
            "SpeechRecognition": {
                "EngineModelType": "16k_zh", "ChannelNum": "1", "ResTextFormat": "1", "FilterDirty": "1", "FilterModal": "1",
                "FilterPunc": "0", "ConvertNumMode": "1", "SpeakerDiarization": "1", "SpeakerNumber": "0",
                "OutputFileType": "txt,srt", "FlashAsr": "false", "Format": "wav", "FirstChannelOnly": "1",
                "WordInfo": "1", "SentenceMaxLength": "16",
            }
        },
    ),
    "Animation": (
        {
            "Animation": {
                "Container": {"Format": "gif"},
                "Video": {
                    "Codec": "gif", "Width": "480", "Height": "270", "Fps": "15", "AnimateOnlyKeepKeyFrame": "false",
                    "AnimateTimeIntervalOfFrame": "50", "AnimateFramesPerSecond": "10", "Quality": "75",
                },
                "TimeInterval": {"Start": "0", "Duration": "6"},
            }
        },
    ),
    "SmartCover": ({"SmartCover": {"Format": "jpg", "Width": "1280", "Height": "720", "Count": "3", "DeleteDuplicates": "true"}},),
    "Concat": (
        {
            "ConcatTemplate": {
                "ConcatFragment": [
                    {"Url": "https://media-out-1250000000.cos.ap-guangzhou.myqcloud.com/intro.mp4", "Mode": "Start",
                     "StartTime": "0", "EndTime": "6", "FragmentIndex": "0", "Duration": "6"},
                    {"Url": "https://media-out-1250000000.cos.ap-guangzhou.myqcloud.com/outro.mp4", "Mode": "End",
                     "StartTime": "0", "EndTime": "4", "FragmentIndex": "1", "Duration": "4"},
                ],
                "Audio": _AUDIO, "Video": _VIDEO, "Container": _CONTAINER, "Index": "1", "AudioMix": _MIX,
                "AudioMixArray": _MIX_ARRAY,
                "SceneChangeInfo": {"Mode": "XFADE", "Time": "3", "TransitionType": "fade"}, "DirectConcat": "false",
            }
        },
    ),
    "VoiceSeparate": (
        {
            "VoiceSeparate": {
                "AudioMode": "IsAudio",
                "AudioConfig": {"Codec": "aac", "Samplerate": "44100", "Bitrate": "128", "Channels": "4"},
            }
        },
    ),
    "VideoMontage": (
        {
            "VideoMontage": {
                "Container": _CONTAINER, "Video": _VIDEO, "Audio": _AUDIO, "Duration": "30", "Scene": "Soccer",
                "AudioMix": _MIX, "AudioMixArray": _MIX_ARRAY,
            }
        },
    ),
    "SDRtoHDR": (
        {"SDRtoHDR": {"HdrMode": "HLG"}, "TranscodeTemplateId": "t3a", "WatermarkTemplateId": "t2a"},
        {"SDRtoHDR": {"HdrMode": "HDR10"}, "Transcode": _TRANSCODE, "Watermark": _IMAGE_MARK},
    ),
    "VideoProcess": (
        {
            "VideoProcess": {
                "ColorEnhance": {"Enable": "true", "Contrast": "10", "Correction": "5", "Saturation": "20"},
                "MsSharpen": {"Enable": "true", "SharpenLevel": "3"},
            },
            "Transcode": _TRANSCODE,
            "DigitalWatermark": _DIGITAL_MARK,
        },
    ),
    "SuperResolution": (
        {
            "SuperResolution": {"Resolution": "sdtohd", "EnableScaleUp": "true", "Version": "Enhance"},
            "TranscodeTemplateId": "t3a", "Watermark": _TEXT_MARK,
        },
    ),
    "Segment": (
        {
            "Segment": {
                "Format": "hls", "Duration": "5", "TranscodeIndex": "0", "HlsEncrypt": _HLS, "StartTime": "0",
                "EndTime": "600", "AIGCMetadata": _AIGC,
            }
        },
    ),
    "VideoTag": (
        {"VideoTag": {"Scenario": "Stream", "Text": "true"}},
        {"VideoTag": {"Scenario": "Stream", "Text": "false"},
         "VideoTagResult": {"StreamData": {"SubErrCode": "0", "Data": {"Tags": "足球,进球"}}}},
    ),
    "DigitalWatermark": ({"DigitalWatermark": _DIGITAL_MARK},),
    "ExtractDigitalWatermark": ({"ExtractDigitalWatermark": {"Type": "Text", "Version": "V1"}},),
    "MediaInfo": ({"MediaInfo": {"Format": {"Duration": "125.2", "FormatName": "mov,mp4", "NumStream": "2"}}},),
    "StreamExtract": ({"TemplateId": "t4a"},),
    "Tts": (
        {
            "TtsTpl": {"Mode": "Sync", "Codec": "mp3", "VoiceType": "aixia", "Volume": "0", "Speed": "100"},
            "TtsConfig": {"Input": "各位旅客，您好。", "InputType": "Text"},
        },
    ),
    "NoiseReduction": ({"NoiseReduction": {"Format": "wav", "Samplerate": "16000"}},),
    "QualityEstimate": (
        {"QualityEstimate": {"Score": "82.5", "NoAudio": "false", "NoVideo": "false", "Type": "video", "Confidence": "0.93"}},
    ),
    "ImageInspect": (
        {"ImageInspect": {"AutoProcess": "true", "ProcessType": "BackupObject"},
         "ImageInspectResult": {"State": "Success", "Detection": "none"}},
    ),
    "ImageOCR": (
        {"ImageOCR": {
            "Type": "general", "LanguageType": "zh", "IsPdf": "true", "PdfPageNumber": "1", "IsWord": "true",
            "EnableWordPolygon": "false"},
         "Detection": {"TextDetections": [{"DetectedText": "发票"}, {"DetectedText": "编号"}]}},
    ),
    "Translation": ({"Translation": {"Lang": "zh", "Type": "docx"}},),
    "WordsGeneralize": (
        {"WordsGeneralize": {"NerMethod": "DL", "SegMethod": "MIX"},
         "WordsGeneralizeResult": {"WordsGeneralizeLable": [{"Category": "人物", "Word": "李雷"}, {"Category": "地点", "Word": "深圳"}]}},
    ),
    "DnaConfig": (
        {"DnaConfig": {"RuleType": "GetFingerPrint", "DnaDbId": "dna-1", "VideoId": "v-1"}, "DnaResult": {"VideoId": "v-1"}},
    ),
    "VocalScore": (
        {"VocalScore": {"StandardObject": "std/song.wav"}, "VocalScoreResult": {"PitchScore": {"TotalScore": "88"}}},
    ),
    "DocAIGCMetadata": ({"DocAIGCMetadata": _AIGC},),
}  # fmt: skip

# Tags whose jobs have no Output (ci-api.md §2.3)
WITHOUT_OUTPUT = frozenset({"VideoTag", "ExtractDigitalWatermark", "MediaInfo", "QualityEstimate"})

MEDIA_RESULT: Tree = {
    "OutputFile": {
        "Bucket": "media-out-1250000000", "Region": "ap-guangzhou", "ObjectName": "out/one.mp4", "ObjectPrefix": "out/",
        "Md5Info": {"ObjectName": "out/one.mp4", "Md5": "5d41402abc4b2a76b9719d911017c592"},
    }
}  # fmt: skip

# Tag -> nodes of Output beside Region and Bucket; every other tag takes OUTPUT_PATHS in turn
OUTPUTS: dict[str, Tree] = {
    "Snapshot": {"Object": "snap/${InputName}-${Number}.jpg", "SpriteObject": "snap/${InputName}-sprite-${Number}.jpg"},
    "SmartCover": {"Object": "covers/${InputPath}${InputName}-${number}.jpg"},
    "VoiceSeparate": {
        "Object": "stems/${InputName}-bgm.mp3", "AuObject": "stems/${InputName}-vocal.mp3",
        "BassObject": "stems/${InputName}-bass.mp3", "DrumObject": "stems/${InputName}-drum.mp3",
    },
    "StreamExtract": {
        "StreamExtract": [
            {"Index": "0", "Object": "streams/${InventoryTriggerJobId}/video.mp4"},
            {"Index": "1", "Object": "streams/${InventoryTriggerJobId}/audio.m4a"},
        ]
    },
    "Concat": {"Object": "joined/${RunId}/${InputNameAndExt}", "Force": "true"},
}  # fmt: skip
OUTPUT_PATHS = (
    "out/${InventoryTriggerJobId}/${InputName}.${Ext}",
    "转码/${InputPath}/${InputName}.mp4",
    "out/${InputNameAndExt}",
    "out/${InputName}.${ext}",
)

CALLBACKS: tuple[Tree, ...] = (
    {},
    {"CallBack": "https://hooks.example.com/ci/batch", "CallBackFormat": "JSON"},
    {"CallBack": "no"},
    {"CallBack": "https://hooks.example.com/ci?team=media&token=not-a-real-token", "CallBackFormat": "XML", "CallBackType": "Url"},
    {"CallBackFormat": "JSON", "CallBackType": "TDMQ",
     "CallBackMqConfig": {"MqRegion": "gz", "MqMode": "Queue", "MqName": "ci-batch"}},
    {},
    {"CallBackFormat": "JSON", "CallBackType": "Kafka",
     "CallBackKafkaConfig": {"Region": "ap-guangzhou", "InstanceId": "ckafka-1a2b3c", "Topic": "ci-batch"}},
)  # fmt: skip
USER_DATA = ("", "ticket=OPS-4711&owner=media", "运营-夜间批次", '{"team":"媒资","retry":1}', "")
