"""Codes of syntax: E0001 to E0031 and W00xx. Habits of other languages (E0040 on) stand in habits.py."""

from __future__ import annotations

from ..diagnostics import Code

CODES: list[Code] = []


def _code(id_: str, title: str, fact: str, hint: str | None, explanation: str) -> Code:
    entry = Code(id_, title, fact, hint, explanation)
    CODES.append(entry)
    return entry


# ---------------------------------------------------------------------------------------------------- what stands where
UNEXPECTED = _code(
    "E0001",
    "unexpected word or sign",
    "expected {expected}, found {found}",
    None,
    """\
At this place the language allows only what the message lists. The rest of the statement is skipped; the statements
around it are read as usual.

    param cost[Foods] >=          # an expression is missing behind the relation
    param cost[Foods] >= 0
""",
)
MISSING_OPERATOR = _code(
    "E0002",
    "operator missing between two operands",
    "there is no operator between `{left}` and `{right}`",
    "write an operator between them, such as `*`",
    """\
Two names, numbers or brackets never stand side by side: a product is written with `*`.

    minimize 3 x + y
    minimize 3*x + y
""",
)
UNKNOWN_ATTRIBUTE = _code(
    "E0003",
    "unknown attribute",
    "`{word}` is no attribute of a declaration",
    "use a relation, `in`, `within`, `=`, `default`, `start`, `from`, `:` or a property such as `binary`",
    """\
Behind the name and the index list of a declaration stand its attributes, in any order: relations (`>= 0`), `in`,
`within`, `=`, `default`, `start`, `from`, a type behind `:`, and the properties `binary integer free spin simplex psd
semicontinuous string real`.

    var open[Sites] bianry
    var open[Sites] binary
""",
)
HARD_WORD = _code(
    "E0004",
    "a word of the language used as a name",
    "`{word}` is a word of the language and cannot be a name",
    "choose another name, such as `{word}_`",
    """\
`in for if then else and or not mod div inf sum prod` are never names. All other keywords may be names too.

    param mod = 3
    param mod_ = 3
""",
)
CONDITIONAL_OPERAND = _code(
    "E0005",
    "`if` inside an expression without brackets",
    "`if … then … else …` stands in brackets when it is part of a larger expression",
    "put `(` before `if` and `)` behind what belongs to `else`",
    """\
`if c then a else b` takes everything behind `else` with it. As an operand it has to say where it ends.

    let price[i in I] = base[i] + if bulk[i] > 0 then 3 else 5
    let price[i in I] = base[i] + (if bulk[i] > 0 then 3 else 5)
""",
)
NO_STATEMENT = _code(
    "E0006",
    "not a statement",
    "this is neither a declaration nor a constraint",
    "begin with a keyword such as `set`, `param`, `var`, `let`, `minimize` or `subject to`",
    """\
A model is a list of statements: declarations, objectives, constraints behind `subject to`, blocks. An expression alone
says nothing.

    cost * x
    minimize cost * x
""",
)
OUTSIDE_LIST = _code(
    "E0007",
    "constraint outside a list",
    "a constraint belongs behind `subject to`",
    "begin the list with `subject to`",
    """\
`subject to` opens a list of constraints, which ends at the next declaration or at the `}` of a block. A constraint
anywhere else is refused, since it may be a misspelt declaration.

    minimize x
    floor: x >= 3

    minimize x
    subject to
      floor: x >= 3
""",
)
TOO_DEEP = _code(
    "E0008",
    "nested too deeply",
    "more than {limit} {what} are open here",
    "give parts of the expression names of their own with `let`",
    """\
Brackets may stand in one another 100 deep, blocks 20 deep. Long sums do not count: only what is open at once does.
A `let` takes a part out and gives it a name.
""",
)
TOO_MANY_OPEN = _code(
    "E0009",
    "nested too deeply",
    "more than {limit} parts of this statement are unfinished here",
    "give parts of the expression names of their own with `let`",
    """\
Every open bracket, every sign before an operand, every `^` and every `else if` leaves parts that are unfinished until
the innermost one is read. So many are refused, so that no later step of the compiler can run out of room. Sums,
products and lists may be as long as they like.
""",
)

