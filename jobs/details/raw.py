"""Raw: the XML as received but for masks, and the JSON as parsed, with what the documents don't know marked in it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.details.names import is_known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.cloudinfinite.schema import Job
    from jobs.cloudinfinite.tree import Node

SHOWN = 200_000
"""Characters of each text that are shown; the JSON twin holds all of it."""
MOST_UNKNOWN = 100
"""Unknown elements that are listed."""

_MARKUP = re.compile(
    r"""<!--.*?--> | <!\[CDATA\[.*?\]\]> | <\?.*?\?>
      | <(?P<close>/?)(?P<name>[^\s/>"']+)(?P<rest>(?:[^<>"']|"[^"]*"|'[^']*')*)>""",
    re.VERBOSE | re.DOTALL,
)
RECORD = "JobsDetail"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of XML; an unknown one is the name of an element that the documents don't know."""

    text: str
    is_unknown: bool


@dataclass(frozen=True, slots=True)
class Raw:
    """Both texts, each cut at SHOWN. `xml` is empty where no XML is kept."""

    xml: tuple[Piece, ...]
    xml_is_cut: bool
    json: str
    json_is_cut: bool
    unknown: tuple[str, ...]
    more_unknown: bool
    masked: tuple[str, ...]


def raw(job: Job, xml: str | None, masked: tuple[str, ...] = ()) -> Raw:
    """Return what the Raw part shows.

    Args:
        job: the job.
        xml: the masked XML, None where there is none to show.
        masked: the paths whose text is masked.
    """
    parsed = json.dumps(job.tree, ensure_ascii=False, indent=2)
    found = list(_unknown(job.tree, ""))
    names = tuple(dict.fromkeys(found))
    return Raw(
        xml=tuple(_pieces((xml or "")[:SHOWN])),
        xml_is_cut=len(xml or "") > SHOWN,
        json=parsed[:SHOWN],
        json_is_cut=len(parsed) > SHOWN,
        unknown=names[:MOST_UNKNOWN],
        more_unknown=len(names) > MOST_UNKNOWN,
        masked=masked,
    )


def _unknown(node: Node, path: str) -> Iterator[str]:
    """Yield the paths of unknown elements; what stands inside an unknown one goes with it."""
    if isinstance(node, list):
        for one in node:
            yield from _unknown(one, path)
    elif isinstance(node, dict):
        for name, child in node.items():
            below = f"{path}.{name}" if path else name
            if is_known(below):
                yield from _unknown(child, below)
            else:
                yield below


def _pieces(xml: str) -> Iterator[Piece]:
    """Yield the text cut around the names of unknown elements. Odd XML may be marked wrongly, but stays to the letter."""
    told, way = 0, list[str]()
    for match in _MARKUP.finditer(xml):
        name = match["name"]
        if name is None:
            continue
        if match["close"]:
            path = _path(way)
            if way:
                way.pop()
        else:
            path = _path([*way, name])
            if not match["rest"].endswith("/"):
                way.append(name)
        if path and not is_known(path):
            if match.start("name") > told:
                yield Piece(xml[told : match.start("name")], is_unknown=False)
            yield Piece(name, is_unknown=True)
            told = match.end("name")
    if told < len(xml):
        yield Piece(xml[told:], is_unknown=False)


def _path(way: list[str]) -> str:
    """Return the dotted path below the record, "" outside of it."""
    names = [name.rpartition(":")[2] for name in way]
    return ".".join(names[names.index(RECORD) + 1 :]) if RECORD in names else ""
