"""Connected components of a graph given by its edges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FEW = 20_000  # nodes and edges: loading SciPy takes longer than these do


def components(nodes: int, a: NDArray[Any], b: NDArray[Any]) -> tuple[int, NDArray[np.int32]]:
    """How many there are, and the number of each node's ``(nodes,)``, in the order of their first nodes.

    ``a``, ``b`` ``(edges,)``: the ends of the edges. The least node that each can reach is handed along the edges and,
    to halve long ways, from what a node has found to what that has (Y. Shiloach, U. Vishkin, "An O(log n) parallel
    connectivity algorithm", J. Algorithms 3 (1982)).
    """
    if nodes + len(a) > FEW:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        graph = coo_array((np.ones(len(a)), (a, b)), shape=(nodes, nodes))
        count, label = connected_components(graph, directed=False)
        return int(count), label
    least = np.arange(nodes)
    while True:
        found = least.copy()
        reached = np.minimum(least[a], least[b])
        # The root of each end is told too, or a long way would be walked one edge at a time.
        for place in (a, b, least[a], least[b]):
            np.minimum.at(found, place, reached)
        found = found[found]
        if np.array_equal(found, least):
            break
        least = found
    roots, label_ = np.unique(least, return_inverse=True)
    return len(roots), label_.reshape(-1).astype(np.int32)
