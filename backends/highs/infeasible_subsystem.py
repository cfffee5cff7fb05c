"""HiGHS's irreducible infeasible subsystems."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from optc.compiler.answer import Conflict
from optc.compiler.context import Context
from optc.compiler.forms.linear import Ints, LinearForm

from .passing import highspy_module, load, set_option, set_whole_columns


def conflict(form: LinearForm, context: Context) -> Conflict | None:
    """HiGHS's own irreducible infeasible subsystem of the form without integrality; None where it has none."""
    highs = load(form)
    set_option(highs, "threads", context.threads or 0)
    set_whole_columns(highs, form, whole=False)
    light, from_lp, irreducible = 0, 2, 4
    for strategy in (light, from_lp + irreducible):
        remaining = context.remaining()
        set_option(highs, "iis_strategy", strategy)
        set_option(highs, "time_limit", math.inf if remaining is None else highs.getRunTime() + remaining)
        set_option(highs, "iis_time_limit", math.inf if remaining is None else remaining)
        status, found = highs.getIis()
        rows, columns = np.array(found.row_index_, dtype=np.int32), np.array(found.col_index_, dtype=np.int32)
        if status.name != "kError" and found.valid_ and len(rows) + len(columns):
            return _conflict(found, rows, columns)
    return None


def _conflict(found: Any, rows: Ints, columns: Ints) -> Conflict:
    side = {0: 0, 1: 0, 2: -1, 3: 1, 4: 0}
    row_sides = np.array([side[int(k)] for k in found.row_bound_], dtype=np.int32)
    bounded = np.array([int(k) >= 2 for k in found.col_bound_], dtype=np.bool_)
    column_sides = np.array([side[int(k)] for k in found.col_bound_], dtype=np.int32)
    in_conflict = highspy_module().IisStatus.kIisStatusInConflict
    proved = all(found.row_status_[row] == int(in_conflict) for row in rows)
    return Conflict(rows, row_sides, columns[bounded], column_sides[bounded], irreducible=proved)
