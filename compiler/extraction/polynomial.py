"""Terms as sums of monomials in a group of symbols, each over its own table: the first half of every extraction.

``expand`` is symbolic: a monomial names the decisions that it multiplies and the data terms that make up its
coefficient, and no coefficient is computed. What it does compute is structure: the tables that its aggregates run
over. So the same monomials serve every set of numbers that leaves the structure as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NOT_LINEAR, NOT_QUADRATIC
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import (
    Apply,
    Choice,
    Conditional,
    Constant,
    Expr,
    ExternCall,
    NamedExpression,
    NetworkCall,
    Piecewise,
    Reduce,
    SymbolRef,
    Term,
)

from ..evaluation.evaluate import holds, with_let_indices
from ..evaluation.scope import Scope, text_of
from ..evaluation.sets import extend
from ..spaces.algebra import Table, filtered
from ..terms.substitution import bound_indices, freshened, renamed_indices, symbols_in


@dataclass(frozen=True, eq=False)
class Monomial:
    """``scale * product(factors) * product(refs)`` for every row of ``table``, which extends the root of its family."""

    table: Table
    refs: tuple[SymbolRef, ...] = ()
    factors: tuple[Expr, ...] = ()
    scale: float = 1.0

    def coefficient(self) -> Expr:
        """The coefficient as one term."""
        if not self.factors:
            return Constant(None, self.scale)
        term = self.factors[0]
        for factor in self.factors[1:]:
            term = Apply(factor.span, "mul", (term, factor))
        if self.scale == 1.0:
            return term
        return Apply(term.span, "neg", (term,)) if self.scale == -1.0 else _times(self.scale, term)


def _times(scale: float, term: Expr) -> Expr:
    return Apply(term.span, "mul", (Constant(None, scale), term))


@dataclass(frozen=True, eq=False)
class Group:
    """The symbols that count as variables, and the degree that is wanted of a term in them.

    ``reads`` collects the names of the data that the structure depends on: in filters, in index sets, in indices.
    """

    scope: Scope
    contains: Callable[[str], bool]
    degree: int
    reads: set[str] = field(default_factory=set)
    _known: dict[int, tuple[Term, bool]] = field(default_factory=dict)

    def depends(self, term: Expr) -> bool:
        """Whether a term has variables in it, also through named expressions."""
        known = self._known.get(id(term))
        if known is None or known[0] is not term:
            known = (term, any(self.mentions(name) for name in symbols_in(term)))
            self._known[id(term)] = known
        return known[1]

    def mentions(self, name: str) -> bool:
        """Whether a symbol is a variable, or a named expression with variables in it."""
        symbol = self.scope.symbols.get(name)
        if isinstance(symbol, NamedExpression):
            return self.depends(symbol.definition)
        return self.contains(name)


class NotPolynomialError(Exception):
    """A term is not a polynomial of the wanted degree; ``diagnostic`` shows the part that is not."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def _refuse(term: Expr, reason: str, group: Group) -> NotPolynomialError:
    code = NOT_LINEAR if group.degree < 2 else NOT_QUADRATIC
    return NotPolynomialError(report(code, term.span, expression=text_of(term), reason=reason))


def expand(term: Expr, table: Table, group: Group) -> list[Monomial]:
    """The monomials of a term over a table; raises ``NotPolynomialError``, or ``EvaluationError`` of its structure."""
    if not group.depends(term):
        return [Monomial(table, (), (term,))] if not isinstance(term, Constant) else _number(term, table)
    if isinstance(term, SymbolRef):
        return _symbol(term, table, group)
    if isinstance(term, Apply):
        return _apply(term, table, group)
    if isinstance(term, Reduce):
        return _reduce(term, table, group)
    if isinstance(term, Conditional):
        return _conditional(term, table, group)
    raise _refuse(term, _KINDS.get(type(term), "it is no polynomial"), group)


_KINDS: dict[type, str] = {
    Piecewise: "piecewise of a decision is a line piece by piece",
    ExternCall: "outside code is called on decisions",
    NetworkCall: "a network is called on decisions",
}


def _number(term: Constant, table: Table) -> list[Monomial]:
    return [Monomial(table, (), (), float(term.value))] if term.value else []


def _symbol(term: SymbolRef, table: Table, group: Group) -> list[Monomial]:
    symbol = group.scope.symbols[term.symbol]
    for arg in term.args:
        group.reads.update(symbols_in(arg))
        if group.depends(arg):
            raise _refuse(term, "an index depends on a decision", group)
    if isinstance(symbol, NamedExpression):
        return _named(term, symbol, table, group)
    if isinstance(symbol, Choice):
        raise _refuse(term, "a choice stands where a number is wanted", group)
    return [Monomial(table, (term,))]


def _named(term: SymbolRef, symbol: NamedExpression, table: Table, group: Group) -> list[Monomial]:
    own = group.scope.layouts[symbol.name].indices
    bound = bound_indices(symbol.definition)
    group.reads.update(symbols_in(symbol.space))
    inner = with_let_indices(term, symbol, table, group.scope)
    if not (bound | set(own)) & table.indices:
        return expand(symbol.definition, inner, group)
    names = renamed_indices(bound | set(own))
    fresh = replace(inner, own={names.get(v, v): c for v, c in inner.own.items()}, _columns={})
    return expand(freshened(symbol.definition, names), fresh, group)


