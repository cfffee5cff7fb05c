"""Models that keep every rule: no diagnostics, and the program says what the text says."""

from __future__ import annotations

from pathlib import Path

import pytest

from optc.dsl.check import Checked, check
from optc.dsl.parse import parse
from optc.dsl.program import (
    Apply,
    Bind,
    Choice,
    Constant,
    Constraint,
    Fix,
    Implication,
    IndexRef,
    LiteralSet,
    Multiplier,
    NamedExpression,
    Parameter,
    Program,
    Reduce,
    Relation,
    SetSymbol,
    SymbolRef,
    TypeQuestion,
    Uncertain,
    Variable,
)
from optc.dsl.source import Source

RIGHT = sorted((Path(__file__).parent / "right").glob("*.opt"))


def checked(text: str) -> Checked:
    parsed = parse(Source("model.opt", text))
    assert parsed.diagnostics == ()
    return check(parsed.model, lambda _target: None)


def program(text: str) -> Program:
    found = checked(text)
    assert found.program is not None, [d.message for d in found.diagnostics]
    return found.program


def relation(model: Program, name: str) -> Relation:
    constraint = model.symbols[name]
    assert isinstance(constraint, Constraint)
    assert isinstance(constraint.body, Relation)
    return constraint.body


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: path.stem)
def test_right_models_have_no_diagnostics(path: Path) -> None:
    found = checked(path.read_text(encoding="utf-8"))
    assert [d.message for d in found.diagnostics] == []
    assert found.program is not None


def test_symbols_stand_in_the_order_of_declaration() -> None:
    model = program("param c = 2\nvar x >= 0\nset I = 1..3\nminimize c * x\nsubject to\n  a: x >= card(I)\n  x <= 9\n")
    assert list(model.symbols) == ["c", "x", "I", "a", "line 7"]
    assert model.root.decisions == ("x",)
    assert model.root.constraints == ("a", "line 7")


def test_two_constraints_without_names_on_one_line_are_numbered() -> None:
    model = program("var x\nminimize x\nsubject to\n  x >= 1; x <= 2\n")
    assert model.root.constraints == ("line 4", "line 4 (2)")


def test_an_index_in_scope_and_a_literal_fix_members_of_a_pattern() -> None:
    model = program(
        "set V = 1..3\nset A within V * V\nvar x[A]\nminimize sum(x[1, j] for (1, j) in A)\n"
        "subject to\n  out[i in V]: sum(x[i, j] for (i, j) in A) == 1\n"
    )
    assert model.root.objective is not None
    total = model.root.objective.expression
    assert isinstance(total, Reduce)
    assert total.space.generators[0].pattern[0] == Fix(Constant(None, 1.0))
    row = relation(model, "out").terms[0]
    assert isinstance(row, Reduce)
    fixed, bound = row.space.generators[0].pattern
    assert isinstance(fixed, Fix) and fixed.value == IndexRef(None, model.symbols["out"].space.indices[0])
    assert isinstance(bound, Bind) and bound.var.name == "j"


def test_families_in_blocks_carry_the_blocks_indices_first() -> None:
    model = program(
        "set N = 1..3\nparam c[N] default 1\nplayer firm[i in N] {\n  var q in [0, 9]\n"
        "  maximize (10 - sum(q[j] for j in N)) * q - c[i] * q\n  subject to\n    cap: q <= 5\n}\n"
    )
    variable = model.symbols["q"]
    assert isinstance(variable, Variable)
    assert (variable.arity, variable.own, variable.block) == (1, 0, ("firm",))
    block = model.root.children[0]
    own = SymbolRef(None, "q", (IndexRef(None, block.space.indices[0]),))
    assert relation(model, "firm.cap").terms[0] == own
    assert model.symbols["firm.cap"].space == block.space


def test_a_bound_of_an_outer_decision_becomes_a_constraint_of_the_block() -> None:
    model = program("var x in [0, 1]\nminimize x\nlower f {\n  var y in [0, x]\n  maximize y\n}\n")
    variable = model.symbols["y"]
    assert isinstance(variable, Variable)
    assert variable.bounds.lower == Constant(None, 0.0) and variable.bounds.upper is None
    bound = model.symbols["bound of y"]
    assert isinstance(bound, Constraint) and bound.origin == "bound" and not bound.named
    assert bound.body == Relation(None, (SymbolRef(None, "y"), SymbolRef(None, "x")), ("le",))
    assert model.root.children[0].constraints == ("bound of y",)


def test_integer_bounds_are_rounded_inwards() -> None:
    variable = program("var n integer in [0.5, 3.7]\nminimize n\n").symbols["n"]
    assert isinstance(variable, Variable)
    assert (variable.bounds.lower, variable.bounds.upper) == (Constant(None, 1.0), Constant(None, 3.0))


def test_functions_are_expanded_with_indices_of_their_own() -> None:
    model = program(
        "set I = 1..3\nparam w[I] default 1\nvar x[I]\ndef total(f) = sum(f[i] for i in I)\n"
        "minimize sum(total(x) * w[k] for k in I) + total(x)\n"
    )
    assert model.root.objective is not None
    serials: list[int] = []

    def walk(term: object) -> None:
        if isinstance(term, Reduce):
            serials.extend(v.serial for v in term.space.indices)
            walk(term.body)
        elif isinstance(term, Apply):
            for argument in term.args:
                walk(argument)

    walk(model.root.objective.expression)
    assert len(serials) == len(set(serials)) == 3


