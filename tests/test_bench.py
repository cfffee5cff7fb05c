"""The comparison in ``bench`` compares like with like: optc and the arrays by hand are the same problems."""

from __future__ import annotations

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
