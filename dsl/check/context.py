"""The state of one check: what is declared, what has been built, what has been said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .. import syntax
from ..catalogue import report
from ..catalogue import syntax as syntax_codes
from ..diagnostics import Code, Diagnostic, Hint, Label
from ..program import SCALAR, Bounds, Domain, Expr, IndexRef, IndexVar, Space, Symbol, TypeQuestion
from ..source import Source, Span
from .kinds import BAD, DATA, Component, Kind, SetValue, Value

Loader = Callable[[syntax.Name | syntax.Text], Source | None]
"""Brings in the text that ``use`` names, or None where there is none."""

Terms = dict[type, Callable[["Context", Any, "Frame"], Value]]
"""How each kind of node of the syntax tree becomes a typed term."""

EntryKind = Literal["set", "parameter", "variable", "uncertain", "choice", "let", "block"]

WORDS: dict[str, str] = {
    "set": "a set",
    "parameter": "a parameter",
    "variable": "a variable",
    "uncertain": "an uncertain name",
    "choice": "a choice",
    "let": "a named expression",
    "block": "a block",
}


@dataclass(slots=True, eq=False)
class Index:
    """An index in scope."""

    var: IndexVar
    value: Value
    span: Span
    used: bool = False


Indices = dict[str, Index]


@dataclass(frozen=True, slots=True)
class Position:
    """One index position of a family: its component, and, for a tuple set, the set and the place in its member."""

    component: Component
    whole: Component | None = None
    offset: int = 0
    size: int = 1


@dataclass(slots=True, eq=False)
class Scope:
    """A block of the model: who decides. ``indices``, ``space`` and ``positions`` are filled by its header."""

    kind: Literal["model", "lower", "player", "recourse"]
    name: str
    span: Span
    parent: Scope | None = None
    node: syntax.BlockDeclaration | None = None
    path: tuple[str, ...] = ()
    depth: int = 0
    statements: list[syntax.Statement] = field(default_factory=list)
    children: list[Scope] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    objectives: list[syntax.Objective] = field(default_factory=list)
    constraints: list[ConstraintEntry] = field(default_factory=list)
    bound_constraints: list[str] = field(default_factory=list)
    labels: dict[str, Span] = field(default_factory=dict)
    indices: Indices = field(default_factory=dict)
    space: Space = SCALAR
    positions: tuple[Position, ...] = ()
    mask: int = DATA
    state: Literal["new", "open", "done"] = "new"

    def around(self) -> list[Scope]:
        """This block and the blocks around it, innermost first."""
        scopes = [self]
        while scopes[-1].parent is not None:
            scopes.append(scopes[-1].parent)
        return scopes

    def below(self) -> list[Scope]:
        """This block and all the blocks in it, outermost first, in order."""
        return [self, *(s for child in self.children for s in child.below())]

    def inside(self, kind: str) -> Scope | None:
        """The innermost block of a kind that holds this one (or is it)."""
        return next((s for s in self.around() if s.kind == kind), None)


@dataclass(slots=True, eq=False)
class ConstraintEntry:
    """A constraint family: its item in the tree, the block it stands in, and its name among the symbols."""

    item: syntax.ConstraintItem
    scope: Scope
    symbol: str
    named: bool
    mask: int = DATA


@dataclass(slots=True, eq=False)
class Entry:
    """A declared name. The header (space, positions, kind) is resolved on first use, the body in order."""

    name: str
    span: Span
    kind: EntryKind
    node: syntax.Node
    scope: Scope
    state: Literal["new", "open", "done"] = "new"
    broken: bool = False
    used: bool = False
    space: Space = SCALAR
    positions: tuple[Position, ...] = ()
    own: int = 0
    value: Kind = "number"
    types: tuple[Component, ...] = ()
    mask: int = DATA
    integral: bool = False
    frame: Frame | None = None
    set: SetValue | None = None
    symbol: Symbol | None = None
    column: int = 0

    @property
    def arity(self) -> int:
        return len(self.positions)


@dataclass(slots=True, eq=False)
class FunctionEntry:
    """A function: ``def``, ``extern`` or ``network``."""

    name: str
    span: Span
    node: syntax.DefDeclaration | syntax.ExternDeclaration | syntax.NetworkDeclaration
    scope: Scope
    symbol: str
    state: Literal["new", "open", "done"] = "new"
    broken: bool = False


@dataclass(slots=True, eq=False)
class Argument:
    """What a parameter of a ``def`` stands for: the expression at the call, in the frame of the call."""

    node: syntax.Expression | None
    frame: Frame | None
    value: Value | None = None
    touched: bool = False
    calls: tuple[FunctionEntry, ...] = ()

    def passed_on(self) -> Argument:
        """This argument, or the one of an outer function that it passes on by its bare name."""
        argument = self
        while isinstance(argument.node, syntax.Name) and argument.frame is not None:
            outer = (argument.frame.arguments or {}).get(argument.node.id)
            if outer is None:
                break
            argument = outer
            argument.touched = True
        return argument


@dataclass(frozen=True, slots=True)
class Frame:
    """Where an expression stands: its block, the indices in scope, and whose definition it is part of.

    ``arguments`` and ``call`` are set inside an expanded function: terms then carry the span of the call. ``unknown``:
    a function is checked by itself, with parameters of which nothing is known.
    """

    scope: Scope
    indices: Indices
    owner: Entry | None = None
    arguments: dict[str, Argument] | None = None
    call: Span | None = None
    function: str = ""
    unknown: bool = False

    def within(self, indices: Indices) -> Frame:
        return replace(self, indices=indices)


@dataclass(frozen=True, slots=True)
class Header:
    """What the index list of a declaration gives every name that it declares."""

    space: Space
    frame: Frame
    positions: tuple[Position, ...]
    own: int
    broken: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a declaration: of data alone, and those that hold decisions of an outer block, with their spans."""

    data: Bounds
    lower: tuple[Expr, Span] | None = None
    upper: tuple[Expr, Span] | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """What the attributes of a declaration say, once for all the names that it declares."""

    domain: Domain
    bounds: Limits
    start: Expr | None


