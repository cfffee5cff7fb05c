"""Clarabel: convex cone programs with quadratic objectives by a homogeneous interior-point method.

Source: P. J. Goulart, Y. Chen, "Clarabel: An interior-point solver for conic programs with quadratic objectives",
arXiv 2405.12762 (2024). Second-order, exponential, power and semidefinite cones; infeasibility and unboundedness come
with certificates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optc.compiler.answer import Answer, Claim, Termination
from optc.compiler.backend import Capabilities, Goal, Start
from optc.compiler.context import Context, Progress
from optc.compiler.forms import conic
from optc.compiler.forms.conic import Cones
from optc.compiler.forms.linear import LinearForm

from . import installed
from .cone_program import ConeProgram, cone_program, multipliers_of
from .options import option

ENOUGH = 1e-7  # where it can get no further, an answer of this accuracy is one
LEAST = 1e-13  # an accuracy below this is lost in rounding
COARSE = 1e-8  # a last step beyond it may lose in the rows what it gains in the gap
INWARDS = 4.0  # times what rows are off: so far within the cones a point is asked for then
SHARE = 0.1  # of the tolerance: rows that are further off may have lost it so
LARGE_COST = 1e6  # coefficients of the objective beyond this are measured in another unit

name = "clarabel"
title = "convex programs in second-order, exponential, power and semidefinite cones, by an interior-point method"
install = 'pip install "optc[convex]"'
capabilities = Capabilities(
    forms=frozenset({"linear", "quadratic", "conic"}),
    gives=frozenset(
        {"duals", "reduced costs", "bound", "primal ray", "dual ray", "time limit", "interrupt", "progress"}
    ),
    refuses={
        "integer linear": "Clarabel has no branch and bound: it takes no whole decisions",
        "integer quadratic": "Clarabel has no branch and bound: it takes no whole decisions",
        "integer conic": "Clarabel has no branch and bound: it takes no whole decisions",
        "nonconvex quadratic": "Clarabel takes convex objectives only",
        "warm start": "an interior-point method starts from its own centre",
    },
)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of Clarabel beside the common ones (time limit, gap, tolerance)."""

    iterations: int = option("integer", 200, "most iterations", low=0, high=2**31 - 1)
    accuracy: float = option("number", 1e-11, "gap and residuals, relative, that it aims at", low=1e-15, high=1e-2)
    equilibrate: bool = option("switch", True, "scale rows and columns first")
    presolve: bool = option("switch", True, "leave out rows without an end")
    chordal: bool = option("switch", True, "split sparse semidefinite matrices")
    factorisation: str = option(
        "word", "auto", "the sparse factorisation of each step", choices=("auto", "qdldl", "faer")
    )


options = Options


def version() -> str | None:
    """The version of the installed clarabel, or None; clarabel itself is not imported."""
    return installed.version("clarabel", "clarabel")


def load(form: LinearForm) -> Any:
    """A quiet ``clarabel.DefaultSolver`` with the problem in it. Raises ValueError for numbers that are not finite."""
    import clarabel

    settings = clarabel.DefaultSettings()
    settings.verbose = False
    return _solver(cone_program(form), settings)


