"""Where a decider's terms look at the decisions of the others who decide beside him. Standard library alone.

A block over an index has one decider for each value of it. A reference to one of its families is his own where it
starts with the block's indices as they are; ``q[j]`` in the block of ``i`` is, or may be, another's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from optc.dsl.program import Block, IndexRef, IndexVar, Program, SymbolRef

from .references import references


def is_own(ref: SymbolRef, indices: Sequence[IndexVar]) -> bool:
    """Whether a reference to a family of the block is to the decider's own entries, whatever the data."""
    heads = ref.args[: len(indices)]
    mine = (isinstance(a, IndexRef) and a.var == v for a, v in zip(heads, indices, strict=False))
    return len(heads) == len(indices) and all(mine)


def looks_at_others(
    program: Program, node: object, block: Block, indices: Sequence[IndexVar], others: Collection[str]
) -> bool:
    """Whether a term holds decisions of others: families of ``others``, or entries of the block's that are not own.

    ``indices``: those of the block as the term names them. Lets are followed.
    """
    for ref in references(program, node):
        if ref.symbol in block.decisions:
            if not is_own(ref, indices):
                return True
        elif ref.symbol in others:
            return True
    return False
