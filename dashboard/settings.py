"""Django settings: the one settings file, and the only reader of the environment in a Django process."""

from __future__ import annotations

import contextlib
import logging
import math
import re
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from kombu import Queue

from jobs import trails
from jobs.sentinels import SentinelUrl

if TYPE_CHECKING:
    from collections.abc import Sequence

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.str("VAR_DIR", default="") or BASE_DIR / "var")


# What is wrong is said in one plain sentence, which people read at the end of a log. An empty variable means the same as none.
def secret(name: str, default: str | None = None) -> str:
    """Return the variable `name`, or the content of the file that `<name>_FILE` points to."""
    path = env.str(f"{name}_FILE", default="")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            # The path isn't shown: people put the secret itself there.
            raise ImproperlyConfigured(f"{name}_FILE does not point to a text file that can be read.") from None
    # As it stands there: env.str would take one that begins with $ for the name of another variable, and say it aloud.
    given = env.ENVIRON.get(name, default)
    if given is None:
        raise ImproperlyConfigured(f"Set the {name} environment variable")
    return str(given)


def switch(name: str, *, default: bool) -> bool:
    """Return whether the variable `name` says yes; anything but yes or no is refused, for a slip must not loosen a thing."""
    text = env.str(name, default="").strip().lower()
    if text in {"true", "1", "yes", "y", "on"}:
        return True
    if text in {"false", "0", "no", "n", "off"}:
        return False
    if text:
        raise ImproperlyConfigured(f"{name} is {text!r}. Write true or false.")
    return default


def number(name: str, default: float, *, zero: bool = False) -> float:
    """Return the variable `name` as a number above 0, or 0 too, where that means something."""
    text = env.str(name, default="") or str(default)
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not (math.isfinite(found) and (found > 0 or (zero and found == 0))):
        raise ImproperlyConfigured(f"{name} is {text!r}. Write a number, {'0 or more' if zero else 'more than 0'}.")
    return found


def whole_number(name: str, default: int, *, zero: bool = False) -> int:
    """Return the variable `name` as a whole number, at least 1, or 0, where that means something."""
    text = env.str(name, default="").strip() or str(default)
    if not re.fullmatch("[0-9]{1,9}", text) or not (zero or int(text)):
        raise ImproperlyConfigured(f"{name} is {text!r}. Write a whole number, {0 if zero else 1} or more.")
    return int(text)


def several(name: str, default: Sequence[str] = ()) -> list[str]:
    """Return what the variable `name` holds, parted by commas."""
    given = [part.strip() for part in env.str(name, default="").split(",")]
    return [part for part in given if part] or list(default)


def time_zone(name: str, default: str) -> str:
    """Return the variable `name`, which must be a time zone that this machine knows."""
    text = str(env.str(name, default="") or default)
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # The last where it names a folder of zones.
        raise ImproperlyConfigured(
            f"{name} is {text!r}, which is no known time zone. Write it like {default}."
        ) from None
    return text


def database(name: str, default: str) -> dict[str, Any]:
    """Return the database that the variable `name` is the address of."""
    try:
        found: dict[str, Any] = env.db_url_config(env.str(name, default="") or default)
        found["ENGINE"]  # Where the address has no scheme, nothing comes of it.
    except (KeyError, ValueError):
        # The value isn't shown: it may hold a password.
        raise ImproperlyConfigured(
            f"{name} is not the address of a database. Write postgres://user:password@host/name."
        ) from None
    return found


# Django's own ---------------------------------------------------------------------------------------------------------
SECRET_KEY = secret("SECRET_KEY")
DEBUG = switch("DEBUG", default=False)
HTTPS = switch("HTTPS", default=True)
ALLOWED_HOSTS = several("ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]") if not HTTPS else ())
CSRF_TRUSTED_ORIGINS = several("CSRF_TRUSTED_ORIGINS")
ROOT_URLCONF = "dashboard.urls"
WSGI_APPLICATION = "dashboard.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "template_partials.apps.SimpleAppConfig",
    "jobs.apps.JobsConfig",
]

MIDDLEWARE = [
    "dashboard.middleware.TrailMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    # Outside of all that may answer by itself, as CommonMiddleware does with redirects and refusals.
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "dashboard.languages.LinkLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dashboard.middleware.SignInMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            [
                                "django.template.loaders.filesystem.Loader",
                                "django.template.loaders.app_directories.Loader",
                            ],
                        )
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "dashboard.context.site",
            ],
            "builtins": [
                "template_partials.templatetags.partials",
                "django.templatetags.i18n",
                "django.templatetags.static",
                "django_htmx.templatetags.django_htmx",
                "jobs.templatetags.jobs",
                "jobs.templatetags.rows",
                "jobs.templatetags.overview",
                "jobs.templatetags.charts",
            ],
        },
    }
]

