"""Codes of data: reading files and Python objects (E0501 on), and putting entries into their places (E0531 on)."""

from __future__ import annotations

from ..diagnostics import Code

CODES: list[Code] = []


def _code(id_: str, title: str, fact: str, hint: str | None, explanation: str) -> Code:
    entry = Code(id_, title, fact, hint, explanation)
    CODES.append(entry)
    return entry


# ------------------------------------------------------------------------------------------------------- reading
FILE_NOT_FOUND = _code(
    "E0501",
    "data file not found",
    "there is no data file {path}",
    "give a path relative to the current folder or to the model's",
    """A file given with `-d` (or to `bind`) does not exist or is a folder. Paths are looked up from the current folder
first, then from the folder of the model. optc opens no network addresses.

    optc solve diet.opt -d deit.json       # wrong: no such file
    optc solve diet.opt -d diet.json
""",
)
UNKNOWN_FORMAT = _code(
    "E0502",
    "data in an unknown format",
    "optc does not know how to read {path}",
    "use one of .json .toml .csv .parquet .sqlite .xlsx .svm",
    """The ending of a data file's name says its format: `.json`, `.toml`, `.csv` (also `.tsv`, `.txt`), `.parquet`,
`.sqlite` (also `.sqlite3`, `.db`), `.xlsx` (also `.xls`, `.xlsb`, `.ods`), `.svm` (also `.libsvm`). Other files, and
pickled objects above all, are not read: data never run code.

    optc solve diet.opt -d diet.yaml       # wrong
    optc solve diet.opt -d diet.toml
""",
)
OUTSIDE_FOLDER = _code(
    "E0503",
    "data file outside the model's folder",
    "{path} lies neither in the model's folder nor below the current one",
    "name the file on the command line to allow it",
    """A model and its data read nothing outside the folder of the model and the current folder, unless the user names
the file on the command line. So a model from elsewhere cannot look into other people's files.

    optc solve model.opt -d ../shared/costs.csv    # named on the command line: allowed
""",
)
NOT_UTF8 = _code(
    "E0504",
    "data file is not UTF-8",
    "{path} is not UTF-8 text: byte {byte} at offset {offset} does not fit",
    "save the file as UTF-8",
    """Text data (JSON, TOML, CSV) are read as UTF-8, with or without a byte-order mark. Files of older programs are
often in Latin-1 or Windows-1252; save them again as "CSV UTF-8" or convert them:

    iconv -f WINDOWS-1252 -t UTF-8 foods.csv > foods-utf8.csv
""",
)
JSON_SYNTAX = _code(
    "E0505",
    "JSON syntax error",
    "this is not JSON: {what}",
    None,
    """The file breaks the syntax of JSON; line and column show where the reader stopped. Common causes: a comma after
the last item, single quotes, a comment, a missing bracket.

    {"cost": [1, 2, ]}      # wrong: a comma before ]
    {"cost": [1, 2]}
""",
)
JSON_DUPLICATE_KEY = _code(
    "E0506",
    "key given twice in a JSON object",
    "the key {key} occurs twice in one JSON object",
    "remove one of the two",
    """JSON readers keep one of two equal keys and drop the other without a word. optc refuses the file, for one of the
two values would be lost.

    {"cost": {"corn": 3, "corn": 4}}      # wrong: which one?
    {"cost": {"corn": 4}}
""",
)
JSON_NOT_A_NUMBER = _code(
    "E0507",
    "NaN or Infinity in JSON",
    "{token} is not JSON",
    'write "inf" or "-inf" for an infinite value; leave out an entry that is unknown',
    """The bare words `NaN`, `Infinity` and `-Infinity` are not JSON, though some programs write them. An infinite
value is written as a text, `"inf"` or `"-inf"`. A value that is not a number is never data: leave the entry out and
declare a `default`.

    {"hi": {"iron": Infinity}}     # wrong
    {"hi": {"iron": "inf"}}
""",
)
TOML_SYNTAX = _code(
    "E0508",
    "TOML syntax error",
    "this is not TOML: {what}",
    None,
    """The file breaks the syntax of TOML. Texts stand in double quotes, tables in square brackets, and a key may be
given only once.

    cost.corn = three        # wrong: a text needs quotes, and this ought to be a number
    cost.corn = 3
""",
)
CSV_MALFORMED = _code(
    "E0509",
    "malformed CSV",
    "{what}",
    "{mend}",
    """A CSV file is a header and rows of as many cells as the header has, separated by commas (by semicolons or tabs
when the header is). A cell that holds the separator, a quote or an end of line stands in double quotes.

    name,cost
    corn,1,5          # wrong: three cells; a decimal point is meant
    corn,1.5
""",
)
BAD_HEADER = _code(
    "E0510",
    "bad header",
    "{what}",
    "give every column a name of its own",
    """The first line of a CSV file (the first row of a sheet) names the columns, each with a name of its own.

    name,cost,cost        # wrong: two columns named cost
    name,cost,price
""",
)
NO_PARAMETER_COLUMN = _code(
    "E0511",
    "header names no parameter",
    "no column of {path} is named after a parameter of the model: {columns}",
    "{mend}",
    """In the long form the header names the indices and the parameters. Where a column has another name, or where
the file is in the wide form (first column: rows, header: columns), say for which parameter it is.

    -d foods.csv                  # header food,price: wrong if the model has `param cost[Foods]`
    -d cost=foods.csv:price       # the column price gives cost
    -d content=table.csv          # a wide table gives content[Foods, Nutrients]
""",
)
HEADER_MISFIT = _code(
    "E0512",
    "columns do not fit the parameter's indices",
    "{what}",
    "{mend}",
    """The columns of a table that name no parameter are its index columns. They are matched to the indices of the
parameters by name (the name of the index variable or of the set); where none of them is so named, by position. Their
number must be that of the parameter's indices, and the match must be certain.

    # param dist[i in Cities, j in Cities]
    from,to,dist          # by position: from is i, to is j
    j,i,dist              # by name
    from,i,dist           # wrong: i is by name the first index, by position the second
""",
)
NO_SUCH_PART = _code(
    "E0513",
    "no such column, table or sheet",
    "{path} has no {kind} {name}",
    "it has {have}",
    """What stands after the colon of a `-d` argument names a column (CSV, Parquet), a table or table.column (SQLite),
or a sheet or sheet.column (Excel) of the file.

    -d Foods=foods.csv:nmae       # wrong
    -d Foods=foods.csv:name
""",
)
NEEDS_PACKAGE = _code(
    "E0514",
    "a package is needed to read this file",
    "{path} needs the package {package}, which is not installed",
    "install it: pip install 'optc[data]'",
    """Parquet files are read with polars, Excel files with python-calamine. Both come with the extra `data`:

    pip install 'optc[data]'

CSV, JSON, TOML and SQLite need nothing (polars makes large CSV files faster).
""",
)
UNREADABLE = _code(
    "E0515",
    "data file cannot be read",
    "{path} cannot be read: {why}",
    None,
    """The file exists, but it is damaged, of another format than its name says, or may not be opened. The message
repeats what the reader of the format said.

    optc solve diet.opt -d foods.sqlite       # wrong if foods.sqlite holds CSV text
    optc solve diet.opt -d foods.csv
""",
)
BAD_ARGUMENT = _code(
    "E0516",
    "malformed data argument",
    "{argument} is not {form}",
    "write {mend}",
    """`-d` takes a file, `NAME=FILE`, `NAME=FILE:COLUMN` or `FILE:TABLE`; `--set` takes `NAME=VALUE`, where the value
is a number, a text, or JSON.

    --set budget        # wrong
    --set budget=3
    --set 'Foods=["corn", "oats"]'
""",
)
UNKNOWN_NAME = _code(
    "E0517",
    "data for an unknown name",
    "the data give {name}, which the model does not declare",
    "{mend}",
    """Every name in the data must be a set or a parameter of the model. A name that the model lacks is most often a
misspelling; where it is meant to be ignored, `--allow-surplus` turns the error into a warning.

    {"cots": {"corn": 3}}       # wrong: the model has `param cost[Foods]`
    {"cost": {"corn": 3}}
""",
)
IGNORED_NAME = _code(
    "W0517",
    "unknown name ignored",
    "the data give {name}, which the model does not declare; it is ignored",
    None,
    """With `--allow-surplus` names in the data that the model does not declare are ignored, each with this warning.

    {"cots": {"corn": 3}}       # ignored; if cost was meant, the model will miss it
""",
)
GIVEN_TWICE = _code(
    "E0518",
    "data given twice",
    "{name} is given twice: here and in {other}",
    "remove one of the two",
    """Each set and each parameter gets its data from one place. Two files (or a file and a Python argument) that both
give it are refused, for it would hang on their order which one counts. Only `--set` overrides files, with a note.

    optc solve diet.opt -d a.json -d b.json      # wrong if both give cost
    optc solve diet.opt -d a.json --set budget=5 # --set wins over a.json
""",
)
OVERRIDDEN = _code(
    "N0518",
    "--set overrides a file",
    "--set {name} overrides the value in {other}",
    None,
    """A value given with `--set` replaces the one in the data files, so that variants of a run need no second file.

    optc solve diet.opt -d diet.json --set budget=5
""",
)
TAKES_NO_DATA = _code(
    "E0519",
    "name takes no data",
    "{name} is {what} and takes no data",
    "{mend}",
    """Data go to sets and parameters. A set or parameter with `= …` is computed in the model and can be replaced by
data only if it was declared with `default` instead of `=`. Variables get no data; a warm start is given by `--start`.

    param k = 3                 # data for k are refused
    param k default 3           # data for k replace the 3
""",
)
NOT_AN_OBJECT = _code(
    "E0521",
    "data file without names",
    "{path} holds {what}, but a data file holds one object: names of sets and parameters, each with its data",
    'write {{"NAME": …}}, or say for which name the file is: -d NAME={path}',
    """A JSON file of data is an object whose keys are the names of sets and parameters. A file that holds the data of
a single name is given with that name.

    [3, 2, 5]                     # wrong for -d costs.json
    {"cost": [3, 2, 5]}
    -d cost=costs.json            # right for [3, 2, 5]
""",
)
UNKNOWN_OBJECT = _code(
    "E0522",
    "Python object that is no data",
    "{name} was given {what}, which is no data for {symbol}",
    "{mend}",
    """Data from Python are numbers, texts, lists, dicts, numpy arrays, pandas and polars frames and series, xarray
DataArrays, and networkx graphs (for sets of nodes or edges, and for parameters over them).

    model.bind(cost=lambda f: 3)              # wrong
    model.bind(cost={"corn": 3, "oats": 2})
""",
)
UNORDERED = _code(
    "E0523",
    "a set without order",
    "{name} was given a Python set, whose order changes from run to run",
    "give a list, such as sorted(…)",
    """Sets of a model keep the order of their data, and the same input must give the same answer. A Python `set` has
no fixed order.

    model.bind(Foods={"corn", "oats"})            # wrong
    model.bind(Foods=["corn", "oats"])
""",
)
LIBSVM_MALFORMED = _code(
    "E0524",
    "malformed LIBSVM file",
    "{what}",
    "{mend}",
    """A LIBSVM file holds one sample a line: its label, then the features that are not zero, each as index:value.
Indices are whole numbers from 1 on and grow along the line; labels and values are finite numbers. What follows `#` is a
comment.

    +1 3:0.5 1:2          # wrong: feature 1 stands after feature 3
    +1 1:2 3:0.5
""",
)
LIBSVM_PARTS = _code(
    "E0525",
    "part of a LIBSVM file that does not fit",
    "{what}",
    "{mend}",
    """A LIBSVM file has five parts: `samples` and `features` (numbers from 1 on), `entries` (pairs of these), `values`
(of the entries) and `labels` (of the samples). A parameter with one index takes the labels and one with two the values,
so their part may be left out; a set names its part. Without a name the file gives the one parameter with two indices,
the one parameter over the first of them, and their sets; where there are several of either, say which two are meant.

Labels come as they are in the file. Others are given by a list of all of them.

    -d train.svm:X,y                      # X[S, F], y[S], and the sets S and F
    -d X=train.svm -d y=train.svm -d S=train.svm:samples -d F=train.svm:features
    -d y=train.svm:labels,1=-1,2=+1       # what is 1 in the file is -1 in the model, what is 2 is 1
""",
)

