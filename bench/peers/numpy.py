"""By hand: the arrays of each model written down with NumPy, row by row as HiGHS stores them, and passed to highspy.

No matrix is sorted or converted but for ``network``, whose rows have different lengths: the floor of what can be had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from scipy.sparse import coo_matrix

Data = Mapping[str, Any]
INF = np.inf


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows ``lower <= values . x[columns] <= upper`` with the same number of non-zeros each.

    ``columns`` has the shape ``(…, k)``; ``values`` broadcasts to it, the limits to its rows.
    """

    columns: Any
    values: Any
    lower: Any
    upper: Any

    def limits(self, side: Any) -> Any:
        return np.broadcast_to(np.asarray(side, float), self.columns.shape[:-1]).ravel()


Assemble = Callable[[list[Rows], int], tuple[Any, Any, Any]]


def matrix(families: list[Rows], _columns: int) -> tuple[Any, Any, Any]:
    """Row-wise starts, columns and values of all families, one below the other."""
    starts, filled = [np.zeros(1, np.int32)], 0
    for each in families:
        width = each.columns.shape[-1]
        starts.append(np.arange(filled + width, filled + each.columns.size + 1, width, dtype=np.int32))
        filled += each.columns.size
    columns = np.concatenate([each.columns.ravel() for each in families])
    values = np.empty(filled)
    filled = 0
    for each in families:
        size = each.columns.size
        values[filled : filled + size].reshape(each.columns.shape)[...] = each.values
        filled += size
    return np.concatenate(starts), columns, values


def within_highs(
    cost: Any, bounds: tuple[Any, Any], families: list[Rows], assemble: Assemble, **more: Any
) -> highspy.Highs:
    """The problem inside HiGHS. ``more``: ``integer`` (n), ``offset``, ``diagonal`` (n) of the Hessian."""
    lower = np.concatenate([each.limits(each.lower) for each in families])
    upper = np.concatenate([each.limits(each.upper) for each in families])
    return passed(cost, bounds, (lower, upper), assemble(families, len(cost)), **more)


def passed(
    cost: Any,
    bounds: tuple[Any, Any],
    limits: tuple[Any, Any],
    rows: tuple[Any, Any, Any],
    *,
    integer: Any = None,
    offset: float = 0.0,
    diagonal: Any = None,
) -> highspy.Highs:
    h = highspy.Highs()
    h.setOptionValue("output_flag", False)
    columns, count, filled = len(cost), len(limits[0]), len(rows[2])
    row_wise, minimise, triangle = 2, 1, 1
    whole = np.zeros(columns, np.int32) if integer is None else integer
    arrays = (cost, *bounds, *limits, *rows)
    if diagonal is None:
        h.passModel(columns, count, filled, row_wise, minimise, offset, *arrays, whole)
        return h
    at = np.flatnonzero(diagonal).astype(np.int32)
    starts = np.zeros(columns + 1, np.int32)
    np.cumsum(diagonal != 0, out=starts[1:])
    sizes = (columns, count, filled, len(at), row_wise, triangle)
    h.passModel(*sizes, minimise, offset, *arrays, starts, at, diagonal[at], whole)
    return h


def numbered(*shape: int, first: int = 0) -> Any:
    """Column numbers of a family of that shape."""
    size = int(np.prod(shape))
    return np.arange(first, first + size, dtype=np.int32).reshape(shape)


def basic(n: int, _data: Data, assemble: Assemble = matrix) -> highspy.Highs:
    x, y = numbered(2, n, n)
    both = np.stack([x, y], axis=-1)
    rows = [Rows(both, [1.0, -1.0], np.arange(n)[:, None], INF), Rows(both, 1.0, 0.0, INF)]
    free = np.full(both.size, INF)
    return within_highs(np.repeat([2.0, 1.0], n * n), (-free, free), rows, assemble)


def transport(n: int, data: Data, assemble: Assemble = matrix) -> highspy.Highs:
    x = numbered(n, n)
    rows = [Rows(x, 1.0, -INF, data["s"]), Rows(x.T, 1.0, data["d"], INF)]
    return within_highs(data["c"].ravel(), (np.zeros(n * n), np.full(n * n, INF)), rows, assemble)


def ufl(n: int, data: Data, assemble: Assemble = matrix) -> highspy.Highs:
    x, opened = numbered(n, n), numbered(n, first=n * n)
    links = np.stack([x, np.broadcast_to(opened[:, None], (n, n))], axis=-1)
    rows = [Rows(x.T, 1.0, 1.0, 1.0), Rows(links, [1.0, -1.0], -INF, 0.0)]
    columns = n * n + n
    upper, whole = np.full(columns, INF), np.zeros(columns, np.int32)
    upper[opened], whole[opened] = 1.0, 1
    cost = np.concatenate([data["c"].ravel(), data["f"]])
    return within_highs(cost, (np.zeros(columns), upper), rows, assemble, integer=whole)


