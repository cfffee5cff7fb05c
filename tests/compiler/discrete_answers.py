"""Discrete models all the way by hand: lower, solve by SCIP, lift, judge; and all points of small ones."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import optc
from optc.backends import scip
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal
from optc.compiler.instance.instance import Instance
from optc.compiler.lowering import Lowered, lower_along, lowering_of
from optc.compiler.lowerings import choices_to_binaries
from optc.compiler.lowerings import instance_to_discrete as lowering
from optc.compiler.verify.report import Report, judge

FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def bound(text: str, data: Mapping[str, Any] | None = None) -> Instance:
    return optc.parse(text).bind(dict(data or {})).instance


def form_of(instance: Instance) -> Lowered:
    """The discrete form, choices first made binaries where there are some."""
    chosen = any(family.domain == "choice" for family in instance.families)
    steps = (choices_to_binaries, lowering) if chosen else (lowering,)
    found = lower_along(tuple(lowering_of(step) for step in steps), instance)
    assert isinstance(found, Lowered), found
    return found


def solved(instance: Instance) -> tuple[Answer, Report | None]:
    """The answer of SCIP to the discrete form, and the judgement of the lifted point on the model as written."""
    lowered = form_of(instance)
    answer = scip.solve(lowered.form, Goal(gap=1e-9), scip.Options(), contexts.start(), None)
    if answer.x is None:
        return answer, None
    point = dict(lowered.lift(answer.x))
    for family in instance.families:
        if family.integer:
            point[family.name] = np.rint(point[family.name])
    return answer, judge(instance, point, 1e-5)


def best_of(instance: Instance, points: Iterator[dict[str, np.ndarray]], tolerance: float = 1e-6) -> float | None:
    """The best objective over points that the verifier lets pass."""
    objective = instance.program.root.objective
    assert objective is not None
    values = [r.objective for p in points if (r := judge(instance, p, tolerance)).holds and r.objective is not None]
    return (max if objective.sense == "maximize" else min)(values, default=None)


def agrees(instance: Instance, wanted: float | None, near: float = 1e-5) -> None:
    answer, report = solved(instance)
    if wanted is None:
        assert answer.claim == "infeasible"
        return
    assert answer.claim == "optimal", answer
    assert report is not None and report.holds, report
    assert report.objective == pytest.approx(wanted, abs=near, rel=near)
    assert answer.bound == pytest.approx(wanted, abs=near, rel=near)


def binaries(*names_and_counts: tuple[str, int]) -> Iterator[dict[str, np.ndarray]]:
    counts = [count for _, count in names_and_counts]
    for values in itertools.product((0.0, 1.0), repeat=sum(counts)):
        parts = np.split(np.array(values), np.cumsum(counts)[:-1])
        yield {name: part for (name, _), part in zip(names_and_counts, parts, strict=True)}


def grids(name: str, count: int, values: tuple[float, ...]) -> Iterator[dict[str, np.ndarray]]:
    for point in itertools.product(values, repeat=count):
        yield {name: np.array(point, dtype=np.float64)}


numbers = st.integers(-4, 4)


def arrays(*shape: int) -> st.SearchStrategy[np.ndarray]:
    size = int(np.prod(shape))
    return st.lists(numbers, min_size=size, max_size=size).map(lambda v: np.array(v, dtype=np.float64).reshape(shape))
