"""Kernel nodes as expressions of a .nl file: prefix order, a line for each operator, number and variable.

What several rows share (an aggregate that each of them uses) and what stands in a row more than once becomes a defined
variable. Printed are the operators of the format; others in terms of these: ``huber`` over ``min`` and ``abs``,
``softplus`` as ``log(1 + exp(x))`` (infinite above 709), ``entropy`` and ``kl`` without their limits at zero, ``sign``
by a condition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from ..forms.linear import Floats
from ..kernels.loops import pair_count, pairs
from ..kernels.model import Term
from ..kernels.nodes import Graph, Node
from .named import decimal

Rows = NDArray[np.int64]
Texts = list[str] | str  # one a row of the loop; one for all where it is a constant
MOST_ENTRIES = 1 << 28
LONG = 8  # lines from which an expression that stands in a row twice is written once

_CODES = {
    "add": 0,
    "sub": 1,
    "mul": 2,
    "div": 3,
    "pow": 5,
    "min": 11,
    "max": 12,
    "floor": 13,
    "ceil": 14,
    "abs": 15,
    "neg": 16,
    "tanh": 37,
    "tan": 38,
    "sqrt": 39,
    "sinh": 40,
    "sin": 41,
    "log10": 42,
    "log": 43,
    "exp": 44,
    "cosh": 45,
    "cos": 46,
    "atan": 49,
    "asin": 51,
    "acos": 53,
}
_SPELLED: dict[str, Callable[..., str]] = {
    "entropy": lambda x: f"o16\no2\n{x}o43\n{x}",
    "kl": lambda x, y: f"o2\n{x}o43\no3\n{x}{y}",
    "sigmoid": lambda x: f"o3\nn1\no0\nn1\no44\no16\n{x}",
    "softplus": lambda x: f"o43\no0\nn1\no44\n{x}",
    "sign": lambda x: f"o35\no29\n{x}n0\nn1\no35\no22\n{x}n0\nn-1\nn0\n",
    "idiv": lambda x, y: f"o13\no3\n{x}{y}",
    "mod": lambda x, y: f"o1\n{x}o2\n{y}o13\no3\n{x}{y}",
    # with z = min(|x|, d): z^2 / 2 + d (|x| - z)
    "huber": lambda x, d: f"o0\no2\nn0.5\no5\no11\n2\no15\n{x}{d}n2\no2\n{d}o1\no15\n{x}o11\n2\no15\n{x}{d}",
}
PRINTED = frozenset({*_CODES, *_SPELLED})
_GATHERED = {"sum": "n0\n", "prod": "n1\n", "max": "n0\n", "min": "n0\n"}


class TooLargeError(Exception):
    """The rows have more nonlinear entries than a file can hold."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(f"{count:,} entries")


@dataclass(frozen=True, slots=True, eq=False)
class Printed:
    """``rows``: the parts of each nonlinear row; ``defined``: the texts of defined variables in order, and how many of
    them stand in rows and objective, in rows alone, in the objective alone."""

    objective: list[str]
    rows: dict[int, list[str]]
    defined: list[str]
    shares: tuple[int, int, int]


