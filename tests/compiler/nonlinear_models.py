"""Nonlinear forms from text, and what is true of them by other means: the reference interpreter, complex steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from agreement import instance_of, keyed, program_of, reference_of
from scipy.sparse import coo_array
from scipy.special import erf

from optc.compiler.forms.linear import Floats
from optc.compiler.forms.nonlinear import NonlinearForm
from optc.compiler.instance.instance import Instance
from optc.compiler.kernels.loops import Loop
from optc.compiler.kernels.model import Model, Term
from optc.compiler.kernels.nodes import Node
from optc.compiler.lowerings import instance_to_nonlinear

PROGRAMS = ("value", "rows", "gradient", "jacobian", "hessian", "product")


@dataclass(frozen=True)
class Case:
    """A model with its data, instance and form."""

    text: str
    data: Mapping[str, Any]
    instance: Instance
    form: NonlinearForm

    @property
    def model(self) -> Model:
        return self.form.engine.model


def case(text: str, data: Mapping[str, Any] | None = None) -> Case:
    """The nonlinear form of a model; fails with the message where it has none."""
    instance = instance_of(program_of(text), data or {})
    refused = instance_to_nonlinear.accepts(instance)
    assert refused is None, refused.message
    return Case(text, data or {}, instance, instance_to_nonlinear.lower(instance)[0])


def refusal(text: str, data: Mapping[str, Any] | None = None) -> str:
    """Why a model has no nonlinear form."""
    refused = instance_to_nonlinear.accepts(instance_of(program_of(text), data or {}))
    assert refused is not None
    return refused.message


def point(found: Case, seed: int = 0, low: float = 0.3, high: float = 1.2) -> Floats:
    """A random point with the columns of definitions computed."""
    x = np.random.default_rng(seed).uniform(low, high, found.form.shape[1])
    return found.form.completed(x)


def dense_jacobian(form: NonlinearForm, x: Floats) -> Floats:
    """``(m, n)``."""
    rows, columns = form.jacobian_pattern
    return coo_array((form.evaluate_jacobian(x), (rows, columns)), shape=form.shape).toarray()


def dense_hessian(form: NonlinearForm, x: Floats, sigma: float, y: Floats) -> Floats:
    """``(n, n)``, both triangles."""
    rows, columns = form.hessian_pattern
    n = form.shape[1]
    lower = coo_array((form.evaluate_hessian(x, sigma, y), (rows, columns)), shape=(n, n)).toarray()
    return lower + np.tril(lower, -1).T


# --------------------------------------------------------------------------------------------------- the reference
def reference_values(found: Case, x: Floats) -> tuple[float | None, dict[str, Floats]]:
    """The objective, and the sides of the rows of each family: ``(rows, 2)``, of a range ``(rows, 3)``."""
    instance = found.instance
    reference = reference_of(instance.program, found.data)
    values = keyed(instance, {f.name: x[f.offset : f.offset + f.count] for f in instance.families})
    stated = instance.program.root.objective
    objective = None if stated is None or stated.expression is None else reference.objective((), (), values)
    sides = {
        family.name: np.array([row.sides[0] for row in reference.constraint_rows(family.name, values)])
        for family in instance.constraints
    }
    return objective, sides


def assert_same_values(found: Case, x: Floats) -> None:
    """Objective and rows are those of the reference interpreter: how far each row is from each of its bounds."""
    form = found.form
    objective, sides = reference_values(found, x)
    if objective is not None:
        np.testing.assert_allclose(form.evaluate_objective(x), objective, rtol=1e-12, atol=1e-12)
    rows = form.evaluate_rows(x)
    seen: set[str] = set()
    for part in form.rows:
        if part.name not in sides or not part.count:
            continue
        own = slice(part.offset, part.offset + part.count)
        body = found.instance.constraint(part.name).symbol.body
        left = sides[part.name][:, 1 if part.name in seen else 0]
        right = sides[part.name][:, 2 if part.name in seen else 1]
        twice = sum(other.name == part.name for other in form.rows) == 2
        seen.add(part.name)
        if len(body.terms) == 3 and not twice:
            low, high = (form.row_lower, form.row_upper) if body.ops[0] == "le" else (form.row_upper, form.row_lower)
            _close(rows[own] - low[own], right - left)
            _close(rows[own] - high[own], right - sides[part.name][:, 2])
            continue
        bound = np.where(np.isfinite(form.row_lower), form.row_lower, form.row_upper)
        _close(rows[own] - bound[own], left - right)


def _close(ours: Floats, theirs: Floats) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-11)


# --------------------------------------------------------------------------------------------------- complex steps
_COMPLEX: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "pow": lambda a, b: a**b,
    "cpow": lambda c, a, b: np.where(c == 0, 0, c * a**b),
    "xlog": lambda p, a: np.where(p == 0, 0, p * np.log(a)),
    "log10": lambda a: np.log(a) / np.log(10),
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "abs": lambda a: np.where(a.real < 0, -a, a),
    "sign": lambda a: np.sign(a.real) + 0j,
    "entropy": lambda a: -a * np.log(a),
    "kl": lambda a, b: a * np.log(a / b),
    "huber": lambda a, d: np.where(abs(a.real) <= d.real, a * a / 2, d * (np.where(a.real < 0, -a, a) - d / 2)),
    "clip": lambda a, d: np.where(abs(a.real) <= d.real, a, np.where(a.real < 0, -d, d)),
    "excess": lambda a, d: np.where(abs(a.real) <= d.real, 0, np.where(a.real < 0, -a, a) - d),
    "inside": lambda a, d: (abs(a.real) <= d.real) + 0j,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "softplus": lambda a: np.log(1 + np.exp(a)),
    "erf": erf,
    "iszero": lambda a: (a == 0) + 0j,
    "nonzero": lambda a: np.where(a == 0, 1, a),
    "select": lambda c, a, b: np.where(c != 0, a, b),
    "others": lambda a, _product: a,
    "held": lambda a: a,
} | {name: getattr(np, name) for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh")}


def complex_value(node: Node, inputs: Mapping[str, Any], found: Case, known: dict[int, Any] | None = None) -> Any:
    """The values of a node at a complex point, by the meaning of each operation: shares nothing with the printers."""
    known = {} if known is None else known
    if node.number not in known:
        known[node.number] = _complex(node, inputs, found, known)
    return known[node.number]


def _complex(node: Node, inputs: Mapping[str, Any], found: Case, known: dict[int, Any]) -> Any:
    if node.op == "const":
        return np.asarray(node.value + 0j)
    loop = node.loop
    assert loop is not None
    if node.op == "load":
        sources = {"data": found.form.arrays, "fixed": found.model.graph.fixed}
        source = sources[node.source][node.array] if node.source in sources else inputs[node.source]
        return np.asarray(source)[_positions(node, loop)] + 0j
    args = [complex_value(a, inputs, found, known) for a in node.args]
    if node.op == "lift":
        return args[0][_positions(node, loop)]
    if node.op in ("sum", "prod", "max"):
        finer = node.args[0].loop
        assert finer is not None
        result = np.full(loop.size, {"sum": 0, "prod": 1, "max": -np.inf}[node.op], dtype=complex)
        for row, value in zip(node.index.positions(finer.size), args[0], strict=True):
            if node.op == "max":
                result[row] = value.real if value.real > result[row].real else result[row]
            else:
                result[row] = result[row] + value if node.op == "sum" else result[row] * value
        return result
    return np.broadcast_to(_COMPLEX[node.op](*args), (loop.size,))


def _positions(node: Node, loop: Loop) -> Any:
    assert node.index is not None
    return node.index.positions(loop.size)


STEP = 1e-40


def complex_slopes(found: Case, x: Floats) -> tuple[Floats, Floats]:
    """The derivatives of objective ``(n,)`` and rows ``(m, n)`` by complex steps through the value nodes."""
    m, n = found.form.shape
    gradient, jacobian = np.zeros(n), np.zeros((m, n))
    for k in range(n):
        z = x.astype(complex)
        z[k] += 1j * STEP
        objective, rows = _complex_terms(found, z)
        gradient[k], jacobian[:, k] = objective.imag / STEP, rows.imag / STEP
    return gradient, jacobian


def _complex_terms(found: Case, z: Any) -> tuple[complex, Any]:
    inputs = {"x": z, "one": np.ones(1)}
    rows = np.zeros(found.form.shape[0], dtype=complex)
    objective = 0j
    known: dict[int, Any] = {}
    for term in (*found.model.objective, *found.model.constraints):
        value = complex_value(term.node, inputs, found, known)
        if term.rows is None:
            objective += value.sum()
        else:
            np.add.at(rows, term.rows.positions(term.loop.size), value)
    return objective, rows


def complex_curvature(found: Case, x: Floats, sigma: float, y: Floats) -> Floats:
    """The Hessian of the Lagrangian ``(n, n)`` by complex steps through the gradient's nodes."""
    n = found.form.shape[1]
    result = np.zeros((n, n))
    for k in range(n):
        z = x.astype(complex)
        z[k] += 1j * STEP
        result[:, k] = _complex_gradient(found, z, sigma, y).imag / STEP
    return result


