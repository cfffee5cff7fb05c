"""The optimality conditions of a block in its place: Karush, Kuhn and Tucker, as templates.

For a block that minimises ``f(y)`` over ``l <= y <= u`` and rows ``left - right (<=, >=, ==) 0``, with ``d`` the
derivative of its optimal objective when everything right of a relation is raised by one:

    r = grad f - sum(d[c] * grad (left - right)[c] for its rows c)
    l <= y <= u  complements  r        (r == 0 where y has no bounds; -r in a maximisation)
    left <= right  complements  -d >= 0,   left >= right  complements  d >= 0   (signs turned in a maximisation)

The block's rows and decisions, these conditions and the multipliers then belong to the block around it. The
multipliers are the symbols ``dual(c)`` of the language, one for each row, whatever the number of followers: a follower
is a value of the block's index. Needs: the block has no block inside it, its decisions are continuous, its rows are
linear and its objective is a quadratic polynomial in its own decisions, and linear or proved convex (concave in a
maximisation). Under linear rows the conditions are then necessary and sufficient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NOT_CONVEX, NOT_IN_FORM
from optc.dsl.program import (
    Apply,
    Bind,
    Block,
    Complementarity,
    Constant,
    Constraint,
    Expr,
    Generator,
    IndexRef,
    IndexVar,
    Multiplier,
    Program,
    Reduce,
    Relation,
    SetExpr,
    Space,
    Symbol,
    SymbolRef,
    Variable,
)

from ..data.errors import DataError
from ..evaluation.sets import layout_of
from ..extraction.polynomial import NotPolynomialError
from ..facts.structure import Definiteness, curvature, linear_in
from ..terms.derivatives import derivative, total
from ..terms.substitution import bound_indices, componentwise, freshened, renamed_indices, substituted
from .instance import Instance, Role, assemble


def stationarity(instance: Instance, path: tuple[str, ...]) -> Instance:
    """The instance with the block at ``path`` replaced by its optimality conditions; see the head of the module.

    Raises ``DataError`` with the reason where the block does not meet the needs.
    """
    block = block_at(instance.program.root, path)
    _check(instance, block)
    program = instance.program
    try:
        new = _conditions(block, program)
    except NotPolynomialError as error:
        raise DataError([error.diagnostic]) from None
    symbols = dict(program.symbols)
    for symbol in new:
        symbols[symbol.name] = symbol
    replaced = _dissolved(program.root, block, new)
    for name in (*block.decisions, *block.constraints):
        symbols[name] = replace(symbols[name], block=path[:-1])
    scope = replace(instance.scope, symbols=symbols, layouts=dict(instance.scope.layouts), local={})
    for symbol in new:
        scope.layouts[symbol.name] = layout_of(symbol.space, scope)
    roles: dict[str, Role] = dict(instance.roles)
    for symbol in new:
        if isinstance(symbol, Multiplier):
            roles[symbol.name] = "decision"
    return assemble(replace(instance, roles=roles), replace(program, symbols=symbols, root=replaced), scope)


def block_at(root: Block, path: tuple[str, ...]) -> Block:
    """The block at a path; raises ``KeyError``."""
    block = root
    for name in path:
        found = next((c for c in block.children if c.path[-1:] == (name,) or c.name == name), None)
        if found is None:
            raise KeyError(path)
        block = found
    return block


def _check(instance: Instance, block: Block) -> None:
    def refuse(what: str) -> DataError:
        return DataError([report(NOT_IN_FORM, block.span, what=what, form="stationarity")])

    if block.children:
        raise refuse(f"the block `{block.children[0].name}` inside `{block.name}`")
    if block.objective is None or block.objective.expression is None:
        raise refuse(f"the block `{block.name}`, which has no objective,")
    for name in block.decisions:
        symbol = instance.program.symbols[name]
        if not (isinstance(symbol, (Variable, Multiplier)) and getattr(symbol, "domain", "real") == "real"):
            raise refuse(f"the decision `{name}`, which is not continuous,")
    own = frozenset(block.decisions)
    for name in block.constraints:
        symbol = instance.program.symbols[name]
        assert isinstance(symbol, Constraint)
        if not isinstance(symbol.body, Relation):
            raise refuse(f"the constraint `{name}`, which is no relation,")
        reason = linear_in(instance, symbol.body, symbol.space, own)
        if reason is not None:
            raise DataError([reason])
    wanted: tuple[Definiteness, ...] = ("zero", "positive semidefinite")
    if block.objective.sense == "maximize":
        wanted = ("zero", "negative semidefinite")
    found = curvature(instance, block.objective.expression, block.space, own)
    if found.value not in wanted:
        if found.reason is not None:
            raise DataError([found.reason])
        word = "concave" if block.objective.sense == "maximize" else "convex"
        raise DataError([report(NOT_CONVEX, block.objective.span, block=block.name, word=word, found=found.value)])


# ------------------------------------------------------------------------------------------------------- conditions
def _conditions(block: Block, program: Program) -> list[Symbol]:
    """Multipliers, stationarity of every decision, complementarity of every inequality."""
    rows = [program.symbols[name] for name in block.constraints]
    multipliers = [_multiplier(c) for c in rows if isinstance(c, Constraint)]
    stationary = [_stationary(program.symbols[name], block, program) for name in block.decisions]
    slack = [s for c in rows if isinstance(c, Constraint) for s in _slack(c, block)]
    return [*multipliers, *stationary, *slack]


def _multiplier(constraint: Constraint) -> Multiplier:
    name = f"dual({constraint.name})"
    return Multiplier(
        name,
        constraint.span,
        constraint.space,
        constraint.arity,
        constraint.own,
        constraint.block[:-1],
        constraint=constraint.name,
    )


def _fresh_space(symbol: Symbol) -> tuple[Space, tuple[IndexVar, ...]]:
    """The symbol's space with indices of its own, a tuple by its components."""
    space = componentwise(symbol.space)
    names = renamed_indices(bound_indices(space))
    fresh = freshened(space, names)
    return fresh, fresh.indices


