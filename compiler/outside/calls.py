"""Calls of outside functions: values and derivatives with every check, and their faults as diagnostics.

An argument is a whole family: an array in the shape of its index sets, a vector for a family over a set of tuples, a
number (shape ``()``) for a single one, and for a choice a matrix of zeros and ones, groups by options.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import outside as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import ExternCall

from ..data.errors import DataError
from ..evaluation.scope import EvaluationError, Scope, text_of
from ..spaces.domains import IndexColumn
from .ways import UncallableError, Way, way_of

Array = NDArray[Any]
Floats = NDArray[np.float64]

NEARBY = 1e-4  # length of the step, relative to max(1, |x|), by which a gradient is compared with values
GROSS = 1e-2  # difference, relative to the size of the gradient, that is told
NOISE = 1e-9  # of values, relative to max(1, |value|), that does not count as one


class OutsideError(EvaluationError):
    """Outside code is not there, fails, or gives what does not fit."""

    def __reduce__(self) -> tuple[object, ...]:
        return OutsideError, (self.diagnostic,)


@contextmanager
def faults_told() -> Iterator[None]:
    """Faults of outside code as the ``DataError`` that users see; the exception in their code is its cause."""
    try:
        yield
    except OutsideError as error:
        raise DataError([error.diagnostic]) from error.__cause__


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call of a function in a model. ``wanted``: which of its arguments hold decisions.

    Points are sequences of arrays, one for each argument; derivatives are by the entries of the wanted ones, one after
    the other. ``told``: what there is to say about the function, as it comes out.
    """

    term: ExternCall
    function: Callable[..., Any]
    wanted: tuple[bool, ...]
    told: dict[str, Diagnostic]

    @property
    def text(self) -> str:
        return text_of(self.term)

    @property
    def mend(self) -> str:
        """How to give the function derivatives."""
        return MEND.format(name=self.term.function)

    def way(self, arguments: Sequence[Array]) -> Way:
        """How the function is called. Raises ``OutsideError``."""
        try:
            return way_of(self.function, arguments, self.wanted)
        except UncallableError as error:
            words = [
                f"{self._words(fault)}{f' when it is called with {given}' if given else ''}"
                for given, fault in error.faults
            ]
            self._fails(" and with ".join(words), error.faults[0][1])

    def value(self, arguments: Sequence[Array]) -> float:
        """The function's value; NaN or infinite where it has none. Raises ``OutsideError``."""
        with np.errstate(all="ignore"):
            way = self.way(arguments)
            try:
                found = way.value(arguments)
            except Exception as fault:  # whatever the user's own code raises
                self._fails(self._words(fault), fault)
        number, kind = self._number(found)
        digits = {"float32": 7, "float16": 3, "bfloat16": 2}.get(kind)
        if digits is not None and kind not in self.told:
            self.told[kind] = report(codes.FEW_DIGITS, self.term.span, call=self.text, type=kind, digits=digits)
        return number

    def gradient(self, arguments: Sequence[Array]) -> Floats:
        """``(entries,)``. Raises ``OutsideError``."""
        found = self._derived("gradient", arguments)
        shapes = [array.shape for array, own in zip(arguments, self.wanted, strict=True) if own]
        if len(found) != len(shapes):
            self._misfit("gradient", f"has {len(found)} parts", f"give one for each of the {len(shapes)} arguments")
        parts = []
        for part, shape in zip(found, shapes, strict=True):
            array = self._floats("gradient", part)
            if array.shape != shape and (array.ndim > 1 or array.size != prod(shape)):
                self._misfit("gradient", f"has the shape {array.shape}", f"give it the argument's shape, {shape}")
            parts.append(array.reshape(-1))
        return np.concatenate([*parts, np.zeros(0)])

    def hessian(self, arguments: Sequence[Array]) -> Floats:
        """``(entries, entries)``, made symmetric. Raises ``OutsideError``."""
        size = self._entries(arguments)
        found = self._floats("hessian", self._derived("hessian", arguments))
        if found.shape != (size, size) and found.size != size * size:
            self._misfit("hessian", f"has the shape {found.shape}", f"give it the shape ({size}, {size})")
        whole = found.reshape(size, size)
        return 0.5 * (whole + whole.T)

    def product(self, arguments: Sequence[Array], direction: Floats) -> Floats:
        """The Hessian times a direction, ``(entries,)``. Raises ``OutsideError``."""
        found = self._floats("hessian", self._derived("product", arguments, direction))
        if found.size != len(direction):
            self._misfit("hessian", f"has {found.size} rows", f"give it {len(direction)}")
        return found.reshape(-1)

    def _entries(self, arguments: Sequence[Array]) -> int:
        return sum(array.size for array, own in zip(arguments, self.wanted, strict=True) if own)

    def _derived(self, what: str, arguments: Sequence[Array], *more: Floats) -> Any:
        with np.errstate(all="ignore"):
            way = self.way(arguments)
            if way.orders < (1 if what == "gradient" else 2):
                self._misfit(what, f"is not to be had: {way.lacks}", self.mend)
            try:
                return getattr(way, what)(arguments, self.wanted, *more)
            except Exception as fault:  # whatever the user's own code raises
                self._fails(self._words(fault), fault)

    # ----------------------------------------------------------------------------------------- a look at derivatives
    def look_at_slope(self, arguments: Sequence[Array], nearby: tuple[Sequence[Array], Sequence[Array]]) -> None:
        """Compares the gradient with the values at two points ``nearby``; a gross difference is told."""
        step, gradient = self._step(nearby), self.gradient(arguments)
        low, high = (self.value(at) for at in nearby)
        said, found = float(gradient @ step), high - low
        size = max(float(np.linalg.norm(gradient) * np.linalg.norm(step)), abs(found))
        if abs(said - found) > GROSS * size + self._noise(low, high):
            facts = self._facts(said, found)
            self.told["slope"] = report(codes.WRONG_SLOPE, self.term.span, call=self.text, **facts)

    def look_at_curvature(self, arguments: Sequence[Array], nearby: tuple[Sequence[Array], Sequence[Array]]) -> None:
        """Compares the second derivatives with the gradients at two points ``nearby``; likewise."""
        said = self.product(arguments, self._step(nearby))
        low, high = (self.gradient(at) for at in nearby)
        found = high - low
        size = max(float(np.linalg.norm(said)), float(np.linalg.norm(found)))
        if float(np.linalg.norm(said - found)) > GROSS * size + self._noise(*low, *high):
            at = int(np.argmax(np.abs(said - found)))
            facts = self._facts(float(said[at]), float(found[at]))
            self.told["curvature"] = report(codes.WRONG_CURVATURE, self.term.span, call=self.text, **facts)

    def _step(self, nearby: tuple[Sequence[Array], Sequence[Array]]) -> Floats:
        ends = [[a.reshape(-1) for a, own in zip(at, self.wanted, strict=True) if own] for at in nearby]
        low, high = (np.concatenate([*parts, np.zeros(0)]) for parts in ends)
        step: Floats = high - low
        return step

    def _noise(self, *values: float) -> float:
        return NOISE * max(1.0, *map(abs, values)) * (1e3 if "float32" in self.told else 1.0)

    def _facts(self, said: float, found: float) -> dict[str, Any]:
        return {"said": f"{said:.4g}", "found": f"{found:.4g}"}

    # --------------------------------------------------------------------------------------------------- its results
    def _number(self, found: object) -> tuple[float, str]:
        """The result as a number, and the name of its type."""
        array = self._array("result", found)
        if array.size != 1:
            self._misfit("result", f"has the shape {array.shape}", "give one number, such as the sum of the entries")
        kind = str(getattr(found, "dtype", array.dtype)).removeprefix("torch.")
        return float(array.reshape(())), kind

    def _floats(self, what: str, found: object) -> Floats:
        return self._array(what, found).astype(np.float64, copy=False)

    def _array(self, what: str, found: object) -> Array:
        """A result as an array of real numbers."""
        detach = getattr(found, "detach", None)
        if detach is not None:  # a tensor
            tensor: Any = detach().cpu()
            found = tensor.numpy() if tensor.is_complex() else tensor.double().numpy()
        try:
            array = np.asarray(found)
        except ValueError:  # parts of different lengths
            array = np.asarray(None)
        if array.dtype.kind not in "bfiu":
            kind = "complex" if array.dtype.kind == "c" else type(found).__name__
            self._misfit(what, f"is of type {kind}", "give real numbers")
        return array

    # --------------------------------------------------------------------------------------------------- its faults
    def _fails(self, error: str, fault: Exception) -> NoReturn:
        raise OutsideError(report(codes.OUTSIDE_FAILS, self.term.span, call=self.text, error=error)) from fault

    def _misfit(self, what: str, fault: str, mend: str) -> NoReturn:
        raise OutsideError(
            report(codes.OUTSIDE_RESULT, self.term.span, what=f"the {what}", call=self.text, fault=fault, mend=mend)
        )

    def _words(self, fault: Exception) -> str:
        """The exception, and the line of the user's code that it comes from."""
        lines = str(fault).strip().splitlines()
        said = f"{type(fault).__name__}: {lines[0]}" if lines else type(fault).__name__
        code = getattr(self.function, "__code__", None)
        own = [
            frame
            for frame in traceback.extract_tb(fault.__traceback__)
            if code is not None and frame.filename == code.co_filename
        ]
        return f"{said} ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else said


