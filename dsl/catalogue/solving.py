"""Codes of routes, backends, options, starts and answers."""

from __future__ import annotations

from ..diagnostics import Code

CODES: list[Code] = []


def _code(id_: str, title: str, fact: str, hint: str | None, explanation: str) -> Code:
    entry = Code(id_, title, fact, hint, explanation)
    CODES.append(entry)
    return entry


UNKNOWN_BACKEND = _code(
    "E0601",
    "unknown backend",
    "there is no backend called `{name}`",
    "`optc backends` lists those there are",
    """\
The name after `--backend` (or `backend=`, or `solve with`) is not one that optc knows. Backends are built in, come
with a package through the entry-point group `optc.backends`, or are registered from Python.

    optc solve diet.opt --backend hihgs      # wrong
    optc solve diet.opt --backend highs      # right
""",
)

NOT_INSTALLED = _code(
    "E0602",
    "backend is not installed",
    "backend `{name}` is not installed",
    "install it with `{install}`",
    """\
optc knows this backend, but the package that it drives is not there. Nothing is installed behind your back: run the
command that the message shows, or leave `--backend` out and let optc take another route. `optc backends` lists which
backends are installed, and `optc doctor` says what each missing package would add.

    optc solve model.opt --backend ipopt     # casadi, which carries it, is not installed
    pip install "optc[nlp]"                  # then it works
""",
)

UNKNOWN_OPTION = _code(
    "E0603",
    "unknown option",
    "backend `{backend}` has no option `{name}`",
    "`optc backends {backend}` lists its options with their ranges and defaults",
    """\
Options are declared once by each backend; a name that was not declared is refused, since an option that is quietly
ignored looks as if it had worked.

    optc solve diet.opt --option presolv=off       # wrong
    optc solve diet.opt --option presolve=off      # right
""",
)

OPTION_TYPE = _code(
    "E0604",
    "option has the wrong type",
    "option `{name}` of backend `{backend}` cannot be `{value}`",
    "give {expected}",
    """\
The value is not of the type that the option was declared with: a word where a number belongs, a fraction where a
whole number belongs, and so on.

    optc solve diet.opt --option simplex_iterations=many    # wrong
    optc solve diet.opt --option simplex_iterations=1000    # right
""",
)

OPTION_RANGE = _code(
    "E0605",
    "option is out of range",
    "option `{name}` of backend `{backend}` cannot be `{value}`",
    "give {expected}",
    """\
The value is of the right type but outside what the option allows. `optc backends NAME` shows the range of each
option.

    optc solve plan.opt --option heuristic_effort=2       # wrong: it runs from 0 to 1
    optc solve plan.opt --option heuristic_effort=0.5     # right
""",
)

BACKEND_REFUSES = _code(
    "E0606",
    "backend cannot take this model",
    "backend `{name}` cannot solve this model: {reason}",
    "leave `--backend` out, and optc takes the cheapest route there is",
    """\
A backend was asked for by name, and no chain of lowerings turns this model into a form that it takes. The message
names the obstacle. `optc explain MODEL` prints every route that was looked at, with the reason why it was or was not
taken.

    optc solve integer_qp.opt --backend highs   # HiGHS has no integer quadratic programming
    optc explain integer_qp.opt                 # says which routes there are
""",
)

NO_ROUTE = _code(
    "E0607",
    "no route to a backend",
    "no installed backend can solve this {kind} model: {reason}",
    "{need}",
    """\
The compiler goes from a model to a backend by lowerings, each with conditions that are checked on the model. For this
one no chain of them ends at a backend that is installed. The message names the first obstacle on the most promising
route and what would remove it; `optc explain MODEL` prints all of them. The status of the result is `failed`, its
termination `no route`, and the exit status 6.

    minimize (x - 1)^4          # a quartic objective: needs a nonlinear backend
    minimize (x - 1)^2          # a convex quadratic one: HiGHS takes it
""",
)

