"""Small problems with several local optima and a known global one, as models of the language.

Sources: the test sets of L. C. W. Dixon, G. P. Szegö, "Towards Global Optimisation 2", North-Holland (1978); C. A.
Floudas et al., "Handbook of Test Problems in Local and Global Optimization", Kluwer (1999); W. Hock, K. Schittkowski,
"Test Examples for Nonlinear Programming Codes" (1981); C. A. Haverly, "Studies of the behaviour of recursion for the
pooling problem", SIGMAP Bulletin 25 (1978). Where those give fewer digits the optimum is that of a fine local solve.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi


@dataclass(frozen=True, slots=True)
class GlobalProblem:
    """``optimum``: the best objective value there is."""

    name: str
    text: str
    optimum: float


def _vector(n: int, low: float, high: float, objective: str, rows: str = "") -> str:
    return f"var x[i in 1..{n}] in [{low}, {high}]\nminimize {objective}\n{rows}"


def _shekel(count: int) -> str:
    centres = [
        (4, 4, 4, 4), (1, 1, 1, 1), (8, 8, 8, 8), (6, 6, 6, 6), (3, 7, 3, 7),
        (2, 9, 2, 9), (5, 5, 3, 3), (8, 1, 8, 1), (6, 2, 6, 2), (7, 3.6, 7, 3.6),
    ]  # fmt: skip
    widths = (0.1, 0.2, 0.2, 0.4, 0.4, 0.6, 0.3, 0.7, 0.5, 0.5)
    parts = [
        f"1/({'+'.join(f'(x[{i}]-{a:g})^2' for i, a in enumerate(centre, 1))}+{width})"
        for centre, width in zip(centres[:count], widths, strict=False)
    ]
    return _vector(4, 0, 10, f"-({'+'.join(parts)})")


def _hartmann(n: int) -> str:
    weights = (1.0, 1.2, 3.0, 3.2)
    steep = {
        3: [(3, 10, 30), (0.1, 10, 35), (3, 10, 30), (0.1, 10, 35)],
        6: [
            (10, 3, 17, 3.5, 1.7, 8),
            (0.05, 10, 17, 0.1, 8, 14),
            (3, 3.5, 1.7, 10, 17, 8),
            (17, 8, 0.05, 10, 0.1, 14),
        ],
    }[n]
    at = {
        3: [(0.3689, 0.117, 0.2673), (0.4699, 0.4387, 0.747), (0.1091, 0.8732, 0.5547), (0.03815, 0.5743, 0.8828)],
        6: [
            (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
            (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
            (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665),
            (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
        ],
    }[n]
    parts = [
        f"{c}*exp(-({'+'.join(f'{a}*(x[{i}]-{p})^2' for i, (a, p) in enumerate(zip(s, q, strict=True), 1))}))"
        for c, s, q in zip(weights, steep, at, strict=True)
    ]
    return _vector(n, 0, 1, f"-({'+'.join(parts)})")


def _pooling(high: float, low_cost: float) -> str:
    return f"""var a in [0, 300]
var b in [0, 300]
var px in [0, 100]
var py in [0, 200]
var cx in [0, 100]
var cy in [0, 200]
var q in [1, 3]
minimize 6*a + {low_cost}*b + 10*(cx + cy) - 9*(px + cx) - 15*(py + cy)
subject to
  pool: a + b == px + py
  sulphur: 3*a + b == q*(px + py)
  first: q*px + 2*cx <= 2.5*(px + cx)
  second: q*py + 2*cy <= 1.5*(py + cy)
  demand_x: px + cx <= {high}
  demand_y: py + cy <= 200
