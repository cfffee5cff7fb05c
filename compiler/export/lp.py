"""Writes a linear, quadratic or discrete form in the LP format, for people and for CPLEX, Gurobi, SCIP and HiGHS.

Products stand in brackets in their rows, a switched row as ``b = 1 -> row``, ordered sets in a section of their own,
and a complementary pair as a set of which one member may differ from zero. HiGHS reads none of these, SCIP all.

The format has words of its own and few characters for names: ``buy["corn bread"]`` becomes ``buy(corn_bread)``, and
every name that changed in more than its brackets is listed in a comment at the top.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..forms.discrete import DiscreteForm
from ..forms.linear import LinearForm, QuadraticForm
from .named import NamedForm, Written, decimal, spelled_names

_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.(),#~!@]")
_BAD_START = re.compile(r"[0-9.#(),]|[eE][0-9.+-]*(?![A-Za-z_])")
_WORDS = frozenset(
    word
    for line in (
        "max maximize maximise maximum min minimize minimise minimum st s.t. st. subject such that to",
        "bound bounds general generals gen integer integers int binary binaries bin",
        "semi sec semis sos sos1 sos2 free inf infinity end obj",
    )
    for word in line.split()
)
_WIDTH = 100


def lp_text(problem: NamedForm) -> Written:
    """The whole file.

    A row with two different bounds stands as two, ``need.low`` and ``need.high``: not every reader of the format takes
    ranges. Rows without any bound are comments, since the format cannot hold them.
    """
    form = problem.form
    rows, changed_rows = _names(_one_sided(problem))
    columns, changed_columns = _names(problem.columns)
    parts = [
        f"\\ {problem.name or 'model'}: {form.shape[0]} rows, {form.shape[1]} columns".replace("\n", " "),
        *_comments(changed_rows, "row"),
        *_comments(changed_columns, "column"),
        "Maximize" if form.sense == "maximize" else "Minimize",
        *_objective(form, columns),
        "Subject To",
        *_rows(form, rows, columns),
        "Bounds",
        *_bounds(form, columns),
        *_integers(form, columns),
        *_sets(form, columns),
        "End",
        "",
    ]
    return Written("\n".join(parts), changed_rows, changed_columns)


def _ranges(form: LinearForm) -> list[bool]:
    finite = np.isfinite(form.row_lower) & np.isfinite(form.row_upper)
    return (finite & (form.row_lower != form.row_upper)).tolist()  # type: ignore[no-any-return]


def _one_sided(problem: NamedForm) -> list[str]:
    """Row names, two for a range."""
    return [
        name
        for row, ranged in zip(problem.rows, _ranges(problem.form), strict=True)
        for name in ([f"{row}.low", f"{row}.high"] if ranged else [row])
    ]


def _names(names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    spelled, _ = spelled_names(
        [_plain(name) for name in names], forbidden=_FORBIDDEN, bad_start=_BAD_START, reserved=_WORDS
    )
    return spelled, {new: old for new, old in zip(spelled, names, strict=True) if new != old}


def _plain(name: str) -> str:
    """``serve["a", 2]`` as ``serve(a,2)``: what a reader of the file sees through, so that no comment is needed."""
    return name.replace("[", "(").replace("]", ")").replace('"', "").replace(", ", ",")


def _comments(changed: Mapping[str, str], kind: str) -> Iterator[str]:
    for spelling, name in changed.items():
        if _plain(name) != spelling:
            yield f"\\ {kind} {spelling} is {name!r}"


def _term(value: float, name: str) -> str:
    sign = "-" if value < 0 else "+"
    size = abs(value)
    return f"{sign} {name}" if size == 1.0 else f"{sign} {decimal(size)} {name}"


def _wrapped(head: str, terms: Sequence[str], tail: str) -> Iterator[str]:
    """Terms on lines of about 100 characters: the format's own limit is 510."""
    line = head
    for at, signed in enumerate(terms):
        term = signed.removeprefix("+ ") if at == 0 else signed
        if len(line) + len(term) > _WIDTH and line.strip():
            yield line
            line = "   "
        line += " " + term
    yield line + tail


def _objective(form: LinearForm, columns: Sequence[str]) -> Iterator[str]:
    """Linear terms, squares, and the constant last: some readers take no bracket after it."""
    used = np.flatnonzero(form.cost)
    terms = [_term(v, columns[c]) for c, v in zip(used.tolist(), form.cost[used].tolist(), strict=True)]
    if isinstance(form, (QuadraticForm, DiscreteForm)) and len(form.hessian_values):
        terms += ["+ [", *_squares(form, columns), "] / 2"]
    if form.offset != 0.0 or (not terms and not columns):
        terms.append(f"{'-' if form.offset < 0 else '+'} {decimal(abs(form.offset))}")
    if not terms and columns:
        terms.append(f"0 {columns[0]}")
    yield from _wrapped(" obj:", terms, "")


