"""Signatures: what a problem is made of, as the planner and the lowerings see it before any array is built."""

from __future__ import annotations

from dataclasses import dataclass

from optc.dsl.program import (
    Apply,
    Block,
    Choice,
    Complementarity,
    Constant,
    Constraint,
    Expr,
    Implication,
    Multiplier,
    NamedExpression,
    Program,
    Relation,
    SpecialOrderedSet,
    Symbol,
    SymbolRef,
    Uncertain,
    Variable,
)

from .quantifiers import class_name
from .terms.degree import Shapes
from .terms.kinks import Kinks
from .terms.ratios import divides, ratio_of, row_ratio
from .terms.references import references
from .terms.substitution import walk

_WHOLE = ("integer", "binary", "spin", "semicontinuous")

# Features, the most telling first, with the words for a refusal and what would remove it.
WORDS = {
    "lower level": "it has a lower level: someone who answers to the decisions",
    "player": "it has players, who decide at once, each for himself",
    "deeper level": "it has more than two levels, and the conditions of an inner level are not convex for the next",
    "pessimistic follower": "it has a pessimistic follower, who takes the leader's worst of his best answers",
    "whole follower": "it has a follower with whole decisions, whose answers no optimality conditions describe",
    "nonlinear follower": "it has a follower with nonlinear rows or objective, kinks, logic or matrices",
    "dual products": "it has products of whole decisions and multipliers without bounds",
    "quadratic conditions": "it has followers whose optimality conditions are quadratic in the decisions of all",
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
    "deeper level": "a method for several levels is needed; with two levels the model is a bilevel one",
    "pessimistic follower": "a pessimistic method is needed; without the word `pessimistic` ties go to the leader",
    "whole follower": "a method for mixed-integer followers (value-function cuts) is needed",
    "nonlinear follower": "a method for nonlinear followers (value function or penalty) is needed",
    "dual products": "a backend for quadratic or switched rows is needed",
    "quadratic conditions": "a backend for quadratic constraints is needed",
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

    Beside those of ``WORDS``: ``integer``, ``binary`` and ``semicontinuous`` (some decisions are);
    ``nonlinear kinks`` (kinks stand in a nonlinear objective or row); ``whole product`` (whole decisions that are more
    than 0 or 1 stand in a product of decisions); of a nonlinear objective ``ratio objective`` (it is one ratio of
    linear expressions) or ``ratio among others`` (decisions stand in a denominator otherwise); ``ratio constraint``
    where all nonlinear rows compare one such ratio with a constant.
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
    decisions = _decisions(program)
    for child in _descendants(program.root):
        found.add({"lower": "lower level", "player": "player", "recourse": "recourse"}.get(child.kind, child.kind))
        if child.kind == "lower":
            found |= _of_follower(program, child, decisions)
    for symbol in program.symbols.values():
        if isinstance(symbol, Uncertain):
            found.add("uncertainty")
        elif isinstance(symbol, Choice):
            found |= {"choice", "binary"}
        elif isinstance(symbol, Variable):
            found |= {"integer"} if symbol.domain in _WHOLE else set()
            found |= {"semicontinuous"} if symbol.domain == "semicontinuous" else set()
            found |= {"binary"} if _zero_or_one(symbol) else set()
            found |= {"matrix decision"} if symbol.domain == "psd" else set()
        elif isinstance(symbol, Constraint):
            found |= _kind_of_row(symbol)
    if "lower level" in found and _binary_links(program):
        found.add("binary links")
    return found | _algebra(program, decisions)


def _binary_links(program: Program) -> bool:
    """Whether all decisions of the leader's that the followers look at are binaries or choices, and there are some."""
    root = program.root
    seen = {
        ref.symbol
        for block in root.children
        for name in block.constraints
        for ref in references(program, getattr(program.symbols[name], "body", None))
        if ref.symbol in root.decisions
    }
    linking = [program.symbols[name] for name in seen]
    return bool(linking) and all(
        isinstance(s, Choice) or (isinstance(s, Variable) and _zero_or_one(s)) for s in linking
    )


def _decisions(program: Program) -> frozenset[str]:
    """What the outermost objective and rows may hold: all decisions below other levels, and their multipliers."""
    if not any(child.kind == "lower" for child in program.root.children):
        return frozenset(program.root.decisions)
    return frozenset(name for name, s in program.symbols.items() if isinstance(s, (Variable, Choice, Multiplier)))


def _of_follower(program: Program, block: Block, decisions: frozenset[str]) -> set[str]:
    """What is known of a follower without data; the degrees are those in the decisions of all."""
    found: set[str] = set()
    found |= {"pessimistic follower"} if block.pessimistic else set()
    found |= {"deeper level"} if any(child.kind == "lower" for child in block.children) else set()
    symbols = [program.symbols[name] for name in (*block.decisions, *block.constraints)]
    if any(isinstance(s, Choice) or (isinstance(s, Variable) and s.domain in _WHOLE) for s in symbols):
        found.add("whole follower")
    if any(isinstance(s, Variable) and s.domain in ("psd", "simplex") for s in symbols):
        found.add("nonlinear follower")
    shapes = Shapes(program, decisions)
    rows = [s for s in symbols if isinstance(s, Constraint)]
    if any(not isinstance(row.body, Relation) for row in rows):
        found.add("nonlinear follower")
    allowed = [(shapes.constraint(row), 1) for row in rows]
    if block.objective is not None and block.objective.expression is not None:
        allowed.append((shapes.of(block.objective.expression), 2))
    for shape, degree in allowed:
        if shape.degree is None or shape.degree > degree + 1 or shape.kinks:
            found.add("nonlinear follower")
        elif shape.degree > degree:
            found.add("quadratic conditions")
    return found


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


def _algebra(program: Program, decisions: frozenset[str]) -> set[str]:
    root = program.root
    shapes = Shapes(program, decisions)
    kinks = Kinks(program, shapes)
    found: set[str] = set()
    if root.objective is not None and root.objective.expression is not None:
        shape = shapes.of(root.objective.expression)
        found |= _degree_word(shape.degree, shape.kinks, "objective")
        if shape.degree is None:
            found |= _ratio_word(root.objective.expression, program, shapes)
            found |= {"nonlinear kinks"} if kinks.within(root.objective.expression) else set()
        if shape.degree is None or shape.degree > 1:
            whole = _multiplies_whole(root.objective.expression, program, shapes)
            found |= {"whole product"} if whole else set()
    ratios = []
    for name in root.constraints:
        symbol = program.symbols[name]
        if isinstance(symbol, Constraint):
            shape = shapes.constraint(symbol)
            found |= _degree_word(shape.degree, shape.kinks, "constraint")
            if shape.degree is None or shape.degree > 1:
                whole = any(_multiplies_whole(term, program, shapes) for term in _terms(symbol))
                found |= {"whole product"} if whole else set()
            if shape.degree is None:
                found |= {"nonlinear kinks"} if any(kinks.within(term) for term in _terms(symbol)) else set()
                body = symbol.body
                ratios.append(isinstance(body, Relation) and row_ratio(body, program, shapes) is not None)
    return found | ({"ratio constraint"} if ratios and all(ratios) else set())


def _terms(symbol: Constraint) -> tuple[Expr, ...]:
    body = symbol.body
    if isinstance(body, Relation):
        return body.terms
    if isinstance(body, Implication):
        return body.conclusion.terms
    return (*body.left.terms, *body.right.terms) if isinstance(body, Complementarity) else ()


def _multiplies_whole(term: Expr, program: Program, shapes: Shapes) -> bool:
    """Whether a product of decisions holds whole ones with other values than 0 and 1."""
    if not any(_has_range(symbol) for symbol in program.symbols.values()):
        return False
    waiting: list[Expr] = [term]
    seen: set[str] = set()
    while waiting:
        for node in walk(waiting.pop()):
            if isinstance(node, SymbolRef):
                symbol = program.symbols.get(node.symbol)
                new = isinstance(symbol, NamedExpression) and node.symbol not in seen
                waiting += [symbol.definition] if new and isinstance(symbol, NamedExpression) else []
                seen.add(node.symbol)
            elif isinstance(node, Apply) and node.op in ("mul", "pow"):
                moving = [arg for arg in node.args if not shapes.of(arg).constant]
                if moving and (len(moving) > 1 or node.op == "pow"):
                    symbols = [program.symbols[ref.symbol] for ref in references(program, node)]
                    if any(_has_range(symbol) for symbol in symbols):
                        return True
    return False


def _has_range(symbol: Symbol) -> bool:
    whole = isinstance(symbol, Variable) and symbol.domain in ("integer", "spin")
    return whole and isinstance(symbol, Variable) and not _zero_or_one(symbol)


def _ratio_word(term: Expr, program: Program, shapes: Shapes) -> set[str]:
    if ratio_of(term, program, shapes) is not None:
        return {"ratio objective"}
    return {"ratio among others"} if divides(term, program, shapes) else set()


def _degree_word(degree: int | None, kinks: bool, where: str) -> set[str]:
    if degree is None or degree > 2:
        return {f"nonlinear {where}"}
    if kinks:
        return {f"piecewise {where}"}
    return {f"quadratic {where}"} if degree == 2 else set()


def _descendants(block: Block) -> list[Block]:
    return [inner for child in block.children for inner in (child, *_descendants(child))]
