"""How near to a whole number a whole column must be, so that rows that it switches stay where they are."""

from __future__ import annotations

import numpy as np

from optc.compiler.forms.linear import LinearForm

MOVED = 1e-3  # how far a switched row may move, in the unit of its continuous columns
LOOSEST, STRICTEST = 1e-6, 1e-10  # what HiGHS has by default, and what it can be told at most


def whole_within(form: LinearForm, tolerance: float) -> float:
    """The tolerance for whole columns: ``tolerance``, and where a whole column has a large coefficient in a row with
    continuous ones (a switch) so little that the row moves by ``MOVED`` at most.

    A binary that is off by 1e-6 lets ``x <= 1e6 b`` pass with x = 1.
    """
    near = min(LOOSEST, tolerance)
    if form.integer.any() and not form.integer.all():
        owner = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
        sizes, whole = np.abs(form.values), form.integer[form.indices]
        scale = np.zeros(form.shape[0])
        np.maximum.at(scale, owner[~whole], sizes[~whole])
        switches = whole & (scale[owner] > 0)
        largest = float((sizes[switches] / scale[owner[switches]]).max(initial=1.0))
        near = min(near, MOVED / largest)
    return max(STRICTEST, near)
