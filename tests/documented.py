"""Every element of a job that the documents or an SDK name, and every error code, as the tables of ci-api.md list them."""

from __future__ import annotations

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
CODES = """
PermanentRedirect TemporaryRedirect InvalidArgument MissingContent InvalidContent InvalidHost ResourceNotFound
ResourceAccessDenied ResourceDownloadFailed CIRoleNotExist ResourceNotSupported MissingAuthorization InvalidAuthorization
AccessDenied SecretidNotExist SignatureExpired MediaBucketAlreadyBinded QueueSaturated QueuePaused InvalidUrl
AuditingJobNotFound MissingContentLength SlowDown UnavailableForLegalReasons InternalError NotImplemented ServiceUnavailable
InvalidContentType BucketAlreadyBinded QueueNotFound TemplateNotFound BindedBucketNumLimit CreatedTemplateNumLimit
MediaBucketUnBinded TemplateNameDuplicate ActiveWorkflowForbiddenUpdate WorkFlowNumLimit WriteTargetBucketDenied QueueNumLimit
PicBucketUnBinded InvalidBucketName InvalidRegionName InvalidURI ExpiredToken RequestTimeout MalformedXML PaymentRequired
InvalidAccessKeyId SignatureDoesNotMatch RequestTimeTooSkewed NoSuchBucket MethodNotAllowed InvalidBucketState
""".split()  # noqa: SIM905  # the tables of §6.2 and §6.3
