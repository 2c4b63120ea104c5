"""Makes upstream answers from a seed: the samples of tests/data with their bytes, their tree or their HTTP gone wrong.

Case `number` of `seed` is always the same answer but for the time in its Date. Each knows how an honest reader may have
read it (`readings`), which is all that may be shown of it.
"""

from __future__ import annotations

import gzip
import random
import re
import xml.etree.ElementTree as ET
import zlib
from copy import deepcopy
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz.addresses import MARK

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).resolve().parent.parent / "data"
HUSH_USER, HUSH_CALL = "HUSH-USER-5b1d", "HUSH-CALL-e80a"
"""What stands in UserData and CallBack of the samples, and must never be shown from there."""
HUSHES = (HUSH_USER, HUSH_CALL)
NOW, HOUR_AHEAD, HOUR_BEHIND = b"{DATE}", b"{DATE+}", b"{DATE-}"
BOMB = gzip.compress(b" " * 20_000_000)


def _samples() -> dict[str, bytes]:
    found = {}
    for path in sorted(DATA.glob("*.xml")):
        body = re.sub(rb"(<UserData>)[^<]*", rb"\1ticket=OPS-1&amp;token=" + HUSH_USER.encode(), path.read_bytes())
        call = b"https://hooks.example.com/" + HUSH_CALL.encode() + b"?sign=" + HUSH_CALL.encode()
        found[path.stem] = re.sub(rb"(<CallBack>)[^<]*", rb"\1" + call, body)
    return found


SAMPLES = _samples()
LISTS = ("f1_list_first", "f2_list_filtered", "f3_list_last", "irregular", "job_one")

TEXTS = (
    "", " ", "-", "0", "\n\t", "\0", "\x01", "\x0b", "\x7f", "\x85", "\ufffe", "\ud800", "\u202e\u2066x", "\u2028", "\U0001f600" * 50,
    "<script>alert(1)</script>", f'"><{MARK} a=1>', f"'><{MARK}>", f"</title></td><{MARK}>", f"<!--<{MARK}>-->", "]]>", "&amp;lt;",
    "javascript:alert(1)", "{{ 7*7 }}", "{% debug %}", "%s%(x)s{0}", "../../admin", "a/b", "a/b/operation", "..", ".", "a?b#c",
    "%2F", "%00", "x" * 300, "x" * 100_000, "名" * 2000, "raw", "None", "b0a77d3f0828f11eea1b2525400c0ffee",
)  # fmt: skip
TIMES = (
    "-", "", "2023-11-14T01:00:02+0800", "2023-11-14T01:00:02", "2023-11-14", "0001-01-01T00:00:00+0800", "9999-12-31T23:59:59-1200",
    "0000-00-00T00:00:00Z", "2023-02-30T00:00:00Z", "2023-11-14T25:00:00Z", "2023-11-14T01:00:60Z", "2023-11-14T01:00:02.123456789Z",
    "1700000000", "２０２３-11-14T01:00:02Z", "2023-11-14T01:00:02+99:99", "2023-11-14T01:00:02+23:59", "2023-W46-2T01:00Z",
    "20231114T010002Z", "0002-01-01T00:00:00Z", "9998-12-31T23:59:59Z", "T", "2023-11-14T01:00:02-00:00:01",
)  # fmt: skip
STATES = (
    "",
    "running",
    "Hibernating",
    "Success ",
    "Failed\n",
    "状态",
    "x" * 500,
    "__class__",
    f'"><{MARK}>',
    "Pause",
    "Cancel",
    "-",
)
NAMES = (
    "JobsDetail", "Response", "Error", "Code", "Message", "NextToken", "JobId", "State", "CreationTime", "Operation", "Output",
    "TimeInterval", "Input", "CallBack", "UserData", "RequestId", "NonExistJobIds", "_times", "_masked", "items", "keys", "x-fuzz", "名",
    "WorkflowIds", "JobParam", "Progress", "Tag",
)  # fmt: skip


