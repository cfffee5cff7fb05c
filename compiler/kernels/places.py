"""Where a point has no value: the family, the index and the expression, for messages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Relation

from ..evaluation.evaluate import evaluate
from ..evaluation.scope import EvaluationError
from ..instance.instance import Instance
from ..spaces.algebra import UNIT
from .engine import Engine

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Finds the first undefined term of an instance at a point of its nonlinear form."""

    instance: Instance
    engine: Engine
    arrays: tuple[Floats, ...]

    def __call__(self, x: Floats) -> Diagnostic | None:
        """The diagnostic of the first term without a value at ``x`` ``(n,)``, or None."""
        instance = self.instance
        point = {f.name: x[f.offset : f.offset + f.count] for f in instance.families}
        scope = instance.scope.at(point)
        objective = instance.program.root.objective
        try:
            if objective is not None and objective.expression is not None:
                evaluate(objective.expression, UNIT, scope.named(objective.name or objective.sense))
            for family in instance.constraints:
                body = family.symbol.body
                assert isinstance(body, Relation)
                for term in body.terms:
                    evaluate(term, family.layout.table, scope.named(family.name))
        except EvaluationError as error:
            return error.diagnostic
        return None
