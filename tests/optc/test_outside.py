"""Models with outside code, from text and functions to checked answers: in Python and on the command line."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optc
from optc.cli.main import main

needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
needs_ipopt = pytest.mark.skipif(find_spec("casadi") is None, reason="casadi carries Ipopt")

DATA = np.random.default_rng(0)
X, Y = DATA.normal(size=(60, 5)), np.where(DATA.random(60) < 0.5, -1.0, 1.0)
COMMON = """set N
set F
param x[N, F]
param y[N]
var b[F] in [-2, 2]
"""
LINEAR = """subject to
  budget: sum(b[f] for f in F) == 0.3
  most[f in F]: b[f] <= 0.1
"""
GIVEN = {"N": list(range(60)), "F": list(range(5)), "x": X, "y": Y}
MARGIN = "sum(x[n, f] * b[f] for f in F)"
WRITTEN = COMMON + f"minimize sum(softplus(-y[n] * {MARGIN}) for n in N) + sum(b[f]^2 for f in F)\n"
CALLED = COMMON + "extern loss(x, y, b)\nminimize loss(x, y, b) + sum(b[f]^2 for f in F)\n"


def logistic(x: Any, y: Any, b: Any) -> Any:
    import torch

    return torch.nn.functional.softplus(-y * (x @ b)).sum()


class Logistic:
    """The same without torch."""

    @staticmethod
    def value(x: Any, y: Any, b: Any) -> float:
        return float(np.logaddexp(0.0, -y * (x @ b)).sum())

    @staticmethod
    def gradient(x: Any, y: Any, b: Any) -> Any:
        return -x.T @ (y / (1.0 + np.exp(y * (x @ b))))


def square(z: Any) -> Any:
    return (z**2).sum()


class Square:
    value = staticmethod(square)
    gradient = staticmethod(lambda z: 2 * z)
    hessian = staticmethod(lambda z: 2 * np.eye(np.size(z)))


def plain(z: Any) -> float:
    """Of NumPy arrays alone."""
    return float(np.sum(np.square(np.asarray(z)) + np.cos(3 * np.asarray(z))))


# ------------------------------------------------------------------------------------------------- against the language
@needs_torch
@pytest.mark.parametrize("backend", [pytest.param("ipopt", marks=needs_ipopt), "exact_al"])
def test_a_loss_by_torch_has_the_optimum_and_multipliers_of_the_loss_written_out(backend: str) -> None:
    written = optc.parse(WRITTEN + LINEAR).bind(GIVEN).solve(backend=backend)
    called = optc.parse(CALLED + LINEAR).bind(GIVEN, loss=logistic).solve(backend=backend)
    assert (written.status, called.status) == ("optimal", "locally optimal")  # of outside code nothing is proved
    assert called.bound is None
    assert called.objective == pytest.approx(written.objective, rel=1e-7)
    np.testing.assert_allclose(called.variables["b"].values, written.variables["b"].values, atol=1e-5)
    assert called.duals is not None and written.duals is not None
    for name in ("budget", "most"):
        np.testing.assert_allclose(called.duals[name].values, written.duals[name].values, atol=1e-4)
    assert called.certificate.failed == ()
    assert called.diagnostics == ()


@needs_ipopt
def test_first_derivatives_alone_are_enough_for_ipopt_and_that_is_said() -> None:
    written = optc.parse(WRITTEN + LINEAR).bind(GIVEN).solve(backend="ipopt")
    for given in (Logistic(), optc.differences(Logistic.value)):
        called = optc.parse(CALLED + LINEAR).bind(GIVEN, loss=given).solve()
        assert called.backend is not None
        assert (called.status, called.backend.name) == ("stationary", "ipopt")
        assert called.objective == pytest.approx(written.objective, rel=1e-6)
        assert [d.code.id for d in called.diagnostics] == ["N0842"]
        (line,) = [line for line in called.certificate if line.claim == "second order"]
        assert (line.status, "no second derivatives" in line.how) == ("open", True)


@needs_ipopt
def test_a_call_on_many_decisions_goes_without_its_hessian() -> None:
    text = "var z[1..600] in [-1, 1]\nextern f(z)\nminimize f(z) + sum(z[i] for i in 1..600)\n"
    found = optc.parse(text).bind(f=Square()).solve()
    assert found.status == "stationary"
    assert found.objective == pytest.approx(-150.0, rel=1e-6)
    assert "dense over 600 decisions" in found.diagnostics[0].message


MIXED = """set I = 1..3
var x[I] in [-2, 2]
var t in [0, 10]
extern f(z)
minimize exp(0.1 * f(x)) + sum((x[i] - 1)^2 for i in I) + t
subject to
  cap: 2 * f(x) + x[1] <= 3
  root[i in I]: sqrt(1 + f(x)) + i * x[i] <= t + 2
