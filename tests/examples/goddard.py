"""How high Goddard's rocket can go, by the structure of its best thrust: full, then singular, then none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp

STRONGEST, EMPTY, EXHAUST, DRAG, THINNING = 3.5, 0.6, 0.5, 310.0, 500.0

State = np.ndarray  # height, speed, mass
Thrust = Callable[[State], float]


def resistance(state: State) -> float:
    height, speed, _ = state
    return float(DRAG * speed**2 * np.exp(THINNING * (1 - height)))


def switch(state: State) -> float:
    """Zero where fuel may be burnt at any rate: weight = (1 + speed / exhaust) times drag.

    It follows from the maximum principle for a free final time and drag that goes with the square of the speed,
    whatever gravity does with height (A. E. Bryson, Y.-C. Ho, "Applied Optimal Control" (1975), section 8.3).
    """
    height, speed, mass = state
    return float(mass / height**2 - (1 + speed / EXHAUST) * resistance(state))


def singular(state: State) -> float:
    """The thrust that stays where the switch is zero: its derivative by time is linear in the thrust."""
    height, speed, mass = state
    drag = resistance(state)
    by_height = -2 * mass / height**3 + (1 + speed / EXHAUST) * drag * THINNING
    by_speed = -drag / EXHAUST - (1 + speed / EXHAUST) * 2 * drag / speed
    by_mass = 1 / height**2
    coasting = by_height * speed + by_speed * (-drag / mass - 1 / height**2)
    return float(-coasting / (by_speed / mass - by_mass / EXHAUST))


def phase(start: State, thrust: Thrust, until: Callable[[State], float]) -> State:
    """Where the rocket is when ``until`` first falls to zero."""

    def motion(_: float, state: State) -> list[float]:
        push = thrust(state)
        return [state[1], (push - resistance(state)) / state[2] - 1 / state[0] ** 2, -push / EXHAUST]

    def event(_: float, state: State) -> float:
        return until(state)

    event.terminal, event.direction = True, -1  # type: ignore[attr-defined]
    found = solve_ivp(motion, (0, 1), start, events=event, rtol=1e-12, atol=1e-14)
    assert found.status == 1, "the phase does not end"
    return np.asarray(found.y_events[0][0])


def highest() -> float:
    """In units of the distance from the middle of the earth to its surface."""
    thrown = phase(np.array([1.0, 0.0, 1.0]), lambda _: STRONGEST, switch)
    burnt = phase(thrown, singular, lambda state: state[2] - EMPTY)
    return float(phase(burnt, lambda _: 0.0, lambda state: state[1])[0])
