"""Claim ``stationary``: the first-order conditions hold (W. Karush 1939; H. W. Kuhn, A. W. Tucker 1951).

With row multipliers of the right sign, the slope of the Lagrangian vanishes in every decision but those at a bound that
it pushes against, and a multiplier stands only where its row is tight. Measured are

    of a decision   |slope| min(1, distance to that bound), relative to max(1, the largest term of the slope)
    of a row        |multiplier| min(1, slack), relative to max(1, |objective|)

where a row's slack is relative to max(1, its largest term), and a sign that is wrong counts as a slack of one. The
multipliers are the answer's; slopes and rows are evaluated again on the model (``lagrangian``).
"""

from __future__ import annotations

import numpy as np

from ..evaluation.scope import entry_text
from ..forms.linear import Floats
from ..instance.instance import Instance
from ..result.certificate import Line
from .lagrangian import Lagrangian


def stationary(instance: Instance, found: Lagrangian, x: Floats, objective: float, tolerance: float) -> Line:
    """The line of the claim at ``x`` (n)."""
    columns = _columns(instance, found, x)
    worst, where = float(columns.max(initial=0.0)), None
    if worst > 0:
        where = _column_name(instance, int(np.argmax(columns)))
    scale = max(1.0, abs(objective))
    for side in found.rows:
        tight = side.multipliers * np.minimum(1.0, side.slack)
        values = np.maximum(tight, side.wrong) / scale
        if len(values) and (not np.isfinite(values).all() or float(values.max()) > worst):
            worst, where = float(values.max()), side.row(int(np.argmax(values)))
    holds = bool(np.isfinite(worst)) and worst <= tolerance
    rows = sum(len(side.multipliers) for side in found.rows)
    how = (
        f"slopes of the Lagrangian by {len(x):,} {'decision' if len(x) == 1 else 'decisions'}, signs and "
        f"complementarity over {rows:,} {'row' if rows == 1 else 'rows'}"
    )
    return Line("stationary", "checked" if holds else "failed", worst, tolerance, where, how)


def _columns(instance: Instance, found: Lagrangian, x: Floats) -> Floats:
    lower = np.concatenate([*(family.lower for family in instance.families), np.zeros(0)])
    upper = np.concatenate([*(family.upper for family in instance.families), np.zeros(0)])
    side = np.where(found.slope > 0, lower, upper)
    with np.errstate(invalid="ignore"):
        distance = np.where(np.isfinite(side), np.abs(x - side), 1.0)
    values: Floats = np.abs(found.slope) * np.minimum(1.0, distance) / np.maximum(1.0, found.size)
    return values


def _column_name(instance: Instance, column: int) -> str:
    family = next(f for f in instance.families if f.offset <= column < f.offset + f.count)
    return entry_text(family.name, family.layout.key(column - family.offset))
