"""How the search for a point goes: when steps stay short, when to begin again, when to give up. All of this is ours."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .merit_function import Point

SHORT, SHORT_STEPS, RESTARTS = 1e-3, 8, 20  # steps of that length in a row are reason for new multipliers
POOR, POOR_STEPS, RESTORATIONS = 0.1, 5, 20  # of what bounds allow: such steps in a row are reason for a restoration
PATIENCE = 1000  # iterations without a better residual
STUCK = 25  # iterations in a row at which the violation has no slope


@dataclass(frozen=True, slots=True)
class Pace:
    """Consecutive short and poor steps, restarts, restorations, the best residual and how long ago it was, iterations
    in a row at which the violation of the equations had no slope, failures since the last restart.
    """

    short: int = 0
    poor: int = 0
    restarts: int = 0
    restorations: int = 0
    best: float = np.inf
    since: int = 0
    stuck: int = 0
    failures: int = 0

    @property
    def slow(self) -> bool:
        """Whether to begin again with new multipliers and penalties."""
        return self.restarts < RESTARTS and (self.short >= SHORT_STEPS or self.failures > 0)

    @property
    def poorly(self) -> bool:
        """Whether to leave the objective aside and restore feasibility."""
        return self.restorations < RESTORATIONS and (self.poor >= POOR_STEPS or self.failures > 0)

    @property
    def hopeless(self) -> bool:
        return self.failures > (0 if self.restarts >= RESTARTS else 1) or self.since > PATIENCE or self.stuck > STUCK

    def at(self, point: Point, residual: float) -> Pace:
        better = residual < 0.99 * self.best
        return replace(
            self,
            best=residual if better else self.best,
            since=0 if better else self.since + 1,
            stuck=self.stuck + 1 if without_slope(point) else 0,
        )

    def after(self, alpha: float, longest: float) -> Pace:
        """After a step of length ``alpha``, where bounds allow the ``longest``."""
        short = self.short + 1 if alpha <= SHORT else 0
        poor = self.poor + 1 if alpha <= POOR * longest else 0
        return replace(self, short=short, poor=poor, failures=0)

    def failing(self) -> Pace:
        return replace(self, failures=self.failures + 1)

    def restarted(self) -> Pace:
        return replace(self, short=0, restarts=self.restarts + 1)

    def restored(self) -> Pace:
        return replace(self, short=0, poor=0, failures=0, restorations=self.restorations + 1)


def without_slope(point: Point) -> bool:
    """Whether the equations fail and their violation falls in no direction."""
    size = float(np.linalg.norm(point.residual))
    return size > 1e-4 and float(np.linalg.norm(point.jacobian.T @ point.residual)) <= 1e-4 * size
