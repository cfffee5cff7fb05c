"""How many components the members of a set have, where its declaration does not say: patterns and subscripts tell.

``set Arcs`` alone says nothing. One look over the whole tree finds ``(i, j) in Arcs`` and ``cost[i, j]`` with
``param cost[Arcs]``, so that every later step knows the dimension, whatever the order of the statements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .. import syntax
from ..source import Span


def _fields(node: syntax.Node) -> Iterator[syntax.Node | None]:
    for name in _FIELDS[type(node)]:
        value = getattr(node, name)
        if isinstance(value, tuple):
            for item in value:
                if isinstance(item, tuple):
                    yield from item
                else:
                    yield item
        else:
            yield value


_FIELDS: dict[type, tuple[str, ...]] = {
    syntax.Subscript: ("base", "indices"),
    syntax.Call: ("arguments",),
    syntax.Aggregate: ("body", "over"),
    syntax.Unary: ("operand",),
    syntax.Binary: ("left", "right"),
    syntax.Comparison: ("operands",),
    syntax.Membership: ("element", "set"),
    syntax.Conditional: ("condition", "then", "otherwise"),
    syntax.Bracketed: ("inner",),
    syntax.Tuple: ("items",),
    syntax.Range: ("low", "high"),
    syntax.Comprehension: ("element", "over"),
    syntax.Generator: ("set",),
    syntax.IndexList: ("generators", "condition"),
    syntax.Attribute: ("value",),
    syntax.SetDeclaration: ("index", "attributes"),
    syntax.ParamDeclaration: ("index", "attributes"),
    syntax.VarDeclaration: ("index", "attributes"),
    syntax.ChooseDeclaration: ("index", "attributes"),
    syntax.UncertainDeclaration: ("index", "attributes", "constraints"),
    syntax.LetDeclaration: ("index", "value"),
    syntax.DefDeclaration: ("body",),
    syntax.Objective: ("expression",),
    syntax.Implication: ("condition", "conclusion"),
    syntax.Complements: ("left", "right"),
    syntax.ConstraintItem: ("index", "body"),
    syntax.SubjectTo: ("constraints",),
    syntax.BlockDeclaration: ("index", "body"),
    syntax.Certify: ("regions",),
    syntax.CertifyRegion: ("index", "interval"),
}


def infer(statements: list[syntax.Statement]) -> dict[str, tuple[int, Span]]:
    """Dimension and first evidence for each set that is declared without a definition and without ``within``."""
    open_sets = {
        name.id
        for node in walk(statements, _BLOCKS_ONLY)
        if isinstance(node, syntax.SetDeclaration) and not _tells(node)
        for name in node.names
    }
    found: dict[str, tuple[int, Span]] = {}
    if not open_sets:
        return found
    families = _families(statements, open_sets)
    stands_for = _aliases(statements)
    single: set[str] = set()
    counted: dict[str, tuple[int, Span]] = {}
    for node in walk(statements):
        if isinstance(node, syntax.Subscript):
            _count(node, families, single, counted)
            continue
        evidence = _evidence(node)
        if evidence is not None:
            name = evidence[0]
            seen = {name}
            while name in stands_for and stands_for[name] not in seen:
                name = stands_for[name]
                seen.add(name)
            if name in open_sets:
                found.setdefault(name, evidence[1:])
    for name, told in counted.items():
        if name not in single:
            found.setdefault(name, told)
    return found


def _aliases(statements: list[syntax.Statement]) -> dict[str, str]:
    """Sets declared within, or as, another one: ``set Short within Arcs`` has the dimension of ``Arcs``."""
    found: dict[str, str] = {}
    for node in walk(statements, _BLOCKS_ONLY):
        if isinstance(node, syntax.SetDeclaration):
            for attribute in node.attributes:
                value = attribute.value
                while isinstance(value, syntax.Binary) and value.operator in ("union", "inter", "minus"):
                    value = value.left
                if isinstance(value, syntax.Name):
                    found.update((name.id, value.id) for name in node.names)
    return found


_BLOCKS_ONLY: dict[type, tuple[str, ...]] = {syntax.BlockDeclaration: ("body",)}


def _tells(node: syntax.SetDeclaration) -> bool:
    return any(
        a.word in ("=", "default", "within") and not (isinstance(a.value, syntax.SetLiteral) and not a.value.items)
        for a in node.attributes
    )


def walk(waiting: Sequence[syntax.Node], fields: dict[type, tuple[str, ...]] | None = None) -> Iterator[syntax.Node]:
    """Nodes and all that is in them, in order of the text; only through the kinds that ``fields`` names, if given."""
    fields = _FIELDS if fields is None else fields
    stack: list[syntax.Node] = list(reversed(waiting))
    while stack:
        node = stack.pop()
        yield node
        if type(node) in fields:
            below = [n for n in _fields(node) if n is not None] if type(node) in _FIELDS else []
            below.reverse()
            stack.extend(below)


def _families(statements: list[syntax.Statement], open_sets: set[str]) -> dict[str, tuple[str, int]]:
    """Families outside blocks over one open set and otherwise ranges: that set, and the number of ranges."""
    families: dict[str, tuple[str, int]] = {}
    declarations = (syntax.ParamDeclaration, syntax.VarDeclaration, syntax.ChooseDeclaration)
    for node in statements:
        if not isinstance(node, declarations) or node.index is None:
            continue
        generators = node.index.generators
        opened = [g.set.id for g in generators if isinstance(g.set, syntax.Name) and g.set.id in open_sets]
        ranges = sum(isinstance(g.set, syntax.Range) for g in generators)
        if len(opened) == 1 and ranges == len(generators) - 1:
            for name in node.names:
                families[name.id] = (opened[0], len(generators) - 1)
    return families


def _evidence(node: syntax.Node) -> tuple[str, int, Span] | None:
    """What a tuple before `in` says of the set behind it."""
    if isinstance(node, syntax.Generator):
        if isinstance(node.pattern, syntax.Tuple) and isinstance(node.set, syntax.Name):
            return node.set.id, len(node.pattern.items), node.pattern.span
        return None
    if isinstance(node, syntax.Membership) and isinstance(node.element, syntax.Tuple):
        return (node.set.id, len(node.element.items), node.element.span) if isinstance(node.set, syntax.Name) else None
    return None


def _count(
    node: syntax.Subscript,
    families: dict[str, tuple[str, int]],
    single: set[str],
    counted: dict[str, tuple[int, Span]],
) -> None:
    """What the number of indices says; a single index may stand for a member of any dimension, so it says nothing."""
    family = families.get(node.base.id) if isinstance(node.base, syntax.Name) else None
    if family is None:
        return
    count = len(node.indices) - family[1]
    if count > 1:
        counted.setdefault(family[0], (count, node.span))
    elif count == 1:
        single.add(family[0])