KINK = _code(
    "E0612",
    "kink that is not convex",
    "`{expression}` has a kink that cannot be written with linear rows",
    "write it with binaries, or turn it so that the kink is convex for what is wanted",
    """\
`max`, `abs`, `norm1`, `norminf` and a `piecewise` with rising slopes become linear rows where a smaller value is always
at least as good: in an objective to be minimised, left of `<=`, right of `>=`. `min` and a `piecewise` with falling
slopes do where a larger value is. Elsewhere the feasible region is not convex, and whole decisions are needed.

    maximize abs(x)          # wrong: the maximum is at one of two ends
    minimize abs(x)          # right: t with t >= x and t >= -x
""",
)

NO_BOUND = _code(
    "E0613",
    "decision without a bound where one is needed",
    "`{expression}` needs binaries and a bound of `{decision}`, which has no {side} bound",
    "give `{decision}` a bound that holds at every point of interest, or state one as a linear row",
    """\
A kink that is not convex, a product with a binary or a condition becomes rows that a binary switches off. A row is
switched off by a constant that is at least as large as the row can miss by, and that constant is derived: from the
bounds of the decisions and the linear rows. Where nothing bounds a decision there is no such constant, and a guess
would cut off answers or spoil the numbers.

    var x
    maximize abs(x - 3)              # wrong: nothing says how far x can go

    var x in [0, 10]
    maximize abs(x - 3)              # right
""",
)

LARGE_CONSTANT = _code(
    "E0617",
    "constant too large to switch a row",
    "`{expression}` needs a constant of {size}, since the {side} bound of `{decision}` is so far away",
    "give `{decision}` a nearer bound, or use a backend that takes such conditions as they are",
    """\
A row that a binary switches off in a linear model gets a constant as large as the row can miss by, derived from the
bounds of the decisions. Solvers take a binary for whole that is off by very little, often by a millionth, and a
millionth of a very large constant is enough to break the row while it is switched on.

    var on binary; var x in [0, 1e9]
    off: on == 0 => x <= 0            # wrong for a linear backend: on = 0.000001 allows x = 1000

    var on binary; var x in [0, 500]
    off: on == 0 => x <= 0            # right
""",
)

NO_BINARY_FACTOR = _code(
    "E0614",
    "product of decisions that no linear rows can state",
    "in `{expression}` decisions are multiplied, and {reason}",
    "make one of the factors a binary, or use a backend for quadratic or nonlinear models",
    """\
A product of binaries, and of a binary with a bounded linear expression, can be stated exactly by linear rows. A product
of two decisions that both take more than two values cannot.

    var x in [0, 4]; var y in [0, 4]
    maximize x * y                    # wrong for a linear backend: a quadratic model

    var on binary; var y in [0, 4]
    maximize on * y                   # right: four rows
""",
)

NO_ASSIGNMENT = _code(
    "E0615",
    "products that no assignment rows cover",
    "the products of the objective cannot be linearised by assignment rows: {reason}",
    None,
    """\
Products of binaries become linear rows of a tight kind where rows say that exactly one of several binaries is 1, as
those of a choice do: such a row times a binary is a row in products. Elsewhere other routes are taken.

    sum(x[i, k] for k in Places) == 1         # with products of x in the objective: taken
    sum(x[i, k] for k in Places) <= 2         # the products take another route
""",
)

DENOMINATOR = _code(
    "E0616",
    "denominator that may be zero",
    "the denominator `{expression}` is not proved to keep one sign: {range}",
    "state it as a row, `{expression} >= 0.001` say, or give bounds from which it follows",
    """\
A ratio of linear expressions becomes a linear problem, or a sequence of them, where its denominator is above zero (or
below zero) at every point of the model. That must follow from the bounds of the decisions and the linear rows; a point
at which the denominator is zero is not allowed, and where it changes its sign the ratio is no fraction of this kind.

    var x in [0, 4]; var y in [0, 4]
    maximize (3*x + y) / (x + y)             # wrong: 0/0 at x = y = 0

    subject to some: x + y >= 1              # right
""",
)

RANGE_TOO_WIDE = _code(
    "E0625",
    "whole decision with too wide a range for binaries",
    "`{entry}` goes from {lower} to {upper}, and no more than {most} values are taken apart into binaries",
    "give it nearer bounds, or use a backend that multiplies whole decisions",
    """\
Where whole decisions are multiplied and the backend takes linear rows alone, they are written as sums of binaries with
coefficients 1, 2, 4, …. With too many of them the rows would have coefficients that a solver's tolerances blur.

    var x integer in [0, 1e9]; var y integer in [0, 9]
    maximize x * y                 # y is taken apart, x stays: taken

    maximize x * x * y             # x must be taken apart too: refused
""",
)

