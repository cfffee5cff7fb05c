"""The functions of ``bench/kernels.py`` in jax: one template, mapped over its rows and differentiated, compiled by XLA.

Float64 on the CPU. Derivatives are triplets: the gradients and Hessians of the template by what it reads in its row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")


def term(a, b):
    return 100 * (a**2 - b) ** 2 + (a - 1) ** 2


def row(a, b, c):
    return 3 * b**3 + 2 * c - 8 + jnp.sin(b - c) * jnp.sin(b + c) + 4 * b - a * jnp.exp(a - b)


def line(p, q, s, t, g, b):
    return g * p**2 - p * q * (g * jnp.cos(s - t) + b * jnp.sin(s - t))


def weighted(template: Callable[..., Any]) -> Callable[..., Any]:
    return lambda w, *reads: w * template(*reads)


CHAIN_ENTRIES = ((0, 0), (1, 0), (1, 1), (2, 1), (2, 2))
FLOW_ENTRIES = ((0, 0), (1, 0), (2, 0), (3, 0), (2, 1), (3, 1), (2, 2), (3, 2), (3, 3))


def chain(_data: dict[str, Any]) -> tuple[dict[str, Any], tuple[Any, ...]]:
    def value(x, _w):
        return jnp.sum(term(x[:-1], x[1:]))

    def rows(x, _w):
        return row(x[:-2], x[1:-1], x[2:])

    def jacobian(x, _w):
        return jax.vmap(jax.grad(row, (0, 1, 2)))(x[:-2], x[1:-1], x[2:])

    def hessian(x, w):
        of_terms = jax.vmap(jax.hessian(term, (0, 1)))(x[:-1], x[1:])
        of_rows = jax.vmap(jax.hessian(weighted(row), (1, 2, 3)))(w, x[:-2], x[1:-1], x[2:])
        return (of_terms[0][0], of_terms[1][0], of_terms[1][1], *(of_rows[i][j] for i, j in CHAIN_ENTRIES))

    functions = {"value": value, "gradient": jax.grad(value), "rows": rows, "jacobian": jacobian, "hessian": hessian}
    return functions, ()


def flow(data: dict[str, Any]) -> tuple[dict[str, Any], tuple[Any, ...]]:
    buses = data["buses"]
    lines = tuple(jnp.asarray(data[name].astype(np.int32)) for name in ("from", "to"))
    lines = (*lines, jnp.asarray(data["g"]), jnp.asarray(data["b"]))

    def reads(x, start, end, g, b):
        v, angle = x[:buses], x[buses:]
        return v[start], v[end], angle[start], angle[end], g, b

    def value(x, _w, *_lines):
        return jnp.sum(x[:buses])

    def rows(x, _w, *lines):
        return line(*reads(x, *lines))

    def jacobian(x, _w, *lines):
        return jax.vmap(jax.grad(line, (0, 1, 2, 3)))(*reads(x, *lines))

    def hessian(x, w, *lines):
        found = jax.vmap(jax.hessian(weighted(line), (1, 2, 3, 4)))(w, *reads(x, *lines))
        return tuple(found[i][j] for i, j in FLOW_ENTRIES)

    functions = {"value": value, "gradient": jax.grad(value), "rows": rows, "jacobian": jacobian, "hessian": hessian}
    return functions, lines


def system(problem: str, data: dict[str, Any]) -> dict[str, Any]:
    """Calls by name that end when the result is there; ``flat`` makes of them the triplets of ``kernels_c``."""
    functions, more = {"chain": chain, "flow": flow}[problem](data)
    given = (jnp.asarray(data["x"]), jnp.asarray(data["y"]), *more)
    made: dict[str, Any] = {}

    def call(name: str) -> Callable[[], object]:
        compiled = jax.jit(functions[name])

        def run() -> None:
            made[name] = jax.block_until_ready(compiled(*given))

        return run

    def flat() -> dict[str, Any]:
        return {
            name: np.concatenate([np.ravel(part) for part in parts]) if isinstance(parts, tuple) else np.ravel(parts)
            for name, parts in made.items()
        }

    return {name: call(name) for name in functions} | {"flat": flat}
