"""Bounds and infeasibility by a cover of the domain with boxes, each of which is examined again.

The cover comes with an answer; that its boxes cover the domain follows from how it is written down (``boxes.cover``),
and that none of them holds a better point is worked out here from the form, rounded outwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..answer import Answer
from ..boxes.cover import Cover, holds
from ..boxes.problem import BoxProblem
from ..context import start
from ..evaluation.scope import EvaluationError
from ..forms.nonlinear import NonlinearForm
from ..instance.instance import Instance
from ..lowering import Lowered
from ..result.certificate import Line
from .agreement import keeps_points

SECONDS = 10.0  # for one cover
SHOWN = 300  # cuts that evidence holds at most
NAMES = ("parent", "side", "column", "cut")


def covered_bound(instance: Instance, lowered: Lowered, answer: Answer) -> Line | None:
    """The answer's bound, proved by its cover; None where it is not."""
    if answer.cover is None or answer.bound is None:
        return None
    how = _proof(instance, lowered, lowered.judged, answer.cover, answer.bound)
    return None if how is None else Line("bound", "proved", answer.bound, how=how, evidence=evidence(answer.cover))


def covered_infeasibility(instance: Instance, lowered: Lowered, answer: Answer) -> Line | None:
    """That the form of the answer has no point, proved by its cover; None where it is not."""
    if answer.cover is None:
        return None
    how = _proof(instance, lowered, lowered.judged, answer.cover, None)
    return None if how is None else Line("infeasible", "proved", how=how, evidence=evidence(answer.cover))


def replayed(instance: Instance, lowered: Lowered | None, claim: Mapping[str, Any]) -> Line | None:
    """What the cover in the evidence of a claim, ``bound`` or ``infeasible``, proves; None where it has none."""
    cover, name = _cover(claim), str(claim.get("claim"))
    if cover is None or lowered is None:
        return None
    value = claim.get("value")
    limit = float(value) if name == "bound" and isinstance(value, int | float) else None
    how = None
    if name == "infeasible" or limit is not None:
        how = _proof(instance, lowered, lowered.judged, cover, limit)
    if how is None:
        return Line(name, "failed", limit, how="the boxes in the evidence do not prove it on this model")
    return Line(name, "proved", limit, how=f"{how}, replayed from the evidence")


def evidence(cover: Cover) -> dict[str, Any] | None:
    """A cover of few cuts as plain numbers."""
    if len(cover.parent) > SHOWN:
        return None
    return {"cuts": {name: getattr(cover, name).tolist() for name in NAMES}}


def _cover(claim: Mapping[str, Any]) -> Cover | None:
    """The cover in the evidence of a claim, or None where there is none that is one."""
    given = claim.get("evidence")
    cuts = given.get("cuts") if isinstance(given, Mapping) else None
    parts = [cuts.get(name) for name in NAMES] if isinstance(cuts, Mapping) else []
    if not parts or not all(isinstance(part, Sequence) and not isinstance(part, str) for part in parts):
        return None
    try:
        whole = [np.asarray(part, dtype=np.int32) for part in parts[:3]]
        cut = np.asarray(parts[3], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    shapes = {cut.shape, *(each.shape for each in whole)}
    if len(shapes) != 1 or cut.ndim != 1 or not np.isfinite(cut).all() or not np.isin(whole[1], (0, 1)).all():
        return None
    return Cover(whole[0], whole[1], whole[2], cut)


def _proof(instance: Instance, lowered: Lowered, form: object, cover: Cover, bound: float | None) -> str | None:
    """How a cover proves a bound, or that there is no point (None); None where it does not."""
    if not isinstance(form, NonlinearForm) or not _same(instance, lowered):
        return None
    if ((cover.column < 0) | (cover.column >= form.shape[1])).any():
        return None
    problem = BoxProblem(form)
    cutoff = math.inf if bound is None else problem.sign * bound
    if not holds(problem, cover, cutoff, start(time_limit=SECONDS).stop):
        return None
    words = "no point" if bound is None else "no better point"
    count = "1 box that is" if cover.boxes == 1 else f"{cover.boxes:,} boxes that cover"
    return f"interval arithmetic, rounded outwards, finds {words} in {count} the domain"


def _same(instance: Instance, lowered: Lowered) -> bool:
    """Whether the instance that the form is of has the points of the model."""
    if lowered.instance is instance:
        return True
    try:
        return keeps_points(instance, lowered) is None
    except EvaluationError:  # a random point where something has no value
        return False
