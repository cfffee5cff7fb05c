"""A program as a tree of quantifiers, and the name of its problem class.

The tree says who decides, when, knowing what, and by what rule ties are settled. Class names are derived from it and
from the algebraic shape of objectives and constraints; curvature, which needs data, plays no part. Standard library
alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from optc.dsl.program import (
    SCALAR,
    Block,
    Choice,
    Complementarity,
    Constraint,
    Implication,
    NamedExpression,
    Objective,
    Program,
    Space,
    SpecialOrderedSet,
    Uncertain,
    Variable,
)

from .terms.degree import OTHER, Shape, Shapes, sum_of
from .terms.others import looks_at_others
from .terms.references import references

Kind = Literal["min", "max", "satisfy", "argmin", "argmax", "nash", "nature"]
Rule = Literal["optimistic", "pessimistic", "variational", "normalised"]

_DISCRETE = frozenset({"integer", "binary", "spin", "semicontinuous"})


@dataclass(frozen=True, slots=True)
class Quantifier:
    """One who decides: the model, a follower, a player, nature, or (``nash``) several together.

    ``space`` has one row for each copy (each follower, each player). ``decisions`` and ``constraints`` are its own;
    ``knows`` the decisions made before. ``rule`` settles ties of a follower (``optimistic``, ``pessimistic``), or says
    which equilibrium is meant where constraints are shared. ``nature`` works against the outermost sense.
    """

    kind: Kind
    block: tuple[str, ...] = ()
    space: Space = SCALAR
    decisions: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    objective: Objective | None = None
    knows: tuple[str, ...] = ()
    rule: Rule | None = None
    children: tuple[Quantifier, ...] = ()


def quantifier_tree(program: Program) -> Quantifier:
    """The tree of a program, outermost decision first."""
    root = program.root
    recourse = [c for c in root.children if c.kind == "recourse"]
    players = [c for c in root.children if c.kind == "player"]
    lower = [c for c in root.children if c.kind == "lower"]
    uncertain = [s for s in program.symbols.values() if isinstance(s, Uncertain)]
    if players:
        return _nash(program, root, players, knows=root.decisions)
    children = _answers(program, root, lower, root.decisions)
    if uncertain:
        names = tuple(s.name for s in uncertain)
        children += (_nature(program, names, recourse, root),)
    senses: dict[str, Kind] = {"minimize": "min", "maximize": "max", "satisfy": "satisfy"}
    sense = _overall_sense(root)
    return Quantifier(
        senses[sense], (), root.space, root.decisions, root.constraints, root.objective, children=children
    )


def _overall_sense(root: Block) -> str:
    if root.objective is not None:
        return root.objective.sense
    inner = [c.objective for c in root.children if c.kind == "recourse" and c.objective is not None]
    return inner[0].sense if inner else "satisfy"


def _nature(program: Program, names: tuple[str, ...], recourse: list[Block], root: Block) -> Quantifier:
    lines = tuple(line for name in names if isinstance(s := program.symbols[name], Uncertain) for line in s.constraints)
    known = root.decisions + names
    children = tuple(_decider(program, block, known, answers=False) for block in recourse)
    return Quantifier("nature", (), root.space, names, lines, knows=root.decisions, children=children)


def _answers(program: Program, parent: Block, lower: list[Block], knows: tuple[str, ...]) -> tuple[Quantifier, ...]:
    """The followers of one level: one alone answers; several answer together (Nash)."""
    if not lower:
        return ()
    if len(lower) == 1 and lower[0].space == parent.space:
        return (_decider(program, lower[0], knows, answers=True),)
    answers = tuple(_decider(program, block, knows, answers=True) for block in lower)
    return (Quantifier("nash", parent.path, parent.space, knows=knows, rule="variational", children=answers),)


def _decider(program: Program, block: Block, knows: tuple[str, ...], answers: bool) -> Quantifier:
    """A block as a quantifier: a follower answers (``argmin``), recourse and players optimise (``min``)."""
    players = [c for c in block.children if c.kind == "player"]
    lower = [c for c in block.children if c.kind == "lower"]
    if players:
        return _nash(program, block, players, knows)
    maximises = block.objective is not None and block.objective.sense == "maximize"
    kinds: tuple[Kind, Kind] = ("argmin", "argmax") if answers else ("min", "max")
    return Quantifier(
        kinds[maximises],
        block.path,
        block.space,
        block.decisions,
        block.constraints,
        block.objective,
        knows,
        ("pessimistic" if block.pessimistic else "optimistic") if answers else None,
        _answers(program, block, lower, knows + block.decisions),
    )


def _nash(program: Program, block: Block, players: list[Block], knows: tuple[str, ...]) -> Quantifier:
    rule: Rule = program.equilibrium.kind if program.equilibrium is not None else "variational"
    children = tuple(_decider(program, player, knows, answers=False) for player in players)
    shared = block.constraints
    return Quantifier("nash", block.path, block.space, block.decisions, shared, None, knows, rule, children)


def quantifier_text(tree: Quantifier, indent: str = "") -> str:
    """The tree in words, one line a quantifier, indented by level."""
    words = [indent + tree.kind]
    if tree.block:
        words.append(".".join(tree.block))
    if tree.decisions:
        words.append("over " + ", ".join(tree.decisions))
    if tree.knows:
        words.append("knowing " + ", ".join(tree.knows))
    if tree.rule is not None:
        words.append(f"({tree.rule})")
    return "\n".join([" ".join(words), *(quantifier_text(child, indent + "  ") for child in tree.children)])


# ------------------------------------------------------------------------------------------------------ class names
def class_name(program: Program) -> str:
    """The name of the problem class, such as ``mixed-integer linear`` or ``pessimistic bilevel``."""
    root = program.root
    if any(isinstance(s, Uncertain) for s in program.symbols.values()):
        return _robust_name(program)
    if any(child.kind == "player" for child in root.children):
        return _game_name(program, root)
    if any(child.kind == "lower" for child in root.children):
        return _bilevel_name(program, root)
    return _single_level_name(program)


def _robust_name(program: Program) -> str:
    two_stage = any(child.kind == "recourse" for child in program.root.children)
    name = "two-stage robust" if two_stage else "static robust"
    decisions = frozenset(_decisions(program))
    lines = [c for s in program.symbols.values() if isinstance(s, Uncertain) for c in s.constraints]
    dependent = any(
        ref.symbol in decisions for line in lines for ref in references(program, _constraint(program, line).body)
    )
    return f"{name} with decision-dependent uncertainty" if dependent else name


def _game_name(program: Program, block: Block) -> str:
    name = "generalised game" if _generalised(program, block) else "game"
    leading = any(child.kind == "lower" for player in block.children for child in player.children)
    return f"multi-leader {name}" if leading else name


def _generalised(program: Program, block: Block) -> bool:
    """Some constraint holds for several players: shared, or a player's own with another's decisions in it."""
    players = [child for child in block.children if child.kind == "player"]
    owned = {name for player in players for name in player.decisions}
    shared = [ref for c in block.constraints for ref in references(program, _constraint(program, c).body)]
    if any(ref.symbol in owned for ref in shared):
        return True
    return any(_looks_at_others(program, player, owned) for player in players)


def _looks_at_others(program: Program, player: Block, owned: set[str]) -> bool:
    for name in player.constraints:
        constraint = _constraint(program, name)
        indices = constraint.space.indices[: len(player.space.indices)]
        if looks_at_others(program, constraint.body, player, indices, owned):
            return True
    return False


def _bilevel_name(program: Program, root: Block) -> str:
    depth = _depth(root)
    words = {2: "bilevel", 3: "trilevel"}.get(depth, f"{depth}-level")
    blocks = [block for block in _blocks(root) if block.kind == "lower"]
    if any(_several_followers(block) for block in [root, *blocks]):
        words = f"multi-follower {words}"
    if any(block.pessimistic for block in blocks):
        words = f"pessimistic {words}"
    below = [block for block in blocks if any(child.kind == "player" for child in block.children)]
    if below:
        generalised = any(_generalised(program, block) for block in below)
        words += " with a generalised game below" if generalised else " with a game below"
    return words


def _depth(block: Block) -> int:
    return 1 + max((_depth(child) for child in block.children if child.kind == "lower"), default=0)


def _several_followers(block: Block) -> bool:
    lower = [child for child in block.children if child.kind == "lower"]
    return len(lower) > 1 or any(child.space != block.space for child in lower)


def _blocks(block: Block) -> Iterator[Block]:
    yield block
    for child in block.children:
        yield from _blocks(child)


def _decisions(program: Program) -> list[str]:
    return [name for block in _blocks(program.root) for name in block.decisions]


def _constraint(program: Program, name: str) -> Constraint:
    symbol = program.symbols[name]
    assert isinstance(symbol, Constraint)
    return symbol


def _single_level_name(program: Program) -> str:
    root = program.root
    symbols = [program.symbols[name] for name in root.decisions]
    constraints = [_constraint(program, name) for name in root.constraints]
    shapes = Shapes(program, frozenset(root.decisions))
    target = root.objective.expression if root.objective is not None else None
    goal = shapes.of(target) if target is not None else None
    if symbols and all(isinstance(s, Choice) for s in symbols):
        return "budgeted choice" if constraints else "choice"
    if goal is not None and _binary_quadratic(symbols, constraints, goal):
        return "binary quadratic"
    words = _algebra(goal, [shapes.constraint(c) for c in constraints], symbols)
    if any(_is_discrete(s) for s in symbols) or any(
        isinstance(c.body, (Implication, SpecialOrderedSet)) for c in constraints
    ):
        words = f"mixed-integer {words}"
    if goal is None:
        words += " feasibility"
    if any(isinstance(c.body, Complementarity) for c in constraints):
        words += " with complementarity"
    return words


def _binary_quadratic(symbols: Sequence[object], constraints: list[Constraint], goal: Shape) -> bool:
    binary = symbols and all(isinstance(s, Variable) and s.domain in ("binary", "spin") for s in symbols)
    return bool(binary) and not constraints and not goal.kinks and goal.degree == 2


def _algebra(goal: Shape | None, rows: list[Shape], symbols: Sequence[object]) -> str:
    constraint = sum_of(rows)
    whole = constraint if goal is None else constraint.plus(goal)
    if whole == OTHER or whole.degree is None or whole.degree > 2:
        return "nonlinear"
    if any(isinstance(s, Variable) and s.domain == "psd" for s in symbols):
        return "semidefinite" if whole.degree <= 1 else "nonlinear"
    kinks = "piecewise " if whole.kinks else ""
    if constraint.degree == 2:
        return f"{kinks}quadratically constrained"
    return kinks + ("quadratic" if whole.degree == 2 else "linear")


def _is_discrete(symbol: object) -> bool:
    return isinstance(symbol, Choice) or (isinstance(symbol, Variable) and symbol.domain in _DISCRETE)


def names_in(program: Program, name: str) -> frozenset[str]:
    """The symbols that a constraint or named expression names, those of named expressions in it included."""
    symbol = program.symbols[name]
    body = symbol.definition if isinstance(symbol, NamedExpression) else _constraint(program, name).body
    return frozenset(ref.symbol for ref in references(program, body))
