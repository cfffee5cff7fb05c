"""Choices against enumeration: as binaries they have the same points, objectives and refusals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from discrete_answers import FEW, agrees, arrays, best_of, bound, form_of, grids
from hypothesis import given
from hypothesis import strategies as st

import optc
from optc.backends import scip
from optc.compiler import context as contexts
from optc.compiler.backend import Goal, Start
from optc.compiler.data.errors import DataError
from optc.compiler.forms.discrete import DiscreteForm
from optc.compiler.lowerings import choices_to_binaries as lowering
from optc.compiler.result.lifting import columns_from
from optc.compiler.signature import Signature

CHOICE = """
set Groups = 1..3
set Options = {2, 4, 7}
param size[Groups, Options]; param gain[Options]; param limit
choose z[Groups] from Options
OBJECTIVE
subject to
  budget: sum(size[g, z[g]] for g in Groups) <= limit
  ROW
"""
OBJECTIVES = (
    "maximize sum(gain[z[g]] for g in Groups)",
    "minimize sum(z[g] * gain[z[g]] for g in Groups)",
    "minimize sum((z[g] - 3)^2 for g in Groups) + z[1] * z[2]",
    "minimize sum(size[h, z[g]] * size[g, z[h]] for g in Groups, h in Groups if g < h)",
    "minimize sum((z[g] == z[h]) * size[g, z[h]] for g in Groups, h in Groups if g < h) + gain[z[2]]",
    "maximize sum(exp(0.1 * z[g]) + abs(z[g] - z[1]) for g in Groups)",
    "maximize sum(if g == 2 then gain[z[g]] else -z[g] for g in Groups)",
    "minimize count(z[g] >= 4 for g in Groups) + sum(gain[z[g]] / z[g] for g in Groups)",
)
ROWS = (
    "",
    "one: count(z[g] == 4 for g in Groups) == 1",
    "apart[g in Groups, h in Groups if g < h]: (z[g] == z[h]) == 0",
    "when[g in Groups if g > 1]: z[g] == 2 => z[g - 1] >= 4",
    "not_when: not (z[1] == 2 or z[2] == 7) => z[3] == 7",
    "rising[g in Groups if g > 1]: z[g] >= z[g - 1]",
)


@FEW
@given(st.sampled_from(OBJECTIVES), st.sampled_from(ROWS), arrays(3, 3), arrays(3), st.integers(-8, 8))
def test_choices_agree_with_enumeration(
    objective: str, row: str, size: np.ndarray, gain: np.ndarray, limit: int
) -> None:
    text = CHOICE.replace("OBJECTIVE", objective).replace("ROW", row)
    instance = bound(text, {"size": size, "gain": gain, "limit": limit})
    agrees(instance, best_of(instance, grids("z", 3, (0.0, 1.0, 2.0))))


def test_ragged_choices_over_tuples_agree_with_enumeration() -> None:
    text = """
    set Arcs = {("a", 1), ("b", 2), ("c", 1)}
    set Kinds[n in 1..2] = {k for k in 1..3 if k != n}
    param cost[1..3] = [5, 1, 3]
    choose w[(s, n) in Arcs] from Kinds[n]
    let paid[a in Arcs] = cost[w[a]]
    maximize sum(paid[a] for a in Arcs) + sum(n * w[s, n] for (s, n) in Arcs)
    subject to
      few: sum(w[a] for a in Arcs) <= 6
      when[(s, n) in Arcs if n == 1]: w[s, n] == 3 => w["b", 2] == 1
    """
    instance = bound(text)
    points = ({"w": np.array(p)} for p in itertools.product((1.0, 2.0), (0.0, 2.0), (1.0, 2.0)))
    options = instance.scope.options["w"].members
    at = {float(options.member(k)[0]): float(k) for k in range(options.size)}
    moved = ({"w": np.array([at[float(v) + 1] for v in p["w"]])} for p in points)
    agrees(instance, best_of(instance, moved))


def test_a_look_up_by_two_choices_is_a_quadratic_term() -> None:
    n = 4
    random = np.random.default_rng(0)
    flow, distance = random.integers(0, 5, (n, n)), random.integers(1, 9, (n, n))
    text = f"""
    param flow[1..{n}, 1..{n}]; param dist[1..{n}, 1..{n}]
    choose site[1..{n}] from 1..{n}
    minimize sum(flow[i, j] * dist[site[i], site[j]] for i in 1..{n}, j in 1..{n})
    subject to
      once[s in 1..{n}]: count(site[i] == s for i in 1..{n}) == 1
    """
    instance = bound(text, {"flow": flow, "dist": distance})
    form = form_of(instance).form
    assert isinstance(form, DiscreteForm) and form.shape == (2 * n, n * n)
    assert form.products.count == 0 and len(form.hessian_values) <= n * n * (n * n + 1) // 2
    best = min(
        sum(flow[i, j] * distance[p[i], p[j]] for i in range(n) for j in range(n))
        for p in itertools.permutations(range(n))
    )
    agrees(instance, float(best))


def test_a_start_is_placed_where_its_families_are() -> None:
    lowered = form_of(bound("var x in [0, 9]\nchoose z[1..2] from {3, 5, 8}\nminimize x + z[1] + z[2]\n"))
    places = {part.name: part.offset for part in lowered.form.columns}
    start = columns_from(lowered.form, dict(lowered.extend({"z": np.array([2.0, np.nan])})))
    at = places["z (options)"]
    np.testing.assert_array_equal(start[at : at + 6], [0, 0, 1, np.nan, np.nan, np.nan])
    assert np.isnan(start[places["x"]])
    whole = columns_from(lowered.form, dict(lowered.extend({"x": np.ones(1), "z": np.array([2.0, 1.0])})))
    found = lowered.lift(whole)
    assert found["z"].tolist() == [2, 1] and found["x"].tolist() == [1] and len(found) == 2
    answer = scip.solve(lowered.form, Goal(), scip.Options(), contexts.start(), Start(start))
    assert answer.objective == pytest.approx(6)


def test_answers_are_lifted_a_batch_at_a_time() -> None:
    lowered = form_of(bound("choose z[1..2] from {3, 5}\nvar x in [0, 1]\nminimize x + z[1] + z[2]\n"))
    at = {part.name: part.offset for part in lowered.form.columns}
    x = np.zeros((2, 5))
    x[:, at["z (options)"] : at["z (options)"] + 4] = [[1, 0, 0, 1], [0, 1, 0, 1]]
    x[:, at["x"]] = [0.5, 0.25]
    found = lowered.lift(x)
    assert found["z"].tolist() == [[0, 1], [1, 1]] and found["x"].tolist() == [[0.5], [0.25]]


def test_a_choice_without_options_is_an_error() -> None:
    text = "set Few[i in 1..2] = {k for k in 2..i}\nchoose z[i in 1..2] from Few[i]\nminimize z[2]\n"
    with pytest.raises(DataError):
        form_of(bound(text))


def test_a_signature_has_whole_decisions_in_place_of_choices() -> None:
    assert lowering.transfer(Signature("instance", "", frozenset({"integer"}))) is None
    found = lowering.transfer(Signature("instance", "", frozenset({"choice", "player"})))
    assert found is not None and found.features == {"integer", "player"}


def test_one_choice_whatever_its_operations_is_linear() -> None:
    instance = bound("choose z[1..3] from {2, 5}\nminimize sum(exp(z[i]) / (1 + z[i]^2) + z[i]^3 for i in 1..3)\n")
    form = form_of(instance).form
    assert isinstance(form, DiscreteForm) and not len(form.hessian_values)
    value = [np.exp(v) / (1 + v**2) + v**3 for v in (2, 5)]
    np.testing.assert_allclose(form.cost, value * 3)


def test_products_of_different_choices_stay_products_of_sums() -> None:
    text = "choose z[1..2] from 1..50\nminimize z[1] * z[2] + z[1] * 3\n"
    form = form_of(bound(text)).form
    assert isinstance(form, DiscreteForm) and len(form.hessian_values) == 50 * 50


def test_the_planner_finds_the_way_of_a_choice() -> None:
    found = optc.parse("choose z[1..3] from {2, 7}\nmaximize z[1] * z[2] - z[3]\n").bind({}).solve(backend="scip")
    assert (found.status, found.objective) == ("optimal", 47.0)
    assert found.route[-3] == "choices to binaries" and found.route[-1] == "scip"
