"""Reads upstream's bytes by the standard library alone: which jobs stand in them, and which secrets must be hidden.

It shares no line with the product's parser, so that both would have to be wrong in the same way.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Node = Any
OURS = ("_times", "_durations", "_masked")
"""Names under which a twin puts what it has read itself; an element of that name can't be told from it."""


@dataclass(frozen=True)
class Truth:
    """A well-formed answer: its root's name, its jobs as trees, and whether every limit of ours is kept."""

    root: str
    jobs: list[dict[str, Node]]
    token: str
    is_modest: bool

    @property
    def unique(self) -> list[dict[str, Node]]:
        """The jobs without those whose JobId stands before them already."""
        kept: dict[object, dict[str, Node]] = {}
        for index, job in enumerate(self.jobs):
            kept.setdefault(job_id(job) or index, job)
        return list(kept.values())


def read(body: bytes) -> Truth | None:
    """Return what stands in `body`, None where it is not well-formed XML or declares a document type."""
    if re.search(rb"<\0?!\0?D\0?O\0?C\0?T\0?Y\0?P\0?E", body):
        return None  # entities can't be had without one; one in a comment is given up with it
    try:
        root = ET.fromstring(body)  # noqa: S314 - without a document type nothing in it can explode
    except (ET.ParseError, ValueError, LookupError, RecursionError):
        return None
    count, depth, level = 0, 0, [root]
    widest = 0
    while level:
        depth += 1
        count += sum(1 + len(element.attrib) for element in level)
        widest = max(widest, *(len(element.attrib) for element in level))
        level = [child for element in level for child in element]
    modest = depth <= 64 and count <= 100_000 and widest <= 256 and len(body) < 200_000
    if depth > 500:
        return Truth(_name(root.tag), [], "", is_modest=False)
    jobs = [tree for child in root if _name(child.tag) == "JobsDetail" and isinstance(tree := _tree(child), dict)]
    tokens = [element.text or "" for element in root if _name(element.tag) == "NextToken"]
    return Truth(_name(root.tag), jobs, tokens[0] if tokens else "", is_modest=modest)


def _name(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]


def _tree(element: ET.Element) -> Node:
    """Return an element as the design says that JSON shows it."""
    words = "".join([element.text or "", *(child.tail or "" for child in element)])
    if not len(element) and not element.attrib:
        return words
    parts = [("@" + _name(name), value) for name, value in element.attrib.items()]
    parts += [(_name(child.tag), _tree(child)) for child in element]
    if words.strip():
        parts.append(("#text", words))
    tree: dict[str, Node] = {}
    for name, value in parts:
        if name not in tree:
            tree[name] = value
        elif isinstance(tree[name], list):
            tree[name].append(value)
        else:
            tree[name] = [tree[name], value]
    return tree


def job_id(job: dict[str, Node]) -> str:
    """Return the text of a job's first JobId."""
    node = job.get("JobId", "")
    node = node[0] if isinstance(node, list) else node
    if isinstance(node, dict):
        return node.get("#text", "") if all(name[0] in "@#" for name in node) else ""
    return str(node)


def same(shown: Node, true: Node, masked: set[str], path: str = "") -> bool:
    """Tell whether a tree that is shown is the true one, but for texts at the paths that are said to be masked."""
    if isinstance(shown, str) and isinstance(true, str):
        return shown == true or path in masked
    if isinstance(shown, list) and isinstance(true, list):
        return len(shown) == len(true) and all(
            same(left, right, masked, f"{path}.{index}" if path else str(index))
            for index, (left, right) in enumerate(zip(shown, true, strict=True))
        )
    if isinstance(shown, dict) and isinstance(true, dict):
        names = {name for name in shown if path or name not in OURS}
        if names != {name for name in true if path or name not in OURS}:
            return False
        return all(same(shown[name], true[name], masked, f"{path}.{name}" if path else name) for name in names)
    return False


def must_hide(body: bytes, secret: str) -> bool:
    """Tell whether each place of `secret` is one that must be masked, so that nothing may show it.

    In CallBack all but scheme and host is hidden; in UserData what is named token is. A mutation may have moved a secret
    elsewhere: then it is a text as any other. In what is not well-formed it must be hidden wherever jobs can be told by a
    name.
    """
    try:
        root = ET.fromstring(body)  # noqa: S314 - see read
    except (ET.ParseError, ValueError, LookupError, RecursionError):
        plain = body.replace(b"\0", b"")  # UTF-16, near enough
        return any(name in plain for name in (b"JobsDetail", b"CallBack", b"UserData")) or secret.encode() not in plain
    return _hides(root, secret, "")


def _hides(element: ET.Element, secret: str, rule: str) -> bool:
    name = _name(element.tag)
    rule = name if name in ("CallBack", "UserData") else rule
    words = "".join([element.text or "", *(child.tail or "" for child in element)])
    texts = [words, *element.attrib.values()]
    if secret in name or any(secret in attribute for attribute in element.attrib):
        return False
    if any(secret in text and not _is_secret(text, secret, rule) for text in texts):
        return False
    return all(_hides(child, secret, rule) for child in element)


def _is_secret(text: str, secret: str, rule: str) -> bool:
    if rule == "CallBack":
        try:
            parts = urlsplit(text.strip())
        except ValueError:
            return True
        return secret.lower() not in f"{parts.scheme}{parts.hostname}".lower()
    return rule == "UserData" and all(
        re.search(r"token\s{0,8}[=:]\s{0,8}[\"']?$", text[: found.start()])
        for found in re.finditer(re.escape(secret), text)
    )
