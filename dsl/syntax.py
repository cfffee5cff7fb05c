"""The syntax tree: a model file as it was written, every node with its span.

Nothing is resolved here: a name is a name, brackets that the user typed are kept (``Bracketed``), and so are the
spellings of numbers. Two trees are equal when they say the same, wherever they stand: spans do not take part in
comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .source import Source, Span


@dataclass(frozen=True, slots=True)
class Node:
    span: Span = field(compare=False, repr=False)


# ---------------------------------------------------------------------------------------------------- expressions
@dataclass(frozen=True, slots=True)
class Number(Node):
    """``3``, ``1_000``, ``2.5e-3``, ``inf``. ``value`` is an int where the spelling is one."""

    value: int | float
    spelling: str


@dataclass(frozen=True, slots=True)
class Text(Node):
    """``"bread"``; ``value`` has the escapes of JSON resolved."""

    value: str


@dataclass(frozen=True, slots=True)
class Name(Node):
    id: str


@dataclass(frozen=True, slots=True)
class Member(Node):
    """``follower.c1``: a constraint or decision of a named block (inside ``dual`` only)."""

    base: Expression
    name: Name


@dataclass(frozen=True, slots=True)
class Subscript(Node):
    """``x[i, j]``, ``f[r].c[i]``."""

    base: Expression
    indices: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Call(Node):
    """``sqrt(x)``, ``min(a, b)``, ``dual(f.c)``, ``card(S)``, ``piecewise(x, [..], [..])``, a ``def``."""

    function: Name
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    """``sum(body for i in I, j in J if condition)``; ``function`` is ``sum``, ``prod``, ``min``, ``norm2``, …"""

    function: Name
    body: Expression
    over: IndexList


@dataclass(frozen=True, slots=True)
class Unary(Node):
    operator: Literal["-", "+", "not"]
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """Arithmetic, ``and``/``or``, and the set operators, left and right as written.

    ``operator`` is one of ``+ - * / mod div ^ and or union inter minus``; ``*`` between sets is their product.
    """

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """``a <= b <= c``: ``operands`` is one longer than ``operators`` (``<= >= < > == !=``)."""

    operands: tuple[Expression, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Membership(Node):
    """``(i, j) in Arcs``, ``i not in S``."""

    element: Expression
    set: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """``if c then a else b``."""

    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Bracketed(Node):
    """An expression in round brackets that the user wrote."""

    inner: Expression


@dataclass(frozen=True, slots=True)
class Tuple(Node):
    """``(i, j)``: two or more."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Range(Node):
    """``a..b``, both ends included."""

    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True)
class ListLiteral(Node):
    """``[0.1, 0.2]``, possibly nested; an interval after ``in`` is one of two items."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class SetLiteral(Node):
    """``{"a", "b"}``, ``{(1, 2), (2, 3)}``, ``{}``."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class KeyedLiteral(Node):
    """``{"corn": 3, "oats": 2}``; keys are literals, tuples of literals; values literals, lists, keyed literals."""

    entries: tuple[tuple[Expression, Expression], ...]


@dataclass(frozen=True, slots=True)
class Comprehension(Node):
    """``{e for i in I, j in J if c}``."""

    element: Expression
    over: IndexList


Expression = (
    Number
    | Text
    | Name
    | Member
    | Subscript
    | Call
    | Aggregate
    | Unary
    | Binary
    | Comparison
    | Membership
    | Conditional
    | Bracketed
    | Tuple
    | Range
    | ListLiteral
    | SetLiteral
    | KeyedLiteral
    | Comprehension
)


# ----------------------------------------------------------------------------------------------------- index lists
@dataclass(frozen=True, slots=True)
class Generator(Node):
    """``i in I``, ``(i, j) in Arcs``, or a bare set (``pattern`` is None).

    A pattern is a ``Name``, or a ``Tuple`` of names and literals; whether a name is new or fixes a member is for the
    checker.
    """

    pattern: Expression | None
    set: Expression


@dataclass(frozen=True, slots=True)
class IndexList(Node):
    """What stands in the brackets of a declaration or behind ``for``."""

    generators: tuple[Generator, ...]
    condition: Expression | None = None


# ------------------------------------------------------------------------------------------------------ statements
@dataclass(frozen=True, slots=True)
class Attribute(Node):
    """One attribute of a declaration, as written.

    ``word`` is a relation (``>= <= > < == !=``), ``in``, ``within``, ``=``, ``default``, ``start``, ``from``, ``:``
    (a type), or a bare property: ``binary integer free spin simplex psd semicontinuous string real``. ``value`` is
    None for a bare property and for ``:`` a ``Name``.
    """

    word: str
    value: Expression | None = None


