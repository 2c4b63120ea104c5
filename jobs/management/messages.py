"""Finds every string that the product marks for translation, and compares a catalogue with them.

Python is read as Python does it, and templates as Django does it, so that what is found here is, letter by letter, what is
looked up when a page is made.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.template import Engine, Node, Variable
from django.template.context import Context
from django.templatetags.i18n import BlockTranslateNode, TranslateNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.template.base import FilterExpression
    from polib import POEntry, POFile

PACKAGES = ("dashboard", "jobs")
ARGUMENTS = {
    "gettext": ("msgid",),
    "ngettext": ("msgid", "plural"),
    "pgettext": ("context", "msgid"),
    "npgettext": ("context", "msgid", "plural"),
}
"""Function of `django.utils.translation` -> its first arguments; each has a form that ends in _lazy."""
IN_EXPRESSION = re.compile(r"""(?<![\w])_\((?P<text>"[^"]*"|'[^']*')\)""")
"""A string marked inside a template's expression, as in `{{ name|default:_("none") }}`."""
PLACE = re.compile(r"%(?:%|\(\w+\)[sd]|[sd])")
TAG = re.compile(r"</?[a-z]+[^>]*>")


class Key(NamedTuple):
    """What a message is looked up by. A context tells apart what is one word in English only."""

    context: str | None
    msgid: str


@dataclass(slots=True)
class Message:
    """One string of the source: its plural form, "" where it has none, and the files that it stands in."""

    plural: str = ""
    files: list[str] = field(default_factory=list)


class Unreadable(Exception):
    """A string is marked for translation but isn't written out there, so that no catalogue can hold it."""


def messages() -> dict[Key, Message]:
    """Return every message of the source, by its key, in the order of the files.

    Raises:
        Unreadable: a marked string isn't written out.
    """
    found: dict[Key, Message] = {}
    for place, key, plural in (*_of_python(), *_of_templates()):
        message = found.setdefault(key, Message())
        message.plural = message.plural or plural
        if place not in message.files:
            message.files.append(place)
    return found


def problems(catalogue: POFile, wanted: dict[Key, Message]) -> list[str]:
    """Return what keeps a catalogue from being whole, a line each."""
    entries = {Key(entry.msgctxt, entry.msgid): entry for entry in catalogue if not entry.obsolete}
    found = [f"{_name(key)}: missing ({', '.join(wanted[key].files)})" for key in wanted if key not in entries]
    found += [f"{_name(key)}: no file holds it any more" for key in entries if key not in wanted]
    for key, entry in entries.items():
        if key in wanted:
            found += [f"{_name(key)}: {what}" for what in _faults(entry, wanted[key])]
    return found


def update(catalogue: POFile, wanted: dict[Key, Message]) -> None:
    """Let a catalogue hold the messages of the source, in their order; what is new has no translation yet."""
    import polib

    entries = {Key(entry.msgctxt, entry.msgid): entry for entry in catalogue if not entry.obsolete}
    catalogue.clear()
    for key, message in wanted.items():
        entry = entries.get(key) or polib.POEntry(msgctxt=key.context, msgid=key.msgid)
        entry.occurrences = [(place, "") for place in message.files]
        if bool(entry.msgid_plural) != bool(message.plural):
            entry.msgstr, entry.msgstr_plural = "", {}
        entry.msgid_plural = message.plural
        if message.plural and not entry.msgstr_plural:
            entry.msgstr_plural = {0: ""}
        names = any(place.startswith("%(") for place in PLACE.findall(key.msgid + message.plural))
        entry.flags = [flag for flag in entry.flags if flag != "python-format"] + ["python-format"] * names
        catalogue.append(entry)


def _faults(entry: POEntry, message: Message) -> Iterator[str]:
    translations = list(entry.msgstr_plural.values()) if message.plural else [entry.msgstr]
    if entry.msgid_plural != message.plural:
        yield "its plural form is another in the source"
    elif "fuzzy" in entry.flags:
        yield "fuzzy: look at it and take the mark away"
    elif not translations or not all(translations):
        yield f"not translated ({', '.join(message.files)})"
    else:
        # With a count of one, English may leave the number out; the plural form always names it.
        original = message.plural or entry.msgid
        for said in translations:
            for what, pattern in (("places", PLACE), ("tags", TAG)):
                if sorted(pattern.findall(said)) != sorted(pattern.findall(original)):
                    yield f"the {what} differ in “{said}”"


def _name(key: Key) -> str:
    return f"“{key.msgid}”" + (f" [{key.context}]" if key.context else "")


def _of_python() -> Iterator[tuple[str, Key, str]]:
    for package in PACKAGES:
        for path in sorted((Path(settings.BASE_DIR) / package).rglob("*.py")):
            place = path.relative_to(settings.BASE_DIR).as_posix()
            tree = ast.parse(path.read_text(encoding="utf-8"))
            functions = _marking_functions(tree)
            for node in ast.walk(tree) if functions else ():
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions:
                    yield place, *_arguments(node, functions[node.func.id], place)


def _marking_functions(tree: ast.Module) -> dict[str, str]:
    """Return the name each marking function has in a module -> the name it has in ARGUMENTS."""
    return {
        alias.asname or alias.name: alias.name.removesuffix("_lazy").removesuffix("_noop")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.name.removesuffix("_lazy").removesuffix("_noop") in ARGUMENTS
    }


def _arguments(call: ast.Call, function: str, place: str) -> tuple[Key, str]:
    given = {}
    for name, argument in zip(ARGUMENTS[function], call.args, strict=False):
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            raise Unreadable(f"{place}:{call.lineno}: {function}() is given something that isn't written out here")
        given[name] = argument.value
    return Key(given.get("context"), given["msgid"]), given.get("plural", "")


def _of_templates() -> Iterator[tuple[str, Key, str]]:
    engine = Engine.get_default()
    for folder in engine.dirs:
        for path in sorted(Path(folder).rglob("*.html")):
            place = path.relative_to(settings.BASE_DIR).as_posix()
            for match in IN_EXPRESSION.finditer(path.read_text(encoding="utf-8")):
                yield place, Key(None, match["text"][1:-1].replace("%", "%%")), ""
            template = engine.get_template(str(path.relative_to(folder)))
            for key, plural in _of_nodes(template.nodelist, place):
                yield place, key, plural


def _of_nodes(nodes: Iterable[Node], place: str) -> Iterator[tuple[Key, str]]:
    for node in nodes:
        if isinstance(node, TranslateNode):
            yield Key(_context(node.message_context), _written(node.filter_expression, place)), ""
        elif isinstance(node, BlockTranslateNode):
            singular, _places = node.render_token_list(node.singular)
            plural = node.render_token_list(node.plural)[0] if node.plural else ""
            yield Key(_context(node.message_context), singular), plural
        # Some tags, as partialdef, keep what is inside under the usual name without saying so.
        for name in dict.fromkeys((*node.child_nodelists, "nodelist")):
            yield from _of_nodes(getattr(node, name, None) or (), place)


def _written(expression: FilterExpression, place: str) -> str:
    literal = expression.var.literal if isinstance(expression.var, Variable) else None
    if not isinstance(literal, str):
        raise Unreadable(f"{place}: translate is given something that isn't written out there")
    # As Django does it before it looks the string up.
    return literal.replace("%", "%%")


def _context(expression: FilterExpression | None) -> str | None:
    return str(expression.resolve(Context())) if expression else None
