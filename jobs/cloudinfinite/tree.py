"""What an XML element looks like as data that JSON can carry.

A leaf is its text, "" when empty. An element with children is a dict in document order, in which a repeated child is a
list. Attributes are "@name", text beside children or attributes is "#text". Namespaces are gone. White space between
children is not kept.
"""

from __future__ import annotations

from typing import TypeAlias

Node: TypeAlias = "str | Tree | list[str | Tree]"
Tree: TypeAlias = "dict[str, Node]"


def add(tree: Tree, name: str, node: str | Tree) -> None:
    """Put `node` under `name`; the second of a name turns both into a list."""
    present = tree.get(name)
    if present is None:
        tree[name] = node
    elif isinstance(present, list):
        present.append(node)
    else:
        tree[name] = [present, node]


def nodes(tree: Tree, name: str) -> list[str | Tree]:
    """Return the children called `name` as a list, whether there is none, one or many."""
    present = tree.get(name)
    if present is None:
        return []
    return present if isinstance(present, list) else [present]


def text(tree: Tree, *path: str) -> str | None:
    """Return the text of the first node at `path`; None when it is absent or has children."""
    node: str | Tree | None = tree
    for name in path:
        if not isinstance(node, dict):
            return None
        found = node.get(name)
        node = found[0] if isinstance(found, list) else found
    if not isinstance(node, dict):
        return node
    # A leaf that carries attributes is a leaf nevertheless.
    if all(name.startswith(("@", "#")) for name in node):
        own = node.get("#text", "")
        return own if isinstance(own, str) else None
    return None


def child_text(tree: Tree, name: str) -> str:
    """Return the text of the first child called `name`; "" when it is absent or has children."""
    found = tree.get(name, "")
    # Nearly always it is a text. A page reads a thousand of them, and a cold one waits for it.
    return found if isinstance(found, str) else text(tree, name) or ""
