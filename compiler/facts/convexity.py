"""Is a whole instance a convex problem? A proof, family by family, or the first reason why not, with its place."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NOT_IN_FORM
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import (
    Apply,
    Choice,
    Complementarity,
    Constant,
    Expr,
    Implication,
    Objective,
    Relation,
    Space,
    SpecialOrderedSet,
)

from ..evaluation.scope import EvaluationError
from ..evaluation.sets import layout_of
from ..instance.instance import ConstraintFamily, Instance
from ..spaces.algebra import UNIT, Table
from .curvature import Bent, Blame, bent, why_not
from .level_sets import levels
from .region import Region, region_of

CONES, ROOTS = "a second-order cone by its squares", "convex by roots of both sides"
"""What is proved of rows whose difference is not a convex function, though they are a convex set."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The problem is convex, integrality aside. ``facts``: what is proved of the objective and of each family."""

    facts: tuple[tuple[str, str], ...]

    @property
    def by_functions(self) -> bool:
        """Whether every relation is one of convex functions, so that the Lagrangian is convex too.

        Else some are convex sets for another reason: a stationary point is optimal still (K. J. Arrow, A. C. Enthoven,
        "Quasi-concave programming", Econometrica 29 (1961)), but the Lagrangian need not lie above its tangents.
        """
        return all(fact not in (CONES, ROOTS) for _, fact in self.facts)


@dataclass(frozen=True, slots=True)
class Reason:
    """The problem is not proved convex: ``what`` (an objective or a family) breaks it, ``diagnostic`` shows where."""

    what: str
    diagnostic: Diagnostic


def convex_problem(instance: Instance) -> Proof | Reason:
    """Whether a problem with one decider is convex over the bounds of its decisions.

    Never raises for a model that was built: what cannot be evaluated is a reason too.
    """
    stranger = _stranger(instance)
    if stranger is not None:
        return stranger
    try:
        region = region_of(instance)
    except EvaluationError as error:
        return Reason("the data", error.diagnostic)
    facts: list[tuple[str, str]] = []
    stated = instance.program.root.objective
    if stated is not None and stated.expression is not None:
        name = stated.name or "objective"
        found = objective_fact(region, stated, UNIT)
        if isinstance(found, Diagnostic):
            return Reason(name, found)
        facts.append((name, found))
    for family in instance.constraints:
        found = constraint_fact(region, family)
        if isinstance(found, Diagnostic):
            return Reason(family.name, found)
        facts.append((family.name, found))
    return Proof(tuple(facts))


def curvature_of(
    instance: Instance, term: Expr, space: Space, names: Collection[str], wanted: str
) -> tuple[str, Diagnostic | None]:
    """``constant``, ``affine``, ``convex``, ``concave`` or ``unknown``, of a term over ``space`` in a group of symbols.

    With the reason where it is not what is ``wanted`` (``convex`` or ``concave``).
    """
    try:
        region = region_of(instance, names)
        table = layout_of(space, instance.scope).table
        if not region.varies(term):
            return "constant", None
        found = bent(region, term, table)
    except EvaluationError as error:
        return "unknown", error.diagnostic
    cup, cap = found.against_convex is None, found.against_concave is None
    word = "affine" if cup and cap else "convex" if cup else "concave" if cap else "unknown"
    blame = against(found, wanted)
    return word, None if blame is None else why_not(region, blame)


def rows_fact(instance: Instance, family: ConstraintFamily, names: Collection[str]) -> str | Diagnostic:
    """``affine``, ``convex``, ``CONES`` or ``ROOTS`` of a relation's rows in a group of symbols; else why not."""
    try:
        return constraint_fact(region_of(instance, names), family)
    except EvaluationError as error:
        return error.diagnostic


def objective_fact(region: Region, stated: Objective, table: Table) -> str | Diagnostic:
    """``affine``, ``convex`` or ``concave``, as the sense asks; else why not."""
    assert stated.expression is not None
    wanted = "concave" if stated.sense == "maximize" else "convex"
    return _fact(region, stated.expression, table, wanted)


