"""Makes requests from a seed: real addresses with one part or another gone wrong, and headers that don't fit them.

Case `number` of `seed` is always the same request, whatever was made before it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_from_bytes

from tests.fuzz.wire import Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.emulators import JobSummary

EVIL_HOST = "evil.example"
MARK = "x-fuzz"
"""An element of this name would be markup that somebody smuggled in."""
EVIL_HEADER = "X-Evil"
CSRF = "f" * 32
"""A token as Django takes it, which every request has in its cookie."""

PARAMETERS = (
    "type", "states", "name", "jobId", "workflowId", "startCreationTime", "endCreationTime", "orderByTime", "size",
    "nextToken", "range", "tz", "depth", "pin", "after", "lang", "bucket", "group", "sort", "page", "at", "odd", "family", "kind", "ran",
    "live", "job", "tab", "rows",
)  # fmt: skip
STRANGE_PARAMETERS = (
    "q", "utm_source", "fbclid", "from", "_t", "spm", "State", "STATES", "state", "Size", "next", "format", "callback",
    "__proto__", "states[]", "size ", "", "a" * 300, "pin\0", "\u540d", "%", MARK, "csrfmiddlewaretoken", "jobid", "job_id",
)  # fmt: skip
HUGE = 9000
ODD = (
    b"", b" ", b"\0", b"a\0b", b"\xed\xa0\x80", b"\xed\xb0\x80\xed\xa0\x80", b"\xc0\xaf", b"\xff\xfe", b"\xf4\x90\x80\x80",
    b"\xef\xbf\xbd", b"\xef\xbf\xbf", b"\xef\xbb\xbf1", "１２".encode(), "٣".encode(), "²".encode(), "Ⅷ".encode(), b"-1",
    b"0", b"-0", b"00", b"+1", b"1e9", b"1_0", b"0x10", b"1.0", b"9" * 19, b"9" * 21, b"9" * 400, b"NaN", b"Infinity",
    b"null", b"None", b"true", b"[]", b"{}", b"<script>alert(1)</script>", f'"><{MARK} a=1>'.encode(),
    f"'><{MARK}>".encode(), f"</title><{MARK}>".encode(), b"javascript:alert(1)", f"//{EVIL_HOST}/".encode(),
    f"https://{EVIL_HOST}/".encode(), b"../../etc/passwd", b"..%2f..%2f", b"%", b"%zz", b"%u0041", b"%25", b"+", b"a+b",
    b";", b"&", b"=", b"#", b"?", b"/", b"\\", f"\r\n{EVIL_HEADER}: 1".encode(), b"\n", b"\t", b"\x7f", b"\x1b[31m",
    "\u202e\u2066".encode(), "\u2028".encode(), "\U0001f600".encode() * 30, "é".encode("latin-1"), "İ".encode(), "ß".encode(),
    b"${jndi:ldap://x}", b"{{7*7}}", b"{% debug %}", b"' OR 1=1 --", b"%s%s%n", b"%(name)s", b"a,b,,c", b",", b"x" * 129,
    b"x" * 4097, b"x" * HUGE, b"\xe5\x90\x8d" * 200, b"a b", b"*", b".", b"..",
)  # fmt: skip
TIMES = (
    b"2026-06-27T15:23:10+0800", b"2026-06-27T15:23:10", b"2026-06-27", b"2026-03-29T02:30:00", b"2026-10-25T02:30:00",
    b"0001-01-01T00:00:00+0800", b"9999-12-31T23:59:59-1200", b"2026-02-30T00:00:00Z", b"2026-06-27T24:00:00Z",
    b"2026-06-27T15:23:60Z", b"2026-06-27T15:23:10.5Z", b"2026-06-27T15:23:10+99:99", b"1969-12-31T23:59:59Z",
    "２０２６-06-27T15:23:10Z".encode(), b"2026-W26-6T00:00Z", b"20260627T152310Z", b"1900-01-01T00:00:00", b"now",
)  # fmt: skip
VALUES: dict[str, tuple[bytes, ...]] = {
    "type": (b"Workflow", b"Job", b"job", b"workflow,Job"),
    "states": (b"Failed", b"Running,Submitted", b"All", b"All,Failed", b"failed", b"Failed,Failed", b"Success,Cancel"),
    "name": (b"nightly", "夜间".encode(), b"a", b"*", b"%"),
    "jobId": (b"bfuzz0001", b"bfuzz0002", b"b0"),
    "workflowId": (b"w4d0f6a1b2c3e4f5061728394a5b6c7d8", b"w"),
    "startCreationTime": TIMES,
    "endCreationTime": TIMES,
    "after": TIMES,
    "orderByTime": (b"Desc", b"Asc", b"desc"),
    "size": (b"1", b"2", b"10", b"50", b"100", b"101"),
    "nextToken": (b"884213", b"dG9rZW4+/w==", b"a b", b" "),
    "range": (b"15m", b"24h", b"7d", b"today", b"yesterday", b"this-week", b"1M", b"0h", b"999999w", b"24H"),
    "tz": (b"Asia/Shanghai", b"Europe/Berlin", b"UTC", b"Pacific/Apia", b"asia/shanghai", b"localtime", b"../UTC", b"EST5EDT"),
    "depth": (b"1", b"2", b"20", b"1000"),
    "pin": (b"1700000000.1700000000000", b"0.0", b"1700000000", b"99999999999.99999999999999", b"1.1", b"01.1"),
    "group": (b"Film", b"fuzz", b"x" * 200),
    "sort": (b"name", b"worst", b"Worst"),
    "page": (b"1", b"2", b"1000", b"1001", b"01"),
    "at": (b"0", b"0.0", b"10.20", b"9999999.9999999", b"1.", b"-"),
    "odd": (b"waits", b"runs", b"quick", b"ended", b"any"),
    "family": (b"0" * 12, b"a" * 12, b"A" * 12, b"0" * 13),
    "ran": (b"0-1", b"60-300", b"86400-", b"1-60", b"-"),
    "kind": (b"0" * 12, b"a" * 12, b"A" * 12, b"0" * 13),
    "live": (b"off", b"on", b"15", b"60", b"0", b"Off"),
    "job": (b"bfuzz0001", b"no-such-job", b"x/bfuzz0001", b"b" * 200),
    "tab": (b"operation", b"output", b"time-interval", b"input", b"raw", b"Raw", b"nothing"),
    "rows": (
        b"bfuzz0001:Running:1700000000", b"bfuzz0001:Running:1700000000:left", b"a:b", b":::", b"a:Running:-1",
        b"a:Running:" + b"9" * 30, b",".join([b"b%d:Submitted:1700000000" % number for number in range(150)]),
    ),
    "lang": (b"en", b"zh-hans", b"zh", b"zh-Hant", b"de", b"zh_CN"),
}  # fmt: skip
TARGETS = (
    b"results",
    b"list",
    b"more",
    b"look",
    b"drill",
    b"fill",
    b"rows",
    b"body",
    b"",
    b"#results",
    f'"><{MARK}>'.encode(),
    b"\xff",
)
LANGUAGES = (b"en", b"zh-CN,zh;q=0.9", b"*", b"de;q=0", b"en;q=x", b"," * 500, b"zh-" * 400, b"\xff", b"en_US")
METHODS = ("HEAD", "POST", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "get", "GE T", "X" * 30)


@dataclass(frozen=True)
class Places:
    """What there is to ask for: the site, buckets by who may see them, jobs, and pins of just now.

    The viewer may see `shown` and `shown_too`; `jobs` are those of each bucket that exists, by id.
    """

    host: str
    shown: str
    shown_too: str
    elsewhere: str
    hidden: str
    unknown: str
    job_ids: tuple[str, ...]
    pins: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    jobs: Mapping[str, Mapping[str, JobSummary]] = field(default_factory=dict)

    @property
    def buckets(self) -> tuple[str, ...]:
        """Every bucket that an address may name."""
        return (*[self.shown] * 5, *[self.shown_too] * 2, self.elsewhere, self.elsewhere, self.hidden, self.unknown)


def address(seed: int, number: int, places: Places) -> Request:
    """Return request `number` of `seed`."""
    rng = random.Random(f"address {seed} {number}")
    path = _path(rng, places)
    method = rng.choice(METHODS) if rng.random() < 0.12 else "GET"
    if path.rstrip(b"/").endswith((b"retry", b"export", b"cancel", b"resume")) and rng.random() < 0.7:
        method = "POST"
    fate = rng.random()
    query = _query(rng, places) if fate < 0.55 else _modest_query(rng, places) if fate < 0.85 else b""
    if path.endswith(b"/tick/") and rng.random() < 0.7:
        query = b"&".join(filter(None, (query, _tick(rng, places, path))))
    target = path + (b"?" + query if query else b"")
    headers, body = _headers(rng, target), b""
    if method == "POST":
        form, extra = _form(rng, path)
        headers, body = headers + extra, form
    here = places.host.encode()
    return Request(
        method,
        target or b"/",
        tuple((name, value.replace(b"HERE", here)) for name, value in headers),
        body.replace(b"HERE", here),
    )


# Paths -----------------------------------------------------------------------------------------------------------------


def _path(rng: random.Random, places: Places) -> bytes:
    if rng.random() < 0.12:
        path = _other_path(rng)
    else:
        parts = ["buckets", rng.choice(places.buckets), "jobs"]
        if rng.random() < 0.4:
            parts.append(rng.choice((*places.job_ids, "no-such-job")))
            if rng.random() < 0.6:
                parts.append(rng.choice(("operation", "output", "time-interval", "input", "raw")))
        elif rng.random() < 0.3:
            parts[2] = rng.choice(("retry", "insight", "export", "export", "loaded", "tick", "tick"))
            if parts[2] == "export" and rng.random() < 0.5:
                parts += rng.choice((["no-such-walk"], ["w" * 22, "cancel"], ["x", "resume"], ["-_" * 11, "jobs"]))
        if rng.random() < 0.15:
            parts.insert(0, "embed")
        ends = (b"/", b"/", b".json", b".json", b".csv", b".jsonl", b"")
        is_tick = parts[-1] == "tick" and rng.random() < 0.8  # which has no twin
        path = b"/" + "/".join(parts).encode() + (b"/" if is_tick else rng.choice(ends))
    for _ in range(rng.choice((0, 0, 0, 0, 0, 0, 1, 1, 2))):
        path = rng.choice(_SPOILERS)(rng, path)
    # A space or a control character would end the first line; some of them shall.
    return path if rng.random() < 0.02 else path.replace(b" ", b"%20").replace(b"\r", b"%0D").replace(b"\n", b"%0A")


def _other_path(rng: random.Random) -> bytes:
    return rng.choice(
        (
            b"/", b"/", b"/embed/card/", b"/buckets.json", b"/jobs/", b"/embed/card.json", b"/jobs.json", b"/jobs/tick/", b"/jobs/tick/", b"/jobs/tick/", b"/jobs/insight/", b"/jobs/insight.json", b"/jobs/loaded.csv", b"/jobs/loaded.jsonl", b"/status/", b"/status.json", b"/healthz", b"/readyz", b"/metrics", b"/sign-in/", b"/sign-out/", b"/admin/",
            b"/admin/login/", b"/admin/jobs/bucket/", b"/admin/auth/user/1/change/", b"/admin/r/1/1/", b"/admin/jsi18n/",
            b"/welcome/x/", b"/welcome/eyJ:1:x/", b"/static/", b"/static/css/base.css", b"/static/../manage.py",
            b"/static/%2e%2e/%2e%2e/manage.py", b"/favicon.ico", b"/robots.txt", b"/embed/", b"/embed/buckets.json",
            b"/.env", b"/buckets/", b"/buckets//jobs/", b"*", b"", b"http://" + EVIL_HOST.encode() + b"/",
            b"//" + EVIL_HOST.encode() + b"/buckets/a/jobs", b"/\\" + EVIL_HOST.encode() + b"/", b"/.json", b"/admin",
        )
    )  # fmt: skip


def _replace_segment(rng: random.Random, path: bytes) -> bytes:
    segments = path.split(b"/")
    segments[rng.randrange(len(segments))] = _encode(rng, rng.choice(ODD)[:2000])
    return b"/".join(segments)


def _insert_into_segment(rng: random.Random, path: bytes) -> bytes:
    place = rng.randint(min(1, len(path)), len(path))
    return path[:place] + _encode(rng, rng.choice(ODD)[:300]) + path[place:]


def _double_slash(rng: random.Random, path: bytes) -> bytes:
    return path.replace(b"/", b"//", rng.randint(1, 3))


def _drop_segment(rng: random.Random, path: bytes) -> bytes:
    segments = path.split(b"/")
    del segments[rng.randrange(len(segments))]
    return b"/".join(segments)


def _change_case(rng: random.Random, path: bytes) -> bytes:
    return path.upper() if rng.random() < 0.3 else path.title()


def _climb(rng: random.Random, path: bytes) -> bytes:
    return path + rng.choice(
        (b"../", b"..", b"%2e%2e/", b"./", b"..;/", b"%2f..%2f", b"?", b"#x", b";a=1", b".json/", b"%00.json")
    )


def _percent_all(rng: random.Random, path: bytes) -> bytes:
    return path[:1] + b"".join(
        b"%%%02x" % byte if byte != 47 and rng.random() < 0.5 else bytes([byte]) for byte in path[1:]
    )


_SPOILERS = (
    _replace_segment, _replace_segment, _insert_into_segment, _double_slash, _drop_segment, _change_case, _climb, _percent_all,
)  # fmt: skip


# Queries ---------------------------------------------------------------------------------------------------------------


def _query(rng: random.Random, places: Places) -> bytes:
    count = 40 if rng.random() < 0.02 else rng.choice((1, 1, 1, 2, 2, 3, 4))
    pairs = [_pair(rng, places) for _ in range(count)]
    if rng.random() < 0.15:
        name, value = rng.choice(pairs)
        pairs.append((name, value if rng.random() < 0.5 else rng.choice(ODD)))
    if rng.random() < 0.15 and places.pins:
        pairs.append((b"pin", rng.choice(places.pins).encode()))
        if rng.random() < 0.5 and places.tokens:
            pairs.append((b"nextToken", rng.choice(places.tokens).encode()))
    written = [
        _encode(rng, name) + (b"=" if rng.random() < 0.98 else b"") + _encode(rng, value) for name, value in pairs
    ]
    joint = b"&" if rng.random() < 0.95 else rng.choice((b";", b"&&", b"&amp;", b"?"))
    query = joint.join(written)
    return query if rng.random() < 0.02 else query.replace(b" ", b"%20").replace(b"\r", b"%0D").replace(b"\n", b"%0A")


def _modest_query(rng: random.Random, places: Places) -> bytes:
    """Return a query in which nothing is wrong, but that it may not fit its path: what answers it must be true."""
    names = rng.sample(sorted(MODEST), rng.randint(1, 3))
    pairs = [(name, rng.choice(MODEST[name])) for name in names]
    if rng.random() < 0.3:
        pairs.append(("bucket", ",".join(rng.sample((places.shown, places.shown_too, places.elsewhere), 2))))
    return "&".join(f"{name}={value}" for name, value in pairs).encode()


MODEST = {
    "type": ("Workflow", "Job"), "states": ("Failed", "Running,Submitted", "Success"), "orderByTime": ("Asc",), "size": ("1", "10", "100"),
    "range": ("24h", "7d"), "tz": ("Europe/Berlin", "UTC"), "depth": ("1", "2"), "live": ("off",), "lang": ("en", "zh-hans"),
    "job": ("bfuzzshown0001", "bfuzzsecond0001"),
}  # fmt: skip
"""Parameters of a list, with values that everybody may ask for."""


def _tick(rng: random.Random, places: Places, path: bytes) -> bytes:
    """Return what a live list asks with besides its filter: without it few ticks would get as far as to look."""
    pin = rng.choice(places.pins or ("1700000000.1700000000000",))
    pairs, named = [("pin", pin)], [""]
    if path == b"/jobs/tick/":
        named = rng.sample((places.shown, places.shown_too, places.elsewhere, places.hidden), rng.randint(1, 3))
        pairs = [
            ("bucket", ",".join(named)),
            ("pin", ",".join([pin] * len(named))),
            ("at", ".".join(["0"] * len(named))),
        ]
    rows = []
    for _ in range(rng.randint(0, 3)):
        bucket = rng.choice(named)
        job_id = f"{bucket}/{rng.choice(places.job_ids)}".removeprefix("/")
        rows.append(f"{job_id}:{rng.choice(('Running', 'Submitted', 'Success'))}:1700000000{rng.choice(('', ':left'))}")
    return "&".join(f"{name}={quote(value, safe=':,/')}" for name, value in [*pairs, ("rows", ",".join(rows))]).encode()


def _pair(rng: random.Random, places: Places) -> tuple[bytes, bytes]:
    name = rng.choice(PARAMETERS) if rng.random() < 0.85 else rng.choice(STRANGE_PARAMETERS)
    if name in VALUES and rng.random() < 0.75:
        value = rng.choice(VALUES[name])
    elif name == "bucket" and rng.random() < 0.75:
        value = ",".join(rng.choice(places.buckets) for _ in range(rng.choice((1, 1, 2, 3, 30)))).encode()
    elif name in ("jobId", "job") and rng.random() < 0.5:
        value = rng.choice(places.job_ids).encode()
    else:
        value = rng.choice(ODD)
    return name.encode(), value


def _encode(rng: random.Random, value: bytes) -> bytes:
    """Percent-encode as programs do, well or badly."""
    style = rng.random()
    if style < 0.7:
        return quote_from_bytes(value, safe="").encode()
    if style < 0.8:
        return quote_from_bytes(value, safe="").replace("%20", "+").lower().encode()
    if style < 0.9:
        return quote_from_bytes(quote_from_bytes(value, safe="").encode(), safe="").encode()  # once too often
    return value  # not at all


# Headers and forms -----------------------------------------------------------------------------------------------------


def _headers(rng: random.Random, target: bytes) -> list[tuple[bytes, bytes]]:
    headers: list[tuple[bytes, bytes]] = []
    if rng.random() < 0.35:
        headers += [
            (b"HX-Request", rng.choice((b"true", b"true", b"true", b"false", b"1"))),
            (b"HX-Target", rng.choice(TARGETS)),
        ]
        if rng.random() < 0.5:
            headers.append((b"HX-Current-URL", rng.choice(_urls(target))))
        if rng.random() < 0.15:
            headers.append(
                (rng.choice((b"HX-History-Restore-Request", b"HX-Boosted", b"HX-Prompt", b"HX-Trigger")), b"true")
            )
    if rng.random() < 0.1:
        headers.append((b"Batchlens-Lines", rng.choice((b"1", b"1,2,3", b"0", b"9" * 19, *ODD))))
        headers.append((b"Batchlens-Since", rng.choice((b"0", b"1700000000.5", b"9" * 400, *ODD))))
    if rng.random() < 0.1:
        headers.append((b"Batchlens-Pages", rng.choice((b"1", b"3", b"7", b"9999", b"99999", b"01", *ODD))))
    if rng.random() < 0.25:
        headers.append((b"Accept-Language", rng.choice(LANGUAGES)))
    if rng.random() < 0.25:
        headers.append(rng.choice(_strange_headers(rng, target)))
    return headers


def _urls(target: bytes) -> tuple[bytes, ...]:
    evil = EVIL_HOST.encode()
    return (
        b"http://HERE" + target[:500].replace(b"\r", b"").replace(b"\n", b""), b"http://HERE/", b"http://HERE//" + evil,
        b"http://" + evil + b"/x", b"//" + evil, b"javascript:alert(1)", b"http://HERE@" + evil + b"/", b"http://[", b"",
        b"http://HERE/\\\\" + evil, b"http://HERE\t.evil/", b"\xff", b"http://HERE/" + b"a" * 5000, b"/%zz", b"http://HERE/%0d%0a",
    )  # fmt: skip


def _strange_headers(rng: random.Random, target: bytes) -> list[tuple[bytes, bytes]]:
    evil = EVIL_HOST.encode()
    return [
        (b"Host", evil), (b"Host", b"127.0.0.1:80:80"), (b"Host", b"a b"), (b"Host", b""), (b"X-Forwarded-Host", evil),
        (b"X-Forwarded-Proto", b"https"), (b"X-Forwarded-For", b"1.2.3.4"), (b"X-Original-URL", b"/admin/"),
        (b"Referer", rng.choice(_urls(target))), (b"Origin", b"https://" + evil), (b"Origin", b"null"), (b"Range", b"bytes=0-1"),
        (b"If-None-Match", b"*"), (b"If-None-Match", b'W/"' + b"a" * 3000), (b"If-Modified-Since", b"Thu, 32 Foo 2026"),
        (b"If-Match", b'"x"'), (b"If-Unmodified-Since", b"Thu, 01 Jan 1970 00:00:00 GMT"), (b"Accept", b"application/json"),
        (b"Cookie", b"sessionid=" + b"x" * 3000), (b"Cookie", b"sessionid=\xff\0; csrftoken=<>"), (b"Cookie", b"=; ;;a"),
        (b"Content-Type", b"application/json"), (b"Transfer-Encoding", b"gzip"), (b"Expect", b"100-continue"), (b"X", b"y" * 7000),
        (b"Authorization", b"Basic Zm9vOmJhcg=="), (b"Upgrade", b"websocket"), (b"Accept-Encoding", b"gzip;q=x, br"),
        (b"User-Agent", b"\xff\xfe<" + MARK.encode() + b">"), (b"X-HTTP-Method-Override", b"DELETE"), (b"Script_Name", b"/x"),
    ]  # fmt: skip


def _form(rng: random.Random, path: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Return a body and the headers that go with it; half of them bear the token that lets them through."""
    headers = [(b"X-CSRFToken", CSRF.encode())] if rng.random() < 0.5 else []
    if rng.random() < 0.15:
        kind = rng.choice(
            (b"multipart/form-data", b"multipart/form-data; boundary=x", b"application/json", b"text/plain; charset=x")
        )
        return rng.choice(
            (b"--x\r\nContent-Disposition: form-data; name=next\r\n\r\n//evil.example\r\n--x--", *ODD[:60])
        ), [
            *headers,
            (b"Content-Type", kind),
        ]
    names: Sequence[bytes] = (b"next", b"next", b"next", b"csrfmiddlewaretoken", b"lang", b"x")
    pairs = [(rng.choice(names), rng.choice((*ODD, *_urls(path), *BACK))) for _ in range(rng.choice((1, 1, 2, 3)))]
    body = b"&".join(name + b"=" + _encode(rng, value) for name, value in pairs)
    return body, [*headers, (b"Content-Type", b"application/x-www-form-urlencoded")]


BACK = tuple(
    text.encode()
    for text in (
        "/", "/buckets.json", f"//{EVIL_HOST}", f"///{EVIL_HOST}", f"/\\{EVIL_HOST}", f"\\\\{EVIL_HOST}", f"/\t/{EVIL_HOST}",
        f"/\n/{EVIL_HOST}", f"http:{EVIL_HOST}", f"https:/{EVIL_HOST}", f"/%2f{EVIL_HOST}", f" //{EVIL_HOST}", f"/%09/{EVIL_HOST}",
        f"/..//{EVIL_HOST}", f"/a\r\n{EVIL_HEADER}: 1", "/\x00", "/\x01/x", "/é名", "/" + "a" * HUGE, "//[", "/?next=//evil.example",
    )
)  # fmt: skip
