"""Binary .nl files: read as the text that says the same, in either byte order; cut off, they are told with the byte."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from nl_packed import packed

import optc
from optc.cli.main import main
from optc.compiler.nl.binary import as_text
from optc.compiler.nl.reader import read_nl_text
from optc.compiler.nl.terms import Malformed
from optc.errors import ModelError

# Every kind of segment, bound, number and operator with a count.
TEXT = """\
g3 1 1 0\t# problem parts
 4 3 1 1 1
 2 1
 0 0
 3 2 2
 0 0 0 1
 0 1 0 0 0
 8 4
 0 0
 1 0 0 0 0
S0 2 priority
0 3
3 1
S4 1 scale
2 0.5
V4 2 0
0 0.5
3 -1
o5
v1
s2
C0
o54
3
o44
v0
o2
v1
v4
o11
2
v2
l3
C1
o64
2
n1.5
n-0.25
n2
v2
C2
n0
O0 1
o0
o43
v1
v4
d1
1 0.125
x3
0 0.5
1 2
2 -1
r
0 -10 20
1 9
4 1.5
b
0 0.1 3
2 0.5
1 4
0 0 5
k3
2
4
6
J0 3
0 1
1 -2
2 0.75
J1 2
1 0
3 1
J2 3
0 1
2 -1
3 0.1
G0 4
0 1
1 -1
2 0.5
3 0.25
"""


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_binary_file_becomes_the_text_that_says_the_same(order: str) -> None:
    text = as_text(packed(TEXT, order))
    numbers = [[_number(w) for w in line.partition("#")[0].split()] for line in text.rstrip("\n").split("\n")]
    wanted = [[_number(w) for w in line.partition("#")[0].split()] for line in TEXT.rstrip("\n").split("\n")]
    wanted[5][2] = 1.0 if order == "<" else 2.0
    assert numbers == wanted


def _number(word: str) -> str | float | tuple[str, float]:
    for head in ("", word[:1]):
        try:
            value = float(word[len(head) :])
        except ValueError:
            continue
        return value if not head else (head, value)
    return word


@pytest.mark.parametrize("ending", [".nl", ".nl.gz"])
def test_a_binary_file_is_solved_like_its_text(tmp_path: Path, ending: str) -> None:
    (tmp_path / "text.nl").write_text(TEXT, encoding="utf-8")
    (tmp_path / f"binary{ending}").write_bytes(
        packed(TEXT) if ending == ".nl" else gzip.compress(packed(TEXT, ">"), mtime=0)
    )
    one, two = (optc.read_nl(tmp_path / name) for name in ("text.nl", f"binary{ending}"))
    assert one.instance.program.root == two.instance.program.root
    for a, b in zip(one.instance.families, two.instance.families, strict=True):
        assert a.lower.tolist() == b.lower.tolist() and a.upper.tolist() == b.upper.tolist()
    assert main(["check", str(tmp_path / f"binary{ending}")]) == 0


def test_a_file_that_is_cut_off_anywhere_is_refused_and_says_where(tmp_path: Path) -> None:
    data = packed(TEXT)
    start = len("\n".join(TEXT.split("\n")[:10])) + 1
    for end in range(start + 1, len(data)):
        try:
            text = as_text(data[:end])
        except Malformed as fault:
            assert "at byte" in fault.problem
            continue
        with pytest.raises(Exception, match=r"missing|should follow|header says"):
            read_nl_text(text, "f.nl")
    (tmp_path / "m.nl").write_bytes(data[: start + 30])
    with pytest.raises(ModelError, match="at byte"):
        optc.read_nl(tmp_path / "m.nl")


def test_what_is_no_segment_is_told_with_its_byte() -> None:
    data = packed(TEXT)
    with pytest.raises(Malformed, match=f"not 'Q', at byte {len(data)}"):
        as_text(data + b"Q")
    with pytest.raises(Malformed, match="ten lines of the header"):
        as_text(b"b3 1 1 0\n\x00\xff\x12")


def test_bytes_at_random_never_crash_it() -> None:
    data = packed(TEXT)
    start = len("\n".join(TEXT.split("\n")[:10])) + 1
    told = 0
    for at in range(start, len(data), 3):
        for byte in (0, 0x6F, 0xFF):
            broken = data[:at] + bytes([byte]) + data[at + 1 :]
            try:
                as_text(broken)
            except Malformed:
                told += 1
    assert told > 100


# ---------------------------------------------------------------------------------------------- headers of other kinds
OLDER = """\
g3 0 0 0
 2 1 1
 0 0
 0 0
 0 0
 0 0 0 1
 0 1
 2 2
 0 0
 0 0 0 0 0
C0
n0
O0 0
n0
r
2 1
b
0 0 4
0 0 4
k1
1
J0 2
0 1
1 2
G0 2
0 1
1 3
"""


def test_headers_of_older_files_have_fewer_numbers(tmp_path: Path) -> None:
    (tmp_path / "old.nl").write_text(OLDER, encoding="utf-8")
    found = optc.read_nl(tmp_path / "old.nl").solve()
    assert (found.status, found.objective) == ("optimal", 1.0)  # x = 1; the other one is whole


def test_the_order_of_variables_says_nothing_where_none_is_whole(tmp_path: Path) -> None:
    text = OLDER.replace(" 0 0\n 0 0 0 1\n 0 1\n", " 0 0 2\n 0 0 0 1\n 0 0 0 0 0\n")
    assert text != OLDER
    (tmp_path / "odd.nl").write_text(text, encoding="utf-8")
    assert optc.read_nl(tmp_path / "odd.nl").solve().objective == 1.0
