"""Which algorithm HiGHS is to solve the first linear program of branch and cut with."""

from __future__ import annotations

from typing import Literal

import numpy as np

from optc.compiler.forms.linear import LinearForm

FEW_WHOLE = 8  # continuous columns for each whole one
MANY_ROWS = 1000


def root_algorithm(form: LinearForm) -> Literal["choose", "ipm"]:
    """An interior point where most rows are balances of many continuous columns, else HiGHS's own choice.

    Rows of products of an assignment (``lowerings.quadratic_to_linear``), and flows of many commodities, are equations
    with the right side zero. They are so degenerate that the simplex method takes minutes where an interior point takes
    seconds (of nug12 of QAPLIB more than 100 s against 5 s); below a thousand rows neither takes long.
    """
    rows, columns = form.shape
    whole = int(np.count_nonzero(form.integer))
    balances = int(np.count_nonzero((form.row_lower == 0) & (form.row_upper == 0)))
    many = rows >= MANY_ROWS and columns - whole >= FEW_WHOLE * whole
    return "ipm" if many and 2 * balances > rows else "choose"
