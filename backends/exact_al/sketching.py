"""Randomised sketch-and-project methods for linear systems K z = b with symmetric K (N, N).

One step draws S (N, q) and projects z on the solutions of S'K z = S'b:

    z <- z + K S (S'K K S)^+ S'r,     r = b - K z

    kaczmarz         S is a unit vector, drawn uniformly: z moves along one row of K
    gaussian         S has independent standard normal entries, q = 1
    block gaussian   the same with q columns
    count sketch     each row of S has one entry, 1 or -1, in a random one of its q columns

Sources: R. M. Gower, P. Richtarik, "Randomized iterative methods for linear systems", SIAM J. Matrix Analysis 36
(2015); T. Strohmer, R. Vershynin, "A randomized Kaczmarz algorithm with exponential convergence", J. Fourier Analysis
15 (2009); K. L. Clarkson, D. P. Woodruff, "Low-rank approximation and regression in input sparsity time", J. ACM 63
(2017) for the count sketch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from optc.compiler.forms.linear import Floats

from .equality_form import Matrix

KINDS = ("kaczmarz", "gaussian", "block gaussian", "count sketch")
DENSE = 500  # rows up to which K is dense
TOGETHER = 64  # steps of one column that are worked out together, between two looks at the residual and the clock

Stop = Callable[[], bool]
Draw = Callable[[Any, Floats, np.random.Generator], tuple[Any, Floats]]  # K S and S'r of new sketches S


@dataclass(slots=True, eq=False)
class Iterate:
    """The state of an inner solve: z, r = b - K z, and the steps so far. It may be driven on to a tighter accuracy."""

    matrix: Matrix
    right: Floats
    z: Floats
    residual: Floats
    steps: int = 0

    @property
    def norm(self) -> float:
        return float(np.linalg.norm(self.residual))


def begin(matrix: Matrix, right: Floats) -> Iterate:
    """From z = 0."""
    return Iterate(matrix, right, np.zeros_like(right), right)


def drive(
    iterate: Iterate, kind: str, block: int, target: float, most: int, random: np.random.Generator, stop: Stop
) -> bool:
    """Step until ``|r| <= target``; False where ``most`` steps in all or ``stop`` come first. Changes ``iterate``."""
    if kind in ("kaczmarz", "gaussian"):
        return _single(iterate, _rows if kind == "kaczmarz" else _vectors, target, most, random, stop)
    draw = _count_sketch if kind == "count sketch" else _gaussian
    width = min(block, len(iterate.z))
    while iterate.norm > target:
        if iterate.steps >= most or stop():
            return False
        _project(iterate, draw(random, len(iterate.z), width))
    return True


def _single(iterate: Iterate, draw: Draw, target: float, most: int, random: np.random.Generator, stop: Stop) -> bool:
    """Steps with one column each, ``TOGETHER`` of them at a time.

    With the sketches S of p steps, A = K S and t = S'r, step j moves z by A_j w_j with w_j = t_j / |A_j|^2 and takes
    w_j A'A_j off t: so A'A's lower triangle times w is t, and one triangular solve gives the p steps one after the
    other.
    """
    from scipy.linalg import solve_triangular

    matrix = iterate.matrix.toarray() if len(iterate.z) <= DENSE else iterate.matrix
    while True:
        if iterate.norm <= target:
            iterate.residual = iterate.right - matrix @ iterate.z  # without what rounding has left
            if iterate.norm <= target:
                return True
        if iterate.steps >= most or stop():
            return False
        moved, projected = draw(matrix, iterate.residual, random)
        products = moved.T @ moved
        weights = solve_triangular(
            products.toarray() if hasattr(products, "toarray") else products, projected, lower=True, check_finite=False
        )
        step = moved @ weights
        iterate.z = iterate.z + step
        iterate.residual = iterate.residual - matrix @ step
        iterate.steps += len(projected)


def _rows(matrix: Any, residual: Floats, random: np.random.Generator) -> tuple[Any, Floats]:
    """Columns of K, which is symmetric, drawn uniformly, and the residuals of these rows; without rows of zeros."""
    rows = random.integers(0, len(residual), TOGETHER)
    moved = matrix[:, rows]
    some = np.flatnonzero(abs(moved).sum(axis=0))
    return moved[:, some], residual[rows[some]]


def _vectors(matrix: Any, residual: Floats, random: np.random.Generator) -> tuple[Any, Floats]:
    """K S and S'r of standard normal columns S."""
    sketch = random.standard_normal((len(residual), TOGETHER))
    return matrix @ sketch, sketch.T @ residual


def _project(iterate: Iterate, sketch: Any) -> None:
    moved = iterate.matrix @ sketch  # K S (N, q), and K is symmetric
    columns = np.asarray(moved.toarray() if hasattr(moved, "toarray") else moved)
    weights = np.linalg.lstsq(columns.T @ columns, np.asarray(sketch.T @ iterate.residual), rcond=None)[0]
    step = columns @ weights
    iterate.z = iterate.z + step
    iterate.residual = iterate.residual - iterate.matrix @ step
    iterate.steps += 1


def _gaussian(random: np.random.Generator, count: int, width: int) -> Floats:
    return random.standard_normal((count, width))


def _count_sketch(random: np.random.Generator, count: int, width: int) -> Any:
    from scipy.sparse import csr_array

    signs = random.choice((-1.0, 1.0), count)
    columns = random.integers(0, width, count)
    return csr_array((signs, columns, np.arange(count + 1)), shape=(count, width))


def smallest_singular_value(matrix: Matrix, random: np.random.Generator, steps: int = 40) -> float:
    """An estimate from above of the least singular value of a wide matrix (m, n): Golub-Kahan bidiagonalisation.

    Exact, up to rounding, after m steps. Source: G. H. Golub, W. Kahan, "Calculating the singular values and
    pseudo-inverse of a matrix", SIAM J. Numerical Analysis 2 (1965), with full reorthogonalisation.
    """
    m = matrix.shape[0]
    left = random.standard_normal(m)
    lefts: list[Floats] = [left / np.linalg.norm(left)]
    rights: list[Floats] = []
    diagonal: list[float] = []
    off: list[float] = []
    for _ in range(min(steps, m)):
        right = matrix.T @ lefts[-1] - (off[-1] * rights[-1] if off else 0.0)
        right = _orthogonal(right, rights)
        diagonal.append(float(np.linalg.norm(right)))
        if diagonal[-1] <= 1e-14:
            break
        rights.append(right / diagonal[-1])
        left = _orthogonal(matrix @ rights[-1] - diagonal[-1] * lefts[-1], lefts)
        off.append(float(np.linalg.norm(left)))
        if off[-1] <= 1e-14:
            break
        lefts.append(left / off[-1])
    size = len(diagonal)
    bidiagonal = np.diag(diagonal) + np.diag(off[: size - 1], -1)
    return float(np.linalg.svd(bidiagonal, compute_uv=False)[-1])


def _orthogonal(vector: Floats, basis: list[Floats]) -> Floats:
    for _ in range(2 if basis else 0):
        together = np.array(basis)
        vector = vector - together.T @ (together @ vector)
    return vector
