"""Bandits and annealing, by hand and by their probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest

from optc.backends.lns.bandit import EpsilonGreedy, ThompsonSampling
from optc.backends.lns.simulated_annealing import Annealing


def test_thompson_counts_successes_and_failures() -> None:
    bandit = ThompsonSampling(3)
    for arm, outcome in ((0, "best"), (0, "better"), (0, "accepted"), (1, "rejected"), (2, "accepted")):
        bandit.learn(arm, outcome)  # type: ignore[arg-type]
    assert bandit.successes.tolist() == [2, 0, 0] and bandit.failures.tolist() == [1, 1, 1]


def test_thompson_draws_from_the_posterior() -> None:
    bandit = ThompsonSampling(2)
    bandit.learn(0, "best")
    random = np.random.default_rng(0)
    chosen = np.array([bandit.choose(random) for _ in range(20_000)])
    # Beta(2, 1) is above Beta(1, 1) with the probability E[X] = 2/3; four standard deviations.
    assert np.mean(chosen == 0) == pytest.approx(2 / 3, abs=4 * math.sqrt(2 / 9 / 20_000))


def test_thompson_settles_on_the_better_arm() -> None:
    random, rates, bandit = np.random.default_rng(1), (0.2, 0.8, 0.4), ThompsonSampling(3)
    pulls = np.zeros(3)
    for _ in range(500):
        arm = bandit.choose(random)
        pulls[arm] += 1
        bandit.learn(arm, "better" if random.random() < rates[arm] else "accepted")
    assert pulls[1] > 400


def test_epsilon_greedy_goes_by_mean_rewards() -> None:
    bandit = EpsilonGreedy(3, 0.0)
    random = np.random.default_rng(0)
    assert bandit.choose(random) == 0
    bandit.learn(0, "best")  # 4
    bandit.learn(0, "rejected")  # and 1: 2.5 in the mean
    bandit.learn(1, "better")  # 3
    bandit.learn(2, "accepted")  # 2
    assert (bandit.totals / bandit.counts).tolist() == [2.5, 3.0, 2.0]
    assert bandit.choose(random) == 1
    for _ in range(2):
        bandit.learn(1, "rejected")  # 5/3
    assert bandit.choose(random) == 0


def test_epsilon_is_the_share_of_choices_at_random() -> None:
    bandit = EpsilonGreedy(4, 0.4)
    bandit.learn(2, "best")
    random = np.random.default_rng(0)
    chosen = np.array([bandit.choose(random) for _ in range(20_000)])
    assert np.mean(chosen != 2) == pytest.approx(0.4 * 3 / 4, abs=4 * math.sqrt(0.3 * 0.7 / 20_000))


def test_temperatures_fall_to_the_end() -> None:
    annealing, random = Annealing(), np.random.default_rng(0)
    seen = []
    for _ in range(4):
        seen.append(annealing.temperature)
        annealing.accepts(1.0, 1.0, random)
    assert seen == pytest.approx([20.0, 2.0, 1.0, 1.0])


def test_annealing_takes_worse_points_with_its_probability() -> None:
    random = np.random.default_rng(0)
    annealing = Annealing(temperature=2.0, end=2.0)
    taken = np.mean([annealing.accepts(3.0, 0.5, random) for _ in range(20_000)])
    assert taken == pytest.approx(math.exp(-3), abs=4 * math.sqrt(math.exp(-3) / 20_000))
    assert all(annealing.accepts(worse, 0.5, random) for worse in (0.0, -1.0) for _ in range(100))
    assert not any(annealing.accepts(1e-9, 0.0, random) for _ in range(100))
