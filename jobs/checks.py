"""System checks: a wrong setting is one clear line at start, not a riddle later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import DatabaseError, connections

from jobs import credentials
from jobs.costs import costs
from jobs.models import Bucket
from jobs.sentinels import SentinelUrl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.apps import AppConfig

TAG = "batchlens"
LOOPBACK = frozenset({"", "localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104 - compared with, never bound to
SHORTEST_KEY = 32


def server_and_database(url: str) -> tuple[str, str]:
    """Return which server and which database a Redis URL means, defaults filled in, so that two can be compared."""
    if sentinels := SentinelUrl.parse(url):
        return f"{sorted(sentinels.sentinels)} {sentinels.service}", str(sentinels.database)
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    in_query = query.get("db", [""])[0]
    if parts.scheme == "unix":
        return parts.path, in_query or "0"
    host = (parts.hostname or "").rstrip(".")
    server = f"{'localhost' if host in LOOPBACK else host}:{parts.port or 6379}"
    return server, in_query or parts.path.strip("/") or "0"


@register(TAG)
def check_redis(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The broker must never be evicted and the cache must be; one server can't do both."""
    for name in ("REDIS_URL", "REDIS_CACHE_URL"):
        try:
            scheme = urlsplit(getattr(settings, name)).scheme
            server_and_database(getattr(settings, name))
        except ValueError:
            scheme = ""
        if scheme not in {"redis", "rediss", "unix", "sentinel"}:
            # The value isn't shown: it may hold a password.
            hint = "Write redis://host:6379/0, or sentinel://host:26379,host:26379/service/0."
            return [Error(f"{name} is not a Redis URL.", hint=hint, id="batchlens.E001")]
    broker, cache = server_and_database(settings.REDIS_URL), server_and_database(settings.REDIS_CACHE_URL)
    if broker == cache:
        return [
            Error(
                "REDIS_URL and REDIS_CACHE_URL are the same server and database.",
                hint="Run two servers: the broker with maxmemory-policy noeviction, the cache with allkeys-lru.",
                id="batchlens.E002",
            )
        ]
    if broker[0] == cache[0]:
        return [
            CheckWarning(
                "REDIS_URL and REDIS_CACHE_URL are two databases of one server.",
                hint="Memory and its policy belong to the server: under load, pages push claims out. Run two servers.",
                id="batchlens.W001",
            )
        ]
    return []


@register(TAG)
def check_credentials(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Half a credential is a slip of the keyboard, not a configuration."""
    return [Error(message, id="batchlens.E003") for message in credentials.half_credentials().values()]


@register(TAG)
def check_values(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Settings whose wrong value would only show when somebody needs it."""
    found: list[CheckMessage] = []
    if len(settings.SECRET_KEY) < SHORTEST_KEY:
        found.append(
            Error(
                f"SECRET_KEY has fewer than {SHORTEST_KEY} characters.",
                hint="Sessions and the link for the first admin are signed with it. Use a long random text.",
                id="batchlens.E004",
            )
        )
    if settings.CI_ENDPOINT and not _is_origin(settings.CI_ENDPOINT):
        found.append(
            Error("CI_ENDPOINT is not an address.", hint="Write http://host:port or https://host.", id="batchlens.E006")
        )
    return found


@register(TAG, Tags.database)
def check_buckets(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """A bucket that names a credential nobody configured can't be read; more buckets cost more to keep an eye on.

    It asks the database, so it runs where one is named: `check --database default`, and at every start.
    """
    if "default" not in (databases or ()):
        return []
    try:
        if Bucket._meta.db_table not in connections["default"].introspection.table_names():
            return []
        shown = list(Bucket.objects.filter(hidden=False))
    except DatabaseError:
        return []  # Whether the database answers is not this check's question.
    unknown = [bucket for bucket in shown if bucket.credential not in credentials.names()]
    return [*_too_costly(shown), *map(_unknown_credential, unknown)]


def _unknown_credential(bucket: Bucket) -> CheckMessage:
    return CheckWarning(
        f"The bucket {bucket.name} names the credential “{bucket.credential}”, which is not configured here.",
        hint=f"Set {credentials.variable(bucket.credential, 'SECRET_ID')} and {credentials.variable(bucket.credential, 'SECRET_KEY')}.",
        id="batchlens.W002",
    )


def _too_costly(shown: Sequence[Bucket]) -> list[CheckMessage]:
    """Beat must leave half of each credential's calls to people."""
    found = costs(shown) if settings.OVERVIEW_REFRESH else []
    return [
        Error(
            f"OVERVIEW_REFRESH={settings.OVERVIEW_REFRESH} would cost the credential “{cost.credential}”, with its {cost.buckets}"
            f" buckets, {cost.calls:g} calls a minute: more than half of what CI_RATE_CREDENTIAL allows.",
            hint=f"Write {cost.shortest} or more, or 0.",
            id="batchlens.E007",
        )
        for cost in found
        if cost.is_too_much
    ]


def _is_origin(address: str) -> bool:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and port != 0
        and not (parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"))
    )
