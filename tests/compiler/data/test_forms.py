"""The same data in every form give the same arrays."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pytest
import xarray as xr

from optc.compiler.data import PythonValue, Setting

MODEL = """set Foods
set Nutrients
param cost[f in Foods]
param content[f in Foods, n in Nutrients]
param owner[Foods] : string
param budget
param limit : integer
var x[Foods] >= 0
minimize sum(cost[f] * x[f] for f in Foods)
"""
FOODS = ["corn", "oats", "corn flakes"]
NUTRIENTS = [1, 2]
COST = [3.5, 2.0, 4.25]
CONTENT = [[1.0, 0.5], [2.0, 0.0], [7.0, 1e-3]]
OWNER = ["Ann", "Bob", "Ann"]
CONTENT_OBJECT = {f: {str(n): CONTENT[i][j] for j, n in enumerate(NUTRIENTS)} for i, f in enumerate(FOODS)}
CONTENT_ROWS = [[f, n, CONTENT[i][j]] for i, f in enumerate(FOODS) for j, n in enumerate(NUTRIENTS)]
WIDE = "food,1,2\n" + "".join(f"{f},{row[0]},{row[1]}\n" for f, row in zip(FOODS, CONTENT, strict=True))
LONG = "Foods,n,content\n" + "".join(f"{f},{n},{v}\n" for f, n, v in CONTENT_ROWS)
FOODS_CSV = "food,cost,owner\n" + "".join(f"{f},{c},{o}\n" for f, c, o in zip(FOODS, COST, OWNER, strict=True))


def as_object(content: object) -> dict[str, object]:
    cost = dict(zip(FOODS, COST, strict=True))
    owner = dict(zip(FOODS, OWNER, strict=True))
    base = {"Foods": FOODS, "Nutrients": NUTRIENTS, "cost": cost, "owner": owner, "budget": 3, "limit": 7}
    return {**base, "content": content}


def write_sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE foods (name TEXT, cost REAL, owner TEXT)")
        connection.executemany("INSERT INTO foods VALUES (?, ?, ?)", zip(FOODS, COST, OWNER, strict=True))
        connection.execute("CREATE TABLE content (food TEXT, nutrient INTEGER, content REAL)")
        connection.executemany("INSERT INTO content VALUES (?, ?, ?)", CONTENT_ROWS)
        connection.execute("CREATE TABLE nutrients (id INTEGER)")
        connection.executemany("INSERT INTO nutrients VALUES (?)", [(n,) for n in NUTRIENTS])


def toml_text() -> str:
    lines = [f"Foods = {json.dumps(FOODS)}", f"Nutrients = {NUTRIENTS}", "budget = 3", "limit = 7", "[cost]"]
    lines += [f"{json.dumps(f)} = {c}" for f, c in zip(FOODS, COST, strict=True)] + ["[owner]"]
    lines += [f"{json.dumps(f)} = {json.dumps(o)}" for f, o in zip(FOODS, OWNER, strict=True)]
    for f, row in zip(FOODS, CONTENT, strict=True):
        lines += [f"[content.{json.dumps(f)}]", f"1 = {row[0]}", f"2 = {row[1]}"]
    return "\n".join(lines)


SETTINGS = (Setting("Nutrients=[1, 2]"), Setting("budget=3"), Setting("limit=7"))


def json_keyed(folder: Path) -> tuple[object, ...]:
    (folder / "d.json").write_text(json.dumps(as_object(CONTENT_OBJECT)))
    return ("d.json",)


def json_nested(folder: Path) -> tuple[object, ...]:
    document = {**as_object(CONTENT), "cost": COST, "owner": OWNER}
    (folder / "d.json").write_text(json.dumps(document))
    return ("d.json",)


def json_rows(folder: Path) -> tuple[object, ...]:
    rows = [[f, c] for f, c in zip(FOODS, COST, strict=True)]
    document = {**as_object({"rows": CONTENT_ROWS[::-1]}), "cost": {"rows": rows}}
    (folder / "d.json").write_text(json.dumps(document))
    return ("d.json",)


def json_by_name(folder: Path) -> tuple[object, ...]:
    document = as_object(CONTENT)
    content = document.pop("content")
    (folder / "d.json").write_text(json.dumps(document))
    (folder / "c.json").write_text(json.dumps(content))
    return ("d.json", "content=c.json")


def toml(folder: Path) -> tuple[object, ...]:
    (folder / "d.toml").write_text(toml_text())
    return ("d.toml",)


def csv_long(folder: Path) -> tuple[object, ...]:
    (folder / "foods.csv").write_text(FOODS_CSV)
    (folder / "content.csv").write_text(LONG)
    return ("Foods=foods.csv:food", "foods.csv", "content.csv", *SETTINGS)


def csv_wide(folder: Path) -> tuple[object, ...]:
    (folder / "foods.csv").write_text(FOODS_CSV)
    (folder / "content.csv").write_text(WIDE)
    return ("Foods=foods.csv:food", "foods.csv", "content=content.csv", *SETTINGS)


def csv_odd_spelling(folder: Path) -> tuple[object, ...]:
    """A byte-order mark, CRLF, quotes, semicolons, blanks, blank lines, columns in another order."""
    text = "\ufefffood; owner ;cost\r\n\r\n" + "".join(
        f'"{f}"; {o};{c} \r\n' for f, c, o in zip(FOODS, COST, OWNER, strict=True)
    )
    (folder / "foods.csv").write_bytes(text.encode())
    (folder / "content.csv").write_text(LONG.replace(",", "\t"))
    return ("Foods=foods.csv:food", "foods.csv", "content.csv", *SETTINGS)


def csv_columns(folder: Path) -> tuple[object, ...]:
    text = FOODS_CSV.replace("food,cost,owner", "food,price,who")
    (folder / "foods.csv").write_text(text)
    (folder / "content.csv").write_text(LONG.replace("content", "amount"))
    return (
        "Foods=foods.csv:food",
        "cost=foods.csv:price",
        "owner=foods.csv:who",
        "content=content.csv:amount",
        *SETTINGS,
    )


def sqlite(folder: Path) -> tuple[object, ...]:
    write_sqlite(folder / "d.sqlite")
    return (
        "Foods=d.sqlite:foods.name",
        "Nutrients=d.sqlite:nutrients",
        "d.sqlite:foods",
        "content=d.sqlite:content.content",
        *SETTINGS[1:],
    )


def parquet(folder: Path) -> tuple[object, ...]:
    pl.DataFrame({"food": FOODS, "cost": COST, "owner": OWNER}).write_parquet(folder / "foods.parquet")
    rows = list(zip(*CONTENT_ROWS, strict=True))
    pl.DataFrame({"f": rows[0], "n": rows[1], "content": rows[2]}).write_parquet(folder / "content.parquet")
    return ("Foods=foods.parquet:food", "foods.parquet", "content.parquet", *SETTINGS)


def python_plain(_: Path) -> tuple[object, ...]:
    values = as_object({(f, n): CONTENT[i][j] for i, f in enumerate(FOODS) for j, n in enumerate(NUTRIENTS)})
    return tuple(PythonValue(name, value) for name, value in values.items())


def python_nested(_: Path) -> tuple[object, ...]:
    content = {f: dict(zip(NUTRIENTS, row, strict=True)) for f, row in zip(FOODS, CONTENT, strict=True)}
    values = {**as_object(content), "Foods": tuple(FOODS), "Nutrients": range(1, 3)}
    return tuple(PythonValue(name, value) for name, value in values.items())


def numpy(_: Path) -> tuple[object, ...]:
    values = as_object(np.array(CONTENT))
    values |= {"cost": np.array(COST, dtype=np.float32), "owner": np.array(OWNER), "Foods": np.array(FOODS)}
    values |= {"Nutrients": np.array(NUTRIENTS, dtype=np.int32), "budget": np.float64(3), "limit": np.int8(7)}
    return tuple(PythonValue(name, value) for name, value in values.items())


def pandas_wide(_: Path) -> tuple[object, ...]:
    values = as_object(pd.DataFrame(CONTENT, index=FOODS, columns=NUTRIENTS))
    values |= {"cost": pd.Series(COST, index=FOODS), "owner": pd.Series(OWNER, index=FOODS), "Foods": pd.Index(FOODS)}
    return tuple(PythonValue(name, value) for name, value in values.items())


def pandas_long(_: Path) -> tuple[object, ...]:
    frame = pd.DataFrame(CONTENT_ROWS, columns=["food", "nutrient", "content"])
    foods = pd.DataFrame({"food": FOODS, "cost": COST, "owner": pd.Categorical(OWNER)})
    values = as_object(frame) | {"cost": foods, "owner": foods, "Foods": foods["food"]}
    return tuple(PythonValue(name, value) for name, value in values.items())


def pandas_multi_index(_: Path) -> tuple[object, ...]:
    index = pd.MultiIndex.from_tuples([(f, n) for f, n, _ in CONTENT_ROWS], names=["f", "n"])
    values = as_object(pd.Series([v for *_, v in CONTENT_ROWS], index=index).sample(frac=1, random_state=0))
    values["cost"] = pd.DataFrame({"cost": COST}, index=pd.Index(FOODS, name="f"))
    return tuple(PythonValue(name, value) for name, value in values.items())


def polars(_: Path) -> tuple[object, ...]:
    rows = list(zip(*CONTENT_ROWS, strict=True))
    values = as_object(pl.DataFrame({"n": rows[1], "f": rows[0], "content": rows[2]}))
    values |= {"Foods": pl.Series(FOODS), "cost": pl.Series(COST)}
    return tuple(PythonValue(name, value) for name, value in values.items())


def polars_wide(_: Path) -> tuple[object, ...]:
    table = {"food": FOODS, "1": [row[0] for row in CONTENT], "2": [row[1] for row in CONTENT]}
    values = as_object(pl.DataFrame(table))
    return tuple(PythonValue(name, value) for name, value in values.items())


def xarray(_: Path) -> tuple[object, ...]:
    array = xr.DataArray(np.array(CONTENT).T, dims=("n", "f"), coords={"n": NUTRIENTS, "f": FOODS})
    values = as_object(array)
    values["cost"] = xr.DataArray(COST[::-1], dims=("food",), coords={"food": FOODS[::-1]})
    return tuple(PythonValue(name, value) for name, value in values.items())


def networkx(_: Path) -> tuple[object, ...]:
    graph = nx.DiGraph()
    for f, c, o in zip(FOODS, COST, OWNER, strict=True):
        graph.add_node(f, cost=c, owner=o)
    values = as_object(CONTENT) | {"Foods": graph, "cost": graph, "owner": graph}
    return tuple(PythonValue(name, value) for name, value in values.items())


FORMS = [
    json_keyed,
    json_nested,
    json_rows,
    json_by_name,
    toml,
    csv_long,
    csv_wide,
    csv_odd_spelling,
    csv_columns,
    sqlite,
    parquet,
    python_plain,
    python_nested,
    numpy,
    pandas_wide,
    pandas_long,
    pandas_multi_index,
    polars,
    polars_wide,
    xarray,
    networkx,
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_form_gives_the_same_arrays(
    form: Callable[[Path], tuple[object, ...]],
    folder: Path,
    placed: Callable[..., dict[str, object]],
    listed: Callable[[object], object],
) -> None:
    found = placed(MODEL, *form(folder))
    assert listed(found["Foods"]) == FOODS
    assert listed(found["Nutrients"]) == NUTRIENTS
    np.testing.assert_array_equal(found["cost"], COST)
    np.testing.assert_array_equal(found["content"], np.array(CONTENT).reshape(-1))
    assert list(found["owner"]) == OWNER  # type: ignore[call-overload]
    assert (float(found["budget"][0]), float(found["limit"][0])) == (3, 7)  # type: ignore[index]
    assert found["diagnostics"] == []


@pytest.mark.parametrize("form", [csv_long, csv_wide, csv_odd_spelling, csv_columns], ids=lambda form: form.__name__)
def test_csv_without_polars_gives_the_same_arrays(
    form: Callable[[Path], tuple[object, ...]],
    folder: Path,
    placed: Callable[..., dict[str, object]],
    listed: Callable[[object], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("optc.compiler.data.csv_table.find_spec", lambda _: None)
    test_every_form_gives_the_same_arrays(form, folder, placed, listed)
