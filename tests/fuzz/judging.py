"""Says what is wrong with the answer to a hostile request: nothing here knows which request it was made to be."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

from tests.fuzz.addresses import EVIL_HEADER, EVIL_HOST, MARK
from tests.fuzz.matching import disordered, unfit
from tests.fuzz.wire import Received, Request, exchange
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.fuzz.addresses import Places

PORTAL = "https://portal.example.com"
"""The one origin that may frame `/embed`."""
INSIDE = (
    "Traceback", "DJANGO_SETTINGS_MODULE", "dashboard.settings", "SECRET_KEY", "REDIS_URL", "redis://", "sqlite3", str(ROOT),
    "site-packages", "INSTALLED_APPS", "Exception Type", "DEBUG = True",
)  # fmt: skip
"""What stands in error pages for developers, and in nothing that we say."""
OF_SLOWNESS = {503: {"no_worker", "busy", "redis_down"}, 504: {"timeout"}}
"""What the site may say while the machine stands still: upstream, Redis and worker are well all the time."""
OWNER = "_bucket"
"""The key, and the column, that says whose a job of several buckets is."""
HOPS = 3
"""Redirects until an address is the canonical one."""
SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_GUNICORN = re.compile(rb"<html>\s+<head>\s+<title>[^<]{3,60}</title>\s+</head>\s+<body>\s+<h1><p>[^<]{3,60}</p></h1>")
_BUCKET = re.compile(r"/(?:embed/)?buckets/([^/]+)/(?:jobs|retry|insight|export|loaded)\b")
_TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]+"')
_ROW = re.compile(r'\bid="job-([^"]+)"')
_CODE = re.compile(r'role="alert" data-code="([^"]+)"')


@dataclass(frozen=True)
class Person:
    """Who asks: a name, the cookies, and the words that this person must never see."""

    name: str
    cookies: bytes
    secrets: tuple[str, ...]
    is_stranger: bool

    def ask(self, host: str, request: Request) -> Received:
        """Send a request as this person."""
        return exchange(host, request, self.cookies)


def complaints(
    person: Person,
    request: Request,
    received: Received,
    places: Places,
    canaries: Sequence[str],
    *,
    is_slow: Callable[[], bool],
) -> list[str]:
    """Return what is wrong with one answer, in a few words each.

    Args:
        person: who asked.
        request: what was asked.
        received: the answer.
        places: what there is to ask for.
        canaries: words that nobody may see.
        is_slow: tells whether the machine stood still meanwhile.
    """
    if is_gunicorns(request, received):
        return [] if received.status < 500 else [f"gunicorn answered {received.status}"]
    found = [*_leaks(person, request, received, canaries), *_headers(request, received), *_redirect(received, places)]
    if received.status >= 500 and not (is_of_slowness(request, received) and is_slow()):
        found.append(f"status {received.status} {problem_code(received)}, though all is well")
    text = received.body.decode(errors="replace")
    if received.kind == "text/html" and f"<{MARK}" in text:
        found.append("markup of the request stands in the page")
    if any(name == EVIL_HEADER.lower() for name, _value in received.headers):
        found.append("a header of the request's making")
    found += _stranger(request, received) if person.is_stranger else foreign_rows(request, received, places)
    bucket = bucket_of(request)
    # A method, a form or a host that is refused whatever the address is, and a slash that is missing, say nothing of it.
    refused = (
        (403, 404, 405, 301) if request.method == "GET" and not request.header(b"host") else (400, 403, 404, 405, 301)
    )
    if not person.is_stranger and bucket in (places.elsewhere, places.hidden) and received.status not in refused:
        found.append(f"a bucket that may not be seen answers {received.status}")
    return found


def is_gunicorns(request: Request, received: Received) -> bool:
    """Tell whether gunicorn itself refused what is no HTTP: no middleware of ours ever saw it."""
    if {name for name, _value in received.headers} - {"connection", "content-type", "content-length"}:
        return False
    return bool(_GUNICORN.match(received.body)) or request.method == "HEAD"


def is_of_slowness(request: Request, received: Received) -> bool:
    """Tell whether an answer of 5xx is one that a slow machine explains."""
    if request.target.split(b"?")[0].endswith(b"/readyz") and received.status == 503:
        return received.kind == "application/json"
    return problem_code(received) in OF_SLOWNESS.get(received.status, ())


def problem_code(received: Received) -> str:
    """Return the code of the problem that an answer shows, "" where it shows none."""
    text = received.body.decode(errors="replace")
    if received.kind == "application/json":
        try:
            problem: Any = json.loads(text).get("problem")
        except ValueError:
            return ""
        return str(problem["code"]) if problem else ""
    match = _CODE.search(text)
    return match[1] if match else ""


def bucket_of(request: Request) -> str:
    """Return the bucket whose jobs an address names, "" where it names none."""
    # The same steps as a WSGI server's and Django's: cut the query off, decode, read as UTF-8.
    path = request.target.split(b"?")[0].split(b"#")[0]
    match = _BUCKET.match(unquote_to_bytes(path).decode(errors="replace"))
    return match[1] if match else ""


def foreign_rows(request: Request, received: Received, places: Places) -> list[str]:
    """Return the rows of a viewer's answer that are no jobs of the buckets that the viewer may see, or of the one asked for.

    Nor may they be any that the filter of the address does not let through, but in a tick: there a row that left the list stays.
    """
    if received.status != 200 or request.method == "HEAD":
        return []
    rows = shown_rows(received)
    if rows is None:
        return [f"{received.kind} that can't be read"]
    # A server never looks at what stands behind a #.
    bucket, query = bucket_of(request), request.target.split(b"#")[0].partition(b"?")[2]
    mine = {name: places.jobs.get(name, {}) for name in (places.shown, places.shown_too)}
    if bucket:
        mine = {bucket: mine.get(bucket, {})}
    found = []
    for row in rows:
        # Only a merged list names a row by its bucket, too.
        owner, _, job_id = row.rpartition("/")
        known = mine.get(owner, {}) if owner else {name: job for jobs in mine.values() for name, job in jobs.items()}
        if job_id not in known or (owner and bucket):
            found.append(f"row {row!r} of no bucket that was asked for")
        elif not is_tick(request) and (names := unfit(known[job_id], query, datetime.now(UTC))):
            found.append(f"row {row!r}, which does not pass {names}")
    if bucket and rows and not found and not is_tick(request):
        found += disordered([mine[bucket][row] for row in rows], query)
    return found


def shown_rows(received: Received) -> list[str] | None:
    """Return the jobs that an answer shows, as its rows are named; None where it is called JSON or a file, and is none."""
    if received.kind == "text/html":
        return [html.unescape(row) for row in _ROW.findall(received.body.decode(errors="replace"))]
    try:
        match received.kind:
            case "application/json":
                data: Any = json.loads(received.body)
                return _names(data.get("jobs", []) if isinstance(data, dict) else [])
            case "application/x-ndjson":
                head, *rows = [json.loads(line) for line in received.body.decode().removesuffix("\n").split("\n")]
                return _names(rows) if "_export" in head else None
            case "text/csv":
                return _names(csv.DictReader(io.StringIO(received.body.decode("utf-8-sig"), newline="")))
    except (ValueError, KeyError, TypeError, csv.Error):
        return None
    return []


def is_tick(request: Request) -> bool:
    """Tell whether a request is one of a live list's, however its path is written."""
    return unquote_to_bytes(request.target.partition(b"?")[0]).endswith(b"/tick/")


