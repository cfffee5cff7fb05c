"""``optc verify``: the certificate for a given answer, ours or anyone's."""

from __future__ import annotations

import argparse

from .answers import read_answer
from .flags import add_common, add_data, fraction
from .output import print_diagnostics, print_json
from .status import Exit


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "verify",
        help="the certificate for a given answer",
        description="Checks an answer (the JSON object of a result, ours or anyone's) against the model as written.",
        epilog="exit status: 0 when no line of the certificate is `failed`, else 3; 1 wrong model, data or answer file",
    )
    parser.add_argument("model", metavar="MODEL", help="a .opt or .mps file; - reads a model from standard input")
    parser.add_argument("solution", metavar="SOLUTION", help='a result file: {"variables": {…}}')
    add_data(parser)
    parser.add_argument("--tol", type=fraction, default=1e-6, metavar="TOL", help="tolerance of constraints (1e-6)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 when no line is ``failed``, else 3."""
    from .problems import problem

    ready = problem(args.model, args)
    print_diagnostics(ready.diagnostics, args)
    checked = ready.verify(read_answer(args.solution), tol=args.tol)
    result = checked.to_dict()
    print_diagnostics([d for d in checked.diagnostics if d not in ready.diagnostics], args)
    if args.json:
        print_json(result)
    else:
        from .show import show

        show(result, args)
    return Exit.INFEASIBLE if checked.certificate.failed else Exit.DONE
