"""Text of IR 1: terms, and whole programs as ``optc explain --emit program`` prints them.

A program is printed in the language itself: functions expanded, own slices written in full (``q[i]`` for ``q`` inside
player ``i``), each block's names in order of declaration, then its objective, constraints and inner blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from optc.dsl import printing
from optc.dsl import syntax as s
from optc.dsl.program import (
    Apply,
    Block,
    Bounds,
    Check,
    Choice,
    Complementarity,
    Constraint,
    Expr,
    Function,
    Implication,
    Literal_,
    NamedExpression,
    Parameter,
    Program,
    Region,
    Relation,
    SetExpr,
    SetSymbol,
    Space,
    SpecialOrderedSet,
    Symbol,
    Uncertain,
    Variable,
)

from .as_syntax import (
    HERE,
    Names,
    condition,
    declared_index,
    expression,
    index_list,
    literal,
    name,
    reduction,
    set_expression,
)

Listed = Callable[[Space, Names], tuple[s.IndexList, Names]]

_SYMBOLS = {"lt": "<", "le": "<=", "eq": "==", "ne": "!=", "ge": ">=", "gt": ">"}


def term_text(term: Expr) -> str:
    """The text of a typed term, with no more brackets than it needs."""
    return printing.expression_text(condition(term, Names()))


def set_text(term: SetExpr) -> str:
    """The text of a set expression."""
    return printing.expression_text(set_expression(term, Names()))


def program_text(program: Program) -> str:
    """A model file that means the same program."""
    statements = [*_block(program, program.root, Names(taken=frozenset(program.symbols))), *_settings(program)]
    return printing.model_text(s.Model(HERE, HERE.source, tuple(statements)))


# ---------------------------------------------------------------------------------------------------------- blocks
def _block(program: Program, block: Block, names: Names) -> Iterator[s.Statement]:
    """The statements inside a block; ``names`` holds its indices."""
    for symbol in program.symbols.values():
        if symbol.block == block.path and not isinstance(symbol, Constraint):
            yield from _declaration(program, symbol, block, names)
    if block.objective is not None:
        goal = block.objective
        label = None if goal.name is None else name(goal.name)
        target = None if goal.expression is None else expression(goal.expression, names)
        yield s.Objective(HERE, goal.sense, label, target)
    lines = [line for line in block.constraints if _written(program, line)]
    items = tuple(_constraint(program, line, block, names) for line in lines)
    if items:
        yield s.SubjectTo(HERE, items)
    for child in block.children:
        over, inner = _own(index_list, child.space, block.space, names)
        inner = replace(inner, around=sum(index.arity for index in child.space.indices))
        selection = name("pessimistic") if child.pessimistic else None
        label = name(child.name) if child.name and child.kind != "recourse" else None
        assert child.kind != "model"
        yield s.BlockDeclaration(HERE, child.kind, label, over, selection, tuple(_block(program, child, inner)))


def _own(listed: Listed, space: Space, around: Space, names: Names) -> tuple[s.IndexList | None, Names]:
    """What a declaration adds to the space of the block that it stands in, or None; and the scope inside it.

    The block's indices keep the names that the block gave them.
    """
    names = _aligned(space, around, names)
    own = Space(space.generators[len(around.generators) :], _own_condition(space, around))
    if not own.generators and own.condition is None:
        return None, names
    return listed(own, names)


def _aligned(space: Space, around: Space, names: Names) -> Names:
    outer = {b: names.of(a) for a, b in zip(around.indices, space.indices, strict=False)}
    return replace(names, indices={**names.indices, **outer})


def _own_condition(space: Space, around: Space) -> Expr | None:
    """``space``'s filter without the block's own, which stands left of it."""
    if around.condition is None or space.condition is None:
        return space.condition
    if space.condition == around.condition:
        return None
    whole = space.condition
    assert isinstance(whole, Apply)
    assert whole.op == "and"
    assert whole.args[0] == around.condition
    return whole.args[1]


def _written(program: Program, line: str) -> bool:
    symbol = program.symbols[line]
    return isinstance(symbol, Constraint) and symbol.origin == "written"


def _constraint(program: Program, line: str, block: Block, names: Names) -> s.ConstraintItem:
    symbol = program.symbols[line]
    assert isinstance(symbol, Constraint)
    over, inner = _own(index_list, symbol.space, block.space, names)
    label = name(line.rsplit(".", 1)[-1]) if symbol.named else None
    return s.ConstraintItem(HERE, label, over, _body(symbol.body, inner), symbol.doc)


def _body(
    body: Relation | Implication | Complementarity | SpecialOrderedSet, names: Names
) -> s.Expression | s.Implication | s.Complements:
    if isinstance(body, Relation):
        return _relation(body, names)
    if isinstance(body, Implication):
        return s.Implication(HERE, condition(body.condition, names), _relation(body.conclusion, names))
    if isinstance(body, Complementarity):
        return s.Complements(HERE, _relation(body.left, names), _relation(body.right, names))
    return reduction(f"sos{body.kind}", body.body, body.members, names)


def _relation(relation: Relation, names: Names) -> s.Expression:
    terms = tuple(expression(term, names) for term in relation.terms)
    return s.Comparison(HERE, terms, tuple(_SYMBOLS[op] for op in relation.ops)) if relation.ops else terms[0]


# ---------------------------------------------------------------------------------------------------- declarations
def _declaration(program: Program, symbol: Symbol, block: Block, names: Names) -> Iterator[s.Statement]:
    over, inner = _own(declared_index, symbol.space, block.space, names)
    label = (name(symbol.name),)
    if isinstance(symbol, SetSymbol):
        yield s.SetDeclaration(HERE, label, over, tuple(_set_attributes(symbol, inner)), symbol.doc)
    elif isinstance(symbol, Parameter):
        yield s.ParamDeclaration(HERE, label, over, tuple(_parameter_attributes(symbol, inner)), symbol.doc)
    elif isinstance(symbol, Variable):
        yield s.VarDeclaration(HERE, label, over, tuple(_variable_attributes(program, symbol, inner)), symbol.doc)
    elif isinstance(symbol, Uncertain):
        lines = tuple(_constraint(program, line, block, names) for line in symbol.constraints)
        yield s.UncertainDeclaration(HERE, label, over, tuple(_uncertain_attributes(symbol, inner)), lines, symbol.doc)
    elif isinstance(symbol, Choice):
        assert symbol.options is not None
        options = s.Attribute(HERE, "from", set_expression(symbol.options, inner))
        yield s.ChooseDeclaration(HERE, label, over, (options,), symbol.doc)
    elif isinstance(symbol, NamedExpression):
        yield s.LetDeclaration(HERE, label[0], over, expression(symbol.definition, inner), symbol.doc)
    elif isinstance(symbol, Function):
        if symbol.kind == "extern":
            yield s.ExternDeclaration(HERE, label[0], tuple(map(name, symbol.parameters)), symbol.doc)
        else:
            yield s.NetworkDeclaration(HERE, label[0], s.Text(HERE, symbol.file or ""), symbol.doc)


def _set_attributes(symbol: SetSymbol, names: Names) -> Iterator[s.Attribute]:
    if symbol.within is not None:
        yield s.Attribute(HERE, "within", set_expression(symbol.within, names))
    if symbol.definition is not None:
        word = "default" if symbol.overridable else "="
        yield s.Attribute(HERE, word, set_expression(symbol.definition, names))


def _parameter_attributes(symbol: Parameter, names: Names) -> Iterator[s.Attribute]:
    if symbol.type != "real":
        yield s.Attribute(HERE, ":", name(symbol.type))
    for check in symbol.checks:
        yield _check(check, names)
    word = "default" if symbol.overridable else "="
    if symbol.literal is not None:
        yield s.Attribute(HERE, word, _data(symbol.literal))
    elif symbol.definition is not None:
        yield s.Attribute(HERE, word, expression(symbol.definition, names))


def _check(check: Check, names: Names) -> s.Attribute:
    if check.op == "in":
        return s.Attribute(HERE, "in", set_expression(check.bound, names))  # type: ignore[arg-type]
    return s.Attribute(HERE, _SYMBOLS[check.op], expression(check.bound, names))  # type: ignore[arg-type]


def _data(written: Literal_) -> s.Expression:
    if written.nested is not None:
        return _nested(written.nested)
    entries = tuple((_key(key), literal(value)) for key, value in written.keyed or ())
    return s.KeyedLiteral(HERE, entries)


def _nested(item: object) -> s.Expression:
    if isinstance(item, tuple):
        return s.ListLiteral(HERE, tuple(map(_nested, item)))
    return literal(item)  # type: ignore[arg-type]


def _key(key: Sequence[float | str]) -> s.Expression:
    items = tuple(map(literal, key))
    return items[0] if len(items) == 1 else s.Tuple(HERE, items)


def _variable_attributes(program: Program, symbol: Variable, names: Names) -> Iterator[s.Attribute]:
    if symbol.domain != "real":
        yield s.Attribute(HERE, symbol.domain)
    yield from _bounds(symbol.bounds, names)
    outer = program.symbols.get(f"bound of {symbol.name}")
    if isinstance(outer, Constraint) and isinstance(outer.body, Relation):
        yield _outer_bound(outer.body, names)
    if symbol.start is not None:
        yield s.Attribute(HERE, "start", expression(symbol.start, names))


def _outer_bound(relation: Relation, names: Names) -> s.Attribute:
    """A bound that holds an outer block's decisions: ``entry op bound``, or ``lower <= entry <= upper``."""
    if len(relation.terms) == 2:
        return s.Attribute(HERE, _SYMBOLS[relation.ops[0]], expression(relation.terms[1], names))
    interval = (expression(relation.terms[0], names), expression(relation.terms[2], names))
    return s.Attribute(HERE, "in", s.ListLiteral(HERE, interval))


