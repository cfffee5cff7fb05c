"""The .nl files of other programs: read, solved and judged on their own rows; malformed ones are told, never crash."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nl_values import close, values

import optc
from optc.cli.main import main
from optc.compiler.data import DataError
from optc.compiler.nl.model import stated
from optc.compiler.nl.reader import NlError, read_nl_text
from optc.nl import nl_problem

SMALL = """\
g3 1 1 0\t# problem small
 3 2 1 1 0
 1 1
 0 0
 2 2 2
 0 0 0 1
 0 1 0 0 0
 5 3
 0 0
 1 0 0 0 0
V3 1 0
2 4
o5
v0
n2
C0
o0
o2
v0
v1
v3
C1
n0
O0 0
o0
o44
v1
o5
v0
n2
x2
0 1.5
1 0.25
r
0 -1 20
2 1
b
0 -3 3
0 -2 2
0 0 5
k2
2
4
J0 3
0 0
1 3
2 1
J1 2
0 1
2 1
G0 3
0 0
1 0
2 2
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.nl"
    path.write_text(SMALL, encoding="utf-8")
    return path


def test_a_file_states_its_rows(small: Path) -> None:
    problem = optc.read_nl(small)
    point = {"v0": 1.5, "v1": -0.5, "v2": 2.0}
    objective, rows = values(problem, point, bare=True)
    assert objective == pytest.approx(np.exp(-0.5) + 1.5**2 + 2 * 2)
    body = 1.5 * -0.5 + (4 * 2.0 + 1.5**2) + 3 * -0.5 + 2.0  # the defined variable is 4 v2 + v0^2
    assert rows["c0"] == pytest.approx((body + 1, 20 - body))
    assert rows["c1"] == pytest.approx((1.5 + 2.0 - 1,))


