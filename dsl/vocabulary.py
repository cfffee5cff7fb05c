"""The words of the language and what they are taken for: hard words, soft keywords and the shapes that make them one.

A hard word is never a name. A soft keyword is a keyword at the head of a statement if the next token fits, or where a
complete operand stands before it (two operands never follow one another); anywhere else it is a name.
"""

from __future__ import annotations

HARD_WORDS = {
    "in": "in",
    "for": "for",
    "if": "if",
    "then": "then",
    "else": "else",
    "and": "and",
    "or": "or",
    "not": "not",
    "mod": "TIMES",
    "div": "TIMES",
    "inf": "NUMBER",
    "sum": "AGGREGATE",
    "prod": "AGGREGATE",
}

SIGNS = {
    **{sign: sign for sign in ("+", "-", "^", "..", ".", ",", ":", ";", "(", ")", "[", "]", "{", "}", "=", "=>")},
    **dict.fromkeys(("<=", ">=", "<", ">", "==", "!=", "≤", "≥", "≠"), "RELATION"),
    **dict.fromkeys(("*", "/", "·"), "TIMES"),
    "|": "|",
    "∈": "in",
    "∑": "AGGREGATE",
}

# What a synonym is called in the syntax tree.
SYNONYMS = {"≤": "<=", "≥": ">=", "≠": "!=", "·": "*", "∑": "sum", "=": "=="}

# Signs of other languages: what stands for them here, and the kind of token they are read as.
FOREIGN_SIGNS = {
    "&&": ("and", "and"),
    "&": ("and", "and"),
    "||": ("or", "or"),
    "!": ("not", "not"),
    "**": ("^", "^"),
    ":=": ("=", "="),
    "=<": ("<=", "RELATION"),
    "≦": ("<=", "RELATION"),
    "≧": (">=", "RELATION"),
    "<>": ("!=", "RELATION"),
    "/=": ("!=", "RELATION"),
    "~=": ("!=", "RELATION"),
    "===": ("==", "RELATION"),
    **dict.fromkeys(("=>=", ">=="), (">=", "RELATION")),
    "<==": ("<=", "RELATION"),
    "==>": ("=>", "=>"),
    **dict.fromkeys(("=e=", "=E="), ("==", "RELATION")),
    **dict.fromkeys(("=l=", "=L="), ("<=", "RELATION")),
    **dict.fromkeys(("=g=", "=G="), (">=", "RELATION")),
    "%": ("mod", "TIMES"),
    "×": ("*", "TIMES"),
    "−": ("-", "-"),
    "–": ("-", "-"),
    "⇒": ("=>", "=>"),
    "→": ("=>", "=>"),
    "->": ("=>", "=>"),
    "∧": ("and", "and"),
    "∨": ("or", "or"),
    "¬": ("not", "not"),
    "∞": ("inf", "NUMBER"),
    "∏": ("prod", "AGGREGATE"),
    "…": ("..", ".."),
}

PROPERTIES = ("binary", "integer", "free", "spin", "simplex", "psd", "semicontinuous", "string", "real")

# Words that are keywords where they follow a complete operand.
INFIX = {
    **dict.fromkeys(PROPERTIES, "PROPERTY"),
    "union": "UNION",
    "minus": "UNION",
    "inter": "inter",
    **{word: word for word in ("complements", "default", "start", "from", "within", "with", "on", "where")},
}

# The words that begin a statement, with the kinds of token that may follow one.
_NAMED = frozenset({"NAME", "NUMBER", "TEXT", "AGGREGATE", "BAD"})
_VALUE = frozenset({"NAME", "NUMBER", "TEXT", "AGGREGATE", "BAD", "(", "{", "-", "+", "if", "not", "LINE"})
_BLOCK = _NAMED | {"{"}
HEADS = {
    **dict.fromkeys(("set", "param", "var", "uncertain", "choose", "table", "let", "def", "extern", "network"), _NAMED),
    **dict.fromkeys(("use", "equilibrium", "certify"), _NAMED),
    **dict.fromkeys(("minimize", "maximize"), _VALUE),
    **dict.fromkeys(("lower", "player", "recourse"), _BLOCK),
    "satisfy": frozenset({"LINE", ";", "}"}),
    "subject": frozenset({"NAME"}),  # and that name is `to`
    "solve": frozenset({"NAME"}),  # and that name is `with`
}
SECOND_WORD = {"subject": "to", "solve": "with"}
BLOCK_HEADS = frozenset({"lower", "player", "recourse"})

# Beginnings of statements elsewhere, or misspelt, and ours. Other words are compared with ours by their letters.
FOREIGN_HEADS = {
    **dict.fromkeys(("variable", "variables", "dvar", "decision"), "var"),
    **dict.fromkeys(("parameter", "parameters", "parm", "const"), "param"),
    **dict.fromkeys(("minimise", "minimizing", "min"), "minimize"),
    **dict.fromkeys(("maximise", "maximizing", "max"), "maximize"),
    "sets": "set",
    **dict.fromkeys(("function", "func"), "def"),
    **dict.fromkeys(("import", "include"), "use"),
    **dict.fromkeys(("constraint", "constraints", "st", "such", "subject", "subjectto", "subject_to"), "subject to"),
}

# Statements elsewhere that only run a model.
COMMANDS = frozenset({"display", "printf", "print", "output", "option", "reset", "expand"})

# Types that other languages put before the name, and what stands behind it here.
TYPES_FIRST = {
    "int": {"var": "integer", "param": ": integer"},
    "float": {"var": "", "param": ""},
    "bool": {"var": "binary", "param": ": integer"},
    "string": {"var": "", "param": ": string"},
}

# Functions that other languages write with the indices first, as `min{i in I} x[i]`; `sum` and `prod` are hard words.
BRACED = frozenset({"min", "max", "count", "norm1", "norm2", "norminf", "logsumexp"})

# Words inside expressions and declarations elsewhere, and ours.
FOREIGN_INFIX = {
    "int": "integer",
    "bool": "binary",
    "boolean": "binary",
    "bin": "binary",
    "symbolic": ": string",
    "intersect": "inter",
    "intersection": "inter",
    "diff": "minus",
    "setdiff": "minus",
    "setminus": "minus",
    "cross": "*",
    "elif": "else if",
    "elseif": "else if",
    "implies": "=>",
    "AND": "and",
    "OR": "or",
    "IN": "in",
    "perp": "complements",
}

# Attributes of declarations elsewhere: what is said of them, and what stands for them here (None: that depends).
FOREIGN_ATTRIBUTES: dict[str, tuple[str, str | None]] = {
    **dict.fromkeys(("nonnegative", "nonneg", "NonNegativeReals"), ("write `>= 0`", ">= 0")),
    **dict.fromkeys(("positive", "Positive"), ("write `>= 0`", ">= 0")),
    **dict.fromkeys(("nonpositive", "NonPositiveReals"), ("write `<= 0`", "<= 0")),
    "ordered": ("leave it out: sets keep the order of their data", ""),
    "circular": ("leave it out: `next` and `prev` have cyclic forms", ""),
    "dimen": ("say in which product its members lie: `within A * B`", None),
    **dict.fromkeys(("bounds", "between"), ("write `in [lower, upper]`", None)),
    "by": ("filter the range: `{i for i in 1..9 if i mod 2 == 1}`", None),
}

FOREIGN_VALUES = {"True": "1", "true": "1", "False": "0", "false": "0"}

# Kept for later, refused by name where they would be keywords or functions.
RESERVED = frozenset(
    {"stage", "observed", "random", "probability", "expected", "cvar", "ambiguity", "select"},
)
