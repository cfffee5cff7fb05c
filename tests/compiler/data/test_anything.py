"""Whatever is given, the answer is arrays or diagnostics, never another exception."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optc.compiler.data import DataError, FileInput, PythonValue, read_inputs
from optc.compiler.instance.instance import build
from optc.dsl.check import check
from optc.dsl.diagnostics import Place
from optc.dsl.parse import parse
from optc.dsl.program import Program
from optc.dsl.render import render
from optc.dsl.source import Source

MODEL = """set I
set J
set A within I * J
set F[I] within J
param c[I] >= 0
param m[i in I, j in J] default 0
param w[A]
param d[i in I, j in F[i]]
param s[I] : string
param n : integer
param t : string default "none"
var x >= 0
minimize x
"""
NAMES = ["I", "J", "A", "F", "c", "m", "w", "d", "s", "n", "t"]
GOOD = {
    "I": ["a", "b"],
    "J": [1, 2],
    "A": [["a", 1], ["b", 2]],
    "F": {"a": [1], "b": []},
    "c": [1, 2],
    "m": {"a": {"1": 5}},
    "w": [3, 4],
    "d": {"a": {"1": 1}},
    "s": ["x", "y"],
    "n": 3,
}
QUIET = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=300
)
SCALARS = st.sampled_from(["a", "b", "1", "", "inf", "é", 1, 2, 0, -1, 2.5, 1e300, 10**30, True, None])
KEYS = st.sampled_from(["a", "b", "1", "2", "rows", "c", ""])
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
PYTHON = st.recursive(
    SCALARS | st.sampled_from([float("nan"), np.float32(1.5), np.int8(3), np.str_("a"), b"a", 1j]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS | st.tuples(KEYS, st.sampled_from([1, 2])) | st.sampled_from([1, 2]), inner, max_size=3)
        | st.lists(st.floats(), max_size=3).map(np.array)
    ),
    max_leaves=8,
)
CELLS = st.sampled_from(["a", "b", "c", "1", "2", "", " ", "x y", "-1", "2.5", "inf", "nan", "true"])


@cache
def program() -> Program:
    checked = check(parse(Source("model.opt", MODEL)).model, lambda _: None)
    assert checked.program is not None
    return checked.program


def bind(inputs: list[FileInput | PythonValue], *, allow_surplus: bool) -> None:
    """Reads and builds; checks that what is told can be shown and has a place."""
    try:
        build(program(), read_inputs(program(), inputs, folder=None, allow_surplus=allow_surplus))
    except DataError as error:
        assert error.diagnostics
        assert all(d.place is not None and d.severity == "error" for d in error.diagnostics)
        assert render(error.diagnostics, color=False)
        files = [d.place for d in error.diagnostics if isinstance(d.place, Place) and d.place.file.endswith(".csv")]
        assert all(place.line is not None for place in files)


@given(changed=st.dictionaries(st.sampled_from([*NAMES, "zz"]), JSON, min_size=1, max_size=3), surplus=st.booleans())
@QUIET
def test_any_json(tmp_path: Path, changed: dict[str, object], surplus: bool) -> None:
    path = tmp_path / "d.json"
    path.write_text(json.dumps({**GOOD, **changed}), encoding="utf-8")
    bind([FileInput(str(path))], allow_surplus=surplus)


@given(text=st.text(alphabet='{}[]",:1eNa \n-.\\', max_size=30))
@QUIET
def test_any_text_as_json(tmp_path: Path, text: str) -> None:
    path = tmp_path / "d.json"
    path.write_text(text, encoding="utf-8")
    bind([FileInput(str(path))], allow_surplus=False)
    toml = tmp_path / "d.toml"
    toml.write_text(text.replace(":", "="), encoding="utf-8")
    bind([FileInput(str(toml))], allow_surplus=False)


@given(changed=st.dictionaries(st.sampled_from(NAMES), PYTHON, min_size=1, max_size=3), surplus=st.booleans())
@QUIET
def test_any_python_value(changed: dict[str, object], surplus: bool) -> None:
    values = {**GOOD, "m": {"a": {1: 5}}, "d": {("a", 1): 1}, **changed}
    bind([PythonValue(name, value) for name, value in values.items()], allow_surplus=surplus)


@given(
    name=st.sampled_from([None, *NAMES]),
    columns=st.sampled_from(["", ":c", ":i", ":i,j", ":m"]),
    header=st.lists(st.sampled_from(["i", "j", "I", "J", "c", "m", "w", "s", "n", "t", "1", "2", "q"]), max_size=4),
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=4),
    surplus=st.booleans(),
)
@QUIET
def test_any_csv(
    tmp_path: Path,
    name: str | None,
    columns: str,
    header: list[str],
    rows: list[list[str]],
    surplus: bool,
) -> None:
    path = tmp_path / "t.csv"
    fitted = [[*row, *[""] * len(header)][: len(header)] for row in rows]
    path.write_text("".join(",".join(row) + "\n" for row in [header, *fitted]), encoding="utf-8")
    argument = f"{path}{columns}" if name is None else f"{name}={path}{columns}"
    base = {k: v for k, v in GOOD.items() if k != name and (name is not None or k not in header)}
    values = {**base, "m": {"a": {1: 5}}, "d": {("a", 1): 1}}
    given_values = [PythonValue(k, v) for k, v in values.items() if k in base]
    bind([FileInput(argument), *given_values], allow_surplus=surplus)
