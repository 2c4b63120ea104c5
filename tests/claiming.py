"""Questions that are asked, and the records of their askings, for tests of how an asking moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from jobs import claims, servers, throttle
from jobs.problems import Problem

if TYPE_CHECKING:
    from jobs.claims import Lane

PROBLEM = Problem("upstream_failing", "InternalError", "We are sorry.", "req-1", at=1.0)
GATE = throttle.gate("media-prod-1250000000", "default")


def record(key: str) -> dict[str, str]:
    with servers.broker().connection() as client:
        # redis-py types the answers of its sync and async clients alike.
        fields: dict[bytes, bytes] = cast("Any", client).hgetall(claims._asking_key(key))
    return {name.decode(): value.decode("latin-1") for name, value in fields.items()}


def broker_ms() -> int:
    """Return the broker's time as askings have it."""
    with servers.broker().connection() as client:
        seconds, micros = cast("Any", client).time()
    return int(seconds * 1000 + micros // 1000)


def change(key: str, **fields: float | str | bytes) -> None:
    """Move an asking's record to another moment, instead of waiting for it."""
    with servers.broker().connection() as client:
        cast("Any", client).hset(claims._asking_key(key), mapping=fields)


def ask(key: str, lane: Lane = "person", *, reader: str = "", since: float = 0.0) -> claims.Asking:
    return claims.ask(key, GATE, lane=lane, reader=reader, since=since)


def running(key: str, lane: Lane = "person") -> claims.Claim:
    claim = claims.start(key, ask(key, lane).enqueued_at)
    assert claim is not None
    return claim


def leave_alone(key: str, seconds: float) -> None:
    """Let it be `seconds` since anything happened to a question."""
    names = ("first", "first_try", "seen", "again", "until", "held_since")
    moments = {name: value for name, value in record(key).items() if name in names}
    change(key, **{name: int(value) - round(seconds * 1000) for name, value in moments.items()})
