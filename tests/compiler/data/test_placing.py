"""Entries into places: against plain dictionaries, and every refusal."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optc.compiler.data import (
    DataError,
    FileInput,
    PythonValue,
    Setting,
    entries_of_literal,
    place_indexed_set,
    place_of,
    place_parameter,
    place_set,
    read_inputs,
)
from optc.compiler.spaces.members import Members
from optc.dsl.diagnostics import Place
from optc.dsl.program import Parameter, Program, SetSymbol

TWO = """set I
set J
param c[i in I, j in J]
var x >= 0
minimize x
"""
TEXTS = st.lists(st.text(max_size=3), unique=True, max_size=4)
WHOLE = st.lists(st.integers(-50, 50), unique=True, max_size=4)
MEMBERS = TEXTS | WHOLE
NUMBERS = st.floats(allow_nan=False) | st.integers(-(2**53), 2**53)
QUIET = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture(scope="module")
def two() -> Program:
    from optc.dsl.check import check
    from optc.dsl.parse import parse
    from optc.dsl.source import Source

    program = check(parse(Source("model.opt", TWO)).model, lambda _: None).program
    assert program is not None
    return program


def parameter_of(program: Program, name: str) -> Parameter:
    symbol = program.symbols[name]
    assert isinstance(symbol, Parameter)
    return symbol


def set_of(program: Program, name: str) -> SetSymbol:
    symbol = program.symbols[name]
    assert isinstance(symbol, SetSymbol)
    return symbol


def codes_of(action: Callable[[], object]) -> list[str]:
    with pytest.raises(DataError) as caught:
        action()
    return [d.code.id for d in caught.value.diagnostics]


# ------------------------------------------------------------------------------------------------------ round trips
@given(data=st.data(), rows=MEMBERS, columns=MEMBERS)
@QUIET
def test_every_json_form_of_a_matrix_is_the_same_array(
    two: Program, tmp_path: Path, data: st.DataObject, rows: list[object], columns: list[object]
) -> None:
    keys = list(product(rows, columns))
    values = data.draw(st.lists(NUMBERS, min_size=len(keys), max_size=len(keys)))
    spelled = [{np.inf: "inf", -np.inf: "-inf"}.get(v, v) for v in values]  # type: ignore[call-overload]
    table = dict(zip(keys, spelled, strict=True))
    order = data.draw(st.permutations(keys))
    forms: list[object] = [
        [[table[i, j] for j in columns] for i in rows],
        {"rows": [[i, j, table[i, j]] for i, j in order]},
        {str(i): {str(j): table[i, j] for j in columns} for i in rows},
    ]
    for form in forms:
        path = tmp_path / "d.json"
        path.write_text(json.dumps({"I": rows, "J": columns, "c": form}), encoding="utf-8")
        supplied = read_inputs(two, [FileInput(str(path))], folder=None)
        sets = [place_set(set_of(two, name), supplied.get(name)) for name in "IJ"]
        found = place_parameter(parameter_of(two, "c"), supplied.get("c"), Members.product(sets))
        np.testing.assert_array_equal(found, np.array(values, dtype=np.float64))


@given(data=st.data(), rows=MEMBERS, columns=MEMBERS)
@QUIET
def test_given_entries_replace_defaults(
    two: Program, data: st.DataObject, rows: list[object], columns: list[object]
) -> None:
    keys = list(product(rows, columns))
    given_keys = data.draw(st.lists(st.sampled_from(keys), unique=True)) if keys else []
    table = {key: float(k) for k, key in enumerate(given_keys)}
    supplied = read_inputs(
        two, [PythonValue("I", rows), PythonValue("J", columns), PythonValue("c", table)], folder=None
    )
    domain = Members.product([place_set(set_of(two, name), supplied.get(name)) for name in "IJ"])
    found = place_parameter(
        parameter_of(two, "c"), supplied.get("c"), domain, default=lambda rows_: 1000.0 + np.asarray(rows_)
    )
    assert found.tolist() == [table.get(key, 1000.0 + k) for k, key in enumerate(keys)]
    if len(given_keys) < len(keys):
        assert codes_of(lambda: place_parameter(parameter_of(two, "c"), supplied.get("c"), domain)) == ["E0532"]


@given(data=st.data(), rows=MEMBERS.filter(bool), columns=MEMBERS.filter(bool))
@QUIET
def test_entries_outside_are_refused_or_ignored(
    two: Program, data: st.DataObject, rows: list[object], columns: list[object]
) -> None:
    keys = list(product(rows, columns))
    stranger = (data.draw(st.just(99) | st.just("nobody")), columns[0])
    table = {**{key: float(k) for k, key in enumerate(keys)}, stranger: 7.0}
    inputs = [PythonValue("I", rows), PythonValue("J", columns), PythonValue("c", table)]
    supplied = read_inputs(two, inputs, folder=None, allow_surplus=True)
    domain = Members.product([place_set(set_of(two, name), supplied.get(name)) for name in "IJ"])
    symbol, entries = parameter_of(two, "c"), supplied.get("c")
    assert codes_of(lambda: place_parameter(symbol, entries, domain)) == ["E0533"]
    found = place_parameter(symbol, entries, domain, warnings=supplied.warnings)
    assert found.tolist() == list(range(len(keys)))
    assert [d.code.id for d in supplied.warnings or []] == ["W0533"]


def test_every_entry_of_a_column_that_repeats_a_wrong_key_is_told_once(two: Program) -> None:
    table = {("a", j): 1.0 for j in range(5)} | {("b", j): 1.0 for j in range(5)}
    supplied = read_inputs(
        two, [PythonValue("I", ["a"]), PythonValue("J", range(5)), PythonValue("c", table)], folder=None
    )
    domain = Members.product([place_set(set_of(two, name), supplied.get(name)) for name in "IJ"])
    with pytest.raises(DataError) as caught:
        place_parameter(parameter_of(two, "c"), supplied.get("c"), domain)
    (told,) = caught.value.diagnostics
    assert told.message == 'c["b", 0]: "b" is not in I'
    assert told.context == ('4 more entries with this "b"',)


def test_no_more_than_twenty_mistakes_are_told(two: Program) -> None:
    values = [[str(k) for k in range(30)]]
    supplied = read_inputs(
        two, [PythonValue("I", ["a"]), PythonValue("J", range(30)), PythonValue("c", values)], folder=None
    )
    domain = Members.product([place_set(set_of(two, name), supplied.get(name)) for name in "IJ"])
    codes = codes_of(lambda: place_parameter(parameter_of(two, "c"), supplied.get("c"), domain))
    assert codes == ["E0537"] * 20 + ["E0559"]


# ----------------------------------------------------------------------------------------------------------- refusals
ONE = """set I
param c[I]
param s[I] : string
param n[I] : integer
param k : integer
param t : string
var x >= 0
minimize x
"""


def one(program_of: Callable[[str], Program], name: str, value: object) -> np.ndarray:
    program = program_of(ONE)
    supplied = read_inputs(program, [PythonValue("I", ["a", "b"]), PythonValue(name, value)], folder=None)
    domain = Members((), 1)
    if parameter_of(program, name).arity:
        domain = place_set(set_of(program, "I"), supplied.get("I"))
    return place_parameter(parameter_of(program, name), supplied.get(name), domain)


@pytest.mark.parametrize(
    "name, value, code",
    [
        ("c", [1], "E0544"),
        ("c", [1, 2, 3], "E0544"),
        ("c", 3, "E0545"),
        ("c", "ab", "E0545"),
        ("c", None, "E0545"),
        ("c", [[1, 2]], "E0545"),
        ("c", [[1], [2]], "E0545"),
        ("c", {"a": {"b": 1}}, "E0545"),
        ("c", {("a", "b"): 1}, "E0545"),
        ("c", {"rows": [["a", 1], ["b"]]}, "E0544"),
        ("c", {"rows": [["a", 1], ["b", 2], ["b", 3]]}, "E0535"),
        ("c", {"a": 1}, "E0532"),
        ("c", {"a": 1, "b": 2, "c": 3}, "E0533"),
        ("c", {"a": 1, 1: 2}, "E0533"),
        ("c", {"rows": [["a", 1], [["b"], 2]]}, "E0533"),
        ("c", {"rows": [["a", 1], [None, 2]]}, "E0533"),
        ("c", {"rows": [["a", 1], ["b", [2]]]}, "E0541"),
        ("c", {"rows": [["a", 1], ["b", {"b": 2}]]}, "E0541"),
        ("c", {"a": 1, "b": "2"}, "E0537"),
        ("c", {"a": 1, "b": "Inf"}, "E0537"),
        ("c", {"a": 1, "b": None}, "E0538"),
        ("c", [1, True], "E0539"),
        ("c", np.array([True]), "E0544"),
        ("c", [1, float("nan")], "E0540"),
        ("c", np.array([1, np.nan]), "E0540"),
        ("c", [1, 1j], "E0541"),
        ("c", [1, 10**400], "E0543"),
        ("c", np.zeros((2, 2)), "E0545"),
        ("c", np.zeros(3), "E0544"),
        ("c", np.float64(3), "E0545"),
        ("c", {"a", "b"}, "E0523"),
        ("c", iter([1, 2]), "E0522"),
        ("c", object(), "E0522"),
        ("s", ["x", 1], "E0541"),
        ("s", ["x", None], "E0538"),
        ("s", ["x", 2], "E0541"),
        ("n", [1, 2.5], "E0542"),
        ("n", [1, float("inf")], "E0542"),
        ("n", [1, "2"], "E0537"),
        ("k", 2.5, "E0542"),
        ("k", [2], "E0545"),
        ("k", {"rows": 2}, "E0545"),
        ("k", True, "E0539"),
        ("k", "2", "E0537"),
        ("t", 3, "E0541"),
    ],
)
def test_a_wrong_value_is_refused(program_of: Callable[[str], Program], name: str, value: object, code: str) -> None:
    assert codes_of(lambda: one(program_of, name, value)) == [code]


@pytest.mark.parametrize(
    "name, value, expected",
    [
        ("c", {"a": "inf", "b": "-inf"}, [np.inf, -np.inf]),
        ("c", [np.float32(0.5), np.int8(2)], [0.5, 2.0]),
        ("c", (1, 2), [1.0, 2.0]),
        ("c", [-0.0, 1e308], [-0.0, 1e308]),
        ("n", [1, 2.0], [1.0, 2.0]),
        ("c", {"b": 2, "a": 1}, [1.0, 2.0]),
        ("c", {np.str_("a"): 1, "b": 2}, [1.0, 2.0]),
        ("s", ["", "é"], ["", "é"]),
        ("s", np.array(["x", "y"]), ["x", "y"]),
        ("k", np.int64(3), [3.0]),
        ("k", np.array(3), [3.0]),
        ("t", "3", ["3"]),
    ],
)
def test_a_right_value_is_taken(
    program_of: Callable[[str], Program], name: str, value: object, expected: list[object]
) -> None:
    assert one(program_of, name, value).tolist() == expected


# ----------------------------------------------------------------------------------------------------------------- sets
SETS = """set I
set P within I * I
set F[I]
set G[i in I] within I
var x >= 0
minimize x
"""


def placed_set(program_of: Callable[[str], Program], name: str, value: object) -> object:
    program = program_of(SETS)
    supplied = read_inputs(program, [PythonValue(name, value)], folder=None)
    symbol = set_of(program, name)
    if not symbol.arity:
        members = place_set(symbol, supplied.get(name))
        return [members.member(k) for k in range(members.size)]
    index = place_set(set_of(program, "I"), read_inputs(program, [PythonValue("I", ["a", "b"])], folder=None).get("I"))
    family = place_indexed_set(symbol, supplied.get(name), index)
    return [[family.at(p).member(k) for k in range(family.at(p).size)] for p in range(index.size)]


@pytest.mark.parametrize(
    "name, value, expected",
    [
        ("I", ["b", "a"], [("b",), ("a",)]),
        ("I", [3, 1.0, 2], [(3,), (1,), (2,)]),
        ("I", [0.5, 1], [(0.5,), (1.0,)]),
        ("I", [], []),
        ("I", range(3), [(0,), (1,), (2,)]),
        ("I", np.array([2, 1]), [(2,), (1,)]),
        ("I", {"a": 1, "b": 2}.keys(), [("a",), ("b",)]),
        ("I", [2**60, 2**60 + 1], [(2**60,), (2**60 + 1,)]),
        ("P", [["a", 1], ("b", 2)], [("a", 1), ("b", 2)]),
        ("P", [], []),
        ("P", np.array([[1, 2], [2, 1]]), [(1, 2), (2, 1)]),
        ("F", {"b": [1], "a": [2, 1]}, [[(2,), (1,)], [(1,)]]),
        ("F", [[1], []], [[(1,)], []]),
        ("F", {"a": [], "b": []}, [[], []]),
        ("G", {"rows": [["b", "a"], ["b", "b"]]}, [[], [("a",), ("b",)]]),
    ],
)
def test_members_keep_the_order_of_their_data(
    program_of: Callable[[str], Program], name: str, value: object, expected: object
) -> None:
    assert placed_set(program_of, name, value) == expected


@pytest.mark.parametrize(
    "name, value, code",
    [
        ("I", "a", "E0545"),
        ("I", 3, "E0545"),
        ("I", {"a": 1}, "E0545"),
        ("I", ["a", "a"], "E0536"),
        ("I", [1, 1.0], "E0536"),
        ("I", ["a", 1], "E0547"),
        ("I", ["a", None], "E0548"),
        ("I", [1, True], "E0548"),
        ("I", [1.0, float("nan")], "E0548"),
        ("I", [1.0, float("inf")], "E0548"),
        ("I", [1, 2**70], "E0543"),
        ("I", {"a"}, "E0523"),
        ("P", ["a"], "E0549"),
        ("P", [["a", "b", "c"]], "E0549"),
        ("P", [["a", "b"], ["a"]], "E0549"),
        ("P", [["a", "b"], ["a", "b"]], "E0536"),
        ("P", [["a", 1], [1, 2]], "E0547"),
        ("F", ["a"], "E0545"),
        ("F", [["a"]], "E0544"),
        ("F", {"a": []}, "E0532"),
        ("F", {"a": [], "b": [], "c": []}, "E0533"),
        ("F", {"a": ["x", "x"], "b": []}, "E0536"),
        ("F", {"a": "x", "b": []}, "E0545"),
    ],
)
def test_a_wrong_set_is_refused(program_of: Callable[[str], Program], name: str, value: object, code: str) -> None:
    assert codes_of(lambda: placed_set(program_of, name, value)) == [code]


# --------------------------------------------------------------------------------------------------------------- others
def test_positions_of_a_ragged_index_space(program_of: Callable[[str], Program]) -> None:
    program = program_of("set I = {1, 2}\nset F[I]\nparam c[i in I, j in F[i]]\nvar x >= 0\nminimize x\n")
    symbol = parameter_of(program, "c")
    domain = Members.of([np.array([1, 1, 2]), np.array([5, 6, 5])])
    ok = read_inputs(program, [PythonValue("c", [[1, 2], [3]])], folder=None).get("c")
    assert place_parameter(symbol, ok, domain).tolist() == [1.0, 2.0, 3.0]
    for wrong in ([[1], [2, 3]], [[1, 2, 3]], [[1, 2], [3], []]):
        entries = read_inputs(program, [PythonValue("c", wrong)], folder=None).get("c")
        assert codes_of(lambda e=entries: place_parameter(symbol, e, domain)) == ["E0544"]  # type: ignore[misc]


def test_a_literal_is_placed_like_data(program_of: Callable[[str], Program]) -> None:
    program = program_of(
        'set I = {"a", "b"}\nparam c[I] = {"b": 2, "a": 1}\nparam m[1..2, 1..3] = [[1, 2, 3], [4, 5, 6]]\n'
        "var x >= 0\nminimize x\n"
    )
    symbol = parameter_of(program, "c")
    assert symbol.literal is not None
    column = np.empty(2, dtype=np.object_)
    column[:] = ["a", "b"]
    entries = entries_of_literal(symbol.literal, 1)
    assert place_parameter(symbol, entries, Members.of([column])).tolist() == [1.0, 2.0]
    matrix = parameter_of(program, "m")
    assert matrix.literal is not None
    domain = Members.product([Members.run(1, 2), Members.run(1, 3)])
    assert place_parameter(matrix, entries_of_literal(matrix.literal, 2), domain).tolist() == [1, 2, 3, 4, 5, 6]
    wrong = Members.product([Members.run(1, 3), Members.run(1, 2)])
    assert codes_of(lambda: place_parameter(matrix, entries_of_literal(matrix.literal, 2), wrong)) == ["E0544"]


def test_the_place_of_an_entry_is_found_again(two: Program, tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text('{"I": ["a", "b"],\n "J": [1],\n "c": {"b": {"1": 3},\n       "a": {"1": 4}}}', encoding="utf-8")
    supplied = read_inputs(two, [FileInput(str(path))], folder=None)
    domain = Members.product([place_set(set_of(two, name), supplied.get(name)) for name in "IJ"])
    entries = supplied.get("c")
    places = [place_of(entries, domain, k) for k in range(2)]
    assert [(p.line, p.column, p.path) for p in places if isinstance(p, Place)] == [
        (4, 19, 'c.a["1"]'),
        (3, 19, 'c.b["1"]'),
    ]
    assert place_of(None, domain, 0) is None


def test_settings_override_files_with_a_note(program_of: Callable[[str], Program], tmp_path: Path) -> None:
    program = program_of(ONE)
    path = tmp_path / "d.json"
    path.write_text('{"k": 3, "t": "x"}', encoding="utf-8")
    supplied = read_inputs(program, [FileInput(str(path)), Setting("k=4"), Setting("t=5")], folder=None)
    found = [
        place_parameter(parameter_of(program, name), supplied.get(name), Members((), 1)).tolist() for name in ("k", "t")
    ]
    assert found == [[4.0], ["5"]]
    assert [d.code.id for d in supplied.diagnostics] == ["N0518", "N0518"]


@pytest.mark.parametrize(
    "text, expected",
    [("t=a b", "a b"), ('t="a"', "a"), ("t=true", "true"), ("t= 3", "3"), ("t=a=b", "a=b"), ("t=null", "null")],
)
def test_a_setting_of_a_text_needs_no_quotes(program_of: Callable[[str], Program], text: str, expected: str) -> None:
    program = program_of(ONE)
    entries = read_inputs(program, [Setting(text)], folder=None).get("t")
    assert place_parameter(parameter_of(program, "t"), entries, Members((), 1)).tolist() == [expected]


@pytest.mark.parametrize(
    "text, code",
    [
        ("k", "E0516"),
        ("=3", "E0516"),
        ("k=", "E0516"),
        ("2k=3", "E0516"),
        ("kk=3", "E0517"),
        ("x=3", "E0519"),
        ("c=3", "E0545"),
        ("c=[1,", "E0505"),
        ('c={"a": 1, "a": 2}', "E0506"),
    ],
)
def test_a_wrong_setting_is_refused(program_of: Callable[[str], Program], text: str, code: str) -> None:
    program = program_of(ONE)
    assert codes_of(lambda: read_inputs(program, [Setting(text)], folder=None)) == [code]


def test_what_could_be_read_is_kept_for_further_checks(program_of: Callable[[str], Program], tmp_path: Path) -> None:
    program = program_of(ONE)
    path = tmp_path / "d.json"
    path.write_text('{"k": 3, "cc": [1], "t": [3]}', encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_inputs(program, [FileInput(str(path)), Setting("I=3")], folder=None)
    assert sorted(d.code.id for d in caught.value.diagnostics) == ["E0517", "E0545", "E0545"]
    assert caught.value.supplied is not None
    assert set(caught.value.supplied.entries) == {"k"}
    assert caught.value.supplied.broken == {"t", "I", "c"}
