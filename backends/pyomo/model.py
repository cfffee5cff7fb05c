"""A form as a Pyomo ``ConcreteModel``: variables and constraints by family and index, no text in between.

A row is a ``LinearExpression`` over lists that are cut out of whole arrays, which is the shortest way into Pyomo; it
still makes one Python object for each column, row and coefficient. What a discrete form has beyond rows:

- an ordered set is an ``SOSConstraint``;
- a complementary pair is an ``SOSConstraint`` of two members (kind 1), a product ``x * y == 0``, or a disjunction of
  ``x == 0`` and ``y == 0``;
- the rows that one binary switches are two ``pyomo.gdp.Disjunct`` with a ``Disjunction``, for any of Pyomo's
  transformations, or each a row times the binary: ``(a'x - u) * z <= 0``, ``(a'x - l) * z >= 0``.

There are no ``pyomo.mpec.Complementarity`` components: solvers of linear and mixed-integer problems pass over them
without a word, and answer another problem.

All of these say exactly what the form says. Source: M. L. Bynum et al., "Pyomo: Optimization Modeling in Python"
(3rd ed., 2021), chapters 11 and 12.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optc.compiler.forms.discrete import DiscreteForm
from optc.compiler.forms.linear import Floats, LinearForm, QuadraticForm

from ..finite_numbers import refuse_undefined

Bools = NDArray[np.bool_]

INFINITE = 1e20  # bounds of this size and beyond count as infinite


@dataclass(frozen=True, slots=True)
class Group:
    """Columns (or rows) ``offset`` to ``offset + count`` as one component; ``keys`` (count), or None for a scalar."""

    name: str
    offset: int
    count: int
    keys: Sequence[Hashable] | None


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """``model``, its variables in the order of the columns, and its constraint of each row.

    A row is None that binds nothing (no finite side, or no column) or that an indicator switches.
    """

    model: Any
    variables: list[Any]
    constraints: list[Any | None]


def concrete(
    form: LinearForm,
    columns: Sequence[Group] = (),
    rows: Sequence[Group] = (),
    indicators: str = "disjunctions",
    complementarity: str = "sets",
) -> Built:
    """The model of a linear, quadratic or discrete form.

    ``indicators``: ``disjunctions`` or ``products``; ``complementarity``: ``sets``, ``products`` or ``disjunctions``.
    ``columns``, ``rows``: the components; what they leave over is ``x`` and ``row``, by position from 0. Raises
    ValueError for numbers that are not finite, and for a row without columns that is false.
    """
    _refuse(form)
    pyo = environment()
    model = pyo.ConcreteModel()
    variables = _variables(model, form, columns)
    _objective(model, form, variables)
    bodies = _Bodies(form, variables)
    constraints = _constraints(model, form, bodies, rows)
    if isinstance(form, DiscreteForm):
        _sets(model, form, variables)
        if form.pairs.count:
            _PAIRS[complementarity](model, form, variables)
        if form.indicators.count:
            _SWITCHES[indicators](model, form, bodies, variables)
    return Built(model, variables, constraints)


@cache
def environment() -> Any:
    """``pyomo.environ``, imported when it is first needed."""
    return import_module("pyomo.environ")


@cache
def _expressions() -> Any:
    return import_module("pyomo.core.expr.numeric_expr")


def _refuse(form: LinearForm) -> None:
    refuse_undefined(form)
    false = np.flatnonzero(empty_rows(form) & ((form.row_lower > 0) | (form.row_upper < 0)))
    if len(false):
        raise ValueError(f"row {false[0]} holds no column and is false; Pyomo has no place for such a row")


def empty_rows(form: LinearForm) -> Bools:
    """For each row (m) whether it holds no column, and no binary switches it."""
    empty: Bools = np.diff(form.starts) == 0
    if isinstance(form, DiscreteForm):
        empty[form.products.rows] = False
        empty[form.indicators.rows] = False
    return empty


# ------------------------------------------------------------------------------------------------------ components
def _components(groups: Sequence[Group], count: int, rest: str) -> list[Group]:
    """The groups, and one more for each stretch that they leave over."""
    found: list[Group] = []
    at = 0
    for group in sorted(groups, key=lambda each: each.offset):
        if group.offset > at:
            found.append(Group(rest, at, group.offset - at, range(at, group.offset)))
        found.append(group)
        at = group.offset + group.count
    if at < count or not found:
        found.append(Group(rest, at, count - at, range(at, count)))
    return found


def _add(model: Any, name: str, component: Any) -> None:
    """Adds a component; a name that the model has already (Pyomo's own words among them) gets underscores."""
    while hasattr(model, name):
        name += "_"
    model.add_component(name, component)


def _sides(values: Floats) -> list[float | None]:
    return [value if abs(value) < INFINITE else None for value in values.tolist()]


def _variables(model: Any, form: LinearForm, groups: Sequence[Group]) -> list[Any]:
    pyo = environment()
    binary = form.integer & (form.lower >= 0) & (form.upper <= 1)
    kinds = [pyo.Reals, pyo.Integers, pyo.Binary]
    domains = [kinds[k] for k in np.where(binary, 2, np.where(form.integer, 1, 0)).tolist()]
    lower, upper = _sides(form.lower), _sides(form.upper)
    found: list[Any] = []
    for group in _components(groups, form.shape[1], "x"):
        if group.keys is None:
            at = group.offset
            single = pyo.Var(domain=domains[at], bounds=(lower[at], upper[at]))
            _add(model, group.name, single)
            found.append(single)
            continue
        family = pyo.Var(list(group.keys))
        _add(model, group.name, family)
        part = slice(group.offset, group.offset + group.count)
        members = list(family.values())
        for each, kind, low, high in zip(members, domains[part], lower[part], upper[part], strict=True):
            each.domain = kind
            each.setlb(low)
            each.setub(high)
        found += members
    return found


def _objective(model: Any, form: LinearForm, variables: list[Any]) -> None:
    pyo = environment()
    sense = pyo.maximize if form.sense == "maximize" else pyo.minimize
    there = np.flatnonzero(form.cost)
    expression = _linear(form.cost[there].tolist(), [variables[j] for j in there.tolist()], form.offset)
    if isinstance(form, (QuadraticForm, DiscreteForm)) and len(form.hessian_values):
        owner = np.repeat(np.arange(form.shape[1]), np.diff(form.hessian_starts))
        weights = np.where(owner == form.hessian_indices, 0.5, 1.0) * form.hessian_values
        products = _products(variables, owner.tolist(), form.hessian_indices.tolist(), weights.tolist())
        expression = _expressions().SumExpression([expression, *products])
    _add(model, "objective", pyo.Objective(expr=expression, sense=sense))


def _linear(values: list[float], variables: list[Any], constant: float = 0.0) -> Any:
    return _expressions().LinearExpression(constant=constant, linear_coefs=values, linear_vars=variables)


def _products(variables: list[Any], first: list[int], second: list[int], values: list[float]) -> list[Any]:
    times, scaled = _expressions().ProductExpression, _expressions().MonomialTermExpression
    entries = zip(first, second, values, strict=True)
    return [times((scaled((value, variables[i])), variables[j])) for i, j, value in entries]


# ------------------------------------------------------------------------------------------------------------ rows
class _Bodies:
    """What stands between the sides of each row, as Pyomo has it; made when a row is asked for."""

    def __init__(self, form: LinearForm, variables: list[Any]) -> None:
        self.variables = variables
        self.starts, self.values = form.starts.tolist(), form.values.tolist()
        self.columns = [variables[j] for j in form.indices.tolist()]
        self.lower, self.upper = _sides(form.row_lower), _sides(form.row_upper)
        self.products: dict[int, list[Any]] = {}
        if isinstance(form, DiscreteForm):
            each = form.products
            terms = _products(variables, each.first.tolist(), each.second.tolist(), each.values.tolist())
            for row, term in zip(each.rows.tolist(), terms, strict=True):
                self.products.setdefault(row, []).append(term)

    def body(self, row: int) -> Any:
        at, upto = self.starts[row], self.starts[row + 1]
        linear = _linear(self.values[at:upto], self.columns[at:upto])
        return _expressions().SumExpression([linear, *self.products[row]]) if row in self.products else linear

    def relation(self, row: int) -> tuple[Any, ...]:
        """Sides and body; an equation has one side."""
        low, high = self.lower[row], self.upper[row]
        return (self.body(row), low) if low == high else (low, self.body(row), high)


def _constraints(model: Any, form: LinearForm, bodies: _Bodies, groups: Sequence[Group]) -> list[Any | None]:
    pyo = environment()
    binds = ~empty_rows(form) & ((np.abs(form.row_lower) < INFINITE) | (np.abs(form.row_upper) < INFINITE))
    if isinstance(form, DiscreteForm):
        binds &= ~form.switched()
    found: list[Any | None] = [None] * form.shape[0]
    for group in _components(groups, form.shape[0], "row"):
        keys: Iterable[Hashable] = repeat(None) if group.keys is None else group.keys
        own = range(group.offset, group.offset + group.count)
        place = {key: row for key, row in zip(keys, own, strict=False) if binds[row]}
        if not place:
            continue
        if group.keys is None:
            constraint = pyo.Constraint(expr=bodies.relation(group.offset))
            _add(model, group.name, constraint)
            found[group.offset] = constraint
            continue
        relations = {key: bodies.relation(row) for key, row in place.items()}
        family = pyo.Constraint(list(place), rule=relations)
        _add(model, group.name, family)
        for key, row in place.items():
            found[row] = family[key]
    return found


# ------------------------------------------------------------------------------------------------------- the discrete
def _sets(model: Any, form: DiscreteForm, variables: list[Any]) -> None:
    pyo, sets = environment(), form.sets
    if not sets.count:
        return
    columns, weights, starts = sets.columns.tolist(), sets.weights.tolist(), sets.starts.tolist()
    for kind in (1, 2):
        which = np.flatnonzero(sets.kinds == kind).tolist()
        members = [[variables[j] for j in columns[starts[k] : starts[k + 1]]] for k in which]
        family = _ordered(pyo, kind, members, [weights[starts[k] : starts[k + 1]] for k in which])
        if which:
            _add(model, f"sos{kind}", family)


def _ordered(pyo: Any, kind: int, members: list[list[Any]], weights: list[list[float]]) -> Any:
    """Special ordered sets of one kind."""
    return pyo.SOSConstraint(range(len(members)), sos=kind, rule=lambda _model, k: (members[k], weights[k]))


def _pair_members(form: DiscreteForm, variables: list[Any]) -> list[list[Any]]:
    pairs = zip(form.pairs.first.tolist(), form.pairs.second.tolist(), strict=True)
    return [[variables[i], variables[j]] for i, j in pairs]


def _pairs_as_sets(model: Any, form: DiscreteForm, variables: list[Any]) -> None:
    members = _pair_members(form, variables)
    _add(model, "pairs", _ordered(environment(), 1, members, [[1.0, 2.0]] * len(members)))


def _pairs_as_products(model: Any, form: DiscreteForm, variables: list[Any]) -> None:
    times = _expressions().ProductExpression
    relations = [(times((x, y)), 0.0) for x, y in _pair_members(form, variables)]
    _add(model, "pairs", environment().Constraint(range(len(relations)), rule=dict(enumerate(relations))))


def _pairs_as_disjunctions(model: Any, form: DiscreteForm, variables: list[Any]) -> None:
    gdp, pyo = import_module("pyomo.gdp"), environment()
    members = _pair_members(form, variables)
    _add(model, "zero", gdp.Disjunct([(k, side) for k in range(len(members)) for side in (0, 1)]))
    for k, pair in enumerate(members):
        for side, variable in enumerate(pair):
            model.zero[k, side].row = pyo.Constraint(expr=(variable, 0.0))
    either = [[model.zero[k, 0], model.zero[k, 1]] for k in range(len(members))]
    _add(model, "pairs", gdp.Disjunction(range(len(members)), rule=lambda _model, k: either[k]))


def _switches_as_disjunctions(model: Any, form: DiscreteForm, bodies: _Bodies, variables: list[Any]) -> None:
    """For each binary that switches rows two disjuncts, of which one holds: as the binary says."""
    gdp, pyo = import_module("pyomo.gdp"), environment()
    rows = _rows_by_switch(form)
    binaries = sorted({column for column, _value in rows})
    _add(model, "switched", gdp.Disjunct([(column, value) for column in binaries for value in (0, 1)]))
    for column in binaries:
        for value in (0, 1):
            relations = {row: bodies.relation(row) for row in rows.get((column, value), ())}
            if relations:
                model.switched[column, value].row = pyo.Constraint(list(relations), rule=relations)
    either = {column: [model.switched[column, 0], model.switched[column, 1]] for column in binaries}
    _add(model, "switch", gdp.Disjunction(binaries, rule=lambda _model, column: either[column]))
    tied = {c: (variables[c] - model.switched[c, 1].binary_indicator_var, 0.0) for c in binaries}
    _add(model, "switch_is_binary", pyo.Constraint(binaries, rule=tied))


def _rows_by_switch(form: DiscreteForm) -> dict[tuple[int, int], list[int]]:
    """The rows that each value of each binary switches on, those that bind something."""
    each, found = form.indicators, dict[tuple[int, int], list[int]]()
    for column, value, row in zip(each.columns.tolist(), each.values.tolist(), each.rows.tolist(), strict=True):
        if abs(form.row_lower[row]) < INFINITE or abs(form.row_upper[row]) < INFINITE:
            found.setdefault((column, value), []).append(row)
    return found


def _switches_as_products(model: Any, form: DiscreteForm, bodies: _Bodies, variables: list[Any]) -> None:
    """Each switched row times what is 1 where it must hold and 0 elsewhere."""
    relations: list[tuple[Any, ...]] = []
    for (column, value), rows in _rows_by_switch(form).items():
        on = variables[column] if value else 1 - variables[column]
        for row in rows:
            low, high = bodies.lower[row], bodies.upper[row]
            if low is not None:
                relations.append((0.0, (bodies.body(row) - low) * on, None))
            if high is not None:
                relations.append((None, (bodies.body(row) - high) * on, 0.0))
    _add(model, "switched", environment().Constraint(range(len(relations)), rule=dict(enumerate(relations))))


_PAIRS: dict[str, Callable[..., None]] = {
    "sets": _pairs_as_sets,
    "products": _pairs_as_products,
    "disjunctions": _pairs_as_disjunctions,
}
_SWITCHES: dict[str, Callable[..., None]] = {
    "disjunctions": _switches_as_disjunctions,
    "products": _switches_as_products,
}
