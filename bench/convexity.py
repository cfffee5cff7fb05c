"""What is proved convex, on models with known answers: no false "convex", and how many of the convex ones are found.

    python bench/convexity.py [--list]

The models: the thirty Hock–Schittkowski problems of the tests, the single-level examples, and pairs written here of a
convex model and a twin that differs little and is not convex. Integrality is left aside. ``--list`` names all verdicts.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import optc
from optc.compiler.facts.convexity import Proof, convex_problem
from optc.compiler.instance.instance import Instance

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Case:
    group: str
    name: str
    instance: Instance
    convex: bool


# Checked by hand: convex objective, convex inequalities, affine equations. HS100 misses it by -4*x6*x7 beside x7^4.
CONVEX_HS = {f"HS{k}" for k in (10, 12, 14, 21, 28, 35, 43, 48, 51, 52, 65, 76, 113)}
# By their texts: linear and convex quadratic ones, and those with cones. Examples that are not named are left out.
CONVEX_EXAMPLES = {
    *("dc_opf", "diet", "facility_location", "knapsack", "maximum_entropy", "multicommodity", "portfolio"),
    *("portfolio_risk_limit", "transportation", "travelling_salesman", "unit_commitment", "unit_dispatch"),
}
OTHER_EXAMPLES = {
    *("ac_opf", "densest_subgraph", "efficiency", "goddard_rocket", "hanging_chain", "lot_sizing", "pressure_vessel"),
    *("quadratic_assignment", "sudoku", "us_map_coloring"),
}

HEAD = """
set I = 1..4
param w[i in I] = i
param c[i in I] = i - 2.5
param P[i in I, j in I] = if i == j then 2 else if i - j == 1 or j - i == 1 then -1 else 0
param N[i in I, j in I] = if i == j then 1 else if i - j == 1 or j - i == 1 then -1 else 0
var x[I] in [-2, 2]
var p[I] in [0, 5]
var y in [0.5, 4]
var z
var t >= 0
"""

# A convex model, and what differs little from it and is not.
PAIRS = [
    (
        "minimize sum(P[i, j] * x[i] * x[j] for i in I, j in I)",
        "minimize sum(N[i, j] * x[i] * x[j] for i in I, j in I)",
    ),
    ("minimize z^4 + z^2", "minimize z^4 - z^2"),
    ("minimize exp(z) - log(y)", "minimize exp(z) + log(y)"),
    ("minimize y^3", "minimize z^3"),
    ("minimize y * log(y) + y", "minimize p[1] * log(y)"),
    ("maximize sum(entropy(p[i]) for i in I)", "minimize sum(entropy(p[i]) for i in I)"),
    ("maximize sum(w[i] * log(1 + p[i]) for i in I)", "maximize sum(c[i] * log(1 + p[i]) for i in I)"),
    ("maximize sqrt(p[1] * p[2])", "maximize p[1] * p[2]"),
    ("maximize prod(p[i] for i in I)^0.25", "maximize prod(p[i] for i in I)^0.26"),
    ("minimize x[1]^2 / y", "minimize x[1] / y"),
    ("minimize (x[1] - x[2])^2 / y + 1 / y", "minimize (x[1] - x[2])^2 / y^2"),
    ("minimize logsumexp(x[i] for i in I)", "maximize logsumexp(x[i] for i in I)"),
    ("minimize log(sum(exp(x[i]) for i in I))", "minimize log(sum(p[i] for i in I) + 1)"),
    ("minimize log(1 + exp(z)) - z", "minimize log(1 + z^2)"),
    (
        "minimize norm2(x[i] for i in I) + norm1(x[i] for i in I)",
        "minimize norm2(x[i] for i in I) - norm1(x[i] for i in I)",
    ),
    ("minimize sqrt(1 + sum(x[i]^2 for i in I))", "minimize sqrt(20 - sum(x[i]^2 for i in I))"),
    ("minimize max(z^2, exp(z), -log(y))", "minimize min(z^2, exp(z))"),
    ("minimize abs(z) + abs(z - 3)", "minimize abs(z) - abs(z - 3)"),
    ("minimize kl(p[1], y) + kl(y, p[1])", "maximize kl(p[1], y)"),
    ("minimize sum(softplus(c[i] * z) for i in I)", "minimize sum(c[i] * softplus(z + i) for i in I)"),
    ("minimize sum(huber(z - c[i]) for i in I)", "minimize sum(sigmoid(z - c[i]) for i in I)"),
    ("minimize 2^z + 0.5^z", "minimize 2^z - 0.5^z"),
    ("minimize y^1.5 + y^(-0.5) - y^0.5", "minimize y^1.5 - y^(-0.5)"),
    ("minimize exp(x[1]^2 + x[2]) / p[1]", "minimize exp(x[1]^2) * x[2]"),
    ("minimize -sin(y / 2)", "minimize -sin(y * 2)"),
    ("minimize y * exp(y)", "minimize z * exp(z)"),
    ("minimize -y / (1 + y)", "minimize y / (1 + y)"),
    ("minimize (max(z, 0))^2", "minimize (max(z, -1))^2"),
    ("minimize piecewise(z, [0, 1, 2], [0, 1, 3])", "minimize piecewise(z, [0, 1, 2], [0, 2, 3])"),
    ("minimize z\nsubject to\n  a: z >= x[1]^2 - log(y)", "minimize z\nsubject to\n  a: z <= x[1]^2 - log(y)"),
    (
        "minimize z\nsubject to\n  a: norm2(x[i] for i in I) <= t\n  b: t <= z",
        "minimize z\nsubject to\n  a: norm2(x[i] for i in I) >= t\n  b: t <= z",
    ),
    ("minimize z\nsubject to\n  a: exp(z) + y <= 9", "minimize z\nsubject to\n  a: exp(z) + y == 9"),
    (
        "minimize z\nsubject to\n  a[i in I]: w[i] * x[i]^2 <= z",
        "minimize z\nsubject to\n  a[i in I]: c[i] * x[i]^2 <= z",
    ),
    ("minimize z^3\nsubject to\n  a: z >= 2 * y - 1", "minimize z^3\nsubject to\n  a: z >= 2 * y - 2"),
    (
        "minimize z\nsubject to\n  a: sqrt(p[1] * p[2]) >= 1 + z^2",
        "minimize z\nsubject to\n  a: sqrt(p[1] * p[2]) <= 1 + z^2",
    ),
    (
        "minimize z\nsubject to\n  a: t^2 <= z\n  b: -2 <= x[1] + t <= 3",
        "minimize z\nsubject to\n  a: t^2 <= z\n  b: 1 <= x[1]^2 + t <= 3",
    ),
    (
        "minimize z\nsubject to\n  a: x[1]^2 + x[2]^2 <= x[3]^2 + t * 0 + z - x[3]^2",
        "minimize z\nsubject to\n  a: x[1]^2 + x[2]^2 <= x[3]^2 + z",
    ),
    ("minimize cosh(z) + sinh(y)", "minimize cosh(z) + sinh(z)"),
    ("minimize exp(y + x[1]) - 0.4 * y * x[1]", "minimize exp(y + x[1]) - 0.45 * y * x[1]"),
    ("minimize y * x[1]^2 + 16 * y^2 + 8 * x[1]^2", "minimize y * x[1]^2 + y^2 / 16 + 8 * x[1]^2"),
]
# The same for rows that are convex sets of functions that are not convex: cones by their squares, products by roots.
ROWS = [
    ("sum(x[i]^2 for i in I) <= t^2", "sum(x[i]^2 for i in I) <= z^2"),
    ("t^2 - sum(x[i]^2 for i in I) >= 0.1", "t^2 - sum(x[i]^2 for i in I) >= -0.1"),
    ("sum((x[i] - i)^2 for i in I) <= (2 * t + 1)^2", "sum((x[i] - i)^2 for i in I) <= (2 * t - 1)^2"),
    ("sum(P[i, j] * x[i] * x[j] for i in I, j in I) <= t^2", "sum(N[i, j] * x[i] * x[j] for i in I, j in I) <= t^2"),
    ("sum(x[i]^2 for i in I) <= p[1] * p[2]", "sum(x[i]^2 for i in I) <= p[1] * z"),
    ("p[1] * p[2] >= 1", "p[1] * p[2] <= 1"),
    ("p[1] * p[2] >= z^2", "p[1] * p[2] >= z^2 - 1"),
    ("(p[1] + 1) * (p[2] + 2) >= z^2", "(p[1] + 1) * (p[2] - 2) >= z^2 - 2"),
    ("z^2 <= y * x[1]", "z^2 <= t * x[1]"),
    ("x[1] * t >= 1 + z^2", "x[1] * t >= z^2"),
    ("(t + x[1])^2 + z^2 <= 4 * t^2", "(t + x[1])^2 + z^2 <= 4 * x[1]^2"),
    ("z^2 <= t^2 + 2 * t * y + y^2", "z^2 <= t^2 + 1.999 * t * y + y^2"),
    ("z^2 <= (x[1] + 2)^2", "z^2 <= (x[1] + 1.9)^2"),
    ("p[1] * p[2] * p[3] >= 2", "p[1] * p[2] * x[3] >= 2"),
    ("p[1]^2 * p[2] >= t^3", "p[1]^2 * p[2] >= t^2"),
    ("p[1] * p[2] >= exp(z)", "p[1] * p[2] >= exp(z) - 1"),
    ("norm2(x[i] for i in I)^2 <= t^2", "norm2(x[i] for i in I)^2 <= z^2"),
    ("sqrt(1 + z^4) <= 2", "sqrt(z^4 - 1) <= 2"),
    ("log(1 + z^2) <= log(y)", "log(1 + z^2) <= y"),
]
# Convex, and not proved so: what recall is measured against.
HARD = [
    "minimize z\nsubject to\n  a: x[1]^2 + x[2]^2 <= t^2\n  b: t <= z",  # a second-order cone by its square
    "minimize z\nsubject to\n  a: p[1] * p[2] >= 1\n  b: z >= p[1] + p[2]",  # a hyperbola
    "minimize y^3 + y * x[1] + x[1]^2",  # a Hessian that is positive definite over the bounds only
    "minimize z\nsubject to\n  a: x[1]^2 <= (p[1] - p[2])^2\n  b: p[1] >= p[2]",  # one half, which a row tells
    "minimize z\nsubject to\n  a: log(1 + z^2) <= 1",  # a level set of something that is not convex
    "minimize z\nsubject to\n  a: (1 + x[1]^2) / (1 + y^2) <= 1",  # a cone below a fraction line
    "minimize x[1]^4 + x[2]^4 + x[1]^2 * x[2]^2",  # a Hessian that is positive definite, part by part or not
    "minimize sum(P[i, j] * x[i] * x[j] for i in I, j in I) + y^4 + y * x[1] + y * x[2] / 2",
    "minimize (1 + z^2)^0.5 + z * 0",
    "minimize log(exp(z) + exp(-z)) + exp(z) * exp(z)",
    "minimize -p[1]^0.5 * p[2]^0.25 * y^0.25",
    "minimize y^y",
    "minimize z^2 * exp(0 * z) + (z^2 + 1) / 1",
    "minimize sum(x[i] for i in I)^2 / (1 + sum(p[i] for i in I))",
    "minimize (x[1] + 3)^2 / (x[1] + 4)",
]


def cases() -> Iterator[Case]:
    sys.path.insert(0, str(ROOT / "tests" / "compiler"))
    from reference_problems import PROBLEMS

    for problem in PROBLEMS:
        yield Case(
            "Hock-Schittkowski", problem.name, optc.parse(problem.text).bind().instance, problem.name in CONVEX_HS
        )
    for file in sorted((ROOT / "examples").glob("*/expected.json")):
        if file.parent.name not in CONVEX_EXAMPLES | OTHER_EXAMPLES:
            continue
        run = json.loads(file.read_text(encoding="utf-8"))["runs"][0]
        model = optc.read(file.parent / "model.opt")
        inputs = [_placed(each, file.parent) for each in run["data"]]
        convex = file.parent.name in CONVEX_EXAMPLES
        yield Case("examples", file.parent.name, model.bind(*inputs).instance, convex)
    for number, (convex, twin) in enumerate(PAIRS):
        for text, answer in ((convex, True), (twin, False)):
            yield Case("pairs", f"{number} {text.splitlines()[0]}", _bound(text), answer)
    for number, (convex, twin) in enumerate(ROWS):
        for row, answer in ((convex, True), (twin, False)):
            yield Case("rows", f"{number} {row}", _bound(f"minimize z\nsubject to\n  a: {row}"), answer)
    for text in HARD:
        yield Case("hard", text.splitlines()[0], _bound(text), True)


def _placed(given: object, folder: Path) -> object:
    if not isinstance(given, str):
        return given
    name, equals, path = given.rpartition("=")
    return f"{name}{equals}{folder / path}"


def _bound(text: str) -> Instance:
    return optc.parse(f"{HEAD}{text}\n").bind().instance


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="name every verdict, with the reason")
    wanted = parser.parse_args()
    counts: dict[str, list[int]] = {}
    wrong, slowest = [], 0.0
    for case in cases():
        begin = time.perf_counter()
        found = convex_problem(case.instance)
        slowest = max(slowest, time.perf_counter() - begin)
        proved = isinstance(found, Proof)
        row = counts.setdefault(case.group, [0, 0, 0, 0])
        row[0 if case.convex else 2] += 1
        row[1 if case.convex else 3] += proved
        if proved and not case.convex:
            wrong.append(f"{case.group}: {case.name}")
        if wanted.list:
            reason = "" if isinstance(found, Proof) else f": {found.diagnostic.message}"
            print(f"{'convex' if case.convex else 'not':<7}{'proved' if proved else '-':<7}{case.name}{reason}")
    print(f"{'group':<20}{'convex':>8}{'proved':>8}{'recall':>8}{'not':>6}{'false':>7}")
    for group, (convex, found_, other, false) in counts.items():
        recall = f"{found_ / convex:.0%}" if convex else "-"
        print(f"{group:<20}{convex:>8}{found_:>8}{recall:>8}{other:>6}{false:>7}")
    print(f"slowest verdict {slowest:.2f} s")
    for name in wrong:
        print(f"FALSE: {name}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
