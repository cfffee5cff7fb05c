"""Files that cannot be read: each ends in one clear diagnostic, never in a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optc.dsl.diagnostics import Diagnostic, Place
from optc.errors import ModelError
from optc.loading import decode, read_text


def refusal(path: Path | str) -> Diagnostic:
    with pytest.raises(ModelError) as caught:
        read_text(str(path))
    (diagnostic,) = caught.value.diagnostics
    assert isinstance(diagnostic.place, Place)
    assert diagnostic.place.file == str(path)
    assert diagnostic.hints
    return diagnostic


def test_a_missing_file_offers_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "diet.opt").write_text("", encoding="utf-8")
    diagnostic = refusal(tmp_path / "diet.op")
    assert diagnostic.code.id == "E0701"
    assert f"did you mean {tmp_path / 'diet.opt'}?" in diagnostic.hints[0].text


def test_a_missing_folder_offers_nothing(tmp_path: Path) -> None:
    diagnostic = refusal(tmp_path / "nowhere" / "diet.opt")
    assert diagnostic.code.id == "E0701"
    assert "did you mean" not in diagnostic.hints[0].text


def test_a_folder_names_a_model_in_it(tmp_path: Path) -> None:
    (tmp_path / "model.opt").write_text("", encoding="utf-8")
    diagnostic = refusal(tmp_path)
    assert diagnostic.code.id == "E0702"
    assert str(tmp_path / "model.opt") in diagnostic.hints[0].text


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"set I\n# caf\xe9\n", 2, "Latin-1"),
        ("set I\n".encode("utf-16"), 1, "UTF-16"),
        (b"\x7fELF\x00\x00\x80", 1, "binary"),
        (b"set I\x00", 1, "binary"),
    ],
)
def test_what_is_no_text_says_where(tmp_path: Path, content: bytes, line: int, words: str) -> None:
    path = tmp_path / "model.opt"
    path.write_bytes(content)
    diagnostic = refusal(path)
    assert diagnostic.code.id == "E0703"
    assert isinstance(diagnostic.place, Place)
    assert diagnostic.place.line == line
    assert words in diagnostic.hints[0].text


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may read everything")
def test_an_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "model.opt"
    path.write_text("set I\n", encoding="utf-8")
    path.chmod(0)
    assert refusal(path).code.id == "E0704"


@pytest.mark.parametrize("name", ["a\0b.opt", "x" * 5000 + ".opt"])
def test_a_path_that_the_system_refuses(name: str) -> None:
    assert refusal(name).code.id == "E0704"


def test_line_ends_and_byte_order_mark() -> None:
    assert decode(b"\xef\xbb\xbfset I\r\nset J\rset K\n", "m") == "set I\nset J\nset K\n"
