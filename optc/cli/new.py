"""``optc new``: a folder with a model, its data and a README to start from."""

from __future__ import annotations

import argparse
import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from optc.dsl.catalogue import files as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Diagnostic, Hint, Place

from ..errors import ModelError
from .flags import add_common
from .status import Exit

CLASSES = {
    "lp": "linear program: a diet at least cost",
    "mip": "mixed-integer linear program: facility location",
    "qp": "convex quadratic program: a portfolio",
    "nonlinear": "nonlinear program: the best tin",
    "bilevel": "leader and follower: a toll",
    "game": "several players: firms on one market",
    "robust": "static robust: crops under uncertain yields",
    "two-stage": "two-stage robust: projects that may go wrong",
    "choice": "choice under a budget: bits for layers",
    "qubo": "binary quadratic: the largest cut",
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    listed = "\n".join(f"  {name:<10} {text}" for name, text in CLASSES.items())
    parser = subparsers.add_parser(
        "new",
        help="start a model from a template",
        description="Makes a folder with a model, its data and a README to start from.",
        epilog=f"classes:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="DIR", help="the folder to make; it may exist, its files are never replaced")
    parser.add_argument("--class", dest="problem", choices=tuple(CLASSES), default="lp", help="the template (lp)")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 when the files are written; raises ModelError where one of them exists or cannot be written."""
    folder = Path(args.folder)
    entries = template(args.problem)
    for entry in entries:
        if (folder / entry.name).exists():
            hints = (Hint("name another folder, or move the file away"),)
            raise ModelError([_refusal(folder / entry.name, "it exists already, and is left as it is", hints)])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for entry in entries:
            (folder / entry.name).write_bytes(entry.read_bytes())
    except OSError as refusal:
        raise ModelError([_refusal(folder, refusal.strerror or str(refusal))]) from None
    if not args.quiet:
        print(f"wrote {', '.join(str(folder / entry.name) for entry in entries)}", file=sys.stderr)
        print(f"next: optc solve {folder / 'model.opt'} -d {folder / 'data.json'}", file=sys.stderr)
    return Exit.DONE


def template(problem: str) -> list[Traversable]:
    """The files of a template, in the order README, data, model."""
    folder = files("optc.cli") / "templates" / problem
    return sorted((entry for entry in folder.iterdir() if entry.is_file()), key=lambda entry: entry.name)


def _refusal(path: Path, reason: str, hints: tuple[Hint, ...] = ()) -> Diagnostic:
    return report(codes.FILE_UNWRITABLE, Place(str(path)), hints=hints, path=str(path), reason=reason)