def test_a_file_is_solved_checked_explained_and_verified(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", str(small), "--json"]) == 0
    answer = capsys.readouterr().out
    value = json.loads(answer)
    # v2 is whole: with v2 = 0 the best is v0 = 1 (row c1), v1 = -2 unless row c0 forbids: 1*v1 + 1 + 3 v1 >= -1
    assert value["model"] == "small"
    best = min(np.exp(v1) + v0**2 + 2 * v2 for v2 in range(6) for v0, v1 in _feasible(v2))
    assert value["objective"] == pytest.approx(best, abs=2e-3)
    assert main(["check", str(small)]) == 0
    assert ".nl, 2 rows, 3 columns; no mistakes" in capsys.readouterr().out
    assert main(["explain", str(small)]) == 0
    assert "mixed-integer" in capsys.readouterr().out
    (small.parent / "answer.json").write_text(answer, encoding="utf-8")
    assert main(["verify", str(small), str(small.parent / "answer.json")]) == 0


def _feasible(v2: int) -> list[tuple[float, float]]:
    v0, v1 = np.meshgrid(np.linspace(-3, 3, 1201), np.linspace(-2, 2, 801))
    row = v0 * v1 + 4 * v2 + v0**2 + 3 * v1 + v2
    kept = (row >= -1 - 1e-9) & (row <= 20 + 1e-9) & (v0 + v2 >= 1 - 1e-9)
    return list(zip(v0[kept].tolist(), v1[kept].tolist(), strict=True))


def test_names_come_from_the_files_beside_it(small: Path) -> None:
    small.with_suffix(".col").write_text('flow["a"]\nheight\ncount\n', encoding="utf-8")
    small.with_suffix(".row").write_text("balance\nleast\ncost\n", encoding="utf-8")
    problem = optc.read_nl(small)
    _, rows = values(problem, {'flow["a"]': 1.5, "height": -0.5, "count": 2.0}, bare=True)
    assert set(rows) == {"balance", "least"}
    small.with_suffix(".col").write_text("twice\ntwice\ncount\n", encoding="utf-8")
    assert set(values(optc.read_nl(small), {"v0": 1, "v1": 1, "v2": 1}, bare=True)[1]) == {"balance", "least"}


def test_a_packed_file_and_one_call(small: Path) -> None:
    packed = small.with_name("small.nl.gz")
    packed.write_bytes(gzip.compress(SMALL.encode()))
    assert optc.solve(packed).objective == pytest.approx(optc.solve(small).objective)
    with pytest.raises(TypeError, match="holds its data"):
        optc.solve(small, {"x": 1})


def test_data_beside_a_file_are_refused(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", str(small), "--set", "a=1"]) != 0
    assert "it takes no data" in capsys.readouterr().err


def test_a_linear_file_can_be_written_as_mps(tmp_path: Path) -> None:
    model = optc.parse("var x in [0, 4]\nvar k integer in [0, 3]\nmaximize 2*x + k\nsubject to\n  c: x + k <= 5.5\n")
    model.bind().export(tmp_path / "m.nl")
    assert main(["export", str(tmp_path / "m.nl"), "-o", str(tmp_path / "m.mps")]) == 0
    assert optc.read_mps(tmp_path / "m.mps").solve().objective == pytest.approx(9.0)


# ------------------------------------------------------------------------------------------------- operators and parts
def stated_objective(lines: str, columns: int = 2) -> float:
    """The value of an expression at v0 = 0.6, v1 = -0.3."""
    text = _file(lines, columns)
    found = stated(read_nl_text(text, "f.nl"), [], [f"v{k}" for k in range(columns)])
    problem = optc.parse(found.text, name="f.opt").bind(found.data)
    objective, _ = values(problem, {"v0": 0.6, "v1": -0.3}, bare=True)
    assert objective is not None
    return objective


def _file(lines: str, columns: int = 2) -> str:
    head = f"g3 1 1 0\n {columns} 0 1 0 0\n 0 1\n 0 0\n 0 {columns} 0\n 0 0 0 1\n 0 0 0 0 0\n 0 0\n 0 0\n 0 0 0 0 0\n"
    return f"{head}O0 0\n{lines}b\n" + "3\n" * columns


def _tokens(text: str) -> str:
    return "".join(f"{word}\n" for word in text.split())


A, B = 0.6, -0.3


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("o0 v0 v1", A + B),
        ("o1 v0 v1", A - B),
        ("o2 v0 v1", A * B),
        ("o3 v0 v1", A / B),
        ("o4 n-7.5 o0 v0 n1.4", np.fmod(-7.5, 2.0)),
        ("o5 v0 v1", A**B),
        ("o5 v0 n3", A**3),
        ("o5 n2 v1", 2**B),
        ("o6 v0 v1", max(A - B, 0)),
        ("o6 v1 v0", 0.0),
        ("o11 3 v0 v1 n2", B),
        ("o12 3 v0 v1 n0.1", A),
        ("o13 o2 n10 v1", -3.0),
        ("o14 o2 n9 v0", 6.0),
        ("o15 v1", 0.3),
        ("o16 v1", 0.3),
        ("o37 v1", np.tanh(B)),
        ("o38 v1", np.tan(B)),
        ("o39 v0", np.sqrt(A)),
        ("o40 v1", np.sinh(B)),
        ("o41 v1", np.sin(B)),
        ("o42 v0", np.log10(A)),
        ("o43 v0", np.log(A)),
        ("o44 v1", np.exp(B)),
        ("o45 v1", np.cosh(B)),
        ("o46 v1", np.cos(B)),
        ("o47 v1", np.arctanh(B)),
        ("o49 v1", np.arctan(B)),
        ("o50 v1", np.arcsinh(B)),
        ("o50 o2 n10000 v1", np.arcsinh(-3000.0)),
        ("o51 v1", np.arcsin(B)),
        ("o52 o0 v0 n1", np.arccosh(1 + A)),
        ("o53 v1", np.arccos(B)),
        ("o54 3 v0 v1 n0.5", A + B + 0.5),
        ("o54 1 v0", A),
        ("o55 n-7.5 o0 v0 n1.4", -3.0),
        ("o57 o2 n9 v1 n0", -3.0),
        ("o58 o2 n9 v1 n0", -2.0),
        ("o76 v0 n1.5", A**1.5),
        ("o77 v1", B**2),
        ("o78 n1.5 v0", 1.5**A),
        ("o64 3 n-1 n-0.5 n2 n0.5 n4 v0", 0.5 * 2 + 0.1 * 4),
        ("o64 3 n-1 n-0.5 n2 n0.5 n4 o2 n3 v1", -0.5 * 2 - 0.4 * -1),
        ("o35 o29 n2 n1 v0 v1", A),
        ("o35 o21 o22 n2 n1 o24 n1 n1 v0 v1", B),
        ("o35 o34 o20 o23 n2 n1 o28 n1 n2 v0 v1", A),
        ("o2 v0 o2 v0 o2 v0 o2 v0 o2 v0 o2 v0 o2 v0 o2 v0 v1", A**8 * B),
        ("o2 v0 o2 v1 o2 v0 o2 v0 o2 v1 v0", A**4 * B**2),
        ("o2 " * 20 + "v0 " * 21, A**21),
        ("o2 o0 v0 n1 o2 o41 v1 o0 v0 n1", (A + 1) ** 2 * np.sin(B)),
        ("o39 o54 8 v0 v0 v0 v0 v0 v0 v0 v0", np.sqrt(8 * A)),
        ("o44 o54 8 o41 v0 o41 v1 o41 v0 o41 v1 o41 v0 o41 v1 o41 v0 o41 v1", np.exp(4 * (np.sin(A) + np.sin(B)))),
        ("o2 o12 8 v0 v1 v0 v1 v0 v1 v0 v1 v1", A * B),
        ("o1 o2 n3 o0 v0 n2 o3 v1 n4", 3 * (A + 2) - B / 4),
        ("o3 n2 o0 v0 v1", 2 / (A + B)),
        ("s3", 3.0),
        ("l-4", -4.0),
    ],
)
def test_operators(expression: str, value: float) -> None:
    assert stated_objective(_tokens(expression)) == pytest.approx(value, rel=1e-12, abs=1e-13)


