"""Instance to discrete form.

    minimize  x'Qx / 2 + c'x + d   subject to   l <= A x + (products of x) <= u,   lower <= x <= upper,   some x whole,
    rows switched by binaries, special ordered sets, complementary pairs

Source: an instance with one decider whose objective and constraints are of the second degree at most in the
decisions. Target: ``DiscreteForm``. Kept: every solution and its objective. Lost: nothing.

- A relation is one row for each of its rows, as in the linear form, with the products that it holds.
- ``condition => row``: a row that one binary switches (``conditions.py`` makes a literal of the condition). No big-M.
- ``e >= a complements f >= b``: slacks ``s = e - a``, ``t = f - b``, non-negative, are a complementary pair; a side
  that is a decision alone is itself the member. ``a <= e <= b complements f``: ``p = e - a``, ``q = b - e``,
  ``f = v - w``, with the pairs (p, v) and (q, w), so that ``f`` is positive only at ``a`` and negative only at ``b``.
- ``sos1``, ``sos2``: sets over the decisions' own columns.
- ``simplex``, ``spin``, ``semicontinuous``: rows and binaries, as in the linear form; a semicontinuous decision
  without a bound gets a switched row ``x <= 0`` in place of ``x <= u b``.

Choices have become binaries before (``choices_to_binaries.py``). Lifted: the families' own columns; slacks and further
binaries are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NOT_IN_FORM
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Complementarity, Constant, Expr, Implication, Relation, SpecialOrderedSet, SymbolRef

from ..data.errors import DataError
from ..evaluation.scope import EvaluationError
from ..evaluation.sets import extend as rows_in
from ..extraction.assembly import add_to, columns_of, constants
from ..extraction.patterns import Expression, group_of, needed_by, objective_pattern, offsets_of
from ..extraction.polynomial import NotPolynomialError
from ..extraction.quadratic import triangle, triangle_values
from ..facts.bounds import DerivedBound
from ..forms.discrete import DiscreteForm
from ..forms.linear import Floats, Ints, Slice
from ..instance.instance import ConstraintFamily, Family, Instance
from ..signature import WORDS, Signature
from ..spaces.algebra import UNIT, filtered
from ..spaces.layouts import Layout, layout_of_table
from ..terms.degree import Shapes
from ..terms.substitution import symbols_in
from .conditions import ALWAYS, NEVER, Reader
from .domains import derived_constants
from .drafting import Bools, Draft, SparseRows, dense_rows
from .finishing import Finished, finish
from .instance_to_linear import columns_of as family_columns
from .relation_rows import FalseRowError, family_rows, relation_parts, sparse

NAME = "instance to discrete"
SOURCE = "instance"
TARGET = "discrete"
COST = 4.0

_ALLOWED = frozenset(
    {
        "integer",
        "indicator",
        "complementarity",
        "special ordered set",
        "quadratic constraint",
        "quadratic objective",
        "dual products",
    }
)


def transfer(signature: Signature) -> Signature | str:
    """The discrete form's signature, or the first feature that it has no place for."""
    feature = signature.foreign(_ALLOWED)
    return WORDS[feature] if feature is not None else replace(signature, form=TARGET)


@dataclass(frozen=True, slots=True, eq=False)
class Inverse:
    """What ``lift`` needs: the places of the families."""

    columns: tuple[Slice, ...]
    bounds: tuple[DerivedBound, ...] = ()


def accepts(instance: Instance) -> Diagnostic | None:
    """None, or the first reason why the instance has no discrete form."""
    reason = _unfit(instance)
    if reason is not None:
        return reason
    try:
        instance.patterns["discrete"] = (instance, _lowered(instance))
    except (NotPolynomialError, EvaluationError) as error:
        return error.diagnostic
    except FalseRowError:
        return None  # for ``lower`` to tell
    return None


