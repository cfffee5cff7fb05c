"""Interval branch and bound: the global optimum of smooth nonlinear problems in a few decisions, with a proof.

The domain is cut into boxes; over a box every value and derivative of the kernels is enclosed by interval arithmetic,
rounded outwards (``compiler.kernels.interval_printer``). A box goes when forward-backward narrowing leaves nothing of
it, when its bound reaches that of the best point, or when better points lie outside (``compiler.boxes``). The bounds
come from augmented Lagrangians with the multipliers of small linear programs, so that boxes around a constrained
optimum close too. Boxes with the least bound come first, many at a time; points come from their middles and from local
solves begun there.

Sources: E. R. Hansen, G. W. Walster, "Global Optimization Using Interval Analysis", 2nd ed., Marcel Dekker (2004); for
the parts those that their modules name.

The tree of cuts comes with the answer, and the verifier examines its leaves again before it calls the bound proved.
Time grows quickly with the number of decisions: it is the planner's own choice for few of them only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optc.compiler.answer import Answer
from optc.compiler.backend import Capabilities, Goal, Start
from optc.compiler.context import Context
from optc.compiler.forms.linear import LinearForm
from optc.compiler.forms.nonlinear import NonlinearForm

from .. import installed
from ..options import option

if TYPE_CHECKING:
    from optc.compiler.instance.instance import Instance

FEW = 6  # decisions of a problem that is solved without being asked for
LARGE = 1e6  # bounds beyond this count as none there
LONG = 2000  # operations over rows of a template, of all templates, in one evaluation there

MOST = 500  # decisions: one look at a box of more takes minutes, and there is no end to the boxes

name = "interval_bb"
title = "global optima of nonlinear problems in a few decisions, proved (own interval branch and bound)"
install = "pip install optc"
capabilities = Capabilities(
    forms=frozenset({"nonlinear"}),
    integer=frozenset({"nonlinear"}),
    gives=frozenset({"bound", "duals", "reduced costs", "warm start", "time limit", "interrupt", "progress"}),
    refuses={"integer duals": "of whole decisions there are no derivatives, and so no duals"},
)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the search beside the common ones (time limit, gap, tolerance, seed)."""

    boxes: int | None = option(
        "integer", None, "most boxes to examine; 12,000 where there is no time limit either", low=0, high=2**31 - 1
    )
    absolute_gap: float = option("number", 1e-9, "difference of bound and objective that is enough", low=0.0)
    local: bool = option("switch", True, "look for points by local solves (Ipopt, else `exact_al`)")
    starts: int = option("integer", 1, "points that local solves begin from before the search", low=1, high=10**6)


options = Options


def version() -> str | None:
    """The version of SciPy, which the local solves and the error function need; SciPy itself is not imported."""
    return installed.version("scipy", "scipy")


def declines(form: LinearForm) -> str | None:
    """Why it cannot take a form, or None where it can."""
    count = form.shape[1]
    return f"it cuts boxes of at most {MOST} decisions, and there are {count:,}" if count > MOST else None


def yields(form: LinearForm, instance: Instance) -> str | None:
    """Why it is no choice of the planner's own, or None where it is: few bounded decisions, and not convex."""
    if not isinstance(form, NonlinearForm):
        return None
    if form.shape[1] > FEW:
        return f"it is taken unasked up to {FEW} decisions, and there are {form.shape[1]:,}"
    model = form.engine.model
    size = sum(len(run.nodes) * run.loop.size for name in ("value", "rows") for run in model.program(name).passes)
    if size > LONG:
        return f"it is taken unasked up to {LONG:,} operations, and its functions take {size:,}"
    if form.integer.any():
        return "it is taken unasked where no decision is whole"
    if not bool((np.abs(np.stack([form.lower, form.upper])) <= LARGE).all()):
        return f"it is taken unasked where all decisions have bounds (of at most {LARGE:.0e})"
    from optc.compiler.verify.convex_bound import is_convex

    if is_convex(instance):
        return "the problem is convex, so that a local optimum is a global one"
    return None


def solve(form: NonlinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer to a nonlinear form."""
    from .driver import solve as solved

    return solved(form, goal, options, context, start)