@dataclass(slots=True, eq=False)
class Context:
    """All that is known while one model is checked."""

    load: Loader
    root: Scope
    terms: Terms
    statements: list[syntax.Statement] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    functions: dict[str, FunctionEntry] = field(default_factory=dict)
    symbols: dict[str, Symbol] = field(default_factory=dict)
    edges: dict[Entry, dict[Entry, Span]] = field(default_factory=dict)
    dimensions: dict[str, tuple[int, Span]] = field(default_factory=dict)
    questions: dict[tuple[str, str], TypeQuestion] = field(default_factory=dict)
    multipliers: dict[str, Entry] = field(default_factory=dict)
    headers: dict[int, Header] = field(default_factory=dict)
    shared: dict[int, Decided] = field(default_factory=dict)
    nature: dict[int, tuple[str, ...]] = field(default_factory=dict)
    resolving: list[Entry] = field(default_factory=list)
    calls: list[FunctionEntry] = field(default_factory=list)
    blocks_known: bool = True
    refused: list[Span] = field(default_factory=list)
    serial: int = 0
    depth: int = 0
    expansions: int = 0
    expanding: int = 0
    errors: int = 0

    def refuse(self, found: Sequence[Diagnostic]) -> None:
        """Takes note of what the parser refused."""
        self.refused.extend(d.place for d in found if d.severity == "error" and isinstance(d.place, Span))
        self.errors += sum(d.severity == "error" for d in found)
        brackets = (syntax_codes.NOT_CLOSED, syntax_codes.WRONG_BRACKET, syntax_codes.NOT_OPENED)
        self.blocks_known = self.blocks_known and not any(d.code in brackets for d in found)

    def refused_by_parser(self) -> Value:
        """A shape that the grammar takes and the parser refuses with a diagnostic of its own: there is no program."""
        self.errors += 1
        return BAD

    def _refused(self, span: Span) -> bool:
        return any(r.source is span.source and r.start <= span.start < max(r.end, r.start + 1) for r in self.refused)

    def fresh(self, name: str, arity: int = 1) -> IndexVar:
        """A new index of this name."""
        self.serial += 1
        return IndexVar(name, self.serial, arity)

    def index(self, name: str, span: Span, types: tuple[Component, ...], whole: Component | None = None) -> Index:
        """A new index over components of these types."""
        var = self.fresh(name, len(types))
        kind: Kind = types[0].kind if len(types) == 1 else "tuple"
        return Index(var, Value(IndexRef(span, var), kind, DATA, types, whole), span)

    def say(
        self,
        code: Code,
        span: Span,
        frame: Frame | None = None,
        *,
        label: str = "",
        labels: tuple[Label, ...] = (),
        hints: tuple[Hint, ...] = (),
        **facts: object,
    ) -> Value:
        """Reports at ``span``; inside an expanded function at the call, with a label into the function.

        Returns the placeholder for an expression that is in error, which suppresses what would follow from it.
        """
        if frame is not None and frame.call is not None:
            labels = (Label(span, label or f"here, in `{frame.function}`"), *labels)
            label = f"in this call of `{frame.function}`"
            hints = tuple(Hint(h.text) for h in hints)
            span = frame.call
        if self.refused and self._refused(span):
            return BAD
        found = report(code, span, label=label, labels=labels, hints=hints, **facts)
        self.diagnostics.append(found)
        if found.severity == "error":
            self.errors += 1
        return BAD

    def depends(self, frame: Frame, entry: Entry, span: Span) -> None:
        """Notes that the definition of the frame's owner needs ``entry``."""
        if frame.owner is not None:
            self.edges.setdefault(frame.owner, {}).setdefault(entry, span)


def place(frame: Frame, node: syntax.Node) -> Span:
    """The span that a term built from ``node`` carries."""
    return node.span if frame.call is None else frame.call
