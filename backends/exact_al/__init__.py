"""``exact_al``: smooth nonlinear problems by adaptive inexact Newton steps with an exact augmented Lagrangian merit.

The inner method (``sketched_newton``) is that of I. Hong, S. Na, M. W. Mahoney, M. Kolar, "Constrained optimization via
exact augmented Lagrangian and randomized iterative sketching", ICML 2023 (arXiv 2305.18379), for equations; its
docstring names the constants that are our reading of the authors' code, and what differs. Inequalities get slacks
(``equality_form``), bounds a logarithmic barrier around the inner method (``barrier``), which is ours.

It ends at a point where the first-order conditions hold: the claim ``stationary``. A point where the rows cannot be
met any better nearby proves nothing and is the termination ``locally infeasible``.
"""

from __future__ import annotations

from dataclasses import dataclass

from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Context
from optc.compiler.forms.nonlinear import NonlinearForm

from .. import installed
from ..local_method import LOCAL
from ..options import kernels_option, option

name = "exact_al"
title = "smooth nonlinear programming, to a local optimum (inexact Newton, exact augmented Lagrangian, sketching)"
install = 'pip install "scipy>=1.14"'
capabilities = LOCAL


@dataclass(frozen=True, slots=True)
class Options:
    """Options beside the common ones (time limit, tolerance, seed)."""

    tolerance: float = option(
        "number", 1e-8, "norm of the first-order conditions to reach, at most --tol", low=1e-14, high=1.0
    )
    iterations: int = option("integer", 10_000, "most Newton steps", low=0, high=2**31 - 1)
    inner: str = option(
        "word",
        "direct",
        "solver of the Newton system: a sparse factorisation, or a randomised sketch",
        choices=("direct", "kaczmarz", "gaussian", "block gaussian", "count sketch"),
    )
    block: int = option("integer", 20, "columns of a block or count sketch", low=1, high=10_000)
    inner_steps: int = option("integer", 100_000, "most steps of a sketch in one Newton step", low=1, high=2**31 - 1)
    eta1: float = option("number", 1.0, "first penalty on the equations", low=1e-8, high=1e8)
    eta2: float = option("number", 0.1, "first penalty on the slope of the Lagrangian", low=1e-8, high=1e8)
    multipliers: float = option("number", 0.0, "first multiplier of every equation", low=-1e8, high=1e8)
    delta: float = option("number", 0.1, "first accuracy of a sketch", low=1e-6, high=1.0)
    xi_b: float = option("number", 0.1, "least curvature of the model that the accuracy assumes", low=1e-8, high=1e8)
    beta: float = option("number", 0.1, "share of the predicted decrease that a step must bring", low=1e-8, high=0.49)
    nu: float = option("number", 1.5, "growth of the penalties", low=1.0001, high=100.0)
    theta: float = option(
        "number", 1.0, "accuracy factor; towards zero the last steps converge faster", low=0.0, high=1.0
    )
    scaling: str = option(
        "word",
        "gradient-based",
        "of the objective by its slopes at the start, and of the residual by large multipliers",
        choices=("gradient-based", "none"),
    )
    starts: int = option("integer", 1, "points to start from: the given one and random ones", low=1, high=10**6)
    kernels: str = kernels_option()


options = Options


def version() -> str | None:
    """The version of SciPy, whose factorisations it works with; SciPy itself is not imported."""
    return installed.version("scipy", "scipy")


def solve(form: NonlinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer to a nonlinear form, from one start or the best from several."""
    from .search import solve as solved

    return solved(form, goal, options, context, start)