def fac(n: int, data: Data, assemble: Assemble = matrix) -> highspy.Highs:
    big, grid, cells = data["M"], n + 1, (n + 1, n + 1, n)
    k = grid * grid * n
    z, s, r = numbered(*cells), numbered(*cells, first=k), numbered(*cells, 2, first=2 * k)
    y, d = numbered(n, 2, first=4 * k), 4 * k + 2 * n
    place = np.arange(grid) / n

    def beside(first: Any, second: Any, *more: Any) -> Any:
        return np.stack([np.broadcast_to(each, cells) for each in (first, second, *more)], axis=-1)

    east, north = place[:, None, None], place[None, :, None]
    rows = [
        Rows(z, 1.0, 1.0, 1.0),
        Rows(beside(s, np.int32(d), z), [1.0, -1.0, big], big, big),
        Rows(beside(r[..., 0], y[:, 0]), 1.0, east, east),
        Rows(beside(r[..., 1], y[:, 1]), 1.0, north, north),
    ]
    lower, upper, whole = np.zeros(d + 1), np.full(d + 1, INF), np.zeros(d + 1, np.int32)
    lower[2 * k : 4 * k], lower[d] = -INF, -INF
    upper[:k], upper[4 * k : d], whole[:k] = 1.0, 1.0, 1
    cost = np.zeros(d + 1)
    cost[d] = 1.0
    return within_highs(cost, (lower, upper), rows, assemble, integer=whole)


def lqcp(n: int, data: Data, assemble: Assemble = matrix) -> highspy.Highs:
    dx, h2, half, target = data["dx"], data["h2"], 0.5 * data["dt"], data["yt"]
    y, u = numbered(n + 1, n + 1), numbered(n, first=(n + 1) ** 2)
    now, then = y[:-1], y[1:]
    heat = [now[:, :-2], now[:, 1:-1], now[:, 2:], then[:, :-2], then[:, 1:-1], then[:, 2:]]
    left, right = [then[:, 0], then[:, 1], then[:, 2]], [then[:, n - 2], then[:, n - 1], then[:, n], u]
    flow = [-half, 2 * half - h2, -half, -half, 2 * half + h2, -half]
    rows = [
        Rows(np.stack(heat, axis=-1), flow, 0.0, 0.0),
        Rows(y[0][:, None], 1.0, 0.0, 0.0),
        Rows(np.stack(left, axis=-1), [3.0, -4.0, 1.0], 0.0, 0.0),
        Rows(np.stack(right, axis=-1), [1.0, -4.0, 3.0 + 2 * dx, -2 * dx], 0.0, 0.0),
    ]
    w, v = trapezoids(n, data)
    columns = y.size + n
    cost, diagonal = np.zeros(columns), np.zeros(columns)
    cost[y[n]], diagonal[y[n]], diagonal[u] = -2 * w * target, 2 * w, 2 * v
    lower = np.zeros(columns)
    lower[u] = -1.0
    offset = float(w @ target**2)
    return within_highs(cost, (lower, np.ones(columns)), rows, assemble, diagonal=diagonal, offset=offset)


def trapezoids(n: int, data: Data) -> tuple[Any, Any]:
    """Weights of the end state (n + 1) and of the control (n) in the objective: the trapezoidal rule's."""
    w, v = np.full(n + 1, 0.5 * data["dx"]), np.full(n, 0.5 * data["a"] * data["dt"])
    w[[0, -1]] /= 2
    v[-1] /= 2
    return w, v


def network(_arcs: int, data: Data) -> highspy.Highs:
    (tail, head), nodes, cap = data["A"].T, data["n"], data["cap"]
    arcs = np.arange(len(tail), dtype=np.int32)
    tight = np.flatnonzero(cap < 1).astype(np.int32)
    row = np.concatenate([tail, head, nodes + np.arange(len(tight))]).astype(np.int32)
    column = np.concatenate([arcs, arcs, tight])
    value = np.concatenate([np.ones(len(arcs)), -np.ones(len(arcs)), np.ones(len(tight))])
    held = coo_matrix((value, (row, column)), shape=(nodes + len(tight), len(arcs))).tocsr()
    lower = np.concatenate([data["b"], np.full(len(tight), -INF)])
    upper = np.concatenate([data["b"], 0.5 * cap[tight]])
    bounds = (np.zeros(len(arcs)), cap)
    return passed(data["c"], bounds, (lower, upper), (held.indptr, held.indices, held.data))


def shape(problem: highspy.Highs) -> tuple[int, int, int | None]:
    return problem.getNumCol(), problem.getNumRow(), problem.getNumNz()


def optimum(problem: highspy.Highs) -> float:
    problem.setOptionValue("output_flag", False)
    problem.setOptionValue("mip_rel_gap", 0.0)
    problem.run()
    return float(problem.getInfo().objective_function_value)
