"""The backends there are: built in, registered from Python, or brought by packages (entry points ``optc.backends``).

Nothing is imported until it is asked for: a listing costs the backends' own modules, never the solvers they drive.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

from optc.compiler import lowering
from optc.compiler.backend import Backend
from optc.dsl.catalogue import report, solving
from optc.dsl.diagnostics import Diagnostic, Hint

from .installed import entry_points

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

BUILT_IN = (
    "highs",
    "complementarity_bb",
    "clarabel",
    "interval_bb",
    "ipopt",
    "exact_al",
    "scip",
    "dinkelbach",
    "lns",
    "gns",
    "cbo",
    "trust_constr",
    "cvxpy",
    "pyomo",
)
GROUP = "optc.backends"

_registered: dict[str, Backend] = {}


class UnknownBackendError(LookupError):
    """No backend has that name; ``diagnostic`` offers the nearest one."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def register(backend: Backend | object) -> None:
    """Add a backend, or a lowering (what has ``transfer``), of the user's own; it takes part in planning from then on.

    Raises:
        TypeError: it lacks something that the ``Backend`` protocol, or ``optc.compiler.lowering``, names.
        ValueError: its name is taken.
    """
    if hasattr(backend, "transfer"):
        lowering.register(backend)
        return
    missing = [name for name in _REQUIRED if not hasattr(backend, name)]
    if missing:
        raise TypeError(f"a backend needs {', '.join(missing)}; see optc.compiler.backend.Backend")
    checked = cast(Backend, backend)
    if checked.name in names():
        raise ValueError(f"there is a backend called {checked.name!r} already")
    _registered[checked.name] = checked


def unregister(name: str) -> None:
    """Take a registered backend or lowering out again. Raises KeyError where none has that name."""
    if name in _registered:
        del _registered[name]
    else:
        lowering.unregister(name)


def names() -> tuple[str, ...]:
    """Every backend's name: built in first, then registered, then from packages."""
    return tuple(dict.fromkeys((*BUILT_IN, *_registered, *_from_packages())))


def get(name: str) -> Backend:
    """The backend of that name, installed or not.

    Raises:
        UnknownBackendError: there is none.
    """
    if name in BUILT_IN:
        return cast(Backend, import_module(f"{__package__}.{name}"))
    if name in _registered:
        return _registered[name]
    if name in _from_packages():
        return cast(Backend, _from_packages()[name].load())
    close = get_close_matches(name, names(), n=1)
    hints = (Hint(f"did you mean `{close[0]}`?"),) if close else ()
    raise UnknownBackendError(report(solving.UNKNOWN_BACKEND, None, hints=hints, name=name))


def every() -> tuple[Backend, ...]:
    """All backends, installed or not, in the order of ``names``."""
    return tuple(get(name) for name in names())


@cache
def _from_packages() -> dict[str, EntryPoint]:
    return entry_points(GROUP)


_REQUIRED = ("name", "title", "install", "capabilities", "options", "version", "solve")
