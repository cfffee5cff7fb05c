"""``cbo``: consensus-based optimisation, a swarm that finds good points of any function within bounds by its values.

Source: K. Riedl, T. Klock, C. Geldhauser, M. Fornasier, "Gradient is all you need?", arXiv 2306.09778. N particles
``X_i`` (n) move towards their consensus point, the mean weighted by ``exp(-alpha f(X_i))``, and are shaken the more the
further they are from it:

    c = sum_i X_i exp(-alpha f(X_i)) / sum_i exp(-alpha f(X_i))
    X_i <- X_i - lambda dt (X_i - c) + sigma sqrt(dt) D(X_i - c) xi_i,   xi_i standard normal

with ``D`` the differences component by component (the default, for many decisions) or their norm. For large alpha the
consensus point follows a relaxed descent along the gradient, which it never sees. Values are counted from the least one
before they are exponentiated, so alpha has the unit of one over the objective.

``alpha`` grows at each step, and ``lambda, sigma, dt`` are as in the authors' code; particles and steps are more. Ours
are these: particles that leave the bounds are put on them; where a function has no value it counts as infinite; the
best point that was ever evaluated is the answer; and the search ends where half of the particles have the least value
up to ``agreement``. Nothing is proved of that point: the claim is ``feasible`` at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optc.compiler.answer import Answer
from optc.compiler.backend import Capabilities, Goal, Start
from optc.compiler.context import Context

from ..options import kernels_option, option

if TYPE_CHECKING:
    from optc.compiler.forms.linear import LinearForm
    from optc.compiler.forms.nonlinear import NonlinearForm

name = "cbo"
title = "continuous problems within bounds, by a swarm that agrees on a point (heuristic, from values alone)"
install = "nothing more is needed"
capabilities = Capabilities(
    forms=frozenset({"nonlinear"}),
    gives=frozenset({"warm start", "time limit", "interrupt", "progress"}),
    refuses={
        "integer nonlinear": "it takes no whole decisions",
        "bound": "it is a heuristic and proves nothing of its points",
        "duals": "it knows no derivatives; solve from its answer with `--start` and another backend",
    },
    outside=0,
)


@dataclass(frozen=True, slots=True)
class Options:
    """Options beside the common ones (time limit, tolerance, seed)."""

    particles: int = option("integer", 100, "points that move together", low=2, high=10**6)
    steps: int = option("integer", 2000, "most steps", low=0, high=2**31 - 1)
    dt: float = option("number", 0.01, "length of a step in time", low=1e-9, high=1.0)
    drift: float = option("number", 1.0, "pull towards the consensus point (lambda)", low=0.0, high=1e6)
    sigma: float = option("number", 5.1, "strength of the noise", low=0.0, high=1e6)
    noise: str = option(
        "word", "componentwise", "noise by the differences or by their norm", choices=("componentwise", "isotropic")
    )
    alpha: float = option("number", 1.0, "first weight of the objective", low=1e-15, high=1e15)
    agreement: float = option(
        "number", 1e-12, "relative difference of the values of half of the particles at the end", low=0.0, high=1.0
    )
    kernels: str = kernels_option()


options = Options


def version() -> str | None:
    """The version of NumPy, all it needs."""
    return np.__version__


def declines(form: LinearForm) -> str | None:
    """Why it cannot take a form: constraints."""
    reason = "`cbo` takes no constraints (a long sum or outside code inside something nonlinear is one too)"
    return reason if form.shape[0] else None


def solve(form: NonlinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer to a nonlinear form without rows.

    Particles begin anywhere between bounds, or around the start where there are none; the start is one of them.
    """
    from ..local_answer import known_at_once
    from .consensus import found

    reason = declines(form)
    if reason is not None:
        return Answer("none", "solver error", message=reason)
    known = known_at_once(form, goal, context)
    return found(form, options, context, start) if known is None else known
