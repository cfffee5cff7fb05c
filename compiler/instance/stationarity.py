"""The optimality conditions of blocks in their place: Karush, Kuhn and Tucker, as templates.

For a block that minimises ``f(y)`` over ``l <= y <= u`` and rows ``left - right (<=, >=, ==) 0``, with ``d`` the
derivative of its optimal objective when everything right of a relation is raised by one:

    r = grad f - sum(d[c] * grad (left - right)[c] for its rows c)
    l <= y <= u  complements  r        (r == 0 where y has no bounds; -r in a maximisation)
    left <= right  complements  -d >= 0,   left >= right  complements  d >= 0   (signs turned in a maximisation)

The block's equations and decisions, these conditions and the multipliers then belong to the block around it. The
multipliers are the symbols ``dual(c)`` of the language, one for each row, whatever the number of followers: a follower
is a value of the block's index. Needs: the block has no block inside it, its decisions are continuous, its rows are
linear and its objective is a quadratic polynomial in its own decisions, and linear or proved convex (concave in a
maximisation). Under linear rows the conditions are then necessary and sufficient.

Several blocks, and the rows of an indexed one, answer together: each takes the decisions of the others as given. A row
that holds decisions of others is shared, and has one multiplier for all whom it binds: the variational equilibrium
(F. Facchinei, C. Kanzow, "Generalized Nash equilibrium problems", Ann. Oper. Res. 175 (2010), section 4).
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
    Objective,
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
from ..terms.derivatives import derivative, mentions, total
from ..terms.others import looks_at_others
from ..terms.substitution import bound_indices, componentwise, freshened, renamed_indices, substituted
from .instance import Instance, Role, assemble


def stationarity(instance: Instance, *paths: tuple[str, ...]) -> Instance:
    """The instance with the blocks at ``paths`` replaced by their optimality conditions; see the head of the module.

    The blocks stand in one block. Raises ``DataError`` with the reason where one does not meet the needs.
    """
    program = instance.program
    blocks = [block_at(program.root, path) for path in paths]
    for block in blocks:
        check(instance, block, blocks)
    try:
        new = _conditions(blocks, program)
    except NotPolynomialError as error:
        raise DataError([error.diagnostic]) from None
    stated = frozenset(name for block in blocks for name in block.constraints if _is_inequality(program.symbols[name]))
    return in_their_place(instance, blocks, new, stated)


def in_their_place(
    instance: Instance, blocks: Sequence[Block], new: Sequence[Symbol], stated: frozenset[str] = frozenset()
) -> Instance:
    """The instance without the blocks: their families and the new symbols belong to the block around them.

    ``stated``: constraints of theirs that the new ones imply; they are left out.
    """
    program = instance.program
    symbols = {name: symbol for name, symbol in program.symbols.items() if name not in stated}
    for symbol in new:
        symbols[symbol.name] = symbol
    for block in blocks:
        for name in (*block.decisions, *block.constraints):
            if name not in stated:
                symbols[name] = replace(symbols[name], block=block.path[:-1])
    scope = replace(instance.scope, symbols=symbols, layouts=dict(instance.scope.layouts), local={})
    for symbol in new:
        scope.layouts[symbol.name] = layout_of(symbol.space, scope)
    roles: dict[str, Role] = dict(instance.roles)
    for symbol in new:
        if isinstance(symbol, (Multiplier, Variable)):
            roles[symbol.name] = "decision"
    replaced = dissolved(program.root, blocks, new, stated)
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


def check(instance: Instance, block: Block, blocks: Sequence[Block]) -> None:
    """Whether a block's conditions say who answers. Raises ``DataError`` with the reason why not."""

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
    everyone = frozenset(name for each in blocks for name in each.decisions)
    for name in block.constraints:
        symbol = instance.program.symbols[name]
        assert isinstance(symbol, Constraint)
        if not isinstance(symbol.body, Relation):
            raise refuse(f"the constraint `{name}`, which is no relation,")
        reason = linear_in(instance, symbol.body, symbol.space, everyone)
        if reason is not None:
            raise DataError([reason])
    _check_objective(instance, block, block.objective)