@dataclass
class Mutant:
    """One answer. `whole` says that HTTP is in order, so that well-formed rows must not be lost either."""

    number: int
    did: list[str]
    body: bytes
    status: bytes = b"200 OK"
    version: bytes = b"HTTP/1.1"
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    sent: bytes | None = None
    length: bytes | None = None
    before: bytes = b""
    readings: tuple[bytes, ...] | None = None
    whole: bool = True
    is_dated: bool = False

    def wire(self, now: float) -> bytes:
        """Return the bytes as they go over the wire at `now`, unix seconds."""
        sent = self.body if self.sent is None else self.sent
        length = str(len(sent)).encode() if self.length is None else self.length
        headers = [*self.headers, *([(b"Content-Length", length)] if length else []), (b"Connection", b"close")]
        lines = [self.version + b" " + self.status, *(name + b": " + value for name, value in headers)]
        head = b"\r\n".join([*lines, b"", b""])
        for mark, shift in ((NOW, 0), (HOUR_AHEAD, 3600), (HOUR_BEHIND, -3600)):
            head = head.replace(mark, formatdate(now + shift, usegmt=True).encode())
        return self.before + head + sent

    @property
    def shown(self) -> tuple[bytes, ...]:
        """The bodies of which rows may be shown."""
        return (self.body,) if self.readings is None else self.readings

    def __str__(self) -> str:
        return f"answer {self.number}: {', '.join(self.did)}"


def mutant(seed: int, number: int) -> Mutant:
    """Return answer `number` of `seed`."""
    rng = random.Random(f"answer {seed} {number}")
    name = rng.choice(LISTS) if rng.random() < 0.8 else rng.choice(sorted(SAMPLES))
    body, did = SAMPLES[name], [name]
    if rng.random() < 0.65 and not name.startswith("hostile"):
        body = _change_tree(rng, body, did)
    if rng.random() < 0.3:
        body = _change_bytes(rng, body, did)
    made = Mutant(number, did, body)
    if rng.random() < 0.5:
        made.headers.append((b"Date", NOW))
    changes = [rng.choice(kind) for kind, share in ((FRAMING, 0.17), (OTHERS, 0.27)) if rng.random() < share]
    for change in changes:
        did.append(change.__name__.strip("_"))
        change(rng, made)
    return made


# The tree --------------------------------------------------------------------------------------------------------------


def _change_tree(rng: random.Random, body: bytes, did: list[str]) -> bytes:
    root = ET.fromstring(body)  # noqa: S314 - our own samples
    for _ in range(rng.choice((1, 1, 2, 3))):
        change = rng.choice(TREE)
        did.append(change.__name__.strip("_"))
        change(rng, root)
    return _written(rng, root, did)


def _pick(rng: random.Random, root: ET.Element) -> tuple[ET.Element, int] | None:
    """Return a parent and the index of one of its children."""
    parents = [element for element in root.iter() if len(element)]
    if not parents:
        return None
    parent = rng.choice(parents)
    return parent, rng.randrange(len(parent))


def _named(rng: random.Random, root: ET.Element, *names: str) -> ET.Element:
    return rng.choice([element for element in root.iter() if element.tag in names] or [root])


def _drop(rng: random.Random, root: ET.Element) -> None:
    if found := _pick(rng, root):
        del found[0][found[1]]


def _double(rng: random.Random, root: ET.Element) -> None:
    if found := _pick(rng, root):
        parent, index = found
        for _ in range(rng.choice((1, 1, 2, 300))):
            parent.insert(index, deepcopy(parent[index]))


def _rename(rng: random.Random, root: ET.Element) -> None:
    element = root if rng.random() < 0.1 else rng.choice(list(root.iter()))
    element.tag = rng.choice(NAMES)


def _nest(rng: random.Random, root: ET.Element) -> None:
    if found := _pick(rng, root):
        parent, index = found
        inner = parent[index]
        for _ in range(rng.choice((1, 2, 30, 70))):
            outer = ET.Element(inner.tag)
            outer.append(inner)
            inner = outer
        parent[index] = inner


def _move(rng: random.Random, root: ET.Element) -> None:
    if found := _pick(rng, root):
        parent, index = found
        element = parent[index]
        parent.remove(element)
        rng.choice([one for one in root.iter()]).append(element)  # noqa: C416 - a copy: it changes


def _text(rng: random.Random, root: ET.Element) -> None:
    rng.choice(list(root.iter())).text = rng.choice(TEXTS)


def _time(rng: random.Random, root: ET.Element) -> None:
    _named(rng, root, "CreationTime", "StartTime", "EndTime", "Start", "End").text = rng.choice(TIMES)


def _state(rng: random.Random, root: ET.Element) -> None:
    _named(rng, root, "State", "Type", "Code").text = rng.choice(STATES)


