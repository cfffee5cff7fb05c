"""The Python API: read, parse, bind, lower, export, explain, update; what each raises."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import optc
from optc.compiler.export.json import read_json
from optc.compiler.forms.linear import QuadraticForm
from optc.compiler.mps import read_mps

TEXT = """
set Foods
set Nutrients
param cost[Foods] >= 0
param content[Nutrients, Foods] >= 0
param least[Nutrients] default 0
var buy[Foods] >= 0
minimize total_cost: sum(cost[f] * buy[f] for f in Foods)
subject to
  need[n in Nutrients]: sum(content[n, f] * buy[f] for f in Foods) >= least[n]
"""
DATA = {
    "Foods": ["corn bread", "milk"],
    "Nutrients": ["iron", "zinc"],
    "cost": {"corn bread": 2.0, "milk": 3.0},
    "content": [[1.0, 2.0], [3.0, 1.0]],
    "least": {"iron": 4.0, "zinc": 6.0},
}


@pytest.fixture
def problem() -> optc.Problem:
    return optc.parse(TEXT, name="diet.opt").bind(DATA)


def test_the_names_of_the_package() -> None:
    assert set(optc.__all__) <= set(dir(optc))
    for name in optc.__all__:
        assert getattr(optc, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        optc.nonsense  # noqa: B018 - the access is the test


def test_a_model_knows_its_name_and_class() -> None:
    model = optc.parse(TEXT, name="diet.opt")
    assert (model.name, model.class_name) == ("diet", "linear")
    assert repr(model) == "<optc.Model diet: linear, 2 sets, 3 parameters, 1 variable, 1 constraint>"
    assert model.diagnostics == ()


def test_a_wrong_model_raises_with_all_diagnostics() -> None:
    with pytest.raises(optc.ModelError) as caught:
        optc.parse("var x in [0, 1]\nminimize x + yy\nsubject to\n  x <= zz\n", name="wrong.opt")
    found = caught.value.diagnostics
    assert len([d for d in found if d.severity == "error"]) == 2
    text = str(caught.value)
    assert "wrong.opt:2" in text
    assert "wrong.opt:4" in text


def test_read_raises_for_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(optc.ModelError, match="there is no file"):
        optc.read(tmp_path / "diet.opt")


def test_read_takes_paths_and_texts(tmp_path: Path) -> None:
    path = tmp_path / "diet.opt"
    path.write_text(TEXT, encoding="utf-8")
    assert optc.read(path).name == optc.read(str(path)).name == "diet"


def test_wrong_data_raise_with_every_mistake() -> None:
    wrong = {**DATA, "cost": {"corn bread": -2.0, "milk": 3.0}, "least": {"iron": 4.0, "tin": 1.0}}
    with pytest.raises(optc.DataError) as caught:
        optc.parse(TEXT).bind(wrong)
    text = str(caught.value)
    assert "cost" in text
    assert "tin" in text


def test_reading_and_placing_mistakes_come_in_one_error() -> None:
    wrong = {**DATA, "cost": {"corn bread": -2.0, "milk": 3.0}, "surplus": 3}
    with pytest.raises(optc.DataError) as caught:
        optc.parse(TEXT).bind(wrong)
    text = str(caught.value)
    assert "surplus" in text
    assert "cost" in text


def test_surplus_names_may_be_allowed() -> None:
    problem = optc.parse(TEXT).bind({**DATA, "surplus": 3}, allow_surplus=True)
    assert [d.severity for d in problem.diagnostics] == ["warning"]


def test_inputs_may_be_files_dicts_and_keywords(tmp_path: Path) -> None:
    (tmp_path / "least.json").write_text('{"least": {"iron": 4, "zinc": 6}}', encoding="utf-8")
    rest = {name: value for name, value in DATA.items() if name not in ("least", "cost")}
    problem = optc.parse(TEXT).bind(tmp_path / "least.json", rest, cost=np.array([2.0, 3.0]))
    form = problem.lower("linear")
    assert form.cost.tolist() == [2.0, 3.0]
    assert form.row_lower.tolist() == [4.0, 6.0]


def test_lower_gives_frozen_arrays_of_the_form_asked_for(problem: optc.Problem) -> None:
    form = problem.lower("linear")
    assert form.shape == (2, 2)
    assert form.values.tolist() == [1.0, 2.0, 3.0, 1.0]
    assert isinstance(problem.lower("quadratic"), QuadraticForm)
    assert not isinstance(problem.lower(), QuadraticForm)
    with pytest.raises(ValueError, match="linear, quadratic"):
        problem.lower("conic")  # type: ignore[arg-type]


def test_lower_says_why_there_is_no_such_form() -> None:
    problem = optc.parse("var x in [0, 1]\nminimize x^2\n").bind()
    assert isinstance(problem.lower(), QuadraticForm)
    with pytest.raises(optc.ModelError, match="linear"):
        problem.lower("linear")
    with pytest.raises(optc.ModelError, match="quadratic"):
        optc.parse("var x in [0, 1]\nminimize exp(x)\n").bind().lower()


def test_named_forms_carry_the_users_names(problem: optc.Problem) -> None:
    named = problem.named()
    assert named.columns == ('buy["corn bread"]', 'buy["milk"]')
    assert named.rows == ('need["iron"]', 'need["zinc"]')
    assert (named.name, named.objective) == ("diet", "total_cost")


def test_names_of_products_scalars_and_lowered_columns() -> None:
    problem = optc.parse(
        'set I = 1..2\nset J = {"a", "b"}\nvar x[I, J] in [0, 1]\nvar y in [0, 1]\nvar s spin\n'
        'minimize y + s\nsubject to\n  lone: y >= 0.5\n  x[1, "a"] + y >= 1\n'
    ).bind()
    named = problem.named()
    assert named.columns[:6] == ('x[1, "a"]', 'x[1, "b"]', 'x[2, "a"]', 'x[2, "b"]', "y", "s")
    assert len(set(named.columns)) == problem.lower().shape[1]
    assert named.rows[0] == "lone"
    assert named.rows[1].startswith("line 9")


@pytest.mark.parametrize("ending", ["lp", "mps", "json"])
def test_export_writes_what_reads_back(problem: optc.Problem, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"diet.{ending}"
    written = problem.export(path)
    text = path.read_text(encoding="utf-8")
    assert text == written.text
    if ending == "mps":
        again = read_mps(text, "diet.mps")
        assert [written.columns.get(name, name) for name in again.columns] == list(problem.named().columns)
        assert np.array_equal(again.form.values, problem.lower().values)
    elif ending == "json":
        assert read_json(text).columns == problem.named().columns
    else:
        assert written.columns["buy(corn_bread)"] == 'buy["corn bread"]'


def test_export_refuses_other_endings_and_places(problem: optc.Problem, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lp, mps, json"):
        problem.export(tmp_path / "diet.txt")
    with pytest.raises(optc.ModelError, match="cannot be written"):
        problem.export(tmp_path / "nowhere" / "diet.lp")


def test_update_gives_new_numbers_and_leaves_the_old(problem: optc.Problem) -> None:
    cheaper = problem.update(cost={"corn bread": 1.0, "milk": 1.5})
    assert cheaper.lower().cost.tolist() == [1.0, 1.5]
    assert problem.lower().cost.tolist() == [2.0, 3.0]
    with pytest.raises(optc.DataError):
        problem.update(cost={"corn bread": -1.0, "milk": 1.5})


def test_explain_says_class_levels_sizes_and_forms(problem: optc.Problem) -> None:
    explanation = problem.explain()
    assert explanation.problem_class == "linear"
    assert explanation.sizes["decisions"] == 2
    assert explanation.sizes["constraint rows"] == 2
    assert explanation.forms[0].shape["non_zeros"] == 4
    text = repr(explanation)
    for words in ("diet: linear", "min over buy", "2 constraint rows", "linear: 2 rows, 2 columns"):
        assert words in text


def test_externs_are_given_by_name() -> None:
    model = optc.parse("extern loss(z)\nvar z[1..3] in [0, 1]\nminimize loss(z)\n")
    assert model.functions == ("loss",)

    def square(z: np.ndarray) -> float:
        return float((z**2).sum())

    problem = model.bind(loss=square)
    assert problem.externs == {"loss": square}
    assert problem.instance.scope.externs == {"loss": square}
    assert problem.update(loss=max).instance.scope.externs == {"loss": max}


def test_an_extern_that_the_model_has_not_is_refused() -> None:
    problem = optc.parse("extern loss(z)\nvar z[1..3] in [0, 1]\nminimize loss(z)\n").bind(loss=max)
    assert problem.model.functions == ("loss",)
    with pytest.raises(optc.DataError, match="los"):
        problem.model.bind(los=max)


def test_the_solvers_own_object_is_handed_out(problem: optc.Problem) -> None:
    solver = optc.backends.get("highs").load(problem.lower("linear"))  # type: ignore[attr-defined]
    solver.run()
    assert solver.getInfo().objective_function_value == pytest.approx(problem.solve().objective)


def test_values_and_duals_of_a_solution(problem: optc.Problem) -> None:
    solution = problem.solve()
    buy = solution["buy"]
    assert buy["corn bread"] == pytest.approx(1.6)
    assert buy.to_pandas().to_dict() == pytest.approx({"corn bread": 1.6, "milk": 1.2})
    # y = duals: y_iron + 3 y_zinc = 2 and 2 y_iron + y_zinc = 3
    assert solution.dual("need").to_dict() == pytest.approx({"iron": 1.4, "zinc": 0.2})
    assert "certificate" in repr(solution)
    with pytest.raises(KeyError, match="buy"):
        solution["bye"]


def test_a_problem_shows_its_size(problem: optc.Problem) -> None:
    assert repr(problem) == "<optc.Problem diet: linear, 2 decisions, 2 constraint rows>"


def test_import_is_light_and_lazy() -> None:
    program = "import sys, optc; print(sorted(name for name in sys.modules if name.startswith('optc')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['optc']"


def test_problems_go_to_other_processes() -> None:
    problem = optc.parse(
        """
set I
param c[I]
var x[I] in [0, 5]
minimize sum(c[i] * x[i]^2 - x[i] for i in I) + exp(x["a"])
subject to
  some[i in I]: 2 * x[i] >= 0.1
"""
    ).bind({"I": ["a", "b"], "c": {"a": 1.0, "b": 2.0}})
    solution = problem.solve()
    copy = pickle.loads(pickle.dumps(problem))
    assert copy.solve().objective == solution.objective
    assert copy.update(c={"a": 2.0, "b": 1.0}).solve().objective == problem.update(c=[2.0, 1.0]).solve().objective
    with pytest.raises(optc.DataError, match='"z" is not in I'):
        copy.update(c={"a": 2.0, "z": 1.0})
    assert pickle.loads(pickle.dumps(solution)).objective == solution.objective
