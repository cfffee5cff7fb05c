"""The reference interpreter against values worked out by hand, scipy's functions, and identities on generated data."""

from __future__ import annotations

import math
from functools import cache

import pytest
import scipy.special as special
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import program_of

from optc.compiler.reference.functions import NUMERIC, UndefinedError, aggregate, interpolate
from optc.compiler.reference.interpreter import EvaluationError, RawData, Reference, Values
from optc.dsl.program import Program

NOTHING_TO_DO = "\nvar unused\nsatisfy\n"


def evaluate(expression: str, declarations: str = "", raw: RawData | None = None) -> object:
    """The value of a data expression."""
    program = program_of(f"{declarations}\nlet result = {expression}{NOTHING_TO_DO}")
    return Reference(program, raw).expressions({})["result"][()]


LETTERS = """
set S = {"c", "a", "b"}
set N = 1..5
set Arcs within S * S = {("c", "a"), ("c", "b"), ("a", "b"), ("b", "c")}
param length[Arcs] = [2, 3, 5, 7]
param size[S] = {"a": 10, "b": 20, "c": 30}
param zero = 0
param x default 4
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("1 - 2 - 3", -4),
        ("8 / 2 / 2", 2),
        ("7 / 2", 3.5),
        ("-2^2", -4),
        ("2^3^2", 512),
        ("7 mod 3", 1),
        ("-7 mod 3", 2),
        ("7 mod -3", -2),
        ("-7 div 2", -4),
        ("7 div 2", 3),
        ("round(2.5) + round(3.5)", 6),
        ("round(-2.5)", -2),
        ("floor(-1.5) + ceil(-1.5)", -3),
        ("sign(-3) + sign(0) + 10 * sign(2)", 9),
        ("abs(-3) + min(3, 1, 2) + max(3, 1, 2)", 7),
        ("entropy(0) + entropy(1)", 0),
        ("entropy(0.5)", 0.5 * math.log(2)),
        ("kl(0, 3)", 0),
        ("kl(2, 1)", 2 * math.log(2)),
        ("huber(0.5) + huber(-3)", 0.125 + 2.5),
        ("huber(3, 2)", 4),
        ("sigmoid(0) + sigmoid(-1000)", 0.5),
        ("softplus(1000)", 1000),
        ("pow(2, 10) + log10(1000)", 1027),
        ("cos(pi)", -1),
        ("if x > 3 then 5 else 1 / zero", 5),
        ("if x > 5 and 1 / zero > 0 then 5 else 6", 6),
        ("if x < 5 or 1 / zero > 0 then 5 else 6", 5),
        ("if not (x == 4) then 1 else 2", 2),
        ("1_000 + 1", 1001),
    ],
)
def test_scalars_have_their_values(expression: str, expected: float) -> None:
    assert evaluate(expression, LETTERS) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("sum(i for i in 1..4)", 10),
        ("sum(i * j for i in 1..3, j in 1..i)", 25),
        ("prod(i for i in N)", 120),
        ("count(i mod 2 == 1 for i in N)", 3),
        ("sum((i == 2) for i in N)", 1),
        ("sum(i for i in 1..0) + count(i > 0 for i in 1..0)", 0),
        ("prod(i for i in 1..0)", 1),
        ("norm1(i - 3 for i in N)", 6),
        ("norm2(i for i in 3..4)", 5),
        ("norminf(i - 4 for i in N)", 3),
        ("norm1(i for i in 1..0) + norm2(i for i in 1..0) + norminf(i for i in 1..0)", 0),
        ("logsumexp(1000 + 0 * i for i in 1..2)", 1000 + math.log(2)),
        ("max(i * (4 - i) for i in N) + min(i for i in N)", 5),
        ("sum(1 / i for i in 0..2 if i > 0)", 1.5),
        ("sum(length[a] for a in Arcs)", 17),
        ("sum(length[i, j] for (i, j) in Arcs)", 17),
        ('sum(length["c", j] for ("c", j) in Arcs)', 5),
        ("sum(size[i] * sum(length[i, j] for (i, j) in Arcs) for i in S)", 30 * 5 + 10 * 5 + 20 * 7),
        ("sum(size[i] * sum(length[j, i] for (j, i) in Arcs) for i in S)", 30 * 7 + 10 * 2 + 20 * 8),
        ("sum(1 for i in S, j in S if (i, j) in Arcs)", 4),
        ("sum(1 for i in S, j in S if (i, j) not in Arcs)", 5),
        ("sum(length[i, j] for (i, j) in Arcs if size[i] < size[j])", 12),
        ("card(Arcs) + card({i for i in N if i mod 2 == 0})", 6),
        ("card({i mod 2 for i in N})", 2),
        ("card(S * N) + card(N union 4..7) + card(N inter 4..7) + card(N minus 4..7)", 15 + 7 + 2 + 3),
        ("size[first(S)] + size[last(S)]", 50),
        ('ord("c", S) + 10 * ord("b", S)', 20),
        ('size[next("c", S)] + size[prev("b", S)]', 20),
        ('size[next("c", S, 2)]', 20),
        ('size[next_cyclic("b", S)] + size[prev_cyclic("c", S)]', 50),
        ("sum(i for i in 0..x-1)", 6),
        ('count(i == "a" or i == "b" for i in S)', 2),
    ],
)
def test_aggregates_and_sets_have_their_values(expression: str, expected: float) -> None:
    assert evaluate(expression, LETTERS) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("x", "expected"), [(-100, -30), (0, 0), (50, 15), (100, 30), (300, 70), (500, 110), (700, 150)]
)
def test_piecewise_goes_on_with_its_outer_slopes(x: float, expected: float) -> None:
    assert evaluate(f"piecewise({x}, [0, 100, 500], [0, 30, 110])") == expected


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("1 / zero", "division of 1.0 by zero"),
        ("log(zero)", "log of 0.0, which is not positive"),
        ("sqrt(zero - 1)", "sqrt of -1.0, which is negative"),
        ("zero^(-1)", "0 to the power"),
        ("(-2)^0.5", "which is not whole"),
        ("entropy(-1)", "entropy of -1.0, which is negative"),
        ("kl(1, zero)", "kl(1.0, 0.0)"),
        ("asin(2 + zero)", "outside [-1, 1]"),
        ("min(i for i in 1..0)", "min over an empty set"),
        ("logsumexp(i for i in 1..0)", "logsumexp over an empty set"),
        ("1 mod zero", "1.0 mod 0"),
        ('size[next("b", S)]', "has no next"),
        ("inf - inf", "undefined"),
        ("sum(size[i] for i in {k for k in S}) + sum(i for i in 1..x + 0.5)", "are not whole numbers"),
    ],
)
def test_undefined_values_name_their_place(expression: str, reason: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate(expression, LETTERS)
    assert caught.value.family == "result"
    assert reason in str(caught.value)


def test_an_undefined_row_is_named_with_its_index() -> None:
    program = program_of('set S = {"a", "b"}\nparam d[S] = [1, 0]\nlet r[i in S] = 1 / d[i]' + NOTHING_TO_DO)
    with pytest.raises(EvaluationError, match=r'r\["b"\]: division of 1.0 by zero, in `1 / d\[i\]`'):
        Reference(program).expressions({})


# ------------------------------------------------------------------------------------------------------------ data
DATA = """
set Foods
set Covers[Foods] within 1..9
param cost[Foods] >= 0
param low[Foods] default 1
param label[Foods] : string
param twice[f in Foods] = 2 * cost[f]
param shift default 10
var buy[f in Foods] in [low[f], cost[f]]
satisfy
"""
RAW = RawData(
    sets={"Foods": [("milk",), ("eggs",)], "Covers": {("milk",): [(1,), (2,)], ("eggs",): [(9,), (12,)]}},
    parameters={
        "cost": {("milk",): 3, ("eggs",): -2},
        "low": {("eggs",): 0.5},
        "label": {("milk",): "M", ("eggs",): "E"},
        "shift": {(): 7},
    },
)


def test_entries_come_from_data_then_default_then_definition() -> None:
    reference = Reference(program_of(DATA), RAW)
    assert [reference.parameter("low", k) for k in reference.keys("low")] == [1, 0.5]
    assert [reference.parameter("twice", k) for k in reference.keys("twice")] == [6, -4]
    assert reference.parameter("shift") == 7
    assert reference.parameter("label", ("eggs",)) == "E"
    assert Reference(program_of(DATA)).parameter("shift") == 10


def test_data_checks_name_the_failing_entries() -> None:
    reference = Reference(program_of(DATA), RAW)
    assert [(key, check.op) for key, check in reference.failed_checks("cost")] == [(("eggs",), "ge")]
    assert list(reference.outside("Covers")) == [(("eggs",), (12,))]


def test_bounds_are_evaluated_a_row() -> None:
    reference = Reference(program_of(DATA), RAW)
    assert list(reference.bounds("buy")) == [(("milk",), 1, 3), (("eggs",), 0.5, -2)]


def test_missing_entries_and_members_are_errors() -> None:
    reference = Reference(program_of(DATA), RawData(sets={"Foods": [("milk",)]}))
    with pytest.raises(EvaluationError, match=r'cost\["milk"\] has no value'):
        reference.parameter("cost", ("milk",))
    with pytest.raises(EvaluationError, match=r'there is no cost\["rice"\]'):
        reference.parameter("cost", ("rice",))
    with pytest.raises(EvaluationError, match=r'set Covers\["milk"\] has no members'):
        reference.set_members("Covers", ("milk",))


def test_literals_fill_by_position_and_by_key() -> None:
    program = program_of(
        """
        set S = {"a", "b"}
        set P within S * S = {("b", "a"), ("a", "a")}
        param by_position[S, 1..2] = [[1, 2], [3, 4]]
        param by_pair[P] = [5, 6]
        param by_key[P] = {("a", "a"): 7, ("b", "a"): 8}
        table T: u, v = {"p": [1, 2], "q": [3, 4]}
        """
        + NOTHING_TO_DO
    )
    reference = Reference(program)
    assert reference.parameter("by_position", ("b", 1)) == 3
    assert reference.parameter("by_pair", ("b", "a")) == 5
    assert reference.parameter("by_key", ("b", "a")) == 8
    assert reference.set_members("T") == [("p",), ("q",)]
    assert [reference.parameter("v", k) for k in reference.keys("v")] == [2, 4]


def test_sets_keep_the_order_of_their_data() -> None:
    program = program_of("set S\nset Odd = {s for s in S if s mod 2 == 1}\nset All = Odd union S" + NOTHING_TO_DO)
    reference = Reference(program, RawData(sets={"S": [(4,), (3,), (9,), (2,)]}))
    assert reference.set_members("Odd") == [(3,), (9,)]
    assert reference.set_members("All") == [(3,), (9,), (4,), (2,)]


# ----------------------------------------------------------------------------------------------------- constraints
def violations(program_text: str, name: str, values: Values) -> list[float]:
    reference = Reference(program_of(program_text))
    return [row.violation for row in reference.constraint_rows(name, values)]


def test_a_range_is_violated_on_either_side() -> None:
    text = "var x[1..3]\nsatisfy\nsubject to\n  c[i in 1..3]: 1 <= 2 * x[i] <= 3"
    reference = Reference(program_of(text))
    rows = list(reference.constraint_rows("c", {"x": {(1,): 0, (2,): 1, (3,): 4}}))
    assert [row.violation for row in rows] == [1, 0, 5]
    assert rows[2].sides == ((1, 8, 3),)
    assert [row.scale for row in rows] == [3, 3, 8]


def test_an_infinite_side_holds_and_does_not_count_in_the_scale() -> None:
    text = "param hi default inf\nvar x\nsatisfy\nsubject to\n  c: 0 <= x <= hi"
    (row,) = Reference(program_of(text)).constraint_rows("c", {"x": {(): 5}})
    assert (row.violation, row.scale) == (0, 5)


def test_equations_count_both_ways() -> None:
    text = "var x\nsatisfy\nsubject to\n  c: x == 3\n  d: x >= 4"
    assert violations(text, "c", {"x": {(): 1}}) == [2]
    assert violations(text, "d", {"x": {(): 1}}) == [3]


def test_filters_drop_rows_before_they_are_evaluated() -> None:
    text = "param d[1..2] = [0, 2]\nvar x\nsatisfy\nsubject to\n  c[i in 1..2 if d[i] > 0]: x / d[i] <= 1"
    assert violations(text, "c", {"x": {(): 6}}) == [2]


INDICATOR = """
var on binary
var n integer in [0, 3]
var x in [0, 20]
satisfy
subject to
  pick: on == 1 => x >= 10
