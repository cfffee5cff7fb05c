# ruff: noqa: ARG002 - all methods of `Builder` have the same signature
"""The syntax tree from the parser's reductions: one method for each name in grammar.lark.

A method gets the span of what it covers and its parts: nodes, tokens that the grammar names, None for what is
absent. Shapes that the grammar leaves open are checked here; habits of other languages are handed to dsl/habits.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from . import habits
from . import syntax as s
from .catalogue import report
from .catalogue import syntax as codes
from .diagnostics import Diagnostic, Edit, Hint
from .lexing import Tokens
from .source import Source, Span
from .vocabulary import SYNONYMS
from .words import Token, text_value

MISSING = "?"
"""Stands in the tree as a name where the parser has refused an expression."""


class Head(NamedTuple):
    """The name and index list at the head of a constraint."""

    span: Span
    name: s.Name | None
    indices: s.IndexList | None


class Condition(NamedTuple):
    """What stands behind an index list's ``if`` (``word``)."""

    word: Token
    expression: s.Expression


class Entry(NamedTuple):
    """``key: value`` in braces, or a set-builder as others spell it; ``sign`` is ``:``, ``|`` or ``where``."""

    key: s.Expression
    sign: Token
    value: s.Expression


class Builder:
    """Builds the nodes of one source. ``diagnostics`` begins with the lexer's."""

    def __init__(self, source: Source, tokens: Tokens) -> None:
        self.source = source
        self.docs = tokens.docs
        self.diagnostics: list[Diagnostic] = tokens.diagnostics
        self.equals: list[tuple[s.Comparison, Token]] = []

    def finish(self) -> tuple[Diagnostic, ...]:
        """All diagnostics in the order of their places."""
        self._report_equals()
        for comments in self.docs.values():
            marks = [self._span(comment.span.start, comment.span.start + 2) for comment in comments]
            hint = Hint("begin it with a single `#`", tuple(Edit(mark, "#") for mark in marks))
            span = comments[0].span.to(comments[-1].span)
            self.diagnostics.append(report(codes.LOOSE_DOC, span, hints=(hint,)))
        return tuple(sorted(self.diagnostics, key=_place))

    def _span(self, begin: int, end: int) -> Span:
        return Span(self.source, begin, end)

    def _token_span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)

    def _doc(self, begin: int) -> str | None:
        comments = self.docs.pop(begin, None)
        if comments is None:
            return None
        return "\n".join(comment.text[2:].removeprefix(" ") for comment in comments)

    # ------------------------------------------------------------------------------------------------------- statements
    def model(self, span: Span, parts: list[Any]) -> tuple[s.Statement, ...]:
        return self._gathered(parts)

    def block(self, span: Span, parts: list[Any]) -> tuple[s.Statement, ...]:
        return self._gathered(parts)

    def broken(self, span: Span, parts: list[Any]) -> None:
        """What was refused already."""
        self.equals.clear()

    def _gathered(self, lines: list[Any]) -> tuple[s.Statement, ...]:
        """Statements with the constraints behind a ``subject to`` gathered under it."""
        statements: list[s.Statement] = []
        opened: Span | None = None
        items: list[s.ConstraintItem] = []

        def close() -> None:
            if opened is None:
                habits.constraints_outside(self.diagnostics, items)
            if opened is not None or items:
                first = items[0].span if opened is None else opened
                statements.append(s.SubjectTo(first.to(items[-1].span if items else first), tuple(items)))

        for line in lines:
            if isinstance(line, s.ConstraintItem):
                items.append(line)
            elif line is not None:
                close()
                opened, items = None, []
                if isinstance(line, Token):
                    opened = self._token_span(line)
                else:
                    statements.append(line)
        close()
        return tuple(statements)

    def set_declaration(self, span: Span, parts: list[Any]) -> s.SetDeclaration:
        return s.SetDeclaration(span, *self._declared(parts), self._doc(span.start))

    def param(self, span: Span, parts: list[Any]) -> s.ParamDeclaration:
        return s.ParamDeclaration(span, *self._declared(parts), self._doc(span.start))

    def var(self, span: Span, parts: list[Any]) -> s.VarDeclaration:
        return s.VarDeclaration(span, *self._declared(parts), self._doc(span.start))

    def choose(self, span: Span, parts: list[Any]) -> s.ChooseDeclaration:
        return s.ChooseDeclaration(span, *self._declared(parts), self._doc(span.start))

    def uncertain(self, span: Span, parts: list[Any]) -> s.UncertainDeclaration:
        constraints = tuple(parts[3:])
        return s.UncertainDeclaration(span, *self._declared(parts[:3]), constraints, self._doc(span.start))

    def _declared(self, parts: list[Any]) -> tuple[tuple[s.Name, ...], s.IndexList | None, tuple[s.Attribute, ...]]:
        self._report_equals()
        names, index, attributes = parts
        return names, index, attributes

    def with_line(self, span: Span, parts: list[Any]) -> s.ConstraintItem:
        item: s.ConstraintItem = parts[0]
        doc = self._doc(span.start)
        return item if doc is None else replace(item, doc=doc)

    def table(self, span: Span, parts: list[Any]) -> s.TableDeclaration:
        name, columns, attributes = parts
        self._report_equals()
        return s.TableDeclaration(span, name, columns, attributes, self._doc(span.start))

    def let(self, span: Span, parts: list[Any]) -> s.LetDeclaration:
        name, index, value = parts
        self._report_equals()
        return s.LetDeclaration(span, name, index, value, self._doc(span.start))

    def broken_let(self, span: Span, parts: list[Any]) -> s.LetDeclaration:
        """The name is kept, so that its uses are not refused as well."""
        self.equals.clear()
        name, index = parts
        return s.LetDeclaration(span, name, index, s.Name(span, MISSING), self._doc(span.start))

    def broken_define(self, span: Span, parts: list[Any]) -> s.DefDeclaration:
        self.equals.clear()
        name, parameters = parts
        return s.DefDeclaration(span, name, parameters or (), s.Name(span, MISSING), self._doc(span.start))

    def define(self, span: Span, parts: list[Any]) -> s.DefDeclaration:
        name, parameters, body = parts
        self._report_equals()
        return s.DefDeclaration(span, name, parameters or (), body, self._doc(span.start))

    def extern(self, span: Span, parts: list[Any]) -> s.ExternDeclaration:
        name, arguments = parts
        return s.ExternDeclaration(span, name, arguments or (), self._doc(span.start))

    def network(self, span: Span, parts: list[Any]) -> s.NetworkDeclaration:
        name, file = parts
        return s.NetworkDeclaration(span, name, file, self._doc(span.start))

    def use(self, span: Span, parts: list[Any]) -> s.Use:
        return s.Use(span, parts[0])

    def objective(self, span: Span, parts: list[Any]) -> s.Objective:
        sense, name, expression = parts
        if name is None and self.equals and self.equals[-1][0] is expression and len(expression.operators) == 1:
            left, right = expression.operands
            if isinstance(left, s.Name):
                _, sign = self.equals.pop()
                habits.named_by_equals(self.diagnostics, left, self._token_span(sign))
                name, expression = left, right
        self._report_equals()
        return s.Objective(span, sense.text, name, expression, self._doc(span.start))

    def satisfy(self, span: Span, parts: list[Any]) -> s.Objective:
        return s.Objective(span, "satisfy", None, None, self._doc(span.start))

    def subject_to(self, span: Span, parts: list[Any]) -> Token:
        token: Token = parts[0]
        return token

    def lower(self, span: Span, parts: list[Any]) -> s.BlockDeclaration:
        name, index, selection, body = parts
        return s.BlockDeclaration(span, "lower", name, index, selection, body, self._doc(span.start))

    def player(self, span: Span, parts: list[Any]) -> s.BlockDeclaration:
        name, index, selection, body = parts
        return s.BlockDeclaration(span, "player", name, index, selection, body, self._doc(span.start))

    def recourse(self, span: Span, parts: list[Any]) -> s.BlockDeclaration:
        name, index, body = parts
        if name is not None or index is not None:
            habits.recourse_head(self.diagnostics, name, index)
        return s.BlockDeclaration(span, "recourse", None, index, None, body, self._doc(span.start))

    def equilibrium(self, span: Span, parts: list[Any]) -> s.Equilibrium:
        kind, weights = parts
        return s.Equilibrium(span, kind, weights or ())

    def certify(self, span: Span, parts: list[Any]) -> s.Certify:
        claim, regions = parts
        return s.Certify(span, claim, regions or ())

    def regions(self, span: Span, parts: list[Any]) -> tuple[s.CertifyRegion, ...]:
        return tuple(parts)

    def region(self, span: Span, parts: list[Any]) -> s.CertifyRegion:
        return s.CertifyRegion(span, *parts)

    def solve(self, span: Span, parts: list[Any]) -> s.SolveWith:
        return s.SolveWith(span, tuple(parts))

    def method(self, span: Span, parts: list[Any]) -> s.MethodCall:
        name, options = parts
        return s.MethodCall(span, name, options or ())

    def options(self, span: Span, parts: list[Any]) -> tuple[tuple[s.Name, s.Expression], ...]:
        return tuple(parts)

    def option(self, span: Span, parts: list[Any]) -> tuple[s.Name, s.Expression]:
        name, value = parts
        return name, value

    # ------------------------------------------------------------------------------------------------------ constraints
    def constraint(self, span: Span, parts: list[Any]) -> s.ConstraintItem:
        head, body = parts
        self._report_equals()
        name, index = (None, None) if head is None else head[1:]
        return s.ConstraintItem(span, name, index, body, self._doc(span.start))

    def head(self, span: Span, parts: list[Any]) -> Head:
        return Head(span, parts[0], parts[1] if len(parts) > 1 else None)

    def nameless_head(self, span: Span, parts: list[Any]) -> Head:
        return Head(span, None, parts[0])

    def empty_head(self, span: Span, parts: list[Any]) -> Head:
        name: s.Name = parts[0]
        self._empty_brackets(self._span(name.span.end, self.source.text.rindex(":", name.span.end, span.end)))
        return Head(span, name, None)

    def implication(self, span: Span, parts: list[Any]) -> s.Implication:
        return s.Implication(span, *parts)

    def complements(self, span: Span, parts: list[Any]) -> s.Complements:
        return s.Complements(span, *parts)

    def constraint_for(self, span: Span, parts: list[Any]) -> s.ConstraintItem:
        head, body, word, index = parts
        habits.trailing_for(self.diagnostics, head, body, self._token_span(word), index)
        item = self.constraint(span, [head, body])
        return item if item.index is not None else replace(item, index=index)

    def forall(self, span: Span, parts: list[Any]) -> s.ConstraintItem:
        index, _, body = parts
        habits.forall(self.diagnostics, span, index, body)
        inner = body.inner if isinstance(body, s.Bracketed) else body
        return replace(self.constraint(span, [None, inner]), index=index)

    def forall_bare(self, span: Span, parts: list[Any]) -> s.ConstraintItem:
        generators, colon, body = parts
        index = s.IndexList(generators[0].span.to(generators[-1].span), generators)
        return self.forall(span, [index, colon, body])

    # -------------------------------------------------------------------------------------------- parts of declarations
    def names(self, span: Span, parts: list[Any]) -> tuple[s.Name, ...]:
        return tuple(parts)

    def index(self, span: Span, parts: list[Any]) -> s.IndexList:
        index: s.IndexList = parts[0]
        return index

    def empty_index(self, span: Span, parts: list[Any]) -> None:
        self._empty_brackets(span)

    def _empty_brackets(self, span: Span) -> None:
        hint = Hint("leave the brackets out", (Edit(span, ""),))
        self.diagnostics.append(report(codes.EMPTY_INDEX, span, hints=(hint,)))

    def attributes(self, span: Span, parts: list[Any]) -> tuple[s.Attribute, ...]:
        return tuple(part for part in parts if part is not None)

    def attribute(self, span: Span, parts: list[Any]) -> s.Attribute:
        word: Token = parts[0]
        if len(parts) == 1:
            return s.Attribute(span, word.text)
        name = SYNONYMS.get(word.text, word.text) if word.kind == "RELATION" else word.kind
        return s.Attribute(span, name, parts[1])

    # ------------------------------------------------------------------------------------------------------ index lists
    def index_list(self, span: Span, parts: list[Any]) -> s.IndexList:
        generators, condition = parts
        if condition is None:
            return s.IndexList(span, generators)
        return s.IndexList(span, generators, condition.expression)

    def condition(self, span: Span, parts: list[Any]) -> Condition:
        word, expression = parts
        if word.kind != "if":
            habits.filter_word(self.diagnostics, self._token_span(word))
        return Condition(word, expression)

    def generators(self, span: Span, parts: list[Any]) -> tuple[s.Generator, ...]:
        for sign in parts[1::2]:
            if sign.kind == "for":
                habits.second_for(self.diagnostics, self._token_span(sign))
        return tuple(parts[::2])

    def generator(self, span: Span, parts: list[Any]) -> s.Generator:
        pattern, members = parts
        self._check_pattern(pattern)
        return s.Generator(span, pattern, members)

    def _check_pattern(self, pattern: s.Expression) -> None:
        if isinstance(pattern, s.Name):
            return
        if isinstance(pattern, s.Tuple):
            for item in pattern.items:
                if not (isinstance(item, s.Name) or _is_literal(item)):
                    self.diagnostics.append(report(codes.BAD_PATTERN, item.span))
                    return
            return
        self.diagnostics.append(report(codes.BAD_PATTERN, pattern.span))

    def bare_set(self, span: Span, parts: list[Any]) -> s.Generator:
        return s.Generator(span, None, parts[0])

    # ------------------------------------------------------------------------------------------------------ expressions
    def conditional(self, span: Span, parts: list[Any]) -> s.Conditional:
        return s.Conditional(span, *parts)

    def binary(self, span: Span, parts: list[Any]) -> s.Binary:
        left, sign, right = parts
        text = sign.text
        return s.Binary(span, SYNONYMS.get(text, text), left, right)

    def power(self, span: Span, parts: list[Any]) -> s.Binary:
        return s.Binary(span, "^", *parts)

    def negation(self, span: Span, parts: list[Any]) -> s.Unary:
        return s.Unary(span, "not", parts[0])

    def signed(self, span: Span, parts: list[Any]) -> s.Unary:
        sign, operand = parts
        return s.Unary(span, sign.text, operand)

    def chain(self, span: Span, parts: list[Any]) -> s.Comparison:
        signs = parts[1::2]
        operators = tuple(SYNONYMS.get(sign.text, sign.text) for sign in signs)
        node = s.Comparison(span, tuple(parts[::2]), operators)
        for sign in signs:
            if sign.kind == "=":
                self.equals.append((node, sign))
        return node

    def _report_equals(self) -> None:
        """``=`` where ``==`` belongs."""
        for _, sign in self.equals:
            habits.equals_for_equality(self.diagnostics, self._token_span(sign))
        self.equals.clear()

    def membership(self, span: Span, parts: list[Any]) -> s.Membership:
        return s.Membership(span, parts[0], parts[1], False)

    def non_membership(self, span: Span, parts: list[Any]) -> s.Membership:
        return s.Membership(span, parts[0], parts[1], True)

    def range_literal(self, span: Span, parts: list[Any]) -> s.Range:
        return s.Range(span, *parts)

    def braced_aggregate(self, span: Span, parts: list[Any]) -> s.Aggregate:
        word, index, body = parts
        habits.braced_aggregate(self.diagnostics, span, self._token_span(word), index, body)
        return self.aggregate(span, [self._name(word), body, index])

    def subscript(self, span: Span, parts: list[Any]) -> s.Expression:
        base, indices = parts
        if isinstance(base, (s.Name, s.Member)):
            return s.Subscript(span, base, indices)
        if isinstance(base, s.Subscript):
            habits.indices_apart(self.diagnostics, base, indices)
            joined = base.indices + indices if len(base.indices) < 20 else base.indices
            return s.Subscript(span, base.base, joined)
        if isinstance(base, s.Number):
            self.diagnostics.append(report(codes.UNITS, span))
            return base
        self.diagnostics.append(report(codes.NOT_INDEXED, base.span))
        return s.Subscript(span, base, indices)

    def empty_subscript(self, span: Span, parts: list[Any]) -> s.Expression:
        base: s.Expression = parts[0]
        self._empty_brackets(self._span(base.span.end, span.end))
        return base

    def member(self, span: Span, parts: list[Any]) -> s.Member:
        base, name = parts
        depth, inner = 0, base
        while isinstance(inner, (s.Member, s.Subscript)) and depth < 20:
            inner, depth = inner.base, depth + 1
        if not isinstance(inner, s.Name):
            self.diagnostics.append(report(codes.NOT_A_BLOCK, base.span))
            base = s.Name(base.span, MISSING)
        return s.Member(span, base, name)

    def bracketed(self, span: Span, parts: list[Any]) -> s.Bracketed:
        return s.Bracketed(span, parts[0])

    def tuple_literal(self, span: Span, parts: list[Any]) -> s.Tuple:
        return s.Tuple(span, tuple(parts))

    def list_literal(self, span: Span, parts: list[Any]) -> s.ListLiteral:
        return s.ListLiteral(span, tuple(parts))

    def empty_set(self, span: Span, parts: list[Any]) -> s.SetLiteral:
        return s.SetLiteral(span, ())

    def comprehension(self, span: Span, parts: list[Any]) -> s.Comprehension:
        return s.Comprehension(span, *parts)

    def entry(self, span: Span, parts: list[Any]) -> Entry:
        return Entry(*parts)

    def braces(self, span: Span, parts: list[Any]) -> s.Expression:
        """A set or a keyed literal; or a set-builder as other languages write it."""
        if not any(isinstance(part, Entry) for part in parts):
            return s.SetLiteral(span, tuple(parts))
        last = parts[-1]
        if isinstance(last, Entry) and not any(isinstance(part, Entry) for part in parts[:-1]):
            sign = self._token_span(last.sign)
            builder = habits.set_builder(self.diagnostics, span, parts[:-1], last.key, sign, last.value)
            if builder is not None:
                return builder
        entries: list[tuple[s.Expression, s.Expression]] = []
        for part in parts:
            if isinstance(part, Entry) and part.sign.kind == ":":
                self._check_key(part.key)
                entries.append((part.key, part.value))
            else:
                place = self._token_span(part.sign) if isinstance(part, Entry) else part.span
                self.diagnostics.append(report(codes.MIXED_BRACES, place))
                break
        return s.KeyedLiteral(span, tuple(entries))

    def _check_key(self, key: s.Expression) -> None:
        items = key.items if isinstance(key, s.Tuple) else (key,)
        for item in items:
            if isinstance(item, s.Name):
                hint = Hint("put it in quotes", (Edit(item.span, f'"{item.id}"'),))
                self.diagnostics.append(report(codes.BAD_KEY, item.span, hints=(hint,)))
            elif not _is_literal(item):
                self.diagnostics.append(report(codes.BAD_KEY, item.span))

    def call(self, span: Span, parts: list[Any]) -> s.Call:
        function, arguments = parts
        return s.Call(span, function, arguments or ())

    def aggregate(self, span: Span, parts: list[Any]) -> s.Aggregate:
        return s.Aggregate(span, *parts)

    def expressions(self, span: Span, parts: list[Any]) -> tuple[s.Expression, ...]:
        return tuple(parts)

    def function(self, span: Span, parts: list[Any]) -> s.Name:
        return self._name(parts[0])

    def _name(self, token: Token) -> s.Name:
        return s.Name(Span(self.source, token.start, token.end), SYNONYMS.get(token.text, token.text))

    def name(self, span: Span, parts: list[Any]) -> s.Name:
        return s.Name(span, parts[0].text)

    def number(self, span: Span, parts: list[Any]) -> s.Number:
        spelling: str = parts[0].text
        if spelling == "inf":
            return s.Number(span, float("inf"), spelling)
        plain = spelling.replace("_", "")
        value = float(plain)
        if value == float("inf"):
            self.diagnostics.append(report(codes.NUMBER_TOO_LARGE, span))
        elif plain.isdigit():
            return s.Number(span, int(plain), spelling)
        return s.Number(span, value, spelling)

    def text(self, span: Span, parts: list[Any]) -> s.Text:
        return s.Text(span, text_value(parts[0].text))


def _is_literal(expression: s.Expression) -> bool:
    if isinstance(expression, s.Unary):
        return expression.operator != "not" and isinstance(expression.operand, s.Number)
    return isinstance(expression, (s.Number, s.Text))


def _place(diagnostic: Diagnostic) -> tuple[int, int]:
    return (diagnostic.place.start, diagnostic.place.end) if isinstance(diagnostic.place, Span) else (0, 0)