def lower(instance: Instance) -> tuple[DiscreteForm, Inverse]:
    """The form, and what lifts its answers.

    Raises ``DataError`` where numbers are undefined or a row is false, ``ValueError`` where ``accepts`` gives a reason.
    """
    kept = instance.patterns.pop("discrete", None)  # what ``accepts`` has made
    if isinstance(kept, tuple) and kept[0] is instance:
        form, inverse = kept[1]
        return form, inverse
    reason = _unfit(instance)
    if reason is not None:
        raise ValueError(reason.message)
    try:
        return _lowered(instance)
    except (EvaluationError, FalseRowError) as error:
        raise DataError([error.diagnostic]) from None
    except NotPolynomialError as error:
        raise ValueError(str(error)) from None


def lift(x: Floats, inverse: Inverse) -> Mapping[str, Floats]:
    """Values of each decision family, ``(count,)`` or ``(batch, count)``, from the form's columns."""
    return {s.name: x[..., s.offset : s.offset + s.count] for s in inverse.columns}


def derived(inverse: Inverse) -> tuple[DerivedBound, ...]:
    """The constants of rows that came from bounds: those of semicontinuous decisions."""
    return inverse.bounds


def _unfit(instance: Instance) -> Diagnostic | None:
    """The first part of the model that has no place in the form."""
    root = instance.program.root
    if root.children:
        return report(NOT_IN_FORM, root.children[0].span, what=f"the block `{root.children[0].name}`", form=TARGET)
    if instance.nature:
        symbol = instance.nature[0].symbol
        return report(NOT_IN_FORM, symbol.span, what=f"the uncertain name `{symbol.name}`", form=TARGET)
    for family in instance.families:
        if family.domain in ("choice", "psd"):
            what = f"the {'choice' if family.domain == 'choice' else 'matrix decision'} `{family.name}`"
            return report(NOT_IN_FORM, family.symbol.span, what=what, form=TARGET)
    return None


# -------------------------------------------------------------------------------------------------------- the whole
def _lowered(instance: Instance) -> tuple[DiscreteForm, Inverse]:
    with np.errstate(all="ignore"):
        found = _constrained(instance)
        form = _form(instance, found.done, found.columns, found.rows)
    return form, Inverse(found.columns, derived_constants(instance))


@dataclass(frozen=True, slots=True, eq=False)
class Constrained:
    """All but the objective, as it was last computed: of which families, with data of which age.

    ``reads`` keeps it with the instances that ``update`` makes; its age is compared here.
    """

    families: tuple[Family, ...]
    constraints: tuple[ConstraintFamily, ...]
    stamp: int
    columns: tuple[Slice, ...]
    rows: tuple[Slice, ...]
    done: Finished
    reads: frozenset[str] = frozenset()


def _constrained(instance: Instance) -> Constrained:
    """Columns, rows and conditions. Kept with the instance: what data do not reach stays, and so does the order of
    the entries.
    """
    known = instance.patterns.get("constrained")
    program = instance.program
    uses = (needed_by(c.symbol.body, program) | symbols_in(c.symbol.space) for c in instance.constraints)
    stamp = instance.stamp(frozenset().union(*uses))
    if isinstance(known, Constrained) and known.stamp == stamp and _same_families(known, instance):
        return known
    draft = Draft()
    columns = _families(instance, draft)
    shapes = Shapes(program, frozenset(program.root.decisions))
    for family in instance.constraints:
        degree = shapes.constraint(family.symbol).degree
        _LOWERED[type(family.symbol.body)](instance, family, 2 if degree is None else degree, draft)
    done = finish(draft, known.done if isinstance(known, Constrained) else None)
    found = Constrained(instance.families, instance.constraints, stamp, columns, tuple(draft.slices), done)
    instance.patterns["constrained"] = found
    return found


def _same_families(known: Constrained, instance: Instance) -> bool:
    if known.families is not instance.families or len(known.constraints) != len(instance.constraints):
        return False
    return all(a is b for a, b in zip(known.constraints, instance.constraints, strict=True))


