"""Masks for the secrets that jobs carry: applied once, in the worker, before anything is stored.

CallBack shows scheme and host only: paths and queries of webhooks often are the secret. In UserData the values are hidden
whose names hold key, token, secret, sign or password. JSON is read and keeps its form to the letter, but for the values
hidden; what is percent-encoded is read decoded; query strings, markup and loose text are searched for names. The masked
forms are the same in HTML, raw XML and JSON, because all of them are made from what was stored.

UserData is a stranger's and may be long: every search here is linear in it. Rather too much is hidden than a secret's rest
is shown: where nothing tells the end of a value, it is the end of its line or of the text.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit
from xml.sax.saxutils import escape, unescape

if TYPE_CHECKING:
    from collections.abc import Callable

HIDDEN = "***"
DEEPEST = 6
"""How often JSON or percent-encoded text is looked for inside of another."""

_WORD = re.compile(r"key|token|secret|sign|passw(?:or)?d|pwd", re.IGNORECASE)
_SUSPECT = re.compile(rf"{_WORD.pattern}|%[0-9a-f]{{2}}|://|\\u", re.IGNORECASE)
"""What a text must hold for anything in it to be hidden."""
_CREDENTIAL_IN_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]{0,20}://)[^\s/@]{1,512}@", re.IGNORECASE)
_ENCODED = re.compile(r"(?<![^\s&=])[^\s&=]++")


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
    return _mask_text(text, 0)


def _mask_text(text: str, depth: int) -> str:
    """Return `text` masked; `depth` says inside how many others it stood."""
    if not _SUSPECT.search(text):
        return text
    if depth > DEEPEST:
        return HIDDEN if _WORD.search(text) else text
    if text.lstrip()[:1] in {"{", "[", '"'}:
        try:
            # Only its form is asked for here: numbers of any length stay text.
            json.loads(text, strict=False, parse_int=str, parse_float=str)
        except (ValueError, RecursionError):
            pass
        else:
            return _mask_json(text, depth)
    if "%" in text:
        # As it stands first: what looks encoded may be the beginning of a value that goes on behind it.
        text = _ENCODED.sub(lambda match: _mask_encoded(match[0], depth), _mask_loose(text))
    return _mask_loose(_CREDENTIAL_IN_URL.sub(rf"\g<scheme>{HIDDEN}@", text))


def _mask_encoded(run: str, depth: int) -> str:
    """Mask what stands percent-encoded between two separators, and encode it again if anything was hidden."""
    if "%" not in run:
        return run
    decode, encode = (unquote_plus, quote_plus) if "+" in run else (unquote, quote)
    text = decode(run, errors="surrogateescape")
    masked = _mask_text(text, depth + 1) if text != run else text
    if masked == text:
        return run
    literal = "".join({*HIDDEN, *run} - {"%", "+"})
    return encode(masked, safe=literal, errors="surrogateescape")


# JSON ------------------------------------------------------------------------------------------------------------------

_JSON_PIECE = re.compile(
    r'(?P<text>"(?:[^"\\]++|\\.)*+")(?P<colon>\s*+:)?|(?P<bracket>[{}\[\]])|[^\s"{}\[\],:]++', re.DOTALL
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def _mask_json(text: str, depth: int) -> str:
    """Mask valid JSON: values under secret names as a whole, and other texts by what stands in them."""
    pieces: list[str] = []
    copied = level = 0
    named = False  # whether the last name was secret, so that its value is
    hidden: tuple[int, int] | None = None  # where an object or array that is hidden began, and at which level

    def put(start: int, end: int, value: str) -> None:
        nonlocal copied
        pieces.extend((text[copied:start], value))
        copied = end

    for piece in _JSON_PIECE.finditer(text):
        if piece["bracket"] in {"{", "["}:
            if named:
                hidden = piece.start(), level
            named = False
            level += 1
        elif piece["bracket"]:
            level -= 1
            if hidden and hidden[1] == level:
                put(hidden[0], piece.end(), f'"{HIDDEN}"')
                hidden = None
        elif hidden:
            continue
        elif piece["colon"]:
            named = bool(_WORD.search(_json_text(piece["text"])))
        elif named:
            put(*piece.span(), f'"{HIDDEN}"')
            named = False
        elif piece["text"]:
            own = _json_text(piece["text"])
            if (masked := _mask_text(own, depth + 1)) != own:
                put(*piece.span(), _to_json(masked, ascii_only=piece["text"].isascii()))
    return "".join((*pieces, text[copied:]))


def _json_text(written: str) -> str:
    return str(json.loads(written, strict=False)) if "\\" in written else written[1:-1]


def _to_json(text: str, *, ascii_only: bool) -> str:
    written = json.dumps(text, ensure_ascii=ascii_only)
    # Half a surrogate pair can be written in JSON, and can't be stored otherwise.
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", written)


# Query strings, markup, loose text -----------------------------------------------------------------------------------------

_NAME_CHARACTER = r"[\w.%\[\]-]"
_QUOTE = r"""(?:(?<!\\)\\*+["']|&quot;)"""
_NAMED = re.compile(
    rf"""<(?P<tag>[\w.:-]++)(?:\s(?P<attributes>[^<>]*+))?>
       | (?<!{_NAME_CHARACTER})(?P<name>{_NAME_CHARACTER}++)(?P<name_quote>{_QUOTE})?\s{{0,8}}
         (?: (?P<closed>>) | [:=：]>?\s{{0,8}}(?P<quote>{_QUOTE})? )""",
    re.VERBOSE,
)
_NEXT_NAME = rf"""\s{{0,8}}{_QUOTE}?{_NAME_CHARACTER}{{1,64}}{_QUOTE}?[^\S\r\n]{{0,8}}[:=：]"""
_CLOSING = re.compile(r"\s{0,8}[}\])]")
_VALUE_END = re.compile(
    rf"""[\r\n]
       | &{_NAME_CHARACTER}{{1,64}}=
       | [;,]{_NEXT_NAME}
       | [}}\])](?:\s{{0,8}}[}}\])])*+\s{{0,8}}(?:[,;]?(?:{_NEXT_NAME}|\s{{0,8}}["'{{\[])|[\r\n]|\Z)
       | {_QUOTE}\s{{0,8}}(?:[,;:}}\])>]|\Z)""",
    re.VERBOSE,
)
_BRACKET_OR_QUOTE = re.compile(rf"{_QUOTE}|[{{}}\[\]]")


def _mask_loose(text: str) -> str:
    """Mask text that has no form of its own: each secret name is looked for, and the end of what follows it."""
    pieces: list[str] = []
    copied = position = 0
    while match := _NAMED.search(text, position):
        if not _WORD.search(unquote(match["tag"] or match["name"])):
            position = match.end("tag") if match["tag"] else match.end()
            continue
        start = match.end()
        shown, value = text[copied:start], HIDDEN
        if match["tag"]:
            if (match["attributes"] or "").endswith("/"):
                position = match.end("tag")
                continue
            if match["attributes"]:
                shown = text[copied : match.start("attributes")] + _mask_loose(match["attributes"]) + ">"
            end = _tag_end(text, match["tag"], start)
        elif match["closed"]:
            closing = text[match.start() - 1 : match.start()] == "/"
            end = start if closing else _found(text.find("<", start), text)
        elif match["quote"]:
            value = f"{HIDDEN}{match['quote']}"
            end = _quote_end(text, match["quote"], start)
        else:
            value = "{0}{1}{0}".format(match["name_quote"] or "", HIDDEN)
            end = _bracket_end(text, start) if text[start : start + 1] in {"{", "["} else start
            if end == start or not match["name_quote"]:
                end = _value_end(text, _past_closing(text, end))
        if end > start or match["quote"]:
            pieces += [shown, value]
            copied = end
        position = end
    return "".join((*pieces, text[copied:]))


def _found(index: int, text: str) -> int:
    return index if index >= 0 else len(text)


def _past_closing(text: str, start: int) -> int:
    """Return where the brackets end that are closed right at `start`: nothing was opened, so they are part of a value."""
    while found := _CLOSING.match(text, start):
        start = found.end()
    return start


def _value_end(text: str, start: int) -> int:
    stop = _VALUE_END.search(text, start)
    return stop.start() if stop else len(text)


def _quote_end(text: str, quote: str, start: int) -> int:
    for found in _BRACKET_OR_QUOTE.finditer(text, start):
        if found[0] == quote:
            # Where the text goes on at once, the quote belonged to the value: "it""s".
            goes_on = re.compile(r"""[\w"']""").match(text, found.end())
            return _value_end(text, found.end()) if goes_on else found.end()
    return len(text)


def _bracket_end(text: str, start: int) -> int:
    """Return where the bracket that opens at `start` is closed. Brackets in quotes don't count."""
    level = 0
    quote = ""
    for found in _BRACKET_OR_QUOTE.finditer(text, start):
        if found[0] in "{[":
            level += not quote
        elif found[0] in "}]":
            level -= not quote
            if level == 0:
                return found.end()
        elif quote:
            quote = "" if found[0] == quote else quote
        elif not text[found.start() - 1].isalnum():  # else it is an apostrophe
            quote = found[0]
    return len(text)


def _tag_end(text: str, tag: str, start: int) -> int:
    """Return where the element that opens before `start` is closed, elements of its own name inside it included."""
    level = 1
    for found in re.compile(rf"<(/)?{re.escape(tag)}(?![\w.:-])").finditer(text, start):
        level += -1 if found[1] else 1
        if level == 0:
            return found.start()
    return len(text)


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
        own_rule = rule if rule is _hide else MASKED.get(name, rule)
        if rule is mask_user_data and isinstance(name, str) and _WORD.search(name):
            own_rule = _hide
        # Nearly all of a job's elements are texts without a rule: they are passed over without a call.
        if own_rule or not isinstance(child, str):
            changed[name] = _masked(child, f"{path}.{name}" if path else str(name), own_rule, paths)
    if isinstance(node, dict):
        return {**node, **changed}
    return [changed.get(index, child) for index, child in enumerate(node)]


def _hide(text: str) -> str:
    return HIDDEN if text.strip() else text


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
