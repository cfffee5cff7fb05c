"""An MPS file as a model with data: the rows and columns become families of one small model.

So everything that works on models works on MPS files: the answer is checked on the file's own rows, conflicts are
named by them, and ``explain``, ``verify`` and ``export`` need no second way. Continuous columns are ``x["NAME"]``,
whole ones ``k["NAME"]``, rows ``row["NAME"]``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optc.compiler import mps
from optc.compiler.export.named import NamedForm
from optc.compiler.forms.linear import QuadraticForm
from optc.dsl.catalogue import files as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Diagnostic, Place

from .errors import ModelError
from .loading import decode, plain_bytes
from .model import Model, parse

if TYPE_CHECKING:
    from .problem import Problem


def named_form(path: str) -> NamedForm:
    """The problem of an MPS file, packed with gzip or plain. Raises ModelError."""
    try:
        return mps.read_mps(decode(plain_bytes(path), path), path)
    except mps.MpsError as refusal:
        raise ModelError(refusal.diagnostics) from None


def read_mps(path: str | os.PathLike[str]) -> Problem:
    """The problem of an MPS file, ready to solve. Raises ModelError."""
    name = os.fspath(path)
    model, data = as_model(named_form(name), Path(name).name.split(".")[0])
    return model.bind(data)


def as_model(named: NamedForm, stem: str) -> tuple[Model, dict[str, Any]]:
    """The model of a form and its data; ``stem`` names it where the file does not."""
    form = named.form
    whole = np.flatnonzero(form.integer)
    real = np.flatnonzero(~form.integer)
    row_of = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
    names = np.array(named.columns, dtype=object)
    rows = np.array(named.rows, dtype=object)
    data: dict[str, Any] = {"offset": form.offset}
    if len(rows):
        data |= {"Rows": named.rows, "row_lower": form.row_lower, "row_upper": form.row_upper}
    for letter, kind, columns in (("x", "Columns", real), ("k", "Whole", whole)):
        if not len(columns):
            continue
        inside = np.isin(form.indices, columns)
        data[kind] = names[columns].tolist()
        data |= {f"{letter}_{part}": getattr(form, part)[columns] for part in ("cost", "lower", "upper")}
        if len(rows):
            entries = zip(rows[row_of[inside]].tolist(), names[form.indices[inside]].tolist(), strict=True)
            data |= {f"{kind}_entries": list(entries), f"{letter}_entry": form.values[inside]}
    if isinstance(form, QuadraticForm):
        if len(whole):
            raise ModelError([_quadratic_and_whole(named)])
        data |= _squares(form, names)
    return parse(_text(form.sense, data), name=f"{named.name or stem}.opt"), data


def _squares(form: QuadraticForm, names: np.ndarray[Any, Any]) -> dict[str, Any]:
    """The pairs of columns of the Hessian's lower triangle; what stands off the diagonal counts twice."""
    first = np.repeat(np.arange(len(names)), np.diff(form.hessian_starts))
    second = form.hessian_indices
    values = np.where(first == second, form.hessian_values / 2.0, form.hessian_values)
    pairs = zip(names[first].tolist(), names[second].tolist(), strict=True)
    return {"Squares": list(pairs), "square": values}


def _text(sense: str, data: dict[str, Any]) -> str:
    """The model for the parts that the data have."""
    lines, cost, left = ["param offset"], ["offset"], []
    rows = "Rows" in data
    if rows:
        lines += ["set Rows", "param row_lower, row_upper[Rows]"]
    for letter, kind, attribute in (("x", "Columns", ""), ("k", "Whole", "integer ")):
        if kind not in data:
            continue
        lines += [f"set {kind}", f"param {letter}_cost, {letter}_lower, {letter}_upper[{kind}]"]
        lines.append(f"var {letter}[j in {kind}] {attribute}in [{letter}_lower[j], {letter}_upper[j]]")
        cost.append(f"sum({letter}_cost[j] * {letter}[j] for j in {kind})")
        if rows:
            lines += [f"set {kind}_entries within Rows * {kind}", f"param {letter}_entry[{kind}_entries]"]
            left.append(f"sum({letter}_entry[i, j] * {letter}[j] for (i, j) in {kind}_entries)")
    if "Squares" in data:
        lines += ["set Squares within Columns * Columns", "param square[Squares]"]
        cost.append("sum(square[i, j] * x[i] * x[j] for (i, j) in Squares)")
    lines.append(f"{sense} cost: {' + '.join(cost)}")
    if rows and left:
        lines += ["subject to", f"  row[i in Rows]: row_lower[i] <= {' + '.join(left)} <= row_upper[i]"]
    return "\n".join(lines) + "\n"


def _quadratic_and_whole(named: NamedForm) -> Diagnostic:
    what = "a quadratic objective together with whole columns"
    return report(codes.MPS_UNSUPPORTED, Place(named.name), what=what, mend="write the problem as a .opt model")
