"""Compiled programs: C text compiled in the background, loaded, and called."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from . import toolchain
from .c_printer import SOURCES, Source, printed
from .programs import Program
from .toolchain import CompileError, Stopped, Way, library

Floats = NDArray[np.float64]
_Pointer = ctypes.c_void_p
ONE = np.ones(1)


class _Tables(ctypes.Structure):
    """What the text of ``c_printer`` calls ``Tables``."""

    _fields_ = (("one", _Pointer), ("data", _Pointer), ("index", _Pointer), ("number", _Pointer))


class CompiledProgram:
    """A program that runs as machine code. Called as ``NumpyProgram`` is; leading axes are a loop over points."""

    def __init__(self, program: Program, source: Source, loaded: ctypes.CDLL) -> None:
        self.program = program
        self._loaded = loaded
        self._run = loaded.run
        self._run.argtypes = [_Pointer] * (len(SOURCES) + 3)
        self._run.restype = None
        tables = source.tables
        self._used = tables.arrays
        self._sources = [name if name in program.sources else None for name in SOURCES]
        self._indices = tables.indices
        self._index = (_Pointer * len(tables.indices))(*map(_address, tables.indices))
        self._number = np.array(tables.numbers, dtype=np.dtype("l"))
        self._tables: tuple[Sequence[Floats], _Tables, object] | None = None

    def __call__(self, arrays: Sequence[Floats], inputs: Mapping[str, Floats], out: Floats) -> None:
        """Fills ``out``, ``(…, size)``; see ``NumpyProgram``."""
        if out.ndim == 1:
            self.bound(arrays, inputs, out)()
            return
        for k in range(len(out)):
            one = {name: v if v.ndim == 1 else np.ascontiguousarray(v[k]) for name, v in inputs.items()}
            self.bound(arrays, one, out[k])()

    def bound(self, arrays: Sequence[Floats], inputs: Mapping[str, Floats], out: Floats) -> Callable[[], None]:
        """The call with these arrays, which reads and writes them anew each time; they must be contiguous."""
        pointers = [None if name is None else _address(inputs[name]) for name in self._sources]
        tables, data = self._filled(arrays)
        arguments = (*pointers, _address(out), ctypes.byref(tables))
        run: Callable[..., None] = self._with_scratch if self.program.scratch else self._run
        call = partial(run, *arguments, None)
        call.kept = (self, arrays, inputs, out, tables, data)  # type: ignore[attr-defined]  # what the addresses are of
        return call

    def _with_scratch(self, *arguments: object) -> None:
        scratch = [np.full(size, first) for size, first in self.program.scratch]
        self._run(*arguments[:-1], (_Pointer * len(scratch))(*(_address(array) for array in scratch)))

    def _filled(self, arrays: Sequence[Floats]) -> tuple[_Tables, object]:
        """The tables for some data, and the addresses in them; kept as long as the data are the same."""
        known = self._tables
        if known is None or known[0] is not arrays:
            data = (_Pointer * len(self._used))(*(_address(self.program.array(node, arrays)) for node in self._used))
            parts = (ctypes.addressof(part) for part in (data, self._index))
            known = (arrays, _Tables(_address(ONE), *parts, _address(self._number)), data)
            self._tables = known
        return known[1], known[2]


def _address(array: NDArray[np.generic] | None) -> int:
    assert array is not None
    address: int = array.__array_interface__["data"][0]
    return address


def compiled(program: Program, stop: Stopped) -> CompiledProgram:
    """A program compiled now, or taken from the cache. Raises ``CompileError``."""
    first: CompileError | None = None
    for way in toolchain.ways():
        source = printed(program, way.vectorised)
        try:
            return CompiledProgram(program, source, _loaded(source, way, stop))
        except CompileError as error:
            first = first or error
    assert first is not None
    raise first


def _loaded(source: Source, way: Way, stop: Stopped) -> ctypes.CDLL:
    path = library(source.text, way.flags, stop)
    try:
        return _opened(path)
    except OSError:  # a file that was cut short: make it again
        path.unlink(missing_ok=True)
    path = library(source.text, way.flags, stop)
    try:
        return _opened(path)
    except OSError as error:
        raise CompileError(f"a compiled kernel cannot be loaded: {error}") from None


def _opened(path: Path) -> ctypes.CDLL:
    found = ctypes.CDLL(str(path))
    if not hasattr(found, "run"):
        raise OSError(f"{path} holds no kernel")
    return found


# ---------------------------------------------------------------------------------------------------- in the background
Job = tuple[Program, Callable[[CompiledProgram | CompileError], None]]


class _Workshop:
    """One thread that compiles one program after another, started with the first."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.stop = Stopped()

    def add(self, job: Job) -> None:
        self._jobs.put(job)
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="optc kernels", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while not self.stop.over:
            program, done = self._jobs.get()
            try:
                done(compiled(program, self.stop))
            except CompileError as error:
                done(error)
            del program, done  # or the last one would be kept until there is another


_workshop: _Workshop | None = None
_making = threading.Lock()


def compile_now(program: Program) -> CompiledProgram:
    """Compile a program and wait for it, however long that takes. Raises ``CompileError``."""
    answers: SimpleQueue[CompiledProgram | CompileError] = SimpleQueue()
    compile_later(program, answers.put)
    found = answers.get()
    if isinstance(found, CompileError):
        raise found
    return found


def compile_later(program: Program, done: Callable[[CompiledProgram | CompileError], None]) -> None:
    """Compile a program in the background; ``done`` is called there with it, or with the error."""
    global _workshop
    with _making:
        if _workshop is None:
            _workshop = _Workshop()
    _workshop.add((program, done))
