"""Every model in the documentation parses and checks; those shown as wrong give exactly the code that they name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from optc.dsl.catalogue import lookup
from optc.dsl.format import format_source
from optc.dsl.parse import parse
from optc.dsl.render import render
from optc.dsl.source import Source
from optc.loading import load

ROOT = Path(__file__).parents[2]
PAGES = [path for path in (*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md") if path.is_file()]
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)(?P<marks>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)


class Block(NamedTuple):
    page: str
    line: int
    codes: tuple[str, ...]
    text: str


def blocks() -> list[Block]:
    found = []
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        for fence in _FENCE.finditer(page):
            if fence["language"] == "opt":
                codes = tuple(re.findall(r"error=(\S+)", fence["marks"]))
                line = page.count("\n", 0, fence.start()) + 1
                found.append(Block(path.relative_to(ROOT).as_posix(), line, codes, fence["text"]))
    return found


ALL = blocks()


def name(block: Block) -> str:
    return f"{block.page}:{block.line}"


def test_the_documentation_has_models():
    pages = {block.page for block in ALL}
    assert {"docs/language.md", "docs/language/deciders.md", "docs/language/expressions.md"} <= pages
    assert any(block.codes for block in ALL)


def test_fences_are_balanced():
    for path in PAGES:
        assert path.read_text(encoding="utf-8").count("```") % 2 == 0, path


@pytest.mark.parametrize("block", [b for b in ALL if not b.codes], ids=name)
def test_a_model_in_the_documentation_checks(block: Block):
    diagnostics = load(Source(name(block), block.text)).diagnostics
    wrong = [diagnostic for diagnostic in diagnostics if diagnostic.severity == "error"]
    assert not wrong, "\n" + render(wrong, color=False)


@pytest.mark.parametrize("block", [b for b in ALL if b.codes], ids=name)
def test_a_wrong_model_in_the_documentation_gives_its_code(block: Block):
    diagnostics = load(Source(name(block), block.text)).diagnostics
    found = [diagnostic.code.id for diagnostic in diagnostics if diagnostic.severity == "error"]
    assert found == list(block.codes), "\n" + render(diagnostics, color=False)
    assert all(lookup(code) is not None for code in block.codes)


@pytest.mark.parametrize("block", [b for b in ALL if not b.codes], ids=name)
def test_formatting_a_model_in_the_documentation_keeps_its_tree(block: Block):
    source = Source(name(block), block.text)
    formatted = format_source(source)
    assert parse(Source("formatted", formatted)).model == parse(source).model
    assert format_source(Source("formatted", formatted)) == formatted


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_codes_that_are_named_exist(path: Path):
    named = set(re.findall(r"\b[EWN]\d{4}\b", path.read_text(encoding="utf-8")))
    assert not [code for code in named if lookup(code) is None and code != "E0123"]  # which stands for any code


LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([\w-]+))?\)")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path):
    for target, anchor in LINK.findall(path.read_text(encoding="utf-8")):
        page = (path.parent / target).resolve() if target else path
        assert page.exists(), f"{path.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{path.name} links to {target}#{anchor}"
