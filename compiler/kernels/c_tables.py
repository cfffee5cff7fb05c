"""What a printed program reads besides its inputs: the sizes and arrays that its text leaves out."""

from __future__ import annotations

from dataclasses import dataclass, field

from .loops import Ints
from .nodes import Node

STRUCT = (
    "struct Tables { const double *one; const double *const *data; const int *const *index; const long *number; };\n"
)


@dataclass(eq=False)
class Tables:
    """By position: index arrays, whole numbers, and the loads whose arrays are read."""

    indices: list[Ints] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    arrays: list[Node] = field(default_factory=list)

    def index(self, array: Ints) -> int:
        """The place of an index array; the same array has one place."""
        for k, known in enumerate(self.indices):
            if known is array:
                return k
        self.indices.append(array)
        return len(self.indices) - 1

    def number(self, value: int) -> int:
        self.numbers.append(value)
        return len(self.numbers) - 1

    def array(self, node: Node) -> int:
        """The place of the array that a load reads, by the first node that reads it."""
        for k, known in enumerate(self.arrays):
            if (known.source, known.array) == (node.source, node.array):
                return k
        self.arrays.append(node)
        return len(self.arrays) - 1
