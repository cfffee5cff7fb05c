"""Declared names that nothing uses."""

from __future__ import annotations

from ..catalogue import names as codes
from .context import Context

_KINDS = {"parameter": "parameter", "variable": "variable", "choice": "choice", "uncertain": "uncertain name"}


def warn(ctx: Context) -> None:
    """Warns of parameters and decisions that are never used; not where there are errors, which may be the cause."""
    if ctx.errors:
        return
    main = ctx.root.span.source
    for entry in ctx.entries.values():
        if entry.kind in _KINDS and not entry.used and entry.span.source is main:
            ctx.say(codes.UNUSED, entry.span, what=_KINDS[entry.kind], name=entry.name)
