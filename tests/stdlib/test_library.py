"""Every function of the standard library against numpy, scipy or networkx."""

from __future__ import annotations

import math
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import scipy.special as special

from optc.compiler.reference.interpreter import Reference
from optc.dsl.parse import parse
from optc.dsl.printing import statement_text
from optc.dsl.render import render
from optc.dsl.source import Source
from optc.dsl.syntax import DefDeclaration
from optc.loading import library_modules, load

STDLIB = Path(__file__).resolve().parents[2] / "stdlib"

EDGES = [(1, 2), (2, 3), (1, 3), (3, 4), (4, 4)]
WEIGHTS = [2.0, 3.0, 5.0, 7.0, 11.0]
POTENTIAL = [0.5, 2.0, -1.0, 4.0]
SIDE = [0, 1, 1, 0]

GRAPH = f"""
use graph
set V = 1..4
set E within V * V = {{{", ".join(map(str, EDGES))}}}
param w[E] = {WEIGHTS}
param p[V] = {POTENTIAL}
param side[V] = {SIDE}
param sigma[i in V] = 2 * side[i] - 1
"""


def values(declarations: str, expressions: dict[str, str]) -> dict[str, float]:
    """Values of data expressions by name."""
    lets = "\n".join(f"let {name} = {text}" for name, text in expressions.items())
    loaded = load(Source("<text>", f"{declarations}\n{lets}\nvar unused\nsatisfy\n"))
    assert loaded.program is not None, render(loaded.diagnostics, color=False)
    found = Reference(loaded.program).expressions({})
    return {name: float(found[name][()]) for name in expressions}


def test_flows_and_degrees_agree_with_networkx() -> None:
    graph = nx.DiGraph()
    graph.add_weighted_edges_from([(i, j, w) for (i, j), w in zip(EDGES, WEIGHTS, strict=True)])
    found = values(
        GRAPH,
        {f"{f}_{v}": f"{f}({v}, E)" for f in ("out_degree", "in_degree") for v in range(1, 5)}
        | {
            f"{f}_{v}": f"{f}(w, {v}, E)" for f in ("outflow", "inflow", "net_outflow", "incident") for v in range(1, 5)
        },
    )
    for v in range(1, 5):
        into, out = graph.in_degree(v, weight="weight"), graph.out_degree(v, weight="weight")
        loop = graph.edges[v, v]["weight"] if graph.has_edge(v, v) else 0
        assert found[f"out_degree_{v}"] == graph.out_degree(v)
        assert found[f"in_degree_{v}"] == graph.in_degree(v)
        assert found[f"outflow_{v}"] == out
        assert found[f"inflow_{v}"] == into
        assert found[f"net_outflow_{v}"] == out - into
        assert found[f"incident_{v}"] == out + into - loop


def test_degree_counts_a_loop_once() -> None:
    found = values(GRAPH, {f"d{v}": f"degree({v}, E)" for v in range(1, 5)})
    assert found == {"d1": 2, "d2": 2, "d3": 3, "d4": 2}


def test_cuts_agree_with_networkx() -> None:
    graph = nx.Graph()
    graph.add_weighted_edges_from([(i, j, w) for (i, j), w in zip(EDGES, WEIGHTS, strict=True)])
    found = values(
        GRAPH,
        {"cut": "cut(w, side, E)", "spins": "spin_cut(w, sigma, E)", "inside": "edges_within(side, E)"},
    )
    chosen = {v for v, s in zip(range(1, 5), SIDE, strict=True) if s}
    assert found["cut"] == found["spins"] == nx.cut_size(graph, chosen, weight="weight")
    assert found["inside"] == graph.subgraph(chosen).number_of_edges()


def test_dirichlet_is_the_laplacian() -> None:
    graph = nx.Graph()
    graph.add_weighted_edges_from([(i, j, w) for (i, j), w in zip(EDGES, WEIGHTS, strict=True) if i != j])
    laplacian = nx.laplacian_matrix(graph, nodelist=[1, 2, 3, 4]).toarray()
    p = np.array(POTENTIAL)
    assert values(GRAPH, {"d": "dirichlet(w, p, E)"})["d"] == pytest.approx(p @ laplacian @ p)


