"""IR 1, the program: a model with every name resolved and every rule that needs no data checked.

One symbol table; an expression says *symbol*, never variable or parameter: what is decision, data, uncertain or
multiplier is a role that the symbol's declaration gives at first and that later passes may map anew. Own slices are
gone: a family's index is its blocks' indices followed by its own, and every reference carries all of them. Functions
(``def``) are expanded; named expressions (``let``) are symbols of their own.

Names of symbols are unique over the model: ``buy``; ``follower.c1`` for a constraint of a named block; ``dual(f.c)``
for a multiplier; ``line 14`` for a constraint without a name (with `` (2)`` for the second of that line). Expressions
compare without their spans, so that equal text means equal trees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .source import Span


@dataclass(frozen=True, slots=True)
class IndexVar:
    """An index. ``serial`` tells indices of the same name in different places apart; ``arity`` > 1 is a whole tuple."""

    name: str
    serial: int
    arity: int = 1


@dataclass(frozen=True, slots=True)
class Term:
    """Base of all typed expressions; ``span`` is where the user wrote it (the call, for an expanded function)."""

    span: Span | None = field(compare=False, repr=False)


# -------------------------------------------------------------------------------------------------------- values
@dataclass(frozen=True, slots=True)
class Constant(Term):
    value: float


@dataclass(frozen=True, slots=True)
class TextConstant(Term):
    value: str


@dataclass(frozen=True, slots=True)
class IndexRef(Term):
    """The value of an index: a number, a text, or (arity > 1) a tuple, which stands only as an index or in ``in``."""

    var: IndexVar


@dataclass(frozen=True, slots=True)
class SymbolRef(Term):
    """One entry of a family: ``cost[f]`` is ``SymbolRef("cost", (IndexRef(f),))``.

    ``args`` fill the family's index positions left to right, block indices first; an ``IndexRef`` of a tuple index
    fills as many positions as its arity. They may hold arithmetic (``t - 1``), data (``home[v]``), neighbours
    (``next(t, T)``) and choices (``z[l]``), never other decisions.
    """

    symbol: str
    args: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class FamilyRef(Term):
    """A whole family as the argument of an ``extern``."""

    symbol: str


@dataclass(frozen=True, slots=True)
class Apply(Term):
    """An elementwise operation.

    ``op`` is ``add sub mul div idiv mod pow neg``; ``lt le eq ne ge gt`` (numbers or texts; a choice and an option),
    ``and or not`` (truth values); ``min max`` with two or more arguments; or a function: ``exp log log10 sqrt sin cos
    tan asin acos atan sinh cosh tanh abs sign floor ceil round entropy kl huber sigmoid softplus erf``. A truth value
    used as a number is 0 or 1. ``idiv`` and ``mod`` floor.
    """

    op: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Reduce(Term):
    """``op`` over the rows of ``space``: ``sum prod min max count norm1 norm2 norminf logsumexp``."""

    op: str
    space: Space
    body: Expr


@dataclass(frozen=True, slots=True)
class Conditional(Term):
    """``if condition then … else …``; the condition holds data only; the branch not taken is not evaluated."""

    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class Member(Term):
    """``(i, j) in S``: a truth value. ``args`` as in ``SymbolRef``."""

    args: tuple[Expr, ...]
    set: SetExpr
    negated: bool = False


@dataclass(frozen=True, slots=True)
class SetMeasure(Term):
    """``card first last`` of a set (no args), ``ord next prev next_cyclic prev_cyclic`` of a member (``args``) in it.

    ``first last next prev`` give members (numbers, texts; of a tuple set, tuples); ``ord`` counts from 0; ``shift``
    is the number of steps of ``next``/``prev``.
    """

    op: Literal["card", "first", "last", "ord", "next", "prev", "next_cyclic", "prev_cyclic"]
    set: SetExpr
    args: tuple[Expr, ...] = ()
    shift: Expr | None = None


@dataclass(frozen=True, slots=True)
class Piecewise(Term):
    """The linear interpolation through (breakpoints, values), continued by the first and last slopes."""

    argument: Expr
    breakpoints: tuple[Expr, ...]
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class ExternCall(Term):
    """A call of outside code on whole families; its value is one number."""

    function: str
    args: tuple[FamilyRef, ...]


@dataclass(frozen=True, slots=True)
class NetworkCall(Term):
    """A call of a trained network on scalars; its value is one number."""

    function: str
    args: tuple[Expr, ...]


Expr = (
    Constant
    | TextConstant
    | IndexRef
    | SymbolRef
    | FamilyRef
    | Apply
    | Reduce
    | Conditional
    | Member
    | SetMeasure
    | Piecewise
    | ExternCall
    | NetworkCall
)


# ---------------------------------------------------------------------------------------------------------- sets
@dataclass(frozen=True, slots=True)
class SetRef(Term):
    """A declared set, or one of an indexed family of sets (``args``)."""

    symbol: str
    args: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class RangeSet(Term):
    low: Expr
    high: Expr


@dataclass(frozen=True, slots=True)
class ProductSet(Term):
    factors: tuple[SetExpr, ...]


@dataclass(frozen=True, slots=True)
class SetOperation(Term):
    """Order of the result: the left set's, then (``union``) what the right one adds."""

    op: Literal["union", "inter", "minus"]
    left: SetExpr
    right: SetExpr


