"""The leader's choice among the followers' near-optimal answers, as an instance of its own.

The answers to a convex quadratic objective ``f`` near an optimal one ``a`` are, in linear rows, those with the gradient
of ``a`` that do not lie uphill of it (O. L. Mangasarian, "A simple characterization of solution sets of convex
programs", Oper. Res. Letters 7 (1988)):

    |grad f(y) - grad f(a)| <= width,   grad f(a)'(y - a) <= width

For a linear ``f`` the first says nothing, and the second that ``f(y) <= f(a) + width``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from optc.dsl.program import SCALAR, Apply, Block, Constant, Expr, IndexRef, Reduce, Relation, SymbolRef

from ..evaluation.sets import layout_of
from ..spaces.domains import Values
from ..terms.derivatives import derivative, mentions
from ..terms.substitution import bound_indices, componentwise, freshened, renamed_indices, substituted
from .follower import holds_any, rows_of
from .holding import Draft, Point, decided
from .instance import Instance


def preferred(
    instance: Instance, point: Point, answer: Point, width: float, sense: Literal["minimize", "maximize"]
) -> Instance:
    """The leader's objective and rows over all followers' near-optimal answers, his own decisions held at ``point``.

    ``answer``: an optimal answer of each follower, by family. ``width``: relative to the largest slope and to the value
    of each block (at least 1). ``sense``: the leader's own, or the other one. Followers look at none beside them.
    Raises ``NotPolynomialError`` where a follower's objective has no slope in symbols.
    """
    program = instance.program
    root = program.root
    assert root.objective is not None
    blocks = [child for child in root.children if child.kind == "lower"]
    decisions = [name for block in blocks for name in block.decisions]
    draft = Draft(instance, point)
    draft.hold(name for name in decided(instance, point) if name not in decisions)
    whole = {**point, **answer}
    for block in blocks:
        _keep_near(draft, block, _slopes(instance, block, whole), whole, width)
    rows = [c for block in (root, *blocks) for c in rows_of(program, block)]
    kept = [c.name for c in rows if holds_any(c, decisions, program)]
    return draft.finished(replace(root.objective, sense=sense), decisions, kept)


@dataclass(frozen=True, slots=True)
class _Slope:
    """Of one family: how its block's objective changes in each entry, ``(count,)`` at the answer; ``term`` says it
    anywhere, None where it is the same everywhere.
    """

    family: str
    term: Expr | None
    values: Values


def _slopes(instance: Instance, block: Block, answer: Point) -> list[_Slope]:
    program = instance.program
    stated = block.objective
    assert stated is not None and stated.expression is not None
    found = []
    for name in block.decisions:
        space = componentwise(program.symbols[name].space)
        at = tuple(IndexRef(None, v) for v in space.indices)
        mine: dict[object, Expr] = dict(zip(componentwise(block.space).indices, at, strict=False))
        expression = substituted(componentwise(stated.expression), mine)  # type: ignore[arg-type]
        term = derivative(expression, name, at, program)
        layout = layout_of(space, instance.scope)
        values = np.zeros(layout.size)
        if term is not None:
            values = values + instance.values(term, answer, layout, name)
        moves = term is not None and any(mentions(term, other, program) for other in block.decisions)
        found.append(_Slope(name, term if moves else None, values))
    return found


def _keep_near(draft: Draft, block: Block, slopes: Sequence[_Slope], answer: Point, width: float) -> None:
    """The rows of one block; see the head of the module."""
    stated = block.objective
    assert stated is not None
    largest = max((float(np.abs(s.values).max(initial=0.0)) for s in slopes), default=0.0)
    reach = width * max(1.0, largest)
    total: Expr = Constant(None, 0.0)
    value = 0.0
    for each in slopes:
        if each.term is not None:
            _keep_slope(draft, each, reach)
        if np.any(each.values):
            slope = draft.give(f"slope of {each.family} at the answer", each.family, each.values)
            total = Apply(None, "add", (total, _weighted(draft.instance, each.family, slope)))
            value += float(each.values @ np.broadcast_to(answer[each.family], each.values.shape))
    margin = width * max(1.0, abs(value))
    if stated.sense == "maximize":
        body = Relation(block.span, (total, Constant(None, value - margin)), ("ge",))
    else:
        body = Relation(block.span, (total, Constant(None, value + margin)), ("le",))
    if not isinstance(total, Constant):
        draft.add_row(f"answers of {block.name}", block.span, SCALAR, body)


def _keep_slope(draft: Draft, each: _Slope, reach: float) -> None:
    symbol = draft.instance.program.symbols[each.family]
    space = componentwise(symbol.space)
    at = tuple(IndexRef(None, v) for v in space.indices)
    low = draft.give(f"least slope of {each.family}", each.family, each.values - reach)
    high = draft.give(f"most slope of {each.family}", each.family, each.values + reach)
    assert each.term is not None
    body = Relation(symbol.span, (SymbolRef(None, low, at), each.term, SymbolRef(None, high, at)), ("le", "le"))
    draft.add_row(f"slope of {each.family}", symbol.span, space, body)


def _weighted(instance: Instance, family: str, slope: str) -> Expr:
    """``sum(slope * family)`` over all entries."""
    space = componentwise(instance.program.symbols[family].space)
    fresh = freshened(space, renamed_indices(bound_indices(space)))
    at = tuple(IndexRef(None, v) for v in fresh.indices)
    product = Apply(None, "mul", (SymbolRef(None, slope, at), SymbolRef(None, family, at)))
    return product if not space.generators else Reduce(None, "sum", fresh, product)
