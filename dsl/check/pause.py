"""Python's cyclic garbage collector, put off while a tree is walked.

A check makes many small objects that all stay alive and none in cycles: on a model of 5,000 lines the collector's
repeated search through them takes longer than the check itself.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Puts the collector off inside the ``with``, and leaves it afterwards as it was."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