def _refs(indices: Sequence[IndexVar]) -> tuple[Expr, ...]:
    return tuple(IndexRef(None, v) for v in indices)


def _block_positions(block: Block) -> int:
    return len(componentwise(block.space).indices)


def _stationary(variable: Symbol, block: Block, program: Program) -> Constraint:
    """``r == 0``, or ``lower <= y <= upper complements r``, over the index space of the decision."""
    assert block.objective is not None and block.objective.expression is not None
    space, indices = _fresh_space(variable)
    at = _refs(indices)
    mine = at[: _block_positions(block)]
    expression = substituted(
        componentwise(block.objective.expression),
        dict(zip(componentwise(block.space).indices, mine, strict=True)),
    )
    sets = _sets_of(space)
    parts = [derivative(expression, variable.name, at, program, sets)]
    for name in block.constraints:
        constraint = program.symbols[name]
        assert isinstance(constraint, Constraint)
        for term, sign in _weighted(constraint, mine):
            found = derivative(term, variable.name, at, program, sets)
            parts.append(None if found is None else _signed(found, sign))
    residual = total([p for p in parts if p is not None]) or Constant(None, 0.0)
    if block.objective.sense == "maximize":
        residual = Apply(residual.span, "neg", (residual,))
    body = _with_bounds(variable, SymbolRef(variable.span, variable.name, at), residual, variable.space, indices)
    name = f"stationarity of {variable.name}"
    return Constraint(name, variable.span, space, len(indices), len(indices), block.path[:-1], body=body, named=False)


def _sets_of(space: Space) -> dict[IndexVar, SetExpr]:
    """The set of each index that is a generator of its own."""
    found: dict[IndexVar, SetExpr] = {}
    for generator in space.generators:
        first = generator.pattern[0]
        if len(generator.pattern) == 1 and isinstance(first, Bind):
            found[first.var] = generator.set
    return found


def _signed(term: Expr, sign: float) -> Expr:
    return Apply(term.span, "neg", (term,)) if sign < 0 else term


def _weighted(constraint: Constraint, mine: tuple[Expr, ...]) -> list[tuple[Expr, float]]:
    """``- sum(dual * (left - right))`` over the constraint's own indices, its block's held at ``mine``.

    Of a range the multiplier is that of the row ``low <= middle <= high``: one term.
    """
    space, indices = _fresh_space(constraint)
    old = componentwise(constraint.space).indices
    body = constraint.body
    assert isinstance(body, Relation)
    renamed = {a: IndexRef(None, b) for a, b in zip(old, indices, strict=True)}
    terms = [substituted(componentwise(t), dict(renamed)) for t in body.terms]
    difference: Expr = terms[1] if len(terms) == 3 else Apply(body.span, "sub", (terms[0], terms[1]))
    dual = SymbolRef(constraint.span, f"dual({constraint.name})", _refs(indices))
    weighted = Apply(body.span, "mul", (dual, difference))
    held = dict(zip(indices[: len(mine)], mine, strict=True))
    inner = Space(tuple(space.generators), space.condition)
    kept = _without(inner, len(mine), held)
    weighted = substituted(weighted, held)
    return [(weighted if kept is None else Reduce(body.span, "sum", kept, weighted), -1.0)]


