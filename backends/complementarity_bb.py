"""Branch and bound on complementarity pairs, without any big-M: linear or convex quadratic nodes on a warm HiGHS.

A node fixes one column of some pairs at zero and moves bounds of whole columns; everything else is left as it is
(J. F. Bard, J. T. Moore, "A branch and bound algorithm for the bilevel programming problem", SIAM J. Sci. Stat.
Comput. 11 (1990)). The search is best-bound with diving: from the open node with the best bound it goes on to the
child that is estimated the cheaper one, until a node is pruned or its value has left the best quarter of the gap; the
siblings wait. It branches on the pair, or the whole column, whose two children are estimated to raise the bound most:
the product of distance times pseudo-cost over the children (T. Achterberg, T. Koch, A. Martin, "Branching rules
revisited", Oper. Res. Letters 33 (2005)), which is the most violated product as long as no pseudo-cost is known.

Points come from leaves of the tree and from rounding: the smaller column of each pair is set to zero, whole columns to
the nearest whole number, and the relaxation is solved again. A point is never taken because a product is small:
columns that are zero are fixed at zero when it is found. Node bounds are HiGHS's, in floating point.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from optc.compiler.answer import Answer, Claim, Termination
from optc.compiler.backend import Capabilities, Goal, Start
from optc.compiler.context import Context, Progress
from optc.compiler.forms.complementarity import ComplementarityForm
from optc.compiler.forms.linear import Floats, Ints, LinearForm, QuadraticForm
from optc.compiler.verify.weak_duality import curvature

from . import highs
from .branching import LEAST, Box, Branch, Brancher
from .node_relaxation import Relaxation, Relaxed, without_objective
from .options import option

REPORT_EVERY = 0.1  # seconds between two progress reports
LOOK = 20  # candidates whose children are looked at, at a node, where little is known of them
DIVE = 0.25  # share of the gap within which a dive goes on
WHOLE = 1e-6  # tolerance of integrality at most
NOISE = 1e-9  # relative difference of two values that is nothing but rounding

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


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a search took: ``nodes`` of the tree, ``relaxations`` solved in all and their ``iterations``; ``points``
    that were better than the one before.
    """

    nodes: int
    relaxations: int
    iterations: int
    points: int