def test_deep_and_long_expressions() -> None:
    assert stated_objective("o0\n" * 5000 + "v0\n" * 5001) == pytest.approx(5001 * A)
    assert stated_objective("o0\n" * 300 + "o41\nv0\n" * 301) == pytest.approx(301 * np.sin(A))
    assert -1 < stated_objective("o41\n" * 50 + "v0\n") < 1
    with pytest.raises(NlError, match="nested more than 60 deep"):
        read_nl_text(_file("o41\n" * 500 + "v0\n"), "f.nl")


REFUSED = [
    ("o35 o29 v0 n1 v0 v1", "a condition on variables (o29, `>`)"),
    ("o48 v0 v1", "the operator o48 (`atan2`)"),
    ("o59 2 v0 v1", "the operator o59 (`count`)"),
    ("f0 1 v0", "a call of an imported function (f0"),
    ("o3 v0 n0", "a division by 0"),
]


@pytest.mark.parametrize(("expression", "what"), REFUSED)
def test_what_the_language_has_no_place_for_is_named(expression: str, what: str) -> None:
    with pytest.raises(NlError) as refused:
        read_nl_text(_file(_tokens(expression)), "f.nl")
    (diagnostic,) = refused.value.diagnostics
    assert diagnostic.code.id == "E0716"
    assert what in diagnostic.message
    assert diagnostic.hints


LINES = [
    ("C0\n", "C9\n", 16, "row 9 does not exist: the header says there are 2"),
    ("o2\nv0\n", "o99\nv0\n", 18, "o99 is no operator"),
    ("v0\nv1\nv3", "v0\nv1\nv7", 21, "variable 7 does not exist"),
    ("v0\nv1\nv3", "v0\nv1\nx3", 17, "o0 wants 2 arguments, 1 follow"),
    ("n2\nC0", "nnan\nC0", 15, "is not finite"),
    ("2 1\nb", "7 1\nb", 36, "a kind of bound"),
    ("0 -1 20", "0 -1", 35, "a kind of bound"),
    ("2\n4\nJ0", "2\nJ0", 42, "2 lines should follow"),
    ("1 3\n2 1\nJ1", "1 3\n2 one\nJ1", 47, "a column number and a value"),
    ("1 3\n2 1\nJ1", "1 3\n5 1\nJ1", 47, "variable 5 does not exist"),
    (" 5 3\n", " 6 3\n", 8, "the header says 6 entries of the rows"),
    ("G0 3\n0 0\n1 0\n2 2\n", "", 8, "the header says 3 entries of the objectives"),
    ("J1 2", "J0 2", 48, "a second segment J0"),
    ("r\n0 -1 20\n2 1\n", "", 52, "the bounds of the rows are missing"),
    (" 3 2 1 1 0", " 3 2", 2, "line 2 of the header"),
    (" 0 1 0 0 0", " 3 1 0 0 0", 5, "do not fit"),
    (" 0 1 0 0 0", " 0 1 3 0 0", 7, "more nonlinear whole variables"),
    ("g3 1 1 0", "x3 1 1 0", 1, "begins with g"),
]


