"""One GET over the wire, within its deadline and its size, by requests with connections that obey both.

No redirects, no cookies, nothing from the environment, no retries. urllib3 keeps its TLS: only the way to a socket is
ours.
"""

from __future__ import annotations

import contextvars
import http.client
import socket
import ssl
import sys
import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .exceptions import REQUEST_ID_LENGTH, CloudInfiniteError, DeadlineExceeded, Unreadable, UpstreamFailing, plain
from .parser import Answer
from .resolver import Addresses, Lookup, Resolver
from .watchdog import Call, Watchdog

PIECE = 64 * 1024  # bytes read at once
MAX_ERROR_BYTES = 64 * 1024  # read of an error answer; real ones have a few hundred
MAX_IDLE = 30.0  # seconds; a gateway may have forgotten an older connection without saying so
HOSTS = 64  # connection pools kept, one per bucket

_call: contextvars.ContextVar[Call] = contextvars.ContextVar("call")


class _Response(http.client.HTTPResponse):
    """An answer behind which the connection is used again only where nothing speaks against it."""

    headers: Any  # None until the head is read

    def begin(self) -> None:
        """Read the head of the final answer.

        http.client passes over an interim answer 100 alone, and takes any other for the final one: the next call on the connection
        would then get this one's answer. RFC 9110 (15.2) has all of them passed over; only 101 is the end of HTTP here.

        Of several Connection headers http.client heeds the first, RFC 9112 (9.3) all. Behind a line that is no header the rest of
        a head goes unread, and that the server closes may stand there.
        """
        super().begin()
        while 100 <= self.status < 200 and self.status != HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = None  # else it would take itself for begun
            super().begin()
        said = ",".join(self.headers.get_all("Connection", []))
        if "close" in said.lower() or self.headers.defects or self.headers.get_payload() or self.status < 200:
            self.will_close = True


class _Watched:
    """What both kinds of connection share: names resolved by the resolver, sockets known to the call that uses them."""

    resolver: Resolver
    sock: socket.socket | None
    last_used = 0.0

    def _new_conn(self) -> socket.socket:
        call = _call.get()
        connection: Any = self  # an HTTPConnection, which a mix-in can't say
        try:
            found = self.resolver.addresses(connection._dns_host, connection.port, call.remaining())
            opened = _connect(found, call, connection.socket_options or [])
        except socket.gaierror as error:
            raise urllib3.exceptions.NameResolutionError(connection.host, connection, error) from error
        except TimeoutError as error:
            raise urllib3.exceptions.ConnectTimeoutError(connection, "the deadline has passed") from error
        except (OSError, ValueError) as error:
            raise urllib3.exceptions.NewConnectionError(connection, type(error).__name__) from error
        call.hold(opened)
        sys.audit("http.client.connect", self, connection.host, connection.port)
        return opened

    def take(self) -> None:
        """Begin to use this connection, in the call of this thread."""
        if self.sock is not None:
            _call.get().hold(self.sock)

    def give(self) -> None:
        """Stop using this connection, before another thread may have it."""
        self.last_used = time.monotonic()
        if not _call.get().let_go():
            connection: Any = self
            connection.close()

    def is_idle_too_long(self) -> bool:
        return time.monotonic() - self.last_used > MAX_IDLE


class _WatchedHTTPConnection(_Watched, HTTPConnection):
    response_class = _Response


class _WatchedHTTPSConnection(_Watched, HTTPSConnection):
    response_class = _Response


