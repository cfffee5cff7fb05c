"""A few thousand of the mutations that bench/fuzz_grammar.py makes by the hundred thousand."""

from __future__ import annotations

import importlib.util
from itertools import islice
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench" / "fuzz_grammar.py"


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_grammar", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", range(4))
def test_mutated_models_give_diagnostics_inside_the_text_and_no_exception(fuzz: ModuleType, seed: int) -> None:
    for text in islice(fuzz.cases(500, seed), 500):
        fuzz.check(text)


def test_the_corpus_is_not_empty_and_right(fuzz: ModuleType) -> None:
    from optc.dsl.parse import parse
    from optc.dsl.source import Source

    models = fuzz.corpus()
    assert len(models) >= 20
    assert [parse(Source("m.opt", text)).diagnostics for text in models] == [()] * len(models)