DATABASES = {"default": database("DATABASE_URL", f"sqlite:///{VAR_DIR / 'batchlens.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Write-ahead logging lets readers go on while one process writes; the default journal locks them out.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 5,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
elif DATABASES["default"]["ENGINE"].endswith("postgresql"):
    # One that hangs must not hold a thread for ever: not while it is reached, not by a statement that waits for another, and
    # not where its machine is gone without a word. What the address says itself stands.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 3,
        "options": "-c statement_timeout=5000",
        "tcp_user_timeout": 5000,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        **DATABASES["default"].get("OPTIONS", {}),
    }
# Each thread keeps its connection for a while: opening one costs as much as a page's queries.
DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
# A server may have gone away meanwhile, a file has not.
DATABASES["default"].setdefault("CONN_HEALTH_CHECKS", not DATABASES["default"]["ENGINE"].endswith("sqlite3"))

# People ---------------------------------------------------------------------------------------------------------------
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "jobs:overview"
LOGOUT_REDIRECT_URL = "jobs:overview"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ANONYMOUS_ACCESS = switch("ANONYMOUS_ACCESS", default=False)
DEMO = switch("DEMO", default=False)

# Language and time ----------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
# What people write lies in locale/; what is made of it, as all that is made, in var.
LOCALE_DIR = BASE_DIR / "locale"
LOCALE_PATHS = [VAR_DIR / "locale"]
TIME_ZONE = time_zone("TIME_ZONE", "Asia/Shanghai")
USE_TZ = True

# Static files ---------------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "dashboard.storage.StaticFiles"
    },
}

# Redis and the data path ----------------------------------------------------------------------------------------------
REDIS_URL = secret("REDIS_URL")
REDIS_CACHE_URL = secret("REDIS_CACHE_URL")
# Raise it with the form of what the cache holds. Releases that differ in it run side by side as two sites do, with pages,
# askings and queues of their own; what upstream allows they share.
CACHE_VERSION = "v3"
FETCH_DEADLINE = number("FETCH_DEADLINE", 15.0)
FIRST_WAIT = number("FIRST_WAIT", 1.0, zero=True)
WEB_THREADS = whole_number("WEB_THREADS", 32)
WORKER_THREADS = whole_number("WORKER_THREADS", 20)

# Cloud Infinite -------------------------------------------------------------------------------------------------------
CI_ENDPOINT = env.str("CI_ENDPOINT", default="")
CI_PROXY = env.str("CI_PROXY", default="")
CI_DEADLINE = number("CI_DEADLINE", 5.0)
# Calls a second that one bucket and one credential may cost, all workers together; 0 is no limit.
CI_RATE_BUCKET = number("CI_RATE_BUCKET", 5.0, zero=True)
CI_RATE_CREDENTIAL = number("CI_RATE_CREDENTIAL", 10.0, zero=True)
# New questions a minute that one reader may ask; 0 is no limit.
MISS_BUDGET = whole_number("MISS_BUDGET", 30, zero=True)
# Seconds between two ticks of a live list, at least; 0 lets no list be live.
LIVE_MIN_INTERVAL = whole_number("LIVE_MIN_INTERVAL", 15, zero=True)
# Seconds after which beat has each bucket's line of the overview asked for anew; 0 leaves that to people who look.
OVERVIEW_REFRESH = whole_number("OVERVIEW_REFRESH", 0, zero=True)
if 0 < OVERVIEW_REFRESH < 15:
    # A list that changes is itself asked for anew no sooner.
    raise ImproperlyConfigured(f"OVERVIEW_REFRESH is {OVERVIEW_REFRESH}. Write 15 seconds or more, or 0.")
BUCKETS = env.str("BUCKETS", default="")
BUCKETS_FILE = env.str("BUCKETS_FILE", default="")


def credentials_from_environment() -> dict[str, dict[str, str]]:
    """Return name -> the variables of that credential, with their prefix cut off.

    `CI_SECRET_ID` belongs to the credential `default`, `CI_A_B_SECRET_ID` to `a-b`. A value ending in `_FILE` is a path;
    `jobs.credentials` reads the file, because it must notice when the file changes.
    """
    pattern = re.compile(
        r"CI_(?:(?P<name>[A-Z][A-Z0-9_]*)_)?(?P<part>SECRET_ID|SECRET_KEY|SECURITY_TOKEN)(?P<file>_FILE)?"
    )
    found: dict[str, dict[str, str]] = {}
    for variable, value in env.ENVIRON.items():
        if value and (match := pattern.fullmatch(variable)):
            name = (match["name"] or "default").lower().replace("_", "-")
            found.setdefault(name, {})[match["part"] + (match["file"] or "")] = value
    return found


CI_CREDENTIALS = credentials_from_environment()

