"""The certificate of anyone's answer: the point is judged on the model, and evidence that comes with it is replayed."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from optc.dsl.diagnostics import Diagnostic

from .forms.linear import Floats, Slice
from .forms.nonlinear import NonlinearForm
from .instance.instance import Instance
from .lowering import Lowered, lower_along
from .outside.calls import faults_told
from .plan import ways
from .presenting import labelled_decisions, labelled_expressions
from .quantifiers import class_name
from .result.certificate import Certificate, Line
from .result.given import duals_of, multipliers_of, values_of
from .result.lifting import Names, columns_from
from .result.rows import placed
from .result.solution import Solution, Status
from .signature import signature
from .verify import bound as bounds
from .verify import followers
from .verify import infeasible as conflicts
from .verify.agreement import says_the_same
from .verify.duals import duals as duals_line
from .verify.followers import Again
from .verify.multipliers import multipliers
from .verify.point import Point
from .verify.report import Report, judge
from .verify.unbounded import unbounded

if TYPE_CHECKING:
    from .verify.local import Local


@faults_told()
def verify(
    instance: Instance,
    given: object,
    tolerance: float = 1e-6,
    gap: float = 1e-4,
    notes: tuple[Diagnostic, ...] = (),
    again: Again | None = None,
) -> Solution:
    """What is true of an answer: a result's JSON object, a ``Solution``, or values by decision.

    ``again``: solves other problems from the start, such as a follower's at the leader's decision; without it such
    claims stay open. The status is ``optimal`` only where a bound is proved again from evidence in the answer; a bound
    that was reported is ``open`` here. An answer without values is judged by its evidence of infeasibility.
    Raises ``GivenError`` where the values do not fit the model.
    """
    began = time.perf_counter()
    result = given.to_dict() if isinstance(given, Solution) else given
    claims = _claims(result)
    without_values = isinstance(result, Mapping) and result.get("variables") == {} and instance.columns > 0
    if without_values or (isinstance(result, Mapping) and result.get("status") in ("infeasible", "unbounded")):
        return _without_point(instance, claims, tolerance, notes, began)
    point = {**values_of(instance, result, complete=True), **multipliers_of(instance, result)}
    report = judge(instance, point, tolerance)
    if report.holds and followers.followers(instance.program):
        report = _with_followers(instance, report, result, tolerance, gap, again)
    lines = list(report.lines)
    limit = None
    known = _local(instance, result, point, report, tolerance, gap)
    if report.objective is not None:
        stated = _stated(result, "objective")
        lines += [_same_objective(report.objective, stated, tolerance)] if stated is not None else []
        lines += () if known is None else (_as_claimed(line, claims) for line in known.lines)
        limit = None if known is None else known.bound
        found = _bound(instance, result, claims, point, report.objective, gap) if limit is None else []
        lines += found
        limit = next((line.value for line in found if line.status == "proved"), limit)
        covered = _covered(instance, claims, "bound")
        if covered is not None:
            lines = [*(line for line in lines if line.claim != "bound"), covered]
            limit = covered.value if covered.status == "proved" else None
    lines += _duals(instance, result, point, report.objective or 0.0, tolerance) if known is None else []
    status = _status(report, limit, gap)
    if known is not None and status == "feasible":
        status = known.status
    return _solution(instance, status, report, lines, limit, notes, began)


def _local(
    instance: Instance, result: object, point: Point, report: Report, tolerance: float, gap: float
) -> Local | None:
    """What the duals of an answer to a nonlinear model say; None where there are none, or the model is not one."""
    if report.objective is None or not report.holds or not isinstance(result, Mapping):
        return None
    if instance.constraints and not result.get("duals"):
        return None
    lowered = _lowered(instance) or _lowered(instance, ("nonlinear",))
    if lowered is None or not isinstance(lowered.judged, NonlinearForm):
        return None
    y = _row_duals(instance, lowered, result)
    x = columns_from(lowered.judged, {name: np.asarray(values) for name, values in point.items()})
    if y is None:
        return None
    from .verify.definition_multipliers import with_definitions
    from .verify.local import judged

    own = sum(part.count for part in lowered.judged.rows), sum(part.count for part in lowered.judged.columns)
    whole = with_definitions(lowered.judged, own, x, y)
    return None if whole is None else judged(instance, lowered, *whole, report.objective, tolerance, gap)


def _as_claimed(line: Line, claims: Sequence[Mapping[str, Any]]) -> Line:
    """A line on first-order conditions, open where they do not hold and the answer's certificate does not claim them.

    A point whose objective is within the gap of a bound, as cones give, may have slopes beyond the tolerance.
    """
    claimed = not claims or any(claim.get("claim") == "stationary" for claim in claims)
    if line.claim != "stationary" or line.status != "failed" or claimed:
        return line
    return replace(line, status="open", how=f"{line.how}; the answer does not claim it")


def _with_followers(
    instance: Instance, report: Report, result: object, tolerance: float, gap: float, again: Again | None
) -> Report:
    if again is None:
        line = Line(followers.OPTIMAL, "open", tolerance=tolerance, how="the lower level was not solved again")
        return replace(report, lines=(*report.lines, line))
    answered = followers.answered(instance, report.point, tolerance, gap, again)
    dual = multipliers(instance, report.point, duals_of(instance, result), tolerance)
    lines = [*answered.lines, *([dual] if dual is not None else [])]
    return replace(report, lines=(*report.lines, *lines), objectives=answered.objectives)


def _status(report: Report, limit: float | None, gap: float) -> Status:
    if not report.holds:
        return "failed"
    close = limit is not None and bounds.relative_gap(report.objective or 0.0, limit) <= gap
    return "optimal" if close and report.answered else "feasible"


def _claims(result: object) -> list[Mapping[str, Any]]:
    found = result.get("certificate") if isinstance(result, Mapping) else None
    return [line for line in found if isinstance(line, Mapping)] if isinstance(found, Sequence) else []


def _stated(result: object, key: str) -> float | None:
    value = result.get(key) if isinstance(result, Mapping) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _same_objective(value: float, stated: float, tolerance: float) -> Line:
    difference = abs(value - stated)
    limit = tolerance * max(1.0, abs(value))
    how = f"difference from the objective that the answer states, {stated:.10g}"
    return Line("stated objective", "checked" if difference <= limit else "failed", difference, limit, how=how)


def _bound(
    instance: Instance,
    result: object,
    claims: Sequence[Mapping[str, Any]],
    point: Point,
    objective: float,
    gap: float,
) -> list[Line]:
    """The bound that the answer's multipliers or duals prove here and now; without any, the stated one stands open."""
    stated = _stated(result, "bound")
    lowered = _lowered(instance)
    sign = -1.0 if _sense(instance) == "maximize" else 1.0
    multipliers = next((_multipliers(line) for line in claims if line.get("claim") == "bound"), None)
    if multipliers is not None:
        rows = None if lowered is None else _by_row(lowered, multipliers)
        value = None if lowered is None or rows is None else bounds.exact_replay(lowered.judged, rows)
        if value is not None and lowered is not None and says_the_same(instance, lowered) is None:
            how = "weak duality in exact rationals, replayed from the evidence"
            proved = Line("bound", "proved", value, how=how)
            short = stated is not None and sign * (stated - value) > gap * max(1.0, abs(value))
            less = Line("stated bound", "failed", stated, how="the evidence proves less")
            return [proved, less] if short else [proved]
        return [Line("bound", "failed", stated, how="the multipliers in the evidence prove no bound on this model")]
    proof = None if lowered is None else _from_duals(instance, lowered, result, point)
    if proof is not None and bounds.relative_gap(objective, proof[0]) <= gap:
        return [Line("bound", "proved", proof[0], how=f"{proof[1]}, from the duals of the answer")]
    if stated is None:
        return []
    if sign * (stated - objective) > gap * max(1.0, abs(objective)):
        return [Line("bound", "failed", stated, how="the point is better than the stated bound")]
    return [Line("bound", "open", stated, how="stated by the answer, without evidence that can be replayed")]