"""


@pytest.mark.parametrize("backend", [pytest.param("ipopt", marks=needs_ipopt), "exact_al", "trust_constr"])
def test_calls_may_stand_in_rows_and_inside_functions(backend: str) -> None:
    called = optc.parse(MIXED).bind(f=Square()).solve(backend=backend)
    text = MIXED.replace("extern f(z)\n", "").replace("f(x)", "(sum(x[k]^2 for k in I))")
    written = optc.parse(text).bind().solve(backend=backend)
    assert called.status == "locally optimal"
    assert called.objective == pytest.approx(written.objective, rel=1e-7)
    assert called.duals is not None and written.duals is not None
    for name in ("cap", "root"):
        np.testing.assert_allclose(called.duals[name].values, written.duals[name].values, atol=1e-5)


@needs_ipopt
def test_a_maximum_from_several_starts_in_this_process() -> None:
    """A function that could not travel to another process."""
    text = "var z[1..2] in [-2, 2]\nextern f(z)\nmaximize 3 - f(z)\n"
    kept: list[int] = []

    class Here(Square):
        @staticmethod
        def value(z: Any) -> Any:
            kept.append(1)
            return square(z - 1.0)

        gradient = staticmethod(lambda z: 2 * (z - 1.0))

    found = optc.parse(text).bind(f=Here()).solve(backend="ipopt", options={"starts": 3}, threads=2)
    assert found.objective == pytest.approx(3.0, abs=1e-8)
    assert kept


# ----------------------------------------------------------------------------------------------- without derivatives
BOX = "var z[1..2] in [-2, 2]\nextern f(z)\nminimize f(z)\n"


@pytest.mark.parametrize("backend", ["auto", "cbo"])
def test_a_plain_function_is_taken_by_a_method_that_needs_values_alone(backend: str) -> None:
    found = optc.parse(BOX).bind(f=plain).solve(backend=backend, seed=1, options={"particles": 30})
    grid = np.linspace(-2, 2, 4001)
    least = 2 * float(np.min(grid**2 + np.cos(3 * grid)))
    assert found.backend is not None
    assert (found.status, found.backend.name) == ("feasible", "cbo")
    assert found.objective == pytest.approx(least, abs=1e-4)
    (note,) = found.diagnostics
    assert note.code.id == "N0841"
    assert "optc.differences(f)" in note.hints[0].text


@pytest.mark.parametrize("backend", [pytest.param("ipopt", marks=needs_ipopt), "exact_al", "gns"])
def test_a_plain_function_is_refused_by_methods_that_follow_derivatives(backend: str) -> None:
    found = optc.parse("var z[1..2]\nextern f(z)\nminimize f(z)\n").bind(f=plain).solve(backend=backend)
    assert found.termination == "no route"
    (error,) = found.diagnostics
    assert "gives no derivatives" in error.message
    assert "optc.differences(f)" in error.hints[0].text


def test_a_plain_function_in_rows_has_no_route() -> None:
    found = optc.parse(MIXED).bind(f=plain).solve()
    assert found.termination == "no route"
    (error,) = found.diagnostics
    assert "gives no derivatives" in error.message
    assert "optc.differences(f)" in error.hints[0].text


@needs_torch
def test_gns_takes_a_function_of_torch_without_bounds() -> None:
    import torch

    def valley(z: Any) -> Any:
        return (1 - z[0]) ** 2 + 100 * (z[1] - z[0] ** 2) ** 2 + 0 * torch.sum(z)

    found = optc.parse("var z[1..2] start 0.5\nextern f(z)\nminimize f(z)\n").bind(f=valley).solve(backend="gns")
    assert found.status == "locally optimal"
    assert found.objective == pytest.approx(0.0, abs=1e-12)


# -------------------------------------------------------------------------------------------------------- honesty
def test_methods_on_expressions_decline() -> None:
    found = optc.parse("var z[1..2] integer in [-2, 2]\nextern f(z)\nminimize f(z)\n").bind(f=Square()).solve()
    assert found.termination == "no route"
    assert "outside code" in found.diagnostics[-1].message


@needs_ipopt
def test_wrong_derivatives_are_told() -> None:
    class Wrong(Square):
        gradient = staticmethod(lambda z: z)

    found = optc.parse(BOX.rstrip() + " + z[1]\n").bind(f=Wrong()).solve(backend="ipopt", options={"iterations": 30})
    assert "W0841" in [d.code.id for d in found.diagnostics]
    assert found.status != "optimal"


REFUSED = {
    "a follower with outside code": "extern f(a)\nvar x in [0, 9]\nminimize x + y\nlower g {\n  var y in [0, 5]\n"
    "  minimize f(y)\n  subject to\n    c: y >= x\n}\n",
    "a leader with outside code": "extern f(a)\nvar x in [0, 9]\nminimize f(x) + y\nlower g {\n  var y in [0, 5]\n"
    "  minimize y\n  subject to\n    c: y >= 1 - x\n}\n",
    "players": "extern f(a)\nplayer a {\n  var x in [0, 1]\n  minimize f(x) + x * y\n}\nplayer b {\n"
    "  var y in [0, 1]\n  minimize (y - x)^2\n}\n",
    "uncertain data": "extern f(a)\nvar x in [0, 1]\nuncertain u in [0, 1]\nminimize f(x) + u * x\n",
    "a choice": "set G = 1..2\nset O = {2, 4}\nchoose z[G] from O\nextern f(z)\nminimize f(z)\n",
    "a matrix": "extern f(a)\nvar x[1..2, 1..2] psd\nminimize f(x)\n",
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_outside_code_cannot_stand_in_is_refused_by_name(what: str) -> None:
    found = optc.parse(REFUSED[what]).bind(f=Square()).solve()
    assert (found.status, found.termination) == ("failed", "no route")
    (error,) = [d for d in found.diagnostics if d.severity == "error"]
    assert error.code.id == "E0607"


def test_a_choice_is_a_matrix_of_zeros_and_ones() -> None:
    seen: list[Any] = []

    def f(z: Any, weight: Any) -> float:
        seen.append(np.array(z))
        return float(np.asarray(z @ weight).sum())

    text = "set G = 1..3\nset O = {2, 4, 8}\nparam w[O]\nchoose z[G] from O\nextern f(z, w)\nminimize f(z, w)\n"
    problem = optc.parse(text).bind(f=f, w={2: 1.0, 4: 10.0, 8: 100.0})
    found = problem.verify({"z": {1: 4, 2: 8, 3: 4}})
    assert found.objective == 120.0
    assert seen[-1].tolist() == [[0, 1, 0], [0, 0, 1], [0, 1, 0]]


@pytest.mark.parametrize("format", ["nl", "lp", "mps", "json"])
def test_no_file_format_holds_outside_code(format: str) -> None:
    problem = optc.parse(MIXED if format == "nl" else BOX).bind(f=Square())
    with pytest.raises(optc.ModelError, match="outside code"):
        problem.written(format)


def test_a_call_on_data_is_a_number() -> None:
    text = "param a[1..3]\nextern f(a)\nparam c = f(a)\nvar x in [0, c]\nvar z in [0, 1]\nmaximize x + f(a) * z\n"
    model = optc.parse(text)
    problem = model.bind(a=[1, 2, 3], f=lambda a: a.sum())
    assert problem.solve().objective == pytest.approx(12.0)
    assert "6" in problem.written("lp").text
    assert problem.update(a=[1, 1, 1]).solve().objective == pytest.approx(6.0)
    assert problem.update(f=lambda a: 2.0 * a.sum()).solve().objective == pytest.approx(24.0)
    with pytest.raises(optc.DataError) as caught:
        model.bind(a=[1, 2, 3])
    assert {d.code.id for d in caught.value.diagnostics} == {"E0841"}


@needs_ipopt
def test_another_function_is_another_problem() -> None:
    problem = optc.parse(BOX).bind(f=Square())
    assert problem.solve(backend="ipopt").objective == pytest.approx(0.0, abs=1e-9)

    class Shifted(Square):
        value = staticmethod(lambda z: square(z - 1) + 7)
        gradient = staticmethod(lambda z: 2 * (z - 1))

    found = problem.update(f=Shifted()).solve(backend="ipopt")
    assert found.objective == pytest.approx(7.0)
    np.testing.assert_allclose(found.variables["z"].values, 1.0, atol=1e-6)


# ----------------------------------------------------------------------------------------------------------- faults
@needs_ipopt
def test_a_function_that_fails_on_the_way_is_told_with_its_place() -> None:
    class Fails(Square):
        @staticmethod
        def value(z: Any) -> Any:
            if z[0] > 0.5:
                raise RuntimeError("beyond the table")
            return square(z - 1.0)

        gradient = staticmethod(lambda z: 2 * (z - 1.0))

    with pytest.raises(optc.DataError) as caught:
        optc.parse(BOX).bind(f=Fails()).solve(backend="ipopt")
    (fault,) = caught.value.diagnostics
    assert (fault.code.id, fault.place.text) == ("E0842", "f(z)")  # type: ignore[union-attr]
    assert "RuntimeError: beyond the table" in fault.message
    assert isinstance(caught.value.__cause__, RuntimeError)


@needs_ipopt
def test_where_the_function_has_no_value_methods_step_back() -> None:
    class Log(Square):
        value = staticmethod(lambda z: np.sum(z - np.log(z)))
        gradient = staticmethod(lambda z: 1 - 1 / z)
        hessian = staticmethod(lambda z: np.diag(1 / z**2))

    text = "var z[1..2] start 0.01\nextern f(z)\nminimize f(z)\n"
    found = optc.parse(text).bind(f=Log()).solve(backend="ipopt")
    assert found.status == "locally optimal"
    assert found.objective == pytest.approx(2.0)
    nowhere = optc.parse(text.replace("0.01", "-1")).bind(f=Log()).solve(backend="ipopt")
    assert "E0801" in [d.code.id for d in nowhere.diagnostics]


def test_verify_calls_the_function_and_its_derivatives_too() -> None:
    problem = optc.parse(BOX + "subject to\n  c: z[1] + z[2] >= 1\n").bind(f=Square())
    found = problem.solve(backend="exact_al")
    assert found.status == problem.verify(found).status == "locally optimal"
    problem = optc.parse(BOX).bind(f=Square())
    assert problem.verify({"z": [1.0, 2.0]}).objective == 5.0
    with pytest.raises(optc.DataError, match="shape"):
        optc.parse(BOX).bind(f=lambda z: np.asarray(z)).verify({"z": [1.0, 2.0]})


def test_explain_says_what_is_not_known() -> None:
    text = str(optc.parse(MIXED).bind(f=Square()).explain())
    assert "nothing is known of outside code" in text


# ------------------------------------------------------------------------------------------------- the command line
FILE = """import numpy as np

