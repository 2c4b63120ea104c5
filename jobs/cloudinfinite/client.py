"""The calls of Cloud Infinite's batch API that a read-only tool needs. The caller retries; nothing here does."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlsplit

from .auth import Credential, QSignAuth, encoded, query_string
from .exceptions import CloudInfiniteError, CredentialsRejected, NotFound, Refused
from .names import bucket_host, region_host, valid_job_id
from .parser import Answer, parse_job, parse_jobs, parse_media_buckets
from .resolver import Lookup
from .schema import JobAnswer, JobsAnswer, MediaBucketsAnswer, format_time
from .transport import Transport

MAX_BYTES = 8 * 1024 * 1024
JOBS_PATH = "/inventorytriggerjob"
Parsed = TypeVar("Parsed")


class Client:
    """Asks CI. Thread-safe: one serves all threads of a worker.

    Arguments: `clock` returns CI's time in unix seconds; `endpoint` ("http://127.0.0.1:9000") is where to connect
    instead of the bucket's host, which stays the Host header and is what is signed; `deadline` in seconds for a whole
    call; `max_bytes` of an answer after decompression; `pool_size` connections kept per host, one per thread; `proxy`
    an http(s) URL, never taken from the environment; `lookup` resolves names as getaddrinfo does.

    Every method raises CloudInfiniteError, one of its classes, and nothing else for what a name, a network or an
    upstream can do.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        endpoint: str | None = None,
        deadline: float = 5.0,
        max_bytes: int = MAX_BYTES,
        pool_size: int = 20,
        proxy: str | None = None,
        lookup: Lookup = socket.getaddrinfo,
    ) -> None:
        self._clock = clock
        self._endpoint = _origin(endpoint) if endpoint else None
        if proxy and urlsplit(proxy).scheme not in ("http", "https"):
            raise ValueError("a proxy is an http or https URL")
        self._transport = Transport(
            deadline=deadline, max_bytes=max_bytes, pool_size=pool_size, proxy=proxy, lookup=lookup
        )

    def list_jobs(
        self,
        bucket: str,
        region: str,
        credential: Credential,
        *,
        type: str = "",  # noqa: A002 - the API's name
        states: Iterable[str] = (),
        name: str = "",
        job_id: str = "",
        workflow_id: str = "",
        start_creation_time: datetime | None = None,
        end_creation_time: datetime | None = None,
        order_by_time: str = "",
        size: int = 10,
        next_token: str = "",
    ) -> JobsAnswer:
        """Return one page of batch jobs (CN 460/76894, `GET /inventorytriggerjob`).

        Times are aware and inclusive. What is empty isn't sent, so upstream's defaults hold; `size` always is.
        """
        return self._ask(
            lambda: bucket_host(bucket, region),
            JOBS_PATH,
            {
                "type": type,
                "states": ",".join(states),
                "name": name,
                "jobId": job_id,
                "workflowId": workflow_id,
                "startCreationTime": format_time(start_creation_time) if start_creation_time else "",
                "endCreationTime": format_time(end_creation_time) if end_creation_time else "",
                "orderByTime": order_by_time,
                "size": str(size),
                "nextToken": next_token,
            },
            credential,
            parse_jobs,
        )

    def get_job(self, bucket: str, region: str, credential: Credential, job_id: str) -> JobAnswer:
        """Return one batch job (CN 460/76893, `GET /inventorytriggerjob/<jobId>`).

        Raises NotFound when CI doesn't know it.
        """
        if not valid_job_id(job_id):
            raise NotFound("no_such_job", "This can be no job id.", None, "")
        return self._ask(
            lambda: bucket_host(bucket, region),
            f"{JOBS_PATH}/{encoded(job_id)}",
            {},
            credential,
            lambda answer, now: parse_job(answer, job_id, now),
        )

    def list_media_buckets(
        self,
        region: str,
        credential: Credential,
        *,
        regions: Iterable[str] = (),
        bucket_names: Iterable[str] = (),
        bucket_name: str = "",
        page_number: int = 1,
        page_size: int = 100,
    ) -> MediaBucketsAnswer:
        """Return one page of the buckets with media processing on (CN 436/48988, `GET /mediabucket`).

        `bucket_names` are matched exactly, `bucket_name` is a prefix; `region` is whose host is asked.
        """
        return self._ask(
            lambda: region_host(region),
            "/mediabucket",
            {
                "regions": ",".join(regions),
                "bucketNames": ",".join(bucket_names),
                "bucketName": bucket_name,
                "pageNumber": str(page_number),
                "pageSize": str(page_size),
            },
            credential,
            parse_media_buckets,
        )

    def close(self) -> None:
        """Close idle connections and end the helper threads."""
        self._transport.close()

    def _ask(
        self,
        host_of: Callable[[], str],
        path: str,
        params: dict[str, str],
        credential: Credential,
        parse: Callable[[Answer, float], Parsed],
    ) -> Parsed:
        """Send one GET and read its answer. `path` is percent-encoded, `params` are not."""
        if not credential.is_sendable:
            raise CredentialsRejected(
                "invalid_credential", "The credential holds characters that no header can carry.", None, ""
            )
        try:
            host = host_of()
        except ValueError as error:
            refusal = Refused("invalid_host", f"This can't be part of a host name: {error}.", None, "")
        else:
            query = query_string((name, value) for name, value in params.items() if value)
            url = f"{self._endpoint or 'https://' + host}{path}{'?' + query if query else ''}"
            answer = self._transport.get(url, host, QSignAuth(credential, self._clock))
            return self._read(answer, credential, parse)
        raise refusal

    def _read(self, answer: Answer, credential: Credential, parse: Callable[[Answer, float], Parsed]) -> Parsed:
        with contextlib.suppress(CloudInfiniteError):
            return parse(answer, self._clock())
        # What can't be read may be a gateway's page that repeats our headers: what is kept of it is taken without them.
        return parse(replace(answer, body=credential.hide(answer.body)), self._clock())


def _origin(endpoint: str) -> str:
    """Return `endpoint` without a final slash. Raises ValueError for anything else than scheme, host and port."""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("an endpoint is http(s)://host[:port]")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.port == 0:
        raise ValueError("an endpoint has no path")
    return f"{parts.scheme}://{parts.netloc}"