def _form(instance: Instance, done: Finished, columns: tuple[Slice, ...], rows: tuple[Slice, ...]) -> DiscreteForm:
    objective = instance.program.root.objective
    sense = "maximize" if objective is not None and objective.sense == "maximize" else "minimize"
    count = len(done.lower)
    cost, offset = np.zeros(count), 0.0
    found: Expression | None = None
    scope = instance.scope.named((objective.name if objective is not None else None) or sense)
    if objective is not None and objective.expression is not None:
        found = objective_pattern(instance, objective.expression, 2, objective.name)
        add_to(cost, found.linear, scope)
        offset = float(constants(found.constant, UNIT, scope))
    hessian = triangle(found.quadratic if found is not None else (), count, offsets_of(instance), scope)
    return DiscreteForm(
        sense,
        cost,
        offset,
        done.starts,
        done.indices,
        done.values,
        done.row_lower,
        done.row_upper,
        done.lower,
        done.upper,
        done.integer,
        columns,
        rows,
        hessian.starts,
        hessian.indices,
        triangle_values(hessian, scope),
        done.products,
        done.sets,
        done.indicators,
        done.pairs,
        _proved(instance, count),
    )


def _proved(instance: Instance, count: int) -> tuple[Floats, Floats] | None:
    """The bounds of the families' columns that optimisation found, infinite elsewhere (count)."""
    if not instance.proved:
        return None
    lower, upper = np.full(count, -np.inf), np.full(count, np.inf)
    for family in instance.families:
        if family.name in instance.proved:
            own = slice(family.offset, family.offset + family.count)
            lower[own], upper[own] = instance.proved[family.name]
    return lower, upper


# --------------------------------------------------------------------------------------------------------- families
def _families(instance: Instance, draft: Draft) -> tuple[Slice, ...]:
    """The columns of all families with those that their domains add, and the domains' rows."""
    columns = family_columns(instance)
    draft.add_columns(columns.lower, columns.upper, columns.integer)
    for extra in columns.extra:
        endless = ~np.isfinite(extra.values)
        values = np.where(endless, 0.0, extra.values)
        rows = draft.add_rows(SparseRows(extra.starts, extra.indices, values, extra.lower, extra.upper))
        if endless.any():
            entries = np.flatnonzero(endless)
            owners = rows[np.searchsorted(extra.starts, entries, side="right") - 1]
            draft.switch(extra.indices[entries], np.zeros(len(entries), dtype=np.int32), owners)
    return columns.slices


# ---------------------------------------------------------------------------------------------------------- relations
def _relation(instance: Instance, family: ConstraintFamily, degree: int, draft: Draft) -> None:
    for rows in family_rows(instance, family, degree):
        draft.add_rows(rows, family.name, family.layout)


# ------------------------------------------------------------------------------------------------------- implications
def _implication(instance: Instance, family: ConstraintFamily, _degree: int, draft: Draft) -> None:
    body = family.symbol.body
    assert isinstance(body, Implication)
    table, scope = family.layout.table, instance.scope.named(family.name)
    reader = Reader(group_of(instance, 1), scope, offsets_of(instance), draft)
    found = reader.literals(body.condition, table)
    keep = found.columns != NEVER
    if not keep.any():
        return
    layout = family.layout
    if not keep.all():
        layout = _filtered(instance, family, keep)
    columns, values = found.columns[keep], found.values[keep]
    certain = columns == ALWAYS
    for pattern, products in relation_parts(body.conclusion, family.name, layout, family.symbol, instance, 1):
        rows = sparse(pattern, products, instance)
        if certain.any():
            draft.add_rows(rows.picked(certain))
        _switched(rows.picked(~certain), columns[~certain], values[~certain], draft, family.name, layout)


