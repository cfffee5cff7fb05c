"""Branch and bound on complementarity pairs, without any big-M: linear or convex quadratic nodes on a warm HiGHS.

A node fixes one column of some pairs at zero and moves bounds of whole columns; everything else is left as it is
(J. F. Bard, J. T. Moore, "A branch and bound algorithm for the bilevel programming problem", SIAM J. Sci. Stat.
Comput. 11 (1990)). The search is best-bound with diving: from the open node with the best bound it goes on to the
child that is estimated the cheaper one, until a node is pruned or its value has left the best quarter of the gap; the
siblings wait. It branches on the pair, or the whole column, whose two children raise the bound most: by the product
of distance times pseudo-cost over the children (T. Achterberg, T. Koch, A. Martin, "Branching rules revisited", Oper.
Res. Letters 33 (2005)), which orders the candidates by the violated product as long as no pseudo-cost is known. Of the
first few candidates those are solved on both sides whose pseudo-costs are not known; these relaxations are no nodes.

Before the relaxation of a node is solved, bound propagation lets what is decided settle other pairs
(``pair_propagation``); at the root it probes both sides of the pairs, and the bounds that hold on either side give each
pair of bounded columns a row (``pair_cuts``). A convex quadratic objective is approximated by tangents, and a node's
value is only as accurate as its fate needs (``node_relaxation``).

Points come from leaves of the tree and from rounding: the smaller column of each pair is set to zero, whole columns to
the nearest whole number, and the relaxation is solved again. A point is never taken because a product is small:
columns that are zero are fixed at zero when it is found. Node bounds are HiGHS's, in floating point.

Measured with ``bench/followers.py --solve`` (a convex leader, one price, convex quadratic followers), seconds of one
processor against SCIP 10 with the pairs as ordered sets: 20 followers (80 pairs) 0.15 and 0.09, 100 followers 1.4 and
1.3, 200 followers 7.8 and 7.0, with half as many nodes. SCIP is not ahead by enough to be preferred where it is at all.
"""

from __future__ import annotations

from dataclasses import dataclass

from optc.compiler.answer import Answer
from optc.compiler.backend import Capabilities, Goal, Start
from optc.compiler.context import Context
from optc.compiler.forms.linear import LinearForm

from .. import highs
from ..options import option

name = "complementarity_bb"
title = "complementarity pairs with a linear or convex quadratic objective (own branch and bound, no big-M, on HiGHS)"
install = highs.install
capabilities = Capabilities(
    forms=frozenset({"complementarity"}),
    integer=frozenset({"complementarity"}),
    gives=frozenset({"bound", "warm start", "time limit", "interrupt", "progress"}),
    refuses={
        "nonconvex quadratic": "its relaxations are solved by HiGHS, which takes convex objectives only (concave to "
        "maximise)",
        "quadratic constraint": "its relaxations are solved by HiGHS, which has no quadratic constraints",
        "indicator": "it branches on complementarity pairs and whole decisions only",
        "special ordered set": "it branches on complementarity pairs and whole decisions only",
    },
    largest=1e15,  # as HiGHS, which solves its relaxations
)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the search beside the common ones (time limit, gap, tolerance, seed)."""

    nodes: int | None = option("integer", None, "most nodes of the tree", low=0, high=2**31 - 1)
    absolute_gap: float = option("number", 1e-9, "difference of bound and objective that is enough", low=0.0)
    rounding: str = option(
        "word",
        "dives",
        "where to look for points by rounding: at every node, where a dive begins (and everywhere until there is a "
        "point), or never",
        choices=("always", "dives", "never"),
    )


options = Options


def version() -> str | None:
    """The version of HiGHS, which solves the relaxations, or None where it is not installed."""
    return highs.version()


def solve(form: LinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer to a complementarity form with a convex objective (a linear or quadratic form has no pairs).

    The claim is ``none`` with the termination ``no route`` where the objective is not convex.
    """
    from .search import solve as solved

    return solved(form, goal, options, context, start)
