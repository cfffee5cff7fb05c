"""A result for people: the status first, then the non-zero variables, then what the certificate says.

The same sections are laid out as plain text, or by rich with colours where standard output is a terminal.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .output import use_color

FEW = 25
"""Rows of a family that are shown without ``-v``."""

ROUNDING = 1e-9
"""Entries of at most this size are taken for zeros without ``-v``."""

_STYLE = {
    "optimal": "bold green",
    "equilibrium": "bold green",
    "feasible": "bold yellow",
    "proved": "green",
    "checked": "green",
    "reported": "green",
    "estimated": "yellow",
    "open": "yellow",
    "failed": "bold red",
    "infeasible": "bold red",
    "unbounded": "bold red",
    "limit": "bold yellow",
}


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under a heading; numbers stand right. ``note`` says what is left out."""

    title: str
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    note: str = ""


def show(result: Mapping[str, Any], args: argparse.Namespace) -> None:
    """Prints the JSON object of a result on standard output; ``-q`` keeps the status and the objective."""
    sections = [_answer(result)]
    if not args.quiet:
        sections += _details(result, everything=args.verbose)
    if use_color(args, sys.stdout) and sys.stdout.isatty():
        _with_rich(sections)
    else:
        print(plain(sections), end="")


def plain(sections: Iterable[Section]) -> str:
    """The sections as text, columns aligned; ends with a line break."""
    return "\n".join("\n".join(_plain_section(section)) + "\n" for section in sections)


def _plain_section(section: Section) -> list[str]:
    lines = [section.title] if section.title else []
    indent = "  " if section.title else ""
    width = max((len(row) for row in section.rows), default=0)
    widths = [max((len(row[c]) for row in section.rows if c < len(row)), default=0) for c in range(width)]
    for row in section.rows:
        cells = [cell.rjust(widths[c]) if c in section.right else cell.ljust(widths[c]) for c, cell in enumerate(row)]
        lines.append((indent + "  ".join(cells)).rstrip())
    if section.note:
        lines.append(f"{indent}{section.note}")
    return lines