def _shown_text(rng: random.Random, root: ET.Element) -> None:
    _named(rng, root, "Name", "JobId", "Message", "Tag", "WorkflowIds", "Object", "RequestId").text = rng.choice(TEXTS)


def _secret(rng: random.Random, root: ET.Element) -> None:
    user, call = rng.choice((
        (f'{{"token": "{HUSH_USER}"}}', f"https://a:{HUSH_CALL}@h.example.com/"), (f"token:{HUSH_USER}", f"//h/{HUSH_CALL}"),
        (f"token={HUSH_USER}", HUSH_CALL), (f"TOKEN = {HUSH_USER}", f"http://[::1/{HUSH_CALL}"), (f"x&token={HUSH_USER}", f"h?{HUSH_CALL}"),
    ))  # fmt: skip
    _named(rng, root, "UserData").text = user
    _named(rng, root, "CallBack").text = call


def _attribute(rng: random.Random, root: ET.Element) -> None:
    rng.choice(list(root.iter())).set(rng.choice(NAMES), rng.choice(TEXTS))


def _mixed(rng: random.Random, root: ET.Element) -> None:
    rng.choice(list(root.iter())).tail = rng.choice(TEXTS)


def _same_id(rng: random.Random, root: ET.Element) -> None:
    for element in root.iter("JobId"):
        element.text = "bsame"


def _token(rng: random.Random, root: ET.Element) -> None:
    ET.SubElement(root, "NextToken").text = rng.choice(TEXTS)


TREE: tuple[Callable[[random.Random, ET.Element], None], ...] = (
    _drop, _double, _rename, _nest, _move, _text, _time, _time, _state, _shown_text, _shown_text, _secret, _attribute, _mixed,
    _same_id, _token,
)  # fmt: skip


def _written(rng: random.Random, root: ET.Element, did: list[str]) -> bytes:
    text = ET.tostring(root, encoding="unicode")
    if rng.random() < 0.1:
        text = re.sub(r">([^<&]{1,40})</", r"><![CDATA[\1]]></", text, count=3)
        did.append("CDATA")
    if rng.random() < 0.1:
        text = text.replace("><", rng.choice(("><!-- c -->\n<", "><?pi x?><", ">\r\n\t<", ">&#10;<")), 3)
        did.append("between")
    if rng.random() < 0.75:
        return text.encode("utf-8", "surrogatepass")
    encoding, declared = rng.choice((
        ("utf-8-sig", ""), ("utf-16", ""), ("utf-16", "utf-16"), ("utf-16-le", "utf-16"), ("latin-1", "iso-8859-1"), ("latin-1", "utf-8"),
        ("utf-8", "latin-1"), ("utf-8", "us-ascii"), ("gb18030", "gb18030"), ("utf-8", "utf-7"), ("utf-32", "utf-32"), ("utf-8", "x-none"),
        ("cp1252", "windows-1252"), ("utf-8", "utf-16"), ("utf-8", "rot13"), ("utf-8", "big5"), ("utf-8", "hex"),
    ))  # fmt: skip
    did.append(f"{encoding} as {declared or 'nothing'}")
    text = f"<?xml version='1.0' encoding='{declared}'?>{text}" if declared else text
    return text.encode(encoding, "xmlcharrefreplace" if encoding in ("latin-1", "cp1252", "gb18030") else "replace")


# The bytes -------------------------------------------------------------------------------------------------------------


def _change_bytes(rng: random.Random, body: bytes, did: list[str]) -> bytes:
    for _ in range(rng.choice((1, 1, 2, 5))):
        if not body:
            break
        start, end = sorted(rng.randrange(len(body) + 1) for _ in range(2))
        end = min(end, start + rng.choice((1, 20, 400, len(body))))
        name, body = rng.choice(_bytes_changed(rng, body, start, end))
        did.append(name)
    return body


