"""Claim ``infeasible`` of a model with followers: no answer of theirs suits the leader, whatever he decides.

First the leader is let decide for the followers too. Where even that has no point, the conflict among the rows of the
model is the reason, and it is proved as such. Where it has, what is missing is an optimal answer: either the follower
gains without limit, which is looked at where the leader could have decided, or his best answers break the leader's
rows. That no decision of the leader is left is then the word of the solver that has searched all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from optc.dsl.program import Choice, Constraint, Multiplier, Objective

from ..data.errors import DataError
from ..instance.follower import alone
from ..instance.instance import Instance
from ..instance.primitives import retag
from ..result.certificate import Line
from ..result.solution import Solution
from ..terms.substitution import symbols_in
from .followers import flat, followers

Again = Callable[[Instance], Solution]


def no_answer(instance: Instance, line: Line, again: Again) -> Line:
    """The claim ``line`` of the problem that the model was lowered to, in terms of the model's levels."""
    if not line.holds:
        return line
    relaxed = _decided_by_the_leader(instance)
    if relaxed is None:
        return _in_words(instance, line, "")
    solution = again(relaxed)
    found = solution.certificate.line("infeasible")
    if solution.status == "infeasible" and found is not None:
        return replace(found, how=f"even if the leader decided for the followers: {found.how}")
    return _in_words(instance, line, _without_limit(instance, solution, again))


def _decided_by_the_leader(instance: Instance) -> Instance | None:
    """The model with one decider and nothing to optimise; None where its rows hold multipliers of the followers'."""
    program = instance.program
    multipliers = {name for name, symbol in program.symbols.items() if isinstance(symbol, Multiplier)}
    rows = [s for s in program.symbols.values() if isinstance(s, Constraint)]
    if any(symbols_in(row.body) & multipliers for row in rows):
        return None
    names = [name for block in followers(program) for name in (*block.decisions, *block.constraints)]
    merged = retag(instance, names, ())
    stated = merged.program.root.objective
    span = stated.span if stated is not None else program.root.span
    root = replace(merged.program.root, objective=Objective("satisfy", None, None, span), children=())
    return replace(merged, program=replace(merged.program, root=root), patterns={})


def _without_limit(instance: Instance, solution: Solution, again: Again) -> str:
    """In words, a follower who gains without limit where the leader could have decided; empty where none does."""
    if not solution.has_point or any(isinstance(family.symbol, Choice) for family in instance.families):
        return ""
    point = {family.name: flat(solution, family.name) for family in instance.families}
    for block in followers(instance.program):
        try:
            response = again(alone(instance, block.path, point))
        except DataError:
            continue
        if response.status == "unbounded":
            return f"`{block.name}` gains without limit, as at a point that satisfies every row"
    return ""


def _in_words(instance: Instance, line: Line, limit: str) -> Line:
    """The conflict with the followers' conditions called by what they say, and without what the lowering added."""
    owner = {
        name: block.name for block in followers(instance.program) for name in (*block.decisions, *block.constraints)
    }
    own = {family.name for family in instance.families} | {family.name for family in instance.constraints}
    names: dict[str, None] = {}
    for name in line.conflict:
        entry = name.removeprefix("bound of ").removeprefix("stationarity of ").removeprefix("complementarity of ")
        family = entry.split("[")[0]
        if name.startswith(("stationarity of ", "complementarity of ")) and family in owner:
            names[f"optimality of {owner[family]}"] = None
        elif family in own:
            names[name] = None
    reason = limit or "no optimal answer of the followers satisfies the leader's constraints"
    evidence = dict(line.evidence or {})
    if "lines" in evidence:
        evidence["lines"] = {name: at for name, at in evidence["lines"].items() if name in names}
    return replace(line, conflict=tuple(names), how=f"{reason}; {line.how}", evidence=evidence or None)
