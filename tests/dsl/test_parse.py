# ruff: noqa: E501 - one case a line
"""Text to syntax tree: every construct of the language gives the tree that it should."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from optc.dsl import syntax as s
from optc.dsl.parse import ModelSyntaxError, parse, parse_expression
from optc.dsl.source import Source, Span
from optc.dsl.syntax_walk import flatten_chain

NOWHERE = Span(Source("", ""), 0, 0)


def n(name: str) -> s.Name:
    return s.Name(NOWHERE, name)


def num(value: int | float) -> s.Number:
    return s.Number(NOWHERE, value, str(value))


def op(operator: str, left: Any, right: Any) -> s.Binary:
    return s.Binary(NOWHERE, operator, left, right)


def bracketed(inner: Any) -> s.Bracketed:
    return s.Bracketed(NOWHERE, inner)


def minus(operand: Any) -> s.Unary:
    return s.Unary(NOWHERE, "-", operand)


def compared(*parts: Any) -> s.Comparison:
    return s.Comparison(NOWHERE, tuple(parts[::2]), tuple(parts[1::2]))


def over(*pairs: tuple[Any, Any], when: Any = None) -> s.IndexList:
    return s.IndexList(NOWHERE, tuple(s.Generator(NOWHERE, pattern, members) for pattern, members in pairs), when)


def model(text: str) -> tuple[s.Statement, ...]:
    parsed = parse(Source("m.opt", text))
    assert parsed.diagnostics == ()
    return parsed.model.statements


def only(text: str) -> Any:
    (statement,) = model(text)
    return statement


a, b, c, d, x, i, j = map(n, "abcdxij")


# --------------------------------------------------------------------------------------------------------- expressions
@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a + b * c", op("+", a, op("*", b, c))),
        ("a - b - c", op("-", op("-", a, b), c)),
        ("a / b * c mod d", op("mod", op("*", op("/", a, b), c), d)),
        ("a ^ b ^ c", op("^", a, op("^", b, c))),
        ("-a^2", minus(op("^", a, num(2)))),
        ("2^-1", op("^", num(2), minus(num(1)))),
        ("2^-a^b", op("^", num(2), minus(op("^", a, b)))),
        ("-a * b", op("*", minus(a), b)),
        ("a * -b", op("*", a, minus(b))),
        ("- -a", minus(minus(a))),
        ("0..a-1", s.Range(NOWHERE, num(0), op("-", a, num(1)))),
        ("1..2 union 3..4", op("union", s.Range(NOWHERE, num(1), num(2)), s.Range(NOWHERE, num(3), num(4)))),
        ("a union b inter c minus d", op("minus", op("union", a, op("inter", b, c)), d)),
        ("a * b union c", op("union", op("*", a, b), c)),
        ("a in b union c", s.Membership(NOWHERE, a, op("union", b, c), False)),
        ("a not in b", s.Membership(NOWHERE, a, b, True)),
        ("a <= b <= c", compared(a, "<=", b, "<=", c)),
        ("a + 1 >= b", compared(op("+", a, num(1)), ">=", b)),
        ("not a == b", s.Unary(NOWHERE, "not", compared(a, "==", b))),
        ("a or b and not c", op("or", a, op("and", b, s.Unary(NOWHERE, "not", c)))),
        ("a and b or c", op("or", op("and", a, b), c)),
        ("if a then b else if c then d else x", s.Conditional(NOWHERE, a, b, s.Conditional(NOWHERE, c, d, x))),
        ("if a then b else c + d", s.Conditional(NOWHERE, a, b, op("+", c, d))),
        ("a <= if b then c else d", compared(a, "<=", s.Conditional(NOWHERE, b, c, d))),
        ("(a)", bracketed(a)),
        ("(a, b)", s.Tuple(NOWHERE, (a, b))),
        ("[a, [b]]", s.ListLiteral(NOWHERE, (a, s.ListLiteral(NOWHERE, (b,))))),
        ("[a, b,]", s.ListLiteral(NOWHERE, (a, b))),
        ("[]", s.ListLiteral(NOWHERE, ())),
        ("{}", s.SetLiteral(NOWHERE, ())),
        ("{a, b,}", s.SetLiteral(NOWHERE, (a, b))),
        ('{"k": 1, -2: {3: 4}}', None),
        ("{a for i in b, (i, j) in c if d}", s.Comprehension(NOWHERE, a, over((i, b), (s.Tuple(NOWHERE, (i, j)), c), when=d))),
        ("f(a, b)", s.Call(NOWHERE, n("f"), (a, b))),
        ("f()", s.Call(NOWHERE, n("f"), ())),
        ("sum(a for i in b)", s.Aggregate(NOWHERE, n("sum"), a, over((i, b)))),
        ("∑(a for i in b)", s.Aggregate(NOWHERE, n("sum"), a, over((i, b)))),
        ("max(a for b)", s.Aggregate(NOWHERE, n("max"), a, over((None, b)))),
        ("count(a == b for i in c)", s.Aggregate(NOWHERE, n("count"), compared(a, "==", b), over((i, c)))),
        ("x[i, j-1]", s.Subscript(NOWHERE, x, (i, op("-", j, num(1))))),
        ("a[i].b[j]", s.Subscript(NOWHERE, s.Member(NOWHERE, s.Subscript(NOWHERE, a, (i,)), b), (j,))),
        ("dual(a.b)", s.Call(NOWHERE, n("dual"), (s.Member(NOWHERE, a, b),))),
        ("a ≤ b", compared(a, "<=", b)),
        ("a ≠ b", compared(a, "!=", b)),
        ("a · b", op("*", a, b)),
        ("1_000_000", s.Number(NOWHERE, 1_000_000, "1_000_000")),
        ("2.5e-3", s.Number(NOWHERE, 0.0025, "2.5e-3")),
        ("inf", s.Number(NOWHERE, float("inf"), "inf")),
        ('"a\\"b"', s.Text(NOWHERE, 'a"b')),
        ("a +\n\n  b", op("+", a, b)),
        ("a\n+ b", op("+", a, b)),
    ],
)  # fmt: skip
def test_expressions(text: str, tree: s.Expression | None) -> None:
    if tree is None:
        one = (s.Text(NOWHERE, "k"), num(1))
        tree = s.KeyedLiteral(NOWHERE, (one, (minus(num(2)), s.KeyedLiteral(NOWHERE, ((num(3), num(4)),)))))
    assert parse_expression(text) == tree


def test_spans_cover_what_they_name() -> None:
    text = "  sum(x[i] * 2 for i in I) <= (b + c)"
    tree = parse_expression(text)
    assert isinstance(tree, s.Comparison)
    total, limit = tree.operands
    assert tree.span.text == text.strip()
    assert total.span.text == "sum(x[i] * 2 for i in I)"
    assert isinstance(total, s.Aggregate)
    assert (total.body.span.text, total.over.span.text) == ("x[i] * 2", "i in I")
    assert limit.span.text == "(b + c)"


@pytest.mark.parametrize("text", ["", "a +", "a b", "(a", "a)", "var x", "a = b", "2x", "a; b", "x[]", "'a'"])
def test_what_is_no_expression_raises(text: str) -> None:
    with pytest.raises(ModelSyntaxError) as caught:
        parse_expression(text)
    assert caught.value.diagnostics


# -------------------------------------------------------------------------------------------------------- declarations
def attribute(word: str, value: Any = None) -> s.Attribute:
    return s.Attribute(NOWHERE, word, value)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("set S", s.SetDeclaration(NOWHERE, (n("S"),), None, ())),
        ("set S within a * b", s.SetDeclaration(NOWHERE, (n("S"),), None, (attribute("within", op("*", a, b)),))),
        ("set S[b] within c", s.SetDeclaration(NOWHERE, (n("S"),), over((None, b)), (attribute("within", c),))),
        ("set S default 1..7", s.SetDeclaration(NOWHERE, (n("S"),), None, (attribute("default", s.Range(NOWHERE, num(1), num(7))),))),
        ("param a", s.ParamDeclaration(NOWHERE, (a,), None, ())),
        ("param a, b, c [d] >= 0", s.ParamDeclaration(NOWHERE, (a, b, c), over((None, d)), (attribute(">=", num(0)),))),
        ("param a[i in b if i != 2] = i", s.ParamDeclaration(NOWHERE, (a,), over((i, b), when=compared(i, "!=", num(2))), (attribute("=", i),))),
        ("param a : string", s.ParamDeclaration(NOWHERE, (a,), None, (attribute(":", n("string")),))),
        ("param a integer default 3 in b", s.ParamDeclaration(NOWHERE, (a,), None, (attribute("integer"), attribute("default", num(3)), attribute("in", b)))),
        ("param a = if b then c else d >= 0", s.ParamDeclaration(NOWHERE, (a,), None, (attribute("=", s.Conditional(NOWHERE, b, c, d)), attribute(">=", num(0))))),
        ("param a ≥ 0 ≠ 1", s.ParamDeclaration(NOWHERE, (a,), None, (attribute(">=", num(0)), attribute("!=", num(1))))),
        ("table a: b, c", s.TableDeclaration(NOWHERE, a, (b, c), ())),
        ("table a: b = {1: [2]}", s.TableDeclaration(NOWHERE, a, (b,), (attribute("=", s.KeyedLiteral(NOWHERE, ((num(1), s.ListLiteral(NOWHERE, (num(2),))),))),))),
        ("var x in [0, a[i]] start 0.5*b binary", s.VarDeclaration(NOWHERE, (x,), None, (
            attribute("in", s.ListLiteral(NOWHERE, (num(0), s.Subscript(NOWHERE, a, (i,))))),
            attribute("start", op("*", num(0.5), b)), attribute("binary")))),
        ("var x >= a <= b", s.VarDeclaration(NOWHERE, (x,), None, (attribute(">=", a), attribute("<=", b)))),
        ("choose x[i in a] from b[i]", s.ChooseDeclaration(NOWHERE, (x,), over((i, a)), (attribute("from", s.Subscript(NOWHERE, b, (i,))),))),
        ("uncertain x from a", s.UncertainDeclaration(NOWHERE, (x,), None, (attribute("from", a),), ())),
        ("let x[i in a] = b", s.LetDeclaration(NOWHERE, x, over((i, a)), b)),
        ("def x(a, b) = a", s.DefDeclaration(NOWHERE, x, (a, b), a)),
        ("extern x(a, b)", s.ExternDeclaration(NOWHERE, x, (a, b))),
        ("extern x()", s.ExternDeclaration(NOWHERE, x, ())),
        ('network x from "n.onnx"', s.NetworkDeclaration(NOWHERE, x, s.Text(NOWHERE, "n.onnx"))),
        ("use a", s.Use(NOWHERE, a)),
        ('use "a.opt"', s.Use(NOWHERE, s.Text(NOWHERE, "a.opt"))),
        ("minimize a", s.Objective(NOWHERE, "minimize", None, a)),
        ("maximize a: b + c", s.Objective(NOWHERE, "maximize", a, op("+", b, c))),
        ("satisfy", s.Objective(NOWHERE, "satisfy", None, None)),
        ("equilibrium normalised(a = b)", s.Equilibrium(NOWHERE, n("normalised"), ((a, b),))),
        ("equilibrium variational", s.Equilibrium(NOWHERE, n("variational"), ())),
        ("certify contraction", s.Certify(NOWHERE, n("contraction"), ())),
        ("certify a on x in [b, c], d[i in j] in x", s.Certify(NOWHERE, a, (
            s.CertifyRegion(NOWHERE, x, None, s.ListLiteral(NOWHERE, (b, c))),
            s.CertifyRegion(NOWHERE, d, over((i, j)), x)))),
        ("solve with a(b = 1, c = d) then x", s.SolveWith(NOWHERE, (
            s.MethodCall(NOWHERE, a, ((b, num(1)), (c, d))), s.MethodCall(NOWHERE, x, ())))),
        ("solve with a()", s.SolveWith(NOWHERE, (s.MethodCall(NOWHERE, a, ()),))),
    ],
)  # fmt: skip
def test_declarations(text: str, tree: s.Statement) -> None:
    assert only(text) == tree
    assert only(text).span.text == text


# --------------------------------------------------------------------------------------------------------- constraints
def item(body: Any, name: s.Name | None = None, index: s.IndexList | None = None) -> s.ConstraintItem:
    return s.ConstraintItem(NOWHERE, name, index, body)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a >= b", item(compared(a, ">=", b))),
        ("c: a >= b", item(compared(a, ">=", b), c)),
        ("c[i in d]: a >= b", item(compared(a, ">=", b), c, over((i, d)))),
        ("c[d]: a == b", item(compared(a, "==", b), c, over((None, d)))),
        ("c[i in d if i != j]: a == b", item(compared(a, "==", b), c, over((i, d), when=compared(i, "!=", j)))),
        ("[i in d]: a == b", item(compared(a, "==", b), None, over((i, d)))),
        ("c[i] >= b", item(compared(s.Subscript(NOWHERE, c, (i,)), ">=", b))),
        ("(a, b) in c", item(s.Membership(NOWHERE, s.Tuple(NOWHERE, (a, b)), c, False))),
        ("c: a == 1 => b >= 2", item(s.Implication(NOWHERE, compared(a, "==", num(1)), compared(b, ">=", num(2))), c)),
        ("a >= 0 complements b >= 0", item(s.Complements(NOWHERE, compared(a, ">=", num(0)), compared(b, ">=", num(0))))),
        ("sos1(a for i in b)", item(s.Aggregate(NOWHERE, n("sos1"), a, over((i, b))))),
        ("a == piecewise(b, [0, 1], [c, d])", item(compared(a, "==", s.Call(NOWHERE, n("piecewise"), (
            b, s.ListLiteral(NOWHERE, (num(0), num(1))), s.ListLiteral(NOWHERE, (c, d))))))),
        ("-a + b >= 3", item(compared(op("+", minus(a), b), ">=", num(3)))),
        ("set[i] >= start", item(compared(s.Subscript(NOWHERE, n("set"), (i,)), ">=", n("start")))),
        ("lower: var == 1", item(compared(n("var"), "==", num(1)), n("lower"))),
    ],
)  # fmt: skip
def test_constraints(text: str, tree: s.ConstraintItem) -> None:
    assert only(f"subject to {text}") == s.SubjectTo(NOWHERE, (tree,))
    assert only(f"subject to\n  {text}\n").constraints == (tree,)
    assert only(f"uncertain x in [0, 1]\n  with {text}\n  with {text}").constraints == (tree, tree)


def test_a_list_of_constraints_ends_at_the_next_declaration() -> None:
    first, var, second = model("subject to\n a >= 0\n b >= 0\nvar x\nsubject to c >= 0")
    assert isinstance(first, s.SubjectTo)
    assert isinstance(second, s.SubjectTo)
    assert isinstance(var, s.VarDeclaration)
    assert (len(first.constraints), len(second.constraints)) == (2, 1)
    assert first.span.text == "subject to\n a >= 0\n b >= 0"


def test_blocks_nest() -> None:
    text = """
