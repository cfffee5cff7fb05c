"""Joins, filters, tuples, dependent sets, nested sums: arrays against the row-by-row reference, on random data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from agreement import assert_agreement
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]

DENSE = """
set I
set J
param c[I, J]
param s[I]
var x[I, J] >= 0
minimize cost: sum(c[i, j] * x[i, j] for i in I, j in J)
subject to
  supply[i in I]: sum(x[i, j] for j in J) <= s[i] + 10
  demand[j in J]: sum(x[i, j] for i in I) + 1 >= sum(c[i, j] for i in I) - 50
  both[i in I, j in J]: 2*x[i, j] - 3*x[i, j] + s[i] <= c[i, j] * x[i, j] + 40
  range[i in I]: s[i] - 60 <= sum(c[i, j] * (x[i, j] - 1) for j in J) / 2 <= 60
  outer[i in I]: sum(x[i, j] for j in J) - 99 <= s[i] <= sum(2*x[i, j] for j in J) + 99
  falling[j in J]: 70 >= sum(x[i, j] * s[i] for i in I) >= -70
  all_of: sum(sum(c[i, j] * s[i] for i in I) * sum(x[k, j] for k in I) for j in J) >= -500
"""

ARCS = """
set N
set A within N * N
param b[N]
param u[A]
var f[A] in [0, 5]
var g[n in N, (n, j) in A] >= 0
let out[n in N] = sum(f[n, j] for (n, j) in A)
let worth[a in A] = u[a] * f[a]
minimize sum(u[i, j] * f[i, j] for (i, j) in A) + sum(worth[i, j] for (i, j) in A if i != j)
subject to
  balance[n in N]: out[n] - sum(f[i, n] for (i, n) in A) <= b[n] + 30
  back[(i, j) in A if (j, i) in A and i != j]: f[i, j] + f[j, i] <= u[i, j] + 20
  chosen: sum(f[a] * u[a] for a in A) <= 100
  touch[n in N]: sum(f[i, j] for (i, j) in A if i == n or j == n) <= 200
  twice[(i, j) in A]: sum(f[j, k] for (j, k) in A) + sum(f[k, i] for (k, i) in A if k != j) >= out[j] - out[i] - 9
  tri[i in N]: sum(f[i, j] * u[j, k] for (i, j) in A, (j, k) in A if k != i) <= 900
  loops: sum(f[i, i] for i in N if (i, i) in A) + sum(b[i] * f[k, l] for i in N, (k, l) in A if k == i) <= 500
  at[n in N]: sum(g[n, j] for (n, j) in A) <= 7
  named[a in A]: worth[a] + f[a] <= 77
"""

DATA = """
set I
set J
param home[I] : string
param w[I, J]
param hub : string
var x[I, J] >= 0
var y[i in I, j in J if w[i, j] > 0]
minimize sum(w[i, j]*x[i, j] for i in I, j in J if w[i, j] > 0)
subject to
  one[j in J]: sum(x[i, k] for i in I, k in J if k == j and w[i, k] >= 0) <= 9
  lone[i in I, j in J if w[i, j] > 1]: x[i, j] + y[i, j] <= w[i, j]
  at_hub: sum(x[i, j] for i in I, j in J if j == hub) <= 12
  homes[i in I]: x[i, home[i]] <= sum(w[i, j] for j in J if j != home[i]) + 30
  same[i in I]: sum(x[k, j] for k in I, j in J if home[k] == home[i] and j == home[k]) <= 50
  guarded[i in I, j in J if w[i, j] != 0 and 1 / w[i, j] > 0.3]: x[i, j] / w[i, j] <= 5
  branch[i in I, j in J]: (if w[i, j] > 0 then 1 / w[i, j] * x[i, j] else 3 * x[i, j] + 1) <= 88
  tests[i in I]: count(w[i, j] > 0 for j in J) + x[i, home[i]] <= 99
