"""How the results of a pass get to their places, as C text.

The computing loop writes runs. What is looked up, or adds up where rows meet, waits in buffers of a block of rows, so
that the computing loop has no aliases and becomes vector code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .c_tables import Tables
from .c_weaves import Weave, weaves
from .loops import Ints
from .programs import Output, Pass, Program

BLOCK = 256
KNOWN_STRIDES = 16  # strides up to this size stand in the text, so that the compiler can weave
WOVEN_AT_ONCE = (2, 3, 4)  # widths that compilers weave as vectors; of others the computing loop would be scalar
AHEAD = 128  # rows from the fetch of a place to its use; the table of places is itself fetched three times as far
FAR = 1 << 20  # places, 8 MiB: of results beyond this size they are fetched ahead

_JOIN = {"add": "+=", "sum": "+=", "store": "=", "keep": "="}


@dataclass(eq=False)
class Writes:
    """Text for each part of a pass."""

    tables: Tables
    before: list[str] = field(default_factory=list)  # ahead of the loop over blocks
    inside: list[str] = field(default_factory=list)  # in the computing loop
    after: list[str] = field(default_factory=list)  # after it, in each block
    end: list[str] = field(default_factory=list)  # after the last block
    buffers: list[str] = field(default_factory=list)  # of each block


def writes(run: Pass, program: Program, tables: Tables) -> Writes:
    """What a pass does with its results."""
    text = Writes(tables)
    woven = weaves(run)
    in_weave = {k for weave in woven for k in weave.columns}
    looked_up: dict[int, list[int]] = {}
    for k, output in enumerate(run.outputs):
        if k in in_weave:
            continue
        if _direct(output):
            text.before.append(f"Out w{k} = {_place(output, tables)};")
            text.inside.append(f"w{k}[r] = t{output.node.number};")
            continue
        _collect(k, output, text)
        if output.index.array is not None and output.action in _JOIN:
            looked_up.setdefault(output.scratch, []).append(k)
        else:
            text.before.append(f"double *w{k} = {_place(output, tables)};")
            _scatter(k, output, text)
    for group in looked_up.values():
        _look_up(group, run, program, text)
    for weave in woven:
        _weave(weave, run.outputs, text)
    return text


def _target(output: Output) -> str:
    return "out" if output.scratch < 0 else f"scratch[{output.scratch}]"


def _place(output: Output, tables: Tables) -> str:
    """Where the run of an output begins, or the least of its places."""
    return f"{_target(output)} + number[{tables.number(output.index.base)}]"


def _direct(output: Output) -> bool:
    """Whether the computing loop may write the result itself: a run of its own."""
    plain = output.index.array is None and output.index.stride == 1 and not output.more
    return output.action in ("store", "keep") and plain


def _collect(k: int, output: Output, text: Writes) -> None:
    """The values of a block in ``o``; those of a run with shifts are added up in ``a``, which carries over the end of
    the block to the next."""
    if not output.more:
        text.buffers.append(f"o{k}[{BLOCK}]")
        text.inside.append(f"o{k}[i] = t{output.node.number};")
        return
    reach = output.reach
    text.before.append(f"double o{k}[{BLOCK} + {reach}] = {{0}};")
    members = sorted(((0, output.node), *((s, n) for n, s in output.more)), key=lambda m: -m[0])
    for j, (shift, node) in enumerate(members):
        text.buffers.append(f"u{k}_{j}[{BLOCK}]")
        text.inside.append(f"u{k}_{j}[i] = t{node.number};")
        sign = "=" if j == 0 else "+="
        text.after.append(f"for (long i = 0; i < count; i++) o{k}[i + {shift}] {sign} u{k}_{j}[i];")


def _carry(k: int, output: Output, place: str, text: Writes) -> None:
    """Moves what belongs to later rows to the front, and writes it after the last block."""
    if not output.more:
        return
    text.after.append(f"for (long i = 0; i < {output.reach}; i++) o{k}[i] = o{k}[i + count];")
    sign = "=" if output.action == "store" else "+="
    text.end.append(f"for (long i = 0; i < {output.reach}; i++) {place} {sign} o{k}[i];")


# --------------------------------------------------------------------------------------------------- looked-up places
def _look_up(group: Sequence[int], run: Pass, program: Program, text: Writes) -> None:
    """Writes to looked-up places of one array, in one loop.

    The places of a row lie side by side in one table: one stream of memory in place of many. Those of a long array
    are fetched some rows ahead, since the processor cannot foresee them.
    """
    outputs, tables, width, name = [run.outputs[k] for k in group], text.tables, len(group), group[0]
    base, scratch = min(o.index.base for o in outputs), outputs[0].scratch
    table = tables.index(_side_by_side(outputs, base))
    far = (program.size if scratch < 0 else program.scratch[scratch][0]) > FAR
    last = tables.number(run.loop.size - AHEAD if far else 0)
    place = f"{_target(outputs[0])} + number[{tables.number(base)}]"
    text.before.append(f"double *w{name} = {place}; Ix x{name} = index[{table}];")
    pairs = zip(group, outputs, strict=True)
    moves = " ".join(f"w{name}[at[{j}]] {_JOIN[o.action]} o{k}[i];" for j, (k, o) in enumerate(pairs))
    fetched = [f"w{name} + at[{width * AHEAD + j}], 1" for j in range(width)]
    fetches = " ".join(f"__builtin_prefetch({each});" for each in (f"at + {3 * width * AHEAD}", *fetched))
    here = f"Ix at = x{name} + {width} * (low + i);"
    text.after += [
        f"{{ const long ahead = number[{last}] - low < count ? number[{last}] - low : count; long i = 0;",
        f"  for (; i < ahead; i++) {{ {here} {fetches} {moves} }}",
        f"  for (; i < count; i++) {{ {here} {moves} }} }}",
    ]


def _side_by_side(outputs: Sequence[Output], base: int) -> Ints:
    """The places of each row, counted from ``base``."""
    arrays = [o.index.array for o in outputs if o.index.array is not None]
    if len(arrays) == 1:
        return arrays[0]
    found = np.empty((len(arrays[0]), len(arrays)), dtype=np.int32)
    for j, (array, output) in enumerate(zip(arrays, outputs, strict=True)):
        np.add(array, output.index.base - base, out=found[:, j])
    return found


# ------------------------------------------------------------------------------------------------------------- weaves
def _weave(weave: Weave, outputs: Sequence[Output], text: Writes) -> None:
    """Writes the columns of a matrix stored by rows: in the computing loop where compilers make vectors of that."""
    columns, width, first = weave.columns, len(weave.columns), weave.columns[0]
    sign = "=" if outputs[first].action == "store" else "+="
    values = [f"t{outputs[k].node.number}" for k in columns]
    place = _place(outputs[first], text.tables)
    if weave.order is not None:
        text.before.append(f"Ix z{first} = index[{text.tables.index(weave.order)}];")
        others = [f"t{outputs[k].node.number}" for k in weave.turned]
        pairs = zip(values, others, strict=True)
        values = [a if a == b else f"z{first}[r] ? {b} : {a}" for a, b in pairs]
    plain = not any(outputs[k].more for k in columns)
    if plain and width in WOVEN_AT_ONCE:
        text.before.append(f"Out v{first} = {place};")
        text.inside += [f"v{first}[{width} * r + {j}] {sign} {value};" for j, value in enumerate(values)]
        return
    text.before.append(f"double *w{first} = {place};")
    for k, value in zip(columns, values, strict=True):
        if plain:
            text.buffers.append(f"o{k}[{BLOCK}]")
            text.inside.append(f"o{k}[i] = {value};")
        else:
            _collect(k, outputs[k], text)
    moves = " ".join(f"w[{width} * i + {j}] {sign} o{k}[i];" for j, k in enumerate(columns))
    text.after.append(f"{{ Out w = w{first} + {width} * low; for (long i = 0; i < count; i++) {{ {moves} }} }}")
    for j, k in enumerate(columns):
        _carry(k, outputs[k], f"w{first}[{width} * (rows + i) + {j}]", text)


# ------------------------------------------------------------------------------------------------------------- others
def _scatter(k: int, output: Output, text: Writes) -> None:
    index, action, tables = output.index, output.action, text.tables
    loop = "for (long i = 0; i < count; i++)"
    if index.array is None and index.stride == 0 and action in ("add", "sum"):
        text.before.append(f"double a{k}[8] = {{0}};")
        text.after.append(
            f"{{ long i = 0; for (; i + 8 <= count; i += 8) for (int j = 0; j < 8; j++) a{k}[j] += o{k}[i + j]; "
            f"for (; i < count; i++) a{k}[0] += o{k}[i]; }}"
        )
        total = f"((a{k}[0] + a{k}[1]) + (a{k}[2] + a{k}[3])) + ((a{k}[4] + a{k}[5]) + (a{k}[6] + a{k}[7]))"
        text.end.append(f"*w{k} += {total};")
        return
    if index.array is not None:
        text.before.append(f"Ix x{k} = index[{tables.index(index.array)}];")
        place, later = f"w{k}[x{k}[low + i]]", ""
    elif 0 < index.stride <= KNOWN_STRIDES:
        place, later = f"w{k}[{index.stride} * (low + i)]", f"w{k}[{index.stride} * (rows + i)]"
    else:
        text.before.append(f"const long s{k} = number[{tables.number(index.stride)}];")
        place, later = f"w{k}[(low + i) * s{k}]", f"w{k}[(rows + i) * s{k}]"
    if action in _JOIN:
        text.after.append(f"{loop} {place} {_JOIN[action]} o{k}[i];")
        _carry(k, output, later, text)
    elif action == "prod":
        text.after.append(f"{loop} {place} *= o{k}[i];")
    else:
        text.after.append(f"{loop} {{ double *m = &{place}; if (o{k}[i] > *m || o{k}[i] != o{k}[i]) *m = o{k}[i]; }}")
