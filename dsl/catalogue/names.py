"""Names: what is declared where, and what may be named from where (E01xx)."""

from __future__ import annotations

from ..diagnostics import Code

CODES: list[Code] = []


def _code(id_: str, title: str, fact: str, hint: str | None, explanation: str) -> Code:
    entry = Code(id_, title, fact, hint, explanation)
    CODES.append(entry)
    return entry


UNKNOWN_NAME = _code(
    "E0101",
    "name not declared",
    "`{name}` is not declared",
    "declare it, or correct its spelling",
    "Every name is declared once, anywhere in the model, before or after its use. Case counts: `Cost` and `cost` are"
    " two"
    " names.\n\n    param cost[Foods]\n    minimize sum(csot[f] * buy[f] for f in Foods)    # wrong\n"
    "    minimize sum(cost[f] * buy[f] for f in Foods)    # right",
)
DUPLICATE = _code(
    "E0102",
    "name declared twice",
    "`{name}` is {what}",
    "give one of the two another name",
    "Names are unique over the whole model, blocks included. Constraints and objectives are unique within their"
    " block,"
    " and differ from every other declared name. Functions have a name space of their own, since they are called with"
    " `(`.\n\n    param cap; subject to cap: x <= cap         # wrong\n"
    "    param cap; subject to limit: x <= cap       # right",
)
SHADOWED = _code(
    "E0103",
    "name shadowed",
    "`{name}` is {what} and may not be shadowed",
    "take another name",
    "Nothing is ever shadowed, indices included, so that a name means one thing wherever it stands. Only in a tuple"
    " pattern does a name in scope have a meaning: it fixes that member.\n\n"
    "    c[i in I]: sum(x[i] for i in I) <= 1              # wrong: `i` is taken\n"
    "    c[i in I]: sum(x[j] for j in I) <= 1              # right\n"
    "    c[i in I]: sum(x[i, j] for (i, j) in Arcs) <= 1   # right: the arcs out of `i`",
)
PREDECLARED = _code(
    "E0104",
    "predeclared name",
    "`{name}` is predeclared",
    "take another name",
    "`pi` is the number 3.14159… in every model and can not be declared again.\n\n"
    "    param pi[Players]      # wrong\n    param price[Players]   # right",
)
UNKNOWN_FUNCTION = _code(
    "E0105",
    "function not known",
    "`{name}` is no function",
    "define it with `def {name}(…) = …`, or correct its spelling",
    "What stands before `(` is a function: one of the language, a `def`, an `extern` or a `network`. A product is"
    " written"
    " with `*`.\n\n    minimize c(x + y)      # wrong\n    minimize c * (x + y)   # right",
)
UNKNOWN_AGGREGATE = _code(
    "E0106",
    "aggregate not known",
    "`{name}` does not aggregate over indices",
    "use one of `sum prod min max count norm1 norm2 norminf logsumexp`",
    "Only these run over `for`: `sum prod min max count norm1 norm2 norminf logsumexp`, and as constraints `sos1` and"
    " `sos2`.\n\n    total(x[i] for i in I)   # wrong\n    sum(x[i] for i in I)     # right",
)
INDEXED_NAME_CALLED = _code(
    "E0107",
    "indexed name called like a function",
    "`{name}` is {what}, which is indexed with `[ ]`",
    "write `{name}[…]`; for a product write `*`",
    "Functions are called with `(`, sets, parameters and decisions are indexed with `[`.\n\n"
    "    cost(f) * buy(f)   # wrong\n    cost[f] * buy[f]   # right",
)
FUNCTION_AS_VALUE = _code(
    "E0108",
    "function without arguments",
    "`{name}` is a function and needs its arguments in `( )`",
    "write `{name}(…)`",
    "A function is no value by itself.\n\n    minimize exp        # wrong\n    minimize exp(x)     # right",
)
LABEL_AS_VALUE = _code(
    "E0109",
    "constraint or objective used as a value",
    "`{name}` names a constraint or an objective, not a value",
    "to reuse its expression give that a name with `let`",
    "Constraints and objectives are named for messages, results and `dual(…)`. An expression that is used twice is"
    " named"
    " with `let`.\n\n    minimize total: c * x\n    subject to total <= 5                    # wrong\n\n"
    "    let spend = c * x\n    minimize total: spend\n    subject to spend <= 5                    # right",
)
MEMBER_OUTSIDE_DUAL = _code(
    "E0110",
    "block member outside `dual`",
    "`{text}` may stand inside `dual(…)` alone",
    "name a decision of a block by its own name",
    "Names are unique over the model, so a decision of a block needs no prefix; a dotted name is a constraint of a"
    " block"
    " and stands inside `dual(…)`.\n\n    minimize follower.y          # wrong\n"
    "    minimize y                   # right\n"
    "    minimize dual(follower.c1)   # right: a multiplier",
)
CYCLE = _code(
    "E0111",
    "cyclic definition",
    "`{name}` is defined by itself: {chain}",
    "break the cycle: give one of them a value of its own",
    "A set, parameter or named expression can not need its own value, on however long a way.\n\n"
    "    param a = b + 1; param b = 2 * a   # wrong\n    param a = 5; param b = 2 * a       # right",
)
RECURSIVE_FUNCTION = _code(
    "E0112",
    "recursive function",
    "`{name}` calls itself: {chain}",
    "define it without itself; for a sum or product over steps use an aggregate",
    "Functions are expanded where they are called, so none may call itself, not even through others.\n\n"
    "    def f(n) = n * f(n - 1)              # wrong\n    def f(n) = prod(k for k in 1..n)     # right",
)
FUNCTION_OF_OTHER_BLOCK = _code(
    "E0113",
    "function of an indexed block used outside it",
    "`{name}` is defined inside `{block}` and may name its indices; it can not be used here",
    "move the definition to the top, with the indices as arguments",
    "A function inside an indexed block may use the block's indices, which have no value elsewhere.\n\n"
    "    player firm[i in N] { def margin(p) = p - c[i] … }\n    def margin(p, i) = p - c[i]     # right: at the top",
)
EXPANSION_TOO_LARGE = _code(
    "E0117",
    "expansion too large",
    "the expansion of `{name}` has more than {limit} parts",
    "name parts of it with `let`: a named expression is computed once",
    "A function is written out at every call, so functions that call each other twice or more grow by a power at each"
    " level.\n\n    def f(t) = g(t) + g(t); def g(t) = h(t) + h(t); …      # doubles at each level\n"
    "    let v = …                                               # right: once, by name",
)
USE_NOT_FOUND = _code(
    "E0114",
    "module not found",
    "there is no {what} `{name}`",
    'write `use name` for a module of the standard library, `use "file.opt"` for a file beside the model',
    '`use graph` brings in a module of the standard library, `use "mine.opt"` a file in the folder of the model.\n\n'
    '    use mine          # wrong: no such module\n    use "mine.opt"    # right: a file beside the model',
)
USE_INSIDE_BLOCK = _code(
    "E0115",
    "`use` inside a block",
    "`use` stands at the top of a model, not inside a block",
    "move it out of the block",
    "What a module declares joins the whole model, so `use` stands outside all blocks.\n\n"
    "    lower f { use graph … }   # wrong\n    use graph\n    lower f { … }             # right",
)
UNUSED = _code(
    "W0116",
    "name never used",
    "the {what} `{name}` is never used",
    "remove it, or use it",
    "A parameter or decision that no objective, constraint or definition names has no effect on the answer; most"
    " often another name was meant.\n\n    param cost[I]; param costs[I]\n"
    "    minimize sum(cost[i] * x[i] for i in I)    # `costs` is never used",
)
UNUSED_INDEX = _code(
    "W0117",
    "index never used",
    "the index `{name}` is never used: every term is the same",
    "write `for {set}` if that is meant, else give `{name}` to a name in front",
    "The terms of an aggregate mostly differ by its index. In the block of a player `q` is the player's own decision"
    " and `q[j]` anyone's.\n\n"
    "    player firm[i in N] { var q; maximize (10 - sum(q for j in N)) * q }      # warned about\n"
    "    player firm[i in N] { var q; maximize (10 - sum(q[j] for j in N)) * q }   # right",
)
