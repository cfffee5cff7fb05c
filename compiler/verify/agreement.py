"""Whether a form says what the model says: both are evaluated at random points and compared row by row.

A proof about a form is one about the model only if the form is the model. The form came out of a lowering; here the
model's own terms are evaluated, which shares nothing with it. Affine functions that agree at a random point are equal
with probability one, up to what rounding hides (R. Freivalds, "Fast probabilistic algorithms", 1979, for matrices).
"""

from __future__ import annotations

import numpy as np

from optc.dsl.program import Relation

from ..forms.conic import ConicForm
from ..forms.fractional import FractionalForm, parts_at
from ..forms.linear import Floats, LinearForm, QuadraticForm
from ..forms.nonlinear import NonlinearForm
from ..instance.instance import Instance
from ..lowering import Lowered
from .objective import by_arrays
from .rows import excesses

POINTS = 2
NEARLY = 1e-9


def agrees(instance: Instance, form: LinearForm, seed: int = 0) -> str | None:
    """None where form and instance agree, else what differs. Forms with columns of their own cannot be compared, nor
    the rows that stand for conditions, ordered sets and complementarity.
    """
    logical = any(not isinstance(family.symbol.body, Relation) for family in instance.constraints)
    if logical or form.shape[1] != instance.columns or sum(s.count for s in form.rows) != form.shape[0]:
        return "the form has columns or rows that the model has not"
    for family in instance.families:
        own = slice(family.offset, family.offset + family.count)
        same = np.array_equal(form.lower[own], family.lower) and np.array_equal(form.upper[own], family.upper)
        if not same or np.any(form.integer[own] != family.integer):
            return f"bounds of {family.name}"
    compared = 0
    for draw in range(POINTS):
        x = random_point(form, seed + draw)
        if isinstance(form, NonlinearForm) and form.undefined(x) is not None:
            continue
        compared += 1
        point = {f.name: x[f.offset : f.offset + f.count] for f in instance.families}
        different = rows_differ(instance, form, x, point) or objective_differs(instance, form, x, point)
        if different:
            return different
    return None if compared else "terms that have no value at random points"


def says_the_same(instance: Instance, lowered: Lowered) -> str | None:
    """None where the form of a lowering, and the instance that it went through, say what the instance says."""
    different = agrees(lowered.instance, lowered.judged)
    if different is not None or lowered.instance is instance:
        return different
    return keeps_points(instance, lowered)


def keeps_points(instance: Instance, lowered: Lowered, seed: int = 0) -> str | None:
    """Whether points of the instance, extended, are points of the rewritten one: rows, slack and objective alike.

    Then the optimum of the form is no worse than the instance's, and its bound is one of the instance.
    """
    for draw in range(POINTS):
        x = random_point(lowered.judged, seed + draw)
        point = {f.name: x[f.offset : f.offset + f.count] for f in instance.families}
        extended = lowered.extend(point)
        before, after = by_arrays(instance, point), by_arrays(lowered.instance, extended)
        if before is not None and after is not None and abs(before - after) > NEARLY * max(1.0, abs(before)):
            return "the objective"
        own = {family.name: family for family in instance.constraints}
        for family in lowered.instance.constraints:
            body = family.symbol.body
            if not isinstance(body, Relation):
                return family.name
            if family.name in lowered.multiples:
                continue
            new = np.concatenate(excesses(lowered.instance, family, body, extended))
            limit = NEARLY * (1.0 + np.abs(new))
            if family.name not in own:
                broken = new > limit
            else:
                old = own[family.name]
                assert isinstance(old.symbol.body, Relation)
                wanted = np.concatenate(excesses(instance, old, old.symbol.body, point))
                with np.errstate(invalid="ignore"):
                    broken = ~((new == wanted) | (np.abs(new - wanted) <= limit))
            if broken.any():
                return family.name
    return _multiples_differ(instance, lowered, seed)


def _multiples_differ(instance: Instance, lowered: Lowered, seed: int) -> str | None:
    """The first family whose rows are no multiples of those they are in the place of.

    A row ``N / D <= c`` and its multiple ``N <= c D`` miss by amounts whose quotient is ``D``: above zero, and affine,
    so that at the middle of two points it has the mean of its values there.
    """
    one, two = (random_point(lowered.judged, seed + draw) for draw in range(2))
    whole = (one, two, 0.5 * (one + two))
    points = [{f.name: x[f.offset : f.offset + f.count] for f in instance.families} for x in whole]
    for family in lowered.instance.constraints:
        old = lowered.multiples.get(family.name)
        if old is None:
            continue
        known, quotients = instance.constraint(old), []
        for point in points:
            parts = []
            for where, each, at in ((lowered.instance, family, lowered.extend(point)), (instance, known, point)):
                body = each.symbol.body
                assert isinstance(body, Relation)
                parts.append(np.concatenate(excesses(where, each, body, at)))
            with np.errstate(all="ignore"):
                quotients.append(parts[0] / parts[1])
        first, second, middle = quotients
        near = np.abs(middle - 0.5 * (first + second)) <= NEARLY * (1.0 + np.abs(first) + np.abs(second))
        if not ((first > 0) & (second > 0) & (middle > 0) & near).all():
            return family.name
    return None


