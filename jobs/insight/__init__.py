"""What many jobs say together, as pure values: no database, no Redis, no clock but the one that is given."""

from __future__ import annotations

from .families import Family, families, normal
from .odd import ENOUGH, Kind, Odd, Oddities, Why, kind_of, oddities
from .summary import COUNTED, SLOTS, Failure, Since, Summary, severity, summarize
from .tallies import Column, Span, Tallies, tally

__all__ = [
    "COUNTED",
    "ENOUGH",
    "SLOTS",
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
