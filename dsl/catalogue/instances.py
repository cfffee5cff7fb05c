"""Codes of the instance: what a model and its data together get wrong, and why a structure is not as hoped."""

from __future__ import annotations

from ..diagnostics import Code

CODES: list[Code] = []


def _code(id_: str, title: str, fact: str, hint: str | None, explanation: str) -> Code:
    entry = Code(id_, title, fact, hint, explanation)
    CODES.append(entry)
    return entry


UNDEFINED_VALUE = _code(
    "E0801",
    "an expression without a value",
    "`{expression}` has no value{where}: {reason}",
    "leave such rows out with `if`, or mend the data",
    """An expression is evaluated at numbers for which the mathematics gives nothing: a zero denominator, `log` of
nothing positive, `min` over an empty set, an entry that its family does not have. Such a point is refused instead of
being carried on as NaN. With

    param share[i in I] = cost[i] / total[i]

and a `total` of 0 the row has no value. Rows that are filtered out and branches that are not taken are not evaluated,
so either of these mends it:

    param share[i in I] = if total[i] > 0 then cost[i] / total[i] else 0
    minimize sum(cost[i] / total[i] * x[i] for i in I if total[i] > 0)""",
)

NO_ENTRY = _code(
    "E0802",
    "an entry that is not there",
    "{entry} does not exist{where}: {family} has no such index",
    "leave such rows out with `if`, or widen the index set of {family}",
    """A family is used at an index that is not in its index set. Over sets of text this is found without data; over
numbers, and over computed members, it is seen row by row. With

    set T = 1..7
    var stock[T] >= 0
    subject to
      balance[t in T]: stock[t] == stock[t-1] + 1

the row of `t = 1` asks for `stock[0]`. The mend is a filter, and a constraint of its own for the first member:

    balance[t in T if t > first(T)]: stock[t] == stock[t-1] + 1""",
)

NOT_WITHIN = _code(
    "E0803",
    "a member outside the declared superset",
    "{member} is in {set}, but not in {superset}",
    "add it to {superset}, or take it out of {set}",
    """`set Arcs within Cities * Cities` promises that every member of `Arcs` is a pair of cities; the data break it.
The message names the first such member. Often a name is spelt in two ways, or a city is missing from `Cities`.

    set Cities = {"Bonn", "Kiel"}
    set Arcs within Cities * Cities = {("Bonn", "Kiehl")}

is mended by writing `"Kiel"`.""",
)

CHECK_FAILED = _code(
    "E0804",
    "data that break a declared condition",
    "{entry} is {value}, but must be {condition}",
    "mend the data, or the condition on {family}",
    """A parameter may carry conditions on its data, such as `param cost[Foods] >= 0`; an entry breaks one.

    param cost[Foods] >= 0 = {"corn": -3}

is mended by a cost that is not negative, or by leaving the condition out.""",
)

CROSSED_BOUNDS = _code(
    "E0805",
    "bounds that cross",
    "the bounds of {entry} cross: {lower} is above {upper}",
    "mend the data of the bounds, or the order of the two",
    """The lower bound of a decision is above its upper bound, so no value is left for it. This is taken for a mistake
in the data, not for an infeasible model. Bounds of whole-numbered decisions are rounded inwards first.

    var x integer in [0.2, 0.8]

has no whole number between its bounds. The mend is a wider interval, or a decision that is not `integer`.""",
)

SETS_OF_TEXT = _code(
    "E0806",
    "an index over another set",
    "an index over {used} stands where {declared} is declared, and their members are text",
    "declare {used} within {declared}, or index over {declared}",
    """Sets of text and of tuples act as types: an index over one set may not stand where another is declared unless one
of them is within the other. Sets of numbers are all one type. Where members come from data, this is known only with
them.

    set Farms
    set Shops
    param price[Shops]
    var sold[Farms] >= 0
    minimize sum(price[f] * sold[f] for f in Farms)

The mend is `set Farms within Shops`, where that is meant, or an index over `Shops`.""",
)

