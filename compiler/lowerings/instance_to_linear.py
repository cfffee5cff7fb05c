"""Instance to linear form.

    minimize  c'x + d   subject to   l <= A x <= u,   lower <= x <= upper,   some x whole

Source: an instance with one decider whose constraints and objective are linear in the decisions. Target:
``LinearForm``. Kept: every solution and its objective. A relation is one row for each of its rows, a range with data
on both sides one row, with decisions outside two. A ``simplex`` family adds one row a simplex. A ``spin`` family
``s`` adds binaries ``b`` with ``s = 2b - 1``; a ``semicontinuous`` one adds binaries with ``l b <= x <= u b``.
Lost: nothing. Lifted: the first columns are the families' own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NOT_IN_FORM
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Choice, Relation

from ..data.errors import DataError
from ..evaluation.scope import EvaluationError
from ..extraction.assembly import add_to, constants, fill
from ..extraction.patterns import Expression, Rows, false_rows, objective_pattern, row_bounds, row_patterns
from ..extraction.polynomial import NotPolynomialError
from ..facts.bounds import DerivedBound
from ..forms.linear import Floats, Ints, LinearForm, Slice
from ..instance.instance import Family, Instance
from ..signature import WORDS, Signature
from ..spaces.algebra import UNIT
from .domains import ExtraRows, derived_constants, domain_rows

NAME = "instance to linear"
SOURCE = "instance"
TARGET = "linear"
COST = 1.0

_ALLOWED = frozenset({"integer"})


def transfer(signature: Signature) -> Signature | str:
    """The linear form's signature, or the first feature that it has no place for."""
    feature = signature.foreign(_ALLOWED)
    return (
        replace(signature, form=TARGET, features=signature.features & {"integer"})
        if feature is None
        else WORDS[feature]
    )


@dataclass(frozen=True, slots=True, eq=False)
class Inverse:
    """What ``lift`` needs: the families' places, and the shape of the form before zeros were left out."""

    columns: tuple[Slice, ...]
    rows: tuple[Slice, ...]
    bounds: tuple[DerivedBound, ...] = ()


def accepts(instance: Instance) -> Diagnostic | None:
    """None, or the first reason why the instance has no linear form."""
    reason = unfit(instance, TARGET)
    if reason is not None:
        return reason
    try:
        objective = instance.program.root.objective
        if objective is not None and objective.expression is not None:
            objective_pattern(instance, objective.expression, 1, objective.name)
        for family in instance.constraints:
            row_patterns(instance, family)
    except (NotPolynomialError, EvaluationError) as error:
        return error.diagnostic
    return None


def unfit(instance: Instance, form: str) -> Diagnostic | None:
    """The first part of the model that a single-level algebraic form has no place for."""
    root = instance.program.root
    if root.children:
        return report(NOT_IN_FORM, root.children[0].span, what=f"the block `{root.children[0].name}`", form=form)
    if instance.nature:
        symbol = instance.nature[0].symbol
        return report(NOT_IN_FORM, symbol.span, what=f"the uncertain name `{symbol.name}`", form=form)
    for family in instance.families:
        if isinstance(family.symbol, Choice) or family.domain == "psd":
            what = f"the {'choice' if family.domain == 'choice' else 'matrix decision'} `{family.name}`"
            return report(NOT_IN_FORM, family.symbol.span, what=what, form=form)
        if family.domain == "semicontinuous" and not bool(np.all(np.isfinite(family.upper))):
            what = f"the semicontinuous decision `{family.name}` without a finite upper bound"
            return report(NOT_IN_FORM, family.symbol.span, what=what, form=form)
    for constraint in instance.constraints:
        if not isinstance(constraint.symbol.body, Relation):
            what = f"the {_WORDS[type(constraint.symbol.body).__name__]} `{constraint.name}`"
            return report(NOT_IN_FORM, constraint.symbol.span, what=what, form=form)
    return None


_WORDS = {
    "Implication": "indicator constraint",
    "Complementarity": "complementarity condition",
    "SpecialOrderedSet": "special ordered set",
}


