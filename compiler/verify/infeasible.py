"""Claim ``infeasible``: no point satisfies the model, shown on a small conflicting set of its constraints.

Proved by row multipliers that make the set contradict itself (Farkas), in exact rationals or with outward rounding, or
by bounds that cross. Where whole decisions, logic or products make a model infeasible, the word of the outside
exact solver is reported under its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from ..answer import Answer
from ..backend import Backend, ConflictFinder, Goal
from ..context import Context
from ..forms.complementarity import ComplementarityForm
from ..forms.conic import ConicForm
from ..forms.discrete import DiscreteForm
from ..forms.linear import LinearForm
from ..forms.nonlinear import NonlinearForm
from ..instance.instance import Instance
from ..lowering import Lowered
from ..result.certificate import Grade, Line
from ..result.lifting import Names
from . import conflict as conflicts
from . import exact, weak_duality
from .agreement import says_the_same
from .conflict import Parts

SHOWN = 60  # multipliers or names that a line holds at most
SOURCES = 5  # names of what constants come from
SECONDS = 10.0  # for the search of a small conflict
ANY_POINT = 1e6  # relative gap of a trial that asks only whether there is a point
TRIAL = 0.125  # of what is left of them, for one trial of a filter


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """Why the kept sides contradict each other. ``multipliers`` by row of the form, where they are rational."""

    kept: Parts
    how: str
    multipliers: Mapping[int, Fraction] | None = None


def infeasible(
    instance: Instance, lowered: Lowered, answer: Answer, backend: Backend, options: object, context: Context
) -> Line:
    """The line of the claim for a form that a backend holds to be infeasible; ``failed`` where nothing supports it."""
    form, named = lowered.judged, lowered.instance
    if isinstance(form, ConicForm):
        from .conic_bound import infeasible_line  # what proves convexity is not loaded for linear problems

        return infeasible_line(instance, lowered, answer)
    search = context.within(SECONDS).silent()
    proof = _crossing(form) or _by_rays(form, answer, backend, options, search)
    if proof is None:
        line = _unproved(named, form, answer, backend, options, search)
        if answer.cover is not None and isinstance(form, NonlinearForm):
            from .box_cover import covered_infeasibility  # interval arithmetic is not loaded for other problems

            covered = covered_infeasibility(instance, lowered, answer)
            if covered is not None:
                parts = {**(line.evidence or {}), **(covered.evidence or {})}
                line = replace(line, status="proved", how=f"{covered.how}; {line.how}", evidence=parts)
        return _leaning(line, lowered)
    different = says_the_same(instance, lowered)
    added = "the form has columns or rows that the model has not"
    if different is not None and different != added:
        return Line("infeasible", "failed", how=f"the lowered problem differs from the model in {different}")
    status: Grade = "checked" if different == added else "proved"
    return _leaning(_line(named, form, proof.kept, status, proof.how, proof.multipliers), lowered)


def _leaning(line: Line, lowered: Lowered) -> Line:
    """The line with what its rows lean on beside each other: rows of a lowering hold because of bounds elsewhere."""
    families = {name.removeprefix("bound of ").split("[")[0] for name in line.conflict}
    starts = tuple(f"{name} " for name in families)  # rows of what was made for a term are called after it
    used = (bound for bound in lowered.derived if bound.row in families or bound.row.startswith(starts))
    sources = tuple(dict.fromkeys(source for bound in used for source in bound.sources))
    if not sources:
        return line
    left = len(sources) - SOURCES
    more = f" and {left:,} more" if left > 0 else ""
    return replace(line, how=f"{line.how}; its constants come from {', '.join(sources[:SOURCES])}{more}")


def _by_rays(form: LinearForm, answer: Answer, backend: Backend, options: object, context: Context) -> Proof | None:
    """The smallest set that can be had and proved: the backend's own, what a ray leans on, or all."""
    if isinstance(form, (DiscreteForm, ComplementarityForm, NonlinearForm)):
        return None  # multipliers say nothing of rows that hold now and then, or are not linear
    relaxed = conflicts.relaxed(form)
    candidates: list[Parts] = []
    if isinstance(backend, ConflictFinder):
        found = backend.conflict(relaxed, context)
        if found is not None:
            candidates.append(conflicts.of_conflict(form, found))
    if answer.dual_ray is not None:
        candidates.append(conflicts.support(form, answer.dual_ray))
    candidates.append(conflicts.whole(form))
    for kept in candidates:
        proof = _prove(relaxed, kept, backend, options, context)
        if proof is not None:
            return proof
    return None


