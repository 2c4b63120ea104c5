"""A faithful local Cloud Infinite: a process that answers what Tencent's CI would.

    python -m jobs.cloudinfinite.emulator --port 0 --seed 7 [--demo] [--latency 0.05] [--tokens offset] ...

It prints one line, `emulator listening on 127.0.0.1:PORT`, when it serves, and ends at once on SIGTERM. Standard library
only. It reads bucket and region from the Host header, verifies signatures and their time windows by an implementation of
its own, and answers `GET /inventorytriggerjob`, `GET /inventorytriggerjob/<JobId>` (host `<bucket>.ci.<region>.myqcloud.com`)
and `GET /mediabucket` (host `ci.<region>.myqcloud.com`). Whatever writes is refused with 403 and stands in the journal.
With `--demo` it serves `DEMO_BUCKETS` (50 ms an answer), without it starts with no bucket. Its credentials come from `--credential` or
EMULATOR_CREDENTIALS (`id:key[:token],...`), else it knows the invented pair DEMO_SECRET_ID, DEMO_SECRET_KEY.
Jobs come from a seed; their times count from the moment their bucket was created ("anchor"). Where a job stands follows
from its schedule and the clock.

Where nobody knows what CI does, a switch decides (`switches.py`); each is a command-line option and an admin call.

Admin API
---------
For tests; JSON, on Host 127.0.0.1 or localhost, below /_emulator/. Errors: 400 or 404 with {"error": text}.

    GET    /                       now, bucket names, latency
    POST   /reset                  everything as at the start
    GET    /switches               PATCH: set some
    GET    /clock                  PUT {"offset": s} from where it began, or {"now": unix s}; "frozen": true stops it
    PUT    /latency                {"seconds": s}, for buckets without their own
    PUT    /credentials            [{"secret_id", "secret_key", "token"}]: all that are known from now on
    POST   /credentials            one more, or one changed; DELETE /credentials/<secret_id>
    GET    /journal?since=&bucket= the calls: number, time, bucket, region, method, path, query, status, code, request_id,
                                   ids sent, their states, credential, in_flight, faults, seconds; DELETE forgets them
    GET    /calls                  {second: {bucket: number of calls}}
    PUT    /buckets/<name>         create or replace: region, jobs (how many), seed, spread, newest, shape, arrivals, moving
                                   (`generate.Recipe`), given [job fields], faults, latency, bound, anchor
    GET    /buckets/<name>         PATCH latency, bound; DELETE
    GET    /buckets/<name>/jobs    the truth, newest first: JobId, Type, Name, State, CreationTime
    POST   /buckets/<name>/jobs    add a job now: nodes of JobsDetail, others get plain values, null leaves one out
                                   (`store.JobStore.add`); answers {"JobId"}
    PATCH  /buckets/<name>/jobs/<JobId>   change nodes, null removes one; DELETE removes the job
    PUT    /buckets/<name>/faults  [fault, ...] in place of those set; POST adds one, DELETE removes all

A fault is {"kind": ..., parameters, "count": strikes so often, "probability": p, "seed": n,
"when": {"call": list|job|media_buckets, "token": has a nextToken, "credential": SecretId, "query": {name: value}}}.
Signatures are checked before faults strike. Kinds and their parameters:

    error         status, code, message
    raw           status, content_type, body or body_base64, headers
    garbage       data or data_base64: bytes sent in place of a response, then the connection is closed
    redirect      status, location
    hang          seconds: takes the call, sends nothing, until the client goes or the time is over
    huge          bytes, gzip, chunked: a well-formed list of that size (before compression), made while it is sent
    delay         seconds before the headers
    trickle       part (headers: all of the answer, body), chunk (bytes), interval and seconds (in all)
    reset         after: bytes of the body, then RST
    truncate      keep: share of the body; close: promise the whole and hang up, else a proper answer with broken XML
    date          offset: seconds by which the Date header is wrong
    token_repeat  the answer's NextToken is the one it was asked with
    empty_page    no rows, but a NextToken that leads on
    repeat_rows   rows: begin so many rows too early
    shuffle       among: "answer", the rows of each answer in another order; or "ties", jobs of one second in another order at
                  each call, so that tokens that count rows skip some and repeat others
"""

from __future__ import annotations

from .demo import DEMO_BUCKETS, DEMO_SECRET_ID, DEMO_SECRET_KEY, DemoBucket

__all__ = ["DEMO_BUCKETS", "DEMO_SECRET_ID", "DEMO_SECRET_KEY", "DemoBucket"]
