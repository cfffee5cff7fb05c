"""Reading an answer: the JSON object of a result, ours or anyone's with the same ``variables``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from optc.dsl.catalogue import files as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place

from ..errors import ModelError
from ..loading import read_text

_SHAPE = 'write {"variables": {"x": {"index": ["I"], "values": [["a", 1.0]]}}}'


def read_answer(path: str) -> dict[str, Any]:
    """The object of a result file, ``-`` for standard input. Raises ModelError where it is none.

    What its variables hold is checked where they meet the model.
    """
    try:
        answer = json.loads(read_text(path))
    except json.JSONDecodeError as fault:
        place = Place(path, line=fault.lineno, column=fault.colno)
        raise _refused(place, f"{path} is not JSON: {fault.msg}", "give the file that --json or -o wrote") from None
    except RecursionError:
        raise _refused(Place(path), f"{path} is nested too deeply", _SHAPE) from None
    if not isinstance(answer, dict):
        raise _refused(Place(path), f"{path} holds no object", _SHAPE)
    schema = answer.get("schema", 1)
    if schema != 1:
        raise _refused(Place(path, path="schema"), f"{path} has schema {schema!r}; this optc reads schema 1", _SHAPE)
    variables = answer.get("variables")
    if not isinstance(variables, Mapping):
        raise _refused(Place(path), f"{path} has no object `variables`", _SHAPE)
    for name, family in variables.items():
        if not isinstance(family, Mapping) or not isinstance(family.get("values"), list):
            where = Place(path, path=f"variables.{name}")
            raise _refused(where, f"{path} has no list of `values` for {name}", _SHAPE)
    return answer


def _refused(place: Place, problem: str, mend: str) -> ModelError:
    return ModelError([report(codes.ANSWER_MALFORMED, place, problem=problem, mend=mend)])
