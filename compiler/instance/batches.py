"""Many instances of one structure at once: sweeps, scenarios and samples as a leading axis of the form's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NO_DECISIONS, STRUCTURAL
from optc.dsl.program import Choice, Conditional, Parameter, Program, SetSymbol, Space, SymbolRef

from ..data.errors import DataError
from ..evaluation.evaluate import flat_values
from ..evaluation.scope import EvaluationError, Scope
from ..extraction.assembly import add_to, constants, fill
from ..extraction.patterns import objective_pattern, row_bounds, row_patterns
from ..forms.linear import LinearForm
from ..lowerings import instance_to_linear
from ..lowerings.instance_to_linear import Inverse
from ..spaces.algebra import UNIT
from ..terms.substitution import Node, symbols_in, walk
from . import binding
from .instance import Instance, blocks, family_bounds
from .updating import dependents

Floats = NDArray[np.float64]


def lower_batch(instance: Instance, data: Mapping[str, Floats]) -> tuple[LinearForm, Inverse]:
    """The linear form with a leading axis of instances that differ in some parameters.

    ``data``: numeric parameters by name, flat by their index space, ``(batch, count)`` each. Every number of the form
    then has shape ``(batch, …)``, the offset ``(batch,)``; rows, columns, integrality are common, and entries that are
    zero stay. Parameters that are computed from the given ones follow them. Raises ``DataError`` where a parameter
    shapes an index space or a filter, or an expression has no value.
    """
    form, inverse = instance_to_linear.lower(instance)
    changed = dependents(instance.program, frozenset(data))
    _check(instance, data)
    size = next(iter(data.values())).shape[0] if data else 1
    try:
        scope = _batched(instance, data, changed)
        patterns = [rows for family in instance.constraints for rows in row_patterns(instance, family)]
        extra = instance_to_linear.columns_of(instance).extra
        whole = instance_to_linear.arranged(tuple(patterns), extra)
        values = np.broadcast_to(whole.values, (size, len(whole.values))).copy()
        lower, upper = (np.broadcast_to(b, (size, len(b))).copy() for b in (whole.lower, whole.upper))
        row = at = 0
        for rows in patterns:
            end, upto = row + rows.layout.size, at + rows.block.size
            fill(rows.block, values[:, at:upto], scope.named(rows.name))
            lower[:, row:end], upper[:, row:end] = row_bounds(rows, scope.named(rows.name))
            row, at = end, upto
        cost, offset = np.zeros((size, form.shape[1])), np.zeros(size)
        objective = instance.program.root.objective
        if objective is not None and objective.expression is not None:
            found = objective_pattern(instance, objective.expression, 1, objective.name)
            add_to(cost, found.linear, scope)
            offset = offset + constants(found.constant, UNIT, scope)
        least, most = _column_bounds(instance, form, size, scope)
    except EvaluationError as error:
        raise DataError([error.diagnostic]) from None
    batched = replace(
        form,
        cost=cost,
        offset=offset,  # type: ignore[arg-type]  # (batch,)
        starts=whole.starts,
        indices=whole.indices,
        values=values,
        row_lower=lower,
        row_upper=upper,
        lower=least,
        upper=most,
    )
    return batched, inverse


def _check(instance: Instance, data: Mapping[str, Floats]) -> None:
    program = instance.program
    for name, given in data.items():
        symbol = program.symbols.get(name)
        if not isinstance(symbol, Parameter) or symbol.type == "string":
            names = ", ".join(n for n, s in program.symbols.items() if isinstance(s, Parameter))
            raise DataError([report(NO_DECISIONS, None, what="numeric parameter", name=name, near="", names=names)])
        if given.ndim != 2 or given.shape[1] != instance.scope.layouts[name].size:
            expected = instance.scope.layouts[name].size
            raise ValueError(f"{name} needs shape (batch, {expected}), the values given have {given.shape}")
    shaping = _shaping(instance.program)
    for name in sorted(data):
        if dependents(program, frozenset((name,))) & shaping:
            raise DataError([report(STRUCTURAL, program.symbols[name].span, name=name)])


def _shaping(program: Program) -> frozenset[str]:
    """The names that some index space, filter, set or index is made of."""
    found: set[str] = set()
    for symbol in program.symbols.values():
        bounds = getattr(symbol, "bounds", None)
        own = [symbol.space, getattr(symbol, "start", None), getattr(symbol, "body", None)]
        own += [bounds.lower, bounds.upper] if bounds is not None else []
        if isinstance(symbol, (SetSymbol, Choice)):
            found |= binding.needs(symbol)
        own.append(getattr(symbol, "definition", None))
        for term in own:
            found |= _shaping_in(term) if term is not None else frozenset()
    for block in blocks(program):
        if block.objective is not None and block.objective.expression is not None:
            found |= _shaping_in(block.objective.expression)
    return frozenset(found)


def _shaping_in(term: Node) -> frozenset[str]:
    found: set[str] = set()
    for node in walk(term):
        if isinstance(node, Space):
            found |= symbols_in(node)
        elif isinstance(node, Conditional):
            found |= symbols_in(node.condition)
        elif isinstance(node, SymbolRef):
            found |= frozenset().union(*(symbols_in(a) for a in node.args))
    return frozenset(found)


def _batched(instance: Instance, data: Mapping[str, Floats], changed: frozenset[str]) -> Scope:
    """The scope with the given parameters, and those computed from them, as ``(batch, count)``."""
    scope = replace(instance.scope, data={**instance.scope.data, **data}, local={})
    for symbol in binding.in_order(instance.program):
        if isinstance(symbol, Parameter) and symbol.name in changed and symbol.name not in data:
            assert symbol.definition is not None
            table = scope.layouts[symbol.name].table
            scope.data[symbol.name] = flat_values(symbol.definition, table, scope.named(symbol.name))
    return scope


def _column_bounds(instance: Instance, form: LinearForm, size: int, scope: Scope) -> tuple[Floats, Floats]:
    least, most = (np.broadcast_to(b, (size, len(b))).copy() for b in (form.lower, form.upper))
    for family in instance.families:
        own = slice(family.offset, family.offset + family.count)
        if family.domain not in ("semicontinuous", "spin", "simplex"):
            least[:, own], most[:, own] = family_bounds(family.symbol, family.layout, scope.named(family.name))
    return least, most
