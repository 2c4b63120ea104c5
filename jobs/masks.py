"""Masks for the secrets that jobs carry: applied once, in the worker, before anything is stored.

CallBack shows scheme and host only: paths and queries of webhooks often are the secret. In UserData the values named
key, token, secret, sign or password are hidden, whether it is a query string, JSON or loose text. The masked forms are
the same in HTML, raw XML and JSON, because all of them are made from what was stored.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape, unescape

if TYPE_CHECKING:
    from collections.abc import Callable

HIDDEN = "***"

# Only the end of a name is matched, and every repetition but the value's is bounded: the text is a stranger's and may be
# long. An unquoted value ends at a blank, a quote or `&`, and at other separators only where another name or the end
# follows: rather too much is hidden than the rest of a password that holds a comma.
_PAIR = re.compile(
    r"""(?P<name>(?:key|token|secret|sign|passw(?:or)?d|pwd)[\w.-]{0,64}(?:\\{0,8}["'])?\s{0,8})
        (?: (?P<tag>>) [^<]+
          | (?P<sign>(?:[:=]|%3A|%3D)\s{0,8})
            (?: (?P<quote>\\{0,8}["']).*?(?:(?<!\\)(?P=quote)|\Z)
              | (?:(?![;,}\])]\s{0,8}(?:["']?[\w.-]{1,64}["']?\s{0,8}[:=]|[}\])]|\Z))[^\s&"'\\]|\\(?!["']))+))""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_CREDENTIAL_IN_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]{0,20}://)[^\s/@]{1,512}@", re.IGNORECASE)


def mask_callback(text: str) -> str:
    """Return scheme and host of a callback address; the literal `no` and empty text stay."""
    if text.strip() in {"", "no"}:
        return text
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return HIDDEN
    if not parts.scheme or not host:
        return HIDDEN
    where = f"{parts.scheme}://[{host}]" if ":" in host else f"{parts.scheme}://{host}"
    where = f"{where}:{port}" if port else where
    rest = text.strip()[len(parts.scheme) + 3 + len(parts.netloc) :]
    return f"{where}/{HIDDEN}" if rest.strip("/") or "@" in parts.netloc else where


def mask_user_data(text: str) -> str:
    """Return the caller's text with the values hidden whose names say that they are secret."""
    hidden = _CREDENTIAL_IN_URL.sub(rf"\g<scheme>{HIDDEN}@", text)
    return _PAIR.sub(_hide_value, hidden)


def _hide_value(match: re.Match[str]) -> str:
    quote = match["quote"] or ""
    return f"{match['name']}{match['tag'] or match['sign']}{quote}{HIDDEN}{quote}"


MASKED: dict[object, Callable[[str], str]] = {"CallBack": mask_callback, "UserData": mask_user_data}
"""Which elements are masked, wherever in a job they stand, and how."""


def mask_tree(tree: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a copy of a job's tree with its secrets hidden, and the dotted paths of what was changed."""
    paths: list[str] = []
    return _masked(tree, "", None, paths), tuple(paths)


def _masked(node: Any, path: str, rule: Callable[[str], str] | None, paths: list[str]) -> Any:
    if isinstance(node, str):
        masked = rule(node) if rule else node
        if masked != node:
            paths.append(path)
        return masked
    named = node.items() if isinstance(node, dict) else enumerate(node)
    changed = {}
    for name, child in named:
        own_rule = MASKED.get(name, rule)
        # Nearly all of a job's elements are texts without a rule: they are passed over without a call.
        if own_rule or not isinstance(child, str):
            changed[name] = _masked(child, f"{path}.{name}" if path else str(name), own_rule, paths)
    if isinstance(node, dict):
        return {**node, **changed}
    return [changed.get(index, child) for index, child in enumerate(node)]


_ELEMENT = re.compile(
    rf"(?P<open><(?P<tag>(?:[\w.-]+:)?(?:{'|'.join(map(str, MASKED))}))(?:\s[^<>]*)?(?<!/)>)(?P<body>.*?)(?P<close></(?P=tag)\s*>)",
    re.DOTALL,
)
_CDATA = re.compile(r"<!\[CDATA\[(?P<text>.*?)\]\]>", re.DOTALL)


def mask_xml(raw: str) -> str:
    """Return XML text with the same secrets hidden as `mask_tree` hides; everything else stays to the letter.

    A regular expression can be fooled by odd XML. The caller parses the result and shows it only if its tree equals the
    masked tree.
    """
    return _ELEMENT.sub(_mask_element, raw)


def _mask_element(match: re.Match[str]) -> str:
    rule = MASKED[match["tag"].rpartition(":")[2]]
    body = match["body"]
    plain = _CDATA.sub(lambda part: escape(part["text"]), body)
    text = unescape(plain, {"&quot;": '"', "&apos;": "'"})
    masked = rule(text)
    return f"{match['open']}{escape(masked) if masked != text else body}{match['close']}"