FALSE_ROW = _code(
    "E0807",
    "a constraint without decisions that is false",
    "{row} holds no decision, and its numbers miss the relation by {amount}",
    "leave the row out with `if`, or mend the data",
    """A row of a constraint has no decision left in it, and the numbers alone break it: no choice of the decisions can
help. This is taken for a mistake in the model or its data. It often comes from a sum over an empty set:

    need[d in Depots]: sum(ship[s, d] for (s, d) in Routes) >= demand[d]

is `0 >= demand[d]` for a depot without routes. The mend is a route, or `[d in Depots if demand[d] > 0]` with the data
put right.""",
)

START_MOVED = _code(
    "N0808",
    "a start outside its bounds",
    "the start of {entry} is moved from {start} to {moved}, the nearest value within its bounds{more}",
    None,
    """A start (`var x in [0, 1] start 3`) lies outside the bounds of its decision, or is not whole where the decision
is. The nearest value that the bounds allow is taken. Nothing else changes; mend the start to be rid of the note.""",
)

NOT_A_WHOLE_NUMBER = _code(
    "E0809",
    "a range whose ends are not whole",
    "the range `{expression}` has the end {value}{where}, which is not a whole number",
    "round it with floor or ceil",
    """`a..b` is the run of whole numbers from `a` to `b`; both ends must be whole.

    param horizon = 7.5
    set Days = 1..horizon

is mended by `1..floor(horizon)`.""",
)

NOT_LINEAR = _code(
    "E0810",
    "not linear in the decisions",
    "`{expression}` is not linear in the decisions: {reason}",
    None,
    """A route to a linear solver needs every constraint and the objective to be sums of decisions times data. The
message shows the first part that is not: a product of decisions, a function of a decision, a decision in a
denominator. `optc explain MODEL` lists the routes that take such a model.

    minimize x * y

is quadratic; with `y` given as data it is linear.""",
)

NOT_QUADRATIC = _code(
    "E0811",
    "not quadratic in the decisions",
    "`{expression}` is not quadratic in the decisions: {reason}",
    None,
    """A route to a quadratic solver needs an objective that is a sum of data times products of at most two decisions,
and linear constraints. The message shows the first part that is more than that, such as `x^3` or `exp(x)`.

    minimize (x - 1)^4

is not quadratic; `minimize (x - 1)^2` is.""",
)

NOT_IN_FORM = _code(
    "E0812",
    "outside the form of a route",
    "{what} cannot stand in a {form} form",
    None,
    """A route asks for a form that has no place for a part of the model, such as a complementarity condition, a matrix
decision, or a block with another decider. `optc explain MODEL` lists the routes that take it.

    slack >= 0 complements 1 - x >= 0

needs a route for complementarity; a linear form has none.""",
)

NO_DECISIONS = _code(
    "E0813",
    "no such decision",
    "there is no {what} `{name}`{near}",
    "name one of: {names}",
    """An operation on a model names a symbol that the model does not have, or one of another kind: `update` takes
parameters and sets, `fix` takes decisions.

    problem.update(costs=3)

is mended by the declared name, `cost`.""",
)

NOT_CONVEX = _code(
    "E0814",
    "a block that is not convex",
    "the objective of `{block}` is not {word} in its own decisions: its matrix of second derivatives is {found}",
    "choose a method that solves such a block as it is, or mend the objective",
    """Replacing a block by its optimality conditions is right only where every stationary point is an optimum: the
objective must be convex (of a maximisation: concave) in the block's own decisions, and its constraints linear. With

    lower follower {
      var y in [0, 1]
      minimize -y^2
    }

the point `y = 0` is stationary, but no optimum. Where data decide the matter, it is judged with them.""",
)

STRUCTURAL = _code(
    "E0815",
    "a parameter that shapes index sets in a batch",
    "`{name}` shapes an index set, a filter or an index, so it cannot differ within a batch",
    "lower the instances one by one, with `update`",
    """A batch holds many problems of one structure: the same rows and columns, other numbers. A parameter that
decides which rows there are has no place in it. With

    param n : integer
    set T = 1..n

the parameter `n` cannot be swept in a batch; a parameter that stands only in coefficients, right sides, objectives
or bounds can.""",
)

