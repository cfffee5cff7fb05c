"""``trust_constr``: SciPy's trust-region method for smooth nonlinear problems, the last resort of the nonlinear route.

Sources: R. H. Byrd, M. E. Hribar, J. Nocedal, "An interior point algorithm for large-scale nonlinear programming", SIAM
Journal on Optimization 9 (1999), for inequalities; M. Lalee, J. Nocedal, T. Plantenga, "On the implementation of an
algorithm for large-scale equality constrained optimization", SIAM Journal on Optimization 8 (1998), for equations; as
``scipy.optimize.minimize(method="trust-constr")`` has them. The form's functions are called with exact, sparse first
and second derivatives.

SciPy ends as soon as the slope of the Lagrangian and the violation are small, complementary or not. Here it also has to
bring the barrier down; the claim is then ``stationary``. A point where the rows cannot be met any better nearby proves
nothing and is the termination ``locally infeasible``. Where the Jacobian lacks rank SciPy turns to a dense
decomposition, so large problems of that kind take long.
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

name = "trust_constr"
title = "smooth nonlinear programming, to a local optimum (SciPy's trust-region method, the last resort)"
install = 'pip install "scipy>=1.14"'
capabilities = LOCAL


@dataclass(frozen=True, slots=True)
class Options:
    """Options beside the common ones (time limit, tolerance, seed)."""

    tolerance: float = option(
        "number", 1e-8, "slope, violation and barrier to reach, at most --tol", low=1e-14, high=1.0
    )
    acceptable: float = option(
        "number", 1e-6, "slope and violation that are enough where steps become too small", low=1e-14, high=1.0
    )
    iterations: int = option("integer", 3000, "most iterations", low=0, high=2**31 - 1)
    radius: float = option("number", 1.0, "first radius of the trust region", low=1e-8, high=1e8)
    least_radius: float = option("number", 1e-12, "radius at which steps are too small", low=1e-16, high=1.0)
    barrier: float = option("number", 0.1, "first barrier parameter", low=1e-10, high=1e8)
    scaling: str = option(
        "word",
        "gradient-based",
        "scaling of objective and rows at the start",
        choices=("gradient-based", "none"),
    )
    starts: int = option("integer", 1, "points to start from: the given one and random ones", low=1, high=10**6)
    kernels: str = kernels_option()


options = Options


def version() -> str | None:
    """The version of SciPy; SciPy itself is not imported."""
    return installed.version("scipy", "scipy")


def solve(form: NonlinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer to a nonlinear form, from one start or the best from several."""
    from ..local_answer import from_starts
    from .driver import local

    return from_starts(local, form, goal, options, context, start)
