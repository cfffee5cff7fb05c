"""Changes that must not change the answer, and random bilevel programs against active sets and enumeration."""

# ruff: noqa: ARG005 (every function takes the decisions of both levels)

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from bilevel_oracles import Bilevel, Function, optimum
from scipy.optimize import linprog

import optc


@dataclass(frozen=True)
class Text:
    """A model in parts."""

    above: tuple[str, ...]
    goal: tuple[str, str]
    rows: tuple[str, ...]
    below: tuple[str, ...]
    aim: tuple[str, str]
    lower_rows: tuple[str, ...]

    def written(self) -> str:
        leader = "\n".join([*self.above, " ".join(self.goal), *(["subject to"] if self.rows else []), *self.rows])
        inside = "\n".join(
            [*self.below, " ".join(self.aim), *(["subject to"] if self.lower_rows else []), *self.lower_rows]
        )
        return f"{leader}\nlower f {{\n{inside}\n}}\n"


BASES = {
    "quadratic": Text(
        ("var x >= 0", "var w in [0, 3]"),
        ("minimize", "(x - 5)^2 + (2*y + 1)^2 + (w - 1)^2 - z"),
        ("reach: x + w <= 8",),
        ("var y >= 0", "var z in [0, 2]"),
        ("minimize", "(y - 1)^2 - 1.5*x*y + (z - w)^2"),
        ("c1: -3*x + y <= -3", "c2: x - 0.5*y <= 4", "c3: x + y + z <= 7"),
    ),
    "linear": Text(
        ("var u in [0, 8]",),
        ("minimize", "3*v + u - 0.1*t"),
        ("most: v <= 5",),
        ("var v", "var t in [0, 3]"),
        ("maximize", "v + 0.5*t"),
        ("c1: v + u <= 8", "c2: 4*v + u >= 8", "c3: 2*v + u + t <= 13", "c4: 2*v - 7*u <= 0"),
    ),
}


def value(text: str) -> float:
    solution = optc.parse(text).bind().solve(gap=1e-7, time_limit=60)
    assert solution.status == "optimal", (solution.termination, solution.diagnostics)
    assert solution.certificate.failed == ()
    assert solution.objective is not None
    return solution.objective


def turned(goal: tuple[str, str]) -> tuple[str, str]:
    return ("maximize" if goal[0] == "minimize" else "minimize", f"-({goal[1]})")


def scaled(row: str, factor: float) -> str:
    name, body = row.split(": ")
    left, relation, right = re.split(r" (<=|>=|==) ", body)
    return f"{name}: {factor}*({left}) {relation} {factor}*({right})"


def flipped(row: str) -> str:
    name, body = row.split(": ")
    left, relation, right = re.split(r" (<=|>=|==) ", body)
    return f"{name}: {right} { {'<=': '>=', '>=': '<=', '==': '=='}[relation] } {left}"


def negated(row: str) -> str:
    name, body = row.split(": ")
    left, relation, right = re.split(r" (<=|>=|==) ", body)
    return f"{name}: -({left}) { {'<=': '>=', '>=': '<=', '==': '=='}[relation] } -({right})"


def as_slack(text: Text) -> Text:
    """Every lower row as an equation with a slack decision of the follower."""
    rows, slacks = [], []
    for row in text.lower_rows:
        name, body = row.split(": ")
        left, relation, right = re.split(r" (<=|>=|==) ", body)
        slacks.append(f"var s_{name} >= 0")
        rows.append(f"{name}: {left} {'+' if relation == '<=' else '-'} s_{name} == {right}")
    return replace(text, below=(*text.below, *slacks), lower_rows=tuple(rows))


def as_rows(text: Text) -> Text:
    """Bounds of the follower's decisions as rows of the follower."""
    below, rows = [], []
    for declaration in text.below:
        found = re.fullmatch(r"var (\w+)(?: >= (\S+)| in \[(\S+), (\S+)\])?", declaration)
        assert found is not None
        name, only, low, high = found.groups()
        below.append(f"var {name}")
        rows += [f"least_{name}: {name} >= {only or low}"] if only or low else []
        rows += [f"most_{name}: {name} <= {high}"] if high else []
    return replace(text, below=tuple(below), lower_rows=(*text.lower_rows, *rows))


