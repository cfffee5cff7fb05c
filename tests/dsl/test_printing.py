"""Printed trees parse to the same trees, with no more brackets than needed."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from strategies import NOWHERE, expressions, models, strip_brackets

from optc.dsl import syntax as s
from optc.dsl.parse import parse, parse_expression
from optc.dsl.printing import expression_text, model_text
from optc.dsl.source import Source

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
FEW = settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
MANY = settings(max_examples=400, deadline=None, suppress_health_check=SLOW)


@pytest.mark.parametrize(
    "text",
    [
        "a + b - c",
        "a - (b - c)",
        "a * b / c",
        "-x^2",
        "(-x)^2",
        "2^3^2",
        "(2^3)^2",
        "2^-x",
        "a * -b",
        "-(a + b)",
        "not a == b",
        "not (a and b)",
        "a or b and c",
        "(a or b) and c",
        "if a > 0 then b else if c then d else e",
        "(if a then b else c) + 1",
        "0..n-1",
        "0..(n - 1) div 2",
        "i-1..2*(i + 1)+1",
        "0..n - 1 mod 2",
        "1..3 union 5..7",
        "(A union B) inter C",
        "A * B inter C",
        "(i, j) in Arcs and i not in S",
        "lo <= x + y <= hi",
        "x <= if c then 1 else 2",
        "sum(a[i, j] * x[i] for i in I, (i, j) in A if a[i, j] > 0)",
        "{d for d in Days if d mod 2 == 1}",
        '{"corn": [1, 2], "oats": [3, 4]}',
        "{(1, 2): 3, (2, 3): 4}",
        "{}",
        "[[1, 2], [3, 4]]",
        "dual(f[r].c[i])",
        "((a))",
        '"a \\"quoted\\" é \\u0001"',
        "1_000_000 + 2.50e-3 + inf",
    ],
)
def test_normal_spelling_is_kept(text: str):
    assert expression_text(parse_expression(text)) == text


def test_brackets_are_added_only_where_a_tree_needs_them():
    a, b, c = (s.Name(NOWHERE, name) for name in "abc")
    total = s.Binary(NOWHERE, "+", a, b)
    assert expression_text(s.Binary(NOWHERE, "*", total, c)) == "(a + b) * c"
    assert expression_text(s.Binary(NOWHERE, "-", c, total)) == "c - (a + b)"
    assert expression_text(s.Binary(NOWHERE, "-", total, c)) == "a + b - c"
    assert expression_text(s.Unary(NOWHERE, "-", s.Binary(NOWHERE, "^", a, b))) == "-a^b"
    assert expression_text(s.Binary(NOWHERE, "^", s.Unary(NOWHERE, "-", a), b)) == "(-a)^b"
    assert expression_text(s.Conditional(NOWHERE, a, total, total)) == "if a then a + b else a + b"
    assert expression_text(s.Range(NOWHERE, a, s.Range(NOWHERE, b, c))) == "a..(b..c)"


@pytest.mark.parametrize("deep", ["left", "right", "brackets", "calls"])
def test_depth_costs_no_stack(deep: str):
    x: s.Expression = s.Name(NOWHERE, "x")
    tree = x
    for _ in range(10_000):
        match deep:
            case "left":
                tree = s.Binary(NOWHERE, "+", tree, x)
            case "right":
                tree = s.Binary(NOWHERE, "+", x, tree)
            case "brackets":
                tree = s.Bracketed(NOWHERE, tree)
            case _:
                tree = s.Call(NOWHERE, s.Name(NOWHERE, "f"), (tree,))
    text = expression_text(tree)
    assert text.count("x") in (1, 10_001)
    if deep == "left":
        assert text == " + ".join(["x"] * 10_001)
        assert expression_text(parse_expression(text)) == text


@MANY
@given(expressions)
def test_printed_expressions_parse_to_the_same_tree(tree: s.Expression):
    text = expression_text(tree)
    parsed = parse_expression(text)
    assert strip_brackets(parsed) == strip_brackets(tree), text
    assert expression_text(parsed) == text


@FEW
@given(models)
def test_printed_models_parse_to_the_same_tree(model: s.Model):
    text = model_text(model)
    parsed = parse(Source("printed", text))
    assert not parsed.diagnostics, f"{text}\n{parsed.diagnostics}"
    assert strip_brackets(parsed.model.statements) == strip_brackets(model.statements), text