def _without(space: Space, count: int, held: dict[IndexVar, Expr]) -> Space | None:
    """The space without its first indices, which are held at given terms; None where nothing is left."""
    generators: list[Generator] = []
    left = count
    for generator in space.generators:
        binds = len(bound_indices(generator))
        if left >= binds and left > 0:
            left -= binds
            continue
        generators.append(generator)
    rest = Space(tuple(generators), space.condition)
    if not generators and space.condition is None:
        return None
    return substituted(rest, held)


def _with_bounds(
    variable: Symbol, entry: Expr, residual: Expr, space: Space, indices: tuple[IndexVar, ...]
) -> Relation | Complementarity:
    zero = Constant(None, 0.0)
    bounds = getattr(variable, "bounds", None)
    if bounds is None or (bounds.lower is None and bounds.upper is None):
        return Relation(variable.span, (residual, zero), ("eq",))
    values = {a: IndexRef(None, b) for a, b in zip(componentwise(space).indices, indices, strict=True)}
    low, high = (
        None if b is None else substituted(componentwise(b), dict(values)) for b in (bounds.lower, bounds.upper)
    )
    if low is not None and high is not None:
        left = Relation(variable.span, (low, entry, high), ("le", "le"))
        return Complementarity(variable.span, left, Relation(variable.span, (residual,), ()))
    if low is not None:
        left = Relation(variable.span, (entry, low), ("ge",))
        return Complementarity(variable.span, left, Relation(variable.span, (residual, zero), ("ge",)))
    assert high is not None
    left = Relation(variable.span, (entry, high), ("le",))
    return Complementarity(variable.span, left, Relation(variable.span, (residual, zero), ("le",)))


def _slack(constraint: Constraint, block: Block) -> list[Constraint]:
    """The complementarity of an inequality or a range with its multiplier; none of an equation."""
    body = constraint.body
    assert isinstance(body, Relation) and block.objective is not None
    if body.ops[0] == "eq":
        return []
    space, indices = _fresh_space(constraint)
    values = {a: IndexRef(None, b) for a, b in zip(componentwise(constraint.space).indices, indices, strict=True)}
    relation = Relation(body.span, tuple(substituted(componentwise(t), dict(values)) for t in body.terms), body.ops)
    dual = SymbolRef(constraint.span, f"dual({constraint.name})", _refs(indices))
    zero = Constant(None, 0.0)
    maximise = block.objective.sense == "maximize"
    if len(body.terms) == 3:
        if body.ops[0] == "ge":
            relation = Relation(body.span, relation.terms[::-1], ("le", "le"))
        other = Relation(constraint.span, (Apply(None, "neg", (dual,)) if maximise else dual,), ())
    else:
        positive = (body.ops[0] == "ge") != maximise
        other = Relation(constraint.span, (dual, zero), ("ge" if positive else "le",))
    name = f"complementarity of {constraint.name}"
    own = Complementarity(body.span, relation, other)
    return [
        Constraint(name, constraint.span, space, len(indices), len(indices), block.path[:-1], body=own, named=False)
    ]


def _dissolved(root: Block, block: Block, new: Sequence[Symbol]) -> Block:
    """The tree with the block's families and the new ones in the block around it, and the block gone."""
    equations = [s.name for s in new if isinstance(s, Constraint)]
    multipliers = [s.name for s in new if isinstance(s, Multiplier)]

    def walk(at: Block) -> Block:
        if at.path != block.path[:-1]:
            return replace(at, children=tuple(walk(c) for c in at.children))
        return replace(
            at,
            decisions=(*at.decisions, *block.decisions, *multipliers),
            constraints=(*at.constraints, *block.constraints, *equations),
            children=tuple(c for c in at.children if c.path != block.path),
        )

    return walk(root)
