"""A batch of instances is each of them, one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from agreement import instance_of, program_of

from optc.compiler.data.errors import DataError
from optc.compiler.instance.batches import lower_batch
from optc.compiler.lowerings import instance_to_linear

TEXT = """
set N
set A within N * N
param c[A]
param b[N]
param cap
param twice[(i, j) in A] = 2 * c[i, j] + cap
var f[(i, j) in A] in [0, cap]
var y in [-1, 1]
let worth = sum(c[i, j] * f[i, j] for (i, j) in A) - cap
minimize worth + sum(b[n] for n in N) * y + sum(f[i, j] for (i, j) in A if i != j)
subject to
  balance[n in N]: sum(twice[n, j] * f[n, j] for (n, j) in A) - sum(f[i, n] for (i, n) in A) >= b[n] - y
  range: -cap <= sum(c[i, j] * f[i, j] for (i, j) in A) + b["u"] <= cap
  each[(i, j) in A]: c[i, j] * f[i, j] + f[i, j] <= twice[i, j]
"""
DATA: dict[str, Any] = {
    "N": ["u", "v", "w"],
    "A": [("w", "u"), ("u", "v"), ("v", "v"), ("v", "w")],
    "c": {("w", "u"): 1.0, ("u", "v"): 2.0, ("v", "v"): 3.0, ("v", "w"): 4.0},
    "b": {("u",): 1.0, ("v",): -1.0, ("w",): 0.5},
    "cap": 7.0,
}


@pytest.mark.parametrize("names", [("c",), ("b", "cap"), ("c", "b", "cap"), ("cap",)])
def test_a_batch_is_each_instance(names: tuple[str, ...]) -> None:
    instance = instance_of(program_of(TEXT), DATA)
    rng = np.random.default_rng(0)
    sizes = {"c": 4, "b": 3, "cap": 1}
    data = {n: rng.integers(1, 9, (5, sizes[n])) / 2 for n in names}
    form, inverse = lower_batch(instance, data)
    assert form.batch == 5 and form.shape == (3 + 1 + 4, 5)
    for k in range(5):
        one = instance.update(**{n: float(v[k, 0]) if n == "cap" else _given(n, v[k]) for n, v in data.items()})
        alone, _ = instance_to_linear.lower(one)
        assert np.array_equal(alone.starts, form.starts) and np.array_equal(alone.indices, form.indices)
        for field in ("cost", "values", "row_lower", "row_upper", "lower", "upper"):
            assert np.allclose(getattr(form, field)[k], getattr(alone, field), rtol=1e-14), (field, k)
        assert form.offset[k] == pytest.approx(alone.offset)  # type: ignore[index]
    x = rng.random((5, 5))
    assert np.array_equal(instance_to_linear.lift(x, inverse)["f"], x[:, :4])


def _given(name: str, values: np.ndarray) -> dict[str, Any]:
    return {"rows": [[*key, v] for key, v in zip(DATA[name], values.tolist(), strict=True)]}


def test_what_shapes_index_sets_cannot_differ() -> None:
    text = "param n : integer\nparam k[1..n]\nvar x[1..n] >= 0\nminimize sum(k[i] * x[i] for i in 1..n if k[i] > 0)\n"
    instance = instance_of(program_of(text), {"n": 2, "k": {(1,): 1.0, (2,): 2.0}})
    for name, count in (("n", 1), ("k", 2)):
        with pytest.raises(DataError) as raised:
            lower_batch(instance, {name: np.ones((3, count))})
        assert raised.value.diagnostics[0].code.id == "E0815"
    with pytest.raises(DataError) as raised:
        lower_batch(instance, {"x": np.ones((3, 2))})
    assert raised.value.diagnostics[0].code.id == "E0813"
