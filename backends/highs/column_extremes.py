"""The least and largest values of columns over one linear program, one after the other from the basis of the last.

Only the cost changes from one to the next, so the last vertex stays feasible and the primal simplex method goes on from
there. What it gives are row multipliers; whoever asks turns them into bounds that hold whatever rounding did.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from optc.compiler.backend import Extreme
from optc.compiler.context import Context
from optc.compiler.forms.linear import LinearForm

from .passing import load, set_option

PRIMAL_SIMPLEX = 4


class Extremes:
    """A linear program whose cost is one column at a time. ``solves``: how many it has done."""

    def __init__(self, form: LinearForm, context: Context) -> None:
        self.context = context
        self.solves = 0
        self._last: int | None = None
        self._highs: Any = load(form)
        options: dict[str, str | int] = {
            "presolve": "off",
            "parallel": "off",
            "simplex_strategy": PRIMAL_SIMPLEX,
            "random_seed": context.seed % 2**31,
        }
        for name, value in options.items():
            set_option(self._highs, name, value)

    def least(self, column: int, sign: float) -> Extreme | None:
        """The point with the least ``sign * x[column]`` and its row multipliers; None where there is none in time."""
        if self._last is not None:
            self._highs.changeColCost(self._last, 0.0)
        self._highs.changeColCost(column, sign)
        self._last = column
        remaining = self.context.remaining()
        limit = math.inf if remaining is None else self._highs.getRunTime() + remaining
        set_option(self._highs, "time_limit", limit)  # HiGHS counts its limit over all runs of one object
        self._highs.run()
        self.solves += 1
        if self._highs.getModelStatus().name != "kOptimal":
            return None
        solution = self._highs.getSolution()
        return Extreme(np.array(solution.col_value), np.array(solution.row_dual))

    def narrow(self, column: int, lower: float, upper: float) -> None:
        self._highs.changeColBounds(column, lower, upper)
