"""Checks request signatures (ci-api.md §5), written from the API's text and not from the client's code: that is the point.

Alone responsible for saying whether an `Authorization` header was made with a known key, over this very request, in its time.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

Refusal = Literal["missing", "malformed", "unknown_id", "mismatch", "token", "expired", "skewed"]

SKEW_LIMIT = 900  # seconds; beyond this COS speaks of a skewed clock, within it of an expired request


@dataclass(frozen=True)
class Known:
    """A credential the emulator accepts. With a token it is a temporary one, and requests must carry the token."""

    secret_id: str
    secret_key: str
    token: str = ""

    def __repr__(self) -> str:
        return f"Known({self.secret_id!r})"


@dataclass(frozen=True)
class Signed:
    """What is signed: the request as the server received it. `path` is decoded, header names are lower case."""

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]


class SignatureRefusedError(Exception):
    """The signature does not hold; `reason` is one of `Refusal`."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason = reason


def encode(text: str) -> str:
    """UrlEncode of ci-api.md §5.1: everything but letters, digits and `-_.~`, upper-case hex, space as %20."""
    return quote(text, safe="-_.~")


def claimed_id(authorization: str) -> str:
    """The SecretId that an Authorization header names, or ""; nothing is checked."""
    return _parts(authorization).get("q-ak", "")


def verify(signed: Signed, credentials: Mapping[str, Known], now: float, demanded: str = "either") -> Known:
    """Return the credential that signed this request.

    `credentials` maps SecretId to what is known of it, `now` is the server's time in unix seconds, `demanded` is the
    switch `token_header`. Raises SignatureRefusedError.
    """
    authorization = signed.headers.get("authorization", "")
    if not authorization.strip():
        raise SignatureRefusedError("missing")
    parts = _parts(authorization)
    key_time = parts.get("q-key-time", "")
    start, end = _window(key_time)
    if parts.get("q-sign-algorithm") != "sha1" or parts.get("q-sign-time") != key_time or end <= start:
        raise SignatureRefusedError("malformed")
    known = credentials.get(parts.get("q-ak", ""))
    if known is None:
        raise SignatureRefusedError("unknown_id")
    header_list, parameter_list = _names(parts.get("q-header-list")), _names(parts.get("q-url-param-list"))
    parameters = [(encode(name).lower(), encode(value)) for name, value in signed.query]
    # A client behind a port may sign the Host header as sent or the bare host name (ci-api.md §5.2).
    for host in dict.fromkeys((signed.headers.get("host", ""), signed.headers.get("host", "").rpartition(":")[0])):
        if not host and "host" in header_list:
            continue
        headers = [(encode(name).lower(), encode(value)) for name, value in {**signed.headers, "host": host}.items()]
        text = "\n".join(
            (
                signed.method.lower(),
                signed.path,
                _chosen(parameters, parameter_list),
                _chosen(headers, header_list),
                "",
            )
        )
        if hmac.compare_digest(_signature(known.secret_key, key_time, text), parts.get("q-signature", "").encode()):
            break
    else:
        raise SignatureRefusedError("mismatch")
    families = ("ci", "cos") if demanded == "either" else (demanded,)
    if known.token and known.token not in [signed.headers.get(f"x-{family}-security-token") for family in families]:
        raise SignatureRefusedError("token")
    if not start <= now <= end:
        raise SignatureRefusedError("skewed" if abs(now - start) > SKEW_LIMIT else "expired")
    return known


def _parts(authorization: str) -> dict[str, str]:
    pairs = (field.partition("=") for field in authorization.strip().split("&"))
    return {name: value for name, _, value in pairs}


def _window(key_time: str) -> tuple[int, int]:
    start, _, end = key_time.partition(";")
    if not (start.isascii() and start.isdigit() and end.isascii() and end.isdigit()):
        raise SignatureRefusedError("malformed")
    return int(start), int(end)


def _names(text: str | None) -> list[str]:
    if text is None:
        raise SignatureRefusedError("malformed")
    return text.split(";") if text else []


def _chosen(pairs: list[tuple[str, str]], names: list[str]) -> str:
    """`k1=v1&k2=v2` of the pairs that the client declared; one it declared and did not send can't match."""
    chosen = sorted((name, value) for name, value in pairs if name in names)
    if sorted(names) != [name for name, _ in chosen]:
        raise SignatureRefusedError("mismatch")
    return "&".join(f"{name}={value}" for name, value in chosen)


def _signature(secret_key: str, key_time: str, text: str) -> bytes:
    sign_key = hmac.new(secret_key.encode(), key_time.encode(), hashlib.sha1).hexdigest()
    digest = hashlib.sha1(text.encode()).hexdigest()
    to_sign = f"sha1\n{key_time}\n{digest}\n"
    return hmac.new(sign_key.encode(), to_sign.encode(), hashlib.sha1).hexdigest().encode()
