"""Signatures: what a problem is made of, as the planner and the lowerings see it before any array is built."""

from __future__ import annotations

from dataclasses import dataclass

from optc.dsl.program import (
    Block,
    Choice,
    Complementarity,
    Constant,
    Constraint,
    Implication,
    Program,
    SpecialOrderedSet,
    Uncertain,
    Variable,
)

from .quantifiers import class_name
from .terms.degree import Shapes

_WHOLE = ("integer", "binary", "spin", "semicontinuous")

# Features, the most telling first, with the words for a refusal and what would remove it.
WORDS = {
    "lower level": "it has a lower level: someone who answers to the decisions",
    "player": "it has players, who decide at once, each for himself",
    "uncertainty": "it has uncertain data that nature chooses",
    "recourse": "it has decisions that are made when the uncertain data are known",
    "choice": "it has choices of one option for each group",
    "matrix decision": "it has semidefinite matrices as decisions",
    "indicator": "it has indicator constraints (=>)",
    "complementarity": "it has complementarity conditions",
    "special ordered set": "it has special ordered sets",
    "nonlinear objective": "its objective is nonlinear",
    "nonlinear constraint": "it has nonlinear constraints",
    "piecewise objective": "its objective has kinks (min, max, abs or piecewise)",
    "piecewise constraint": "it has constraints with kinks (min, max, abs or piecewise)",
    "quadratic constraint": "it has quadratic constraints",
    "quadratic objective": "its objective is quadratic",
}
NEEDS = {
    "lower level": "a bilevel method is needed; without the `lower` block the model is an ordinary one",
    "player": "a method for equilibria is needed; with a single player the model is an ordinary one",
    "uncertainty": "a method for robust models is needed; with `param` in place of `uncertain` it is an ordinary one",
    "recourse": "a method for two-stage models is needed",
    "choice": "binaries `x[g, o]` with `sum(x[g, o] for o in Options) == 1` say the same in a linear model",
    "matrix decision": "a semidefinite backend is needed",
    "indicator": "a big-M row, `x <= M * (1 - b)`, says the same in a linear model",
    "complementarity": "a method for complementarity is needed; a binary and two big-M rows say the same",
    "special ordered set": "binaries that switch the members say the same in a linear model",
    "nonlinear objective": "a nonlinear backend is needed",
    "nonlinear constraint": "a nonlinear backend is needed",
    "piecewise objective": "a new decision `t` with `t >= …` for each piece says the same where the kinks are convex",
    "piecewise constraint": "a row for each piece says the same where the kinks are convex",
    "quadratic constraint": "a conic or nonlinear backend is needed",
    "quadratic objective": "a backend for quadratic problems is needed",
}


@dataclass(frozen=True, slots=True)
class Signature:
    """``form``: ``instance``, or the name of a form. ``features``: what the problem is made of beyond linear rows.

    ``integer`` and ``binary`` (some decisions are) beside those of ``WORDS``.
    """

    form: str
    problem_class: str
    features: frozenset[str]

    def foreign(self, allowed: frozenset[str]) -> str | None:
        """The most telling feature that is not allowed."""
        return next((feature for feature in WORDS if feature in self.features - allowed), None)


def signature(program: Program) -> Signature:
    """What a program is made of, from its text alone."""
    return Signature("instance", class_name(program), frozenset(_features(program)))


def _features(program: Program) -> set[str]:
    found: set[str] = set()
    for child in _descendants(program.root):
        found.add({"lower": "lower level", "player": "player", "recourse": "recourse"}.get(child.kind, child.kind))
    for symbol in program.symbols.values():
        if isinstance(symbol, Uncertain):
            found.add("uncertainty")
        elif isinstance(symbol, Choice):
            found |= {"choice", "binary"}
        elif isinstance(symbol, Variable):
            found |= {"integer"} if symbol.domain in _WHOLE else set()
            found |= {"binary"} if _zero_or_one(symbol) else set()
            found |= {"matrix decision"} if symbol.domain == "psd" else set()
        elif isinstance(symbol, Constraint):
            found |= _kind_of_row(symbol)
    return found | _algebra(program)


def _zero_or_one(symbol: Variable) -> bool:
    ends = (symbol.bounds.lower, symbol.bounds.upper)
    within = [end.value for end in ends if isinstance(end, Constant)] == [0.0, 1.0]
    return symbol.domain == "binary" or (symbol.domain == "integer" and within)


def _kind_of_row(symbol: Constraint) -> set[str]:
    kinds = {
        Implication: "indicator",
        Complementarity: "complementarity",
        SpecialOrderedSet: "special ordered set",
    }
    return {word for kind, word in kinds.items() if isinstance(symbol.body, kind)}


def _algebra(program: Program) -> set[str]:
    root = program.root
    shapes = Shapes(program, frozenset(root.decisions))
    found: set[str] = set()
    if root.objective is not None and root.objective.expression is not None:
        shape = shapes.of(root.objective.expression)
        found |= _degree_word(shape.degree, shape.kinks, "objective")
    for name in root.constraints:
        symbol = program.symbols[name]
        if isinstance(symbol, Constraint):
            shape = shapes.constraint(symbol)
            found |= _degree_word(shape.degree, shape.kinks, "constraint")
    return found


def _degree_word(degree: int | None, kinks: bool, where: str) -> set[str]:
    if degree is None or degree > 2:
        return {f"nonlinear {where}"}
    if kinks:
        return {f"piecewise {where}"}
    return {f"quadratic {where}"} if degree == 2 else set()


def _descendants(block: Block) -> list[Block]:
    return [inner for child in block.children for inner in (child, *_descendants(child))]