lower f[i in R] pessimistic {
  var y
  minimize y
  subject to
    c: y >= x
  lower g { var z; minimize z }
  player p[j in N] { var q
    maximize q }
}
recourse { var w }
"""
    outer, recourse = model(text)
    assert isinstance(outer, s.BlockDeclaration)
    assert (outer.kind, outer.name, outer.selection) == ("lower", n("f"), n("pessimistic"))
    assert outer.index == over((i, n("R")))
    kinds = [type(inner).__name__ for inner in outer.body]
    assert kinds == ["VarDeclaration", "Objective", "SubjectTo", "BlockDeclaration", "BlockDeclaration"]
    assert isinstance(recourse, s.BlockDeclaration)
    assert (recourse.kind, recourse.name, len(recourse.body)) == ("recourse", None, 1)


def test_doc_comments_belong_to_what_is_under_them() -> None:
    text = """
## what it costs
## a unit
param cost   # not this

## decided daily
var buy
subject to
  ## at least
  need: buy >= 1
uncertain u in [0, 1]
  ## a budget
  with b: u <= 1
## the follower
lower f {
  ## its objective
  minimize buy
}
"""
    cost, buy, listed, u, block = model(text)
    assert isinstance(cost, s.ParamDeclaration)
    assert isinstance(buy, s.VarDeclaration)
    assert (cost.doc, buy.doc) == ("what it costs\na unit", "decided daily")
    assert isinstance(listed, s.SubjectTo)
    assert isinstance(u, s.UncertainDeclaration)
    assert isinstance(block, s.BlockDeclaration)
    objective = block.body[0]
    assert isinstance(objective, s.Objective)
    docs = [listed.constraints[0].doc, u.constraints[0].doc, u.doc, block.doc, objective.doc]
    assert docs == ["at least", "a budget", None, "the follower", "its objective"]


def test_comments_are_kept_in_the_model() -> None:
    found = parse(Source("m.opt", "# a\nvar x # b\n## c\nvar y")).model.comments
    assert [(comment.text, comment.doc) for comment in found] == [("# a", False), ("# b", False), ("## c", True)]


def test_an_empty_model() -> None:
    assert model("") == model("\n# nothing\n") == ()


# ------------------------------------------------------------------------------------------------------- long and deep
def test_long_sums_parse_and_flatten_without_recursion() -> None:
    text = " + ".join(f"{k} * x[{k}]" for k in range(20_000))
    first, chain = flatten_chain(parse_expression(text))
    assert first == num(0)
    assert len(chain) == 20_000
    assert [node.operator for node in chain[:3]] == ["*", "+", "+"]
    assert flatten_chain(x) == (x, ())


def test_long_lists_and_many_statements_parse() -> None:
    listed = parse_expression("{" + ", ".join(map(str, range(50_000))) + "}")
    assert isinstance(listed, s.SetLiteral)
    assert len(listed.items) == 50_000
    assert len(model("var x\n" * 20_000)) == 20_000


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("let a = " + "(" * 5_000 + "x", "E0008"),
        ("let a = " + "f(" * 150 + "x" + ")" * 150, "E0008"),
        ("let a = " + "[" * 5_000 + "]" * 5_000, "E0008"),
        ("let a = " + "{" * 5_000 + "}" * 5_000, "E0008"),
        ("let a = " + "-" * 5_000 + "x", "E0009"),
        ("let a = " + "not " * 5_000 + "x", "E0009"),
        ("let a = x" + "^x" * 5_000, "E0009"),
        ("let a = " + "if b then c else " * 5_000 + "x", "E0009"),
        ("lower f { " * 150 + "}" * 150, "E0008"),
    ],
)
def test_what_is_nested_too_deeply_is_refused(text: str, code: str) -> None:
    parsed = parse(Source("m.opt", text + "\nvar y"))
    assert code in [diagnostic.code.id for diagnostic in parsed.diagnostics]
    assert len(parsed.diagnostics) <= 2


@pytest.mark.parametrize("text", ["a.b" + ".c" * 5_000, "x" + "[1]" * 5_000])
def test_long_chains_behind_a_name_are_refused(text: str) -> None:
    with pytest.raises(ModelSyntaxError):
        parse_expression(text)


# ------------------------------------------------------------------------------------------------------------ recovery
def test_each_statement_has_at_most_one_syntax_error_and_the_others_are_kept() -> None:
    text = """