def lower(instance: Instance) -> tuple[LinearForm, Inverse]:
    """The form, and what lifts its answers. Raises ``DataError`` where numbers are undefined or a row is false."""
    objective = instance.program.root.objective
    sense = "maximize" if objective is not None and objective.sense == "maximize" else "minimize"
    with np.errstate(all="ignore"):
        columns = columns_of(instance)
        try:
            rows = rows_of(instance, columns)
            cost, offset = np.zeros(len(columns.lower)), 0.0
            if objective is not None and objective.expression is not None:
                found = objective_pattern(instance, objective.expression, 1, objective.name)
                cost, offset = cost_of(instance, found, len(cost), objective.name or sense)
        except EvaluationError as error:
            raise DataError([error.diagnostic]) from None
    form = LinearForm(
        sense,
        cost,
        offset,
        rows.starts,
        rows.indices,
        rows.values,
        rows.lower,
        rows.upper,
        columns.lower,
        columns.upper,
        columns.integer,
        columns.slices,
        rows.slices,
    )
    return form, Inverse(columns.slices, rows.slices, derived_constants(instance))


def lift(x: Floats, inverse: Inverse) -> Mapping[str, Floats]:
    """Values of each decision family, ``(count,)`` or ``(batch, count)``, from the form's columns."""
    return {s.name: x[..., s.offset : s.offset + s.count] for s in inverse.columns}


def derived(inverse: Inverse) -> tuple[DerivedBound, ...]:
    """The constants of rows that came from bounds: those of semicontinuous decisions."""
    return inverse.bounds


def cost_of(instance: Instance, found: Expression, count: int, name: str) -> tuple[Floats, float]:
    """The linear part of an objective, ``(count,)``, and its constant. Kept with the instance."""
    stamp = instance.stamp(found.uses)
    kept = instance.patterns.get("cost")
    if isinstance(kept, KeptCost) and kept.pattern is found and kept.stamp == stamp and len(kept.cost) == count:
        return kept.cost, kept.offset
    scope = instance.scope.named(name)
    cost = np.zeros(count)
    add_to(cost, found.linear, scope)
    offset = float(constants(found.constant, UNIT, scope))
    instance.patterns["cost"] = KeptCost(found, stamp, cost, offset)
    return cost, offset


@dataclass(frozen=True, slots=True, eq=False)
class KeptCost:
    """An objective as it was last computed, with data of which age."""

    pattern: Expression
    stamp: int
    cost: Floats
    offset: float


# -------------------------------------------------------------------------------------------------------- columns
@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    lower: Floats
    upper: Floats
    integer: NDArray[np.bool_]
    slices: tuple[Slice, ...]
    extra: tuple[ExtraRows, ...]


def columns_of(instance: Instance) -> Columns:
    """Bounds and integrality of all columns: the families', then those that domains add. Kept with the instance."""
    known = instance.patterns.get("columns")
    if isinstance(known, tuple) and known[0] is instance.families:
        kept: Columns = known[1]
        return kept
    found = _columns(instance)
    instance.patterns["columns"] = (instance.families, found)
    return found


def _columns(instance: Instance) -> Columns:
    extra = domain_rows(instance)
    count = instance.columns + sum(e.columns for e in extra)
    lower, upper = np.empty(count), np.empty(count)
    integer = np.zeros(count, dtype=np.bool_)
    for family in instance.families:
        own = slice(family.offset, family.offset + family.count)
        lower[own], upper[own] = _range(family)
        integer[own] = family.integer and family.domain != "spin"
    lower[instance.columns :], upper[instance.columns :], integer[instance.columns :] = 0.0, 1.0, True
    slices = tuple(Slice(f.name, f.offset, f.count, f.layout) for f in instance.families)
    return Columns(lower, upper, integer, slices, extra)


def _range(family: Family) -> tuple[Floats, Floats]:
    if family.domain == "semicontinuous":
        return np.minimum(family.lower, 0.0), np.maximum(family.upper, 0.0)
    return family.lower, family.upper


# ----------------------------------------------------------------------------------------------------------- rows
@dataclass(frozen=True, slots=True, eq=False)
class RowArrays:
    starts: Ints
    indices: Ints
    values: Floats
    lower: Floats
    upper: Floats
    slices: tuple[Slice, ...]


@dataclass(frozen=True, slots=True, eq=False)
class KeptRows:
    """Rows as they were last computed: from which patterns, with data of which age, with zeros and without."""

    patterns: tuple[Rows, ...]
    extra: tuple[ExtraRows, ...]
    stamps: tuple[Stamp, ...]
    whole: RowArrays
    final: RowArrays


Stamp = tuple[int, int]
"""When the data of a row family's coefficients and of all its numbers were last updated."""


