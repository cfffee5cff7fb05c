"""``optc explain MODEL``: with data as far as they are given, else what is known without."""

from __future__ import annotations

import argparse

from optc.dsl.program import Parameter, Program, SetSymbol

from ..loading import is_whole, load_file
from ..model import model_of
from .flags import tightening
from .output import print_diagnostics, print_json
from .status import Exit


def explain_model(args: argparse.Namespace) -> int:
    """0; raises ModelError and DataError."""
    if is_whole(args.subject):
        return _explain_bound(args)
    loaded = load_file(args.subject)
    model = model_of(loaded)
    given = bool(args.data or args.set or args.extern)
    if args.emit == "program":
        from optc.compiler.terms.printing import program_text

        return _show(args, program_text(model.program).rstrip("\n"), {"program": program_text(model.program)})
    if not given and args.emit is None and _wants_data(model.program):
        from ..explanation import explain_program

        print_diagnostics(model.diagnostics, args)
        explanation = explain_program(model.program)
        note = "\n\nwith data (-d) this also shows sizes, forms and routes"
        return _show(args, f"{explanation}{'' if args.quiet else note}", explanation.to_dict())
    return _explain_bound(args)


def _explain_bound(args: argparse.Namespace) -> int:
    from .problems import problem

    ready = problem(args.subject, args)
    print_diagnostics(ready.diagnostics, args)
    if args.emit == "program":
        from optc.compiler.terms.printing import program_text

        text = program_text(ready.model.program)
        return _show(args, text.rstrip("\n"), {"program": text})
    if args.emit == "instance":
        from ..explanation import instance_text

        text = instance_text(ready.instance)
        return _show(args, text, {"instance": text})
    if args.emit == "form":
        text = ready.written("lp").text
        return _show(args, text.rstrip("\n"), {"form": text})
    explanation = ready.explain(args.backend, tighten=tightening(args))
    return _show(args, repr(explanation), explanation.to_dict())


def _wants_data(program: Program) -> bool:
    """Whether a set or a parameter has no value in the model itself."""
    for symbol in program.symbols.values():
        if isinstance(symbol, SetSymbol) and symbol.definition is None:
            return True
        if isinstance(symbol, Parameter) and symbol.definition is None and symbol.literal is None:
            return True
    return False


def _show(args: argparse.Namespace, text: str, value: dict[str, object]) -> int:
    if args.json:
        print_json({"schema": 1, "status": "ok", **value, "diagnostics": []})
    else:
        print(text)
    return Exit.DONE
