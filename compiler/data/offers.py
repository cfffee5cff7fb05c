"""What an input offers: a name, the place where it stands, and its entries once somebody wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place
from optc.dsl.program import Parameter, SetSymbol

from .errors import DataError
from .nested import Locate, entries_of_nested, kind_text
from .supplied import SuppliedEntries, Where

Taker = Parameter | SetSymbol


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """Data for ``name``, if the model has it; ``read`` makes the entries and raises ``DataError``.

    ``overrides``: replaces what other inputs give (``--set``).
    """

    name: str
    place: Where | Callable[[], Where]
    read: Callable[[Taker], SuppliedEntries]
    overrides: bool = False

    @property
    def where(self) -> Where:
        """Where the name stands; found when asked for."""
        return self.place() if callable(self.place) else self.place


def named_values(document: object, shown: str, locate: Locate, *, keys_are_spelled: bool) -> list[Offer]:
    """One offer for each key of an object. Raises ``DataError`` where the document is no object."""
    if not isinstance(document, Mapping):
        raise DataError([report(codes.NOT_AN_OBJECT, Place(shown), path=shown, what=kind_text(document))])
    return [_named(str(key), value, locate, keys_are_spelled) for key, value in document.items()]


def _named(name: str, value: object, locate: Locate, keys_are_spelled: bool) -> Offer:
    def read(symbol: Taker) -> SuppliedEntries:
        return entries_of_nested(symbol, value, lambda steps: locate([name, *steps]), keys_are_spelled=keys_are_spelled)

    return Offer(name, lambda: locate([name]), read)
