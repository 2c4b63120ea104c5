"""What CI answers: list, single job and media buckets.

Alone responsible for the way from a request to an answer: host, signature, faults, the three reads, and errors in CI's or
COS's family. Latency and delivery are the server's.
"""

from __future__ import annotations

import base64
import random
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from . import markup, tokens
from .clock import written
from .faults import Circumstances, Effects
from .generate import Generated
from .journal import Call
from .markup import Node, Tree
from .query import IllegalParameterError, first_values, read_list, whole
from .signature import Refusal, SignatureRefusedError, Signed, claimed_id, verify
from .store import Row
from .world import Bucket, World

_HOST = re.compile(r"(?:(?P<bucket>[a-z0-9-]+)\.)?ci\.(?P<region>[a-z0-9-]+)\.myqcloud\.com(?::\d+)?")
_JOBS = "/inventorytriggerjob"
_MEDIA = "/mediabucket"
TOKENS_LIVE = 60
"""Seconds for which a NextToken is good under the switch `tokens_live=minute`."""

# Refusal -> status and Code in CI's family, status and Code in COS's, message
_REFUSALS: dict[Refusal, tuple[int, str, int, str, str]] = {
    "missing": (401, "MissingAuthorization", 403, "AccessDenied", "Access Denied."),
    "malformed": (401, "InvalidAuthorization", 403, "SignatureDoesNotMatch", "The Signature you specified is invalid."),
    "unknown_id": (401, "SecretidNotExist", 403, "InvalidAccessKeyId",
                   "The Access Key Id you provided does not exist in our records."),
    "mismatch": (401, "InvalidAuthorization", 403, "SignatureDoesNotMatch", "The Signature you specified is invalid."),
    "token": (401, "InvalidAuthorization", 400, "ExpiredToken", "The provided token has expired or is invalid."),
    "expired": (401, "SignatureExpired", 403, "AccessDenied", "Request has expired"),
    "skewed": (401, "SignatureExpired", 403, "RequestTimeTooSkewed",
               "The difference between the request time and the server's time is too large."),
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """A request as received: decoded path and query, lower-case header names."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]

    @classmethod
    def read(cls, method: str, target: str, headers: dict[str, str]) -> Request:
        """Take the target of a request line apart; the absolute form, as sent to a proxy, is read too."""
        if "://" in target.partition("?")[0]:
            target = "/" + target.partition("://")[2].partition("/")[2]
        path, _, query = target.partition("?")
        return cls(method, unquote(path), parse_qsl(query, keep_blank_values=True), headers)

    def place(self) -> tuple[str, str]:
        """Bucket and region named by the Host header; ("", "") when it is no CI host."""
        match = _HOST.fullmatch(self.headers.get("host", "").lower())
        return (match["bucket"] or "", match["region"]) if match else ("", "")


@dataclass
class Answer:
    """What is sent. `effects` is what the server has to do to it on the way."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    effects: Effects = field(default_factory=Effects)


class CloudInfinite:
    """Answers requests out of a world, and writes into the call's journal entry what it answered."""

    def __init__(self, world: World) -> None:
        self._world = world

    def begin(self, request: Request) -> Call:
        """Open the journal entry of a call."""
        bucket, region = request.place()
        return self._world.journal.begin(
            now=self._world.clock.now(),
            bucket=bucket,
            region=region,
            method=request.method,
            path=request.path,
            query=request.query,
            credential=claimed_id(request.headers.get("authorization", "")),
        )

    def answer(self, request: Request, call: Call) -> Answer:
        """Answer a call."""
        call.request_id = self._world.request_id()
        family = self._world.switches.errors
        try:
            signed = Signed(request.method, request.path, request.query, request.headers)
            demanded = self._world.switches.token_header
            verify(signed, self._world.credentials, self._world.clock.now(), demanded)
        except SignatureRefusedError as refusal:
            ci_status, ci_code, cos_status, cos_code, message = _REFUSALS[refusal.reason]
            if family == "cos":
                return self._error(call, request, cos_status, cos_code, message, cos=True)
            return self._error(call, request, ci_status, ci_code, message)
        bucket = self._world.buckets.get(call.bucket)
        absent = call.bucket and (bucket is None or bucket.region != call.region)
        if not call.region or absent:
            if family == "cos":
                return self._error(call, request, 404, "NoSuchBucket", "The specified bucket does not exist.", cos=True)
            return self._error(call, request, 400, "InvalidHost", "The host is invalid.")
        return self._routed(request, call, bucket)

    def _routed(self, request: Request, call: Call, bucket: Bucket | None) -> Answer:
        path = request.path
        job_id = path.removeprefix(f"{_JOBS}/") if path.startswith(f"{_JOBS}/") else ""
        if bucket is None:
            kind = "media_buckets" if path == _MEDIA else ""
        else:
            kind = "list" if path == _JOBS else "job" if job_id else ""
        if not kind:
            return self._error(call, request, 404, "InvalidUrl", "The url is invalid.")
        if request.method != "GET":
            return self._error(call, request, 403, "AccessDenied", "Operation prohibited: this CI can only be read.")
        query = first_values(request.query)
        effects = bucket.faults.effects(Circumstances(kind, call.credential, query)) if bucket else Effects()
        call.faults = effects.kinds
        if effects.end is not None:
            return self._faulty(request, call, effects)
        try:
            if bucket is None:
                answer = self._media_buckets(request, call)
            elif job_id:
                answer = self._job(request, call, bucket, job_id)
            else:
                answer = self._list(request, call, bucket, effects)
        except IllegalParameterError as illegal:
            answer = self._error(call, request, 400, "InvalidArgument", str(illegal))
        answer.effects = effects
        return answer

    def _list(self, request: Request, call: Call, bucket: Bucket, effects: Effects) -> Answer:
        world, changes = self._world, effects.changes
        asked = read_list(request.query, world.switches)
        now = world.clock.now()
        oldest = now - TOKENS_LIVE if world.switches.tokens_live == "minute" else 0
        start = tokens.read(asked.token, bucket.name, oldest) if asked.token else None
        if asked.token and start is None:
            raise IllegalParameterError("nextToken")
        repeat = changes.get("repeat_rows", {}).get("rows", 0)
        offset_tokens = world.switches.tokens == "offset"
        shuffle = changes.get("shuffle", {})
        found = bucket.jobs.page(
            asked,
            start,
            now,
            offset_tokens=offset_tokens,
            repeat=repeat,
            ties=shuffle["draw"] if shuffle.get("among") == "ties" else None,
        )
        rows, following = found.rows, found.following
        if shuffle.get("among") == "answer":
            rows = random.Random(shuffle["draw"]).sample(rows, len(rows))
        if "empty_page" in changes:
            rows = []
            following = start or (tokens.Offset(0) if offset_tokens else _before_all(asked.descending))
        children: list[tuple[str, Node]] = [("RequestId", call.request_id)]
        trees = [self._tree(bucket, row, now) for row in rows]
        children += [("JobsDetail", tree) for tree in trees]
        if "token_repeat" in changes and asked.token:
            children.append(("NextToken", asked.token))
        elif following is not None:
            children.append(("NextToken", tokens.write(following, bucket.name, world.serial(), now)))
        elif world.switches.end_of_list == "empty":
            children.append(("NextToken", ""))
        call.ids = ",".join(bucket.jobs.job_id(row) for row in rows)
        call.states = ",".join(map(_state, trees))
        return self._ok(call, children)

    def _job(self, request: Request, call: Call, bucket: Bucket, job_id: str) -> Answer:
        now = self._world.clock.now()
        row = bucket.jobs.find(job_id, now)
        if row is not None:
            tree = self._tree(bucket, row, now)
            call.ids, call.states = job_id, _state(tree)
            return self._ok(call, [("RequestId", call.request_id), ("JobsDetail", tree)])
        if self._world.switches.unknown_id == "404":
            return self._error(call, request, 404, "ResourceNotFound", "The job does not exist.")
        return self._ok(call, [("RequestId", call.request_id), ("NonExistJobIds", job_id)])

    def _media_buckets(self, request: Request, call: Call) -> Answer:
        values = first_values(request.query)
        page, size = whole(values, "pageNumber", 1, 1, 10**9), whole(values, "pageSize", 10, 1, 100)
        regions = set(filter(None, values.get("regions", "").split(",")))
        if not regions:
            regions = {call.region} if self._world.switches.media_regions == "own" else {"All"}
        names = set(filter(None, values.get("bucketNames", "").split(",")))
        listed = [
            bucket
            for name, bucket in sorted(self._world.buckets.items())
            if bucket.bound
            and (bucket.region in regions or "All" in regions)
            and (not names or name in names)
            and name.startswith(values.get("bucketName", ""))
        ]
        children: list[tuple[str, Node]] = [
            ("RequestId", call.request_id),
            ("TotalCount", str(len(listed))),
            ("PageNumber", str(page)),
            ("PageSize", str(size)),
        ]
        for bucket in listed[(page - 1) * size : page * size]:
            created = written(bucket.anchor - 100 * 86_400)
            record: Tree = {
                "BucketId": bucket.name,
                "Name": bucket.name,
                "Region": bucket.region,
                "CreateTime": created,
            }
            children.append(("MediaBucketList", record))
        return self._ok(call, children)

    def _tree(self, bucket: Bucket, row: Row, now: float) -> Tree:
        tree = bucket.jobs.tree(row, now)
        operation, state = tree.get("Operation"), tree.get("State")
        if self._world.switches.job_level == "present" and isinstance(operation, dict) and isinstance(state, str):
            return {**Generated.job_level(operation, state), **tree}
        return tree

    def _faulty(self, request: Request, call: Call, effects: Effects) -> Answer:
        kind, parameters = effects.end or ("", {})
        if kind == "error":
            answer = self._error(call, request, parameters["status"], parameters["code"], parameters["message"])
        elif kind == "raw":
            body = base64.b64decode(parameters["body_base64"]) or parameters["body"].encode()
            headers = self._headers(call, content_type=parameters["content_type"]) | parameters["headers"]
            answer = Answer(parameters["status"], body, headers)
        elif kind == "redirect":
            answer = Answer(parameters["status"], b"", self._headers(call) | {"Location": parameters["location"]})
        else:  # hang, garbage, huge: the server sends them itself
            answer = Answer(200, b"", self._headers(call))
        call.status = 0 if kind in ("hang", "garbage") else answer.status
        answer.effects = effects
        return answer

    def _ok(self, call: Call, children: list[tuple[str, Node]]) -> Answer:
        call.status = 200
        return Answer(200, markup.response(children), self._headers(call))

    def _error(
        self, call: Call, request: Request, status: int, code: str, message: str, *, cos: bool = False
    ) -> Answer:
        """An error in CI's form, or in COS's: other header names, a Resource, and its time where that is the trouble."""
        call.status, call.code = status, code
        trace = self._world.trace_id(call.request_id)
        children = [("Code", code), ("Message", message)]
        if cos:
            children.append(("Resource", request.headers.get("host", "") + request.path))
        children += [("RequestId", call.request_id), ("TraceId", trace)]
        if cos and code in ("RequestTimeTooSkewed", "AccessDenied"):
            children.append(("ServerTime", written(self._world.clock.now())))
        return Answer(status, markup.error(children), self._headers(call, cos=cos, trace=trace))

    @staticmethod
    def _headers(
        call: Call, *, cos: bool = False, trace: str = "", content_type: str = "application/xml"
    ) -> dict[str, str]:
        product = "cos" if cos else "ci"
        headers = {
            "Content-Type": content_type,
            "Server": f"tencent-{product}",
            f"x-{product}-request-id": call.request_id,
        }
        return headers | {f"x-{product}-trace-id": trace} if trace else headers


def _state(tree: Tree) -> str:
    """Return the state that a job is sent with, "" where it has none."""
    state = tree.get("State")
    return state if isinstance(state, str) else ""


def _before_all(descending: bool) -> tokens.Cursor:
    return tokens.Cursor(2**40 if descending else -1, "")
