"""From files and Python objects to checked arrays.

``read_inputs`` reads whatever the user gave and sorts it by symbol name, in columns. ``place_set``,
``place_indexed_set`` and ``place_parameter`` put the entries of one symbol into the places that the model has for
them, with every check of the language's section on data. All raise ``DataError`` with every mistake found.

The way of a builder, in order of declaration::

    supplied = read_inputs(program, inputs, folder=folder)
    members = place_set(symbol, supplied.get(symbol.name))
    family = place_indexed_set(symbol, supplied.get(symbol.name), index, warnings=supplied.warnings)
    values = place_parameter(symbol, supplied.get(symbol.name), domain, default=rows_to_values,
                             warnings=supplied.warnings)
    values = place_parameter(symbol, entries_of_literal(symbol.literal, symbol.arity), domain)

A builder that wants all mistakes of one run catches ``DataError`` of each call, skips what depends on the broken
symbol, and raises one ``DataError`` at the end. ``read_inputs`` raises too; its error carries ``supplied`` so that the
rest can still be checked (symbols in ``supplied.broken`` are reported already).
"""

from __future__ import annotations

from .errors import DataError
from .inputs import read_inputs
from .literals import entries_of_literal
from .placing import place_indexed_set, place_parameter, place_set
from .reports import place_of, report_check_failed, report_not_within
from .supplied import FileInput, Input, PythonValue, Setting, Supplied, SuppliedEntries

__all__ = [
    "DataError",
    "FileInput",
    "Input",
    "PythonValue",
    "Setting",
    "Supplied",
    "SuppliedEntries",
    "entries_of_literal",
    "place_indexed_set",
    "place_of",
    "place_parameter",
    "place_set",
    "read_inputs",
    "report_check_failed",
    "report_not_within",
]
