"""Values of decisions that somebody gives: a start, or an answer to be judged; from a result's JSON or from Python."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from optc.dsl.catalogue import report, solving
from optc.dsl.diagnostics import Diagnostic, Hint
from optc.dsl.program import Choice, Multiplier

from ..evaluation.scope import entry_text, literal_text
from ..forms.linear import Floats
from ..instance.instance import Family, Instance
from ..spaces.layouts import Layout
from .labelled import Labelled
from .rows import placed, placed_labelled
from .solution import Solution

_SPELLED = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
Row = tuple[tuple[Any, ...], Any]


class GivenError(Exception):
    """Values that do not fit the model; ``diagnostics`` has one entry for each fault."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("; ".join(d.message for d in diagnostics))
        self.diagnostics = tuple(diagnostics)


def values_of(instance: Instance, given: object, *, complete: bool, source: str = "the answer") -> dict[str, Floats]:
    """Flat values by decision family, NaN where nothing is given; a choice as its option's position.

    ``given``: a ``Solution``, a result's JSON object (with ``variables``), or a mapping from names to numbers, arrays
    in the family's order, mappings by index, ``Labelled`` values or pandas series. With ``complete`` every entry of
    every family must be there. Raises ``GivenError``.
    """
    families = _by_name(given, source)
    faults: list[Diagnostic] = []
    known = {family.name: family for family in instance.families}
    found: dict[str, Floats] = {}
    for name, entries in families.items():
        if name not in known:
            faults.append(_unknown(name, known))
            continue
        values = _family(instance, known[name], entries, source)
        if isinstance(values, Diagnostic):
            faults.append(values)
        else:
            found[name] = values
    if complete:
        wrong = families.keys() - found.keys()
        faults += [
            fault for family in instance.families if family.name not in wrong for fault in _missing(family, found)
        ]
    if faults:
        raise GivenError(faults)
    return found


def multipliers_of(instance: Instance, given: object, source: str = "the answer") -> dict[str, Floats]:
    """Flat values of the multipliers that the model asks for by ``dual``, from the answer's ``duals``.

    Raises ``GivenError`` where one is missing or is no number.
    """
    wanted = {name: s for name, s in instance.program.symbols.items() if isinstance(s, Multiplier)}
    found = duals_of(instance, given) if wanted else {}
    for name, symbol in wanted.items():
        layout = instance.constraint(symbol.constraint).layout
        gaps = np.flatnonzero(np.isnan(found[name])) if name in found else np.arange(layout.size)
        if len(gaps):
            index = entry_text(symbol.constraint, layout.key(int(gaps[0])))
            reason = f"it states no dual of `{index}`, which the model asks for"
            raise GivenError([report(solving.ANSWER_FORMAT, None, file=source, reason=reason)])
    return {name: found[name] for name in wanted}


def duals_of(instance: Instance, given: object) -> dict[str, Floats]:
    """Flat values by ``dual(constraint)`` of what an answer states under ``duals``, NaN where it states none."""
    stated = given.duals if isinstance(given, Solution) else given.get("duals") if isinstance(given, Mapping) else None
    found: dict[str, Floats] = {}
    for family in instance.constraints:
        entries = stated.get(family.name) if isinstance(stated, Mapping) else None
        if entries is None:
            continue
        at_once = _whole(family.layout, entries)
        if at_once is not None:
            found[f"dual({family.name})"] = at_once
            continue
        rows = entries.items() if isinstance(entries, Labelled) else _dual_rows(entries)
        by_key = {key: value for key, value in rows if isinstance(value, int | float) and not isinstance(value, bool)}
        values = [by_key.get(family.layout.key(k), np.nan) for k in range(family.count)]
        found[f"dual({family.name})"] = np.array(values, dtype=np.float64)
    return found


def _whole(layout: Layout, entries: Any) -> Floats | None:
    """All values at once, where they are labelled or plain rows as results have them; None where they are not."""
    if isinstance(entries, Labelled):
        return placed_labelled(layout, entries)
    rows = entries.get("values") if isinstance(entries, Mapping) else None
    return placed(layout, rows) if isinstance(rows, list) else None


def _dual_rows(entries: Any) -> list[Row]:
    rows = entries.get("values") if isinstance(entries, Mapping) else None
    return [(tuple(row[:-1]), row[-1]) for row in rows if isinstance(row, Sequence) and row] if rows else []


