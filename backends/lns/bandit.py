"""Multi-armed bandits: which of several arms to pull next, from what each of them has brought so far.

The outcomes are those of a search step: a point that is the best so far, one that is better than the current point,
one that is accepted all the same, and one that is rejected (or none at all).
"""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np

from optc.compiler.forms.linear import Floats

Outcome = Literal["best", "better", "accepted", "rejected"]

REWARDS: dict[Outcome, float] = {"best": 4.0, "better": 3.0, "accepted": 2.0, "rejected": 1.0}
SUCCESSES: frozenset[Outcome] = frozenset({"best", "better"})


class Bandit(Protocol):
    """Chooses an arm by its number, and learns what came of it."""

    def choose(self, random: np.random.Generator) -> int: ...

    def learn(self, arm: int, outcome: Outcome) -> None: ...


class ThompsonSampling:
    """Each arm's rate of success is drawn from its posterior, Beta(1 + successes, 1 + failures); the largest goes.

    Source: W. R. Thompson, "On the likelihood that one unknown probability exceeds another in view of the evidence of
    two samples", Biometrika 25 (1933). Rewards are binary: a point that is best or better is a success.
    """

    def __init__(self, arms: int) -> None:
        self.successes: Floats = np.zeros(arms)
        self.failures: Floats = np.zeros(arms)

    def choose(self, random: np.random.Generator) -> int:
        return int(np.argmax(random.beta(1.0 + self.successes, 1.0 + self.failures)))

    def learn(self, arm: int, outcome: Outcome) -> None:
        tally = self.successes if outcome in SUCCESSES else self.failures
        tally[arm] += 1.0


class EpsilonGreedy:
    """With probability ``epsilon`` any arm, else the one with the best mean reward; arms not tried have the mean 0.

    Rewards are those of ``REWARDS``. Among equal means the first arm goes.
    """

    def __init__(self, arms: int, epsilon: float) -> None:
        self.epsilon = epsilon
        self.totals: Floats = np.zeros(arms)
        self.counts: Floats = np.zeros(arms)

    def choose(self, random: np.random.Generator) -> int:
        if random.random() < self.epsilon:
            return int(random.integers(len(self.counts)))
        return int(np.argmax(self.totals / np.maximum(self.counts, 1.0)))

    def learn(self, arm: int, outcome: Outcome) -> None:
        self.totals[arm] += REWARDS[outcome]
        self.counts[arm] += 1.0