def _check_objective(instance: Instance, block: Block, objective: Objective) -> None:
    """Convex in the decider's own decisions, those of all others held."""
    assert objective.expression is not None
    wanted: tuple[Definiteness, ...] = ("zero", "positive semidefinite")
    if objective.sense == "maximize":
        wanted = ("zero", "negative semidefinite")
    found = curvature(instance, objective.expression, block.space, frozenset(block.decisions), block.space.indices)
    if found.value not in wanted:
        if found.reason is not None:
            raise DataError([found.reason])
        word = "concave" if objective.sense == "maximize" else "convex"
        raise DataError([report(NOT_CONVEX, objective.span, block=block.name, word=word, found=found.value)])


# ------------------------------------------------------------------------------------------------------- conditions
def _conditions(blocks: Sequence[Block], program: Program) -> list[Symbol]:
    """Multipliers, stationarity of every decision, complementarity of every inequality."""
    rows = [(program.symbols[name], block) for block in blocks for name in block.constraints]
    multipliers = [_multiplier(c) for c, _ in rows if isinstance(c, Constraint)]
    stationary = [
        _stationary(program.symbols[name], each, blocks, program) for each in blocks for name in each.decisions
    ]
    slack = [s for c, block in rows if isinstance(c, Constraint) for s in _slack(c, block)]
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


def fresh_space(symbol: Symbol | Block) -> tuple[Space, tuple[IndexVar, ...]]:
    """The space of a symbol or block with indices of its own, a tuple by its components."""
    space = componentwise(symbol.space)
    names = renamed_indices(bound_indices(space))
    fresh = freshened(space, names)
    return fresh, fresh.indices


def references_to(indices: Sequence[IndexVar]) -> tuple[Expr, ...]:
    """The indices as arguments."""
    return tuple(IndexRef(None, v) for v in indices)


def block_positions(block: Block) -> int:
    """How many index positions a block's families have before their own."""
    return len(componentwise(block.space).indices)


def residual(variable: Symbol, block: Block, blocks: Sequence[Block], program: Program) -> tuple[Space, Expr]:
    """The gradient of the block's Lagrangian in each entry of a family, over an index space of its own.

    Of a maximisation it is the negative: never negative where the entry is at its lower bound, as in a minimisation.
    """
    assert block.objective is not None and block.objective.expression is not None
    space, indices = fresh_space(variable)
    at = references_to(indices)
    mine = at[: block_positions(block)]
    expression = substituted(
        componentwise(block.objective.expression),
        dict(zip(componentwise(block.space).indices, mine, strict=True)),
    )
    sets = _sets_of(space)
    parts = [derivative(expression, variable.name, at, program, sets)]
    for owner in blocks:
        for name in owner.constraints:
            constraint = program.symbols[name]
            assert isinstance(constraint, Constraint)
            if owner is block or any(mentions(t, variable.name, program) for t in _sides(constraint)):
                held = () if _shared(constraint, owner, blocks, program) else mine
                found = derivative(_weighted(constraint, held), variable.name, at, program, sets)
                parts.append(None if found is None else Apply(found.span, "neg", (found,)))
    gradient = total([p for p in parts if p is not None]) or Constant(None, 0.0)
    if block.objective.sense == "maximize":
        gradient = Apply(gradient.span, "neg", (gradient,))
    return space, gradient


def _stationary(variable: Symbol, block: Block, blocks: Sequence[Block], program: Program) -> Constraint:
    """``r == 0``, or ``lower <= y <= upper complements r``, over the index space of the decision."""
    space, gradient = residual(variable, block, blocks, program)
    entry = SymbolRef(variable.span, variable.name, references_to(space.indices))
    body = _with_bounds(variable, entry, gradient, variable.space, space.indices)
    name = f"stationarity of {variable.name}"
    count = len(space.indices)
    return Constraint(name, variable.span, space, count, count, block.path[:-1], body=body, named=False)


