"""Programs printed, parsed and checked again are the same programs."""

from __future__ import annotations

import itertools
import re
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from programs import EXAMPLES, MODELS, ROOT, program_in, program_of

from optc.compiler.terms.printing import program_text, term_text
from optc.dsl.program import Constraint, IndexVar, NamedExpression, Program
from optc.dsl.source import Source
from optc.loading import load


def canonical(program: Program) -> dict[str, Any]:
    """A program without its name, places, and the names of its indices and nameless constraints.

    Indices are numbered in order of appearance within each symbol; nameless constraints in their block's order.
    """
    nameless: dict[str, str] = {}
    for name, symbol in program.symbols.items():
        if isinstance(symbol, Constraint) and not symbol.named:
            nameless[name] = f"nameless {len([n for n in nameless if n.rpartition('.')[0] == name.rpartition('.')[0]])}"
    found = {
        nameless.get(name, name): _numbered(_renamed(symbol, nameless)) for name, symbol in program.symbols.items()
    }
    rest = replace(program, name="", symbols={}, questions=())
    return {"symbols": found, "rest": _numbered(_renamed(rest, nameless))}


def _renamed(node: Any, names: dict[str, str]) -> Any:
    if isinstance(node, str):
        return names.get(node, node)
    return _mapped(node, lambda part: _renamed(part, names))


def _numbered(node: Any) -> Any:
    count = itertools.count()
    seen: dict[IndexVar, IndexVar] = {}

    def visit(part: Any) -> Any:
        if isinstance(part, IndexVar):
            return seen.setdefault(part, IndexVar("", next(count), part.arity)) if part not in seen else seen[part]
        return _mapped(part, visit)

    return visit(node)


def _mapped(node: Any, change: Any) -> Any:
    if isinstance(node, tuple) and type(node) is tuple:
        return tuple(change(part) for part in node)
    if is_dataclass(node) and not isinstance(node, (type, IndexVar)):
        changed = {f.name: change(getattr(node, f.name)) for f in fields(node) if f.name not in ("span", "symbols")}
        return replace(node, **changed)
    return node


LIBRARY = sorted((ROOT / "optc" / "cli" / "templates").glob("*/*.opt"))


@pytest.mark.parametrize(
    "path", [*MODELS, *EXAMPLES, *LIBRARY], ids=lambda p: p.stem if p.stem != "model" else p.parent.name
)
def test_a_printed_program_is_the_same_program(path: Path) -> None:
    program = program_in(path)
    text = program_text(program)
    again = program_of(text)
    assert canonical(again) == canonical(program)
    assert program_text(again) == text


DATA_OF_ALL_KINDS = """
## The days.
set Days = 1..4
set Odd within Days = {d for d in Days if d mod 2 == 1}
set Shops default {"a", "b"}
set Arcs within Days * Days = {(1, 2), (2, 3)}
set Out[d in Days] within Days = {e for (d, e) in Arcs}
param n : integer >= 1 default 3
param kind[Shops] : string = {"a": "x", "b": "y"}
param slack in Days default 2
param lo[Days] >= 0 default 0
param hi[d in Days] >= lo[d] <= 100 = 10 * d
param rates[Days] = [0.1, 0.25, 1e-07, -3]
param pairs[Arcs] = {(1, 2): 3, (2, 3): 4.5}
table Crops: gain, hours = {"corn": [1, 2], "oats": [3, 4]}
var x[d in Days] in [lo[d], hi[d]] start 0.5 * hi[d]
var one, two <= 3
var whole integer in [0, 10]
var half[Odd] semicontinuous in [2, 10]
var p[Shops, Days] simplex
var Z[Days, Days] psd
choose z[d in Days if d > 1] from Out[d]
let total[s in Shops] = sum(p[s, d] for d in Days)
extern blackbox(x, p)
network net from "net.onnx"
maximize gain_of_all: sum(x[d] for d in Days) - blackbox(x, p) + net(one, two) + x[slack]
subject to
  ranged[d in Days, (d, e) in Arcs]: lo[d] <= x[d] + x[e] <= hi[d]
  x[1] == 2
  nameless[s in Shops if kind[s] == "x"]: total[s] >= 1
  [d in Days]: x[d] >= 1
  complementary: one >= 0 complements two >= 0
  sos2(x[d] for d in Days)
solve with highs(time_limit = 30, presolve = "off") then ipopt
"""

