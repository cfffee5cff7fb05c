"""A solution as HTML, for notebooks: status, values and certificate in tables, everything escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .certificate import Certificate
    from .solution import Solution

_ENTRIES = 12  # of the families together
_STYLE = "text-align:left;padding:0 1em 0 0;vertical-align:top"


def solution_html(solution: Solution) -> str:
    """Status and objective, the entries that are not zero as far as they fit, the certificate, the diagnostics."""
    head = f"<b>{escape(solution.model)}</b> ({escape(solution.problem_class)}): <b>{escape(solution.status)}</b>"
    rows: list[Sequence[str]] = []
    if solution.termination != "converged":
        rows.append(("stopped", solution.termination))
    if solution.objective is not None:
        rows.append((solution.sense or "objective", f"{solution.objective:.10g}"))
    if solution.bound is not None:
        gap = "" if solution.gap is None else f", gap {solution.gap:.2g}"
        rows.append(("bound", f"{solution.bound:.10g}{gap}"))
    parts = [head, _table(rows), _table(_entries(solution)), certificate_html(solution.certificate)]
    parts += [f"<div>{escape(f'{d.severity} {d.code.id}: {d.message}')}</div>" for d in solution.diagnostics]
    return "<div>" + "".join(part for part in parts if part) + "</div>"


def certificate_html(certificate: Certificate) -> str:
    """One row a claim: grade, claim, value and tolerance, place and how."""
    rows = []
    for line in certificate:
        value = "" if line.value is None else f"{line.value:.6g}"
        if line.tolerance is not None:
            value += f" (tolerance {line.tolerance:.3g})"
        place = "" if line.where is None else f"at {line.where}"
        rows.append(
            (line.status, line.claim, value, "; ".join(t for t in (line.how, place, ", ".join(line.conflict)) if t))
        )
    return _table(rows)


def _entries(solution: Solution) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    for name, family in solution.variables.items():
        for key, value in family.items():
            if key and value == 0:
                continue
            if len(rows) == _ENTRIES:
                return [*rows, ("…", "")]
            index = f"[{', '.join(map(str, key))}]" if key else ""
            rows.append((name + index, value if isinstance(value, str) else f"{value:.7g}"))
    return rows


def _table(rows: Iterable[Sequence[str]]) -> str:
    lines = ["<tr>" + "".join(f'<td style="{_STYLE}">{escape(cell)}</td>' for cell in row) + "</tr>" for row in rows]
    return f"<table>{''.join(lines)}</table>" if lines else ""
