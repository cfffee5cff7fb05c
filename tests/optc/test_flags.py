"""Readers of flag values: units, percentages, whole numbers, assignments."""

from __future__ import annotations

import argparse

import pytest

from optc.cli import flags


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        ("0.5", 0.5),
        ("30s", 30.0),
        ("5m", 300.0),
        ("1h", 3600.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        ("250ms", 0.25),
        ("2d", 172800.0),
        ("10 min", 600.0),
        ("1H", 3600.0),
        ("1e3", 1000.0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert flags.duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "five", "5 parsecs", "-3", "0", "1h-2m", "inf", "nan"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="duration"):
        flags.duration(text)


@pytest.mark.parametrize(("text", "value"), [("1e-4", 1e-4), ("0", 0.0), ("1%", 0.01), ("2.5 %", 0.025)])
def test_fractions(text: str, value: float) -> None:
    assert flags.fraction(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["-1", "inf", "nan", "small", "", "-1%"])
def test_what_is_no_fraction(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="number"):
        flags.fraction(text)


def test_assignments_split_at_the_first_sign() -> None:
    assert flags.assignment("name = a=b") == ("name", "a=b")
    assert flags.assignment("n=") == ("n", "")
    for text in ("name", "=3", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="NAME=VALUE"):
            flags.assignment(text)


def test_counts() -> None:
    assert flags.count_or_all("all") == "all"
    assert flags.count_or_all("3") == 3
    assert flags.natural("0") == 0
    for text in ("0", "-1", "1.5", "x"):
        with pytest.raises(argparse.ArgumentTypeError):
            flags.positive(text)
