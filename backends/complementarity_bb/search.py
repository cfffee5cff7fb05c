"""The tree of ``complementarity_bb``: nodes, branching, rounding, and what is said of the answer."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from optc.compiler.answer import Answer, Claim, Termination
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Context, Progress
from optc.compiler.forms.complementarity import ComplementarityForm
from optc.compiler.forms.linear import Floats, Ints, LinearForm, QuadraticForm
from optc.compiler.verify.weak_duality import curvature

from .. import highs
from . import Options, capabilities
from .branching import LEAST, Box, Branch, Brancher
from .node_relaxation import Kept, Relaxation, Relaxed, continuous, without_objective
from .pair_cuts import strengthened
from .pair_propagation import Propagation
from .search_tree import Frontier, Incumbent, Moved, Node

REPORT_EVERY = 0.1  # seconds between two progress reports


LOOK = 8  # candidates whose children are looked at, at a node, where little is known of them


DIVE = 0.25  # share of the gap within which a dive goes on


NEAR = 0.1  # of the gap: error of a node's quadratic objective


WHOLE = 1e-6  # tolerance of integrality at most


VAIN = {"linear": 5, "quadratic": 40}  # pairs probed in a row that tell nothing, after which no others are probed


NOISE = 1e-9  # relative difference of two values that is nothing but rounding


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
    if not form.shape[1] or (not len(pairs) and not form.integer.any()):  # nothing to branch on
        answer = highs.solve(continuous(form), goal, highs.Options(), context, start)
        return replace(answer, row_duals=None, column_duals=None), _NOTHING  # of conditions, not of the model
    tree = _Tree(form, pairs, root, goal, options, context)
    try:
        if start is not None:
            tree.begin_from(start.x)
        return tree.run(), tree.statistics()
    finally:
        tree.relaxation.close()


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
class _Place:
    """A node with its bounds ``before`` and after (``tight``) propagation, and the ``box`` of its relaxation."""

    node: Node
    before: Box
    tight: Box
    box: Box


class _Tree:
    """The state of one search. Values are in the sense of minimising."""

    def __init__(
        self, form: LinearForm, pairs: Ints, root: Box, goal: Goal, options: Options, context: Context
    ) -> None:
        self.form, self.pairs = form, pairs
        self.goal, self.options, self.context = goal, options, context
        self.sign = 1.0 if form.sense == "minimize" else -1.0
        whole, tolerance = np.flatnonzero(form.integer).astype(np.int32), min(WHOLE, goal.tolerance)
        self.brancher = Brancher(pairs, whole, tolerance)
        self.propagation = Propagation(form, pairs, whole, tolerance)
        vain = VAIN["quadratic" if isinstance(continuous(form), QuadraticForm) else "linear"]
        probed = self.propagation.probed(root, vain, lambda: context.stop() is not None)
        self.tight = root if probed is None else probed  # where there is no point, the first node shows it again
        self.stated = root
        self.root = root[0], np.where(np.isinf(root[1]), self.tight[1], root[1])
        self.relaxation = Relaxation(strengthened(form, pairs, self.tight), goal, context)
        self.incumbent = Incumbent(options.absolute_gap, max(goal.gap, NOISE))
        self.frontier = Frontier()
        self.near = NEAR * goal.gap
        self.nodes = 0
        self.unsolved = False  # whether a part was given up since HiGHS could not solve it
        self.tried: set[bytes] = set()
        self.next_report = 0.0

    # ------------------------------------------------------------------------------------------------- the search
    def run(self) -> Answer:
        node: Node | None = Node()
        dived = False
        while True:
            node = node or self.frontier.pop(self.incumbent)
            if node is None:
                return self._exhausted()
            stop = self._stop()
            if stop is not None:
                return self._stopped(stop, node)
            before = node.box(self.tight)
            tight = self.propagation.narrowed(before)
            box = self.root if tight is None else self._within(tight)
            found = Relaxed("infeasible") if tight is None else self._solved(node, box)
            if found.state == "stopped":
                return self._stopped(self.context.stop() or "time limit", node)
            self.nodes += 1
            self._learn(node, found)
            if found.state == "unbounded" and not self.brancher.open_pairs(box):
                ended = self._unbounded_leaf(node, box)
                if ended is not None:
                    return ended
                node = None
            elif tight is None:
                node = None
            else:
                node = self._expand(_Place(node, before, tight, box), found, dived=dived)
            dived = node is not None
            self._report(node)

    def _solved(self, node: Node, box: Box) -> Relaxed:
        if node.kept is not None:
            self.relaxation.resume(node.kept)
        return self.relaxation.solve(*box, self.near, self.incumbent.cutoff())

    def _within(self, tight: Box) -> Box:
        """The bounds that the relaxation gets: those of the form, zeros of pairs, and those of whole columns.

        The others follow from the rows, so they would tell it nothing but make it more degenerate.
        """
        lower, upper = self.root[0].copy(), self.root[1].copy()
        which = self.brancher.touched
        which = which[((tight[0][which] == 0.0) & (tight[1][which] == 0.0)) | self.form.integer[which]]
        lower[which], upper[which] = tight[0][which], tight[1][which]
        return lower, upper

    def _expand(self, place: _Place, found: Relaxed, *, dived: bool) -> Node | None:
        """Prune the node or branch on it; the child to dive to, or None."""
        node, box = place.node, place.box
        if found.state == "infeasible":
            return None
        bound = max(node.bound, found.value)
        if self.incumbent.closes(bound):
            return None
        kept = self.relaxation.keep()
        if found.x is not None:
            if self.brancher.exact(found.x):
                found = self._leaf(box, found)
                bound = max(bound, found.value)
            assert found.x is not None  # a leaf gives the one that it got, or a finer one
            if self.brancher.exact(found.x):
                self.incumbent.give_up(bound)
                return None
            if self.brancher.satisfied(found.x) or self._rounds(dived=dived):
                self._round(box, found.x)
                self.relaxation.resume(kept)
                if self.incumbent.closes(bound):
                    return None
        branches = self._blind(box, bound) if found.x is None else self._chosen(place, found.x, bound, kept)
        if branches is None:  # nothing is left to branch on, and the relaxation could not be solved
            self.unsolved = True
            self.incumbent.give_up(bound)
            return None
        moved = None if place.tight is place.before else Moved.between(place.before, place.tight)
        children = [Node(raised, bound, node, branch, kept, moved) for branch, raised in branches]
        return self._dive(children, bound)

    def _blind(self, box: Box, bound: float) -> list[tuple[Branch, float]] | None:
        branches = self.brancher.blind(box)
        return None if branches is None else [(branch, bound) for branch in branches]

    def _chosen(self, place: _Place, x: Floats, bound: float, kept: Kept) -> list[tuple[Branch, float]] | None:
        """The children of the best candidate with their bounds; those that are closed already are left out."""
        forks = self.brancher.ranked(place.box, x, LOOK)
        best: tuple[float, list[tuple[Branch, float]]] | None = None
        for fork in forks:
            children = [(branch, bound) for branch in fork.branches]
            score = fork.score
            if len(children) == 2 and not fork.reliable:
                children = [(branch, self._probed(place.tight, branch, bound, kept)) for branch in fork.branches]
                score = math.prod(max(raised - bound, LEAST) for _branch, raised in children)
                children = [child for child in children if not self.incumbent.closes(child[1])]
            if len(children) < 2:
                return children
            if best is None or score > best[0]:
                best = score, sorted(children, key=lambda child: child[1])
        return None if best is None else best[1]

    def _probed(self, tight: Box, branch: Branch, bound: float, kept: Kept) -> float:
        """The bound of a child (infinite where it is infeasible), from its relaxation; pseudo-costs learn from it."""
        lower, upper = tight[0].copy(), tight[1].copy()
        branch.narrow(lower, upper)
        below = self.propagation.narrowed((lower, upper))
        if below is None:
            return math.inf
        self.relaxation.resume(kept)
        child = self._within(below)
        found = self.relaxation.solve(*child, self.near, self.incumbent.cutoff())
        if found.state == "optimal":
            self.brancher.learn(branch, max(0.0, found.value - bound))
            if found.x is not None and self.brancher.exact(found.x):
                self._take(child, found)
        if found.state == "infeasible":
            return math.inf
        return max(bound, found.value) if found.state == "optimal" else bound

    def _dive(self, children: list[Node], bound: float) -> Node | None:
        """The first child where the dive goes on; the others, or all, wait."""
        least, best = min(bound, self.frontier.least()), self.incumbent.value
        goes_on = math.isinf(best) or bound - least <= DIVE * (best - least)
        self.frontier.push(children[1:] if goes_on else children)
        return children[0] if goes_on and children else None

    def _learn(self, node: Node, found: Relaxed) -> None:
        """Let the pseudo-costs know how much the bound rose; an infeasible child counts as rising to the incumbent."""
        if node.branch is None or not math.isfinite(node.before):
            return
        if found.state == "optimal":
            self.brancher.learn(node.branch, max(0.0, found.value - node.before))
        elif found.state == "infeasible" and math.isfinite(self.incumbent.value):
            self.brancher.learn(node.branch, max(0.0, self.incumbent.value - node.before))

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
        return rule == "always" or (rule == "dives" and (not dived or self.incumbent.x is None))

    def _round(self, box: Box, x: Floats) -> None:
        """Solve with the zeros and whole numbers nearest to ``x``, which may give a point."""
        lower, upper = self.brancher.rounded(box, x)
        key = np.concatenate([lower[self.brancher.touched], upper[self.brancher.touched]]).tobytes()
        if key in self.tried:
            return
        self.tried.add(key)
        found = self.relaxation.solve(lower, upper, self.near, self.incumbent.cutoff())
        if found.x is not None and self.brancher.exact(found.x):
            self._leaf((lower, upper), found)

    def _take(self, box: Box, found: Relaxed) -> None:
        """Take a point that keeps the pairs if it is better, and the best one with the same zeros."""
        self.incumbent.take(found)
        if self.relaxation.approximates and self.incumbent.x is found.x and found.x is not None:
            polished = self.relaxation.polished(*self._alone(self.brancher.rounded(box, found.x)))
            if polished.x is not None and self.brancher.exact(polished.x):
                self.incumbent.take(polished)

    def _alone(self, box: Box) -> Box:
        """The bounds of the form itself with what the box fixes: HiGHS's method fails at bounds that nearly follow."""
        fixed = box[0] == box[1]
        return np.where(fixed, box[0], self.stated[0]), np.where(fixed, box[1], self.stated[1])

    def _leaf(self, box: Box, found: Relaxed) -> Relaxed:
        """Take a point that keeps the pairs; where its part may hold a better one, the finer relaxation."""
        self._take(box, found)
        if found.value >= self.incumbent.cutoff():
            return found
        finer = self.relaxation.solve(*box, 0.0, self.incumbent.cutoff())
        if finer.x is None:
            return found
        if self.brancher.exact(finer.x):
            self._take(box, finer)
        return finer

    def _unbounded_leaf(self, node: Node, box: Box) -> Answer | None:
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
            self.unsolved = True
            self.incumbent.give_up(-math.inf)
            return None
        message = f"a leaf of the tree is unbounded ({self._words()})"
        return self._answer("unbounded", "converged", message, x=found.x, ray=ray)

    # ------------------------------------------------------------------------------------------------ the answers
    def _exhausted(self) -> Answer:
        if self.incumbent.x is None:
            if self.unsolved:
                return self._answer("none", "numerical trouble", self._trouble())
            return self._answer("infeasible", "converged", f"the tree is exhausted ({self._words()})")
        bound = self.incumbent.bound()
        if self.unsolved and bound < self.incumbent.cutoff():
            return self._answer("feasible", "numerical trouble", self._trouble(), self.incumbent.x, bound)
        return self._answer("optimal", "converged", f"the gap is closed ({self._words()})", self.incumbent.x, bound)

    def _stopped(self, why: Termination, node: Node) -> Answer:
        bound = self.incumbent.bound(node.bound, self.frontier.least())
        claim: Claim = "none" if self.incumbent.x is None else "feasible"
        return self._answer(claim, why, f"stopped ({self._words()})", self.incumbent.x, bound)

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
        programs = "linear programs with tangents" if self.relaxation.approximates else f"{kind} relaxations"
        return f"{self.nodes} nodes, {self.relaxation.solves} {programs} by HiGHS, {self.incumbent.points} points"

    def _trouble(self) -> str:
        return f"HiGHS could not solve some relaxations ({self._words()})"

    def statistics(self) -> Statistics:
        return Statistics(self.nodes, self.relaxation.solves, self.relaxation.iterations, self.incumbent.points)

    def _report(self, node: Node | None) -> None:
        now = self.context.clock()
        if self.context.progress is None or now < self.next_report:
            return
        self.next_report = now + REPORT_EVERY
        bound = self.incumbent.bound(math.inf if node is None else node.bound, self.frontier.least())
        self.context.report(
            Progress(
                "branch and bound",
                self.context.elapsed(),
                self.sign * self.incumbent.value if math.isfinite(self.incumbent.value) else None,
                self.sign * bound if math.isfinite(bound) else None,
                work=self.nodes,
                unit="nodes",
            )
        )
