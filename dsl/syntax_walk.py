"""Walking syntax trees without recursion where they may be as deep as the text is long."""

from __future__ import annotations

from .syntax import Binary, Expression


def flatten_chain(expression: Expression) -> tuple[Expression, tuple[Binary, ...]]:
    """The innermost left operand, and the operations applied to it from the inside out.

    ``a + b - c`` gives ``a`` and the nodes of ``a + b`` and of ``(a + b) - c``; each node's ``right`` is the operand
    that it adds. A sum of ten thousand terms is a tree ten thousand deep to the left and one or two deep to the right:
    whoever folds over the result of this function instead of recursing to the left needs no deep stack. An expression
    that is no ``Binary`` gives itself and nothing.
    """
    chain: list[Binary] = []
    while isinstance(expression, Binary):
        chain.append(expression)
        expression = expression.left
    return expression, tuple(reversed(chain))
