"""The C printer: a program as one C function, a loop for each pass.

A pass runs over blocks of rows whose results stay in the first cache, so that no loop both computes and scatters: the
computing loop has no aliases and becomes vector code, functions of the vector libm among it. Its text depends on the
structure alone (which reads are runs, which are looked up), never on sizes or numbers, so one compiled text serves all
data.

    void run(x, multipliers, sigma, direction, out, tables, scratch)

with null for inputs that the program does not read; ``Tables`` below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .loops import Index
from .nodes import GATHERED, Node
from .numpy_printer import whole_power
from .programs import Output, Pass, Program

SOURCES = ("x", "multipliers", "sigma", "direction")
ARGUMENTS = ", ".join(
    (*(f"In {name}" for name in SOURCES), "double *out", "const struct Tables *tables", "double *const *scratch")
)
BLOCK = 256
KNOWN_STRIDES = 16  # strides up to this size stand in the text, so that the compiler can weave

HEAD = """#include <math.h>
#include <string.h>
typedef const double *restrict In;
typedef double *restrict Out;
typedef const int *restrict Ix;
struct Tables { const double *one; const double *const *data; const int *const *index; const long *number; };
"""

LIBM = {
    "exp": 1,
    "log": 1,
    "log10": 1,
    "sin": 1,
    "cos": 1,
    "tan": 1,
    "asin": 1,
    "acos": 1,
    "atan": 1,
    "sinh": 1,
    "cosh": 1,
    "tanh": 1,
    "erf": 1,
    "log1p": 1,
    "pow": 2,
}
"""Functions of libm that are called, with how many arguments."""

_INLINE = {
    "sign": "static inline double f_sign(double x){return x>0?1.0:(x<0?-1.0:x);}",
    "entropy": "static inline double f_entropy(double x){double l=K_log(x==0?1.0:x);return x==0?0.0:-x*l;}",
    "kl": "static inline double f_kl(double x,double y){double l=K_log(x==0?1.0:x),m=K_log(x==0?1.0:y);"
    "return x==0?0.0:x*(l-m);}",
    "huber": "static inline double f_huber(double x,double d){double s=fabs(x);return s<=d?x*x/2:d*(s-d/2);}",
    "sigmoid": "static inline double f_sigmoid(double x){double e=K_exp(-fabs(x));return (x>=0?1.0:e)/(1.0+e);}",
    "softplus": "static inline double f_softplus(double x){return (x>0?x:x!=x?x:0.0)+K_log1p(K_exp(-fabs(x)));}",
    "cpow": "static inline double f_cpow(double c,double a,double e){double p=c*K_pow(a,e);return c==0?0.0:p;}",
    "xlog": "static inline double f_xlog(double p,double a){double l=p*K_log(a);return p==0?0.0:l;}",
    "clip": "static inline double f_clip(double x,double d){double u=x>d?d:x;return u<-d?-d:u;}",
    "excess": "static inline double f_excess(double x,double d){double s=fabs(x)-d;return s<0?0.0:s;}",
    "inside": "static inline double f_inside(double x,double d){return fabs(x)<=d?1.0:0.0;}",
    "iszero": "static inline double f_iszero(double x){return x==0?1.0:0.0;}",
    "nonzero": "static inline double f_nonzero(double x){return x==0?1.0:x;}",
    "select": "static inline double f_select(double c,double a,double b){return c!=0?a:b;}",
}
_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_PLAIN = {"sqrt": "sqrt", "abs": "fabs"}


@dataclass(eq=False)
class Tables:
    """What a printed program reads besides its inputs, by position: index arrays, whole numbers, arrays of data."""

    indices: list[Index] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    arrays: list[Node] = field(default_factory=list)

    def index(self, index: Index) -> int:
        for k, known in enumerate(self.indices):
            if known.array is index.array:
                return k
        self.indices.append(index)
        return len(self.indices) - 1

    def number(self, value: int) -> int:
        self.numbers.append(value)
        return len(self.numbers) - 1

    def array(self, node: Node) -> int:
        """The place of the array that a load reads, by the first node that reads it."""
        for k, known in enumerate(self.arrays):
            if (known.source, known.array) == (node.source, node.array):
                return k
        self.arrays.append(node)
        return len(self.arrays) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """C text, and the tables that go with it."""

    text: str
    tables: Tables


def printed(program: Program, vectorised: frozenset[str]) -> Source:
    """The C text of a program. ``vectorised``: functions of libm that have vector forms."""
    tables = Tables()
    size = tables.number(program.size)
    passes = [_pass(run, k, tables) for k, run in enumerate(program.passes)]
    used = {node.op for run in program.passes for node in run.nodes}
    powers = {abs(p) for run in program.passes for node in run.nodes if (p := whole_power(node)) is not None}
    head = [
        HEAD,
        *_libm(vectorised),
        *(text for op, text in _INLINE.items() if op in used),
        *map(_whole, sorted(powers)),
    ]
    call = ", ".join((*SOURCES, "out", "tables", "scratch"))
    clear = f"  memset(out, 0, sizeof(double) * tables->number[{size}]);\n" if program.cleared else ""
    calls = "".join(f"  pass_{k}({call});\n" for k in range(len(passes)))
    run = f"void run({ARGUMENTS}) {{\n{clear}{calls}}}\n"
    return Source("\n".join((*head, *passes, run)), tables)


def _libm(vectorised: frozenset[str]) -> list[str]:
    """Functions of libm under names of our own: so the compiler does not join sin and cos of one argument into a
    scalar call, and calls the vector forms that it is told of."""
    found = []
    for name, count in LIBM.items():
        arguments = ", ".join(["double"] * count)
        if name in vectorised:
            found.append(f'extern double K_{name}({arguments}) __asm__("{name}");')
            found.append(f'__attribute__((simd("notinbranch"), const)) extern double K_{name}({arguments});')
        else:
            found.append(f"#define K_{name} {name}")
    return found


def _whole(power: int) -> str:
    """A whole power by squaring."""
    lines, factors, square, rest = [], [], "x", power
    while rest:
        if rest & 1:
            factors.append(square)
        rest >>= 1
        if rest:
            lines.append(f"double {square}x={square}*{square};")
            square += "x"
    return f"static inline double pow_{power}(double x){{{''.join(lines)}return {'*'.join(factors)};}}"


# -------------------------------------------------------------------------------------------------------- one pass
def _pass(run: Pass, number: int, tables: Tables) -> str:
    size = tables.number(run.loop.size)
    head, body = _reads(run, tables)
    for node in run.nodes:
        line = _line(node)
        if line:
            body.append(f"const double t{node.number} = {line};")
    text = _writes(run, tables)
    lines = [
        f"static void pass_{number}({ARGUMENTS}) {{",
        "  const double *one = tables->one; const double *const *data = tables->data;",
        "  const int *const *index = tables->index; const long *number = tables->number;",
        f"  const long rows = number[{size}];",
        *(f"  {line}" for line in (*head, *text.before)),
        f"  for (long low = 0; low < rows; low += {BLOCK}) {{",
        f"    const long count = rows - low < {BLOCK} ? rows - low : {BLOCK};",
        *([f"    double {', '.join(text.buffers)};"] if text.buffers else []),
        "    for (long i = 0; i < count; i++) {",
        "      const long r = low + i;",
        *(f"      {line}" for line in (*body, *text.inside)),
        "    }",
        *(f"    {line}" for line in text.after),
        "  }",
        *(f"  {line}" for line in text.end),
        "}",
    ]
    return "\n".join(lines)


def _reads(run: Pass, tables: Tables) -> tuple[list[str], list[str]]:
    """What is set up before the loop, and the reads of each row."""
    head: list[str] = []
    body: list[str] = []
    for node in run.nodes:
        name = f"t{node.number}"
        if node.op == "load":
            assert node.index is not None
            where = f"data[{tables.array(node)}]" if node.source in ("data", "fixed") else node.source
            _read(name, where, node.index, tables, head, body)
        elif node.op in GATHERED:
            head.append(f"In p{name} = scratch[{run.scratch_of[node.number]}];")
            body.append(f"const double {name} = p{name}[r];")
        elif node.op == "lift":
            assert node.index is not None
            where = f"scratch[{run.scratch_of[node.args[0].number]}]"
            _read(name, where, node.index, tables, head, body)
    return head, body


def _read(name: str, where: str, index: Index, tables: Tables, head: list[str], body: list[str]) -> None:
    if index.array is not None:
        base, k = tables.number(index.base), tables.index(index)
        head.append(f"In p{name} = {where} + number[{base}]; Ix q{name} = index[{k}];")
        body.append(f"const double {name} = p{name}[q{name}[r]];")
        return
    base = tables.number(index.base)
    if index.stride == 0:
        head.append(f"const double {name} = {where}[number[{base}]];")
    elif index.stride == 1:
        head.append(f"In p{name} = {where} + number[{base}];")
        body.append(f"const double {name} = p{name}[r];")
    else:
        step = tables.number(index.stride)
        head.append(f"In p{name} = {where} + number[{base}]; const long q{name} = number[{step}];")
        body.append(f"const double {name} = p{name}[r * q{name}];")


def _line(node: Node) -> str:
    """The expression of an elementwise node; nothing for what is read."""
    op = node.op
    if op in ("load", "lift") or op in GATHERED:
        return ""
    if op == "const":
        return _number(node.value)
    args = [f"t{a.number}" for a in node.args]
    if op in ("others", "held"):
        return args[0]
    if op in _INFIX:
        return f"{args[0]} {_INFIX[op]} {args[1]}"
    if op == "neg":
        return f"-{args[0]}"
    power = whole_power(node)
    if power is not None:
        found = f"pow_{abs(power)}({args[0]})"
        return f"1.0 / {found}" if power < 0 else found
    if op in _INLINE:
        return f"f_{op}({', '.join(args)})"
    return f"{_PLAIN.get(op, f'K_{op}')}({', '.join(args)})"


def _number(value: float) -> str:
    if value != value:
        return "NAN"
    if value in (float("inf"), float("-inf")):
        return "INFINITY" if value > 0 else "-INFINITY"
    return repr(value)


# ------------------------------------------------------------------------------------------------------- its results
@dataclass(eq=False)
class Writes:
    """How the results of a pass get to their places: text for each part of the pass."""

    before: list[str] = field(default_factory=list)  # ahead of the loop over blocks
    inside: list[str] = field(default_factory=list)  # in the computing loop
    after: list[str] = field(default_factory=list)  # after it, in each block
    end: list[str] = field(default_factory=list)  # after the last block
    buffers: list[str] = field(default_factory=list)  # of each block


_JOIN = {"add": "+=", "sum": "+=", "store": "=", "keep": "="}


def _direct(output: Output) -> bool:
    """Whether the computing loop may write the result itself: a run of its own."""
    plain = output.index.array is None and output.index.stride == 1 and not output.more
    return output.action in ("store", "keep") and plain


def _writes(run: Pass, tables: Tables) -> Writes:
    text = Writes()
    woven = _woven(run.outputs)
    at_once = {k for group in woven for k in group if not any(run.outputs[j].more for j in group)}
    looked_up: list[str] = []
    for k, output in enumerate(run.outputs):
        target = "out" if output.scratch < 0 else f"scratch[{output.scratch}]"
        base = tables.number(output.index.base)
        if _direct(output):
            text.before.append(f"Out w{k} = {target} + number[{base}];")
            text.inside.append(f"w{k}[r] = t{output.node.number};")
            continue
        text.before.append(f"double *w{k} = {target} + number[{base}];")
        if k in at_once:
            continue
        _collect(k, output, text)
        if output.index.array is not None and output.action in _JOIN:
            text.before.append(f"Ix x{k} = index[{tables.index(output.index)}];")
            looked_up.append(f"w{k}[x{k}[low + i]] {_JOIN[output.action]} o{k}[i];")
        elif not any(k in group for group in woven):
            _scatter(k, output, tables, text)
    if looked_up:
        text.after.append(f"for (long i = 0; i < count; i++) {{ {' '.join(looked_up)} }}")
    for group in woven:
        _weave(group, run.outputs, text, at_once)
    return text


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


def _woven(outputs: Sequence[Output]) -> list[tuple[int, ...]]:
    """Groups of results that lie in turns and fill a run together: the columns of a matrix stored by rows."""
    known: dict[tuple[int, int, str], int] = {}
    for k, o in enumerate(outputs):
        if o.action in ("store", "add") and o.index.array is None and 1 < o.index.stride <= KNOWN_STRIDES:
            known[o.index.base, o.index.stride, o.action] = k
    found = []
    for base, stride, action in sorted(known):
        group = [known.get((base + j, stride, action)) for j in range(stride)]
        if None not in group:
            found.append(tuple(k for k in group if k is not None))
            for j in range(stride):
                del known[base + j, stride, action]
    return found


def _weave(group: tuple[int, ...], outputs: Sequence[Output], text: Writes, at_once: set[int]) -> None:
    """Writes the columns of a matrix stored by rows: in the computing loop where they need no adding up before."""
    width, first = len(group), group[0]
    sign = "=" if outputs[first].action == "store" else "+="
    if first in at_once:
        text.before.append(f"Out v{first} = w{first};")
        text.inside += [f"v{first}[{width} * r + {j}] {sign} t{outputs[k].node.number};" for j, k in enumerate(group)]
        return
    moves = " ".join(f"w[{width} * i + {j}] {sign} o{k}[i];" for j, k in enumerate(group))
    text.after.append(f"{{ Out w = w{first} + {width} * low; for (long i = 0; i < count; i++) {{ {moves} }} }}")
    for k in group:
        _carry(k, outputs[k], f"w{k}[{width} * (rows + i)]", text)


def _scatter(k: int, output: Output, tables: Tables, text: Writes) -> None:
    index, action = output.index, output.action
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
        text.before.append(f"Ix x{k} = index[{tables.index(index)}];")
        place, later = f"w{k}[x{k}[low + i]]", ""
    elif 0 < index.stride <= KNOWN_STRIDES:
        place, later = f"w{k}[{index.stride} * (low + i)]", f"w{k}[{index.stride} * (rows + i)]"
    else:
        text.before.append(f"const long s{k} = number[{tables.number(index.stride)}];")
        place, later = f"w{k}[(low + i) * s{k}]", f"w{k}[(rows + i) * s{k}]"
    if action in _JOIN:  # looked-up places of these actions share one loop
        text.after.append(f"{loop} {place} {_JOIN[action]} o{k}[i];")
        _carry(k, output, later, text)
    elif action == "prod":
        text.after.append(f"{loop} {place} *= o{k}[i];")
    else:
        text.after.append(f"{loop} {{ double *m = &{place}; if (o{k}[i] > *m || o{k}[i] != o{k}[i]) *m = o{k}[i]; }}")