def square(z):
    return float(np.sum(np.asarray(z) ** 2))

class Loss:
    def value(self, z):
        return square(z - 1)
    def gradient(self, z):
        return 2 * (z - 1)

def fails(z):
    raise ValueError("no such data")

loss = Loss()
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "model.opt").write_text(BOX, encoding="utf-8")
    (tmp_path / "losses.py").write_text(FILE, encoding="utf-8")
    return str(tmp_path / "model.opt"), str(tmp_path / "losses.py")


def solved(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    status = main(["solve", *words, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_a_function_from_a_file(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    model, functions = files
    status, value = solved(capsys, model, "--extern", f"f={functions}:square", "--option", "particles=20")
    assert (status, value["status"]) == (0, "feasible")
    assert value["objective"] == pytest.approx(0.0, abs=1e-9)


@needs_ipopt
def test_an_object_from_a_file(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    model, functions = files
    status, value = solved(capsys, model, "--extern", f"f={functions}:loss")
    assert (status, value["status"], value["backend"]["name"]) == (0, "stationary", "ipopt")


def test_faults_are_shown_without_a_traceback(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    model, functions = files
    assert main(["solve", model, "--extern", f"f={functions}:fails"]) == 1
    shown = capsys.readouterr().err
    assert "error[E0842]" in shown
    assert "ValueError: no such data (losses.py, line 13)" in shown
    assert "Traceback" not in shown
    assert main(["solve", model]) == 1
    assert "error[E0841]" in capsys.readouterr().err


def test_a_model_file_alone_runs_nothing(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    model, functions = files
    Path(functions).write_text("raise SystemExit(9)\n", encoding="utf-8")
    assert main(["check", model]) == 0
    assert main(["solve", model]) == 1
    capsys.readouterr()
