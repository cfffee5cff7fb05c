"""Arrays of torch read, written and gathered at any index, as NumPy does it; data moved once."""

from __future__ import annotations

import gc
from importlib import import_module

import numpy as np
import pytest

from optc.compiler.kernels.loops import Index, Loop

torch = pytest.importorskip("torch", reason="torch is not installed")
torch_device = import_module("optc.compiler.kernels.torch_device")


def indices() -> dict[str, Index]:
    """Of 24 rows into 60 places: runs, strides both ways, grids, and positions without an order."""
    rng = np.random.default_rng(0)
    rows = np.arange(24)
    positions = {
        "a run": rows + 3,
        "a stride": 1 + 2 * rows,
        "backwards": 30 - rows,
        "backwards by two": 47 - 2 * rows,
        "one place": np.full(24, 5),
        "repeated": 2 + rows // 4,
        "in turns": 2 + rows % 6,
        "middle of a grid": 3 + (rows // 12) * 3 + rows % 3,
        "nearly a grid": np.append(rows[:23] // 4, 9),
        "any": rng.integers(0, 12, 24),
        "all different": rng.permutation(24) + 7,
    }
    return {name: Loop(24).index(each) for name, each in positions.items()}


@pytest.mark.parametrize("sorts", [False, True])
@pytest.mark.parametrize("lead", [(), (2, 3)])
def test_rows_are_read_written_and_gathered_at_any_index(lead: tuple[int, ...], sorts: bool) -> None:
    device = torch_device.Device("cpu")
    device.sorts = sorts
    rng = np.random.default_rng(1)
    ufuncs = {"sum": np.add, "prod": np.multiply, "max": np.maximum}
    for name, index in indices().items():
        where = index.positions(24)
        start, values = rng.normal(size=(*lead, 60)), rng.normal(size=(*lead, 24))
        read = device.read(torch.tensor(start), index, 24).expand(*lead, 24)
        assert np.array_equal(read.numpy(), start[..., where]), name
        for action, ufunc in ufuncs.items():
            expected, target = start.copy(), torch.tensor(start)
            ufunc.at(expected, (..., where), values)
            device.gather(action, target, index, torch.tensor(values), 24)
            np.testing.assert_allclose(target.numpy(), expected, rtol=1e-13, atol=1e-13, err_msg=f"{name}: {action}")
        if len(set(where)) == 24:
            target = torch.tensor(start)
            device.write(target, index, torch.tensor(values), 24)
            start[..., where] = values
            assert np.array_equal(target.numpy(), start), name


def test_grids_are_recognised() -> None:
    device = torch_device.Device("cpu")
    found = {name: device.grid(index, 24) for name, index in indices().items()}
    assert found["one place"] == (1, 24, 1)
    assert found["repeated"] == (6, 4, 1)
    assert found["in turns"] == (1, 4, 6)
    assert found["middle of a grid"] == (2, 4, 3)
    assert found["nearly a grid"] is None
    assert found["any"] is None


@pytest.mark.parametrize("where", [[0, 0, 1, 1], [1, 0, 0, 1], [0, 1, 0, 1]])
def test_maxima_of_nan_are_nan(where: list[int]) -> None:
    device = torch_device.Device("cpu")
    target = torch.full((2,), -np.inf, dtype=torch.float64)
    values = torch.tensor([np.nan, 1.0, 2.0, 3.0], dtype=torch.float64)
    device.gather("max", target, Loop(4).index(np.array(where)), values, 4)
    assert np.isnan(target.numpy()).tolist() == [where[0] == 0, where[0] == 1]


def test_data_are_moved_once_and_let_go() -> None:
    device = torch_device.Device("cpu")
    device.shares = False
    values = np.arange(5.0)
    moved = device.array(values)
    assert device.array(values) is moved
    assert moved.tolist() == values.tolist()
    del values
    gc.collect()
    assert not device._moved