def _filtered(instance: Instance, family: ConstraintFamily, keep: Bools) -> Layout:
    """The rows of a family that can be switched on; the same layout as before where they are the same rows."""
    key, layout = ("switched rows", family.name), family.layout
    known = instance.patterns.get(key)
    if isinstance(known, KeptLayout) and known.of is layout and np.array_equal(known.keep, keep):
        return known.layout
    found = layout_of_table(filtered(layout.table, keep.reshape(layout.table.shape)), layout.indices)
    instance.patterns[key] = KeptLayout(layout, keep, found)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class KeptLayout:
    """Some rows of a layout; compared by those, hence right for any data."""

    of: Layout
    keep: Bools
    layout: Layout
    reads: frozenset[str] = frozenset()


def _switched(rows: SparseRows, columns: Ints, values: Ints, draft: Draft, name: str, layout: Layout) -> None:
    """Rows that hold where their binaries have their values; one without decisions that is false forbids the value."""
    empty = _empty(rows)
    false = empty & ((rows.lower > 0) | (rows.upper < 0))
    kept = rows.picked(~empty)
    numbers = draft.add_rows(kept, name if kept.count == layout.size else None, layout)
    draft.switch(columns[~empty], values[~empty], numbers)
    if false.any():
        signs = np.where(values[false] == 1, 1.0, -1.0)
        most = np.where(values[false] == 1, 0.0, -1.0)
        lowest = np.full(len(most), -np.inf)
        draft.add_rows(dense_rows(columns[false][:, None], signs[:, None], lowest, most))


# --------------------------------------------------------------------------------------------------- complementarity
def _complementarity(instance: Instance, family: ConstraintFamily, degree: int, draft: Draft) -> None:
    body = family.symbol.body
    assert isinstance(body, Complementarity)
    sides = (body.left, body.right) if body.right.ops else (body.right, body.left)
    if sides[0].ops:
        first, second = (_slack(instance, family, side, degree, draft) for side in (body.left, body.right))
        _pair(first, second, draft)
        return
    _mixed(instance, family, sides[0].terms[0], sides[1], degree, draft)


def _pair(first: Ints, second: Ints, draft: Draft) -> None:
    same = first == second
    if same.any():
        draft.zero.append(first[same])
    draft.pairs.append((first[~same], second[~same]))


def _mixed(instance: Instance, family: ConstraintFamily, free: Expr, ends: Relation, degree: int, draft: Draft) -> None:
    """``low <= middle <= high`` and a free expression: positive only at ``low``, negative only at ``high``."""
    low, middle, high = ends.terms if ends.ops[0] == "le" else ends.terms[::-1]
    above = _slack(instance, family, Relation(ends.span, (middle, low), ("ge",)), degree, draft)
    below = _slack(instance, family, Relation(ends.span, (high, middle), ("ge",)), degree, draft)
    equation = Relation(free.span, (free, Constant(None, 0.0)), ("eq",))
    (pattern, products), *_ = relation_parts(equation, family.name, family.layout, family.symbol, instance, degree)
    rows = sparse(pattern, products, instance)
    positive, negative = draft.add_slacks(rows.count), draft.add_slacks(rows.count)
    ones = np.ones(rows.count)
    draft.add_rows(rows.with_entry(positive, -ones).with_entry(negative, ones))
    for ends_, part in ((above, positive), (below, negative)):
        there = ends_ >= 0
        draft.zero.append(part[~there])  # never at an end that is infinite
        draft.pairs.append((ends_[there], part[there]))


