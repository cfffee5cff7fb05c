"""Instance with followers to instance with their optimality conditions in their place.

    y in argmin { f(x, y) : rows }   becomes   rows, multipliers d, stationarity and complementarity of (y, d)

Source: an instance with one lower level whose followers are proved convex: objectives that are linear or convex
quadratic polynomials in the followers' own decisions (concave in a maximisation), linear rows, continuous decisions.
Target: an instance with one decider who chooses for the followers too, among what satisfies their Karush-Kuhn-Tucker
conditions (``instance/stationarity.py``). Kept: every optimistic solution and its objective, for under linear rows the
conditions are necessary and sufficient. Several followers answer together: their conditions are those of a Nash
equilibrium, with one multiplier for a row that several share (the variational one). Lost: nothing. No big-M: the pairs
stay complementarity conditions. Lifted: the decisions of all levels are families of both, the multipliers beside them.
Sources: S. Dempe, "Foundations of Bilevel Programming" (2002), chapter 5; J. Fortuny-Amat, B. McCarl, "A representation
and economic interpretation of a two-level programming problem", J. Oper. Res. Soc. 32 (1981).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import UNDEFINED_VALUE
from optc.dsl.catalogue.solving import NO_CONDITIONS
from optc.dsl.diagnostics import Diagnostic

from ..data.errors import DataError
from ..evaluation.scope import EvaluationError
from ..extraction.polynomial import NotPolynomialError
from ..forms.linear import Floats
from ..instance.instance import Instance
from ..instance.stationarity import stationarity
from ..signature import WORDS, Signature

NAME = "optimality conditions"
SOURCE = TARGET = "instance"
COST = 2.0

BEYOND = (
    "uncertainty",
    "recourse",
    "player",
    "deeper level",
    "pessimistic follower",
    "whole follower",
)


def transfer(signature: Signature) -> Signature | str | None:
    """The signature without followers; what they are that has no such conditions; None where there are none."""
    if "lower level" not in signature.features:
        return None
    beyond = next((each for each in BEYOND if each in signature.features), None)
    if beyond is not None:
        return WORDS[beyond]
    more = {"quadratic constraint"} if "quadratic conditions" in signature.features else set()
    left = signature.features - {"lower level", "quadratic conditions", "binary links", "nonlinear follower"}
    return replace(signature, features=left | {"complementarity"} | more)


def accepts(instance: Instance) -> Diagnostic | None:
    """None, or the first reason why a follower's conditions do not say who answers."""
    try:
        instance.patterns["conditions"] = (instance, _conditions(instance))
    except DataError as refusal:
        return _reason(instance, refusal.diagnostics[0])
    except (NotPolynomialError, EvaluationError) as error:
        return _reason(instance, error.diagnostic)
    return None


def _reason(instance: Instance, found: Diagnostic) -> Diagnostic:
    if found.code is UNDEFINED_VALUE:
        return found
    names = [child.name for child in instance.program.root.children if child.kind == "lower"]
    place = found.place
    return report(NO_CONDITIONS, place, block="`, `".join(names), reason=found.message)


def lower(instance: Instance) -> tuple[Instance, None]:
    """The instance with conditions. Raises ``DataError`` where ``accepts`` gives a reason."""
    kept = instance.patterns.pop("conditions", None)  # what ``accepts`` has made
    made: Instance = kept[1] if isinstance(kept, tuple) and kept[0] is instance else _conditions(instance)
    return made, None


def lift(point: Mapping[str, Floats], inverse: None) -> Mapping[str, Floats]:
    """The decisions of all levels, and the multipliers, which the model may ask for by ``dual``."""
    del inverse
    return point


def _conditions(instance: Instance) -> Instance:
    paths = [child.path for child in instance.program.root.children if child.kind == "lower"]
    return stationarity(instance, *paths)
