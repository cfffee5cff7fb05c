"""``piecewise(x, breakpoints, values)`` as rows: part of the lowering of kinks.

With breakpoints ``b_0 < ... < b_K``, slopes ``s_1 ... s_K`` and value ``v_1`` at ``b_1``:

- *convex for what is wanted* (slopes that rise where a larger value is worse, or fall where it is better): the largest
  (smallest) of the lines, hence rows without binaries.
- *elsewhere* by increments: the argument leaves ``b_1`` to the left by ``d_1`` and to the right through the pieces,

      x = b_1 - d_1 + d_2 + ... + d_K           f = v_1 - s_1 d_1 + s_2 d_2 + ... + s_K d_K
      d_1 <= (b_1 - l) (1 - y_1),   D_k y_k <= d_k <= D_k y_{k-1},   d_K <= (u - b_{K-1}) y_{K-1}

  with ``D_k = b_k - b_{k-1}``, one binary for each inner breakpoint (``y_k = 1`` right of it), and ``l <= x <= u`` the
  derived bounds of the argument. The relaxation is the convex hull of the pieces.

The outer pieces go on by their slopes. Where the argument has no bound on a side, the row that ties the outer piece to
its binary is left out if the function grows there faster than anywhere else in the direction that is worse (``s_K``
the largest slope, or ``s_1`` the smallest, where a larger value is worse): going that way early then never pays. Else
no finite set of rows and binaries states the function exactly (its pieces recede in different directions: R. G.
Jeroslow, J. K. Lowe, "Modelling with integer variables", Mathematical Programming Study 22 (1984)), and it is refused
by the name of a decision without a bound. Source of the increments: H. M. Markowitz, A. S. Manne, "On the solution of
discrete programming problems", Econometrica 25 (1957); M. Padberg, Operations Research Letters 27 (2000).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optc.dsl.program import Expr, Piecewise, Space, SymbolRef

from ..evaluation.scope import undefined
from ..facts.bounds import Side
from ..instance.instance import Floats
from ..terms.rewriting import Rewriter, Way, narrowed, number, op

Bools = NDArray[np.bool_]


def interpolation(rewriter: Rewriter, term: Piecewise, way: Way, space: Space) -> Expr:
    """What stands in the place of a piecewise term."""
    small = narrowed(space, term)
    points = np.array([rewriter.values(p, small) for p in term.breakpoints])
    heights = np.array([rewriter.values(v, small) for v in term.values])
    _rising(rewriter, term, points, small)
    slopes = np.diff(heights, axis=0) / np.diff(points, axis=0)
    if len(slopes) == 1:
        return rewriter.term(_line(term, 0), way, space)
    bends = np.diff(slopes, axis=0) * way
    convex = (bends >= 0).all(axis=0) if way else (np.diff(slopes, axis=0) == 0).all(axis=0)
    if convex.all():
        return _lines(rewriter, term, way, small)
    if not convex.any():
        return _increments(rewriter, term, points, slopes, way, small)
    flag = op("eq", rewriter.data(f"{rewriter.label('piecewise')} (convex)", convex.astype(float), small), number(1.0))
    return rewriter.either(
        flag,
        lambda part: interpolation(rewriter, term, way, part),
        lambda part: interpolation(rewriter, term, way, part),
        small,
    )


def _rising(rewriter: Rewriter, term: Piecewise, points: Floats, space: Space) -> None:
    bad = (np.diff(points, axis=0) <= 0).any(axis=0)
    if bad.any():
        table = rewriter.layout(space).table
        reason = "the breakpoints do not increase"
        raise undefined(term, table, bad.reshape(table.shape), reason, rewriter.instance.scope)


def _slope(term: Piecewise, k: int) -> Expr:
    (p, q), (v, w) = term.breakpoints[k : k + 2], term.values[k : k + 2]
    return op("div", op("sub", w, v), op("sub", q, p))


def _line(term: Piecewise, k: int) -> Expr:
    rise = op("mul", _slope(term, k), op("sub", term.argument, term.breakpoints[k]))
    return op("add", term.values[k], rise)


def _lines(rewriter: Rewriter, term: Piecewise, way: Way, space: Space) -> Expr:
    """The lines of all pieces, each a bound; one line alone where all slopes are the same and both sides count."""
    if way == 0:
        return rewriter.term(_line(term, 0), way, space)
    name = rewriter.label("piecewise")
    every = np.ones(rewriter.layout(space).size, dtype=np.bool_)
    lines = [rewriter.term(_line(term, k), way, space) for k in range(len(term.values) - 1)]
    t = rewriter.decision(name, space, term)
    for k, line in enumerate(lines, 1):
        rewriter.row(f"{name} piece {k}", t, "ge" if way > 0 else "le", line, space, every)
    return t


def _increments(rewriter: Rewriter, term: Piecewise, points: Floats, slopes: Floats, way: Way, space: Space) -> Expr:
    pieces = len(slopes)
    name = rewriter.label("piecewise")
    argument = rewriter.term(term.argument, 0, space)
    lower, upper = rewriter.range(term.argument, space)
    sizes = np.diff(points, axis=0)
    sizes[0], sizes[-1] = np.maximum(points[1] - lower, 0.0), np.maximum(upper - points[-2], 0.0)
    _bounded_where_needed(rewriter, term, sizes, slopes, way, space)
    d = [
        rewriter.decision(f"{name} (part {k + 1})", space, _part(term, k, pieces), 0.0, sizes[k]) for k in range(pieces)
    ]
    y = [
        rewriter.decision(
            f"{name} (beyond {k})", space, op("gt", term.argument, term.breakpoints[k]), 0.0, 1.0, binary=True
        )
        for k in range(1, pieces)
    ]
    every = np.ones(rewriter.layout(space).size, dtype=np.bool_)
    place: Expr = op("sub", term.breakpoints[1], d[0])
    value: Expr = op("sub", term.values[1], op("mul", _slope(term, 0), d[0]))
    for k in range(1, pieces):
        place = op("add", place, d[k])
        value = op("add", value, op("mul", _slope(term, k), d[k]))
    rewriter.row(f"{name} argument", argument, "eq", place, space, every)
    _filled_in_order(rewriter, term, name, d, y, sizes, space)
    return value


def _filled_in_order(
    rewriter: Rewriter,
    term: Piecewise,
    name: str,
    d: list[SymbolRef],
    y: list[SymbolRef],
    sizes: Floats,
    space: Space,
) -> None:
    """The rows that allow a part only when those before it are full."""
    last = len(d) - 1
    for k, part in enumerate(d):
        finite = np.isfinite(sizes[k])
        size = rewriter.data(f"{name} (size {k + 1})", np.where(finite, sizes[k], 0.0), space)
        open_ = op("sub", number(1.0), y[0]) if k == 0 else y[k - 1]
        row = rewriter.row(f"{name} part {k + 1} opens", part, "le", op("mul", size, open_), space, finite)
        if k in (0, last):
            rewriter.derived(row, term.argument, sizes[k], space)
        if 0 < k < last:
            every = np.ones_like(finite)
            rewriter.row(f"{name} part {k + 1} fills", part, "ge", op("mul", size, y[k]), space, every)


def _part(term: Piecewise, k: int, pieces: int) -> Expr:
    """What part ``k`` of the argument means."""
    x, zero = term.argument, number(0.0)
    if k == 0:
        return op("max", zero, op("sub", term.breakpoints[1], x))
    beyond = op("max", zero, op("sub", x, term.breakpoints[k]))
    return beyond if k == pieces - 1 else op("min", beyond, op("sub", term.breakpoints[k + 1], term.breakpoints[k]))


def _bounded_where_needed(
    rewriter: Rewriter, term: Piecewise, sizes: Floats, slopes: Floats, way: Way, space: Space
) -> None:
    """Refuses an endless outer piece whose slope is not the steepest one in the direction that is worse."""
    steepest_right = (way * slopes <= way * slopes[-1]).all(axis=0) & (way != 0)
    steepest_left = (way * slopes >= way * slopes[0]).all(axis=0) & (way != 0)
    outer: tuple[tuple[int, Bools, Side], ...] = ((0, steepest_left, "lower"), (-1, steepest_right, "upper"))
    for k, fine, side in outer:
        bad = np.isinf(sizes[k]) & ~fine
        if bad.any():
            raise rewriter.unbounded(term, term.argument, space, bad, side)
