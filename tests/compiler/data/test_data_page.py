"""What docs/data.md shows is what optc does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import optc
from optc.compiler.data import FileInput, Setting, place_parameter, place_set, read_inputs
from optc.compiler.spaces.domains import Domain
from optc.compiler.spaces.members import Members
from optc.dsl.catalogue import lookup
from optc.dsl.program import Program

PAGE = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")
SETS_OF_SAMPLES = ("Samples", "Features", "Entries")
LANGUAGES = ("opt", "json", "toml", "text")
BLOCKS = {name: re.findall(rf"^```{name}\n(.*?)^```", PAGE, re.M | re.S) for name in LANGUAGES}
SETTINGS = (Setting('Nutrients=["iron", "zinc"]'), Setting("least=[10, 5]"), Setting("budget=40"))


def inputs_of(form: str, folder: Path) -> tuple[object, ...]:
    foods, content, wide = BLOCKS["text"][:3]
    (folder / "d.json").write_text(BLOCKS["json"][0])
    (folder / "d.toml").write_text(BLOCKS["toml"][0])
    (folder / "foods.csv").write_text(foods)
    (folder / "content.csv").write_text(content)
    (folder / "wide.csv").write_text(wide)
    table = ("Foods=foods.csv:food", "foods.csv", *SETTINGS)
    return {
        "json": ("d.json",),
        "toml": ("d.toml",),
        "long": (*table, "content.csv"),
        "wide": (*table, "content=wide.csv"),
    }[form]


@pytest.mark.parametrize("form", ["json", "toml", "long", "wide"])
def test_the_forms_on_the_page_say_the_same(
    form: str,
    folder: Path,
    program_of: Callable[[str], Program],
    listed: Callable[[object], object],
) -> None:
    program = program_of(BLOCKS["opt"][0])
    inputs = [FileInput(i) if isinstance(i, str) else i for i in inputs_of(form, folder)]
    supplied = read_inputs(program, inputs, folder=folder)
    sets = {name: place_set(program.symbols[name], supplied.get(name)) for name in ("Foods", "Nutrients")}
    assert listed(sets["Foods"]) == ["corn", "oats"]
    domains = {
        "cost": sets["Foods"],
        "owner": sets["Foods"],
        "least": sets["Nutrients"],
        "content": Members.product([sets["Foods"], sets["Nutrients"]]),
        "budget": Members((), 1),
    }
    expected = {"cost": [3.5, 2], "owner": ["Ann", "Bob"], "least": [10, 5], "content": [1, 2, 4, 0], "budget": [40]}
    for name, domain in domains.items():
        values = place_parameter(
            program.symbols[name], supplied.get(name), domain, default=lambda rows: np.zeros(len(rows))
        )
        assert values.tolist() == expected[name], name


@pytest.mark.parametrize(
    "arguments",
    [
        ("train.svm",),
        ("train.svm:X,y",),
        ("X=train.svm", "y=train.svm:labels,1=1,-1=-1", *(f"{s}=train.svm:{s.lower()}" for s in SETS_OF_SAMPLES)),
    ],
)
def test_the_samples_on_the_page_fit_the_model_beside_them(folder: Path, arguments: tuple[str, ...]) -> None:
    (folder / "train.svm").write_text(BLOCKS["text"][3])
    scope = optc.parse(BLOCKS["opt"][1]).bind(*arguments).instance.scope
    sizes = [domain.size for domain in map(scope.sets.__getitem__, SETS_OF_SAMPLES) if isinstance(domain, Domain)]
    assert sizes == [2, 7, 4] and scope.data["y"].tolist() == [1, -1]  # type: ignore[union-attr]
    assert scope.data["X"].tolist() == [0.5, -1, 2, 0.25]  # type: ignore[union-attr]


def test_the_codes_on_the_page_exist() -> None:
    codes = set(re.findall(r"\bE\d{4}\b", PAGE))
    assert codes and all(lookup(code) is not None for code in codes)
