"""How mistakes in data are told: entries as one would write them in the model, places, and at most so many a symbol."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Diagnostic, Label, Place
from optc.dsl.program import Check, Generator, Parameter, SetRef, SetSymbol, Symbol
from optc.dsl.source import Span

from ..spaces.members import Coded, Members
from .cells import keys_for
from .supplied import Dense, Grouped, Keyed, SuppliedEntries, Where

SHOWN = 20  # mistakes told for one symbol; the rest is counted
LISTED = 5  # entries named in one message

Key = Sequence[object]


# --------------------------------------------------------------------------------------------------------- wording
def value_text(value: object) -> str:
    """A value as data spell it: ``"corn"``, ``2.5``, ``true``, ``null``."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value if len(value) <= 60 else value[:57] + "..."}"'
        case float() if value == int_or(value):
            return str(int(value))
        case float():
            return repr(value)
        case list() | tuple():
            return "[" + ", ".join(map(value_text, value)) + "]"
        case _:
            text = str(value)
            return text if len(text) <= 60 else text[:57] + "..."


def int_or(value: float) -> float:
    """The whole number that a float is, or NaN."""
    return float(int(value)) if value == value and abs(value) < 1e15 else float("nan")


def member_text(key: Key) -> str:
    """A member: ``"corn"``, ``3``, ``("a", "b")``."""
    inner = ", ".join(map(value_text, key))
    return inner if len(key) == 1 else f"({inner})"


def entry_text(name: str, key: Key) -> str:
    """An entry: ``cost["corn", 1]``, ``budget``."""
    return f"{name}[{', '.join(map(value_text, key))}]" if len(key) else name


def where_text(where: Where) -> str:
    """A place in one line."""
    if isinstance(where, Span):
        line, column = where.source.position(where.start)
        return f"{where.source.name}:{line}:{column}"
    numbers = "".join(f":{number}" for number in (where.line, where.column) if number is not None)
    return f"{where.file}{numbers}{f', {where.path}' if where.path else ''}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """``1 entry``, ``3 entries``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def declaration(symbol: Symbol) -> tuple[Label, ...]:
    """A label at the declaration of a symbol."""
    return (Label(symbol.span, f"{symbol.name} is declared here"),)


def nearest(name: str, among: Iterable[str]) -> str | None:
    """The name most like a wrong one, if any is like it."""
    names = [n for n in among if n != name]
    folded = {n.casefold(): n for n in reversed(names)}
    if name.casefold() in folded:
        return folded[name.casefold()]
    return next(iter(get_close_matches(name, names, n=1)), None)


def signature(symbol: Symbol) -> str:
    """``cost[Foods]`` as declared, where the sets have names."""
    sets = [set_text(g) for g in symbol.space.generators]
    return f"{symbol.name}[{', '.join(sets)}]" if sets else symbol.name


def set_text(generator: Generator) -> str:
    """The set of a generator as the user wrote it."""
    if isinstance(generator.set, SetRef) and not generator.set.args:
        return generator.set.symbol
    span = generator.set.span
    return span.text if span is not None else "its index set"


def widths(symbol: Symbol) -> list[int]:
    """Index positions of each generator of a symbol's space."""
    return [sum(getattr(getattr(p, "var", None), "arity", 1) for p in g.pattern) for g in symbol.space.generators]


# ------------------------------------------------------------------------------------------------------ collecting
@dataclass(slots=True)
class Faults:
    """The mistakes in one symbol's data: the first ``SHOWN`` are told, the rest is counted."""

    name: str
    shown: list[Diagnostic] = field(default_factory=list)
    hidden: int = 0
    next: Where | None = None  # where the first that is not shown stands

    def each(self, entries: NDArray[np.intp] | Sequence[int], tell: Callable[[int], Diagnostic]) -> None:
        """One mistake an entry."""
        room = max(SHOWN - len(self.shown), 0)
        self.shown += [tell(int(entry)) for entry in entries[:room]]
        if len(entries) > room and not self.hidden:
            self.next = tell(int(entries[room])).place
        self.hidden += max(len(entries) - room, 0)

    def add(self, diagnostic: Diagnostic) -> None:
        """One mistake of the whole."""
        self.shown.append(diagnostic)

    def diagnostics(self) -> list[Diagnostic]:
        """What was found, with a last line on how many are not shown."""
        if not self.hidden:
            return self.shown
        return [*self.shown, report(codes.AND_MORE, self.next, count=f"{self.hidden:,}", name=self.name)]


# ---------------------------------------------------------------------------------------- for the instance builder
def place_of(entries: SuppliedEntries | None, domain: Members, position: int) -> Where | None:
    """Where the entry at a position of its index space was given; None where it was not."""
    return places_of(entries, domain, [position])[0]