# Celery: explicit names, JSON primitives, no results, early acknowledgement (design.md section 4) ----------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
    "global_keyprefix": f"{CACHE_VERSION}:",
    # Seconds after which a broker that hangs is given up: whoever enqueues for a reader is told at once. A worker is more
    # patient (dashboard/celery.py): it blocks on its queues for a second at a time.
    "socket_timeout": 1.0,
    "socket_connect_timeout": 1.0,
    # What a worker that died had taken needn't come back: it is asked again in seconds. So nobody keeps a record of it in
    # Redis, which would be written and deleted for each task, and given back by a time-out for which workers compare their
    # own clocks.
    "ack_emulation": False,
}
if REDIS_URL.startswith("rediss:") and "ssl_" not in REDIS_URL:
    # Left alone, kombu takes any certificate where the URL says nothing about them.
    CELERY_BROKER_USE_SSL = {"ssl_cert_reqs": ssl.CERT_REQUIRED}
with contextlib.suppress(ValueError):  # `jobs.checks` says it in one line.
    if sentinels := SentinelUrl.parse(REDIS_URL):
        CELERY_BROKER_URL = sentinels.kombu_url
        CELERY_BROKER_TRANSPORT_OPTIONS["master_name"] = sentinels.service
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "page"
# A worker without -Q takes from all: pages that people wait for, those of the overview or fetched ahead of people, and walks.
CELERY_TASK_QUEUES = [Queue("page"), Queue("ahead"), Queue("walk")]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = WORKER_THREADS
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A broker that is out of memory or takes no writes is in trouble like one that is away: a worker waits instead of ending.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_TIMEZONE = "UTC"
CELERY_IMPORTS = ["jobs.refresh"]
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "tend-walks": {"task": "jobs.tend_walks", "schedule": 30.0, "options": {"queue": "walk"}},
}
if OVERVIEW_REFRESH:
    # Each tick goes on where the one before stopped, so that no burst of calls goes out (jobs/refresh.py).
    CELERY_BEAT_SCHEDULE["refresh-overview"] = {
        "task": "jobs.refresh_overview", "schedule": 2.0, "options": {"queue": "ahead"},
    }  # fmt: skip

# Security headers -----------------------------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if switch("TRUST_FORWARDED_PROTO", default=False) else None
)
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = env.str("SESSION_COOKIE_NAME", default="") or "sessionid"
CSRF_COOKIE_NAME = env.str("CSRF_COOKIE_NAME", default="") or "csrftoken"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
EMBED_ORIGINS = several("EMBED_ORIGINS")
for origin in EMBED_ORIGINS:
    if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", origin):
        raise ImproperlyConfigured(f"EMBED_ORIGINS holds {origin!r}. Write origins like https://portal.example.com")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# Metrics --------------------------------------------------------------------------------------------------------------
# prometheus-client itself reads this variable; here it says that the numbers of several processes are to be added up.
PROMETHEUS_MULTIPROC_DIR = env.str("PROMETHEUS_MULTIPROC_DIR", default="")
# Where a worker that shares no folder with web tells its own numbers; 0 is nowhere.
METRICS_PORT = whole_number("METRICS_PORT", 0, zero=True)
METRICS_BIND = env.str("METRICS_BIND", default="") or "127.0.0.1"


# Logs -----------------------------------------------------------------------------------------------------------------
def is_no_probe(record: logging.LogRecord) -> bool:
    """Tell whether a record is about anything else than /readyz saying "not yet": that is its answer, not an error."""
    request = getattr(record, "request", None)
    return getattr(request, "path", "") != "/readyz"


def without_trace(record: logging.LogRecord) -> bool:
    """Take the traceback off what Django says of a suspicious request: anybody could fill the log with them."""
    if record.name.startswith("django.security."):
        record.exc_info = record.exc_text = None
    return True


# "plain" for people, "json" for a collector.
LOG_FORMAT = env.str("LOG_FORMAT", default="") or "plain"
if LOG_FORMAT not in trails.FORMATTERS:
    raise ImproperlyConfigured(f"LOG_FORMAT is {LOG_FORMAT!r}. Write one of: {', '.join(trails.FORMATTERS)}")
# Only behind a proxy that sets X-Request-ID itself: else whoever asks chooses under which id we log.
TRUST_REQUEST_ID = switch("TRUST_REQUEST_ID", default=False)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "no_probes": {"()": "django.utils.log.CallbackFilter", "callback": is_no_probe},
        "no_traces": {"()": "django.utils.log.CallbackFilter", "callback": without_trace},
        "id": {"()": "jobs.trails.AddId"},
    },
    "formatters": trails.FORMATTERS,
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["no_probes", "no_traces", "id"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "jobs": {"level": "INFO"},
        "dashboard": {"level": "INFO"},
        # Django logs every 4xx as a warning with the path; a dashboard that answers 404 on purpose would drown in it.
        "django.request": {"level": "ERROR"},
        # It would write upstream's own words, and with a traceback; what is wrong with an answer is said by jobs.fetch.
        "urllib3": {"level": "ERROR"},
    },
}
