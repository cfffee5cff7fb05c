"""The bridge to Pyomo: conformance with solvers that optc brings, discrete parts against SCIP, models by name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pyomo")
import pyomo.environ as pyo

import optc
from optc.backends import conformance, pyomo, scip
from optc.backends.options import OptionError
from optc.backends.pyomo import Options
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal
from optc.compiler.forms.linear import LinearForm
from optc.compiler.lowerings import instance_to_discrete

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
GIVEN = {
    "highs": {"bound", "duals", "reduced costs", "dual ray", "primal ray", "time limit", "warm start"},
    "appsi_highs": {"bound", "duals", "reduced costs", "dual ray", "primal ray", "time limit", "warm start"},
    "scip_direct": {"bound", "dual ray", "primal ray", "time limit", "warm start"},
}
FORMS = {"appsi_highs": {"linear"}, "highs": {"linear", "quadratic"}, "scip_direct": {"linear", "quadratic"}}


def bridge(solver: str, **options: Any) -> Any:
    able = replace(pyomo.capabilities, gives=frozenset(GIVEN[solver]), forms=frozenset(FORMS[solver]))
    attributes = {"name": "pyomo", "title": "", "install": "", "version": pyomo.version, "solve": pyomo.solve}
    return SimpleNamespace(**attributes, capabilities=able, options=lambda: Options(solver=solver, **options))


@pytest.mark.parametrize("solver", GIVEN)
def test_the_bridge_passes_the_suite_with_every_number_that_the_solver_has(solver: str) -> None:
    results = list(conformance.run(bridge(solver)))
    assert [str(result) for result in results if result.outcome == "failed"] == []
    assert sum(result.outcome == "passed" for result in results) > 25


# ------------------------------------------------------------------------------------------------------- the discrete
INDICATORS = """
var x[1..3] in [0, 10]
var b[1..3] binary
maximize sum(x[i] - 4 * b[i] for i in 1..3)
subject to
  on[i in 1..3]: b[i] == 0 => x[i] <= 1 + i
  same[i in 2..3]: b[i] == 1 => x[i] - x[i - 1] == 1
  two: sum(x[i] for i in 1..3) <= 22
  both: b[1] == 1 and b[2] == 1 => x[3] >= 5
"""
PAIRS = """
var x in [0, 4]
var y in [0, 4]
var z in [-2, 5]
maximize 2 * x + 3 * y - z
subject to
  c: x >= 0 complements y >= 0
  m: 0 <= x <= 3 complements z - y + 1
  d: x + y <= 4.5
"""
BOUNDED_PAIRS = PAIRS.replace("  m: 0 <= x <= 3 complements z - y + 1\n", "")
SETS = """
var x[1..5] in [0, 3]
maximize sum((i - 2) * x[i] for i in 1..5)
subject to
  s: sos2(x[i] for i in 1..5)
  t: sum(x[i] for i in 1..5) <= 5
"""
PRODUCTS = """
var x in [0, 4]
var y in [0, 4]
minimize (x - 1) * (x - 1) - y * y + x * y
subject to
  c: x * y <= 3
  d: x * x + y * y >= 2
