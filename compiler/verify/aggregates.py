"""Values of aggregates from those of their bodies, and their slopes by each entry of the body; by whole arrays.

``VALUES[op](table, rows, body)`` over ``table``; ``SLOPES[op](table, rows, body, value)`` over ``rows``, which extends
it. Entries that share an extreme share its slope; ``norm2`` has slope 0 where it is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..spaces.algebra import Table, reduce_to
from ..spaces.domains import Values

Value = Callable[[Table, Table, Values], Values]
Slope = Callable[[Table, Table, Values, Values], Values]


def line(x: Values, points: Sequence[Values], heights: Sequence[Values], k: int) -> tuple[Values, Values]:
    """The line through two neighbouring breakpoints at ``x``, and its slope."""
    slope = (heights[k + 1] - heights[k]) / (points[k + 1] - points[k])
    return heights[k] + slope * (x - points[k]), slope


def _sum(table: Table, rows: Table, body: Values) -> Values:
    return reduce_to(table, rows, body, np.add)


def _norm2(table: Table, rows: Table, body: Values) -> Values:
    top = reduce_to(table, rows, np.abs(body), np.maximum)
    scale = np.where((top > 0) & np.isfinite(top), top, 1.0)
    share = body / rows.lift_from(scale, table)
    return scale * np.sqrt(_sum(table, rows, share * share))


def _norminf(table: Table, rows: Table, body: Values) -> Values:
    return np.maximum(reduce_to(table, rows, np.abs(body), np.maximum), 0.0)


def _logsumexp(table: Table, rows: Table, body: Values) -> Values:
    top = reduce_to(table, rows, body, np.maximum)
    level = np.where(np.isfinite(top), top, 0.0)
    return level + np.log(_sum(table, rows, np.exp(body - rows.lift_from(level, table))))


VALUES: dict[str, Value] = {
    "sum": _sum,
    "min": lambda table, rows, body: reduce_to(table, rows, body, np.minimum),
    "max": lambda table, rows, body: reduce_to(table, rows, body, np.maximum),
    "norm1": lambda table, rows, body: _sum(table, rows, np.abs(body)),
    "norm2": _norm2,
    "norminf": _norminf,
    "logsumexp": _logsumexp,
    "prod": lambda table, rows, body: reduce_to(table, rows, body, np.multiply),
}


def _shared(table: Table, rows: Table, reach: Values) -> Values:
    """One over the number of entries that reach an extreme, for those that do."""
    count = _sum(table, rows, reach * np.ones(()))
    found: Values = reach / rows.lift_from(np.maximum(count, 1.0), table)
    return found


def _extreme(table: Table, rows: Table, body: Values, value: Values) -> Values:
    return _shared(table, rows, body == rows.lift_from(value, table))


def _by_norm2(table: Table, rows: Table, body: Values, value: Values) -> Values:
    whole = rows.lift_from(value, table)
    return np.where(whole == 0.0, 0.0, body / np.where(whole == 0.0, 1.0, whole))


def _by_norminf(table: Table, rows: Table, body: Values, value: Values) -> Values:
    return np.sign(body) * _shared(table, rows, np.abs(body) == rows.lift_from(value, table))


def _by_logsumexp(table: Table, rows: Table, body: Values, value: Values) -> Values:
    found: Values = np.exp(body - rows.lift_from(value, table))
    return found


def _by_product(table: Table, rows: Table, body: Values, _value: Values) -> Values:
    """The product of the other factors, also where some are 0."""
    zero = body == 0.0
    zeros = rows.lift_from(_sum(table, rows, zero * np.ones(())), table)
    full = np.where(zero, 1.0, body)
    other: Values = rows.lift_from(reduce_to(table, rows, full, np.multiply), table) / full
    return np.where(zeros > zero, 0.0, other)


SLOPES: dict[str, Slope] = {
    "min": _extreme,
    "max": _extreme,
    "norm1": lambda _table, _rows, body, _value: np.sign(body),
    "norm2": _by_norm2,
    "norminf": _by_norminf,
    "logsumexp": _by_logsumexp,
    "prod": _by_product,
}