"""


WITHOUT_ROWS = (
    GlobalProblem(
        "six-hump camel",
        "var x in [-3, 3]\nvar y in [-2, 2]\nminimize (4 - 2.1*x^2 + x^4/3)*x^2 + x*y + (4*y^2 - 4)*y^2\n",
        -1.0316284535,
    ),
    GlobalProblem(
        "Branin",
        f"var x in [-5, 10]\nvar y in [0, 15]\n"
        f"minimize (y - {5.1 / (4 * pi**2)!r}*x^2 + {5 / pi!r}*x - 6)^2 + 10*(1 - {1 / (8 * pi)!r})*cos(x) + 10\n",
        0.3978873577,
    ),
    GlobalProblem(
        "Himmelblau", "var x in [-5, 5]\nvar y in [-5, 5]\nminimize (x^2 + y - 11)^2 + (x + y^2 - 7)^2\n", 0.0
    ),
    GlobalProblem(
        "Goldstein-Price",
        "var x in [-2, 2]\nvar y in [-2, 2]\n"
        "minimize (1 + (x+y+1)^2*(19-14*x+3*x^2-14*y+6*x*y+3*y^2))"
        "*(30 + (2*x-3*y)^2*(18-32*x+12*x^2+48*y-36*x*y+27*y^2))\n",
        3.0,
    ),
    *(
        GlobalProblem(
            f"Rastrigin {n}",
            _vector(n, -4, 6, f"sum((x[i] - 0.7)^2 - 10*cos({2 * pi!r}*(x[i] - 0.7)) + 10 for i in 1..{n})"),
            0.0,
        )
        for n in (3, 5)
    ),
    GlobalProblem("Shekel 5", _shekel(5), -10.1531996791),
    GlobalProblem("Shekel 10", _shekel(10), -10.5364098167),
    GlobalProblem("Hartmann 3", _hartmann(3), -3.8627821478),
    GlobalProblem("Hartmann 6", _hartmann(6), -3.3223680115),
    GlobalProblem(
        "Levy 3",
        f"""var x[i in 1..3] in [-10, 10]
let w[i in 1..3] = 1 + (x[i] - 1)/4
minimize sin({pi!r}*w[1])^2 + sum((w[i] - 1)^2*(1 + 10*sin({pi!r}*w[i + 1])^2) for i in 1..2) + (w[3] - 1)^2
""",
        0.0,
    ),
    GlobalProblem(
        "Griewank 2",
        "var x in [-60, 50]\nvar y in [-60, 50]\n"
        "minimize ((x - 9)^2 + (y + 7)^2)/4000 - cos(x - 9)*cos((y + 7)/sqrt(2)) + 1\n",
        0.0,
    ),
    GlobalProblem(
        "Ackley 2",
        f"var x in [-15, 30]\nvar y in [-15, 30]\nminimize -20*exp(-0.2*sqrt(((x - 3)^2 + (y + 1)^2)/2))"
        f" - exp((cos({2 * pi!r}*(x - 3)) + cos({2 * pi!r}*(y + 1)))/2) + 20 + exp(1)\n",
        0.0,
    ),
    GlobalProblem(
        "Rosenbrock 5",
        _vector(5, -5, 5, "sum(100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2 for i in 1..4)"),
        0.0,
    ),
)

WITH_ROWS = ()

WITH_ROWS = (
    GlobalProblem(
        "Lennard-Jones 3",  # three atoms, the first at the origin, the second on the axis
        """var a in [0.8, 3]
var u in [-3, 3]
var v in [0, 3]
minimize 4*(1/a^12 - 1/a^6) + 4*(1/(u^2+v^2)^6 - 1/(u^2+v^2)^3) + 4*(1/((u-a)^2+v^2)^6 - 1/((u-a)^2+v^2)^3)
subject to
  apart: u^2 + v^2 >= 0.64
  away: (u - a)^2 + v^2 >= 0.64
