"""Instance with followers to instance with primal rows, dual rows and equal objectives in their place.

    y in argmin { f(x, y) : rows }   becomes   rows, dual rows, and one row f(x, y) <= the dual objective

Source: an instance with one lower level whose followers are proved convex, as ``followers_to_conditions.py`` has it,
none of whom looks at the others, and to whom the leader is linked by binaries or choices alone. Target: an instance
with one decider. Kept: every optimistic solution and its objective, by strong duality (``instance/strong_duality.py``).
The row of equal objectives holds products of the binaries with multipliers, for which no bound is known; they become
switched rows later (``products_to_indicators.py``), so that there is no big-M. Where links are binaries this relaxes
better than complementary pairs, of which each must be branched on even where the leader's decisions are all fixed.
Lost: nothing. Lifted: the decisions of all levels are families of both. Source: J. Fortuny-Amat, B. McCarl, "A
representation and economic interpretation of a two-level programming problem", J. Oper. Res. Soc. 32 (1981); L. P.
Garcia-Bertrand, A. J. Conejo, S. Gabriel, "Electricity market near-equilibrium under locational marginal pricing and
minimum profit conditions", Eur. J. Oper. Res. 174 (2006), for strong duality in place of complementarity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from optc.dsl.diagnostics import Diagnostic

from ..data.errors import DataError
from ..evaluation.scope import EvaluationError
from ..forms.linear import Floats
from ..instance.instance import Instance
from ..instance.strong_duality import strong_duality
from ..signature import WORDS, Signature
from .followers_to_conditions import BEYOND

NAME = "strong duality"
SOURCE = TARGET = "instance"
COST = 1.5


def transfer(signature: Signature) -> Signature | str | None:
    """The signature without followers; what they are that has no dual; None where the links are not binary."""
    if "lower level" not in signature.features or "binary links" not in signature.features:
        return None
    beyond = next((each for each in BEYOND if each in signature.features), None)
    if beyond is not None:
        return WORDS[beyond]
    left = signature.features - {"lower level", "quadratic conditions", "binary links", "nonlinear follower"}
    return replace(signature, features=left | {"quadratic constraint", "dual products"})


def accepts(instance: Instance) -> Diagnostic | None:
    """None, or the first reason why a follower has no dual that is written so."""
    try:
        instance.patterns["duality"] = (instance, _dual(instance))
    except DataError as refusal:
        return refusal.diagnostics[0]
    except EvaluationError as error:
        return error.diagnostic
    return None


def lower(instance: Instance) -> tuple[Instance, None]:
    """The instance with one decider. Raises ``DataError`` where ``accepts`` gives a reason."""
    kept = instance.patterns.pop("duality", None)  # what ``accepts`` has made
    made: Instance = kept[1] if isinstance(kept, tuple) and kept[0] is instance else _dual(instance)
    return made, None


def lift(point: Mapping[str, Floats], inverse: None) -> Mapping[str, Floats]:
    """The decisions of all levels, and the multipliers, which the model may ask for by ``dual``."""
    del inverse
    return point


def _dual(instance: Instance) -> Instance:
    paths = [child.path for child in instance.program.root.children if child.kind == "lower"]
    return strong_duality(instance, *paths)