"""


def discrete(text: str) -> LinearForm:
    instance = optc.parse(text).bind().instance
    assert instance_to_discrete.accepts(instance) is None
    return instance_to_discrete.lower(instance)[0]


def solved(form: LinearForm, **options: Any) -> Answer:
    return pyomo.solve(form, Goal(gap=1e-9), Options(**options), contexts.start(), None)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        *((INDICATORS, {"solver": "highs", "indicators": way}) for way in ("bigm", "hull")),
        *((INDICATORS, {"solver": "scip_direct", "indicators": way}) for way in ("bigm", "hull", "products")),
        *((BOUNDED_PAIRS, {"solver": "highs", "complementarity": way}) for way in ("bigm", "hull")),
        *((PAIRS, {"solver": "scip_direct", "complementarity": way}) for way in ("sets", "products")),
        (SETS, {"solver": "scip_direct"}),
        (PRODUCTS, {"solver": "scip_direct"}),
    ],
)
def test_discrete_parts_reach_the_optimum_of_scip_itself(text: str, options: dict[str, str]) -> None:
    form = discrete(text)
    itself = scip.solve(form, Goal(gap=1e-9), scip.Options(), contexts.start(), None)
    answer = solved(form, **options)
    assert (itself.claim, answer.claim) == ("optimal", "optimal"), answer.message
    assert answer.objective == pytest.approx(itself.objective, rel=1e-6, abs=1e-6)
    assert answer.bound == pytest.approx(itself.objective, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (SETS, {"solver": "highs"}, "does not support SOS"),
        (PRODUCTS, {"solver": "highs"}, "degree"),
        (PAIRS, {"solver": "highs"}, "does not support SOS"),
        (PAIRS, {"solver": "highs", "complementarity": "bigm"}, "Cannot estimate M"),
        (INDICATORS.replace("var x[1..3] in [0, 10]", "var x[1..3] >= 0"), {"solver": "highs"}, "Cannot estimate M"),
    ],
)
def test_what_a_solver_does_not_take_is_told_and_never_left_out(text: str, options: dict[str, str], words: str) -> None:
    answer = solved(discrete(text), **options)
    assert (answer.claim, answer.termination, answer.x) == ("none", "solver error", None)
    assert words in answer.message


def test_a_time_limit_leaves_the_best_point_with_its_bound() -> None:
    limited = contexts.start(time_limit=2.0)
    answer = pyomo.solve(conformance.market_split(), Goal(), Options(), limited, None)
    assert (answer.claim, answer.termination) == ("feasible", "time limit")
    assert answer.bound is not None and answer.objective is not None and answer.bound < answer.objective


# -------------------------------------------------------------------------------------------------------- the options
def test_a_solver_that_is_not_there_is_an_error_with_what_installs_it() -> None:
    form = discrete(SETS)
    with pytest.raises(OptionError, match="Pyomo has no solver of that name") as unknown:
        solved(form, solver="nope")
    assert unknown.value.diagnostics[0].code.id == "E0621"
    with pytest.raises(OptionError, match="not installed") as absent:
        solved(form, solver="xpress_direct")
    assert "pip install xpress" in absent.value.diagnostics[0].hints[0].text
    with pytest.raises(OptionError, match="there is no program"):
        solved(form, solver="glpk", executable="/nowhere/glpsol")


def test_settings_reach_the_solver_and_wrong_ones_are_refused() -> None:
    form = conformance.market_split()
    stopped = solved(form, settings="mip_max_nodes=0, mip_heuristic_effort = 0.5")
    assert stopped.termination != "converged"
    with pytest.raises(OptionError, match="`settings` of backend `pyomo` cannot be `mip_max_nodes`"):
        solved(form, settings="mip_max_nodes")


# ----------------------------------------------------------------------------------------------------------- examples
@pytest.mark.parametrize("example", ["transportation", "knapsack", "lot_sizing", "facility_location"])
def test_examples_have_the_optimum_that_highs_finds(example: str) -> None:
    folder = EXAMPLES / example
    data = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("data.json")]
    problem = optc.read(folder / "model.opt").bind(*data)
    direct, bridged = (problem.solve(backend=name, gap=1e-9) for name in ("highs", "pyomo"))
    assert (direct.status, bridged.status) == ("optimal", "optimal")
    assert bridged.objective == pytest.approx(direct.objective, rel=1e-9)
    assert bridged.backend.name == "pyomo"


def test_the_bridge_is_never_taken_unless_asked_for() -> None:
    for text in (SETS, PRODUCTS, PAIRS, INDICATORS):
        assert optc.parse(text).bind().solve().backend.name != "pyomo"


# ---------------------------------------------------------------------------------------------------- models by name
def test_a_model_has_the_families_of_the_program_and_its_answer_is_verified() -> None:
    problem = optc.read(EXAMPLES / "transportation" / "model.opt").bind()
    model = problem.to_pyomo()
    assert model.ship["seattle", "chicago"].lb == 0
    assert model.supply["seattle"].upper is not None
    assert {component.name for component in model.component_objects(pyo.Var)} == {"ship"}
    pyo.SolverFactory("highs").solve(model)
    checked = problem.verify({"ship": model.ship.extract_values()})
    assert pyo.value(model.objective) == pytest.approx(153.675)
    assert checked.objective == pytest.approx(153.675)
    assert not [line for line in checked.certificate if line.status == "failed"]


def test_a_model_of_kinks_and_scalars_has_what_the_lowerings_add() -> None:
    problem = optc.parse("var name in [-5, 3]\nmaximize abs(name)\nsubject to\n  clone: name >= -4\n").bind()
    model = problem.to_pyomo()
    pyo.SolverFactory("highs").solve(model)
    assert pyo.value(model.objective) == pytest.approx(4.0)
    # `name` and `clone` are words of Pyomo's own, which its models cannot do without.
    assert problem.verify({"name": pyo.value(model.name_)}).objective == pytest.approx(4.0)
    assert model.clone_.lower == -4


def test_the_loaded_model_has_rows_and_columns_by_position() -> None:
    form = optc.read(EXAMPLES / "transportation" / "model.opt").bind().lower()
    model = pyomo.load(form)
    assert [variable.lb for variable in model.x.values()] == form.lower.tolist()
    assert len(model.row) == form.shape[0]
    broken = replace(form, cost=np.full(form.shape[1], np.nan))
    with pytest.raises(ValueError, match="not finite"):
        pyomo.load(broken)


def test_without_pyomo_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyomo, "version", lambda: None)
    problem = optc.read(EXAMPLES / "transportation" / "model.opt").bind()
    with pytest.raises(optc.ModelError, match="pip install"):
        problem.to_pyomo()


def test_a_model_without_a_form_is_refused_with_the_reason() -> None:
    problem = optc.parse("var x in [1, 2]\nminimize exp(x) * log(x)\n").bind()
    with pytest.raises(optc.ModelError, match="nonlinear"):
        problem.to_pyomo()
