"""Room for nested calls in a walk over a whole tree.

Definitions may stand in any order, so that thousands may each need the next one; every expression by itself is limited
in depth.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_FRAMES = 100_000
"""Enough for some ten thousand definitions, each needing the next; Python's frames stand on the heap."""


@contextmanager
def deep_calls() -> Iterator[None]:
    """Lets calls nest deeper inside the ``with``; the limit is as before afterwards."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
