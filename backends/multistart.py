"""A local method from several points, the best of its answers kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal
from optc.compiler.context import Context
from optc.compiler.forms.linear import Floats
from optc.compiler.forms.nonlinear import NonlinearForm
from optc.compiler.forms.outside import OutsideForm

Local = Callable[[NonlinearForm, Goal, Any, Context, Floats], Answer]  # one run from a point (n)

_RANK = {"optimal": 0, "stationary": 1, "feasible": 2, "infeasible": 3, "none": 4}


def best_of(
    local: Local, form: NonlinearForm, goal: Goal, options: Any, context: Context, points: Sequence[Floats]
) -> Answer:
    """The best answer of ``local`` from each point: what it claims first, then its objective, then the earlier point.

    The runs go over the context's executor; those of a form with outside code stay in this process, to which its
    functions belong. ``work`` is their sum. A limit or an interrupt ends the search with the
    best so far; it is then told as the termination.
    """
    answers: list[Answer] = []
    if context.executor.workers == 1 or isinstance(form, OutsideForm):
        for point in points:
            answers.append(local(form, goal, options, context, point))
            if context.stop() is not None:
                break
    else:
        shared = (local, form, goal, options, context.remaining(), context.seed)
        for answer in context.executor.map(_elsewhere, shared, points):
            answers.append(answer)
            if context.stop() is not None:
                break
    best = min(answers, key=lambda answer: _standing(form, answer))
    stop = context.stop() if len(answers) < len(points) else None
    work = sum(answer.work or 0 for answer in answers)
    return replace(best, work=work, termination=best.termination if stop is None else stop)


def _elsewhere(shared: tuple[Local, NonlinearForm, Goal, Any, float | None, int], point: Floats) -> Answer:
    """One run in another process, which has its own clock."""
    local, form, goal, options, seconds, seed = shared
    with contexts.interruptible(contexts.start(time_limit=seconds, seed=seed)) as context:
        return local(form, goal, options, context, point)


def _standing(form: NonlinearForm, answer: Answer) -> tuple[int, float]:
    value = np.inf if answer.objective is None else answer.objective
    return _RANK.get(answer.claim, 4), -value if form.sense == "maximize" and answer.objective is not None else value
