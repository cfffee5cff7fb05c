"""Values and derivatives of nonlinear templates: optc's kernels, C by hand with the vector libm, and casadi.

    python bench/kernels.py [--sizes 1e3,1e4,1e5,1e6] [--problems chain,flow] [--check]
                            [--systems optc,numpy,hand,placed,casadi]

``chain``: problem 5.1 of L. Luksan, J. Vlcek, "Sparse and partially separable test problems for unconstrained and
equality constrained optimization" (1999), the chained Rosenbrock function with trigonometric-exponential rows.
``flow``: the active power of a line, from gathered voltages and angles of buses that are near in the list.
Milliseconds of process time, the best of many calls, one thread, each system writing into memory that it had before;
``first`` is the time from bound data to the first values of the rows. ``hand`` leaves derivatives as triplets, one run
of memory an entry; ``placed`` then adds them up in the sorted pattern that optc fills. ``--check`` compares what the
systems compute.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402 - after the number of threads

WHAT = ("value", "gradient", "rows", "jacobian", "hessian")
MODELS = {
    "chain": """param n
var x[1..n]
minimize sum(100 * (x[i]^2 - x[i + 1])^2 + (x[i] - 1)^2 for i in 1..n-1)
subject to
  c[k in 1..n-2]: 3 * x[k + 1]^3 + 2 * x[k + 2] - 5 + sin(x[k + 1] - x[k + 2]) * sin(x[k + 1] + x[k + 2]) +
    4 * x[k + 1] - x[k] * exp(x[k] - x[k + 1]) - 3 == 0
""",
    "flow": """param n
param buses
param from[1..n] : integer
param to[1..n] : integer
param g[1..n]
param b[1..n]
var v[1..buses]
var angle[1..buses]
minimize sum(v[k] for k in 1..buses)
subject to
  p[l in 1..n]: g[l] * v[from[l]]^2 - v[from[l]] * v[to[l]] *
    (g[l] * cos(angle[from[l]] - angle[to[l]]) + b[l] * sin(angle[from[l]] - angle[to[l]])) <= 4
""",
}
HAND = r"""
#include <math.h>
#define D double
#define W(f) extern D K##f(D) __asm__(#f); __attribute__((simd("notinbranch"),const)) extern D K##f(D);
W(sin) W(cos) W(exp)
#define R restrict
void place(const D*R v,const int*R slot,D*R o,long k,long size){for(long i=0;i<size;i++)o[i]=0;
 for(long i=0;i<k;i++)o[slot[i]]+=v[i];}
void chain_value(const D*R x,D*R o,long n){D s=0;
 for(long i=0;i<n-1;i++){D a=x[i],r=a*a-x[i+1];s+=100*r*r+(a-1)*(a-1);}*o=s;}
void chain_gradient(const D*R x,D*R o,long n){for(long i=0;i<n;i++)o[i]=0;
 for(long i=0;i<n-1;i++){D a=x[i],r=a*a-x[i+1];o[i]+=400*r*a+2*(a-1);o[i+1]-=200*r;}}
void chain_rows(const D*R x,D*R o,long n){for(long k=0;k<n-2;k++){D a=x[k],b=x[k+1],c=x[k+2];
 o[k]=3*b*b*b+2*c-8+Ksin(b-c)*Ksin(b+c)+4*b-a*Kexp(a-b);}}
void chain_jacobian(const D*R x,D*R o,long n){long m=n-2;for(long k=0;k<m;k++){D a=x[k],b=x[k+1],c=x[k+2],e=Kexp(a-b),
 s=Ksin(b-c),t=Ksin(b+c),u=Kcos(b-c),v=Kcos(b+c);o[k]=-(1+a)*e;o[m+k]=9*b*b+u*t+s*v+4+a*e;o[2*m+k]=2-u*t+s*v;}}