@dataclass(eq=False)
class Printer:
    """Of the terms of one problem with so many ``columns``; ``data``: the arrays that their nodes read."""

    terms: Sequence[Term]
    graph: Graph
    data: Sequence[Floats]
    columns: int
    nodes: list[Node] = field(init=False)
    _pairs: dict[int, tuple[Rows, Rows]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.nodes = _closure([t.node for t in self.terms])

    # ---------------------------------------------------------------------------------------- which columns stand where
    def objective_columns(self) -> Rows:
        """The columns that the objective's terms hold."""
        found = [self.entries(t.node)[1] for t in self.terms if t.rows is None]
        return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *found]))

    def row_entries(self) -> tuple[Rows, Rows]:
        """Rows and columns of what the rows' terms hold, none twice."""
        rows, columns = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        for term in self.terms:
            if term.rows is not None:
                own, held = self.entries(term.node)
                rows.append(term.rows.positions(term.loop.size)[own])
                columns.append(held)
        return self._unique(np.concatenate(rows), np.concatenate(columns))

    def entries(self, node: Node) -> tuple[Rows, Rows]:
        """For a node the rows of its loop and the columns that stand in them, none twice."""
        if node.number not in self._pairs:
            rows, columns = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
            for leaf in _leaves(node):
                own, held = self._leaf(leaf)
                rows.append(own)
                columns.append(held)
            self._pairs[node.number] = self._unique(np.concatenate(rows), np.concatenate(columns))
        return self._pairs[node.number]

    def _leaf(self, leaf: Node) -> tuple[Rows, Rows]:
        assert leaf.index is not None and leaf.loop is not None
        if leaf.op == "load":
            return np.arange(leaf.loop.size), leaf.index.positions(leaf.loop.size)
        inner = leaf.args[0]
        assert inner.loop is not None
        rows, columns = self.entries(inner)
        if leaf.op != "lift":
            return leaf.index.positions(inner.loop.size)[rows], columns
        owners = leaf.index.positions(leaf.loop.size)
        count = pair_count(owners, rows, inner.loop.size)
        if count > MOST_ENTRIES:
            raise TooLargeError(count)
        own, at = pairs(owners, rows, inner.loop.size)
        return own, columns[at]

    def _unique(self, rows: Rows, columns: Rows) -> tuple[Rows, Rows]:
        found = np.unique(rows * self.columns + columns)
        return found // max(self.columns, 1), found % max(self.columns, 1)

    # --------------------------------------------------------------------------------------------------------- in text
    def printed(self, rank: Rows) -> Printed:
        """The texts, with column ``j`` written as variable ``rank[j]``."""
        shares = self._shares()
        numbers: dict[int, int] = {}
        upto = self.columns
        for share in (0, 1, 2):
            for node in self.nodes:
                if shares.get(node.number) == share:
                    assert node.loop is not None
                    numbers[node.number] = upto
                    upto += node.loop.size
        texts: dict[int, Texts] = {}
        defined = [""] * (upto - self.columns)
        variables = [f"v{k}\n" for k in rank.tolist()]
        for node in self.nodes:
            found = self._text(node, texts, variables)
            if node.number in numbers:
                first = numbers[node.number]
                for k, text in enumerate(_spread(found, node)):
                    defined[first - self.columns + k] = text
                found = [f"v{first + k}\n" for k in range(len(found))]
            texts[node.number] = found
        objective: list[str] = []
        rows: dict[int, list[str]] = {}
        for term in self.terms:
            own = _spread(texts[term.node.number], term.node) if term.node.loop is not None else []
            if term.rows is None:
                objective += own
                continue
            for row, text in zip(term.rows.positions(term.loop.size).tolist(), own, strict=True):
                rows.setdefault(row, []).append(text)
        counts = [sum(1 for n in self.nodes if shares.get(n.number) == s for _ in range(_size(n))) for s in (0, 1, 2)]
        return Printed(objective, rows, defined, (counts[0], counts[1], counts[2]))

    def _shares(self) -> dict[int, int]:
        """The nodes that become defined variables: 0 of rows and objective, 1 of rows, 2 of the objective."""
        uses: dict[int, int] = {}
        often: set[int] = set()
        for node in self.nodes:
            for arg in {a.number: a for a in node.args}.values():
                uses[arg.number] = uses.get(arg.number, 0) + 1
            if node.op == "lift" and _repeats(node):
                often.add(node.args[0].number)
        lengths: dict[int, float] = {}
        found: list[int] = []
        for node in self.nodes:
            length = _length(node, lengths)
            named = (node.number in often and length > 2) or (uses.get(node.number, 0) > 1 and length >= LONG)
            lengths[node.number] = 1.0 if named else length
            if named and node.loop is not None:
                found.append(node.number)
        in_objective = {n.number for n in _closure([t.node for t in self.terms if t.rows is None])}
        in_rows = {n.number for n in _closure([t.node for t in self.terms if t.rows is not None])}
        return {k: 2 if k not in in_rows else 0 if k in in_objective else 1 for k in found}

    def _text(self, node: Node, texts: dict[int, Texts], variables: list[str]) -> Texts:
        if node.op == "const":
            return f"n{decimal(node.value)}\n"
        assert node.loop is not None
        if node.op == "load":
            assert node.index is not None
            if node.source == "one":
                return "n1\n"
            positions = node.index.positions(node.loop.size)
            if node.source == "x":
                return [variables[k] for k in positions.tolist()]
            array = self.data[node.array] if node.source == "data" else self.graph.fixed[node.array]
            return [f"n{decimal(v)}\n" for v in array[positions].tolist()]
        args = [texts[a.number] for a in node.args]
        if node.op == "lift":
            assert node.index is not None
            body = _spread(args[0], node.args[0])
            return [body[k] for k in node.index.positions(node.loop.size).tolist()]
        if node.index is not None:
            return self._gathered(node, _spread(args[0], node.args[0]))
        return _elementwise(node, args)

    def _gathered(self, node: Node, body: list[str]) -> list[str]:
        assert node.loop is not None and node.index is not None
        groups: list[list[str]] = [[] for _ in range(node.loop.size)]
        for row, text in zip(node.index.positions(len(body)).tolist(), body, strict=True):
            groups[row].append(text)
        return [joined(group, node.op) for group in groups]


