"""Where a point has no value: the family, the index and the expression, for messages."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import UNDEFINED_SLOPE, UNDEFINED_VALUE
from optc.dsl.diagnostics import Diagnostic, Hint
from optc.dsl.program import Expr, Relation

from ..evaluation.evaluate import evaluate
from ..evaluation.scope import EvaluationError, Scope, entry_text, text_of
from ..forms.linear import Slice
from ..instance.instance import Instance
from ..spaces.algebra import UNIT
from .engine import Engine

Floats = NDArray[np.float64]

_HINTS = (Hint("keep what stands there within its domain: by bounds of the decisions, or by a `start`"),)


def portable(instance: Instance) -> Instance:
    """An instance with all that evaluation needs, for another process: without what it was read from, and without
    what is kept by identity."""
    scope = replace(instance.scope, structure={}, local={})
    return replace(instance, supplied=replace(instance.supplied, entries={}), patterns={}, scope=scope)


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Finds the first undefined term of an instance at a point of its nonlinear form.

    ``rows``: which rows of the form belong to which family.
    """

    instance: Instance
    engine: Engine
    arrays: tuple[Floats, ...]
    rows: tuple[Slice, ...]

    def __reduce__(self) -> tuple[object, ...]:
        return Places, (portable(self.instance), self.engine, self.arrays, self.rows)

    def __call__(self, x: Floats) -> Diagnostic | None:
        """The diagnostic of the first term without a finite value, or without finite derivatives, at ``x`` ``(n,)``."""
        values = [self._run(name, x) for name in ("value", "rows", "gradient", "jacobian")]
        finite = [bool(np.isfinite(each).all()) for each in values]
        if all(finite):
            return None
        fault = None if finite[0] and finite[1] else self._value(x)
        if fault is not None:
            return fault
        if not finite[0]:
            return self._overflow(self._objective(), "")
        if not finite[1]:
            term, where, _ = self._row(int(np.argmax(~np.isfinite(values[1]))))
            return self._overflow(term, where)
        if not finite[2]:
            return self._slope(self._objective(), "", int(np.argmax(~np.isfinite(values[2]))))
        at = int(np.argmax(~np.isfinite(values[3])))
        pattern = self.engine.model.jacobian_pattern
        term, where, _ = self._row(int(pattern.rows[at]))
        return self._slope(term, where, int(pattern.columns[at]))

    def _run(self, name: str, x: Floats) -> Floats:
        return self.engine.run(name, self.arrays, {"x": x})

    # ------------------------------------------------------------------------------------------------------ values
    def _value(self, x: Floats) -> Diagnostic | None:
        """The first term that the mathematics gives no value."""
        scope = self.instance.scope.at({f.name: x[f.offset : f.offset + f.count] for f in self.instance.families})
        try:
            self._all(scope)
        except EvaluationError as error:
            return replace(error.diagnostic, hints=_HINTS)
        return None

    def _all(self, scope: Scope) -> None:
        objective = self.instance.program.root.objective
        if objective is not None and objective.expression is not None:
            evaluate(objective.expression, UNIT, scope.named(objective.name or objective.sense))
        for family in self.instance.constraints:
            body = family.symbol.body
            assert isinstance(body, Relation)
            for term in body.terms:
                evaluate(term, family.layout.table, scope.named(family.name))

    def _overflow(self, term: Expr | None, where: str) -> Diagnostic:
        reason = "it is beyond the range of floating-point numbers"
        text = "an aggregate" if term is None else text_of(term)
        span = None if term is None else term.span
        return report(UNDEFINED_VALUE, span, hints=_HINTS, expression=text, where=where, reason=reason)

    # ------------------------------------------------------------------------------------------------------ slopes
    def _slope(self, term: Expr | None, where: str, column: int) -> Diagnostic:
        text = "an aggregate" if term is None else text_of(term)
        span = None if term is None else term.span
        return report(UNDEFINED_SLOPE, span, expression=text, where=where, entry=self._entry(column))

    def _entry(self, column: int) -> str:
        for family in self.instance.families:
            if family.offset <= column < family.offset + family.count:
                return entry_text(family.name, family.layout.key(column - family.offset))
        return "a decision that stands for an aggregate"

    def _objective(self) -> Expr | None:
        objective = self.instance.program.root.objective
        return None if objective is None else objective.expression

    def _row(self, row: int) -> tuple[Expr | None, str, str]:
        """The part of a row that holds decisions, where it stands, and its family; of no family: no term."""
        for part in self.rows:
            if part.offset <= row < part.offset + part.count and part.name in {
                c.name for c in self.instance.constraints
            }:
                family = self.instance.constraint(part.name)
                body = family.symbol.body
                assert isinstance(body, Relation)
                term = body.terms[1] if len(body.terms) == 3 else body.terms[0]
                return term, f" in {entry_text(part.name, family.layout.key(row - part.offset))}", part.name
        return None, " in a row that defines one", ""