def _bytes_changed(rng: random.Random, body: bytes, start: int, end: int) -> list[tuple[str, bytes]]:
    place = min(start, len(body) - 1)
    insert = rng.choice((
        b"\0", b"<", b"&", b">", b"]]>", b"&lt;", b"&x;", b"&#0;", b"&#x1F600;", b"\xff", b"\xed\xa0\x80", b"<!--", b"<![CDATA[", b"<?x",
        b"<!DOCTYPE r>", b"</Response>", b"<JobsDetail>", b"</JobsDetail>", b"<a b='", b"\xef\xbb\xbf", b"\r", b"<JobId>bx</JobId>",
    ))  # fmt: skip
    flipped = bytes([body[place] ^ (1 << rng.randrange(8))])
    return [
        ("flip", body[:place] + flipped + body[place + 1 :]),
        ("cut end", body[:start]),
        ("cut start", body[start:]),
        ("insert", body[:start] + insert + body[start:]),
        ("drop slice", body[:start] + body[end:]),
        ("double slice", body[:end] + body[start:]),
        ("swap slices", body[end:] + body[start:end] + body[:start]),
        ("twice", body + body),
        ("trail", body + rng.choice((b"\n", b" \0", b"<!-- x -->", b"x", b"<a/>"))),
        ("lead", rng.choice((b"\n", b" ", b"\0", b"\xef\xbb\xbf", b"<!-- x -->", b"x")) + body),
    ]


# HTTP ------------------------------------------------------------------------------------------------------------------


def _status(rng: random.Random, made: Mutant) -> None:
    made.status = rng.choice((
        b"201 Created", b"202 Accepted", b"206 Partial", b"204 No Content", b"304 Not Modified", b"301 Moved", b"307 Again", b"400 Bad", b"401 No",
        b"402 Pay", b"403 No", b"404 None", b"409 X", b"418 T", b"429 Slow", b"451 Law", b"500 X", b"503 X", b"504 X", b"599 X", b"600 X", b"999 X",
        b"99 X", b"1000 X", b"-200 X", b"abc X", b"200", b"200 \xff\x00", b"0200 OK", b"", b"100 Continue",
    ))  # fmt: skip
    made.whole = False
    # A 204 has no body by the book; where chunks come nevertheless, they are what was sent.
    if made.status[:3] not in (b"200", b"201", b"202", b"204", b"206", b"020"):
        made.readings = ()


