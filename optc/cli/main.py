"""``optc``: finds the command, imports its module alone, runs it, and turns every ending into an exit status.

Each command is a module of this package with ``add_parser(subparsers)`` and ``run(args) -> int``; the parser that it
adds sets ``run`` as a default. Modules are imported when their command is asked for, so that ``optc check`` never
pays for ``optc solve``.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING

from optc import __version__

from .output import print_diagnostics, print_status, tolerate_encodings
from .status import Exit

if TYPE_CHECKING:
    from optc.dsl.diagnostics import Diagnostic

COMMANDS = {
    "solve": "compile and solve a model, and check the answer",
    "check": "report every mistake in models, and solve nothing",
    "explain": "what the compiler found and what it would do; or the long text of a diagnostic",
    "fmt": "format models in place",
    "export": "write the lowered problem for other software",
    "verify": "the certificate for a given answer",
    "backends": "what can solve, whether it is installed, and its options",
    "doctor": "what is installed here, and what each missing package would add",
    "new": "start a model from a template",
}

ON_COMMAND_LINE = frozenset({"E0601", "E0603", "E0604", "E0605"})
"""Codes of backends and options; without a place they were named on the command line, not in the model."""

EPILOG = """\
examples:
  optc new diet && optc solve diet/model.opt -d diet/data.json
  optc check model.opt
  optc explain E0101
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line; returns the exit status (see ``Exit``), 2 for a wrong command line."""
    tolerate_encodings()
    if argv is None:
        # A process of our own: most of what is made lives to its end, and looking for garbage often only costs time.
        gc.set_threshold(50_000, 20, 20)
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        args = _parser(arguments).parse_args(arguments)
    except SystemExit as end:  # argparse has printed help or the mistake
        return end.code if isinstance(end.code, int) else Exit.USAGE
    try:
        return _ended(args)
    except BrokenPipeError:
        return _reader_gone()


def _ended(args: argparse.Namespace) -> int:
    """Runs the command; what it raises is printed, which may again find that nobody reads."""
    try:
        status: int = args.run(args)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        return _interrupted(args)
    except Exception as fault:
        return _refused_or_faulty(fault, args)


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="optc",
        description="A language and compiler for optimisation with leaders, followers, players and nature.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"optc {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    wanted = next((word for word in arguments if not word.startswith("-")), None)
    if wanted is not None and wanted not in COMMANDS:
        near = get_close_matches(wanted, COMMANDS, n=1)
        offer = f"did you mean {near[0]}?" if near else f"the commands are {', '.join(COMMANDS)}"
        parser.error(f"there is no command {wanted!r}; {offer}")
    for name, summary in COMMANDS.items():
        if name == wanted:
            import_module(f".{name}", __package__).add_parser(commands)
        else:
            commands.add_parser(name, help=summary)
    return parser


def _reader_gone() -> int:
    """The reader of our output closed it (``optc … | head``): end quietly, as other tools do."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.DONE


def _interrupted(args: argparse.Namespace) -> int:
    """Ctrl-C before there was any answer; with one, ``solve`` has printed it and returned on its own."""
    print("optc: interrupted", file=sys.stderr)
    _end_json(args, "failed", (), termination="interrupted")
    return Exit.INTERRUPTED


def _refused_or_faulty(fault: Exception, args: argparse.Namespace) -> int:
    """An exception with diagnostics says what is wrong with the model or its data; any other is a fault of ours."""
    diagnostics = _diagnostics_of(fault)
    if diagnostics:
        print_diagnostics(diagnostics, args)
        if all(d.code.id in ON_COMMAND_LINE and d.place is None for d in diagnostics):
            return Exit.USAGE
        _end_json(args, "error", diagnostics)
        return Exit.WRONG_MODEL
    if _debug(args):
        import traceback

        traceback.print_exc()
    print(_fault_text(fault, args), file=sys.stderr)
    _end_json(args, "failed", (), termination=f"fault in optc: {type(fault).__name__}: {fault}")
    return Exit.FAULT


def _end_json(args: argparse.Namespace, status: str, diagnostics: Sequence[Diagnostic], **more: object) -> None:
    """The object that stands on standard output in the place of a result, where JSON was asked for."""
    if getattr(args, "json_stream", False):
        print_status(status, diagnostics=diagnostics, event="result", **more)
    elif getattr(args, "json", False):
        print_status(status, diagnostics=diagnostics, **more)


def _diagnostics_of(fault: Exception) -> Sequence[Diagnostic]:
    single = getattr(fault, "diagnostic", None)
    found: Sequence[Diagnostic] = getattr(fault, "diagnostics", ()) if single is None else (single,)
    return found


def _debug(args: argparse.Namespace) -> bool:
    return bool(getattr(args, "debug", False))  # `fmt` has no such flag


def _fault_text(fault: Exception, args: argparse.Namespace) -> str:
    if isinstance(fault, MemoryError):
        return "optc: there is not enough memory for this"
    if isinstance(fault, RecursionError):
        return (
            "optc: definitions or expressions are nested too deeply for this; give their parts decisions of their own"
        )
    missing = fault.name if isinstance(fault, ModuleNotFoundError) and fault.name is not None else ""
    if missing and missing.partition(".")[0] != "optc":
        package = missing.partition(".")[0]
        return (
            f"optc: the package {package}, which this needs, is not installed (`optc doctor` lists what is)\n"
            "Install all that optc needs with `pip install --force-reinstall optc`."
        )
    again = "" if _debug(args) else " Run it again with --debug to see where it happened."
    return (
        f"optc: internal fault: {type(fault).__name__}: {fault}\n"
        f"This is a mistake in optc {__version__}, not in your model.{again}\n"
        "Please report it with the model, its data and the output of `optc doctor`."
    )