@pytest.mark.parametrize(("old", "new", "line", "problem"), LINES)
def test_a_mistake_is_told_with_its_line(old: str, new: str, line: int, problem: str) -> None:
    assert SMALL.count(old) == 1
    with pytest.raises(NlError) as refused:
        read_nl_text(SMALL.replace(old, new), "f.nl")
    (diagnostic,) = refused.value.diagnostics
    assert problem in diagnostic.message
    assert (diagnostic.place.file, diagnostic.place.line) == ("f.nl", line)  # type: ignore[union-attr]


def test_what_does_not_count_is_noted() -> None:
    more = "S0 1 priority\n0 3\nd1\n0 1.5\nO1 1\nn5\n"
    text = SMALL.replace(" 3 2 1 1 0", " 3 2 2 1 0").replace("x2\n", more + "x2\n")
    notes = [d.message for d in read_nl_text(text, "f.nl").notes]
    assert notes == [
        "the suffix priority is left out",
        "the start values of duals (segment d) is left out",
        "objective 1 (the first one counts) is left out",
    ]
    with pytest.raises(NlError, match="special ordered set"):
        read_nl_text(SMALL.replace("x2\n", "S0 1 sosno\n0 3\nx2\n"), "f.nl")


def test_complementarity_conditions(tmp_path: Path) -> None:
    # 0 <= v0 complements v0 + v1 - 3 >= 0; v1 <= 4 complements v1 - 6 <= 0; v2 in [0, 5] complements v2 - 2
    text = (
        "g3 1 1 0\n 3 3 0 0 0\n 0 0 3 0 0 0\n 0 0\n 0 0 0\n 0 0 0 1\n 0 0 0 0 0\n 4 0\n 0 0\n 0 0 0 0 0\n"
        "C0\nn-3\nC1\nn-6\nC2\nn-2\nr\n5 1 1\n5 2 2\n5 3 3\nb\n2 0\n1 4\n0 0 5\n"
        "J0 2\n0 1\n1 1\nJ1 1\n1 1\nJ2 1\n2 1\n"
    )
    path = tmp_path / "pairs.nl"
    path.write_text(text, encoding="utf-8")
    solution = optc.read_nl(path).solve()
    found = solution["x"]
    assert solution.status == "feasible"  # there is no objective
    assert [found["v0"], found["v1"], found["v2"]] == pytest.approx([0.0, 4.0, 2.0])


# ------------------------------------------------------------------------------------------------------------- damage
TOKENS = "o54 o35 n1e400 v99 v-1 nnan o64 o11 h3:a C1 r b k2 x1 L0 o79 -1 o2 s3 o23 5 1e5 n0 o3 l"


def damaged(text: str, rng: random.Random) -> str:
    """A text with a few lines lost, doubled, swapped, cut off or with other characters and numbers."""
    lines = text.split("\n")
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        k, kind = rng.randrange(len(lines)), rng.randrange(8)
        at = rng.randrange(len(lines[k])) if lines[k] else 0
        if kind == 0:
            del lines[k]
        elif kind == 1:
            lines.insert(k, rng.choice(lines))
        elif kind == 2:
            lines[k] = rng.choice(TOKENS.split())
        elif kind == 3:
            lines[k] = lines[k][:at] + rng.choice("0123456789ovnCJ .-e#\t") + lines[k][at + 1 :]
        elif kind == 4:
            lines[k] = lines[k][:at] + lines[k][at + 1 :]
        elif kind == 5:
            lines = lines[: k + 1]
        elif kind == 6:
            other = rng.randrange(len(lines))
            lines[k], lines[other] = lines[other], lines[k]
        else:
            words = lines[min(k, 9)].split(" ")
            words[rng.randrange(len(words))] = rng.choice(("0", "1", "2", "13", "99999999", "-1", str(2**40)))
            lines[min(k, 9)] = " ".join(words)
        lines = lines or [""]
    return "\n".join(lines)


def test_damaged_files_are_refused_or_read_and_never_crash() -> None:
    rng = random.Random(7)
    read = refused = 0
    for _ in range(1500):
        text = damaged(SMALL, rng)
        try:
            problem = read_nl_text(text, "f.nl")
        except NlError as told:
            assert told.diagnostics[0].message
            refused += 1
            continue
        found = stated(
            problem, [f"c{k}" for k in range(len(problem.rows))], [f"v{k}" for k in range(len(problem.cost))]
        )
        try:
            optc.parse(found.text, name="f.opt").bind(found.data)
        except DataError:  # bounds that cross
            continue
        read += 1
    assert refused > 500
    assert read > 50


