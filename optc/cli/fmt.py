"""``optc fmt``: formats model files in place."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from optc.dsl.catalogue import files as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place
from optc.dsl.format import UnformattableError, format_source
from optc.dsl.source import Source

from ..errors import ModelError
from ..loading import decode, read_bytes
from .flags import add_common
from .output import print_diagnostics
from .status import Exit


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "fmt",
        help="format models in place",
        description="Formats models in place. Comments stay, and so does the meaning: only white space changes.",
    )
    parser.add_argument(
        "models", nargs="+", metavar="MODEL", help="a .opt file; - formats standard input to standard output"
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; list the files that would change, and exit 1"
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 when all files are, or now are, formatted; 1 for syntax errors and, with ``--check``, for files that would
    change; 2 for paths that cannot be read. Each file is treated on its own: one mistake does not stop the others."""
    return max(_format_one(path, args) for path in args.models)


def _format_one(path: str, args: argparse.Namespace) -> Exit:
    try:
        data = read_bytes(path)
    except ModelError as refusal:
        print_diagnostics(refusal.diagnostics, args)
        return Exit.USAGE
    try:
        formatted = _formatted(data, path)
    except (ModelError, UnformattableError) as refusal:
        print_diagnostics(refusal.diagnostics, args)
        return Exit.WRONG_MODEL
    if args.check:
        return _compare(path, changed=formatted != data)
    if path == "-":
        sys.stdout.buffer.write(formatted)
        return Exit.DONE
    return _replace(path, formatted, args) if formatted != data else Exit.DONE


def _formatted(data: bytes, path: str) -> bytes:
    """The line ends of the first line hold for the whole file; a byte order mark is dropped."""
    text = format_source(Source(path, decode(data, path)))
    first = data.partition(b"\n")[0]
    return (text.replace("\n", "\r\n") if first.endswith(b"\r") else text).encode("utf-8")


def _compare(path: str, *, changed: bool) -> Exit:
    if changed:
        print(path)
    return Exit.WRONG_MODEL if changed else Exit.DONE


def _replace(path: str, data: bytes, args: argparse.Namespace) -> Exit:
    """Writes a new file beside the old one and puts it in its place, so that no moment has half a model."""
    target = Path(path).resolve()  # a link stays a link
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            shutil.copymode(target, temporary)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as refusal:
        where = report(codes.FILE_UNWRITABLE, Place(path), path=path, reason=refusal.strerror or str(refusal))
        print_diagnostics([where], args)
        return Exit.WRONG_MODEL
    if args.verbose:
        print(f"{path}: formatted", file=sys.stderr)
    return Exit.DONE
