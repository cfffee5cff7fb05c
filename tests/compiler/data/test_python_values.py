"""Python objects: what they mean beyond the plain cases, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pytest
import xarray as xr

from optc.compiler.data import DataError

PAIRS = """set Nodes
set Arcs within Nodes * Nodes
param cap[(i, j) in Arcs]
param supply[Nodes]
param flow[i in Nodes, j in Nodes]
var x >= 0
minimize x
"""
Placed = Callable[..., dict[str, object]]
MATRIX = "set Nodes\nparam flow[i in Nodes, j in Nodes]\nvar x >= 0\nminimize x\n"
LIST = "set Nodes\nparam supply[n in Nodes]\nvar x >= 0\nminimize x\n"
NODES = ["a", "b"]


def codes_of(action: Callable[[], object]) -> list[str]:
    with pytest.raises(DataError) as caught:
        action()
    return [d.code.id for d in caught.value.diagnostics]


def flow(placed: Placed, value: object) -> list[float]:
    return placed(MATRIX, Nodes=NODES, flow=value)["flow"].tolist()  # type: ignore[attr-defined, no-any-return]


def supply(placed: Placed, value: object) -> list[float]:
    return placed(LIST, Nodes=NODES, supply=value)["supply"].tolist()  # type: ignore[attr-defined, no-any-return]


def test_a_graph_gives_nodes_edges_and_attributes(placed: Placed, listed: Callable[[object], object]) -> None:
    graph = nx.DiGraph()
    graph.add_node("b", supply=2)
    graph.add_node("a", supply=-2.5)
    graph.add_edge("b", "a", cap=4)
    graph.add_edge("a", "b", cap=7)
    model = PAIRS.replace("param flow[i in Nodes, j in Nodes]\n", "")
    found = placed(model, Nodes=graph, Arcs=graph, cap=graph, supply=graph)
    assert listed(found["Nodes"]) == ["b", "a"]
    assert listed(found["Arcs"]) == [("b", "a"), ("a", "b")]
    assert found["cap"].tolist() == [4.0, 7.0]  # type: ignore[attr-defined]
    assert found["supply"].tolist() == [2.0, -2.5]  # type: ignore[attr-defined]
    del graph.nodes["a"]["supply"]
    assert codes_of(lambda: placed(model, Nodes=graph, Arcs=graph, cap=graph, supply=graph)) == ["E0532"]


def test_parallel_edges_are_duplicates(placed: Placed) -> None:
    graph = nx.MultiDiGraph()
    graph.add_edge("a", "b", cap=1)
    graph.add_edge("a", "b", cap=2)
    assert codes_of(lambda: placed("set Arcs within {1, 2} * {1, 2}\nvar x >= 0\nminimize x\n", Arcs=graph)) == [
        "E0536"
    ]


@pytest.mark.parametrize(
    "value",
    [
        {"a": {"a": 1, "b": 2}, "b": {"a": 3, "b": 4}},
        {("a", "a"): 1, ("a", "b"): 2, ("b", "a"): 3, ("b", "b"): 4},
        [np.array([1, 2]), np.array([3.0, 4.0])],
        np.array([[1, 2], [3, 4]], dtype=np.uint8),
        np.asfortranarray([[1, 2], [3, 4]]),
        np.array([[1, 2], [3, 4]], dtype=object),
        pd.DataFrame([[4, 3], [2, 1]], index=["b", "a"], columns=["b", "a"]),
        pd.DataFrame({"j": ["a", "b", "a", "b"], "i": ["a", "a", "b", "b"], "flow": [1, 2, 3, 4]}),
        pd.DataFrame({"j": ["a", "b", "a", "b"], "i": ["a", "a", "b", "b"], "flow": [1, 2, 3, 4]})
        .astype({"i": "category", "flow": "Int64"})
        .sample(frac=1, random_state=1),
        pd.DataFrame({"from": ["a", "b"], "a": [1, 3], "b": [2, 4]}).set_index("from"),
        pd.DataFrame({"j": ["a", "b", "a", "b"], "flow": [1, 2, 3, 4]}, index=pd.Index(["a", "a", "b", "b"], name="i")),
        pd.Series([1, 2, 3, 4], index=pd.MultiIndex.from_product([["a", "b"], ["a", "b"]])),
        pl.DataFrame({"x": ["a", "b"], "a": [1, 3], "b": [2, 4]}),
        pl.DataFrame({"i": ["a", "a", "b", "b"], "j": ["a", "b", "a", "b"], "flow": [1, 2, 3, 4]}).with_columns(
            pl.col("i").cast(pl.Categorical)
        ),
        xr.DataArray([[1, 2], [3, 4]]),
        xr.DataArray([[1, 3], [2, 4]], dims=("j", "i")),
        xr.DataArray([[4, 3], [2, 1]], dims=("p", "q"), coords={"p": ["b", "a"], "q": ["b", "a"]}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_object_gives_the_same_matrix(placed: Placed, value: object) -> None:
    assert flow(placed, value) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "value, code",
    [
        (np.array([[1, 2]]), "E0544"),
        (np.array([1, 2, 3, 4]), "E0545"),
        (pd.DataFrame([[1, 2], [3, 4]]), "E0533"),
        (pd.DataFrame([[1.0, np.nan], [3, 4]], index=NODES, columns=NODES), "E0540"),
        (pd.DataFrame({"i": ["a"], "flow": [1]}), "E0512"),
        (pd.Series([1, 2], index=["a", "b"]), "E0512"),
        (xr.DataArray([1, 2]), "E0512"),
        (pl.DataFrame({"i": ["a", None], "j": ["a", "b"], "flow": [1, 2]}), "E0550"),
        (pl.DataFrame({"i": ["a"], "j": ["a"], "flow": [1]}), "E0532"),
        (pl.DataFrame({"i": ["a"], "j": ["a"], "flow": [None]}), "E0532"),
        (pl.DataFrame({"i": ["a"], "j": ["a"], "flow": [float("nan")]}), "E0540"),
        (nx.Graph(), "E0532"),
        (print, "E0522"),
        ({"a": [1, 2], "b": [3, 4]}, "E0545"),
        ({("a",): {"b": 1}}, "E0532"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_an_object_that_does_not_fit_is_refused(placed: Placed, value: object, code: str) -> None:
    found = codes_of(lambda: flow(placed, value))
    assert found[:1] == [code], found


@pytest.mark.parametrize(
    "value",
    [
        pd.Series([1, 2]),
        pd.Series([2, 1], index=["b", "a"]),
        pd.Series([2, 1], index=pd.CategoricalIndex(["b", "a"])),
        pd.Series([1, 2], index=["a", "b"], dtype="Float64"),
        pd.Series({"a": 1, "b": 2}, dtype=object),
        pd.DataFrame({"supply": [1, 2]}, index=NODES),
        pd.DataFrame({"n": NODES, "supply": [1, 2]}),
        pl.Series([1, 2]),
        np.array([1, 2], dtype=np.float16),
        np.ma.masked_array([1, 2], mask=[False, False]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_object_gives_the_same_list(placed: Placed, value: object) -> None:
    assert supply(placed, value) == [1, 2]


def test_masked_entries_are_missing(placed: Placed) -> None:
    masked = np.ma.masked_array([1, 2], mask=[False, True])
    assert codes_of(lambda: supply(placed, masked)) == ["E0538"]


def test_pandas_missing_values_are_missing_entries(placed: Placed) -> None:
    assert codes_of(lambda: supply(placed, pd.Series([1, None], index=NODES, dtype="Int64"))) == ["E0532"]
    assert codes_of(lambda: supply(placed, pd.Series([1, None], index=NODES))) == ["E0540"]


def test_numbers_and_texts_as_keys_differ(placed: Placed) -> None:
    model = LIST
    assert codes_of(lambda: placed(model, Nodes=[1, 2], supply={"1": 3, "2": 4})) == ["E0533", "E0533"]
    assert placed(model, Nodes=[1, 2], supply={1: 3, 2.0: 4})["supply"].tolist() == [3, 4]  # type: ignore[attr-defined]
    assert placed(model, Nodes=[1, 2], supply=pd.Series([3, 4], index=[1.0, 2.0]))["supply"].tolist() == [3, 4]  # type: ignore[attr-defined]


def test_the_place_of_a_python_value_names_the_argument(placed: Placed) -> None:
    with pytest.raises(DataError) as caught:
        flow(placed, {"a": {"a": 1, "b": "x"}, "b": {"a": 3, "b": None}})
    told = [(d.place.file, d.place.path) for d in caught.value.diagnostics]  # type: ignore[union-attr]
    assert told == [("argument flow", "a.b"), ("argument flow", "b.b")]
