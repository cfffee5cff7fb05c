"""Hypothesis strategies for syntax trees: expressions, index lists, constraints, declarations of every kind, models.

Trees are as a reader of the text would build them, up to round brackets: printing adds those that binding strength
needs, so trees are compared after ``strip_brackets``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import strategies as st

from optc.dsl import syntax as s
from optc.dsl.source import Source, Span

NOWHERE = Span(Source("<tree>", ""), 0, 0)
SOFT_WORDS = ("lower", "start", "from", "with", "default", "within", "table", "spin", "set", "on", "player", "binary")
PLAIN_NAMES = ("x", "y", "cost", "a1", "_b", "i", "j", "Arcs", "I", "über", "Nutrients", "total_cost")
AGGREGATES = ("sum", "prod", "min", "max", "count", "norm1", "norm2", "norminf", "logsumexp")

T = TypeVar("T", bound=s.Node)


def node(
    cls: Callable[..., T], *parts: st.SearchStrategy[Any], **named: st.SearchStrategy[Any]
) -> st.SearchStrategy[T]:
    return st.builds(lambda *a, **k: cls(NOWHERE, *a, **k), *parts, **named)


def strip_brackets(tree: Any) -> Any:
    """The tree without its ``Bracketed`` nodes."""
    if isinstance(tree, tuple):
        return tuple(strip_brackets(item) for item in tree)
    if isinstance(tree, s.Bracketed):
        return strip_brackets(tree.inner)
    if isinstance(tree, s.Node) and not isinstance(tree, s.Model):
        fields = {f.name: strip_brackets(getattr(tree, f.name)) for f in dataclasses.fields(tree) if f.name != "span"}
        return type(tree)(tree.span, **fields)
    return tree


# ------------------------------------------------------------------------------------------------------------ leaves
plain_names: st.SearchStrategy[s.Name] = node(s.Name, st.sampled_from(PLAIN_NAMES))
names: st.SearchStrategy[s.Name] = node(s.Name, st.sampled_from(PLAIN_NAMES + SOFT_WORDS))
texts: st.SearchStrategy[s.Text] = node(s.Text, st.text(st.characters(exclude_categories=("Cs",)), max_size=6))


def _number(spelling: str) -> s.Number:
    plain = spelling.replace("_", "")
    return s.Number(NOWHERE, int(plain) if plain.isdigit() else float(plain), spelling)


numbers: st.SearchStrategy[s.Number] = st.one_of(
    st.integers(0, 10**9).map(str),
    st.floats(0, allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["1_000_000", "1e-6", "2.5E+3", "0.5", "inf", "007"]),
).map(_number)

literals = st.one_of(numbers, texts)
tuples_of_literals = node(s.Tuple, st.lists(literals, min_size=2, max_size=3).map(tuple))


# ------------------------------------------------------------------------------------------------------- expressions
def _listed(items: st.SearchStrategy[Any], low: int = 1, high: int = 3) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, min_size=low, max_size=high).map(tuple)


def index_lists(inner: st.SearchStrategy[s.Expression]) -> st.SearchStrategy[s.IndexList]:
    pattern = st.one_of(names, node(s.Tuple, _listed(st.one_of(names, literals), 2)))
    generator = node(s.Generator, pattern, inner)
    return node(s.IndexList, _listed(generator), st.none() | inner)


def declaration_index(inner: st.SearchStrategy[s.Expression]) -> st.SearchStrategy[s.IndexList]:
    """As behind the name of a declaration: bare sets too."""
    pattern = st.one_of(names, node(s.Tuple, _listed(names, 2)))
    generator = node(s.Generator, pattern, inner) | node(s.Generator, st.none(), names)
    return node(s.IndexList, _listed(generator), st.none() | inner)


def _chain(inner: st.SearchStrategy[s.Expression]) -> st.SearchStrategy[s.Comparison]:
    def range_(word: str, operands: list[s.Expression]) -> s.Comparison:
        return s.Comparison(NOWHERE, tuple(operands), (word,) * 2)

    single = node(
        s.Comparison, st.tuples(inner, inner), st.sampled_from(["<=", ">=", "<", ">", "==", "!="]).map(lambda w: (w,))
    )
    return single | st.builds(range_, st.sampled_from(["<=", ">="]), st.lists(inner, min_size=3, max_size=3))


def _extended(inner: st.SearchStrategy[s.Expression]) -> st.SearchStrategy[s.Expression]:
    over = index_lists(inner)
    base = st.one_of(names, node(s.Member, names, names))
    operators = ["+", "-", "*", "/", "mod", "div", "^", "and", "or", "union", "inter", "minus"]
    data: st.SearchStrategy[s.Expression] = literals | node(s.ListLiteral, _listed(literals, 0))
    return st.one_of(
        node(s.Binary, st.sampled_from(operators), inner, inner),
        node(s.Binary, st.sampled_from(operators), inner, inner),
        node(s.Unary, st.sampled_from(["-", "+", "not"]), inner),
        _chain(inner),
        node(s.Membership, inner, inner, st.booleans()),
        node(s.Conditional, inner, inner, inner),
        node(s.Bracketed, inner),
        node(s.Tuple, _listed(inner, 2)),
        node(s.Range, inner, inner),
        node(s.Subscript, base, _listed(inner)),
        node(s.Subscript, node(s.Member, node(s.Subscript, names, _listed(inner)), names), _listed(inner)),
        node(s.Call, plain_names | node(s.Name, st.sampled_from(["sqrt", "max", "dual"])), _listed(inner, 0)),
        node(s.Aggregate, node(s.Name, st.sampled_from(AGGREGATES)), inner, over),
        node(s.ListLiteral, _listed(inner, 0)),
        node(s.SetLiteral, _listed(inner, 0)),
        node(s.KeyedLiteral, _listed(st.tuples(literals | tuples_of_literals, data))),
        node(s.Comprehension, inner, over),
    )


expressions: st.SearchStrategy[s.Expression] = st.recursive(st.one_of(names, numbers, texts), _extended, max_leaves=12)
small: st.SearchStrategy[s.Expression] = st.recursive(st.one_of(names, numbers, texts), _extended, max_leaves=4)


# -------------------------------------------------------------------------------------------------------- statements
docs = st.none() | st.sampled_from(["what it is", "two\nlines", "with # signs", ""])


def attributes(*words: str, properties: tuple[str, ...] = ()) -> st.SearchStrategy[tuple[s.Attribute, ...]]:
    valued = node(s.Attribute, st.sampled_from(words), small)
    bare = node(s.Attribute, st.sampled_from(properties)) if properties else valued
    return _listed(valued | bare, 0)


_RELATIONS = (">=", "<=", ">", "<", "==", "!=")
_index = st.none() | declaration_index(small)
_name_lists = _listed(names)


def _type_attribute() -> st.SearchStrategy[s.Attribute]:
    return node(s.Attribute, st.just(":"), node(s.Name, st.sampled_from(["string", "integer", "real"])))


sets = node(s.SetDeclaration, _name_lists, _index, attributes("=", "default", "within", "in"), doc=docs)
params = node(
    s.ParamDeclaration,
    _name_lists,
    _index,
    st.tuples(
        attributes("=", "default", "in", *_RELATIONS, properties=("integer", "string", "real")),
        st.just(()) | _type_attribute().map(lambda a: (a,)),
    ).map(lambda parts: parts[0] + parts[1]),
    doc=docs,
)
tables = node(s.TableDeclaration, names, _name_lists, attributes("=", "default"), doc=docs)
variables = node(
    s.VarDeclaration,
    _name_lists,
    _index,
    attributes(
        "in", "start", *_RELATIONS, properties=("binary", "integer", "free", "spin", "simplex", "psd", "semicontinuous")
    ),
    doc=docs,
)
chooses = node(
    s.ChooseDeclaration, _name_lists, _index, node(s.Attribute, st.just("from"), small).map(lambda a: (a,)), doc=docs
)
lets = node(s.LetDeclaration, names, _index, small, doc=docs)
defs = node(s.DefDeclaration, names, _name_lists, small, doc=docs)
externs = node(s.ExternDeclaration, names, _name_lists, doc=docs)
networks = node(s.NetworkDeclaration, names, texts, doc=docs)
uses = node(s.Use, plain_names | texts)
objectives = node(
    s.Objective, st.sampled_from(["minimize", "maximize"]), st.none() | names, small, doc=docs
) | st.builds(lambda doc: s.Objective(NOWHERE, "satisfy", None, None, doc), docs)

_bodies: st.SearchStrategy[Any] = st.one_of(
    _chain(small),
    node(s.Implication, small, _chain(small)),
    node(s.Complements, _chain(small), _chain(small)),
    node(s.Aggregate, node(s.Name, st.sampled_from(["sos1", "sos2"])), small, index_lists(small)),
)
constraints = node(s.ConstraintItem, names, _index, _bodies, doc=docs)
uncertain_constraints = node(s.ConstraintItem, names, _index, _bodies)
subject_tos = node(s.SubjectTo, _listed(constraints))
uncertains = node(
    s.UncertainDeclaration,
    _name_lists,
    _index,
    attributes("in", "from", properties=("binary", "integer")),
    _listed(uncertain_constraints, 0, 2),
    doc=docs,
)
equilibria = node(s.Equilibrium, node(s.Name, st.just("normalised")), _listed(st.tuples(names, small)))
certificates = node(
    s.Certify,
    node(s.Name, st.just("contraction")),
    _listed(node(s.CertifyRegion, names, _index, small), 0),
)
methods = node(s.MethodCall, plain_names, _listed(st.tuples(plain_names, small), 0))
solves = node(s.SolveWith, _listed(methods))

simple_statements: st.SearchStrategy[Any] = st.one_of(
    sets,
    params,
    tables,
    variables,
    uncertains,
    chooses,
    lets,
    defs,
    externs,
    networks,
    uses,
    objectives,
    subject_tos,
    equilibria,
    certificates,
    solves,
)


def _block(body: st.SearchStrategy[Any]) -> st.SearchStrategy[s.BlockDeclaration]:
    inside = _listed(body, 0)
    selection = st.none() | node(s.Name, st.sampled_from(["pessimistic", "optimistic"]))
    return st.one_of(
        node(s.BlockDeclaration, st.just("lower"), names, _index, selection, inside, doc=docs),
        node(s.BlockDeclaration, st.just("player"), names, _index, st.none(), inside, doc=docs),
        node(s.BlockDeclaration, st.just("recourse"), st.none(), st.none(), st.none(), inside, doc=docs),
    )


statements: st.SearchStrategy[Any] = st.recursive(simple_statements, _block, max_leaves=4)


def _model(body: list[Any]) -> s.Model:
    return s.Model(NOWHERE, NOWHERE.source, tuple(body))


models: st.SearchStrategy[s.Model] = st.lists(statements, max_size=4).map(_model)