def _from_duals(instance: Instance, lowered: Lowered, result: object, point: Point) -> tuple[float, str] | None:
    """The bound that the answer's duals prove, where it has one for every row."""
    y = _row_duals(instance, lowered, result)
    if y is None:
        return None
    form = lowered.judged
    x = columns_from(form, {name: np.asarray(values) for name, values in point.items()})
    proof = bounds.from_duals(form, x, y) if np.isfinite(x).all() else None
    return proof if proof is not None and says_the_same(instance, lowered) is None else None


def _duals(instance: Instance, result: object, point: Point, objective: float, tolerance: float) -> list[Line]:
    """Whether the duals that the answer states are multipliers at its point; nothing where it states none."""
    if not isinstance(result, Mapping) or not result.get("duals") or followers.followers(instance.program):
        return []
    lowered = _lowered(instance)
    y = None if lowered is None else _row_duals(instance, lowered, result)
    if lowered is None or y is None:
        return [Line("duals", "open", how="the answer has not one for every row of the lowered problem")]
    x = columns_from(lowered.judged, {name: np.asarray(values) for name, values in point.items()})
    return [duals_line(instance, lowered.judged, x, y, objective, tolerance)] if np.isfinite(x).all() else []


def _row_duals(instance: Instance, lowered: Lowered, result: object) -> Floats | None:
    """The duals that an answer states, for each row of the form; None where a row has none."""
    given = result.get("duals") or {} if isinstance(result, Mapping) else None
    form = lowered.judged
    # The dual of a range with decisions outside is a sum, which cannot be taken apart.
    apart = len({part.name for part in form.rows}) == len(form.rows)
    if not isinstance(given, Mapping) or not apart or lowered.instance is not instance:
        return None
    y = np.zeros(form.shape[0])
    for part in form.rows:
        values = _dual_values(instance, part, given.get(part.name))
        if values is None:
            return None
        y[part.offset : part.offset + part.count] = values
    return y


