"""Ranges of kernel nodes: between what ends the values of each row lie, where every column is within its bounds.

Interval arithmetic on whole arrays (R. E. Moore, R. B. Kearfott, M. J. Cloud, "Introduction to Interval Analysis",
SIAM (2009)), in plain rounding: the ends serve decisions with a wide margin and bounds of new columns, which are
widened; they prove nothing. Points at which a function has no value are left out, as there is no value to enclose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from optc.compiler.forms.nonlinear import NonlinearForm
from optc.compiler.kernels.nodes import Node
from optc.compiler.kernels.scalars import ARRAYS

Floats = NDArray[np.float64]
Range = tuple[Floats, Floats]
"""The lower and upper ends by row of a node's loop; of length one for a constant."""

RISING = frozenset({"exp", "log", "log10", "sqrt", "atan", "asin", "sinh", "tanh", "sigmoid", "softplus", "erf"})
EVEN = frozenset({"abs", "cosh"})
_ENDS = {"sin": (-1.0, 1.0), "cos": (-1.0, 1.0), "acos": (0.0, np.pi)}
_FLOORS = {"log": 0.0, "log10": 0.0, "sqrt": 0.0, "asin": -1.0, "entropy": 0.0}


def log_sum_exp(node: Node) -> Node | None:
    """The entries of a ``logsumexp``, where a node is one: the kernels write it ``top + log(sum(exp(b - top)))``."""
    if node.op != "add" or not node.active:
        return None
    top, rest = node.args
    if top.op != "max" or rest.op != "log" or rest.args[0].op != "sum" or rest.args[0].args[0].op != "exp":
        return None
    return top.args[0] if rest.args[0].index is top.index else None


def needed(node: Node) -> tuple[Node, ...]:
    """The nodes that a node is worked out from. A scale of ``norm2`` (``nonzero``) counts as 1: it cancels."""
    body = log_sum_exp(node)
    if body is not None:
        return (body,)
    return () if node.op == "nonzero" else node.args


def ranges(form: NonlinearForm, nodes: Sequence[Node], moving: frozenset[int]) -> dict[int, Range]:
    """The ranges of nodes, parts before wholes, by number. ``moving``: those that depend on the point.

    The others have one value, which is both ends.
    """
    found: dict[int, Range] = {}
    with np.errstate(all="ignore"):
        for node in nodes:
            found[node.number] = _range(form, node, found, node.number in moving)
    return found


def rows_of(node: Node) -> int:
    """How many rows a node has: one where it is a constant."""
    return 1 if node.loop is None else node.loop.size


def _range(form: NonlinearForm, node: Node, found: Mapping[int, Range], moving: bool) -> Range:
    if node.op == "const":
        return np.array([node.value]), np.array([node.value])
    if node.op == "load":
        return _loaded(form, node)
    if node.op == "nonzero":
        return np.ones(rows_of(node)), np.ones(rows_of(node))
    entries = log_sum_exp(node)
    if entries is not None:
        return _log_sum_exp(node, found[entries.number])
    if node.op in ("sum", "prod", "max"):
        return _gathered(node, found[node.args[0].number])
    parts = [found[arg.number] for arg in node.args if arg.number in found]
    if node.op == "lift":
        assert node.index is not None
        rows = node.index.positions(rows_of(node))
        return parts[0][0][rows], parts[0][1][rows]
    if not moving:
        value = np.broadcast_to(ARRAYS[node.op](*(low for low, _ in parts)), rows_of(node))
        return value, value
    lower, upper = _elementwise(node, parts)
    count = rows_of(node)
    return np.broadcast_to(_or(lower, -np.inf), count), np.broadcast_to(_or(upper, np.inf), count)


def _or(values: Floats, default: float) -> Floats:
    return np.where(np.isnan(values), default, values)


def _loaded(form: NonlinearForm, node: Node) -> Range:
    assert node.index is not None
    at = node.index.positions(rows_of(node))
    if node.source == "x":
        return form.lower[at], form.upper[at]
    if node.source == "one":
        return np.ones(len(at)), np.ones(len(at))
    source = form.arrays if node.source == "data" else form.engine.model.graph.fixed
    values = source[node.array][at]
    return values, values


def _gathered(node: Node, body: Range) -> Range:
    assert node.index is not None
    size = rows_of(node)
    owner = node.index.positions(rows_of(node.args[0]))
    if node.op == "sum":
        lower, upper = (np.bincount(owner, weights=end, minlength=size).astype(np.float64) for end in body)
        return _or(lower, -np.inf), _or(upper, np.inf)
    if node.op == "max":
        top = np.full(size, -np.inf), np.full(size, -np.inf)
        for end, into in zip(body, top, strict=True):
            np.maximum.at(into, owner, end)
        return top
    # |product| <= product of the larger ends; a sign is known where no factor changes it.
    size_ = np.ones(size)
    np.multiply.at(size_, owner, np.maximum(np.abs(body[0]), np.abs(body[1])))
    mixed = np.bincount(owner, weights=body[0] < 0, minlength=size) > 0
    if np.array_equal(body[0], body[1]):
        exact = np.ones(size)
        np.multiply.at(exact, owner, body[0])
        return exact, exact
    return np.where(mixed, -_or(size_, np.inf), 0.0), _or(size_, np.inf)


