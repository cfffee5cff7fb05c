"""Primal rows, dual rows and equal objectives of blocks in their place: optimality without complementarity.

For a block that minimises a convex quadratic ``f(y)`` over rows ``a(y) + r (<=, >=, ==) 0`` with multipliers ``d``, and
bounds ``l <= y <= u``, the gap of primal and dual objective is

    grad f(y)'y + sum(d r) - sum(z l) + sum(h (u - l)) >= 0,     z = grad f(y) - a'd  the reduced costs

(``h >= 0``, ``z + h >= 0`` where both bounds are there; ``z >= 0``, ``z <= 0``, ``z == 0`` where one or none is). It is
zero exactly at optimal pairs, so one row for each follower that bounds it by zero takes the place of all pairs. The row
holds products of multipliers with decisions of the leader that stand in ``r``. Needs what ``stationarity`` needs, that
followers do not look at each other, and that the bounds of a family are all there or all not.

Source: W. S. Dorn, "Duality in quadratic programming", Quart. Appl. Math. 18 (1960).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NOT_IN_FORM
from optc.dsl.program import (
    Apply,
    Block,
    Bounds,
    Constant,
    Constraint,
    Expr,
    IndexRef,
    NamedExpression,
    Program,
    Reduce,
    Relation,
    Space,
    Symbol,
    SymbolRef,
    Variable,
)

from ..data.errors import DataError
from ..extraction.polynomial import NotPolynomialError
from ..terms.derivatives import derivative, inlined, mentions, total
from ..terms.substitution import componentwise, rewritten, substituted
from .follower import linked, rows_of
from .instance import Floats, Instance
from .stationarity import (
    block_at,
    block_positions,
    check,
    fresh_space,
    in_their_place,
    references_to,
    residual,
    without,
)

ZERO = Constant(None, 0.0)


def strong_duality(instance: Instance, *paths: tuple[str, ...]) -> Instance:
    """The instance with the blocks at ``paths`` replaced by primal rows, dual rows and equal objectives.

    Raises ``DataError`` with the reason where a block does not meet the needs.
    """
    blocks = [block_at(instance.program.root, path) for path in paths]
    new: list[Symbol] = []
    try:
        if linked(instance.program, blocks):
            what = f"the block `{blocks[0].name}`, whose followers look at each other,"
            raise DataError([report(NOT_IN_FORM, blocks[0].span, what=what, form="strong duality")])
        for block in blocks:
            check(instance, block, [block])
            new += _dual_pair(instance, block)
    except NotPolynomialError as error:
        raise DataError([error.diagnostic]) from None
    return in_their_place(instance, blocks, new)


def _dual_pair(instance: Instance, block: Block) -> list[Symbol]:
    """Multipliers, dual rows and the row of equal objectives of one block."""
    program = instance.program
    rows = [_row(c, block, program) for c in rows_of(program, block)]
    costs = [_cost(instance, program.symbols[name], block) for name in block.decisions]
    parts = [part for each in (*rows, *costs) for part in each.gap]
    space, indices = fresh_space(block)
    gap = total([_summed(part, references_to(indices)) for part in parts]) or ZERO
    body = Relation(block.span, (gap, ZERO), ("le",))
    count, path = len(indices), block.path[:-1]
    name = f"duality of {block.name}"
    equal = Constraint(name, block.span, space, count, count, path, body=body, named=False)
    return [symbol for each in (*rows, *costs) for symbol in each.symbols] + [equal]


@dataclass(frozen=True, slots=True)
class _Part:
    """``term`` summed over a space whose first indices are the block's."""

    space: Space
    term: Expr


@dataclass(frozen=True, slots=True)
class _Dual:
    """What one family adds: symbols, and parts of the gap."""

    symbols: tuple[Symbol, ...]
    gap: tuple[_Part, ...]


def _summed(part: _Part, mine: tuple[Expr, ...]) -> Expr:
    """The part for one follower: the block's indices held, summed over what is left."""
    held = dict(zip(part.space.indices[: len(mine)], mine, strict=True))
    kept = without(Space(tuple(part.space.generators), part.space.condition), len(mine), held)
    term = substituted(part.term, held)
    return term if kept is None else Reduce(term.span, "sum", kept, term)


# --------------------------------------------------------------------------------------------------------------- rows
def _row(constraint: Constraint, block: Block, program: Program) -> _Dual:
    """The multiplier of a row, and ``d r`` with ``r`` the row at ``y = 0``; two of a range.

    The signs are those of the language: of a maximisation the multipliers, and the gap, are the negatives.
    """
    assert block.objective is not None
    maximise = block.objective.sense == "maximize"
    space, indices = fresh_space(constraint)
    values = {a: IndexRef(None, b) for a, b in zip(componentwise(constraint.space).indices, indices, strict=True)}
    body = constraint.body
    assert isinstance(body, Relation)
    terms = [substituted(componentwise(at_zero(t, block, program)), dict(values)) for t in body.terms]
    if body.ops[0] == "ge" and len(terms) == 3:
        terms.reverse()
    make = _Maker(constraint, block, space)
    name = f"dual({constraint.name})"
    if len(terms) == 2:
        signs = {"eq": (None, None), "ge": (ZERO, None), "le": (None, ZERO)}[body.ops[0]]
        dual = make.variable(name, *(signs[::-1] if maximise else signs))
        return _Dual((dual,), (make.part(dual, Apply(body.span, "sub", (terms[0], terms[1])), maximise),))
    low, middle, high = terms
    dual = make.variable(name, None, None)
    below = make.variable(f"{name} below", *((None, ZERO) if maximise else (ZERO, None)))
    above = make.variable(f"{name} above", *((ZERO, None) if maximise else (None, ZERO)))
    both = Apply(None, "add", (make.entry(below), make.entry(above)))
    sides = make.constraint(f"sides of {name}", Relation(constraint.span, (make.entry(dual), both), ("eq",)))
    first = make.part(below, Apply(body.span, "sub", (middle, low)), maximise)
    second = make.part(above, Apply(body.span, "sub", (middle, high)), maximise)
    return _Dual((dual, below, above, sides), (first, second))