# -------------------------------------------------------------------------------------------------------- Pyomo's files
def pyomo_model() -> Any:
    pe = pytest.importorskip("pyomo.environ")
    m = pe.ConcreteModel()
    m.I = pe.RangeSet(0, 9)
    m.x = pe.Var(m.I, bounds=(0.5, 2), initialize=1)
    m.k = pe.Var([0, 1], within=pe.Integers, bounds=(-3, 5))
    m.b = pe.Var(within=pe.Binary)
    m.y = pe.Var(bounds=(-1, None))
    total = sum((m.x[i] - i) ** 2 for i in m.I)
    m.o = pe.Objective(
        expr=total + pe.exp(m.x[0]) * pe.sin(m.x[1]) + 3 * m.k[0] - m.b + 7 + pe.cos(m.y), sense=pe.maximize
    )
    m.c = pe.Constraint(
        m.I, rule=lambda m, i: pe.log(m.x[i]) + (1 + i) * m.x[i] * m.x[(i + 1) % 10] + 2 * m.x[3] <= 4 + i
    )
    m.e = pe.Expression(
        expr=sum(m.x[i] ** 2 for i in m.I) + pe.sqrt(sum(m.x[i] * m.x[(i + 2) % 10] for i in m.I)) + 2 * m.y
    )
    inverse = pe.asinh(m.x[1]) + pe.acosh(m.x[4] + 1) + pe.atanh(m.x[5] / 3) + pe.asin(m.x[6] / 2) - pe.atan(m.x[7])
    m.d = pe.Constraint(expr=pe.inequality(-5, m.e * m.x[2] + inverse + abs(m.x[1] - 1), 500))
    m.f = pe.Constraint(expr=m.e + m.k[1] ** 2 == 30)
    m.g = pe.Constraint(expr=m.x[1] + m.k[1] + m.b >= -30)
    m.h = pe.Constraint([2, 3], rule=lambda m, i: m.x[i] ** (0.3 * i) + 2 ** m.x[i] + m.e / m.x[1] >= i)
    m.t = pe.Constraint(expr=pe.tanh(m.y) + pe.sinh(m.x[2]) + pe.cosh(m.x[3]) + pe.tan(m.x[4] / 2) <= 90)
    return m


@pytest.mark.parametrize("labels", [True, False])
def test_files_of_pyomo_have_the_values_that_pyomo_has(tmp_path: Path, labels: bool) -> None:
    pe = pytest.importorskip("pyomo.environ")
    m = pyomo_model()
    path = str(tmp_path / "m.nl")
    m.write(path, io_options={"symbolic_solver_labels": labels})
    problem = optc.read_nl(path)
    rng = np.random.default_rng(3)
    numbered = not (tmp_path / "m.col").exists()
    assert numbered is not labels
    if numbered:
        assert problem.instance.columns == 14
        return
    for _ in range(4):
        named = {}
        for variable in m.component_data_objects(pe.Var):
            low, high = variable.bounds
            value = rng.uniform(low, 3.0 if high is None else high)
            variable.set_value(value if variable.is_continuous() else round(value))
            named[variable.name] = float(variable.value)
        objective, rows = values(problem, named, bare=True)
        assert objective is not None
        assert close(objective, pe.value(m.o), 1e-12)
        for constraint in m.component_data_objects(pe.Constraint):
            body, low, high = pe.value(constraint.body), pe.value(constraint.lower), pe.value(constraint.upper)
            ends = [body - low] if low is not None else []
            ends += [high - body] if high is not None and high != low else []
            assert rows[constraint.name] == pytest.approx(ends, rel=1e-12, abs=1e-12), constraint.name


def test_pyomo_and_optc_read_the_same_integers(tmp_path: Path) -> None:
    pytest.importorskip("pyomo.environ")
    path = str(tmp_path / "m.nl")
    pyomo_model().write(path, io_options={"symbolic_solver_labels": True})
    names = (tmp_path / "m.col").read_text(encoding="utf-8").split()
    found = nl_problem(path)
    assert {n for n, whole in zip(names, found.integer, strict=True) if whole} == {"k[0]", "k[1]", "b"}
