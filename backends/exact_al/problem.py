"""What the inner method sees of a problem: functions, second derivatives, and what bounds add to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from optc.compiler.forms.linear import Floats

from . import merit_function
from .equality_form import Matrix


@dataclass(frozen=True, slots=True, eq=False)
class Curvature:
    """``hessian`` of L (n, n); ``model``: the matrix B before its correction; ``size``: a bound of the absolute
    eigenvalues of what may be indefinite in it.
    """

    hessian: Matrix
    model: Matrix
    size: float


class Problem(merit_function.Problem, Protocol):
    """Equations to keep and a function to minimise, with what bounds of u add to it (``barrier``)."""

    def curvature(self, u: Floats, multipliers: Floats) -> Curvature:
        """Second derivatives of L at (u, y)."""

    def scale(self, u: Floats) -> Floats:
        """The diagonal D of the merit function (n)."""

    def longest(self, u: Floats, du: Floats) -> float:
        """The longest step length, at most 1, that keeps u within its bounds."""

    def moved(self, u: Floats, du: Floats, alpha: float) -> Problem:
        """The problem after a step from u."""
