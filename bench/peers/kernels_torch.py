"""The functions of ``bench/kernels.py`` in torch, eagerly: operations on whole float64 tensors, one thread, the CPU.

Derivatives are written down by hand, with what they share computed once; they are triplets, one tensor an entry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

torch.set_num_threads(1)


def chain(data: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    x, w = torch.from_numpy(data["x"]), torch.from_numpy(data["y"])

    def value():
        a, b = x[:-1], x[1:]
        return torch.sum(100 * (a**2 - b) ** 2 + (a - 1) ** 2)

    def gradient():
        a, b = x[:-1], x[1:]
        gap = a**2 - b
        found = torch.zeros_like(x)
        found[:-1] += 400 * gap * a + 2 * (a - 1)
        found[1:] -= 200 * gap
        return found

    def rows():
        a, b, c = x[:-2], x[1:-1], x[2:]
        return 3 * b**3 + 2 * c - 8 + torch.sin(b - c) * torch.sin(b + c) + 4 * b - a * torch.exp(a - b)

    def parts():
        a, b, c = x[:-2], x[1:-1], x[2:]
        less, more = b - c, b + c
        e, s, t, u, v = torch.exp(a - b), torch.sin(less), torch.sin(more), torch.cos(less), torch.cos(more)
        return a, b, e, s * t, u * v, u * t, s * v

    def jacobian():
        a, b, e, _, _, ut, sv = parts()
        ae = a * e
        return -(e + ae), 9 * b**2 + ut + sv + 4 + ae, 2 - ut + sv

    def hessian():
        i, j = x[:-1], x[1:]
        of_terms = 1200 * i**2 - 400 * j + 2, -400 * i, torch.full_like(i, 200.0)
        a, b, e, st, uv, _, _ = parts()
        we, both, zero = w * e, 2 * (uv - st), torch.zeros_like(e)
        awe = a * we
        return (*of_terms, -(2 * we + awe), we + awe, w * (18 * b + both) - awe, zero, -2 * w * (st + uv))

    return {"value": value, "gradient": gradient, "rows": rows, "jacobian": jacobian, "hessian": hessian}


def flow(data: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    x, w, g, b = (torch.from_numpy(data[name]) for name in ("x", "y", "g", "b"))
    start, end = (torch.from_numpy(data[name].astype(np.int64)) for name in ("from", "to"))
    v, angle = x[: data["buses"]], x[data["buses"] :]

    def reads():
        d = angle[start] - angle[end]
        return v[start], v[end], torch.cos(d), torch.sin(d)

    def value():
        return torch.sum(v)

    def gradient():
        return torch.cat([torch.ones_like(v), torch.zeros_like(angle)])

    def rows():
        p, q, c, s = reads()
        return g * p**2 - p * q * (g * c + b * s)

    def jacobian():
        p, q, c, s = reads()
        k, z = g * c + b * s, p * q * (b * c - g * s)
        return 2 * g * p - q * k, -p * k, -z, z

    def hessian():
        p, q, c, s = reads()
        k, z = w * (g * c + b * s), w * (b * c - g * s)
        qz, pz, pqk = q * z, p * z, p * q * k
        return 2 * g * w, -k, -qz, qz, -pz, pz, pqk, -pqk, pqk

    return {"value": value, "gradient": gradient, "rows": rows, "jacobian": jacobian, "hessian": hessian}


def system(problem: str, data: dict[str, Any]) -> dict[str, Any]:
    """Calls by name; ``flat`` makes of their results the triplets of ``kernels_c``."""
    calls = {"chain": chain, "flow": flow}[problem](data)
    made: dict[str, Any] = {}

    def call(name: str) -> Callable[[], object]:
        def run() -> None:
            with torch.inference_mode():
                made[name] = calls[name]()

        return run

    def flat() -> dict[str, Any]:
        return {
            name: torch.cat([part.reshape(-1) for part in (parts if isinstance(parts, tuple) else (parts,))]).numpy()
            for name, parts in made.items()
        }

    return {name: call(name) for name in calls} | {"flat": flat}
