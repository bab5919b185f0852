"""A scheduling problem as JSON: written beside a recording, read by the simulator.

JSON has no infinity; "no limit" is written as the word "inf".
"""

from __future__ import annotations

import math
from typing import Any

from pydantic import TypeAdapter, ValidationError

from catalog.errors import BadInput
from engine.scheduling.problem import Option, Problem

_PROBLEM = TypeAdapter(Problem)


def problem_to_json(problem: Problem) -> dict[str, Any]:
    """Return a problem as what json.dumps takes, without any value that strict JSON lacks."""
    written: dict[str, Any] = _without_infinity(_PROBLEM.dump_python(problem, mode="json"))
    return written


def problem_from_json(data: object, where: str) -> Problem:
    """Read a problem back.

    Args:
        data: what json.loads gave.
        where: name of the file, for the error.

    Raises:
        BadInput: a key is missing or wrong, a figure is not a number, or an option names a piece or
            an app that does not exist.
    """
    try:
        problem = _PROBLEM.validate_python(data)
    except ValidationError as e:
        first = e.errors()[0]
        raise BadInput(f"{where}: {'.'.join(str(x) for x in first['loc'])}: {first['msg']}") from e
    _refuse_nan(_PROBLEM.dump_python(problem), where, ())
    for app, options in problem.options.items():
        for option in options:
            _check_option(problem, app, option, where)
    return problem


def _without_infinity(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_infinity(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_infinity(v) for v in value]
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0.0 else "-inf"
    return value


def _refuse_nan(value: object, where: str, keys: tuple[str, ...]) -> None:
    if isinstance(value, dict):
        for key, below in value.items():
            _refuse_nan(below, where, (*keys, str(key)))
    elif isinstance(value, list | tuple):
        for i, below in enumerate(value):
            _refuse_nan(below, where, (*keys, str(i)))
    elif isinstance(value, float) and math.isnan(value):
        raise BadInput(f"{where}: {'.'.join(keys)}: nan: expected a number")


def _check_option(problem: Problem, app: str, option: Option, where: str) -> None:
    if app not in problem.apps or option.app != app:
        raise BadInput(f"{where}: options.{app}: {option.variant}: expected an option of an app of the file")
    if not option.stages:
        raise BadInput(f"{where}: options.{app}: {option.variant}: no stages: nothing gives an answer")
    unknown = [p for p in option.device_pieces if p not in problem.pieces]
    if unknown:
        raise BadInput(f"{where}: options.{app}: {option.variant}: no cost is given for {unknown}")
