"""``optc explain``: what the compiler found in a model and the way it takes; or the long text of a diagnostic."""

from __future__ import annotations

import argparse
import re
import sys
from difflib import get_close_matches

from .flags import add_common, add_data, add_tightening
from .output import print_json, print_status
from .status import Exit

_WIDTH = 100
_CODE = re.compile(r"[EWN]\d{1,4}", re.IGNORECASE)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "explain",
        help="what the compiler found and what it would do; or the long text of a diagnostic",
        description="For a model: levels, class, sizes, the routes there are, the one it takes and why. "
        "For a code such as E0101: the long text of that diagnostic.",
    )
    parser.add_argument("subject", metavar="MODEL|CODE", help="a .opt or .mps file, - for standard input, or a code")
    parser.add_argument(
        "--emit", choices=("program", "instance", "form"), help="print that stage of the compilation instead"
    )
    parser.add_argument("--backend", metavar="NAME", help="explain the route with that backend")
    add_tightening(parser)
    add_data(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0, or 1 for a wrong model and a code that does not exist."""
    if _CODE.fullmatch(args.subject):
        return _explain_code(args)
    from .explain_model import explain_model

    return explain_model(args)


def _explain_code(args: argparse.Namespace) -> int:
    from optc.dsl.catalogue import every, lookup

    code = lookup(args.subject)
    if code is None:
        known = [entry.id for entry in every()]
        near = get_close_matches(args.subject.upper(), known, n=3, cutoff=0.5)
        offer = f"; near it are {', '.join(near)}" if near else ""
        print(f"optc: there is no diagnostic {args.subject.upper()}{offer}", file=sys.stderr)
        if args.json:
            print_status("error", code=args.subject.upper(), near=near, diagnostics=())
        return Exit.WRONG_MODEL
    if args.json:
        print_json(
            {
                "schema": 1,
                "status": "ok",
                "code": code.id,
                "severity": code.severity,
                "title": code.title,
                "explanation": code.explanation,
                "diagnostics": [],
            }
        )
    else:
        print(f"{code.id} ({code.severity}): {code.title}\n\n{_wrapped(code.explanation)}")
    return Exit.DONE


def _wrapped(explanation: str) -> str:
    """Paragraphs filled to the width of a page; examples, which are indented, as they stand."""
    from textwrap import fill

    paragraphs = explanation.strip("\n").split("\n\n")
    return "\n\n".join(
        paragraph if paragraph.startswith(" ") else fill(paragraph, _WIDTH, break_on_hyphens=False)
        for paragraph in paragraphs
    )
