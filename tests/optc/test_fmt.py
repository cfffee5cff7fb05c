"""``optc fmt``: in place, atomically, and never at a cost to what is in the file."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from optc.cli.main import main

UGLY = "set   A\nvar x[A]>=0\nminimize sum(x[a] for a in A)\n"
NICE = "set A\nvar x[A] >= 0\nminimize sum(x[a] for a in A)\n"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.opt"
    path.write_text(UGLY, encoding="utf-8")
    return path


def test_formats_in_place_and_leaves_nothing_beside(model: Path):
    assert main(["fmt", str(model)]) == 0
    assert model.read_text(encoding="utf-8") == NICE
    assert [path.name for path in model.parent.iterdir()] == ["model.opt"]


def test_a_formatted_file_is_not_written(model: Path):
    model.write_text(NICE, encoding="utf-8")
    before = model.stat()
    assert main(["fmt", str(model)]) == 0
    after = model.stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_keeps_the_mode_and_follows_links(model: Path):
    model.chmod(0o640)
    link = model.with_name("link.opt")
    link.symlink_to(model.name)
    assert main(["fmt", str(link)]) == 0
    assert link.is_symlink()
    assert model.read_text(encoding="utf-8") == NICE
    assert stat.S_IMODE(model.stat().st_mode) == 0o640


def test_check_lists_what_would_change_and_changes_nothing(model: Path, capsys: pytest.CaptureFixture[str]):
    nice = model.with_name("nice.opt")
    nice.write_text(NICE, encoding="utf-8")
    assert main(["fmt", "--check", str(model), str(nice)]) == 1
    assert capsys.readouterr().out == f"{model}\n"
    assert model.read_text(encoding="utf-8") == UGLY
    assert main(["fmt", "--check", str(nice)]) == 0


def test_standard_input_goes_to_standard_output(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(UGLY.encode())))
    assert main(["fmt", "-"]) == 0
    assert capfdbinary.readouterr().out == NICE.encode()


def test_syntax_errors_are_shown_and_the_file_stays(model: Path, capsys: pytest.CaptureFixture[str]):
    other = model.with_name("other.opt")
    other.write_text(UGLY, encoding="utf-8")
    model.write_text("var x = = 3\n", encoding="utf-8")
    assert main(["fmt", str(model), str(other)]) == 1
    err = capsys.readouterr().err
    assert "error[E" in err
    assert "model.opt:1:" in err
    assert model.read_text(encoding="utf-8") == "var x = = 3\n"
    assert other.read_text(encoding="utf-8") == NICE


def test_paths_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["fmt", str(tmp_path / "none.opt")]) == 2
    assert main(["fmt", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert "none.opt" in err
    assert "folder" in err


def test_what_is_no_text_is_refused(model: Path, capsys: pytest.CaptureFixture[str]):
    model.write_bytes(b"set A \xff\n")
    assert main(["fmt", str(model)]) == 1
    assert model.read_bytes() == b"set A \xff\n"
    assert "UTF-8" in capsys.readouterr().err


def test_line_ends_of_the_file_are_kept(model: Path):
    model.write_bytes(UGLY.replace("\n", "\r\n").encode())
    assert main(["fmt", str(model)]) == 0
    assert model.read_bytes() == NICE.replace("\n", "\r\n").encode()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(model: Path, capsys: pytest.CaptureFixture[str]):
    model.parent.chmod(0o500)
    try:
        assert main(["fmt", str(model)]) == 1
    finally:
        model.parent.chmod(0o700)
    assert "cannot be written" in capsys.readouterr().err
    assert model.read_text(encoding="utf-8") == UGLY


def test_no_file_is_a_usage_error(capsys: pytest.CaptureFixture[str]):
    assert main(["fmt"]) == 2
    assert "MODEL" in capsys.readouterr().err
