"""What is installed, told from the names of the metadata folders that installers leave beside the packages.

``importlib.metadata`` knows the same and more, but importing it costs about 10 ms, as much as solving a small model.
It is asked only where the folders do not tell: of packages in archives, of other finders, of editable installations.
Source: "Recording installed projects" and "Entry points specification", packaging.python.org.
"""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_METADATA = (".dist-info", ".egg-info")


def version(module: str, project: str) -> str | None:
    """The version of the installed project that brings the module, or None; the module itself is not imported."""
    spec = find_spec(module)
    if spec is None:
        return None
    if spec.origin is not None:
        folder = Path(spec.origin).parents[1]
        written = _beside(folder, folder.stat().st_mtime_ns).get(_normal(project))
        if written is not None:
            return written
    from importlib import metadata

    try:
        return metadata.version(project)
    except metadata.PackageNotFoundError:
        return None


def entry_points(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name; empty without a look into ``importlib.metadata`` where there are none."""
    if not _may_have(group):
        return {}
    from importlib import metadata

    return {point.name: point for point in metadata.entry_points(group=group)}


@lru_cache(maxsize=8)
def _beside(folder: Path, _changed: int) -> dict[str, str]:
    """The versions of the projects installed into a folder, by name in normal form, as long as it does not change."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.endswith(".dist-info") and "-" in entry.name]
    parts = (name.removesuffix(".dist-info").partition("-") for name in names)
    return {_normal(project): written for project, _, written in parts}


def _normal(project: str) -> str:
    return re.sub(r"[-_.]+", "-", project).lower()


def _may_have(group: str) -> bool:
    others = [finder for finder in sys.meta_path if finder is not PathFinder and hasattr(finder, "find_distributions")]
    return bool(others) or any(_lists(path or ".", group) for path in dict.fromkeys(sys.path))


def _lists(path: str, group: str) -> bool:
    """Whether a place of ``sys.path`` may hold an entry point of the group; what is no folder may hold anything."""
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in entries]
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return any(_names_one(f"{path}/{name}/entry_points.txt", group) for name in names if name.endswith(_METADATA))


def _names_one(file: str, group: str) -> bool:
    try:
        with open(file, encoding="utf-8") as stream:  # noqa: PTH123 - called for each package there is; pathlib is slower
            text = stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return False
    _, found, after = text.partition(f"[{group}]")
    first = after.lstrip()[:1]
    return bool(found) and first not in ("", "[")
