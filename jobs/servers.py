"""The two Redis servers: connections with short time-outs, Lua scripts by name, and a breaker.

The broker (`REDIS_URL`) holds claims, wake-ups, heartbeats and Celery's queues. The cache (`REDIS_CACHE_URL`) holds
what may be forgotten at any moment. A server that timed out counts as down for a second, so threads don't pile up.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from jobs.sentinels import SentinelUrl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Call = tuple[Sequence[str], Sequence[str | bytes | int | float]]

TROUBLE = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.OutOfMemoryError,
)
"""What means that the server can't do its work now; any other error is ours."""

TROUBLED_WORDS = ("UNBLOCKED", "MASTERDOWN", "MISCONF", "NOREPLICAS", "READONLY", "OOM")
"""How an error without a class of its own begins that means the same: a server that changes roles, or can't write."""

TIMEOUT = 1.0
DOWN_FOR = 1.0


class ServerDown(Exception):
    """A Redis server can't be used at the moment; `role` is "broker" or "cache"."""

    def __init__(self, role: str) -> None:
        super().__init__(f"the {role} Redis is down")
        self.role = role


def is_trouble(error: BaseException) -> bool:
    """Tell whether an error of a Redis client means that the server can't do its work now."""
    return isinstance(error, TROUBLE) or (
        isinstance(error, redis.ResponseError) and str(error).startswith(TROUBLED_WORDS)
    )


class Server:
    """One Redis server as this process sees it."""

    def __init__(self, role: str, url: str) -> None:
        self.role = role
        self._url = url
        self._down_until = 0.0
        self._client = self._connect(TIMEOUT)
        self._scripts: dict[str, Any] = {}

    def _connect(self, timeout: float) -> redis.Redis:
        patience: dict[str, Any] = {"socket_timeout": timeout, "socket_connect_timeout": 0.5}
        # One more try after a broken connection finds the server again after its restart; a time-out is not repeated.
        retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        if (named := SentinelUrl.parse(self._url)) is None:
            return redis.Redis.from_url(self._url, **patience, retry=retry)
        asked: dict[str, Any] = {**patience, "socket_timeout": TIMEOUT}
        sentinel = cast("Any", Sentinel)(named.sentinels, sentinel_kwargs=asked)
        signs = {"username": named.user, "password": named.password}
        client: redis.Redis = sentinel.master_for(named.service, db=named.database, retry=retry, **signs, **patience)
        return client

    @contextmanager
    def connection(self) -> Iterator[redis.Redis]:
        """Lend the client.

        Raises:
            ServerDown: the server is down, or timed out less than a second ago.
        """
        if time.monotonic() < self._down_until:
            raise ServerDown(self.role)
        try:
            yield self._client
        except redis.RedisError as error:
            if not is_trouble(error):
                raise
            if isinstance(error, redis.TimeoutError):
                self._down_until = time.monotonic() + DOWN_FOR
            raise ServerDown(self.role) from None

    @contextmanager
    def waiting(self, seconds: float) -> Iterator[redis.Redis]:
        """Lend a client for a command that blocks up to `seconds`: its socket must be more patient than the server."""
        with self.connection():
            client = _waiting_client(self, round(seconds + TIMEOUT + 0.5))
            yield client

    def script(self, name: str, keys: Sequence[str], arguments: Sequence[str | bytes | int | float]) -> Any:
        """Run `lua/<name>.lua` in one step on the server and return its answer.

        Raises:
            ServerDown: as `connection`.
        """
        script = self._script(name)
        with self.connection():
            return script(keys=list(keys), args=list(arguments))

    def scripts(self, name: str, calls: Sequence[Call]) -> list[Any]:
        """Run `lua/<name>.lua` once for each of `calls`, its keys and arguments, and return the answers: in one round trip.

        Raises:
            ServerDown: as `connection`.
        """
        script = self._script(name)
        with self.connection() as client:
            try:
                return _run(client, script.sha, calls)
            except redis.exceptions.NoScriptError:
                # None has run: the server has started anew since it was told.
                client.script_load(script.script)
                return _run(client, script.sha, calls)

    def _script(self, name: str) -> Any:
        if name not in self._scripts:
            source = (resources.files("jobs") / "lua" / f"{name}.lua").read_text(encoding="utf-8")
            self._scripts[name] = self._client.register_script(source)
        return self._scripts[name]


def _run(client: redis.Redis, sha: str, calls: Sequence[Call]) -> list[Any]:
    pipeline = client.pipeline(transaction=False)
    for keys, arguments in calls:
        pipeline.evalsha(sha, len(keys), *keys, *arguments)
    return pipeline.execute()


@cache
def _waiting_client(server: Server, timeout: int) -> redis.Redis:
    return server._connect(timeout)


@cache
def broker() -> Server:
    """Return the server for claims, wake-ups, heartbeats and queues."""
    return Server("broker", settings.REDIS_URL)


@cache
def cache_server() -> Server:
    """Return the server for pages, chains, problems and fragments."""
    return Server("cache", settings.REDIS_CACHE_URL)


def cache_key(name: str) -> str:
    """Return the key of `name` on the cache: two releases side by side don't read each other's values."""
    return f"{settings.CACHE_VERSION}:{name}"


def ping(server: Server) -> None:
    """Raise ServerDown unless the server answers."""
    with server.connection() as client:
        cast("Any", client).ping()
