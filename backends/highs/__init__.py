"""HiGHS: linear, mixed-integer linear and convex quadratic programming.

Source: Q. Huangfu, J. A. J. Hall, "Parallelizing the dual revised simplex method", Math. Prog. Comp. 10 (2018);
L. Schork, J. Gondzio, "Implementation of an interior point method with basis preconditioning", Math. Prog. Comp. 12
(2020). HiGHS's duals are derivatives of the objective as given (minimised or maximised) by the row and column bounds,
which is the sign of ``Answer``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from optc.compiler.answer import Answer, Conflict
from optc.compiler.backend import Capabilities, Extremes, Goal, Start
from optc.compiler.context import Context
from optc.compiler.forms.linear import LinearForm

from .. import installed
from ..options import option

name = "highs"
title = "linear, mixed-integer linear and convex quadratic programming (simplex, interior point, branch and cut)"
install = 'pip install "highspy>=1.15"'
capabilities = Capabilities(
    forms=frozenset({"linear", "quadratic"}),
    integer=frozenset({"linear"}),
    gives=frozenset(
        {
            "duals",
            "reduced costs",
            "primal ray",
            "dual ray",
            "conflict",
            "bound",
            "warm start",
            "time limit",
            "interrupt",
            "progress",
        }
    ),
    refuses={
        "integer quadratic": "HiGHS has no quadratic objective together with whole decisions",
        "nonconvex quadratic": "HiGHS solves quadratic objectives only where they are convex (concave to maximise)",
        "quadratic constraint": "HiGHS has no quadratic constraints",
        "special ordered set": "HiGHS has no special ordered sets",
        "indicator": "HiGHS has no indicator constraints",
    },
    largest=1e15,  # its option large_matrix_value
)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of HiGHS beside the common ones (time limit, gap, tolerance, threads, seed)."""

    solver: str = option(
        "word", "choose", "algorithm of linear programs", choices=("choose", "simplex", "ipm", "hipo", "ipx", "pdlp")
    )
    mip_root: str = option(
        "word",
        "choose",
        "algorithm of the first linear program of branch and cut",
        choices=("choose", "simplex", "ipm", "hipo", "ipx"),
    )
    presolve: str = option("word", "choose", "reduce the problem first", choices=("choose", "on", "off"))
    crossover: str = option(
        "word", "on", "go from an interior point to a vertex (it makes duals exact)", choices=("on", "off", "choose")
    )
    parallel: str = option("word", "choose", "use several threads", choices=("choose", "on", "off"))
    simplex_iterations: int | None = option("integer", None, "most simplex iterations", low=0, high=2**31 - 1)
    nodes: int | None = option("integer", None, "most nodes of branch and bound", low=0, high=2**31 - 1)
    solutions: int | None = option("integer", None, "stop after so many better points", low=1, high=2**31 - 1)
    heuristic_effort: float = option("number", 0.05, "share of the work that goes to heuristics", low=0.0, high=1.0)
    absolute_gap: float = option("number", 1e-6, "difference of bound and objective that is enough", low=0.0)
    objective_bound: float | None = option("number", None, "stop the dual simplex method beyond this objective")
    qp_regularisation: float = option("number", 1e-7, "added to the Hessian's diagonal while solving", low=0.0)


options = Options


def version() -> str | None:
    """The version of the installed highspy, or None; highspy itself is not imported."""
    return installed.version("highspy", "highspy")


def load(form: LinearForm) -> Any:
    """A quiet ``highspy.Highs`` with the problem in it, passed as whole arrays.

    Raises:
        ValueError: HiGHS refuses the arrays (a coefficient that is not finite, say).
    """
    from .passing import load as loaded

    return loaded(form)


def solve(form: LinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer to a linear form, or to a convex quadratic one without whole columns."""
    from .driver import solve as solved

    return solved(form, goal, options, context, start)


def conflict(form: LinearForm, context: Context) -> Conflict | None:
    """HiGHS's own irreducible infeasible subsystem of the form without integrality; None where it has none."""
    from .infeasible_subsystem import conflict as found

    return found(form, context)


def extremes(form: LinearForm, context: Context) -> Extremes:
    """The linear program, ready to look for the least and largest values of its columns."""
    from .column_extremes import Extremes as Program

    return Program(form, context)
