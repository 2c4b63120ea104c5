"""Which language a request is answered in, and the links that change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import parse_accept_lang_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


class LinkLanguageMiddleware:
    """The language comes from the link's `lang`, else from the browser; never from a cookie or a session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer in the request's language and say which it is."""
        language = link_language(request) or browser_language(request)
        request.LANGUAGE_CODE = language
        with translation.override(language):
            response = self._get_response(request)
        response.headers.setdefault("Content-Language", tag_of(language))
        patch_vary_headers(response, ["Accept-Language"])
        return response


def link_language(request: HttpRequest) -> str:
    """Return the language that the link itself names, "" where it names none that we speak."""
    return _spoken(request.GET.get("lang", ""))


def browser_language(request: HttpRequest) -> str:
    """Return the language that the browser prefers among ours."""
    for wish, _quality in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        if wish == "*":
            break
        if language := _spoken(wish):
            return language
    return settings.LANGUAGE_CODE


def _spoken(wish: str) -> str:
    try:
        return translation.get_supported_language_variant(wish) if wish else ""
    except LookupError:
        return ""


class Switch(NamedTuple):
    """A language that the page isn't in: its tag, its own name for itself, and the query of this page in it."""

    tag: str
    name: str
    query: str


def switches(request: HttpRequest) -> list[Switch]:
    """Return what leads to this page in each other language; all else in the address stays as it is written."""
    rest = [part for part in request.META["QUERY_STRING"].split("&") if part and part.partition("=")[0] != "lang"]
    return [
        Switch(tag_of(code), translation.get_language_info(code)["name_local"], "&".join((*rest, f"lang={code}")))
        for code, _name in settings.LANGUAGES
        if code != translation.get_language()
    ]


def kept(request: HttpRequest) -> str:
    """Return the query that keeps the link's language on another page, "" where it named none: its reader's counts."""
    language = link_language(request)
    return f"?lang={language}" if language else ""


def tag_of(language: str | None) -> str:
    """Return a language as HTML and HTTP write it: zh-Hans, where Django has zh-hans."""
    return translation.to_locale(language or settings.LANGUAGE_CODE).replace("_", "-")
