"""Names for the rows and columns of a form, from the families of the instance that it came from."""

from __future__ import annotations

from collections import Counter

from ..evaluation.scope import literal_text
from ..forms.linear import LinearForm, Slice
from ..instance.instance import Instance
from ..spaces.members import Members
from .named import NamedForm


def named(form: LinearForm, instance: Instance) -> NamedForm:
    """The form with names as a user writes them: ``buy["bread"]``; what a lowering made is ``family[0]``, ….

    Columns or rows of no family at all are named ``column 7`` and ``row 7`` by position, from 0.
    """
    members = {family.name: family.index for family in instance.families}
    rows = {family.name: family.index for family in instance.constraints}
    row_count, column_count = form.shape
    objective = instance.program.root.objective
    return NamedForm(
        instance.program.name,
        (objective.name if objective is not None else None) or "",
        form,
        tuple(_spread(form.rows, rows, row_count, "row")),
        tuple(_spread(form.columns, members, column_count, "column")),
    )


def _spread(slices: tuple[Slice, ...], families: dict[str, Members], count: int, word: str) -> list[str]:
    """Names in order; the second row of a family that has two for each of its own ends with `` (2)``."""
    names = [""] * count
    seen: Counter[str] = Counter()
    for part in slices:
        members = families.get(part.name)
        if members is not None and members.size == part.count:
            labels = entry_names(part.name, members)
        else:
            labels = [f"{part.name}[{k}]" for k in range(part.count)] if part.count > 1 else [part.name] * part.count
        seen[part.name] += 1
        if seen[part.name] > 1:
            labels = [f"{label} ({seen[part.name]})" for label in labels]
        names[part.offset : part.offset + part.count] = labels
    return [name or f"{word} {at}" for at, name in enumerate(names)]


def entry_names(family: str, members: Members) -> list[str]:
    """``buy["bread", 2]`` for every member, in order; a scalar's bare name."""
    if members.arity == 0:
        return [family] * members.size
    spelled = []
    for component in members.components:
        literals = list(map(literal_text, component.values.tolist()))
        spelled.append(list(map(literals.__getitem__, component.codes.tolist())))
    if len(spelled) == 1:
        return [f"{family}[{key}]" for key in spelled[0]]
    return [f"{family}[{', '.join(key)}]" for key in zip(*spelled, strict=True)]
