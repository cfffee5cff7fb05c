"""Dependencies point one way: dsl <- compiler <- backends <- optc, and heavy packages stay out of the light paths."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "dsl": set(),
    "compiler": {"dsl"},
    "backends": {"dsl", "compiler"},
    "stdlib": set(),
    "optc": {"dsl", "compiler", "backends", "stdlib"},
}
OUTSIDE_OF_DSL = {"lark"}


def modules(folder: str) -> list[Path]:
    return [p for p in sorted((ROOT / folder).rglob("*.py")) if not any(part.is_symlink() for part in p.parents)]


def imported(path: Path, folder: str) -> set[str]:
    """Absolute dotted names that a module imports anywhere in it; relative ones resolved within ``optc``."""
    home = ["optc", *([] if folder == "optc" else [folder]), *path.relative_to(ROOT / folder).parent.parts]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = home[: len(home) - node.level + 1] if node.level else []
            names.add(".".join([*base, *(node.module or "").split(".")]).strip("."))
    return names


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_point_one_way(folder: str) -> None:
    wrong = []
    for path in modules(folder):
        for name in imported(path, folder):
            parts = name.split(".")
            target = parts[1] if len(parts) > 1 and parts[1] in MAY_IMPORT else "optc"
            if parts[0] == "optc" and target != folder and target not in MAY_IMPORT[folder]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_modules_of_the_interface_import_each_other_in_one_direction() -> None:
    """What is imported when a module is, not what a call or a type checker imports."""
    needs = {}
    for path in sorted((ROOT / "optc").glob("*.py")):
        nodes = ast.parse(path.read_text(encoding="utf-8")).body
        needs[path.stem] = {n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.level == 1 and n.module}
    while ready := [name for name, wanted in needs.items() if not wanted & needs.keys()]:
        for name in ready:
            del needs[name]
    assert needs == {}


def test_the_language_needs_lark_and_the_standard_library_alone() -> None:
    allowed = OUTSIDE_OF_DSL | set(sys.stdlib_module_names) | {"optc"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules("dsl")
        for name in imported(path, "dsl")
        if name.split(".")[0] not in allowed
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "statement",
    ["import optc", "from optc.cli.main import main; main(['check', 'examples/diet/model.opt'])"],
)
def test_light_paths_import_nothing_heavy(statement: str) -> None:
    heavy = {"numpy", "scipy", "highspy", "rich", "pandas", "polars", "sympy", "torch", "networkx"}
    program = f"import sys; {statement}; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_solving_a_linear_program_imports_one_solver_and_nothing_that_it_can_do_without() -> None:
    data = (
        "Foods=foods.csv:food",
        "content=foods.csv",
        "Nutrients=requirements.csv:nutrient",
        "minimum=requirements.csv",
    )
    command = ["solve", "model.opt", *(word for each in data for word in ("-d", each))]
    spared = {"scipy", "pyscipopt", "pandas", "polars", "networkx", "rich", "sqlite3", "tomllib", "importlib.metadata"}
    spared |= {"concurrent.futures", "torch"}
    program = (
        f"import sys; from optc.cli.main import main; status = main({command!r}); "
        f"print(status, 'highspy' in sys.modules, sorted({spared!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT / "examples" / "diet", capture_output=True, text=True, check=True
    )
    assert "0.1086622782" in done.stdout
    assert done.stdout.splitlines()[-1] == "0 True []"