def _slack(instance: Instance, family: ConstraintFamily, side: Relation, degree: int, draft: Draft) -> Ints:
    """The columns (count) that hold how far each row of an inequality is from equality; -1 where that is for ever."""
    (pattern, products), *_ = relation_parts(side, family.name, family.layout, family.symbol, instance, degree)
    rows = sparse(pattern, products, instance)
    sign = 1.0 if side.ops[0] == "ge" else -1.0
    bound = rows.lower if sign > 0 else rows.upper
    alone = not rows.products and rows.count == len(rows.values) and bool(np.all(np.diff(rows.starts) == 1))
    if alone and bool(np.all(bound == 0)):
        for ends, value in ((draft.nonnegative, sign), (draft.nonpositive, -sign)):
            if bool(np.all(rows.values == value)):
                ends.append(rows.indices)
                return rows.indices
    finite = np.isfinite(bound)
    found = np.full(rows.count, -1, dtype=np.int32)
    kept = rows.picked(finite)
    found[finite] = draft.add_slacks(kept.count)
    equal = replace(kept, lower=bound[finite], upper=bound[finite])
    name = family.name if kept.count == family.count else None
    draft.add_rows(equal.with_entry(found[finite], np.full(kept.count, -sign)), name, family.layout)
    impossible = rows.picked(~finite & (bound == sign * np.inf))
    draft.add_rows(impossible)
    return found


# ------------------------------------------------------------------------------------------------------- ordered sets
def _ordered_sets(instance: Instance, family: ConstraintFamily, _degree: int, draft: Draft) -> None:
    body = family.symbol.body
    assert isinstance(body, SpecialOrderedSet)
    found = _members(instance, family, body)
    columns = found.columns if found.differ else _copies(found.columns, draft)
    draft.sets.append((body.kind, found.starts, columns))


@dataclass(frozen=True, slots=True, eq=False)
class Sets:
    """The sets of one family: ``starts`` (sets + 1), ``columns`` of their members; whether no set has one twice."""

    of: Layout
    starts: NDArray[np.integer]
    columns: Ints
    differ: bool
    reads: frozenset[str]


def _empty(rows: SparseRows) -> Bools:
    """For each row whether all its coefficients are zero."""
    counts, there = np.diff(rows.starts), rows.values != 0
    if there.all():
        return np.asarray(counts == 0)
    owners = np.repeat(np.arange(rows.count), counts)
    return np.asarray(np.bincount(owners[there], minlength=rows.count) == 0)


def _members(instance: Instance, family: ConstraintFamily, body: SpecialOrderedSet) -> Sets:
    """The members of a family's sets. Kept with the instance."""
    key = ("ordered sets", family.name)
    known = instance.patterns.get(key)
    if isinstance(known, Sets) and known.of is family.layout:
        return known
    root, scope = family.layout.table, instance.scope.named(family.name)
    table = rows_in(body.members, root, scope)
    assert isinstance(body.body, SymbolRef)
    columns = np.broadcast_to(columns_of(body.body, table, offsets_of(instance), scope), table.shape).reshape(-1)
    owners = np.broadcast_to(table.rows_in(root), table.shape).reshape(-1)
    columns = columns.astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=root.size))])
    differ = _differ(owners.astype(np.int64) << 32 | columns)
    found = Sets(family.layout, starts, columns, differ, needed_by(body, instance.program) | symbols_in(body))
    instance.patterns[key] = found
    return found


def _differ(keys: NDArray[np.int64]) -> bool:
    """Whether no number stands twice."""
    if (keys[1:] > keys[:-1]).all():
        return True
    keys = np.sort(keys)
    return bool((keys[1:] > keys[:-1]).all())


def _copies(columns: Ints, draft: Draft) -> Ints:
    """New columns equal to the given ones, for sets in which a decision stands twice."""
    count = len(columns)
    free = np.full(count, np.inf)
    new = draft.add_columns(-free, free, np.zeros(count, dtype=np.bool_))
    nothing = np.zeros(count)
    draft.add_rows(dense_rows(np.column_stack([columns, new]), np.tile([1.0, -1.0], (count, 1)), nothing, nothing))
    return new


_LOWERED = {
    Relation: _relation,
    Implication: _implication,
    Complementarity: _complementarity,
    SpecialOrderedSet: _ordered_sets,
}
