"""The textbook bilevel problems written down again as functions, by the file of the model in ``examples``."""

# ruff: noqa: ARG005 (every function takes the decisions of both levels)

from __future__ import annotations

from bilevel_oracles import Bilevel, Function, signs, within

_JOINT: Function = lambda x, y: x[0] + x[1] + y[0] - 2 * y[1] - 40  # noqa: E731
_HALVES: list[Function] = [lambda x, y: 2 * y[0] - x[0] + 10, lambda x, y: 2 * y[1] - x[1] + 10]
_BARD_3: list[Function] = [
    lambda x, y: -(x[0] ** 2) + 2 * x[0] - x[1] ** 2 + 2 * y[0] - y[1] - 3,
    lambda x, y: 4 - x[1] - 3 * y[0] + 4 * y[1],
    *signs([0, 1]),
]


def _aiyoshi_shimizu(joint_below: bool) -> Bilevel:
    return Bilevel(
        (2, 2),
        lambda x, y: 2 * x[0] + 2 * x[1] - 3 * y[0] - 3 * y[1] - 60,
        lambda x, y: (y[0] - x[0] + 20) ** 2 + (y[1] - x[1] + 20) ** 2,
        above=[*within([0, 1], 0, 50, "x"), *([] if joint_below else [_JOINT])],
        below=[*_HALVES, *within([0, 1], -10, 20), *([_JOINT] if joint_below else [])],
    )


def _bard_3(power: int) -> Bilevel:
    return Bilevel(
        (2, 2),
        lambda x, y: -(x[0] ** 2) - 3 * x[1] ** power - 4 * y[0] + y[1] ** 2,
        lambda x, y: 2 * x[0] ** 2 + y[0] ** 2 - 5 * y[1],
        above=[lambda x, y: x[0] ** 2 + 2 * x[1] - 4, *signs([0, 1], "x")],
        below=_BARD_3,
        box=(0, 4),
    )


def coupled(n: int) -> Bilevel:
    """``y`` holds y1, then y2."""
    return Bilevel(
        (n, 2 * n),
        lambda x, y: ((x - y[n:]) ** 2).sum() / 2 + ((y[:n] - 1) ** 2).sum() / 2,
        lambda x, y: (y[:n] ** 2).sum() / 2 - x @ y[:n] + y[n:].sum(),
        equal=[lambda x, y: x.sum() + y.sum()],
    )


TEXTBOOK: dict[str, Bilevel] = {
    "bard1988": Bilevel(
        (1, 1),
        lambda x, y: (x[0] - 5) ** 2 + (2 * y[0] + 1) ** 2,
        lambda x, y: (y[0] - 1) ** 2 - 1.5 * x[0] * y[0],
        above=signs([0], "x"),
        below=[
            lambda x, y: 3 - 3 * x[0] + y[0],
            lambda x, y: x[0] - 0.5 * y[0] - 4,
            lambda x, y: x[0] + y[0] - 7,
            *signs([0]),
        ],
    ),
    "candler_townsley1982": Bilevel(
        (2, 3),
        lambda x, y: -8 * x[0] - 4 * x[1] + 4 * y[0] - 40 * y[1] - 4 * y[2],
        lambda x, y: x[0] + 2 * x[1] + y[0] + y[1] + 2 * y[2],
        above=signs([0, 1], "x"),
        below=[
            lambda x, y: -y[0] + y[1] + y[2] - 1,
            lambda x, y: 2 * x[0] - y[0] + 2 * y[1] - 0.5 * y[2] - 1,
            lambda x, y: 2 * x[1] + 2 * y[0] - y[1] - 0.5 * y[2] - 1,
            *signs([0, 1, 2]),
        ],
    ),
    "liu_hart1994": Bilevel(
        (1, 1),
        lambda x, y: -x[0] - 3 * y[0],
        lambda x, y: y[0],
        above=signs([0], "x"),
        below=[
            lambda x, y: -x[0] + y[0] - 3,
            lambda x, y: x[0] + 2 * y[0] - 12,
            lambda x, y: 4 * x[0] - y[0] - 12,
            *signs([0]),
        ],
    ),
    "aiyoshi_shimizu1984": _aiyoshi_shimizu(joint_below=False),
    "floudas2013_joint_below": _aiyoshi_shimizu(joint_below=True),
    "falk_liu1995": Bilevel(
        (2, 2),
        lambda x, y: x[0] ** 2 - 3 * x[0] + x[1] ** 2 - 3 * x[1] + y[0] ** 2 + y[1] ** 2,
        lambda x, y: (y[0] - x[0]) ** 2 + (y[1] - x[1]) ** 2,
        below=within([0, 1], 0.5, 1.5),
    ),
    "henderson_quandt1958": Bilevel(
        (1, 1),
        lambda x, y: x[0] ** 2 / 2 + x[0] * y[0] / 2 - 95 * x[0],
        lambda x, y: y[0] ** 2 + (x[0] / 2 - 100) * y[0],
        above=within([0], 0, 200, "x"),
        below=signs([0]),
        box=(0, 200),
    ),
    "muu_quy2003": Bilevel(
        (1, 2),
        lambda x, y: x[0] ** 2 - 4 * x[0] + y[0] ** 2 + y[1] ** 2,
        lambda x, y: y[0] ** 2 + y[1] ** 2 / 2 + y[0] * y[1] + (1 - 3 * x[0]) * y[0] + (1 + x[0]) * y[1],
        above=within([0], 0, 2, "x"),
        below=[lambda x, y: 2 * y[0] + y[1] - 2 * x[0] - 1, *signs([0, 1])],
    ),
    "bard1988_example3": _bard_3(1),
    "sinha_malo_deb2014": _bard_3(2),
    "dempe_lohse2011": Bilevel(
        (2, 2),
        lambda x, y: (x[0] - 0.5) ** 2 + (x[1] - 0.5) ** 2 - 3 * y[0] - 3 * y[1],
        lambda x, y: x[0] * y[0] + x[1] * y[1],
        below=[lambda x, y: y[0] + y[1] - 2, lambda x, y: -y[0] + y[1], *signs([0, 1])],
    ),
    "lower_level_coupled": coupled(4),
    "bilevel_jump_readme": Bilevel(
        (1, 1),
        lambda x, y: 3 * y[0] + x[0],
        lambda x, y: -y[0],
        above=[*within([0], 0, 8, "x"), lambda x, y: y[0] - 5],
        below=[
            lambda x, y: y[0] + x[0] - 8,
            lambda x, y: 8 - 4 * y[0] - x[0],
            lambda x, y: 2 * y[0] + x[0] - 13,
            lambda x, y: 2 * y[0] - 7 * x[0],
        ],
    ),
}