def _version(rng: random.Random, made: Mutant) -> None:
    made.version = rng.choice((b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9", b"http/1.1", b"ICY", b"HTTP/1.1 ", b"XML", b""))
    made.whole = False


def _kind(rng: random.Random, made: Mutant) -> None:
    made.headers.append((b"Content-Type", rng.choice((
        b"text/html", b"application/xml; charset=latin-1", b"application/json", b"", b"multipart/mixed; boundary=x", b"text/xml;charset=utf-16",
        b"\xff/\xfe", b"a" * 3000,
    ))))  # fmt: skip


def _ids(rng: random.Random, made: Mutant) -> None:
    name = rng.choice((b"x-ci-request-id", b"x-cos-request-id", b"x-ci-trace-id", b"Server", b"X-Y"))
    made.headers.append(
        (
            name,
            rng.choice((b"\xff\xfe", b"x" * 5000, f'"><{MARK}>'.encode(), b"\x1b[31m", b"", "é".encode(), b"a\x00b")),
        )
    )
    made.whole = made.whole and b"\0" not in made.headers[-1][1]


def _date(rng: random.Random, made: Mutant) -> None:
    made.headers = [pair for pair in made.headers if pair[0] != b"Date"]
    values = [HOUR_AHEAD, HOUR_BEHIND, HOUR_AHEAD, HOUR_BEHIND, b"", b"-", b"yesterday", b"Thu, 32 Foo 2026 99:99:99 GMT", b"Thu, 01 Jan 1970 00:00:00 GMT", b"Fri, 31 Dec 9999 23:59:59 GMT",
        b"Mon, 01 Jan 0001 00:00:00 GMT", b"Mon, 01 Jan 2024 00:00:00 -0000", b"Mon, 01 Jan 2024 00:00:00 +9999", b"Mon, 01 Jan 2024 00:00:00",
        b"2024-01-01T00:00:00Z", b"1700000000", b"\xff", b"Mon, 01 Jan 99999 00:00:00 GMT", b"Mon, 01 Jan 2024 00:00:00 GMT, x", b", , ,",
        b"Mon, 01 Jan 24 00:00 +99999999999", b"Sat, 01 Jan 2050 00:00:00 GMT", b"0 0 0 0 0",
    ]  # fmt: skip
    made.headers += [(b"Date", rng.choice(values)) for _ in range(rng.choice((1, 1, 2)))]
    made.is_dated = True


def _compressed(rng: random.Random, made: Mutant) -> None:
    """Compress it well: an honest way."""
    encoding, packed = rng.choice((
        (b"gzip", gzip.compress(made.body)), (b"deflate", zlib.compress(made.body)), (b"GZIP", gzip.compress(made.body)),
        (b"gzip, gzip", gzip.compress(gzip.compress(made.body))),
    ))  # fmt: skip
    made.headers.append((b"Content-Encoding", encoding))
    made.sent, made.readings = packed, made.readings if made.readings == () else (made.body,)
    made.whole = False


def _gzip_lie(rng: random.Random, made: Mutant) -> None:
    packed = gzip.compress(made.body)
    encoding, sent = rng.choice((
        (b"gzip", made.body), (b"gzip", packed[: len(packed) // 2]), (b"gzip", packed[:-4]), (b"gzip", packed + b"trailing"), (b"deflate", packed),
        (b"br", made.body), (b"zstd", made.body), (b"identity", made.body), (b"", made.body), (b"gzip", b""), (b"none", packed),
        (b"gzip", BOMB), (b"gzip," * 20, packed), (b"gzip", packed + packed),
    ))  # fmt: skip
    made.headers.append((b"Content-Encoding", encoding))
    readings = (made.body, made.body + made.body, sent)
    made.sent, made.readings, made.whole = sent, () if made.readings == () else readings, False


def _length(rng: random.Random, made: Mutant) -> None:
    sent = made.body if made.sent is None else made.sent
    made.length = rng.choice((
        str(len(sent) // 2).encode(), str(len(sent) + 100).encode(), b"0", b"-1", b"+5", b"9" * 30, b"x", b"1, 2", b"", "１".encode(),
    ))  # fmt: skip
    made.whole = False
    half = sent[: len(sent) // 2]
    if made.readings is None or made.readings:
        # What is promised and doesn't come is missing, so nothing of it may be shown.
        longer = made.length == str(len(sent) + 100).encode()
        made.readings = () if longer else (*made.shown, half, b"")


def _chunked(rng: random.Random, made: Mutant) -> None:
    sent = made.body if made.sent is None else made.sent
    half = len(sent) // 2
    parts = b"%x\r\n%b\r\n%x\r\n%b\r\n" % (half or 1, sent[: half or 1], max(1, len(sent) - half), sent[half:] or b" ")
    end, honest = rng.choice((
        (b"0\r\n\r\n", True), (b"0\r\nX: y\r\n\r\n", True), (b"", False), (b"zz\r\n\r\n", False), (b"-1\r\n\r\n", False), (b"ffffffffffff\r\nx", False),
        (b"0", False),
    ))  # fmt: skip
    made.headers.append((b"Transfer-Encoding", b"chunked"))
    made.sent, made.length, made.whole = parts + end, b"", False
    if not honest and end != b"0":
        made.readings = ()


def _header(rng: random.Random, made: Mutant) -> None:
    made.headers += rng.choice((
        [(b"Set-Cookie", b"sessionid=stolen; Path=/")], [(b"Location", b"http://127.0.0.1:9/")], [(b"a" * 70_000, b"x")], [(b"X", b"y" * 70_000)],
        [(b"X%d" % number, b"y") for number in range(200)], [(b"Folded", b"a\r\n b")], [(b"\xff", b"x")], [(b"No Colon", b"")], [(b"", b"x")],
        [(b"Refresh", b"0;url=http://evil.example/")], [(b"Content-Type", b"a"), (b"Content-Type", b"b")], [(b"X\r\nY", b"z")],
        [(b"Transfer-Encoding", b"identity")], [(b"Connection", b"keep-alive")], [(b"X", b"a\nContent-Length: 3")],
    ))  # fmt: skip
    made.whole = False
    made.readings = made.readings if made.readings == () else (*made.shown, made.body[:3])


def _before(rng: random.Random, made: Mutant) -> None:
    made.before = rng.choice(
        (
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"\r\n",
            b"\0",
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"x",
        )
    )
    made.whole = False
    # After an empty head of their own, what follows is a body that is no XML.
    made.readings = () if made.before == b"HTTP/1.1 200 OK\r\n\r\n" else made.readings


FRAMING: tuple[Callable[[random.Random, Mutant], None], ...] = (_compressed, _gzip_lie, _length, _chunked)
OTHERS: tuple[Callable[[random.Random, Mutant], None], ...] = (_status, _version, _kind, _ids, _date, _header, _before)
"""One of each at most: two that frame one body would leave nothing that can be said of it."""
