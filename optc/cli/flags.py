"""Flags that several commands share, and the readers of their values. Mistakes in them are usage errors (exit 2)."""

from __future__ import annotations

import argparse
import math
import re

_UNITS = {"": 1.0, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([a-z]*)")


def add_common(parser: argparse.ArgumentParser) -> None:
    """What every command knows."""
    parser.add_argument("-q", "--quiet", action="store_true", help="errors, and of a result the status and objective")
    parser.add_argument("-v", "--verbose", action="store_true", help="say more of what is done")
    parser.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="colours; NO_COLOR is respected"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of a fault in optc")


def add_data(parser: argparse.ArgumentParser) -> None:
    """What binds data to a model."""
    data = parser.add_argument_group("data")
    data.add_argument(
        "-d",
        "--data",
        action="append",
        default=[],
        metavar="DATA",
        help="a data file, or NAME=FILE, or NAME=FILE:COLUMN; repeatable",
    )
    data.add_argument(
        "-D", "--set", action="append", default=[], type=assignment, metavar="NAME=VALUE", help="the value of one name"
    )
    data.add_argument(
        "--extern",
        action="append",
        default=[],
        type=assignment,
        metavar="F=FILE.py:NAME",
        help="the Python function for an extern of the model (runs FILE.py)",
    )
    data.add_argument(
        "--allow-surplus", action="store_true", help="names and entries the model does not know are warnings"
    )


def add_tightening(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """What asks for bounds by optimisation."""
    parser.add_argument(
        "--tighten",
        action="store_true",
        help="look for the extremes of decisions first, for smaller constants in the rows made (for at most 10 s)",
    )
    parser.add_argument("--tighten-limit", type=duration, metavar="TIME", help="the same for at most that long")


def tightening(args: argparse.Namespace) -> bool | float:
    """The seconds of ``--tighten-limit``, else whether ``--tighten`` is there."""
    return bool(args.tighten) if args.tighten_limit is None else float(args.tighten_limit)


def assignment(text: str) -> tuple[str, str]:
    """``NAME=VALUE`` in two."""
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name.strip(), value.strip()


def duration(text: str) -> float:
    """Seconds of ``30``, ``30s``, ``5m``, ``1.5h``, ``1h30m``, ``250ms``."""
    total, at = 0.0, 0
    compact = text.strip().lower()
    for match in _DURATION.finditer(compact):
        unit = _UNITS.get(match[2])
        if match.start() != at or unit is None:
            break
        total, at = total + float(match[1]) * unit, match.end()
    if not compact or at != len(compact):
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write for example 30s, 5m or 1h30m")
    if not total > 0 or math.isinf(total):
        raise argparse.ArgumentTypeError(f"a duration must be above zero, not {text!r}")
    return total


def fraction(text: str) -> float:
    """A finite number that is zero or more, such as a gap or tolerance; ``1%`` is 0.01."""
    percent = text.strip().endswith("%")
    value = _number(text.strip().removesuffix("%"), text) / (100.0 if percent else 1.0)
    if not 0.0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number that is zero or more")
    return value


def positive(text: str) -> int:
    """A whole number above zero."""
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


def natural(text: str) -> int:
    """A whole number, zero or more."""
    if not text.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number that is zero or more")
    return int(text)


def count_or_all(text: str) -> int | str:
    """``-n``: a whole number above zero, or ``all``."""
    return "all" if text.strip() == "all" else positive(text)


def _number(text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{whole!r} is no number") from None