MEND = (
    "write the function with torch, give an object with `gradient` and `hessian`, "
    "or `optc.differences({name})` for first derivatives by differences"
)


def call_of(term: ExternCall, scope: Scope, wanted: Sequence[bool]) -> Call:
    """A call with the function that a scope has for it. Raises ``OutsideError`` where there is none."""
    if term.function not in scope.externs:
        raise OutsideError(report(codes.OUTSIDE_MISSING, term.span, call=text_of(term), name=term.function))
    return Call(term, scope.externs[term.function], tuple(wanted), {})


def value(term: ExternCall, scope: Scope) -> Floats:
    """The value of a call at the point of a scope: a number, or ``(batch,)`` where the point has a batch axis.

    Raises ``OutsideError``.
    """
    wanted = [arg.symbol not in scope.data for arg in term.args]
    call = call_of(term, scope, wanted)
    stored = [family_array(arg.symbol, scope) for arg in term.args]
    depths = [array.ndim - depth for array, depth in stored]
    batches = {len(array) for (array, _), depth in zip(stored, depths, strict=True) if depth}
    if not batches:
        return np.asarray(call.value([_own(array, w) for (array, _), w in zip(stored, wanted, strict=True)]))
    (count,) = batches
    parts = list(zip((array for array, _ in stored), depths, wanted, strict=True))
    return np.array([call.value([_own(a[k] if depth else a, w) for a, depth, w in parts]) for k in range(count)])


