"""Codes of files that hold models, MPS problems and answers: what cannot be read, and why."""

from __future__ import annotations

from ..diagnostics import Code

CODES: list[Code] = []


def _code(id_: str, title: str, fact: str, hint: str | None, explanation: str) -> Code:
    entry = Code(id_, title, fact, hint, explanation)
    CODES.append(entry)
    return entry


FILE_NOT_FOUND = _code(
    "E0701",
    "file not found",
    "there is no file {path}",
    "check the spelling; the path is relative to {folder}{near}",
    """A path on the command line, or in the Python call, names a file that does not exist.

Relative paths start at the current folder. With

    optc solve diet.op

optc looks for `diet.op`; the mend is `optc solve diet.opt`. A model on standard input is written `-`.""",
)

FILE_IS_FOLDER = _code(
    "E0702",
    "a folder where a file belongs",
    "{path} is a folder, not a file",
    "name the file in it{inside}",
    """A folder was given where one file is read.

    optc solve examples/diet

names a folder; the mend is `optc solve examples/diet/model.opt`.""",
)

FILE_NOT_TEXT = _code(
    "E0703",
    "not a text file in UTF-8",
    "{path} is not text in UTF-8: byte {offset} is 0x{byte:02x}",
    "{mend}",
    """Models, MPS files and answers are text in UTF-8 (a byte order mark at the start is allowed). The file holds a
byte sequence that UTF-8 does not have: it was saved in another encoding, or it is not a text at all.

A model saved as Latin-1 with an umlaut in a comment is refused here; save it as UTF-8, for example with

    iconv -f latin1 -t utf-8 old.opt > new.opt""",
)

FILE_UNREADABLE = _code(
    "E0704",
    "a file cannot be read",
    "{path} cannot be read: {reason}",
    "check the permissions of the file and of its folder",
    """The operating system refuses to open or read the file; the message is its own.

Where the permissions are the cause, `chmod u+r diet.opt` makes a file of yours readable.""",
)

FILE_UNWRITABLE = _code(
    "E0705",
    "a file cannot be written",
    "{path} cannot be written: {reason}",
    "write to a folder that exists and that you may write to",
    """The operating system refuses to create or write the file; the message is its own.

With `optc solve diet.opt -o results/diet.json` the folder `results` must exist: `mkdir results` makes it.""",
)

USE_OUTSIDE_FOLDER = _code(
    "E0706",
    "a library file outside the model's folder",
    "`use {path}` names a file outside the folder of the model",
    "copy the file beside the model and name it without `..`",
    """A model reads only files in its own folder and below, so that opening a model from elsewhere never reads other
files of yours. `use "../shared.opt"` and `use "/home/me/shared.opt"` are therefore refused; the mend is to put the
file beside the model and to write `use "shared.opt"`.""",
)

DATA_FOR_MODEL = _code(
    "E0707",
    "a data file where a model belongs",
    "{path} is a data file by its ending, not a model",
    "name the model (.opt or .mps) first, and give data with -d",
    """The first file of `optc solve` and its kin is the model; data come with `-d`, answers in their own place.

    optc solve diet.json

is refused; the mend is `optc solve diet.opt -d diet.json`.""",
)

OUTPUT_NEEDS_PACKAGE = _code(
    "E0708",
    "a result file needs a package",
    "writing {path} needs the package {package}, which is not installed",
    "python -m pip install '{extra}', or write to a .csv or .json file",
    """Parquet files are written by polars, which comes with the extra `data` of optc.

    optc solve diet.opt -o answer.parquet

needs `python -m pip install 'optc[data]'`; `-o answer.csv` holds the same rows and needs nothing.""",
)

MPS_LINE = _code(
    "E0710",
    "a line of an MPS file is malformed",
    "{problem}",
    "{mend}",
    """An MPS file is made of sections (ROWS, COLUMNS, RHS, RANGES, BOUNDS, …) whose lines hold a fixed number of
fields: a row line a kind and a name, a column line a column and one or two pairs of row and number, and so on.

    COLUMNS
        x  cost

lacks the number after `cost`; the mend is `x  cost  1.5`. Names that hold spaces are read where the fields stand in
the fixed columns 2-3, 5-12, 15-22, 25-36, 40-47, 50-61.""",
)

MPS_UNSUPPORTED = _code(
    "E0711",
    "a part of MPS that optc does not read",
    "{what} is not read by optc",
    "{mend}",
    """optc reads linear and quadratic objectives with linear rows, ranges, bounds and integer columns. Special ordered
sets, indicators, quadratic rows, cones and semicontinuous columns of MPS dialects are refused, so that no part of a
problem is dropped in silence. Write the problem as a `.opt` model, where `sos1(…)`, `=>` and `semicontinuous` exist.

    SOS
     S1 choice

is refused; the mend in a model is `choice: sos1(w[i] for i in I)`.""",
)

