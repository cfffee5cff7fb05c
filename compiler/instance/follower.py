"""A follower's own problem: one block's decisions, rows and objective, with everybody else's decisions held.

In a block over an index every follower answers at once, so that ten thousand of them are one instance. Where one looks
at the decisions of those beside him, an entry that is not his own stands at its value: ``q[j]`` in the problem of ``i``
becomes ``if j == i then q[j] else`` the value at the point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from optc.dsl.program import (
    Apply,
    Block,
    Conditional,
    Constraint,
    Expr,
    IndexRef,
    IndexVar,
    NamedExpression,
    Program,
    Reduce,
    Relation,
    SymbolRef,
)

from ..terms.derivatives import inlined, mentions
from ..terms.others import is_own, looks_at_others
from ..terms.substitution import component_indices, componentwise, conjunction, rewritten
from .holding import Draft, Point, decided
from .instance import Instance
from .stationarity import block_at


def alone(instance: Instance, path: tuple[str, ...], point: Point) -> Instance:
    """The problem of the block at ``path`` with all others' decisions, and multipliers, held at ``point``.

    Its objective is the sum over the block's rows. Rows of other blocks beside it that hold its decisions bind it too;
    those without its decisions are left out. Raises ``DataError`` where a held bound is undefined or crosses another.
    """
    program = instance.program
    block = block_at(program.root, path)
    stated = block.objective
    assert stated is not None and stated.expression is not None
    draft = Draft(instance, point)
    draft.hold(name for name in decided(instance, point) if name not in block.decisions)
    expression = componentwise(stated.expression)
    if coupled(program, block):
        names = {name: draft.give(f"{name} of the others", name, draft.values(name)) for name in block.decisions}
        expression = _others_held(expression, block.space.indices, names, program)
        for constraint in rows_of(program, block):
            body = constraint.body
            assert isinstance(body, Relation)
            indices = constraint.space.indices[: len(block.space.indices)]
            terms = tuple(_others_held(componentwise(term), indices, names, program) for term in body.terms)
            draft.put(replace(constraint, space=componentwise(constraint.space), body=replace(body, terms=terms)))
    if block.space.generators:
        expression = Reduce(expression.span, "sum", componentwise(block.space), expression)
    shared = rows_of_others(program, block)
    kept = [c.name for c in (*rows_of(program, block), *shared) if holds_any(c, block.decisions, program)]
    return draft.finished(replace(stated, expression=expression), block.decisions, kept)


def own_objective(instance: Instance, block: Block) -> Expr:
    """In what ``alone`` made: the objective of each of the block's followers, over ``componentwise(block.space)``."""
    stated = instance.program.root.objective
    assert stated is not None and stated.expression is not None
    if not block.space.generators:
        return stated.expression
    assert isinstance(stated.expression, Reduce)
    return stated.expression.body


def coupled(program: Program, block: Block) -> bool:
    """Whether a follower of the block looks at the decisions of the others of that block."""
    stated = block.objective
    assert stated is not None and stated.expression is not None
    if looks_at_others(program, stated.expression, block, block.space.indices, ()):
        return True
    count = len(block.space.indices)
    return any(looks_at_others(program, c.body, block, c.space.indices[:count], ()) for c in rows_of(program, block))


def rows_of_others(program: Program, block: Block) -> list[Constraint]:
    """The constraint families of blocks beside a follower's that hold his decisions: he shares them."""
    beside = [each for each in block_at(program.root, block.path[:-1]).children if each.kind == "lower"]
    rows = [c for each in beside if each.path != block.path for c in rows_of(program, each)]
    return [c for c in rows if holds_any(c, block.decisions, program)]


def linked(program: Program, blocks: Sequence[Block]) -> bool:
    """Whether a follower of any of the blocks looks at the decisions of another, of his block or of the others."""
    for block in blocks:
        others = frozenset(name for each in blocks if each is not block for name in each.decisions)
        stated = block.objective
        assert stated is not None and stated.expression is not None
        parts: list[tuple[object, Sequence[IndexVar]]] = [(stated.expression, block.space.indices)]
        parts += [(row.body, row.space.indices[: len(block.space.indices)]) for row in rows_of(program, block)]
        if any(looks_at_others(program, node, block, indices, others) for node, indices in parts):
            return True
    return False


def rows_of(program: Program, block: Block) -> list[Constraint]:
    """The constraint families of a block."""
    return [c for name in block.constraints if isinstance(c := program.symbols[name], Constraint)]


def holds_any(constraint: Constraint, names: Iterable[str], program: Program) -> bool:
    """Whether any of the families occurs in a constraint, also through lets."""
    wanted = tuple(names)
    body = constraint.body
    terms = body.terms if isinstance(body, Relation) else ()
    return not terms or any(mentions(term, name, program) for term in terms for name in wanted)


def _others_held(term: Expr, indices: Sequence[IndexVar], names: Mapping[str, str], program: Program) -> Expr:
    """A componentwise term with entries of the named families that are, or may be, another's held."""
    own = [part for var in indices for part in component_indices(var)]

    def change(part: object) -> object:
        if not isinstance(part, SymbolRef):
            return part
        symbol = program.symbols[part.symbol]
        if isinstance(symbol, NamedExpression) and any(mentions(part, name, program) for name in names):
            return rewritten(inlined(part, symbol), change)
        if part.symbol not in names or is_own(part, own):
            return part
        mine = [IndexRef(None, v) for v in own]
        equal: list[Expr] = [Apply(part.span, "eq", (a, b)) for a, b in zip(part.args, mine, strict=False) if a != b]
        condition = conjunction(equal)
        assert condition is not None
        return Conditional(part.span, condition, part, replace(part, symbol=names[part.symbol]))

    return rewritten(term, change)
