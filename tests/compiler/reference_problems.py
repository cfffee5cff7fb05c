"""Thirty problems with known optima, of W. Hock, K. Schittkowski, "Test Examples for Nonlinear Programming Codes",
Lecture Notes in Economics and Mathematical Systems 187, Springer (1981).

Each stands once, in Python's notation; it is read as a model of the language (``text``) and, by ``hand_made``, through
automatic differentiation that shares nothing with the compiler.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hand_made import HandMade, smooth


@dataclass(frozen=True, slots=True)
class Problem:
    """Minimise ``objective``, every ``equal`` zero and every ``above`` at least zero; ``bounds`` by number from 1."""

    name: str
    start: Sequence[float]
    objective: str
    optimum: float
    equal: Sequence[str] = ()
    above: Sequence[str] = ()
    bounds: Mapping[int, tuple[float | None, float | None]] = field(default_factory=dict)

    @property
    def form(self) -> HandMade:
        """The problem as a form, differentiated by casadi."""
        rows = [*((row, 0.0, 0.0) for row in self.equal), *((row, 0.0, None) for row in self.above)]
        return smooth(self.objective, rows, len(self.start), self.bounds)

    @property
    def text(self) -> str:
        """The problem as a model."""
        lines = [self._declaration(k) for k in range(1, len(self.start) + 1)]
        lines.append(f"minimize {self.objective}")
        rows = [f"{row} == 0" for row in self.equal] + [f"{row} >= 0" for row in self.above]
        lines += ["subject to"] if rows else []
        lines += [f"  r{k}: {row}" for k, row in enumerate(rows, 1)]
        return "\n".join(lines).replace("**", "^") + "\n"

    def _declaration(self, k: int) -> str:
        low, high = self.bounds.get(k, (None, None))
        start = f" start {self.start[k - 1]:g}"
        if low is not None and high is not None:
            return f"var x{k} in [{low:g}, {high:g}]{start}"
        if low is not None:
            return f"var x{k} >= {low:g}{start}"
        return f"var x{k}{start}" if high is None else f"var x{k} <= {high:g}{start}"


PROBLEMS = (
    Problem(
        "HS1",
        [-2.0, 1.0],
        "100*(x2-x1**2)**2+(1-x1)**2",
        0.0,
        bounds={2: (-1.5, None)},
    ),
    Problem(
        "HS5",
        [0.0, 0.0],
        "sin(x1+x2)+(x1-x2)**2-1.5*x1+2.5*x2+1",
        -1.913222955,
        bounds={1: (-1.5, 4.0), 2: (-3.0, 3.0)},
    ),
    Problem(
        "HS6",
        [-1.2, 1.0],
        "(1-x1)**2",
        0.0,
        equal=["10*(x2-x1**2)"],
    ),
    Problem(
        "HS7",
        [2.0, 2.0],
        "log(1+x1**2)-x2",
        -1.732050808,
        equal=["(1+x1**2)**2+x2**2-4"],
    ),
    Problem(
        "HS10",
        [-10.0, 10.0],
        "x1-x2",
        -1.0,
        above=["-3*x1**2+2*x1*x2-x2**2+1"],
    ),
    Problem(
        "HS12",
        [0.0, 0.0],
        "0.5*x1**2+x2**2-x1*x2-7*x1-7*x2",
        -30.0,
        above=["25-4*x1**2-x2**2"],
    ),
    Problem(
        "HS14",
        [2.0, 2.0],
        "(x1-2)**2+(x2-1)**2",
        1.393464981,
        equal=["x1-2*x2+1"],
        above=["1-x1**2/4-x2**2"],
    ),
    Problem(
        "HS16",
        [-2.0, 1.0],
        "100*(x2-x1**2)**2+(1-x1)**2",
        0.25,
        above=["x1+x2**2", "x1**2+x2"],
        bounds={1: (-0.5, 0.5), 2: (None, 1.0)},
    ),
    Problem(
        "HS21",
        [-1.0, -1.0],
        "0.01*x1**2+x2**2-100",
        -99.96,
        above=["10*x1-x2-10"],
        bounds={1: (2.0, 50.0), 2: (-50.0, 50.0)},
    ),
    Problem(
        "HS24",
        [1.0, 0.5],
        "((x1-3)**2-9)*x2**3/(27*sqrt(3))",
        -1.0,
        above=["x1/sqrt(3)-x2", "x1+sqrt(3)*x2", "6-x1-sqrt(3)*x2"],
        bounds={1: (0.0, None), 2: (0.0, None)},
    ),
    Problem(
        "HS26",
        [-2.6, 2.0, 2.0],
        "(x1-x2)**2+(x2-x3)**4",
        0.0,
        equal=["(1+x2**2)*x1+x3**4-3"],
    ),
    Problem(
        "HS28",
        [-4.0, 1.0, 1.0],
        "(x1+x2)**2+(x2+x3)**2",
        0.0,
        equal=["x1+2*x2+3*x3-1"],
    ),
    Problem(
        "HS29",
        [1.0, 1.0, 1.0],
        "-x1*x2*x3",
        -22.627417,
        above=["48-x1**2-2*x2**2-4*x3**2"],
    ),
    Problem(
        "HS35",
        [0.5, 0.5, 0.5],
        "9-8*x1-6*x2-4*x3+2*x1**2+2*x2**2+x3**2+2*x1*x2+2*x1*x3",
        0.1111111111,
        above=["3-x1-x2-2*x3"],
        bounds={1: (0.0, None), 2: (0.0, None), 3: (0.0, None)},
    ),
    Problem(
        "HS38",
        [-3.0, -1.0, -3.0, -1.0],
        "100*(x2-x1**2)**2+(1-x1)**2+90*(x4-x3**2)**2+(1-x3)**2+10.1*((x2-1)**2+(x4-1)**2)+19.8*(x2-1)*(x4-1)",
        0.0,
        bounds={1: (-10.0, 10.0), 2: (-10.0, 10.0), 3: (-10.0, 10.0), 4: (-10.0, 10.0)},
    ),
    Problem(
        "HS39",
        [2.0, 2.0, 2.0, 2.0],
        "-x1",
        -1.0,
        equal=["x2-x1**3-x3**2", "x1**2-x2-x4**2"],
    ),
    Problem(
        "HS40",
        [0.8, 0.8, 0.8, 0.8],
        "-x1*x2*x3*x4",
        -0.25,
        equal=["x1**3+x2**2-1", "x1**2*x4-x3", "x4**2-x2"],
    ),
    Problem(
        "HS42",
        [1.0, 1.0, 1.0, 1.0],
        "(x1-1)**2+(x2-2)**2+(x3-3)**2+(x4-4)**2",
        13.85786438,
        equal=["x1-2", "x3**2+x4**2-2"],
    ),
    Problem(
        "HS43",
        [0.0, 0.0, 0.0, 0.0],
        "x1**2+x2**2+2*x3**2+x4**2-5*x1-5*x2-21*x3+7*x4",
        -44.0,
        above=[
            "8-x1**2-x2**2-x3**2-x4**2-x1+x2-x3+x4",
            "10-x1**2-2*x2**2-x3**2-2*x4**2+x1+x4",
            "5-2*x1**2-x2**2-x3**2-2*x1+x2+x4",
        ],
    ),
    Problem(
        "HS48",
        [3.0, 5.0, -3.0, 2.0, -2.0],
        "(x1-1)**2+(x2-x3)**2+(x4-x5)**2",
        0.0,
        equal=["x1+x2+x3+x4+x5-5", "x3-2*(x4+x5)+3"],
    ),
    Problem(
        "HS51",
        [2.5, 0.5, 2.0, -1.0, 0.5],
        "(x1-x2)**2+(x2+x3-2)**2+(x4-1)**2+(x5-1)**2",
        0.0,
        equal=["x1+3*x2-4", "x3+x4-2*x5", "x2-x5"],
    ),
    Problem(
        "HS52",
        [2.0, 2.0, 2.0, 2.0, 2.0],
        "(4*x1-x2)**2+(x2+x3-2)**2+(x4-1)**2+(x5-1)**2",
        5.326647564,
        equal=["x1+3*x2", "x3+x4-2*x5", "x2-x5"],
    ),
    Problem(
        "HS63",
        [2.0, 2.0, 2.0],
        "1000-x1**2-2*x2**2-x3**2-x1*x2-x1*x3",
        961.7151721,
        equal=["8*x1+14*x2+7*x3-56", "x1**2+x2**2+x3**2-25"],
        bounds={1: (0.0, None), 2: (0.0, None), 3: (0.0, None)},
    ),
    Problem(
        "HS65",
        [-5.0, 5.0, 0.0],
        "(x1-x2)**2+(x1+x2-10)**2/9+(x3-5)**2",
        0.9535288567,
        above=["48-x1**2-x2**2-x3**2"],
        bounds={1: (-4.5, 4.5), 2: (-4.5, 4.5), 3: (-5.0, 5.0)},
    ),
    Problem(
        "HS71",
        [1.0, 5.0, 5.0, 1.0],
        "x1*x4*(x1+x2+x3)+x3",
        17.0140173,
        equal=["x1**2+x2**2+x3**2+x4**2-40"],
        above=["x1*x2*x3*x4-25"],
        bounds={1: (1.0, 5.0), 2: (1.0, 5.0), 3: (1.0, 5.0), 4: (1.0, 5.0)},
    ),
    Problem(
        "HS76",
        [0.5, 0.5, 0.5, 0.5],
        "x1**2+0.5*x2**2+x3**2+0.5*x4**2-x1*x3+x3*x4-x1-3*x2+x3-x4",
        -4.681818182,
        above=["5-x1-2*x2-x3-x4", "4-3*x1-x2-2*x3+x4", "x2+4*x3-1.5"],
        bounds={1: (0.0, None), 2: (0.0, None), 3: (0.0, None), 4: (0.0, None)},
    ),
    Problem(
        "HS78",
        [-2.0, 1.5, 2.0, -1.0, -1.0],
        "x1*x2*x3*x4*x5",
        -2.91970041,
        equal=["x1**2+x2**2+x3**2+x4**2+x5**2-10", "x2*x3-5*x4*x5", "x1**3+x2**3+1"],
    ),
    Problem(
        "HS79",
        [2.0, 2.0, 2.0, 2.0, 2.0],
        "(x1-1)**2+(x1-x2)**2+(x2-x3)**2+(x3-x4)**4+(x4-x5)**4",
        0.0787768209,
        equal=["x1+x2**2+x3**3-2-3*sqrt(2)", "x2-x3**2+x4+2-2*sqrt(2)", "x1*x5-2"],
    ),
    Problem(
        "HS100",
        [1.0, 2.0, 0.0, 4.0, 0.0, 1.0, 1.0],
        "(x1-10)**2+5*(x2-12)**2+x3**4+3*(x4-11)**2+10*x5**6+7*x6**2+x7**4-4*x6*x7-10*x6-8*x7",
        680.6300573,
        above=[
            "127-2*x1**2-3*x2**4-x3-4*x4**2-5*x5",
            "282-7*x1-3*x2-10*x3**2-x4+x5",
            "196-23*x1-x2**2-6*x6**2+8*x7",
            "-4*x1**2-x2**2+3*x1*x2-2*x3**2-5*x6+11*x7",
        ],
    ),
    Problem(
        "HS113",
        [2.0, 3.0, 5.0, 5.0, 1.0, 2.0, 7.0, 3.0, 6.0, 10.0],
        "x1**2+x2**2+x1*x2-14*x1-16*x2+(x3-10)**2+4*(x4-5)**2+(x5-3)**2+2*(x6-1)**2+5*x7**2+7*(x8-11)**2+2*(x9-10)**2+(x10-7)**2+45",
        24.3062091,
        above=[
            "105-4*x1-5*x2+3*x7-9*x8",
            "-10*x1+8*x2+17*x7-2*x8",
            "8*x1-2*x2-5*x9+2*x10+12",
            "-3*(x1-2)**2-4*(x2-3)**2-2*x3**2+7*x4+120",
            "-5*x1**2-8*x2-(x3-6)**2+2*x4+40",
            "-0.5*(x1-8)**2-2*(x2-4)**2-3*x5**2+x6+30",
            "-x1**2-2*(x2-2)**2+2*x1*x2-14*x5+6*x6",
            "3*x1-6*x2-12*(x9-8)**2+7*x10",
        ],
    ),
)

BY_NAME = {problem.name: problem for problem in PROBLEMS}
