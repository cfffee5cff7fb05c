"""Python's cyclic collector, held back while data are read.

Reading makes millions of containers and no garbage; the collector would walk all of them again and again (a third to
a half of the time of a large file).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_held_back() -> Iterator[None]:
    """No cyclic collection inside, if there was one outside."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