def _with_rich(sections: Sequence[Section]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    for at, section in enumerate(sections):
        if at:
            console.print()
        if section.title:
            console.print(Text(section.title, style="bold"))
        indent = "  " if section.title else ""
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for column in range(max((len(row) for row in section.rows), default=0)):
            table.add_column(justify="right" if column in section.right else "left", overflow="fold")
        for row in section.rows:
            table.add_row(*(Text(indent * (not c) + cell, style=_style(row, c)) for c, cell in enumerate(row)))
        console.print(table)
        if section.note:
            console.print(Text(f"  {section.note}", style="dim"))


def _style(row: Sequence[str], column: int) -> str:
    """Statuses have colours: of the answer, and in front of the lines of the certificate."""
    is_status = column == 0 or (column == 1 and row[0] == "status")
    return _STYLE.get(row[column], "") if is_status else ""


# ------------------------------------------------------------------------------------------------------- the sections
def _answer(result: Mapping[str, Any]) -> Section:
    rows: list[tuple[str, ...]] = []
    if result.get("model"):
        rows.append(("model", f"{result['model']}" + (f", {result['class']}" if result.get("class") else "")))
    status = result["status"]
    rows.append(("status", status))
    if result.get("termination") not in (None, "converged"):
        rows.append(("stopped", str(result["termination"])))
    if result.get("objective") is not None:
        rows.append(("objective", number(result["objective"], 10) + _sense(result)))
    if result.get("bound") is not None:
        rows.append(("bound", number(result["bound"], 10)))
    if result.get("gap") is not None:
        rows.append(("gap", number(result["gap"], 3)))
    seconds = {phase: value for phase, value in (result.get("seconds") or {}).items() if value}  # what was done
    if seconds:
        spent = ", ".join(f"{phase} {value:.3f} s" for phase, value in seconds.items())
        rows.append(("time", spent))
    return Section("", tuple(rows))


def _sense(result: Mapping[str, Any]) -> str:
    return f"  ({result['sense']})" if result.get("sense") in ("minimize", "maximize") else ""


def _details(result: Mapping[str, Any], *, everything: bool) -> list[Section]:
    sections = []
    objectives = result.get("objectives") or {}
    if len(objectives) > 1:
        shown = list(objectives.items())[: None if everything else FEW]
        entries = tuple((name, number(value, 10)) for name, value in shown)
        note = f"{len(objectives) - len(shown):,} more" if len(shown) < len(objectives) else ""
        sections.append(Section("objectives", entries, frozenset({1}), note))
    for key, title in (("variables", "variables"), ("worst_case", "worst outcome"), ("expressions", "expressions")):
        if result.get(key):
            sections.append(_families(title, result[key], everything=everything))
    if everything:
        for key, title in (("duals", "duals"), ("reduced_costs", "reduced costs")):
            if result.get(key):
                sections.append(_families(title, result[key], everything=True))
    if result.get("alternatives"):
        rows = tuple(
            (f"{at}", number(other.get("objective"), 10)) for at, other in enumerate(result["alternatives"], 2)
        )
        note = "these are all" if result.get("alternatives_complete") else "there may be more"
        sections.append(Section("further answers (their variables: --json or -o)", rows, frozenset({1}), note))
    elif result.get("alternatives_complete"):
        sections.append(Section("further answers", (), frozenset(), "there are none"))
    if result.get("certificate"):
        sections.append(_certificate(result["certificate"]))
        sections += [_conflict(line) for line in result["certificate"] if line.get("conflict")]
    if everything:
        sections.append(_route(result))
    return [section for section in sections if section.rows or section.note]


def _families(title: str, families: Mapping[str, Any], *, everything: bool) -> Section:
    """Non-zero entries, family by family; a long family is cut, and the note counts what is not shown.

    What is left of a zero after rounding counts as one, unless everything is asked for.
    """
    rows: list[tuple[str, ...]] = []
    limit = 0.0 if everything else ROUNDING
    zeros = cut = 0
    for name, family in families.items():
        kept = 0
        for *index, value in family["values"]:
            if index and isinstance(value, (int, float)) and abs(value) <= limit:
                zeros += 1
                continue
            kept += 1
            if everything or kept <= FEW:
                rows.append((entry_name(name, index), number(value, 7)))
            else:
                cut += 1
    notes = []
    if cut:
        notes.append(f"{cut} more that are not zero (-v shows them, --json and -o hold all)")
    if zeros:
        notes.append(f"{zeros} {'is' if zeros == 1 else 'are'} zero")
    return Section(title, tuple(rows), frozenset({1}), "; ".join(notes))


def _certificate(lines: Sequence[Mapping[str, Any]]) -> Section:
    rows = []
    for line in lines:
        measured = line.get("tolerance") is not None  # how far off, against how far is allowed; else a value of its own
        value = "" if line.get("value") is None else number(line["value"], 4 if measured else 10)
        if measured:
            value += f" (tolerance {number(line['tolerance'], 3)})"
        where = f"at {line['where']}" if line.get("where") else ""
        how = "; ".join(part for part in (str(line.get("how") or ""), where) if part)
        rows.append((str(line["status"]), str(line["claim"]), value, how))
    return Section("certificate", tuple(rows))


def _conflict(line: Mapping[str, Any]) -> Section:
    """What cannot hold together, with the lines of the model where it stands."""
    at = (line.get("evidence") or {}).get("lines", {})
    rows = tuple((name, f"line {at[name]}" if name in at else "") for name in line["conflict"])
    return Section("these cannot hold together", rows)


def _route(result: Mapping[str, Any]) -> Section:
    rows = []
    if result.get("route"):
        rows.append(("route", " > ".join(result["route"])))
    backend = result.get("backend")
    if backend:
        options = ", ".join(f"{name} = {value}" for name, value in (backend.get("options") or {}).items())
        rows.append(
            (
                "backend",
                f"{backend['name']} {backend.get('version') or ''}".rstrip() + (f" ({options})" if options else ""),
            )
        )
    if result.get("seed") is not None:
        rows.append(("seed", str(result["seed"])))
    return Section("how", tuple(rows))


# -------------------------------------------------------------------------------------------------------- one cell
def entry_name(name: str, index: Sequence[object]) -> str:
    """``buy["bread", 2]``; a scalar's name alone."""
    if not index:
        return name
    return f"{name}[{', '.join(json.dumps(member, ensure_ascii=False) for member in index)}]"


def number(value: object, digits: int) -> str:
    """A number with so many significant digits; texts (options, ``inf``) as they are."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    text = f"{value:.{digits}g}"
    return "0" if text == "-0" else text
