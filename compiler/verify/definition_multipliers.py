"""The columns that a nonlinear form adds to the model, at a point of the model, and the multipliers of their rows.

An answer states values of the model's decisions and multipliers of its rows. Each added column ``t`` is defined by a
row ``d(x, t) = 0`` of its own; with ``J`` the derivatives of these rows by these columns, the Lagrangian is flat in
``t`` at

    J' y_d  =  grad_t f - (grad_t c)' y

so that what the answer leaves out follows from what it states.
"""

from __future__ import annotations

import numpy as np

from ..forms.linear import Floats
from ..forms.nonlinear import NonlinearForm


def with_definitions(form: NonlinearForm, own: tuple[int, int], x: Floats, y: Floats) -> tuple[Floats, Floats] | None:
    """Columns ``(n,)`` and row duals ``(m,)`` of a form, of which the first ``own`` rows and columns are the model's.

    What stands behind these is computed; None where it has no value, or its rows do not determine it.
    """
    rows, columns = own
    if form.shape == own:
        return (x, y) if np.isfinite(x).all() else None
    x = form.completed(x)
    if not np.isfinite(x).all() or form.shape[0] - rows != form.shape[1] - columns:
        return None
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import splu

    matrix = coo_array((form.evaluate_jacobian(x), form.jacobian_pattern), shape=form.shape).tocsr()
    slope = (form.evaluate_gradient(x) - matrix[:rows].T @ y[:rows])[columns:]
    try:
        found = splu(matrix[rows:, columns:].T.tocsc()).solve(slope)
    except RuntimeError:  # singular: a column that its row does not determine here, such as a norm that is 0
        return None
    if not np.isfinite(found).all():
        return None
    return x, np.concatenate([y[:rows], found])