"""

NUMBERS = """
param n : integer
set T = 1..n
set O = {t for t in T if t mod 2 == 1}
set S[t in T] = {k for k in T if k >= t and k mod 2 == t mod 2}
set P = {(a, b) for a in T, b in a..n if a + b <= n + 1}
set E = {t div 2 for t in T}
set U = O union {2, 4, 6}
set M = T minus O
param d[T]
param diff[t in T] = if t == 1 then d[1] else d[t] - d[t - 1]
param q[(a, b) in P] = d[a] * d[b]
var x[T] >= 0
var y[P] >= 0
var z[t in T, S[t]] in [0, t]
let moved[t in T if t > 1] = x[t] - x[t - 1]
maximize sum(d[t] * x[t] for t in T) - sum(q[a, b] * y[a, b] for (a, b) in P)
subject to
  step[t in T if t < n]: x[t + 1] - x[t] <= d[t] + 20
  smooth[t in T if t > 1]: moved[t] <= 15
  upper[a in T]: sum(y[a, b] for (a, b) in P) <= 40
  after[t in T]: sum(x[s] for s in t+1..n) >= -50
  own[t in T]: sum(z[t, s] * d[s] for s in S[t]) <= card(S[t]) + 90
  pairs[t in T]: sum(x[r] * d[s] for r in 1..t, s in r..t if r != s) <= 900
  ring[t in T]: x[next_cyclic(t, T)] + x[prev_cyclic(t, T, 2)] - x[t] <= 33
  first_is: x[first(T)] - x[last(T)] + ord(last(T), T) <= 44
  odd[t in O]: x[t] + sum(x[m] for m in M if m > t) <= 80
  cross[t in T, s in U if s in T]: x[t] + x[s] <= 66
  halves[e in E]: sum(x[t] for t in T if t div 2 == e) <= 60
  nested[t in T]: sum(sum(x[b] * d[a] for (a, b) in P) * d[s] for s in S[t]) <= 999
"""

VALUES = """
set I
set J
param a[I, J]
param p[I]
var x[I]
var y[I, J]
let energy[i in I] = sum((x[i] - a[i, j])^2 for j in J)
let shape[i in I] = exp(-abs(x[i])) + tanh(x[i]) * sigmoid(p[i]) + huber(x[i]) + softplus(x[i])
minimize sum(energy[i] for i in I)
subject to
  big[i in I]: max(y[i, j] for j in J) - min(y[i, j] - x[i] for j in J) <= 9
  size[i in I]: norm2(y[i, j] for j in J) + norm1(y[i, j] for j in J) + norminf(y[i, j] for j in J) <= 9
  soft[i in I]: logsumexp(y[i, j] * a[i, j] for j in J) <= 9
  times: prod(1 + x[i] / 8 for i in I) <= 9
  lots[i in I]: shape[i] * sum(a[i, j] * y[k, j] for j in J, k in I) <= max(x[i], p[i], 0)
  rounding[i in I]: round(x[i]) + floor(p[i] / 3) + ceil(x[i]) + p[i] mod 3 + sign(x[i]) <= 9
  roots[i in I]: sqrt(x[i]) + log(1 + x[i]^2) <= 9
  ratio[i in I]: p[i] / x[i] <= 9
  lines[i in I]: piecewise(x[i], [-1, 0, 1], [1, 0, 3]) <= 9
  matrix[i in I]: sum(a[i, j] * a[k, j] * x[k] for j in J, k in I) <= 9
  table[i in I]: sum(sum(a[i, j] * a[k, j] for j in J) * x[k] * x[i] for k in I) <= 9
"""

QUADRATIC = """
set I
param c[I, I]
param r[I]
var x[I]
let mean = sum(r[i] * x[i] for i in I)
minimize (sum(x[i] for i in I) - 2)^2 + sum(c[i, j] * x[i] * x[j] for i in I, j in I) - mean * mean + 3 * mean +
  sum(r[i] * (x[i] - mean)^2 for i in I) - (mean - 1)^2 / 4
subject to
  budget: sum(x[i] for i in I) == 1
"""

CHOICE = """
set L
set B
param bits[B]
param size[L, B]
param pair[B, B]
choose z[L] from B
var x[L]
minimize sum(x[l] for l in L)
subject to
  budget: sum(size[l, z[l]] for l in L) <= 100
  mixed[l in L, m in L]: pair[z[l], z[m]] + x[l] <= 100
  how_many[b in B]: count(z[l] == b for l in L) <= 3
  same[l in L, m in L if l != m]: (z[l] == z[m]) * x[l] <= 100
"""

NUMBERED_CHOICE = """
param n : integer
set K = 1..n
choose z[K] from 1..3
minimize sum(z[k] * k for k in K)
subject to
  low: sum(z[k]^2 for k in K) >= -1
"""

BLOCKS = """
set R
set I
param a[R, I]
var x[I] in [0, 1]
minimize sum(x[i] for i in I) - sum(y[r, i] for r in R, i in I)
subject to
  cap[i in I]: x[i] + sum(y[r, i] for r in R) <= 50
lower follower[r in R] {
  var y[I] >= 0
  let cost = sum(a[r, i] * y[i] for i in I)
  minimize cost + sum(x[i] * y[i] for i in I)
  subject to
    own[i in I]: y[i] + x[i] <= a[r, i] + 30
    joint: sum(y[i] for i in I) >= -9
}
"""

MULTI = """
set C
set T within C * C * C
param m[T]
var v[T] >= 0
minimize sum(m[i, j, k] * v[i, j, k] for (i, j, k) in T)
subject to
  ends[i in C]: sum(v[i, j, i] for (i, j, i) in T) <= 10
  middle[j in C, i in C]: sum(v[i, j, k] for (i, j, k) in T) - sum(v[k, i, j] for (k, i, j) in T) <= 20
  whole[t in T]: v[t] <= m[t] + 40
  inner[(i, j, k) in T]: sum(v[k, l, o] for (k, l, o) in T if l == j) <= 30
