"""Problems of S2MPJ as nonlinear forms, evaluated once a point and assembled by whole arrays.

S2MPJ (S. Gratton, Ph. L. Toint, arXiv 2407.07812) holds a CUTEst problem as groups: group ``i`` has the value
``g_i(a_i'x - b_i + sum_e w_ie f_e(x)) / s_i``, with few-variable elements ``f_e`` and group functions ``g_i`` of one
number. The functions are S2MPJ's own; what its library does by a loop over sparse rows is done here with index arrays
that are worked out once, which is 10 to 100 times as fast. ``differences`` compares the two at a point.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np

from optc.compiler.forms.linear import Floats, Ints, LinearForm


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Of all groups, objective ones first: value, first and second derivative of g, slope of its argument (groups, n),
    and the second derivatives of the elements, one after the other.
    """

    value: Floats
    first: Floats
    second: Floats
    slope: Floats
    curvature: Floats


class Groups:
    """The groups of one problem; the last point is remembered. ``points`` counts those at which a value was asked."""

    def __init__(self, problem: Any) -> None:
        problem.getglobs()
        self.problem = problem
        objective, rows = (list(map(int, getattr(problem, of, ()))) for of in ("objgrps", "congrps"))
        self.groups = objective + rows
        self.objectives = len(objective)
        self.n = int(problem.n)
        self.quadratic = _dense(problem.H) if hasattr(problem, "H") else None
        self.scale = np.array([_entry(problem, "gscale", group, 1.0) for group in self.groups])
        self.scale[np.abs(self.scale) <= 1e-15] = 1.0
        self.constant = np.array([_entry(problem, "gconst", group, 0.0) for group in self.groups])
        self.linear = np.zeros((len(self.groups), self.n))
        if hasattr(problem, "A"):
            whole = _dense(problem.A)
            for place, group in enumerate(self.groups):
                if group < whole.shape[0]:
                    self.linear[place, : whole.shape[1]] = whole[group]
        self.kinds = [_kind(problem, group) for group in self.groups]
        self.memory: tuple[bytes, int, Values] | None = None
        self.points = 0
        self._index_elements()

    def _index_elements(self) -> None:
        problem = self.problem
        used = [
            (place, int(element), weight)
            for place, group in enumerate(self.groups)
            for element, weight in _elements(problem, group)
        ]
        self.elements = sorted({element for _, element, _ in used})
        self.variables = [np.array([int(v) for v in problem.elvar[element]]) for element in self.elements]
        self.functions = [getattr(problem, problem.elftype[element]) for element in self.elements]
        sizes = np.array([len(part) for part in self.variables], dtype=np.int64)
        position = {element: k for k, element in enumerate(self.elements)}
        self.group_of = np.array([place for place, _, _ in used], dtype=np.int64)
        self.element_of = np.array([position[element] for _, element, _ in used], dtype=np.int64)
        self.weight = np.array([weight for _, _, weight in used])
        first, second = np.concatenate([[0], np.cumsum(sizes)]), np.concatenate([[0], np.cumsum(sizes**2)])
        self.gradient_use, self.gradient_at = _ranges(self.element_of, first)
        self.hessian_use, self.hessian_at = _ranges(self.element_of, second)
        column = np.concatenate([*self.variables, np.zeros(0, dtype=np.int64)])
        pairs = [(np.repeat(part, len(part)), np.tile(part, len(part))) for part in self.variables]
        row_of, column_of = (np.concatenate([*(p[k] for p in pairs), np.zeros(0, dtype=np.int64)]) for k in (0, 1))
        self.gradient_place = self.group_of[self.gradient_use] * self.n + column[self.gradient_at]
        self.hessian_place = row_of[self.hessian_at] * self.n + column_of[self.hessian_at]

    @cached_property
    def touched(self) -> Any:
        """Which variables a group may depend on, (groups, n)."""
        found = self.linear != 0
        found.reshape(-1)[self.gradient_place] = True
        return found

    @cached_property
    def curved(self) -> Any:
        """Which pairs of variables may have a second derivative, (n, n)."""
        found = np.zeros((self.n, self.n), dtype=np.bool_)
        found.reshape(-1)[self.hessian_place] = True
        for place in [k for k, kind in enumerate(self.kinds) if kind is not None]:
            inside = np.flatnonzero(self.touched[place])
            found[np.ix_(inside, inside)] = True
        return found if self.quadratic is None else found | (self.quadratic != 0)

    def at(self, x: Floats, order: int) -> Values:
        """Values and slopes (``order`` 2), or second derivatives too (3)."""
        key = x.tobytes()
        if self.memory is None or self.memory[0] != key or self.memory[1] < order:
            with np.errstate(all="ignore"):
                self.memory = key, order, self._evaluated(x, order)
        return self.memory[2]

    def _evaluated(self, x: Floats, order: int) -> Values:
        problem = self.problem
        values, gradients, hessians = np.empty(len(self.elements)), [np.zeros(0)], [np.zeros(0)]
        for k, (function, inside) in enumerate(zip(self.functions, self.variables, strict=True)):
            found = function(problem, order, x[inside][:, None], self.elements[k])
            values[k] = np.asarray(found[0]).item()
            gradients.append(np.asarray(found[1]).ravel())
            if order > 2:
                hessians.append(np.asarray(found[2]).ravel())
        count = len(self.groups)
        argument = self.linear @ x - self.constant
        argument = argument + np.bincount(self.group_of, weights=self.weight * values[self.element_of], minlength=count)
        flat = self.weight[self.gradient_use] * np.concatenate(gradients)[self.gradient_at]
        slope = np.bincount(self.gradient_place, weights=flat, minlength=count * self.n).reshape(count, self.n)
        value, first, second = argument.copy(), np.ones(count), np.zeros(count)
        for k in [k for k, kind in enumerate(self.kinds) if kind is not None]:
            found = self.kinds[k](problem, 3, argument[k], self.groups[k])
            value[k], first[k], second[k] = (np.asarray(part).item() for part in found)
        return Values(value, first, second, slope + self.linear, np.concatenate(hessians))

    def objective(self, x: Floats) -> float:
        self.points += 1
        k = self.objectives
        own = 0.0 if self.quadratic is None else 0.5 * float(x @ self.quadratic @ x)
        return own + float((self.at(x, 2).value[:k] / self.scale[:k]).sum())

    def gradient(self, x: Floats) -> Floats:
        k, found = self.objectives, self.at(x, 2)
        own = np.zeros(self.n) if self.quadratic is None else self.quadratic @ x
        gradient: Floats = own + (found.first[:k] / self.scale[:k]) @ found.slope[:k]
        return gradient

    def rows(self, x: Floats) -> Floats:
        k = self.objectives
        found: Floats = self.at(x, 2).value[k:] / self.scale[k:]
        return found

    def jacobian(self, x: Floats) -> Floats:
        """(m, n)."""
        k, found = self.objectives, self.at(x, 2)
        jacobian: Floats = (found.first[k:] / self.scale[k:])[:, None] * found.slope[k:]
        return jacobian

    def hessian(self, x: Floats, sigma: float, multipliers: Floats) -> Floats:
        """Of sigma f + multipliers' c, (n, n)."""
        found = self.at(x, 3)
        weight = np.concatenate([np.full(self.objectives, sigma), multipliers]) / self.scale
        linear = (weight * found.first)[self.group_of[self.hessian_use]] * self.weight[self.hessian_use]
        flat = linear * found.curvature[self.hessian_at]
        whole = np.bincount(self.hessian_place, weights=flat, minlength=self.n**2).reshape(self.n, self.n)
        whole = whole + found.slope.T @ ((weight * found.second)[:, None] * found.slope)
        hessian: Floats = whole if self.quadratic is None else whole + sigma * self.quadratic
        return hessian


