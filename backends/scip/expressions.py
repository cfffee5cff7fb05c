"""Nonlinear forms as SCIP's expressions, row by row from the kernels.

SCIP knows ``+ - * /``, powers with numbers as exponents, ``exp log sqrt sin cos abs`` (S. Vigerske, A. Gleixner,
"SCIP: global optimization of mixed-integer nonlinear programs in a branch-and-cut framework", Optimization Methods and
Software 33 (2018)). The rest is put in their terms, each exactly:

    tan, sinh, cosh, log10, entropy, kl    as their definitions        x^y, a^y    exp(y log x), x > 0 by its bounds
    huber(x, d)        x^2 / 2 - e^2 / 2,  e = (|x| - d + ||x| - d|) / 2
    logsumexp(b)       v with sum(exp(b - v)) == 1
    softplus(x)        v >= 0 with exp(x - v) + exp(-v) == 1
    sigmoid(x)         exp(-v), v the softplus of -x;  tanh(x) = 2 sigmoid(2 x) - 1
    atan(x)            v within [-pi/2, pi/2] with sin(v) == x cos(v)

where ``v`` is a new column, so that no exponential overflows. New columns also stand for what several rows share,
and for an argument whose range leaves the domain of its function (``log``, roots, powers): SCIP takes a bound there,
and without one it has been seen to answer wrongly. From a pole it keeps ``CLEARANCE`` away.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np

from optc.compiler.forms.linear import Floats, Ints
from optc.compiler.forms.nonlinear import NonlinearForm
from optc.compiler.kernels.nodes import Node
from optc.compiler.kernels.numpy_printer import NumpyProgram
from optc.compiler.kernels.programs import Stream, program
from optc.compiler.kernels.scalars import ARRAYS

from .admission import Admitted
from .entries import Algebra, Entry, total
from .kernel_ranges import log_sum_exp, needed, rows_of

CLEARANCE = 2e-9  # from a pole: twice what SCIP keeps itself, since it takes a bound of 1e-9 for 0
FINEST = 1.5e-9  # bounds nearer to 0 are 0 to SCIP
WIDER = 1e-9  # bounds of new columns are wider than the ranges by this share
LONG = 3  # terms from which on what several rows share becomes a column


@dataclass(frozen=True, slots=True, eq=False)
class Added:
    """New columns from ``first`` on: ``values`` of rows ``rows`` of ``node``."""

    node: Node
    rows: Ints
    first: int
    values: Callable[[Floats], Floats]


@dataclass(slots=True, eq=False)
class Writer:
    """Writes the nodes of a form as entries, one for each row of their loops.

    ``column(lower, upper)`` makes a new column, and gives its expression; ``row(entry, lower, upper)`` states a row;
    ``narrow(column, lower, upper)`` keeps a column within the domain of a function that it is the argument of.
    ``added``: the new columns; ``poles``: nodes, and functions of their values, at whose zeros the form has no value.
    """

    form: NonlinearForm
    known: Admitted
    algebra: Algebra
    column: Callable[[float, float], Any]
    row: Callable[[Entry, float, float], None]
    narrow: Callable[[int, float, float], None]
    added: list[Added] = field(default_factory=list)
    poles: list[tuple[Node, Callable[[Floats], Floats]]] = field(default_factory=list)
    _entries: dict[int, list[Entry]] = field(default_factory=dict)
    _shared: dict[int, dict[int, Entry]] = field(default_factory=dict)
    _domains: dict[tuple[int, float, float], list[Entry]] = field(default_factory=dict)

    def write(self) -> None:
        """Write all nodes."""
        for node in self.known.nodes:
            if node.number in self.known.moving:
                self._entries[node.number] = self._node(node)
            else:
                self._entries[node.number] = [Entry(v) for v in self.known.ranges[node.number][0].tolist()]

    def of(self, node: Node) -> list[Entry]:
        """The entries of a node; of a constant one."""
        return self._entries[node.number]

    def _node(self, node: Node) -> list[Entry]:
        if node.op == "load":
            assert node.index is not None
            return [Entry(0.0, {j: 1.0}) for j in node.index.positions(rows_of(node)).tolist()]
        if log_sum_exp(node) is not None:
            return self._log_sum_exp(node)
        if node.op == "lift":
            return self._lifted(node)
        if node.op in ("sum", "prod"):
            return self._gathered(node)
        count = rows_of(node)
        args = [self._wide(arg, count) for arg in needed(node)]
        if node.op in _DEFINED:
            return _DEFINED[node.op](self, node, args)
        if node.op in _CHECKED:
            args = _CHECKED[node.op](self, node, args)
        rule = _RULES[node.op]
        return [rule(self.algebra, *each) for each in zip(*args, strict=True)]

    def _wide(self, node: Node, count: int) -> list[Entry]:
        found = self.of(node)
        return found * count if len(found) == 1 and count != 1 else found

    # ------------------------------------------------------------------------------------------ from loop to loop
    def _gathered(self, node: Node) -> list[Entry]:
        assert node.index is not None
        body = self.of(node.args[0])
        owner = node.index.positions(len(body)).tolist()
        groups: list[list[Entry]] = [[] for _ in range(rows_of(node))]
        for row, entry in zip(owner, body, strict=True):
            groups[row].append(entry)
        if node.op == "sum":
            return [total(zip(repeat(1.0), group)) for group in groups]
        return [self.algebra.product(group) for group in groups]

    def _lifted(self, node: Node) -> list[Entry]:
        """What several rows share, and is long, becomes a column."""
        assert node.index is not None
        inner = node.args[0]
        body, rows = self.of(inner), node.index.positions(rows_of(node))
        counts = np.bincount(rows, minlength=len(body))
        shared = self._shared.setdefault(inner.number, {})
        long = [k for k in np.flatnonzero(counts > 1).tolist() if k not in shared and _is_long(body[k])]
        if long:
            columns = self._define(inner, long, *self.known.ranges[inner.number])
            for k, column in zip(long, columns, strict=True):
                self.row(total([(1.0, body[k]), (-1.0, column)]), 0.0, 0.0)
                shared[k] = column
        return [shared.get(k, body[k]) for k in rows.tolist()]

    def _define(
        self,
        node: Node,
        rows: Sequence[int],
        lower: Floats,
        upper: Floats,
        values: Callable[[Floats], Floats] = lambda x: x,
    ) -> list[Entry]:
        """New columns for some rows of a node, within ranges by row, which are widened a little."""
        first = len(self.algebra.columns)
        self.added.append(Added(node, np.array(rows, dtype=np.int32), first, values))
        for k in rows:
            low, high = float(lower[k]), float(upper[k])
            slack = WIDER * max(1.0, abs(low) if math.isfinite(low) else 0.0, abs(high) if math.isfinite(high) else 0.0)
            self.algebra.columns.append(self.column(low - slack, high + slack))
        return [Entry(0.0, {first + k: 1.0}) for k in range(len(rows))]

    # ------------------------------------------------------------------------------------------------- definitions
    def _log_sum_exp(self, node: Node) -> list[Entry]:
        body = log_sum_exp(node)
        assert body is not None and node.args[0].index is not None
        entries = self.of(body)
        columns = self._define(node, range(rows_of(node)), *self.known.ranges[node.number])
        sums = [Entry() for _ in columns]
        for row, entry in zip(node.args[0].index.positions(len(entries)).tolist(), entries, strict=True):
            sums[row].add(self._falling(total([(1.0, entry), (-1.0, columns[row])])))
        for each in sums:
            self.row(each, 1.0, 1.0)
        return columns

    def _falling(self, exponent: Entry) -> Entry:
        """``exp`` of what is at most 0, which a row says: tangents far above have coefficients beyond all numbers."""
        self.row(exponent, -math.inf, 0.0)
        return self.algebra.applied("exp", exponent)

    def softplus(self, node: Node, entries: Sequence[Entry], scale: float) -> list[Entry]:
        """Columns for ``softplus(scale * x)``, ``x`` the entries of a node."""
        lower, upper = (np.asarray(scale * end) for end in self.known.ranges[node.number][:: 1 if scale > 0 else -1])
        values = partial(_softplus, scale)
        low, high = (np.broadcast_to(ARRAYS["softplus"](end), len(entries)) for end in (lower, upper))
        columns = self._define(node, range(len(entries)), low, high, values)
        for entry, column in zip(entries, columns, strict=True):
            rising = self._falling(total([(scale, entry), (-1.0, column)]))
            self.row(total([(1.0, rising), (1.0, self.algebra.applied("exp", column.times(-1.0)))]), 1.0, 1.0)
        return columns

    def sigmoid(self, node: Node, entries: Sequence[Entry], scale: float) -> list[Entry]:
        """``sigmoid(scale * x)``, ``x`` the entries of a node."""
        return [self.algebra.applied("exp", v.times(-1.0)) for v in self.softplus(node, entries, -scale)]

    def arc_tangent(self, node: Node, entries: Sequence[Entry]) -> list[Entry]:
        """Columns for ``atan(x)``."""
        low, high = (np.broadcast_to(end, len(entries)) for end in self.known.ranges[node.number])
        columns = self._define(node, range(len(entries)), low, high)
        for entry, column in zip(entries, columns, strict=True):
            sine, cosine = (self.algebra.applied(name, column) for name in ("sin", "cos"))
            self.row(total([(1.0, sine), (-1.0, self.algebra.product([entry, cosine]))]), 0.0, 0.0)
        return columns

    def entropy(self, node: Node, entries: list[Entry]) -> list[Entry]:
        """``-x log x``. Of a nonlinear ``x`` with columns ``w`` for it and ``v`` for its logarithm: SCIP 10.0 makes one
        expression of ``x log x``, and corrupts memory where it bounds that of a nonlinear ``x`` from below."""
        inner = node.args[0]
        found = [_entropy(self.algebra, each) for each in self.within(inner, entries, 0.0)]
        bent = [k for k, each in enumerate(entries) if each.parts]
        if not bent:
            return found
        if (self.known.ranges[inner.number][0] < CLEARANCE).any():
            self.poles.append((inner, np.ones_like))  # it keeps away from 0, which is no pole here
        lower, upper = (
            np.maximum(np.broadcast_to(e, len(entries)), CLEARANCE) for e in self.known.ranges[inner.number]
        )
        arguments = self._define(inner, bent, lower, upper, _cleared)
        logarithms = self._define(inner, bent, np.log(lower), np.log(upper), _log_cleared)
        for k, w, v in zip(bent, arguments, logarithms, strict=True):
            assert w.column is not None
            self.narrow(w.column, CLEARANCE, math.inf)
            self.row(total([(1.0, entries[k]), (-1.0, w)]), 0.0, 0.0)
            self.row(total([(1.0, self.algebra.applied("log", w)), (-1.0, v)]), 0.0, 0.0)
            found[k] = self.algebra.product((Entry(-1.0), w, v))
        return found

    # ------------------------------------------------------------------------------------------------------ domains
    def within(self, node: Node, entries: list[Entry], low: float, high: float = math.inf) -> list[Entry]:
        """The entries of an argument, kept between ``low`` and ``high``: outside of these its function has no value."""
        key = (node.number, low, high)
        if key not in self._domains:
            lower, upper = (np.broadcast_to(end, len(entries)) for end in self.known.ranges[node.number])
            out = (lower < low) | (upper > high)
            self._domains[key] = self._kept(node, entries, np.flatnonzero(out).tolist(), low, high)
        return self._domains[key]

    def _kept(self, node: Node, entries: list[Entry], out: list[int], low: float, high: float) -> list[Entry]:
        """The entries of some rows of an argument as columns between ``low`` and ``high``."""
        found = list(entries)
        lower, upper = (np.broadcast_to(end, len(entries)) for end in self.known.ranges[node.number])
        rest = [k for k in out if entries[k].number is None and not self._narrowed(entries[k], low, high)]
        made = self._define(node, rest, lower, upper) if rest else []
        for k, column in zip(rest, made, strict=True):
            self.narrow(column.column, low, high)  # type: ignore[arg-type]
            self.row(total([(1.0, entries[k]), (-1.0, column)]), 0.0, 0.0)
            found[k] = column
        return found

    def _narrowed(self, entry: Entry, low: float, high: float) -> bool:
        """Whether bounds of the one column of an entry can keep it between ``low`` and ``high``, and now do."""
        if entry.parts or len(entry.columns) != 1:
            return False
        ((column, factor),) = entry.columns.items()
        if factor == 0.0:
            return False
        ends = sorted(((low - entry.constant) / factor, (high - entry.constant) / factor))
        if any(0.0 < abs(end) < FINEST for end in ends):
            return False  # SCIP would take the bound for 0
        self.narrow(column, *ends)
        return True

    def nonzero(self, node: Node, entries: list[Entry], signed: bool) -> list[Entry]:
        """A denominator (``signed``), or the argument of a function with a pole at 0 that has no value below."""
        if node.number not in self.known.moving:
            return entries
        lower, upper = (np.broadcast_to(end, len(entries)) for end in self.known.ranges[node.number])
        if ((lower <= 0) & (upper >= 0)).any():
            self.poles.append((node, lambda x: x))
        above = (lower < CLEARANCE) & (not signed or lower >= 0)
        below = (upper > -CLEARANCE) & (upper <= 0) & signed
        found = self._kept(node, entries, np.flatnonzero(above & ~below).tolist(), CLEARANCE, math.inf)
        return self._kept(node, found, np.flatnonzero(below).tolist(), -math.inf, -CLEARANCE)


def _softplus(scale: float, x: Floats) -> Floats:
    return ARRAYS["softplus"](scale * x)


def _cleared(x: Floats) -> Floats:
    return np.maximum(x, CLEARANCE)


def _log_cleared(x: Floats) -> Floats:
    return np.log(np.maximum(x, CLEARANCE))


def _is_long(entry: Entry) -> bool:
    return bool(entry.parts) or len(entry.columns) > LONG


# ----------------------------------------------------------------------------------------- arguments and domains
def _root(writer: Writer, node: Node, args: list[list[Entry]]) -> list[list[Entry]]:
    return [writer.within(node.args[0], args[0], 0.0), *args[1:]]


def _logarithm(writer: Writer, node: Node, args: list[list[Entry]]) -> list[list[Entry]]:
    return [writer.nonzero(node.args[0], args[0], False), *args[1:]]


def _quotient(writer: Writer, node: Node, args: list[list[Entry]]) -> list[list[Entry]]:
    return [args[0], writer.nonzero(node.args[1], args[1], True)]


def _power_base(writer: Writer, node: Node, args: list[list[Entry]]) -> list[list[Entry]]:
    exponents = writer.known.ranges[node.args[1].number][0]
    if node.args[1].number in writer.known.moving:
        return args
    broken, negative = bool((exponents != np.rint(exponents)).any()), bool((exponents < 0).any())
    if negative:
        return [writer.nonzero(node.args[0], args[0], not broken), args[1]]
    return [writer.within(node.args[0], args[0], 0.0), args[1]] if broken else args


def _tangent(writer: Writer, node: Node, args: list[list[Entry]]) -> list[list[Entry]]:
    writer.poles.append((node.args[0], np.cos))
    return args


_CHECKED: dict[str, Callable[[Writer, Node, list[list[Entry]]], list[list[Entry]]]] = {
    "sqrt": _root,
    "kl": _root,
    "log": _logarithm,
    "log10": _logarithm,
    "div": _quotient,
    "pow": _power_base,
    "tan": _tangent,
}
_DEFINED: dict[str, Callable[[Writer, Node, list[list[Entry]]], list[Entry]]] = {
    "softplus": lambda w, n, a: w.softplus(n.args[0], a[0], 1.0),
    "sigmoid": lambda w, n, a: w.sigmoid(n.args[0], a[0], 1.0),
    "tanh": lambda w, n, a: [total([(2.0, s), (1.0, Entry(-1.0))]) for s in w.sigmoid(n.args[0], a[0], 2.0)],
    "atan": lambda w, n, a: w.arc_tangent(n, a[0]),
    "entropy": lambda w, n, a: w.entropy(n, a[0]),
}


# --------------------------------------------------------------------------------------------------- entry by entry
def _times(algebra: Algebra, a: Entry, b: Entry) -> Entry:
    return algebra.power(a, 2.0) if a is b else algebra.product((a, b))


def _div(algebra: Algebra, a: Entry, b: Entry) -> Entry:
    value = b.number
    return algebra.product((a, algebra.power(b, -1.0))) if value is None else a.times(1.0 / value)


def _pow(algebra: Algebra, base: Entry, exponent: Entry) -> Entry:
    value = exponent.number
    if value is not None:
        return algebra.power(base, value)
    return algebra.applied("exp", algebra.product((exponent, _log(algebra, base))))


def _log(algebra: Algebra, a: Entry) -> Entry:
    value = a.number
    return algebra.applied("log", a) if value is None else Entry(math.log(value))


def _both(algebra: Algebra, a: Entry, sign: float) -> Entry:
    """``(exp(a) + sign exp(-a)) / 2``."""
    return total([(0.5, algebra.applied("exp", a)), (0.5 * sign, algebra.applied("exp", a.times(-1.0)))])


def _entropy(algebra: Algebra, a: Entry) -> Entry:
    value = a.number
    if value is not None:
        return Entry(float(ARRAYS["entropy"](np.asarray(value))))
    return algebra.product((Entry(-1.0), a, algebra.applied("log", a)))


def _kl(algebra: Algebra, a: Entry, b: Entry) -> Entry:
    if a.number == 0.0:
        return Entry()
    return total([(-1.0, _entropy(algebra, a)), (-1.0, algebra.product((a, _log(algebra, b))))])


def _huber(algebra: Algebra, a: Entry, limit: Entry) -> Entry:
    beyond = total([(1.0, algebra.applied("abs", a)), (-1.0, limit)])
    excess = total([(0.5, beyond), (0.5, algebra.applied("abs", beyond))])
    return total([(0.5, algebra.power(a, 2.0)), (-0.5, algebra.power(excess, 2.0))])


def _tan(algebra: Algebra, a: Entry) -> Entry:
    return algebra.product((algebra.applied("sin", a), algebra.power(algebra.applied("cos", a), -1.0)))


_RULES: dict[str, Callable[..., Entry]] = {
    "add": lambda _, a, b: total([(1.0, a), (1.0, b)]),
    "sub": lambda _, a, b: total([(1.0, a), (-1.0, b)]),
    "neg": lambda _, a: a.times(-1.0),
    "mul": _times,
    "div": _div,
    "pow": _pow,
    "exp": lambda g, a: g.applied("exp", a),
    "log": _log,
    "log10": lambda g, a: _log(g, a).times(1.0 / math.log(10.0)),
    "sqrt": lambda g, a: g.applied("sqrt", a),
    "sin": lambda g, a: g.applied("sin", a),
    "cos": lambda g, a: g.applied("cos", a),
    "tan": _tan,
    "sinh": lambda g, a: _both(g, a, -1.0),
    "cosh": lambda g, a: _both(g, a, 1.0),
    "kl": _kl,
    "huber": _huber,
}


# ------------------------------------------------------------------------------------------------------------ values
def values(form: NonlinearForm, nodes: Sequence[Node], x: Floats) -> list[Floats]:
    """The values of nodes, by row, at a point of the form ``(n,)``."""
    streams, at = [], 0
    places = []
    for node in nodes:
        loop = node.loop
        assert loop is not None
        streams.append(Stream(node, loop.affine(at, 1) if loop.size > 1 else loop.affine(at, 0)))
        places.append(slice(at, at + loop.size))
        at += loop.size
    out = np.zeros(at)
    with np.errstate(all="ignore"):
        NumpyProgram(program("values", streams, at, form.engine.model.graph))(form.arrays, {"x": x}, out)
    return [out[place] for place in places]


def extended(form: NonlinearForm, added: Sequence[Added], x: Floats, size: int) -> Floats:
    """A point of the form ``(n,)`` with the values of the new columns, ``(size,)``."""
    found = np.concatenate([x, np.zeros(size - len(x))])
    for part, whole in zip(added, values(form, [each.node for each in added], x), strict=True):
        found[part.first : part.first + len(part.rows)] = part.values(whole[part.rows])
    return found
