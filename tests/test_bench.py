"""The comparison in ``bench`` compares like with like: optc and the arrays by hand are the same problems."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "bench" / "build_models.py"


@pytest.mark.parametrize("model", ["basic", "transport", "ufl", "fac", "lqcp", "network"])
def test_models_of_the_benchmark_agree_with_those_by_hand(model: str) -> None:
    command = [sys.executable, str(SCRIPT), "--check", "--models", model, "--systems", "optc,numpy"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{model:10} agree" in done.stdout


def test_discrete_models_of_the_benchmark_agree_with_those_by_hand() -> None:
    script = SCRIPT.with_name("discrete_models.py")
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("the same") == 2


@pytest.mark.parametrize("model", ["kinks", "products", "indicators", "choices", "ordered sets"])
def test_updates_of_the_benchmark_are_the_models_with_the_new_data(model: str) -> None:
    script = SCRIPT.with_name("discrete_updates.py")
    done = subprocess.run([sys.executable, str(script), "--cell", model, "6"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_followers_of_the_benchmark_agree_with_those_by_hand() -> None:
    script = SCRIPT.with_name("followers.py")
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("followers agree") == 3


def test_nothing_is_proved_convex_that_is_not() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT.with_name("convexity.py"))], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {line[:20].strip(): line[20:].split() for line in done.stdout.splitlines()[1:5]}
    assert {row[-1] for row in rows.values()} == {"0"}
    assert [rows[group][2] for group in ("Hock-Schittkowski", "examples", "pairs")] == ["100%"] * 3


@pytest.mark.parametrize("problem", ["chain", "flow"])
def test_kernels_of_the_benchmark_compute_what_is_computed_by_hand(problem: str) -> None:
    from optc.compiler.kernels.toolchain import compiler, vector_functions

    if compiler() is None or not vector_functions():
        pytest.skip("needs a C compiler and a vector libm")
    script = SCRIPT.with_name("kernels.py")
    command = [sys.executable, str(script), "--check", "--sizes", "40,700", "--problems", problem]
    done = subprocess.run([*command, "--systems", "optc,numpy,hand,placed"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("agree: optc, numpy, hand, placed") == 2


def test_nonlinear_models_of_the_benchmark_are_the_same_in_all_systems() -> None:
    script = SCRIPT.with_name("nlp_end_to_end.py")
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" agree: ") == 3


def test_a_performance_profile_is_that_of_its_definition() -> None:
    import runpy

    shares = runpy.run_path(str(SCRIPT.with_name("performance_profile.py")))["shares"]
    found = shares({"a": [1.0, 4.0, float("inf")], "b": [2.0, 1.0, 3.0]}, (1.0, 2.0, 4.0, float("inf")))
    assert found["a"] == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert found["b"] == pytest.approx([2 / 3, 1, 1, 1])


@pytest.mark.skipif("S2MPJ_DIR" not in os.environ, reason="S2MPJ_DIR names no copy of S2MPJ")
def test_problems_of_cutest_are_evaluated_as_by_s2mpj() -> None:
    names = ["HS6", "BT11", "ORTHREGB", "LUKVLE1", "STREGNE", "SPINOP", "MANCINONE"]
    script = SCRIPT.with_name("cutest_equalities.py")
    done = subprocess.run([sys.executable, str(script), "--check", "--only", *names], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [name for name, _ in lines] == names and all(float(gap) <= 1e-10 for _, gap in lines)
