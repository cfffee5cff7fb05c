"""Discrete form to linear form.

    row <= u where b is 1     row + M b <= u + M            M = max(row) - u where b is 0
    sos1(x)                   l_j z_j <= x_j <= u_j z_j,                     sum(z) <= 1
    sos2(x)                   l_j (y_{j-1} + y_j) <= x_j <= u_j (...),       sum(y) == 1
    x * y == 0                l z <= x <= u z,  l' (1 - z) <= y <= u' (1 - z)

Source: a ``DiscreteForm`` with a linear objective and no products in rows. Target: ``LinearForm`` with a binary for
each member of a set (of sos2: for each pair of neighbours) and each complementary pair; a binary among them is its own.
Kept: every point and the optimum. Lost: nothing. Lifted: the first columns.

Every constant is derived: the columns' bounds are propagated through the rows that always hold to a fixed point
(``facts.form_bounds``), and a row's M is the least number that its interval over them allows. A row that holds for all
of them anyway gets none. Where no constant follows, or only one so large that a binary within the least tolerance for
whole numbers would move its row by more than a thousandth (``LARGEST``), the form is refused by the name of a column
without a near bound.

The cost puts these rows before the conditions as SCIP takes them and after branching on pairs alone. Measured with
HiGHS 1.16 and SCIP 10 on one thread, two draws each, seconds to a gap of 1e-4: lot sizing with 240 indicators 0.6 and
11 against 0.9 and over 20; one machine with 110 disjunctive indicators 1.1 and 5.3 against twice over 20; best subset
of 28 regressors 1.2 and 1.3 against 4.2 and 8.3; 60 sos1 of 15 members 2.0 and 4.1 against twice over 20; but 150 sos2
of six members 0.8 and 7.5 against 0.3 and 2.7.

Sources: P. Bonami, A. Lodi, A. Tramontani, S. Wiese, "On mathematical programming with indicator constraints",
Mathematical Programming 151 (2015); H. P. Williams, "Model Building in Mathematical Programming" (5th ed., 2013),
chapter 9.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NoReturn

import numpy as np

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NOT_IN_FORM
from optc.dsl.catalogue.solving import LARGE_CONSTANT, NO_BOUND
from optc.dsl.diagnostics import Diagnostic

from ..facts.bounds import DerivedBound
from ..facts.form_bounds import UNIT, Terms, column_bounds, endless_entry, largest, terms_of
from ..facts.propagation import Ends
from ..forms.discrete import DiscreteForm
from ..forms.linear import Floats, Ints, LinearForm
from ..forms.naming import column_text, entry_at, row_text
from ..signature import WORDS, Signature
from .derived_constants import of_columns, of_held, of_rows
from .drafting import Bools, Draft, SparseRows, dense_rows
from .finishing import finish

NAME = "discrete to linear"
SOURCE = "discrete"
TARGET = "linear"
COST = 0.015

LARGEST = 1e7  # a binary is whole within 1e-10 at best

_ALLOWED = frozenset({"integer", "binary", "semicontinuous", "indicator", "complementarity", "special ordered set"})
_OCCASIONS = frozenset({"semicontinuous", "indicator", "complementarity", "special ordered set"})


def transfer(signature: Signature) -> Signature | str | None:
    """The linear form's signature; the first feature it has no place for; None where there is nothing to state."""
    if not signature.features & _OCCASIONS:
        return None
    feature = signature.foreign(_ALLOWED)
    return WORDS[feature] if feature is not None else replace(signature, form=TARGET, features=frozenset({"integer"}))


@dataclass(frozen=True, slots=True, eq=False)
class Inverse:
    """What ``lift`` needs: how many columns the source has; and the constants that were derived."""

    columns: int
    bounds: tuple[DerivedBound, ...]


class _RefusedError(Exception):
    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def accepts(form: DiscreteForm) -> Diagnostic | None:
    """None, or why no linear rows state the form: a product, or a column without a bound where one is needed."""
    for words, entries in (("a product in a row", form.products.values), ("a square", form.hessian_values)):
        if len(entries):
            return report(NOT_IN_FORM, None, what=words, form=TARGET)
    try:
        _lowered(form)
    except _RefusedError as refusal:
        return refusal.diagnostic
    return None


def lower(form: DiscreteForm) -> tuple[LinearForm, Inverse]:
    """The form, and what lifts its answers. Raises ``ValueError`` where ``accepts`` gives a reason."""
    try:
        found = _lowered(form)
    except _RefusedError as refusal:
        raise ValueError(str(refusal)) from None
    _lowered.cache_clear()
    return found