@dataclass(frozen=True, slots=True)
class SetDeclaration(Node):
    names: tuple[Name, ...]
    index: IndexList | None
    attributes: tuple[Attribute, ...]
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class ParamDeclaration(Node):
    names: tuple[Name, ...]
    index: IndexList | None
    attributes: tuple[Attribute, ...]
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class TableDeclaration(Node):
    """``table Crops: yield, hours = {...}``; the value is None when it comes from data."""

    set: Name
    columns: tuple[Name, ...]
    attributes: tuple[Attribute, ...]
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class VarDeclaration(Node):
    names: tuple[Name, ...]
    index: IndexList | None
    attributes: tuple[Attribute, ...]
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class UncertainDeclaration(Node):
    """``uncertain xi[I] in [0, 1] with budget: sum(…) <= G``; or ``uncertain s from Scenarios``."""

    names: tuple[Name, ...]
    index: IndexList | None
    attributes: tuple[Attribute, ...]
    constraints: tuple[ConstraintItem, ...]
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class ChooseDeclaration(Node):
    """``choose z[l in L] from Opts[l]``; the options are the ``from`` attribute."""

    names: tuple[Name, ...]
    index: IndexList | None
    attributes: tuple[Attribute, ...]
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class LetDeclaration(Node):
    name: Name
    index: IndexList | None
    value: Expression
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class DefDeclaration(Node):
    name: Name
    parameters: tuple[Name, ...]
    body: Expression
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class ExternDeclaration(Node):
    name: Name
    arguments: tuple[Name, ...]
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class NetworkDeclaration(Node):
    name: Name
    file: Text
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Use(Node):
    """``use graph`` (a ``Name``: standard library) or ``use "mine.opt"`` (a ``Text``: a file beside the model)."""

    target: Name | Text


@dataclass(frozen=True, slots=True)
class Objective(Node):
    """``minimize total: e``; ``sense`` is ``minimize``, ``maximize`` or ``satisfy`` (then ``expression`` is None)."""

    sense: Literal["minimize", "maximize", "satisfy"]
    name: Name | None
    expression: Expression | None
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Implication(Node):
    """``condition => conclusion``: an indicator constraint."""

    condition: Expression
    conclusion: Expression


@dataclass(frozen=True, slots=True)
class Complements(Node):
    """``slack >= 0 complements 1 - x - y >= 0``."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class ConstraintItem(Node):
    """One constraint or family of constraints.

    ``body`` is a relation (``Comparison``), an ``Implication``, a ``Complements``, or an ``Aggregate`` named
    ``sos1`` or ``sos2``. Anything else parses and is refused by the checker.
    """

    name: Name | None
    index: IndexList | None
    body: Expression | Implication | Complements
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class SubjectTo(Node):
    constraints: tuple[ConstraintItem, ...]


@dataclass(frozen=True, slots=True)
class BlockDeclaration(Node):
    """``lower f[i in R] pessimistic { … }``, ``player firm[i in N] { … }``, ``recourse { … }``."""

    kind: Literal["lower", "player", "recourse"]
    name: Name | None
    index: IndexList | None
    selection: Name | None
    body: tuple[Statement, ...]
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Equilibrium(Node):
    """``equilibrium normalised(firm = r)``; ``weights`` pairs a player with its weights' name."""

    kind: Name
    weights: tuple[tuple[Name, Expression], ...]


@dataclass(frozen=True, slots=True)
class CertifyRegion(Node):
    """``q[i in N] in [0, 40]``."""

    name: Name
    index: IndexList | None
    interval: Expression


@dataclass(frozen=True, slots=True)
class Certify(Node):
    """``certify contraction on x in [-1, 1], y in [-1, 1]``."""

    property: Name
    regions: tuple[CertifyRegion, ...]


@dataclass(frozen=True, slots=True)
class MethodCall(Node):
    """``lv_hba(max_iter = 20000)``."""

    name: Name
    options: tuple[tuple[Name, Expression], ...]


@dataclass(frozen=True, slots=True)
class SolveWith(Node):
    """``solve with a(…) then b(…)``."""

    methods: tuple[MethodCall, ...]


Statement = (
    SetDeclaration
    | ParamDeclaration
    | TableDeclaration
    | VarDeclaration
    | UncertainDeclaration
    | ChooseDeclaration
    | LetDeclaration
    | DefDeclaration
    | ExternDeclaration
    | NetworkDeclaration
    | Use
    | Objective
    | SubjectTo
    | BlockDeclaration
    | Equilibrium
    | Certify
    | SolveWith
)


@dataclass(frozen=True, slots=True)
class Comment(Node):
    """``# …`` or ``## …`` (``doc``); ``text`` as written, marks included, end of line excluded."""

    text: str
    doc: bool


@dataclass(frozen=True, slots=True)
class Model(Node):
    """One file."""

    source: Source = field(compare=False, repr=False)
    statements: tuple[Statement, ...]
    comments: tuple[Comment, ...] = field(default=(), compare=False)
