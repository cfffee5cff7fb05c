"""MkDocs: model blocks marked ``opt error=E0123`` are shown with the diagnostic that they give."""

from __future__ import annotations

import re

_BLOCK = re.compile(r"^```opt(?P<marks>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def on_page_markdown(markdown: str, **_: object) -> str:
    """The page with every ``opt`` block as plain text, and below a wrong one what ``optc check`` says of it."""
    return _BLOCK.sub(_shown, markdown)


def _shown(block: re.Match[str]) -> str:
    text = f"```text\n{block['text']}```"
    if "error=" not in block["marks"]:
        return text
    return f"{text}\n\n```text\n{_diagnostics(block['text'])}```"


def _diagnostics(text: str) -> str:
    from optc.dsl.render import render
    from optc.dsl.source import Source
    from optc.loading import load

    return render(load(Source("model.opt", text)).diagnostics, color=False)
