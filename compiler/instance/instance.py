"""IR 2, the instance: a program's templates times its data.

``build(program, supplied, roles=…)`` goes through sets and parameters in order of dependency, checks what can be
checked, lays out every family, and computes bounds and starts. Nothing is expanded: a constraint family is still one
template over an index table, and the arrays of a form come out of the lowerings.

What other modules may rely on, all read-only::

    instance.program          the IR 1 it was built from
    instance.families         decisions (variables and choices), in order of their columns: Family
    instance.nature           uncertain families, likewise (offsets count among themselves)
    instance.constraints      constraint families of all blocks, in order: ConstraintFamily
    instance.family(name), instance.constraint(name)
    instance.columns          how many decisions there are
    instance.notes            notes and warnings (a start that was moved, surplus data)
    instance.scope            for ``evaluate``: instance.scope.at({family: values}) gives values of any term
    instance.update(name=values) -> Instance    the same structure with other numbers

    Family:             name offset count index (Members, for labels) lower upper start integer domain owner layout
    ConstraintFamily:   name count index owner layout symbol

``lower`` and ``upper`` have shape ``(count,)`` and may be views of one number; ``owner`` is the path of the deciding
block, ``()`` for the model itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import CROSSED_BOUNDS, INFINITE_BOUND, START_MOVED
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Block, Choice, Constraint, Expr, Multiplier, Program, Symbol, Uncertain, Variable

from ..data.errors import DataError
from ..data.supplied import Supplied
from ..evaluation.evaluate import evaluate, flat_values
from ..evaluation.scope import EvaluationError, Scope, entry_text, literal_text
from ..spaces.algebra import wide
from ..spaces.domains import Values
from ..spaces.layouts import Layout
from ..spaces.members import Members
from ..terms.substitution import symbols_in
from . import binding

Role = Literal["decision", "data", "uncertain", "multiplier"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Family:
    """A family of decisions (or of nature's): columns ``offset`` to ``offset + count``, in the order of ``layout``.

    ``integer``: whole-numbered (also ``binary`` and ``spin``). ``start``: ``(count,)`` or None. A choice has bounds 0
    to the number of its options less one and counts positions in ``options``.
    """

    name: str
    symbol: Variable | Choice | Uncertain | Multiplier
    layout: Layout
    offset: int
    lower: Floats
    upper: Floats
    start: Floats | None
    integer: bool
    domain: str
    owner: tuple[str, ...]

    @property
    def count(self) -> int:
        return self.layout.size

    @property
    def index(self) -> Members:
        return self.layout.members


@dataclass(frozen=True, eq=False)
class ConstraintFamily:
    """One template over ``count`` rows."""

    name: str
    symbol: Constraint
    layout: Layout
    owner: tuple[str, ...]

    @property
    def count(self) -> int:
        return self.layout.size

    @property
    def index(self) -> Members:
        return self.layout.members


@dataclass(frozen=True, eq=False)
class Instance:
    """See the head of the module. ``patterns``: what lowerings keep, shared by the instances that ``update`` makes
    of one another; ``stamps``: for each name of data, when it was last updated (0: never). ``proved``: by family of
    decisions, lower and upper bounds ``(count,)`` that every point keeps and that optimisation found.
    """

    program: Program
    supplied: Supplied
    scope: Scope
    roles: Mapping[str, Role]
    families: tuple[Family, ...]
    nature: tuple[Family, ...]
    constraints: tuple[ConstraintFamily, ...]
    notes: tuple[Diagnostic, ...] = ()
    patterns: dict[object, object] = field(default_factory=dict, repr=False)
    stamps: Mapping[str, int] = field(default_factory=dict, repr=False)
    proved: Mapping[str, tuple[Floats, Floats]] = field(default_factory=dict, repr=False)

    def __getstate__(self) -> dict[str, object]:
        """Without what is kept by identity."""
        scope = replace(self.scope, structure={}, local={})
        return {each.name: getattr(self, each.name) for each in fields(self)} | {"patterns": {}, "scope": scope}

    @cached_property
    def _families(self) -> Mapping[str, Family]:
        return {f.name: f for f in (*self.families, *self.nature)}

    @cached_property
    def _constraints(self) -> Mapping[str, ConstraintFamily]:
        return {c.name: c for c in self.constraints}

    @property
    def columns(self) -> int:
        return sum(f.count for f in self.families)

    def family(self, name: str) -> Family:
        """A decision or uncertain family; raises ``KeyError``."""
        return self._families[name]

    def constraint(self, name: str) -> ConstraintFamily:
        """A constraint family; raises ``KeyError``."""
        return self._constraints[name]

    def is_decision(self, name: str) -> bool:
        """Whether a symbol has the role of a decision."""
        return self.roles.get(name) == "decision"

    def values(self, term: Expr, point: Mapping[str, Values], layout: Layout, name: str | None = None) -> Values:
        """Flat values of a term over a family's rows, ``(rows,)`` or ``(batch, rows)``; raises ``EvaluationError``."""
        return flat_values(term, layout.table, self.scope.at(point).named(name))

    def stamp(self, names: frozenset[str]) -> int:
        """When any of the data was last updated."""
        return max((self.stamps.get(name, 0) for name in names), default=0)

    def update(self, **values: object) -> Instance:
        """The same instance with other data, given by name as ``bind`` takes them; see ``updating.update``."""
        from .updating import update

        return update(self, values)


def default_roles(program: Program) -> dict[str, Role]:
    """The role that each symbol's declaration gives it."""
    roles: dict[str, Role] = {}
    for name, symbol in program.symbols.items():
        if isinstance(symbol, (Variable, Choice)):
            roles[name] = "decision"
        elif isinstance(symbol, Uncertain):
            roles[name] = "uncertain"
        elif isinstance(symbol, Multiplier):
            roles[name] = "multiplier"
        else:
            roles[name] = "data"
    return roles


def blocks(program: Program) -> Iterator[Block]:
    """All blocks, a block before those inside it."""
    waiting = [program.root]
    while waiting:
        block = waiting.pop(0)
        yield block
        waiting = [*block.children, *waiting]


def build(
    program: Program,
    supplied: Supplied,
    roles: Mapping[str, Role] | None = None,
    functions: Mapping[str, Callable[..., Any]] | None = None,
) -> Instance:
    """The instance of a program with data.

    ``roles``: where a symbol stands in another role than its declaration gives it. ``functions``: given for the model's
    externs. Raises ``DataError`` with every
    independent mistake of the data, of bounds and of index spaces; with none where the only ones are those that were
    told when ``supplied`` was read.
    """
    faults: list[Diagnostic] = []
    notes: list[Diagnostic] = list(supplied.diagnostics)
    scope = Scope(program.symbols, externs=dict(functions or {}))
    with np.errstate(all="ignore"):
        broken = binding.bind(program, supplied, scope, faults, notes)
        binding.lay_out(program, scope, broken, faults)
        every = {**default_roles(program), **(roles or {})}
        families = _families(program, scope, broken, faults, notes, every)
        nature = _nature(program, scope, broken, faults, notes)
    if faults or broken:  # what is broken was told when it was read
        raise DataError(faults)
    constraints = _constraints(program, scope)
    return Instance(program, supplied, scope, every, families, nature, constraints, tuple(notes))


def assemble(instance: Instance, program: Program, scope: Scope) -> Instance:
    """An instance of a rewritten program whose sets, data and layouts are in ``scope`` already.

    Raises ``DataError`` for bounds that are undefined or cross.
    """
    faults: list[Diagnostic] = []
    notes: list[Diagnostic] = []
    roles: dict[str, Role] = {**default_roles(program), **instance.roles}
    with np.errstate(all="ignore"):
        families = _families(program, scope, set(), faults, notes, roles)
        nature = _nature(program, scope, {n for n, r in roles.items() if r != "uncertain"}, faults, notes)
    if faults:
        raise DataError(faults)
    return replace(
        instance,
        program=program,
        scope=scope,
        roles=roles,
        families=families,
        nature=nature,
        constraints=_constraints(program, scope),
        patterns={},
    )


def _constraints(program: Program, scope: Scope) -> tuple[ConstraintFamily, ...]:
    found = (c for c in program.symbols.values() if isinstance(c, Constraint))
    return tuple(ConstraintFamily(c.name, c, scope.layouts[c.name], c.block) for c in found)


def _families(
    program: Program,
    scope: Scope,
    broken: set[str],
    faults: list[Diagnostic],
    notes: list[Diagnostic],
    roles: Mapping[str, Role],
) -> tuple[Family, ...]:
    found: list[Family] = []
    offset = 0
    for block in blocks(program):
        for name in block.decisions:
            symbol = program.symbols[name]
            assert isinstance(symbol, (Variable, Choice, Multiplier))
            if name in broken or roles[name] != "decision" or broken & _range_needs(symbol):
                continue
            family = family_of(symbol, offset, scope, faults, notes)
            if family is not None:
                found.append(family)
                offset += family.count
    return tuple(found)


def _nature(
    program: Program, scope: Scope, broken: set[str], faults: list[Diagnostic], notes: list[Diagnostic]
) -> tuple[Family, ...]:
    found: list[Family] = []
    for name, symbol in program.symbols.items():
        if isinstance(symbol, Uncertain) and name not in broken and not broken & _range_needs(symbol):
            family = family_of(symbol, sum(f.count for f in found), scope, faults, notes)
            found += [family] if family is not None else []
    return tuple(found)


def _range_needs(symbol: Symbol) -> frozenset[str]:
    """The names in the bounds and the start of a decision: where one is broken, so is the family."""
    bounds = getattr(symbol, "bounds", None)
    terms = () if bounds is None else (bounds.lower, bounds.upper, getattr(symbol, "start", None))
    return frozenset().union(*(symbols_in(term) for term in terms if term is not None))


def family_of(
    symbol: Variable | Choice | Uncertain | Multiplier,
    offset: int,
    scope: Scope,
    faults: list[Diagnostic],
    notes: list[Diagnostic],
) -> Family | None:
    """The family with its bounds and start, or None where those are wrong."""
    layout = scope.layouts[symbol.name]
    kind = _kind(symbol)
    integer = kind in ("integer", "binary", "spin", "choice")
    named = scope.named(symbol.name)
    try:
        lower, upper = family_bounds(symbol, layout, named)
    except EvaluationError as error:
        faults.append(error.diagnostic)
        return None
    endless = (lower == np.inf) | (upper == -np.inf)
    if endless.any():
        faults.append(_endless(symbol, layout, lower, int(np.argmax(np.broadcast_to(endless, (layout.size,))))))
        return None
    crossed = lower > upper
    if crossed.any():
        faults.append(_crossed(symbol, layout, lower, upper, int(np.argmax(np.broadcast_to(crossed, (layout.size,))))))
        return None
    lower, upper = (np.broadcast_to(b, (layout.size,)) for b in (lower, upper))
    start = None
    if isinstance(symbol, Variable) and symbol.start is not None:
        try:
            start = flat_values(symbol.start, layout.table, named)
        except EvaluationError as error:
            faults.append(error.diagnostic)
            return None
        start = _moved(symbol, layout, start, lower, upper, integer, notes)
    return Family(symbol.name, symbol, layout, offset, lower, upper, start, integer, kind, symbol.block)


def _kind(symbol: Variable | Choice | Uncertain | Multiplier) -> str:
    if isinstance(symbol, Choice):
        return "choice"
    return "multiplier" if isinstance(symbol, Multiplier) else symbol.domain


_NATURAL = {"binary": (0.0, 1.0), "spin": (-1.0, 1.0), "simplex": (0.0, np.inf)}


def family_bounds(
    symbol: Variable | Choice | Uncertain | Multiplier, layout: Layout, scope: Scope
) -> tuple[Floats, Floats]:
    """Bounds as ``(count,)``, or shapeless where one number serves all."""
    if isinstance(symbol, Multiplier):
        return np.asarray(-np.inf), np.asarray(np.inf)
    if isinstance(symbol, Choice) or (isinstance(symbol, Uncertain) and symbol.scenarios is not None):
        options = scope.options[symbol.name]
        return np.zeros(()), np.asarray(float(max(options.size - 1, 0)))
    least, most = _NATURAL.get(symbol.domain, (-np.inf, np.inf))
    lower = np.maximum(_bound(symbol.bounds.lower, layout, scope, -np.inf), least)
    upper = np.minimum(_bound(symbol.bounds.upper, layout, scope, np.inf), most)
    if symbol.domain in ("integer", "binary"):
        return np.ceil(lower), np.floor(upper)
    return lower, upper


def _bound(term: Expr | None, layout: Layout, scope: Scope, without: float) -> Floats:
    if term is None:
        return np.asarray(without)
    found = evaluate(term, layout.table, scope)
    return found.reshape(()) if found.size == 1 else wide(found, layout.table.shape)


def _endless(symbol: Symbol, layout: Layout, lower: Floats, row: int) -> Diagnostic:
    above = np.broadcast_to(lower, (layout.size,))[row] == np.inf
    entry = entry_text(symbol.name, layout.key(row))
    return report(INFINITE_BOUND, symbol.span, entry=entry, relation="at least inf" if above else "at most -inf")


def _crossed(symbol: Symbol, layout: Layout, lower: Floats, upper: Floats, row: int) -> Diagnostic:
    low, high = (float(np.broadcast_to(b, (layout.size,))[row]) for b in (lower, upper))
    bounds = getattr(symbol, "bounds", None)
    span = bounds.span if bounds is not None and bounds.span is not None else symbol.span
    entry = entry_text(symbol.name, layout.key(row))
    return report(CROSSED_BOUNDS, span, entry=entry, lower=literal_text(low), upper=literal_text(high))


def _moved(
    symbol: Variable,
    layout: Layout,
    start: Floats,
    lower: Floats,
    upper: Floats,
    integer: bool,
    notes: list[Diagnostic],
) -> Floats:
    """The start within its bounds, whole where it must be; one note for the family where that moves it."""
    within = np.clip(np.rint(start) if integer else start, lower, upper)
    if symbol.domain == "spin":
        within = np.where(start < 0, -1.0, 1.0)
    if symbol.domain == "semicontinuous":
        within = np.where(start == 0, 0.0, within)
    moved = np.flatnonzero(within != start)
    if len(moved):
        row = int(moved[0])
        others = f" (and {len(moved) - 1} more)" if len(moved) > 1 else ""
        span = symbol.start.span if symbol.start is not None and symbol.start.span is not None else symbol.span
        notes.append(
            report(
                START_MOVED,
                span,
                entry=entry_text(symbol.name, layout.key(row)),
                start=literal_text(float(start[row])),
                moved=literal_text(float(within[row])),
                more=others,
            )
        )
    return within
