"""Terms of every operation in a few bounded decisions: ``HEAD`` declares what ``TERMS`` are written in."""

from __future__ import annotations

from agreement import instance_of, program_of

from optc.compiler.instance.instance import Instance
from optc.dsl.program import Expr

HEAD = """
set I = 1..3
param c[i in I] = i - 2
var x[I] in [-1, 2]
var y in [0.5, 3]
let total = sum(x[i] for i in I)
let part[i in I] = x[i] * y + c[i]
"""

TERMS = [
    "sum(c[i] * x[i] for i in I) - y",
    "x[1] * x[2] - x[3]^2 + x[1]^3",
    "abs(x[1]) + exp(x[2]) - max(x[3], y) * 2 + min(x[1], x[2])",
    "norm2(x[i] + y for i in I) + norm1(x[i] for i in I) - norminf(x[i] for i in I)",
    "y / (x[1] + 3) + sin(y) * cos(x[2]) - tan(x[1] / 4)",
    "log(y) + sqrt(y) + log10(y) + entropy(y) + y^1.5 + y^(-2) + kl(y, x[1] + 2)",
    "tanh(x[1]) + atan(x[2]) + sinh(x[3]) + cosh(x[1]) + erf(x[2]) + asin(x[1] / 3) + acos(x[2] / 3)",
    "sigmoid(x[1]) * softplus(x[2]) - huber(x[3]) + huber(x[1], 0.5)",
    "prod(x[i] + 2 for i in I) + prod(x[i] for i in I)",
    "logsumexp(x[i] * y for i in I)",
    "norm2(x[i] + 2 for i in I) + logsumexp(3 * x[i] + c[i] for i in I) - min(x[i] + c[i] * 3 for i in I)",
    "piecewise(x[1], [-0.5, 0, 1], [1, 0, 3]) + 2^x[2] + y^x[3]",
    "total^2 + sum(part[i]^2 for i in I)",
    "max(x[i] for i in I) + min(part[i] for i in I)",
    "(if c[1] > 0 then y else x[1]) * sum(if c[i] >= 0 then x[i] else y for i in I)",
    "x[1] * x[2] * x[3] * y - x[3]^2 + x[1]^3",
    "abs(x[1]) + exp(x[2]) - max(x[3], y, x[1]) * 2 + min(x[1], x[2])",
    "(if c[1] > 0 then y else x[1]) * sum(if c[i] >= 0 then x[i] * y else y^2 for i in I)",
    "-(x[1] - (x[2] - y)) * 3 - (x[1] + x[2])",
]


def of(text: str) -> tuple[Instance, Expr]:
    instance = instance_of(program_of(f"{HEAD}minimize {text}\n"), {})
    stated = instance.program.root.objective
    assert stated is not None and stated.expression is not None
    return instance, stated.expression
