"""Instance with ratios in its rows to instance without: the rows are multiplied by the denominator.

    N(x) / D(x) <= c            becomes     N(x) - c D(x) <= 0                  D > 0
    low <= N(x) / D(x) <= high  becomes     low D(x) <= N(x) <= high D(x)

Source: an instance with one decider, all of whose nonlinear rows compare one ratio of linear expressions with constants
of data (``terms.ratios`` says what is one). Target: an instance with linear rows in their places, under other names,
since a multiplier of such a row is not one of the ratio. The sign of each row's denominator is proved from the
bounds of the decisions, propagated through the linear rows; where it is below zero the row is multiplied by minus
one too, and where neither is proved the row is refused by name. Each row is divided by the power of two next below the
smallest size of its denominator, so that a violation within the tolerance is one of the ratio. Kept: every point and
its objective. Lost: nothing. Lifted: the decisions are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from optc.dsl.catalogue import report
from optc.dsl.catalogue.solving import DENOMINATOR
from optc.dsl.diagnostics import Diagnostic, Hint
from optc.dsl.program import Constraint, Expr, Relation

from ..evaluation.scope import entry_text, text_of
from ..instance.instance import Instance
from ..signature import WORDS, Signature
from ..terms.degree import Shapes
from ..terms.ratios import row_ratio
from ..terms.rewriting import Inverse, Refused, Rewriter, derived, extend, lift, number, op
from ..terms.rewritten import kept, rewrite_rows

__all__ = ["accepts", "derived", "extend", "lift", "lower", "multiples", "transfer"]

NAME = "ratios to rows"
SOURCE = "instance"
TARGET = "instance"
COST = 0.2

SMALLEST = 1e-9
"""A denominator of a smaller size is taken for zero."""

_FOREIGN = ("lower level", "player", "uncertainty", "recourse", "choice")


def transfer(source: Signature) -> Signature | str | None:
    """The signature with linear rows in place of ratios; why not; None where no row holds a ratio alone."""
    if "ratio constraint" not in source.features:
        return None
    foreign = next((WORDS[feature] for feature in _FOREIGN if feature in source.features), None)
    if foreign is not None:
        return foreign
    return replace(source, features=source.features - {"ratio constraint", "nonlinear constraint"})


def accepts(instance: Instance) -> Diagnostic | None:
    """None, or the first row whose denominator may be zero."""
    found = kept(instance, NAME, _lowered)
    return found if isinstance(found, Diagnostic) else None


def lower(instance: Instance) -> tuple[Instance, Inverse]:
    """The instance without ratios in rows, and what lifts its answers. Raises ``ValueError`` where ``accepts`` has a
    reason.
    """
    found = kept(instance, NAME, _lowered)
    if isinstance(found, Diagnostic):
        raise ValueError(found.message)
    return found


def multiples(inverse: Inverse) -> Mapping[str, str]:
    """For each family of multiplied rows the one it is in the place of."""
    return inverse.renamed


def _lowered(instance: Instance) -> tuple[Instance, Inverse]:
    program = instance.program
    shapes = Shapes(program, frozenset(program.root.decisions))

    def multiplied(rewriter: Rewriter, symbol: Constraint) -> Constraint:
        body = symbol.body
        if not isinstance(body, Relation) or shapes.constraint(symbol).degree is not None:
            return symbol
        ratio = row_ratio(body, program, shapes)
        if ratio is None:
            return symbol
        factor = _factor(rewriter, symbol, ratio.bottom)
        top, bottom = op("mul", factor, ratio.top), op("mul", factor, ratio.bottom)
        name = rewriter.name(f"{symbol.name} (multiplied)")
        if len(body.terms) == 2:
            return replace(symbol, name=name, body=replace(body, terms=(top, number(0.0))))
        low, _, high = body.terms
        return replace(
            symbol, name=name, body=replace(body, terms=(op("mul", low, bottom), top, op("mul", high, bottom)))
        )

    return rewrite_rows(instance, multiplied)


def _factor(rewriter: Rewriter, symbol: Constraint, bottom: Expr) -> Expr:
    """What each row is multiplied with: the sign of its denominator over about the smallest size of that."""
    lower, upper = rewriter.range(bottom, symbol.space)
    above, below = lower > SMALLEST, upper < -SMALLEST
    if not (above | below).all():
        at = int(np.argmin(above | below))
        raise _refusal(rewriter, symbol, bottom, at, float(lower[at]), float(upper[at]))
    size = np.where(above, lower, -upper)
    scale = np.exp2(-np.floor(np.log2(size)))
    return rewriter.data(f"{symbol.name} (factor)", np.where(above, scale, -scale), symbol.space)


def _refusal(rewriter: Rewriter, symbol: Constraint, bottom: Expr, row: int, lower: float, upper: float) -> Refused:
    text = text_of(bottom)
    entry = entry_text(symbol.name, rewriter.instance.scope.layouts[symbol.name].key(row))
    known = f"in {entry} the bounds leave it between {lower:.6g} and {upper:.6g}"
    hints = (Hint(f"give the decisions of `{text}` bounds from which its sign follows"),)
    return Refused(report(DENOMINATOR, bottom.span, hints=hints, expression=text, range=known))
