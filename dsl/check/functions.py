"""The functions that the language brings: their names and how many arguments each takes."""

from __future__ import annotations

from typing import NamedTuple


class Arity(NamedTuple):
    """``least`` to ``most`` arguments; ``most`` is None where there is no end."""

    least: int
    most: int | None

    def text(self) -> str:
        if self.most is None:
            return f"{self.least} or more arguments"
        if self.least == self.most:
            return "1 argument" if self.least == 1 else f"{self.least} arguments"
        return f"{self.least} or {self.most} arguments"


ONE = Arity(1, 1)
TWO = Arity(2, 2)

_OF_ONE = (
    "exp log log10 sqrt sin cos tan asin acos atan sinh cosh tanh abs sign"
    " floor ceil round entropy sigmoid softplus erf"
)

ELEMENTWISE: dict[str, Arity] = {
    **dict.fromkeys(_OF_ONE.split(), ONE),
    "kl": TWO,
    "pow": TWO,
    "huber": Arity(1, 2),
    "min": Arity(2, None),
    "max": Arity(2, None),
}
"""Functions of numbers, entry by entry."""

AGGREGATES = frozenset(["sum", "prod", "min", "max", "count", "norm1", "norm2", "norminf", "logsumexp"])
ORDERED_SETS = frozenset(("sos1", "sos2"))

MEASURES: dict[str, Arity] = {
    "card": ONE,
    "first": ONE,
    "last": ONE,
    "ord": TWO,
    "next": Arity(2, 3),
    "prev": Arity(2, 3),
    "next_cyclic": Arity(2, 3),
    "prev_cyclic": Arity(2, 3),
}
"""Functions of sets."""

SPECIAL = frozenset(("dual", "piecewise"))

BUILTINS = frozenset((*ELEMENTWISE, *AGGREGATES, *ORDERED_SETS, *MEASURES, *SPECIAL))
