"""Claims ``follower optimal`` and ``follower's choice``: the answers are what the followers would give.

Each follower's problem is solved again at the leader's decisions, as an ordinary problem of its own, by whatever route
is the cheapest for it; nothing of the way the point was found is used. A small loss of a follower alone says little
about the leader's objective where that follower is nearly indifferent. So the leader's objective is optimised over the
near-optimal answers at two tolerances: a value that moves with the tolerance is no value. A point whose answers lose
more than rounding gets those that were found again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from optc.dsl.program import SCALAR, Block, Program

from ..data.errors import DataError
from ..evaluation.scope import EvaluationError, entry_text
from ..evaluation.sets import layout_of
from ..extraction.polynomial import NotPolynomialError
from ..facts.structure import degree_in
from ..instance.follower import alone, coupled, linked, own_objective, rows_of_others
from ..instance.instance import Instance
from ..instance.near_optimal import preferred
from ..result.certificate import Grade, Line
from ..result.solution import Solution
from ..spaces.domains import Values
from ..terms.substitution import componentwise
from .objective import objective
from .point import Point
from .report import FOLLOWER

OPTIMAL, CHOICE = FOLLOWER, "follower's choice"
NEAR = (0.1, 1.0)  # of the tolerance: how near to optimal an answer is that a follower might give as well
STEADY = 1e-4  # relative: a change of the leader's value with the tolerance that is none
ROUNDING = 1e-12  # of the size of the terms in an objective
EXACT = 1e-3  # of the tolerance: a follower who loses less is taken at his word
SHOWN = 10_000  # entries of the followers' objectives that a result holds at most

Again = Callable[[Instance], Solution]
Sense = Literal["minimize", "maximize"]


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """``point``: with the answers found again where its own lose more than rounding. ``lines``: one a block, and the
    leader's choice.

    ``objectives``: of each follower, as one would name it in the model.
    """

    point: Point
    lines: tuple[Line, ...]
    objectives: Mapping[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return all(line.status != "failed" for line in self.lines)


def followers(program: Program) -> list[Block]:
    """The blocks that answer the outermost decider."""
    return [child for child in program.root.children if child.kind == "lower"]


def answered(instance: Instance, point: Point, tolerance: float, gap: float, again: Again) -> Answered:
    """The followers' answers at a point that holds otherwise, solved again by ``again``."""
    blocks = followers(instance.program)
    responses = [_response(instance, block, point, tolerance, again) for block in blocks]
    lines = [response.line for response in responses]
    objectives = {name: value for response in responses for name, value in response.objectives.items()}
    found: dict[str, Values] = {}
    for response in responses:
        found |= response.answer
    if all(line.holds for line in lines):
        choice = _choice(instance, blocks, point, found, tolerance, gap, again)
        lines += [choice.line]
        near = all((line.value or 0.0) <= EXACT * tolerance for line in lines[:-1])
        return Answered(point if near else {**point, **choice.answer}, tuple(lines), objectives)
    return Answered(point, tuple(lines), objectives)


def optimal_along(
    instance: Instance, point: Point, ray: Point, distances: Sequence[float], tolerance: float, again: Again
) -> Line | None:
    """The first claim that fails for the followers' answers at some distances along a ray; None where none does.

    Far out the terms of an objective are so large that their rounding exceeds any tolerance of its value. So beyond the
    first distance a follower may lose ``ROUNDING`` of the terms' size, also to an answer that its solver calls optimal
    though its bound does not prove it.
    """
    for number, distance in enumerate(distances):
        there = {name: values + distance * ray.get(name, 0.0) for name, values in point.items()}
        for block in followers(instance.program):
            response = _response(instance, block, there, tolerance, again)
            if not response.line.holds and not (number and _near_in_size(instance, block, there, response)):
                return response.line
    return None


