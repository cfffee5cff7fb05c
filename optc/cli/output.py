"""What every command writes the same way: diagnostics to standard error, one JSON object to standard output."""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from optc.dsl.diagnostics import Diagnostic


def use_color(args: argparse.Namespace, stream: TextIO) -> bool:
    """``--color`` decides; ``auto`` means a terminal that has colours, and ``NO_COLOR`` unset or empty."""
    wish = getattr(args, "color", "auto")
    if wish != "auto":
        return bool(wish == "always")
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def print_diagnostics(diagnostics: Sequence[Diagnostic], args: argparse.Namespace) -> None:
    """To standard error, rendered with their lines; ``-q`` keeps errors alone."""
    quiet = getattr(args, "quiet", False)
    shown = [d for d in diagnostics if not quiet or d.severity == "error"]
    if shown:
        from optc.dsl.render import render

        print(render(shown, color=use_color(args, sys.stderr)).rstrip("\n"), file=sys.stderr)


def print_status(status: str, *, diagnostics: Iterable[Diagnostic], **more: object) -> None:
    """The JSON object of a command that has no answer to show."""
    from optc.dsl.render import to_json

    print_json({"schema": 1, "status": status, **more, "diagnostics": [to_json(d) for d in diagnostics]})


def print_json(value: object, *, indent: int | None = None) -> None:
    """One object on standard output; NaN and infinities as strings. Flushed, since a stream of them is watched."""
    print(json_text(value, indent=indent, only_ascii=not _holds_everything(sys.stdout)), flush=True)


def json_text(value: object, *, indent: int | None = None, only_ascii: bool = False) -> str:
    """JSON as RFC 8259 has it: numbers that it cannot hold are written ``"inf"``, ``"-inf"``, ``"nan"``."""
    try:
        return json.dumps(value, ensure_ascii=only_ascii, allow_nan=False, indent=indent)
    except ValueError:
        return json.dumps(_spelled(value), ensure_ascii=only_ascii, allow_nan=False, indent=indent)


def _holds_everything(stream: TextIO) -> bool:
    """Whether the encoding of a stream has all characters: a terminal may be set to ASCII or Latin-1."""
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def tolerate_encodings() -> None:
    """Characters that a terminal's encoding lacks are printed by their escapes, instead of ending in an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _spelled(value: object) -> object:
    if isinstance(value, dict):
        return {key: _spelled(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_spelled(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value
