"""``optc.solve``: a file and its data to an answer, in one call."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .loading import is_nl, is_whole
from .model import DataInput, read

if TYPE_CHECKING:
    from optc.compiler.result.solution import Solution


def solve(
    path: str | os.PathLike[str],
    data: DataInput | Sequence[DataInput] = (),
    *,
    names: Mapping[str, Any] | None = None,
    allow_surplus: bool = False,
    **options: Any,
) -> Solution:
    """Reads, binds and solves in one call; ``options`` as for ``Problem.solve``.

    ``data`` is one input of ``Model.bind`` or several; an MPS or .nl file has its own. Raises ModelError and DataError.
    """
    if is_whole(os.fspath(path)):
        if data or names:
            raise TypeError("an MPS or .nl file holds its data; `data` and `names` are for .opt models")
        if is_nl(os.fspath(path)):
            from .nl import read_nl

            return read_nl(path).solve(**options)
        from .mps import read_mps

        return read_mps(path).solve(**options)
    inputs = [data] if isinstance(data, (str, os.PathLike, Mapping)) else list(data)
    model = read(path)
    return model.bind(*inputs, dict(names or {}), allow_surplus=allow_surplus).solve(**options)
