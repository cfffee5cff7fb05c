"""Models and data for the tests of binding data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from optc.compiler.data import (
    FileInput,
    Input,
    PythonValue,
    place_indexed_set,
    place_parameter,
    place_set,
    read_inputs,
)
from optc.compiler.spaces.members import IndexedMembers, Members
from optc.dsl.check import check
from optc.dsl.parse import parse
from optc.dsl.program import Parameter, Program, SetRef, SetSymbol
from optc.dsl.source import Source


@pytest.fixture
def program_of() -> Callable[[str], Program]:
    """The checked program of a model text, or an assertion that shows what is wrong with it."""

    def make(text: str) -> Program:
        parsed = parse(Source("model.opt", text))
        checked = check(parsed.model, lambda _: None)
        assert checked.program is not None, [d.message for d in (*parsed.diagnostics, *checked.diagnostics)]
        return checked.program

    return make


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path


@pytest.fixture
def placed(program_of: Callable[[str], Program]) -> Callable[..., dict[str, object]]:
    """Everything that inputs give, placed: sets of ``set S`` declarations first, parameters over products of them."""

    def make(text: str, *inputs: Input | str, allow_surplus: bool = False, **values: object) -> dict[str, object]:
        program = program_of(text)
        given: list[Input] = [FileInput(i) if isinstance(i, str) else i for i in inputs]
        given += [PythonValue(name, value) for name, value in values.items()]
        supplied = read_inputs(program, given, folder=Path.cwd(), allow_surplus=allow_surplus)
        result: dict[str, object] = {}
        for symbol in program.symbols.values():
            factors = [result[g.set.symbol] for g in symbol.space.generators if isinstance(g.set, SetRef)]
            sets = [f for f in factors if isinstance(f, Members)]
            domain = Members.product(sets)
            if isinstance(symbol, SetSymbol) and not symbol.arity:
                result[symbol.name] = place_set(symbol, supplied.get(symbol.name))
            elif isinstance(symbol, SetSymbol):
                result[symbol.name] = place_indexed_set(
                    symbol, supplied.get(symbol.name), domain, warnings=supplied.warnings
                )
            elif isinstance(symbol, Parameter) and (symbol.definition is None or supplied.get(symbol.name)):
                result[symbol.name] = place_parameter(
                    symbol, supplied.get(symbol.name), domain, warnings=supplied.warnings
                )
        result["diagnostics"] = [*supplied.diagnostics, *(supplied.warnings or [])]
        return result

    return make


def listed(members: object) -> object:
    """Members as a plain list; a family as a list of lists."""
    if isinstance(members, IndexedMembers):
        return [listed(members.at(p)) for p in range(members.index.size)]
    assert isinstance(members, Members)
    all_ = [members.member(p) for p in range(members.size)]
    return [m[0] for m in all_] if members.arity == 1 else all_


@pytest.fixture(name="listed")
def listed_fixture() -> Callable[[object], object]:
    return listed
