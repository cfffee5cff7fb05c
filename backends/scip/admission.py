"""Which nonlinear forms SCIP can be given, judged on their kernels before any expression is built.

SCIP's numbers end at 1e20, and it answers wrongly where a value within a function lies beyond (it takes
``1 / (1 + exp(-x))`` over [-100, -60] for infeasible). A form is refused where such a value can come up: where a
finite range goes so far inside a function, or an exponential of something unbounded stands inside another function.
What is added up in a row, or in the objective, may grow without end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from optc.compiler.forms.naming import row_text
from optc.compiler.forms.nonlinear import NonlinearForm
from optc.compiler.kernels.model import Term
from optc.compiler.kernels.nodes import Node

from .kernel_ranges import Range, log_sum_exp, needed, ranges, rows_of

LARGEST = 1e20  # what SCIP takes for infinite
MOST = 200_000  # operations that are written out for SCIP; a problem of so many is far from a proof
AFFINE = frozenset({"add", "sub", "neg", "sum", "lift"})
GROWING = frozenset({"exp", "sinh", "cosh"})
KNOWN = AFFINE | GROWING
KNOWN |= {"const", "load", "nonzero", "mul", "div", "pow", "prod", "log", "log10", "sqrt", "sin", "cos", "tan", "atan"}
KNOWN |= {"tanh", "sigmoid", "softplus", "entropy", "kl", "huber"}


@dataclass(frozen=True, slots=True, eq=False)
class Admitted:
    """The nodes of a form, parts before wholes; which depend on the point; their ranges by number."""

    nodes: tuple[Node, ...]
    moving: frozenset[int]
    ranges: dict[int, Range]


class RefusedError(Exception):
    """SCIP cannot be given a form; the text says why."""


def admitted(form: NonlinearForm) -> Admitted:
    """What is known of the nodes of a form that SCIP can be given. Raises ``RefusedError``."""
    model = form.engine.model
    terms = (*model.objective, *model.constraints)
    owner = _owners(terms)
    nodes = tuple(node for _, (node, _) in sorted(owner.items()))
    moving: set[int] = set()
    for node in nodes:
        if (node.op == "load" and node.source == "x") or any(arg.number in moving for arg in needed(node)):
            moving.add(node.number)
    found = Admitted(nodes, frozenset(moving), ranges(form, nodes, frozenset(moving)))
    inside = _inside(found)
    size = 0
    for number, (node, term) in owner.items():
        if number in moving:
            size += rows_of(node)
            reason = _reason(node, found, number in inside)
            if reason is not None:
                words, rows = reason
                raise RefusedError(f"{words} ({_place(form, term, node, rows)})")
        elif not np.isfinite(found.ranges[number][0]).all():
            raise RefusedError(f"a number is not finite ({_place(form, term, node, 0)})")
    if size > MOST:
        raise RefusedError(f"its nonlinear rows hold {size:,} operations, more than the {MOST:,} that SCIP is given")
    return found


def _owners(terms: Sequence[Term]) -> dict[int, tuple[Node, Term]]:
    """Every node that the terms are made of, with the first term it stands in."""
    found: dict[int, tuple[Node, Term]] = {}
    for term in terms:
        waiting = [term.node]
        while waiting:
            node = waiting.pop()
            if node.number not in found:
                found[node.number] = (node, term)
                waiting += needed(node)
    return found


def _inside(found: Admitted) -> frozenset[int]:
    """The nodes that stand in something nonlinear."""
    inside: set[int] = set()
    for node in reversed(found.nodes):
        args = [arg.number for arg in needed(node) if arg.number in found.moving]
        if node.number in inside or not _is_affine(node, args, found):
            inside.update(args)
    return frozenset(inside)


def _is_affine(node: Node, moving: Iterable[int], found: Admitted) -> bool:
    if node.op == "mul":
        return len(list(moving)) < 2
    if node.op == "div":
        return node.args[1].number not in found.moving
    return node.op in AFFINE and log_sum_exp(node) is None


def _place(form: NonlinearForm, term: Term, node: Node, row: int) -> str:
    """The row of the form that row ``row`` of a node belongs to, or the first row that the node stands in."""
    if term.rows is None:
        return "in the objective"
    rows = term.rows.positions(term.loop.size)
    at = row if node.loop is term.loop else 0
    return f"in {row_text(form, int(rows[at]))}"


# -------------------------------------------------------------------------------------------------- reasons, by node
def _reason(node: Node, found: Admitted, inside: bool) -> tuple[str, int] | None:
    """Why a node cannot be passed, and in which of its rows; None where it can."""
    if log_sum_exp(node) is not None:
        return None
    if node.op not in KNOWN:
        return f"SCIP has no function `{node.op}`", 0
    reason = None
    if node.op == "pow" and node.args[1].number in found.moving:
        words = "SCIP takes a decision as an exponent only over a base that its bounds keep above 0"
        reason = _first(words, found.ranges[node.args[0].number][0] <= 0)
    elif node.op == "kl" and node.args[1].number in found.moving:
        words = "SCIP takes `kl(x, y)` only where bounds keep y above 0"
        reason = _first(words, found.ranges[node.args[1].number][0] <= 0)
    return _far(node, found) if reason is None and inside else reason


def _far(node: Node, found: Admitted) -> tuple[str, int] | None:
    """Where a value inside a function may be so large that SCIP takes it for infinite."""
    lower, upper = found.ranges[node.number]
    size = np.maximum(np.abs(lower), np.abs(upper))
    wrong = (size >= LARGEST) & np.isfinite(size)
    if node.op != "load" and wrong.any():
        row = int(np.argmax(wrong))
        words = f"`{node.op}` inside another function may reach {size[row]:.0e}, and SCIP takes 1e20 for infinite"
        return f"{words}; narrower bounds of decisions keep it below", row
    grows = node.op in GROWING or (node.op == "pow" and node.args[1].number in found.moving)
    words = f"`{node.op}` of something without a bound stands inside another function"
    return _first(f"{words}; SCIP needs bounds that keep it below 1e20", np.isinf(size)) if grows else None


def _first(words: str, wrong: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> tuple[str, int] | None:
    return (words, int(np.argmax(wrong))) if wrong.any() else None
