"""Claim ``infeasible`` where interval arithmetic finds no point of a nonlinear problem in all of its domain.

A local method that ends where the rows cannot be met any better nearby has proved nothing. For small problems the whole
domain is then examined as a cover of one box (``box_cover``), which may be cut a few hundred times.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..answer import Answer
from ..instance.instance import Instance
from ..lowering import Lowered
from ..result.certificate import Line

MOST = 200  # decisions: boxes of many more are seldom empty


def empty_domain(instance: Instance, lowered: Lowered, answer: Answer) -> Line | None:
    """The line of the claim; None where points may be left, or there are too many decisions to look."""
    if lowered.judged.shape[1] > MOST:
        return None
    from ..boxes.cover import Cover  # interval arithmetic is not loaded for other problems
    from .box_cover import covered_infeasibility

    none = np.zeros(0, dtype=np.int32)
    return covered_infeasibility(instance, lowered, replace(answer, cover=Cover(none, none, none, np.zeros(0))))
