"""Habits of other languages, each refused with its mend: E0040 on."""

from __future__ import annotations

from ..diagnostics import Code

CODES: list[Code] = []


def _code(id_: str, title: str, fact: str, hint: str | None, explanation: str) -> Code:
    entry = Code(id_, title, fact, hint, explanation)
    CODES.append(entry)
    return entry


FOREIGN_SIGN = _code(
    "E0040",
    "a sign of another language",
    "`{sign}` is written `{ours}` here",
    "write `{ours}`",
    """\
The sign is understood, and the model is read as if it had been written as the hint says.

    let both[i in I] = a[i] > 0 && b[i] > 0
    let both[i in I] = a[i] > 0 and b[i] > 0
""",
)
FOREIGN_WORD = _code(
    "E0041",
    "a word of another language",
    "`{word}` is written `{ours}` here",
    "write `{ours}`",
    """\
The word is understood, and the model is read as if it had been written as the hint says.

    var x int
    var x integer
""",
)
FOREIGN_COMMENT = _code(
    "E0042",
    "a comment of another language",
    "a comment begins with `#`, not with `{mark}`",
    "begin the comment with `#`",
    """\
`#` begins a comment that goes to the end of the line, `##` one that documents the declaration under it. Division
without a remainder is `div`.

    var x    // litres
    var x    # litres
""",
)
OPEN_COMMENT = _code(
    "E0043",
    "comment not closed",
    "`/*` is no comment here, and its `*/` is missing too",
    "begin each line of the comment with `#`",
    """\
Comments begin with `#` and go to the end of the line. The text behind a `/*` without `*/` is not read.
""",
)
NOT_NEEDED = _code(
    "E0044",
    "not needed",
    "`{word}` is not needed here",
    "leave it out",
    """\
A model ends at the end of its file, and `subject to` opens its list without a colon or braces.

    subject to: {
      x >= 1
    }
    end

    subject to
      x >= 1
""",
)
TEXT_QUOTES = _code(
    "E0045",
    "text in other quotes",
    "a text stands in double quotes",
    "write double quotes",
    """\
Single quotes, typographic quotes and backquotes are those of other languages.

    param depot : string = 'north'
    param depot : string = "north"
""",
)
NO_SIGN = _code(
    "E0046",
    "product without a sign",
    "there is no `*` between `{left}` and `{right}`",
    "write `*` between them",
    """\
A product is always written with `*`.

    minimize 2x + x^2y
    minimize 2*x + x^2*y
""",
)
BRACES_FOR_INDICES = _code(
    "E0047",
    "indices in other brackets",
    "indices stand in `[ ]`, not in `{given}`",
    "write square brackets",
    """\
Braces hold sets and keyed literals, and round brackets the arguments of functions.

    var buy{f in Foods} >= 0
    var buy[f in Foods] >= 0
""",
)
SINGLE_EQUALS = _code(
    "E0048",
    "`=` in a comparison",
    "`=` gives a name its value; equality is `==`",
    "write `==`",
    """\
`=` gives a name its value in a declaration; what has to be equal is said with `==`.

    subject to balance: made = sold
    subject to balance: made == sold
""",
)
NAMED_BY_EQUALS = _code(
    "E0049",
    "objective named by `=`",
    "the name of an objective is followed by `:`",
    "write `{name}:`",
    """\
An objective has a name as a constraint has: in front, with a colon.

    maximize profit = price * sold
    maximize profit: price * sold
""",
)
TRAILING_FOR = _code(
    "E0050",
    "index list behind a constraint",
    "the index list of a constraint stands in front of it",
    "put the index list in brackets in front",
    """\
A constraint says in front, behind its name, for which indices it stands.

    subject to x[i] >= low[i] for i in I
    subject to floor[i in I]: x[i] >= low[i]
""",
)
FORALL = _code(
    "E0051",
    "`forall`",
    "a family of constraints has its index list in brackets, without `{word}`",
    "put the index list in brackets in front",
    """\
A constraint says in front, behind its name, for which indices it stands; the name may be left out.

    subject to forall(i in I) x[i] >= low[i]
    subject to for i in I: x[i] >= low[i]
    subject to floor[i in I]: x[i] >= low[i]
""",
)
FILTER_WORD = _code(
    "E0052",
    "condition of an index list",
    "the condition of an index list begins with `if`, not with `{word}`",
    "write `if`",
    """\
An index list is generators, then one condition behind `if`.

    sum(x[i] for i in I where i != k)
    sum(x[i] for i in I if i != k)
""",
)
SECOND_FOR = _code(
    "E0053",
    "a second `for`",
    "further indices follow behind a comma, without a second `for`",
    "write a comma",
    """\
The generators of an index list are separated by commas; a later one may use the indices of those before it.

    sum(x[i, j] for i in I for j in J)
    sum(x[i, j] for i in I, j in J)
""",
)
BRACED_AGGREGATE = _code(
    "E0054",
    "indices before the expression",
    "`{word}` takes one pair of brackets: the expression, `for`, and the indices",
    "write the indices behind the expression",
    """\
An aggregate reads as in Python and JuMP: the expression first, then the indices.

    minimize sum{f in Foods} cost[f] * buy[f]
    minimize sum(f in Foods) cost[f] * buy[f]
    minimize sum(cost[f] * buy[f] for f in Foods)
""",
)
INDICES_APART = _code(
    "E0055",
    "one pair of brackets an index",
    "all indices stand in one pair of brackets",
    "write a comma",
    """\
A family over several sets is one array, not an array of arrays.

    x[i][j]
    x[i, j]
""",
)
SET_BUILDER = _code(
    "E0056",
    "set-builder of another language",
    "a set is built with `for` and `if`, without `{sign}`",
    "write it with `for` and `if`",
    """\
A set reads as in Python: the member first, then the indices and the condition.

    set Odd = {d in Days : d mod 2 == 1}
    set Odd = {d for d in Days if d mod 2 == 1}
""",
)
COMMA_BETWEEN_ATTRIBUTES = _code(
    "E0057",
    "comma between attributes",
    "the attributes of a declaration follow one another without commas",
    "leave the comma out",
    """\
A comma separates names. Attributes stand behind the names, in any order, without one.

    var x >= 0, <= 10, integer
    var x >= 0 <= 10 integer
""",
)
NEW_DECLARATION = _code(
    "E0058",
    "a second declaration behind a comma",
    "`{name}` stands behind the attributes of the names before it",
    "begin a new declaration",
    """\
Names in a list come first, and the index list and the attributes behind them hold for all of them. Names with
attributes of their own have declarations of their own.

    var x >= 0, y binary
    var x >= 0; var y binary
""",
)
COMMAND = _code(
    "E0059",
    "a command",
    "`{word}` is a command, and a model holds none",
    "leave it out: `optc solve` prints the answer",
    """\
A model says who decides what; what is done with it is said on the command line or in Python.

    display x;
    optc solve model.opt
""",
)
SENSE_BEHIND_NAME = _code(
    "E0060",
    "objective that begins with its name",
    "`{word}` stands before the name of the objective",
    "write the sense, the name, a colon",
    """\
The sense comes first, as the keyword of the statement.

    cost: minimize sum(price[f] * buy[f] for f in Foods)
    minimize cost: sum(price[f] * buy[f] for f in Foods)
""",
)
TYPE_FIRST = _code(
    "E0061",
    "type before the name",
    "the type `{word}` stands before the name",
    "write the name first, and the type behind it",
    """\
A declaration begins with its keyword and its names; what is known of them follows.

    var int: crews
    var crews integer
""",
)
MACRO = _code(
    "E0062",
    "a macro of another language",
    "no statement begins with `@`",
    "begin with a keyword, as in `var x >= 0`, `minimize x`, `subject to x >= 1`",
    """\
Declarations, objectives and constraints are statements of the language, not calls.

    @variable(m, x[i in I] >= 0)
    var x[i in I] >= 0
""",
)
