"""A result as one line of JSON, and back."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import Any

from catalog.errors import BadInput
from engine.results import Result

_DIGITS = {"t_s": 6, "confidence": 4, "latency_s": 6, "energy_j": 9, "cost_usd": 12}
_FIELDS = tuple(f.name for f in fields(Result))
_WITH_DIGITS = tuple((name, _DIGITS.get(name)) for name in _FIELDS)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False)


def result_to_line(result: Result) -> str:
    """Return one line without its end, keys in the order of Result's fields.

    Numbers are rounded to a microsecond, a nanojoule and the like; one that is not finite is null.
    """
    row: dict[str, Any] = {}
    for name, digits in _WITH_DIGITS:
        value = getattr(result, name)
        if digits is not None and value is not None:
            value = round(value, digits) if math.isfinite(value) else None
        row[name] = value
    return _ENCODER.encode(row)


def line_to_result(line: str, where: str) -> Result:
    """Read a line back.

    Args:
        line: as result_to_line wrote it; keys that Result does not have are passed over.
        where: file and line number, for the error.

    Raises:
        BadInput: not JSON, or a key is missing.
    """
    try:
        row = json.loads(line)
    except json.JSONDecodeError as e:
        raise BadInput(f"{where}: not a line of JSON: {e.msg}") from e
    missing = [name for name in _FIELDS if not isinstance(row, dict) or name not in row]
    if missing:
        raise BadInput(f"{where}: no {missing[0]!r}: expected a result as mcdnn run --out writes it")
    return Result(**{**{name: row[name] for name in _FIELDS}, "box": tuple(row["box"])})