def _dual_values(instance: Instance, part: Slice, family: object) -> Floats | None:
    rows = family.get("values") if isinstance(family, Mapping) else None
    if not isinstance(rows, Sequence):
        return None
    layout = instance.constraint(part.name).layout
    at_once = placed(layout, rows) if layout.size == part.count else None
    if at_once is not None and not np.isnan(at_once).any():
        return at_once
    found = {tuple(row[:-1]): row[-1] for row in rows if isinstance(row, Sequence) and row}
    values = [found.get(layout.key(k)) for k in range(part.count)]
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return np.array(numbers, dtype=np.float64) if len(numbers) == part.count else None


def _multipliers(line: Mapping[str, Any]) -> dict[str, Fraction] | None:
    evidence = line.get("evidence")
    found = evidence.get("multipliers") if isinstance(evidence, Mapping) else None
    if not isinstance(found, Mapping):
        return None
    try:
        return {str(name): Fraction(str(value)) for name, value in found.items()}
    except (ValueError, ZeroDivisionError):
        return {}


def _lowered(instance: Instance, forms: tuple[str, ...] = ("linear", "quadratic", "fractional")) -> Lowered | None:
    """The cheapest form of the instance, as the planner would have it; None where it has none of these."""
    reached, _ = ways(signature(instance.program))
    for way in reached:
        if way.end.form in forms:
            found = lower_along(way.path, instance)
            if isinstance(found, Lowered):
                return found
    return None


def _by_row(lowered: Lowered, multipliers: Mapping[str, Fraction]) -> dict[int, Fraction] | None:
    names = Names(lowered.instance, lowered.judged)
    place = {names.row(row): row for row in range(lowered.judged.shape[0])}
    if not multipliers.keys() <= place.keys():
        return None
    return {place[name]: value for name, value in multipliers.items()}