def _uncertain_attributes(symbol: Uncertain, names: Names) -> Iterator[s.Attribute]:
    if symbol.scenarios is not None:
        yield s.Attribute(HERE, "from", set_expression(symbol.scenarios, names))
        return
    if symbol.domain != "real":
        yield s.Attribute(HERE, symbol.domain)
    yield from _bounds(symbol.bounds, names)


def _bounds(bounds: Bounds, names: Names) -> Iterator[s.Attribute]:
    if bounds.lower is not None and bounds.upper is not None:
        interval = (expression(bounds.lower, names), expression(bounds.upper, names))
        yield s.Attribute(HERE, "in", s.ListLiteral(HERE, interval))
    elif bounds.lower is not None:
        yield s.Attribute(HERE, ">=", expression(bounds.lower, names))
    elif bounds.upper is not None:
        yield s.Attribute(HERE, "<=", expression(bounds.upper, names))


# -------------------------------------------------------------------------------------------------------- settings
def _settings(program: Program) -> Iterator[s.Statement]:
    """What stands beside the blocks: the equilibrium, certificates, methods."""
    rule = program.equilibrium
    if rule is not None:
        weights = tuple((name(player), name(weight)) for player, weight in rule.weights)
        yield s.Equilibrium(HERE, name(rule.kind), weights)
    for request in program.certificates:
        yield s.Certify(HERE, name(request.property), tuple(map(_region, request.regions)))
    if program.methods:
        calls = tuple(
            s.MethodCall(HERE, name(m.name), tuple((name(key), literal(value)) for key, value in m.options))
            for m in program.methods
        )
        yield s.SolveWith(HERE, calls)


def _region(region: Region) -> s.CertifyRegion:
    over, inner = index_list(region.space, Names())
    interval = s.ListLiteral(HERE, (expression(region.lower, inner), expression(region.upper, inner)))
    index = over if over.generators else None
    return s.CertifyRegion(HERE, name(region.symbol), index, interval)
