"""The functions of ``bench/kernels.py`` as loops by hand, compiled by numba: one thread, no fast mathematics.

numba has no derivatives, so these are written down too; they are triplets, side by side by row.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, exp, sin
from typing import Any

import numpy as np
from numba import njit

from .kernels_c import patterns


@njit
def chain_value(x, out):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100 * (x[i] ** 2 - x[i + 1]) ** 2 + (x[i] - 1) ** 2
    out[0] = total


@njit
def chain_gradient(x, out):
    out[:] = 0.0
    for i in range(len(x) - 1):
        gap = x[i] ** 2 - x[i + 1]
        out[i] += 400 * gap * x[i] + 2 * (x[i] - 1)
        out[i + 1] -= 200 * gap


@njit
def chain_rows(x, out):
    for k in range(len(x) - 2):
        a, b, c = x[k], x[k + 1], x[k + 2]
        out[k] = 3 * b**3 + 2 * c - 8 + sin(b - c) * sin(b + c) + 4 * b - a * exp(a - b)


@njit
def chain_jacobian(x, out):
    for k in range(len(x) - 2):
        a, b, c = x[k], x[k + 1], x[k + 2]
        e, s, t, u, v = exp(a - b), sin(b - c), sin(b + c), cos(b - c), cos(b + c)
        out[k, 0] = -(1 + a) * e
        out[k, 1] = 9 * b**2 + u * t + s * v + 4 + a * e
        out[k, 2] = 2 - u * t + s * v


@njit
def chain_hessian(x, w, first, out):
    for i in range(len(x) - 1):
        first[i, 0] = 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        first[i, 1] = -400 * x[i]
        first[i, 2] = 200.0
    for k in range(len(x) - 2):
        a, b, c = x[k], x[k + 1], x[k + 2]
        e, s, t, u, v = exp(a - b), sin(b - c), sin(b + c), cos(b - c), cos(b + c)
        out[k, 0] = -w[k] * (2 + a) * e
        out[k, 1] = w[k] * (1 + a) * e
        out[k, 2] = w[k] * (18 * b - 2 * s * t + 2 * u * v - a * e)
        out[k, 3] = 0.0
        out[k, 4] = w[k] * (-2 * s * t - 2 * u * v)


@njit
def flow_value(v, out):
    total = 0.0
    for k in range(len(v)):
        total += v[k]
    out[0] = total


@njit
def flow_gradient(v, out):
    for k in range(len(v)):
        out[k] = 1.0
        out[len(v) + k] = 0.0


@njit
def flow_rows(v, angle, start, end, g, b, out):
    for k in range(len(g)):
        p, q, d = v[start[k]], v[end[k]], angle[start[k]] - angle[end[k]]
        out[k] = g[k] * p**2 - p * q * (g[k] * cos(d) + b[k] * sin(d))


@njit
def flow_jacobian(v, angle, start, end, g, b, out):
    for k in range(len(g)):
        p, q, d = v[start[k]], v[end[k]], angle[start[k]] - angle[end[k]]
        c, s = cos(d), sin(d)
        h, z = g[k] * c + b[k] * s, p * q * (b[k] * c - g[k] * s)
        out[k, 0] = 2 * g[k] * p - q * h
        out[k, 1] = -p * h
        out[k, 2] = -z
        out[k, 3] = z


@njit
def flow_hessian(v, angle, start, end, g, b, w, out):
    for k in range(len(g)):
        p, q, d = v[start[k]], v[end[k]], angle[start[k]] - angle[end[k]]
        c, s = cos(d), sin(d)
        h, z = w[k] * (g[k] * c + b[k] * s), w[k] * (b[k] * c - g[k] * s)
        out[k, 0] = 2 * g[k] * w[k]
        out[k, 1] = -h
        out[k, 2] = -q * z
        out[k, 3] = q * z
        out[k, 4] = -p * z
        out[k, 5] = p * z
        out[k, 6] = p * q * h
        out[k, 7] = -p * q * h
        out[k, 8] = p * q * h


@njit
def place(values, slots, out, fresh):
    if fresh:
        out[:] = 0.0
    for k in range(len(values)):
        out[slots[k]] += values[k]


def system(problem: str, data: dict[str, Any]) -> dict[str, Any]:
    """Calls by name, each into memory of its own; ``flat`` makes of it the triplets of ``kernels_c``."""
    n, x, y = data["n"], data["x"], data["y"]
    if problem == "chain":
        made = {
            "value": np.empty(1),
            "gradient": np.empty(n),
            "rows": np.empty(n - 2),
            "jacobian": np.empty((n - 2, 3)),
        }
        hessian = np.empty((n - 1, 3)), np.empty((n - 2, 5))
        calls = {
            "value": lambda: chain_value(x, made["value"]),
            "gradient": lambda: chain_gradient(x, made["gradient"]),
            "rows": lambda: chain_rows(x, made["rows"]),
            "jacobian": lambda: chain_jacobian(x, made["jacobian"]),
            "hessian": lambda: chain_hessian(x, y, *hessian),
        }
    else:
        v, angle = x[: data["buses"]], x[data["buses"] :]
        lines = (v, angle, data["from"].astype(np.int32), data["to"].astype(np.int32), data["g"], data["b"])
        made = {"value": np.empty(1), "gradient": np.empty(len(x)), "rows": np.empty(n), "jacobian": np.empty((n, 4))}
        hessian = (np.empty((n, 9)),)
        calls = {
            "value": lambda: flow_value(v, made["value"]),
            "gradient": lambda: flow_gradient(v, made["gradient"]),
            "rows": lambda: flow_rows(*lines, made["rows"]),
            "jacobian": lambda: flow_jacobian(*lines, made["jacobian"]),
            "hessian": lambda: flow_hessian(*lines, y, *hessian),
        }

    def flat() -> dict[str, Any]:
        found = {**made, "jacobian": made["jacobian"].T.reshape(-1)}
        return found | {"hessian": np.concatenate([part.T.reshape(-1) for part in hessian])}

    return calls | {"flat": flat, "also": placed(problem, data, calls, made["jacobian"], hessian)}


def placed(problem: str, data: dict[str, Any], calls: dict[str, Any], jacobian: Any, hessian: Any) -> dict[str, Any]:
    """The same, added up in sorted patterns without duplicates."""

    def call(name: str, pattern: Any, blocks: tuple[Any, ...]) -> Callable[[], None]:
        distinct, slots = np.unique(pattern[0].astype(np.int64) * len(data["x"]) + pattern[1], return_inverse=True)
        out, own, at = np.empty(len(distinct)), [], 0
        for block in blocks:  # from one entry after the other to row after row
            upto = at + block.size
            own.append(slots.reshape(-1)[at:upto].reshape(block.shape[::-1]).T.reshape(-1).astype(np.int32))
            at = upto

        def run() -> None:
            calls[name]()
            for k, (block, where) in enumerate(zip(blocks, own, strict=True)):
                place(block.reshape(-1), where, out, k == 0)

        return run

    both = zip(patterns(problem, data), ((jacobian,), hessian), strict=True)
    return {f"{n} placed": call(n, *each) for n, each in zip(("jacobian", "hessian"), both, strict=True)}