def _near_in_size(instance: Instance, block: Block, point: Point, response: _Response) -> bool:
    """Whether no follower of a block loses more than rounding can have made of the terms in his objective.

    The size is that of the objective where he decides for nothing but zeros, and at both answers.
    """
    if not response.answer:
        return False
    problem = alone(instance, block.path, point)
    zeros = {name: np.zeros_like(values) for name, values in response.answer.items()}
    given = {name: point[name] for name in block.decisions}
    here, best, nothing = (_values(problem, block, answer) for answer in (given, response.answer, zeros))
    up = block.objective is not None and block.objective.sense == "maximize"
    size = np.max([np.ones_like(best), np.abs(here), np.abs(best), np.abs(nothing)], axis=0)
    return bool((np.where(up, best - here, here - best) <= ROUNDING * size).all())


@dataclass(frozen=True, slots=True, eq=False)
class _Response:
    """``answer``: the one found again, also where it is not known to be optimal though its solver says so."""

    line: Line
    answer: Mapping[str, Values] = field(default_factory=dict)
    objectives: Mapping[str, float] = field(default_factory=dict)


# ------------------------------------------------------------------------------------------------- the answers again
def _response(instance: Instance, block: Block, point: Point, tolerance: float, again: Again) -> _Response:
    """One block's followers at the leader's decisions: what they lose by the answer in the point."""
    rule = "pessimistic" if block.pessimistic else "optimistic"
    if block.space.generators and rows_of_others(instance.program, block):
        how = "rows of other followers bind several of these at once: their answers were not solved again"
        return _Response(Line(OPTIMAL, "open", tolerance=tolerance, where=block.name, how=how))
    try:
        problem = alone(instance, block.path, point)
        solution = again(problem)
    except DataError as fault:
        why = fault.diagnostics[0].message if fault.diagnostics else "its data are wrong"
        return _Response(Line(OPTIMAL, "failed", tolerance=tolerance, where=block.name, how=why))
    found = solution.status == "optimal" or (solution.status, solution.termination) == ("feasible", "converged")
    answer = {name: flat(solution, name) for name in block.decisions} if found else {}
    if solution.status != "optimal":
        return _Response(_no_answer(block, solution, tolerance), answer)
    given, best = (_values(problem, block, {name: p[name] for name in block.decisions}) for p in (point, answer))
    up = block.objective is not None and block.objective.sense == "maximize"
    losses = best - given if up else given - best
    limits = tolerance * np.maximum(1.0, np.abs(best))
    row = int(np.argmax(losses / limits)) if len(losses) else 0
    names = _names(problem, block)
    loss = float(losses[row]) if len(losses) else 0.0
    status: Grade = "failed" if len(losses) and loss > limits[row] else "checked"
    record = solution.backend
    solver = f"{record.name} {record.version}" if record is not None and record.version else "its own route"
    many = f", the most that one of {len(losses):,} loses" if len(losses) > 1 else ""
    how = f"{rule}; lower level solved again by {solver} at the leader's decision{many}"
    if coupled(instance.program, block):
        how += "; the others' decisions held"
    line = Line(OPTIMAL, status, max(loss, 0.0), tolerance, names(row) if len(losses) else block.name, how)
    shown = range(len(losses)) if len(losses) <= SHOWN else ()
    return _Response(line, answer, {names(k): float(given[k]) for k in shown})


def _no_answer(block: Block, solution: Solution, tolerance: float) -> Line:
    words = {
        "unbounded": "the follower gains without limit",
        "infeasible": "the follower has no feasible answer",
    }
    if solution.status in words:
        return Line(OPTIMAL, "failed", tolerance=tolerance, where=block.name, how=words[solution.status])
    how = f"the lower level was not solved again ({solution.termination})"
    return Line(OPTIMAL, "open", tolerance=tolerance, where=block.name, how=how)


def flat(solution: Solution, name: str) -> Values:
    """The values of a family (no choice) in a solution, ``(count,)``."""
    return np.asarray(solution.variables[name].values, dtype=np.float64)