# ------------------------------------------------------------------------------------------------ brackets and lines
NOT_CLOSED = _code(
    "E0010",
    "bracket not closed",
    "`{bracket}` is not closed",
    "close it with `{closer}`",
    """\
Each `(`, `[` and `{` has its closing partner within the same statement. A missing one is noticed where another bracket
closes, where the statement ends with `;`, or where the next line can only begin a new statement.

    minimize sum(cost[f] * buy[f] for f in Foods
    minimize sum(cost[f] * buy[f] for f in Foods)
""",
)
WRONG_BRACKET = _code(
    "E0011",
    "wrong closing bracket",
    "`{bracket}` is closed by `{closer}`",
    "close it with its own kind of bracket",
    """\
`(` goes with `)`, `[` with `]`, `{` with `}`.

    subject to cap: sum(x[i) for i in I) <= 1
    subject to cap: sum(x[i] for i in I) <= 1
""",
)
NOT_OPENED = _code(
    "E0012",
    "bracket not opened",
    "`{bracket}` closes nothing",
    "remove it, or open it before",
    """\
A closing bracket without an open one before it in the same statement.

    minimize (x - 5)^2)
    minimize (x - 5)^2
""",
)
BLOCK_NOT_CLOSED = _code(
    "E0013",
    "block not closed",
    "the block is not closed at the end of the file",
    "close it with `}}`",
    """\
The `{` behind the head of `lower`, `player` or `recourse` opens a block, which ends at its `}`.

    lower follower {
      var y >= 0
      minimize y

    lower follower {
      var y >= 0
      minimize y
    }
""",
)
LINE_BEGINS_WITH_OPERATOR = _code(
    "E0014",
    "line begins with an operator",
    "a line outside brackets cannot begin with `{operator}` here",
    "end the line above with `{operator}`, or put the whole expression in brackets",
    """\
A statement ends at the end of its line, so a line that begins with an operator would silently be cut off from the one
above. A line goes on behind an operator, a comma or `:`, and inside brackets.

    minimize first_stage
           + second_stage

    minimize first_stage +
             second_stage
""",
)
EMPTY_INDEX = _code(
    "E0015",
    "empty index list",
    "there is nothing between the brackets",
    "leave the brackets out",
    """\
A name without indices stands without brackets.

    var x[] >= 0
    var x >= 0
""",
)
BAD_PATTERN = _code(
    "E0016",
    "not a pattern",
    "before `in` stands a name, or names and literals in brackets",
    "introduce a name, and put the condition behind `if`",
    """\
What stands before the `in` of an index list introduces indices: a name, or a tuple of names and literals.

    sum(x[k] for i+1 in I)
    sum(x[i] for i in I)
""",
)
UNKNOWN_STATEMENT = _code(
    "E0017",
    "unknown statement",
    "no statement begins with `{word}`",
    "statements begin with `set`, `param`, `table`, `var`, `uncertain`, `choose`, `let`, `def`, `minimize`, …",
    """\
Two words at the beginning of a line can only be a keyword and a name, but the first word is no keyword.
""",
)
MISSPELT_STATEMENT = _code(
    "E0018",
    "misspelt statement",
    "no statement begins with `{word}`",
    "write `{ours}`",
    """\
The word is that of another language, or misspelt. The statement is read as if it had been spelt right.

    minimise total
    minimize total
""",
)
RECOURSE_HEAD = _code(
    "E0019",
    "head of a recourse",
    "a recourse has no {what}",
    "write `recourse {{`, and give its decisions and constraints the indices",
    """\
There is one recourse: all that is decided once the uncertain values are known. What it decides for each member of a set
is a family, as anywhere else.

    recourse[i in I] { var y >= 0; minimize y; subject to y >= xi[i] }
    recourse { var y[I] >= 0; minimize sum(y[i] for i in I); subject to [i in I]: y[i] >= xi[i] }
""",
)

MISSING_COLON = _code(
    "E0032",
    "colon missing behind the head of a constraint",
    "the name and the index list of a constraint end with `:`",
    "write `:` behind the head of a constraint",
    """\
Without the colon the name and its indices would be an entry of a family, beside another operand.

    subject to need[i in I] x[i] >= low[i]
    subject to need[i in I]: x[i] >= low[i]
""",
)