def at_zero(term: Expr, block: Block, program: Program) -> Expr:
    """A term with the block's own decisions at zero."""

    def change(part: object) -> object:
        if not isinstance(part, SymbolRef):
            return part
        if part.symbol in block.decisions:
            return ZERO
        symbol = program.symbols[part.symbol]
        if isinstance(symbol, NamedExpression) and any(mentions(part, name, program) for name in block.decisions):
            return rewritten(inlined(part, symbol), change)
        return part

    return rewritten(term, change)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Symbols over a space of their own, outside the block of ``like``."""

    like: Symbol
    block: Block
    space: Space

    def variable(self, name: str, lower: Expr | None, upper: Expr | None) -> Variable:
        count, like = len(self.space.indices), self.like
        return Variable(name, like.span, self.space, count, count, self.block.path[:-1], bounds=Bounds(lower, upper))

    def constraint(self, name: str, body: Relation) -> Constraint:
        count, like = len(self.space.indices), self.like
        return Constraint(name, like.span, self.space, count, count, self.block.path[:-1], body=body, named=False)

    def entry(self, symbol: Symbol) -> Expr:
        return SymbolRef(self.like.span, symbol.name, references_to(self.space.indices))

    def part(self, symbol: Symbol, factor: Expr, negative: bool) -> _Part:
        product = Apply(factor.span, "mul", (self.entry(symbol), factor))
        return _Part(self.space, Apply(factor.span, "neg", (product,)) if negative else product)


# -------------------------------------------------------------------------------------------------------------- costs
def _cost(instance: Instance, variable: Symbol, block: Block) -> _Dual:
    """The dual row of a decision family, ``grad f(y)'y``, and what its bounds add to the gap."""
    program = instance.program
    space, reduced = residual(variable, block, [block], program)
    make = _Maker(variable, block, space)
    slope = _slope(variable, block, space, program)
    parts = [] if slope is None else [_Part(space, Apply(None, "mul", (slope, make.entry(variable))))]
    family = instance.family(variable.name)
    has_low, has_high = (_there(ends, variable) for ends in (family.lower, family.upper))
    low, high = (_end(variable, space, which) for which in (0, 1))
    name = f"stationarity of {variable.name}"
    if has_low and has_high:
        above = make.variable(f"dual(upper bound of {variable.name})", ZERO, None)
        dual = make.constraint(name, _relation(variable, Apply(None, "add", (reduced, make.entry(above))), "ge"))
        parts += _of_end(space, reduced, low, family.lower)
        width = Apply(None, "sub", (high, low))
        parts.append(_Part(space, Apply(None, "mul", (make.entry(above), width))))
        return _Dual((above, dual), tuple(parts))
    op = "ge" if has_low else "le" if has_high else "eq"
    if has_low or has_high:
        parts += _of_end(space, reduced, low if has_low else high, family.lower if has_low else family.upper)
    return _Dual((make.constraint(name, _relation(variable, reduced, op)),), tuple(parts))


def _relation(variable: Symbol, term: Expr, op: str) -> Relation:
    return Relation(variable.span, (term, ZERO), (op,))  # type: ignore[arg-type]


def _slope(variable: Symbol, block: Block, space: Space, program: Program) -> Expr | None:
    """``grad f`` in an entry, of a maximisation ``- grad f``."""
    assert block.objective is not None and block.objective.expression is not None
    at = references_to(space.indices)
    mine = dict(zip(componentwise(block.space).indices, at[: block_positions(block)], strict=True))
    expression = substituted(componentwise(block.objective.expression), dict(mine))
    found = derivative(expression, variable.name, at, program)
    if found is None or block.objective.sense != "maximize":
        return found
    return Apply(found.span, "neg", (found,))


def _of_end(space: Space, reduced: Expr, end: Expr, values: Floats) -> list[_Part]:
    """``- z l``; nothing where the bound is zero."""
    if not np.any(values):
        return []
    return [_Part(space, Apply(None, "neg", (Apply(None, "mul", (end, reduced)),)))]


def _there(ends: Floats, variable: Symbol) -> bool:
    """Whether a family has that bound. Raises ``DataError`` where only some of its entries have."""
    finite = np.isfinite(ends)
    if finite.all() or not finite.any():
        return bool(finite.all())
    what = f"the decision `{variable.name}`, of which some entries have a bound and some have none,"
    raise DataError([report(NOT_IN_FORM, variable.span, what=what, form="strong duality")])


def _end(variable: Symbol, space: Space, which: int) -> Expr:
    """The lower (0) or upper (1) bound of an entry, over ``space``; zero where the declaration has none."""
    bounds = getattr(variable, "bounds", None)
    end = None if bounds is None else (bounds.lower, bounds.upper)[which]
    if end is None:
        return ZERO
    values = dict(zip(componentwise(variable.space).indices, references_to(space.indices), strict=True))
    found: Expr = substituted(componentwise(end), dict(values))
    return found
