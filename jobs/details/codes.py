"""What the error code of a failed job usually means. Source: ci-api.md 6.2 and 6.3; CI gives no more than the code and a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

ADVICE: dict[str, _StrPromise] = {
    "InvalidArgument": _("A parameter of the job is wrong. The message names it; compare it in Operation."),
    "MissingContent": _("Something the job needs was not given. Compare Operation and Input with a job that worked."),
    "InvalidContentType": _("The call that began the job named a wrong Content-Type."),
    "InvalidContent": _("Something the job was given can't be read. Look at Input and Operation."),
    "InvalidHost": _("The bucket or its region is wrong, or the bucket is not bound to Cloud Infinite."),
    "ResourceNotFound": _("An object, manifest or list that the job names does not exist. Check the path under Input."),
    "ResourceAccessDenied": _("Cloud Infinite may not read what Input names. Check the rights of the role CI_QCSRole."),
    "ResourceDownloadFailed": _("Cloud Infinite could not fetch what Input names. Check that it is there, then run the job again."),
    "ResourceNotSupported": _("An input is damaged, or of a format that this media task does not take."),
    "CIRoleNotExist": _("The account lacks the role CI_QCSRole. Grant it in the Cloud Infinite console, then run the job again."),
    "AccessDenied": _("The operation is not permitted. Check the rights of the role CI_QCSRole on both buckets."),
    "MissingAuthorization": _("The call that began the job was not signed."),
    "InvalidAuthorization": _("The call that began the job was wrongly signed."),
    "InvalidAccessKeyId": _("The key that began the job does not exist any more."),
    "SignatureDoesNotMatch": _("The call that began the job was wrongly signed."),
    "ExpiredToken": _("The temporary key that began the job had expired."),
    "SecretidNotExist": _("The key that began the job does not exist any more."),
    "SignatureExpired": _("The signature of the call that began the job was too old."),
    "RequestTimeTooSkewed": _("The clock of whoever began the job was wrong."),
    "NoSuchBucket": _("A bucket that the job names does not exist. Check the buckets under Input and Output."),
    "InvalidBucketName": _("The name of a bucket is malformed. Check the buckets under Input and Output."),
    "InvalidRegionName": _("The name of a region is malformed. Check the regions under Input and Output."),
    "InvalidURI": _("An address that the job names is malformed."),
    "MalformedXML": _("The call that began the job held XML that can't be read."),
    "MissingContentLength": _("The call that began the job did not say how long it was."),
    "MethodNotAllowed": _("This can't be done to what the job names."),
    "PermanentRedirect": _("The bucket is elsewhere. Compare its region with the job's."),
    "TemporaryRedirect": _("The bucket answered from elsewhere for a while. Run the job again."),
    "RequestTimeout": _("Too little came for too long. Run the job again."),
    "MediaBucketUnBinded": _("The bucket is not bound to media processing. Bind it in the Cloud Infinite console."),
    "PicBucketUnBinded": _("The bucket is not bound to picture processing. Bind it in the Cloud Infinite console."),
    "MediaBucketAlreadyBinded": _("The bucket is bound to media processing already: nothing needs to be done."),
    "BucketAlreadyBinded": _("The bucket is bound to media processing already: nothing needs to be done."),
    "InvalidBucketState": _("The bucket's versioning or replication does not allow this. Compare its settings in the COS console."),
    "QueueSaturated": _("The queue is full. Run the job later, or take another queue."),
    "QueuePaused": _("The queue is paused. Start it in the Cloud Infinite console."),
    "QueueNotFound": _("The queue of this job does not exist (any more). Compare the queue in Operation."),
    "AuditingJobNotFound": _("The auditing job does not exist (any more)."),
    "TemplateNotFound": _("A template of this job does not exist (any more). Compare the templates in Operation."),
    "WriteTargetBucketDenied": _("Cloud Infinite may not write to the output bucket. Check its rights there."),
    "TemplateNameDuplicate": _("A template of this name exists already. Take another name."),
    "ActiveWorkflowForbiddenUpdate": _("The workflow is active, so it can't be changed. Stop it first."),
    "BindedBucketNumLimit": _("The account may bind no more buckets. Unbind one, or ask Tencent Cloud for more."),
    "CreatedTemplateNumLimit": _("The account may have no more templates. Delete one, or ask Tencent Cloud for more."),
    "WorkFlowNumLimit": _("The account may have no more workflows. Delete one, or ask Tencent Cloud for more."),
    "QueueNumLimit": _("The account may have no more queues. Delete one, or ask Tencent Cloud for more."),
    "InvalidUrl": _("An address that the job names is malformed."),
    "SlowDown": _("Too much was asked at once. Run the job again later."),
    "PaymentRequired": _("The account has unpaid bills."),
    "UnavailableForLegalReasons": _("The bucket or an object is blocked, or the account has unpaid bills."),
    "InternalError": _("Cloud Infinite itself failed. Run the job again; if it fails again, report the job id to Tencent Cloud."),
    "ServiceUnavailable": _("Cloud Infinite itself was not available. Run the job again."),
    "NotImplemented": _("Cloud Infinite does not offer this in this region."),
}  # fmt: skip
UNKNOWN = _("This code is not in the documents. The message is all that is known.")


def advice(code: str) -> _StrPromise:
    """Return what `code` usually means, or that nobody says so."""
    return ADVICE.get(code, UNKNOWN)
