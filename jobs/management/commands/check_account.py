"""`check_account`: can we list and read each bucket's jobs, and if not, what is missing? Asks Cloud Infinite directly."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import credentials
from jobs.cloudinfinite.auth import Credential
from jobs.cloudinfinite.client import Client
from jobs.cloudinfinite.exceptions import ClockSkew, CloudInfiniteError, NotFound, PermissionDenied
from jobs.models import Bucket

LIST_ACTION = "ci:DescribeInventoryTriggerJobs"
READ_ACTION = "ci:DescribeInventoryTriggerJob"
NO_JOB = "a0000000000000000000000000000000"
"""Asked for in a bucket without jobs: whoever may read learns that it doesn't exist, who may not is denied."""
SLOW_DOWN_PAUSE = 2.0

ADVICE = {
    "credentials": "Cloud Infinite does not know this secret id, or the secret key does not belong to it, or both have expired."
    " Look them up in the CAM console (access keys) and set {id} and {key} anew.",
    "clock": "The clocks differ even after a correction. Set this machine's time by NTP.",
    "permission": "The credential is right, but its policy does not allow this. Add this statement to it in the CAM console:",
    "not_enabled": "There is no bucket {bucket} in {region}, or media processing is not switched on for it. Compare name and"
    " region with the COS console, then bind the bucket in the Cloud Infinite console.",
    "refused": "Cloud Infinite refused a plain question. Check the region and CI_ENDPOINT.",
    "billing": "The cloud account is in arrears or was stopped for legal reasons. Ask its owner.",
    "throttled": "Too many requests: other programs use this account, too. Run this again later.",
    "unreadable": "What answered is not Cloud Infinite's XML. Is there a proxy or a gateway in between? Check CI_ENDPOINT and CI_PROXY.",
    "upstream_failing": "Cloud Infinite fails, or can't be reached from here. Check the network, CI_ENDPOINT and CI_PROXY.",
    "timeout": "No answer within {deadline:g} seconds. Check the network, and whether a firewall lets this machine out.",
    "not_found": "Cloud Infinite listed this job and then did not know it. Run this again.",
}  # fmt: skip
"""Kind of problem -> what to do, for whoever runs Batchlens."""

Answer = TypeVar("Answer")


class Clock:
    """This machine's clock, corrected by what Cloud Infinite says; the broker's may not be up yet."""

    offset = 0.0

    def now(self) -> float:
        """Return the corrected time in unix seconds."""
        return time.time() + self.offset


def cam_statement(bucket: Bucket, actions: list[str]) -> str:
    """Return the policy that allows `actions` on `bucket` alone, as JSON to paste (ci-api.md 7.3)."""
    appid = bucket.name.rpartition("-")[2]
    statement = {
        "effect": "allow",
        "action": actions,
        "resource": [f"qcs::ci:{bucket.region}:uid/{appid}:bucket/{bucket.name}/*"],
    }
    return json.dumps({"version": "2.0", "statement": [statement]}, indent=2)


