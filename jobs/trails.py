"""One id that leads from a request through its task to upstream's RequestId, and how log lines carry it.

Standard library only: gunicorn's first process, which loads nothing of Django, writes its lines by this module too.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

VALID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What another's id may look like: nothing that breaks a line, a header or a message."""

FACTS = ("method", "path", "status", "bucket", "class", "seconds", "request_id", "code", "tries")
"""What a line may say besides its message. A record holds much else, and some of it is nobody's business."""

_id: ContextVar[str] = ContextVar("trail", default="")


def current() -> str:
    """Return the id of what this thread works on, "" where it works for nobody."""
    return _id.get()


def new(given: str = "") -> str:
    """Return `given` where it can be an id, else a new one."""
    return given if VALID.fullmatch(given) else secrets.token_hex(8)


@contextmanager
def following(trail: str) -> Iterator[None]:
    """Let every line that this thread writes while the block runs carry the id `trail`."""
    before = _id.set(trail)
    try:
        yield
    finally:
        _id.reset(before)


def follow(trail: str) -> None:
    """Let every line of this thread carry the id `trail` from now on; "" is none."""
    _id.set(trail)


class AddId(logging.Filter):
    """Gives each record the id of what its thread works on."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything through."""
        record.__dict__["id"] = current()
        return True


class PlainFormatter(logging.Formatter):
    """One line for people; the id stands behind the message where there is one."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line without a traceback."""
        line = super().formatMessage(record)
        trail = getattr(record, "id", "")
        return f"{line} (id {trail})" if trail else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, id, the facts that the line is about, a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "id": getattr(record, "id", ""),
        }
        line |= {name: record.__dict__[name] for name in FACTS if name in record.__dict__}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


FORMATTERS = {
    "plain": {"()": "jobs.trails.PlainFormatter"},
    "json": {"()": "jobs.trails.JsonFormatter"},
}
"""Values of LOG_FORMAT, as logging's configuration wants them."""