def lift(x: Floats, inverse: Inverse) -> Floats:
    """The columns of the source."""
    return x[..., : inverse.columns]


def derived(inverse: Inverse) -> tuple[DerivedBound, ...]:
    """The constants of rows that came from bounds."""
    return inverse.bounds


@lru_cache(maxsize=1)  # what ``accepts`` has made is what ``lower`` gives
def _lowered(form: DiscreteForm) -> tuple[LinearForm, Inverse]:
    with np.errstate(all="ignore"):
        ends = column_bounds(form)
        draft = Draft()
        draft.add_columns(form.lower, form.upper, form.integer)
        bounds = (*_indicators(form, ends, draft), *_sets(form, ends, draft), *_pairs(form, ends, draft))
        done = finish(draft)
    more = np.zeros(len(done.lower) - form.shape[1])
    target = LinearForm(
        form.sense,
        np.concatenate([form.cost, more]),
        form.offset,
        done.starts,
        done.indices,
        done.values,
        done.row_lower,
        done.row_upper,
        done.lower,
        done.upper,
        done.integer,
        form.columns,
        tuple(draft.slices),
    )
    return target, Inverse(form.shape[1], bounds)


# --------------------------------------------------------------------------------------------------------- indicators
@dataclass(frozen=True, slots=True, eq=False)
class _Switches:
    """Switched rows (k): their terms, and by how much they may miss each end where the binary lets them."""

    rows: Ints
    columns: Ints
    values: Ints
    over: Floats  # M of the upper end, 0 without one
    under: Floats  # M of the lower end
    held: Bools  # rows without M since propagation leaves their binary no other value


def _indicators(form: DiscreteForm, ends: Ends, draft: Draft) -> tuple[DerivedBound, ...]:
    """All rows of the form in their places, the switched ones with the constant of one end; then their other ends."""
    each = form.indicators
    own = SparseRows(form.starts, form.indices, form.values, form.row_lower, form.row_upper)
    if not each.count:
        draft.pieces.append(own)
        draft.rows += own.count
        draft.slices += form.rows
        return ()
    found, idle = _switches(form, ends)
    lower, upper = form.row_lower.copy(), form.row_upper.copy()
    free = each.rows[idle]
    lower[free], upper[free] = -np.inf, np.inf
    two = np.isfinite(lower[found.rows]) & np.isfinite(upper[found.rows])
    draft.add_rows(_relaxed(own, found, lower, upper, below=~np.isfinite(upper[found.rows])))
    draft.slices += form.rows
    if two.any():
        _other_ends(form, found, two, draft)
    on = found.values == 1
    return (
        *of_rows(form, ends, found.rows, found.over, found.under),
        *of_held(form, ends, found.rows[found.held], found.columns[found.held], ~on[found.held]),
    )


def _switches(form: DiscreteForm, ends: Ends) -> tuple[_Switches, Bools]:
    """The switched rows whose binary is not fixed against them, and which of all are (k): those never hold."""
    each = form.indicators
    idle = np.where(each.values == 1, ends.upper[each.columns] < 1, ends.lower[each.columns] > 0)
    rows, columns, values = (part[~idle] for part in (each.rows, each.columns, each.values))
    terms = terms_of(form, rows)
    away = terms.column == columns[terms.owner]
    low = np.where(away, 1 - values[terms.owner], ends.lower[terms.column])
    high = np.where(away, 1 - values[terms.owner], ends.upper[terms.column])
    most = largest(terms, low, high)
    less = largest(replace(terms, value=-terms.value), low, high)
    over, under = _constants(form.row_upper[rows], most), _constants(-form.row_lower[rows], less)
    always = np.where(values == 1, form.lower[columns] > 0, form.upper[columns] < 1)
    forced = np.where(values == 1, ends.lower[columns] > 0, ends.upper[columns] < 1)
    held = forced & ~always & ~(np.maximum(over, under) <= LARGEST)
    over, under = (np.where(always | held, 0.0, constants) for constants in (over, under))
    for constants, sign in ((over, 1.0), (under, -1.0)):
        _refuse_large(form, ends, rows, terms, constants, sign, away)
    return _Switches(rows, columns, values, over, under, held), np.asarray(idle)


def _constants(upper: Floats, most: Floats) -> Floats:
    """The least M with most <= upper + M in float64 too, (k); 0 where there is no upper end."""
    gap = most - upper
    whole = (most == np.rint(most)) & (upper == np.rint(upper)) & (np.abs(most) + np.abs(upper) < 2.0**52)
    gap = np.where(whole, gap, gap + 4.0 * UNIT * (np.abs(most) + np.abs(upper)))
    return np.where(np.isposinf(upper), 0.0, np.maximum(gap, 0.0))


