"""LIBSVM files among the data: which part of one gives which name.

Five parts: ``samples`` and ``features`` (1, 2, …; the features up to the largest index), ``entries`` (pairs of sample
and feature), ``values`` (of the entries), ``labels`` (of the samples). A parameter's part follows from its number of
indices; a set's is named. Labels stay as they are unless the argument maps them, and then it must map all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Diagnostic, Place
from optc.dsl.program import Parameter, ProductSet, Program, SetRef, SetSymbol, Symbol

from .cells import parse_number, whole_where_possible
from .errors import DataError
from .libsvm_text import LabelledSamples, read_samples
from .offers import Offer, Taker
from .reports import counted, signature
from .supplied import Cells, Keyed, Origin, SuppliedEntries

_OF_SETS = {"samples": 1, "features": 1, "entries": 2}  # components of a member
_OF_PARAMETERS = {"labels": 1, "values": 2}  # indices
_PARTS = (*_OF_SETS, *_OF_PARAMETERS)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What stands after the colon: a part, and what labels become."""

    part: str | None
    labels: Mapping[float, float]


def libsvm_offers(path: Path, shown: str, name: str | None, columns: Sequence[str], program: Program) -> list[Offer]:
    """What a LIBSVM file offers: the data of ``name``, or of the names that fit. Raises ``DataError``."""
    load = cache(lambda: read_samples(path, shown))
    place = Place(shown)
    if name is not None:
        asked = _asked(shown, columns)
        return [Offer(name, place, lambda symbol: _entries(load(), _part_of(symbol, asked, shown), asked))]
    words = [word.strip() for word in columns if "=" not in word]
    if words not in ([], ["labels"]) and len(words) != 2:
        what = f"{shown}:{','.join(words)} does not say what takes the values and what the labels"
        mend = f"-d {shown}:VALUES,LABELS with the names of two parameters, or -d NAME={shown}:{words[0]}"
        raise DataError([_misfit(shown, what, mend)])
    asked = _asked(shown, ["labels", *(word for word in columns if "=" in word)])
    fitting = _fitting(program, shown, words if len(words) == 2 else None)
    return [_offer(found, part, place, load, asked) for found, part in fitting.items()]


def _offer(name: str, part: str, place: Place, load: Callable[[], LabelledSamples], asked: _Asked) -> Offer:
    return Offer(name, place, lambda _: _entries(load(), part, asked))


def _misfit(shown: str, what: str, mend: str) -> Diagnostic:
    return report(codes.LIBSVM_PARTS, Place(shown), what=what, mend=mend)


# --------------------------------------------------------------------------------------------------- what is asked for
def _asked(shown: str, columns: Sequence[str]) -> _Asked:
    part = columns[0].strip() if columns else None
    if part is not None and part not in _PARTS:
        mend = f"a LIBSVM file has {', '.join(_PARTS)}"
        raise DataError([_misfit(shown, f"{shown} has no part called `{part}`", mend)])
    pairs = [_pair(shown, text) for text in columns[1:]]
    if pairs and part != "labels":
        what = f"only labels are mapped, and `{columns[1]}` stands after {part}"
        raise DataError([_misfit(shown, what, f"-d NAME={shown}:labels,{columns[1]}")])
    twice = next((old for k, (old, _) in enumerate(pairs) if old in [other for other, _ in pairs[:k]]), None)
    if twice is not None:
        raise DataError([_misfit(shown, f"the label {twice:g} is mapped twice", "leave one of the two out")])
    return _Asked(part, dict(pairs))


def _pair(shown: str, text: str) -> tuple[float, float]:
    old, equals, new = (piece.strip() for piece in text.partition("="))
    before, after = parse_number(old), parse_number(new)
    if not equals or before is None or after is None:
        what = f"`{text}` does not say what becomes of a label"
        raise DataError([_misfit(shown, what, f"write OLD=NEW with two numbers: {shown}:labels,1=-1,2=1")])
    return before, after


def _part_of(symbol: Taker, asked: _Asked, shown: str) -> str:
    """The part of the file that a symbol takes; raises ``DataError`` where none fits."""
    if isinstance(symbol, Parameter):
        part = asked.part or {1: "labels", 2: "values"}.get(symbol.arity)
        if part is not None and _OF_PARAMETERS.get(part) == symbol.arity:
            return part
        indices = counted(symbol.arity, "index", "indices")
        what = f"{signature(symbol)} has {indices}" + (f", and does not fit the {part}" if part else "")
        mend = "a parameter with one index takes the labels, one with two indices the values"
        raise DataError([_misfit(shown, what, mend)])
    wanted = None if symbol.dimension is None else symbol.arity + symbol.dimension
    fitting = [part for part, width in _OF_SETS.items() if width == wanted or (wanted is None and width > symbol.arity)]
    if asked.part in fitting or (asked.part is None and len(fitting) == 1):
        return asked.part or fitting[0]
    what = f"the set {signature(symbol)} does not fit the {asked.part}"
    if asked.part is None:
        what = f"the set {signature(symbol)} may be one of several parts"
    listed = " or ".join(f"{symbol.name}={shown}:{part}" for part in fitting)
    raise DataError([_misfit(shown, what, f"-d {listed}" if listed else "it takes no part of a LIBSVM file")])