@dataclass(frozen=True, slots=True, eq=False)
class Cutest(LinearForm):
    """A problem as a form, with the methods of ``NonlinearForm``."""

    groups: Groups = None  # type: ignore[assignment]
    jacobian_pattern: tuple[Ints, Ints] = None  # type: ignore[assignment]
    hessian_pattern: tuple[Ints, Ints] = None  # type: ignore[assignment]

    def evaluate_objective(self, x: Floats) -> float:
        return self.groups.objective(x)

    def evaluate_gradient(self, x: Floats) -> Floats:
        return self.groups.gradient(x)

    def evaluate_rows(self, x: Floats) -> Floats:
        return self.groups.rows(x)

    def evaluate_jacobian(self, x: Floats) -> Floats:
        return self.groups.jacobian(x)[self.jacobian_pattern]

    def evaluate_hessian(self, x: Floats, sigma: float, multipliers: Floats) -> Floats:
        return self.groups.hessian(x, sigma, multipliers)[self.hessian_pattern]

    def undefined(self, _x: Floats) -> None:
        return None

    def completed(self, x: Floats) -> Floats:
        return x


def problem(name: str) -> tuple[Cutest, Floats]:
    """The form of an equality-constrained problem and its start (n). ``S2MPJ_DIR`` must be on the path of imports."""
    found = getattr(import_module(name), name)()
    n, m = int(found.n), int(found.m)
    groups = Groups(found)
    none, wide = np.zeros(0, dtype=np.int32), np.full(n, np.inf)
    right = np.asarray(getattr(found, "clower", np.zeros((m, 1))), dtype=np.float64).ravel()
    starts, free = np.zeros(m + 1, dtype=np.int32), np.zeros(n, dtype=np.bool_)
    linear = LinearForm("minimize", np.zeros(n), 0.0, starts, none, np.zeros(0), right, right, -wide, wide, free)
    own = {entry.name: getattr(linear, entry.name) for entry in fields(LinearForm)}
    jacobian = _places(groups.touched[groups.objectives :])
    form = Cutest(**own, groups=groups, jacobian_pattern=jacobian, hessian_pattern=_places(np.tril(groups.curved)))
    return form, np.asarray(found.x0, dtype=np.float64).ravel()


