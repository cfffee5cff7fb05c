"""``gns``: smooth problems without constraints by Newton steps whose damping is the gradient's norm over one number.

Source: A. Semenov, M. Jaggi, N. Doikov, "Gradient-normalized smoothness for optimization with approximate Hessians",
ICLR 2026 (arXiv 2506.13710). A step solves

    (H + (|g| / gamma) I) d = -g

and is taken where ``f(x) - f(x + d) >= |g(x + d)|^2 gamma / (8 |g|)``; then gamma doubles, else it halves and the step
is tried again. ``gamma`` estimates the radius of the ball in which the slope is nearly linear, relative to its norm. No
other number is asked of the problem, convex or not.

Our reading of the authors' code is the start ``gamma = 1``, its least value after a step (1e-9) and the number added to
it in the quotient (1e-8). Ours are these:
- where ``H + (|g| / gamma) I`` is not positive definite, or the step ends where a function has no value, gamma halves;
- a hundred tries, since gamma may have grown a lot before;
- a difference of values that rounding hides is no reason to refuse a step that makes the gradient smaller;
- the gradient is small enough relative to its norm at the start where that is above 100, as Ipopt scales objectives;
- H is always the exact Hessian; approximate ones (Gauss-Newton, Fisher) are the paper's subject too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Context

from .. import installed
from ..local_method import LOCAL
from ..options import kernels_option, option

if TYPE_CHECKING:
    from optc.compiler.forms.linear import LinearForm
    from optc.compiler.forms.nonlinear import NonlinearForm

name = "gns"
title = "smooth problems without constraints, to a local optimum (Newton, gradient-normalised smoothness)"
install = 'pip install "scipy>=1.14"'
capabilities = LOCAL


@dataclass(frozen=True, slots=True)
class Options:
    """Options beside the common ones (time limit, tolerance, seed)."""

    tolerance: float = option(
        "number",
        1e-8,
        "norm of the gradient to reach, times max(1, that at the start / 100); at most --tol",
        low=1e-14,
        high=1.0,
    )
    iterations: int = option("integer", 1000, "most Newton steps", low=0, high=2**31 - 1)
    gamma: float = option("number", 1.0, "first radius in which the gradient is taken for linear", low=1e-9, high=1e9)
    starts: int = option("integer", 1, "points to start from: the given one and random ones", low=1, high=10**6)
    kernels: str = kernels_option()


options = Options


def version() -> str | None:
    """The version of SciPy, whose factorisations it works with; SciPy itself is not imported."""
    return installed.version("scipy", "scipy")


def declines(form: LinearForm) -> str | None:
    """Why it cannot take a form: constraints, or bounds that do not cross."""
    if form.shape[0]:
        return "`gns` takes no constraints (a long sum inside something nonlinear is one too)"
    bounded = np.isfinite(form.lower) | np.isfinite(form.upper)
    return "`gns` takes no bounds of decisions" if bounded.any() else None


def solve(form: NonlinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer to a nonlinear form without rows and bounds, from one start or the best from several."""
    from ..local_answer import from_starts
    from .gradient_normalised import local

    reason = declines(form)
    if reason is not None:
        return Answer("none", "solver error", message=reason)
    return from_starts(local, form, goal, options, context, start)
