"""Multipliers that prove rows and bounds infeasible, as a linear program of their own.

``l <= A x <= u``, ``lower <= x <= upper`` have no point exactly where non-negative multipliers of the finite sides
cancel the columns and leave a contradiction (J. Farkas, "Theorie der einfachen Ungleichungen", 1902):

    A'(p - q) + r - s = 0,    l'p - u'q + lower'r - upper's = 1
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optc.compiler.forms.linear import Floats, LinearForm

INFINITE = 1e20  # bounds of this size and beyond count as infinite

Solve = Callable[[LinearForm], Floats | None]  # a point of a linear form, or None


def dual_ray(form: LinearForm, solve: Solve) -> Floats | None:
    """Row multipliers (m), positive on lower and negative on upper sides, or None where the rows admit a point."""
    rows = form.shape[0]
    sides = (form.row_lower, form.row_upper, form.lower, form.upper)
    finite = [np.flatnonzero(np.abs(side) < INFINITE) for side in sides]
    counts = [len(part) for part in finite]
    total = sum(counts)
    found = solve(_alternative(form, finite))
    if found is None or not total:
        return None
    ray = np.zeros(rows)
    ray[finite[0]] += found[: counts[0]]
    ray[finite[1]] -= found[counts[0] : counts[0] + counts[1]]
    return ray


def _alternative(form: LinearForm, finite: list[np.ndarray]) -> LinearForm:
    """The system above: a row for each column of the form and the contradiction, a column for each finite side."""
    columns = form.shape[1]
    owner = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
    offset = 0
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for k, (side, sign) in enumerate(
        ((form.row_lower, 1.0), (form.row_upper, -1.0), (form.lower, 1.0), (form.upper, -1.0))
    ):
        place = np.full(len(side), -1)
        place[finite[k]] = offset + np.arange(len(finite[k]))
        if k < 2:
            there = place[owner] >= 0
            parts.append((form.indices[there], place[owner][there], sign * form.values[there]))
        else:
            parts.append((finite[k], place[finite[k]], np.full(len(finite[k]), sign)))
        parts.append((np.full(len(finite[k]), columns), place[finite[k]], sign * side[finite[k]]))
        offset += len(finite[k])
    at, which, values = (np.concatenate([part[k] for part in parts]) for k in range(3))
    keep = values != 0
    at, which, values = at[keep], which[keep], values[keep]
    order = np.lexsort((which, at))
    starts = np.concatenate([[0], np.cumsum(np.bincount(at, minlength=columns + 1))]).astype(np.int32)
    right = np.zeros(columns + 1)
    right[columns] = 1.0
    return LinearForm(
        "minimize",
        np.ones(offset),
        0.0,
        starts,
        which[order].astype(np.int32),
        values[order],
        right,
        right,
        np.zeros(offset),
        np.full(offset, np.inf),
        np.zeros(offset, dtype=np.bool_),
    )
