"""Forward-backward narrowing: what the ends of results say about the ends of the point.

From results to the point every node passes on what it knows: of ``a + b`` between two ends, ``a`` lies between those
less ``b``, and so on through every function that can be turned round. All nodes of all boxes by whole arrays.

Source: F. Benhamou, F. Goualard, L. Granvilliers, J.-F. Puget, "Revising hull and box consistency", ICLP (1999),
algorithm HC4-revise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..facts.atoms import ATOMS
from . import ends as e
from .ends import Bools, Ends
from .interval_printer import IntervalPrograms, Swept, rows_of
from .nodes import Node
from .numpy_printer import whole_power

MARGIN = 16.0 * e.UNIT  # relative, more than elementary functions are off
OF_ROOTS = 800.0 * e.UNIT  # of x^p with a rounded p: its relative error is that of p times |log x|, below 745


def narrowed(programs: IntervalPrograms, swept: Swept, wanted: Sequence[Ends], x: Ends) -> tuple[Ends, Bools]:
    """The part of each box ``x`` ``(2, b, n)`` outside of which no point gives results within ``wanted``.

    ``swept``: the evaluation over ``x``; ``wanted``: ends ``(2, b, size)``, or ``(2, 1, size)``, of the first so many
    programs. Returns the narrower boxes, and which are empty (their ends mean nothing).
    """
    now = dict(swept.values)
    empty = np.zeros(x.shape[1], dtype=np.bool_)
    point = x.copy()
    with np.errstate(all="ignore"):
        for k, (given, found) in enumerate(zip(wanted, swept.results, strict=False)):
            result = e.meet(found, given)
            empty |= _empty(result)
            _share(k, result, now, programs)
        for node in reversed(programs.nodes):
            if node.number not in programs.moving:
                continue
            empty |= _empty(now[node.number])
            if node.op == "load":
                _read_back(node, now[node.number], point)
            elif node.op in ("sum", "lift"):
                _gathered_back(node, now, programs)
            elif node.op in INVERSES:
                _elementwise_back(node, now, programs)
    return point, empty | _empty(point)


def _empty(a: Ends) -> Bools:
    return np.asarray((a[0] > a[1]).any(axis=-1))


def _take(now: dict[int, Ends], number: int, found: Ends) -> None:
    now[number] = e.meet(now[number], found)


def _share(k: int, result: Ends, now: dict[int, Ends], programs: IntervalPrograms) -> None:
    """Passes the ends of a result on to the nodes that are added up in it."""
    streams, by = programs.streams[k], programs.owners(k)
    if not streams:
        return
    boxes, sizes = result.shape[1], [rows_of(s.node) for s in streams]
    values = [np.broadcast_to(now[s.node.number], (2, boxes, size)) for s, size in zip(streams, sizes, strict=True)]
    rest = e.others(np.concatenate(values, axis=-1), by)
    found = e.subtract(result[..., by.owner], rest)
    first = 0
    for stream, size in zip(streams, sizes, strict=True):
        if stream.node.number in programs.moving:
            _take(now, stream.node.number, found[..., first : first + size])
        first += size


def _read_back(node: Node, found: Ends, point: Ends) -> None:
    """Narrows the entries of the point that a node reads."""
    if node.source != "x":
        return
    assert node.index is not None and node.loop is not None
    at = node.index.positions(node.loop.size)
    if node.loop.size == 1 or node.index.stride:
        point[0][:, at] = np.maximum(point[0][:, at], found[0])
        point[1][:, at] = np.minimum(point[1][:, at], found[1])
        return
    _meet_at(point, at, found)


def _meet_at(into: Ends, at: NDArray[np.int64], found: Ends) -> None:
    """Narrows rows ``at`` of ends, some of which may come more than once."""
    boxes, size = into.shape[1], len(at)
    where: Any = (np.arange(boxes)[:, None], at[None, :])
    np.maximum.at(into[0], where, np.broadcast_to(found[0], (boxes, size)))
    np.minimum.at(into[1], where, np.broadcast_to(found[1], (boxes, size)))


def _gathered_back(node: Node, now: dict[int, Ends], programs: IntervalPrograms) -> None:
    body = node.args[0]
    if body.number not in programs.moving:
        return
    own, inner = now[node.number], now[body.number]
    if node.op == "lift":
        assert node.index is not None and node.loop is not None
        found = inner.copy() if inner.shape[1] == own.shape[1] else np.repeat(inner, own.shape[1], axis=1)
        at = node.index.positions(node.loop.size)
        _meet_at(found, at, own)
        now[body.number] = found
        return
    by = programs.groups[node.number]
    whole = inner if inner.shape[-1] == len(by.owner) else np.broadcast_to(inner, (*inner.shape[:-1], len(by.owner)))
    _take(now, body.number, e.subtract(own[..., by.owner], e.others(whole, by)))


def _elementwise_back(node: Node, now: dict[int, Ends], programs: IntervalPrograms) -> None:
    args = [now[arg.number] for arg in node.args]
    for arg, found in zip(node.args, INVERSES[node.op](node, now[node.number], args), strict=False):
        if found is not None and arg.number in programs.moving:
            _take(now, arg.number, found)


# --------------------------------------------------------------------------------------------------------- inverses
Inverse = Callable[[Node, Ends, list[Ends]], Sequence["Ends | None"]]
"""From the ends of a node and of its arguments, ends of each argument, or None where nothing is known."""


def factor(product: Ends, other: Ends, own: Ends) -> Ends:
    """The hull of the numbers of ``own`` that times one of ``other`` give one of ``product``."""
    nought = (other[0] <= 0) & (other[1] >= 0)
    if not nought.any():
        return e.divide(product, other)
    found = e.divide(product, np.where(nought, 1.0, other))
    both = (product[0] <= 0) & (product[1] >= 0)
    rising = product[0] > 0
    # Numbers at least ``high``, or at most ``low``: from the end of the product nearest to 0, over either sign.
    near = np.where(rising, product[0], product[1])
    with np.errstate(all="ignore"):
        high = np.nextafter(near / np.where(rising, other[1], other[0]), -np.inf)
        low = np.nextafter(near / np.where(rising, other[0], other[1]), np.inf)
    high = np.where(np.where(rising, other[1] > 0, other[0] < 0), high, np.inf)
    low = np.where(np.where(rising, other[0] < 0, other[1] > 0), low, -np.inf)
    lower = np.where(own[0] > low, high, -np.inf)
    upper = np.where(own[1] < high, low, np.inf)
    return np.stack(
        [
            np.where(nought, np.where(both, -np.inf, lower), found[0]),
            np.where(nought, np.where(both, np.inf, upper), found[1]),
        ]
    )


def _mul(node: Node, own: Ends, args: list[Ends]) -> Sequence[Ends | None]:
    if node.args[0] is node.args[1]:
        return [_even(own, args[0], e.root(own))]
    return [factor(own, args[1], args[0]), factor(own, args[0], args[1])]


def _even(own: Ends, arg: Ends, size: Ends) -> Ends:
    """The numbers of ``arg`` whose size lies within ``size``; nothing where the node has only negative values."""
    nothing = own[1] < 0
    lower = np.where(arg[0] > -size[0], size[0], -size[1])
    upper = np.where(arg[1] < size[0], -size[0], size[1])
    return np.stack([np.where(nothing, np.inf, lower), np.where(nothing, -np.inf, upper)])


def _div(_node: Node, own: Ends, args: list[Ends]) -> Sequence[Ends | None]:
    return [e.multiply(own, args[1]), factor(args[0], own, args[1])]


def _pow(node: Node, own: Ends, args: list[Ends]) -> Sequence[Ends | None]:
    whole = whole_power(node)
    exponent = node.args[1]
    if exponent.op != "const" or (whole is not None and abs(whole) == 1):
        return [None, None]
    inner = e.reciprocal(own) if exponent.value < 0 else own
    size = abs(exponent.value)
    if whole is not None and whole % 2:
        return [_loose(np.sign(inner) * np.power(np.abs(inner), 1.0 / size), OF_ROOTS)]
    if whole is not None:
        return [_even(inner, args[0], _positive_root(inner, size))]
    if exponent.value == np.rint(exponent.value):
        return [None, None]
    return [_only(_positive_root(inner, size), inner[1] < 0)]


def _positive_root(a: Ends, size: float) -> Ends:
    return np.maximum(_loose(np.power(np.maximum(a, 0.0), 1.0 / size), OF_ROOTS), 0.0)


def _only(found: Ends, nothing: Bools) -> Ends:
    """The ends, and none where ``nothing``."""
    return np.stack([np.where(nothing, np.inf, found[0]), np.where(nothing, -np.inf, found[1])])


def _loose(ends: Ends, margin: float = MARGIN) -> Ends:
    """What an elementary function gave, moved outwards by more than it may be off."""
    return e.loosened(ends, np.where(np.isinf(ends), 0.0, margin * np.abs(ends) + e.TINY))


def _exp(_node: Node, own: Ends, _args: list[Ends]) -> Sequence[Ends | None]:
    found = e.image(ATOMS["log"], np.maximum(own, 0.0))
    return [_only(found, own[1] <= 0)]


def _log(_node: Node, own: Ends, _args: list[Ends]) -> Sequence[Ends | None]:
    return [np.maximum(e.image(ATOMS["exp"], own), 0.0)]


def _sqrt(_node: Node, own: Ends, _args: list[Ends]) -> Sequence[Ends | None]:
    return [_only(e.square(np.maximum(own, 0.0)), own[1] < 0)]


def _abs(_node: Node, own: Ends, args: list[Ends]) -> Sequence[Ends | None]:
    return [_even(own, args[0], np.maximum(own, 0.0))]


INVERSES: dict[str, Inverse] = {
    "add": lambda _n, own, a: [e.subtract(own, a[1]), e.subtract(own, a[0])],
    "sub": lambda _n, own, a: [e.add(own, a[1]), e.subtract(a[0], own)],
    "neg": lambda _n, own, _a: [e.negative(own)],
    "mul": _mul,
    "div": _div,
    "pow": _pow,
    "exp": _exp,
    "log": _log,
    "sqrt": _sqrt,
    "abs": _abs,
    "asin": lambda _n, _own, _a: [np.array([[[-1.0]], [[1.0]]])],
    "acos": lambda _n, _own, _a: [np.array([[[-1.0]], [[1.0]]])],
    "entropy": lambda _n, _own, _a: [np.array([[[0.0]], [[np.inf]]])],
    "kl": lambda _n, _own, _a: [np.array([[[0.0]], [[np.inf]]])] * 2,
    "sinh": lambda _n, own, _a: [_loose(np.arcsinh(own))],
    "log10": lambda _n, own, _a: [np.maximum(_loose(np.power(10.0, own), OF_ROOTS), 0.0)],
}
