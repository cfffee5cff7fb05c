"""What a walk over a whole tree asks of Python: no collector in the way, and room for nested calls.

A check makes many small objects that all stay alive and none in cycles: on a model of 5,000 lines the cyclic
collector's repeated search through them takes longer than the check itself. Definitions may stand in any order, so that
thousands may each need the next one; every expression by itself is limited in depth.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_FRAMES = 100_000
"""Enough for some ten thousand definitions, each needing the next; Python's frames stand on the heap."""


@contextmanager
def walking() -> Iterator[None]:
    """Puts the collector off inside the ``with`` and lets calls nest deeper; both are as before afterwards."""
    was_enabled = gc.isenabled()
    limit = sys.getrecursionlimit()
    gc.disable()
    sys.setrecursionlimit(max(limit, _FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
        if was_enabled:
            gc.enable()
