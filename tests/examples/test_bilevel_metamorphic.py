"""Changes that must not change the answer, and random bilevel programs against every active set."""

# ruff: noqa: ARG005 (every function takes the decisions of both levels)

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from bilevel_oracles import Bilevel, Function, optimum

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
    solution = optc.parse(text).bind().solve(time_limit=60)
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