"""


@pytest.mark.parametrize(("on", "expected"), [(1, 6), (0, 0), (1 - 1e-9, 6), (1e-9, 0)])
def test_an_implication_reads_its_binaries_rounded(on: float, expected: float) -> None:
    assert violations(INDICATOR, "pick", {"on": {(): on}, "x": {(): 4}}) == [expected]


@pytest.mark.parametrize(
    ("x", "y", "expected"), [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0.5, 0.25, 0.25), (-1, 0, 1), (2, 0, 1)]
)
def test_complementarity_wants_one_relation_tight(x: float, y: float, expected: float) -> None:
    text = "var x, y\nsatisfy\nsubject to\n  c: x >= 0 complements 1 - x - y >= 0"
    assert violations(text, "c", {"x": {(): x}, "y": {(): y}}) == [expected]


@pytest.mark.parametrize(
    ("x", "f", "expected"),
    [(0, 3, 0), (2, -3, 0), (1, 0, 0), (1, 3, 1), (1, -0.5, 0.5), (0, -3, 2), (2, 3, 2), (-1, 0, 1), (2.5, -1, 0.5)],
)
def test_a_range_complements_a_free_expression(x: float, f: float, expected: float) -> None:
    text = "var x, f\nsatisfy\nsubject to\n  c: 0 <= x <= 2 complements f\n  d: f complements 2 >= x >= 0"
    values = {"x": {(): x}, "f": {(): f}}
    assert violations(text, "c", values) == violations(text, "d", values) == [expected]


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (1, [0, 5, 0, 0], 0),
        (1, [0, 5, 2, 0], 2),
        (2, [0, 5, 2, 0], 0),
        (2, [3, 0, 2, 0], 2),
        (2, [3, 4, 1, 0], 1),
    ],
)
def test_special_ordered_sets(kind: int, values: list[float], expected: float) -> None:
    text = f"var x[1..4] in [0, 9]\nsatisfy\nsubject to\n  c: sos{kind}(x[i] for i in 1..4)"
    assert violations(text, "c", {"x": {(i + 1,): v for i, v in enumerate(values)}}) == [expected]


# --------------------------------------------------------------------------------------------------------- domains
@pytest.mark.parametrize(
    ("declaration", "entries", "expected"),
    [
        ("var x in [0, 3]", {(): 3.5}, [0.5]),
        ("var x integer in [0.5, 3.5]", {(): 3.25}, [0.25]),
        ("var x integer in [0.5, 3.5]", {(): 0}, [1]),
        ("var x binary", {(): 0.75}, [0.25]),
        ("var x spin", {(): 0.5}, [0.5]),
        ("var x semicontinuous in [2, 10]", {(): 0.5}, [0.5]),
        ("var x semicontinuous in [2, 10]", {(): 1.75}, [0.25]),
        ("var x semicontinuous in [2, 10]", {(): 0}, [0]),
        ("var x[1..2] simplex", {(1,): 0.5, (2,): 0.25}, [0.25]),
        ("var x[1..2] simplex", {(1,): 1.5, (2,): -0.5}, [0.5]),
        ("var x[1..2, 1..2] psd", {(1, 1): 1, (1, 2): 2, (2, 1): 2, (2, 2): 1}, [1]),
        ("var x[1..2, 1..2] psd", {(1, 1): 1, (1, 2): 1, (2, 1): 1, (2, 2): 1}, [0]),
        ("var x[1..2, 1..2] psd", {(1, 1): 5, (1, 2): 1, (2, 1): 0, (2, 2): 5}, [1]),
    ],
)
def test_domains_are_measured(declaration: str, entries: dict[tuple[int, ...], float], expected: list[float]) -> None:
    reference = Reference(program_of(f"{declaration}\nsatisfy"))
    found = [row.violation for row in reference.domain_rows("x", {"x": entries})]
    assert found == pytest.approx(expected, abs=1e-12)


def test_eigenvalues_agree_with_numpy() -> None:
    import numpy as np

    draw = np.random.default_rng(3)
    half = draw.normal(size=(6, 6))
    matrix = half + half.T
    program = program_of("var Z[1..6, 1..6] psd\nsatisfy")
    entries = {(i + 1, j + 1): float(matrix[i, j]) for i in range(6) for j in range(6)}
    (row,) = Reference(program).domain_rows("Z", {"Z": entries})
    assert row.violation == pytest.approx(-np.linalg.eigvalsh(matrix)[0], rel=1e-12)


# ----------------------------------------------------------------------------------------------- blocks and choices
GAME = """
set N = 1..3
param c[N] = [1, 2, 3]
player firm[i in N] {
  var q in [0, 10]
  maximize profit: (10 - sum(q[j] for j in N)) * q - c[i] * q
  subject to
    own: q <= 2 * c[i]
}
subject to
  shared: sum(q[j] for j in N) <= 4
