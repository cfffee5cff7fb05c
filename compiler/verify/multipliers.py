"""Claim ``multipliers``: what ``dual`` stands for in the model are multipliers of the followers' rows at their answers.

The followers' optimality conditions are evaluated with them as rows of the model, by what judges every other row.
Where a row has several multipliers any of them is right: the leader has taken the one that is best for him.
"""

from __future__ import annotations

from optc.dsl.program import Multiplier

from ..data.errors import DataError
from ..instance.instance import Instance
from ..instance.stationarity import stationarity
from ..result.certificate import Line
from .feasible import feasible
from .followers import followers
from .point import Point

CLAIM = "multipliers"


def multipliers(instance: Instance, point: Point, duals: Point, tolerance: float) -> Line | None:
    """The line of the claim, None where the model asks for no multipliers.

    ``duals``: values ``(rows,)`` by ``dual(constraint)``; open where one of the followers' rows has none.
    """
    if not any(isinstance(symbol, Multiplier) for symbol in instance.program.symbols.values()):
        return None
    blocks = followers(instance.program)
    try:
        conditions = stationarity(instance, *(block.path for block in blocks))
    except DataError as refusal:
        return Line(CLAIM, "open", how=refusal.diagnostics[0].message)
    whole = {**duals, **point}
    missing = [family.name for family in conditions.families if family.name not in whole]
    if missing:
        return Line(CLAIM, "open", tolerance=tolerance, how=f"the answer has no values of {missing[0]}")
    line = feasible(conditions, whole, tolerance)
    how = "largest violation of the followers' optimality conditions; where a row has several, the leader's best"
    return Line(CLAIM, line.status, line.value, tolerance, line.where, how)
