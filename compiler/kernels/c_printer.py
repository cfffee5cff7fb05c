"""The C printer: a program as one C function, a loop for each pass.

A pass runs over blocks of rows whose results stay in the first cache, so that no loop both computes and scatters: the
computing loop has no aliases and becomes vector code, functions of the vector libm among it. Its text depends on the
structure alone (which reads are runs, which are looked up), never on sizes or numbers, so one compiled text serves all
data. Calling convention: ``see HEAD``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .loops import Index
from .nodes import GATHERED, Node
from .numpy_printer import whole_power
from .programs import Output, Pass, Program

SOURCES = ("x", "multipliers", "sigma", "direction", "one")
BLOCK = 256

HEAD = """#include <math.h>
#include <string.h>
typedef const double *restrict In;
typedef double *restrict Out;
typedef const int *restrict Ix;
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
            if known is index:
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
    arguments = ", ".join(f"In {name}" for name in SOURCES)
    call = ", ".join((*SOURCES, "out", "data", "index", "number", "scratch"))
    clear = f"  memset(out, 0, sizeof(double) * number[{size}]);\n" if program.cleared else ""
    calls = "".join(f"  pass_{k}({call});\n" for k in range(len(passes)))
    run = (
        f"void run({arguments}, double *out, const double *const *data, const int *const *index, const long *number, "
        f"double *const *scratch) {{\n{clear}{calls}}}\n"
    )
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
    before, inside, after, end = _writes(run, tables)
    arguments = ", ".join(f"In {name}" for name in SOURCES)
    lines = [
        f"static void pass_{number}({arguments}, double *out, const double *const *data, const int *const *index, "
        "const long *number, double *const *scratch) {",
        f"  const long rows = number[{size}];",
        *(f"  {line}" for line in (*head, *before)),
        f"  for (long low = 0; low < rows; low += {BLOCK}) {{",
        f"    const long count = rows - low < {BLOCK} ? rows - low : {BLOCK};",
        *(f"    {line}" for line in _buffers(run)),
        "    for (long i = 0; i < count; i++) {",
        "      const long r = low + i;",
        *(f"      {line}" for line in (*body, *inside)),
        "    }",
        *(f"    {line}" for line in after),
        "  }",
        *(f"  {line}" for line in end),
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
        k = tables.index(index)
        head.append(f"In p{name} = {where}; Ix q{name} = index[{k}];")
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
def _direct(output: Output) -> bool:
    """Whether the computing loop may write the result itself: a run of its own."""
    return output.action in ("store", "keep") and output.index.array is None and output.index.stride == 1


def _buffers(run: Pass) -> list[str]:
    names = [f"o{k}[{BLOCK}]" for k, output in enumerate(run.outputs) if not _direct(output)]
    return [f"double {', '.join(names)};"] if names else []


def _writes(run: Pass, tables: Tables) -> tuple[list[str], list[str], list[str], list[str]]:
    """Set up before the loop; in the computing loop; after it, a block at a time; after the last block."""
    before: list[str] = []
    inside: list[str] = []
    after: list[str] = []
    end: list[str] = []
    woven = _woven(run.outputs)
    for k, output in enumerate(run.outputs):
        value = f"t{output.node.number}"
        target = "out" if output.scratch < 0 else f"scratch[{output.scratch}]"
        if _direct(output):
            before.append(f"Out w{k} = {target} + number[{tables.number(output.index.base)}];")
            inside.append(f"w{k}[r] = {value};")
            continue
        inside.append(f"o{k}[i] = {value};")
        if any(k in group for group in woven):
            continue
        _scatter(k, output, target, tables, before, after, end)
    for group in woven:
        first, width = group[0], len(group)
        base = tables.number(run.outputs[first].index.base)
        before.append(f"double *w{first} = out + number[{base}];")
        moves = " ".join(f"w[{width} * i + {j}] = o{k}[i];" for j, k in enumerate(group))
        after.append(f"{{ Out w = w{first} + {width} * low; for (long i = 0; i < count; i++) {{ {moves} }} }}")
    return before, inside, after, end


def _woven(outputs: Sequence[Output]) -> list[tuple[int, ...]]:
    """Groups of stored results that lie in turns: the rows of a matrix whose columns are computed."""
    by_base = {
        (o.index.base, o.index.stride): k
        for k, o in enumerate(outputs)
        if o.action == "store" and o.index.array is None and o.index.stride > 1
    }
    found = []
    for base, stride in sorted(by_base):
        group = [by_base.get((base + j, stride)) for j in range(stride)] if stride <= len(by_base) else [None]
        if all(k is not None for k in group):
            found.append(tuple(k for k in group if k is not None))
            for j in range(stride):
                del by_base[base + j, stride]
                by_base[-1 - base - j, 0] = -1  # taken
    return found


_JOIN = {"add": "+=", "sum": "+=", "store": "=", "keep": "="}


def _scatter(
    k: int, output: Output, target: str, tables: Tables, before: list[str], after: list[str], end: list[str]
) -> None:
    index, action = output.index, output.action
    loop = "for (long i = 0; i < count; i++)"
    if index.array is None and index.stride == 0 and action in ("add", "sum"):
        before.append(f"double a{k}[8] = {{0}};")
        after.append(
            f"{{ long i = 0; for (; i + 8 <= count; i += 8) for (int j = 0; j < 8; j++) a{k}[j] += o{k}[i + j]; "
            f"for (; i < count; i++) a{k}[0] += o{k}[i]; }}"
        )
        total = f"((a{k}[0] + a{k}[1]) + (a{k}[2] + a{k}[3])) + ((a{k}[4] + a{k}[5]) + (a{k}[6] + a{k}[7]))"
        end.append(f"{target}[number[{tables.number(index.base)}]] += {total};")
        return
    if index.array is not None:
        before.append(f"double *w{k} = {target}; Ix x{k} = index[{tables.index(index)}];")
        place = f"w{k}[x{k}[low + i]]"
    elif index.stride == 1:
        before.append(f"double *w{k} = {target} + number[{tables.number(index.base)}];")
        place = f"w{k}[low + i]"
    else:
        before.append(f"double *w{k} = {target} + number[{tables.number(index.base)}];")
        before.append(f"const long s{k} = number[{tables.number(index.stride)}];")
        place = f"w{k}[(low + i) * s{k}]"
    if action in _JOIN:
        after.append(f"{loop} {place} {_JOIN[action]} o{k}[i];")
    elif action == "prod":
        after.append(f"{loop} {place} *= o{k}[i];")
    else:
        after.append(f"{loop} {{ double *m = &{place}; if (o{k}[i] > *m || o{k}[i] != o{k}[i]) *m = o{k}[i]; }}")