def solve(form: LinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer to a complementarity form with a convex objective (a linear or quadratic form has no pairs).

    The claim is ``none`` with the termination ``no route`` where the objective is not convex.
    """
    return search(form, goal, options, context, start)[0]


def search(
    form: LinearForm, goal: Goal, options: Options, context: Context, start: Start | None = None
) -> tuple[Answer, Statistics]:
    """The answer, and what it took. Raises ValueError for arrays that HiGHS refuses and pairs of no column."""
    pairs = _pairs(form)
    if isinstance(form, QuadraticForm) and np.any(form.hessian_values):
        shift = curvature(form, 1.0 if form.sense == "minimize" else -1.0)
        if shift is not None and math.isinf(shift):
            wanted = "convex" if form.sense == "minimize" else "concave"
            why = f"the objective is not {wanted}: {capabilities.refuses['nonconvex quadratic']}"
            return Answer("none", "no route", message=why), _NOTHING
    stop = context.stop()
    if stop is not None:
        return Answer("none", stop, message="stopped before the first node", work=0, unit="nodes"), _NOTHING
    root = _reduced(form, pairs, min(WHOLE, goal.tolerance))
    if root is None:
        return Answer("infeasible", "converged", message="bounds exclude each other", work=0, unit="nodes"), _NOTHING
    if not form.shape[1]:
        return highs.solve(form, goal, highs.Options(), context, None), _NOTHING
    tree = _Tree(form, pairs, root, goal, options, context)
    if start is not None:
        tree.begin_from(start.x)
    return tree.run(), tree.statistics()


_NOTHING = Statistics(0, 0, 0, 0)


def _pairs(form: LinearForm) -> Ints:
    if not isinstance(form, ComplementarityForm):
        return np.zeros((0, 2), dtype=np.int32)
    inside = (form.pairs >= 0) & (form.pairs < form.shape[1])
    if form.pairs.ndim != 2 or form.pairs.shape[1] != 2 or not inside.all():
        raise ValueError("pairs is not an array (k, 2) of columns of the form")
    return form.pairs


def _reduced(form: LinearForm, pairs: Ints, tolerance: float) -> Box | None:
    """Column bounds with whole ones rounded inwards and what pairs force set to zero; None where they cross."""
    lower, upper = form.lower.copy(), form.upper.copy()
    whole = form.integer
    lower[whole], upper[whole] = np.ceil(lower[whole] - tolerance), np.floor(upper[whole] + tolerance)
    nonzero = (lower > 0.0) | (upper < 0.0)
    for own, other in ((0, 1), (1, 0)):
        forced = pairs[nonzero[pairs[:, own]] | (pairs[:, 0] == pairs[:, 1]), other]
        if nonzero[forced].any():
            return None
        lower[forced] = upper[forced] = 0.0
    crossing = bool(np.any(lower > upper) or np.any(form.row_lower > form.row_upper))
    return None if crossing else (lower, upper)


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    """A part of the tree that is still open: ``branch`` on top of what ``parent`` fixes; ``bound`` is its parent's."""

    bound: float
    depth: int = 0
    parent: _Node | None = None
    branch: Branch | None = None
    basis: Any = None

    def box(self, root: Box) -> Box:
        """The column bounds that hold in it."""
        lower, upper = root[0].copy(), root[1].copy()
        node: _Node | None = self
        while node is not None and node.branch is not None:
            column = node.branch.column
            lower[column] = max(lower[column], node.branch.lower)
            upper[column] = min(upper[column], node.branch.upper)
            node = node.parent
        return lower, upper


class _Tree:
    """The state of one search. Values are in the sense of minimising."""

    def __init__(
        self, form: LinearForm, pairs: Ints, root: Box, goal: Goal, options: Options, context: Context
    ) -> None:
        self.form, self.pairs, self.root = form, pairs, root
        self.goal, self.options, self.context = goal, options, context
        self.sign = 1.0 if form.sense == "minimize" else -1.0
        self.relaxation = Relaxation(form, goal, context)
        self.brancher = Brancher(pairs, np.flatnonzero(form.integer).astype(np.int32), min(WHOLE, goal.tolerance))
        self.heap: list[tuple[float, int, _Node]] = []
        self.pushed = self.nodes = self.points = 0
        self.x: Floats | None = None
        self.best = math.inf  # value of the incumbent
        self.floor = math.inf  # least bound among the parts that were closed by the gap, or could not be solved
        self.unsolved = False
        self.tried: set[bytes] = set()
        self.next_report = 0.0

    # ------------------------------------------------------------------------------------------------- the search
    def run(self) -> Answer:
        node: _Node | None = _Node(-math.inf)
        while True:
            jumped = node is None
            if node is None:
                node = self._pop()
                if node is None:
                    return self._exhausted()
            stop = self._stop()
            if stop is not None:
                return self._stopped(stop, node)
            if jumped and node.basis is not None:
                self.relaxation.resume(node.basis)
            box = node.box(self.root)
            found = self.relaxation.solve(*box)
            if found.state == "stopped":
                return self._stopped(self.context.stop() or "time limit", node)
            self.nodes += 1
            self._learn(node, found)
            if found.state == "unbounded" and not self.brancher.open_pairs(box):
                ended = self._unbounded_leaf(node, box)
                if ended is not None:
                    return ended
                node = None
                continue
            node = self._expand(node, box, found, dived=not jumped)
            self._report(node)

    def _expand(self, node: _Node, box: Box, found: Relaxed, *, dived: bool) -> _Node | None:
        """Prune the node or branch on it; the child to dive to, or None."""
        if found.state == "infeasible":
            return None
        bound = max(node.bound, found.value)
        if self._closes(bound):
            return None
        basis = self.relaxation.basis()
        if found.x is not None:
            if self.brancher.exact(found.x):
                self._take(found)
                return None
            if self.brancher.satisfied(found.x) or self._rounds(dived=dived):
                self._round(box, found.x)
                self.relaxation.resume(basis)
                if self._closes(bound):
                    return None
        branches = self._blind(box, bound) if found.x is None else self._chosen(box, found.x, bound, basis)
        if branches is None:  # nothing is left to branch on, and the relaxation could not be solved
            self.unsolved, self.floor = True, min(self.floor, bound)
            return None
        children = [_Node(raised, node.depth + 1, node, branch, basis) for branch, raised in branches]
        return self._dive(children, bound)

    def _blind(self, box: Box, bound: float) -> list[tuple[Branch, float]] | None:
        branches = self.brancher.blind(box)
        return None if branches is None else [(branch, bound) for branch in branches]

    def _chosen(self, box: Box, x: Floats, bound: float, basis: Any) -> list[tuple[Branch, float]] | None:
        """The children of the best candidate with their bounds; those that are closed already are left out."""
        forks = self.brancher.ranked(box, x, LOOK)
        best: tuple[float, list[tuple[Branch, float]]] | None = None
        for fork in forks:
            children = [(branch, bound) for branch in fork.branches]
            score = fork.score
            if len(children) == 2 and not fork.reliable:
                children = [(branch, self._probed(box, branch, bound, basis)) for branch in fork.branches]
                score = math.prod(max(raised - bound, LEAST) for _branch, raised in children)
                children = [child for child in children if not self._closes(child[1])]
            if len(children) < 2:
                return children
            if best is None or score > best[0]:
                best = score, sorted(children, key=lambda child: child[1])
        return None if best is None else best[1]

    def _probed(self, box: Box, branch: Branch, bound: float, basis: Any) -> float:
        """The bound of a child (infinite where it is infeasible), from its relaxation; pseudo-costs learn from it."""
        lower, upper = box[0].copy(), box[1].copy()
        lower[branch.column] = max(lower[branch.column], branch.lower)
        upper[branch.column] = min(upper[branch.column], branch.upper)
        self.relaxation.resume(basis)
        found = self.relaxation.solve(lower, upper)
        if found.state == "optimal":
            self.brancher.learn(branch, max(0.0, found.value - bound))
            if found.x is not None and self.brancher.exact(found.x):
                self._take(found)
        if found.state == "infeasible":
            return math.inf
        return max(bound, found.value) if found.state == "optimal" else bound

    def _closes(self, bound: float) -> bool:
        """Whether a part with this bound need not be looked at; its bound is noted."""
        if bound < self._cutoff():
            return False
        self.floor = min(self.floor, bound)
        return True

    def _dive(self, children: list[_Node], bound: float) -> _Node | None:
        """The first child where the dive goes on; the others, or all, wait."""
        least = min(bound, self.heap[0][0]) if self.heap else bound
        goes_on = math.isinf(self.best) or bound - least <= DIVE * (self.best - least)
        for child in children[1:] if goes_on else children:
            heapq.heappush(self.heap, (child.bound, self.pushed, child))
            self.pushed += 1
        return children[0] if goes_on and children else None

    def _pop(self) -> _Node | None:
        if not self.heap:
            return None
        bound, _order, node = heapq.heappop(self.heap)
        if not self._closes(bound):
            return node
        self.heap.clear()  # the others are no better
        return None

    def _cutoff(self) -> float:
        """Parts with this bound or a higher one hold no point that is better by more than the gap."""
        if math.isinf(self.best):
            return math.inf
        return self.best - self._allowed()

    def _allowed(self) -> float:
        objective = abs(self.sign * self.best)
        return max(self.options.absolute_gap, max(self.goal.gap, NOISE) * max(1.0, objective))

    def _learn(self, node: _Node, found: Relaxed) -> None:
        if node.branch is None or not math.isfinite(node.bound):
            return
        if found.state == "optimal":
            self.brancher.learn(node.branch, max(0.0, found.value - node.bound))
        elif found.state == "infeasible" and math.isfinite(self.best):
            self.brancher.learn(node.branch, max(0.0, self.best - node.bound))

    def _stop(self) -> Termination | None:
        if self.options.nodes is not None and self.nodes >= self.options.nodes:
            return "node limit"
        return self.context.stop()

    # ------------------------------------------------------------------------------------------------- the points
    def begin_from(self, x: Floats) -> None:
        """Look for a point where the known point ``x`` has its zeros and whole numbers."""
        if np.isfinite(x[self.brancher.touched]).all():
            self._round(self.root, x)

    def _rounds(self, *, dived: bool) -> bool:
        rule = self.options.rounding
        return rule == "always" or (rule == "dives" and (not dived or self.x is None))

    def _round(self, box: Box, x: Floats) -> None:
        """Solve with the zeros and whole numbers nearest to ``x``, which may give a point."""
        lower, upper = self.brancher.rounded(box, x)
        key = np.concatenate([lower[self.brancher.touched], upper[self.brancher.touched]]).tobytes()
        if key in self.tried:
            return
        self.tried.add(key)
        found = self.relaxation.solve(lower, upper)
        if found.x is not None and self.brancher.exact(found.x):
            self._take(found)

    def _take(self, found: Relaxed) -> None:
        if found.value < self.best and found.x is not None:
            self.x, self.best, self.points = found.x, found.value, self.points + 1

    def _unbounded_leaf(self, node: _Node, box: Box) -> Answer | None:
        """All pairs are decided and the relaxation is unbounded: so is the problem, if the leaf has a point.

        That is also right with whole columns, for data that are rational (R. R. Meyer, "On the existence of optimal
        solutions to integer and mixed-integer programming problems", Math. Prog. 7 (1974)).
        """
        ray = self.relaxation.ray()
        leaf = without_objective(self.form, *box)
        found = highs.solve(leaf, self.goal, highs.Options(), self.context.silent(), None)
        if found.claim == "infeasible":
            return None
        if found.x is None:
            stop = self.context.stop()
            if stop is not None:
                return self._stopped(stop, node)
            self.unsolved, self.floor = True, -math.inf
            return None
        message = f"a leaf of the tree is unbounded ({self._words()})"
        return self._answer("unbounded", "converged", message, x=found.x, ray=ray)

    # ------------------------------------------------------------------------------------------------ the answers
    def _exhausted(self) -> Answer:
        if self.x is None:
            if self.unsolved:
                return self._answer("none", "numerical trouble", self._trouble())
            return self._answer("infeasible", "converged", f"the tree is exhausted ({self._words()})")
        bound = min(self.floor, self.best)
        if self.unsolved and bound < self._cutoff():
            return self._answer("feasible", "numerical trouble", self._trouble(), self.x, bound)
        return self._answer("optimal", "converged", f"the gap is closed ({self._words()})", self.x, bound)

    def _stopped(self, why: Termination, node: _Node) -> Answer:
        opened = min(node.bound, self.heap[0][0]) if self.heap else node.bound
        bound = min(opened, self.floor, self.best)
        claim: Claim = "none" if self.x is None else "feasible"
        return self._answer(claim, why, f"stopped ({self._words()})", self.x, bound)

    def _answer(
        self,
        claim: Claim,
        termination: Termination,
        message: str,
        x: Floats | None = None,
        bound: float = math.inf,
        ray: Floats | None = None,
    ) -> Answer:
        return Answer(
            claim,
            termination,
            x,
            objective=None if x is None else self.relaxation.value(x),
            bound=self.sign * bound if math.isfinite(bound) else None,
            primal_ray=ray,
            message=message,
            work=self.nodes,
            unit="nodes",
        )

    def _words(self) -> str:
        kind = "quadratic" if self.relaxation.quadratic else "linear"
        return f"{self.nodes} nodes, {self.relaxation.solves} {kind} relaxations by HiGHS, {self.points} points"

    def _trouble(self) -> str:
        return f"HiGHS could not solve some relaxations ({self._words()})"

    def statistics(self) -> Statistics:
        return Statistics(self.nodes, self.relaxation.solves, self.relaxation.iterations, self.points)

    def _report(self, node: _Node | None) -> None:
        now = self.context.clock()
        if self.context.progress is None or now < self.next_report:
            return
        self.next_report = now + REPORT_EVERY
        opened = [self.heap[0][0]] if self.heap else []
        bound = min([*opened, *([node.bound] if node is not None else []), self.floor, self.best])
        self.context.report(
            Progress(
                "branch and bound",
                self.context.elapsed(),
                self.sign * self.best if math.isfinite(self.best) else None,
                self.sign * bound if math.isfinite(bound) else None,
                work=self.nodes,
                unit="nodes",
            )
        )