class Command(BaseCommand):
    """Asks each bucket twice, says in plain words what came of it, and fails if anything did."""

    help = "Tell for each bucket whether its jobs can be listed and read, and if not, what is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --bucket."""
        parser.add_argument("--bucket", default="", help="only this bucket (its full name), even if it is hidden")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check.

        Raises:
            CommandError: a bucket failed, or there is none to check.
        """
        if options["bucket"]:
            buckets = list(Bucket.objects.filter(name=options["bucket"]))
            none = f"There is no bucket {options['bucket']}."
        else:
            buckets = list(Bucket.objects.filter(hidden=False))
            none = "There is no bucket to check. Name some in BUCKETS and run “manage.py sync_buckets”, or add one in the admin."
        if not buckets:
            raise CommandError(none)
        self._clock = Clock()
        self._client = Client(
            clock=self._clock.now,
            endpoint=settings.CI_ENDPOINT or None,
            deadline=settings.CI_DEADLINE,
            proxy=settings.CI_PROXY or None,
        )
        try:
            failed = [bucket for bucket in buckets if not self._check(bucket)]
        finally:
            self._client.close()
        if self._clock.offset:
            self._say(
                f"This machine's clock is {abs(self._clock.offset):.0f} s {'behind' if self._clock.offset > 0 else 'ahead of'}"
                " Cloud Infinite's. Batchlens corrects that by itself; setting the clock by NTP is better."
            )
        if failed:
            raise CommandError(f"{len(failed)} of {len(buckets)} buckets failed: {', '.join(map(str, failed))}.")
        self._say(f"All is well: {len(buckets)} of {len(buckets)} buckets can be listed and read.")

    def _check(self, bucket: Bucket) -> bool:
        self._say(f"{bucket.name} ({bucket.region}, credential {bucket.credential})")
        try:
            credential = credentials.get(bucket.credential)
        except credentials.MissingCredential as error:
            self._say(f"  {error}")
            return False
        denied: list[str] = []
        job_id = self._list(bucket, credential, denied)
        # Where listing is denied, reading may be, too: one statement shall tell all that is missing.
        readable = (job_id is not None or bool(denied)) and self._read(bucket, credential, job_id or NO_JOB, denied)
        if denied:
            self._say(f"  {ADVICE['permission']}")
            for line in cam_statement(bucket, denied).splitlines():
                self._say(f"  {line}")
            self._say(
                "  If it still is denied then, write the actions as name/ci:...; if that does not help, the resource as *."
            )
        return job_id is not None and readable

    def _list(self, bucket: Bucket, credential: Credential, denied: list[str]) -> str | None:
        """Return the id of a job of the bucket, "" where it has none, None where it can't be listed."""
        try:
            answer = self._ask(lambda: self._client.list_jobs(bucket.name, bucket.region, credential, size=1))
        except CloudInfiniteError as error:
            self._tell("list", bucket, error, LIST_ACTION, denied)
            return None
        self._say(
            f"  list: allowed{'' if answer.jobs else ', the bucket has no jobs'} (RequestId {answer.request_id or 'unknown'})"
        )
        return answer.jobs[0].job_id if answer.jobs else ""

    def _read(self, bucket: Bucket, credential: Credential, job_id: str, denied: list[str]) -> bool:
        try:
            answer = self._ask(lambda: self._client.get_job(bucket.name, bucket.region, credential, job_id))
        except NotFound as error:
            if job_id == NO_JOB:
                self._say(f"  read: allowed (RequestId {error.request_id or 'unknown'})")
                return True
            self._tell("read", bucket, error, READ_ACTION, denied)
        except CloudInfiniteError as error:
            self._tell("read", bucket, error, READ_ACTION, denied)
        else:
            self._say(f"  read: allowed (RequestId {answer.request_id or 'unknown'})")
            return True
        return False

    def _ask(self, call: Callable[[], Answer]) -> Answer:
        """Return the answer; ask once more after a clock was corrected or a pause was wished."""
        try:
            return call()
        except ClockSkew as error:
            if error.offset is None:
                raise
            self._clock.offset += error.offset
        except CloudInfiniteError as error:
            if error.kind != "throttled":
                raise
            time.sleep(SLOW_DOWN_PAUSE)
        return call()

    def _tell(self, what: str, bucket: Bucket, error: CloudInfiniteError, action: str, denied: list[str]) -> None:
        self._say(f"  {what}: {error}")
        if isinstance(error, PermissionDenied):
            denied.append(action)
            return
        advice = ADVICE[error.kind].format(
            bucket=bucket.name,
            region=bucket.region,
            deadline=settings.CI_DEADLINE,
            id=credentials.variable(bucket.credential, "SECRET_ID"),
            key=credentials.variable(bucket.credential, "SECRET_KEY"),
        )
        self._say(f"    {advice}")

    def _say(self, line: str) -> None:
        # What upstream wrote goes to a terminal: nothing in it may steer that.
        self.stdout.write("".join(character if character.isprintable() else "?" for character in line))