def solve(form: LinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:  # noqa: ARG001
    """The answer to a linear, quadratic or conic form without whole columns; a start is of no use to it.

    A callback looks at the cancellation and reports once an iteration.
    """
    if form.integer.any():
        raise ValueError(capabilities.refuses["integer conic"])
    stop = context.stop()
    if stop is not None:
        return Answer("none", stop)
    if (form.lower > form.upper).any() or (form.row_lower > form.row_upper).any():
        return Answer("infeasible", "converged", message="bounds cross")
    program = cone_program(form)
    unit = _unit(program)
    measured = replace(program, cost=program.cost / unit, hessian=program.hessian / unit)

    def run(program: ConeProgram, options: Options) -> Any:
        solver = _solver(program, _settings(goal, options, context))
        solver.set_termination_callback(lambda info: _look(info, unit * program.sign, form, context))
        return solver.solve()

    found, least = run(measured, options), SHARE * goal.tolerance
    off = _residual(measured, found)
    if off <= least:
        return _answer(found, program, unit, form, context)
    coarse = replace(options, accuracy=max(options.accuracy, COARSE))
    if coarse != options and context.stop() is None:
        again = run(measured, coarse)
        if _solved(again) and _residual(measured, again) < off:
            found, off = again, _residual(measured, again)
    if off > goal.tolerance and context.stop() is None:
        within = run(_inwards(measured, INWARDS * off), coarse)
        if _solved(within):  # its own bound is one of the smaller problem
            return replace(_answer(within, program, unit, form, context), bound=None)
    return _answer(found, program, unit, form, context)


def _solved(found: Any) -> bool:
    return str(found.status) in ("Solved", "AlmostSolved")


def _inwards(program: ConeProgram, distance: float) -> ConeProgram:
    """The program with points so far inside their cones that what rows are off does not lead out of them.

    Second-order cones ``t >= ||z||`` get ``t - distance``, exponential ones the third entry, power ones the first two.
    """
    heads = {conic.SECOND_ORDER: (0,), conic.EXPONENTIAL: (2,), conic.POWER: (0, 1)}
    first = program.equations.count + program.inequalities
    starts = first + np.cumsum(program.cones.sizes) - program.cones.sizes
    right = program.right.copy()
    for kind, places in heads.items():
        for place in places:
            right[starts[program.cones.kinds == kind] + place] -= distance
    return replace(program, right=right)


def _residual(program: ConeProgram, found: Any) -> float:
    """The largest difference between the sides of the rows; 0 where there is no point."""
    if _ENDINGS.get(str(found.status), ("none",))[0] not in ("optimal", "none"):
        return 0.0
    return float(np.abs(program.matrix @ np.array(found.x) + np.array(found.s) - program.right).max(initial=0.0))


def _unit(program: ConeProgram) -> float:
    """What the objective is measured in: 1, or a power of two that brings costs of other sizes to about 1.

    Clarabel itself scales an objective by no more than 1e4 and takes larger ones for proofs of unboundedness.
    """
    largest = max(float(np.abs(program.cost).max(initial=0.0)), float(np.abs(program.hessian.data).max(initial=0.0)))
    return float(np.exp2(np.rint(np.log2(largest)))) if largest > LARGE_COST else 1.0


def _look(info: Any, sign: float, form: LinearForm, context: Context) -> bool:
    """Report an iteration, whose values times ``sign`` are the form's; True where the work must stop."""
    context.report(
        Progress(
            "interior point",
            context.elapsed(),
            sign * info.cost_primal + form.offset,
            sign * info.cost_dual + form.offset,
            max(info.res_primal, info.res_dual),
            info.iterations,
        )
    )
    return context.stop() is not None


def _settings(goal: Goal, options: Options, context: Context) -> Any:
    """The accuracy is a hundredth of the gap that is asked for, where that is less than the option says.

    An interior-point method halves its error many times over in its last steps, and where the optimum is flat, points
    that are good to 1e-8 in the objective are good to 1e-4 only. What comes within ``ENOUGH`` is an answer too.
    """
    import clarabel

    accuracy = max(min(options.accuracy, goal.gap / 100, goal.tolerance), LEAST)
    enough = max(accuracy, ENOUGH)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_iter = options.iterations
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = accuracy
    settings.reduced_tol_gap_abs = settings.reduced_tol_gap_rel = settings.reduced_tol_feas = enough
    settings.equilibrate_enable = options.equilibrate
    settings.presolve_enable = options.presolve
    settings.chordal_decomposition_enable = options.chordal
    settings.direct_solve_method = options.factorisation
    remaining = context.remaining()
    if remaining is not None:
        settings.time_limit = max(remaining, 1e-3)
    if context.threads is not None:
        settings.max_threads = context.threads
    return settings


def _solver(program: ConeProgram, settings: Any) -> Any:
    import clarabel

    cones = []
    if program.equations.count:
        cones.append(clarabel.ZeroConeT(program.equations.count))
    if program.inequalities:
        cones.append(clarabel.NonnegativeConeT(program.inequalities))
    cones += _cones(program.cones)
    return clarabel.DefaultSolver(
        _as_matrix(program.hessian), program.cost, _as_matrix(program.matrix), program.right, cones, settings
    )


def _as_matrix(array: Any) -> Any:
    from scipy.sparse import csc_matrix

    return csc_matrix(array)


def _cones(cones: Cones) -> list[Any]:
    """One object a cone, which is how Clarabel takes them."""
    import clarabel

    def made(kind: int, size: int, power: float) -> Any:
        if kind == conic.SECOND_ORDER:
            return clarabel.SecondOrderConeT(size)
        if kind == conic.EXPONENTIAL:
            return clarabel.ExponentialConeT()
        if kind == conic.POWER:
            return clarabel.PowerConeT(power)
        return clarabel.PSDTriangleConeT(round(((8 * size + 1) ** 0.5 - 1) / 2))

    entries = zip(cones.kinds.tolist(), cones.sizes.tolist(), cones.powers.tolist(), strict=True)
    return [made(*entry) for entry in entries]


_ENDINGS: dict[str, tuple[Claim, Termination]] = {
    "Solved": ("optimal", "converged"),
    "AlmostSolved": ("optimal", "converged"),
    "PrimalInfeasible": ("infeasible", "converged"),
    "AlmostPrimalInfeasible": ("infeasible", "converged"),
    "DualInfeasible": ("unbounded", "converged"),
    "AlmostDualInfeasible": ("unbounded", "converged"),
    "MaxIterations": ("none", "iteration limit"),
    "MaxTime": ("none", "time limit"),
    "NumericalError": ("none", "numerical trouble"),
    "InsufficientProgress": ("none", "numerical trouble"),
}


def _answer(found: Any, program: ConeProgram, unit: float, form: LinearForm, context: Context) -> Answer:
    word = str(found.status)
    claim, termination = _ENDINGS.get(word, ("none", context.stop() or "solver error"))
    x, z = np.array(found.x), np.array(found.z)
    message, work = f"clarabel: {word}", int(found.iterations)
    if claim == "infeasible":
        ray = multipliers_of(program, form, z, 1.0)
        return Answer(claim, termination, dual_ray=ray.rows, cone_ray=ray.cones, message=message, work=work)
    if claim == "unbounded":
        return Answer(claim, termination, primal_ray=x, message=message, work=work)
    if claim == "none" and not _near(found):
        return Answer(claim, termination, message=message, work=work)
    duals = multipliers_of(program, form, unit * z, program.sign)
    sign = unit * program.sign
    return Answer(
        claim if claim == "optimal" else "feasible",
        termination,
        x,
        sign * float(found.obj_val) + form.offset,
        sign * float(found.obj_val_dual) + form.offset,
        duals.rows,
        duals.columns,
        message=message,
        work=work,
        cone_duals=duals.cones,
    )


def _near(found: Any) -> bool:
    """Whether a point that came without a verdict may be worth judging: it is finite and nearly feasible."""
    finite = bool(np.isfinite(np.array(found.x)).all() and np.isfinite(np.array(found.z)).all())
    return finite and bool(found.r_prim < 1e-4)