"""
POINT = {"q": {(1,): 3.0, (2,): 1.0, (3,): 0.5}}


def test_each_player_has_an_objective_of_its_own() -> None:
    reference = Reference(program_of(GAME))
    found = [reference.objective(["firm"], (i,), POINT) for i in (1, 2, 3)]
    assert found == [5.5 * 3 - 3, 5.5 - 2, 5.5 * 0.5 - 1.5]


def test_own_slices_are_the_rows_of_their_block() -> None:
    reference = Reference(program_of(GAME))
    rows = list(reference.constraint_rows("firm.own", POINT))
    assert [(row.index, row.violation) for row in rows] == [((1,), 1), ((2,), 0), ((3,), 0)]
    assert [row.violation for row in reference.constraint_rows("shared", POINT)] == [0.5]


def test_a_position_that_a_pattern_fixes_is_no_index_of_the_family() -> None:
    program = program_of(
        """
        set I = 1..2
        set Arcs within I * I = {(1, 1), (1, 2), (2, 1)}
        var x in [0, 1]
        minimize x
        lower f[i in I] {
          var y[(i, j) in Arcs] in [0, 1]
          minimize sum(y[j] for (i, j) in Arcs)
          subject to
            c[(i, j) in Arcs]: y[j] + y[i, j] <= x
        }
        """
    )
    reference = Reference(program)
    assert reference.keys("y") == [(1, 1), (1, 2), (2, 1)]
    values = {"x": {(): 0}, "y": {(1, 1): 1, (1, 2): 2, (2, 1): 3}}
    assert [row.violation for row in reference.constraint_rows("f.c", values)] == [2, 4, 6]
    assert reference.objective(["f"], (1,), values) == 3


def test_a_choice_indexes_parameters_and_counts() -> None:
    program = program_of(
        """
        set L = 1..2
        set Opts[L] within {2, 4, 8} = {k for k in {2, 4, 8}}
        param size[L, {2, 4, 8}] = [[1, 2, 3], [4, 5, 6]]
        choose z[l in L] from Opts[l]
        minimize sum(size[l, z[l]] for l in L) + 100 * sum((z[l] == 4) for l in L)
        subject to
          c: count(z[l] == 8 for l in L) >= 2
        """
    )
    reference = Reference(program)
    values = {"z": {(1,): 4, (2,): 8}}
    assert reference.objective([], (), values) == 2 + 6 + 100
    assert [row.violation for row in reference.constraint_rows("c", values)] == [1]
    assert [row.violation for row in reference.domain_rows("z", {"z": {(1,): 4, (2,): 5}})] == [0, 1]


def test_a_scenario_is_used_as_an_index() -> None:
    program = program_of(
        """
        set Scenarios = {"dry", "wet"}
        param yield[Scenarios] = [1, 4]
        var land in [0, 10]
        uncertain s from Scenarios
        maximize yield[s] * land
        """
    )
    reference = Reference(program)
    assert reference.objective([], (), {"land": {(): 2}, "s": {(): "wet"}}) == 8
    found = [next(iter(reference.domain_rows("s", {"s": {(): member}}))).violation for member in ("wet", "hot")]
    assert found == [0, 1]


def test_a_multiplier_is_read_from_the_values() -> None:
    program = program_of(
        """
        var x in [0, 1]
        minimize dual(f.c) * x
        lower f {
          var y >= 0
          minimize y
          subject to
            c: y >= x
        }
        """
    )
    reference = Reference(program)
    assert reference.objective([], (), {"x": {(): 0.5}, "dual(f.c)": {(): 1.0}}) == 0.5


def test_outside_functions_get_families_and_numbers() -> None:
    program = program_of("set L = 1..2\nvar z[L]\nextern loss(z)\nminimize loss(z)")
    raw = RawData(functions={"loss": lambda z: sum(k[0] * v for k, v in z.items())})
    assert Reference(program, raw).objective([], (), {"z": {(1,): 5, (2,): 7}}) == 19
    with pytest.raises(EvaluationError, match="the function loss is not given"):
        Reference(program).objective([], (), {"z": {(1,): 5, (2,): 7}})


def test_a_missing_value_is_named() -> None:
    reference = Reference(program_of("var x[1..2]\nminimize x[1] + x[2]"))
    with pytest.raises(EvaluationError, match=r"no value is given for x\[2\]"):
        reference.objective([], (), {"x": {(1,): 0}})


def test_long_sums_do_not_exhaust_the_stack() -> None:
    terms = " + ".join(f"{i} * x" for i in range(3000))
    reference = Reference(program_of(f"var x\nminimize {terms}"))
    assert reference.objective([], (), {"x": {(): 2}}) == 2 * sum(range(3000))


# ------------------------------------------------------------------------------------------- outside and identities
OPERATORS = {"+": "+", "-": "-", "*": "*", "/": "/", "mod": "%", "div": "//", "^": "**"}
OPERANDS = st.sampled_from(["1", "2", "3", "0.5", "7", "-1", "-2", "(1 + 2)", "(2 - 5)", "x"])
CHAINS = st.tuples(OPERANDS, st.lists(st.tuples(st.sampled_from(list(OPERATORS)), OPERANDS), min_size=1, max_size=5))


def as_python(chain: tuple[str, list[tuple[str, str]]]) -> object:
    """The value by Python's own precedence and arithmetic, or None where that has no real value."""
    first, rest = chain
    text = first + "".join(f" {OPERATORS[op]} {operand}" for op, operand in rest)
    try:
        found = eval(text, {"x": 4.0})
        return None if isinstance(found, complex) else float(found)
    except (ZeroDivisionError, OverflowError, TypeError):  # TypeError: a complex number in between
        return None