def rows_of(instance: Instance, columns: Columns) -> RowArrays:
    """The rows of all constraint families and of the domains, in CSR; raises ``DataError`` for false rows.

    Kept with the instance; after an update only the numbers that changed are computed again.
    """
    patterns = tuple(rows for family in instance.constraints for rows in row_patterns(instance, family))
    stamps = tuple(_stamp(rows, instance) for rows in patterns)
    kept = instance.patterns.get("row arrays")
    if isinstance(kept, KeptRows) and _same_structure(kept, patterns, columns):
        if kept.stamps == stamps:
            return kept.final
        whole, final = _renewed(kept, patterns, stamps, instance)
    else:
        whole = arranged(patterns, columns.extra)
        everything = [True] * len(patterns)
        _compute(patterns, everything, everything, instance, whole)
        final = _without_zeros(whole)
    instance.patterns["row arrays"] = KeptRows(patterns, columns.extra, stamps, whole, final)
    return final


def _stamp(rows: Rows, instance: Instance) -> Stamp:
    coefficients = rows.uses if rows.coefficient_uses is None else rows.coefficient_uses
    return instance.stamp(coefficients), instance.stamp(rows.uses)


def _same_structure(kept: KeptRows, patterns: tuple[Rows, ...], columns: Columns) -> bool:
    same = kept.extra is columns.extra and len(kept.patterns) == len(patterns)
    return same and all(a is b for a, b in zip(kept.patterns, patterns, strict=True))


def _renewed(
    kept: KeptRows, patterns: tuple[Rows, ...], stamps: tuple[Stamp, ...], instance: Instance
) -> tuple[RowArrays, RowArrays]:
    """The rows with the numbers that changed computed again; coefficients are shared where none did."""
    values = [old[0] != new[0] for old, new in zip(kept.stamps, stamps, strict=True)]
    bounds = [old != new for old, new in zip(kept.stamps, stamps, strict=True)]
    old = kept.whole
    lower, upper = old.lower.copy(), old.upper.copy()
    coefficients = old.values.copy() if any(values) else old.values
    whole = RowArrays(old.starts, old.indices, coefficients, lower, upper, old.slices)
    _compute(patterns, values, bounds, instance, whole)
    if any(values):
        return whole, _without_zeros(whole)
    final = kept.final
    return whole, RowArrays(final.starts, final.indices, final.values, lower, upper, final.slices)


def arranged(patterns: tuple[Rows, ...], extras: tuple[ExtraRows, ...]) -> RowArrays:
    """Row starts and columns of all rows; numbers of the domains' rows only."""
    count = sum(r.layout.size for r in patterns) + sum(e.rows for e in extras)
    size = sum(r.block.size for r in patterns) + sum(len(e.indices) for e in extras)
    starts = np.empty(count + 1, dtype=np.int32)
    indices, values = np.empty(size, dtype=np.int32), np.empty(size)
    lower, upper = np.empty(count), np.empty(count)
    slices = []
    row = at = 0
    for rows in patterns:
        slices.append(Slice(rows.name, row, rows.layout.size, rows.layout))
        end, upto = row + rows.layout.size, at + rows.block.size
        starts[row:end] = rows.block.starts[:-1]
        starts[row:end] += at
        indices[at:upto] = rows.block.indices
        row, at = end, upto
    for extra in extras:
        end, upto = row + extra.rows, at + len(extra.indices)
        starts[row:end] = at + extra.starts[:-1]
        indices[at:upto], values[at:upto] = extra.indices, extra.values
        lower[row:end], upper[row:end] = extra.lower, extra.upper
        row, at = end, upto
    starts[row] = at
    return RowArrays(starts, indices, values, lower, upper, tuple(slices))


def _compute(
    patterns: tuple[Rows, ...], values: list[bool], bounds: list[bool], instance: Instance, arrays: RowArrays
) -> None:
    """The value phase of the families whose coefficients or bounds changed."""
    faults: list[Diagnostic] = []
    row = at = 0
    for rows, new_values, new_bounds in zip(patterns, values, bounds, strict=True):
        end, upto = row + rows.layout.size, at + rows.block.size
        scope = instance.scope.named(rows.name)
        if new_values:
            fill(rows.block, arrays.values[at:upto], scope)
        if new_bounds:
            arrays.lower[row:end], arrays.upper[row:end] = row_bounds(rows, scope)
            faults += false_rows(rows, arrays.lower[row:end], arrays.upper[row:end])
        row, at = end, upto
    if faults:
        raise DataError(faults)


def _without_zeros(rows: RowArrays) -> RowArrays:
    """Entries that are zero take no part in the form (a pattern keeps them, for other numbers)."""
    if np.count_nonzero(rows.values) == len(rows.values):
        return rows
    keep = rows.values != 0
    gone = np.flatnonzero(~keep)
    starts = rows.starts - np.searchsorted(gone, rows.starts).astype(np.int32)
    return RowArrays(starts, rows.indices[keep], rows.values[keep], rows.lower, rows.upper, rows.slices)