def _own(array: Array, wanted: bool) -> Array:
    """A point's array as a copy, which the function may keep; data as they are, not to be written to."""
    if wanted:
        return np.array(array)
    view = array.view()
    view.flags.writeable = False
    return view


def family_array(name: str, scope: Scope) -> tuple[Array, int]:
    """A family as an argument, perhaps with a batch axis in front of its ``n`` own ones, and ``n``."""
    layout = scope.layouts[name]
    stored = scope.data.get(name, scope.point.get(name))
    assert stored is not None
    if name in scope.options:
        positions = stored.positions if isinstance(stored, IndexColumn) else stored
        chosen = one_hot(positions, scope.options[name].size)
        return chosen.reshape((*positions.shape[:-1], *layout.shape, chosen.shape[-1])), len(layout.shape) + 1
    values = stored.values() if isinstance(stored, IndexColumn) else stored
    if values.ndim < 2:
        values = np.broadcast_to(values, (layout.size,))
    return values.reshape((*values.shape[:-1], *layout.shape)), len(layout.shape)


def array_of(name: str, entries: Mapping[Any, Any], scope: Scope) -> Array:
    """A family as an argument, from its values in order of its layout; those of a choice are options."""
    layout = scope.layouts[name]
    values = list(entries.values())
    if name in scope.options:
        options = scope.options[name]
        members = [options.members.member(k) for k in range(options.size)]
        places = {(m[0] if len(m) == 1 else m): k for k, m in enumerate(members)}
        found = one_hot(np.array([places[v] for v in values], dtype=np.intp), options.size)
        return found.reshape((*layout.shape, options.size))
    texts = any(isinstance(v, str) for v in values)
    return np.array(values, dtype=np.object_ if texts else np.float64).reshape(layout.shape)


def one_hot(positions: Array, options: int) -> Floats:
    """Rows of zeros with a one at each position, ``(…, options)``."""
    found: Floats = (np.asarray(positions, dtype=np.intp)[..., None] == np.arange(options)).astype(np.float64)
    return found