NOT_ATTAINED = _code(
    "N0603",
    "the optimum is approached and not reached",
    "no point of the model has the best ratio: it is approached along a direction without an end",
    None,
    """\
Where the decisions of a ratio are not bounded, the ratio may come as near as one likes to a value that it has nowhere.
The answer is then a feasible point, and the value is its bound.

    var x >= 1
    minimize (x + 1) / x                     # above 1 everywhere, and as near to 1 as one likes
""",
)

START_UNKNOWN = _code(
    "E0608",
    "start names what the model has not",
    "the start has values for `{name}`, which is no decision of this model",
    "remove the entry, or start from a result of this model",
    """\
`--start FILE` (or `start=`) takes the `variables` of an earlier result as the point to begin from. Every family in it
must be a decision of the model; a family that is missing is left to the solver.

    {"variables": {"by": {"index": ["Foods"], "values": [["bread", 2]]}}}     # wrong: the model has `buy`
    {"variables": {"buy": {"index": ["Foods"], "values": [["bread", 2]]}}}    # right
""",
)

ANSWER_MEMBER = _code(
    "E0609",
    "answer has a value for no member",
    "the answer gives `{name}` a value at {index}, which is not an index of it",
    "compare the index with the data that the model was bound to",
    """\
A row of `values` holds the index of an entry followed by its value; the index must be one that the family has with
the data at hand. The most frequent cause is a result that belongs to other data, or the text `"1"` in place of the
number 1.

    {"buy": {"index": ["Foods"], "values": [["1", 2.0]]}}     # wrong where Foods = 1..3
    {"buy": {"index": ["Foods"], "values": [[1, 2.0]]}}       # right
""",
)

ANSWER_FORMAT = _code(
    "E0610",
    "not a result",
    "`{file}` is not a result that optc can read: {reason}",
    "give a JSON object with `variables`, as `optc solve --json` writes it",
    """\
A result is a JSON object whose `variables` has, for each family, an `index` and rows of `values`. Numbers may be
written as the texts `"inf"`, `"-inf"` and `"nan"`.

    {"buy": 3}                                                    # wrong
    {"variables": {"buy": {"index": [], "values": [[3]]}}}        # right
""",
)

ANSWER_INCOMPLETE = _code(
    "E0611",
    "answer is incomplete",
    "the answer has no value for {missing} of the {total} entries of `{name}`, the first of them {index}",
    "give every entry of every decision: a missing one is never taken for 0",
    """\
Only a complete answer can be judged: whether a missing value may be anything depends on the constraints. Starts may
be incomplete, answers for `optc verify` may not.

    {"x": {"index": ["I"], "values": [[1, 0.5]]}}                 # wrong where I = 1..2
    {"x": {"index": ["I"], "values": [[1, 0.5], [2, 0]]}}         # right
""",
)

NO_CONDITIONS = _code(
    "E0618",
    "a follower without optimality conditions",
    "the answers of the follower `{block}` are not described by optimality conditions: {reason}",
    "a method for such followers (value function, penalty) is needed; the methods at hand take followers with a linear "
    "or convex quadratic objective and linear rows",
    """\
A model with followers is solved by putting conditions in the place of the lower level. They say who answers only where
every point that satisfies them is an optimal answer: the follower's objective is linear or convex quadratic (of a
maximisation: concave) in his own decisions, his rows are linear in them, and they are continuous.

    lower f {
      var y in [-2, 2]
      minimize -x * exp(-y^2)        # a point with slope zero may be anything
    }
    lower f {
      var y in [-2, 2]
      minimize (y - x)^2             # convex: slope zero is optimal
    }
""",
)

