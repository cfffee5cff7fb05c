"""Kernel programs: what is computed, in which passes over which loops, and where the results go.

A program fills one array from *streams*: nodes whose value in each row of their loop belongs at a slot of the array.
What a node reads from another loop (a gathered sum, a lifted value) is computed by an earlier pass and kept in a
scratch array. Every printer turns the same programs into something that runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .loops import Index, Loop
from .nodes import GATHERED, Graph, Node


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """The values of ``node`` go to ``slots`` of the result, by row of its loop."""

    node: Node
    slots: Index


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """What a pass does with a node: ``store`` or ``add`` to the result, ``keep`` in scratch, or gather there.

    ``scratch``: which array (-1: the result). ``index``: the positions by row. ``unique``: no position comes twice.
    """

    node: Node
    action: str  # "store", "add", "keep", "sum", "prod", "max"
    index: Index
    scratch: int = -1
    unique: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Pass:
    """One run over a loop. ``nodes``: in the order of computation; ``scratch_of``: where nodes of other passes lie."""

    loop: Loop
    nodes: tuple[Node, ...]
    outputs: tuple[Output, ...]
    scratch_of: dict[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """``size``: entries of the result; ``cleared``: it starts from zeros, since not every entry is stored.

    ``scratch``: size and first value (0, 1, -inf) of each scratch array. ``sources``: which inputs it reads.
    ``fixed``: the arrays of that source.
    """

    name: str
    size: int
    passes: tuple[Pass, ...]
    scratch: tuple[tuple[int, float], ...]
    cleared: bool
    sources: frozenset[str]
    fixed: Sequence[NDArray[np.float64]]

    def array(self, node: Node, data: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """The array that a load of ``data`` or ``fixed`` reads."""
        return data[node.array] if node.source == "data" else self.fixed[node.array]

    @property
    def rows(self) -> int:
        """How many rows its passes run over in all."""
        return sum(p.loop.size for p in self.passes)


FIRST = {"keep": 0.0, "sum": 0.0, "prod": 1.0, "max": -np.inf}


def program(name: str, streams: Iterable[Stream], size: int, graph: Graph) -> Program:
    """The passes that compute streams into an array of ``size`` entries."""
    merged = _merged([s for s in streams if s.node.loop is not None and s.node.loop.size], graph)
    wanted, scratch, scratch_of = _scheduled(merged)
    actions, cleared = _actions(merged, size)
    passes = []
    keys = sorted({*wanted, *((level, id(s.node.loop)) for level, s in _levelled(merged))}, key=_first(wanted, merged))
    levels = {s.node.number: level for level, s in _levelled(merged)}
    for key in keys:
        level, loop_id = key
        outputs = list(wanted.get(key, ()))
        for s in merged:
            if levels[s.node.number] == level and id(s.node.loop) == loop_id:
                action, unique = actions[id(s)]
                outputs.append(Output(s.node, action, s.slots, -1, unique))
        loop = outputs[0].node.loop
        assert loop is not None
        nodes = _closure([o.node for o in outputs])
        passes.append(Pass(loop, nodes, tuple(outputs), scratch_of))
    sources = {n.source for p in passes for n in p.nodes if n.op == "load"}
    return Program(name, size, tuple(passes), tuple(scratch), cleared, frozenset(sources), graph.fixed)


def _merged(streams: Sequence[Stream], graph: Graph) -> list[Stream]:
    """Streams of one loop with the same slots as one."""
    found: dict[tuple[int, int], Stream] = {}
    for s in streams:
        key = (id(s.node.loop), id(s.slots))
        old = found.get(key)
        found[key] = s if old is None else Stream(graph.add(old.node, s.node), s.slots)
    return [s for s in found.values() if s.node.loop is not None]


# ------------------------------------------------------------------------------------------------------ in which order
def level_of(node: Node, known: dict[int, int]) -> int:
    """How many times the way to a node leads from one loop to another."""
    waiting = [node]
    while waiting:
        at = waiting[-1]
        if at.number in known:
            waiting.pop()
            continue
        needed = at.args[:1] if at.op == "others" else at.args
        missing = [a for a in needed if a.number not in known]
        if missing:
            waiting += missing
            continue
        inner = max((known[a.number] for a in needed), default=0)
        step = 1 if at.op in GATHERED or (at.op == "lift" and at.args[0].op not in GATHERED) else 0
        known[at.number] = inner + step
        waiting.pop()
    return known[node.number]


def _levelled(streams: Sequence[Stream]) -> list[tuple[int, Stream]]:
    known: dict[int, int] = {}
    return [(level_of(s.node, known), s) for s in streams]


Key = tuple[int, int]


def _scheduled(streams: Sequence[Stream]) -> tuple[dict[Key, list[Output]], list[tuple[int, float]], dict[int, int]]:
    """What passes must keep for others: the outputs by level and loop, the scratch arrays, and where nodes lie."""
    known: dict[int, int] = {}
    wanted: dict[Key, list[Output]] = {}
    scratch: list[tuple[int, float]] = []
    scratch_of: dict[int, int] = {}
    waiting = [s.node for s in streams]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if node.number in seen:
            continue
        seen.add(node.number)
        waiting += node.args[:1] if node.op == "others" else node.args
        kept = node if node.op in GATHERED else node.args[0] if node.op == "lift" else None
        if kept is None or kept.number in scratch_of:
            continue
        level_of(node, known)
        assert kept.loop is not None
        scratch_of[kept.number] = len(scratch)
        body = kept.args[0] if kept.op in GATHERED else kept
        action = kept.op if kept.op in GATHERED else "keep"
        index = kept.index if kept.op in GATHERED else kept.loop.own()
        assert index is not None and body.loop is not None
        scratch.append((kept.loop.size, FIRST[action]))
        key = (level_of(body, known), id(body.loop))
        unique = action == "keep"
        wanted.setdefault(key, []).append(Output(body, action, index, scratch_of[kept.number], unique))
    return wanted, scratch, scratch_of


def _first(wanted: dict[Key, list[Output]], streams: Sequence[Stream]):  # type: ignore[no-untyped-def]
    """Passes by level, and within a level in the order in which their loops came up."""
    order: dict[int, int] = {}
    for s in streams:
        order.setdefault(id(s.node.loop), len(order))
    for outputs in wanted.values():
        for o in outputs:
            order.setdefault(id(o.node.loop), len(order))
    return lambda key: (key[0], order[key[1]])


def _closure(roots: Sequence[Node]) -> tuple[Node, ...]:
    """The nodes that a pass computes, parts before wholes; what other passes computed is read, not computed."""
    found: dict[int, Node] = {}
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        if node.number in found:
            continue
        found[node.number] = node
        if node.op in GATHERED or node.op == "lift":
            continue
        waiting += node.args[:1] if node.op == "others" else node.args
    return tuple(found[number] for number in sorted(found))


# ------------------------------------------------------------------------------------------------------ where it goes
def _actions(streams: Sequence[Stream], size: int) -> tuple[dict[int, tuple[str, bool]], bool]:
    """For each stream whether it is stored or added, and whether its slots are all different; and whether the result
    must be cleared first."""
    touched = np.zeros(size, dtype=np.int32)
    unique = {}
    for s in streams:
        unique[id(s)] = _count(s, touched)
    found = {}
    stored = np.zeros(size, dtype=np.bool_)
    for s in streams:
        alone = unique[id(s)] and bool(np.all(_entries(s, touched) == 1))
        found[id(s)] = ("store" if alone else "add", unique[id(s)])
        if alone:
            _set(s, stored)
    return found, not bool(stored.all())


def _rows(s: Stream) -> int:
    assert s.node.loop is not None
    return s.node.loop.size


def affine_slice(index: Index, rows: int) -> slice | None:
    """The positions of so many rows as a slice, where they are one."""
    if index.array is not None or (index.stride == 0 and rows > 1):
        return None
    step = index.stride or 1
    end = index.base + step * rows
    return slice(index.base, end if end >= 0 else None, step)


def _count(s: Stream, touched: NDArray[np.int32]) -> bool:
    """Counts a stream's entries; whether no slot came twice."""
    part = affine_slice(s.slots, _rows(s))
    if part is not None:
        touched[part] += 1
        return True
    if s.slots.array is None:
        touched[s.slots.base] += _rows(s)
        return False
    counts = np.bincount(s.slots.array, minlength=len(touched))
    touched += counts.astype(np.int32)
    return bool(counts.max(initial=0) <= 1)


def _entries(s: Stream, values: NDArray[np.int32]) -> NDArray[np.int32]:
    part = affine_slice(s.slots, _rows(s))
    if part is not None:
        return values[part]
    return values[s.slots.array] if s.slots.array is not None else values[s.slots.base : s.slots.base + 1]


def _set(s: Stream, stored: NDArray[np.bool_]) -> None:
    part = affine_slice(s.slots, _rows(s))
    if part is not None:
        stored[part] = True
    else:
        stored[s.slots.array] = True
