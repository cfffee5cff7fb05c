"""Claim ``infeasible`` where the linear rows of a nonlinear model contradict each other or the bounds of the decisions.

A local method that meets the rows no better nearby proves nothing, and multipliers of cones prove little where bounds
cross. The model without its nonlinear rows and its objective has all points of the model: where it has none, its
conflict is one of the model, and it is shown as for any linear model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from optc.dsl.program import Objective, Relation

from ..evaluation.scope import EvaluationError
from ..extraction.patterns import row_patterns
from ..extraction.polynomial import NotPolynomialError
from ..instance.instance import ConstraintFamily, Instance
from ..result.certificate import Line
from ..result.solution import Solution


def linear_conflict(instance: Instance, again: Callable[[Instance], Solution]) -> Line | None:
    """The line of the claim, or None where the linear rows and the bounds leave a point, or decisions are matrices.

    ``instance``: of one decider. ``again``: solves another problem from the start.
    """
    if any(family.domain == "psd" for family in instance.families):  # cones again, whatever the rows
        return None
    solution = again(_linear_part(instance))
    found = solution.certificate.line("infeasible")
    if solution.status != "infeasible" or found is None:
        return None
    return replace(found, how=f"linear rows and bounds alone: {found.how}")


def _linear_part(instance: Instance) -> Instance:
    """The instance without an objective and without the rows that are not linear."""
    kept = tuple(family for family in instance.constraints if _is_linear(instance, family))
    root = instance.program.root
    stated = root.objective
    aim = Objective("satisfy", None, None, stated.span if stated is not None else root.span)
    root = replace(root, objective=aim, constraints=tuple(family.name for family in kept))
    program = replace(instance.program, root=root)
    return replace(instance, program=program, constraints=kept, patterns={})


def _is_linear(instance: Instance, family: ConstraintFamily) -> bool:
    if not isinstance(family.symbol.body, Relation):
        return False
    try:
        row_patterns(instance, family)
    except (NotPolynomialError, EvaluationError):
        return False
    return True
