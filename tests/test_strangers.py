"""Whoever has not signed in gets no further than the sign-in page, at every address there is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from tests.reading import HTMX, one, soup

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.test import Client

pytestmark = pytest.mark.django_db

OPEN = {"healthz", "readyz", "metrics", "sign_in", "first_admin"}
"""What strangers may open: health pages, the one way in, and the one-time link. Who signs out is no stranger."""
PARAMETER = re.compile(r"<(?:\w+:)?\w+>")
PATTERN = re.compile(r"\(\?P<\w+>([^|)]*)[^)]*\)")
"""A parameter of a route that is a regular expression, as Django's admin has two; its first choice stands for it."""
ANYTHING = r"(?P<url>.*)$"
"""The second of these answers all that the admin doesn't know."""


@dataclass(frozen=True)
class Address:
    """One row of the whole address table: its name with its namespaces, and a path that it answers."""

    name: str
    path: str
    namespaces: tuple[str, ...]


def addresses(
    patterns: Sequence[URLPattern | URLResolver] | None = None, before: str = "/", within: tuple[str, ...] = ()
) -> Iterator[Address]:
    """Yield every address that this site answers, Django's admin with it."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        here = before + path_of(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, here, (*within, *filter(None, [pattern.namespace])))
        else:
            yield Address(":".join((*within, pattern.name or "")), here, within)


def path_of(route: str) -> str:
    """Return a path that a route answers."""
    return PARAMETER.sub("1", PATTERN.sub(r"\1", route).strip("^$").replace("<part:part>", "raw"))


def test_the_whole_table_is_walked() -> None:
    found = list(addresses())

    names = {address.name for address in found}
    assert {"jobs:overview", "jobs:status_json", "embed:job_part", "admin:index", "admin:jobs_bucket_change"} <= names
    assert names >= OPEN
    # Each path leads to the row that it was made from.
    for address in found:
        match = get_resolver().resolve(address.path)
        assert match.view_name == address.name or match.route.endswith((ANYTHING, "<path:object_id>/")), address


def refused(address: Address, answer: Any) -> bool:
    """Tell whether a stranger is asked to sign in, in the form that a page, a program or a frame can use."""
    if address.path.endswith(".json"):
        return (answer.status_code, answer.json()["problem"]["code"]) == (401, "sign_in")
    if "embed" in address.namespaces:
        return answer.status_code == 401 and leads_in(str(one(soup(answer), "main a")["href"]), address.path)
    return answer.status_code == 302 and leads_in(answer["Location"], address.path)


def refused_to_htmx(address: Address, answer: Any) -> bool:
    """Tell whether a stranger's fragment is empty and sends the whole page to sign in, or to its card in a frame."""
    if address.path.endswith(".json"):
        return refused(address, answer)
    where = answer.headers.get("HX-Redirect", "")
    leads = where == address.path if "embed" in address.namespaces else leads_in(where, address.path)
    return (answer.status_code, answer.content) == (200, b"") and leads


def leads_in(location: str, path: str) -> bool:
    """Tell whether an address is that of the one sign-in page, from where one comes to `path`."""
    parts = urlsplit(location)
    return (parts.netloc, parts.path, parse_qs(parts.query).get("next")) == ("", "/sign-in/", [path])


def test_a_stranger_is_sent_to_sign_in_from_every_page_but_the_open_ones(client: Client) -> None:
    let_in = [address.name for address in addresses() if not refused(address, client.get(address.path))]

    assert sorted(let_in) == sorted(OPEN)


def test_no_fragment_is_for_strangers(client: Client) -> None:
    let_in = [
        address.name
        for address in addresses()
        if not refused_to_htmx(
            address, client.get(address.path, headers={**HTMX, "HX-Current-URL": f"http://testserver{address.path}"})
        )
    ]

    assert sorted(let_in) == sorted(OPEN)


def test_nothing_is_changed_by_a_stranger(client: Client) -> None:
    answers = {address: client.post(address.path, headers={"Referer": f"http://testserver{address.path}"})
               for address in addresses() if address.name not in OPEN}  # fmt: skip

    assert [address.path for address, answer in answers.items() if not refused(address, answer)] == []
