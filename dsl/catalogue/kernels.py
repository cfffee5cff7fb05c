"""Codes of who evaluates functions and derivatives, and where."""

from __future__ import annotations

from ..diagnostics import Code

CODES: list[Code] = []


def _code(id_: str, title: str, fact: str, hint: str | None, explanation: str) -> Code:
    entry = Code(id_, title, fact, hint, explanation)
    CODES.append(entry)
    return entry


KERNELS_NEED_TORCH = _code(
    "E0631",
    "torch is not there",
    "functions cannot be evaluated by torch: {reason}",
    'install it with `pip install "optc[torch]"`',
    """\
`--device cuda`, and `--option kernels=torch` with a backend for nonlinear models, evaluate functions and derivatives by
torch, which is an extra of optc. Nothing is installed behind your back, and nothing else takes its place: without
torch, leave both away, and functions are evaluated by NumPy and by compiled C.

    optc solve model.opt --device cuda         # torch is not installed
    pip install "optc[torch]"                  # then it works where there is a GPU
""",
)

NO_CUDA = _code(
    "E0632",
    "no GPU",
    "`--device cuda` asks for a GPU, and torch {version} cannot use one: {reason}",
    "`--device cpu` (or `auto`) computes without; `optc doctor` shows what is found",
    """\
On the device `cuda` functions and derivatives are evaluated by torch on an NVIDIA GPU. That takes the GPU, its driver,
and a build of torch for CUDA that fits the driver. Where one of them is missing optc says so instead of computing
elsewhere without a word.

    optc solve model.opt --device cuda                        # no GPU here
    optc solve model.opt --device auto --option kernels=torch # torch, on a GPU where there is one
""",
)

KERNELS_NEED_COMPILER = _code(
    "E0633",
    "functions cannot be compiled",
    "`kernels=c` asks for compiled functions, and they cannot be had: {reason}",
    "install a C compiler (`gcc` or `clang`; `pip install ziglang` brings one), name it in the variable `CC`, or leave "
    "`kernels` out",
    """\
With `--option kernels=c` functions and derivatives run as compiled C from the first call on, and each waits for the
compiler. Without a compiler, or where it fails, that is an error; the default `kernels=auto` goes on with NumPy.

    optc solve model.opt --option kernels=c            # no compiler here
    CC=gcc optc solve model.opt --option kernels=c     # this one
""",
)

KERNELS_NOT_ON_DEVICE = _code(
    "E0634",
    "kernels do not run on that device",
    "`kernels={kernels}` runs on the CPU, and `--device cuda` was asked for",
    "use `kernels=torch` (or leave `kernels` out), or leave `--device` out",
    """\
NumPy and compiled C compute on the CPU, torch on the CPU or on a GPU. Two flags that contradict each other are
refused, so that neither is quietly ignored.

    optc solve model.opt --device cuda --option kernels=numpy    # wrong
    optc solve model.opt --device cuda                           # right: torch
""",
)

DEVICE_MEMORY = _code(
    "E0635",
    "the device has too little memory",
    "the memory of device `{device}` is too small for these functions: {reason}",
    "leave `--device` out, or evaluate fewer points at once (`particles` of `cbo`)",
    """\
By torch every operation of a function runs over all of its rows, and over all points of a batch, at once; the
intermediate values must find room on the device together. NumPy and compiled C work on pieces and need far less.

    optc solve model.opt --device cuda --backend cbo --option particles=100000    # may be too much
    optc solve model.opt --device cuda --backend cbo --option particles=1000
""",
)

EVALUATED_BY = _code(
    "N0611",
    "who evaluated",
    "functions and derivatives were evaluated by {who}",
    None,
    """\
Without being asked optc evaluates functions and derivatives by NumPy, and by compiled C where it is worth it. Here
`--device` or the option `kernels` chose something else, and this note is the record of it. Values agree to rounding,
whoever evaluates.

    optc solve model.opt --option kernels=torch
""",
)

DEVICE_UNUSED = _code(
    "N0612",
    "the device is not used",
    "`--device cuda` was asked for, and backend `{backend}` does not use it",
    None,
    """\
On a GPU run the functions and derivatives of nonlinear models, for backends with the option `kernels` (`optc backends
NAME` lists options). Linear and quadratic models have no such functions, and outside solvers that evaluate for
themselves compute on the CPU. The answer is the same.

    optc solve diet.opt --device cuda                      # a linear model: HiGHS computes on the CPU
    optc solve flow.opt --device cuda --backend ipopt      # its functions run on the GPU
""",
)
