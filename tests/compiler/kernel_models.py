"""Models that between them use every function, aggregate and kind of index space."""

from __future__ import annotations

HEAD = """
set I = 1..4
set J = 1..3
set A within I * J
param w[I]
param p[A]
param switch[I]
var x[I]
var y[I, J]
"""
DATA = {
    "A": [(1, 1), (1, 3), (2, 2), (4, 1), (4, 2), (4, 3)],
    "w": {(i,): 0.5 + 0.2 * i for i in range(1, 5)},
    "p": {(1, 1): 0.7, (1, 3): 1.1, (2, 2): 0.4, (4, 1): 2.0, (4, 2): 0.9, (4, 3): 1.3},
    "switch": {(1,): 0, (2,): 1, (3,): 1, (4,): 0},
}
EVERYWHERE = ["exp", "sin", "cos", "atan", "sinh", "cosh", "tanh", "sigmoid", "softplus", "erf"]
ABOVE_ZERO = ["log", "log10", "sqrt", "entropy", "tan"]
INSIDE_ONE = ["asin", "acos"]


def _functions() -> dict[str, str]:
    found = {}
    for name in EVERYWHERE + ABOVE_ZERO:
        found[name] = (
            f"minimize sum({name}(x[i] * w[i]) for i in I)\nsubject to\n  c[i in I]: y[i, 1] * {name}(x[i]) <= 1"
        )
    for name in INSIDE_ONE:
        found[name] = f"minimize sum({name}(x[i] / 2) * y[i, 1] for i in I)"
    return found


FUNCTIONS = _functions() | {
    "powers": "minimize sum(x[i]^3 + x[i]^(-2) + y[i, 1]^2.5 + x[i]^0.5 + x[i]^7 + y[i, 2]^(-1) for i in I)",
    "powers of data": "minimize sum(x[i]^w[i] * y[i, 1]^(w[i] + switch[i]) for i in I)",
    "powers of decisions": "minimize sum(x[i]^y[i, 1] + 2^x[i] + w[i]^y[i, 2] for i in I)",
    "whole powers of data": "minimize sum(x[i]^switch[i] + (x[i] * y[i, 1])^(2 * switch[i]) for i in I)",
    "kl": "minimize sum(kl(x[i], y[i, 1]) + kl(w[i], y[i, 2]) + kl(y[i, 3], w[i]) for i in I)",
    "huber": """minimize sum(huber(x[i], 0.7) + huber(3 * y[i, 1]) + huber(x[i] - 2, y[i, 2]) for i in I) +
    sum(huber(-y[i, 3], w[i]) for i in I)""",
    "quotients": "minimize sum(x[i] / y[i, 1] + w[i] / x[i] + (x[i] + y[i, 2]) / (1 + x[i]^2) for i in I)",
}