def _log_sum_exp(node: Node, body: Range) -> Range:
    """Between the largest entry, and that and the logarithm of how many there are."""
    top = node.args[0]
    assert top.index is not None
    lower, upper = _gathered(top, body)
    counts = np.bincount(top.index.positions(len(body[0])), minlength=len(lower))
    return lower, upper + np.log(counts)


def _elementwise(node: Node, parts: Sequence[Range]) -> Range:
    op, (lower, upper) = node.op, parts[0] if parts else (np.zeros(1), np.zeros(1))
    if op in _ENDS:
        low, high = _ENDS[op]
        return np.array([low]), np.array([high])
    if op in RISING:
        inside = np.maximum(lower, _FLOORS.get(op, -np.inf))
        return ARRAYS[op](inside), ARRAYS[op](upper)
    if op in EVEN:
        return _even(parts, ARRAYS[op])
    if op in _ARITHMETIC:
        return _ARITHMETIC[op](node, parts)
    return np.array([-np.inf]), np.array([np.inf])


def _even(parts: Sequence[Range], function: Callable[[Floats], Floats]) -> Range:
    """Of an even function that rises away from 0."""
    lower, upper = parts[0]
    nearest = np.where((lower <= 0) & (upper >= 0), 0.0, np.minimum(np.abs(lower), np.abs(upper)))
    return function(nearest), function(np.maximum(np.abs(lower), np.abs(upper)))


def _product(a: Range, b: Range) -> Range:
    corners = np.stack(np.broadcast_arrays(*(_or(x * y, 0.0) for x in a for y in b)))  # 0 times infinity is 0 here
    return corners.min(axis=0), corners.max(axis=0)


def _mul(node: Node, parts: Sequence[Range]) -> Range:
    if node.args[0] is node.args[1]:
        return _even(parts, np.square)
    return _product(parts[0], parts[1])


def _reciprocal(part: Range) -> Range:
    lower, upper = part
    inner, across = (lower < 0) & (upper > 0), (lower == 0) | (upper == 0)
    low, high = 1.0 / upper, 1.0 / lower
    low = np.where(across & (upper == 0), -np.inf, low)
    high = np.where(across & (lower == 0), np.inf, high)
    return np.where(inner, -np.inf, low), np.where(inner, np.inf, high)


def _div(_node: Node, parts: Sequence[Range]) -> Range:
    return _product(parts[0], _reciprocal(parts[1]))


def _pow(_node: Node, parts: Sequence[Range]) -> Range:
    base, exponent = parts
    lower, upper = base
    if not np.array_equal(*exponent):
        floor = np.maximum(lower, 0.0)
        low, high = _product(exponent, (np.log(floor), np.log(np.maximum(upper, 0.0))))
        return np.exp(low), np.exp(high)
    p = exponent[0]
    whole, size = p == np.rint(p), np.abs(p)
    even = _even([base], lambda x: np.power(x, size))
    odd = np.power(lower, size), np.power(upper, size)
    broken = np.power(np.maximum(lower, 0.0), size), np.power(np.maximum(upper, 0.0), size)
    is_even = whole & (p % 2 == 0)
    low = np.where(is_even, even[0], np.where(whole, odd[0], broken[0]))
    high = np.where(is_even, even[1], np.where(whole, odd[1], broken[1]))
    turned = _reciprocal((low, high))
    return np.where(p < 0, turned[0], low), np.where(p < 0, turned[1], high)


def _huber(_node: Node, parts: Sequence[Range]) -> Range:
    """It rises with the size of its argument, and with its limit where that is not negative."""
    size, limit = _even(parts[:1], np.abs), parts[1]
    low = np.where(limit[0] >= 0, ARRAYS["huber"](size[0], limit[0]), -np.inf)
    return low, ARRAYS["huber"](size[1], np.maximum(limit[1], 0.0))


def _entropy(_node: Node, parts: Sequence[Range]) -> Range:
    lower, upper = np.maximum(parts[0][0], 0.0), np.maximum(parts[0][1], 0.0)
    ends = ARRAYS["entropy"](lower), _or(ARRAYS["entropy"](upper), -np.inf)
    top = np.exp(-1.0)
    peak = np.where((lower <= top) & (upper >= top), top, np.maximum(*ends))
    return np.minimum(*ends), peak


_ARITHMETIC: dict[str, Callable[[Node, Sequence[Range]], Range]] = {
    "add": lambda _n, p: (p[0][0] + p[1][0], p[0][1] + p[1][1]),
    "sub": lambda _n, p: (p[0][0] - p[1][1], p[0][1] - p[1][0]),
    "neg": lambda _n, p: (-p[0][1], -p[0][0]),
    "mul": _mul,
    "div": _div,
    "pow": _pow,
    "entropy": _entropy,
    "huber": _huber,
}