def test_the_span_of_an_expanded_function_is_the_call() -> None:
    text = "def double(t) = 2 * t\nvar x\nminimize 3 + double(x)\n"
    objective = program(text).root.objective
    assert objective is not None and isinstance(objective.expression, Apply)
    span = objective.expression.args[1].span
    assert span is not None and span.text == "double(x)"


def test_long_sums_become_shallow() -> None:
    objective = program("var x\nminimize " + " + ".join(["x"] * 10_000) + "\n").root.objective
    assert objective is not None

    def depth(term: object) -> int:
        return 1 + max(map(depth, term.args)) if isinstance(term, Apply) else 0

    assert depth(objective.expression) < 20


def test_definitions_may_need_each_other_in_any_order_and_number() -> None:
    lets = "".join(f"let e{k} = e{k + 1} + 1\n" for k in range(2_000))
    assert checked(f"var x\nminimize e0\n{lets}let e2000 = x\n").program is not None


def test_a_dual_is_a_symbol_over_its_constraint() -> None:
    model = program(
        "set R = 1..2\nset K = 1..3\nvar x in [0, 1]\nminimize x + sum(dual(f[r].c[k]) for r in R, k in K)\n"
        "lower f[r in R] {\n  var y in [0, 1]\n  minimize y\n  subject to\n    c[k in K]: y >= x / k\n}\n"
    )
    multiplier = model.symbols["dual(f.c)"]
    assert isinstance(multiplier, Multiplier)
    assert (multiplier.constraint, multiplier.arity, multiplier.own) == ("f.c", 2, 1)


def test_with_lines_belong_to_nature() -> None:
    model = program(
        "set I = 1..2\nuncertain xi[I] in [0, 1]\n  with budget: sum(xi[i] for i in I) <= 1\n"
        "var x >= 0\nminimize x\nsubject to\n  c[i in I]: x >= xi[i]\n"
    )
    nature = model.symbols["xi"]
    assert isinstance(nature, Uncertain) and nature.constraints == ("budget",)
    assert model.symbols["budget"].block == ("nature",)
    assert model.root.constraints == ("c",)


def test_a_scenario_is_an_index() -> None:
    model = program(
        "set S = 1..4\nparam d[S] default 1\nuncertain s from S\nvar x >= 0\nminimize x\nsubject to\n  c: x >= d[s]\n"
    )
    assert relation(model, "c").terms[1] == SymbolRef(None, "d", (SymbolRef(None, "s"),))


def test_tables_are_a_set_and_parameters() -> None:
    model = program(
        'table Crops: price, hours = {"corn": [1, 2], "oats": [3, 4]}\nvar x >= 0\nminimize x * price["corn"]\n'
    )
    crops, hours = model.symbols["Crops"], model.symbols["hours"]
    assert isinstance(crops, SetSymbol) and isinstance(crops.definition, LiteralSet)
    assert [m[0].value for m in crops.definition.members] == ["corn", "oats"]
    assert isinstance(hours, Parameter) and hours.literal is not None
    assert hours.literal.keyed == ((("corn",), 2.0), (("oats",), 4.0))


def test_choices_index_parameters_and_compare() -> None:
    model = program(
        "set L = 1..2\nset B = {2, 4}\nparam size[L, B] default 1\nchoose z[L] from B\n"
        "minimize sum(size[l, z[l]] for l in L)\nsubject to\n  a: z[1] == 2 => z[2] <= 3\n"
    )
    assert isinstance(model.symbols["z"], Choice)
    constraint = model.symbols["a"]
    assert isinstance(constraint, Constraint) and isinstance(constraint.body, Implication)
    assert constraint.body.condition == Apply(
        None, "eq", (SymbolRef(None, "z", (Constant(None, 1.0),)), Constant(None, 2.0))
    )


def test_named_expressions_are_symbols() -> None:
    model = program("set I = 1..2\nvar x[I]\nlet twice[i in I] = 2 * x[i]\nminimize sum(twice[i] for i in I)\n")
    assert isinstance(model.symbols["twice"], NamedExpression)


def test_sets_that_only_data_can_tell_apart_leave_a_question() -> None:
    found = checked("set N\nset T\nparam c[T]\nvar x[N] >= 0\nminimize sum(c[n] * x[n] for n in N)\n")
    assert found.program is not None
    assert [d.code.id for d in found.diagnostics] == ["W0205"]
    (question,) = found.program.questions
    assert (question.used, question.declared) == ("N", "T")
    assert isinstance(question, TypeQuestion) and question.span.text == "n"


def test_the_dimension_of_a_set_is_told_by_its_use() -> None:
    model = program(
        "set Arcs\nparam c[Arcs]\nvar x[Arcs] >= 0\nminimize sum(c[a] * x[i, j] for (i, j) in Arcs, a in Arcs)\n"
    )
    arcs = model.symbols["Arcs"]
    assert isinstance(arcs, SetSymbol) and arcs.dimension == 2
    assert model.symbols["c"].arity == 2


def test_the_dimension_of_a_set_that_no_use_tells_is_left_to_the_data() -> None:
    arcs = program("set Arcs\nvar x[Arcs] >= 0\nminimize sum(x[a] for a in Arcs)\n").symbols["Arcs"]
    assert isinstance(arcs, SetSymbol) and arcs.dimension is None


def test_constraints_of_a_recourse_keep_their_own_names() -> None:
    model = program(
        "var x in [0, 1]\nuncertain xi in [0, 1]\nminimize x\nsubject to\n  cap: x <= 1\n"
        "recourse {\n  var y in [0, 1]\n  minimize xi * y\n  subject to\n    cap: y <= 1\n    low: y >= x\n}\n"
    )
    assert model.root.constraints == ("cap",)
    assert model.root.children[0].constraints == ("recourse.cap", "low")