@given(st.lists(CHAINS, min_size=5, max_size=5))
@settings(max_examples=60, deadline=None)
def test_arithmetic_agrees_with_python(chains: list[tuple[str, list[tuple[str, str]]]]) -> None:
    wanted = {f"e{k}": as_python(chain) for k, chain in enumerate(chains)}
    texts = [first + "".join(f" {op} {operand}" for op, operand in rest) for first, rest in chains]
    lines = "\n".join(f"let e{k} = {text}" for k, text in enumerate(texts) if wanted[f"e{k}"] is not None)
    reference = Reference(program_of(f"param x = 4\n{lines}{NOTHING_TO_DO}"))
    for name, value in wanted.items():
        if value is not None and math.isfinite(value):
            assert float(reference.at({}).entry(name, ())) == pytest.approx(value, rel=1e-12), texts  # type: ignore[arg-type]


FINITE = st.floats(-50, 50)
POSITIVE = st.floats(1e-6, 50)


@given(FINITE, POSITIVE)
@settings(max_examples=200, deadline=None)
def test_functions_agree_with_scipy(x: float, y: float) -> None:
    close = {"rel": 1e-12, "abs": 1e-300}
    assert NUMERIC["entropy"](y) == pytest.approx(special.entr(y), **close)
    assert NUMERIC["kl"](y, y + abs(x)) == pytest.approx(special.rel_entr(y, y + abs(x)), rel=1e-9, abs=1e-12)
    assert NUMERIC["huber"](x, y) == pytest.approx(special.huber(y, x), **close)
    assert NUMERIC["sigmoid"](x) == pytest.approx(special.expit(x), **close)
    assert NUMERIC["softplus"](x) == pytest.approx(-special.log_expit(-x), **close)
    assert NUMERIC["erf"](x) == pytest.approx(special.erf(x), **close)