def _names(rows: Iterable[Any]) -> list[str]:
    return ["/".join(filter(None, (row.get(OWNER, ""), row["JobId"]))) for row in rows if isinstance(row, dict)]


def _leaks(person: Person, request: Request, received: Received, canaries: Sequence[str]) -> list[str]:
    answer = f"{received.head}\n{received.body.decode(errors='replace')}"
    asked = b"\n".join([request.target, request.body, *(value for _name, value in request.headers)])
    said = asked + unquote_to_bytes(asked) + unquote_to_bytes(unquote_to_bytes(asked))
    found = [f"shows {canary!r}" for canary in canaries if canary in answer]
    found += [f"shows {word!r}" for word in INSIDE if word in answer and word.encode() not in said]
    # Prometheus reads the numbers of each bucket without signing in; whoever runs Batchlens keeps the world away from them.
    if unquote_to_bytes(request.target.split(b"?")[0]) == b"/metrics":
        return found
    # What the asker wrote may be told back; that it is told back alike for what doesn't exist is `unlike` below.
    found += [f"{person.name} sees {word!r}" for word in person.secrets if word in answer and word.encode() not in said]
    return found


def _headers(request: Request, received: Received) -> list[str]:
    found = [
        f"{name} is {received.header(name)!r}" for name, value in SECURITY.items() if received.header(name) != value
    ]
    if unquote_to_bytes(request.target).startswith(b"/static/") and received.status in (200, 206, 304, 405, 416):
        return found  # WhiteNoise's, which holds no page
    policy = received.header("content-security-policy")
    if "default-src 'none'" not in policy or "unsafe" in policy:
        found.append(f"policy is {policy!r}")
    if f"frame-ancestors {PORTAL}" in policy:
        if not unquote_to_bytes(request.target).startswith(b"/embed/"):
            found.append("may be framed outside of /embed")
    elif "frame-ancestors 'none'" not in policy or received.header("x-frame-options") != "DENY":
        found.append(f"framing: {policy!r}, {received.header('x-frame-options')!r}")
    return found