void chain_hessian(const D*R x,const D*R w,D*R o,long n){long p=n-1,m=n-2;D*R h=o+3*p;
 for(long i=0;i<p;i++){D a=x[i];o[i]=1200*a*a-400*x[i+1]+2;o[p+i]=-400*a;o[2*p+i]=200;}
 for(long k=0;k<m;k++){D a=x[k],b=x[k+1],e=Kexp(a-b),l=w[k];h[k]=-l*(2+a)*e;h[m+k]=l*(1+a)*e;}
 for(long k=0;k<m;k++){D a=x[k],b=x[k+1],c=x[k+2],e=Kexp(a-b),s=Ksin(b-c),t=Ksin(b+c),u=Kcos(b-c),v=Kcos(b+c),l=w[k];
  h[2*m+k]=l*(18*b-2*s*t+2*u*v-a*e);h[3*m+k]=0;h[4*m+k]=l*(-2*s*t-2*u*v);}}
#define LINE D p=v[f[l]],q=v[t[l]],d=a[f[l]]-a[t[l]],c=Kcos(d),s=Ksin(d),G=g[l],B=b[l];
void flow_value(const D*R v,D*R o,long n){D s=0;for(long i=0;i<n;i++)s+=v[i];*o=s;}
void flow_gradient(const D*R v,D*R o,long n){for(long i=0;i<n;i++){o[i]=1;o[n+i]=0;}}
void flow_rows(const D*R v,const D*R a,const int*R f,const int*R t,const D*R g,const D*R b,D*R o,long n){
 for(long l=0;l<n;l++){LINE o[l]=G*p*p-p*q*(G*c+B*s);}}
void flow_jacobian(const D*R v,const D*R a,const int*R f,const int*R t,const D*R g,const D*R b,D*R o,long n){
 D*R o1=o+n,*R o2=o1+n,*R o3=o2+n;
 for(long l=0;l<n;l++){LINE D k=G*c+B*s,z=p*q*(B*c-G*s);o[l]=2*G*p-q*k;o1[l]=-p*k;o2[l]=-z;o3[l]=z;}}