@given(st.lists(FINITE, min_size=1, max_size=8))
def test_logsumexp_agrees_with_scipy(values: list[float]) -> None:
    assert aggregate("logsumexp", values) == pytest.approx(special.logsumexp(values), rel=1e-12, abs=1e-12)


@given(st.integers(-40, 40), st.integers(-40, 40).filter(bool))
def test_div_and_mod_belong_together(a: int, b: int) -> None:
    assert NUMERIC["idiv"](a, b) * b + NUMERIC["mod"](a, b) == a
    assert NUMERIC["mod"](a, b) * b >= 0


@given(st.lists(st.tuples(st.integers(-50, 50), FINITE), min_size=2, max_size=6, unique_by=lambda p: p[0]), FINITE)
def test_piecewise_meets_its_points_and_is_linear_between(points: list[tuple[int, float]], x: float) -> None:
    points.sort()
    breakpoints, values = [p[0] for p in points], [p[1] for p in points]
    assert [interpolate(b, breakpoints, values) for b in breakpoints] == pytest.approx(values, rel=1e-9, abs=1e-9)
    (a, u), (b, v) = points[-2:]
    beyond = b + abs(x)
    assert interpolate(beyond, breakpoints, values) == pytest.approx(v + (v - u) / (b - a) * abs(x), rel=1e-9, abs=1e-9)


