"""A bound from the objective alone: interval arithmetic over the bounds that decisions and linear rows leave.

It needs no convexity and no multipliers, and it is often weak. Sums of squares have it at 0, so that an answer without
residual is known to be optimal.
"""

from __future__ import annotations

import numpy as np

from ..evaluation.scope import EvaluationError
from ..facts.enclosure import enclosure
from ..facts.region import region_of
from ..instance.instance import Instance
from ..result.certificate import Line
from ..spaces.algebra import UNIT


def enclosure_bound(instance: Instance) -> list[Line]:
    """The claim that the objective cannot pass a number at a feasible point; nothing where none is known."""
    stated = instance.program.root.objective
    if stated is None or stated.expression is None:
        return []
    try:
        found = enclosure(region_of(instance), stated.expression, UNIT)
    except EvaluationError:  # data without a value in a branch that no point takes
        return []
    limit = float(np.max(found.upper) if stated.sense == "maximize" else np.min(found.lower))
    how = "interval arithmetic over the bounds of the decisions, rounded outwards"
    return [Line("bound", "proved", limit, how=how)] if np.isfinite(limit) else []