MPS_UNKNOWN_NAME = _code(
    "E0712",
    "an MPS file names a row or column that it does not declare",
    "{kind} {name} is not declared",
    "{mend}",
    """Rows are declared in ROWS and columns in COLUMNS, before RHS, RANGES and BOUNDS name them.

    BOUNDS
     UP BND x1 4

needs a column `x1` in COLUMNS; the mend is the right name, or the column that is missing.""",
)

MPS_DUPLICATE = _code(
    "E0713",
    "an MPS file says the same thing twice",
    "{what} is given twice (first in line {first})",
    "keep one of the two",
    """A row, a column, an entry of a column or a right-hand side may be given once. Solvers differ in what they do with
the second one (add, replace, ignore), so optc asks which is meant.

    COLUMNS
        x  cost  1
        x  cost  2

gives the entry of x in cost twice; the mend is one line with the number that is meant.""",
)

MPS_NO_ROWS = _code(
    "E0714",
    "not an MPS file",
    "{path} has no {section} section",
    "check that this is a whole MPS file",
    """Every MPS file has the sections ROWS and COLUMNS and ends with ENDATA. A file without them is of another kind, or
was cut off on the way; the mend is to fetch it again, or to name the right file.""",
)

NL_LINE = _code(
    "E0715",
    "a line of a .nl file is malformed",
    "{problem}",
    "{mend}",
    """A .nl file is ten lines of numbers and then segments: a letter with numbers, and the lines these announce.
Expressions stand in prefix order, a line for each operator, number and variable. A binary file has the same, packed;
lines are then those of the text that says the same.

    C0
    o5
    v0

lacks the second argument of o5 (the power); the mend is a further line such as `n2`. Most often such a file was cut off
or edited by hand: write it again.""",
)

NL_UNSUPPORTED = _code(
    "E0716",
    "a part of .nl that optc does not read",
    "{what} is not read by optc",
    "{mend}",
    """optc reads algebraic rows and objectives, whole variables and complementarity conditions of .nl files, text and
binary. What it has no place for is refused, so that no part of a problem is dropped in silence: logical rows,
conditions on variables (`if x > 0 then …`), imported functions, networks, special ordered sets in suffixes.

    o35     # if … then … else, decided by a variable: refused
    o11     # the least of several values: read""",
)

NL_LEFT_OUT = _code(
    "N0717",
    "a part of a .nl file that does not count",
    "{what} is left out",
    None,
    """A .nl file can carry what does not belong to the problem: values of suffixes, start values of duals, objectives
beside the first. They are left out, and the answer is that of the problem without them.""",
)

ANSWER_MALFORMED = _code(
    "E0720",
    "an answer file that does not fit",
    "{problem}",
    "{mend}",
    """An answer is the JSON object that `optc solve --json` prints, or any object with the same `variables`:

    {"variables": {"x": {"index": ["I"], "values": [["a", 1.0], ["b", 0.0]]}, "z": {"index": [], "values": [[3.25]]}}}

Each row of `values` holds the index values and then the number. A file such as `{"x": 3}` is refused; the mend is
`{"variables": {"x": {"index": [], "values": [[3]]}}}`.""",
)

EXTERN_SPECIFICATION = _code(
    "E0721",
    "an extern function cannot be loaded",
    "--extern {text}: {problem}",
    "write --extern NAME=FILE.py:FUNCTION",
    """`--extern loss=losses.py:loss` runs the file `losses.py` and takes the function `loss` from it for the model's
`extern loss(…)`. It is the only way in which optc runs code: a model alone never does.

    --extern loss=losses

lacks the file's ending and the function; the mend is `--extern loss=losses.py:loss`.""",
)

SOLVE_ONLY_MODEL = _code(
    "E0722",
    "data given for an MPS or .nl file",
    "{path} is a whole problem: it takes no data",
    "leave out -d, --set and --extern",
    """An MPS or .nl file holds its numbers already. `optc solve p0033.mps -d data.json` would have nothing to put the
data into; the mend is `optc solve p0033.mps`.""",
)

EXPORT_UNSUPPORTED = _code(
    "E0723",
    "a problem that a format cannot hold",
    "{format} cannot hold {what}",
    "{mend}",
    """Each file format holds a certain class of problems: LP and MPS linear and quadratic objectives over linear rows,
JSON any lowered form, .nl nonlinear models with the functions that AMPL has (not `erf`). `optc export game.opt --to
mps` is refused, since MPS knows no players; `optc explain game.opt` says which forms the model has.""",
)

NO_PLACE_IN_FORMAT = _code(
    "E0725",
    "a file format without a place for a part of the model",
    "{what} cannot be written as {format}",
    "write it as {others}",
    """\
A file format holds some kinds of problems. MPS has no common way to write products of decisions in rows, indicators,
ordered sets and complementary pairs: each solver has its own. The LP format has one, and JSON holds every array.

    optc export bilevel.opt --to mps     # the conditions of a follower are complementary pairs
    optc export bilevel.opt --to lp      # written as sets of type 1
""",
)
