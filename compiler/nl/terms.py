"""Expressions of .nl files as sums, whose terms are told apart by their shapes.

A .nl file has one expression tree for each row. Here each tree becomes a sum: a constant, linear entries, and terms
with a coefficient. A term is a *shape* (an expression whose numbers and variables are open places) and its *slots*
(what stands in these places, left to right). Rows that say the same of different variables have terms of one shape, so
that a whole family of them can be stated, differentiated and evaluated at once.

A sum, product, minimum or maximum of more than ``INLINE`` parts of one shape inside something nonlinear is an
*aggregate*: one slot, which holds its number in ``Shapes.aggregates``.

Opcodes: D. M. Gay, "Writing .nl Files" (Sandia report SAND2005-7907P), appendix; "Hooking Your Solver to AMPL" (1997).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

INLINE = 6
DEEPEST = 60  # so deep may an expression be nested, sums and products of many parts counting once
SMALL = 8  # a defined variable of no more slots is put in where it is used

Slots = tuple[float | int, ...]


class Refused(Exception):
    """An operator or a form of it that the language has no place for."""

    def __init__(self, what: str, mend: str) -> None:
        self.what, self.mend = what, mend
        super().__init__(what)


class Malformed(Exception):
    """What stands at a line is not what the format wants there."""

    def __init__(self, problem: str, mend: str) -> None:
        self.problem, self.mend = problem, mend
        super().__init__(problem)


@dataclass(slots=True, eq=False)
class Sum:
    """``constant + sum of coefficient * variable + sum of coefficient * shape(slots)``."""

    constant: float = 0.0
    linear: list[tuple[float, int]] = field(default_factory=list)
    terms: list[tuple[float, int, Slots]] = field(default_factory=list)

    @property
    def fixed(self) -> bool:
        return not self.linear and not self.terms


@dataclass(slots=True, eq=False)
class Shapes:
    """All shapes of a file. ``keys[s]`` says what shape ``s`` is, ``kinds[s]`` what stands in its slots.

    Keys: ``("c",)`` a number; ``("x",)``, ``("k",)`` a real or whole variable; ``("let", s)`` a defined variable of
    shape ``s``; ``("sum", with constant, *shapes of the terms)``, whose slots have a coefficient before each term;
    ``("power", exponent, s)``; ``("aggregate", op, s)``; else an operator and the shapes of its arguments. Kinds:
    ``c x k``, ``d`` for the number of a defined variable, ``a`` for that of an aggregate.
    """

    whole: bytearray
    keys: list[tuple[object, ...]] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    depth: list[int] = field(default_factory=list)
    aggregates: list[list[Slots]] = field(default_factory=list)
    defined: dict[int, tuple[int, Slots]] = field(default_factory=dict)
    inlined: dict[int, Sum] = field(default_factory=dict)
    _known: dict[tuple[object, ...], int] = field(default_factory=dict)

    def shape(self, key: tuple[object, ...], kinds: str, children: tuple[int, ...]) -> int:
        """The number of a shape; a new one where the key is not known."""
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = len(self.keys)
            depth = 1 + max((self.depth[c] for c in children), default=0)
            if depth > DEEPEST:
                raise Refused(
                    f"an expression nested more than {DEEPEST} deep",
                    "give its parts variables of their own, with rows that define them",
                )
            self.keys.append(key)
            self.kinds.append(kinds)
            self.depth.append(depth)
        return found

    # ------------------------------------------------------------------------------------------------------- leaves
    def number(self) -> int:
        return self.shape(("c",), "c", ())

    def variable(self, column: int) -> int:
        kind = "k" if self.whole[column] else "x"
        return self.shape((kind,), kind, ())

    # ------------------------------------------------------------------------------------------------------ freezing
    def frozen(self, total: Sum) -> tuple[int, Slots]:
        """A sum as one shape, to stand inside something nonlinear."""
        if total.fixed:
            return self.number(), (total.constant,)
        if total.constant == 0.0 and len(total.linear) + len(total.terms) == 1:
            if total.linear and total.linear[0][0] == 1.0:
                column = total.linear[0][1]
                return self.variable(column), (column,)
            if total.terms and total.terms[0][0] == 1.0:
                return total.terms[0][1:]
        terms = [(c, *self._in_linear(v)) for c, v in total.linear]
        terms += total.terms
        return self._sum(total.constant, terms, self._shared(terms))

    def _in_linear(self, column: int) -> tuple[int, Slots]:
        return self.variable(column), (column,)

    @staticmethod
    def _shared(terms: list[tuple[float, int, Slots]]) -> set[int]:
        """The shapes that more than ``INLINE`` terms have."""
        if len(terms) <= INLINE:
            return set()
        counts: dict[int, int] = {}
        for _, shape, _ in terms:
            counts[shape] = counts.get(shape, 0) + 1
        return {shape for shape, count in counts.items() if count > INLINE}

    def _sum(self, constant: float, terms: list[tuple[float, int, Slots]], many: set[int]) -> tuple[int, Slots]:
        parts = [(1.0, *self._aggregate("sum", s, [(c, *v) for c, t, v in terms if t == s])) for s in sorted(many)]
        parts += sorted((t for t in terms if t[1] not in many), key=lambda t: t[1])
        if constant == 0.0 and len(parts) == 1 and many:
            return parts[0][1:]
        shapes = tuple(shape for _, shape, _ in parts)
        slots: list[float | int] = [constant] if constant != 0.0 else []
        kinds = "c" if constant != 0.0 else ""
        for coefficient, shape, values in parts:
            slots += (coefficient, *values)
            kinds += "c" + self.kinds[shape]
        return self.shape(("sum", constant != 0.0, *shapes), kinds, shapes), tuple(slots)

    def _aggregate(self, op: str, shape: int, entries: list[Slots]) -> tuple[int, Slots]:
        self.aggregates.append(entries)
        return self.shape(("aggregate", op, shape), "a", (shape,)), (len(self.aggregates) - 1,)

    def apply(self, op: str, *args: Sum) -> Sum:
        """An operator on sums, as a term."""
        frozen = [self.frozen(a) for a in args]
        if op in ("min", "max"):
            frozen.sort(key=lambda part: part[0])
            if len(frozen) > INLINE and frozen[0][0] == frozen[-1][0]:
                return _term(1.0, *self._aggregate(op, frozen[0][0], [slots for _, slots in frozen]))
        return _term(1.0, *self._operation((op,), frozen))

    def _operation(self, head: tuple[object, ...], frozen: list[tuple[int, Slots]]) -> tuple[int, Slots]:
        shapes = tuple(shape for shape, _ in frozen)
        kinds = "".join(self.kinds[s] for s in shapes)
        return self.shape((*head, *shapes), kinds, shapes), tuple(v for _, slots in frozen for v in slots)

    # ---------------------------------------------------------------------------------------------------- arithmetic
    def multiplied(self, a: Sum, b: Sum) -> Sum:
        if a.fixed:
            return scaled(b, a.constant)
        if b.fixed:
            return scaled(a, b.constant)
        one, two = _bare(a), _bare(b)
        factor = one[0] * two[0]
        first, second = self.frozen(one[1]), self.frozen(two[1])
        factors = self._powers([*self._factors(first), *self._factors(second)])
        factors.sort(key=lambda part: part[0])
        if len(factors) > INLINE:
            return _term(factor, *self._product(factors))
        return _term(factor, *(factors[0] if len(factors) == 1 else self._operation(("mul",), factors)))

    def _powers(self, factors: list[tuple[int, Slots]]) -> list[tuple[int, Slots]]:
        """Equal factors as whole powers, each once."""
        exponents: dict[tuple[int, Slots], float] = {}
        for shape, slots in factors:
            head, *rest = self.keys[shape]
            power = rest[0] if head == "power" else 1.0
            if isinstance(power, float) and power > 0.0 and power.is_integer() and head == "power":
                assert isinstance(rest[1], int)
                shape = rest[1]
            else:
                power = 1.0
            exponents[shape, slots] = exponents.get((shape, slots), 0.0) + power
        return [
            part if power == 1.0 else self._operation(("power", power), [part]) for part, power in exponents.items()
        ]

    def _factors(self, part: tuple[int, Slots]) -> list[tuple[int, Slots]]:
        """The factors of a product that is a term already."""
        shape, slots = part
        key = self.keys[shape]
        if key[0] != "mul":
            return [part]
        found, at = [], 0
        for child in key[1:]:
            assert isinstance(child, int)
            width = len(self.kinds[child])
            found.append((child, slots[at : at + width]))
            at += width
        return found

    def _product(self, factors: list[tuple[int, Slots]]) -> tuple[int, Slots]:
        groups: dict[int, list[Slots]] = {}
        for shape, slots in factors:
            groups.setdefault(shape, []).append(slots)
        parts: list[tuple[int, Slots]] = []
        for shape, entries in groups.items():
            key = self.keys[shape]
            if key[:2] == ("aggregate", "prod"):
                own = [entry for slots in entries for entry in self.aggregates[int(slots[0])]]
                assert isinstance(key[2], int)
                parts.append(self._aggregate("prod", key[2], own))
            elif len(entries) > 2:
                parts.append(self._aggregate("prod", shape, entries))
            else:
                parts += [(shape, slots) for slots in entries]
        return parts[0] if len(parts) == 1 else self._operation(("mul",), parts)

    def divided(self, a: Sum, b: Sum) -> Sum:
        if b.fixed:
            if b.constant == 0.0:
                raise Refused("a division by 0", "mend the expression")
            return Sum(a.constant / b.constant, [(c / b.constant, v) for c, v in a.linear], _over(a.terms, b.constant))
        (one, top), (two, bottom) = _bare(a), _bare(b)
        if two == 0.0:
            raise Refused("a division by 0", "mend the expression")
        if a.fixed:
            return scaled(self.apply("inverse", bottom), a.constant / two)
        return scaled(self.apply("div", top, bottom), one / two)

    def raised(self, base: Sum, exponent: Sum) -> Sum:
        if not exponent.fixed:
            return self.apply("pow", base, exponent)
        power = exponent.constant
        if base.fixed:
            try:
                found = math.pow(base.constant, power)
            except (ValueError, OverflowError):
                raise Refused(f"the power {base.constant} ^ {power}", "mend the expression") from None
            return Sum(found)
        if power == 1.0:
            return base
        if (2.0 * power).is_integer() and abs(power) <= 1e6:
            return _term(1.0, *self._operation(("power", power), [self.frozen(base)]))
        return self.apply("pow", base, exponent)

    def define(self, number: int, total: Sum) -> None:
        """A defined variable: put in where it is used when it is short, else a name of its own."""
        frozen = self.frozen(total)
        if total.fixed or (len(frozen[1]) <= SMALL and "a" not in self.kinds[frozen[0]]):
            self.inlined[number] = total
            return
        self.defined[number] = frozen
        self.inlined[number] = _term(1.0, self.shape(("let", frozen[0]), "d", (frozen[0],)), (number,))

    def piecewise(self, args: list[Sum]) -> Sum:
        """Slopes and breakpoints in turn, then the argument; the function is 0 at 0."""
        *numbers, argument = args
        if not all(n.fixed for n in numbers):
            raise Malformed("a slope or breakpoint is no number", "write lines such as n2.5")
        slopes, breaks = [n.constant for n in numbers[0::2]], [n.constant for n in numbers[1::2]]
        if any(b <= a for a, b in pairwise(breaks)):
            raise Malformed("the breakpoints do not ascend", "order them")
        if not breaks:
            return scaled(argument, slopes[0])
        points = [breaks[0] - 1.0, *breaks, breaks[-1] + 1.0]
        values = [_integral(slopes, breaks, p) for p in points]
        parts = [Sum(v) for v in (*points, *values)]
        frozen = [self.frozen(p) for p in (*parts, argument)]
        return _term(1.0, *self._operation(("piecewise",), frozen))


def _integral(slopes: list[float], breaks: list[float], upto: float) -> float:
    """The integral of a step function from 0."""
    ends = [-math.inf, *breaks, math.inf]
    low, high = min(0.0, upto), max(0.0, upto)
    parts = (s * max(0.0, min(high, b) - max(low, a)) for s, a, b in zip(slopes, ends, ends[1:], strict=False))
    return math.copysign(1.0, upto) * sum(parts)


def _term(factor: float, shape: int, slots: Slots) -> Sum:
    return Sum(0.0, [], [(factor, shape, slots)])


def _over(terms: list[tuple[float, int, Slots]], divisor: float) -> list[tuple[float, int, Slots]]:
    return [(c / divisor, s, v) for c, s, v in terms]


def scaled(total: Sum, factor: float) -> Sum:
    """A sum times a number."""
    if factor == 1.0:
        return total
    if factor == 0.0:
        return Sum()
    linear = [(c * factor, v) for c, v in total.linear]
    return Sum(total.constant * factor, linear, [(c * factor, s, v) for c, s, v in total.terms])


def _bare(total: Sum) -> tuple[float, Sum]:
    """The coefficient of a sum of one part, and that part."""
    if total.constant == 0.0 and len(total.linear) + len(total.terms) == 1:
        if total.linear:
            factor, column = total.linear[0]
            return factor, Sum(0.0, [(1.0, column)])
        factor, shape, slots = total.terms[0]
        return factor, _term(1.0, shape, slots)
    return 1.0, total


def added(a: Sum, b: Sum, sign: float = 1.0) -> Sum:
    """``a + sign * b``; the longer one is extended in place, so that long chains cost no more than their length."""
    b = scaled(b, sign)
    if len(b.linear) + len(b.terms) > len(a.linear) + len(a.terms):
        a, b = b, a
    found = Sum(a.constant + b.constant, a.linear, a.terms)
    found.linear += b.linear
    found.terms += b.terms
    return found


# ----------------------------------------------------------------------------------------------------------- opcodes
UNARY = {
    13: "floor",
    14: "ceil",
    15: "abs",
    37: "tanh",
    38: "tan",
    39: "sqrt",
    40: "sinh",
    41: "sin",
    42: "log10",
    43: "log",
    44: "exp",
    45: "cosh",
    46: "cos",
    47: "atanh",
    49: "atan",
    50: "asinh",
    51: "asin",
    52: "acosh",
    53: "acos",
}
_COMPARED: dict[int, Callable[[float, float], bool]] = {
    22: lambda a, b: a < b,
    23: lambda a, b: a <= b,
    24: lambda a, b: a == b,
    28: lambda a, b: a >= b,
    29: lambda a, b: a > b,
    30: lambda a, b: a != b,
    20: lambda a, b: a != 0.0 or b != 0.0,
    21: lambda a, b: a != 0.0 and b != 0.0,
    73: lambda a, b: (a != 0.0) == (b != 0.0),
}
WORDS = {
    48: "atan2",
    56: "precision",
    57: "round",
    58: "trunc",
    59: "count",
    60: "numberof",
    61: "numberof",
    65: "if",
    62: "atleast",
    63: "atmost",
    66: "exactly",
    67: "not atleast",
    68: "not atmost",
    69: "not exactly",
    72: "==>",
    74: "alldiff",
    75: "not alldiff",
    20: "or",
    21: "and",
    34: "not",
    35: "if",
    22: "<",
    23: "<=",
    24: "=",
    28: ">=",
    29: ">",
    30: "!=",
    70: "forall",
    71: "exists",
    73: "<==>",
}
LISTS = frozenset({11, 12, 54, 59, 60, 61, 64, 70, 71, 74, 75})
ARITY = {
    **dict.fromkeys((*UNARY, 16, 34, 77), 1),
    **dict.fromkeys((0, 1, 2, 3, 4, 5, 6, 48, 55, 56, 57, 58, 76, 78, *_COMPARED), 2),
    **dict.fromkeys((62, 63, 66, 67, 68, 69), 2),
    **dict.fromkeys((35, 65, 72), 3),
}


def operate(op: int, args: list[Sum], shapes: Shapes) -> Sum:
    """The sum that an opcode makes of its arguments. Raises ``Refused``, ``Malformed``."""
    if op in (0, 1):
        return added(args[0], args[1], 1.0 if op == 0 else -1.0)
    if op == 2:
        return shapes.multiplied(*args)
    if op == 3:
        return shapes.divided(*args)
    if op in (5, 76, 78):
        return shapes.raised(*args)
    if op == 77:
        return shapes.raised(args[0], Sum(2.0))
    if op == 16:
        return scaled(args[0], -1.0)
    if op in UNARY:
        return shapes.apply(UNARY[op], args[0])
    if op == 54:
        found = Sum()
        for arg in args:
            found = added(found, arg)
        return found
    if op in (11, 12):
        return args[0] if len(args) == 1 else shapes.apply("min" if op == 11 else "max", *args)
    if op == 64:
        return shapes.piecewise(args)
    return _step(op, args, shapes)


def _step(op: int, args: list[Sum], shapes: Shapes) -> Sum:
    """What has jumps, and conditions, which only numbers may decide."""
    if op == 6:
        return shapes.apply("max", added(args[0], args[1], -1.0), Sum())
    if op in (4, 55):
        return shapes.apply("remainder" if op == 4 else "quotient", *args)
    if op in (57, 58) and args[1].fixed and args[1].constant == 0.0:
        return shapes.apply("round" if op == 57 else "trunc", args[0])
    if op in _COMPARED and args[0].fixed and args[1].fixed:
        return Sum(float(_COMPARED[op](args[0].constant, args[1].constant)))
    if op == 34 and args[0].fixed:
        return Sum(float(args[0].constant == 0.0))
    if op in (70, 71) and all(a.fixed for a in args):
        return Sum(float((all if op == 70 else any)(a.constant != 0.0 for a in args)))
    if op == 35 and args[0].fixed:
        return args[1] if args[0].constant != 0.0 else args[2]
    word = WORDS.get(op, "")
    if op in _COMPARED or op in (34, 35, 65, 70, 71, 72, 73):
        mend = "state it with min, max or abs, or with a binary variable and rows"
        raise Refused(f"a condition on variables (o{op}, `{word}`)", mend)
    raise Refused(f"the operator o{op} (`{word}`)", "state it with other operators, or with binary variables and rows")