def _refuse_large(
    form: DiscreteForm, ends: Ends, rows: Ints, terms: Terms, constants: Floats, sign: float, away: Bools
) -> None:
    """Raises for the first row whose constant is infinite or too large."""
    bad = np.flatnonzero(~(constants <= LARGEST))
    if not len(bad):
        return
    row = int(bad[0])
    expression = row_text(form, int(rows[row]))
    mine = np.flatnonzero((terms.owner == row) & ~away)
    if not len(mine):
        mine = np.flatnonzero(terms.owner == row)
    above = terms.value[mine] * sign > 0
    reach = np.where(above, ends.upper[terms.column[mine]], ends.lower[terms.column[mine]])
    worst = int(np.argmax(np.abs(terms.value[mine] * reach)))
    _refuse(form, ends, expression, int(terms.column[mine][worst]), bool(above[worst]), float(constants[row]))


def _refuse(form: DiscreteForm, ends: Ends, expression: str, column: int, above: bool, constant: float) -> NoReturn:
    if np.isinf(constant):
        decision, side = endless_entry(form, ends, column, above)
        raise _RefusedError(report(NO_BOUND, None, expression=expression, decision=decision, side=side))
    decision, side = column_text(form, column), "upper" if above else "lower"
    size = f"{constant:.3g}"
    raise _RefusedError(report(LARGE_CONSTANT, None, expression=expression, size=size, decision=decision, side=side))


def _relaxed(rows: SparseRows, found: _Switches, lower: Floats, upper: Floats, below: Bools) -> SparseRows:
    """Rows with the constant of one end of each switched one: the lower where ``below``, else the upper.

    Upper end: row + M b <= u + M where 1 switches it on, row - M b <= u where 0 does; the lower end likewise.
    """
    on = found.values == 1
    size = np.where(below, -found.under, found.over)
    coefficient = np.where(on, size, -size)
    shift = np.where(on, size, 0.0)
    column, value = np.zeros(rows.count, dtype=np.int32), np.zeros(rows.count)
    column[found.rows], value[found.rows] = found.columns, coefficient
    new_lower, new_upper = lower.copy(), upper.copy()
    new_upper[found.rows] = np.where(below, np.inf, upper[found.rows] + shift)
    new_lower[found.rows] = np.where(below, lower[found.rows] + shift, -np.inf)
    return replace(rows, lower=new_lower, upper=new_upper).with_entry(column, value)


def _other_ends(form: DiscreteForm, found: _Switches, two: Bools, draft: Draft) -> None:
    """The lower ends of the rows that have both: whole families, so that they keep their names, then the others."""
    wanted = np.zeros(form.shape[0], dtype=np.bool_)
    wanted[found.rows[two]] = True
    free = np.full(form.shape[0], np.inf)
    lower = np.where(wanted, form.row_lower, -np.inf)
    own = SparseRows(form.starts, form.indices, form.values, lower, free)
    both = _Switches(*(getattr(found, name)[two] for name in ("rows", "columns", "values", "over", "under", "held")))
    relaxed = _relaxed(own, both, lower, free, np.ones(int(two.sum()), dtype=np.bool_))
    for part in form.rows:
        family = np.zeros(form.shape[0], dtype=np.bool_)
        family[part.offset : part.offset + part.count] = True
        if (family & wanted).any():
            draft.add_rows(relaxed.picked(family), part.name, part.layout)
            wanted &= ~family
    if wanted.any():
        draft.add_rows(relaxed.picked(wanted))


# ----------------------------------------------------------------------------------------------- sets and pairs
def _sets(form: DiscreteForm, ends: Ends, draft: Draft) -> tuple[DerivedBound, ...]:
    sets = form.sets
    if not sets.count:
        return ()
    sizes = np.diff(sets.starts)
    owner = np.repeat(np.arange(sets.count), sizes)
    first = sets.kinds[owner] == 1
    return (
        *_first_kind(form, ends, draft, sets.columns[first], owner[first]),
        *_second_kind(form, ends, draft, sets.columns[~first], owner[~first]),
    )


def _first_kind(form: DiscreteForm, ends: Ends, draft: Draft, members: Ints, owner: Ints) -> tuple[DerivedBound, ...]:
    """``owner``: the set of each member, ascending."""
    if not len(members):
        return ()
    binary = _binary(form, members)
    switch = members.copy()
    switch[~binary] = draft.add_binaries(int((~binary).sum()))
    _at_most_one(draft, switch, owner, equal=False)
    rest = members[~binary]
    return _zero_unless(form, ends, draft, rest, switch[~binary][:, None], np.ones((len(rest), 1)), np.zeros(len(rest)))


