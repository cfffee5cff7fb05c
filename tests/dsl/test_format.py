"""The formatter: one layout, idempotent, no word and no comment lost, the same tree."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import models

from optc.dsl import syntax as s
from optc.dsl.columns import width
from optc.dsl.format import UnformattableError, format_source
from optc.dsl.layout import WIDTH
from optc.dsl.parse import parse
from optc.dsl.printing import model_text
from optc.dsl.source import Source
from optc.dsl.words import Token, words

ROOT = Path(__file__).parents[2]
MODELS = sorted([*ROOT.glob("tests/models/*.opt"), *ROOT.glob("examples/**/*.opt"), *ROOT.glob("stdlib/*.opt")])
SLOW = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def formatted(text: str) -> str:
    """The formatted text, after checking what holds for every text."""
    result = format_source(Source("model.opt", text))
    before, after = parse(Source("before", text)).model, parse(Source("after", result)).model
    assert after == before, result
    assert comments(result) == comments(text), result
    assert format_source(Source("again", result)) == result, result
    assert not any(line != line.rstrip() for line in result.split("\n")), result
    return result


def comments(text: str) -> Counter[str]:
    return Counter(comment.text for comment in words(Source("", text)).comments)


def check(text: str, expected: str) -> None:
    assert formatted(text) == expected


# ------------------------------------------------------------------------------------------------------------- blanks
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("set   Days=1..7", "set Days = 1..7"),
        ("set D = 0 .. n - 1", "set D = 0..n-1"),
        ("set D = 0..(n-1) div 2", "set D = 0..(n - 1) div 2"),
        ("set A within C*C", "set A within C * C"),
        ("param c [ F ]>=0", "param c[F] >= 0"),
        ("param a,b,c[F]>=0", "param a, b, c [F] >= 0"),
        ("param o[F]:string", "param o[F] : string"),
        ("param p[F]={'a':1}".replace("'", '"'), 'param p[F] = {"a": 1}'),
        ("param d[(i,j)in A]=sqrt((x[i]-x[j])^2)", "param d[(i, j) in A] = sqrt((x[i] - x[j])^2)"),
        ("var x in[-1,+1]start-0.5", "var x in [-1, +1] start -0.5"),
        ("var l[t in D,s in S]in[0,c[s]]", "var l[t in D, s in S] in [0, c[s]]"),
        ("let e = - x ^ - 2 + - y", "let e = -x^-2 + -y"),
        ("let e=not(a or b)and(c)", "let e = not (a or b) and (c)"),
        ("let e=a mod(b+1)", "let e = a mod (b + 1)"),
        ("let e=if(a)then(b)else(c)", "let e = if (a) then (b) else (c)"),
        ("def f( t )=log( t )", "def f(t) = log(t)"),
        ("extern f ( a,b )", "extern f(a, b)"),
        ("solve with m(a=1,b=2)then n", "solve with m(a = 1, b = 2) then n"),
        (
            "certify contraction on q [i in N]in[0,40],x in[0,1]",
            "certify contraction on q[i in N] in [0, 40], x in [0, 1]",
        ),
        ("equilibrium normalised ( firm=r )", "equilibrium normalised(firm = r)"),
        ("let e = dual( f [r] . c [i] )", "let e = dual(f[r].c[i])"),
        ("let e = lower [1] + start*2", "let e = lower[1] + start * 2"),
        ("set S={}", "set S = {}"),
        ("set S = {1,2,}", "set S = {1, 2}"),
        ("set U = A union(B)minus{1}", "set U = A union (B) minus {1}"),
        ("minimize  c :x", "minimize c: x"),
        ("satisfy", "satisfy"),
    ],
)
def test_blanks(text: str, expected: str):
    check(text, expected + "\n")


def test_constraints_are_indented_and_statements_get_their_own_lines():
    check(
        "param a; param b\nsubject to c[i in I]:x[i]<=1; y==1 => x[1]>=2\n  s>=0 complements 1-x>=0\nvar x; var y",
        "param a\nparam b\nsubject to\n  c[i in I]: x[i] <= 1\n  y == 1 => x[1] >= 2\n"
        "  s >= 0 complements 1 - x >= 0\nvar x\nvar y\n",
    )


def test_blocks():
    check(
        "lower f[i in I]pessimistic{var y>=0;minimize y\nsubject to c:y>=1\n\n}\nrecourse{player g{maximize z}}",
        "lower f[i in I] pessimistic {\n  var y >= 0\n  minimize y\n  subject to\n    c: y >= 1\n}\n"
        "recourse {\n  player g {\n    maximize z\n  }\n}\n",
    )


def test_each_with_stands_on_its_own_line():
    check(
        "uncertain xi[I] in [0,1] with b: sum(xi[i] for i in I)<=G with xi[1]<=0.5",
        "uncertain xi[I] in [0, 1]\n  with b: sum(xi[i] for i in I) <= G\n  with xi[1] <= 0.5\n",
    )


def test_blank_lines_are_kept_one_at_a_time():
    check("\n\n\nset A\n\n\n\nset B\nset C\n\n\n", "set A\n\nset B\nset C\n")


def test_there_are_no_blank_lines_at_the_ends_of_a_block_or_list():
    check("lower f {\n\n  var y\n\n\n  minimize y\n\n}", "lower f {\n  var y\n\n  minimize y\n}\n")
    check("subject to\n\n  c: y >= 1\n\n\n  d: y >= 2", "subject to\n  c: y >= 1\n\n  d: y >= 2\n")


@pytest.mark.parametrize(("text", "expected"), [("", ""), ("\n\n", ""), ("# only", "# only\n"), (" \t", "")])
def test_texts_without_statements(text: str, expected: str):
    check(text, expected)


# ----------------------------------------------------------------------------------------------------------- comments
def test_comments_stay_where_they_are():
    text = "# head\n\n## the foods\nset Foods # from data\n   # alone\n# end"
    check(text, "# head\n\n## the foods\nset Foods  # from data\n# alone\n# end\n")


def test_comments_at_the_ends_of_a_block():
    text = "lower f { # opens\n# first\nvar y\n# last\n} # closes\n"
    check(text, "lower f {  # opens\n  # first\n  var y\n  # last\n}  # closes\n")


def test_comments_behind_neighbouring_lines_are_aligned():
    check(
        "set A # one\nset Long = 1..3 # two\n\nset B # three\nset C\nset D # four\n",
        "set A            # one\nset Long = 1..3  # two\n\nset B  # three\nset C\nset D  # four\n",
    )


def test_long_comments_are_not_pushed_off_the_page():
    text = f"set A  # {'x' * 80}\nset Long = 1..300  # short\n"
    check(text, text)


def test_comments_after_a_list_belong_to_it_where_they_are_indented():
    text = "subject to\n  c: x >= 1\n  # to the list\n\n# to the set\nset A\n"
    check(text, text)
    check(text.replace("# to the set", "  # also to the list"), text.replace("# to the set", "  # also to the list"))


def test_comments_inside_brackets():
    check(
        "minimize c: sum(a[i]*x[i]   # cost\n  # over all\n  for i in I # products\n)",
        "minimize c: sum(\n  a[i] * x[i]  # cost\n  # over all\n  for i in I  # products\n)\n",
    )


def test_comments_before_an_operator_go_behind_it():
    check(
        "let e = (a # first\n + b # second\n , c)",
        "let e = (\n  a +   # first\n    b,  # second\n  c\n)\n",
    )


def test_comments_between_the_terms_of_an_open_line():
    check("minimize a + # first\n  b + # second\n  c", "minimize a +  # first\n  b +         # second\n  c\n")


def test_comments_before_then_and_with():
    check(
        "let e = if a # why\n  then b # yes\n  else c # no",
        "let e =\n  if a    # why\n  then b  # yes\n  else c  # no\n",
    )
    check(
        "uncertain u in [0, 1] # nature\n  # the budget\n  with b: u <= 1 # tight",
        "uncertain u in [0, 1]  # nature\n  # the budget\n  with b: u <= 1  # tight\n",
    )


def test_doc_comments_stay_with_their_declaration():
    text = "subject to\n  c: x >= 1\n## what y is\n## in two lines\nvar y\n"
    check(text, text)
    model = parse(Source("", formatted(text))).model
    assert model.statements[1].doc == "what y is\nin two lines"


# ------------------------------------------------------------------------------------------------------------ wrapping
def lines_fit(text: str) -> bool:
    return all(width(line) <= WIDTH for line in text.split("\n"))


def test_long_constraints_break_behind_the_label_first():
    rest = "sum(flow[c, j] for (c, j) in Arcs) - sum(flow[i, c] for (i, c) in Arcs) == supply[c] * factor"
    check(f"subject to\n  balance[c in Cities]: {rest}", f"subject to\n  balance[c in Cities]:\n    {rest}\n")


def test_sums_fill_their_lines():
    terms = " + ".join(f"cost[{k}] * amount[{k}]" for k in range(12))
    text = formatted(f"minimize {terms}")
    assert lines_fit(text)
    assert text.count("\n") == 3
    assert all(line.endswith(" +") for line in text.rstrip().split("\n")[:-1])


def test_a_long_sum_over_an_index_opens_its_bracket():
    body = " + ".join(f"weight_{k}[i, j]" for k in range(8))
    text = formatted(f"minimize total: sum({body} for i in I, j in J if allowed[i, j] > 0)")
    assert lines_fit(text)
    assert "\n  for i in I, j in J if allowed[i, j] > 0\n)" in text


def test_long_literals_fill_and_tables_take_a_line_a_row():
    numbers = formatted("param p[1..60] = [" + ", ".join(str(1000 + k) for k in range(60)) + "]")
    assert lines_fit(numbers)
    assert numbers.count("\n") < 8
    rows = ", ".join(f'"crop_{k}": [{k}, {k + 1}, {k + 2}]' for k in range(9))
    table = formatted(f"table Crops: a, b, c = {{{rows}}}")
    assert table.startswith('table Crops: a, b, c = {\n  "crop_0": [0, 1, 2],\n  "crop_1": [1, 2, 3],\n')


def test_no_line_begins_with_what_looks_like_a_constraint():
    names = [f"a_name_of_some_length_{k}" for k in range(8)]
    for index in ("", " [i in I, j in J]"):
        text = formatted(f"param {', '.join(names)}{index} : string")
        assert lines_fit(text.replace(names[-1], "").replace(" : string", ""))


def test_a_literal_that_was_opened_stays_open():
    text = 'param p = {\n  "a": 1,\n  "b": 2\n}\n'
    check(text, text)
    check(text.replace("{\n  ", "{ "), 'param p = {"a": 1, "b": 2}\n')


def test_wide_characters_count_twice():
    text = formatted("minimize " + " + ".join("費用" for _ in range(30)))
    assert lines_fit(text)
    assert text.count("\n") > 1


def test_a_name_longer_than_the_page_is_left_alone():
    name = "x" * 150
    check(f"minimize {name} + y", f"minimize {name} +\n  y\n")


# -------------------------------------------------------------------------------------------------------------- refusal
@pytest.mark.parametrize("text", ["var x = = 3", "set A\nparam [", "lower f {", "let e = 2x", "minimize 'a'"])
def test_a_text_with_syntax_errors_is_refused_with_them(text: str):
    with pytest.raises(UnformattableError) as refusal:
        format_source(Source("m.opt", text))
    assert refusal.value.diagnostics


def test_a_model_that_only_fails_the_checker_is_formatted():
    check("minimize  unknown+1", "minimize unknown + 1\n")


# ------------------------------------------------------------------------------------------------- everything together
@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_every_model_of_the_repository(path: Path):
    formatted(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("term", ["+ x[{k}]", "+ sum(x[i] for i in {{{k}}})", "and a[{k}] == {k}"])
def test_long_chains_cost_no_stack(term: str):
    text = "let e = x[0] == 0 " if term.startswith("and") else "let e = x[0] "
    text += " ".join(term.format(k=k) for k in range(1, 3000))
    result = format_source(Source("", text))
    assert lines_fit(result)
    assert format_source(Source("", result)) == result


def test_deep_nesting():
    for opening, closing in (("(", ")"), ("f(a + ", ")"), ("sum(x * ", " for i in I)"), ("[1, ", "]")):
        formatted("let e = " + opening * 55 + "y" + closing * 55)


@SLOW
@given(st.sampled_from(MODELS), st.randoms(use_true_random=False))
def test_a_damaged_model_is_refused_or_formatted(path: Path, chance: random.Random):
    text = damaged(path.read_text(encoding="utf-8"), chance)
    try:
        result = format_source(Source("", text))
    except UnformattableError as refusal:
        assert any(diagnostic.severity == "error" for diagnostic in refusal.diagnostics)
        return
    assert comments(result) == comments(text)
    assert format_source(Source("", result)) == result


def damaged(text: str, chance: random.Random) -> str:
    """A word of the text left out, repeated elsewhere or put in another one's place."""
    tokens = words(Source("", text)).tokens
    here, there = chance.choice(tokens), chance.choice(tokens)
    match chance.randrange(3):
        case 0:
            return text[: here.start] + text[here.end :]
        case 1:
            return f"{text[: here.start]}{there.text} {text[here.start :]}"
        case _:
            return text[: here.start] + there.text + text[here.end :]


