"""NumPy and compiled code say the same; compiled texts are kept, shared, mended, and never waited for."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kernel_models as models
import numpy as np
import pytest
from nonlinear_models import PROGRAMS, Case, case, point, results

from optc.compiler.kernels import compiled, engine, toolchain
from optc.compiler.kernels.c_printer import printed
from optc.compiler.kernels.numpy_printer import NumpyProgram

needs_compiler = pytest.mark.skipif(toolchain.compiler() is None, reason="no C compiler")
HEAD = "set I\nset J\nset A within I * J\nparam w[I]\nparam p[A]\nparam switch[I]\nvar x[I]\nvar y[I, J]\n"


def everything(names: list[str], size: int, seed: int = 0) -> Case:
    """The models of some names as one, over larger random index sets."""
    rng = np.random.default_rng(seed)
    pairs = [(i, j) for i in range(1, size + 1) for j in range(1, 4) if rng.random() < 0.6]
    data = {
        "I": list(range(1, size + 1)),
        "J": [1, 2, 3],
        "A": pairs,
        "w": {(i,): float(rng.uniform(0.2, 1.5)) for i in range(1, size + 1)},
        "p": {pair: float(rng.uniform(0.2, 1.5)) for pair in pairs},
        "switch": {(i,): int(rng.integers(0, 2)) for i in range(1, size + 1)},
    }
    objectives, rows = [], []
    for k, name in enumerate(names):
        first, _, rest = models.EVERY[name].partition("subject to\n")
        lets, _, objective = first.partition("minimize ")
        assert not lets and objective, name
        objectives.append(f"({' '.join(objective.split())})")
        rows += [f"  r{k}_{line.strip()}" for line in rest.splitlines()]
    text = HEAD + "minimize " + " + ".join(objectives) + "\nsubject to\n" + "\n".join(rows) + "\n"
    return case(text, data)


def assert_compiled_as_interpreted(found: Case, x: np.ndarray, names: tuple[str, ...] = PROGRAMS) -> None:
    used = found.form.engine
    used.interpreted(*PROGRAMS)
    expected = results(found.form, x)
    for name in names:
        used._printed.pop(name)
    assert used.compile(*names), used.diagnostics
    for name, values in results(found.form, x).items():
        scale = np.abs(expected[name]).max(initial=1e-300)
        np.testing.assert_allclose(values, expected[name], rtol=1e-12, atol=1e-12 * scale, err_msg=name)


PLAIN = [
    n for n, t in models.EVERY.items() if t.startswith("minimize") and n not in ("shift", "products of one family")
]
SCALED = [n for n in PLAIN if n not in models.NESTED]


@needs_compiler
def test_compiled_code_says_what_numpy_says() -> None:
    """Every function, over several blocks of rows and a rest; a batch of points as each of them."""
    found = everything(SCALED, 700)
    assert_compiled_as_interpreted(found, point(found, 1), ("value", "gradient", "hessian"))
    points = np.stack([point(found, k) for k in range(3)])
    together = found.form.evaluate_gradient(points)
    for k in range(3):
        np.testing.assert_allclose(together[k], found.form.evaluate_gradient(points[k]), rtol=1e-13, atol=1e-13)


@needs_compiler
@pytest.mark.parametrize("name", [*models.NESTED, "shift", "conditional", "lets"])
def test_compiled_code_says_what_numpy_says_of_nested_aggregates(name: str) -> None:
    found = case(models.HEAD + models.EVERY[name], models.DATA)
    assert_compiled_as_interpreted(found, point(found, 2))


@needs_compiler
def test_odd_values_are_the_same_in_compiled_code() -> None:
    """Zeros, thresholds, undefined and infinite values: where NumPy has NaN or infinity, so has compiled code."""
    text = """set I = 1..14
param v[I]
var x[I]
minimize sum(v[i] * x[i] for i in I)
subject to
  a[i in I]: entropy(x[i]) + log(x[i]) >= 0
  b[i in I]: huber(x[i], 1) + sqrt(x[i]) + 1 / x[i] + x[i]^3 + x[i]^v[i] >= 0
  c[i in I]: sigmoid(100 * x[i]) + softplus(800 * x[i]) + exp(800 * x[i]) + tanh(900 * x[i]) >= 0
  d[i in I]: kl(x[i], v[i]) + kl(v[i], x[i]) + erf(x[i]) + x[i]^(-2) >= 0
  e[i in I]: norm2(x[k] for k in I if k <= i) + prod(x[k] for k in I if k >= i) >= 0
"""
    values = [0, 1, 2, 0.5, 3, 0, 1, 0, 1, 2, 0.5, 0, 1, 2]
    found = case(text, {"v": {(i + 1,): v for i, v in enumerate(values)}})
    for x in (
        np.array([0.0, -0.0, 1.0, -1.0, 2.0, 1e-300, 1e300, np.inf, -np.inf, np.nan, 0.5, -3.0, 1.0, 1e-12]),
        np.zeros(14),
    ):
        used = found.form.engine
        used.interpreted(*PROGRAMS)
        expected = results(found.form, x)
        for name in ("rows", "jacobian", "product"):
            used._printed.pop(name)
        assert used.compile("rows", "jacobian", "product")
        for name, ours in results(found.form, x).items():
            finite = np.isfinite(expected[name])
            assert np.array_equal(np.isnan(ours), np.isnan(expected[name])), name
            np.testing.assert_allclose(ours[finite], expected[name][finite], rtol=1e-12, err_msg=name)


def test_the_text_does_not_depend_on_sizes_or_numbers() -> None:
    text = """param n