def _second_kind(form: DiscreteForm, ends: Ends, draft: Draft, members: Ints, owner: Ints) -> tuple[DerivedBound, ...]:
    """One binary for each member but the last of its set: it and the next one may differ from zero."""
    if not len(members):
        return ()
    last = np.append(owner[1:] != owner[:-1], True)
    first = np.append(True, last[:-1])
    after = np.zeros(len(members), dtype=np.int32)
    after[~last] = draft.add_binaries(int((~last).sum()))
    before = np.append(np.int32(0), after[:-1])
    _at_most_one(draft, after[~last], owner[~last], equal=True)
    weights = np.column_stack([~first, ~last]).astype(np.float64)
    pairs = np.column_stack([before, after])
    return _zero_unless(form, ends, draft, members, pairs, weights, np.zeros(len(members)))


def _at_most_one(draft: Draft, switches: Ints, owner: Ints, *, equal: bool) -> None:
    counts = np.unique(owner, return_counts=True)[1]
    starts = np.concatenate([[0], np.cumsum(counts)])
    ones = np.ones(len(counts))
    lower = ones if equal else np.full(len(counts), -np.inf)
    draft.add_rows(SparseRows(starts, switches.astype(np.int32), np.ones(len(switches)), lower, ones))


def _pairs(form: DiscreteForm, ends: Ends, draft: Draft) -> tuple[DerivedBound, ...]:
    """Of each pair the first may differ from zero where its binary is 1, the second where it is 0."""
    first, second = form.pairs.first, form.pairs.second
    if not len(first):
        return ()
    swap = ~_binary(form, first) & _binary(form, second)
    first, second = np.where(swap, second, first), np.where(swap, first, second)
    binary = _binary(form, first)
    switch = first.copy()
    switch[~binary] = draft.add_binaries(int((~binary).sum()))
    weight = np.concatenate([np.ones(int((~binary).sum())), np.full(len(second), -1.0)])[:, None]
    constant = np.where(weight[:, 0] < 0, 1.0, 0.0)
    columns, others = np.concatenate([first[~binary], second]), np.concatenate([second[~binary], first])
    switches = np.concatenate([switch[~binary], switch])[:, None]
    return _zero_unless(form, ends, draft, columns, switches, weight, constant, others)


def _member_text(form: DiscreteForm, column: int, other: int | None) -> str:
    """The name of a member of a set or pair; for a column that a lowering made, its ``other`` or the row it is in."""
    own = entry_at(form.columns, column)
    if own is not None or other is None:
        return own or column_text(form, column)
    partner = entry_at(form.columns, other)
    if partner is not None:
        return f"the pair of {partner}"
    owner = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
    rows = np.unique(owner[(form.indices == column) | (form.indices == other)]).tolist()
    names = (entry_at(form.rows, row) for row in rows)
    return next((f"a pair of {name}" for name in names if name is not None), column_text(form, column))


def _binary(form: DiscreteForm, columns: Ints) -> Bools:
    """Which columns take no values but 0 and 1."""
    return np.asarray(form.integer[columns] & (form.lower[columns] >= 0) & (form.upper[columns] <= 1))


def _zero_unless(
    form: DiscreteForm,
    ends: Ends,
    draft: Draft,
    columns: Ints,
    switches: Ints,
    weights: Floats,
    constant: Floats,
    others: Ints | None = None,
) -> tuple[DerivedBound, ...]:
    """Rows l s <= x <= u s for columns x (k) with s = constant + weights * switches, shapes (k), (k, w), (k, w).

    ``others`` (k): the other column of each one's pair.
    """
    if not len(columns):
        return ()
    sides: tuple[tuple[bool, Floats], ...] = ((True, ends.upper[columns]), (False, ends.lower[columns]))
    for above, reach in sides:
        needed = reach > 0 if above else reach < 0
        bad = np.flatnonzero(needed & ~(np.abs(reach) <= LARGEST))
        if len(bad):
            column = int(columns[bad[0]])
            text = _member_text(form, column, None if others is None else int(others[bad[0]]))
            _refuse(form, ends, text, column, above, float(np.abs(reach[bad[0]])))
        size = reach[needed]
        entries = np.column_stack([np.ones(len(size)), -size[:, None] * weights[needed]])
        which = np.column_stack([columns[needed], switches[needed]])
        end, endless = size * constant[needed], np.full(len(size), np.inf)
        draft.add_rows(dense_rows(which, entries, *((-endless, end) if above else (end, endless))))
    return of_columns(form, ends, columns)