def test_measures_of_uncertainty_agree_with_numpy() -> None:
    xi, centre, scale = np.array([0.5, -2.0, 1.0]), np.array([0.0, 1.0, 1.5]), np.array([1.0, 2.0, 0.5])
    q, p = np.array([0.2, 0.3, 0.5]), np.array([0.1, 0.6, 0.3])
    declarations = "use uncertainty\nset I = 1..3\n" + "\n".join(
        f"param {name}[I] = {array.tolist()}"
        for name, array in (("xi", xi), ("centre", centre), ("scale", scale), ("q", q), ("p", p))
    )
    found = values(
        declarations,
        {
            "a": "deviation(xi, I)",
            "b": "spent(q, I)",
            "c": "ellipsoid(xi, centre, scale, I)",
            "d": "box(xi, centre, scale, I)",
            "e": "divergence(q, p, I)",
            "f": "perturbed(10, scale[2], xi[2])",
        },
    )
    assert found["a"] == np.abs(xi).sum()
    assert found["b"] == pytest.approx(1)
    assert found["c"] == pytest.approx(np.linalg.norm((xi - centre) / scale))
    assert found["d"] == np.abs((xi - centre) / scale).max()
    assert found["e"] == pytest.approx(special.rel_entr(q, p).sum())
    assert found["f"] == 6


@pytest.mark.parametrize("r", [-3.0, -0.4, 0.0, 0.7, 1.0, 2.5])
def test_losses_agree_with_their_formulas(r: float) -> None:
    found = values(
        "use losses",
        {
            "squares": f"squared({r})",
            "distance": f"absolute({r})",
            "hubers": f"huber_loss({r}, 0.5)",
            "quantile": f"pinball({r}, 0.3)",
            "tube": f"insensitive({r}, 0.5)",
            "hyperbolic": f"log_cosh({r})",
            "hinged": f"hinge({r})",
            "smooth": f"squared_hinge({r})",
            "logit": f"logistic({r})",
            "boost": f"exponential({r})",
            "entropic": f"cross_entropy({r}, 0.25)",
            "count_model": f"poisson({r}, 3)",
        },
    )
    assert found["squares"] == pytest.approx(r * r)
    assert found["distance"] == abs(r)
    assert found["hubers"] == pytest.approx(special.huber(0.5, r))
    assert found["quantile"] == pytest.approx(0.3 * r if r >= 0 else -0.7 * r)
    assert found["tube"] == max(0, abs(r) - 0.5)
    assert found["hyperbolic"] == pytest.approx(math.log(math.cosh(r)), abs=1e-15)
    assert found["hinged"] == max(0, 1 - r)
    assert found["smooth"] == pytest.approx(max(0, 1 - r) ** 2)
    assert found["logit"] == pytest.approx(-special.log_expit(r))
    assert found["boost"] == pytest.approx(math.exp(-r))
    probability = special.expit(r)
    assert found["entropic"] == pytest.approx(-0.25 * math.log(probability) - 0.75 * math.log(1 - probability))
    assert found["count_model"] == pytest.approx(math.exp(r) - 3 * r)


def test_the_library_is_documented_and_formatted() -> None:
    documented = (STDLIB.parent / "docs" / "stdlib.md").read_text(encoding="utf-8")
    assert library_modules() == sorted(path.stem for path in STDLIB.glob("*.opt"))
    for path in sorted(STDLIB.glob("*.opt")):
        assert f"## `use {path.stem}`" in documented
        for statement in parse(Source(path.name, path.read_text(encoding="utf-8"))).model.statements:
            assert isinstance(statement, DefDeclaration)
            assert statement.doc
            head = statement_text(statement).splitlines()[-1].removeprefix("def ").split(" = ")[0]
            assert f"`{head}`" in documented


def test_names_of_a_model_do_not_clash_with_those_inside_the_library() -> None:
    declarations = """
    use graph
    use uncertainty
    set V = 1..3
    set edges within V * V = {(1, 2), (2, 3)}
    param w[edges] = [2, 5]
    param i = 1
    param j = 2
    param xi[V] = [1, -2, 3]
    param over = 4
    param v default 2
    """
    found = values(declarations, {"out": "outflow(w, v, edges)", "far": "deviation(xi, V)", "used": "i + j + over"})
    assert found == {"out": 5, "far": 6, "used": 7}


def test_functions_pass_families_and_sets_on() -> None:
    declarations = """
    set S = 1..3
    param a[S] = [1, 2, 3]
    def inner(y, over) = sum(y[k] for k in over)
    def outer(x, among) = inner(x, among) + inner(x, {k for k in among if k > 1})
    def twice(t) = 2 * t
    """
    assert values(declarations, {"total": "outer(a, S)", "four": "twice(twice(1))"}) == {"total": 11, "four": 4}
