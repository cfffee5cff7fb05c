"""Ipopt's C interface (``IpStdCInterface.h``, Ipopt 3.14) through ctypes.

The library is the one that the casadi wheel carries; casadi itself is never imported. Functions take and give numpy
arrays. An exception in one of them ends the run and is raised again once Ipopt has returned, since none may pass
through C.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from optc.compiler.forms.linear import Floats, Ints

PACKAGE = "casadi"
INFINITE = 2e19  # Ipopt takes bounds beyond 1e19 for infinite

_NAMES = {
    "darwin": ("libipopt.3.dylib", "libipopt.dylib"),
    "win32": ("libipopt-3.dll", "ipopt-3.dll", "libipopt.dll", "ipopt.dll"),
}
_ELSEWHERE = ("libipopt.so.3", "libipopt.so")


class LibraryError(RuntimeError):
    """Ipopt's library is not there, cannot be loaded, or refuses a problem or an option."""


class Functions(Protocol):
    """What Ipopt asks of a problem: minimise ``objective`` subject to bounds of ``rows`` and of ``x``.

    ``jacobian_pattern`` and ``hessian_pattern`` (lower triangle) are (rows, columns), int32. A number that is not
    finite stands for "undefined here": Ipopt then takes a shorter step.
    """

    def objective(self, x: Floats) -> float: ...
    def gradient(self, x: Floats) -> Floats: ...
    def rows(self, x: Floats) -> Floats: ...
    def jacobian(self, x: Floats) -> Floats: ...
    def hessian(self, x: Floats, sigma: float, multipliers: Floats) -> Floats: ...
    @property
    def jacobian_pattern(self) -> tuple[Ints, Ints]: ...
    @property
    def hessian_pattern(self) -> tuple[Ints, Ints]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """``lower <= x <= upper`` (n), ``row_lower <= rows(x) <= row_upper`` (m); infinities as they are."""

    lower: Floats
    upper: Floats
    row_lower: Floats
    row_upper: Floats


@dataclass(frozen=True, slots=True)
class Iteration:
    """One call of the intermediate callback. ``regular`` is False while feasibility is being restored."""

    regular: bool
    number: int
    objective: float
    primal_infeasibility: float
    dual_infeasibility: float
    barrier: float


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What Ipopt gives back. Its Lagrangian is ``f + row_multipliers' g - lower_multipliers' (x - l) - …``."""

    status: int
    x: Floats
    objective: float
    row_multipliers: Floats
    lower_multipliers: Floats
    upper_multipliers: Floats
    iterations: int


def find() -> Path | None:
    """The file of the library, or None where casadi is not installed or brings no Ipopt; nothing is loaded."""
    try:
        spec = find_spec(PACKAGE)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    names = _NAMES.get(sys.platform, _ELSEWHERE)
    return next((folder / name for name in names if (folder / name).exists()), None)


def written_version() -> str | None:
    """Ipopt's version as its file names tell it (``libipopt.so.3.14.19``), or None."""
    file = find()
    if file is None:
        return None
    for other in sorted(file.parent.glob("libipopt*")):
        digits = [part for part in other.name.split(".") if part.isdigit()]
        if len(digits) >= 3:
            return ".".join(digits)
    return None


# ------------------------------------------------------------------------------------------------------ the interface
_Index, _Number, _Bool, _Address = ctypes.c_int, ctypes.c_double, ctypes.c_bool, ctypes.c_void_p
_Objective = ctypes.CFUNCTYPE(_Bool, _Index, _Address, _Bool, _Address, _Address)
_Rows = ctypes.CFUNCTYPE(_Bool, _Index, _Address, _Bool, _Index, _Address, _Address)
_Jacobian = ctypes.CFUNCTYPE(_Bool, _Index, _Address, _Bool, _Index, _Index, _Address, _Address, _Address, _Address)
_Hessian = ctypes.CFUNCTYPE(
    _Bool,
    *(_Index, _Address, _Bool, _Number, _Index, _Address, _Bool),
    *(_Index, _Address, _Address, _Address, _Address),
)
_Watch = ctypes.CFUNCTYPE(_Bool, _Index, _Index, *(8 * (_Number,)), _Index, _Address)


@cache
def _library() -> Any:
    """The loaded library with the types of its functions. Raises LibraryError."""
    file = find()
    if file is None:
        raise LibraryError("Ipopt's library was not found beside casadi")
    try:
        if sys.platform == "win32":
            os.add_dll_directory(str(file.parent))
        library = ctypes.CDLL(str(file))
    except OSError as fault:
        raise LibraryError(f"Ipopt's library cannot be loaded: {fault}") from fault
    library.CreateIpoptProblem.restype = _Address
    library.CreateIpoptProblem.argtypes = [
        *(_Index, _Address, _Address, _Index, _Address, _Address, _Index, _Index, _Index),
        *(_Objective, _Rows, _Objective, _Jacobian, _Hessian),
    ]
    library.FreeIpoptProblem.restype = None
    library.FreeIpoptProblem.argtypes = [_Address]
    for name, kind in (("Str", ctypes.c_char_p), ("Num", _Number), ("Int", _Index)):
        function = getattr(library, f"AddIpopt{name}Option")
        function.restype, function.argtypes = _Bool, [_Address, ctypes.c_char_p, kind]
    library.SetIntermediateCallback.restype = _Bool
    library.SetIntermediateCallback.argtypes = [_Address, _Watch]
    library.IpoptSolve.restype = _Index
    library.IpoptSolve.argtypes = 8 * [_Address]
    return library


