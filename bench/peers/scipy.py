"""By hand as it is mostly done: each family's row, column and value arrays, put together by SciPy's ``coo_matrix``."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix

from . import numpy as by_hand
from .numpy import Rows, optimum, shape

__all__ = ["basic", "fac", "lqcp", "optimum", "shape", "transport", "ufl"]


def summed(families: list[Rows], width: int) -> tuple[Any, Any, Any]:
    """Row-wise starts, columns and values of all families, one below the other."""
    rows, columns, values, count = [], [], [], 0
    for each in families:
        last = count + each.columns[..., 0].size
        numbers = np.arange(count, last, dtype=np.int32).reshape(*each.columns.shape[:-1], 1)
        rows.append(np.broadcast_to(numbers, each.columns.shape).ravel())
        columns.append(each.columns.ravel())
        values.append(np.broadcast_to(np.asarray(each.values, float), each.columns.shape).ravel())
        count = last
    triples = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    held = coo_matrix(triples, shape=(count, width)).tocsr()
    return held.indptr, held.indices, held.data


basic = partial(by_hand.basic, assemble=summed)
transport = partial(by_hand.transport, assemble=summed)
ufl = partial(by_hand.ufl, assemble=summed)
fac = partial(by_hand.fac, assemble=summed)
lqcp = partial(by_hand.lqcp, assemble=summed)