PYOMO_SOLVER = _code(
    "E0621",
    "solver not there",
    "Pyomo's solver `{name}` cannot be used: {reason}",
    "{remedy}",
    """\
The backend `pyomo` hands the problem to a solver by its name in Pyomo. Pyomo has no solver of this name, or what it
calls, a program on the PATH or a Python package, is not installed.

    optc solve model.opt --backend pyomo --option solver=highz           # no such solver
    optc solve model.opt --backend pyomo --option solver=highs     # highspy, which optc brings
""",
)

UNVERIFIED = _code(
    "W0601",
    "answer does not hold",
    "backend `{backend}` called its answer {claim}, but `{where}` {fault} by {value}, more than the tolerance {limit}",
    "scale the model so that its coefficients lie nearer to 1, or tighten the backend's tolerances",
    """\
Every answer is evaluated on the model as written. Here the backend's answer breaks a constraint by more than the
tolerance, so the status does not repeat the backend's word. The usual cause is a model with very large and very small
coefficients in one row; solvers work on a scaled copy and judge there.

    1e9 * x <= 1         # a violation of 1e-9 in x is 1 here
    x <= 1e-9            # the same, in units that suit x better
""",
)

ANSWER_WITHOUT_VALUE = _code(
    "W0607",
    "answer without a value",
    "backend `{backend}` called its answer {claim}, but {reason}",
    "keep the decisions away from points without a value by bounds, such as `x >= 1e-6` for `log(x)`",
    """\
Every answer is evaluated on the model as written. Here an expression has no value at the backend's answer, mostly
since a solver steps a rounding error over the edge of its domain, or since no other point is left.

    var x >= 0
    maximize log(x)
    subject to
      none: x <= 0         # wrong: only x = 0 is left, where the logarithm has no value
""",
)

UNPROVED_END = _code(
    "W0602",
    "claim of the backend could not be confirmed",
    "backend `{backend}` called the model {claim}, and the evidence for it does not hold: {reason}",
    "try `--option presolve=off`, or scale the model so that its coefficients lie nearer to 1",
    """\
That a model is infeasible or unbounded is said only with evidence that was checked: multipliers that make the
constraints contradict each other, or a feasible point with a direction along which the objective improves for ever.
The backend gave none, or what it gave did not stand up to the check on the model, so the status is `failed`.

    subject to tight: 1e-9 * x >= 1e-3      # near the limit of floating-point numbers
    subject to tight: x >= 1e6              # the same, and easy to judge
""",
)

SMALL_COEFFICIENTS = _code(
    "W0603",
    "coefficients too small for the backend",
    "{count} coefficients below {limit:g} are taken for 0 by backend `{backend}`",
    "choose units in which they are larger",
    """\
Solvers drop coefficients below a threshold, because they cannot be told from rounding errors. The answer is still
judged on the model as written.

    1e-13 * x + y <= 1      # the first term is dropped
    x + y <= 1              # with x counted in units of 1e13
""",
)

NO_ANSWER = _code(
    "W0604",
    "backend gave up",
    "backend `{backend}` stopped without an answer: {message}",
    "try another algorithm (`optc backends {backend}` lists its options), or scale the model",
    """\
The backend ended its work without a point and without a reason why there is none, for numerical reasons. Models with
very large and very small coefficients are the usual cause; another algorithm, presolve switched off or other units
help most often.

    optc solve model.opt                          # stops with numerical trouble
    optc solve model.opt --option presolve=off    # may well work
""",
)

UNDEFINED_AT_ANSWER = _code(
    "W0606",
    "named expression without a value at the answer",
    "`{name}` has no value at the answer",
    "it is reported as `nan`; the answer itself holds",
    """\
A `let` that the objective and the constraints do not need is only a report. Where it divides by zero, or takes a
logarithm of what is not positive, at the values that were found, there is nothing to report.

    var x[I] >= 0
    let share[i in I] = x[i] / sum(x[j] for j in I)

has no value where all of `x` is zero; `if sum(x[j] for j in I) > 0 then … else 0` has.
""",
)

ALTERNATIVES = _code(
    "N0601",
    "fewer answers than asked for",
    "{given} given where {count} were asked for: {reason}",
    None,
    """\
`-n K` asks for several answers. Those are given that differ in a whole decision (binary, integer, spin or a choice):
each is forbidden by a cut, and what is left is solved again. So answers of a model of continuous decisions alone, which
are mostly as many as there are numbers, cannot be told apart; and a decision with more than two values needs bounds for
the cut. Where the time is over before it is known that there are no more, `alternatives_complete` is false.

    var x[Items] in [0, 1]     # -n 5 gives one answer
    var x[Items] binary        # -n 5 gives up to five
""",
)

