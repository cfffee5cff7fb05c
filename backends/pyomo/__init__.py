"""A bridge to Pyomo: whatever solver Pyomo can call solves a linear, quadratic or discrete form.

    optc solve model.opt --backend pyomo --option solver=highs

The form becomes a ``ConcreteModel`` (``pyomo_model.py``), which the named solver gets. Nothing that Pyomo or the solver
says is believed: statuses are translated word by word, a bound is passed on where the solver reports one, multipliers
where it has them, and the verifier judges all of it. Being a bridge it is planned last and taken only where it is asked
for or nothing else is installed. Source: W. E. Hart, J.-P. Watson, D. L. Woodruff, "Pyomo: modeling and solving
mathematical programs in Python", Math. Prog. Comp. 3 (2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from optc.compiler.answer import Answer
from optc.compiler.backend import Capabilities, Goal, Start
from optc.compiler.context import Context
from optc.compiler.forms.linear import LinearForm

from .. import installed
from ..options import option

name = "pyomo"
title = "any solver that Pyomo can call, named by the option `solver`"
install = 'pip install "pyomo>=6.10"'
capabilities = Capabilities(
    forms=frozenset({"linear", "quadratic", "discrete"}),
    integer=frozenset({"linear", "quadratic", "discrete"}),
    gives=frozenset({"time limit"}),
    refuses={
        "interrupt": "a solver called by Pyomo works until it ends or its time is over",
        "bound": "one is passed on where the solver reports one",
        "duals": "they are passed on where the solver has them",
        "nonlinear objective": "this bridge passes linear and quadratic objectives only",
        "nonlinear constraint": "this bridge passes linear and quadratic constraints only",
    },
)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the bridge beside the common ones (time limit; the gap where Pyomo's name for it is known)."""

    solver: str = option("word", "highs", "name of the solver in `pyomo.environ.SolverFactory`")
    executable: str | None = option("word", None, "path of the solver's program, where it is one")
    settings: str = option("word", "", "the solver's own options: `name=value`, with commas between them")
    indicators: str = option(
        "word",
        "bigm",
        "rows that a binary switches: by Pyomo's big-M or hull transformation, or times the binary",
        choices=("bigm", "hull", "products"),
    )
    complementarity: str = option(
        "word",
        "sets",
        "complementary pairs: sets of type 1, products that are zero, or Pyomo's big-M or hull transformation",
        choices=("sets", "products", "bigm", "hull"),
    )


options = Options


def version() -> str | None:
    """The version of the installed Pyomo, or None; Pyomo itself is not imported."""
    return installed.version("pyomo", "pyomo")


def load(form: LinearForm) -> Any:
    """A ``ConcreteModel`` with variables ``x[j]`` and constraints ``row[i]``, by position from 0.

    Switched rows are disjuncts of ``pyomo.gdp``, complementary pairs special ordered sets. Raises ValueError for
    numbers that are not finite.
    """
    from .model import concrete

    return concrete(form).model


def solve(form: LinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer of the named solver to a linear, quadratic or discrete form.

    Raises OptionError where Pyomo does not know the solver or the solver is not there, and for settings that are not
    ``name=value``.
    """
    from .driver import solve as solved

    return solved(form, goal, options, context, start)