def differences(form: Cutest, x: Floats) -> float:
    """The largest difference between what is assembled here and by S2MPJ's library, of values and derivatives."""
    problem, groups = form.groups.problem, form.groups
    weights = np.linspace(1, 2, form.shape[0])
    parts = []
    whole = np.zeros((groups.n, groups.n))
    if groups.objectives or groups.quadratic is not None:
        value, gradient, hessian = problem.fgHx(x[:, None])
        parts += [groups.objective(x) - value, groups.gradient(x) - _dense(gradient).ravel()]
        whole += _dense(hessian)
    rows, jacobian, hessians = problem.cJHx(x[:, None])
    parts += [groups.rows(x) - _dense(rows).ravel(), groups.jacobian(x) - _dense(jacobian)]
    whole += sum(weight * _dense(part) for weight, part in zip(weights, hessians, strict=True))
    parts.append(groups.hessian(x, 1.0, weights) - whole)
    return max(float(np.abs(part).max(initial=0.0)) for part in map(np.asarray, parts))


def _places(pattern: Any) -> tuple[Ints, Ints]:
    rows, columns = np.nonzero(pattern)
    return rows.astype(np.int32), columns.astype(np.int32)


def _ranges(which: Any, ends: Any) -> tuple[Any, Any]:
    """For each use of an element all places of its own values: the number of the use, and the place."""
    sizes = np.diff(ends)[which]
    use = np.repeat(np.arange(len(which)), sizes)
    before = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    return use, np.arange(len(use)) - before[use] + ends[which][use]


def _entry(problem: Any, name: str, group: int, default: float) -> float:
    listed = getattr(problem, name, ())
    found = listed[group] if group < len(listed) else None
    return default if found is None else float(np.asarray(found).item())


def _kind(problem: Any, group: int) -> Any:
    listed = getattr(problem, "grftype", ())
    found = listed[group] if group < len(listed) else None
    return None if found is None or found == "TRIVIAL" else getattr(problem, found)


def _elements(problem: Any, group: int) -> list[tuple[int, float]]:
    listed = getattr(problem, "grelt", ())
    found = listed[group] if group < len(listed) else None
    if found is None:
        return []
    weights = getattr(problem, "grelw", ())
    own = weights[group] if group < len(weights) else None
    return [(element, 1.0 if own is None else float(own[k])) for k, element in enumerate(found)]


def _dense(matrix: Any) -> Floats:
    return np.asarray(matrix.todense() if hasattr(matrix, "todense") else matrix, dtype=np.float64)
