"""networkx graphs: nodes and edges as sets, their attributes as parameters."""

from __future__ import annotations

from typing import Any

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place
from optc.dsl.program import Parameter, SetSymbol

from .cells import column
from .errors import DataError
from .nested import entries_of_nested
from .reports import signature
from .supplied import Keyed, Origin, SuppliedEntries


def graph_entries(symbol: Parameter | SetSymbol, graph: Any, shown: str) -> SuppliedEntries:
    """Nodes for a set of single members, edges for a set of pairs; for a parameter the attribute of its name.

    Edges of an undirected graph are given once, as the graph lists them. Nodes and edges without the attribute have no
    entry.
    """
    if isinstance(symbol, SetSymbol) and not symbol.arity:
        items = list(graph.edges()) if symbol.dimension == 2 else list(graph.nodes())
        word = "edge" if symbol.dimension == 2 else "node"
        return entries_of_nested(
            symbol,
            items,
            lambda steps: Place(shown, path=f"{word} {items[int(str(steps[0]))]}" if steps else None),
            keys_are_spelled=False,
        )
    if isinstance(symbol, Parameter) and symbol.arity in (1, 2):
        return _attributes(symbol, graph, shown)
    raise DataError(
        [
            report(
                codes.UNKNOWN_OBJECT,
                Place(shown),
                name=symbol.name,
                what="a graph",
                symbol=signature(symbol),
                mend="a graph gives sets of nodes or of edges, and parameters over one of them",
            )
        ]
    )


def _attributes(symbol: Parameter, graph: Any, shown: str) -> Keyed:
    if symbol.arity == 1:
        found = [(node, data[symbol.name]) for node, data in graph.nodes(data=True) if symbol.name in data]
        keys = [[node for node, _ in found]]
    else:
        edges = [(u, v, data[symbol.name]) for u, v, data in graph.edges(data=True) if symbol.name in data]
        keys = [[u for u, _, _ in edges], [v for _, v, _ in edges]]
        found = [((u, v), value) for u, v, value in edges]
    word = "node" if symbol.arity == 1 else "edge"
    origin = Origin(Place(shown), lambda k: Place(shown, path=f"{word} {found[k][0]}, attribute {symbol.name}"))
    return Keyed(tuple(map(column, keys)), column([value for _, value in found]), origin)
