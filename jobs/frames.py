"""Room for Python's frames, so that a deep call doesn't make each further call ask the system for memory.

CPython 3.11 to 3.13 keeps frames in chunks of 16 kB. A function that is called again and again at the end of a chunk
takes a new chunk from the system and gives it back, each time (`mmap`, `munmap`). Rendering a page is a hundred frames
deep and calls thousands of functions there: measured, 3,000 such pairs and 35 ms for one list of 50 rows.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    P = ParamSpec("P")
    R = TypeVar("R")

SLOTS = 20_000
"""Frame slots of 8 bytes. A frame of this size gets a chunk of 256 kB, and the rest of it holds all deeper frames."""


def roomy(function: Callable[P, R]) -> Callable[P, R]:
    """Return `function`, called from a frame so large that all frames below it fit into its chunk.

    The memory is reserved, not touched: only the pages that frames really use count.
    """

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return function(*args, **kwargs)

    call.__code__ = call.__code__.replace(co_stacksize=SLOTS)
    return wraps(function)(call)
