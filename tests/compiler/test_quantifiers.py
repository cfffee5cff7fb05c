"""Quantifier trees, class names and shapes of terms; the models of ``tests/models`` say their class in line 1."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from programs import EXAMPLES, MODELS, program_in, program_of

from optc.compiler.quantifiers import class_name, quantifier_text, quantifier_tree
from optc.compiler.terms.degree import Shape, Shapes
from optc.dsl.program import NamedExpression


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_models_have_the_class_that_they_say(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# class: ")
    assert class_name(program_in(path)) == first.removeprefix("# class: ")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.parent.name)
def test_examples_have_the_class_that_they_expect(path: Path) -> None:
    expected = json.loads(path.with_name("expected.json").read_text(encoding="utf-8"))
    assert class_name(program_in(path)) == expected["class"]


def model(stem: str) -> Path:
    return next(path for path in MODELS if path.stem == stem)


@pytest.mark.parametrize(
    ("stem", "text"),
    [
        ("linear", ["min over buy"]),
        ("bilevel", ["min over x", "  argmin follower over y knowing x (optimistic)"]),
        ("pessimistic_bilevel", ["min over x", "  argmin follower over y knowing x (pessimistic)"]),
        (
            "trilevel",
            [
                "max over x",
                "  argmin defender over y knowing x (optimistic)",
                "    argmax defender.attacker over z knowing x, y (optimistic)",
            ],
        ),
        (
            "multi_follower_bilevel",
            [
                "max over price",
                "  nash knowing price (variational)",
                "    argmax retailer over order knowing price (optimistic)",
            ],
        ),
        (
            "bilevel_game_below",
            [
                "max over tax",
                "  nash market knowing tax (variational)",
                "    max market.firm over q knowing tax",
            ],
        ),
        ("generalised_game", ["nash (normalised)", "  max firm over q"]),
        ("two_player_game", ["nash (variational)", "  max row over p", "  min column over s"]),
        (
            "two_stage_robust",
            ["min over x", "  nature over xi knowing x", "    min recourse over y knowing x, xi"],
        ),
        ("static_robust", ["max over x", "  nature over xi knowing x"]),
        ("linear_feasibility", ["satisfy over x, y"]),
    ],
)
def test_the_tree_says_who_decides_knowing_what(stem: str, text: list[str]) -> None:
    assert quantifier_text(quantifier_tree(program_in(model(stem)))).splitlines() == text


def test_the_tree_keeps_objectives_and_constraints_at_their_owner() -> None:
    tree = quantifier_tree(program_in(model("two_stage_robust")))
    (nature,) = tree.children
    (recourse,) = nature.children
    assert tree.objective is not None
    assert tree.objective.name == "first"
    assert nature.constraints == ("budget",)
    assert recourse.constraints == ("only_bought", "cap")


SHAPES = """
param a = 2
set K = 1..3
param cost[K] = [1, 2, 3]
param table[K, K] = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
var x, y
var v[K]
choose z[K] from K
let named = x * y
"""


@pytest.mark.parametrize(
    ("expression", "shape"),
    [
        ("a^2 + sum(cost[k] for k in K)", Shape(0)),
        ("a * x + y / a - 3", Shape(1)),
        ("sum(cost[k] * v[k] for k in K)", Shape(1)),
        ("x * (y + 1)", Shape(2)),
        ("(x + y)^2 * a", Shape(2)),
        ("named + x", Shape(2)),
        ("named * x", Shape(3)),
        ("x^3", Shape(3)),
        ("x^0", Shape(0)),
        ("x^a", Shape(None)),
        ("x^0.5", Shape(None)),
        ("1 / x", Shape(None)),
        ("log(x)", Shape(None)),
        ("log(a) * x", Shape(1)),
        ("abs(x) + y", Shape(1, kinks=True)),
        ("max(x, 2 * y, 3)", Shape(1, kinks=True)),
        ("norm1(v[k] for k in K)", Shape(1, kinks=True)),
        ("norm2(v[k] for k in K)", Shape(None)),
        ("abs(x) + y^2", Shape(2, kinks=True)),
        ("abs(x)^2", Shape(None)),
        ("abs(x * y)", Shape(None)),
        ("max(x, y) * a", Shape(1, kinks=True)),
        ("max(x, y) * x", Shape(None)),
        ("piecewise(x, [0, 1], [0, 2])", Shape(1, kinks=True)),
        ("prod(v[k] for k in K)", Shape(None)),
        ("if a > 1 then x else y * y", Shape(2)),
        ("cost[z[1]]", Shape(1)),
        ("sum(cost[z[k]] for k in K)", Shape(1)),
        ("table[z[1], z[2]]", Shape(2)),
        ("cost[z[1]] * x", Shape(2)),
        ("sum((z[k] == 2) for k in K)", Shape(1)),
        ("count(z[k] == 2 for k in K)", Shape(1)),
        ("(z[1] == z[2])", Shape(2)),
    ],
)
def test_shapes_of_terms(expression: str, shape: Shape) -> None:
    program = program_of(f"{SHAPES}\nlet e = {expression}\nsatisfy")
    symbol = program.symbols["e"]
    assert isinstance(symbol, NamedExpression)
    assert Shapes(program, frozenset(program.root.decisions)).of(symbol.definition) == shape


def test_a_group_of_symbols_is_judged_with_the_others_fixed() -> None:
    program = program_of("var x, y\nlet e = x^2 * y + log(x)\nsatisfy")
    symbol = program.symbols["e"]
    assert isinstance(symbol, NamedExpression)
    assert Shapes(program, frozenset({"y"})).of(symbol.definition) == Shape(1)


def test_a_players_constraint_with_anothers_decision_generalises_the_game() -> None:
    text = "set N = 1..2\nplayer p[i in N] {\n var q in [0, 1]\n minimize q\n subject to\n  c: %s <= 1\n}"
    assert class_name(program_of(text % "q")) == "game"
    assert class_name(program_of(text % "q[i]")) == "game"
    assert class_name(program_of(text % "sum(q[j] for j in N)")) == "generalised game"


def test_a_named_expression_of_the_own_slice_is_no_sharing() -> None:
    text = (
        "set N = 1..2\nlet double[i in N] = 2 * q[i]\n"
        "player p[i in N] {\n var q in [0, 1]\n minimize q\n subject to\n  c: double[%s] <= 1\n}"
    )
    assert class_name(program_of(text % "i")) == "game"
    assert class_name(program_of(text % "3 - i")) == "generalised game"


def test_leaders_who_play_against_each_other() -> None:
    program = program_of(
        """
        set N = 1..2
        player leader[i in N] {
          var x in [0, 5]
          maximize x * y[i, 1] - sum(x[j] for j in N)
          lower f[k in N] {
            var y in [0, 1]
            minimize (y - x)^2
          }
        }
        """
    )
    assert class_name(program) == "multi-leader game"
    assert quantifier_text(quantifier_tree(program)).splitlines() == [
        "nash (variational)",
        "  max leader over x",
        "    nash leader knowing x (variational)",
        "      argmin leader.f over y knowing x (optimistic)",
    ]


def test_long_sums_do_not_exhaust_the_stack() -> None:
    terms = " + ".join(f"{i} * x" for i in range(3000))
    assert class_name(program_of(f"var x in [0, 1]\nminimize {terms}")) == "linear"


def test_naming_a_class_needs_the_standard_library_alone() -> None:
    code = (
        "import sys; import optc.compiler.quantifiers, optc.compiler.terms.printing;"
        "print(sorted({'numpy', 'scipy', 'rich', 'highspy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
