"""The cases of ``conformance`` for backends that take fractional forms: optima, ends, multipliers, limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

import numpy as np

from optc.compiler.forms.fractional import FractionalForm
from optc.compiler.forms.linear import LinearForm

from . import (
    INF,
    Case,
    cancelled,
    claims,
    dual_ray,
    duals,
    form,
    interrupted,
    market_split,
    no_time,
    optimum,
    primal_ray,
    repeated,
    warm_start,
)


def ratio(linear: LinearForm, denominator: Sequence[float], offset: float, least: float, most: float) -> FractionalForm:
    """A linear form's objective over a denominator that lies between ``least`` and ``most`` at all its points."""
    own = {entry.name: getattr(linear, entry.name) for entry in fields(LinearForm)}
    return FractionalForm(
        **own,
        denominator=np.array(denominator, dtype=np.float64),
        denominator_offset=offset,
        least=least,
        most=most,
    )


def ratio_cases() -> Iterator[Case]:
    """All cases, in order."""
    box = form([1, 2], [[1, 1]], [1], [INF], [0, 0], [4, 4], offset=3.0)
    small = ratio(box, [1, 1], 1.0, 2.0, 9.0)
    yield Case("ratio", small, optimum(1.4))
    cone = form([-1, -1], [], [], [], [1, 0], [INF, 3])
    yield Case("ratio on an unbounded set", ratio(cone, [1, 0], 0.0, 1.0, INF), optimum(-4.0))
    yes = [True] * 4
    sack = form([-10, -13, -7, -8], [[1] * 4], [2], [INF], [0] * 4, [1] * 4, integer=yes)
    whole = ratio(sack, [3, 4, 2, 3], 0.0, 4.0, 12.0)
    yield Case("whole ratio", whole, optimum(-3.4))
    yield Case("ratio over a constant", ratio(box, [0, 0], 2.0, 2.0, 2.0), optimum(2.0))
    both = frozenset({"duals", "reduced costs"})
    one = form([1], [[1]], [-INF], [4], [0], [9], offset=3.0)
    yield Case("duals of a ratio", ratio(one, [1], 1.0, 1.0, 5.0), duals([-0.08], [0.0]), both)
    apart = form([1, 1], [[1, 1], [1, 1]], [2, -INF], [INF, 1], [0, 0], [INF, INF])
    none = ratio(apart, [1, 0], 1.0, 1.0, INF)
    yield Case("infeasible ratio", none, claims("infeasible"))
    yield Case("dual ray of a ratio", none, dual_ray, frozenset({"dual ray"}))
    endless = ratio(form([1, -1], [], [], [], [1, 0], [2, INF]), [1, 0], 0.0, 1.0, 2.0)
    yield Case("unbounded ratio", endless, claims("unbounded"))
    yield Case("primal ray of a ratio", endless, primal_ray, frozenset({"primal ray"}))
    nowhere = ratio(form([1], [], [], [], [1], [INF], offset=1.0), [1], 0.0, 1.0, INF)
    yield Case("ratio that is only approached", nowhere, claims("feasible", "optimal"))
    yield Case("start of a ratio", small, warm_start, frozenset({"warm start"}))
    yield Case("start of a whole ratio", whole, warm_start, frozenset({"warm start"}))
    hard = market_split()
    long = ratio(hard, [1.0, 1.0] + [0.0] * (hard.shape[1] - 2), 1.0, 1.0, 3.0)
    yield Case("no time for a ratio", long, no_time, frozenset({"time limit"}))
    yield Case("ratio cancelled before it starts", small, cancelled, frozenset({"interrupt"}))
    yield Case("ratio interrupted", long, interrupted, frozenset({"interrupt"}))
    yield Case("ratio repeated", whole, repeated)
