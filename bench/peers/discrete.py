"""By hand: facility location and unit commitment written down with NumPy, row by row as HiGHS stores them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import highspy
import numpy as np

from .numpy import INF, Rows, matrix, numbered, passed, within_highs

Data = Mapping[str, Any]


def facility(data: Data) -> highspy.Highs:
    n, m = data["n"], data["m"]
    opened, share = numbered(n), numbered(m, n, first=n)
    served = Rows(share, 1.0, 1.0, 1.0)
    loads = np.broadcast_to(data["demand"], (n, m))
    room = Rows(
        np.column_stack([opened, share.T]), np.column_stack([-data["capacity"], loads]), -INF, 0.0
    )  # columns in order, as HiGHS is given them by others
    links = Rows(np.stack([np.broadcast_to(opened, (m, n)), share], axis=-1), [-1.0, 1.0], -INF, 0.0)
    columns = n + n * m
    upper, whole = np.full(columns, INF), np.zeros(columns, np.int32)
    upper[:n], whole[:n] = 1.0, 1
    cost = np.concatenate([data["opening"], data["serving"].ravel()])
    return within_highs(cost, (np.zeros(columns), upper), [served, room, links], matrix, integer=whole)


def commitment(data: Data) -> highspy.Highs:
    n, m, k = data["n"], data["m"], data["k"]
    size = n * m
    on, started, stopped = numbered(3, n, m)
    more, ready = numbered(n, m, k, first=3 * size), numbered(n, m, first=(3 + k) * size)
    least, spread, ramp = data["least"], data["most"] - data["least"], data["ramp"]
    met = Rows(
        np.concatenate([on.T, more.transpose(1, 0, 2).reshape(m, n * k)], axis=1),
        np.concatenate([np.broadcast_to(least, (m, n)), np.ones((m, n * k))], axis=1),
        data["demand"],
        data["demand"],
    )
    held = Rows(ready.T, 1.0, data["reserve"], INF)
    before, after = np.s_[:, :-1], np.s_[:, 1:]
    turn = Rows(np.stack([on[before], on[after], started[after], stopped[after]], axis=-1), [-1, 1, -1, 1], 0.0, 0.0)
    part = Rows(
        np.stack([np.broadcast_to(on[..., None], more.shape), more], axis=-1),
        np.stack([np.broadcast_to(-data["width"][:, None, :], more.shape), np.ones(more.shape)], axis=-1),
        -INF,
        0.0,
    )
    values = np.ones((n, m, k + 2))
    values[..., 0] = -spread[:, None]
    limit = Rows(np.concatenate([on[..., None], more, ready[..., None]], axis=-1), values, -INF, 0.0)
    steep = np.repeat(ramp, m - 1).reshape(n, m - 1)
    both = np.concatenate([more[before], more[after]], axis=-1)
    signs = np.repeat([-1.0, 1.0], k)
    rise = Rows(np.concatenate([both, ready[after][..., None]], axis=-1), [*signs, 1.0], -INF, steep)
    fall = Rows(both, -signs, -INF, steep)
    windows = [_windows(on, started, data["up"], 0.0), _windows(on, stopped, data["down"], 1.0)]
    families = [met, held, turn], [part, limit, rise, fall]
    starts, columns, entries, lower, upper = _joined(families[0], windows, families[1])
    count = (4 + k) * size
    ends, whole = np.full(count, INF), np.zeros(count, np.int32)
    ends[: 3 * size], whole[: 3 * size] = 1.0, 1
    parts = [np.repeat(data["fixed"], m), np.repeat(data["begin"], m), np.zeros(size)]
    prices = np.broadcast_to(data["price"][:, None, :], more.shape).ravel()
    cost = np.concatenate([*parts, prices, np.zeros(size)])
    bounds = (np.zeros(count), ends)
    return passed(cost, bounds, (lower, upper), (starts, columns, entries), integer=whole)


Block = tuple[Any, Any, Any, Any, Any]  # entries a row, columns, values, lower and upper ends of rows


def _windows(on: Any, turned: Any, hours: Any, most: float) -> Block:
    """For each hour from the least time on: the switches within it, and the state (``<= on``, or ``<= 1 - on``)."""
    m = on.shape[1]
    unit, hour = np.nonzero(np.arange(m) >= hours[:, None])
    width = np.minimum(hours[unit], hour + 1)
    counts = width + 1
    ends = np.cumsum(counts)
    first = ends - counts
    columns, values = np.empty(ends[-1], np.int32), np.ones(ends[-1])
    columns[first], values[first] = on[unit, hour], 1.0 if most else -1.0
    inside = np.ones(ends[-1], np.bool_)
    inside[first] = False
    step = np.arange(width.sum()) - np.repeat(np.cumsum(width) - width, width)
    columns[inside] = np.repeat(turned[unit, hour] - width + 1, width) + step
    return counts, columns, values, np.full(len(unit), -INF), np.full(len(unit), most)


def _joined(above: list[Rows], windows: list[Block], below: list[Rows]) -> Block:
    """All rows one below the other: starts, columns, values, ends."""
    blocks = [*map(_block, above), *windows, *map(_block, below)]
    counts, columns, values, lower, upper = (np.concatenate([block[i] for block in blocks]) for i in range(5))
    starts = np.zeros(len(counts) + 1, np.int32)
    np.cumsum(counts, out=starts[1:])
    return starts, columns, values, lower, upper


def _block(rows: Rows) -> Block:
    columns = rows.columns
    values = np.broadcast_to(np.asarray(rows.values, float), columns.shape).ravel()
    counts = np.full(columns.size // columns.shape[-1], columns.shape[-1])
    return counts, columns.ravel(), values, rows.limits(rows.lower), rows.limits(rows.upper)
