"""Kernel programs: what is computed, in which passes over which loops, and where the results go.

A program fills one array from *streams*: nodes whose value in each row of their loop belongs at a slot of the array.
What a node reads from another loop (a gathered sum, a lifted value) is computed by an earlier pass and kept in a
scratch array. Every printer turns the same programs into something that runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

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
    ``more``: nodes whose values are added at the positions of so many rows further on; the index is then affine, and
    its run of positions as much longer.
    """

    node: Node
    action: str  # "store", "add", "keep", "sum", "prod", "max"
    index: Index
    scratch: int = -1
    unique: bool = True
    more: tuple[tuple[Node, int], ...] = ()

    @property
    def nodes(self) -> tuple[Node, ...]:
        return (self.node, *(node for node, _ in self.more))

    @property
    def reach(self) -> int:
        """By how many positions the run is longer than the loop."""
        return max((shift for _, shift in self.more), default=0)


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
FARTHEST = 64  # results of one loop that lie no farther apart are added up before they are written


def program(name: str, streams: Iterable[Stream], size: int, graph: Graph) -> Program:
    """The passes that compute streams into an array of ``size`` entries."""
    merged = _merged([s for s in streams if s.node.loop is not None and s.node.loop.size], graph)
    wanted, scratch, scratch_of = _scheduled(merged)
    written, cleared = _written(merged, size)
    for key, outputs in written.items():
        wanted.setdefault(key, []).extend(outputs)
    order: dict[int, int] = {}
    for _, loop in [*written, *wanted]:
        order.setdefault(loop, len(order))
    passes = []
    for key in sorted(wanted, key=lambda k: (k[0], order[k[1]])):
        outputs = wanted[key]
        loop_ = outputs[0].node.loop
        assert loop_ is not None
        nodes = _closure([n for o in outputs for n in o.nodes])
        passes.append(Pass(loop_, nodes, tuple(outputs), scratch_of))
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
def _written(streams: Sequence[Stream], size: int) -> tuple[dict[Key, list[Output]], bool]:
    """The outputs that write the result, by level and loop; and whether the result must be cleared first.

    An output is stored where nothing else writes, else added.
    """
    touched = np.zeros(size, dtype=np.int32)
    levels: dict[int, int] = {}
    found: dict[Key, list[Output]] = {}
    for (level, _), group in _runs(streams, levels).items():
        unique = [_count(s, touched) for s in group]
        first = min(group, key=lambda s: s.slots.base) if len(group) > 1 else group[0]
        more = tuple((s.node, (s.slots.base - first.slots.base) // s.slots.stride) for s in group if s is not first)
        output = Output(first.node, "add", first.slots, -1, unique[0], more)
        found.setdefault((level, id(first.node.loop)), []).append(output)
    stored = np.zeros(size, dtype=np.bool_)
    for key, outputs in found.items():
        found[key] = [_stored(o, touched, stored) for o in outputs]
    return found, not bool(stored.all())


def _runs(streams: Sequence[Stream], levels: dict[int, int]) -> dict[tuple[int, object], list[Stream]]:
    """Streams by level and by what can be written together: runs of one loop and stride that lie close."""
    found: dict[tuple[int, object], list[Stream]] = {}
    for s in sorted(streams, key=lambda s: s.slots.base):
        level = level_of(s.node, levels)
        alone: object = id(s)
        if s.slots.array is None and s.slots.stride > 0:
            alone = (id(s.node.loop), s.slots.stride, s.slots.base % s.slots.stride)
            old = found.get((level, alone))
            if old is not None and s.slots.base - old[0].slots.base > FARTHEST * s.slots.stride:
                alone = id(s)
        found.setdefault((level, alone), []).append(s)
    return found


def _stored(output: Output, touched: NDArray[np.int32], stored: NDArray[np.bool_]) -> Output:
    """The output as a store where it is the only one at its positions, which are then marked."""
    assert output.node.loop is not None
    rows = output.node.loop.size
    own = np.ones(rows, dtype=np.int32)
    if output.more:
        own = np.zeros(rows + output.reach, dtype=np.int32)
        for shift in (0, *(shift for _, shift in output.more)):
            own[shift : shift + rows] += 1
    part = affine_slice(output.index, rows + output.reach)
    if part is None and output.index.array is None:
        return output
    place = part if part is not None else output.index.positions(rows)
    if not output.unique or not np.array_equal(touched[place], own):
        return output
    stored[place] = True
    return replace(output, action="store")


def affine_slice(index: Index, rows: int) -> slice | None:
    """The positions of so many rows as a slice, where they are one."""
    if index.array is not None or (index.stride == 0 and rows > 1):
        return None
    step = index.stride or 1
    end = index.base + step * rows
    return slice(index.base, end if end >= 0 else None, step)


def _count(s: Stream, touched: NDArray[np.int32]) -> bool:
    """Counts a stream's entries; whether no slot came twice."""
    assert s.node.loop is not None
    rows = s.node.loop.size
    part = affine_slice(s.slots, rows)
    if part is not None:
        touched[part] += 1
        return True
    if s.slots.array is None:
        touched[s.slots.base] += rows
        return False
    near = touched[s.slots.base :]
    counts = np.bincount(s.slots.array, minlength=len(near))
    near += counts.astype(np.int32)
    return bool(counts.max(initial=0) <= 1)
