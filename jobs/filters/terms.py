"""Takes a text apart into terms, each with its place: `key:value`, or a word alone. What they mean is said in `grammar`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches

from django.utils.translation import gettext as _

from . import vocabulary
from .values import listed

_KEY = re.compile(r"([^\s:：\"“]+)([:：])\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\]|\\(?!["\\]))*)"(?=\s|$)|“([^”]*)”(?=\s|$)')
_ESCAPED = re.compile(r'\\(["\\])')
_LISTED = re.compile(r"[^\s,，、]+")
_COMMA = re.compile(r"\s*[,，、]\s*")
_OPENING = ('"', "“")


@dataclass(frozen=True, slots=True)
class Slip:
    """What is wrong with `text[start:end]`, in the reader's language; `meant` is what probably should stand there, or ""."""

    text: str
    start: int
    end: int
    meant: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """A value without its quotation marks and the spaces around it; `start` and `end` are where it stands, with them."""

    text: str
    start: int
    end: int

    @property
    def listed(self) -> list[Value]:
        """The values between its commas; inside quotation marks each has the place of all."""
        if self.end - self.start != len(self.text):
            return [replace(self, text=word) for word in _LISTED.findall(self.text)]
        places = [(self.start + word.start(), self.start + word.end()) for word in _LISTED.finditer(self.text)]
        return [Value(self.text[start - self.start : end - self.start], start, end) for start, end in places]


@dataclass(frozen=True, slots=True)
class Term:
    """One term. `key` is one of `vocabulary.KEYS`, "" for a word alone; `start` is where the key begins."""

    key: str
    value: Value
    start: int


def scan(text: str) -> tuple[list[Term], list[Slip]]:
    """Return the terms of a text, and what can't be one."""
    scanner = _Scanner(text)
    while (at := scanner.skip_space()) < len(text):
        scanner.take_term(at)
    return scanner.terms, scanner.slips


def quoted(value: str) -> str:
    """Return a value as it can stand in a text: between quotation marks where it must."""
    if not (re.search(r"\s", value) or value.startswith(_OPENING) or _begins_with_key(value)):
        return value
    return '"{}"'.format(re.sub(r'["\\]', r"\\\g<0>", value))


def _begins_with_key(text: str, at: int = 0) -> bool:
    match = _KEY.match(text, at)
    return match is not None and match[1].casefold() in vocabulary.KEYS


class _Scanner:
    """`at` is how far it has come."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.terms: list[Term] = []
        self.slips: list[Slip] = []

    def skip_space(self) -> int:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.at

    def take_term(self, start: int) -> None:
        match = _KEY.match(self.text, start)
        key = vocabulary.KEYS.get(match[1].casefold(), "") if match else ""
        if match and not key and match[2] == ":":
            self._refuse_key(match[1], start)
            return
        # An unknown word before a Chinese colon is no key: names hold such colons.
        if match and key:
            self.at = match.end()
            if self.at == len(self.text) or self._is_key():
                self.at = match.end(2)
                self._refuse(_("“%(key)s” has no value.") % {"key": match[0].strip()}, start)
                return
        if value := self._take_value(is_list=key == "state"):
            self.terms.append(Term(key, value, start))

    def _take_value(self, *, is_list: bool) -> Value | None:
        start = self.at
        if self.text[start] in _OPENING:
            return self._take_quoted(start)
        self._skip_word()
        while is_list and self._is_more_listed(start):
            self._skip_word()
        return Value(self.text[start : self.at], start, self.at)

    def _is_more_listed(self, start: int) -> bool:
        """Go on to the next word of a list and tell whether there is one: "failed, pause" is one value."""
        comma = _COMMA.match(self.text, self.at)
        ends_in_comma = _COMMA.fullmatch(self.text, self.at - 1, self.at)
        if not comma and not ends_in_comma:
            return False
        end, self.at = self.at, comma.end() if comma else self.at
        self.skip_space()
        if self.at < len(self.text) and not self._is_key():
            return True
        self.at = end
        return False

    def _take_quoted(self, start: int) -> Value | None:
        match = _QUOTED.match(self.text, start)
        if match:
            self.at = match.end()
            inside = _ESCAPED.sub(r"\1", match[1]) if match[1] is not None else match[2]
            return Value(inside.strip(), start, self.at)
        closing = '"' if self.text[start] == '"' else "”"
        self.at = self.text.find(closing, start + 1)
        if self.at < 0:
            self.at = len(self.text)
            meant = self.text[start:].rstrip().rstrip("\\") + closing
            self._refuse(_("This quotation mark is never closed."), start, meant)
        else:
            self._skip_word()
            self._refuse(
                _('A space must follow a closing quotation mark. Inside, write \\" for a quotation mark.'), start
            )
        return None

    def _refuse_key(self, key: str, start: int) -> None:
        self._skip_word()
        word = self.text[start : self.at]
        near = get_close_matches(key.casefold()[:100], vocabulary.KEYS, n=1, cutoff=0.7)
        meant = f"{vocabulary.KEYS[near[0]]}{word[len(key) :]}" if near else f'"{word}"' if '"' not in word else ""
        text = _("There is no key “%(key)s”. Known are %(known)s. Put a name with a colon between quotation marks.")
        known = listed(dict.fromkeys(vocabulary.KEYS.values()))
        self._refuse(text % {"key": key if len(key) <= 60 else f"{key[:59]}…", "known": known}, start, meant)

    def _refuse(self, text: str, start: int, meant: str = "") -> None:
        self.slips.append(Slip(text, start, self.at, meant))

    def _skip_word(self) -> None:
        while self.at < len(self.text) and not self.text[self.at].isspace():
            self.at += 1

    def _is_key(self) -> bool:
        return _begins_with_key(self.text, self.at)
