"""Kinds, indices and sets: what may stand where (E02xx)."""

from __future__ import annotations

from ..diagnostics import Code

CODES: list[Code] = []


def _code(id_: str, title: str, fact: str, hint: str | None, explanation: str) -> Code:
    entry = Code(id_, title, fact, hint, explanation)
    CODES.append(entry)
    return entry


# -------------------------------------------------------------------------------------------------- subscripts
WRONG_INDEX_COUNT = _code(
    "E0201",
    "wrong number of indices",
    "`{name}` takes {wanted}; given: {given}",
    "give one index for each set that it is declared over",
    "A family is always indexed in full. Inside its own indexed block a decision may leave out the block's indices:"
    " it is"
    " then the block's own.\n\n    param cost[Foods]\n    sum(cost * buy[f] for f in Foods)      # wrong\n"
    "    sum(cost[f] * buy[f] for f in Foods)   # right",
)
MEMBER_KIND = _code(
    "E0202",
    "text and number confused in an index",
    "`{text}` is {used}, and {declared} holds {members}",
    "use a member of that set",
    'The text "1" is never the number 1. A set holds texts or numbers, and its indices are of that kind.\n\n'
    '    set Days = 1..7\n    use["1"]   # wrong\n    use[1]     # right',
)
NO_MEMBER = _code(
    "E0203",
    "not a member",
    "`{text}` is no member of {set}, which holds {members}",
    "use one of its members",
    "Where the members of a set are written in the model, an index that is written out is checked against them.\n\n"
    "    set Days = 1..7\n    load[8]   # wrong\n    load[7]   # right",
)
UNRELATED_SETS = _code(
    "E0204",
    "index over another set",
    "`{text}` ranges over {used}, and {where}",
    "use an index over the declared set, or declare one set within the other",
    "Sets of texts and of tuples act as types: an index over one set may stand for a member of another only where"
    " one is"
    " known to lie within the other, by `within`, by a filter `{… for i in I if …}`, or as a part of a union.\n\n"
    "    set Ports; set Cities\n    sum(demand[p] for p in Ports)      # wrong, with `param demand[Cities]`\n"
    "    set Ports within Cities            # right",
)
SETS_MAY_DIFFER = _code(
    "W0205",
    "index over a set that may differ",
    "`{text}` ranges over {used}, and {where}; neither is declared within the other",
    "declare one within the other where that is meant",
    "Only the data tell what these sets hold. Numbers are one type and each index is then checked for membership;"
    " texts"
    " and tuples are refused, with the data, unless one set is declared within the other.\n\n"
    "    set N; set T\n    set N within T     # says that every member of N is one of T",
)
CONDITION_AS_INDEX = _code(
    "E0206",
    "condition as an index",
    "a condition can not be an index or a member",
    "index by a member of the set; to select rows write `for i in I if …`",
    "An index is a number, a text or a tuple.\n\n    x[i == 1]                            # wrong\n"
    "    sum(x[i] for i in I if i == 1)       # right",
)
DECISION_AS_INDEX = _code(
    "E0207",
    "decision as an index",
    "`{text}` is decided or uncertain, and can not be an index",
    "declare it with `choose … from …`: a choice may index a parameter",
    "Which entry an expression means has to be known before anything is decided. A choice, `choose z[G] from"
    " Options`, is"
    " the exception: `cost[g, z[g]]` is the cost of the chosen option.\n\n"
    "    var k integer in [1, 3]; minimize cost[k]     # wrong\n"
    "    choose k from 1..3; minimize cost[k]          # right",
)
SUBSCRIPT_OF_EXPRESSION = _code(
    "E0208",
    "index of an expression",
    "`{text}` is an expression and has no indices",
    "name it first with `let name[i in I] = …`",
    "Only declared names have entries.\n\n    (a + b)[i]       # wrong\n    a[i] + b[i]      # right",
)
SUBSCRIPT_OF_INDEX = _code(
    "E0209",
    "index of an index",
    "`{name}` is an index and has no indices itself",
    "use the members of a tuple by a pattern: `for (i, j) in Arcs`",
    "An index is one member of its set.\n\n    sum(cost[a[1]] for a in Arcs)          # wrong\n"
    "    sum(cost[i] for (i, j) in Arcs)        # right",
)
# ------------------------------------------------------------------------------------------- values of each kind
SET_AS_VALUE = _code(
    "E0210",
    "set as a number",
    "`{name}` is a set, not a number",
    "for the number of its members write `card(…)`",
    "A set stands after `in`, `within` and `from`, and in `card first last ord next prev`.\n\n"
    "    minimize Foods         # wrong\n    minimize card(Foods)   # right",
)
SET_EXPRESSION_AS_VALUE = _code(
    "E0211",
    "set as a value",
    "`{text}` is a set, and a value is wanted here",
    "for the number of its members write `card(…)`; to run over them `… for i in {text}`",
    "A range, a set in braces, or a union of sets is no number.\n\n    x <= 1..5        # wrong\n"
    "    x in [1, 5]      # right, in the declaration",
)
BLOCK_AS_VALUE = _code(
    "E0212",
    "block as a value",
    "`{name}` is a block, not a value",
    "name one of its decisions, or `dual({name}.constraint)`",
    "A block has decisions and constraints, which are named by themselves.\n\n    minimize follower   # wrong\n"
    "    minimize y          # right",
)
TUPLE_AS_VALUE = _code(
    "E0213",
    "tuple as a value",
    "`{text}` is a tuple, and a single value is wanted here",
    "a tuple stands as an index, `cost[(i, j)]`, and before `in`, `(i, j) in Arcs`",
    "Members of a set of pairs are used as indices and tested for membership; to compute with their parts, take them"
    " apart: `for (i, j) in Arcs`.\n\n    sum(a for a in Arcs)               # wrong\n"
    "    sum(i + j for (i, j) in Arcs)      # right",
)
TUPLE_COMPARED = _code(
    "E0214",
    "tuple compared",
    "`{text}` is a tuple and can not be compared",
    "compare member by member: `i == k and j == l`",
    "Comparisons are between numbers or between texts.\n\n"
    "    for a in Arcs, b in Arcs if a != b                              # wrong\n"
    "    for (i, j) in Arcs, (k, l) in Arcs if i != k or j != l          # right",
)
TUPLE_AS_MEMBER = _code(
    "E0215",
    "tuple as one member of a pattern",
    "`{name}` is a whole tuple, and one member stands here",
    "take it apart where it is bound: `for (i, j) in …`",
    "A name in a tuple pattern that is in scope fixes one member, so it has to be a single value.\n\n"
    "    for a in Arcs, (a, k) in Arcs            # wrong\n    for (i, j) in Arcs, (j, k) in Arcs       # right",
)
LIST_AS_VALUE = _code(
    "E0216",
    "list as a value",
    "a list can not stand in an expression",
    "give it to a parameter: `param p[1..3] = [ … ]`",
    "Lists are data, intervals after `in`, and the breakpoints of `piecewise`.\n\n"
    "    minimize [1, 2, 3] * x                                     # wrong\n"
    "    param c[1..3] = [1, 2, 3]\n    minimize sum(c[k] * x[k] for k in 1..3)                    # right",
)
TEXT_AS_NUMBER = _code(
    "E0217",
    "text as a number",
    "`{text}` is a text, and a number is wanted here",
    "use a number; texts are compared and used as indices only",
    "There is no arithmetic on texts.\n\n    param owner[Foods] : string\n"
    "    sum(owner[f] for f in Foods)                   # wrong\n"
    '    count(owner[f] == "us" for f in Foods)         # right',
)
TEXT_CHOICE_AS_NUMBER = _code(
    "E0218",
    "choice among texts as a number",
    "`{text}` chooses among texts and is no number",
    'index a parameter with it, `data[{text}]`, or compare it, `({text} == "option")`',
    "A choice is a number in arithmetic only where its options are numbers.\n\n"
    '    choose z from {"small", "large"}; param size[{"small", "large"}]\n    minimize z          # wrong\n'
    "    minimize size[z]    # right",
)
NOT_A_CONDITION = _code(
    "E0219",
    "number as a condition",
    "`{text}` is no condition",
    "compare it, as in `… == 1`",
    "Conditions are comparisons, memberships and `and or not` of these; a number is not true or false.\n\n"
    "    open[s] => use[s] <= 5           # wrong\n    open[s] == 1 => use[s] <= 5      # right",
)
COMPARISON_AS_NUMBER = _code(
    "E0220",
    "bare comparison as a number",
    "`{text}` is a condition, and a number is wanted here",
    "put it in brackets of its own",
    "A comparison counts as 0 or 1 where it stands in brackets of its own; `count` takes it bare.\n\n"
    "    sum(z[g] == k for g in G)       # wrong\n    sum((z[g] == k) for g in G)     # right\n"
    "    count(z[g] == k for g in G)     # right",
)
COMPARISON_HOLDS_DECISION = _code(
    "E0221",
    "comparison of decisions as a number",
    "`{text}` compares {what}; only comparisons of data and of choices count as numbers",
    "use a binary variable and tie it to the comparison with `=>`",
    "Whether a decision passes a threshold is no smooth function of it. A binary variable says it instead.\n\n"
    "    minimize (x >= 5)                        # wrong\n    var late binary; minimize late\n"
    "    subject to late == 0 => x <= 5           # right",
)
NUMBER_AGAINST_TEXT = _code(
    "E0222",
    "number compared with text",
    "{left} is compared with {right}",
    'compare like with like: the text "1" is never the number 1',
    "Texts and numbers are never equal.\n\n    set Days = 1..7\n"
    '    sum(x[d] for d in Days if d == "1")    # wrong\n    sum(x[d] for d in Days if d == 1)      # right',
)
BRANCHES_DIFFER = _code(
    "E0223",
    "branches of different kinds",
    "`then` gives {then}, `else` gives {otherwise}",
    "let both branches be of one kind",
    'An expression has one kind whatever the data say.\n\n    if c then 1 else "none"   # wrong\n'
    "    if c then 1 else 0        # right",
)
IF_HOLDS_DECISION = _code(
    "E0224",
    "`if` on a decision",
    "the condition `{text}` holds {what}, and `if` decides from data alone",
    "for a kink write `max(0, x - 100)`; for a switch declare a binary and write `b == 1 => …` and `b == 0 => …`",
    "`if c then a else b` is settled when the data are known. A function with a kink is written with `max` or `min`"
    " or"
    " `piecewise`; a switch with a binary variable and two indicators.\n\n"
    "    cost == if x > 100 then 2*x else x                     # wrong\n"
    "    cost == x + max(0, x - 100)                            # right, for the rate above 100\n"
    "    big == 1 => cost == 2*x; big == 0 => cost == x         # right",
)
FILTER_HOLDS_DECISION = _code(
    "E0225",
    "filter on a decision",
    "the filter `{text}` holds {what}, and rows are selected from data alone",
    "multiply by a binary, or use an indicator `b == 1 => …`",
    "Which rows exist is settled when the data are known.\n\n"
    "    sum(c[i] for i in I if x[i] == 1)   # wrong\n    sum(c[i] * x[i] for i in I)         # right",
)
WRONG_ARGUMENT_COUNT = _code(
    "E0226",
    "wrong number of arguments",
    "`{name}` takes {wanted}; given: {given}",
    "give as many as it takes",
    "Each function takes a fixed number of arguments; `min` and `max` take two or more, or run over `for`.\n\n"
    "    log(x, 2)           # wrong\n    log(x) / log(2)     # right",
)
EXTERN_ARGUMENT = _code(
    "E0227",
    "argument of outside code",
    "`{name}` takes whole families, and `{text}` is none",
    "give the name of a variable, a choice, a parameter or an uncertain family, without indices",
    "An `extern` gets whole arrays. A trained network that takes numbers one by one is a `network`.\n\n"
    "    extern loss(z)\n    minimize loss(z[1] + z[2])   # wrong\n    minimize loss(z)             # right",
)
DEFINITION_KIND = _code(
    "E0228",
    "value of the wrong kind",
    "`{name}` holds {wanted}, and its value is {given}",
    "declare it `: string` for texts, or give a number",
    "A parameter holds real numbers unless it says `: integer` or `: string`.\n\n"
    '    param home = "Rome"            # wrong\n    param home : string = "Rome"   # right',
)
CHECK_KIND = _code(
    "E0229",
    "check of the wrong kind",
    "the entries are {wanted}, and `{text}` is {given}",
    "check numbers against numbers and texts against texts",
    "A check compares each entry of a parameter.\n\n    param owner[F] : string >= 0              # wrong\n"
    '    param owner[F] : string in {"us", "eu"}   # right',
)
CHECK_IN_TUPLES = _code(
    "E0230",
    "entry in a set of tuples",
    "`{set}` holds tuples, and an entry is a single value",
    "name a set of single members",
    "`param p[I] in S` asks that every entry is a member of `S`.\n\n    param home[V] : string in Arcs     # wrong\n"
    "    param home[V] : string in Cities   # right",
)
# -------------------------------------------------------------------------------------------------------- sets
NOT_A_SET = _code(
    "E0231",
    "no set",
    "{what} is no set",
    "after `in` stands a set: a declared one, a range `1..n`, members in braces, or a filter of a set",
    "Indices run over sets; a number or a parameter becomes one as the range `1..n`.\n\n    param n : integer\n"
    "    sum(x[i] for i in n)       # wrong\n"
    "    sum(x[i] for i in 1..n)    # right",
)
SET_HOLDS_DECISION = _code(
    "E0232",
    "decision in a set",
    "`{text}` is decided or uncertain, and sets are made of data alone",
    "let the set hold all candidates and decide with a binary which of them count",
    "Index sets, their filters and their members are known before anything is decided.\n\n"
    "    var n integer\n    sum(x[i] for i in 1..n)                        # wrong\n"
    "    sum(use[i] * c[i] for i in 1..10)              # right, with `var use[1..10] binary`",
)
RANGE_NOT_WHOLE = _code(
    "E0233",
    "range with a fraction",
    "`{text}` is no whole number",
    "let both ends of a range be whole numbers",
    "A range holds the whole numbers from one end to the other.\n\n"
    "    set T = 0..1.5                         # wrong\n"
    "    set T = {k / 2 for k in 0..3}          # right: 0, 0.5, 1, 1.5",
)
SETS_DIFFER_IN_DIMENSION = _code(
    "E0234",
    "sets of different dimensions",
    "the members of the two sides of `{operator}` have {left} and {right}",
    "join sets of the same dimension",
    "A set of pairs and a set of single members have no members in common.\n\n"
    "    Arcs union Cities                # wrong\n    Arcs union Cities * Cities       # right",
)
SETS_DIFFER_IN_KIND = _code(
    "E0235",
    "set of texts with set of numbers",
    "the members of one are {left}s, of the other {right}s",
    "join texts with texts and numbers with numbers",
    'A set holds texts or numbers, never both.\n\n    {"a", "b"} union 1..2         # wrong\n'
    '    {"a", "b"} union {"1", "2"}   # right',
)
MEMBERS_DIFFER_IN_DIMENSION = _code(
    "E0236",
    "members of different lengths",
    "`{text}` has {here}, the first member has {there}",
    "write all members with the same number of components",
    "The members of a set are alike.\n\n    {(1, 2), 3}        # wrong\n    {(1, 2), (3, 3)}   # right",
)
MEMBERS_DIFFER_IN_KIND = _code(
    "E0237",
    "members of different kinds",
    "this is {here}, where the first member has {there}",
    'write all as texts or all as numbers: "1" is a text, 1 a number',
    'A set holds texts or numbers, never both.\n\n    {"a", 1}     # wrong\n    {"a", "1"}   # right',
)
DUPLICATE_MEMBER = _code(
    "E0238",
    "member twice",
    "`{text}` stands twice in this set",
    "remove one of the two",
    'The members of a set are distinct.\n\n    {"a", "b", "a"}   # wrong\n    {"a", "b"}        # right',
)
MEMBER_NOT_LITERAL = _code(
    "E0239",
    "member that is not written out",
    "`{text}` is no number and no text written out",
    "for computed members write `{{e for i in I}}`",
    "In braces stand numbers, texts, and tuples of these. Computed members stand in front of `for`.\n\n"
    "    {n, n + 1}                  # wrong\n    {n + k for k in 0..1}       # right",
)
MEMBER_IS_CONDITION = _code(
    "E0240",
    "condition as a member",
    "a condition can not be a member of a set",
    "put it behind `if`: `{{i for i in I if …}}`",
    "Members are numbers, texts and tuples.\n\n    {i > 2 for i in I}        # wrong\n"
    "    {i for i in I if i > 2}   # right",
)
MEMBERSHIP_LENGTH = _code(
    "E0241",
    "member of another dimension",
    "`{text}` has length {given}, and the members of `{set}` have length {wanted}",
    "test a tuple of as many components as the set's members have",
    "A single value is never a member of a set of pairs.\n\n    i in Arcs           # wrong\n"
    "    (i, j) in Arcs      # right",
)
INDEXED_SET_LITERAL = _code(
    "E0242",
    "keyed sets in the model",
    "sets can not be written out by key in the model",
    "give them by data, or compute them: `set S[r in R] = {{c for c in C if …}}`",
    "An indexed set comes from data (in JSON an object of lists) or is computed.\n\n"
    '    set Covers[Rows] = {"a": {1, 2}, "b": {3}}       # wrong\n'
    "    set Covers[r in Rows] = {c for (r, c) in Pairs}  # right",
)
# ---------------------------------------------------------------------------------------------------- patterns
PATTERN_LENGTH = _code(
    "E0243",
    "pattern of another dimension",
    "the members of `{set}` have {members}, the pattern has {pattern}",
    "write as many names as a member has components",
    "A pattern takes a member apart, component by component.\n\n    set Arcs within Cities * Cities\n"
    "    for (i, j, k) in Arcs   # wrong\n    for (i, j) in Arcs      # right",
)
PATTERN_REPEATS = _code(
    "E0246",
    "name twice in a pattern",
    "`{name}` stands twice in this pattern",
    "take another name and compare the two behind `if`",
    "A pattern binds each name once.\n\n    for (i, i) in Arcs               # wrong\n"
    "    for (i, k) in Arcs if k == i     # right",
)
PARAMETER_IN_PATTERN = _code(
    "E0247",
    "parameter in a pattern",
    "`{name}` is a parameter, and a pattern holds new names, indices in scope and literals",
    "write a new name there and compare it behind `if`",
    "So that a pattern never depends on what happens to be declared elsewhere, a parameter fixes a member by a"
    " condition;"
    " that is the same join.\n\n    for (depot, j) in Arcs                 # wrong\n"
    "    for (k, j) in Arcs if k == depot       # right",
)
# ---------------------------------------------------------------------------------------------------- literals
LITERAL_OF_SCALAR = _code(
    "E0248",
    "list for a single value",
    "`{name}` has no indices, and a list or keyed entries are given",
    "declare its indices: `param name[I] = …`",
    "A parameter without indices has one value.\n\n    param rates = [1, 2, 3]         # wrong\n"
    "    param rates[1..3] = [1, 2, 3]   # right",
)
ENTRY_NOT_LITERAL = _code(
    "E0249",
    "entry that is not written out",
    "`{text}` is no number and no text written out",
    "for computed entries write `param p[i in I] = …`",
    "Lists and keyed entries hold numbers and texts.\n\n"
    "    param p[1..2] = [1, n]                            # wrong\n"
    "    param p[i in 1..2] = if i == 1 then 1 else n      # right",
)
ENTRY_KIND = _code(
    "E0250",
    "entry of the wrong kind",
    "`{text}` is given, and `{name}` holds {wanted}",
    "write numbers without quotes and texts with them",
    'A parameter holds numbers unless it is declared `: string`.\n\n    param p[1..2] = [1, "2"]   # wrong\n'
    "    param p[1..2] = [1, 2]     # right",
)
ENTRY_NOT_WHOLE = _code(
    "E0251",
    "fraction in an integer parameter",
    "`{text}` is no whole number, and `{name}` is declared integer",
    "give a whole number, or leave out `: integer`",
    "`: integer` is a check on every entry.\n\n    param n : integer = 2.5   # wrong\n"
    "    param n = 2.5             # right",
)
LIST_LENGTH = _code(
    "E0252",
    "list of the wrong length",
    "{given} entries are given, and the index set of `{name}` has {wanted} members",
    "give one entry for each member, in the set's order",
    "A list by position has one entry for each member.\n\n    param p[1..3] = [1, 2]      # wrong\n"
    "    param p[1..3] = [1, 2, 3]   # right",
)
LIST_DEPTH = _code(
    "E0253",
    "list of the wrong depth",
    "`{text}` does not fit: `{name}` has {depth} index sets, one level of brackets each",
    "nest one list for each index set; a set of pairs is one level",
    "Lists are nested in the order of the index sets.\n\n    param a[1..2, 1..2] = [1, 2, 3, 4]       # wrong\n"
    "    param a[1..2, 1..2] = [[1, 2], [3, 4]]   # right",
)
RAGGED_LIST = _code(
    "E0254",
    "ragged list",
    "this row has {given} entries, the first one has {wanted}",
    "give every row as many entries",
    "All rows run over the same set.\n\n    param a[R, C] = [[1, 2], [3]]      # wrong\n"
    "    param a[R, C] = [[1, 2], [3, 0]]   # right",
)
KEY_LENGTH = _code(
    "E0256",
    "key of the wrong length",
    "`{name}` has {wanted} index positions, and this key fills {given}",
    'write one key for each position: a tuple `("a", 1): 3`, or nested `{{"a": {{1: 3}}}}`',
    "A key names one entry, so it gives a member for every index position.\n\n"
    '    param d[A, B] = {"x": 3}           # wrong\n'
    '    param d[A, B] = {("x", "y"): 3}    # right',
)
DUPLICATE_KEY = _code(
    "E0257",
    "key twice",
    "the key `{text}` stands twice",
    "remove one of the two",
    'Every entry has one value; with two, one would be lost without a word.\n\n    {"corn": 3, "corn": 4}   # wrong\n'
    '    {"corn": 3, "oats": 4}   # right',
)
TABLE_NOT_KEYED = _code(
    "E0258",
    "table without keys",
    "the value of the table `{name}` has to be written by key",
    'write `{{"member": [one value a column], …}}`',
    "A table gives the members of its set as keys and one value a column.\n\n"
    "    table Crops: price, hours = [[1, 2]]           # wrong\n"
    '    table Crops: price, hours = {"corn": [1, 2]}   # right',
)
TABLE_ROW = _code(
    "E0259",
    "table row of the wrong length",
    "{given} values are given, and the table has {wanted} columns",
    "give one value a column",
    "Each row of a table has a value for each of its columns.\n\n"
    '    table Crops: price, hours = {"corn": [1]}      # wrong\n'
    '    table Crops: price, hours = {"corn": [1, 2]}   # right',
)
