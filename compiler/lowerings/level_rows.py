"""Rows of relations that are convex sets, as linear rows over cones, whatever makes each row one.

A row that is a cone ``top >= ||rest||``, or a relation of roots ``L^(1/p) >= R^(1/p)``, becomes the linear row
``right - left <= 0`` (turned where the relation is ``>=``), with ``left`` at most and ``right`` at least one side. The
model's row is ``right^p - left^p <= 0``, with ``p = 2`` for cones; ``forms.conic`` goes from one to the other.
"""

from __future__ import annotations

import numpy as np

from optc.dsl.program import Expr, Relation

from ..facts.level_sets import Levels, Roots, levels
from ..facts.quadratic_cones import QuadraticCones
from ..facts.quadratic_splits import of_rows
from ..forms.linear import Floats
from ..spaces.algebra import Table
from .affine_rows import Affine, Ints, constant_rows
from .graph_forms import DOWN, UP, Graphs
from .squares import squares_of


def level_rows(graphs: Graphs, body: Relation, term: Expr, table: Table, op: str) -> Affine:
    """Rows in the place of ``term`` over the flat rows of the table, for ``<= 0`` or ``>= 0`` (``op``: ``le``, ``ge``).

    The rows must be convex sets. Notes in the draft what leads back to the rows as written, for which these rows must
    be the next that it is given.
    """
    way = UP if op == "le" else DOWN
    found: Levels = levels(graphs.region, body, term, table, op)
    if found.curved.all():
        return graphs.of(term, table, way)
    draft, rows = graphs.draft, constant_rows(np.zeros(table.size))
    made: list[tuple[Ints, Affine, Affine, float]] = []
    if found.curved.any():
        part = graphs.of(term, graphs.region.rows(table, found.curved.reshape(table.shape)), way)
        rows = rows.plus(part.put(np.flatnonzero(found.curved), table.size))
    if found.cones is not None and found.cones.holds.any():
        which = np.flatnonzero(found.cones.holds)
        made.append((which, *_cone(graphs, found.cones, which), 2.0))
    if found.roots is not None:
        which = np.flatnonzero(found.roots.holds)
        made.append((which, *_roots(graphs, found.roots, table), found.roots.power))
    for which, left, right, power in made:
        draft.roots.append((draft.row_count + which, np.full(len(which), power), left))
        rows = rows.plus(right.minus(left).times(float(way)).put(which, table.size))
    return rows


def _cone(graphs: Graphs, cones: QuadraticCones, which: Ints) -> tuple[Affine, Affine]:
    """The linear forms of some cones, and columns at least the norms of their squares."""
    one = graphs.region.instance.columns
    place = np.full(len(cones.holds), -1, dtype=np.int64)
    place[which] = np.arange(len(which))
    own = cones.holds[cones.top.row]
    left = _split_off(place[cones.top.row[own]], cones.top.column[own], cones.top.value[own], len(which), one)
    owner, squares = squares_of(of_rows(cones.rest, cones.holds))
    body = _split_off(squares.row, squares.column, squares.value, squares.rows, one)
    used, at = np.unique(place[owner], return_inverse=True)

    def norms(x: Floats) -> Floats:
        return np.sqrt(np.bincount(at, body.at(x) ** 2, len(used)))

    most = np.sqrt(graphs.most_squares(body, at.astype(np.int64), len(used))) * (1 + 1e-15)
    top = graphs.draft.add_columns(len(used), norms, 0.0, most)
    graphs.draft.second_order(top, body, at.astype(np.int64))
    return left, top.put(used, len(which))


def _split_off(row: Ints, column: Ints, value: Floats, count: int, one: int) -> Affine:
    """Linear forms whose column ``one`` stands for 1."""
    fixed = column == one
    constant = np.bincount(row[fixed], value[fixed], count).astype(np.float64)
    return Affine(constant, row[~fixed], column[~fixed], value[~fixed])


def _roots(graphs: Graphs, roots: Roots, table: Table) -> tuple[Affine, Affine]:
    """Rows at most the larger side's root, and at least the smaller's."""
    rows = table if roots.holds.all() else graphs.region.rows(table, roots.holds.reshape(table.shape))
    return graphs.of(roots.left, rows, DOWN), graphs.of(roots.right, rows, UP)
