"""In linopy: whole labelled arrays, passed to HiGHS by ``linopy.io.to_highspy`` (without names, as is fastest)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import linopy
import numpy as np
import xarray as xr
from linopy.io import to_highspy

from .numpy import optimum, shape, trapezoids

__all__ = ["basic", "fac", "lqcp", "optimum", "shape", "transport", "ufl"]

Data = Mapping[str, Any]


def labelled(values: Any, *dimensions: str) -> xr.DataArray:
    return xr.DataArray(values, [(name, np.arange(size)) for name, size in zip(dimensions, values.shape, strict=True)])


def basic(n: int, _data: Data) -> Any:
    m, N = linopy.Model(), [("i", np.arange(n)), ("j", np.arange(n))]  # noqa: N806
    x, y = m.add_variables(coords=N), m.add_variables(coords=N)
    m.add_constraints(x - y >= labelled(np.arange(n), "i"))
    m.add_constraints(x + y >= 0)
    m.add_objective((2 * x + y).sum())
    return to_highspy(m, set_names=False)


def transport(n: int, data: Data) -> Any:
    m = linopy.Model()
    x = m.add_variables(lower=0, coords=[("i", np.arange(n)), ("j", np.arange(n))])
    m.add_constraints(x.sum("j") <= labelled(data["s"], "i"))
    m.add_constraints(x.sum("i") >= labelled(data["d"], "j"))
    m.add_objective((x * labelled(data["c"], "i", "j")).sum())
    return to_highspy(m, set_names=False)


def ufl(n: int, data: Data) -> Any:
    m, line = linopy.Model(), np.arange(n)
    x = m.add_variables(lower=0, coords=[("i", line), ("j", line)])
    opened = m.add_variables(binary=True, coords=[("i", line)])
    m.add_constraints(x.sum("i") == 1)
    m.add_constraints(x <= opened)
    m.add_objective((x * labelled(data["c"], "i", "j")).sum() + (opened * labelled(data["f"], "i")).sum())
    return to_highspy(m, set_names=False)


def fac(n: int, data: Data) -> Any:
    m, grid, place = linopy.Model(), np.arange(n + 1), np.arange(n + 1) / n
    cells, sites = [("i", grid), ("j", grid), ("f", np.arange(n))], [("f", np.arange(n))]
    z, s = m.add_variables(binary=True, coords=cells), m.add_variables(lower=0, coords=cells)
    east, north = m.add_variables(coords=cells), m.add_variables(coords=cells)
    east_of, north_of = m.add_variables(0, 1, coords=sites), m.add_variables(0, 1, coords=sites)
    d = m.add_variables()
    m.add_constraints(z.sum("f") == 1)
    m.add_constraints(s - d + data["M"] * z == data["M"])
    m.add_constraints(east + east_of == labelled(place, "i"))
    m.add_constraints(north + north_of == labelled(place, "j"))
    m.add_objective(1 * d)
    return to_highspy(m, set_names=False)


def lqcp(n: int, data: Data) -> Any:
    m, line = linopy.Model(), np.arange(n + 1)
    dx, h2, half, target = data["dx"], data["h2"], 0.5 * data["dt"], data["yt"]
    y = m.add_variables(0, 1, coords=[("i", line), ("j", line)])
    u = m.add_variables(-1, 1, coords=[("i", line[1:])])

    def moved(down: int, across: int) -> Any:
        part = y.isel(i=slice(down, n + down), j=slice(1 + across, n + across))
        return part.assign_coords(i=line[:-1], j=line[1:-1])

    def side(j: int) -> Any:
        return y.isel(i=slice(1, None), j=j, drop=True)

    heat = (h2 + 2 * half) * moved(1, 0) + (2 * half - h2) * moved(0, 0)
    m.add_constraints(heat - half * (moved(0, -1) + moved(0, 1) + moved(1, -1) + moved(1, 1)) == 0)
    m.add_constraints(y.isel(i=0) == 0)
    m.add_constraints(side(2) - 4 * side(1) + 3 * side(0) == 0)
    m.add_constraints(side(n - 2) - 4 * side(n - 1) + (3 + 2 * dx) * side(n) - 2 * dx * u == 0)
    w, v = trapezoids(n, data)
    end, weight = y.isel(i=n, drop=True), labelled(w, "j")
    cost = xr.DataArray(v, [("i", line[1:])])
    m.add_objective((weight * end * end).sum() + (labelled(-2 * w * target, "j") * end).sum() + (cost * u * u).sum())
    problem = to_highspy(m, set_names=False)
    problem.changeObjectiveOffset(float(w @ target**2))  # linopy's objectives have no constant
    return problem
