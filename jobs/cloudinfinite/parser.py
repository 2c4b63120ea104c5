"""From the bytes of an answer to its value, or to one of our exceptions; `read_xml` alone raises BadXml instead.

The XML is foreign, so every limit is enforced while it is read, not afterwards: a handler counts depth, nodes and
attributes, and the parser is fed in pieces, because expat goes on to the end of what it was given even after a handler
has refused. Measured on 50 rows: about 5 ms, half of it in defusedxml's parser, which is pure Python.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from .exceptions import (
    CODE_LENGTH,
    MESSAGE_LENGTH,
    REQUEST_ID_LENGTH,
    ClockSkew,
    CloudInfiniteError,
    NotFound,
    Unreadable,
    error_class,
    plain,
)
from .schema import Job, JobAnswer, JobsAnswer, MediaBucket, MediaBucketsAnswer
from .tree import Tree, add, nodes, text

MAX_DEPTH = 64  # elements inside each other; CI's deepest are about ten
MAX_NODES = 100_000  # elements and attributes; a page of 100 jobs has about 5,000
MAX_ATTRIBUTES = 256  # of one element; CI sends none
MAX_MARKUP = 256 * 1024  # bytes of one tag, comment or instruction
PIECE = 64 * 1024  # bytes fed at once
EXCERPT_LENGTH = 200  # characters of an unreadable body that are kept
_OF_JOBS = re.compile(rb"JobsDetail|CallBack|UserData")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came over the wire: `status`, `body` (decompressed), ids from the headers, and Date as unix seconds."""

    status: int
    body: bytes = field(repr=False)
    request_id: str = ""
    trace_id: str = ""
    date: float | None = None


class BadXml(Exception):
    """The body can't be read. `code` is `bad_xml` or `too_large`."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class TreeTarget:
    """Builds a tree from the parser's events and refuses what no answer of CI holds.

    The open element is held in fields of its own and those around it on a stack: a page has two thousand elements, and a
    cold one waits for each.
    """

    __slots__ = ("_around", "_nodes", "_tree", "_words", "root")

    def __init__(self) -> None:
        self.root: tuple[str, Tree] | None = None
        self._around: list[tuple[Tree | None, list[str]]] = []
        self._tree: Tree | None = None  # while the element has neither child nor attribute
        self._words: list[str] = []
        self._nodes = 0

    def start(self, _name: str, attributes: dict[str, str]) -> None:
        self._nodes += 1 + len(attributes)
        if len(self._around) >= MAX_DEPTH:
            raise BadXml("bad_xml", "nested too deep")
        if self._nodes > MAX_NODES or len(attributes) > MAX_ATTRIBUTES:
            raise BadXml("too_large", "too many nodes")
        self._around.append((self._tree, self._words))
        self._tree, self._words = None, []
        if attributes:
            self._tree = {}
            for attribute, value in attributes.items():
                add(self._tree, "@" + _local(attribute), value)

    def data(self, words: str) -> None:
        self._words.append(words)

    def end(self, name: str) -> None:
        tree, words = self._tree, "".join(self._words)
        self._tree, self._words = self._around.pop()
        if tree is not None and words and not words.isspace():
            tree["#text"] = words
        name = _local(name)
        if not self._around:
            # The root is a tree even when it is empty.
            self.root = name, {"#text": words} if tree is None and words.strip() else tree or {}
            return
        parent = self._tree
        if parent is None:
            parent = self._tree = {}
        node = words if tree is None else tree
        if name in parent:
            add(parent, name, node)
        else:
            parent[name] = node

    def close(self) -> None:
        return None


def _local(name: str) -> str:
    return name.rpartition("}")[2] if "}" in name else name


def read_xml(body: bytes) -> tuple[str, Tree]:
    """Return the root element's name and its tree. Raises BadXml, and nothing else, for whatever else `body` is."""
    target = TreeTarget()
    parser = XMLParser(target=target, forbid_dtd=True)
    expat = parser.parser  # close() takes it away
    # defusedxml's guards stay; only its way from expat to the target is cut short, which took half of the time.
    expat.ordered_attributes = False
    expat.StartElementHandler, expat.EndElementHandler = target.start, target.end
    reason = ""
    try:
        for start in range(0, len(body), PIECE):
            parser.feed(body[start : start + PIECE])
            # Text is handled at once, but a tag is held back until it is whole, and read again with each piece.
            if min(start + PIECE, len(body)) - expat.CurrentByteIndex > MAX_MARKUP:
                raise BadXml("too_large", "markup too long")
        parser.close()
    except ParseError as error:
        reason = f"not well-formed, {error}"
    except DefusedXmlException as error:
        reason = f"forbidden, {type(error).__name__}"
    except (ValueError, LookupError, RecursionError) as error:  # encodings that expat or Python don't have
        reason = f"unknown encoding, {type(error).__name__}"
    if reason or target.root is None:
        raise BadXml("bad_xml", reason or "empty")
    return target.root