LEFT_OUT = _code(
    "W0605",
    "a further answer does not hold",
    "a further answer of backend `{backend}` is left out: it violates `{where}` by {value}, more than {limit}",
    "scale the model so that its coefficients lie nearer to 1, or tighten the backend's tolerances",
    """\
Every answer asked for with `-n` is evaluated on the model as written, as the first one is. Here one breaks a constraint
by more than the tolerance; it is not among the alternatives, and they are not called complete.

    1e9 * x <= 1         # a violation of 1e-9 in x is 1 here
    x <= 1e-9            # the same, in units that suit x better
""",
)

TIGHTENING_ENDED = _code(
    "N0604",
    "not every bound was tightened",
    "bounds by optimisation are not complete: {reason}",
    "give it more time with `--tighten-limit`",
    """\
`--tighten` looks for the least and the largest value of each decision whose bounds become constants of rows. Where its
time is over before, those found so far are used, and the others stay as propagation through the rows left them. The
answer is as right as ever; the rows made may be weaker.

    optc solve plan.opt --tighten-limit 1s       # may end early
    optc solve plan.opt --tighten-limit 1m
""",
)

METHOD_OVERRULED = _code(
    "N0602",
    "`solve with` is overruled",
    "the model says `solve with {written}`; `{given}` was asked for and wins",
    None,
    """\
A model may name a method. What is given on the command line or in the call wins over it.

    solve with highs(presolve = "off")       # in the model
    optc solve model.opt --backend other     # wins
""",
)

NOT_COMPILED = _code(
    "N0605",
    "functions are not compiled",
    "functions and derivatives are evaluated by NumPy, since compiled code cannot be had: {reason}",
    "install a C compiler (`gcc` or `clang`; `pip install ziglang` brings one), or name it in the variable `CC`",
    """\
Functions of large nonlinear models and their derivatives are compiled while the solver works, by the system's C
compiler, and kept for the next run. Where there is none, or it fails, they are evaluated by NumPy: the answer is the
same, and large models take several times as long.

    CC=gcc optc solve model.opt
""",
)

OPEN_END = _code(
    "N0606",
    "how far the answer is from the best is not known",
    "the answer is a feasible point, and backend `{backend}` cannot tell how good it is: {reason}",
    "give the decisions bounds that keep functions away from where they have no value, and objectives from growing",
    """\
A search for a proved optimum ended without one: the objective seems to have no bound, or the search went to the edge of
a point where a function has no value, such as `log(x)` at 0, from where solvers keep a distance that the model does
not. The point was checked as any other; it comes without a bound.

    var x in [0, 1]
    minimize log(x)                # falls for ever towards 0
    var x in [0.001, 1]            # and has a least value here
""",
)

SOLVED_STRICTER = _code(
    "N0607",
    "solved again to a smaller tolerance",
    "the first answer of backend `{backend}` broke `{where}` by {value}, more than the tolerance {limit}; it was asked "
    "again, for {tolerance}",
    None,
    """\
Solvers judge on a scaled copy of the model, and an answer that holds there may break a row as it is written by a little
more than the tolerance. The backend is then asked once more, for a tolerance that is smaller by as much, and what comes
back is judged like any other answer. The model's own tolerance stays what it was.
""",
)

GAP_OF_ONE = _code(
    "N0608",
    "the gap counts in units of 1",
    "objective {objective} and bound {bound} differ by more than the gap of the objective itself: below 1 the gap "
    "{gap} is one of 1",
    "ask for a smaller `--gap`, or measure the objective in another unit",
    """\
An answer is optimal where |objective - bound| / max(1, |objective|) is at most the gap, so that an optimum of 0 can be
proved. An objective that is far below 1 because of its unit is then held to a gap that is wide for it.

    minimize 1e-6 * cost           # euros in millions: a gap of 1e-4 is a hundred euros
    optc solve model.opt --gap 1e-9
""",
)
