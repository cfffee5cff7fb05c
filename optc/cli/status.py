"""Exit statuses, as other programs may rely on them."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    DONE = 0  # a usable answer with the status that was asked for
    WRONG_MODEL = 1  # the model or its data are wrong
    USAGE = 2
    INFEASIBLE = 3
    UNBOUNDED = 4
    LIMIT = 5  # stopped at a limit with a usable answer
    NO_ANSWER = 6  # stopped with none, or no route
    NOT_INSTALLED = 7  # a needed backend is not installed
    FAULT = 70  # a fault in optc or a backend
    INTERRUPTED = 130