def random_point(form: LinearForm, seed: int) -> Floats:
    """A point within the bounds where they are near, of moderate size elsewhere; whole where it must be."""
    low = np.maximum(form.lower, np.where(np.isfinite(form.upper), form.upper, 0.0) - 8.0)
    low = np.where(np.isfinite(form.lower), form.lower, low)
    high = np.minimum(form.upper, low + 8.0)
    x: Floats = low + _uniform(len(low), seed) * np.maximum(high - low, 0.0)
    return np.where(form.integer, np.clip(np.rint(x), form.lower, form.upper), x)


def _uniform(count: int, seed: int) -> Floats:
    """Numbers in [0, 1), ``(count,)``: the generator SplitMix64 over a counter (G. L. Steele, D. Lea, C. H. Flood,
    "Fast splittable pseudorandom number generators", 2014). To import numpy's generators costs more than they do.
    """
    start = np.uint64((seed + 1) * 0x632BE59BD9B4E019 % 2**64)
    bits = start + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    return np.ldexp((bits >> np.uint64(11)).astype(np.float64), -53)


def rows_differ(instance: Instance, form: LinearForm, x: Floats, point: dict[str, Floats]) -> str | None:
    terms = form.values * x[form.indices]
    owner = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
    activity: Floats = np.bincount(owner, weights=terms, minlength=form.shape[0]).astype(np.float64)
    if isinstance(form, NonlinearForm):
        activity = form.evaluate_rows(x)
    size = np.bincount(owner, np.abs(terms), form.shape[0]).astype(np.float64) + np.abs(activity)
    names = [s.name for s in form.rows]
    for family in instance.constraints:
        body = family.symbol.body
        if not isinstance(body, Relation):
            return family.name
        parts = excesses(instance, family, body, point)
        slices = [form.rows[k] for k, name in enumerate(names) if name == family.name]
        wanted = parts if len(slices) == len(parts) else [np.maximum.reduce(parts)]
        if len(slices) != len(wanted):
            return family.name
        for slot, want in zip(slices, wanted, strict=True):
            rows = slice(slot.offset, slot.offset + slot.count)
            low, high = form.row_lower[rows], form.row_upper[rows]
            got = np.maximum(activity[rows] - high, low - activity[rows])
            if isinstance(form, ConicForm):
                got, size[rows] = _as_written(form, x, rows, got, size[rows])
            same = got == want  # both infinite where a row has no sides
            ends = np.where(np.isfinite(low), np.abs(low), 0.0) + np.where(np.isfinite(high), np.abs(high), 0.0)
            with np.errstate(invalid="ignore"):
                near = np.abs(got - want) <= NEARLY * (1.0 + size[rows] + ends)
            if not (near | same).all():
                return family.name
    return None


def _as_written(form: ConicForm, x: Floats, rows: slice, got: Floats, size: Floats) -> tuple[Floats, Floats]:
    """What rows of a conic form miss by, and of what size, in the units of the model's rows."""
    roots = form.roots
    mine = np.flatnonzero((roots.rows >= rows.start) & (roots.rows < rows.stop))
    if not len(mine):
        return got, size
    every, at = np.zeros(len(roots.rows)), roots.rows[mine] - rows.start
    every[mine] = got[at]
    with np.errstate(all="ignore"):
        excess, of = roots.written(x, every)
    got, size = got.copy(), size.copy()
    got[at], size[at] = excess[mine], of[mine]
    return got, size


def objective_differs(instance: Instance, form: LinearForm, x: Floats, point: dict[str, Floats]) -> str | None:
    if isinstance(form, FractionalForm):
        return _ratio_differs(instance, form, x, point)
    want = by_arrays(instance, point)
    parts = [form.cost * x, np.array([form.offset])]
    if isinstance(form, NonlinearForm):
        parts = [np.array([form.evaluate_objective(x)])]
    if isinstance(form, QuadraticForm):
        columns = np.repeat(np.arange(form.shape[1]), np.diff(form.hessian_starts))
        weight = np.where(columns == form.hessian_indices, 0.5, 1.0)
        with np.errstate(over="ignore"):
            parts.append(weight * form.hessian_values * x[columns] * x[form.hessian_indices])
    terms = np.concatenate(parts)
    size = float(np.abs(terms).sum())
    return None if abs(float(terms.sum()) - (want or 0.0)) <= NEARLY * (1.0 + size) else "the objective"


def _ratio_differs(instance: Instance, form: FractionalForm, x: Floats, point: dict[str, Floats]) -> str | None:
    """As ``objective_differs`` for a ratio; where the denominator is zero at the point nothing can be compared."""
    top, bottom = parts_at(form, x)
    size = float(np.abs(form.cost) @ np.abs(x)) + abs(form.offset)
    below = float(np.abs(form.denominator) @ np.abs(x)) + abs(form.denominator_offset)
    if abs(bottom) <= NEARLY * below:
        return "the objective"
    want = by_arrays(instance, point)
    near = NEARLY * (1.0 + size / abs(bottom) + abs(top) * below / bottom**2)
    return None if abs(top / bottom - (want or 0.0)) <= near else "the objective"