def decode_xml(body: bytes) -> str:
    """Return XML as text for display, by its byte order mark, else by its declaration, else as UTF-8; never raises."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16", "replace")
    declared = re.match(rb"""<\?xml[^>]{1,100}?encoding=["']([A-Za-z0-9._-]{1,40})["']""", body)
    try:
        return body.decode(declared[1].decode() if declared else "utf-8-sig", "replace")
    except (LookupError, ValueError):
        return body.decode("utf-8-sig", "replace")


def parse_jobs(answer: Answer, now: float) -> JobsAnswer:
    """Read a page of jobs (CN 460/76894). `now` is our clock, to measure a skew by."""
    tree = _response(answer, now)
    token = text(tree, "NextToken") or ""
    return JobsAnswer(
        jobs=_jobs(tree),
        next_token=token if token.strip() else "",  # a pretty-printed empty element holds white space
        request_id=_request_id(tree, answer),
        date=answer.date,
    )


def parse_job(answer: Answer, job_id: str, now: float) -> JobAnswer:
    """Read one job (CN 460/76893).

    Raises NotFound when CI doesn't know it: by 404, by NonExistJobIds or by sending no such job.
    """
    try:
        tree = _response(answer, now)
    except CloudInfiniteError as error:
        # A 404 that names its cause, a missing bucket for example, is that cause.
        if answer.status != 404 or error.kind != "refused":
            raise
        missing = NotFound("no_such_job", error.message, answer.status, error.request_id, error.trace_id)
    else:
        request_id = _request_id(tree, answer)
        for job in _jobs(tree):
            if job.job_id == job_id:
                return JobAnswer(job=job, raw=decode_xml(answer.body), request_id=request_id, date=answer.date)
        missing = NotFound("no_such_job", "The answer holds no such job.", answer.status, request_id)
    raise missing


def parse_media_buckets(answer: Answer, now: float) -> MediaBucketsAnswer:
    """Read a page of media buckets (CN 436/48988)."""
    tree = _response(answer, now)
    return MediaBucketsAnswer(
        buckets=tuple(MediaBucket.from_tree(node) for node in _elements(tree, "MediaBucketList")),
        total_count=_number(tree, "TotalCount"),
        page_number=_number(tree, "PageNumber"),
        page_size=_number(tree, "PageSize"),
        request_id=_request_id(tree, answer),
        date=answer.date,
    )


def _response(answer: Answer, now: float) -> Tree:
    """Return the tree of a good answer; raise what an error answer means."""
    try:
        root, tree = read_xml(answer.body)
    except BadXml as error:
        code, reason = error.code, str(error)
    else:
        if root == "Error":
            raise _error(answer, tree, now)
        if root == "Response" and 200 <= answer.status < 300:
            return tree
        code, reason = "bad_xml", f"the root element is {plain(root, 50)}"
    excerpt = _excerpt(answer.body)
    if 200 <= answer.status < 300:
        raise Unreadable(code, f"{reason}: {excerpt}", answer.status, answer.request_id, answer.trace_id)
    raise _error(answer, {"Message": excerpt}, now)


def _error(answer: Answer, tree: Tree, now: float) -> CloudInfiniteError:
    """Return what an Error element means, of CI's form (INTL 1045/43611) or COS's (436/7730)."""
    upstream_code = plain(text(tree, "Code") or "", CODE_LENGTH)
    message = plain(text(tree, "Message") or "", MESSAGE_LENGTH)
    code = upstream_code or f"http_{answer.status}"
    request_id = _request_id(tree, answer)
    trace_id = plain(text(tree, "TraceId") or answer.trace_id, REQUEST_ID_LENGTH)
    found = error_class(upstream_code, message, answer.status)
    if found is ClockSkew:
        offset = None if answer.date is None else answer.date - now
        return ClockSkew(code, message, answer.status, request_id, trace_id, offset)
    return found(code, message, answer.status, request_id, trace_id)


def _jobs(tree: Tree) -> tuple[Job, ...]:
    return tuple(Job(node) for node in _elements(tree, "JobsDetail"))


def _elements(tree: Tree, name: str) -> list[Tree]:
    """Return the children called `name` that have children themselves: an empty element is no record."""
    return [node for node in nodes(tree, name) if not isinstance(node, str)]


def _request_id(tree: Tree, answer: Answer) -> str:
    return plain(text(tree, "RequestId") or answer.request_id, REQUEST_ID_LENGTH)


def _number(tree: Tree, name: str) -> int:
    digits = (text(tree, name) or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0


def _excerpt(body: bytes) -> str:
    """Return the first words of a body, to know a gateway's page by.

    Of jobs none: they hold secrets, and where the XML is broken nobody can tell which of it is one.
    """
    if _OF_JOBS.search(body.replace(b"\0", b"")):  # in UTF-16, too
        return "it holds parts of jobs, which are not shown"
    return plain(decode_xml(body[: 4 * EXCERPT_LENGTH]), EXCERPT_LENGTH)
