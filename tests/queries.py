"""A list's query, read at one moment: what it asks for and what is wrong with it."""

from __future__ import annotations

from datetime import datetime

from django.http import QueryDict

from jobs.filters import ListRequest, ParameterError, Pin, parse_list
from tests.asking import NOW

PIN = Pin(end=int(NOW) - 2, opened=int(NOW) * 1000)
PIN_TIME = PIN.time


def asked(query: str) -> ListRequest:
    """Read a list's query."""
    return parse_list(QueryDict(query), now=NOW)


def error(query: str, name: str) -> ParameterError:
    """Return the only error of a query, which is with parameter `name`."""
    found = asked(query)
    assert list(found.errors) == [name]
    assert len(found.errors[name]) == 1
    return found.errors[name][0]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)
