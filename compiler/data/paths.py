"""Paths inside nested data, as messages write them: ``cost.corn``, ``content["corn flakes"][3]``."""

from __future__ import annotations

import json
from collections.abc import Sequence


def path_text(steps: Sequence[object]) -> str:
    """Keys that are names with a dot, others and positions in brackets."""
    text = ""
    for step in steps:
        if isinstance(step, str) and step.isidentifier():
            text += f".{step}" if text else step
        elif isinstance(step, tuple):
            text += f"[{', '.join(map(_literal, step))}]"
        else:
            text += f"[{_literal(step)}]"
    return text


def _literal(step: object) -> str:
    return json.dumps(step, ensure_ascii=False) if isinstance(step, str) else str(step)
