"""Definitions that need themselves: values of sets, parameters and named expressions."""

from __future__ import annotations

from .context import Context, Entry
from .declarations import report_cycle


def report(ctx: Context) -> None:
    """Reports each cycle among the definitions once, spelled out."""
    state: dict[Entry, int] = {}
    for start in list(ctx.edges):
        if start not in state:
            _search(ctx, start, state)


def _search(ctx: Context, start: Entry, state: dict[Entry, int]) -> None:
    """Depth-first search without recursion; an edge back into the path closes a cycle."""
    path: list[Entry] = [start]
    waiting = [iter(ctx.edges.get(start, ()))]
    state[start] = 1
    while path:
        following = next(waiting[-1], None)
        if following is None:
            state[path.pop()] = 2
            waiting.pop()
        elif state.get(following) == 1:
            cycle = path[path.index(following) :]
            if not any(e.broken for e in cycle):
                report_cycle(ctx, cycle)
            for entry in cycle:
                entry.broken = True
        elif following not in state:
            state[following] = 1
            path.append(following)
            waiting.append(iter(ctx.edges.get(following, ())))
