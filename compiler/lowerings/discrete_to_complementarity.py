"""Discrete form to complementarity form.

    … and x_first * x_second == 0 for every pair   stays so;   sets, indicators and products in rows are not there

Source: a ``DiscreteForm`` that has complementary pairs and nothing else beyond a quadratic problem. Target:
``ComplementarityForm``, the same columns and rows. Kept: everything. Lost: nothing. Lifted: as it is.
"""

from __future__ import annotations

from dataclasses import replace

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NOT_IN_FORM
from optc.dsl.diagnostics import Diagnostic

from ..forms.complementarity import ComplementarityForm, from_discrete
from ..forms.discrete import DiscreteForm
from ..forms.linear import Floats
from ..signature import WORDS, Signature

NAME = "discrete to complementarity"
SOURCE = "discrete"
TARGET = "complementarity"
COST = 0.0  # branching on the pairs themselves, without big-M, comes before a general solver's ordered sets

_ALLOWED = frozenset({"integer", "binary", "quadratic objective", "complementarity"})


def transfer(signature: Signature) -> Signature | str | None:
    """The signature of the target; the first feature beyond pairs; None where there are no pairs."""
    if "complementarity" not in signature.features:
        return None
    feature = signature.foreign(_ALLOWED)
    if feature is not None:
        return WORDS[feature]
    return replace(signature, form=TARGET, features=signature.features & {"integer", "quadratic objective"})


def accepts(form: DiscreteForm) -> Diagnostic | None:
    """None, or what a domain of the model brought into the form that is no pair (a semicontinuous decision may)."""
    extra = (("an ordered set", form.sets), ("an indicator", form.indicators), ("a product in a row", form.products))
    found = next((words for words, part in extra if part.count), None)
    return None if found is None else report(NOT_IN_FORM, None, what=found, form=TARGET)


def lower(form: DiscreteForm) -> tuple[ComplementarityForm, None]:
    """The form; nothing is needed on the way back."""
    return from_discrete(form), None


def lift(x: Floats, inverse: None) -> Floats:
    """The columns are the same."""
    del inverse
    return x