set S
param a >=
var x
minimize x +
subject to
  c1: x >= 3
  c2: x >= <= 4
  c3: x <= 5
lower f {
  var y >= 0
  minimize y y
  subject to
    y >=
    d: y >= x
}
let z = 3
"""
    parsed = parse(Source("m.opt", text))
    assert [(e.code.id, e.place.line) for e in parsed.diagnostics if isinstance(e.place, Span)] == [
        ("E0001", 3),
        ("E0001", 5),
        ("E0001", 8),
        ("E0002", 12),
        ("E0001", 14),
    ]
    kept = parsed.model.statements
    assert [type(statement).__name__ for statement in kept] == [
        *["SetDeclaration", "ParamDeclaration", "VarDeclaration", "SubjectTo", "BlockDeclaration", "LetDeclaration"]
    ]
    listed, block = kept[3], kept[4]
    assert isinstance(listed, s.SubjectTo)
    assert isinstance(block, s.BlockDeclaration)
    assert [entry.name for entry in listed.constraints] == [n("c1"), n("c3")]
    assert [type(statement).__name__ for statement in block.body] == ["VarDeclaration", "SubjectTo"]


def test_a_declaration_with_a_broken_attribute_keeps_its_name_and_index() -> None:
    (declaration,) = parse(Source("m.opt", "param a, b[i in S] >= 0 <= ) default 3")).model.statements
    assert isinstance(declaration, s.ParamDeclaration)
    assert declaration.names == (a, b)
    assert declaration.index == over((i, n("S")))


def test_a_block_with_a_broken_head_is_still_read() -> None:
    parsed = parse(Source("m.opt", "lower f[i i] {\n  var y >=\n}\nvar x"))
    assert [diagnostic.code.id for diagnostic in parsed.diagnostics] == ["E0002", "E0001"]
    assert len(parsed.model.statements) == 1


@pytest.mark.parametrize(
    "text", ["}", ")", "{", "(((", '"', "'", "/*", "\\", "\x00", "\ud800", ";", ":", "lower", "a\n)b"]
)
def test_odd_texts_give_diagnostics_and_no_exception(text: str) -> None:
    parsed = parse(Source("m.opt", text))
    assert parsed.diagnostics or text == ";"


def test_a_declaration_goes_on_behind_the_comma_of_its_names() -> None:
    declaration = only("param a,\n  b : string")
    assert declaration.names == (a, b)
    assert [attribute.word for attribute in declaration.attributes] == [":"]


def test_not_in_is_one_word_over_two_lines_of_a_bracket() -> None:
    assert parse_expression("(i not\n  in S)") == bracketed(s.Membership(Span(Source("", ""), 0, 0), i, n("S"), True))


def test_a_doc_comment_belongs_to_what_follows_a_lone_semicolon() -> None:
    parsed = parse(Source("m.opt", "## what it costs\n;\nparam cost"))
    assert parsed.diagnostics == ()
    (declaration,) = parsed.model.statements
    assert isinstance(declaration, s.ParamDeclaration)
    assert declaration.doc == "what it costs"


@pytest.mark.parametrize("word", ["max", "min"])
def test_a_constraint_without_a_name_may_begin_with_a_function(word: str) -> None:
    _, constraints = model(f"satisfy\nsubject to\n  {word}(a, b) <= 3")
    assert isinstance(constraints, s.SubjectTo)
    assert len(constraints.constraints) == 1


def test_a_constraint_with_a_comma_at_its_end_does_not_swallow_the_next() -> None:
    parsed = parse(Source("m.opt", "subject to\n  a >= 1,\n  b >= 2"))
    assert [diagnostic.code.id for diagnostic in parsed.diagnostics] == ["E0044"]


def test_broken_definitions_keep_their_names() -> None:
    first, second = parse(Source("m.opt", "let f = 3 +\ndef g(t) = t *")).model.statements
    assert isinstance(first, s.LetDeclaration)
    assert isinstance(second, s.DefDeclaration)
    assert (first.name, second.name) == (n("f"), n("g"))


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_as_before_after_parsing(enabled: bool) -> None:
    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        parse(Source("m.opt", "var x ]"))
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()