BLOCKS = """
set R = {"north", "south"}
set I = 1..2
param cap[R, I] default 5
var price[I] in [0, 9]
maximize sum(price[i] * order[r, i] for r in R, i in I) - 0.1 * sum(dual(retailer[r].stock[i]) for r in R, i in I)
lower retailer[r in R] pessimistic {
  var order[i in I] in [0, price[i]]
  let bill = sum(price[i] * order[i] for i in I)
  minimize bill + need[r]
  subject to
    stock[i in I]: order[i] <= cap[r, i]
    sum(order["south", i] for i in I) <= 20
  lower depot[R] {
    var need >= 0
    minimize need
    subject to
      enough: need >= order[r, 1]
  }
}
"""


def documented(page: Path) -> list[str]:
    return re.findall(r"^```opt[^\n]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/**/*.md")), ids=lambda p: p.name)
def test_models_of_the_documentation_survive_printing(page: Path) -> None:
    for text in documented(page):
        program = load(Source(page.name, text)).program
        if program is not None:  # those that are shown as wrong have none
            assert canonical(program_of(program_text(program))) == canonical(program)


@pytest.mark.parametrize("text", [DATA_OF_ALL_KINDS, BLOCKS], ids=["data of all kinds", "blocks"])
def test_every_construct_survives_printing(text: str) -> None:
    program = program_of(text)
    printed = program_text(program)
    assert canonical(program_of(printed)) == canonical(program)


@pytest.mark.parametrize(
    "expression",
    [
        "a + b * x",
        "(a + b) * x",
        "a - (b - x)",
        "-x^2",
        "(-x)^2",
        "2^-a",
        "a / (b / x)",
        "a mod 2 + b div 3",
        "if a > b and not a == 2 then x else 2 * x",
        "sum(v[i] for i in S if i > 1)",
        "sum((i == 2) * v[i] for i in S)",
        "count(i == 2 or i == 3 for i in S)",
        "max(a, b, 3) + min(v[i] for i in S)",
        "sum(sum(v[j] for j in 1..i) for i in S)",
        "card(S union 4..5) + card(S * S) + ord(2, S)",
        "v[next_cyclic(1, S, 2)]",
        "piecewise(x, [0, 1, 2], [0, a, b])",
        "sum(1 for (i, 2) in S * S)",
        "card({(i, j) for i in S, j in S if i < j})",
        "1e-07 * x + 123456789.5 - 2 * pi",
        "sum(v[i] for i in {1, 3})",
        "sum(v[i] for i in S if (i, i) in S * S and i not in 5..6)",
    ],
)
def test_terms_are_printed_as_they_were_written(expression: str) -> None:
    program = program_of(f"set S = 1..3\nparam a = 1\nparam b = 2\nvar x\nvar v[S]\nlet e = {expression}\nsatisfy")
    symbol = program.symbols["e"]
    assert isinstance(symbol, NamedExpression)
    assert term_text(symbol.definition) == expression


def test_an_index_that_a_function_brings_in_twice_gets_another_name() -> None:
    program = program_of("def f(t) = sum(t + i for i in 1..2)\nlet e = f(f(1))\nvar x\nsatisfy")
    text = program_text(program)
    assert "i_2" in text
    assert canonical(program_of(text)) == canonical(program)


def test_own_slices_are_printed_in_full() -> None:
    text = program_text(program_in(next(p for p in MODELS if p.stem == "game")))
    assert "* q[i]" in text


def test_long_sums_do_not_exhaust_the_stack() -> None:
    terms = " + ".join(f"{i} * x" for i in range(2, 3000))
    program = program_of(f"var x in [0, 1]\nminimize {terms}")
    assert terms in program_text(program)
