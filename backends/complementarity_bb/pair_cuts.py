"""Rows that follow from pairs of bounded columns: of x >= 0 and y >= 0 with x * y == 0, x <= u and y <= v,

    x / u + y / v <= 1

which is the convex hull of the pair alone (E. W. Beale, J. A. Tomlin, "Special facilities in a general mathematical
programming system for non-convex problems using ordered sets of variables", Proc. 5th IFORS (1970), for sets of any
length). The bounds come from propagation on both sides of each pair (``pair_propagation``) and need not be the form's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optc.compiler.forms.linear import Floats, Ints, LinearForm

from .branching import Box

RANGE = (1e-6, 1e6)  # bounds outside would give coefficients that a solver's tolerances make meaningless


def strengthened(form: LinearForm, pairs: Ints, box: Box) -> LinearForm:
    """The form with a row for each pair whose columns are neither decided nor unbounded in ``box``."""
    low, high = box[0][pairs], box[1][pairs]
    useful = ((low == 0.0) & (high > RANGE[0]) & (high < RANGE[1])).all(axis=1) & (pairs[:, 0] != pairs[:, 1])
    order = np.argsort(pairs[useful], axis=1)
    columns = np.take_along_axis(pairs[useful], order, axis=1)
    return _with_rows(form, columns, 1.0 / np.take_along_axis(high[useful], order, axis=1))


def _with_rows(form: LinearForm, columns: Ints, values: Floats) -> LinearForm:
    """``values * x[columns]``, each (rows, 2), are 1 at most."""
    count = len(columns)
    return replace(
        form,
        starts=np.concatenate([form.starts, form.starts[-1] + 2 * np.arange(1, count + 1)]).astype(np.int32),
        indices=np.concatenate([form.indices, columns.ravel()]).astype(np.int32),
        values=np.concatenate([form.values, values.ravel()]),
        row_lower=np.concatenate([form.row_lower, np.full(count, -np.inf)]),
        row_upper=np.concatenate([form.row_upper, np.ones(count)]),
        rows=(),
    )