def _values(problem: Instance, block: Block, point: Point) -> Values:
    """The objective of each of the block's followers, ``(followers,)``."""
    layout = layout_of(componentwise(block.space), problem.scope)
    found = problem.values(own_objective(problem, block), point, layout, block.name)
    return np.broadcast_to(found, (layout.size,))


def _names(problem: Instance, block: Block) -> Callable[[int], str]:
    layout = layout_of(componentwise(block.space), problem.scope)
    return lambda row: entry_text(block.name, layout.key(row))


# ------------------------------------------------------------------------------------------------- the leader's value
def _choice(
    instance: Instance,
    blocks: Sequence[Block],
    point: Point,
    answer: Point,
    tolerance: float,
    gap: float,
    again: Again,
) -> _Response:
    """Whether the leader's objective at the point is the best that the followers' answers allow."""
    stated = instance.program.root.objective
    if stated is None or stated.expression is None:
        return _Response(Line(CHOICE, "checked", how="any answer will do: the leader has no objective"))
    if linked(instance.program, blocks):
        how = "the followers look at each other: whether other equilibria are better for the leader is not examined"
        return _Response(Line(CHOICE, "open", how=how))
    value = objective(instance, point)
    assert value is not None
    try:
        ranges = [list(_range(instance, point, answer, near * tolerance, again)) for near in NEAR]
    except (DataError, EvaluationError, NotPolynomialError) as fault:
        message = fault.diagnostics[0].message if isinstance(fault, DataError) else str(fault)
        return _Response(Line(CHOICE, "open", value, how=f"the near-optimal answers were not examined: {message}"))
    first, second = (ends[0] for ends in ranges)
    if first.value is None or second.value is None:
        why = "the leader's best among the near-optimal answers was not found"
        return _Response(Line(CHOICE, "open", value, how=f"{why} ({first.why or second.why})"))
    limit = max(gap, STEADY) * max(1.0, abs(value))
    moved = abs(first.value - second.value)
    off = max(abs(value - first.value), moved)
    words = "; ".join(
        f"within {near * tolerance:.0e}: {_interval(ends)}" for near, ends in zip(NEAR, ranges, strict=True)
    )
    how = f"optimistic; the leader's value over the followers' near-optimal answers, {words}"
    line = Line(CHOICE, "failed" if off > limit else "checked", off, limit, how=how)
    return _Response(line, first.answer if line.holds else {})


@dataclass(frozen=True, slots=True, eq=False)
class _End:
    """One end of a range: ``value`` None where it was not found, and why; infinite where there is none."""

    value: float | None
    why: str = ""
    answer: Mapping[str, Values] = field(default_factory=dict)


def _range(instance: Instance, point: Point, answer: Point, width: float, again: Again) -> Iterator[_End]:
    """The leader's best value over answers within ``width`` of optimal; and his worst, where his terms are linear."""
    stated = instance.program.root.objective
    assert stated is not None and stated.expression is not None
    senses: tuple[Sense, ...] = ("maximize", "minimize") if stated.sense == "maximize" else ("minimize", "maximize")
    theirs = [name for block in followers(instance.program) for name in block.decisions]
    degree = degree_in(instance, stated.expression, SCALAR, theirs).value
    for sense in senses if degree is not None and degree < 2 else senses[:1]:  # the worst of a square is hard to find
        problem = preferred(instance, point, answer, width, sense)
        solution = again(problem)
        if solution.status == "unbounded":
            yield _End(np.inf if sense == "maximize" else -np.inf)
        elif solution.status != "optimal" or solution.objective is None:
            yield _End(None, solution.termination)
        else:
            yield _End(
                solution.objective, "", {family.name: flat(solution, family.name) for family in problem.families}
            )


def _interval(ends: Sequence[_End]) -> str:
    values = [end.value for end in ends if end.value is not None]
    if len(values) < 2:
        return f"{values[0]:.9g} at best"
    return f"{min(values):.9g} to {max(values):.9g}"