def renamed(text: Text) -> Text:
    parts = [
        tuple(re.sub(r"\b([xywzuvt])\b", r"the_\1_of_it", part) for part in group)
        for group in (text.above, text.goal, text.rows, text.below, text.aim, text.lower_rows)
    ]
    return Text(parts[0], (parts[1][0], parts[1][1]), parts[2], parts[3], (parts[4][0], parts[4][1]), parts[5])


def reversed_parts(text: Text) -> Text:
    return replace(
        text,
        above=text.above[::-1],
        rows=text.rows[::-1],
        below=text.below[::-1],
        lower_rows=text.lower_rows[::-1],
    )


CHANGES = {
    "families in reverse": reversed_parts,
    "other names": renamed,
    "the follower turned": lambda t: replace(t, aim=turned(t.aim)),
    "the follower's objective times 7, and moved": lambda t: replace(t, aim=(t.aim[0], f"7*({t.aim[1]}) + 3")),
    "the leader's decision added to the follower's objective": lambda t: replace(
        t, aim=(t.aim[0], f"{t.aim[1]} + 2*{t.above[0].split()[1]}")
    ),
    "lower rows times 1000": lambda t: replace(t, lower_rows=tuple(scaled(r, 1000.0) for r in t.lower_rows)),
    "lower rows times 0.001": lambda t: replace(t, lower_rows=tuple(scaled(r, 0.001) for r in t.lower_rows)),
    "lower rows read from right to left": lambda t: replace(t, lower_rows=tuple(map(flipped, t.lower_rows))),
    "lower rows negated": lambda t: replace(t, lower_rows=tuple(map(negated, t.lower_rows))),
    "lower rows twice": lambda t: replace(
        t, lower_rows=(*t.lower_rows, *("again_" + scaled(r, 2.0) for r in t.lower_rows))
    ),
    "lower rows with slacks": as_slack,
    "bounds as rows": as_rows,
}


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_writing_changes_nothing(base: str, change: str) -> None:
    text = BASES[base]
    assert value(CHANGES[change](text).written()) == pytest.approx(value(text.written()), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("base", BASES)
def test_a_turned_leader_has_the_opposite_value(base: str) -> None:
    text = BASES[base]
    opposite = replace(text, goal=turned(text.goal))
    assert value(opposite.written()) == pytest.approx(-value(text.written()), rel=1e-6, abs=1e-6)


# ------------------------------------------------------------------------------------------------------------- random
def drawn(seed: int) -> tuple[str, Bilevel]:
    """A random problem with two decisions on each level, always with an answer, as text and as functions."""
    random = np.random.default_rng(seed)

    def whole(low: int, high: int, *shape: int) -> np.ndarray:
        return random.integers(low, high + 1, shape).astype(float)

    quadratic, curved, ranged = seed % 2 == 0, seed % 3 == 0, seed % 4 == 1
    q = whole(0, 2, 2) + 1 if quadratic else np.zeros(2)
    c, cross = whole(-5, 5, 2), whole(-2, 2, 2, 2) if quadratic else np.zeros((2, 2))
    a, b, effect = whole(-1, 3, 3, 2), whole(2, 6, 3), whole(-1, 1, 3, 2)
    goal, bend = whole(-4, 4, 4), whole(0, 1, 4) if curved else np.zeros(4)
    names = ["x[1]", "x[2]", "y[1]", "y[2]"]

    def total(parts: list[tuple[float, str]]) -> str:
        return " + ".join(f"({number}) * {name}" for number, name in parts)

    leader = total([*zip(goal, names, strict=True), *((h, f"{n}^2") for h, n in zip(bend, names, strict=True))])
    products = [(cross[i, j], f"x[{j + 1}] * y[{i + 1}]") for i in range(2) for j in range(2)]
    follower = total([*zip(c, names[2:], strict=True), *zip(q, ("y[1]^2", "y[2]^2"), strict=True), *products])
    rows = "\n".join(
        f"    r{k}: {total([*zip(a[k], names[2:], strict=True), *zip(-effect[k], names[:2], strict=True)])} <= {b[k]}"
        for k in range(3)
    )
    band = "\n    band: -1 <= y[1] - y[2] <= 1" if ranged else ""
    text = f"""
var x[1..2] in [0, 2]
minimize {leader}
lower f {{
  var y[1..2] in [0, 4]
  minimize {follower}
  subject to
{rows}{band}
}}
"""
    below: list[Function] = [
        *(lambda x, y, k=k: float(a[k] @ y - effect[k] @ x - b[k]) for k in range(3)),
        *(lambda x, y, i=i: -y[i] for i in range(2)),
        *(lambda x, y, i=i: y[i] - 4 for i in range(2)),
    ]
    if ranged:
        below += [lambda x, y: y[0] - y[1] - 1, lambda x, y: y[1] - y[0] - 1]
    above: list[Function] = [
        *(lambda x, y, i=i: -x[i] for i in range(2)),
        *(lambda x, y, i=i: x[i] - 2 for i in range(2)),
    ]

    def leads(x: np.ndarray, y: np.ndarray) -> float:
        z = np.concatenate([x, y])
        return float(goal @ z + bend @ z**2)

    def follows(x: np.ndarray, y: np.ndarray) -> float:
        return float(c @ y + q @ y**2 + y @ cross @ x)

    return text, Bilevel((2, 2), leads, follows, above, below)


@pytest.mark.parametrize("seed", range(24))
def test_random_problems_reach_the_best_active_set(seed: int) -> None:
    text, problem = drawn(seed)
    wanted, _ = optimum(problem)
    assert value(text) == pytest.approx(wanted, rel=1e-6, abs=1e-6)


WHOLE = """
set I = 1..3
set J = 1..3
set R = 1..4
param goal[I]
param wish[J]
param aim[J]
param a[R, J]
param b[R]
param effect[R, I]
param least
param turn[I, J]
var x[I] DOMAIN
maximize sum(goal[i] * x[i] for i in I) + sum(wish[j] * y[j] for j in J)
subject to
  spared: sum(x[i] for i in I) <= 2
  enough: sum(y[j] for j in J) >= least
lower f {
  var y[J] in [0, 3]
  SENSE sum((aim[j] + sum(turn[i, j] * x[i] for i in I)) * y[j] for j in J)
  subject to
    rows[r in R]: sum(a[r, j] * y[j] for j in J) <= b[r] + sum(effect[r, i] * x[i] for i in I)
    tie: y[1] + y[2] >= y[3] - 1
}
"""


def enumerated(data: dict[str, np.ndarray], values: int, sign: float) -> float | None:
    """The leader's best over all its decisions; the follower's linear program solved at each, ties for the leader."""
    best = None
    tie = np.array([[-1.0, -1.0, 1.0]])
    for x in itertools.product(range(values), repeat=3):
        if sum(x) > 2:
            continue
        rows = np.vstack([data["a"], tie])
        right = np.append(data["b"] + data["effect"] @ x, 1.0)
        aim = sign * (data["aim"] + np.array(x) @ data["turn"])
        answer = linprog(aim, rows, right, bounds=(0, 3))
        if answer.status != 0:
            continue
        rows = np.vstack([rows, aim, -np.ones(3)])
        right = np.concatenate([right, [answer.fun + 1e-9, -float(data["least"])]])
        found = linprog(-data["wish"], rows, right, bounds=(0, 3))
        if found.status == 0:
            total = float(data["goal"] @ x) - found.fun
            best = total if best is None else max(best, total)
    return best


@pytest.mark.parametrize("domain", ["binary", "integer in [0, 2]"])
@pytest.mark.parametrize("seed", range(10))
def test_random_leaders_of_whole_decisions_reach_the_best_of_all(seed: int, domain: str) -> None:
    random = np.random.default_rng(100 + seed)
    data = {
        "goal": random.integers(-3, 4, 3).astype(float),
        "wish": random.integers(-3, 4, 3).astype(float),
        "aim": random.integers(-4, 3, 3).astype(float),
        "a": random.integers(-1, 4, (4, 3)).astype(float),
        "b": random.integers(1, 7, 4).astype(float),
        "effect": random.integers(-2, 3, (4, 3)).astype(float),
        "turn": random.integers(-1, 2, (3, 3)).astype(float) * (seed % 2),
        "least": np.array(float(seed % 3)),
    }
    up = seed % 4 == 3
    text = WHOLE.replace("DOMAIN", domain).replace("SENSE", "maximize" if up else "minimize")
    wanted = enumerated(data, 2 if domain == "binary" else 3, -1.0 if up else 1.0)
    given = {**{name: values.tolist() for name, values in data.items()}}
    solution = optc.parse(text).bind(given).solve(gap=1e-7, time_limit=60)
    if wanted is None:
        assert solution.status == "infeasible", solution.termination
        return
    assert solution.status == "optimal", (solution.termination, solution.diagnostics)
    assert solution.certificate.failed == ()
    assert solution.objective == pytest.approx(wanted, rel=1e-6, abs=1e-6)