def joined(parts: Sequence[str], op: str = "sum") -> str:
    """The sum, product, least or largest of expressions as one."""
    if len(parts) < 2:
        return parts[0] if parts else _GATHERED[op]
    text = "".join(parts)
    if op == "prod":
        return "o2\n" * (len(parts) - 1) + text
    if op == "sum":
        return f"o0\n{text}" if len(parts) == 2 else f"o54\n{len(parts)}\n{text}"
    return f"o{_CODES[op]}\n{len(parts)}\n{text}"


def _elementwise(node: Node, args: list[Texts]) -> Texts:
    if node.op == "mul" and node.args[1].source == "one":
        return args[0]
    if all(isinstance(a, str) for a in args):
        return _one(node, *args)  # type: ignore[arg-type]
    columns: list[Iterable[str]] = [repeat(a) if isinstance(a, str) else a for a in args]
    if node.op == "mul" and node.args[0] is node.args[1]:
        return [f"o5\n{a}n2\n" for a in columns[0]]
    if node.op in _SPELLED:
        return list(map(_SPELLED[node.op], *columns))
    head = _head(node)
    return [head + "".join(parts) for parts in zip(*columns, strict=False)]


def _one(node: Node, *args: str) -> str:
    return _SPELLED[node.op](*args) if node.op in _SPELLED else _head(node) + "".join(args)


def _head(node: Node) -> str:
    code = _CODES[node.op]
    return f"o{code}\n{len(node.args)}\n" if code in (11, 12) else f"o{code}\n"


def _spread(texts: Texts, node: Node) -> list[str]:
    return [texts] * _size(node) if isinstance(texts, str) else texts


def _size(node: Node) -> int:
    return node.loop.size if node.loop is not None else 1


def _repeats(lift: Node) -> bool:
    """Whether a row of the coarser loop is used by several of the finer one."""
    assert lift.index is not None and lift.loop is not None
    counts = np.bincount(lift.index.positions(lift.loop.size))
    return bool(len(counts)) and int(counts.max()) > 1


def _length(node: Node, lengths: dict[int, float]) -> float:
    """About how many lines a row of a node takes."""
    inner = sum(lengths[a.number] for a in node.args)
    if node.op == "lift" or not node.args:
        return inner or 1.0
    if node.index is not None:
        return 1.0 + inner * _size(node.args[0]) / max(_size(node), 1)
    return 1.0 + inner * (2.0 if node.op in _SPELLED else 1.0)


def _closure(nodes: Iterable[Node]) -> list[Node]:
    """Nodes with all that they are made of, parts first."""
    found: dict[int, Node] = {}
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node.number not in found:
            found[node.number] = node
            waiting += node.args
    return [found[k] for k in sorted(found)]


def _leaves(node: Node) -> list[Node]:
    """What a node reads of the point or of other loops, each once."""
    found: list[Node] = []
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if each.number in seen:
            continue
        seen.add(each.number)
        if each.op == "load":
            if each.source == "x":
                found.append(each)
        elif each.index is not None:
            found.append(each)
        else:
            waiting += each.args
    return found