def constraint_fact(region: Region, family: ConstraintFamily) -> str | Diagnostic:
    """``affine`` or ``convex`` of a family's rows, ``CONES`` or ``ROOTS`` where those make them so; else why not."""
    body, table = family.symbol.body, family.layout.table
    assert isinstance(body, Relation)
    words = {"affine"}
    for term, wanted, op in sides(region, body, table):
        found = _fact(region, term, table, wanted)
        if isinstance(found, Diagnostic) and op != "eq":
            found = _set_fact(region, body, term, table, op)
        if isinstance(found, Diagnostic):
            return found
        words.add(found)
    if words & {CONES, ROOTS}:
        return CONES if CONES in words else ROOTS
    return "affine" if words == {"affine"} else "convex"


def _set_fact(region: Region, body: Relation, term: Expr, table: Table, op: str) -> str | Diagnostic:
    """``CONES`` or ``ROOTS`` where the rows are convex sets though the difference is not convex, else why not."""
    try:
        found = levels(region, body, term, table, op)
    except EvaluationError as error:
        return error.diagnostic
    if found.against is not None:
        return why_not(region, found.against)
    return CONES if found.cones is not None and found.cones.holds.any() else ROOTS


def sides(region: Region, body: Relation, table: Table) -> list[tuple[Expr, str, str]]:
    """The differences ``left - right`` of a relation, what each must be for the relation to hold on a convex set
    (``convex`` below 0, ``concave`` above, ``affine`` at 0), and the relation's ``le``, ``ge`` or ``eq``.

    Terms are made once, so that what is found out about them is kept.
    """
    known = region.recall("sides", body, table)  # type: ignore[arg-type]
    if known is None:
        wanted = {"le": "convex", "ge": "concave", "eq": "affine"}
        made = [
            (_difference(left, right, body), wanted[op], op)
            for (left, right), op in zip(pairwise(body.terms), body.ops, strict=True)
        ]
        known = region.remember("sides", body, table, made)  # type: ignore[arg-type]
    found: list[tuple[Expr, str, str]] = known
    return found


def _difference(left: Expr, right: Expr, body: Relation) -> Expr:
    """``left - right``, kept simple where a side is a constant zero."""
    if isinstance(right, Constant) and right.value == 0:
        return left
    if isinstance(left, Constant) and left.value == 0:
        return Apply(right.span, "neg", (right,))
    return Apply(body.span, "sub", (left, right))


def _fact(region: Region, term: Expr, table: Table, wanted: str) -> str | Diagnostic:
    try:
        found = bent(region, term, table)
    except EvaluationError as error:
        return error.diagnostic
    blame = against(found, wanted)
    if blame is not None:
        return why_not(region, blame)
    return "affine" if found.against_convex is None and found.against_concave is None else wanted


def against(found: Bent, wanted: str) -> Blame | None:
    """What keeps a term from being ``convex``, ``concave`` or ``affine``."""
    if wanted == "affine":
        # A part that is neither says more than one that is curved the wrong way.
        return found.against_convex or found.against_concave
    return found.against_convex if wanted == "convex" else found.against_concave


def _stranger(instance: Instance) -> Reason | None:
    """The first part that no convex problem has."""
    root = instance.program.root

    def of(what: str, name: str, span: object) -> Reason:
        return Reason(name, report(NOT_IN_FORM, span, what=what, form="convex"))  # type: ignore[arg-type]

    if root.children:
        return of(f"the block `{root.children[0].name}`", root.children[0].name, root.children[0].span)
    if instance.nature:
        symbol = instance.nature[0].symbol
        return of(f"the uncertain name `{symbol.name}`", symbol.name, symbol.span)
    for family in instance.families:
        if isinstance(family.symbol, Choice) or family.domain in ("spin", "semicontinuous"):
            kind = "choice" if isinstance(family.symbol, Choice) else f"{family.domain} decision"
            return of(f"the {kind} `{family.name}`", family.name, family.symbol.span)
    for constraint in instance.constraints:
        words = _WORDS.get(type(constraint.symbol.body))
        if words is not None:
            return of(f"the {words} `{constraint.name}`", constraint.name, constraint.symbol.span)
    return None


_WORDS: dict[type, str] = {
    Implication: "indicator constraint",
    Complementarity: "complementarity condition",
    SpecialOrderedSet: "special ordered set",
}
