"""Where the operations of the kernel IR have values, over boxes: nowhere in a box, or not everywhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..facts.atoms import ATOMS, power_atom
from . import ends as e
from .ends import Bools, Ends
from .nodes import Node
from .numpy_printer import whole_power

Domain = Callable[[Node, list[Ends]], tuple[Bools, Bools]]
"""By box and row: whether an operation has no value anywhere, and whether it may have none somewhere, or nearby.

A domain's own end counts as beyond it: what a slope says of one side of a box may stop there.
"""


def _of_atom(node: Node, args: list[Ends]) -> tuple[Bools, Bools]:
    a, atom = args[0], ATOMS[node.op]
    nowhere = (a[1] <= atom.low if atom.open_low else a[1] < atom.low) | (a[0] > atom.high)
    return nowhere, ~((a[0] > atom.low) & (a[1] < atom.high))


def _of_div(_node: Node, args: list[Ends]) -> tuple[Bools, Bools]:
    b = args[1]
    return (b[0] == 0) & (b[1] == 0), (b[0] <= 0) & (b[1] >= 0)


def _of_pow(node: Node, args: list[Ends]) -> tuple[Bools, Bools]:
    base, exponent = args
    whole = whole_power(node)
    nought = (base[0] <= 0) & (base[1] >= 0)
    if whole is not None:
        none = np.zeros_like(nought)
        return (none, none) if whole > 0 else ((base[0] == 0) & (base[1] == 0), nought)
    if not np.array_equal(exponent[0], exponent[1]):
        return np.zeros_like(nought), base[0] <= 0
    atom = power_atom(exponent[0])
    falling = exponent[0] < 0
    broken = exponent[0] != np.rint(exponent[0])
    nowhere = broken & (np.where(falling, base[1] <= 0, base[1] < atom.low))
    return nowhere, (broken & (base[0] <= 0)) | (falling & nought)


def _of_tan(_node: Node, args: list[Ends]) -> tuple[Bools, Bools]:
    found = e.image(ATOMS["tan"], args[0])
    broken = np.isinf(found[0])
    return np.zeros_like(broken), broken


def _of_kl(_node: Node, args: list[Ends]) -> tuple[Bools, Bools]:
    x, y = args
    return (x[1] < 0) | (y[1] < 0), (x[0] <= 0) | (y[0] <= 0)


DOMAINS: dict[str, Domain] = {
    **dict.fromkeys(("log", "log10", "sqrt", "asin", "acos", "entropy"), _of_atom),
    "div": _of_div,
    "pow": _of_pow,
    "tan": _of_tan,
    "kl": _of_kl,
}
