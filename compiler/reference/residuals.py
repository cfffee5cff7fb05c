"""How far one row of a constraint, or one decision, is from being satisfied."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from optc.dsl.program import Complementarity, Constraint, Implication, Relation, SpecialOrderedSet, Symbol

from .functions import Value, number
from .terms import Env, Key, Lookup, rows, value


@dataclass(frozen=True, slots=True)
class ConstraintRow:
    """One row of a constraint family.

    ``sides``: the values of the terms of each relation (one relation; two of a complementarity; the values of the
    members of a special ordered set as one). ``violation`` is 0 where the row holds. ``scale`` is the largest finite
    absolute value among the sides. ``active`` is False where an implication's condition does not hold: its conclusion
    is then not evaluated.
    """

    index: Key
    sides: tuple[tuple[float, ...], ...]
    violation: float
    scale: float
    active: bool = True


def constraint_row(symbol: Symbol, index: Key, env: Env, look: Lookup, whole: Lookup) -> ConstraintRow:
    """The row ``index``, whose indices ``env`` binds; ``whole`` gives decisions as conditions read them, rounded."""
    assert isinstance(symbol, Constraint)
    body = symbol.body
    if isinstance(body, Relation):
        sides = _sides(body, env, look)
        return _row(index, (sides,), _violation(body, sides))
    if isinstance(body, Implication):
        if value(body.condition, env, whole) is not True:
            return ConstraintRow(index, (), 0.0, 0.0, active=False)
        sides = _sides(body.conclusion, env, look)
        return _row(index, (sides,), _violation(body.conclusion, sides))
    if isinstance(body, Complementarity):
        left, right = _sides(body.left, env, look), _sides(body.right, env, look)
        return _row(index, (left, right), _complementarity(body, left, right))
    return _special_ordered(body, index, env, look)


def _row(index: Key, sides: tuple[tuple[float, ...], ...], violation: float) -> ConstraintRow:
    finite = [abs(v) for side in sides for v in side if math.isfinite(v)]
    return ConstraintRow(index, sides, violation, max(finite, default=0.0))


def _sides(relation: Relation, env: Env, look: Lookup) -> tuple[float, ...]:
    return tuple(float(number(value(term, env, look))) for term in relation.terms)


def _excess(op: str, a: float, b: float) -> float:
    """How far ``a op b`` is from holding; ``inf <= inf`` holds."""
    if a == b:
        return 0.0
    if op == "eq":
        return abs(a - b)
    return max(0.0, a - b if op == "le" else b - a)


def _violation(relation: Relation, sides: Sequence[float]) -> float:
    pairs = zip(relation.ops, sides, sides[1:], strict=False)
    return max((_excess(op, a, b) for op, a, b in pairs), default=0.0)


def _complementarity(body: Complementarity, left: Sequence[float], right: Sequence[float]) -> float:
    """Both relations hold, and one of them with equality.

    Of a range and a free expression: at the lower end the expression is not negative, at the upper end not positive,
    between the two it is zero (mixed complementarity).
    """
    if not body.right.ops:
        return _mixed(body.left, left, right[0])
    if not body.left.ops:
        return _mixed(body.right, right, left[0])
    gaps = [min(abs(a - b) for a, b in pairwise(side)) for side in (left, right)]
    return max(_violation(body.left, left), _violation(body.right, right), min(gaps))


def _mixed(relation: Relation, sides: Sequence[float], expression: float) -> float:
    low, middle, high = sides if relation.ops[0] == "le" else tuple(reversed(sides))
    outside = max(0.0, low - middle, middle - high)
    wrong = abs(middle - low) if expression > 0 else abs(high - middle)
    return max(outside, min(abs(expression), wrong))


def _special_ordered(body: SpecialOrderedSet, index: Key, env: Env, look: Lookup) -> ConstraintRow:
    """The largest absolute value that would have to become zero, in the best case."""
    sides = tuple(float(number(value(body.body, row, look))) for row in rows(body.members, env, look))
    sizes = [abs(v) for v in sides]
    kept = [range(i, min(i + body.kind, len(sizes))) for i in range(len(sizes))]
    left_over = [max((v for j, v in enumerate(sizes) if j not in window), default=0.0) for window in kept]
    return _row(index, (sides,), min(left_over, default=0.0))


# --------------------------------------------------------------------------------------------------------- domains
def option_violation(chosen: Value, options: Sequence[Key]) -> float:
    """0 where the choice is one of the options, else 1."""
    return 0.0 if (chosen if isinstance(chosen, tuple) else (chosen,)) in options else 1.0


def domain_violation(domain: str, entries: Sequence[float], bounds: Sequence[tuple[float, float]]) -> float:
    """How far the entries are from their bounds and their domain: the largest violation of any part."""
    outside = [max(0.0, low - v, v - high) for v, (low, high) in zip(entries, bounds, strict=True)]
    if domain == "semicontinuous":
        return max(min(abs(v), out) for v, out in zip(entries, outside, strict=True))
    worst = max(outside, default=0.0)
    if domain in ("integer", "binary"):
        return max(worst, *(abs(v - round(v)) for v in entries))
    if domain == "spin":
        return max(worst, *(abs(abs(v) - 1) for v in entries))
    if domain == "simplex":
        return max(worst, abs(math.fsum(entries) - 1))
    if domain == "psd":
        return max(worst, _semidefinite_violation(entries))
    return worst


def _semidefinite_violation(entries: Sequence[float]) -> float:
    """Asymmetry, and minus the smallest eigenvalue of the symmetric part, whichever is larger."""
    size = math.isqrt(len(entries))
    matrix = [list(entries[i * size : (i + 1) * size]) for i in range(size)]
    pairs = [(i, j) for i in range(size) for j in range(i)]
    asymmetry = max((abs(matrix[i][j] - matrix[j][i]) for i, j in pairs), default=0.0)
    for i, j in pairs:
        matrix[i][j] = matrix[j][i] = (matrix[i][j] + matrix[j][i]) / 2
    return max(asymmetry, -min(_eigenvalues(matrix), default=0.0))


def _eigenvalues(matrix: list[list[float]]) -> list[float]:
    """Of a symmetric matrix, by cyclic Jacobi rotations (Golub and Van Loan, Matrix Computations, section 8.5)."""
    size = len(matrix)
    largest = max((abs(v) for row in matrix for v in row), default=0.0)
    for _ in range(60):
        if all(abs(matrix[p][q]) <= 1e-17 * largest for p in range(size) for q in range(p)):
            break
        for p in range(size):
            for q in range(p + 1, size):
                _rotate(matrix, p, q)
    return [matrix[i][i] for i in range(size)]


def _rotate(matrix: list[list[float]], p: int, q: int) -> None:
    if matrix[p][q] == 0:
        return
    ratio = (matrix[q][q] - matrix[p][p]) / (2 * matrix[p][q])
    tangent = math.copysign(1.0, ratio) / (abs(ratio) + math.hypot(1, ratio))
    cosine = 1 / math.hypot(1, tangent)
    sine = tangent * cosine
    for row in matrix:
        row[p], row[q] = cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]
    matrix[p], matrix[q] = (
        [cosine * a - sine * b for a, b in zip(matrix[p], matrix[q], strict=True)],
        [sine * a + cosine * b for a, b in zip(matrix[p], matrix[q], strict=True)],
    )
