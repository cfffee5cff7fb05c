"""``optc solve``: compile, solve, verify, print."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .answers import read_answer
from .flags import (
    add_common,
    add_data,
    add_tightening,
    assignment,
    count_or_all,
    duration,
    fraction,
    natural,
    positive,
    tightening,
)
from .output import print_diagnostics, print_json
from .progress import finish, reporter
from .saving import ensure_writable, output_file, save

if TYPE_CHECKING:
    from optc.compiler.result.solution import Solution

    from ..problem import Problem


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "solve",
        help="compile and solve a model, and check the answer",
        description="Compiles and solves a model (or an MPS file), checks the answer against the model as written, and "
        "prints it with its certificate.",
        epilog="exit status: 0 answer, 1 wrong model or data, 2 usage, 3 infeasible, 4 unbounded, 5 limit with an "
        "answer, 6 no answer, 7 backend not installed, 70 fault, 130 interrupted",
    )
    parser.add_argument("model", metavar="MODEL", help="a .opt or .mps file; - reads a model from standard input")
    add_data(parser)
    add_method(parser)
    result = parser.add_argument_group("result")
    result.add_argument("--json", action="store_true", help="one JSON object on standard output")
    result.add_argument(
        "--json-stream", action="store_true", help="one JSON object a line: progress, diagnostics, the result"
    )
    result.add_argument(
        "-o", "--output", type=output_file, metavar="FILE", help="write it to a .json, .csv or .parquet"
    )
    result.add_argument("--progress", choices=("auto", "on", "off"), default="auto", help="progress on standard error")
    add_common(parser)
    parser.set_defaults(run=run)


def add_method(parser: argparse.ArgumentParser) -> None:
    """What says how to solve."""
    method = parser.add_argument_group("method")
    method.add_argument(
        "--backend", default="auto", metavar="NAME", help="the backend to use; `optc backends` lists them"
    )
    method.add_argument(
        "--option", action="append", default=[], type=assignment, metavar="KEY=VALUE", help="an option of the backend"
    )
    method.add_argument("--time-limit", type=duration, metavar="TIME", help="30s, 5m, 1h; without a unit: seconds")
    method.add_argument("--gap", type=fraction, default=1e-4, metavar="GAP", help="relative gap that is enough (1e-4)")
    method.add_argument("--tol", type=fraction, default=1e-6, metavar="TOL", help="tolerance of constraints (1e-6)")
    method.add_argument("--seed", type=natural, default=0, metavar="N", help="seed of everything random (0)")
    method.add_argument("--threads", type=positive, metavar="N", help="threads of the backend")
    method.add_argument("--device", choices=("cpu", "cuda", "auto"), default="auto", help="where kernels run")
    method.add_argument("--start", metavar="FILE", help="start from the answer in this result file")
    add_tightening(method)
    method.add_argument("-n", type=count_or_all, default=1, dest="count", metavar="K|all", help="that many answers")


def run(args: argparse.Namespace) -> int:
    """The exit status that the answer has in the table; see ``status.Exit``."""
    from .problems import problem

    args.json = args.json or args.json_stream
    if args.output is not None:
        ensure_writable(args.output)
    ready = problem(args.model, args)
    print_diagnostics(ready.diagnostics, args)
    solution = solve(ready, args)
    print_diagnostics([d for d in solution.diagnostics if d not in ready.diagnostics], args)
    result = solution.to_dict()
    if args.output is not None:
        save(result, args.output)
    _print(result, args)
    return solution.exit_code


def solve(problem: Problem, args: argparse.Namespace) -> Solution:
    """The answer by the flags of ``add_method``; Ctrl-C ends the work with the best answer so far."""
    report = reporter(args)
    try:
        return problem.solve(
            backend=args.backend,
            options=dict(args.option),
            time_limit=args.time_limit,
            gap=args.gap,
            tol=args.tol,
            seed=args.seed,
            threads=args.threads,
            device=args.device,
            start=read_answer(args.start) if args.start else None,
            n=args.count,
            tighten=tightening(args),
            progress=report,
        )
    finally:
        finish(report)


def _print(result: dict[str, Any], args: argparse.Namespace) -> None:
    if args.json_stream:
        for diagnostic in result["diagnostics"]:
            print_json({"event": "diagnostic", **diagnostic})
        print_json({"event": "result", **result})
    elif args.json:
        print_json(result)
    else:
        from .show import show

        show(result, args)
