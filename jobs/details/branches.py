"""Turns whatever tree comes into branches that a template writes as nested lists: bounded, with nothing dropped silently."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jobs.details.names import LABELS, begins_unknown

if TYPE_CHECKING:
    from collections.abc import Container

    from django.utils.functional import _StrPromise

    from jobs.cloudinfinite.tree import Node, Tree

DEEPEST = 12
"""Levels that are drawn below a part's own. Deeper elements are counted, and stand in the raw view."""
MOST = 1000
"""Elements that are drawn in one part."""
LONG = 400
"""Characters from which on a text is folded."""
WIDE = 24
"""Characters from which on a text takes a line of its own."""
BIG = 30
"""Children from which on an element is folded."""
LONGEST_LINK = 2000
_IN_A_LINK = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Branch:
    """One element.

    `path` is its dotted path with the numbers of repeated elements from 0, as masks write it. `known` is False where an
    unknown element begins, but not again for what stands inside it. `number` counts an element among its repeats from 1,
    None where it stands alone. `text` is a leaf's text, None for an element with children. `left_out` counts the elements
    below it that are not drawn.
    """

    name: str
    path: str
    label: _StrPromise | str
    known: bool
    number: int | None = None
    text: str | None = None
    children: tuple[Branch, ...] = ()
    left_out: int = 0
    masked: bool = False

    @property
    def is_long(self) -> bool:
        """Whether its text is folded at first."""
        return self.text is not None and len(self.text) > LONG

    @property
    def is_wide(self) -> bool:
        """Whether it needs a line of its own among its neighbours."""
        return self.text is None or bool(self.label) or len(self.text) > WIDE

    @property
    def is_big(self) -> bool:
        """Whether it is folded at first, because it holds so much."""
        return len(self.children) > BIG

    @property
    def link(self) -> str:
        """The text as an address that may be opened, "" when it isn't one.

        A callback is never one: opening it would call somebody's hook. Neither is what a mask has cut.
        """
        return "" if self.masked or self.name == "CallBack" or self.text is None else web_address(self.text)


def web_address(text: str) -> str:
    """Return `text` if the whole of it is an http or https address, else ""."""
    # Printable ASCII only: what looks like another host by look-alike or right-to-left letters stays text.
    if len(text) > LONGEST_LINK or not _IN_A_LINK.fullmatch(text):
        return ""
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        return ""
    return text if parts.scheme in {"http", "https"} and host and "@" not in parts.netloc else ""


def grow(tree: Tree, path: str = "", masked: Container[str] = ()) -> Branch:
    """Return an element with its children, in document order.

    Args:
        tree: an element of a job.
        path: where it stands, "" for JobsDetail itself.
        masked: the paths whose text is masked.
    """
    children, left_out = _Gardener(masked).children(tree, path, path, 1)
    name = path.rpartition(".")[2]
    return Branch(name, path, LABELS.get(path, ""), not begins_unknown(path), children=children, left_out=left_out)


def size(node: Node) -> int:
    """Return how many elements `node` holds, itself included; a list counts for its members."""
    total, left = 0, [node]
    while left:
        one = left.pop()
        if isinstance(one, list):
            left.extend(one)
        else:
            total += 1
            if isinstance(one, dict):
                left.extend(one.values())
    return total


def as_tree(node: str | Tree) -> Tree:
    """Return an element as one with children; one that holds only text as CI writes text beside children."""
    if isinstance(node, str):
        return {"#text": node} if node else {}
    return node


class _Gardener:
    """Counts the elements of one part while they are drawn."""

    def __init__(self, masked: Container[str]) -> None:
        self.masked = masked
        self.left = MOST

    def children(self, tree: Tree, path: str, plain: str, depth: int) -> tuple[tuple[Branch, ...], int]:
        """Return branches and the number of elements left out; `path` has the numbers of repeats in it, `plain` has not."""
        drawn: list[Branch] = []
        left_out = 0
        for name, node in tree.items():
            below, known_as = _join(path, name), _join(plain, name)
            repeats = node if isinstance(node, list) else [node]
            for index, one in enumerate(repeats):
                if self.left <= 0:
                    left_out += size(one)
                elif isinstance(node, list):
                    drawn.append(self.branch(name, one, f"{below}.{index}", known_as, depth, index + 1))
                else:
                    drawn.append(self.branch(name, one, below, known_as, depth, None))
        return tuple(drawn), left_out

    def branch(self, name: str, node: str | Tree, path: str, plain: str, depth: int, number: int | None) -> Branch:
        self.left -= 1
        label, known = LABELS.get(plain, ""), not begins_unknown(plain)
        if isinstance(node, str):
            return Branch(name, path, label, known, number, text=node, masked=path in self.masked)
        if depth >= DEEPEST:
            return Branch(name, path, label, known, number, left_out=size(node) - 1)
        children, left_out = self.children(node, path, plain, depth + 1)
        return Branch(name, path, label, known, number, children=children, left_out=left_out)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