@SLOW
@given(models)
def test_printed_models(model: s.Model):
    formatted(model_text(model))


@SLOW
@given(models, st.randoms(use_true_random=False), st.sampled_from([0.05, 0.3]))
def test_models_with_comments_and_odd_spacing(model: s.Model, chance: random.Random, often: float):
    formatted(shaken(model_text(model), chance, often))


@SLOW
@given(models, st.randoms(use_true_random=False), st.sampled_from([20, 40]))
def test_narrow_pages(model: s.Model, chance: random.Random, narrow: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("optc.dsl.layout.WIDTH", narrow)
        patch.setattr("optc.dsl.format.WIDTH", narrow)
        formatted(shaken(model_text(model), chance, 0.03))


def shaken(text: str, chance: random.Random, often: float) -> str:
    """The same model with blanks, line ends and comments put in wherever the language allows them."""
    tokens = words(Source("", text)).tokens
    pieces: list[str] = []
    depth, blocks = 0, 0
    for k, token in enumerate(tokens):
        before = tokens[k - 1] if k else Token("LINE", "\n", 0, 0)
        gap = text[before.end : token.start] if token.kind != "LINE" and before.kind != "LINE" else ""
        opens_block = token.text == "{" and depth == 0 and text[token.end : token.end + 1] == "\n"
        blocks += opens_block
        if chance.random() < often and (before.text, token.text) != ("not", "in"):
            gap += " " * chance.randint(1, 3)
            if chance.random() < 0.5 and (depth > 0 or token.kind == "LINE" or before.kind == "LINE"):
                comment = f"# {'c' * chance.randint(0, 30)}{k}" if chance.random() < 0.7 else ""
                if comment or before.kind == "LINE" or depth:
                    gap += f"{comment}\n" + "\n" * chance.randint(0, 3) + " " * chance.randint(0, 8)
        pieces += [gap, token.text]
        if token.text in ("(", "[", "{") and not opens_block:
            depth += 1
        elif token.text in (")", "]", "}"):
            if depth:
                depth -= 1
            else:
                blocks -= 1
    return "".join(pieces)
