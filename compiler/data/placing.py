"""Entries into the places that the model has for them, with every check.

``place_parameter`` gives one value for each row of a parameter's index space; ``place_set`` and
``place_indexed_set`` (``sets.py``) give members in the order of the data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Diagnostic, Hint
from optc.dsl.program import Parameter

from ..spaces.members import Column, Members
from .cells import keys_for, values_as_numbers, values_as_texts
from .errors import DataError
from .positions import check_lengths
from .reports import (
    LISTED,
    Faults,
    counted,
    declaration,
    entry_text,
    int_or,
    member_text,
    nearest,
    set_text,
    signature,
    value_text,
    where_text,
    widths,
)
from .sets import place_indexed_set, place_set, wrong_arity
from .supplied import Cells, Dense, Grouped, Keyed, SuppliedEntries
from .values import bad_value

__all__ = ["place_indexed_set", "place_parameter", "place_set"]

Rows = NDArray[np.int64]
Values = NDArray[np.float64] | NDArray[np.object_]


def place_parameter(
    parameter: Parameter,
    entries: SuppliedEntries | None,
    domain: Members,
    *,
    default: Callable[[Rows], ArrayLike] | None = None,
    warnings: list[Diagnostic] | None = None,
) -> Values:
    """One value for each row of the parameter's index space.

    ``domain``: the index space, materialised: its rows in order (one column an index position; for a parameter
    without index ``Members((), 1)``). ``default``: called with the positions that were not given (ascending) and
    returns their values; None where every entry must be given. ``warnings``: a list to which a warning is added for
    entries outside the index space; None where these are refused. Returns float64, or for ``: string`` an object
    array of ``str``; shape ``(domain.size,)``. Raises ``DataError`` with every mistake in these entries.
    """
    faults = Faults(parameter.name)
    match entries:
        case None:
            return _missing_all(parameter, domain, default)
        case Keyed() if domain.arity != len(entries.keys):
            raise DataError([wrong_arity(parameter, entries.origin.whole, domain)])
        case Dense() if domain.arity != parameter.arity and len(parameter.space.generators) > 1:
            raise DataError([wrong_arity(parameter, entries.origin.whole, domain)])
        case Grouped():
            raise AssertionError("sets of an indexed family were read for a parameter")
        case Dense():
            check_lengths(parameter, entries, domain)
            values = _typed(parameter, entries.values, _names_by_position(parameter, domain), entries, faults)
            if faults.shown:
                raise DataError(faults.diagnostics())
            return values
        case Keyed():
            positions = _positions(parameter, entries, domain, faults, warnings)
            outside = int(np.count_nonzero(positions < 0))
            if outside:
                kept = np.flatnonzero(positions >= 0)
                entries = _kept(entries, kept)
                positions = positions[kept]
            _check_duplicates(parameter, entries, positions, domain, faults)
            assert entries.values is not None
            values = _typed(parameter, entries.values, _names_by_key(parameter, entries), entries, faults)
            return _scatter(parameter, values, positions, domain, entries, default, faults, outside)


def _kept(entries: Keyed, rows: Rows) -> Keyed:
    values = None if entries.values is None else entries.values.take(rows)
    return Keyed(tuple(key.take(rows) for key in entries.keys), values, entries.origin.through(rows), entries.note)


# --------------------------------------------------------------------------------------------------------- missing
def _missing_all(parameter: Parameter, domain: Members, default: Callable[[Rows], ArrayLike] | None) -> Values:
    rows = np.arange(domain.size, dtype=np.int64)
    if default is not None or not domain.size:
        return _filled(parameter, rows, default)
    mend = (
        f"give it in a data file, or with --set {parameter.name}=…"
        if not parameter.arity
        else f"give {signature(parameter)} in a data file (-d), or declare it with a `default`"
    )
    raise DataError(
        [
            report(
                codes.MISSING_DATA,
                parameter.span,
                label="needs data",
                what="the parameter",
                name=parameter.name,
                mend=mend,
            )
        ]
    )


def _filled(parameter: Parameter, rows: Rows, default: Callable[[Rows], ArrayLike] | None) -> Values:
    given = np.empty(0) if default is None else np.asarray(default(rows))
    if parameter.type == "string":
        texts: NDArray[np.object_] = given.astype(np.object_)
        return texts
    return given.astype(np.float64)


def _scatter(
    parameter: Parameter,
    values: Values,
    positions: Rows,
    domain: Members,
    entries: Keyed,
    default: Callable[[Rows], ArrayLike] | None,
    faults: Faults,
    outside: int,
) -> Values:
    """Values at their positions. Missing entries are told unless those outside the index space explain them."""
    given = np.zeros(domain.size, dtype=np.bool_)
    given[positions] = True
    missing = np.flatnonzero(~given)
    if default is None and len(missing) > (outside if faults.shown else 0):
        faults.add(_missing_entries(parameter, domain, missing, entries))
    if faults.shown:
        raise DataError(faults.diagnostics())
    out: Values = np.empty_like(values, shape=domain.size)
    out[positions] = values
    if len(missing):
        out[missing] = _filled(parameter, missing, default)
    return out


def _missing_entries(parameter: Parameter, domain: Members, missing: Rows, entries: Keyed) -> Diagnostic:
    named = [entry_text(parameter.name, domain.member(int(row))) for row in missing[:LISTED]]
    more = f", … ({len(missing):,} in all)" if len(missing) > LISTED else ""
    return report(
        codes.MISSING_ENTRIES,
        entries.origin.whole,
        labels=declaration(parameter),
        name=parameter.name,
        count=counted(len(missing), "entry", "entries"),
        first=", ".join(named) + more,
    )


# ------------------------------------------------------------------------------------------------------------ keys
def _positions(
    parameter: Parameter, entries: Keyed, domain: Members, faults: Faults, warnings: list[Diagnostic] | None
) -> Rows:
    """Positions of the entries in the index space; -1 for those outside it, which are reported."""
    if not len(entries):
        return np.empty(0, dtype=np.int64)
    keys = []
    unreadable: NDArray[np.bool_] | None = None
    for cells, column in zip(entries.keys, domain.columns, strict=True):
        key, bad = keys_for(cells, column.dtype == np.object_)
        keys.append(key)
        if bad is not None:
            unreadable = bad if unreadable is None else unreadable | bad
    positions = domain.locate(keys)
    if unreadable is not None:
        positions = np.where(unreadable, -1, positions)
    outside = np.flatnonzero(positions < 0)
    if not len(outside):
        return positions
    if warnings is not None:
        warnings.append(_ignored(parameter, entries, outside))
        return positions
    alike = _alike(entries, domain, outside)
    firsts = list(alike)
    faults.each(firsts, lambda k: _outside(parameter, entries, domain, k, alike[k]))
    return positions


def _alike(entries: Keyed, domain: Members, outside: Rows) -> dict[int, int]:
    """Entries outside the index space, those with one and the same unknown key part told once: first -> how many."""
    unknown = [~_occurring(cells.take(outside), domain, c) for c, cells in enumerate(entries.keys)]
    left = np.ones(len(outside), dtype=np.bool_)
    counts: dict[int, int] = {}
    for cells, bad in zip(entries.keys, unknown, strict=True):
        rows = outside[bad & left]
        left &= ~bad
        parts = cells.take(rows).expanded().tolist()
        if cells.kind == "mixed":
            parts = list(map(repr, parts))  # lists among them, perhaps
        firsts = dict(zip(reversed(parts), reversed(rows.tolist()), strict=True))
        counts |= {firsts[part]: count for part, count in Counter(parts).items()}
    counts |= dict.fromkeys(outside[left].tolist(), 1)
    return dict(sorted(counts.items()))


def _ignored(parameter: Parameter, entries: Keyed, outside: Rows) -> Diagnostic:
    named = [entry_text(parameter.name, [key.at(int(k)) for key in entries.keys]) for k in outside[:LISTED]]
    return report(
        codes.IGNORED_OUTSIDE_SET,
        entries.origin.entry(int(outside[0])),
        count=counted(len(outside), "entry", "entries"),
        name=parameter.name,
        first=", ".join(named) + (", …" if len(outside) > LISTED else ""),
    )


def _outside(parameter: Parameter, entries: Keyed, domain: Members, k: int, count: int) -> Diagnostic:
    key = [cells.at(k) for cells in entries.keys]
    at = 0
    for generator, width in zip(parameter.space.generators, widths(parameter), strict=True):
        span = range(at, at + width)
        at += width
        unknown = [c for c in span if not _occurring(entries.keys[c].take(np.array([k])), domain, c)[0]]
        if not unknown:
            continue
        mend = _mend_for(key, entries, domain, unknown[0], span)
        if entries.note is not None:
            mend += f" {entries.note[0].upper()}{entries.note[1:]}" if mend.endswith("?") else f"; {entries.note}"
        found = report(
            codes.OUTSIDE_SET,
            entries.origin.entry(k),
            entry=entry_text(parameter.name, key),
            member=member_text([key[c] for c in span]),
            set=set_text(generator),
            mend=mend,
        )
        more = f"{counted(count - 1, 'more entry', 'more entries')} with this {value_text(key[unknown[0]])}"
        return found if count == 1 else replace(found, context=(more,))
    return report(
        codes.SURPLUS_ENTRY,
        entries.origin.entry(k),
        labels=declaration(parameter),
        entry=entry_text(parameter.name, key),
        key=member_text(key),
        name=signature(parameter),
    )


def _occurring(cells: Cells, domain: Members, component: int) -> NDArray[np.bool_]:
    """Which cells occur anywhere in a component of the index space."""
    key, bad = keys_for(cells, domain.columns[component].dtype == np.object_)
    if isinstance(key, np.ndarray):
        known = domain.knows(component, key)
    else:
        known = domain.knows(component, key.values)[key.codes]
    return known if bad is None else known & ~bad


def _mend_for(key: list[object], entries: Keyed, domain: Members, component: int, span: range) -> str:
    """What to do about a key component that its set does not have."""
    value, cells, column = key[component], entries.keys[component], domain.columns[component]
    if not len(column):
        return "the set is empty"
    wants_text = column.dtype == np.object_
    if isinstance(value, str) and cells.kind != "spelled" and not wants_text:
        return f"the members are numbers, and the text {value_text(value)} is not a number: write it without quotes"
    if not isinstance(value, str) and wants_text:
        return f"the members are texts, and {value_text(value)} is not a text"
    near = nearest(value, dict.fromkeys(column.tolist())) if wants_text and isinstance(value, str) else None
    if near is not None and len(span) == 1:
        return f"did you mean {value_text(near)}?"
    return f"it has {_some([domain.columns[c] for c in span])}"


def _some(columns: list[Column]) -> str:
    distinct = list(dict.fromkeys(zip(*(column.tolist() for column in columns), strict=True)))
    return ", ".join(map(member_text, distinct[:LISTED])) + (", …" if len(distinct) > LISTED else "")


def _check_duplicates(parameter: Parameter, entries: Keyed, positions: Rows, domain: Members, faults: Faults) -> None:
    if len(positions) < 2:
        return
    if len(positions) <= domain.size and int(np.bincount(positions, minlength=1).max()) < 2:
        return
    _, first, inverse = np.unique(positions, return_index=True, return_inverse=True)
    first_of = first[inverse.reshape(-1)]
    repeated = np.flatnonzero(first_of != np.arange(len(positions)))

    def tell(k: int) -> Diagnostic:
        there = where_text(entries.origin.entry(int(first_of[k])))
        return report(
            codes.DUPLICATE_ENTRY,
            entries.origin.entry(k),
            hints=(Hint(f"remove one of the two; the first is at {there}"),),
            entry=entry_text(parameter.name, [key.at(k) for key in entries.keys]),
        )

    faults.each(repeated, tell)


# ---------------------------------------------------------------------------------------------------------- values
def _names_by_position(parameter: Parameter, domain: Members) -> Callable[[int], str]:
    return lambda k: entry_text(parameter.name, domain.member(k))


def _names_by_key(parameter: Parameter, entries: Keyed) -> Callable[[int], str]:
    return lambda k: entry_text(parameter.name, [key.at(k) for key in entries.keys])


def _typed(
    parameter: Parameter, cells: Cells, name: Callable[[int], str], entries: Dense | Keyed, faults: Faults
) -> Values:
    """Values of the declared type; entries that have none are reported."""
    bad: NDArray[np.bool_] | None
    if parameter.type == "string":
        texts, bad = values_as_texts(cells)
        values: Values = texts
    else:
        numbers, bad = values_as_numbers(cells)
        values = numbers
    if bad is not None:
        spelled = cells.kind == "spelled"
        faults.each(
            np.flatnonzero(bad),
            lambda k: bad_value(parameter, name(k), cells.at(k), entries.origin.entry(k), spelled=spelled),
        )
    if parameter.type == "integer":
        _check_whole(parameter, numbers, bad, name, entries, faults)
    return values


def _check_whole(
    parameter: Parameter,
    numbers: NDArray[np.float64],
    bad: NDArray[np.bool_] | None,
    name: Callable[[int], str],
    entries: Dense | Keyed,
    faults: Faults,
) -> None:
    broken = ~(np.isfinite(numbers) & (numbers == np.floor(numbers)))
    if bad is not None:
        broken &= ~bad

    def tell(k: int) -> Diagnostic:
        value = float(numbers[k])
        shown = value_text(int(value) if int_or(value) == value else value)
        return report(codes.NOT_WHOLE, entries.origin.entry(k), entry=name(k), value=shown, name=parameter.name)

    faults.each(np.flatnonzero(broken), tell)
