"""NumPy and compiled code say the same; compiled texts are kept, shared, mended, and never waited for."""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kernel_models as models
import numpy as np
import pytest
from nonlinear_models import PROGRAMS, Case, case, point, results

from optc.compiler.kernels import c_printer, c_writes, compiled, engine, toolchain
from optc.compiler.kernels.c_printer import printed
from optc.compiler.kernels.c_weaves import weaves
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


def lines(ends: list[tuple[int, int]], family: str) -> Case:
    """Rows that read two or more places of ``v``, in whatever order the lines have them."""
    text = f"""param n
param a[1..n] : integer
param b[1..n] : integer
var v[1..50]
var own[1..n]
minimize sum(v[k]^2 for k in 1..50)
subject to
  r[l in 1..n]: {family} <= 4
"""
    data = {"n": len(ends), **{name: {(r + 1,): e[k] for r, e in enumerate(ends)} for k, name in enumerate("ab")}}
    return case(text, data)


FAMILIES = {
    2: "v[a[l]]^2 * exp(v[b[l]])",
    3: "own[l] * v[a[l]]^2 * exp(v[b[l]])",
    4: "own[l] * v[a[l]]^2 * exp(v[b[l]]) * cos(v[50])",
    5: "own[l] * v[a[l]]^2 * exp(v[b[l]]) * cos(v[50]) * v[49]",
}
SOME = np.random.default_rng(3).integers(1, 49, (700, 2))
ENDS = {
    "either way": [(i, j) for i, j in SOME.tolist() if i != j],
    "one turned": [*[(1, 2)] * 300, (9, 4), *[(7, 8)] * 300],
    "first turned": [(9, 4), *[(1, 2)] * 300],
    "some to themselves": SOME.tolist(),
}


@needs_compiler
@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("width", FAMILIES)
def test_rows_in_two_orders(width: int, ends: str) -> None:
    """Rows of a Jacobian whose entries stand in one of two orders are written as runs; others are looked up."""
    found = lines(ENDS[ends], FAMILIES[width])
    found_weaves = weaves(found.model.jacobian_program.passes[0])
    if ends == "some to themselves":
        assert found_weaves == []
    else:
        (weave,) = found_weaves
        assert sorted(weave.columns) == sorted(weave.turned) == list(range(width))
    assert_compiled_as_interpreted(found, point(found, 1), ("jacobian", "hessian"))


@needs_compiler
def test_rows_in_three_orders() -> None:
    ends = np.random.default_rng(0).permuted(np.tile(np.arange(1, 49), (300, 1)), axis=1)[:, :2].tolist()
    found = lines(ends, "v[a[l]]^2 * exp(v[b[l]]) * cos(v[25])")
    assert weaves(found.model.jacobian_program.passes[0]) == []
    assert_compiled_as_interpreted(found, point(found, 1), ("jacobian",))


@needs_compiler
def test_results_beyond_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Places to write and to read are fetched ahead: several blocks and a rest, and fewer rows than they are ahead."""
    for count in (700, 90):
        found = lines(SOME[:count].tolist(), FAMILIES[4] + " + sum(v[k] * own[l] for k in 1..3)^2")
        program = found.model.hessian_program
        near = printed(program, frozenset())
        with monkeypatch.context() as patch:
            patch.setattr(c_writes, "FAR", 100)
            patch.setattr(c_printer, "FAR_READS", 10)
            far = printed(program, frozenset())
            assert far.text == near.text
            assert far.tables.numbers != near.tables.numbers
            assert_compiled_as_interpreted(found, point(found, 1), ("rows", "jacobian", "hessian", "product"))


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


@needs_compiler
def test_calls_return_while_a_slow_compiler_works(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A compiler that does not go on until it is let: meanwhile all programs run, from two threads as well."""
    real = toolchain.compiler()
    assert real is not None
    begun, gate, slow = tmp_path / "begun", tmp_path / "gate", tmp_path / "cc"
    wait = f"touch {begun}; n=0; while [ ! -e {gate} ]; do sleep 0.02; n=$((n + 1)); [ $n -lt 1500 ] || exit 1; done"
    slow.write_text(f'#!/bin/sh\n{wait}\nexec {" ".join(real.command)} "$@"\n')
    slow.chmod(0o755)
    monkeypatch.setattr(toolchain, "compiler", lambda: toolchain.Compiler((str(slow),), "slow", real.simd))
    monkeypatch.setenv("OPTC_CACHE", str(tmp_path))
    monkeypatch.setattr(engine, "MANY_ROWS", 1)
    found = case(models.HEAD + models.EVERY["squares of sums"], models.DATA)
    x = point(found)
    first = results(found.form, x)
    with ThreadPoolExecutor(2) as pool:
        meanwhile = list(pool.map(lambda _: results(found.form, x), range(20)))
    limit = time.monotonic() + 20
    while not begun.exists() and time.monotonic() < limit:
        time.sleep(0.01)
    assert begun.exists()
    assert not list((tmp_path / "kernels").glob("*.so"))
    assert all(isinstance(printed.run, NumpyProgram) for printed in found.form.engine._printed.values())
    for values in meanwhile:
        assert all(np.array_equal(values[name], first[name]) for name in PROGRAMS)
    gate.touch()
    assert found.form.engine.compile("rows", "jacobian"), found.form.diagnostics
    np.testing.assert_allclose(found.form.evaluate_rows(x), first["rows"], rtol=1e-13)


@needs_compiler
def test_a_call_made_once_keeps_what_it_needs() -> None:
    """The form and its engine may go; the memory that compiled code reads stays with the call."""
    found = lines(ENDS["either way"], FAMILIES[4])
    used, x = found.form.engine, point(found)
    assert used.compile("hessian")
    inputs = {"x": x, "sigma": np.ones(1), "multipliers": np.ones(len(ENDS["either way"]))}
    out = np.empty(found.model.hessian_pattern.size)
    call = used.bound("hessian", found.form.arrays, inputs, out)
    call()
    expected, tables = out.copy(), weakref.ref(used._printed["hessian"].run)
    del found, used
    gc.collect()
    assert tables() is not None
    out[:] = 0.0
    call()
    assert np.array_equal(out, expected)
    del call
    limit = time.monotonic() + 5
    while tables() is not None and time.monotonic() < limit:  # the thread that compiled it lets go a little later
        gc.collect()
        time.sleep(0.01)
    assert tables() is None


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