def solve(
    functions: Functions,
    bounds: Bounds,
    start: Floats,
    options: Mapping[str, str | float | int],
    watch: Callable[[Iteration], bool],
) -> Outcome:
    """Ipopt's answer from ``start`` (n). ``watch`` is called at each iteration and ends the run by False.

    Raises:
        LibraryError: no library, or an option or a problem that Ipopt refuses.
        BaseException: whatever one of the functions raised.
    """
    library = _library()
    calls = _Calls(functions, watch, len(bounds.lower), len(bounds.row_lower))
    ends = [np.clip(part, -INFINITE, INFINITE) for part in (bounds.lower, bounds.upper)]
    row_ends = [np.clip(part, -INFINITE, INFINITE) for part in (bounds.row_lower, bounds.row_upper)]
    entries = len(functions.jacobian_pattern[0]), len(functions.hessian_pattern[0])
    problem = library.CreateIpoptProblem(
        calls.n, *map(_address, ends), calls.m, *map(_address, row_ends), *entries, 0, *calls.functions
    )
    if not problem:
        raise LibraryError("Ipopt refuses the problem's sizes or bounds")
    try:
        for name, value in options.items():
            _set(library, problem, name, value)
        library.SetIntermediateCallback(problem, calls.watch)
        return _run(library, problem, calls, start)
    finally:
        library.FreeIpoptProblem(problem)


def _run(library: Any, problem: Any, calls: _Calls, start: Floats) -> Outcome:
    x = np.array(start, dtype=np.float64)
    activity, row_multipliers = np.zeros(calls.m), np.zeros(calls.m)
    lower, upper = np.zeros(calls.n), np.zeros(calls.n)
    value = np.zeros(1)
    parts = (x, activity, value, row_multipliers, lower, upper)
    status = library.IpoptSolve(problem, *map(_address, parts), None)
    if calls.fault is not None:
        raise calls.fault
    return Outcome(status, x, float(value[0]), row_multipliers, lower, upper, calls.iterations)


def _set(library: Any, problem: Any, name: str, value: str | float | int) -> None:
    kinds = {str: "Str", float: "Num", int: "Int"}
    given = value.encode() if isinstance(value, str) else value
    if not getattr(library, f"AddIpopt{kinds[type(value)]}Option")(problem, name.encode(), given):
        raise LibraryError(f"Ipopt refuses {name} = {value}")


def _address(array: Floats) -> int:
    return array.ctypes.data


class _Calls:
    """The C functions of one problem, and the first exception of any of them."""

    def __init__(self, given: Functions, watch: Callable[[Iteration], bool], n: int, m: int) -> None:
        self.n, self.m = n, m
        self.fault: BaseException | None = None
        self.iterations = 0
        self._given, self._watch = given, watch
        guard = self._guarded
        self.functions = (
            _Objective(guard(self._objective)),
            _Rows(guard(self._rows)),
            _Objective(guard(self._gradient)),
            _Jacobian(guard(self._jacobian)),
            _Hessian(guard(self._hessian)),
        )
        self.watch = _Watch(guard(self._iteration))

    def _guarded(self, function: Callable[..., bool]) -> Callable[..., bool]:
        def call(*arguments: Any) -> bool:
            if self.fault is not None:
                return False
            try:
                return function(*arguments)
            except BaseException as fault:  # raised again once Ipopt has returned
                self.fault = fault
                return False

        return call

    def _objective(self, _n: int, x: int, _new: bool, value: int, _data: int) -> bool:
        return _give(value, np.array([self._given.objective(_copy(x, self.n))]))

    def _gradient(self, _n: int, x: int, _new: bool, values: int, _data: int) -> bool:
        return _give(values, self._given.gradient(_copy(x, self.n)))

    def _rows(self, _n: int, x: int, _new: bool, _m: int, values: int, _data: int) -> bool:
        return _give(values, self._given.rows(_copy(x, self.n)))

    def _jacobian(
        self, _n: int, x: int, _new: bool, _m: int, _nnz: int, rows: int, columns: int, values: int, _data: int
    ) -> bool:
        if not values:
            return _give_pattern(rows, columns, self._given.jacobian_pattern)
        return _give(values, self._given.jacobian(_copy(x, self.n)))

    def _hessian(
        self,
        _n: int,
        x: int,
        _new: bool,
        sigma: float,
        _m: int,
        multipliers: int,
        _new_multipliers: bool,
        _nnz: int,
        rows: int,
        columns: int,
        values: int,
        _data: int,
    ) -> bool:
        if not values:
            return _give_pattern(rows, columns, self._given.hessian_pattern)
        found = self._given.hessian(_copy(x, self.n), sigma, _copy(multipliers, self.m))
        return _give(values, found)

    def _iteration(self, mode: int, number: int, *rest: float) -> bool:
        self.iterations = max(self.iterations, number)
        objective, primal, dual, barrier = rest[:4]
        return self._watch(Iteration(mode == 0, number, objective, primal, dual, barrier))


def _view(address: int, count: int, kind: Any) -> Any:
    return np.frombuffer((kind * count).from_address(address), dtype=kind)


def _copy(address: int, count: int) -> Floats:
    """A copy: Ipopt's memory changes under the functions' feet."""
    found: Floats = _view(address, count, _Number).copy() if count else np.zeros(0)
    return found


def _give(address: int, values: Floats) -> bool:
    """Write the values; False where one of them is not finite."""
    if not np.isfinite(values).all():
        return False
    if len(values):
        _view(address, len(values), _Number)[:] = values
    return True


def _give_pattern(rows: int, columns: int, pattern: tuple[Ints, Ints]) -> bool:
    for address, indices in zip((rows, columns), pattern, strict=True):
        if len(indices):
            _view(address, len(indices), _Index)[:] = indices
    return True