def _squares(form: QuadraticForm | DiscreteForm, columns: Sequence[str]) -> list[str]:
    """``x'Qx`` from the lower triangle: what stands off the diagonal counts twice."""
    column = np.repeat(np.arange(len(columns)), np.diff(form.hessian_starts)).tolist()
    rows, values = form.hessian_indices.tolist(), form.hessian_values.tolist()
    return [
        _term(v, f"{columns[c]}^2") if r == c else _term(2.0 * v, f"{columns[c]} * {columns[r]}")
        for c, r, v in zip(column, rows, values, strict=True)
        if v != 0.0
    ]


def _rows(form: LinearForm, rows: Sequence[str], columns: Sequence[str]) -> Iterator[str]:
    starts, indices, values = form.starts.tolist(), form.indices.tolist(), form.values.tolist()
    products, switches = _products(form, columns), _switches(form, columns)
    names = iter(rows)
    for at, (low, high) in enumerate(zip(form.row_lower.tolist(), form.row_upper.tolist(), strict=True)):
        entries = range(starts[at], starts[at + 1])
        terms = [_term(values[e], columns[indices[e]]) for e in entries]
        if at in products:
            terms += ["+ [", *products[at], "]"]
        terms = terms or ([f"0 {columns[0]}"] if columns else ["0"])
        switch = switches.get(at, "")
        if low == -np.inf and high == np.inf:
            yield f"\\ row {next(names)} has no bound"
        elif low == high:
            yield from _wrapped(f" {next(names)}:{switch}", terms, f" = {decimal(low)}")
        else:
            if low != -np.inf:
                yield from _wrapped(f" {next(names)}:{switch}", terms, f" >= {decimal(low)}")
            if high != np.inf:
                yield from _wrapped(f" {next(names)}:{switch}", terms, f" <= {decimal(high)}")


def _products(form: LinearForm, columns: Sequence[str]) -> dict[int, list[str]]:
    """The products of each row that has some."""
    found: dict[int, list[str]] = {}
    if isinstance(form, DiscreteForm):
        part = form.products
        entries = zip(part.rows.tolist(), part.first.tolist(), part.second.tolist(), part.values.tolist(), strict=True)
        for row, i, j, value in entries:
            name = f"{columns[i]}^2" if i == j else f"{columns[i]} * {columns[j]}"
            found.setdefault(row, []).append(_term(value, name))
    return found


def _switches(form: LinearForm, columns: Sequence[str]) -> dict[int, str]:
    """The condition in front of each switched row."""
    if not isinstance(form, DiscreteForm):
        return {}
    part = form.indicators
    entries = zip(part.rows.tolist(), part.columns.tolist(), part.values.tolist(), strict=True)
    return {row: f" {columns[column]} = {value} ->" for row, column, value in entries}


def _sets(form: LinearForm, columns: Sequence[str]) -> Iterator[str]:
    """Ordered sets, and pairs as sets."""
    if not isinstance(form, DiscreteForm) or not (form.sets.count or form.pairs.count):
        return
    yield "SOS"
    sets = form.sets
    members, weights, starts = sets.columns.tolist(), sets.weights.tolist(), sets.starts.tolist()
    for at, kind in enumerate(sets.kinds.tolist()):
        entries = range(starts[at], starts[at + 1])
        terms = [f"{columns[members[e]]}:{decimal(weights[e])}" for e in entries]
        yield from _wrapped(f" set{at}: S{kind}::", terms, "")
    pairs = zip(form.pairs.first.tolist(), form.pairs.second.tolist(), strict=True)
    for at, (i, j) in enumerate(pairs):
        yield f" pair{at}: S1:: {columns[i]}:1 {columns[j]}:2"


def _bounds(form: LinearForm, columns: Sequence[str]) -> Iterator[str]:
    infinity = float("inf")
    binary = (form.integer & (form.lower == 0.0) & (form.upper == 1.0)).tolist()
    lower, upper = form.lower.tolist(), form.upper.tolist()
    for name, low, high, zero_one in zip(columns, lower, upper, binary, strict=True):
        if zero_one or (low == 0.0 and high == infinity):
            continue
        if low == high:
            yield f" {name} = {decimal(low)}"
        elif low == -infinity and high == infinity:
            yield f" {name} free"
        elif high == infinity:
            yield f" {name} >= {decimal(low)}"
        else:
            yield f" {'-inf' if low == -infinity else decimal(low)} <= {name} <= {decimal(high)}"


def _integers(form: LinearForm, columns: Sequence[str]) -> Iterator[str]:
    zero_one = form.integer & (form.lower == 0.0) & (form.upper == 1.0)
    for word, chosen in (("Binaries", zero_one), ("Generals", form.integer & ~zero_one)):
        at = np.flatnonzero(chosen).tolist()
        if at:
            yield word
            yield from _wrapped("", [columns[c] for c in at], "")
