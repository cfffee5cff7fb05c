"""Algorithms and outside solvers, one module each, and the registry that knows them.

``optc.backends.get("highs")``, ``register(…)``, ``unregister(…)``, ``names()`` and ``every()`` are the registry's,
loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .registry import every as every
    from .registry import get as get
    from .registry import names as names
    from .registry import register as register
    from .registry import unregister as unregister

__all__ = ["every", "get", "names", "register", "unregister"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.registry"), name)
    globals()[name] = value
    return value