@dataclass(frozen=True, slots=True)
class LiteralSet(Term):
    """Members written out: each a tuple of constants of the same length."""

    members: tuple[tuple[Constant | TextConstant, ...], ...]
    arity: int


@dataclass(frozen=True, slots=True)
class ComputedSet(Term):
    """``{element for space}``: members in order of first appearance, each once."""

    element: tuple[Expr, ...]
    space: Space


SetExpr = SetRef | RangeSet | ProductSet | SetOperation | LiteralSet | ComputedSet


@dataclass(frozen=True, slots=True)
class Bind:
    """A pattern position that introduces an index."""

    var: IndexVar


@dataclass(frozen=True, slots=True)
class Fix:
    """A pattern position held at a value: an index in scope or a literal. Rows are found by a join."""

    value: IndexRef | Constant | TextConstant


@dataclass(frozen=True, slots=True)
class Generator:
    """``pattern in set``: one ``Bind`` or ``Fix`` a member component; or a single ``Bind`` of a whole tuple."""

    pattern: tuple[Bind | Fix, ...]
    set: SetExpr
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Space:
    """An index space: generators left to right (later ones may depend on earlier indices), then a filter on data.

    Rows come in the order of nested loops, the last generator fastest. The empty space has one row.
    """

    generators: tuple[Generator, ...] = ()
    condition: Expr | None = None

    @property
    def indices(self) -> tuple[IndexVar, ...]:
        return tuple(p.var for g in self.generators for p in g.pattern if isinstance(p, Bind))


SCALAR = Space()


# ------------------------------------------------------------------------------------------------------- symbols
@dataclass(frozen=True, slots=True)
class Symbol:
    """What every declared name has. ``space`` holds the indices of its enclosing blocks first, then its own.

    ``arity`` counts the index positions (a tuple set of pairs counts two); ``own`` how many of the last are its own.
    ``block`` is the path of the block that declares it (``()`` at the top).
    """

    name: str
    span: Span = field(compare=False, repr=False)
    space: Space = SCALAR
    arity: int = 0
    own: int = 0
    block: tuple[str, ...] = ()
    doc: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class SetSymbol(Symbol):
    """``dimension``: components of a member (None until data say so). ``within`` is checked against the data.

    ``definition`` computes it (no data taken unless ``overridable``); without one its members come from data.
    """

    dimension: int | None = 1
    within: SetExpr | None = None
    definition: SetExpr | None = None
    overridable: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """A condition on each entry of a parameter: ``entry op bound``, or ``entry in set``."""

    op: Literal["lt", "le", "eq", "ne", "ge", "gt", "in"]
    bound: Expr | SetExpr
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Parameter(Symbol):
    """Data. ``literal`` is written in the model by position or key; ``definition`` is an expression a row.

    ``overridable``: written with ``default``, so data may replace it (entry by entry).
    """

    type: Literal["real", "integer", "string"] = "real"
    checks: tuple[Check, ...] = ()
    definition: Expr | None = None
    literal: Literal_ | None = None
    overridable: bool = False


@dataclass(frozen=True, slots=True)
class Literal_:  # noqa: N801 - `Literal` is typing's
    """Data written in the model: a nested list by position or entries by key (each key a flat tuple)."""

    span: Span = field(compare=False, repr=False)
    nested: tuple[object, ...] | None = None  # numbers, texts or tuples of the same
    keyed: tuple[tuple[tuple[float | str, ...], float | str], ...] | None = None