INFINITE_BOUND = _code(
    "E0816",
    "a bound that no number meets",
    "{entry} is asked to be {relation}, which no number is",
    "mend the data: `inf` stands for no upper bound, `-inf` for no lower one",
    """Infinite bounds mean that there is no bound: `x <= inf` and `x >= -inf` always hold. The other way round no
number will do, and a mistake in the data is likely, often a default of the wrong sign.

    param most[I] default -inf
    subject to
      limit[i in I]: x[i] <= most[i]

is mended by `default inf`.""",
)

COEFFICIENT = _code(
    "E0817",
    "a coefficient that no solver can use",
    "{what} in {where} is {value}: {limit}",
    "mend the data, or measure in other units so that the numbers lie closer together",
    """Solvers calculate with about 16 digits. A coefficient that overflows, or that is larger by many powers of ten
than the tolerance of a row, leaves nothing of the answer's digits.

    param pressure = 2e17          # pascal
    subject to
      most: pressure * x <= 1e18

is mended by other units: `pressure = 2e8` in gigapascal, and `<= 1e9`. A large number that stands for "no limit" is
better left out, or written `inf` as a bound.""",
)

NOT_SMOOTH = _code(
    "E0818",
    "a part without derivatives",
    "`{expression}` has no derivatives to calculate with: {reason}",
    "write it without kinks or steps, or use a route that removes them (`optc explain` lists the routes)",
    """Nonlinear solvers follow first and second derivatives. What jumps or has a kink (`abs`, `min`, `max`, `floor`,
`piecewise`, a condition on a decision) has none there.

    minimize abs(x - 1) + exp(x)

is mended by a decision `t` with `t >= x - 1` and `t >= 1 - x` in place of the `abs`, or by a smooth function such as
`sqrt((x - 1)^2 + 1e-6)`.""",
)

UNDEFINED_SLOPE = _code(
    "E0819",
    "a derivative without a value",
    "`{expression}`{where} has a value, but its derivative by `{entry}` has none",
    "start the decisions away from that point, or bound them away from it",
    """A function may have a value where its derivative has none: `sqrt(x)` and `x^0.5` at 0, `asin(x)` at 1,
`norm2` of decisions that are all 0.

    var x >= 0 start 0
    minimize sqrt(x) + (x - 1)^2

is mended by `start 1`, or by a bound `x >= 1e-6`.""",
)

NOT_CURVED = _code(
    "E0825",
    "not convex, and where",
    "`{expression}` is not {wanted}{where}: {reason}",
    None,
    """A problem is convex where it minimises something convex (or maximises something concave) under constraints
`convex <= concave` and `affine == affine`. Then a local optimum is a global one and a bound proves it. The compiler
goes through an expression part by part: a sum of convex parts is convex, so is a convex function of something affine, a
rising convex function of something convex, a quadratic form whose matrix is positive semidefinite, and more. The
message shows the first part of which that cannot be said, over the values that the bounds of the decisions leave.
A second-order cone may be written by its squares, `x^2 + y^2 <= t^2`, where `t >= 0` is known; without that the row
holds in the cone and in its mirror image, which together are not convex.

    var x >= 0
    minimize x - sqrt(x)     # convex: minus a concave part
    subject to
      least: x^3 >= 8        # not convex: x^3 is convex where a concave part is wanted; x >= 2 says the same

The mend is another way to write the same, such as `log` of both sides of a product, or tighter bounds where the sign of
a decision decides. Where the model is not convex, leave it: routes that need no convexity take it.""",
)

NO_CONE = _code(
    "E0826",
    "convex, but in no cone that a conic solver knows",
    "`{expression}` is not written in cones: {reason}",
    None,
    """A conic solver takes linear rows, second-order, exponential and power cones and semidefinite matrices. Most
convex expressions are made of these (squares, norms, `exp`, `log`, `entropy`, `kl`, powers, geometric means,
`logsumexp`, `max`, `min`, `abs`); some are convex for another reason, such as `sin` between pi and 2*pi.

    var x in [4, 5]
    minimize sin(x)

is left to a nonlinear route.""",
)
