"""What docs/data.md shows is what optc does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from optc.compiler.data import FileInput, Setting, place_parameter, place_set, read_inputs
from optc.compiler.spaces.members import Members
from optc.dsl.catalogue import lookup
from optc.dsl.program import Program

PAGE = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")
LANGUAGES = ("opt", "json", "toml", "text")
BLOCKS = {name: re.findall(rf"^```{name}\n(.*?)^```", PAGE, re.M | re.S) for name in LANGUAGES}
SETTINGS = (Setting('Nutrients=["iron", "zinc"]'), Setting("least=[10, 5]"), Setting("budget=40"))


def inputs_of(form: str, folder: Path) -> tuple[object, ...]:
    foods, content, wide = BLOCKS["text"]
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


def test_the_codes_on_the_page_exist() -> None:
    codes = set(re.findall(r"\bE\d{4}\b", PAGE))
    assert codes and all(lookup(code) is not None for code in codes)