Domain = Literal["real", "integer", "binary", "spin", "semicontinuous", "simplex", "psd"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """``lower <= entry <= upper``, data only; bounds with decisions of an outer block stand as constraints instead."""

    lower: Expr | None = None
    upper: Expr | None = None
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Variable(Symbol):
    """``simplex`` and ``psd`` run over the variable's own indices, inside its block's."""

    domain: Domain = "real"
    bounds: Bounds = Bounds()
    start: Expr | None = None


@dataclass(frozen=True, slots=True)
class Uncertain(Symbol):
    """Nature's. ``scenarios``: it is one member of that set, used as an index; else a number within ``bounds``.

    ``constraints`` names the ``with`` lines, which stand in the program's constraints with owner ``nature``.
    """

    domain: Domain = "real"
    bounds: Bounds = Bounds()
    scenarios: SetExpr | None = None
    constraints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice(Symbol):
    """One option of ``options`` (which may depend on the row's indices) for each row of ``space``."""

    options: SetExpr | None = None


@dataclass(frozen=True, slots=True)
class NamedExpression(Symbol):
    """``let``: ``definition`` over ``space``."""

    definition: Expr = Constant(None, 0.0)


@dataclass(frozen=True, slots=True)
class Multiplier(Symbol):
    """``dual(c)`` of constraint ``constraint``, over that constraint's space."""

    constraint: str = ""


@dataclass(frozen=True, slots=True)
class Function(Symbol):
    """``extern`` (``parameters``) or ``network`` (``file``)."""

    kind: Literal["extern", "network"] = "extern"
    parameters: tuple[str, ...] = ()
    file: str | None = None


# --------------------------------------------------------------------------------------- constraints, objectives
@dataclass(frozen=True, slots=True)
class Relation(Term):
    """``terms[0] ops[0] terms[1] (ops[1] terms[2])`` with ops ``le``, ``ge`` (alike in a chain) or a single ``eq``."""

    terms: tuple[Expr, ...]
    ops: tuple[Literal["le", "ge", "eq"], ...]


@dataclass(frozen=True, slots=True)
class Implication(Term):
    """When ``condition`` (of binaries, choices and data) holds, ``conclusion`` must."""

    condition: Expr
    conclusion: Relation


@dataclass(frozen=True, slots=True)
class Complementarity(Term):
    """Both relations hold, and one of them with equality; each is a single inequality, or one is a range."""

    left: Relation
    right: Relation


@dataclass(frozen=True, slots=True)
class SpecialOrderedSet(Term):
    """At most one (``kind`` 1) of ``body`` over ``members`` is non-zero; 2: at most two, neighbours."""

    kind: Literal[1, 2]
    members: Space
    body: Expr


@dataclass(frozen=True, slots=True)
class Constraint(Symbol):
    """A family of constraints, one for each row of ``space``. ``named`` is False where the name is ours."""

    body: Relation | Implication | Complementarity | SpecialOrderedSet = Relation(None, (), ())
    named: bool = True
    origin: Literal["written", "bound"] = "written"


@dataclass(frozen=True, slots=True)
class Objective:
    """``name`` is the user's or None. ``expression`` is None for ``satisfy``. In an indexed block: one a row of it."""

    sense: Literal["minimize", "maximize", "satisfy"]
    expression: Expr | None
    name: str | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Block:
    """Who decides. The root has kind ``model``; ``space`` holds the indices of the blocks around it, then its own.

    Names of symbols that it owns, in order of declaration: ``decisions`` (variables and choices) and ``constraints``.
    """

    kind: Literal["model", "lower", "player", "recourse"]
    name: str
    span: Span = field(compare=False, repr=False)
    space: Space = SCALAR
    pessimistic: bool = False
    objective: Objective | None = None
    decisions: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    children: tuple[Block, ...] = ()
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EquilibriumRule:
    """Variational unless weights (player block -> parameter reference template) make it Rosen's normalised one."""

    kind: Literal["variational", "normalised"] = "variational"
    weights: tuple[tuple[str, str], ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Region:
    symbol: str
    space: Space
    lower: Expr
    upper: Expr


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    property: Literal["contraction"]
    regions: tuple[Region, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Method:
    name: str
    options: tuple[tuple[str, float | str], ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TypeQuestion:
    """An index over ``used`` where ``declared`` stands, neither within the other: an error unless both hold numbers.

    Asked when the members are known only with the data.
    """

    used: str
    declared: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Program:
    """A checked model. ``symbols`` in order of declaration: sets, parameters, decisions, lets, constraints, …"""

    name: str
    symbols: Mapping[str, Symbol]
    root: Block
    equilibrium: EquilibriumRule | None = None
    certificates: tuple[CertificateRequest, ...] = ()
    methods: tuple[Method, ...] = ()
    questions: tuple[TypeQuestion, ...] = ()