"""


FAMILIES = """
set I
set J
set K[I] within J
set P[i in I] within J * J
param w[J]
param v[i in I, K[i]]
param name[I] : string
var x[i in I, j in K[i]]
var y[i in I, (j, k) in P[i]] >= 0
minimize sum(v[i, j] * x[i, j] for i in I, j in K[i]) + sum(y[i, j, k] for i in I, (j, k) in P[i])
subject to
  size[i in I]: sum(x[i, j] for j in K[i]) <= card(K[i]) + card(P[i]) + 90
  common[i in I, k in I if i != k]: sum(x[i, j] for j in K[i] inter K[k]) <= 90
  either[i in I, k in I]: sum(w[j] for j in K[i] union K[k]) + sum(w[j] * x[i, j] for j in K[i] minus K[k]) <= 90
  here[i in I, j in J if j in K[i]]: x[i, j] <= w[j] + 80
  not_here[i in I, j in J if j not in K[i] and card(K[i]) > 0]: x[i, first(K[i])] <= w[j] + 80
  order[i in I, j in K[i] if j != last(K[i])]: x[i, j] - x[i, next(j, K[i])] + ord(j, K[i]) <= 70
  around[i in I, j in K[i]]: x[i, j] - x[i, prev_cyclic(j, K[i])] <= 70
  chain[i in I, (j, k) in P[i]]: sum(y[i, k, l] for (k, l) in P[i] if l != j) - y[i, j, k] <= 60
  known[i in I]: sum(y[i, j, k] for (j, k) in J * J if (j, k) in P[i]) <= 66
  named[i in I, k in I if name[i] == name[k] and name[i] != "s0"]: sum(x[i, j] for j in K[k] if j in K[i]) <= 50
"""
NEIGHBOURS = """
set S
set E within S * S
param d[E]
param k[S]
set F = {(b, a) for (a, b) in E if a != b}
set L = {(a, a) for a in S} union E
set M = F inter E
var x[L]
var z[F]
satisfy
subject to
  hop[a in S if ord(a, S) >= 2]: x[a, a] - x[prev(a, S, 2), prev(a, S, 2)] <= k[a]
  wrap[a in S]: x[next_cyclic(a, S, 3), next_cyclic(a, S, 3)] + x[a, a] <= 20
  both[(a, b) in M]: x[a, b] + z[a, b] <= d[a, b]
  ends: sum(x[a, b] for (a, b) in E) + card(F) - card(L minus E) <= 99
  out[(a, b) in E]: x[a, b] <= d[a, b] + sum(k[c] for (c, e) in E if c == e) + 9
  inner[a in S, b in S if (a, b) in F]: z[a, b] + sum(x[b, c] for (b, c) in E if (c, a) not in F) <= 9
"""

SCENARIOS = """
set S
set I
param p[S, I]
param q[I]
var x[I] >= 0
uncertain s from S
uncertain u[I] in [0, 1]
  with few: sum(u[i] for i in I) <= 1
minimize sum(q[i] * x[i] for i in I) + sum(p[s, i] * x[i] for i in I)
subject to
  hold[i in I]: x[i] + u[i] * q[i] >= p[s, i] - 50
"""

RAGGED_CHOICE = """
set L
set B
set O[L] within B
param size[l in L, O[l]]
param all[B]
choose z[l in L] from O[l]
minimize sum(size[l, z[l]] * all[z[l]] for l in L)
subject to
  hit[l in L, b in O[l]]: (z[l] == b) * 3 <= 4
