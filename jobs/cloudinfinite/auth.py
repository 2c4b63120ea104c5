"""The request signature (q-sign-algorithm=sha1) as a requests authentication scheme.

Source: 436/7778; CI uses COS's algorithm.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_to_bytes, urlsplit

import requests
from requests.auth import AuthBase

TOKEN_HEADERS = ("x-ci-security-token", "x-cos-security-token")
"""Where a temporary key's token goes. CI's pages name the first (INTL 1045/43609), those about signatures the second (436/7778)."""
STARTS_BEFORE = 60
"""Seconds before now at which a signature begins to hold: their clock may be behind ours."""
ENDS_AFTER = 600
"""Seconds after now until which it holds."""


@dataclass(frozen=True)
class Credential:
    """A key pair, with a token when it is temporary. Its repr shows nothing of it."""

    secret_id: str = field(repr=False)
    secret_key: str = field(repr=False)
    security_token: str = field(default="", repr=False)

    @property
    def is_sendable(self) -> bool:
        """Whether the parts that travel in headers consist of printable ASCII, as headers demand."""
        sent = self.secret_id + self.security_token
        return sent.isascii() and sent.isprintable()

    def hide(self, body: bytes) -> bytes:
        """Return `body` with every part of this credential replaced, and signatures with it."""
        for secret in (self.secret_key, self.security_token, self.secret_id):
            if secret:
                body = body.replace(secret.encode(), b"***")
        return re.sub(rb"q-signature=[0-9a-f]+", b"q-signature=***", body)


def encoded(value: str | bytes) -> str:
    """Percent-encode as the signature does: everything but letters, digits and `-_.~`, in upper-case hex."""
    return quote(value.encode(errors="replace") if isinstance(value, str) else value, safe="-_.~")


def query_string(params: Iterable[tuple[str, str]]) -> str:
    """Return `params` as they go over the wire, so that what is sent and what is signed cannot differ."""
    return "&".join(f"{encoded(name)}={encoded(value)}" for name, value in params)


def authorization(
    credential: Credential,
    key_time: str,
    method: str,
    path: str,
    params: Iterable[tuple[str | bytes, str | bytes]],
    headers: Iterable[tuple[str, str]],
) -> str:
    """Return the Authorization header's value.

    Arguments: `key_time` is "<start>;<end>" in unix seconds; `path` is decoded; `params` and `headers` are all that is
    to be signed, decoded.
    """
    signed_params = _sorted_pairs(params)
    signed_headers = _sorted_pairs(headers)
    http_string = f"{method.lower()}\n{path}\n{_joined(signed_params)}\n{_joined(signed_headers)}\n"
    http_hash = hashlib.sha1(http_string.encode()).hexdigest()
    sign_key = _hmac(credential.secret_key, key_time)
    signature = _hmac(sign_key, f"sha1\n{key_time}\n{http_hash}\n")
    return (
        f"q-sign-algorithm=sha1&q-ak={credential.secret_id}&q-sign-time={key_time}&q-key-time={key_time}"
        f"&q-header-list={';'.join(name for name, _ in signed_headers)}"
        f"&q-url-param-list={';'.join(name for name, _ in signed_params)}"
        f"&q-signature={signature}"
    )


class QSignAuth(AuthBase):
    """Signs the host and every query parameter of a request, and the token of a temporary key in both its headers.

    `clock` returns CI's time in unix seconds. The signature holds from a minute before it to ten minutes after it.
    """

    def __init__(self, credential: Credential, clock: Callable[[], float]) -> None:
        self._credential = credential
        self._clock = clock

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        url = urlsplit(request.url or "")
        # An explicit Host header is what arrives, whatever the URL says and whichever port it names.
        host = request.headers.setdefault("Host", url.netloc.rpartition("@")[2])
        headers = [("host", host)]
        if self._credential.security_token:
            tokens = dict.fromkeys(TOKEN_HEADERS, self._credential.security_token)
            request.headers.update(tokens)
            headers += tokens.items()
        now = int(self._clock())
        request.headers["Authorization"] = authorization(
            self._credential,
            f"{now - STARTS_BEFORE};{now + ENDS_AFTER}",
            request.method or "GET",
            unquote_to_bytes(url.path or "/").decode(errors="replace"),
            _decoded_query(url.query),
            headers,
        )
        return request


def _decoded_query(query: str) -> list[tuple[bytes, bytes]]:
    """Read a query as the server reads it."""
    pairs = []
    for part in query.split("&"):
        if part:
            name, _, value = part.replace("+", " ").partition("=")
            pairs.append((unquote_to_bytes(name), unquote_to_bytes(value)))
    return pairs


def _sorted_pairs(pairs: Iterable[tuple[str | bytes, str | bytes]]) -> list[tuple[str, str]]:
    return sorted((encoded(name).lower(), encoded(value)) for name, value in pairs)


def _joined(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in pairs)


def _hmac(key: str, message: str) -> str:
    return hmac.new(key.encode(), message.encode(), hashlib.sha1).hexdigest()
