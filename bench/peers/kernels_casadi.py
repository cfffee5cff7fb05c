"""The functions of ``bench/kernels.py`` in casadi: expanded expressions (SX), compressed columns, as it stores them."""

from __future__ import annotations

from typing import Any

import casadi as ca
import numpy as np

TWO = ("jacobian", "hessian")
LARGEST = 200_000  # rows; more take minutes to build


def system(problem: str, data: dict[str, Any]) -> dict[str, Any]:
    """Calls by name, each into memory of its own."""
    x, w = ca.SX.sym("x", len(data["x"])), ca.SX.sym("w", len(data["y"]))
    if problem == "chain":
        a, b = x[:-1], x[1:]
        f = ca.sum1(100 * (a**2 - b) ** 2 + (a - 1) ** 2)
        a, b, c = x[:-2], x[1:-1], x[2:]
        rows = 3 * b**3 + 2 * c - 8 + ca.sin(b - c) * ca.sin(b + c) + 4 * b - a * ca.exp(a - b)
    else:
        v, angle = x[: data["buses"]], x[data["buses"] :]
        start, end = data["from"].tolist(), data["to"].tolist()
        f = ca.sum1(v)
        p, q, d = v[start], v[end], angle[start] - angle[end]
        g, s = ca.DM(data["g"]), ca.DM(data["b"])
        rows = g * p**2 - p * q * (g * ca.cos(d) + s * ca.sin(d))
    hessian = ca.triu(ca.hessian(f + ca.dot(w, rows), x)[0])
    functions = {
        "value": ca.Function("f", [x], [f]),
        "gradient": ca.Function("g", [x], [ca.densify(ca.gradient(f, x))]),
        "rows": ca.Function("c", [x], [rows]),
        "jacobian": ca.Function("J", [x], [ca.jacobian(rows, x)]),
        "hessian": ca.Function("H", [x, w], [hessian]),
    }
    found: dict[str, Any] = {"out": {}}
    found["patterns"] = [tuple(map(np.array, functions[what].sparsity_out(0).get_triplet())) for what in TWO]
    for name, function in functions.items():
        buffer, evaluate = function.buffer()
        buffer.set_arg(0, memoryview(data["x"]))
        if name == "hessian":
            buffer.set_arg(1, memoryview(data["y"]))
        out = np.zeros(function.nnz_out(0))
        buffer.set_res(0, memoryview(out))
        found["out"][name] = out
        found[name] = lambda evaluate=evaluate, _kept=(buffer, out): evaluate()
    return found