# ------------------------------------------------------------------------------------------------- without a name
def _fitting(program: Program, shown: str, named: Sequence[str] | None) -> dict[str, str]:
    """The part of each name that the file gives; refused where it is not certain.

    ``named``: the parameters of the values and of the labels, None where the model must have one of either.
    """
    takers = {name: symbol for name, symbol in program.symbols.items() if _takes_data(symbol)}
    numeric = [symbol for symbol in takers.values() if isinstance(symbol, Parameter) and symbol.type != "string"]
    tables = [
        (symbol, sets)
        for symbol in numeric
        if named is None or symbol.name == named[0]
        if (sets := _table_sets(symbol, program)) is not None
    ]
    if len(tables) != 1:
        found = [symbol for symbol, _ in tables]
        raise DataError([_uncertain(shown, "over samples and features", named[0] if named else None, found)])
    table, (samples, features, entries) = tables[0]
    labels = [symbol for symbol in numeric if symbol.arity == 1 and _sets(symbol) == [samples]]
    labels = [symbol for symbol in labels if named is None or symbol.name == named[1]]
    if len(labels) != 1:
        raise DataError([_uncertain(shown, f"over {samples} for labels", named[1] if named else None, labels)])
    given = {table.name: "values", labels[0].name: "labels"}
    parts = ((samples, "samples"), (features, "features"), (entries, "entries"))
    return given | {name: part for name, part in parts if name is not None and name in takers}


def _takes_data(symbol: Symbol) -> bool:
    if isinstance(symbol, Parameter):
        return symbol.overridable or (symbol.definition is None and symbol.literal is None)
    return isinstance(symbol, SetSymbol) and (symbol.overridable or symbol.definition is None)


def _table_sets(symbol: Parameter, program: Program) -> tuple[str, str, str | None] | None:
    """Samples, features and, where there is one, the set of entries that a parameter with two indices runs over."""
    sets = _sets(symbol) if symbol.arity == 2 else []
    if len(sets) == 2 and sets[0] != sets[1]:
        return sets[0], sets[1], None
    entries = program.symbols.get(sets[0]) if len(sets) == 1 else None
    if not isinstance(entries, SetSymbol) or entries.arity or not isinstance(entries.within, ProductSet):
        return None
    factors = [factor.symbol for factor in entries.within.factors if isinstance(factor, SetRef) and not factor.args]
    return (factors[0], factors[1], entries.name) if len(factors) == 2 and factors[0] != factors[1] else None


def _sets(symbol: Parameter) -> list[str]:
    """The sets that a parameter is indexed by, empty where one of them is not a declared set alone."""
    sets = [generator.set for generator in symbol.space.generators]
    names = [each.symbol for each in sets if isinstance(each, SetRef) and not each.args]
    return names if len(names) == len(sets) and not symbol.space.condition else []


def _uncertain(shown: str, wanted: str, name: str | None, found: Sequence[Symbol]) -> Diagnostic:
    listed = ", ".join(signature(symbol) for symbol in found)
    what = f"the model has several parameters {wanted}: {listed}" if found else f"the model has no parameter {wanted}"
    if name is not None:
        what = f"{name} is no parameter {wanted} that takes data"
    mend = f"say which two parameters take values and labels, -d {shown}:VALUES,LABELS, or one by one, -d NAME={shown}"
    return _misfit(shown, what, mend)


# ---------------------------------------------------------------------------------------------------------- entries
def _entries(data: LabelledSamples, part: str, asked: _Asked) -> SuppliedEntries:
    whole = Place(data.shown)
    by_sample, by_entry = Origin(whole, data.place_of_sample), Origin(whole, data.place_of_entry)
    samples = Cells("number", np.arange(1, len(data.labels) + 1))
    pairs = (Cells("number", data.samples), Cells("number", data.features))
    match part:
        case "samples":
            return Keyed((samples,), None, by_sample)
        case "features":
            largest = int(data.features.max(initial=0))
            return Keyed((Cells("number", np.arange(1, largest + 1)),), None, Origin(whole, lambda _: whole))
        case "entries":
            return Keyed(pairs, None, by_entry)
        case "values":
            return Keyed(pairs, Cells("number", data.values), by_entry)
        case _:
            return Keyed((samples,), Cells("number", whole_where_possible(_mapped(data, asked.labels))), by_sample)


def _mapped(data: LabelledSamples, becomes: Mapping[float, float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The labels, or what they become."""
    if not becomes:
        return data.labels
    known = np.array(sorted(becomes))
    at = np.minimum(np.searchsorted(known, data.labels), len(known) - 1)
    missing = np.flatnonzero(known[at] != data.labels)
    if len(missing):
        sample = int(missing[0])
        label = f"{data.labels[sample]:g}"
        what = f"the label {label} is not mapped to anything"
        raise DataError(
            [report(codes.LIBSVM_PARTS, data.place_of_sample(sample), what=what, mend=f"add {label}=… to the labels")]
        )
    unused = np.flatnonzero(np.bincount(at, minlength=len(known)) == 0)
    if len(unused):
        what = f"no sample has the label {known[unused[0]]:g}, which is mapped"
        raise DataError([_misfit(data.shown, what, "leave it out, or see whether the labels are spelled another way")])
    return np.array([becomes[label] for label in known.tolist()])[at]
