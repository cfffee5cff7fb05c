"""Instance with choices to instance without: one binary for each option of each group.

    size[l, z[l]]             becomes   sum(size[l, o] * b[l, o] for o in Options)
    (z[l] == k)               becomes   b[l, k]
    dist[z[i], z[j]]          becomes   sum(dist[o, p] * b[i, o] * b[j, p] for o in Options, p in Options)

with ``sum(b[l, o] for o in Options) == 1`` for every group ``l``. Source: an instance with one decider. Target: an
instance in which a binary family stands in the place of each choice. A term of data and one choice, whatever its
operations, is one sum, hence linear; sums and products of terms with different choices stay sums and products of
such sums, so a look-up by two choices is a quadratic term and never a table of its own. Kept: every point and its
objective. Lost: nothing. Lifted: a choice is the option whose binary is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import (
    Apply,
    Bind,
    Choice,
    Complementarity,
    Conditional,
    Constant,
    Constraint,
    Expr,
    Generator,
    Implication,
    IndexRef,
    IndexVar,
    Member,
    NamedExpression,
    Reduce,
    Relation,
    SetExpr,
    Space,
    SpecialOrderedSet,
    Symbol,
    SymbolRef,
    Variable,
)

from ..data.errors import DataError
from ..evaluation.scope import EvaluationError, Scope
from ..evaluation.sets import layout_of, listing, set_arity
from ..instance.continuing import carried
from ..instance.instance import Floats, Instance, assemble
from ..terms.substitution import (
    componentwise,
    factors,
    free_indices,
    freshened,
    renamed_indices,
    rewritten,
    substituted,
    symbols_in,
    walk,
)

if TYPE_CHECKING:
    from ..signature import Signature

NAME = "choices to binaries"
SOURCE = "instance"
TARGET = "instance"
COST = 0.5

Body = Relation | Implication | Complementarity | SpecialOrderedSet
_T = TypeVar("_T", bound=Symbol)
_TRUTHS = frozenset({"lt", "le", "eq", "ne", "ge", "gt", "and", "or", "not"})


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The binaries of one choice: group ``g`` has those numbered ``starts[g]`` to ``starts[g + 1]``.

    ``positions``: for each binary, the position of its option among all the options of the choice.
    """

    choice: str
    binaries: str
    starts: NDArray[np.intp]
    positions: NDArray[np.intp]

    def chosen(self, values: Floats) -> Floats:
        """Positions ``(..., groups)`` of the options whose binaries ``(..., binaries)`` are largest, the first one."""
        first, counts = self.starts[:-1], np.diff(self.starts)
        if not len(counts):
            return np.zeros((*values.shape[:-1], 0))
        peaks = np.repeat(np.maximum.reduceat(values, first, axis=-1), counts, axis=-1)
        order = np.arange(len(self.positions))
        at = np.minimum.reduceat(np.where(values == peaks, order, len(order)), first, axis=-1)
        return self.positions[at].astype(np.float64)

    def binaries_of(self, chosen: Floats) -> Floats:
        """The binaries ``(binaries,)`` that say the same as positions of options ``(groups,)``."""
        wanted = np.repeat(chosen, np.diff(self.starts))
        return np.where(np.isnan(wanted), np.nan, (self.positions == wanted).astype(np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class Inverse:
    """The binaries that stand for each choice."""

    groups: tuple[Groups, ...]


def binaries_name(choice: str) -> str:
    """The family of binaries that stands for a choice."""
    return f"{choice} (options)"


def transfer(signature: Signature) -> Signature | None:
    """The same with whole decisions in place of choices; None where there are none."""
    if "choice" not in signature.features:
        return None
    return replace(signature, features=signature.features - {"choice"} | {"integer"})


def accepts(instance: Instance) -> Diagnostic | None:
    """None, or where an index of the rewritten terms has no entry."""
    try:
        _kept(instance)
    except EvaluationError as error:
        return error.diagnostic
    return None


def lower(instance: Instance) -> tuple[Instance, Inverse]:
    """The instance without choices. Raises ``DataError`` where data that it needs are undefined."""
    try:
        return _kept(instance)
    except EvaluationError as error:
        raise DataError([error.diagnostic]) from None


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """The instance without choices, for those that the source is updated to."""

    source: Instance
    without: Instance
    inverse: Inverse
    reads: frozenset[str] = frozenset()


def _kept(instance: Instance) -> tuple[Instance, Inverse]:
    """The rewritten instance, made once; after an update that moves no set the old one with the new data."""
    known = instance.patterns.get("binaries")
    if isinstance(known, Kept) and known.source is instance:
        return known.without, known.inverse
    found = _again(known, instance) if isinstance(known, Kept) else None
    found = found or _rewritten(instance)
    instance.patterns["binaries"] = Kept(instance, *found)
    return found


def _again(known: Kept, instance: Instance) -> tuple[Instance, Inverse] | None:
    same = carried(known.source, known.without, instance)
    return None if same is None else (same, known.inverse)


def lift(point: Mapping[str, Floats], inverse: Inverse) -> dict[str, Floats]:
    """A point of the instance without choices as one of the instance with them: positions of options."""
    binaries = {groups.binaries for groups in inverse.groups}
    found = {name: values for name, values in point.items() if name not in binaries}
    return found | {groups.choice: groups.chosen(point[groups.binaries]) for groups in inverse.groups}


def extend(point: Mapping[str, Floats], inverse: Inverse) -> dict[str, Floats]:
    """A point of the instance with choices, perhaps in part, with the binaries that say the same."""
    known = [groups for groups in inverse.groups if groups.choice in point]
    return {**point, **{groups.binaries: groups.binaries_of(point[groups.choice]) for groups in known}}


def _rewritten(instance: Instance) -> tuple[Instance, Inverse]:
    choices = [family.symbol for family in instance.families if isinstance(family.symbol, Choice)]
    program = instance.program
    scope = replace(
        instance.scope,
        symbols=dict(program.symbols),
        layouts=dict(instance.scope.layouts),
        structure=dict(instance.scope.structure),
        local={},
    )
    binaries = {choice.name: _binaries(choice, scope) for choice in choices}
    selector = _Selector({choice.name: choice for choice in choices}, binaries, program.symbols)
    changed = {name: selector.symbol(symbol) for name, symbol in program.symbols.items()}
    rows = [_one_option(choice, binaries[choice.name]) for choice in choices]
    symbols: dict[str, Symbol] = {**changed, **{s.name: s for s in (*binaries.values(), *rows)}}
    root = program.root
    objective = root.objective
    if objective is not None and objective.expression is not None:
        objective = replace(objective, expression=selector.number(objective.expression))
    decisions = tuple(binaries[name].name if name in binaries else name for name in root.decisions)
    constraints = (*root.constraints, *(row.name for row in rows))
    scope = replace(scope, symbols=symbols)
    for name in (*changed, *(s.name for s in (*binaries.values(), *rows))):
        new = name not in scope.layouts or symbols[name].space != program.symbols[name].space
        if new and isinstance(symbols[name], (Variable, Constraint, NamedExpression)):
            scope.layouts[name] = layout_of(symbols[name].space, scope)
    block = replace(root, objective=objective, decisions=decisions, constraints=constraints)
    without = assemble(instance, replace(program, symbols=symbols, root=block), scope)
    return without, Inverse(tuple(_groups(choice, binaries[choice.name], instance) for choice in choices))


def _groups(choice: Choice, binaries: Variable, instance: Instance) -> Groups:
    assert choice.options is not None
    layout = instance.scope.layouts[choice.name]
    found = listing(choice.options, layout.table, instance.scope)
    starts = np.concatenate([[0], np.cumsum(np.bincount(found.parents, minlength=layout.size))])
    return Groups(choice.name, binaries.name, starts.astype(np.intp), found.element.positions)


def _binaries(choice: Choice, scope: Scope) -> Variable:
    """The binary family of a choice: its own indices, then one for the option."""
    assert choice.options is not None
    plain = componentwise(Space((*choice.space.generators, Generator((), choice.options)), choice.space.condition))
    options = plain.generators[-1].set
    width = set_arity(options, scope)
    (option,) = renamed_indices([IndexVar("option", 0, width)]).values()
    space = Space((*plain.generators[:-1], Generator((Bind(option),), options)), plain.condition)
    return Variable(
        binaries_name(choice.name),
        choice.span,
        space,
        choice.arity + width,
        choice.own + width,
        choice.block,
        domain="binary",
    )


def _one_option(choice: Choice, binaries: Variable) -> Constraint:
    """``sum(b[l, o] for o in Options) == 1`` for each group."""
    *outer, last = binaries.space.generators
    own = Space(tuple(outer), binaries.space.condition)
    args = tuple(IndexRef(None, v) for v in binaries.space.indices)
    total = Reduce(choice.span, "sum", Space((last,)), SymbolRef(choice.span, binaries.name, args))
    body = Relation(choice.span, (total, Constant(None, 1.0)), ("eq",))
    name = f"{choice.name} (one option)"
    return Constraint(name, choice.span, own, choice.arity, choice.own, choice.block, body=body, named=False)


# -------------------------------------------------------------------------------------------------------- selection
@dataclass(frozen=True, slots=True)
class _Selector:
    """Rewrites terms with choices into terms with their binaries."""

    choices: Mapping[str, Choice]
    binaries: Mapping[str, Variable]
    symbols: Mapping[str, Symbol]

    def symbol(self, symbol: Symbol) -> Symbol:
        """A constraint or named expression without choices; any other symbol as it is."""
        if isinstance(symbol, NamedExpression) and self._holds_choice(symbol.definition):
            plain = self._plain(symbol)
            return replace(plain, definition=self.number(plain.definition))
        if isinstance(symbol, Constraint) and self._holds_choice(symbol.body):
            plain_row = self._plain(symbol)
            return replace(plain_row, body=self._body(plain_row.body))
        return symbol

    def _plain(self, symbol: _T) -> _T:
        """The symbol with every tuple index written by components, where options depend on indices."""
        ragged = any(c.options is not None and free_indices(c.options) for c in self.choices.values())
        if not ragged:
            return symbol
        part = "definition" if isinstance(symbol, NamedExpression) else "body"
        changed = {part: componentwise(getattr(symbol, part)), "space": componentwise(symbol.space)}
        return replace(symbol, **changed)

    def _body(self, body: Body) -> Body:
        if isinstance(body, Relation):
            return self._relation(body)
        if isinstance(body, Implication):
            return replace(body, condition=self.condition(body.condition), conclusion=self._relation(body.conclusion))
        if isinstance(body, Complementarity):
            return replace(body, left=self._relation(body.left), right=self._relation(body.right))
        return body

    def _relation(self, relation: Relation) -> Relation:
        return replace(relation, terms=tuple(self.number(term) for term in relation.terms))

    def condition(self, term: Expr) -> Expr:
        """A condition; ``(z[l] == k)`` is the number that its binary has."""
        if not self._holds_choice(term):
            return term
        if isinstance(term, Apply) and term.op in ("and", "or", "not"):
            return replace(term, args=tuple(self.condition(arg) for arg in term.args))
        return self.number(term)

    def number(self, term: Expr) -> Expr:
        """A term without choices."""
        if not self._holds_choice(term):
            return term
        if isinstance(term, Reduce):
            op = "sum" if term.op == "count" else term.op
            return replace(term, op=op, body=self.number(term.body))
        if isinstance(term, Conditional):
            return replace(term, then=self.number(term.then), otherwise=self.number(term.otherwise))
        chosen = self._chosen(term)
        if self._selectable(term) and (len(chosen) == 1 or not self._splits(term)):
            return self._selection(term, chosen)
        if isinstance(term, Apply):
            return replace(term, args=tuple(self.number(arg) for arg in term.args))
        return term

    def _holds_choice(self, node: object) -> bool:
        return any(name in self.choices for name in symbols_in(node))  # type: ignore[arg-type]

    def _chosen(self, term: Expr) -> list[SymbolRef]:
        """The different choices that a term refers to, in order."""
        refs = (node for node in walk(term) if isinstance(node, SymbolRef) and node.symbol in self.choices)
        return list(dict.fromkeys(refs))

    def _selectable(self, term: Expr) -> bool:
        """Whether a term is an entry at chosen indices, or made of data and choices alone without an aggregate."""
        if isinstance(term, SymbolRef):
            return True
        if not isinstance(term, (Apply, Member)):
            return False
        inside = list(walk(term))
        if any(isinstance(node, (Reduce, Conditional)) and self._holds_choice(node) for node in inside):
            return False
        refs = (node.symbol for node in inside if isinstance(node, SymbolRef))
        return all(name in self.choices or not self._decided(name) for name in refs)

    def _splits(self, term: Expr) -> bool:
        """Whether a term of several choices is a sum, or a product of factors that have no choice in common."""
        if not isinstance(term, Apply) or term.op not in ("add", "sub", "neg", "mul"):
            return False
        parts = [self._chosen(factor) for factor in factors(term)]
        return term.op != "mul" or sum(map(len, parts)) == len({ref for part in parts for ref in part})

    def _decided(self, name: str) -> bool:
        symbol = self.symbols[name]
        if isinstance(symbol, NamedExpression):
            return any(self._decided(inner) for inner in symbols_in(symbol.definition) if inner in self.symbols)
        return isinstance(symbol, (Variable, Choice))

    def _selection(self, term: Expr, chosen: list[SymbolRef]) -> Expr:
        """The sum over all options, each weighed by its binaries; of a condition, over those that fulfil it."""
        generators: list[Generator] = []
        options: dict[SymbolRef, IndexRef] = {}
        weights: list[Expr] = []
        for ref in chosen:
            binaries = self.binaries[ref.symbol]
            *outer, last = binaries.space.generators
            (option,) = renamed_indices([last.pattern[0].var]).values()  # type: ignore[union-attr]
            generators.append(Generator((Bind(option),), _at(last.set, tuple(outer), ref)))
            options[ref] = IndexRef(ref.span, option)
            weights.append(SymbolRef(ref.span, binaries.name, (*ref.args, options[ref])))
        placed = rewritten(term, lambda node: options.get(node, node) if isinstance(node, SymbolRef) else node)
        truth = isinstance(term, Member) or (isinstance(term, Apply) and term.op in _TRUTHS)
        body = weights[0] if truth else Apply(term.span, "mul", (placed, weights[0]))
        for weight in weights[1:]:
            body = Apply(term.span, "mul", (body, weight))
        return Reduce(term.span, "sum", Space(tuple(generators), placed if truth else None), body)


def _at(options: SetExpr, outer: tuple[Generator, ...], ref: SymbolRef) -> SetExpr:
    """The set of options at the indices of a reference."""
    if not free_indices(options):
        return options
    bound = frozenset(
        p.var for node in walk(options) if isinstance(node, Generator) for p in node.pattern if isinstance(p, Bind)
    )
    fresh = freshened(options, renamed_indices(bound))
    indices = Space(outer).indices
    return substituted(fresh, dict(zip(indices, ref.args, strict=True)))
