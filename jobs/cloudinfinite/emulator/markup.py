"""Answers as XML.

Alone responsible for turning trees into XML and for the shape of a success and of an error body (ci-api.md §1.3, §6.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

Tree: TypeAlias = "dict[str, Node]"
Node: TypeAlias = "str | Tree | list[str | Tree]"

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})


def escape(text: str) -> str:
    return text.translate(_ESCAPES)


def element(name: str, node: Node) -> str:
    """An element and all below it; a list is the element repeated."""
    if isinstance(node, list):
        return "".join(element(name, item) for item in node)
    if isinstance(node, dict):
        return f"<{name}>{''.join(element(child, below) for child, below in node.items())}</{name}>"
    return f"<{name}>{escape(node)}</{name}>" if node else f"<{name}/>"


def response(children: Iterable[tuple[str, Node]]) -> bytes:
    """A `Response` document; like the samples it has no XML declaration."""
    return f"<Response>{''.join(element(name, node) for name, node in children)}</Response>".encode()


def error(children: Iterable[tuple[str, str]]) -> bytes:
    """An `Error` document."""
    body = "\n".join(f"  {element(name, text)}" for name, text in children)
    return f"<?xml version='1.0' encoding='utf-8' ?>\n<Error>\n{body}\n</Error>\n".encode()
