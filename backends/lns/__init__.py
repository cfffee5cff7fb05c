"""Adaptive large neighbourhood search for mixed-integer linear problems, with a bandit that chooses the neighbourhood.

Source: J. Cai, S. Kadioglu, B. Dilkina, "Balans: multi-armed bandits-based adaptive large neighborhood search for
mixed-integer programming problems", IJCAI (2025), arXiv 2412.14382; S. Ropke, D. Pisinger, "An adaptive large
neighborhood search heuristic", Transportation Science 40 (2006). A destroy operator makes a sub-problem of the current
point, HiGHS solves it within a share of the time, simulated annealing decides whether the search goes on from what it
found, and the bandit learns from it.

It differs from the paper in this:
- continuous columns are never fixed, and sub-problems begin from the current point where that is feasible in them;
- temperatures (from 20 down to 1) are in thousandths of the objective's size, not in its units;
- neighbourhoods that were stopped without a better point are smaller the next time, those solved to their end larger
  (G. Hendel, "Adaptive large neighborhood search for mixed integer programming", Math. Prog. Comp. 14 (2022));
- one more neighbourhood frees columns that hang together by rows (``destroy_operators.along_rows``);
- crossover is with a point of the pool; a random point is an operator's work (``random objective``), not part of it;
- RENS and DINS are those of their own papers: all columns that are whole in the relaxation stay there, and DINS moves
  binaries too; local branching measures its distance by the binaries that can sensibly change, not by all;
- proximity asks for a share of the way to the bound, without slack, so that where it is infeasible there is a bound;
- after another objective than the problem's own, the continuous columns are solved for once more with that;
- a sub-problem that was solved to its end is not solved again.

The dual bound is HiGHS's, of the first run or of the root relaxation, or that of a proximity row that nothing meets:
``optimal`` is claimed only where it comes within the gap. Without a time limit no clock ends any part, so that a seed
repeats a run; with one, runs are the same as long as no part is ended by it.
"""

from __future__ import annotations

from dataclasses import dataclass

from optc.compiler.answer import Answer
from optc.compiler.backend import Capabilities, Goal, Start
from optc.compiler.context import Context
from optc.compiler.forms.linear import LinearForm

from .. import highs
from ..options import option

name = "lns"
title = "mixed-integer linear programming by adaptive large neighbourhood search on HiGHS (heuristic, rarely proves)"
install = highs.install
capabilities = Capabilities(
    forms=frozenset({"linear"}),
    integer=frozenset({"linear"}),
    gives=frozenset(
        {
            "duals",  # of problems without whole decisions, which are HiGHS's alone
            "reduced costs",
            "primal ray",
            "dual ray",
            "bound",
            "warm start",
            "time limit",
            "interrupt",
            "progress",
        }
    ),
    refuses={
        "quadratic objective": "its sub-problems are mixed-integer linear ones, solved by HiGHS",
        "quadratic constraint": "its sub-problems are mixed-integer linear ones, solved by HiGHS",
        "special ordered set": "its sub-problems are mixed-integer linear ones, solved by HiGHS",
        "indicator": "its sub-problems are mixed-integer linear ones, solved by HiGHS",
    },
    largest=highs.capabilities.largest,
)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the search beside the common ones (time limit, gap, tolerance, threads, seed)."""

    bandit: str = option(
        "word", "thompson", "how the next neighbourhood is chosen", choices=("thompson", "epsilon-greedy")
    )
    epsilon: float = option("number", 0.5, "share of choices at random (epsilon-greedy)", low=0.0, high=1.0)
    iterations: int | None = option("integer", None, "most sub-problems", low=0, high=2**31 - 1)
    stalled: int | None = option(
        "integer",
        None,
        "most sub-problems in a row without a better point (100 if nothing else is limited)",
        low=1,
        high=2**31 - 1,
    )
    first_share: float = option("number", 0.2, "share of the time limit for the first run", low=0.0, high=1.0)
    first_nodes: int = option("integer", 1000, "most nodes of the first run", low=0, high=2**31 - 1)
    share: float = option("number", 0.05, "share of the time limit for each sub-problem", low=0.0, high=1.0)
    nodes: int = option("integer", 500, "most nodes of each sub-problem", low=0, high=2**31 - 1)


options = Options


def version() -> str | None:
    """The version of HiGHS, which solves the sub-problems, or None where it is not installed."""
    return highs.version()


def solve(form: LinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The best point found of a linear form with whole columns; one without is HiGHS's alone."""
    from .search import solve as solved

    return solved(form, goal, options, context, start)
