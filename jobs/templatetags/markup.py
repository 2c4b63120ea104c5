"""Filling HTML with texts, quickly: a list of fifty rows is filled in three hundred places, and a cold page waits for it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from django.utils.safestring import SafeString

if TYPE_CHECKING:
    from collections.abc import Iterable


def fill(pattern: str, *texts: str) -> SafeString:
    """Return `pattern` with its `{}` filled, as Django's `format_html` does for texts: what isn't safe yet is escaped.

    `format_html` also takes lazy texts and objects that render themselves, and asks each value whether it is one. Measured
    on the rows of a page, that took more than half of the time.

    Args:
        pattern: HTML of our own, in the form of `str.format`.
        texts: what is put in; a SafeString stays as it is.
    """
    # Its own kind alone is trusted: `format_html`, templates and this function make nothing else.
    return SafeString(pattern.format(*[text if type(text) is SafeString else escape(text) for text in texts]))


def joined(parts: Iterable[SafeString]) -> SafeString:
    """Return what `fill` made, one after the other.

    Raises:
        TypeError: a part is a plain text, which nobody has escaped.
    """
    listed = list(parts)
    if any(type(part) is not SafeString for part in listed):
        raise TypeError("only what was filled can be joined")
    return SafeString("".join(listed))
