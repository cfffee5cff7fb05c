"""From rows and columns of a form back to the families of the model: duals, reduced costs, names, evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optc.dsl.source import Span

from ..evaluation.scope import entry_text
from ..forms.linear import Floats, LinearForm, Slice
from ..instance.instance import Instance


def by_row_family(rows: Sequence[Slice], values: Floats) -> dict[str, Floats]:
    """Row values by constraint family; a range that became two row families has the sum of both."""
    found: dict[str, Floats] = {}
    for part in rows:
        own = values[part.offset : part.offset + part.count]
        found[part.name] = found[part.name] + own if part.name in found else own
    return found


def by_column_family(columns: Sequence[Slice], values: Floats) -> dict[str, Floats]:
    """Column values by decision family."""
    return {part.name: values[part.offset : part.offset + part.count] for part in columns}


def columns_from(form: LinearForm, values: Mapping[str, Floats]) -> Floats:
    """Family values as a point of the form (n), with NaN where nothing is given."""
    x = np.full(form.shape[1], np.nan)
    for part in form.columns:
        if part.name in values:
            x[part.offset : part.offset + part.count] = values[part.name]
    return x


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """Names of rows and columns in the user's words, made one at a time: a form may have millions."""

    instance: Instance
    form: LinearForm

    def row(self, row: int) -> str:
        """``need["iron"]``; the second row family of a range with decisions outside ends in `` (2)``."""
        seen: dict[str, int] = {}
        for part in self.form.rows:
            seen[part.name] = seen.get(part.name, 0) + 1
            if part.offset <= row < part.offset + part.count:
                layout = part.layout or self.instance.constraint(part.name).layout
                twice = f" ({seen[part.name]})" if seen[part.name] > 1 else ""
                return entry_text(part.name, layout.key(row - part.offset)) + twice
        return f"row {row} of the lowered problem"

    def column(self, column: int) -> str:
        """``buy["bread"]``."""
        for part in self.form.columns:
            if part.offset <= column < part.offset + part.count:
                return entry_text(part.name, self.instance.family(part.name).layout.key(column - part.offset))
        return f"column {column} of the lowered problem"

    def span_of_row(self, row: int) -> Span | None:
        """Where the row was written in the model."""
        for part in self.form.rows:
            if part.offset <= row < part.offset + part.count:
                return self.instance.constraint(part.name).symbol.span
        return None

    def line_of_row(self, row: int) -> int | None:
        """The line of the model that the row was written on."""
        span = self.span_of_row(row)
        return None if span is None else span.line

    def line_of_column(self, column: int) -> int | None:
        for part in self.form.columns:
            if part.offset <= column < part.offset + part.count:
                return self.instance.family(part.name).symbol.span.line
        return None