"""


def texts(draw: Draw, prefix: str, least: int = 1, most: int = 4) -> list[str]:
    return [f"{prefix}{k}" for k in draw(st.permutations(range(draw(st.integers(least, most)))))]


number = st.integers(-6, 6).map(lambda v: v / 2)


def entries(draw: Draw, *sets: list[Any]) -> dict[tuple[Any, ...], float]:
    keys: list[tuple[Any, ...]] = [()]
    for members in sets:
        keys = [(*k, m) for k in keys for m in members]
    return {k: draw(number) for k in keys}


def over(draw: Draw, members: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], float]:
    return {m: draw(number) for m in members}


def dense(draw: Draw) -> dict[str, Any]:
    i, j = texts(draw, "i", 0), texts(draw, "j", 0)
    return {"I": i, "J": j, "c": entries(draw, i, j), "s": entries(draw, i)}


def arcs(draw: Draw) -> dict[str, Any]:
    n = texts(draw, "n")
    pairs = draw(st.lists(st.sampled_from([(a, b) for a in n for b in n]), unique=True))
    # Every composed arc that `tri` asks for exists only where its two arcs do.
    return {"N": n, "A": pairs, "b": entries(draw, n), "u": over(draw, pairs)}


def filters(draw: Draw) -> dict[str, Any]:
    i, j = texts(draw, "i"), texts(draw, "j")
    home = {(a,): draw(st.sampled_from(j)) for a in i}
    return {"I": i, "J": j, "home": home, "w": entries(draw, i, j), "hub": draw(st.sampled_from(j))}


def numbers(draw: Draw) -> dict[str, Any]:
    n = draw(st.integers(1, 6))
    return {"n": n, "d": entries(draw, list(range(1, n + 1)))}


def values(draw: Draw) -> dict[str, Any]:
    i, j = texts(draw, "i"), texts(draw, "j", 0)
    return {"I": i, "J": j, "a": entries(draw, i, j), "p": entries(draw, i)}


def quadratic(draw: Draw) -> dict[str, Any]:
    i = texts(draw, "i", 1, 3)
    return {"I": i, "c": entries(draw, i, i), "r": entries(draw, i)}


def choice(draw: Draw) -> dict[str, Any]:
    layers, bits = texts(draw, "l", 1, 3), texts(draw, "b")
    return {
        "L": layers,
        "B": bits,
        "bits": entries(draw, bits),
        "size": entries(draw, layers, bits),
        "pair": entries(draw, bits, bits),
    }


def numbered_choice(draw: Draw) -> dict[str, Any]:
    return {"n": draw(st.integers(0, 4))}


def blocks(draw: Draw) -> dict[str, Any]:
    r, i = texts(draw, "r", 0, 3), texts(draw, "i", 0, 3)
    return {"R": r, "I": i, "a": entries(draw, r, i)}


def multi(draw: Draw) -> dict[str, Any]:
    c = texts(draw, "c", 1, 3)
    triples = draw(st.lists(st.sampled_from([(a, b, d) for a in c for b in c for d in c]), unique=True))
    return {"C": c, "T": triples, "m": over(draw, triples)}


def families(draw: Draw) -> dict[str, Any]:
    i, j = texts(draw, "i", 1, 3), texts(draw, "j", 1, 4)
    subsets = {(a,): [(b,) for b in draw(st.lists(st.sampled_from(j), unique=True))] for a in i}
    pairs = {(a,): draw(st.lists(st.sampled_from([(b, c) for b in j for c in j]), unique=True, max_size=5)) for a in i}
    return {
        "I": i,
        "J": j,
        "K": subsets,
        "P": pairs,
        "w": entries(draw, j),
        "v": over(draw, [(*a, *b) for a in subsets for b in subsets[a]]),
        "name": {(a,): draw(st.sampled_from(["s0", "s1"])) for a in i},
    }


def neighbours(draw: Draw) -> dict[str, Any]:
    s = texts(draw, "s", 1, 4)
    pairs = draw(st.lists(st.sampled_from([(a, b) for a in s for b in s]), unique=True))
    return {"S": s, "E": pairs, "d": over(draw, pairs), "k": entries(draw, s)}


def scenarios(draw: Draw) -> dict[str, Any]:
    s, i = texts(draw, "s", 1, 3), texts(draw, "i", 0, 3)
    return {"S": s, "I": i, "p": entries(draw, s, i), "q": entries(draw, i)}


def ragged_choice(draw: Draw) -> dict[str, Any]:
    layers, b = texts(draw, "l", 1, 3), texts(draw, "b", 1, 3)
    options = {(a,): [(o,) for o in draw(st.permutations(b))] for a in layers}
    return {
        "L": layers,
        "B": b,
        "O": options,
        "size": over(draw, [(*a, *o) for a in options for o in options[a]]),
        "all": entries(draw, b),
    }


CASES: dict[str, tuple[str, Callable[[Draw], dict[str, Any]]]] = {
    "dense": (DENSE, dense),
    "arcs": (ARCS, arcs),
    "filters": (DATA, filters),
    "numbers": (NUMBERS, numbers),
    "values": (VALUES, values),
    "quadratic": (QUADRATIC, quadratic),
    "choice": (CHOICE, choice),
    "numbered choice": (NUMBERED_CHOICE, numbered_choice),
    "blocks": (BLOCKS, blocks),
    "triples": (MULTI, multi),
    "indexed sets": (FAMILIES, families),
    "neighbours": (NEIGHBOURS, neighbours),
    "scenarios": (SCENARIOS, scenarios),
    "ragged choice": (RAGGED_CHOICE, ragged_choice),
}


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_arrays_agree_with_the_reference(case: str, data: st.DataObject) -> None:
    text, generate = CASES[case]
    assert_agreement(text, generate(data.draw))
