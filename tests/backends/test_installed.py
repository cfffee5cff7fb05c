"""Versions and entry points read from the metadata folders: the same as ``importlib.metadata`` says."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from optc.backends import installed, registry

GROUP = "optc.backends"


def package(folder: Path, project: str = "own_solver", points: str = "") -> None:
    """A package ``own`` of that project, version 2.5, as an installer leaves it."""
    (folder / "own").mkdir()
    (folder / "own" / "__init__.py").write_text("name = 'own'\n", encoding="utf-8")
    described = folder / f"{project}-2.5.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: own-solver\nVersion: 2.5\n", encoding="utf-8")
    if points:
        (described / "entry_points.txt").write_text(points, encoding="utf-8")


@pytest.mark.parametrize("module", ["highspy", "numpy", "pyscipopt", "lark"])
def test_versions_are_those_of_the_standard_library(module: str) -> None:
    assert installed.version(module, module) == metadata.version(module)


def test_no_module_no_version() -> None:
    assert installed.version("no_such_module", "numpy") is None


def test_a_module_that_nothing_was_installed_for_has_no_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lonely.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert installed.version("lonely", "lonely") is None


@pytest.mark.parametrize("spelling", ["own_solver", "Own.Solver", "own__solver"])
def test_a_project_is_found_however_its_folder_spells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    package(tmp_path, spelling)
    monkeypatch.syspath_prepend(tmp_path)
    assert installed.version("own", "own-solver") == "2.5"


def test_a_backend_that_a_package_brings_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, points=f"[console_scripts]\nown = own:main\n\n[{GROUP}]\nown = own\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry._from_packages.cache_clear()
    try:
        assert registry.names() == (*registry.BUILT_IN, "own")
        assert registry.get("own").name == "own"
    finally:
        registry._from_packages.cache_clear()


@pytest.mark.parametrize(
    "points", ["", "[console_scripts]\nown = own:main\n", f"[{GROUP}]\n\n[gui_scripts]\nown = own\n"]
)
def test_without_an_entry_point_of_the_group_there_is_nothing_to_ask_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, points: str
) -> None:
    package(tmp_path, points=points)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "meta_path", [])
    monkeypatch.setattr(metadata, "entry_points", lambda **_: pytest.fail("asked the standard library"))
    assert installed.entry_points(GROUP) == {}


def test_what_cannot_be_looked_into_is_left_to_the_standard_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "archive.zip"
    archive.write_bytes(b"")
    point = SimpleNamespace(name="zipped")
    monkeypatch.setattr(metadata, "entry_points", lambda **_: [point])
    monkeypatch.setattr(sys, "meta_path", [])
    monkeypatch.setattr(sys, "path", [str(archive)])
    assert installed.entry_points(GROUP) == {"zipped": point}
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "meta_path", [SimpleNamespace(find_distributions=None)])
    assert installed.entry_points(GROUP) == {"zipped": point}


def test_the_usual_way_does_without_importlib_metadata() -> None:
    program = (
        "import sys; from optc.backends import registry; "
        "print(all(b.version() is not None for b in registry.every()), 'importlib.metadata' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