def _without_point(
    instance: Instance,
    claims: Sequence[Mapping[str, Any]],
    tolerance: float,
    notes: tuple[Diagnostic, ...],
    began: float,
) -> Solution:
    for claim in _WITHOUT_POINT:
        given = next((each for each in claims if each.get("claim") == claim), None)
        if given is None:
            continue
        replayed = _infeasible(instance, given) if claim == "infeasible" else _unbounded(instance, given, tolerance)
        status: Status = claim if replayed.status in ("proved", "checked") else "failed"
        return _solution(instance, status, None, [replayed], None, notes, began)
    line = Line("feasible", "failed", how="the answer has no values, and no evidence that there are none")
    return _solution(instance, "failed", None, [line], None, notes, began)


_WITHOUT_POINT: tuple[Literal["infeasible", "unbounded"], ...] = ("infeasible", "unbounded")


def _covered(instance: Instance, claims: Sequence[Mapping[str, Any]], name: str) -> Line | None:
    """What the boxes in the evidence of a claim prove; None where it has none."""
    claim = next((line for line in claims if line.get("claim") == name), None)
    shown = None if claim is None else claim.get("evidence")
    if claim is None or not isinstance(shown, Mapping) or "cuts" not in shown:
        return None
    from .verify.box_cover import replayed  # interval arithmetic is not loaded for other problems

    return replayed(instance, _lowered(instance, ("nonlinear",)), claim)


def _infeasible(instance: Instance, line: Mapping[str, Any]) -> Line:
    conflict = tuple(str(name) for name in line.get("conflict", ()))
    covered = _covered(instance, [line], "infeasible")
    if covered is not None:
        return replace(covered, conflict=conflict)
    multipliers = _multipliers(line)
    lowered = _lowered(instance)
    rows = None if lowered is None or not multipliers else _by_row(lowered, multipliers)
    if lowered is None or rows is None:
        return Line("infeasible", "open", how="no evidence that can be replayed", conflict=conflict)
    if conflicts.exact_replay(lowered.judged, rows) and says_the_same(instance, lowered) is None:
        how = "Farkas multipliers in exact rationals, replayed from the evidence"
        return Line("infeasible", "proved", how=how, conflict=conflict)
    return Line("infeasible", "failed", how="the multipliers in the evidence are no contradiction", conflict=conflict)


def _unbounded(instance: Instance, line: Mapping[str, Any], tolerance: float) -> Line:
    evidence = line.get("evidence")
    parts = {key: evidence.get(key) for key in ("ray", "point")} if isinstance(evidence, Mapping) else {}
    if not all(isinstance(part, Mapping) for part in parts.values()) or not parts:
        return Line("unbounded", "open", how="no evidence that can be replayed")
    zero = {family.name: np.zeros(family.count) for family in instance.families}
    ray = zero | values_of(instance, parts["ray"], complete=False)
    point = zero | values_of(instance, parts["point"], complete=False)
    return unbounded(instance, point, ray, tolerance)


def _sense(instance: Instance) -> str | None:
    stated = instance.program.root.objective
    return None if stated is None else stated.sense


def _solution(
    instance: Instance,
    status: Status,
    report: Report | None,
    lines: Sequence[Line],
    limit: float | None,
    notes: tuple[Diagnostic, ...],
    began: float,
) -> Solution:
    stated = instance.program.root.objective
    value = None if report is None else report.objective
    unnamed = "leader" if followers.followers(instance.program) else "objective"
    name = (stated.name if stated is not None else None) or unnamed
    others = {} if report is None else dict(report.objectives)
    return Solution(
        instance.program.name,
        class_name(instance.program),
        status,
        "converged",
        None if stated is None else stated.sense,
        value,
        limit if limit is None or math.isfinite(limit) else None,
        others if value is None else {name: value, **others},
        {} if report is None else labelled_decisions(instance, report.point),
        {} if report is None else labelled_expressions(instance, report.point),
        certificate=Certificate(lines),
        diagnostics=(*notes, *instance.notes),
        seconds={"compile": 0.0, "solve": 0.0, "verify": time.perf_counter() - began},
    )
