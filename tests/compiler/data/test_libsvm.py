"""LIBSVM files: what is read, agreement with a reader line by line, which name gets what, every kind of damage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import optc
from optc.compiler.data import DataError, FileInput, read_inputs
from optc.compiler.data.libsvm_text import read_samples
from optc.dsl.program import Program

Placed = Callable[..., dict[str, object]]
DENSE = "set S\nset F\nparam X[S, F] default 0\nparam y[S]\nvar w[F]\nminimize sum(w[f]^2 for f in F)\n"
SPARSE = "set S\nset F\nset N within S * F\nparam X[N]\nparam y[S]\nvar w[F]\nminimize sum(w[f]^2 for f in F)\n"
SMALL = "+1 1:0.5 3:-2\n-1\n1 2:1e-3 4:7\n"

NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.integers(-9, 9).map(str)
SAMPLES = st.tuples(NUMBERS, st.dictionaries(st.integers(1, 50), NUMBERS, max_size=6))


def problem_of(path: Path) -> tuple[str, int | None]:
    """The message and line of the one mistake of a file."""
    with pytest.raises(DataError) as caught:
        read_samples(path, path.name)
    (found,) = caught.value.diagnostics
    assert found.code.id == "E0524" and found.place.file == path.name  # type: ignore[union-attr]
    return found.message, found.place.line  # type: ignore[union-attr]


def message_of(program: Program, *arguments: str) -> str:
    with pytest.raises(DataError) as caught:
        read_inputs(program, [FileInput(argument) for argument in arguments], folder=None)
    found = caught.value.diagnostics[0]
    assert found.code.id == "E0525"
    return found.message


# ------------------------------------------------------------------------------------------------------------ reading
def test_a_small_file(folder: Path) -> None:
    (folder / "a.svm").write_text(SMALL)
    data = read_samples(folder / "a.svm", "a.svm")
    assert data.labels.tolist() == [1.0, -1.0, 1.0] and data.lines.tolist() == [1, 2, 3]
    assert data.samples.tolist() == [1, 1, 3, 3] and data.features.tolist() == [1, 3, 2, 4]
    assert data.values.tolist() == [0.5, -2.0, 1e-3, 7.0]


@given(rows=st.lists(SAMPLES, min_size=1, max_size=8), end=st.sampled_from(["\n", "\r\n", " \n", " # x:y 1\n", "\n\n"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_written_is_read_back(folder: Path, rows: list[tuple[str, dict[int, str]]], end: str) -> None:
    lines = [" ".join([label, *(f"{k}:{row[k]}" for k in sorted(row))]) for label, row in rows]
    (folder / "a.svm").write_bytes("".join(line + end for line in lines).encode())
    data = read_samples(folder / "a.svm", "a.svm")
    assert data.labels.tolist() == [float(label) for label, _ in rows]
    entries = [(s, k, float(row[k])) for s, (_, row) in enumerate(rows, 1) for k in sorted(row)]
    read = zip(data.samples.tolist(), data.features.tolist(), data.values.tolist(), strict=True)
    assert list(read) == entries
    step = 2 if end == "\n\n" else 1
    assert data.lines.tolist() == [1 + step * k for k in range(len(rows))]


@given(text=st.text(alphabet="1 2:-+.e#\nn\t", max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
def test_any_text_is_read_as_line_by_line_or_refused(folder: Path, text: str) -> None:
    (folder / "a.svm").write_text(text)
    expected = by_line(text)
    if expected is None:
        problem_of(folder / "a.svm")
        return
    data = read_samples(folder / "a.svm", "a.svm")
    read = zip(data.samples.tolist(), data.features.tolist(), data.values.tolist(), strict=True)
    assert (data.labels.tolist(), list(read)) == expected


def by_line(text: str) -> tuple[list[float], list[tuple[int, int, float]]] | None:
    """Labels and entries by a plain reader; None for a text that is refused."""
    labels: list[float] = []
    entries: list[tuple[int, int, float]] = []
    for line in text.split("\n"):
        words = line.partition("#")[0].split()
        if not words:
            continue
        last = 0
        try:
            labels.append(float(words[0]))
            for word in words[1:]:
                index, colon, value = word.partition(":")
                if not colon or not index.isdigit() or int(index) <= last:
                    return None
                last = int(index)
                entries.append((len(labels), last, float(value)))
        except ValueError:
            return None
    numbers = [*labels, *(value for *_, value in entries)]
    return (labels, entries) if labels and np.isfinite(numbers).all() else None


def test_a_mark_at_the_beginning_and_no_end_of_the_last_line(folder: Path) -> None:
    (folder / "a.svm").write_bytes(b"\xef\xbb\xbf-1 2:3")
    assert read_samples(folder / "a.svm", "a.svm").features.tolist() == [2]


def test_a_large_file_is_read_in_pieces_that_fit(folder: Path) -> None:
    random = np.random.default_rng(1)
    kept = np.sort(random.permuted(np.tile(np.arange(1, 124), (32_000, 1)), axis=1)[:, :14], axis=1)
    lines = [
        f"{s} " + " ".join(f"{k}:1" for k in row) for s, row in zip(random.choice([-1, 1], 32_000), kept, strict=True)
    ]
    (folder / "a.svm").write_text("\n".join(lines) + "\n")
    data = read_samples(folder / "a.svm", "a.svm")
    assert np.array_equal(data.features.reshape(-1, 14), kept)


# ------------------------------------------------------------------------------------------------------------- damage
@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 1, "holds no samples"),
        ("# nothing\n\n", 1, "holds no samples"),
        ("1 1:2\n1:2 3:4\n", 2, "the line begins with `1:`, and has no label"),
        ("1 1:2\n\n1 1:2 5\n", 3, "`5` is neither a label nor index:value"),
        ("1,2 1:2\n", 1, "the label `1,2` is not a finite number"),
        ("1 1:2\n1 1: 2\n", 2, "a colon stands between an index and a value"),
        ("1 1::2\n", 1, "a colon stands between an index and a value"),
        ("1 1:2:3\n", 1, "`2` stands between two colons"),
        ("1 qid:3 1:2\n", 1, "the index `qid` is not a whole number"),
        ("1 1.0:2\n", 1, "the index `1.0` is not a whole number"),
        ("1 -1:2\n", 1, "the index `-1` is not a whole number"),
        ("1 0:2\n", 1, "the index 0 lies outside 1 to 2,147,483,647"),
        ("1 1:2\n1 99999999999:2\n", 2, "the index 99999999999 lies outside"),
        ("1 1:2\n1 3:1 2:1\n", 2, "feature 2 stands after feature 3"),
        ("1 3:1 3:1\n", 1, "feature 3 is given twice"),
        ("1 1:2\nx 1:2\n", 2, "the label `x` is not a finite number"),
        ("nan 1:2\n", 1, "the label `nan` is not a finite number"),
        ("1 1:2\n1 1:inf\n", 2, "the value `inf` is not a finite number"),
        ("1 1:1e999\n", 1, "the value `1e999` is not a finite number"),
        ("1 1:1_0\n", 1, "the value `1_0` is not a finite number"),
        ("1 1:1+2\n", 1, "the value `1+2` is not a finite number"),
        ("1 1:0x1\n", 1, "the value `0x1` is not a finite number"),
        ("1 1:２\n", 1, "the value `２` is not a finite number"),
        ("1 1:1,5\n", 1, "the value `1,5` is not a finite number"),
    ],
)
def test_damage_is_told_with_its_line(folder: Path, text: str, line: int, what: str) -> None:
    (folder / "a.svm").write_text(text, encoding="utf-8")
    message, found = problem_of(folder / "a.svm")
    assert what in message and found == line


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08\0\0:1 2", b"\0\0\0", "1 1:2\n".encode("utf-16")])
def test_what_is_no_text_is_refused(folder: Path, content: bytes) -> None:
    (folder / "a.svm").write_bytes(content)
    problem_of(folder / "a.svm")


# --------------------------------------------------------------------------------------------------------- which name
@pytest.mark.parametrize("argument", ["a.svm", "a.svm:X,y", "a.svm:labels", "A.LIBSVM"])
def test_the_names_follow_from_the_model(folder: Path, placed: Placed, listed: Any, argument: str) -> None:
    (folder / argument.partition(":")[0]).write_text(SMALL)
    found = placed(SPARSE, argument)
    assert listed(found["S"]) == [1, 2, 3] and listed(found["F"]) == [1, 2, 3, 4]
    assert np.asarray(found["y"]).tolist() == [1, -1, 1]


def test_a_dense_and_a_sparse_model_see_the_same(folder: Path) -> None:
    (folder / "a.svm").write_text(SMALL)
    total = "minimize sum((w[f] - 1)^2 for f in F) + sum(y[s] * X[s, f] * w[f] for s in S, f in F)\n"
    dense = optc.parse(DENSE.rpartition("minimize")[0] + total).bind("a.svm").solve()
    slim = total.replace("for s in S, f in F)", "for (s, f) in N)")
    sparse = optc.parse(SPARSE.rpartition("minimize")[0] + slim).bind("a.svm").solve()
    values = np.array([[0.5, 0, -2, 0], [0, 0, 0, 0], [0, 1e-3, 0, 7]])
    slope = np.array([1.0, -1.0, 1.0]) @ values
    assert np.asarray(sparse["w"]) == pytest.approx(1 - slope / 2, abs=1e-6)
    assert np.asarray(dense["w"]) == pytest.approx(np.asarray(sparse["w"]), abs=1e-6)


def test_names_one_by_one(folder: Path, placed: Placed, listed: Any) -> None:
    (folder / "a.svm").write_text(SMALL)
    text = SPARSE.replace("var w", "param X2[N]\nparam z[S]\nvar w")
    sets = ("S=a.svm:samples", "F=a.svm:features", "N=a.svm:entries")
    found = placed(text, "X=a.svm", "X2=a.svm:values", "y=a.svm", "z=a.svm:labels", *sets)
    assert np.asarray(found["X2"]).tolist() == [0.5, -2.0, 1e-3, 7.0]
    assert listed(found["F"]) == [1, 2, 3, 4]
    assert np.asarray(found["z"]).tolist() == [1, -1, 1]


def test_entries_as_a_set_of_pairs_and_as_an_indexed_set(folder: Path, placed: Placed, listed: Any) -> None:
    (folder / "a.svm").write_text(SMALL)
    text = "set S\nset F\nset N within S * F\nset Has[s in S] within F\nvar x >= 0\nminimize x\n"
    found = placed(text, "S=a.svm:samples", "F=a.svm:features", "N=a.svm", "Has=a.svm:entries")
    assert listed(found["N"]) == [(1, 1), (1, 3), (3, 2), (3, 4)]
    assert listed(found["Has"]) == [[1, 3], [], [2, 4]]


def test_labels_are_mapped_when_that_is_asked_for(folder: Path, placed: Placed) -> None:
    (folder / "a.svm").write_text("2 1:1\n1\n+1 1:2\n")
    assert np.asarray(placed(SPARSE, "a.svm")["y"]).tolist() == [2, 1, 1]
    for argument in ("a.svm:labels,1=-1,2=+1", "a.svm:X,y,1=-1,2=+1"):
        assert np.asarray(placed(SPARSE, argument)["y"]).tolist() == [1, -1, -1]
    rest = ("X=a.svm", "S=a.svm:samples", "F=a.svm:features", "N=a.svm")
    assert np.asarray(placed(SPARSE, "y=a.svm:labels,1=0,2=0.5", *rest)["y"]).tolist() == [0.5, 0, 0]


def test_a_feature_that_the_model_does_not_have_is_told_with_its_line(folder: Path) -> None:
    (folder / "a.svm").write_text(SMALL)
    with pytest.raises(DataError) as caught:
        optc.parse(DENSE).bind("X=a.svm", "y=a.svm", "S=a.svm:samples", F=[1, 2, 3])
    (found,) = caught.value.diagnostics
    assert found.code.id == "E0533"
    place = found.place
    assert place is not None and (place.line, place.path) == (3, "feature 4")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("model", "argument", "what"),
    [
        (DENSE, "a.svm:nonsense", "does not say what takes the values"),
        (DENSE, "a.svm:values", "does not say what takes the values"),
        (DENSE, "a.svm:y,X", "y is no parameter over samples and features that takes data"),
        (DENSE, "a.svm:X,w", "w is no parameter over S for labels that takes data"),
        (DENSE, "X=a.svm:nonsense", "has no part called `nonsense`"),
        (DENSE, "X=a.svm:labels", "X[S, F] has 2 indices, and does not fit the labels"),
        (DENSE, "y=a.svm:values", "y[S] has 1 index, and does not fit the values"),
        (DENSE, "S=a.svm", "the set S may be one of several parts"),
        (SPARSE, "N=a.svm:samples", "the set N does not fit the samples"),
        (DENSE, "S=a.svm:labels", "the set S does not fit the labels"),
        (DENSE, "y=a.svm:labels,1=-1", "the label -1 is not mapped to anything"),
        (DENSE, "y=a.svm:labels,1=-1,-1=1,3=1", "no sample has the label 3"),
        (DENSE, "y=a.svm:labels,1=a", "`1=a` does not say what becomes of a label"),
        (DENSE, "y=a.svm:labels,1=2,1=3", "the label 1 is mapped twice"),
        (DENSE, "X=a.svm:values,1=2", "only labels are mapped"),
        (DENSE.replace("param y", "param X2[S, F]\nparam y"), "a.svm", "several parameters over samples and features"),
        (DENSE.replace("param y", "param z[S]\nparam y"), "a.svm", "several parameters over S for labels: z[S], y[S]"),
        (DENSE.replace("param y[S]\n", ""), "a.svm", "no parameter over S for labels"),
        (DENSE.replace("param y[S]", "param y[S] = 1"), "a.svm", "no parameter over S for labels"),
        (DENSE.replace("[S, F]", "[i in S, j in S]"), "a.svm", "no parameter over samples and features"),
    ],
)
def test_what_is_not_certain_is_refused(
    folder: Path, program_of: Callable[[str], Program], model: str, argument: str, what: str
) -> None:
    (folder / "a.svm").write_text(SMALL)
    assert what in message_of(program_of(model), argument)


def test_a_parameter_without_index_takes_nothing(folder: Path, program_of: Callable[[str], Program]) -> None:
    (folder / "a.svm").write_text(SMALL)
    program = program_of("param k\nvar x >= k\nminimize x\n")
    assert "k has 0 indices" in message_of(program, "k=a.svm")


def test_what_is_given_twice_is_told(folder: Path, program_of: Callable[[str], Program]) -> None:
    (folder / "a.svm").write_text(SMALL)
    with pytest.raises(DataError) as caught:
        read_inputs(program_of(DENSE), [FileInput("a.svm"), FileInput("S=a.svm:samples")], folder=None)
    assert [found.code.id for found in caught.value.diagnostics] == ["E0518"]