def _prove(form: LinearForm, kept: Parts, backend: Backend, options: object, context: Context) -> Proof | None:
    small, rows = conflicts.restricted(form, kept)
    crossing = _crossing(small)
    if crossing is not None:
        return Proof(kept, crossing.how)
    ray = backend.solve(small, Goal(), options, context, None).dual_ray
    if ray is None:
        return None
    inner = conflicts.within_rows(form, rows, conflicts.support(small, ray))
    if conflicts.size(inner) < conflicts.size(kept):
        smaller = _prove(form, inner, backend, options, context)
        if smaller is not None:
            return smaller
    rational = exact.contradiction(small, ray)
    if rational is not None:
        multipliers = {int(rows[row]): value for row, value in rational.items()}
        return Proof(kept, "Farkas multipliers in exact rationals", multipliers)
    if weak_duality.contradiction(small, ray):
        return Proof(kept, "Farkas multipliers, rounded outwards")
    return None


def _crossing(form: LinearForm) -> Proof | None:
    """Two sides of one row or one column that cross."""
    none = Parts(*(np.zeros(k, dtype=np.bool_) for k in (*[form.shape[0]] * 2, *[form.shape[1]] * 2)))
    crossing = form.row_lower > form.row_upper
    if isinstance(form, DiscreteForm):
        crossing &= ~form.switched()
    rows, columns = np.flatnonzero(crossing), np.flatnonzero(form.lower > form.upper)
    if len(rows):
        none.row_lower[rows[0]] = none.row_upper[rows[0]] = True
        return Proof(none, "its two sides cross")
    if len(columns):
        none.lower[columns[0]] = none.upper[columns[0]] = True
        return Proof(none, "its bounds cross")
    return None


def _unproved(
    instance: Instance, form: LinearForm, answer: Answer, backend: Backend, options: object, context: Context
) -> Line:
    """What is left where no multipliers exist: whole decisions, or a solver that may be wrong."""
    linear = not isinstance(form, (DiscreteForm, ComplementarityForm, NonlinearForm))
    if linear and not form.integer.any():
        return Line("infeasible", "failed", how=f"{answer.message}; the multipliers do not stand up to the check")
    how = f"by {backend.name}, with whole decisions" if form.integer.any() else f"by {backend.name}"

    goal = Goal(gap=ANY_POINT) if isinstance(form, NonlinearForm) else Goal()

    def verdict(trial: LinearForm, budget: Context) -> bool | None:
        left = budget.remaining()
        within = budget if left is None else budget.within(TRIAL * left)
        claim = backend.solve(trial, goal, options, within, None).claim
        return None if claim in ("none", "infeasible or unbounded") else claim == "infeasible"

    every = conflicts.whole(form)
    own = conflicts.named(form, every)
    fixed = conflicts.without(every, own)
    kept, complete = conflicts.reduced(form, own, verdict, context, fixed)
    kept = conflicts.without(kept, fixed)
    if complete:
        return _line(instance, form, kept, "reported", f"{how}, none of these can be left out", None)
    left = conflicts.size(kept)
    how += f"; the search for a smallest set was cut short at {left:,} of {conflicts.size(own):,} rows and bounds"
    if left > SHOWN:
        return Line("infeasible", "reported", how=how)
    return _line(instance, form, kept, "reported", how, None)


def _line(
    instance: Instance,
    form: LinearForm,
    kept: Parts,
    status: Grade,
    how: str,
    multipliers: Mapping[int, Fraction] | None,
) -> Line:
    names = Names(instance, form)
    rows = np.flatnonzero(kept.row_lower | kept.row_upper)
    columns = np.flatnonzero(kept.lower | kept.upper)
    shown_rows, shown_columns = rows[:SHOWN], columns[: max(0, SHOWN - len(rows))]
    conflict = [names.row(int(row)) for row in shown_rows]
    conflict += [f"bound of {names.column(int(column))}" for column in shown_columns]
    lines = {names.row(int(row)): names.line_of_row(int(row)) for row in shown_rows}
    lines |= {f"bound of {names.column(int(c))}": names.line_of_column(int(c)) for c in shown_columns}
    evidence: dict[str, object] = {"lines": {name: line for name, line in lines.items() if line is not None}}
    left = len(rows) + len(columns) - len(conflict)
    if left:
        how += f"; {left:,} more take part"
    if multipliers is not None and len(multipliers) <= SHOWN:
        evidence["multipliers"] = {names.row(row): str(value) for row, value in multipliers.items()}
    return Line("infeasible", status, how=how, conflict=tuple(conflict), evidence=evidence)


def exact_replay(form: LinearForm, rows: Mapping[int, Fraction]) -> bool:
    """Whether multipliers from a certificate prove, exactly, that the form without integrality has no point."""
    found = exact.replay(form, rows, with_cost=False)
    return found is not None and found > 0
