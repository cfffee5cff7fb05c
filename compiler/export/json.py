"""Writes and reads a lowered form as JSON: the frozen arrays by name, infinities as text.

    {"schema": 1, "form": "linear", "name": …, "sense": …, "objective": …, "offset": …,
     "columns": {"names": […], "cost": […], "lower": […], "upper": […], "integer": […]},
     "rows": {"names": […], "lower": […], "upper": […]},
     "matrix": {"starts": […], "indices": […], "values": […]}}

``matrix`` is CSR. A quadratic form adds ``hessian`` with the same three arrays: the lower triangle by columns. A
discrete form adds that too, and ``products``, ``sets``, ``indicators`` and ``pairs``: the arrays of
``compiler/forms/discrete.py`` by their names there.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..forms.discrete import DiscreteForm, Indicators, OrderedSets, Pairs, RowProducts
from ..forms.linear import LinearForm, QuadraticForm
from .named import NamedForm, Written


def json_text(problem: NamedForm) -> Written:
    """The whole file; names are kept as they are."""
    form = problem.form
    value: dict[str, object] = {
        "schema": 1,
        "form": _kind(form),
        "name": problem.name,
        "sense": form.sense,
        "objective": problem.objective,
        "offset": form.offset,
        "columns": {
            "names": list(problem.columns),
            "cost": form.cost.tolist(),
            "lower": _spelled(form.lower),
            "upper": _spelled(form.upper),
            "integer": form.integer.tolist(),
        },
        "rows": {
            "names": list(problem.rows),
            "lower": _spelled(form.row_lower),
            "upper": _spelled(form.row_upper),
        },
        "matrix": {
            "starts": form.starts.tolist(),
            "indices": form.indices.tolist(),
            "values": form.values.tolist(),
        },
    }
    if isinstance(form, (QuadraticForm, DiscreteForm)):
        value["hessian"] = {
            "starts": form.hessian_starts.tolist(),
            "indices": form.hessian_indices.tolist(),
            "values": form.hessian_values.tolist(),
        }
    if isinstance(form, DiscreteForm):
        value |= {name: _arrays(getattr(form, name)) for name in PARTS}
    return Written(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n", {}, {})


PARTS = {"products": RowProducts, "sets": OrderedSets, "indicators": Indicators, "pairs": Pairs}


def _kind(form: LinearForm) -> str:
    if isinstance(form, DiscreteForm):
        return "discrete"
    return "quadratic" if isinstance(form, QuadraticForm) else "linear"


def _arrays(part: Any) -> dict[str, list[float]]:
    return {entry.name: getattr(part, entry.name).tolist() for entry in fields(part)}


def read_json(text: str) -> NamedForm:
    """The form of a text that ``json_text`` wrote; raises ValueError or KeyError for anything else."""
    value = json.loads(text)
    if value["schema"] != 1:
        raise ValueError(f"schema {value['schema']!r} is not known; this reads schema 1")
    columns, rows, matrix = value["columns"], value["rows"], value["matrix"]
    arrays: dict[str, Any] = {
        "sense": value["sense"],
        "cost": _floats(columns["cost"]),
        "offset": float(value["offset"]),
        **_compressed(matrix),
        "row_lower": _floats(rows["lower"]),
        "row_upper": _floats(rows["upper"]),
        "lower": _floats(columns["lower"]),
        "upper": _floats(columns["upper"]),
        "integer": np.array(columns["integer"], dtype=np.bool_),
    }
    form = LinearForm(**arrays)
    if value["form"] != "linear":
        arrays |= {f"hessian_{part}": array for part, array in _compressed(value["hessian"]).items()}
        form = QuadraticForm(**arrays) if value["form"] == "quadratic" else DiscreteForm(**arrays, **_parts(value))
    return NamedForm(value["name"], value["objective"], form, tuple(rows["names"]), tuple(columns["names"]))


def _parts(value: dict[str, Any]) -> dict[str, Any]:
    return {
        name: kind(**{key: np.array(v, dtype=getattr(kind(), key).dtype) for key, v in value[name].items()})
        for name, kind in PARTS.items()
    }


def _compressed(arrays: dict[str, Any]) -> dict[str, NDArray[Any]]:
    return {
        "starts": np.array(arrays["starts"], dtype=np.int32),
        "indices": np.array(arrays["indices"], dtype=np.int32),
        "values": _floats(arrays["values"]),
    }


def _spelled(values: NDArray[np.float64]) -> list[float | str]:
    infinity = float("inf")
    return [v if -infinity < v < infinity else ("inf" if v > 0 else "-inf") for v in values.tolist()]


def _floats(values: list[float | str]) -> NDArray[np.float64]:
    return np.array([float(v) for v in values], dtype=np.float64)
