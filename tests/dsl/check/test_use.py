"""``use``: modules of the library and files beside the model join it, each once, whatever uses them."""

from __future__ import annotations

from optc.dsl import syntax
from optc.dsl.check import Checked, check
from optc.dsl.parse import parse
from optc.dsl.source import Source, Span


def checked(text: str, files: dict[str, str]) -> Checked:
    def load(target: syntax.Name | syntax.Text) -> Source | None:
        name = target.id if isinstance(target, syntax.Name) else target.value
        return Source(name, files[name]) if name in files else None

    parsed = parse(Source("model.opt", text))
    assert parsed.diagnostics == ()
    return check(parsed.model, load, parsed.diagnostics)


def test_a_module_joins_the_model() -> None:
    found = checked("use lib\nvar x\nminimize twice(x)\n", {"lib": "def twice(t) = 2 * t\n"})
    assert found.diagnostics == () and found.program is not None


def test_files_used_twice_and_in_a_circle_join_once() -> None:
    files = {"a.opt": 'use "b.opt"\nparam a = b\n', "b.opt": 'use "a.opt"\nparam b = 1\n'}
    found = checked('use "a.opt"\nuse "b.opt"\nvar x\nminimize (a + b) * x\n', files)
    assert found.diagnostics == () and found.program is not None
    assert list(found.program.symbols) == ["b", "a", "x"]


def test_mistakes_in_a_used_file_point_into_it() -> None:
    found = checked('use "a.opt"\nvar x\nminimize a * x\n', {"a.opt": "param a = c\n"})
    (mistake,) = found.diagnostics
    assert isinstance(mistake.place, Span)
    assert (mistake.place.source.name, mistake.place.text) == ("a.opt", "c")
    assert found.program is None


def test_a_file_that_does_not_parse_gives_its_own_diagnostics() -> None:
    found = checked('use "a.opt"\nvar x\nminimize x\n', {"a.opt": "param = 3\n"})
    assert found.program is None
    assert {d.place.source.name for d in found.diagnostics if isinstance(d.place, Span)} == {"a.opt"}


def test_what_is_not_there_is_said() -> None:
    found = checked("use nothing\nvar x\nminimize x\n", {})
    assert [d.code.id for d in found.diagnostics] == ["E0114"]


def test_names_clash_across_files() -> None:
    found = checked('use "a.opt"\nparam n = 2\nvar x\nminimize n * x\n', {"a.opt": "param n = 1\n"})
    (mistake,) = found.diagnostics
    assert mistake.code.id == "E0102"
    assert mistake.labels[0].span.source.name == "a.opt"


def test_constraints_of_a_used_file_are_named_after_it() -> None:
    found = checked('use "a.opt"\nvar x\nminimize x\nsubject to\n  x >= 1\n', {"a.opt": "\n\nsubject to\n\n  x <= 9\n"})
    assert found.program is not None
    assert found.program.root.constraints == ("line 5 of a.opt", "line 5")
