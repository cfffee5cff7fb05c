"""``optc backends``: everything that can solve, whether it is installed, and the options of each."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from .flags import add_common
from .output import print_diagnostics, print_json
from .status import Exit

if TYPE_CHECKING:
    from optc.compiler.backend import Backend


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "backends",
        help="what can solve, whether it is installed, and its options",
        description="Lists every backend, what it solves, whether it is installed, its version and how to install it. "
        "With a name: its options with their ranges and defaults.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="show the options of this backend")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0; 2 where no backend has that name."""
    from optc.backends.registry import UnknownBackendError, every, get

    if args.name is None:
        found = every()
    else:
        try:
            found = (get(args.name),)
        except UnknownBackendError as unknown:
            print_diagnostics([unknown.diagnostic], args)
            return Exit.USAGE
    if args.json:
        print_json({"schema": 1, "backends": [_as_json(backend) for backend in found]})
    elif args.name is None:
        print("\n\n".join(_summary(backend) for backend in found))
        if not args.quiet:
            print("\n`optc backends NAME` lists the options of one", file=sys.stderr)
    else:
        print(_whole(found[0]))
    return Exit.DONE


def _summary(backend: Backend) -> str:
    version = backend.version()
    state = version if version is not None else f"not installed; {backend.install}"
    return f"{backend.name:<12} {state}\n  {backend.title}\n  solves {_solves(backend)}"


def _solves(backend: Backend) -> str:
    able = backend.capabilities
    continuous = ", ".join(sorted(able.forms))
    whole = ", ".join(sorted(able.integer))
    return f"{continuous}" + (f"; with whole decisions: {whole}" if whole else "")


def _whole(backend: Backend) -> str:
    from optc.backends.options import declarations

    lines = [_summary(backend), f"  gives {', '.join(sorted(backend.capabilities.gives))}"]
    for feature, reason in backend.capabilities.refuses.items():
        lines.append(f"  not: {feature} ({reason})")
    lines += ["", "options (--option NAME=VALUE)"]
    for entry in declarations(backend.options):
        default = "the solver's own" if entry.default is None else _spelled(entry.default)
        lines.append(f"  {entry.name} = {default}")
        lines.append(f"      {entry.meaning}; {entry.range_text}")
    return "\n".join(lines)


def _spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_json(backend: Backend) -> dict[str, object]:
    from optc.backends.options import declarations

    able = backend.capabilities
    return {
        "name": backend.name,
        "title": backend.title,
        "version": backend.version(),
        "installed": backend.version() is not None,
        "install": backend.install,
        "forms": sorted(able.forms),
        "integer": sorted(able.integer),
        "gives": sorted(able.gives),
        "refuses": dict(able.refuses),
        "options": [
            {
                "name": entry.name,
                "kind": entry.kind,
                "default": entry.default,
                "low": entry.low,
                "high": entry.high,
                "choices": list(entry.choices),
                "meaning": entry.meaning,
            }
            for entry in declarations(backend.options)
        ],
    }
