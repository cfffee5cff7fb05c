"""``optc export``: the lowered problem in a format that other software reads."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from optc.dsl.catalogue import files as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place

from ..errors import ModelError
from ..loading import is_mps
from .flags import add_common, add_data
from .output import print_diagnostics
from .status import Exit

if TYPE_CHECKING:
    from optc.compiler.export.named import Written

FORMATS = ("lp", "mps", "json", "nl")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "export",
        help="write the lowered problem for other software",
        description="Lowers the problem and writes it for other software: lp (for people and solvers), mps (free MPS), "
        "json (the arrays with names), nl (AMPL's text format, nonlinear models too; names in files .row and .col "
        "beside it). Names that the format cannot hold are changed, and listed in a comment.",
    )
    parser.add_argument("model", metavar="MODEL", help="a .opt, .mps or .nl file; - reads a model from standard input")
    add_data(parser)
    parser.add_argument("--to", choices=FORMATS, metavar="FORMAT", help=f"{', '.join(FORMATS)} (the ending of -o)")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to this file instead of standard output")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 when written, 2 when no format is known."""
    wanted = args.to or Path(args.output or "").suffix[1:].lower()
    if wanted not in FORMATS:
        print("usage: optc export MODEL --to FORMAT", file=sys.stderr)
        print(f"optc export: give --to {', '.join(FORMATS[:-1])} or {FORMATS[-1]}", file=sys.stderr)
        return Exit.USAGE
    written = _written(args, wanted)
    if args.output is None:
        sys.stdout.write(written.text)
        return Exit.DONE
    for path, text in written.files(Path(args.output)):
        write_file(path, text)
    return Exit.DONE


def _written(args: argparse.Namespace, wanted: str) -> Written:
    """The text; names of an MPS file are those of the file."""
    from optc.compiler.export import write

    from ..mps import named_form
    from .problems import problem, refuse_data

    if is_mps(args.model):
        refuse_data(args.model, args)
        return write(named_form(args.model), wanted)
    ready = problem(args.model, args)
    print_diagnostics(ready.diagnostics, args)
    return ready.written(wanted)


def write_file(path: Path, text: str) -> None:
    """Raises ModelError where the operating system refuses."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as refusal:
        reason = refusal.strerror or str(refusal)
        raise ModelError([report(codes.FILE_UNWRITABLE, Place(str(path)), path=str(path), reason=reason)]) from None
