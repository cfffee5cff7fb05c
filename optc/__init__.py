"""optc: a declarative language and compiler for optimisation with leaders, followers, players and nature.

    model = optc.read("diet.opt")
    solution = model.bind("diet.json").solve()
    print(solution)

Importing optc loads nothing else; each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optc import backends as backends
    from optc.compiler.data import DataError as DataError
    from optc.compiler.outside.differences import differences as differences
    from optc.compiler.result.solution import Solution as Solution

    from .errors import ModelError as ModelError
    from .model import Model as Model
    from .model import parse as parse
    from .model import read as read
    from .mps import read_mps as read_mps
    from .nl import read_nl as read_nl
    from .one_call import solve as solve
    from .problem import Problem as Problem
    from .problem import verify as verify

__version__ = "0.1.0"

_HOMES = {
    "DataError": "optc.compiler.data",
    "Model": "optc.model",
    "ModelError": "optc.errors",
    "Problem": "optc.problem",
    "Solution": "optc.compiler.result.solution",
    "differences": "optc.compiler.outside.differences",
    "parse": "optc.model",
    "read": "optc.model",
    "read_mps": "optc.mps",
    "read_nl": "optc.nl",
    "solve": "optc.one_call",
    "verify": "optc.problem",
}

__all__ = [
    "DataError",
    "Model",
    "ModelError",
    "Problem",
    "Solution",
    "__version__",
    "backends",
    "differences",
    "parse",
    "read",
    "read_mps",
    "read_nl",
    "solve",
    "verify",
]


def __getattr__(name: str) -> object:
    if name == "backends":
        return import_module("optc.backends")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'optc' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
