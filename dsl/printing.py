"""Expressions and statements of the syntax tree as text, each on one line, with no more brackets than needed.

Brackets that the user wrote (``Bracketed``) and the spellings of numbers are kept. Printing keeps its own stack, so
that depth is bounded by memory alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from . import syntax as s

# How tightly each construct binds; a part that binds less tightly than its place asks for gets brackets.
CONDITIONAL, OR, AND, NOT, COMPARISON, UNION, INTER, RANGE, SUM, PRODUCT, NEGATION, POWER, ATOM = range(13)
# The place of an attribute's value: as for ``UNION``, but a conditional that ends in such a value is at home there too.
VALUE = -1

_BINARY = {
    "or": OR,
    "and": AND,
    "union": UNION,
    "minus": UNION,
    "inter": INTER,
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
    "mod": PRODUCT,
    "div": PRODUCT,
    "^": POWER,
}


class _At(NamedTuple):
    """An expression in a place that asks for at least ``level``; ``tight``: its operators stand without blanks."""

    expression: s.Expression
    level: int
    tight: bool = False


_Part = str | _At


def expression_text(expression: s.Expression) -> str:
    """The text of an expression; parsing it gives the same tree, up to brackets that had to be added."""
    return _text([_At(expression, CONDITIONAL)])


def statement_text(statement: s.Statement) -> str:
    """The text of a statement with its doc comment; ``subject to``, blocks and ``with`` take several lines."""
    return "\n".join(_statement_lines(statement))


def model_text(model: s.Model) -> str:
    """The text of a whole model without its comments, doc comments kept."""
    return "".join(statement_text(statement) + "\n" for statement in model.statements)


def binding(expression: s.Expression) -> int:
    """How tightly an expression binds, from ``CONDITIONAL`` to ``ATOM``."""
    match expression:
        case s.Conditional():
            return CONDITIONAL
        case s.Binary(operator=operator):
            return _BINARY[operator]
        case s.Unary(operator="not"):
            return NOT
        case s.Comparison() | s.Membership():
            return COMPARISON
        case s.Range():
            return RANGE
        case s.Unary():
            return NEGATION
        case _:
            return ATOM


def _text(parts: Iterable[_Part]) -> str:
    out: list[str] = []
    stack: list[_Part] = list(parts)[::-1]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            out.append(part)
            continue
        stack += _placed(*part)[::-1]
    return "".join(out)


def _placed(expression: s.Expression, level: int, tight: bool) -> list[_Part]:
    if level == VALUE and isinstance(expression, s.Conditional):
        return _conditional(expression, VALUE)
    inside = _tight_parts(expression) if tight and isinstance(expression, s.Binary) else _parts(expression)
    return ["(", *inside, ")"] if binding(expression) < (UNION if level == VALUE else level) else inside


def _conditional(expression: s.Conditional, level: int) -> list[_Part]:
    condition, then, otherwise = expression.condition, expression.then, expression.otherwise
    return ["if ", _At(condition, CONDITIONAL), " then ", _At(then, CONDITIONAL), " else ", _At(otherwise, level)]


def tight_operations(end: s.Expression) -> list[s.Binary]:
    """The operations in the end of a range, ``0..n-1``, that are written without blanks: all outside brackets, or none
    where one of them is a word."""
    found: list[s.Binary] = []
    stack = [end]
    while stack:
        part = stack.pop()
        if isinstance(part, s.Binary):
            if part.operator not in ("+", "-", "*", "/"):
                return []
            found.append(part)
            stack += [part.left, part.right]
    return found


def _tight_parts(expression: s.Binary) -> list[_Part]:
    level = _BINARY[expression.operator]
    return [_At(expression.left, level, True), expression.operator, _At(expression.right, level + 1, True)]


def _parts(expression: s.Expression) -> list[_Part]:
    match expression:
        case s.Number(spelling=spelling):
            return [spelling]
        case s.Text(value=value):
            return [json.dumps(value, ensure_ascii=False)]
        case s.Name(id=name):
            return [name]
        case s.Member(base=base, name=name):
            return [_At(base, ATOM), ".", name.id]
        case s.Subscript(base=base, indices=indices):
            return [_At(base, ATOM), "[", *_listed(indices), "]"]
        case s.Call(function=function, arguments=arguments):
            return [function.id, "(", *_listed(arguments), ")"]
        case s.Aggregate(function=function, body=body, over=over):
            return [function.id, "(", _At(body, CONDITIONAL), " for ", *_over(over), ")"]
        case s.Unary(operator=operator, operand=operand):
            return ["not ", _At(operand, NOT)] if operator == "not" else [operator, _At(operand, NEGATION)]
        case s.Binary(operator="^", left=left, right=right):
            return [_At(left, ATOM), "^", _At(right, NEGATION)]
        case s.Binary(operator=operator, left=left, right=right):
            level = _BINARY[operator]
            return [_At(left, level), f" {operator} ", _At(right, level + 1)]
        case s.Bracketed(inner=inner):
            return ["(", _At(inner, CONDITIONAL), ")"]
        case s.Tuple(items=items):
            return ["(", *_listed(items), ")"]
        case s.Range(low=low, high=high):
            tight_low, tight_high = bool(tight_operations(low)), bool(tight_operations(high))
            return [_At(low, SUM, tight_low), "..", _At(high, SUM, tight_high)]
        case s.ListLiteral(items=items):
            return ["[", *_listed(items), "]"]
        case s.SetLiteral(items=items):
            return ["{", *_listed(items), "}"]
        case _:
            return _more_parts(expression)


def _more_parts(expression: s.Expression) -> list[_Part]:
    match expression:
        case s.Comparison(operands=operands, operators=operators):
            parts: list[_Part] = [_At(operands[0], UNION)]
            for operator, operand in zip(operators[:-1], operands[1:-1], strict=True):
                parts += [f" {operator} ", _At(operand, UNION)]
            return [*parts, f" {operators[-1]} ", _At(operands[-1], VALUE)]
        case s.Membership(element=element, set=members, negated=negated):
            return [_At(element, UNION), " not in " if negated else " in ", _At(members, UNION)]
        case s.Conditional():
            return _conditional(expression, CONDITIONAL)
        case s.KeyedLiteral(entries=entries):
            pairs: list[list[_Part]] = [
                [_At(key, CONDITIONAL), ": ", _At(value, CONDITIONAL)] for key, value in entries
            ]
            return ["{", *_joined(pairs), "}"]
        case s.Comprehension(element=element, over=over):
            return ["{", _At(element, CONDITIONAL), " for ", *_over(over), "}"]
        case _:
            raise AssertionError(f"no expression: {type(expression).__name__}")


def _listed(items: Sequence[s.Expression], level: int = CONDITIONAL) -> list[_Part]:
    return _joined([[_At(item, level)] for item in items])


def _joined(groups: Iterable[list[_Part]]) -> list[_Part]:
    parts: list[_Part] = []
    for group in groups:
        parts += [", ", *group] if parts else group
    return parts


# ------------------------------------------------------------------------------------------------------ index lists
def _over(over: s.IndexList) -> list[_Part]:
    parts = _joined([_generator(generator) for generator in over.generators])
    return parts if over.condition is None else [*parts, " if ", _At(over.condition, CONDITIONAL)]


def _generator(generator: s.Generator) -> list[_Part]:
    if generator.pattern is None:
        return [_At(generator.set, UNION)]
    return [_At(generator.pattern, UNION), " in ", _At(generator.set, UNION)]


def _index(index: s.IndexList | None) -> list[_Part]:
    return [] if index is None else ["[", *_over(index), "]"]


# ------------------------------------------------------------------------------------------------------- statements
def _statement_lines(statement: s.Statement) -> list[str]:
    match statement:
        case s.SubjectTo(constraints=constraints):
            return ["subject to", *_indented(line for item in constraints for line in _constraint_lines(item))]
        case s.BlockDeclaration(body=body, doc=doc):
            inside = _indented(line for inner in body for line in _statement_lines(inner))
            return [*_doc(doc), _text(_block_head(statement)) + " {", *inside, "}"]
        case s.Use() | s.Equilibrium() | s.Certify() | s.SolveWith():
            return [_text(_statement_parts(statement))]
        case s.UncertainDeclaration(constraints=constraints, doc=doc):
            withs = [f"with {_text(_constraint(item))}" for item in constraints]
            return [*_doc(doc), _text(_statement_parts(statement)), *_indented(withs)]
        case _:
            return [*_doc(statement.doc), _text(_statement_parts(statement))]


def _constraint_lines(item: s.ConstraintItem) -> list[str]:
    return [*_doc(item.doc), _text(_constraint(item))]


def _doc(doc: str | None) -> list[str]:
    return [] if doc is None else [f"## {line}".rstrip() for line in doc.split("\n")]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _statement_parts(statement: s.Statement) -> list[_Part]:
    match statement:
        case s.TableDeclaration(set=name, columns=columns, attributes=attributes):
            return [f"table {name.id}: {_names(columns)}", *_attributes(attributes)]
        case s.LetDeclaration(name=name, index=index, value=value):
            return [f"let {name.id}", *_index(index), " = ", _At(value, CONDITIONAL)]
        case s.DefDeclaration(name=name, parameters=parameters, body=body):
            return [f"def {name.id}({_names(parameters)}) = ", _At(body, CONDITIONAL)]
        case s.ExternDeclaration(name=name, arguments=arguments):
            return [f"extern {name.id}({_names(arguments)})"]
        case s.NetworkDeclaration(name=name, file=file):
            return [f"network {name.id} from ", _At(file, ATOM)]
        case s.Use(target=target):
            return ["use ", _At(target, ATOM)]
        case s.Objective(sense=sense, name=objective, expression=expression):
            return [sense] if expression is None else [f"{sense} ", *_label(objective), _At(expression, CONDITIONAL)]
        case s.Equilibrium(kind=kind, weights=weights):
            return [f"equilibrium {kind.id}", *_options(weights)]
        case s.Certify(property=claim, regions=regions):
            on: list[_Part] = [" on ", *_joined(_region(region) for region in regions)] if regions else []
            return [f"certify {claim.id}", *on]
        case s.SolveWith(methods=methods):
            calls = [_text([call.name.id, *_options(call.options)]) for call in methods]
            return [f"solve with {' then '.join(calls)}"]
        case s.SubjectTo() | s.BlockDeclaration():
            raise AssertionError("takes several lines")
        case _:
            word = _WORDS[type(statement)]
            space = " " if len(statement.names) > 1 and statement.index is not None else ""
            names = f"{word} {_names(statement.names)}{space}"
            return [names, *_index(statement.index), *_attributes(statement.attributes)]


_WORDS: dict[type[s.Node], str] = {
    s.SetDeclaration: "set",
    s.ParamDeclaration: "param",
    s.VarDeclaration: "var",
    s.UncertainDeclaration: "uncertain",
    s.ChooseDeclaration: "choose",
}


def _names(names: Iterable[s.Name]) -> str:
    return ", ".join(name.id for name in names)


def _attributes(attributes: Iterable[s.Attribute]) -> list[_Part]:
    parts: list[_Part] = []
    for attribute in attributes:
        parts.append(f" {attribute.word}")
        if attribute.value is not None:
            parts += [" ", _At(attribute.value, VALUE)]
    return parts


def _options(pairs: Iterable[tuple[s.Name, s.Expression]]) -> list[_Part]:
    parts = _joined([[f"{name.id} = ", _At(value, CONDITIONAL)] for name, value in pairs])
    return ["(", *parts, ")"] if parts else []


def _region(region: s.CertifyRegion) -> list[_Part]:
    return [region.name.id, *_index(region.index), " in ", _At(region.interval, VALUE)]


def _label(name: s.Name | None, index: s.IndexList | None = None) -> list[_Part]:
    if name is None and index is None:
        return []
    return ["" if name is None else name.id, *_index(index), ": "]


def _constraint(item: s.ConstraintItem) -> list[_Part]:
    head = _label(item.name, item.index)
    match item.body:
        case s.Implication(condition=condition, conclusion=conclusion):
            return [*head, _At(condition, CONDITIONAL), " => ", _At(conclusion, CONDITIONAL)]
        case s.Complements(left=left, right=right):
            return [*head, _At(left, CONDITIONAL), " complements ", _At(right, CONDITIONAL)]
        case body:
            return [*head, _At(body, CONDITIONAL)]


def _block_head(block: s.BlockDeclaration) -> list[_Part]:
    name = "" if block.name is None else f" {block.name.id}"
    selection = "" if block.selection is None else f" {block.selection.id}"
    return [f"{block.kind}{name}", *_index(block.index), selection]