def _sides(constraint: Constraint) -> tuple[Expr, ...]:
    assert isinstance(constraint.body, Relation)
    return constraint.body.terms


def _shared(constraint: Constraint, owner: Block, blocks: Sequence[Block], program: Program) -> bool:
    """Whether a row binds others than the one in whose block it stands."""
    others = frozenset(name for each in blocks if each is not owner for name in each.decisions)
    indices = constraint.space.indices[: len(owner.space.indices)]
    return looks_at_others(program, constraint.body, owner, indices, others)


def _sets_of(space: Space) -> dict[IndexVar, SetExpr]:
    """The set of each index that is a generator of its own."""
    found: dict[IndexVar, SetExpr] = {}
    for generator in space.generators:
        first = generator.pattern[0]
        if len(generator.pattern) == 1 and isinstance(first, Bind):
            found[first.var] = generator.set
    return found


def _weighted(constraint: Constraint, mine: tuple[Expr, ...]) -> Expr:
    """``sum(dual * (left - right))`` over the constraint's indices, the first of them held at ``mine``.

    Of a range the multiplier is that of the row ``low <= middle <= high``: one term.
    """
    space, indices = fresh_space(constraint)
    old = componentwise(constraint.space).indices
    body = constraint.body
    assert isinstance(body, Relation)
    renamed = {a: IndexRef(None, b) for a, b in zip(old, indices, strict=True)}
    terms = [substituted(componentwise(t), dict(renamed)) for t in body.terms]
    difference: Expr = terms[1] if len(terms) == 3 else Apply(body.span, "sub", (terms[0], terms[1]))
    dual = SymbolRef(constraint.span, f"dual({constraint.name})", references_to(indices))
    weighted = Apply(body.span, "mul", (dual, difference))
    held = dict(zip(indices[: len(mine)], mine, strict=True))
    inner = Space(tuple(space.generators), space.condition)
    kept = without(inner, len(mine), held)
    weighted = substituted(weighted, held)
    return weighted if kept is None else Reduce(body.span, "sum", kept, weighted)


def without(space: Space, count: int, held: dict[IndexVar, Expr]) -> Space | None:
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


def _is_inequality(symbol: Symbol) -> bool:
    """Whether a constraint of a block has a complementarity condition, which implies it."""
    return isinstance(symbol, Constraint) and isinstance(symbol.body, Relation) and symbol.body.ops[0] != "eq"


def _slack(constraint: Constraint, block: Block) -> list[Constraint]:
    """The complementarity of an inequality or a range with its multiplier; none of an equation."""
    body = constraint.body
    assert isinstance(body, Relation) and block.objective is not None
    if body.ops[0] == "eq":
        return []
    space, indices = fresh_space(constraint)
    values = {a: IndexRef(None, b) for a, b in zip(componentwise(constraint.space).indices, indices, strict=True)}
    relation = Relation(body.span, tuple(substituted(componentwise(t), dict(values)) for t in body.terms), body.ops)
    dual = SymbolRef(constraint.span, f"dual({constraint.name})", references_to(indices))
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


def dissolved(root: Block, blocks: Sequence[Block], new: Sequence[Symbol], stated: frozenset[str]) -> Block:
    """The tree with the blocks' families and the new ones in the block around them, and the blocks gone."""
    equations = [s.name for s in new if isinstance(s, Constraint)]
    multipliers = [s.name for s in new if isinstance(s, (Multiplier, Variable))]
    outer = blocks[0].path[:-1]
    gone = {block.path for block in blocks}

    def walk(at: Block) -> Block:
        if at.path != outer:
            return replace(at, children=tuple(walk(c) for c in at.children))
        decisions = [name for block in blocks for name in block.decisions]
        constraints = [name for block in blocks for name in block.constraints if name not in stated]
        return replace(
            at,
            decisions=(*at.decisions, *decisions, *multipliers),
            constraints=(*at.constraints, *constraints, *equations),
            children=tuple(c for c in at.children if c.path not in gone),
        )

    return walk(root)