def _by_name(given: object, source: str) -> Mapping[str, Any]:
    if isinstance(given, Solution):
        return given.variables
    if not isinstance(given, Mapping):
        reason = f"it is a {type(given).__name__}, not an object"
        raise GivenError([report(solving.ANSWER_FORMAT, None, file=source, reason=reason)])
    variables = given.get("variables", given)
    if not isinstance(variables, Mapping):
        reason = "its `variables` are no object"
        raise GivenError([report(solving.ANSWER_FORMAT, None, file=source, reason=reason)])
    return variables


def _unknown(name: str, known: Mapping[str, Family]) -> Diagnostic:
    close = get_close_matches(name, known, n=1)
    hints = (Hint(f"did you mean `{close[0]}`?"),) if close else ()
    return report(solving.START_UNKNOWN, None, hints=hints, name=name)


def _missing(family: Family, found: Mapping[str, Floats]) -> list[Diagnostic]:
    values = found.get(family.name, np.full(family.count, np.nan))
    gaps = np.flatnonzero(np.isnan(values))
    if not len(gaps):
        return []
    first = entry_text(family.name, family.layout.key(int(gaps[0])))
    counts = (len(gaps), family.count)
    return [report(solving.ANSWER_INCOMPLETE, None, name=family.name, missing=counts[0], total=counts[1], index=first)]


def _family(instance: Instance, family: Family, entries: Any, source: str) -> Floats | Diagnostic:
    at_once = None if isinstance(family.symbol, Choice) else _whole(family.layout, entries)
    if at_once is not None:
        return at_once
    rows = _rows(family, entries)
    if isinstance(rows, str):
        return report(solving.ANSWER_FORMAT, None, file=source, reason=f"`{family.name}` {rows}")
    if isinstance(rows, np.ndarray):
        return rows
    place = {family.layout.key(k): k for k in range(family.count)}
    values = np.full(family.count, np.nan)
    for key, value in rows:
        if key not in place or any(isinstance(part, bool) for part in key):
            index = f"[{', '.join(literal_text(p) if isinstance(p, str | int | float) else repr(p) for p in key)}]"
            return report(solving.ANSWER_MEMBER, None, name=family.name, index=index)
        number = _number(instance, family, value)
        if number is None:
            reason = f"`{entry_text(family.name, key)}` has the value {value!r}, which is no number"
            return report(solving.ANSWER_FORMAT, None, file=source, reason=reason)
        values[place[key]] = number
    return values


def _rows(family: Family, entries: Any) -> list[Row] | Floats | str:
    """Rows of (index, value); flat values where they came as an array; or what is wrong."""
    if isinstance(entries, Labelled):
        return list(entries.items())
    if isinstance(entries, Mapping) and "values" in entries and isinstance(entries["values"], Sequence):
        return _json_rows(family, entries["values"])
    if isinstance(entries, Mapping):
        return [(key if isinstance(key, tuple) else (key,), value) for key, value in entries.items()]
    if hasattr(entries, "index") and hasattr(entries, "to_dict"):  # a pandas series
        if family.symbol.arity == 0:
            return [((), entries.iloc[0])]
        return [(key if isinstance(key, tuple) else (key,), value) for key, value in entries.to_dict().items()]
    if isinstance(entries, str) or (family.symbol.arity == 0 and np.ndim(entries) == 0):
        return [((), entries)]
    return _flat(family, entries)


def _json_rows(family: Family, rows: Sequence[Any]) -> list[Row] | str:
    width = family.symbol.arity + 1
    found: list[Row] = []
    for row in rows:
        if not isinstance(row, Sequence) or isinstance(row, str) or len(row) != width:
            return f"has a row that is not {width - 1} index values and a number: {row!r}"
        if any(isinstance(part, list | dict) for part in row):
            return f"has a row with a list inside it: {row!r}"
        found.append((tuple(row[:-1]), row[-1]))
    return found


def _flat(family: Family, entries: Any) -> Floats | str:
    try:
        values = np.asarray(entries, dtype=np.float64)
    except (TypeError, ValueError):
        return "is neither a number, an array, a mapping nor rows of values"
    if values.size != family.count:
        return f"has {values.size} values where the model has {family.count} entries"
    return values.reshape(-1)


def _number(instance: Instance, family: Family, value: Any) -> float | None:
    if isinstance(family.symbol, Choice):
        options = instance.scope.options[family.name].members
        wanted = value if isinstance(value, tuple) else (value,)
        return next((float(k) for k in range(options.size) if options.member(k) == wanted), None)
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return _SPELLED.get(value.lower())
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
