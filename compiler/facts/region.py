"""Where a fact is meant: which symbols vary, and between which bounds; with the tables that terms are judged over.

A term is judged for all rows of a table at once. The tables that its aggregates run over, and named expressions put in
their place, are made once and kept, so that every fact about the same part of a term speaks of the same objects.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from optc.dsl.program import Conditional, Expr, NamedExpression, Reduce, SymbolRef

from ..evaluation.evaluate import evaluate, holds, with_let_indices
from ..evaluation.sets import extend
from ..extraction.polynomial import Group
from ..instance.instance import Instance
from ..spaces.algebra import Table, filtered
from ..spaces.domains import Values
from ..terms.substitution import bound_indices, freshened, renamed_indices, walk
from .bounds import Ranges, propagate
from .rounding import Bools


@dataclass(frozen=True, eq=False)
class Region:
    """``ranges``: bounds of all decisions; ``names``: the symbols that vary, all others are held.

    What is held but not data (decisions of other blocks, uncertain names, multipliers) has an unknown value.
    """

    ranges: Ranges
    names: frozenset[str]
    _varying: Group = field(init=False, repr=False)
    _open: Group = field(init=False, repr=False)
    _kept: dict[object, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        scope, roles = self.instance.scope, self.instance.roles
        object.__setattr__(self, "_varying", Group(scope, self.names.__contains__, 1))
        object.__setattr__(self, "_open", Group(scope, lambda name: roles.get(name, "data") != "data", 1))

    @property
    def instance(self) -> Instance:
        return self.ranges.instance

    def varies(self, term: Expr) -> bool:
        """Whether a term holds symbols of the group."""
        return self._varying.depends(term)

    def known(self, term: Expr) -> bool:
        """Whether a term is data alone."""
        return not self._open.depends(term)

    def values(self, term: Expr, table: Table) -> Values:
        """The values of a term of data; raises ``EvaluationError`` where it has none."""
        key = ("values", id(term), id(table))
        if key not in self._kept:
            self._kept[key] = (term, table, evaluate(term, table, self.instance.scope))
        found: Values = self._kept[key][2]
        return found

    def recall(self, what: str, term: Expr, table: Table) -> Any:
        """What ``remember`` was given, or None."""
        found = self._kept.get((what, id(term), id(table)))
        return None if found is None else found[2]

    def remember(self, what: str, term: Expr, table: Table, value: Any) -> Any:
        """Keep a fact about a term over a table; gives it back."""
        self._kept[what, id(term), id(table)] = (term, table, value)
        return value

    def inner(self, term: Reduce, table: Table) -> tuple[Reduce, Table]:
        """An aggregate, with indices of its own if need be, and the table of its rows in each row of ``table``."""
        known = self.recall("inner", term, table)
        if known is None:
            fresh = term
            if bound_indices(term) & table.indices:
                fresh = freshened(term, renamed_indices(bound_indices(term)))
            known = self.remember("inner", term, table, (fresh, extend(fresh.space, table, self.instance.scope)))
        found: tuple[Reduce, Table] = known
        return found

    def inlined(self, term: SymbolRef, symbol: NamedExpression, table: Table) -> tuple[Expr, Table]:
        """The definition of a named expression, and ``table`` with the indices it asks for.

        References that ask for the same entries get the same objects, so that what is known of a definition is found
        out once, however often and however deeply definitions use each other.
        """
        key = ("inlined", symbol.name, term.args, id(table))
        if key not in self._kept:
            self._kept[key] = (symbol, table, self._inlined(term, symbol, table))
        found: tuple[Expr, Table] = self._kept[key][2]
        return found

    def _inlined(self, term: SymbolRef, symbol: NamedExpression, table: Table) -> tuple[Expr, Table]:
        scope = self.instance.scope
        bound, own = bound_indices(symbol.definition), scope.layouts[symbol.name].indices
        if not own and not bound & table.indices:
            return symbol.definition, table
        inner = with_let_indices(term, symbol, table, scope)
        if not (bound | set(own)) & table.indices:
            return symbol.definition, inner
        names = renamed_indices(bound | set(own))
        fresh = replace(inner, own={names.get(v, v): c for v, c in inner.own.items()}, _columns={})
        return freshened(symbol.definition, names), fresh

    def depth(self, symbol: NamedExpression) -> int:
        """How many named expressions stand one in another below a named expression, itself among them."""
        key = ("depth", symbol.name)
        if key not in self._kept:
            symbols = self.instance.program.symbols
            below = [symbols[node.symbol] for node in walk(symbol.definition) if isinstance(node, SymbolRef)]
            self._kept[key] = 1 + max((self.depth(s) for s in below if isinstance(s, NamedExpression)), default=0)
        found: int = self._kept[key]
        return found

    def branches(self, term: Conditional, table: Table) -> list[tuple[Expr, Table, Bools]]:
        """Each branch that some rows take, with those rows and a mask of them over ``table``."""
        known = self.recall("branches", term, table)
        if known is None:
            keep = np.broadcast_to(holds(term.condition, table, self.instance.scope), table.shape)
            pairs = [(term.then, keep), (term.otherwise, ~keep)]
            made = [(part, filtered(table, mask), mask) for part, mask in pairs if mask.any()]
            known = self.remember("branches", term, table, made)
        found: list[tuple[Expr, Table, Bools]] = known
        return found

    def rows(self, table: Table, mask: Bools) -> Table:
        """The rows of a table where a mask holds."""
        return filtered(table, np.broadcast_to(mask, table.shape))


def scattered(parts: list[tuple[Values, Bools]], table: Table, without: float | bool) -> Values:
    """Values over parts of a table put where the masks of the parts hold."""
    if len(parts) == 1 and parts[0][1].all():
        return parts[0][0]
    dtype = np.bool_ if isinstance(without, bool) else np.float64
    found: Values = np.full(table.shape, without, dtype=dtype)
    for values, mask in parts:
        found[mask] = np.broadcast_to(values, (int(mask.sum()),))
    return found


def region_of(instance: Instance, names: Collection[str] | None = None) -> Region:
    """The region of some symbols (all decisions where not given) within the bounds that the linear rows imply.

    Kept with the instance, though not with those that an update makes of it: bounds depend on data. Raises
    ``EvaluationError`` of the data of its rows.
    """
    wanted = frozenset(f.name for f in instance.families) if names is None else frozenset(names)
    kept: dict[frozenset[str], Region] = vars(instance).setdefault("regions", {})
    if wanted not in kept:
        ranges = next((r.ranges for r in kept.values()), None)
        with np.errstate(all="ignore"):
            kept[wanted] = Region(propagate(instance) if ranges is None else ranges, wanted)
    return kept[wanted]
