"""Calls of outside code in a nonlinear form: where they stand, and what they read (see ``forms.outside``).

A call that is added to the objective, perhaps times data, stays there. Any other is a column of its own
(``kernels.definitions``), and the call is added to the row that defines it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from optc.dsl.program import ExternCall

from ..evaluation.evaluate import evaluate
from ..evaluation.scope import Scope
from ..forms.linear import Floats
from ..forms.outside import Added, Patterns
from ..instance.instance import Instance
from ..kernels.definitions import OutsideDefinition
from ..kernels.model import Model
from ..kernels.templates import NotSmoothError, Piece
from ..outside.calls import NEARBY
from ..outside.columns import entries_of, placed_call
from ..spaces.algebra import wide
from .definition_rows import DefinitionRows

INWARD = 1.0  # how far from a lone bound a function is first tried
SHIFT = 1e-2  # and how far from 0 without bounds


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A call, the row that it is added to (None: to none), and the pieces of the objective that it makes up."""

    term: ExternCall
    row: int | None
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, eq=False)
class OutsidePlaces:
    """Every call of an instance, once. ``patterns``: of the derivatives."""

    places: tuple[Place, ...]
    patterns: Patterns


def parted(pieces: Iterable[Piece]) -> tuple[list[Piece], list[Piece]]:
    """The pieces of an objective that kernels calculate, and those that are calls."""
    inside: list[Piece] = []
    outside: list[Piece] = []
    for piece in pieces:
        (outside if isinstance(piece.term, ExternCall) else inside).append(piece)
    return inside, outside


def placed(
    objective: Sequence[Piece], definitions: Sequence[DefinitionRows], instance: Instance, model: Model
) -> OutsidePlaces | None:
    """Where the calls of an instance stand; None where there are none.

    Raises ``NotSmoothError`` for a call on a choice, which is not among the families of a nonlinear instance.
    """
    rows: dict[ExternCall, int] = {}
    for each in definitions:
        if isinstance(each.definition, OutsideDefinition):
            rows[each.definition.term] = each.first
    pieces: dict[ExternCall, list[Piece]] = {term: [] for term in rows}
    for piece in objective:
        assert isinstance(piece.term, ExternCall)
        pieces.setdefault(piece.term, []).append(piece)
    if not pieces:
        return None
    names = {family.name for family in instance.families}
    for term in pieces:
        for arg in term.args:
            if instance.is_decision(arg.symbol) and arg.symbol not in names:
                raise NotSmoothError(term, f"it is given the choice `{arg.symbol}`, and steps between options")
    places = tuple(Place(term, rows.get(term), tuple(own)) for term, own in pieces.items())
    columns = [np.unique(entries_of(place.term, instance)).astype(np.int32) for place in places]
    return OutsidePlaces(places, Patterns([(c, p.row) for c, p in zip(columns, places, strict=True)], model))


def added(places: OutsidePlaces, instance: Instance, name: str) -> tuple[Added, ...]:
    """The calls with the numbers of an instance; ``name``: of the objective.

    Each function is called at a point, to see how. Raises ``EvaluationError``.
    """
    nearby = _Nearby(instance)
    found = []
    for place, (columns, _) in zip(places.places, places.patterns.calls, strict=True):
        call = placed_call(place.term, instance)
        where = np.searchsorted(columns, call.entries)
        weight = _weight(place.pieces, instance.scope.named(name))
        way = call.call.way(call.at(nearby.point))
        found.append(Added(call, columns, where, weight, place.row, way.orders, way.lacks, nearby))
    return tuple(found)


def _weight(pieces: Sequence[Piece], scope: Scope) -> float:
    """What a call is multiplied by: the sum of its pieces' factors over their rows."""
    total = 0.0
    for piece in pieces:
        factor = np.full(piece.table.size, piece.scale)
        for term in piece.factors:
            factor = factor * wide(evaluate(term, piece.table, scope), piece.table.shape)
        total += float(factor.sum())
    return total


class _Nearby:
    """Points within the bounds of an instance: ``point``, where functions are first tried, and pairs close together."""

    def __init__(self, instance: Instance) -> None:
        families = instance.families
        none = np.zeros(0)
        self.lower: Floats = np.concatenate([*(np.broadcast_to(f.lower, (f.count,)) for f in families), none])
        self.upper: Floats = np.concatenate([*(np.broadcast_to(f.upper, (f.count,)) for f in families), none])
        starts = [np.full(f.count, np.nan) if f.start is None else f.start for f in families]
        given = np.concatenate([*starts, none])
        self.point = np.where(np.isnan(given), self._inside(), given)

    def _inside(self) -> Floats:
        """Off the bounds: their middle, or a step from the only one."""
        low, high = np.isfinite(self.lower), np.isfinite(self.upper)
        lower, upper = np.where(low, self.lower, 0.0), np.where(high, self.upper, 0.0)
        middle = lower + 0.5 * (upper - lower)
        shift = SHIFT * np.cos(1.0 + 2.399963 * np.arange(len(lower)))  # no two entries alike
        return np.select([low & high, low, high], [middle, lower + INWARD, upper - INWARD], shift)

    def __call__(self, x: Floats) -> tuple[Floats, Floats]:
        """Two points ``(n,)`` on either side of ``x`` along a direction that is not special."""
        own = x[: len(self.lower)]
        step = NEARBY * np.maximum(1.0, np.abs(own)) * np.cos(1.0 + 2.399963 * np.arange(len(own)))
        low, high = (np.clip(own + sign * step, self.lower, self.upper) for sign in (-1.0, 1.0))
        return low, high
