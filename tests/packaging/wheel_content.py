"""Builds wheel and sdist and checks that they hold the whole package and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {
    "optc": "optc",
    "dsl": "optc/dsl",
    "compiler": "optc/compiler",
    "backends": "optc/backends",
    "stdlib": "optc/stdlib",
}
SHIPPED = {".py", ".lark", ".opt", ".typed", ".md", ".json", ".csv", ".toml"}


def tracked() -> list[Path]:
    """Tracked and new files, without what git ignores."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return [Path(name) for name in names]


def expected(files: list[Path]) -> set[str]:
    """Names inside the wheel of every product file."""
    wanted: set[str] = set()
    for file in files:
        target = FOLDERS.get(file.parts[0])
        if target and file.suffix in SHIPPED and len(file.parts) > 1 and not (ROOT / file).is_symlink():
            wanted.add("/".join((target, *file.parts[1:])))
    return wanted


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "build", "--outdir", folder, str(ROOT)], check=True, stdout=subprocess.DEVNULL
        )
        wheel = next(Path(folder).glob("*.whl"))
        sdist = next(Path(folder).glob("*.tar.gz"))
        inside = {name for name in zipfile.ZipFile(wheel).namelist() if not name.split("/")[0].endswith(".dist-info")}
        with tarfile.open(sdist) as archive:
            unpacked = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    wanted = expected(tracked())
    missing, surplus = sorted(wanted - inside), sorted(inside - wanted)
    for name in missing:
        print(f"missing from the wheel: {name}")
    for name in surplus:
        print(f"in the wheel but not in the repository: {name}")
    lost = sorted({"README.md", "LICENSE", "pyproject.toml", "dsl/grammar.lark"} - unpacked)
    for name in lost:
        print(f"missing from the sdist: {name}")
    print(f"wheel: {len(inside)} files, sdist: {len(unpacked)} entries")
    return 1 if missing or surplus or lost else 0


if __name__ == "__main__":
    raise SystemExit(main())
