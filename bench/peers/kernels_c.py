"""The functions of ``bench/kernels.py`` in C, as one would write them for these problems alone.

Loops are split so that they become vector code, with the functions of the vector libm; derivatives are triplets, one
run of memory an entry.
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

System = dict[str, Any]
WHAT = ("value", "gradient", "rows", "jacobian", "hessian")
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

        return {name: call(name) for name in WHAT} | {"out": out, "kept": inputs, "patterns": patterns(problem, data)}

    def placed(self, problem: str, data: dict[str, Any]) -> System:
        """The same with derivatives added up in sorted patterns."""
        made = self.system(problem, data)
        found = {**made, "out": dict(made["out"]), "triplets": made, "patterns": []}
        for name, (rows, columns) in zip(("jacobian", "hessian"), patterns(problem, data), strict=True):
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
            found["patterns"].append(np.divmod(distinct, len(data["x"])))
        return found


def patterns(problem: str, data: dict[str, Any]) -> tuple[Any, Any]:
    """Rows and columns of the entries of Jacobian and Hessian (lower triangle), in the order that all triplets have."""
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
