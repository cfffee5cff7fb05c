"""Data written in the model itself: ``param rates[1..3] = [0.1, 0.2, 0.4]``, ``= {"corn": 3, "oats": 2}``."""

from __future__ import annotations

from itertools import chain

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.program import Literal_

from .cells import column, transposed
from .errors import DataError
from .positions import nesting_text
from .supplied import Dense, Keyed, Origin, SuppliedEntries


def entries_of_literal(literal: Literal_, arity: int) -> SuppliedEntries:
    """The entries of a literal, all of them at the literal's place; ``arity`` is the parameter's.

    Raises ``DataError`` where its lists are nested unevenly.
    """
    origin = Origin(literal.span, lambda _: literal.span)
    if literal.keyed is None:
        return _by_position(literal, origin)
    keys = [key for key, _ in literal.keyed]
    columns = transposed(keys, arity)
    return Keyed(tuple(map(column, columns)), column([value for _, value in literal.keyed]), origin)


def _by_position(literal: Literal_, origin: Origin) -> Dense:
    level: list[object] = list(literal.nested or ())
    lengths: list[NDArray[np.int64]] = [np.array([len(level)], dtype=np.int64)]
    while (kinds := set(map(type, level))) == {tuple}:
        lists = [item for item in level if isinstance(item, tuple)]
        lengths.append(np.fromiter(map(len, lists), dtype=np.int64, count=len(lists)))
        level = list(chain.from_iterable(lists))
    if tuple in kinds:
        depth = len(lengths)
        raise DataError(
            [
                report(
                    codes.WRONG_NESTING,
                    literal.span,
                    entry="the literal",
                    found=f"in part {nesting_text(depth)}, in part {nesting_text(depth + 1)}",
                    expected="one nesting throughout",
                    mend="nest all lists to the same depth",
                )
            ]
        )
    return Dense(column(level), tuple(lengths), origin)
