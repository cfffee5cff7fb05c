"""From the arguments of a command to a problem: the model, its data, its outside functions."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from optc.dsl.catalogue import files as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place

from ..errors import ModelError
from ..loading import is_mps, is_nl, load_file
from ..model import Model, model_of
from ..problem import Problem, bind_inputs


def problem(path: str, args: argparse.Namespace) -> Problem:
    """The problem of a model file with its data, or of an MPS or .nl file. Raises ModelError and DataError."""
    if is_nl(path):
        from ..nl import read_nl

        refuse_data(path, args)
        return read_nl(path)
    if is_mps(path):
        from ..mps import read_mps

        refuse_data(path, args)
        return read_mps(path)
    return bind(model_of(load_file(path)), args)


def refuse_data(path: str, args: argparse.Namespace) -> None:
    """An MPS or .nl file takes no data. Raises ModelError where some are given."""
    if args.data or args.set or args.extern:
        raise ModelError([report(codes.SOLVE_ONLY_MODEL, Place(path), path=path)])


def bind(model: Model, args: argparse.Namespace) -> Problem:
    """The model with the data of ``-d``, ``--set`` and ``--extern``. Raises ModelError and DataError."""
    from optc.compiler.data import FileInput, Input, Setting

    inputs: list[Input] = [*map(FileInput, args.data), *(Setting(f"{name}={value}") for name, value in args.set)]
    functions = {name: extern(name, where) for name, where in args.extern}
    return bind_inputs(model, inputs, functions, allow_surplus=args.allow_surplus)


def extern(name: str, where: str) -> Callable[..., Any]:
    """The function of ``FILE.py:NAME``. Runs the file: this is the one place where optc runs code of others.

    Raises ModelError where the file or the function is not there, or the file fails.
    """
    file, _, function = where.rpartition(":")
    if not file.endswith(".py") or not function:
        raise _refused(name, where, "it is not of the form FILE.py:FUNCTION")
    if not Path(file).is_file():
        raise _refused(name, where, f"there is no file {file}")
    namespace = _run(file, name, where)
    found = namespace.get(function)
    if not callable(found) and not callable(getattr(found, "value", None)):
        problem = f"{file} has no function {function}" if found is None else f"{function} in {file} is no function"
        raise _refused(name, where, problem)
    return cast(Callable[..., Any], found)


def _run(file: str, name: str, where: str) -> dict[str, Any]:
    import importlib.util

    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    assert spec is not None and spec.loader is not None  # a .py file always has a loader
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as fault:  # whatever the user's own file raises
        line = _line_of(fault, file)
        raise _refused(name, where, f"{file}{line} fails with {type(fault).__name__}: {fault}") from fault
    return vars(module)


def _line_of(fault: BaseException, file: str) -> str:
    import traceback

    lines = [frame.lineno for frame in traceback.extract_tb(fault.__traceback__) if frame.filename == file]
    return f", line {lines[-1]}," if lines else ""


def _refused(name: str, where: str, problem: str) -> ModelError:
    text = f"{name}={where}"
    return ModelError([report(codes.EXTERN_SPECIFICATION, Place("--extern", excerpt=text), text=text, problem=problem)])