def _redirect(received: Received, places: Places) -> list[str]:
    names = (
        "location",
        "hx-redirect",
        "hx-location",
        "hx-push-url",
        "hx-replace-url",
        "batchlens-address",
        "content-location",
    )
    found = []
    for name in names:
        where = received.header(name)
        if where and where not in ("false", "true") and not stays(where, places.host):
            found.append(f"{name} leads to {where[:200]!r}")
    if "url" in received.header("refresh").lower():
        found.append("Refresh names an address")
    if 300 <= received.status < 400 and received.status != 304 and not received.header("location"):
        found.append(f"{received.status} without a Location")
    return found


def stays(where: str, host: str) -> bool:
    """Tell whether a browser that is sent to `where` stays on this host; it drops tabs and takes `\\` for `/`."""
    seen = re.sub(r"[\t\r\n]", "", where).strip("".join(map(chr, range(33)))).replace("\\", "/")
    try:
        parts = urlsplit(seen)
    except ValueError:
        return False
    if EVIL_HOST in parts.netloc or (seen.startswith("//") and parts.netloc != host):
        return False
    return (not parts.scheme and not parts.netloc) or (parts.scheme == "http" and parts.netloc == host)


def _stranger(request: Request, received: Received) -> list[str]:
    """Return what a stranger got that is neither sign-in, nor "there is nothing", nor for everybody."""
    if received.status in (301, 302, 303, 304, 400, 401, 403, 404, 405, 410, 416):
        # Only what a view of ours renders for a reader has a list in it.
        return ["a stranger sees a list"] if b'id="job-' in received.body else []
    if received.header("hx-redirect") and not received.body:
        return []
    path = unquote_to_bytes(request.target.split(b"?")[0])
    if path.startswith((b"/static/", b"/sign-in/", b"/sign-out/", b"/healthz", b"/readyz", b"/metrics")):
        return []
    return [f"a stranger gets {received.status}"]


# What takes more than one answer ---------------------------------------------------------------------------------------


def lost_on_the_way(
    person: Person, request: Request, received: Received, places: Places, *, is_slow: Callable[[], bool]
) -> list[str]:
    """Follow redirects of a GET: they end within `HOPS`, not in trouble, and not at rows of others."""
    seen = [request.target]
    while received.status in (301, 302, 303, 307, 308):
        where = received.header("location")
        if len(seen) > HOPS:
            return [f"redirects on and on: {seen}"]
        if not stays(where, places.host):
            return []  # said already
        target = where.removeprefix(f"http://{places.host}").encode("latin-1", "replace")
        if not target.startswith(b"/"):
            return [f"leads to a relative {where[:200]!r}"]
        seen.append(target)
        received = person.ask(places.host, replace(request, target=target))
    if received.status >= 500 and not (is_of_slowness(request, received) and is_slow()):
        return [f"redirects to status {received.status}: {seen}"]
    return [] if person.is_stranger else foreign_rows(replace(request, target=seen[-1]), received, places)


def unlike(person: Person, request: Request, received: Received, places: Places) -> list[str]:
    """Ask for an unknown bucket in place of one that may not be seen: nobody can tell them apart by the answer."""
    secret = next((name for name in (places.elsewhere, places.hidden) if name.encode() in request.target), "")
    # Of several names the order in a canonical address depends on the names themselves.
    if not secret or sum(name.encode() in request.target for name in set(places.buckets)) > 1:
        return []
    other = replace(request, target=request.target.replace(secret.encode(), places.unknown.encode()))
    twin = person.ask(places.host, other)

    def comparable(answer: Received) -> tuple[int, str, bytes]:
        body = _TOKEN.sub(b"", answer.body).replace(secret.encode(), places.unknown.encode())
        heads = [
            f"{name}: {value}"
            for name, value in answer.headers
            if name not in ("date", "expires", "set-cookie", "content-length", "x-request-id")
        ]
        return answer.status, "\n".join(heads).replace(secret, places.unknown), body

    ours, theirs = comparable(received), comparable(twin)
    return [] if ours == theirs else [f"differs from the answer for an unknown bucket: {ours}, {theirs}"]
