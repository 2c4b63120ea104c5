"""What many jobs say together, as pure values: no database, no Redis, no clock but the one that is given."""

from __future__ import annotations

from .families import Family, families, normal
from .kinds import Kind, kind_of
from .odd import ENOUGH, Odd, Oddities, Why, oddities
from .summary import COUNTED, SLOTS, Failure, Since, Summary, severity, summarize
from .tallies import SPANS, Column, Span, Tallies, tally

__all__ = [
    "COUNTED",
    "ENOUGH",
    "SLOTS",
    "SPANS",
    "Column",
    "Failure",
    "Family",
    "Kind",
    "Odd",
    "Oddities",
    "Since",
    "Span",
    "Summary",
    "Tallies",
    "Why",
    "families",
    "kind_of",
    "normal",
    "oddities",
    "severity",
    "summarize",
    "tally",
]