""",
        -3.0,
    ),
    GlobalProblem(
        "HS71",
        "var x[i in 1..4] in [1, 5]\nminimize x[1]*x[4]*(x[1] + x[2] + x[3]) + x[3]\nsubject to\n"
        "  sphere: sum(x[i]^2 for i in 1..4) == 40\n  product: x[1]*x[2]*x[3]*x[4] >= 25\n",
        17.0140172895,
    ),
    GlobalProblem("Haverly 1", _pooling(100, 16), -400.0),
    GlobalProblem(
        "Haverly 2",
        _pooling(600, 16)
        .replace("px in [0, 100]", "px in [0, 600]")
        .replace("cx in [0, 100]", "cx in [0, 600]")
        .replace("[0, 300]", "[0, 800]"),
        -600.0,
    ),
    GlobalProblem("Haverly 3", _pooling(100, 13), -750.0),
    GlobalProblem(
        "two circles and a line",
        "var x in [-2, 2]\nvar y in [-2, 2]\nminimize x + 2*y\nsubject to\n"
        "  circle: x^2 + y^2 == 1\n  other: (x - 1)^2 + y^2 >= 1\n",
        -0.5 * 5**0.5 * 2,
    ),
    GlobalProblem(
        "two quartics",
        "var x in [0, 3]\nvar y in [0, 4]\nminimize -x - y\nsubject to\n"
        "  a: y <= 2*x^4 - 8*x^3 + 8*x^2 + 2\n  b: y <= 4*x^4 - 32*x^3 + 88*x^2 - 96*x + 36\n",
        -5.5080132717,
    ),
    GlobalProblem(
        "reactors (Floudas 3.5)",
        """var a in [0, 1]
var b in [0, 1]
var c in [0, 1]
var d in [0, 1]
var u in [0.00001, 16]
var v in [0.00001, 16]
minimize -d
subject to
  one: a + 0.09755988*a*u == 1
  two: b - a + 0.0965842812*b*v == 0
  three: c + a + 0.0391908*c*u == 1
  four: d - c + b - a + 0.0352717*d*v == 0
  size: sqrt(u) + sqrt(v) <= 4
""",
        -0.3888114343,
    ),
    GlobalProblem(
        "welded beam",
        """var h in [0.125, 10]
var l in [0.1, 10]
var t in [0.1, 10]
var b in [0.1, 10]
minimize 1.10471*h^2*l + 0.04811*t*b*(14 + l)
subject to
  bending: 504000/(t^2*b) <= 30000
  deflection: 2.1952/(t^3*b) <= 0.25
  sides: h <= b
  buckling: 64746.022*(1 - 0.0282346*t)*t*b^3 >= 6000
""",
        1.3761861711,
    ),
    GlobalProblem(
        "spring",
        """var d in [0.05, 2]
var D in [0.25, 1.3]
var N in [2, 15]
minimize (N + 2)*D*d^2
subject to
  deflection: D^3*N >= 71785*d^4
  shear: (4*D^2 - D*d)/(12566*(D*d^3 - d^4)) + 1/(5108*d^2) <= 1
  surge: 140.45*d >= D^2*N
  size: D + d <= 1.5
""",
        0.0126652328,
    ),
    GlobalProblem(
        "gear train",
        """var a integer in [12, 60]
var b integer in [12, 60]
var c integer in [12, 60]
var d integer in [12, 60]
minimize 1000000*(1/6.931 - a*b/(c*d))^2
""",
        1e6 * 2.700857148886e-12,
    ),
    GlobalProblem(
        "Duran-Grossmann 1",
        """var x in [0, 2]
var y in [0, 2]
var z in [0, 1]
var p binary
var q binary
var r binary
minimize 5*p + 6*q + 8*r + 10*x - 7*z - 18*log(y + 1) - 19.2*log(x - y + 1) + 10
subject to
  a: 0.8*log(y + 1) + 0.96*log(x - y + 1) - 0.8*z >= 0
  b: log(y + 1) + 1.2*log(x - y + 1) - z - 2*r >= -2
  c: y <= x
  d: y <= 2*p
  e: x - y <= 2*q
  f: p + q <= 1
""",
        6.0097589119,
    ),
)

EVERY = (*WITHOUT_ROWS, *WITH_ROWS)
BY_NAME = {problem.name: problem for problem in EVERY}
