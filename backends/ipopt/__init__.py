"""Ipopt: a local minimum of a smooth nonlinear problem by a primal-dual interior-point method.

Source: A. Waechter, L. T. Biegler, "On the implementation of an interior-point filter line-search algorithm for
large-scale nonlinear programming", Mathematical Programming 106 (2006). The form's functions are called directly, with
exact first and second derivatives.

Ipopt ends at a point where the first-order conditions hold, or where the rows cannot be met any better nearby. The
first is the claim ``stationary``; the second proves nothing of the model and is the termination ``locally infeasible``.
Its Lagrangian is ``f + y'g - …``, so the row duals of ``Answer`` are ``-y``; the reduced costs are the slope that they
leave.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Context
from optc.compiler.forms.linear import LinearForm
from optc.compiler.forms.nonlinear import NonlinearForm

from .. import installed
from ..local_method import LOCAL
from ..options import kernels_option, option
from . import library as ipopt_library

name = "ipopt"
title = "smooth nonlinear programming, to a local optimum (primal-dual interior point with a filter line search)"
install = 'pip install "optc[nlp]"'
capabilities = replace(LOCAL, outside=1)  # it can do without second derivatives


@dataclass(frozen=True, slots=True)
class Options:
    """Options of Ipopt beside the common ones (time limit, tolerance, seed)."""

    tol: float = option("number", 1e-8, "scaled residual of the first-order conditions to reach", low=1e-14, high=1.0)
    acceptable_tol: float = option(
        "number", 1e-6, "residual that is enough where it does not improve for 15 iterations", low=1e-14, high=1.0
    )
    iterations: int = option("integer", 3000, "most iterations", low=0, high=2**31 - 1)
    linear_solver: str = option(
        "word",
        "mumps",
        "solver of the symmetric systems; the casadi wheel carries mumps",
        choices=("mumps", "spral", "ma27", "ma57", "ma77", "ma86", "ma97", "pardiso"),
    )
    mu_strategy: str = option("word", "monotone", "how the barrier falls", choices=("monotone", "adaptive"))
    hessian: str = option(
        "word", "exact", "second derivatives, or BFGS updates of limited memory", choices=("exact", "limited-memory")
    )
    scaling: str = option(
        "word", "gradient-based", "scaling of objective and rows at the start", choices=("gradient-based", "none")
    )
    starts: int = option("integer", 1, "points to start from: the given one and random ones", low=1, high=10**6)
    warm: bool = option("switch", False, "trust the start: stay near it, and near the bounds that it lies on")
    kernels: str = kernels_option()


options = Options


def version() -> str | None:
    """The version of the Ipopt that the installed casadi carries, or None; nothing is imported or loaded."""
    if ipopt_library.find() is None:
        return None
    carrier = installed.version("casadi", "casadi")
    return ipopt_library.written_version() or f"of casadi {carrier}"


def declines(form: LinearForm) -> str | None:
    """Why it cannot take a form: more equations than decisions that are not fixed."""
    equations = int((form.row_lower == form.row_upper).sum())
    free = int((form.lower != form.upper).sum())
    if equations <= free or free == 0:
        return None
    return f"`ipopt` takes no more equations ({equations:,}) than decisions that are not fixed ({free:,})"


def solve(form: NonlinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer to a nonlinear form, from one start or the best from several."""
    from .driver import solve as solved

    return solved(form, goal, options, context, start)