# --------------------------------------------------------------------------------------------- literals and characters
BAD_CHARACTER = _code(
    "E0020",
    "unknown character",
    "the character {name} has no meaning here",
    "remove it",
    """\
Outside of comments and texts in quotes a model consists of names (letters of any script, digits, `_`), numbers and the
signs of the language.
""",
)
ODD_BLANK = _code(
    "E0021",
    "a blank that is no space",
    "there is a blank {name} here that is no space",
    "replace it by a space",
    """\
Only the space, the tab and the end of a line separate words. Others, such as the non-breaking space, look alike and
come in by copying from documents.
""",
)
BAD_NUMBER = _code(
    "E0022",
    "not a number",
    "`{spelling}` is not a number",
    "write it like 12, 1_000, 0.5 or 2.5e-3",
    """\
Digits stand on both sides of a decimal point, and an underscore only between two digits.

    param rate = .5
    param rate = 0.5
""",
)
NUMBER_TOO_LARGE = _code(
    "E0023",
    "number too large",
    "the number is too large for double precision",
    "write `inf` if no limit is meant",
    """\
Numbers are kept in double precision, whose largest is about 1.8e308.
""",
)
OPEN_TEXT = _code(
    "E0024",
    "text not closed",
    "the text that begins with {quote} does not end on its line",
    "end it with a double quote",
    """\
A text stands in double quotes on one line; a line break inside is written `\\n`, a quote `\\"`.

    use "mine.opt
    use "mine.opt"
""",
)
BAD_ESCAPE = _code(
    "E0025",
    "unknown escape",
    "`{escape}` is no escape of a text",
    "write `\\\\` for a backslash",
    """\
Texts have the escapes of JSON: `\\"`, `\\\\`, `\\/`, `\\b`, `\\f`, `\\n`, `\\r`, `\\t` and `\\u` with four
hexadecimal digits.

    use "lib\\mine.opt"
    use "lib/mine.opt"
""",
)
MIXED_BRACES = _code(
    "E0026",
    "neither a set nor a keyed literal",
    "the braces hold both plain members and `key: value`",
    "write only members, or only entries `key: value`",
    """\
Braces hold the members of a set or the entries of a keyed literal, never both.

    param price[Foods] = {"corn": 3, "oats"}
    param price[Foods] = {"corn": 3, "oats": 2}
""",
)
BAD_KEY = _code(
    "E0027",
    "not a key",
    "a key is a text in quotes, a number, or a tuple of them",
    "put a text in quotes",
    """\
The keys of a keyed literal are members of sets, written out.

    param price[Foods] = {corn: 3}
    param price[Foods] = {"corn": 3}
""",
)
NOT_INDEXED = _code(
    "E0028",
    "brackets behind what has no indices",
    "only a name takes indices in `[ ]`",
    "give the expression a name with `let`, and index that",
    """\
Indices select an entry of a named family.

    let best = (a + b)[1]
    let best = a[1] + b[1]
""",
)
NOT_A_BLOCK = _code(
    "E0029",
    "a dot behind what is no block",
    "only the name of a block stands before `.`",
    "write the block's name, as in `dual(follower.c1)`",
    """\
The dot leads from a block to one of its constraints or decisions: `follower.c1`, `user[r].cap[i]`.
""",
)

# ------------------------------------------------------------------------------------------------- kept for later
RESERVED_WORD = _code(
    "E0030",
    "a word kept for later",
    "`{word}` is kept for a later version of the language",
    "use another name; what it will mean is not supported yet",
    """\
`stage observed random probability expected cvar ambiguity select` will be keywords of multistage, stochastic and
distributionally robust models. Until then they are refused where a keyword or a function could stand. As names of
parameters and variables they are free.
""",
)
UNITS = _code(
    "E0031",
    "units are kept for later",
    "units in brackets behind a number are kept for a later version of the language",
    "leave the unit out, and say it in a comment",
    """\
Numbers have no units yet.

    param load = 5 [kW]
    param load = 5     # kW
""",
)

# --------------------------------------------------------------------------------------------------------- warnings
LOOSE_DOC = _code(
    "W0001",
    "doc comment without a declaration",
    "this doc comment has no declaration under it",
    "begin it with a single `#`",
    """\
`##` documents the declaration, objective or constraint that begins on the next line. Elsewhere it documents nothing.
""",
)
