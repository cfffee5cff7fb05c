"""``optc doctor``: what is installed here, what is found, and what each missing package would add."""

from __future__ import annotations

import argparse
import ast
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from optc import __version__

from .flags import add_common
from .output import print_json
from .status import Exit

REQUIRED = {
    "lark": "the parser",
    "numpy": "arrays",
    "scipy": "sparse matrices",
    "highspy": "HiGHS: linear, mixed-integer and convex quadratic problems",
    "pyscipopt": "SCIP: mixed-integer quadratic problems, convex or not, with logic",
    "rich": "tables and progress on a terminal",
    "platformdirs": "the place of the cache",
}
OPTIONAL = {
    "polars": ("Parquet files, and large CSV files read faster", "optc[data]"),
    "python-calamine": ("Excel files", "optc[data]"),
    "casadi": ("Ipopt, which it carries: smooth nonlinear problems", "optc[nlp]"),
    "pandas": ("data frames in and out of the Python API", "pandas"),
    "xarray": ("labelled arrays in the Python API", "xarray"),
    "networkx": ("graphs as data in the Python API", "networkx"),
    "torch": ("functions of nonlinear models evaluated by torch, on an NVIDIA GPU too", "optc[torch]"),
}
COMPILERS = ("cc", "gcc", "clang")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "doctor",
        help="what is installed here, and what each missing package would add",
        description="Shows what is installed here, which compiler and device are found, and what each missing package "
        "would add. Nothing is changed and nothing is sent.",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 when every required package is there, else 7."""
    required = {name: _version(name) for name in REQUIRED}
    optional = {name: _version(name) for name in OPTIONAL}
    compiler = next((found for name in COMPILERS if (found := shutil.which(name))), None)
    device = _device()
    cuda = None if optional["torch"] is None else _cuda_in_torch()
    if args.json:
        print_json(
            {
                "schema": 1,
                "optc": __version__,
                "python": platform.python_version(),
                "executable": sys.executable,
                "platform": platform.platform(),
                "required": required,
                "optional": optional,
                "compiler": compiler,
                "device": device,
                "torch": None if cuda is None else {"version": optional["torch"], "cuda": cuda[0], "detail": cuda[1]},
            }
        )
    else:
        _print(required, optional, compiler, device, cuda)
    return Exit.NOT_INSTALLED if None in required.values() else Exit.DONE


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _device() -> str | None:
    """The driver of an NVIDIA device, seen without loading anything."""
    version = Path("/proc/driver/nvidia/version")
    if version.is_file():
        return version.read_text(encoding="utf-8", errors="replace").splitlines()[0].strip()
    return "nvidia-smi" if shutil.which("nvidia-smi") else None


def _cuda_in_torch() -> tuple[bool, str]:
    """Whether the installed torch can compute on a GPU, and which, or why not.

    A build without CUDA says so in a small file; any other build is asked in a process of its own, since loading it
    takes seconds and may fail.
    """
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return False, "torch cannot be found"
    written = Path(spec.origin).with_name("version.py")
    if written.is_file() and {"cuda", "hip", "rocm"}.isdisjoint(_constants(written)):
        return False, "built without CUDA"
    try:
        asked = subprocess.run([sys.executable, "-c", _ASKED], capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return False, "torch does not load within two minutes"
    if asked.returncode:
        return False, f"torch cannot be loaded: {(asked.stderr.strip().splitlines() or ['it says nothing'])[-1]}"
    name = asked.stdout.strip()
    return bool(name), name or "no GPU that it can use"


_ASKED = "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"


def _constants(file: Path) -> set[str]:
    """The names that a module gives a value other than None, read without running it."""
    found = set()
    for line in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(line, ast.AnnAssign | ast.Assign) and isinstance(line.value, ast.Constant):
            targets = [line.target] if isinstance(line, ast.AnnAssign) else line.targets
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            found |= names if line.value.value is not None else set()
    return found


def _print(
    required: dict[str, str | None],
    optional: dict[str, str | None],
    compiler: str | None,
    device: str | None,
    cuda: tuple[bool, str] | None,
) -> None:
    print(f"optc {__version__}, Python {platform.python_version()} ({sys.executable}), {platform.platform()}")
    print("\nrequired")
    for name, version in required.items():
        print(f"  {name:<16} {version or 'MISSING':<12} {REQUIRED[name]}")
    print("\noptional")
    for name, version in optional.items():
        adds, package = OPTIONAL[name]
        text = adds if version else f"would add: {adds}  (python -m pip install '{package}')"
        print(f"  {name:<16} {version or '-':<12} {text}")
    print("\nfound")
    print(f"  C compiler       {compiler or 'none'}")
    print(f"  GPU              {device or 'none'}")
    print(f"  CUDA in torch    {'no torch' if cuda is None else cuda[1]}")
    missing = [name for name, version in required.items() if version is None]
    if missing:
        print(f"\nmissing: {', '.join(missing)}; mend it with: {sys.executable} -m pip install --force-reinstall optc")
    else:
        print("\nall that is required is here; `optc backends` shows what can solve")
