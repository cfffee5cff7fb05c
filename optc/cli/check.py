"""``optc check``: every diagnostic of models and, when data are given, of the data; nothing is solved."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from optc.dsl.diagnostics import Diagnostic

from ..errors import ModelError
from ..loading import Loaded, is_mps, is_nl, load_file
from ..model import describe
from .flags import add_common, add_data
from .output import print_diagnostics, print_status
from .status import Exit


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "check",
        help="report every mistake in models, and solve nothing",
        description="Reports every mistake in models (and in their data, where data are given). Nothing is solved.",
    )
    parser.add_argument("models", nargs="+", metavar="MODEL", help="a .opt file; - reads standard input")
    add_data(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object with all diagnostics on standard output")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 when no model has an error, else 1."""
    found: list[Diagnostic] = []
    for path in args.models:
        diagnostics, summary = _check(path, args)
        print_diagnostics(diagnostics, args)
        if not args.json and not args.quiet:
            print(f"{path}: {summary}")
        found += diagnostics
    status = "error" if _errors(found) else "ok"
    if args.json:
        print_status(status, diagnostics=found)
    return Exit.WRONG_MODEL if _errors(found) else Exit.DONE


def _check(path: str, args: argparse.Namespace) -> tuple[list[Diagnostic], str]:
    """Diagnostics of one model, and one line on what it is."""
    try:
        if is_mps(path):
            return _check_mps(path)
        if is_nl(path):
            return _check_nl(path)
        loaded = load_file(path)
    except ModelError as refusal:
        return list(refusal.diagnostics), "not read"
    diagnostics = list(loaded.diagnostics)
    if loaded.program is None:
        return diagnostics, _count(diagnostics)
    if args.data or args.set or args.extern:
        diagnostics += _bind(loaded, args)
    return diagnostics, f"{describe(loaded.program)}; {_count(diagnostics)}"


def _check_mps(path: str) -> tuple[list[Diagnostic], str]:
    from ..mps import named_form

    rows, columns = named_form(path).form.shape
    return [], f"MPS, {rows} rows, {columns} columns; no mistakes"


def _check_nl(path: str) -> tuple[list[Diagnostic], str]:
    from ..nl import nl_problem

    found = nl_problem(path)
    notes = list(found.notes)
    return notes, f".nl, {len(found.rows)} rows, {len(found.cost)} columns; {_count(notes)}"


def _bind(loaded: Loaded, args: argparse.Namespace) -> list[Diagnostic]:
    from optc.compiler.data import DataError

    from ..model import model_of
    from .problems import bind

    try:
        problem = bind(model_of(loaded), args)
    except DataError as refusal:
        return list(refusal.diagnostics)
    return [d for d in problem.diagnostics if d not in loaded.diagnostics]


def _errors(diagnostics: Iterable[Diagnostic]) -> int:
    return sum(d.severity == "error" for d in diagnostics)


def _count(diagnostics: Iterable[Diagnostic]) -> str:
    found = list(diagnostics)
    parts = []
    for severity in ("error", "warning", "note"):
        count = sum(d.severity == severity for d in found)
        if count:
            parts.append(f"{count} {severity}{'' if count == 1 else 's'}")
    return ", ".join(parts) or "no mistakes"