void flow_hessian(const D*R v,const D*R a,const int*R f,const int*R t,const D*R g,const D*R b,const D*R w,D*R o,long n){
 D*R o1=o+n,*R o2=o1+n,*R o3=o2+n,*R o4=o3+n,*R o5=o4+n,*R o6=o5+n,*R o7=o6+n,*R o8=o7+n;
 for(long l=0;l<n;l++){LINE D k=w[l]*(G*c+B*s),z=w[l]*(B*c-G*s);o[l]=2*G*w[l];o1[l]=-k;o2[l]=-q*z;o3[l]=q*z;o4[l]=-p*z;}
 for(long l=0;l<n;l++){LINE D k=w[l]*(G*c+B*s),z=w[l]*(B*c-G*s);o5[l]=p*z;o6[l]=p*q*k;o7[l]=-p*q*k;o8[l]=p*q*k;}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1e3,1e4,1e5,1e6")
    parser.add_argument("--problems", default="chain,flow")
    parser.add_argument("--systems", default="optc,numpy,hand,placed,casadi")
    parser.add_argument("--seconds", type=float, default=0.5, help="to spend on each figure")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    hand = Hand()
    for problem in arguments.problems.split(","):
        for size in arguments.sizes.split(","):
            data = DATA[problem](round(float(size)))
            makers = {"optc": optc, "numpy": interpreted, "hand": hand.system, "placed": hand.placed, "casadi": casadi}
            systems = {name: makers[name](problem, data) for name in arguments.systems.split(",")}
            if arguments.check:
                compare(problem, data, {name: made for name, made in systems.items() if made})
            else:
                show(problem, round(float(size)), systems, arguments.seconds)


def show(problem: str, size: int, systems: dict[str, System | None], seconds: float) -> None:
    """One line a system: milliseconds, and in brackets as multiples of those by hand."""
    found = {name: {what: best(made[what], seconds) for what in WHAT} for name, made in systems.items() if made}
    base = found.get("hand")
    for name, times in found.items():
        cells = []
        for what in WHAT:
            ratio = "" if base is None or name == "hand" else f" ({times[what] / base[what]:.2f})"
            cells.append(f"{what} {times[what]:.4f}{ratio}")
        first = (systems[name] or {}).get("first")
        more = f"  first {first:.1f}" if isinstance(first, float) else ""
        print(f"{problem} {size:>8} {name:7} {'  '.join(cells)}{more}", flush=True)


System = dict[str, Any]


def best(call: Callable[[], object], seconds: float) -> float:
    """Milliseconds of process time of the best of many calls; short ones are measured ten at a time."""
    call()
    start = time.process_time()
    call()
    times = 10 if time.process_time() - start < 1e-3 else 1
    found, limit, runs = np.inf, time.perf_counter() + seconds, 0
    while runs < 3 or time.perf_counter() < limit:
        start = time.process_time()
        for _ in range(times):
            call()
        found, runs = min(found, (time.process_time() - start) / times), runs + 1
    return 1e3 * found


# ------------------------------------------------------------------------------------------------------------- data
def chain_data(n: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {"n": n, "x": rng.normal(size=n), "y": rng.normal(size=n - 2)}


def flow_data(n: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    buses = max(2 * n // 3, 2)
    start = np.sort(rng.integers(0, buses, n))  # lines join buses that are near in the list, either way round
    end = (start + rng.integers(1, min(100, buses), n)) % buses
    turned = rng.random(n) < 0.5
    start, end = np.where(turned, end, start), np.where(turned, start, end)
    x = np.concatenate([rng.uniform(0.9, 1.1, buses), rng.uniform(-0.5, 0.5, buses)])
    lines = {"from": start, "to": end, "g": rng.uniform(1, 5, n), "b": rng.uniform(-9, -2, n)}
    return {"n": n, "buses": buses, "x": x, "y": rng.normal(size=n), **lines}


DATA = {"chain": chain_data, "flow": flow_data}


# ------------------------------------------------------------------------------------------------------------- optc
def form_of(problem: str, data: dict[str, Any]) -> tuple[Any, float]:
    """The nonlinear form, and milliseconds from bound data to the first values."""
    from optc.compiler.data import PythonValue, read_inputs
    from optc.compiler.instance.instance import build
    from optc.compiler.lowerings import instance_to_nonlinear
    from optc.dsl.source import Source
    from optc.loading import load

    loaded = load(Source(problem, MODELS[problem]))
    assert loaded.program is not None, loaded.diagnostics
    given = {"n": data["n"]}
    if problem == "flow":
        given |= {name: data[name] for name in ("buses", "g", "b")}
        given |= {name: data[name] + 1 for name in ("from", "to")}
    values = [PythonValue(name, value) for name, value in given.items()]
    instance = build(loaded.program, read_inputs(loaded.program, values, folder=Path()))
    start = time.perf_counter()
    form, _ = instance_to_nonlinear.lower(instance)
    form.evaluate_rows(data["x"])
    return form, 1e3 * (time.perf_counter() - start)


def optc(problem: str, data: dict[str, Any], compiled: bool = True) -> System:
    form, first = form_of(problem, data)
    ready = form.engine.compile(*WHAT) if compiled else form.engine.interpreted(*WHAT)
    assert ready is not False, form.diagnostics
    inputs = {name: {"x": data["x"]} for name in WHAT}
    inputs["hessian"] |= {"sigma": np.ones(1), "multipliers": data["y"]}
    out = {name: np.empty(form.engine.model.program(name).size) for name in WHAT}

    calls = {name: form.engine.bound(name, form.arrays, inputs[name], out[name]) for name in WHAT}
    return calls | {"first": first, "out": out, "form": form}


def interpreted(problem: str, data: dict[str, Any]) -> System:
    return optc(problem, data, compiled=False)


# ---------------------------------------------------------------------------------------------------------- by hand
class Hand:
    """The C text above, compiled as optc compiles its own."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        source, library = Path(self.folder.name) / "hand.c", Path(self.folder.name) / "hand.so"
        source.write_text(HAND)
        flags = ["-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC"]
        subprocess.run(["cc", *flags, str(source), "-o", str(library), "-lmvec", "-lm"], check=True)
        self.library = ctypes.CDLL(str(library))

    def system(self, problem: str, data: dict[str, Any]) -> System:
        n, x, y = data["n"], data["x"], data["y"]
        if problem == "chain":
            shapes = {"value": 1, "gradient": n, "rows": n - 2, "jacobian": 3 * (n - 2), "hessian": 8 * n - 13}
            inputs: dict[str, list[Any]] = {name: [x] for name in WHAT} | {"hessian": [x, y]}
            sizes = dict.fromkeys(WHAT, n)
        else:
            buses = data["buses"]
            shapes = {"value": 1, "gradient": 2 * buses, "rows": n, "jacobian": 4 * n, "hessian": 9 * n}
            ends = [data[name].astype(np.int32) for name in ("from", "to")]
            every = [x[:buses], x[buses:], *ends, data["g"], data["b"]]
            inputs = {"value": [x], "gradient": [x], "rows": every, "jacobian": every, "hessian": [*every, y]}
            sizes = {"value": buses, "gradient": buses, "rows": n, "jacobian": n, "hessian": n}
        out = {name: np.zeros(shapes[name]) for name in WHAT}

        def call(name: str) -> Callable[[], object]:
            function = getattr(self.library, f"{problem}_{name}")
            pointers = [ctypes.c_void_p(a.ctypes.data) for a in (*inputs[name], out[name])]
            count = ctypes.c_long(sizes[name])
            return lambda: function(*pointers, count)

        return {name: call(name) for name in WHAT} | {"out": out, "kept": inputs}

    def placed(self, problem: str, data: dict[str, Any]) -> System:
        """The same with derivatives added up in sorted patterns."""
        made = self.system(problem, data)
        found = {**made, "out": dict(made["out"]), "triplets": made}
        for name, (rows, columns) in zip(("jacobian", "hessian"), hand_patterns(problem, data), strict=True):
            keys = rows.astype(np.int64) * len(data["x"]) + columns
            distinct, slots = np.unique(keys, return_inverse=True)
            out, slots = np.zeros(len(distinct)), slots.reshape(-1).astype(np.int32)
            pointers = [ctypes.c_void_p(a.ctypes.data) for a in (made["out"][name], slots, out)]
            counts = [ctypes.c_long(len(a)) for a in (slots, out)]
            found["out"][name], found[f"kept {name}"] = out, slots

            def call(raw: Any = made[name], arguments: Any = (*pointers, *counts)) -> None:
                raw()
                self.library.place(*arguments)

            found[name] = call
            found[f"pattern {name}"] = np.divmod(distinct, len(data["x"]))
        return found


# ----------------------------------------------------------------------------------------------------------- casadi
def casadi(problem: str, data: dict[str, Any]) -> System | None:
    """Expanded expressions (SX) where they are built within minutes, with compressed columns as casadi stores them."""
    if importlib.util.find_spec("casadi") is None or data["n"] > 200_000:
        return None
    import casadi as ca

    n = data["n"]
    x, w = ca.SX.sym("x", len(data["x"])), ca.SX.sym("w", len(data["y"]))
    if problem == "chain":
        a, b = x[:-1], x[1:]
        f = ca.sum1(100 * (a**2 - b) ** 2 + (a - 1) ** 2)
        a, b, c = x[:-2], x[1:-1], x[2:]
        rows = 3 * b**3 + 2 * c - 8 + ca.sin(b - c) * ca.sin(b + c) + 4 * b - a * ca.exp(a - b)
    else:
        v, angle = x[: data["buses"]], x[data["buses"] :]
        start, end = data["from"].tolist(), data["to"].tolist()
        f = ca.sum1(v)
        p, q, d = v[start], v[end], angle[start] - angle[end]
        g, s = ca.DM(data["g"]), ca.DM(data["b"])
        rows = g * p**2 - p * q * (g * ca.cos(d) + s * ca.sin(d))
    hessian = ca.triu(ca.hessian(f + ca.dot(w, rows), x)[0])
    functions = {
        "value": ca.Function("f", [x], [f]),
        "gradient": ca.Function("g", [x], [ca.densify(ca.gradient(f, x))]),
        "rows": ca.Function("c", [x], [rows]),
        "jacobian": ca.Function("J", [x], [ca.jacobian(rows, x)]),
        "hessian": ca.Function("H", [x, w], [hessian]),
    }
    del n
    found: System = {"out": {}, "functions": functions}
    for name, function in functions.items():
        buffer, evaluate = function.buffer()
        buffer.set_arg(0, memoryview(data["x"]))
        if name == "hessian":
            buffer.set_arg(1, memoryview(data["y"]))
        out = np.zeros(function.nnz_out(0))
        buffer.set_res(0, memoryview(out))
        found["out"][name] = out
        found[name] = lambda evaluate=evaluate, _kept=(buffer, out): evaluate()
    return found


# ------------------------------------------------------------------------------------------------------------ check
def compare(problem: str, data: dict[str, Any], systems: dict[str, System]) -> None:
    """Values, gradients, rows, and the sums of the entries of Jacobian and Hessian by row: the same in all systems."""
    random = np.random.default_rng(1).normal(size=len(data["x"]))
    found: dict[str, list[Any]] = {}
    for name, made in systems.items():
        for what in WHAT:
            made[what]()
        out = made["out"]
        along = products(problem, data, name, made, random)
        rows = out["rows"] - 8 if problem == "chain" and name in ("optc", "numpy") else out["rows"]
        found[name] = [out["value"], out["gradient"], rows, *along]
    first, *others = found
    for other in others:
        for a, b in zip(found[first], found[other], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-8 * max(1.0, float(np.abs(a).max(initial=0.0))))
    print(f"{problem} {data['n']} agree: {', '.join(found)}")


def products(problem: str, data: dict[str, Any], name: str, made: System, v: Any) -> tuple[Any, Any]:
    """Jacobian and Hessian of the Lagrangian times a vector."""
    from scipy.sparse import coo_array

    n, m = len(data["x"]), len(data["y"])
    if name in ("optc", "numpy"):
        j, h = made["form"].jacobian_pattern, made["form"].hessian_pattern
    elif name == "casadi":
        parts = (made["functions"][what].sparsity_out(0).get_triplet() for what in ("jacobian", "hessian"))
        j, h = ([np.array(part) for part in each] for each in parts)
    elif name == "placed":
        j, h = (made[f"pattern {what}"] for what in ("jacobian", "hessian"))
    else:
        j, h = hand_patterns(problem, data)
    jacobian = coo_array((made["out"]["jacobian"], tuple(j)), shape=(m, n)).tocsr()
    half = coo_array((made["out"]["hessian"], tuple(h)), shape=(n, n)).tocsr()
    diagonal = half.diagonal()
    return jacobian @ v, half @ v + half.T @ v - diagonal * v


def hand_patterns(problem: str, data: dict[str, Any]) -> tuple[Any, Any]:
    """Where the entries by hand belong."""
    if problem == "chain":
        i, k = np.arange(data["n"] - 1), np.arange(data["n"] - 2)
        j = np.concatenate([k, k, k]), np.concatenate([k, k + 1, k + 2])
        rows = np.concatenate([i, i + 1, i + 1, k, k + 1, k + 1, k + 2, k + 2])
        return j, (rows, np.concatenate([i, i, i + 1, k, k, k + 1, k + 1, k + 2]))
    f, t, buses, lines = data["from"], data["to"], data["buses"], np.arange(data["n"])
    a, b = f + buses, t + buses
    j = np.concatenate([lines] * 4), np.concatenate([f, t, a, b])
    pairs = [(f, f), (t, f), (a, f), (b, f), (a, t), (b, t), (a, a), (b, a), (b, b)]
    rows = np.concatenate([np.maximum(p, q) for p, q in pairs])
    return j, (rows, np.concatenate([np.minimum(p, q) for p, q in pairs]))


if __name__ == "__main__":
    main()