STRUCTURES = {
    "products of one family": "minimize sum(x[i] * x[k] for i in I, k in I) + x[1] * x[1] * x[2]",
    "sparse join": """minimize sum(exp(p[i, j] * y[i, j]) * x[i] for (i, j) in A)
subject to
  c[i in I]: sum(sin(y[i, j] * p[i, j]) for (i, j) in A) + x[i] <= 3
  d[j in J]: sum(y[i, j]^2 * x[i] for (i, j) in A) - 2 * x[1] >= -4""",
    "filter on data": """minimize sum(x[i]^4 for i in I if switch[i] == 1)
subject to
  c[i in I if w[i] > 0.8]: exp(x[i]) * y[i, 2] <= 3
  e[i in I if w[i] > 80]: exp(x[i]) <= 1""",
    "range": """minimize x[1]
subject to
  c[i in I]: -w[i] <= exp(x[i]) + 2 * x[i] - 1 <= w[i] + 3
  d[i in I]: x[i] <= x[i]^3 <= y[i, 1]
  e[i in I]: 9 >= exp(x[i]) + w[i] >= -3""",
    "both sides": """minimize x[1]
subject to
  c[i in I]: exp(x[i]) + 3 * y[i, 1] + 1 == w[i] * log(x[i]) - x[i] + 2 * y[i, 1] + 4""",
    "shift": "minimize sum((x[i] - x[i - 1])^4 for i in 2..4)\nsubject to\n  c[i in 1..3]: x[i] * x[i + 1] >= 0.1",
    "conditional": """minimize sum(if switch[i] == 1 then exp(x[i]) else x[i]^3 for i in I)
subject to
  c[i in I]: (if i == 1 then log(x[i]) else x[i] * y[i, 1])^2 <= 3
  d[i in I]: (if w[i] > 0.8 then w[i] * exp(x[i]) else 2 * x[i]) + y[i, 1] <= 9""",
    "lets": """let t = sum(x[i]^2 for i in I)
let u[i in I] = t * exp(x[i])
minimize sum(u[i] / (1 + t) for i in I)
subject to
  c[i in I]: u[i] * log(t) <= 3
  d[i in I]: sum(u[k] for k in I if k != i) <= 90""",
    "data and decisions": """minimize sum(w[i] * exp(2) * (x[i] / log(w[i] + 2)
    - 3 * (y[i, 1] * x[i] - w[i])) for i in I)""",
    "scaled sums": "minimize 3 * (x[1] - 2 * sum(w[i] * (x[i]^3 - 4) / 7 for i in I)) - -exp(x[2])",
    "constants": """minimize exp(0 * x[1] + 2) + (x[1] - x[1])^2 + 0 * exp(x[2])
subject to
  c: exp(x[1]) * 0 + x[2]^2 <= 5""",
    "tuples": "minimize sum(exp(y[a]) * p[a] for a in A)",
    "maximize": "maximize sum(log(x[i]) for i in I) + 5\nsubject to\n  c: sum(x[i]^2 for i in I) <= 4",
    "satisfy": "satisfy\nsubject to\n  c[i in I]: x[i] * exp(y[i, 1]) == 1",
}

NESTED = {
    "sum in exp": """minimize exp(sum(w[i] * x[i] for i in I)) + sum(x[i] * y[i, j] for i in I, j in J)
subject to
  c[i in I]: exp(sum(y[i, j] for j in J)) + x[i] <= 3""",
    "squares of sums": """minimize sum(sum(w[i] * y[i, j] for j in J)^2 for i in I)
subject to
  c[i in I]: sin(sum(y[i, j] * x[i] for j in J)) * x[i] == 0""",
    "two sums": "minimize sum(sum(y[i, j] for j in J) * sum(y[k, 2] * x[k] for k in I) / (1 + x[i]^2) for i in I)",
    "sparse sum": "minimize sum(exp(sum(p[i, j] * y[i, j] * x[j] for (i, j) in A)) * x[i] for i in I)",
    "three deep": "minimize exp(sum(exp(sum(y[i, j] * x[i] for j in J)) for i in I) / 100)",
    "logistic": "minimize sum(log(1 + exp(sum(w[i] * j * x[i] for i in I))) for j in J)",
    "one column twice": "minimize exp(sum(x[i] * x[1] for i in I)) + sum(x[i] * j for i in I, j in J)^3",
    "products": """minimize prod(x[i] for i in I)
subject to
  c[j in J]: prod(y[i, j]^2 + x[i] for i in I) <= 4
  d[i in I]: log(prod(y[i, j] for j in J) + 1) * prod(x[k] for k in I) <= 9""",
    "norms": """minimize norm2(x[i] * w[i] for i in I)
subject to
  c[i in I]: norm2(y[i, j] * x[i] for j in J) + 2 * norm2(y[k, 1] - 9 for k in I) * x[i] <= 3""",
    "logsumexp": """minimize logsumexp(x[i] * w[i] for i in I)
subject to
  c[i in I]: logsumexp(sum(y[i, k] for k in J) * x[i] + y[i, j] for j in J) <= 3""",
    "conditional in a sum": "minimize exp(sum(if switch[i] == 1 then x[i] * y[i, 1] else x[i]^2 for i in I))",
}

EVERY = FUNCTIONS | STRUCTURES | NESTED
