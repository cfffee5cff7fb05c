"""Rules of declarations and constraints (E03xx)."""

from __future__ import annotations

from ..diagnostics import Code

CODES: list[Code] = []


def _code(id_: str, title: str, fact: str, hint: str | None, explanation: str) -> Code:
    entry = Code(id_, title, fact, hint, explanation)
    CODES.append(entry)
    return entry


# ------------------------------------------------------------------------------------------------ declarations
ATTRIBUTE_NOT_HERE = _code(
    "E0301",
    "attribute that does not belong here",
    "{what} takes no `{word}`",
    None,
    "Sets take `within`, `=` and `default`; parameters a type after `:`, relations, `in`, `=` and `default`;"
    " variables"
    " bounds, a domain word and `start`; choices `from`.\n\n    var x = 5          # wrong\n"
    "    var x start 5      # right: where the search begins\n"
    "    let x = 5          # right: a name for a value",
)
ATTRIBUTE_TWICE = _code(
    "E0302",
    "attribute twice",
    "`{word}` is given twice",
    "keep one of the two",
    "Each attribute stands once, in any order.\n\n    var x >= 0 >= 1   # wrong\n    var x >= 1        # right",
)
VALUE_AND_DEFAULT = _code(
    "E0303",
    "value and default",
    "`{name}` has a value, so its default is never used",
    "keep `=` for a fixed value, or `default` for one that data may replace",
    "A parameter with `=` takes no data; with `default` it takes them where they are given.\n\n"
    "    param n = 5 default 6   # wrong\n    param n default 6       # right",
)
UNKNOWN_TYPE = _code(
    "E0304",
    "type not known",
    "`{name}` is no type of a parameter",
    "write `: real`, `: integer` or `: string`",
    "Parameters are `real` unless they say `: integer` or `: string`.\n\n    param n : int       # wrong\n"
    "    param n : integer   # right",
)
DOMAINS_CLASH = _code(
    "E0305",
    "two domains",
    "`{one}` and `{other}` exclude each other",
    "keep one of the two",
    "A variable has one domain: real, `integer`, `binary`, `spin`, `semicontinuous`, `simplex` or `psd`.\n\n"
    "    var x integer binary   # wrong\n    var x binary           # right",
)
BOUND_TWICE = _code(
    "E0306",
    "bound twice",
    "`{name}` has two {side} bounds",
    "keep one of the two; a second one can be a constraint",
    "Each side has one bound, so that none is overlooked.\n\n    var x >= 0 in [1, 5]   # wrong\n"
    "    var x in [1, 5]        # right",
)
STRICT_BOUND = _code(
    "E0307",
    "strict bound",
    "`{word}` can not bound the variable `{name}`",
    "write `>=` or `<=`; over whole numbers `> 0` is `>= 1`",
    "An open set has no smallest member, so an optimum may not exist.\n\n    var x > 0              # wrong\n"
    "    var x >= 0             # right\n    var n integer >= 1     # right, for `n > 0`",
)
NOT_AN_INTERVAL = _code(
    "E0308",
    "no interval",
    "`{text}` is no interval",
    "write `in [lower, upper]`",
    "The bounds of a variable are written as an interval.\n\n    var x in 0..5              # wrong\n"
    "    var x integer in [0, 5]    # right: whole numbers\n    var x in [0, 5]            # right: all between",
)
BOUNDS_CROSS = _code(
    "E0309",
    "bounds that cross",
    "no value of `{name}` is at least {lower} and at most {upper}{whole}",
    "correct one of the bounds",
    "A variable whose lower bound is above its upper bound has no value; that is a mistake in the model, not an"
    " infeasible problem.\n\n    var x in [5, 2]   # wrong\n    var x in [2, 5]   # right",
)
BOUND_INFINITE = _code(
    "E0310",
    "infinite bound on the wrong side",
    "the {side} bound of `{name}` leaves it no finite value",
    "leave the bound out",
    "`<= inf` and `>= -inf` say nothing; the other way round no number is left.\n\n    var x >= inf   # wrong\n"
    "    var x          # right",
)
BOUND_HOLDS_OWN_DECISION = _code(
    "E0311",
    "decision in a bound",
    "the bound `{text}` of `{name}` holds `{decision}`, {where}",
    "write it as a constraint under `subject to`",
    "Bounds are data, or decisions of a block around: those become constraints. A relation between decisions of one"
    " block"
    " is a constraint.\n\n    var x; var y in [0, x]          # wrong\n    var x; var y >= 0\n"
    "    subject to y <= x               # right",
)
BOUND_HOLDS_DUAL = _code(
    "E0312",
    "dual in a bound",
    "the bound `{text}` holds a dual",
    "write it as a constraint under `subject to`",
    "`dual(…)` stands in the leader's objective and constraints.\n\n    var x <= dual(f.c)         # wrong\n"
    "    subject to x <= dual(f.c)  # right",
)
SPIN_WITH_BOUNDS = _code(
    "E0313",
    "spin with bounds",
    "`{name}` is a spin, -1 or +1, and takes no bounds",
    "leave the bounds out; fix a spin with a constraint",
    "A spin has two values, -1 and +1, and nothing between.\n\n    var s[V] spin in [-1, 1]   # wrong\n"
    "    var s[V] spin              # right",
)
FREE_WITH_BOUNDS = _code(
    "E0314",
    "free with bounds",
    "`{name}` is declared free and has a bound",
    "keep `free` or the bound",
    "`free` says that there is no bound.\n\n    var x free >= 0   # wrong\n    var x >= 0        # right",
)
SIMPLEX_WITHOUT_INDEX = _code(
    "E0315",
    "simplex without indices",
    "`{name}` has no indices of its own to sum over",
    "declare its set: `var p[A] simplex`",
    "`simplex` says that the entries over the declaration's own indices are non-negative and sum to one.\n\n"
    "    var p simplex      # wrong\n    var p[A] simplex   # right",
)
PSD_NOT_SQUARE = _code(
    "E0316",
    "psd that is not square",
    "`{name}` is no square matrix over its own indices",
    "give it two indices over the same set: `var Z[I, I] psd`",
    "`psd` makes a symmetric positive semidefinite matrix of the declaration's own two indices.\n\n"
    "    var Z[I] psd      # wrong\n    var Z[I, I] psd   # right",
)
SEMICONTINUOUS_WITHOUT_BOUND = _code(
    "E0317",
    "semicontinuous without an upper bound",
    "`{name}` is semicontinuous and has no finite upper bound",
    "give both ends: `semicontinuous in [2, 10]`",
    "A semicontinuous variable is 0 or between its bounds.\n\n    var b semicontinuous >= 2         # wrong\n"
    "    var b semicontinuous in [2, 10]   # right",
)
START_HOLDS_DECISION = _code(
    "E0318",
    "decision in a start",
    "the start `{text}` holds a decision",
    "give a number or data",
    "A start is known before anything is decided.\n\n    var y start x     # wrong\n    var y start 0.5   # right",
)
START_OUTSIDE = _code(
    "N0319",
    "start outside the bounds",
    "the start {start} of `{name}` is outside its bounds and is moved to {nearest}",
    None,
    "A start has to satisfy the bounds; it is moved to the nearest one.\n\n    var x in [0, 1] start 5   # moved to 1",
)
DATA_HOLDS_DECISION = _code(
    "E0320",
    "decision in data",
    "`{text}` holds {what}, and data are known before anything is decided",
    "name an expression of decisions with `let`",
    "Parameters, their checks and regions are data.\n\n    param spend = c * x   # wrong\n"
    "    let spend = c * x     # right",
)
CHOICE_WITHOUT_OPTIONS = _code(
    "E0321",
    "choice without options",
    "the choice `{name}` says not from what",
    "write `choose … from Options`",
    "A choice takes one option for each of its groups.\n\n    choose z[Layers]             # wrong\n"
    "    choose z[Layers] from Bits   # right",
)
OPTIONS_ARE_TUPLES = _code(
    "E0322",
    "options that are tuples",
    "the options of `{name}` are tuples, and a choice takes a single value",
    "number the options, and look their parts up in parameters",
    "A choice is one number or one text.\n\n    choose leg from Arcs                        # wrong\n"
    "    choose leg from 1..n                        # right, with `param from_[1..n]` and `param to[1..n]`",
)
NO_OPTION = _code(
    "E0323",
    "comparison with what is no option",
    "`{text}` is no option; the options are {options}",
    "compare with one of the options",
    "A choice compared with what it can not take is always false.\n\n    choose z[L] from {2, 4, 8}\n"
    "    count(z[l] == 3 for l in L)   # wrong\n    count(z[l] == 4 for l in L)   # right",
)
# ------------------------------------------------------------------------------------------------- constraints
NOT_A_RELATION = _code(
    "E0324",
    "constraint without a relation",
    "`{text}` is no constraint",
    "write a relation with `<=`, `>=` or `==`",
    "A constraint is a relation, an indicator `condition => relation`, a complementarity `a complements b`, or"
    " `sos1` or"
    " `sos2` over indices.\n\n    subject to x + y         # wrong\n    subject to x + y <= 1    # right",
)
STRICT_RELATION = _code(
    "E0325",
    "strict relation",
    "`{operator}` can not be a constraint",
    "write `<=` or `>=`; over whole numbers `a > b` is `a >= b + 1`",
    "A strict inequality has no closest point, and no solver works with it. Over whole numbers it is exact to move by"
    " one.\n\n    x < y          # wrong\n    x <= y         # right\n    n >= m + 1     # right, for whole `n > m`",
)
NOT_EQUAL = _code(
    "E0326",
    "`!=` as a constraint",
    "`!=` can not be a constraint",
    "for choices write `(a == b) == 0`; for numbers declare a binary and write `b == 1 => x <= y - 1`, `b == 0 => x"
    " >= y + 1`",
    "`x != y` leaves two separate regions. For choices it is a sum of products; for whole numbers a binary says"
    " which side"
    " holds.\n\n    z[1] != z[2]                # wrong\n    (z[1] == z[2]) == 0         # right, for choices",
)
CHAIN = _code(
    "E0327",
    "relations that do not chain",
    "relations with {operators} do not chain",
    "write {parts} separately",
    "Only `<=` chains with `<=`, and `>=` with `>=`; `==` never chains.\n\n    0 <= x >= y               # wrong\n"
    "    0 <= x <= y               # right\n    a == b == c               # wrong\n"
    "    a == b; b == c            # right",
)
LONG_CHAIN = _code(
    "E0328",
    "chain with too many sides",
    "a constraint chains at most three sides; here are {count}",
    "write it as several constraints",
    "A range `lower <= expression <= upper` is one row.\n\n    a <= b <= c <= d         # wrong\n"
    "    a <= b <= c; c <= d      # right",
)
CONSTANT_FALSE = _code(
    "E0329",
    "constraint that is false",
    "`{text}` holds for no decision: it has no variables and is false",
    "correct it or remove it",
    "A constraint without variables is kept and checked; where it is false the model is wrong, not infeasible.\n\n"
    "    subject to 2 <= 1   # wrong",
)
TEXT_IN_CONSTRAINT = _code(
    "E0330",
    "text in a constraint",
    "`{text}` is a text, and constraints relate numbers",
    'put the comparison behind `if` or `=>`; for a choice write `(z == "option") == 1`',
    'Comparisons of texts select rows and state conditions.\n\n    z[1] == "small"            # wrong\n'
    '    (z[1] == "small") == 1     # right',
)
CONDITION_FORM = _code(
    "E0331",
    "condition on decisions",
    "`{text}` holds {what} in a form that no condition may have",
    "write `(binary == 0)`, `(binary == 1)` or `(choice == option)`, joined by `and or not`; else let a binary stand"
    " for it",
    "Left of `=>` stand binaries compared with 0 or 1, choices compared with an option, and data, with `and or"
    " not`.\n\n"
    "    x >= 5 => y <= 1                       # wrong, for a real `x`\n"
    "    big == 1 => y <= 1; big == 0 => x <= 5    # right, with `var big binary`",
)
CONCLUSION_NOT_ROW = _code(
    "E0332",
    "conclusion that is no relation",
    "`{text}` is no relation",
    "right of `=>` write a linear relation with `<=`, `>=` or `==`",
    "An indicator switches one linear row on.\n\n    b == 1 => x                      # wrong\n"
    "    b == 1 => x <= 1                 # right",
)
AT_LEAST = _code(
    "E0348",
    "`=>` between numbers",
    "`=>` stands behind a condition, and here are numbers on both sides",
    "write `>=`",
    "`=>` is an implication; at least is `>=`.\n\n    x + y => 3     # wrong\n    x + y >= 3     # right",
)
CONCLUSION_NOT_LINEAR = _code(
    "E0333",
    "conclusion that is not linear",
    "`{text}` is not linear in the decisions",
    "name the nonlinear part as a variable with a constraint of its own, and use that here",
    "Right of `=>` stands a linear row.\n\n    b == 1 => x^2 <= 4             # wrong\n"
    "    s == x^2; b == 1 => s <= 4     # right",
)
COMPLEMENTS_FORM = _code(
    "E0334",
    "complementarity of the wrong form",
    "`{text}` does not pair two inequalities",
    "write two single inequalities, or a range and an expression: `0 <= x <= 1 complements f`",
    "One of two inequalities holds with equality; with a range the expression's sign goes with the end that is"
    " met.\n\n"
    "    x complements y >= 0           # wrong\n    x >= 0 complements y >= 0      # right",
)
COMPLEMENTS_EQUATION = _code(
    "E0335",
    "equation in a complementarity",
    "`{text}` is an equation",
    "write an inequality on each side",
    "An equation is always met with equality, so there is nothing to complement.\n\n"
    "    x == 0 complements y >= 0   # wrong\n    x >= 0 complements y >= 0   # right",
)
COMPLEMENTS_WITHOUT_DECISION = _code(
    "E0336",
    "complementarity without decisions",
    "neither side holds a decision",
    "put a decision on one side at least",
    "A complementarity states something about decisions.\n\n    1 >= 0 complements 2 >= 0     # wrong\n"
    "    x >= 0 complements 2 - x >= 0 # right",
)
ORDERED_SET_OF = _code(
    "E0337",
    "ordered set of expressions",
    "`{text}` is no entry of a variable",
    "`{name}` runs over entries of a variable: `{name}(w[i] for i in I)`",
    "At most one member of an `sos1` is non-zero, and of an `sos2` two neighbours.\n\n"
    "    sos1(2*w[i] for i in I)   # wrong\n    sos1(w[i] for i in I)     # right",
)
ORDERED_SET_AS_VALUE = _code(
    "E0338",
    "ordered set inside an expression",
    "`{name}` is a constraint by itself, not a value",
    "write it alone under `subject to`",
    "`sos1` and `sos2` are constraints.\n\n    sos1(w[i] for i in I) <= 1   # wrong\n"
    "    sos1(w[i] for i in I)        # right",
)
AGGREGATE_WITHOUT_FOR = _code(
    "E0339",
    "aggregate without `for`",
    "`{text}` runs over nothing",
    "write `{name}(… for i in I)`",
    "Aggregates run over indices; only `min` and `max` take a plain list.\n\n    sum(x)                    # wrong\n"
    "    sum(x[i] for i in I)      # right",
)
TOO_DEEP = _code(
    "E0347",
    "expression nested too deeply",
    "more than {limit} expressions stand inside each other here",
    "name parts of it with `let`",
    "Expressions are walked recursively by every later step, so their depth is limited. Sums, products and conditions"
    " may be as long as they like.\n\n    let a = …\n    let b = … a …",
)
# --------------------------------------------------------------------------------------------------- piecewise
PIECEWISE_LIST = _code(
    "E0340",
    "breakpoints that are no list",
    "`{text}` is no list",
    "write `piecewise(x, [breakpoints], [values])`",
    "The second argument of `piecewise` lists the breakpoints, the third the values there.\n\n"
    "    piecewise(x, 0, 1)              # wrong\n    piecewise(x, [0, 5], [0, 3])    # right",
)
PIECEWISE_LENGTHS = _code(
    "E0341",
    "breakpoints and values of different length",
    "{points} breakpoints and {values} values are given",
    "give one value for each breakpoint, two at least",
    "`piecewise` is linear between its points and goes on by its last slopes, so it needs two points or more.\n\n"
    "    piecewise(x, [0, 5], [0])      # wrong\n    piecewise(x, [0, 5], [0, 3])   # right",
)
PIECEWISE_ORDER = _code(
    "E0342",
    "breakpoints out of order",
    "the breakpoint `{text}` does not come after `{before}`",
    "list the breakpoints in increasing order",
    "Breakpoints increase strictly; a jump is no continuous function.\n\n"
    "    piecewise(x, [0, 5, 3], [0, 1, 2])   # wrong\n    piecewise(x, [0, 3, 5], [0, 2, 1])   # right",
)
PIECEWISE_DATA = _code(
    "E0343",
    "decision among the breakpoints",
    "`{text}` holds {what}, and the points of `piecewise` are data",
    "give numbers or data",
    "Only the first argument is decided.\n\n    piecewise(x, [0, y], [0, 1])   # wrong\n"
    "    piecewise(x, [0, 5], [0, 1])   # right",
)
# ----------------------------------------------------------------------------------------------------- methods
SOLVE_INSIDE_BLOCK = _code(
    "E0344",
    "`solve with` inside a block",
    "`solve with` speaks of the whole model",
    "move it out of the block",
    "The method is chosen for the model as a whole.\n\n    lower f { … solve with kkt() }    # wrong\n"
    "    lower f { … }\n    solve with kkt()                  # right",
)
TWO_SOLVE = _code(
    "E0345",
    "`solve with` twice",
    "the model already says how to solve it",
    "chain methods with `then`: `solve with a(…) then b(…)`",
    "One statement names the whole chain.\n\n    solve with a()\n    solve with b()            # wrong\n"
    "    solve with a() then b()   # right",
)
OPTION_VALUE = _code(
    "E0346",
    "option that is not written out",
    "the option `{name}` is given `{text}`, which is no number, text or word",
    "write a number, a text in double quotes, or a word",
    "Options are settled before data are known.\n\n    solve with lv_hba(tol = 1/1000)   # wrong\n"
    "    solve with lv_hba(tol = 1e-3)     # right",
)
