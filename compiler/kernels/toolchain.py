"""The system's C compiler: which, with what flags, and where compiled kernels are kept.

A compiled text is kept under the hash of the text, the compiler, its flags and the processor, in the user's cache
folder (``OPTC_CACHE`` overrides it). It is written beside its place and moved there in one step, so processes that
compile the same text at once do no harm to one another.
"""

from __future__ import annotations

import atexit
import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from .c_printer import LIBM

FLAGS = ("-O3", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC")
NATIVE = "-march=native"
KEPT = 1000  # compiled texts in the cache folder at most


class CompileError(Exception):
    """There is no compiler, or it failed; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """``command``: how it is called. ``name``: what it calls itself.

    ``simd``: it takes declarations of vector forms.
    """

    command: tuple[str, ...]
    name: str
    simd: bool


@cache
def compiler() -> Compiler | None:
    """The first of ``CC``, ``cc``, ``gcc``, ``clang`` and the ``ziglang`` package that answers; None without one."""
    given = os.environ.get("CC")
    for command in ([given] if given else []) + ["cc", "gcc", "clang"]:
        found = _asked(tuple(command.split()))
        if found is not None:
            return found
    if find_spec("ziglang") is not None:
        return _asked((sys.executable, "-m", "ziglang", "cc"))
    return None


def _asked(command: tuple[str, ...]) -> Compiler | None:
    path = shutil.which(command[0])
    if path is None:
        return None
    try:
        answer = subprocess.run((path, *command[1:], "--version"), capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode:
        return None
    name = (answer.stdout.splitlines() or [path])[0]
    simd = "clang" not in answer.stdout.lower() and "zig" not in " ".join(command)
    return Compiler((path, *command[1:]), name, simd)


@cache
def vector_functions() -> frozenset[str]:
    """The functions of libm of which the vector libm has forms; none where there is no vector libm."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return frozenset()
    try:
        library = ctypes.CDLL("libmvec.so.1")
    except OSError:
        return frozenset()
    return frozenset(name for name, count in LIBM.items() if hasattr(library, f"_ZGVdN4{'v' * count}_{name}"))


@cache
def processor() -> str:
    """What tells processors apart that the same compiled text may not run on."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("model name", "flags", "Features", "CPU part")
    found = {line.split(":")[0].strip(): line for line in lines if line.startswith(wanted)}
    return "\n".join([platform.machine(), *sorted(found.values())])


def folder() -> Path:
    """Where compiled kernels are kept."""
    given = os.environ.get("OPTC_CACHE")
    if given:
        return Path(given) / "kernels"
    from platformdirs import user_cache_path

    return user_cache_path("optc", appauthor=False) / "kernels"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to compile: the vector functions that the text may use, and the flags."""

    vectorised: frozenset[str]
    flags: tuple[str, ...]


def ways() -> tuple[Way, ...]:
    """The ways to try, the fastest code first. Raises ``CompileError`` where there is no compiler."""
    used = compiler()
    if used is None:
        raise CompileError("no C compiler was found (cc, gcc or clang)")
    plain = Way(frozenset(), (*FLAGS, "-lm"))
    native = Way(frozenset(), (*FLAGS, NATIVE, "-lm"))
    vector = vector_functions() if used.simd else frozenset()
    if not vector:
        return native, plain
    return Way(vector, (*FLAGS, NATIVE, "-lmvec", "-lm")), native, plain


def library(text: str, flags: tuple[str, ...], stop: Stopped) -> Path:
    """The compiled text, from the cache or made now. Raises ``CompileError``."""
    used = compiler()
    assert used is not None
    parts = (text, *used.command, used.name, *flags, processor())
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    place = folder() / f"{key}.so"
    if not place.exists():
        _make(used, flags, text, place, stop)
    return place


class Stopped:
    """The compiler that runs at the moment, to be ended with the process."""

    def __init__(self) -> None:
        self.running: subprocess.Popen[str] | None = None
        self.over = False
        atexit.register(self.end)

    def end(self) -> None:
        self.over = True
        if self.running is not None and self.running.poll() is None:
            self.running.kill()
            self.running.wait()


def _make(used: Compiler, flags: tuple[str, ...], text: str, place: Path, stop: Stopped) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix="making-", ignore_cleanup_errors=True) as name:
            source, made = Path(name) / "kernel.c", Path(name) / "kernel.so"
            source.write_text(text, encoding="utf-8")
            _run((*used.command, str(source), "-o", str(made), *flags), stop)
            made.replace(place)
        _prune(place.parent)
    except OSError as error:
        raise CompileError(f"{place.parent}: {error.strerror or error}") from None


def _run(command: tuple[str, ...], stop: Stopped) -> None:
    if stop.over:
        raise CompileError("the process is ending")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        stop.running = process
        _, errors = process.communicate()
    stop.running = None
    if process.returncode:
        first = next((line for line in errors.splitlines() if "error" in line), f"it ended with {process.returncode}")
        raise CompileError(f"{command[0]}: {first}")


def _prune(where: Path) -> None:
    """Keeps the texts that were made last."""
    known = list(where.glob("*.so"))
    if len(known) <= KEPT:
        return
    ages = []
    for path in known:
        try:
            ages.append((path.stat().st_mtime, path))
        except OSError:  # another process was faster
            continue
    for _, path in sorted(ages)[: len(ages) - KEPT]:
        path.unlink(missing_ok=True)