# ------------------------------------------------------------------------------------------------------- placing
MISSING_DATA = _code(
    "E0531",
    "no data given",
    "no data are given for {what} {name}",
    "{mend}",
    """A set or parameter without definition and without `default` needs data.

    optc solve diet.opt -d diet.json            # diet.json has no "budget"
    optc solve diet.opt -d diet.json --set budget=3
""",
)
MISSING_ENTRIES = _code(
    "E0532",
    "missing entries",
    "{name} lacks {count}: {first}",
    "give them, or declare {name} with a `default`",
    """A parameter needs an entry for every member of its index set, unless it is declared with a `default`.

    {"Foods": ["corn", "oats"], "cost": {"corn": 3}}     # wrong: cost["oats"] is missing
    param cost[Foods] default 0                           # then it is 0
""",
)
OUTSIDE_SET = _code(
    "E0533",
    "key outside the index set",
    "{entry}: {member} is not in {set}",
    "{mend}",
    """The key of an entry must be a member of the parameter's index set. Texts and numbers are never equal: the text
"1" is not the number 1. With `--allow-surplus` such entries are ignored with a warning.

    {"Foods": ["corn"], "cost": {"korn": 3}}       # wrong
    {"Foods": ["corn"], "cost": {"corn": 3}}
""",
)
IGNORED_OUTSIDE_SET = _code(
    "W0533",
    "entries outside the index set ignored",
    "{count} of {name} outside the index set ignored: {first}",
    None,
    """With `--allow-surplus` entries for which the model has no place are ignored, with this warning.

    {"Foods": ["corn"], "cost": {"corn": 3, "rice": 4}}       # the entry for rice is ignored
""",
)
SURPLUS_ENTRY = _code(
    "E0534",
    "entry for which there is no place",
    "{entry} has no place: {key} is not among the indices of {name}, though each part of it occurs there",
    "remove it, or ignore such entries with --allow-surplus",
    """Each component of the key is known, but their combination is not in the index set of the parameter, as for a
parameter over a set of pairs that lacks this pair.

    {"Arcs": [["a", "b"]], "cost": {"rows": [["a", "b", 1], ["b", "a", 2]]}}      # wrong: no arc from b to a
""",
)
DUPLICATE_ENTRY = _code(
    "E0535",
    "entry given twice",
    "{entry} is given twice",
    "remove one of the two",
    """Each entry of a parameter is given once. Two rows for one key are refused even where their values agree.

    name,cost
    corn,3
    corn,4          # wrong
""",
)
DUPLICATE_MEMBER = _code(
    "E0536",
    "member given twice",
    "{member} occurs twice in {name}",
    "remove one of the two",
    """The members of a set are different from one another.

    {"Foods": ["corn", "oats", "corn"]}      # wrong
    {"Foods": ["corn", "oats"]}
""",
)
NUMBER_AS_TEXT = _code(
    "E0537",
    "a text where a number is expected",
    "{entry} is the text {value}, and a number is expected",
    "{mend}",
    """Numbers are written without quotes. The only texts that are allowed as numbers are "inf" and "-inf". In CSV the
decimal sign is the point, and there is no sign for thousands.

    {"cost": {"corn": "3"}}       # wrong
    {"cost": {"corn": 3}}
""",
)
NULL_VALUE = _code(
    "E0538",
    "null in the data",
    "{entry} is {value}, which is no data",
    "leave the entry out; a `default` in the model says what a missing entry means",
    """`null` (Python's `None`) says nothing about what is meant: zero, infinity, or unknown. Leave the entry out, and
declare a `default` where a missing entry has a meaning.

    {"cap": {"a": 3, "b": null}}       # wrong
    {"cap": {"a": 3}}                  # with `param cap[A] default inf`
""",
)
TRUTH_VALUE = _code(
    "E0539",
    "truth value in the data",
    "{entry} is {value}, and {expected} is expected",
    "write 1 for true and 0 for false",
    """`true` and `false` are not numbers.

    {"open": {"a": true}}      # wrong
    {"open": {"a": 1}}
""",
)
NOT_A_NUMBER = _code(
    "E0540",
    "NaN in the data",
    "{entry} is NaN, which is no data",
    "leave the entry out; a `default` in the model says what a missing entry means",
    """NaN ("not a number") marks a failed computation or a missing value. No model means it. In a pandas frame,
`frame.dropna()` leaves such rows out.

    cost = numpy.array([1.0, float("nan")])       # wrong
""",
)
WRONG_TYPE = _code(
    "E0541",
    "value of the wrong type",
    "{entry} is {value}, and {expected} is expected",
    None,
    """The value does not have the type that the parameter was declared with: `real` (unless said otherwise), `integer`
or `string`.

    param owner[Foods] : string
    {"owner": {"corn": 3}}           # wrong: a number
    {"owner": {"corn": "Ann"}}
""",
)
NOT_WHOLE = _code(
    "E0542",
    "not a whole number",
    "{entry} is {value}, and {name} holds whole numbers",
    "declare it without `: integer`, or correct the value",
    """A parameter declared `: integer` takes whole numbers only (3 and 3.0, not 2.5, and not infinity).

    param k : integer
    {"k": 2.5}       # wrong
    {"k": 2}
""",
)
TOO_LARGE = _code(
    "E0543",
    "number too large",
    "{entry} is {value}, which is beyond the range of {range}",
    'write "inf" or "-inf" if it is meant to be infinite',
    """Numbers are held as 64-bit floating point, the members of sets also as 64-bit integers.

    {"cost": 1e999}       # wrong
    {"cost": "inf"}
""",
)
WRONG_LENGTH = _code(
    "E0544",
    "list of the wrong length",
    "{entry} has {found}, and {expected} expected",
    "{mend}",
    """A list gives the entries in the order of the index set, one for each member; a nested list has one list for each
member of the first index set, and so on. Over a set of tuples it follows that set's order.

    {"Foods": ["corn", "oats"], "cost": [3]}        # wrong: two foods, one cost
    {"Foods": ["corn", "oats"], "cost": [3, 2]}
""",
)
WRONG_NESTING = _code(
    "E0545",
    "data of the wrong shape",
    "{entry} is {found}, and {expected} is expected",
    "{mend}",
    """A parameter over n index sets is a list nested n deep, an object nested as deep as there are indices, or
`{"rows": [[i, j, value], …]}`. A parameter without index is a single value; a set is a list.

    param cost[Foods]
    {"cost": 3}                        # wrong
    {"cost": {"corn": 3, "oats": 3}}
""",
)
NO_POSITIONS = _code(
    "E0546",
    "a list where entries have no fixed position",
    "{name} is given by position, but its index set has a condition, so positions say too little",
    "give it by key: an object, rows, or a table",
    """Where a condition selects the rows of a parameter (`param c[i in I if i > 2]`), a list would leave open whether
it follows the whole set or the selected rows. Give the entries by key.

    {"c": [3, 2]}                 # wrong
    {"c": {"rows": [[3, 3], [4, 2]]}}
""",
)
MIXED_MEMBERS = _code(
    "E0547",
    "texts and numbers in one set",
    "{name} holds both texts and numbers: {text} and {number}",
    "write all of them as texts or all as numbers",
    """The members of a set (of tuples: each component) are all texts or all numbers, since a text is never equal to a
number.

    {"Days": [1, 2, "3"]}       # wrong
    {"Days": [1, 2, 3]}
""",
)
BAD_MEMBER = _code(
    "E0548",
    "value that cannot be a member",
    "{entry} is {value}, which cannot be a member of a set",
    "a member is a text or a finite number",
    """Members of sets are texts or finite numbers; members of sets of tuples are lists of these.

    {"Foods": ["corn", null]}       # wrong
    {"Foods": ["corn"]}
""",
)
WRONG_DIMENSION = _code(
    "E0549",
    "member with the wrong number of components",
    "{entry} has {found}, and members of {name} have {expected}",
    None,
    """All members of a set have the same number of components, the one that the model asks for.

    set Arcs within Cities * Cities
    {"Arcs": [["a", "b"], ["b"]]}            # wrong
    {"Arcs": [["a", "b"], ["b", "a"]]}
""",
)
EMPTY_KEY = _code(
    "E0550",
    "empty cell in an index column",
    "the index column {column} has an empty cell",
    "fill it in, or remove the row",
    """An empty cell in the column of a parameter is a missing entry; in an index column it leaves open which entry the
row gives.

    name,cost
    ,3              # wrong
    corn,3
""",
)
NOT_WITHIN = _code(
    "E0551",
    "member outside the set it must lie within",
    "{member} is in {name} but not in {within}",
    "{mend}",
    """`set A within B` promises that every member of A is one of B; the data break the promise.

    set Arcs within Cities * Cities
    {"Cities": ["a", "b"], "Arcs": [["a", "c"]]}      # wrong: no city c
""",
)
CHECK_FAILED = _code(
    "E0552",
    "data break a check of the model",
    "{entry} is {value}, and the model asks for {check}",
    "correct the value, or relax the check in the declaration",
    """A declaration such as `param cost[Foods] >= 0` is a check: every entry of the data must hold to it.

    {"cost": {"corn": -3}}       # wrong
    {"cost": {"corn": 3}}
""",
)
AND_MORE = _code(
    "E0559",
    "more mistakes of the same kind",
    "{count} more in the data of {name} are not shown",
    None,
    """The data of one set or parameter have more mistakes than are worth listing. Correct the ones shown first: most
often they have one cause.

    {"cost": {"corn": "1", "oats": "2", …}}        # all numbers as texts: one cause, many messages
""",
)