def places_of(entries: SuppliedEntries | None, domain: Members, positions: Sequence[int]) -> list[Where | None]:
    """Where the entries at some positions of their index space were given; None for those that were not."""
    match entries:
        case None | Grouped():
            return [None] * len(positions)
        case Dense():
            return [entries.origin.entry(position) for position in positions]
        case Keyed():
            keys = [
                keys_for(cells, column.dtype == np.object_)[0]
                for cells, column in zip(entries.keys, domain.columns, strict=True)
            ]
            found = domain.locate(keys)
            rows = [np.flatnonzero(found == position) for position in positions]
            return [entries.origin.entry(int(row[0])) if len(row) else None for row in rows]


def report_check_failed(
    parameter: Parameter,
    check: Check,
    domain: Members,
    positions: NDArray[np.int64],
    values: NDArray[np.float64] | NDArray[np.object_],
    entries: SuppliedEntries | None,
    bounds: NDArray[np.float64] | None = None,
) -> list[Diagnostic]:
    """One diagnostic for each entry that breaks a check (the first twenty, then a count).

    ``positions``: positions of the entries in the parameter's index space; ``values`` and ``bounds`` (optional: what
    the right side of the check comes to) go with them. Entries that were not given (a default) point at the check.
    """
    faults = Faults(parameter.name)
    label = (Label(check.span, "asked for here"),)
    places = places_of(entries, domain, positions[: SHOWN + 1].tolist())

    def tell(k: int) -> Diagnostic:
        where = places[k]
        value = values[k].item() if isinstance(values[k], np.generic) else values[k]
        bound = "" if bounds is None else f" (which is {value_text(float(bounds[k]))} here)"
        return report(
            codes.CHECK_FAILED,
            check.span if where is None else where,
            labels=label if isinstance(where, Place) else (),
            entry=entry_text(parameter.name, domain.member(int(positions[k]))),
            value=value_text(value),
            check=check.span.text + bound,
        )

    faults.each(list(range(len(positions))), tell)
    return faults.diagnostics()


def report_not_within(
    symbol: SetSymbol,
    members: Sequence[Key],
    within: str,
    candidates: Iterable[str],
    entries: SuppliedEntries | None,
    rows: Sequence[int],
) -> list[Diagnostic]:
    """One diagnostic for each member of a set that is not in the set it must lie within (the first twenty).

    ``members``: the offending ones; ``rows``: their positions in the set (of an indexed family: among the members of
    all its sets); ``within``: the name of the other set; ``candidates``: its texts, to suggest the nearest.
    """
    faults = Faults(symbol.name)
    names = list(candidates)
    places = _places_of_members(symbol, members, entries, rows)

    def tell(k: int) -> Diagnostic:
        where = places[k]
        near = [nearest(part, names) for part in members[k] if isinstance(part, str) and part not in names]
        meant = next((n for n in near if n is not None), None)
        return report(
            codes.NOT_WITHIN,
            where,
            labels=declaration(symbol) if isinstance(where, Place) else (),
            member=member_text(members[k]),
            name=symbol.name,
            within=within,
            mend=f"did you mean {value_text(meant)}?"
            if meant
            else f"add it to {within}, or remove it from {symbol.name}",
        )

    faults.each(list(range(len(members))), tell)
    return faults.diagnostics()


def _places_of_members(
    symbol: SetSymbol, members: Sequence[Key], entries: SuppliedEntries | None, rows: Sequence[int]
) -> list[Where]:
    """Where members of a set were given.

    The members of a family were put in the order of its index. They are found again by value, where every member of
    that value is among those asked for; else the place is that of the whole.
    """
    if entries is None or isinstance(entries, Dense) or not members:
        return [symbol.span] * len(members)
    if not symbol.arity:
        return [entries.origin.entry(int(row)) for row in rows[: SHOWN + 1]]
    columns = entries.members if isinstance(entries, Grouped) else entries.keys[symbol.arity :]
    read = [keys_for(column, isinstance(part, str))[0] for column, part in zip(columns, members[0], strict=True)]
    plain = [(r.values[r.codes] if isinstance(r, Coded) else r).tolist() for r in read]
    given: dict[tuple[object, ...], list[int]] = {}
    for row, member in enumerate(zip(*plain, strict=True)):
        given.setdefault(member, []).append(row)
    asked = Counter(map(tuple, members))
    found = {member: iter(given.get(member, ())) for member in asked if len(given.get(member, ())) == asked[member]}
    rows_found = [next(found.get(tuple(member), iter(())), None) for member in members[: SHOWN + 1]]
    return [entries.origin.whole if row is None else entries.origin.entry(row) for row in rows_found]
