"""The interval printer: programs evaluated over many boxes at once, rounded outwards.

Where the inputs lie within the ends that are given, the exact results lie within the ends that come out; numbers of
the data count as what float64 holds. Points where a function has no value are left out: ``undefined`` tells boxes
where it has none anywhere, ``partial`` those where it may have none somewhere, over which no derivative says how
the function changes.

Two kinds of nodes stand for numbers that cancel in what is made of them, whatever they are: the largest entry by
which ``norm2`` scales and ``logsumexp`` shifts. Any one number serves, and is taken for the whole of a box.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..facts.atoms import ATOMS
from . import ends as e
from .ends import Bools, Ends, Groups
from .interval_domains import DOMAINS
from .nodes import GATHERED, Node
from .numpy_printer import whole_power
from .programs import Program

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
FARTHEST = 1e100  # of a number that cancels
_ZERO, _ONE, _MINUS = (e.exact(np.full((1, 1), value)) for value in (0.0, 1.0, -1.0))


@dataclass(frozen=True, slots=True, eq=False)
class Swept:
    """What one evaluation over ``b`` boxes gives: the ends ``(2, b, size)`` of each program in order; those of every
    node by number; ``undefined`` and ``partial`` ``(b,)``."""

    results: tuple[Ends, ...]
    values: dict[int, Ends]
    undefined: Bools
    partial: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """A node whose rows are added at positions ``at`` of a result; ``by``: the groups of positions that meet."""

    node: Node
    at: Rows
    by: Groups | None


@dataclass(eq=False)
class IntervalPrograms:
    """Programs of one graph that run together, what they share once. ``arrays``: the data by number.

    ``strict``: numbers of the programs whose nodes must all have values for a point to count.
    """

    programs: Sequence[Program]
    arrays: Sequence[Floats]
    strict: Sequence[int] = ()
    nodes: tuple[Node, ...] = field(init=False)
    moving: frozenset[int] = field(init=False)
    streams: tuple[tuple[Stream, ...], ...] = field(init=False)
    judged: frozenset[int] = field(init=False)
    _fixed: dict[int, Ends] = field(init=False)
    _places: dict[int, Rows] = field(init=False)
    groups: dict[int, Groups] = field(init=False)
    _owners: dict[int, Groups] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.streams = tuple(_streams(p) for p in self.programs)
        self.nodes = _closure([s.node for streams in self.streams for s in streams])
        moving: set[int] = set()
        for node in self.nodes:
            loaded = node.op == "load" and node.source not in ("data", "fixed", "one")
            if loaded or any(arg.number in moving for arg in _read(node)):
                moving.add(node.number)
        self.moving = frozenset(moving)
        self._places = {n.number: _positions(n) for n in self.nodes if n.op in ("load", "lift")}
        self.groups = {
            n.number: e.groups(n.index.positions(rows_of(n.args[0])), rows_of(n))
            for n in self.nodes
            if n.op in GATHERED and n.index is not None
        }
        for node in self.nodes:
            if node.op == "others":
                body = node.args[1]
                assert body.index is not None
                rows = body.index.positions(rows_of(body.args[0]))
                self.groups.setdefault(body.number, e.groups(rows, rows_of(body)))
        self.judged = _judged([s.node for k in self.strict for s in self.streams[k]])
        self._fixed = {}
        with np.errstate(all="ignore"):
            for node in self.nodes:
                if node.number not in self.moving:
                    self._fixed[node.number] = self._value(node, self._fixed, {})

    def owners(self, k: int) -> Groups:
        """Of the rows of all streams of program ``k``, one after the other, the position each belongs to."""
        if k not in self._owners:
            parts = [s.at if s.by is None else s.at[s.by.owner] for s in self.streams[k]]
            owner = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
            self._owners[k] = e.groups(owner, self.programs[k].size)
        return self._owners[k]

    def __call__(self, inputs: Mapping[str, Ends]) -> Swept:
        """The results over boxes: inputs ``(2, b, n)`` by source."""
        boxes = max(given.shape[1] for given in inputs.values())
        values = dict(self._fixed)
        undefined, partial = np.zeros(boxes, dtype=np.bool_), np.zeros(boxes, dtype=np.bool_)
        with np.errstate(all="ignore"):
            for node in self.nodes:
                if node.number in self._fixed:
                    continue
                if node.number in self.judged and node.op in DOMAINS:
                    nowhere, somewhere = DOMAINS[node.op](node, [values[a.number] for a in node.args])
                    undefined |= nowhere.any(axis=-1)
                    partial |= somewhere.any(axis=-1)
                values[node.number] = self._value(node, values, inputs)
            results = tuple(
                _collected(streams, values, p.size, boxes)
                for streams, p in zip(self.streams, self.programs, strict=True)
            )
        return Swept(results, values, undefined, partial)

    def _value(self, node: Node, values: Mapping[int, Ends], inputs: Mapping[str, Ends]) -> Ends:
        if node.op == "const":
            return e.exact(np.full((1, 1), node.value))
        if node.op == "load":
            return self._loaded(node, inputs)
        if node.op == "lift":
            inner = values[node.args[0].number]
            return inner if inner.shape[-1] == 1 else inner[..., self._places[node.number]]
        if node.op in GATHERED:
            return self._gathered(node, values[node.args[0].number])
        if node.op == "others":
            body = values.get(node.args[1].args[0].number)
            by = self.groups[node.args[1].number]
            whole = None if body is None else _spread(body, len(by.owner))
            return values[node.args[0].number] if whole is None else e.other_products(whole, by)
        return OPERATIONS[node.op](node, [values[arg.number] for arg in node.args])

    def _loaded(self, node: Node, inputs: Mapping[str, Ends]) -> Ends:
        at = self._places[node.number]
        if node.source == "one":
            return _ONE
        if node.source in ("data", "fixed"):
            source = self.programs[0].array(node, self.arrays)
            return e.exact(source[at][None, :])
        return inputs[node.source][..., at]

    def _gathered(self, node: Node, body: Ends) -> Ends:
        by = self.groups[node.number]
        whole = _spread(body, len(by.owner))
        if node.op == "sum":
            return e.total(whole, by)
        if node.op == "prod":
            return e.product(whole, by)
        tops = e.reduced(np.maximum, whole, by, -np.inf)
        middle = 0.5 * np.clip(tops[0], -FARTHEST, FARTHEST) + 0.5 * np.clip(tops[1], -FARTHEST, FARTHEST)
        return e.exact(middle)


def _read(node: Node) -> tuple[Node, ...]:
    """The nodes that a node is worked out from."""
    return node.args[:1] if node.op == "others" else node.args


def _closure(roots: Sequence[Node]) -> tuple[Node, ...]:
    """All nodes that some are made of, parts before wholes."""
    found: dict[int, Node] = {}
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        if node.number not in found:
            found[node.number] = node
            waiting += _read(node)
    return tuple(found[number] for number in sorted(found))


def rows_of(node: Node) -> int:
    return 1 if node.loop is None else node.loop.size


def _positions(node: Node) -> Rows:
    assert node.index is not None
    return node.index.positions(rows_of(node))


def _spread(a: Ends, rows: int) -> Ends:
    """Ends with as many rows, also where one stands for all."""
    return a if a.shape[-1] == rows else np.broadcast_to(a, (*a.shape[:-1], rows))


def _judged(roots: Sequence[Node]) -> frozenset[int]:
    """The nodes that must have values: not those that a ``select`` may pass over, nor numbers that cancel."""
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        if node.number not in found:
            found.add(node.number)
            waiting += node.args[:1] if node.op in ("select", "others") else () if node.op == "max" else node.args
    return frozenset(found)


# ---------------------------------------------------------------------------------------------------- where it goes
def _streams(program: Program) -> tuple[Stream, ...]:
    found = []
    for run in program.passes:
        for output in run.outputs:
            if output.scratch >= 0:
                continue
            at = output.index.positions(run.loop.size)
            for node, shift in ((output.node, 0), *output.more):
                places, by = at + shift * output.index.stride, None
                unique, inverse = np.unique(places, return_inverse=True)
                if len(unique) < len(places):
                    places, by = unique, e.groups(inverse.reshape(-1).astype(np.int64), len(unique))
                found.append(Stream(node, places, by))
    return tuple(found)


def _collected(streams: Sequence[Stream], values: Mapping[int, Ends], size: int, boxes: int) -> Ends:
    """What the streams add up to, ``(2, boxes, size)``."""
    found = np.zeros((2, boxes, size))
    touched = np.zeros(size, dtype=np.bool_)
    for stream in streams:
        value = values[stream.node.number]
        if stream.by is not None:
            value = e.total(_spread(value, len(stream.by.owner)), stream.by)
        again = touched[stream.at]
        if again.any():
            found[..., stream.at] = np.where(again, e.add(found[..., stream.at], value), value)
        else:
            found[..., stream.at] = value
        touched[stream.at] = True
    return found


# ------------------------------------------------------------------------------------------------------- operations
Operation = Callable[[Node, list[Ends]], Ends]


def _atom(node: Node, args: list[Ends]) -> Ends:
    return e.image(ATOMS[node.op], args[0])


def _mul(node: Node, args: list[Ends]) -> Ends:
    if node.args[0] is node.args[1]:
        return e.square(args[0])
    if node.args[0].op == "const":
        return e.scale(node.args[0].value, args[1])
    return e.multiply(*args)


def _pow(node: Node, args: list[Ends]) -> Ends:
    whole = whole_power(node)
    if whole is not None:
        found = args[0] if abs(whole) == 1 else e.whole_power(args[0], abs(whole))
        return e.reciprocal(found) if whole < 0 else found
    base, exponent = args
    if np.array_equal(exponent[0], exponent[1]):
        return e.power(base, exponent[0])
    return _exponential(base, exponent)


def _exponential(base: Ends, exponent: Ends) -> Ends:
    """``exp(exponent * log(base))`` where the base is not negative; elsewhere nothing is known."""
    found = e.image(ATOMS["exp"], e.multiply(exponent, e.image(ATOMS["log"], base)))
    unknown = base[0] < 0
    return np.stack([np.where(unknown, -np.inf, found[0]), np.where(unknown, np.inf, found[1])])


def _cpow(_node: Node, args: list[Ends]) -> Ends:
    """``c a^e``, 0 where ``c`` is: 0 lies in the product of ``c`` and whatever stands beside it."""
    factor, base, exponent = args
    fixed = np.array_equal(exponent[0], exponent[1])
    powers = e.power(base, exponent[0]) if fixed else _exponential(base, exponent)
    found = e.multiply(factor, powers)
    nought = (factor[0] == 0) & (factor[1] == 0)
    return np.where(nought, 0.0, found)


def _xlog(_node: Node, args: list[Ends]) -> Ends:
    found = e.multiply(args[0], e.image(ATOMS["log"], args[1]))
    nought = (args[0][0] == 0) & (args[0][1] == 0)
    return np.where(nought, 0.0, found)


def _kl(_node: Node, args: list[Ends]) -> Ends:
    """``x log x - x log y``; never less than ``x - y``."""
    x, y = np.maximum(args[0], 0.0), np.maximum(args[1], 0.0)
    found = e.subtract(e.negative(e.image(ATOMS["entropy"], x)), e.multiply(x, e.image(ATOMS["log"], y)))
    found[0] = np.maximum(found[0], e.subtract(x, y)[0])
    return found


def _huber(_node: Node, args: list[Ends]) -> Ends:
    """It rises with the size of its argument, and with its limit where that is not negative; where it is, the outer
    part holds everywhere."""
    size, limit = e.magnitude(args[0]), args[1]
    near, far = e.scale(0.5, e.square(size)), e.multiply(limit, e.subtract(size, e.scale(0.5, limit)))
    found = np.where(size <= limit, near, np.maximum(far, 0.0))
    return np.where(limit[0] < 0, e.hull(e.hull(near, far), np.zeros((2, 1, 1))), found)


def _inside(_node: Node, args: list[Ends]) -> Ends:
    size, limit = e.magnitude(args[0]), args[1]
    return np.stack([np.where(size[1] <= limit[0], 1.0, 0.0), np.where(size[0] > limit[1], 0.0, 1.0)])


def _excess(_node: Node, args: list[Ends]) -> Ends:
    return np.maximum(e.subtract(e.magnitude(args[0]), args[1]), 0.0)


def _iszero(_node: Node, args: list[Ends]) -> Ends:
    a = args[0]
    return np.stack([np.where((a[0] == 0) & (a[1] == 0), 1.0, 0.0), np.where((a[0] <= 0) & (a[1] >= 0), 1.0, 0.0)])


def _nonzero(node: Node, args: list[Ends]) -> Ends:
    a = args[0]
    if node.args[0].op == "max":  # a number that cancels
        return np.where(a == 0, 1.0, a)
    nought = (a[0] <= 0) & (a[1] >= 0)
    only = (a[0] == 0) & (a[1] == 0)
    upper = np.where(only, 1.0, np.where(nought, np.maximum(a[1], 1.0), a[1]))
    return np.stack([np.where(only, 1.0, a[0]), upper])


def _select(_node: Node, args: list[Ends]) -> Ends:
    condition, a, b = args
    surely = (condition[0] > 0) | (condition[1] < 0)
    never = (condition[0] == 0) & (condition[1] == 0)
    return np.where(surely, a, np.where(never, b, e.hull(*np.broadcast_arrays(a, b))))


OPERATIONS: dict[str, Operation] = {
    "add": lambda _n, a: e.add(*a),
    "sub": lambda _n, a: e.subtract(*a),
    "mul": _mul,
    "div": lambda _n, a: e.divide(*a),
    "neg": lambda _n, a: e.negative(a[0]),
    "pow": _pow,
    "sqrt": lambda _n, a: e.root(a[0]),
    "abs": lambda _n, a: e.magnitude(a[0]),
    "sign": lambda _n, a: np.sign(a[0]),
    "cpow": _cpow,
    "xlog": _xlog,
    "kl": _kl,
    "huber": _huber,
    "clip": lambda _n, a: e.clipped(*a),
    "excess": _excess,
    "inside": _inside,
    "iszero": _iszero,
    "nonzero": _nonzero,
    "select": _select,
    "held": lambda _n, a: a[0],
} | {op: _atom for op in ATOMS if op not in ("sqrt", "abs")}