class _WatchedPool:
    """What both kinds of pool share: a connection is watched from when it leaves the pool to when it comes back."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]  # a mix-in before urllib3's pools
        if connection.sock is not None and connection.is_idle_too_long():
            connection.close()
        connection.take()
        return connection

    def _put_conn(self, connection: Any) -> None:
        if connection is not None:
            connection.give()
        super()._put_conn(connection)  # type: ignore[misc]  # as above


class _Adapter(HTTPAdapter):
    """Gives requests' pool managers, the direct one and a proxy's, our pools."""

    def __init__(self, resolver: Resolver, pool_size: int) -> None:
        watched = type("WatchedHTTPConnection", (_WatchedHTTPConnection,), {"resolver": resolver})
        watched_tls = type("WatchedHTTPSConnection", (_WatchedHTTPSConnection,), {"resolver": resolver})
        self._pools = {
            "http": type("Pool", (_WatchedPool, HTTPConnectionPool), {"ConnectionCls": watched}),
            "https": type("TLSPool", (_WatchedPool, HTTPSConnectionPool), {"ConnectionCls": watched_tls}),
        }
        super().__init__(pool_connections=HOSTS, pool_maxsize=pool_size)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager


class Transport:
    """Sends requests for all threads of a worker. Arguments as of `Client`."""

    def __init__(
        self, *, deadline: float, max_bytes: int, pool_size: int, proxy: str | None, lookup: Lookup = socket.getaddrinfo
    ) -> None:
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._watchdog = Watchdog(deadline)
        self._resolver = Resolver(lookup)
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.session.headers.update({"User-Agent": "batchlens", "Accept-Encoding": "gzip"})
        self.session.proxies = {"http": proxy, "https": proxy} if proxy else {}
        adapter = _Adapter(self._resolver, pool_size)
        self.session.mount("http://", adapter)
        self.session.mount("https://", adapter)

    def get(self, url: str, host: str, auth: AuthBase) -> Answer:
        """Send one GET for `host` to `url` and return the whole answer, whatever its status.

        Raises DeadlineExceeded, UpstreamFailing (no connection, or lost on the way) and Unreadable (too large). Neither
        their causes nor their frames lead to the request, which holds the signature and the token.
        """
        call = self._watchdog.watch()
        token = _call.set(call)
        try:
            outcome = self._exchange(url, host, auth)
        finally:
            _call.reset(token)
            is_late = call.finish()
        # An answer cut off by the watchdog can look like one that ended.
        if is_late or outcome is None:
            raise DeadlineExceeded("timeout", f"No whole answer within {self._deadline:g} seconds.", None, "")
        if isinstance(outcome, CloudInfiniteError):
            raise outcome
        return outcome

    def close(self) -> None:
        """Close idle connections and end the helper threads."""
        self.session.close()
        self._watchdog.close()
        self._resolver.close()

    def _exchange(self, url: str, host: str, auth: AuthBase) -> Answer | CloudInfiniteError | None:
        """Return the answer, or the failure to raise, None for a time-out: raised here it would keep this frame alive."""
        try:
            with self.session.get(
                url, headers={"Host": host}, auth=auth, stream=True, allow_redirects=False, timeout=self._deadline
            ) as response:
                return self._read(response)
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            return None
        except (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            reason = _reason(error)
        except ValueError as error:  # a header or a host name that can't be sent
            reason = f"the request can't be sent, {type(error).__name__}"
        return UpstreamFailing("unreachable", f"No answer from {host}: {reason}.", None, "")

    def _read(self, response: requests.Response) -> Answer | Unreadable:
        is_error = not 200 <= response.status_code < 300
        limit = MAX_ERROR_BYTES if is_error else self._max_bytes
        request_id = response.headers.get("x-ci-request-id") or response.headers.get("x-cos-request-id") or ""
        request_id = plain(request_id, REQUEST_ID_LENGTH)
        body = bytearray()
        # Decompressed piece by piece: a small body can become a huge one.
        for piece in response.raw.stream(PIECE, decode_content=True):
            body += piece
            if len(body) > limit:
                if is_error:
                    break
                return Unreadable(
                    "too_large", f"The answer has more than {limit} bytes.", response.status_code, request_id
                )
        return Answer(
            status=response.status_code,
            body=bytes(body[:limit]),
            request_id=request_id,
            trace_id=plain(response.headers.get("x-ci-trace-id") or "", REQUEST_ID_LENGTH),
            date=_unix_time(response.headers.get("Date")),
        )


def _connect(found: Addresses, call: Call, options: Any) -> socket.socket:
    """Connect to the first address that answers before the deadline."""
    trouble: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in found:
        opened = socket.socket(family, kind, protocol)
        try:
            for option in options:
                opened.setsockopt(*option)
            opened.settimeout(call.remaining())
            opened.connect(address)
        except OSError as error:
            opened.close()
            trouble = error
        else:
            return opened
    raise trouble


REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "the name can't be resolved"),
    (ssl.SSLCertVerificationError, "its certificate can't be trusted"),
    (ssl.SSLError, "TLS failed"),
    (urllib3.exceptions.ProxyError, "the proxy failed"),
    (ConnectionRefusedError, "connection refused"),
    (http.client.IncompleteRead, "connection lost in mid-answer"),
    (ConnectionError, "connection reset"),
    (http.client.HTTPException, "not HTTP"),
    (urllib3.exceptions.DecodeError, "its compression is broken"),
)


def _reason(error: BaseException) -> str:
    """Say in our own words why, from the innermost cause we know: the errors' texts hold addresses and queries."""
    chain: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(chain) < 20:
        current = waiting.pop()
        if isinstance(current, BaseException) and current not in chain:
            chain.append(current)
            waiting += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
    return next(
        (words for kind, words in REASONS if any(isinstance(link, kind) for link in chain)), "connection failed"
    )


def _unix_time(date: str | None) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except (ValueError, OverflowError):
        return None
