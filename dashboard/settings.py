"""Django settings: the one settings file, and the only reader of the environment in a Django process."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from kombu import Queue

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))


def secret(name: str, default: str | None = None) -> str:
    """Return the variable `name`, or the content of the file that `<name>_FILE` points to."""
    path = env.str(f"{name}_FILE", default="")
    if path:
        return Path(path).read_text(encoding="utf-8").strip()
    if default is None:
        return str(env.str(name))
    return str(env.str(name, default=default))


# Django's own ---------------------------------------------------------------------------------------------------------
SECRET_KEY = secret("SECRET_KEY")
DEBUG = env.bool("DEBUG", default=False)
HTTPS = env.bool("HTTPS", default=True)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if not HTTPS else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
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
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "dashboard.middleware.LinkLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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
            ],
        },
    }
]

DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'batchlens.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Write-ahead logging lets readers go on while one process writes; the default journal locks them out.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 5,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
# Each thread keeps its connection for a while: opening one costs as much as a page's queries.
DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
DATABASES["default"].setdefault("CONN_HEALTH_CHECKS", True)

# People ---------------------------------------------------------------------------------------------------------------
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "jobs:bucket_list"
LOGOUT_REDIRECT_URL = "jobs:bucket_list"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ANONYMOUS_ACCESS = env.bool("ANONYMOUS_ACCESS", default=False)
DEMO = env.bool("DEMO", default=False)

# Language and time ----------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.str("TIME_ZONE", default="Asia/Shanghai")
USE_TZ = True

# Static files ---------------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Redis and the data path ----------------------------------------------------------------------------------------------
REDIS_URL = secret("REDIS_URL")
REDIS_CACHE_URL = secret("REDIS_CACHE_URL")
FETCH_DEADLINE = env.float("FETCH_DEADLINE", default=15.0)
FIRST_WAIT = env.float("FIRST_WAIT", default=1.0)
WEB_THREADS = env.int("WEB_THREADS", default=32)
WORKER_THREADS = env.int("WORKER_THREADS", default=20)

# Cloud Infinite -------------------------------------------------------------------------------------------------------
CI_ENDPOINT = env.str("CI_ENDPOINT", default="")
CI_PROXY = env.str("CI_PROXY", default="")
CI_DEADLINE = env.float("CI_DEADLINE", default=5.0)
# Calls a second that one bucket and one credential may cost, all workers together; 0 is no limit.
CI_RATE_BUCKET = env.float("CI_RATE_BUCKET", default=5.0)
CI_RATE_CREDENTIAL = env.float("CI_RATE_CREDENTIAL", default=10.0)
# New questions a minute that one reader may ask; 0 is no limit.
MISS_BUDGET = env.int("MISS_BUDGET", default=30)
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
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "page"
# A worker without -Q takes from both: pages that people wait for, and pages fetched ahead of them.
CELERY_TASK_QUEUES = [Queue("page"), Queue("ahead")]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = WORKER_THREADS
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A broker that is out of memory or takes no writes is in trouble like one that is away: a worker waits instead of ending.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
# Seconds after which a broker that hangs is given up: whoever enqueues for a reader is told at once. A worker is more
# patient (dashboard/celery.py): it blocks on its queues for a second at a time.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0}
CELERY_TIMEZONE = "UTC"

# Security headers -----------------------------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("TRUST_FORWARDED_PROTO", default=False) else None
)
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = env.str("SESSION_COOKIE_NAME", default="sessionid")
CSRF_COOKIE_NAME = env.str("CSRF_COOKIE_NAME", default="csrftoken")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
EMBED_ORIGINS = env.list("EMBED_ORIGINS", default=[])
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


# Logs -----------------------------------------------------------------------------------------------------------------
def is_no_probe(record: logging.LogRecord) -> bool:
    """Tell whether a record is about anything else than /readyz saying "not yet": that is its answer, not an error."""
    request = getattr(record, "request", None)
    return getattr(request, "path", "") != "/readyz"


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"no_probes": {"()": "django.utils.log.CallbackFilter", "callback": is_no_probe}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["no_probes"]}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "jobs": {"level": "INFO"},
        "dashboard": {"level": "INFO"},
        # Django logs every 4xx as a warning with the path; a dashboard that answers 404 on purpose would drown in it.
        "django.request": {"level": "ERROR"},
    },
}
