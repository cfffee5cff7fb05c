"""Simulated annealing: whether a search goes on from a point that is worse than the one it has.

Source: S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, "Optimization by simulated annealing", Science 220 (1983).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(slots=True)
class Annealing:
    """The temperature falls to ``factor`` times itself at each look, but not below ``end``."""

    temperature: float = 20.0
    end: float = 1.0
    factor: float = 0.1

    def accepts(self, worse: float, unit: float, random: np.random.Generator) -> bool:
        """Whether to take a point that is ``worse`` by so much (negative: better), in multiples of ``unit``.

        It is taken with the probability exp(-worse / (temperature * unit)), with certainty where it is no worse.
        """
        drawn = random.random()
        temperature = self.temperature
        self.temperature = max(self.end, self.factor * temperature)
        if worse <= 0.0:
            return True
        return unit > 0.0 and drawn < math.exp(-worse / (temperature * unit))