def _apply(term: Apply, table: Table, group: Group) -> list[Monomial]:
    op = term.op
    if op in ("add", "sub"):
        return _sum(term, table, group)
    if op == "neg":
        return _scaled(expand(term.args[0], table, group), -1.0)
    if op == "mul":
        return _product(term, term.args, table, group)
    if op == "div":
        return _quotient(term, table, group)
    if op == "pow":
        return _power(term, table, group)
    raise _refuse(term, _reason(op), group)


def _reason(op: str) -> str:
    if op in ("lt", "le", "eq", "ne", "ge", "gt", "and", "or", "not"):
        return "it is a condition on a decision"
    return f"{op} of a decision"


def _sum(term: Apply, table: Table, group: Group) -> list[Monomial]:
    """A left-deep chain of ``+`` and ``-``, without recursion along it."""
    parts: list[tuple[Expr, float]] = []
    left: Expr = term
    while isinstance(left, Apply) and left.op in ("add", "sub") and group.depends(left):
        sign = 1.0 if left.op == "add" else -1.0
        parts += [(arg, sign) for arg in reversed(left.args[1:])]
        left = left.args[0]
    parts.append((left, 1.0))
    return [m for part, sign in reversed(parts) for m in _scaled(expand(part, table, group), sign)]


def _scaled(monomials: Sequence[Monomial], scale: float) -> list[Monomial]:
    return list(monomials) if scale == 1.0 else [replace(m, scale=m.scale * scale) for m in monomials]


def _product(term: Apply, args: Sequence[Expr], table: Table, group: Group) -> list[Monomial]:
    scale, data, variable = 1.0, [], []
    for arg in args:
        if group.depends(arg):
            variable.append(arg)
        elif isinstance(arg, Constant):
            scale *= arg.value
        else:
            data.append(arg)
    found = [Monomial(table, (), tuple(data), scale)]
    for arg in variable:
        found = [_joined(term, m, n, group) for m in found for n in expand(arg, m.table, group)]
    return found


def _joined(term: Expr, m: Monomial, n: Monomial, group: Group) -> Monomial:
    if len(m.refs) + len(n.refs) > group.degree:
        raise _refuse(term, "decisions are multiplied", group)
    return Monomial(n.table, m.refs + n.refs, m.factors + n.factors, m.scale * n.scale)


def _quotient(term: Apply, table: Table, group: Group) -> list[Monomial]:
    top, bottom = term.args
    if group.depends(bottom):
        raise _refuse(term, "a decision stands in a denominator", group)
    found = []
    for m in expand(top, table, group):
        over = replace(m, scale=1.0).coefficient()
        found.append(replace(m, factors=(Apply(term.span, "div", (over, bottom)),)))
    return found


def _power(term: Apply, table: Table, group: Group) -> list[Monomial]:
    base, exponent = term.args
    if not isinstance(exponent, Constant):
        raise _refuse(term, "its power is not a number", group)
    if exponent.value == 1:
        return expand(base, table, group)
    if exponent.value == 2 and group.degree >= 2:
        return _product(term, (base, base), table, group)
    raise _refuse(term, f"a decision to the power {exponent.value:g}", group)


def _reduce(term: Reduce, table: Table, group: Group) -> list[Monomial]:
    if term.op != "sum":
        raise _refuse(term, f"{term.op} of decisions", group)
    if bound_indices(term) & table.indices:
        term = freshened(term, renamed_indices(bound_indices(term)))
    group.reads.update(symbols_in(term.space))
    return expand(term.body, extend(term.space, table, group.scope), group)


def _conditional(term: Conditional, table: Table, group: Group) -> list[Monomial]:
    if group.depends(term.condition):
        raise _refuse(term, "its condition depends on a decision", group)
    group.reads.update(symbols_in(term.condition))
    with np.errstate(all="ignore"):
        keep = np.broadcast_to(holds(term.condition, table, group.scope), table.shape)
    found: list[Monomial] = []
    if keep.any():
        found += expand(term.then, filtered(table, keep), group)
    if not keep.all():
        found += expand(term.otherwise, filtered(table, ~keep), group)
    return found


def merged(monomials: Sequence[Monomial]) -> list[Monomial]:
    """Monomials in the same decisions over the same table as one, in order of first appearance."""
    kept: dict[tuple[int, tuple[SymbolRef, ...]], Monomial] = {}
    for m in monomials:
        key = (id(m.table), m.refs)
        old = kept.get(key)
        kept[key] = m if old is None else _added(old, m)
    return list(kept.values())


def _added(a: Monomial, b: Monomial) -> Monomial:
    if not a.factors and not b.factors:
        return replace(a, scale=a.scale + b.scale)
    one, two = a.coefficient(), b.coefficient()
    return replace(a, factors=(Apply(one.span, "add", (one, two)),), scale=1.0)
