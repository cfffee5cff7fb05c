"""The slopes of the Lagrangian of a model at a point, from the model's own terms, in float64.

    L(x) = f(x) + sum of l_k h_k(x),    h_k <= 0 (or = 0) the sides of the relations as they are written

``f`` is the objective, turned where it is to maximise. The multipliers come from row duals of a form whose rows stand
for the relations; nothing else of that form is used here: slopes are accumulated over the terms as they are written
(``adjoint``). What a proof needs is ``enclosed_lagrangian``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..evaluation.scope import EvaluationError, entry_text
from ..forms.linear import Floats, LinearForm
from ..instance.instance import Instance
from ..spaces.algebra import UNIT, wide
from ..spaces.layouts import Layout
from .adjoint import AtPoint, Slopes, Templates
from .rows import largest_terms
from .sides import Side, sides, simplices


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of one side, with a multiplier each (count).

    ``wrong``: how far the given multiplier had the sign of the other side. ``slack``: how far from tight the row is,
    relative to its largest term where that is above 1; 0 of an equation, and where the multiplier is 0.
    """

    name: str
    layout: Layout
    equation: bool
    multipliers: Floats
    wrong: Floats
    slack: Floats

    def row(self, k: int) -> str:
        return entry_text(self.name, self.layout.key(k))


@dataclass(frozen=True, slots=True, eq=False)
class Lagrangian:
    """``slope`` by each decision (n), ``size`` (n) the largest of the terms that make it up: what a row, or the
    objective, adds. ``templates``: what does not depend on the point, for another one.
    """

    slope: Floats
    size: Floats
    rows: tuple[Rows, ...]
    templates: Templates


def lagrangian(
    instance: Instance, form: LinearForm, x: Floats, y: Floats, templates: Templates | None = None
) -> Lagrangian | str:
    """The Lagrangian at columns ``x`` of ``form``, with its row duals ``y`` (m); the reason why it cannot be had.

    Columns that stand for aggregates follow the model's own, and their rows the model's: they are eliminated, which
    leaves the multipliers of the other rows as they are.
    """
    own = x[: instance.columns]
    templates = Templates(instance) if templates is None else templates
    sign = -1.0 if form.sense == "maximize" else 1.0
    relations = sides(instance, form, sign * y)
    if isinstance(relations, str):
        return relations
    with np.errstate(all="ignore"):
        try:
            return _added(instance, form, templates, own, sign * y, sign, relations)
        except EvaluationError as error:
            return error.diagnostic.message
        except ValueError as reason:  # a term without a derivative that is known
            return str(reason)


def _added(
    instance: Instance, form: LinearForm, templates: Templates, x: Floats, y: Floats, sign: float, relations: list[Side]
) -> Lagrangian:
    slope, size = np.zeros(len(x)), np.zeros(len(x))

    def add(each: Slopes) -> None:
        nonlocal slope, size
        slope += each.total
        np.maximum(size, each.largest, out=size)

    stated = instance.program.root.objective
    if stated is not None and stated.expression is not None:
        add(AtPoint(templates, x).slopes(stated.expression, UNIT, np.array([sign])))
    rows = []
    for side in relations:
        at = AtPoint(templates, x)
        wanted = side.allowed
        if wanted.any():
            add(at.slopes(side.term, side.layout.table, wanted))
        wrong = np.zeros_like(wanted) if side.equation else np.maximum(-side.multipliers, 0.0)
        rows.append(Rows(side.name, side.layout, side.equation, wanted, wrong, _slack(instance, side, at, wanted)))
    for group in simplices(instance, y, form):
        slope[group.columns] += group.weights
        size[group.columns] = np.maximum(size[group.columns], np.abs(group.weights))
    return Lagrangian(slope, size, tuple(rows), templates)


def _slack(instance: Instance, side: Side, at: AtPoint, multipliers: Floats) -> Floats:
    if side.equation or not multipliers.any():
        return np.zeros_like(multipliers)
    values = wide(np.asarray(at.value(side.term, side.layout.table), dtype=np.float64), side.layout.table.shape)
    point = {f.name: at.x[f.offset : f.offset + f.count] for f in instance.families}
    terms = largest_terms(instance, instance.constraint(side.name), side.body, point)
    return np.where(multipliers > 0, np.abs(values) / np.maximum(1.0, terms), 0.0)