def test_piecewise_refuses_breakpoints_that_do_not_increase() -> None:
    with pytest.raises(UndefinedError, match="do not increase"):
        interpolate(1, [0, 2, 2], [0, 1, 2])


MEMBERS = st.lists(st.integers(0, 9).map(lambda n: (n,)), unique=True, max_size=6)
ALGEBRA = """
set A
set B
let both = card(A union B) + card(A inter B) - card(A) - card(B)
let split = card(A minus B) + card(A inter B) - card(A)
let pairs = sum(i * j for i in A, j in B) - sum(i for i in A) * sum(j for j in B)
let filtered = sum(i for i in A if i in B) - sum(i * (i in B) for i in A)
let triangle = sum(1 for i in A, j in A if i < j) * 2 + card(A) - card(A * A)
let squares = norm2(i for i in A)^2 - sum(i^2 for i in A)
let counted = count(i > 4 for i in A) - sum(1 for i in A if i > 4)
let cycle = sum(ord(prev_cyclic(next_cyclic(i, A), A), A) - ord(i, A) for i in A)
"""


@cache
def algebra() -> Program:
    return program_of(ALGEBRA + NOTHING_TO_DO)


@given(MEMBERS, MEMBERS)
@settings(max_examples=60, deadline=None)
def test_identities_of_sets_and_sums(a: list[tuple[int]], b: list[tuple[int]]) -> None:
    reference = Reference(algebra(), RawData(sets={"A": a, "B": b}))
    for name, entries in reference.expressions({}).items():
        assert entries[()] == pytest.approx(0, abs=1e-9), name