def _complex_gradient(found: Case, z: Any, sigma: float, y: Floats) -> Any:
    inputs = {"x": z, "one": np.ones(1)}
    known: dict[int, Any] = {}
    result = np.zeros(len(z), dtype=complex)
    for term in (*found.model.objective, *found.model.constraints):
        _add_gradient(found, term, inputs, known, result, sigma, y)
    return result


def _add_gradient(
    found: Case, term: Term, inputs: Mapping[str, Any], known: dict[int, Any], result: Any, sigma: float, y: Floats
) -> None:
    for entry in found.model.calculus.gradient(term.node):
        size = entry.loop.size
        values = np.broadcast_to(complex_value(entry.coefficient, inputs, found, known), (size,))
        rows = entry.rows.positions(size)
        weight = sigma if term.rows is None else y[term.rows.positions(term.loop.size)[rows]]
        np.add.at(result, entry.column.positions(size), weight * values)


def assert_right_derivatives(found: Case, x: Floats, tolerance: float = 1e-11) -> None:
    """First and second derivatives and Hessian products are those of complex steps; patterns are as promised."""
    form = found.form
    m, n = form.shape
    rng = np.random.default_rng(5)
    sigma, y, v = 1.7, rng.normal(size=m), rng.normal(size=n)
    gradient, jacobian = complex_slopes(found, x)
    close = {"rtol": tolerance, "atol": tolerance}
    np.testing.assert_allclose(form.evaluate_gradient(x), gradient, **close)
    np.testing.assert_allclose(dense_jacobian(form, x), jacobian, **close)
    hessian = complex_curvature(found, x, sigma, y)
    scale = 1 + np.abs(hessian).max(initial=0.0)
    np.testing.assert_allclose(dense_hessian(form, x, sigma, y), hessian, rtol=tolerance, atol=tolerance * scale)
    product = form.hessian_product(x, sigma, y, v)
    np.testing.assert_allclose(product, hessian @ v, rtol=tolerance, atol=tolerance * scale * n)
    for rows, columns in (form.jacobian_pattern, form.hessian_pattern):
        assert rows.dtype == columns.dtype == np.int32
        keys = rows.astype(np.int64) * n + columns
        assert np.all(keys[1:] > keys[:-1])
    rows, columns = form.hessian_pattern
    assert np.all(rows >= columns)


def results(form: NonlinearForm, x: Floats, seed: int = 1) -> dict[str, Floats]:
    """What every program of a form gives at a point."""
    m, n = form.shape
    rng = np.random.default_rng(seed)
    y, v = rng.normal(size=m), rng.normal(size=n)
    return {
        "value": np.atleast_1d(form.evaluate_objective(x)),
        "rows": form.evaluate_rows(x),
        "gradient": form.evaluate_gradient(x),
        "jacobian": form.evaluate_jacobian(x),
        "hessian": form.evaluate_hessian(x, 1.7, y),
        "product": form.hessian_product(x, 1.7, y, v),
    }
