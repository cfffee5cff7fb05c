"""Does the array compiler say what the reference interpreter says? One model, its data, a point."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from optc.compiler.data import PythonValue, read_inputs
from optc.compiler.evaluation.evaluate import evaluate
from optc.compiler.evaluation.scope import EvaluationError
from optc.compiler.instance.instance import Instance, build
from optc.compiler.lowerings import instance_to_linear, instance_to_quadratic
from optc.compiler.reference.interpreter import EvaluationError as ReferenceError
from optc.compiler.reference.interpreter import RawData, Reference
from optc.compiler.spaces.algebra import UNIT
from optc.dsl.check import check
from optc.dsl.parse import parse
from optc.dsl.program import Choice, NamedExpression, Parameter, Program, Relation, SetSymbol
from optc.dsl.source import Source

Data = Mapping[str, Any]


def program_of(text: str) -> Program:
    """A checked program, or an assertion that shows what is wrong with the text."""
    parsed = parse(Source("<text>", text))
    assert not parsed.diagnostics, [d.message for d in parsed.diagnostics]
    checked = check(parsed.model, lambda _name: None)
    assert checked.program is not None, [d.message for d in checked.diagnostics]
    return checked.program


def instance_of(program: Program, data: Data) -> Instance:
    """The instance; a parameter is given as a dict by index tuple or a number, a set as a list."""
    given = [PythonValue(name, _plain(program, name, value)) for name, value in data.items()]
    return build(program, read_inputs(program, given, folder=Path()))


def _plain(program: Program, name: str, value: Any) -> Any:
    symbol = program.symbols[name]
    if isinstance(symbol, Parameter) and isinstance(value, dict):
        return {"rows": [[*key, entry] for key, entry in value.items()]}
    if isinstance(symbol, SetSymbol) and isinstance(value, dict):
        return {k[0] if len(k) == 1 else k: [m[0] if len(m) == 1 else m for m in v] for k, v in value.items()}
    if isinstance(symbol, SetSymbol):
        return [m[0] if isinstance(m, tuple) and len(m) == 1 else m for m in value]
    return value


def reference_of(program: Program, data: Data) -> Reference:
    sets, parameters = {}, {}
    for name, value in data.items():
        if isinstance(program.symbols[name], SetSymbol):
            sets[name] = value if isinstance(value, dict) else [m if isinstance(m, tuple) else (m,) for m in value]
        else:
            parameters[name] = value if isinstance(value, dict) else {(): value}
    return Reference(program, RawData(sets, parameters))


def point_of(instance: Instance, rng: np.random.Generator, batch: int | None = None) -> dict[str, np.ndarray]:
    """Random values of all decisions, uncertain names and multipliers."""
    point = {}
    for name, symbol in instance.program.symbols.items():
        if instance.roles[name] == "data" or name not in instance.scope.layouts:
            continue
        shape = (instance.scope.layouts[name].size,) if batch is None else (batch, instance.scope.layouts[name].size)
        if isinstance(symbol, Choice) or name in instance.scope.options:
            point[name] = rng.integers(0, max(instance.scope.options[name].size, 1), shape)
        else:
            point[name] = rng.integers(-8, 9, shape) / 4
    return point


def keyed(instance: Instance, point: Mapping[str, np.ndarray]) -> dict[str, dict[tuple[Any, ...], Any]]:
    """A point as the reference interpreter takes it."""
    found: dict[str, dict[tuple[Any, ...], Any]] = {}
    for name, values in point.items():
        layout, options = instance.scope.layouts[name], instance.scope.options.get(name)
        entries = [v if options is None else options.members.member(int(v)) for v in values.tolist()]
        plain = [e[0] if isinstance(e, tuple) and len(e) == 1 else e for e in entries]
        found[name] = {layout.key(k): e for k, e in enumerate(plain)}
    return found


def close(ours: float, theirs: float) -> bool:
    return ours == theirs or math.isclose(ours, theirs, rel_tol=1e-11, abs_tol=1e-11)


def assert_agreement(text: str, data: Data, seed: int = 0) -> Instance:
    """Data, index spaces, values of every template, and the affine or quadratic form agree with the reference."""
    program = program_of(text)
    instance, reference = instance_of(program, data), reference_of(program, data)
    rng = np.random.default_rng(seed)
    _same_data(instance, reference)
    points = [point_of(instance, rng) for _ in range(2)]
    for point in points:
        _same_values(instance, reference, point)
    _same_batch(instance, points)
    _same_forms(instance, reference, points[0])
    return instance


def _same_data(instance: Instance, reference: Reference) -> None:
    for name, symbol in instance.program.symbols.items():
        if isinstance(symbol, SetSymbol):
            _same_set(instance, reference, name, symbol)
            continue
        layout = instance.scope.layouts.get(name)
        if layout is None:
            continue
        keys = [layout.key(k) for k in range(layout.size)]
        assert keys == list(reference.keys(name)), name
        if isinstance(symbol, Parameter):
            stored = instance.scope.data[name]
            values = (stored if isinstance(stored, np.ndarray) else stored.values()).tolist()
            assert values == [reference.parameter(name, k) for k in keys], name


def _same_set(instance: Instance, reference: Reference, name: str, symbol: SetSymbol) -> None:
    found: Any = instance.scope.sets[name]
    if not symbol.arity:
        assert [found.members.member(k) for k in range(found.size)] == list(reference.set_members(name)), name
        return
    members = found.elements.domain.members
    for row, key in enumerate(reference.keys(name)):
        assert found.layout.key(row) == key
        positions = found.elements.positions[found.starts[row] : found.starts[row + 1]]
        assert [members.member(int(p)) for p in positions] == list(reference.set_members(name, key)), (name, key)


def _same_values(instance: Instance, reference: Reference, point: Mapping[str, np.ndarray]) -> None:
    values = keyed(instance, point)
    for name, symbol in instance.program.symbols.items():
        if isinstance(symbol, NamedExpression):
            layout = instance.scope.layouts[name]
            ours = _attempt(lambda s=symbol, k=layout, n=name: instance.values(s.definition, point, k, n))
            theirs = _attempt(lambda n=name: [reference.at(values).entry(n, k) for k in reference.keys(n)])
            _same_rows(name, ours, theirs)
    for family in instance.constraints:
        if not isinstance(family.symbol.body, Relation):
            continue
        rows = _attempt(lambda n=family.name: list(reference.constraint_rows(n, values)))
        for side, term in enumerate(family.symbol.body.terms):
            ours = _attempt(lambda t=term, f=family: instance.values(t, point, f.layout, f.name))
            theirs = rows if rows is None else [r.sides[0][side] for r in rows]
            if theirs is None and len(family.symbol.body.terms) > 1:
                continue  # another side may be the undefined one
            _same_rows(family.name, ours, theirs)
    objective = instance.program.root.objective
    if objective is not None and objective.expression is not None:
        term = objective.expression
        ours = _attempt(lambda: evaluate(term, UNIT, instance.scope.at(point)).reshape(1))
        theirs = _attempt(lambda: [reference.objective((), (), values)])
        _same_rows("objective", ours, theirs)


def _attempt(compute: Any) -> Any:
    try:
        return compute()
    except (EvaluationError, ReferenceError):
        return None


def _same_rows(name: str, ours: Any, theirs: Sequence[float] | None) -> None:
    assert (ours is None) == (theirs is None), (name, ours, theirs)
    if theirs is not None:
        assert len(ours) == len(theirs), name
        for k, (a, b) in enumerate(zip(ours.tolist(), theirs, strict=True)):
            assert close(float(a), float(b)), (name, k, a, b)


def _same_batch(instance: Instance, points: Sequence[Mapping[str, np.ndarray]]) -> None:
    """Values with a leading batch axis are the values of each point."""
    together = {n: np.stack([p[n] for p in points]) for n in points[0]}
    for family in instance.constraints:
        if not isinstance(family.symbol.body, Relation):
            continue
        for term in family.symbol.body.terms:
            alone = [_attempt(lambda p=p, t=term, f=family: instance.values(t, p, f.layout)) for p in points]
            if any(a is None for a in alone):
                continue
            both = np.broadcast_to(instance.values(term, together, family.layout), (len(points), family.count))
            assert np.allclose(both, np.stack(alone), rtol=1e-12, atol=1e-12), family.name


def _same_forms(instance: Instance, reference: Reference, point: Mapping[str, np.ndarray]) -> None:
    """The arrays of the form give the sides that the reference finds row by row."""
    for lowering in (instance_to_linear, instance_to_quadratic):
        if lowering.accepts(instance) is not None:
            continue
        form, inverse = lowering.lower(instance)
        x = np.zeros(form.shape[1])
        for family in instance.families:
            x[family.offset : family.offset + family.count] = point[family.name]
        lifted = lowering.lift(x, inverse)
        assert all(np.array_equal(lifted[f.name], point[f.name]) for f in instance.families)
        _check_csr(form)
        values = keyed(instance, point)
        activity = np.add.reduceat(np.append(form.values * x[form.indices], 0.0), form.starts[:-1])
        activity[np.diff(form.starts) == 0] = 0.0
        _same_activity(instance, reference, values, form, activity)
        objective = instance.program.root.objective
        if objective is not None and objective.expression is not None:
            total = form.offset + float(form.cost @ x)
            if lowering is instance_to_quadratic:
                total += _quadratic(form, x)
            assert math.isclose(total, float(reference.objective((), (), values)), rel_tol=1e-9, abs_tol=1e-9)


def _quadratic(form: Any, x: np.ndarray) -> float:
    columns = np.repeat(np.arange(len(x)), np.diff(form.hessian_starts))
    assert (form.hessian_indices >= columns).all()
    twice = np.where(form.hessian_indices == columns, 1.0, 2.0)
    return float(np.sum(twice * form.hessian_values * x[form.hessian_indices] * x[columns])) / 2


def _check_csr(form: Any) -> None:
    assert form.starts.dtype == form.indices.dtype == np.int32
    assert form.starts[0] == 0 and form.starts[-1] == len(form.indices) == len(form.values)
    for a, b in zip(form.starts[:-1], form.starts[1:], strict=True):
        assert (np.diff(form.indices[a:b]) > 0).all(), "columns of a row are sorted and unique"


def _same_activity(
    instance: Instance, reference: Reference, values: Mapping[str, Any], form: Any, activity: np.ndarray
) -> None:
    """Row slack: bound less activity is right less left, for every relation of every row."""
    for name in {s.name for s in form.rows}:
        slices = [s for s in form.rows if s.name == name]
        body = instance.constraint(name).symbol.body
        assert isinstance(body, Relation)
        for k, row in enumerate(reference.constraint_rows(name, values)):
            sides = row.sides[0]
            gaps = []  # (bound - activity) for lower and upper bound of each row of this family row
            for s in slices:
                at = s.offset + k
                gaps.append((form.row_lower[at] - activity[at], form.row_upper[at] - activity[at]))
            expected = _expected_gaps(body.ops, sides, len(slices))
            for (low, high), (least, most) in zip(gaps, expected, strict=True):
                assert math.isclose(low, least, rel_tol=1e-9, abs_tol=1e-9), (name, row.index, low, least)
                assert math.isclose(high, most, rel_tol=1e-9, abs_tol=1e-9), (name, row.index, high, most)


def _expected_gaps(ops: Sequence[str], sides: Sequence[float], slices: int) -> list[tuple[float, float]]:
    if len(ops) == 2 and slices == 1:
        a, b, c = sides if ops[0] == "le" else sides[::-1]
        return [(a - b, c - b)]
    found = []
    for op, a, b in zip(ops, sides, sides[1:], strict=False):
        gap = b - a
        found.append((gap if op in ("ge", "eq") else -math.inf, gap if op in ("le", "eq") else math.inf))
    return found
