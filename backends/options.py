"""Options of a backend: fields of a frozen dataclass, each with type, default, range and a one-line meaning.

That one declaration is read by the command line, the Python API, the documentation and the checks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from optc.dsl.catalogue import report, solving
from optc.dsl.diagnostics import Diagnostic, Hint

Value = float | int | bool | str | None


class OptionError(Exception):
    """Options that are unknown, of the wrong type or out of range; ``diagnostics`` has one entry for each."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("; ".join(d.message for d in diagnostics))
        self.diagnostics = tuple(diagnostics)


@dataclass(frozen=True, slots=True)
class Declaration:
    """One option as it was declared. ``kind`` is ``number``, ``integer``, ``switch`` or ``word``.

    ``low`` and ``high`` are inclusive; ``choices`` are the words a ``word`` may be. A default of None stands for the
    solver's own.
    """

    name: str
    kind: str
    default: Value
    meaning: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def range_text(self) -> str:
        """What is allowed, in words: ``0 to 1``, ``at least 1``, ``on, off``, ``choose, simplex, ipm``."""
        if self.kind == "switch":
            return "true or false"
        if self.kind == "word":
            return ", ".join(self.choices) if self.choices else "any text"
        noun = "a whole number" if self.kind == "integer" else "a number"
        if self.low is not None and self.high is not None:
            return f"{noun} from {self.low:g} to {self.high:g}"
        if self.low is not None:
            return f"{noun} of at least {self.low:g}"
        return noun if self.high is None else f"{noun} of at most {self.high:g}"


def option(
    kind: str,
    default: Value,
    meaning: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A dataclass field that is an option; see ``Declaration`` for the arguments."""
    if kind not in ("number", "integer", "switch", "word"):
        raise ValueError(f"an option is a number, integer, switch or word, not {kind!r}")
    facts = {"kind": kind, "meaning": meaning, "low": low, "high": high, "choices": choices}
    return field(default=default, metadata={"option": facts})


def kernels_option() -> Any:
    """The option of backends whose functions the compiler may have evaluated by another printer (``evaluating``)."""
    return option(
        "word",
        "auto",
        "what evaluates functions and derivatives: NumPy and then compiled C (auto), or one of them alone, or torch",
        choices=("auto", "numpy", "c", "torch"),
    )


def declarations(options: type) -> tuple[Declaration, ...]:
    """The options of a dataclass whose fields were made by ``option``, in order."""
    found = []
    for entry in fields(options):
        if "option" not in entry.metadata or entry.default is MISSING:
            raise TypeError(f"{options.__name__}.{entry.name} was not declared with option(…)")
        found.append(Declaration(name=entry.name, default=entry.default, **entry.metadata["option"]))
    return tuple(found)


def parse(backend: str, options: type, given: Mapping[str, object]) -> Any:
    """An instance of ``options`` from values by name, texts from a command line included.

    Raises:
        OptionError: with a diagnostic for each unknown name and each value that is not allowed.
    """
    known = {entry.name: entry for entry in declarations(options)}
    values: dict[str, Value] = {}
    faults: list[Diagnostic] = []
    for name, value in given.items():
        if name not in known:
            faults.append(_unknown(backend, name, tuple(known)))
            continue
        result = _value(backend, known[name], value)
        if isinstance(result, Diagnostic):
            faults.append(result)
        else:
            values[name] = result
    if faults:
        raise OptionError(faults)
    return options(**values)


def changed(options: object) -> dict[str, Value]:
    """The options of an instance that differ from their defaults, by name."""
    return {
        d.name: getattr(options, d.name) for d in declarations(type(options)) if getattr(options, d.name) != d.default
    }


def _unknown(backend: str, name: str, known: tuple[str, ...]) -> Diagnostic:
    close = get_close_matches(name, known, n=1)
    hints = (Hint(f"did you mean `{close[0]}`?"),) if close else ()
    return report(solving.UNKNOWN_OPTION, None, hints=hints, backend=backend, name=name)


def _value(backend: str, declared: Declaration, value: object) -> Value | Diagnostic:
    wrong_type = report(
        solving.OPTION_TYPE, None, backend=backend, name=declared.name, value=value, expected=declared.range_text
    )
    if value is None:
        return None if declared.default is None else wrong_type
    read = {"number": _number, "integer": _integer, "switch": _switch, "word": _word}[declared.kind]
    result = read(value)
    if result is None:
        return wrong_type
    if not _allowed(declared, result):
        return report(
            solving.OPTION_RANGE, None, backend=backend, name=declared.name, value=value, expected=declared.range_text
        )
    return result


def _allowed(declared: Declaration, value: float | bool | str) -> bool:
    if isinstance(value, str):
        return not declared.choices or value in declared.choices
    if isinstance(value, bool):
        return True
    return (declared.low is None or value >= declared.low) and (declared.high is None or value <= declared.high)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _integer(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and math.isfinite(number) and number == int(number) else None


def _switch(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    words = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}
    return words.get(str(value).lower())


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None
