"""The C printer: a program as one C function, a loop for each pass.

A pass runs over blocks of rows whose results stay in the first cache, so that no loop both computes and scatters: the
computing loop has no aliases and becomes vector code, functions of the vector libm among it (``c_writes`` has the
other loops). Its text depends on the structure alone (which reads are runs, which are looked up, whose rows have two
orders), never on sizes or numbers, so one compiled text serves all data.

    void run(x, multipliers, sigma, direction, out, tables, scratch)

with null for inputs that the program does not read; ``Tables``: see ``c_tables``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .c_tables import STRUCT, Tables
from .c_writes import AHEAD, BLOCK, Writes, writes
from .loops import Index
from .nodes import GATHERED, Node
from .numpy_printer import whole_power
from .programs import Pass, Program

SOURCES = ("x", "multipliers", "sigma", "direction")
ARGUMENTS = ", ".join(
    (*(f"In {name}" for name in SOURCES), "double *out", "const struct Tables *tables", "double *const *scratch")
)

FAR_READS = 1 << 17  # places, 1 MiB: reads that lie farther apart are fetched ahead,
EVERY = 4  # of one row in so many

HEAD = f"""#include <math.h>
#include <string.h>
typedef const double *restrict In;
typedef double *restrict Out;
typedef const int *restrict Ix;
{STRUCT}"""

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


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """C text, and the tables that go with it."""

    text: str
    tables: Tables


def printed(program: Program, vectorised: frozenset[str]) -> Source:
    """The C text of a program. ``vectorised``: functions of libm that have vector forms."""
    tables = Tables()
    size = tables.number(program.size)
    passes = [_pass(run, k, program, tables) for k, run in enumerate(program.passes)]
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
def _pass(run: Pass, number: int, program: Program, tables: Tables) -> str:
    size = tables.number(run.loop.size)
    reads = _reads(run, tables)
    computed = [f"const double t{node.number} = {line};" for node in run.nodes if (line := _line(node))]
    text = writes(run, program, tables)
    lines = [
        f"static void pass_{number}({ARGUMENTS}) {{",
        "  const double *one = tables->one; const double *const *data = tables->data;",
        "  const int *const *index = tables->index; const long *number = tables->number;",
        f"  const long rows = number[{size}];",
        *(f"  {line}" for line in (*reads.head, *text.before)),
        *(f"  {line}" for line in _loops([*reads.body, *computed, *text.inside], reads, text)),
        *(f"  {line}" for line in text.end),
        "}",
    ]
    return "\n".join(lines)


def _loops(row: list[str], reads: Reads, text: Writes) -> list[str]:
    """The loop over rows; over blocks of them where there are other loops, for what is fetched and for results."""
    if not text.after and not reads.fetched:
        return ["for (long r = 0; r < rows; r++) {", *(f"  {line}" for line in row), "}"]
    return [
        f"for (long low = 0; low < rows; low += {BLOCK}) {{",
        f"  const long count = rows - low < {BLOCK} ? rows - low : {BLOCK};",
        *([f"  double {', '.join(text.buffers)};"] if text.buffers else []),
        *(f"  {line}" for line in reads.fetches()),
        "  for (long i = 0; i < count; i++) {",
        "    const long r = low + i;",
        *(f"    {line}" for line in row),
        "  }",
        *(f"  {line}" for line in text.after),
        "}",
    ]


@dataclass(eq=False)
class Reads:
    """Text of what a pass reads: ahead of its loops, and in each row.

    ``fetched``: the places that are looked up; ``far``: the number that says of how many rows they are fetched ahead.
    """

    head: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    far: int = 0

    def fetches(self) -> list[str]:
        """Fetches looked-up places ahead of the loop that reads them, of every few rows: neighbours share lines."""
        if not self.fetched:
            return []
        places = " ".join(f"__builtin_prefetch({place});" for place in self.fetched)
        return [
            f"const long near = number[{self.far}] - low < count ? number[{self.far}] - low : count;",
            f"for (long r = low + {AHEAD}; r < low + {AHEAD} + near; r += {EVERY}) {{ {places} }}",
        ]


def _reads(run: Pass, tables: Tables) -> Reads:
    """What is set up before the loop, and the reads of each row."""
    text = Reads()
    farthest = 0
    for node in run.nodes:
        name = f"t{node.number}"
        if node.op == "load":
            assert node.index is not None
            where = f"data[{tables.array(node)}]" if node.source in ("data", "fixed") else node.source
            farthest = max(farthest, _read(name, where, node.index, tables, text))
        elif node.op in GATHERED:
            text.head.append(f"In p{name} = scratch[{run.scratch_of[node.number]}];")
            text.body.append(f"const double {name} = p{name}[r];")
        elif node.op == "lift":
            assert node.index is not None
            where = f"scratch[{run.scratch_of[node.args[0].number]}]"
            farthest = max(farthest, _read(name, where, node.index, tables, text))
    if text.fetched:
        text.far = tables.number(run.loop.size - AHEAD if farthest > FAR_READS else 0)
    return text


def _read(name: str, where: str, index: Index, tables: Tables, text: Reads) -> int:
    """Adds a read; how far apart the places are that it looks up."""
    base = tables.number(index.base)
    if index.array is not None:
        k = tables.index(index.array)
        places = f"Ix q{k} = index[{k}];"
        if places not in text.head:  # one name for each array, or it is read twice
            text.head.append(places)
        text.head.append(f"In p{name} = {where} + number[{base}];")
        text.body.append(f"const double {name} = p{name}[q{k}[r]];")
        text.fetched.append(f"p{name} + q{k}[r]")
        return int(index.array.max())
    if index.stride == 0:
        text.head.append(f"const double {name} = {where}[number[{base}]];")
    elif index.stride == 1:
        text.head.append(f"In p{name} = {where} + number[{base}];")
        text.body.append(f"const double {name} = p{name}[r];")
    else:
        step = tables.number(index.stride)
        text.head.append(f"In p{name} = {where} + number[{base}]; const long s{name} = number[{step}];")
        text.body.append(f"const double {name} = p{name}[r * s{name}];")
    return 0


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