param a
var x[1..n]
minimize sum(a * (x[i]^2 - x[i + 1])^2 for i in 1..n-1) + exp(sum(x[i] for i in 1..n))
subject to
  c[k in 1..n-2]: sin(x[k] - a * x[k + 1]) * exp(x[k + 2]) <= n
"""
    cases = [case(text, {"n": 9, "a": 2.0}), case(text, {"n": 80, "a": 3.0})]
    for name in PROGRAMS:
        texts = {printed(each.model.program(name), frozenset({"sin"})).text for each in cases}
        assert len(texts) == 1, name


def test_without_a_compiler_numpy_goes_on_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "compiler", lambda: None)
    found = case(models.HEAD + models.EVERY["sum in exp"], models.DATA)
    before = results(found.form, point(found))
    assert found.form.diagnostics == ()
    assert not found.form.engine.compile(*PROGRAMS)
    after = results(found.form, point(found))
    assert all(np.array_equal(before[name], after[name]) for name in PROGRAMS)
    (note,) = found.form.diagnostics
    assert note.code.id == "N0605"
    assert "no C compiler" in note.message


def test_a_compiler_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho 'kernel.c:1: error: no luck today' >&2\nexit 3\n")
    broken.chmod(0o755)
    one = toolchain.Compiler((str(broken),), "broken 1.0", False)
    monkeypatch.setattr(toolchain, "compiler", lambda: one)
    found = case(models.HEAD + models.EVERY["sum in exp"], models.DATA)
    assert not found.form.engine.compile("rows")
    (note,) = found.form.diagnostics
    assert "no luck today" in note.message


def test_a_cache_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("OPTC_CACHE", str(tmp_path / "file"))
    if toolchain.compiler() is None:
        pytest.skip("no C compiler")
    found = case(models.HEAD + models.EVERY["sum in exp"], models.DATA)
    assert not found.form.engine.compile("rows")
    assert "file" in found.form.diagnostics[0].message


@needs_compiler
def test_compiled_texts_are_kept_and_mended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPTC_CACHE", str(tmp_path))
    text = models.HEAD + models.EVERY["squares of sums"]
    first = case(text, models.DATA)
    assert first.form.engine.compile("rows")
    (kept,) = (tmp_path / "kernels").iterdir()
    age = kept.stat().st_mtime_ns
    assert case(text, models.DATA).form.engine.compile("rows")
    assert kept.stat().st_mtime_ns == age
    kept.unlink()
    kept.write_bytes(b"cut short")
    again = case(text, models.DATA)
    assert again.form.engine.compile("rows")
    assert [p.name for p in (tmp_path / "kernels").iterdir()] == [kept.name]
    x = point(first)
    np.testing.assert_allclose(again.form.evaluate_rows(x), first.form.evaluate_rows(x), rtol=1e-15)


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import kernel_models as models
from nonlinear_models import case, point
found = case(models.HEAD + models.EVERY["lets"], models.DATA)
assert found.form.engine.compile("rows", "jacobian"), found.form.diagnostics
print(repr(found.form.evaluate_rows(point(found)).tolist()))
"""


@needs_compiler
def test_processes_that_compile_the_same_at_once_do_no_harm(tmp_path: Path) -> None:
    here = str(Path(__file__).resolve().parents[1])
    command = [sys.executable, "-c", SCRIPT, here]
    environment = {**os.environ, "OPTC_CACHE": str(tmp_path)}
    started = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = [process.communicate(timeout=120) for process in started]
    assert all(process.returncode == 0 for process in started), answers
    assert len({out for out, _ in answers}) == 1
    assert len(list((tmp_path / "kernels").glob("*.so"))) == 2
    assert not list((tmp_path / "kernels").glob("making-*"))


def test_no_call_waits_for_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(compiled, "compile_later", lambda program, done: asked.append((program, done)))
    monkeypatch.setattr(engine, "MANY_RUNS", 3)
    found = case(models.HEAD + models.EVERY["sum in exp"], models.DATA)
    x = point(found)
    first = found.form.evaluate_rows(x)
    assert not asked
    for _ in range(4):
        assert np.array_equal(found.form.evaluate_rows(x), first)
    ((program, done),) = asked
    assert program.name == "rows"

    class Other(NumpyProgram):
        def __call__(self, _arrays: object, _inputs: object, out: np.ndarray) -> None:
            out[...] = 7.0

    done(Other(program))
    assert np.all(found.form.evaluate_rows(x) == 7.0)


def test_threads_may_evaluate_at_once() -> None:
    found = everything(SCALED, 50)
    found.form.engine.interpreted(*PROGRAMS)
    points = [point(found, k) for k in range(8)]
    alone = [results(found.form, x) for x in points]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda x: results(found.form, x), points))
    for one, other in zip(alone, together, strict=True):
        assert all(np.array_equal(one[name], other[name]) for name in PROGRAMS)


@pytest.mark.parametrize("name", ["lets", "products", "logsumexp", "sparse join", "conditional"])
def test_forms_travel_between_processes(name: str) -> None:
    found = case(models.HEAD + models.EVERY[name], models.DATA)
    x = point(found)
    fresh = pickle.loads(pickle.dumps(found.form))
    used = results(found.form, x)
    again = pickle.loads(pickle.dumps(found.form))
    for form in (fresh, again):
        for what, values in results(form, x).items():
            np.testing.assert_allclose(values, used[what], rtol=1e-13, atol=1e-14)
    assert again.undefined(x) is None
