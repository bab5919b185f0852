"""A result as one line of JSON, and back."""

from __future__ import annotations

import json
from typing import Any

import orjson

from catalog.errors import BadInput
from engine.results import Result

_FIELDS = tuple(f for f in Result._fields if f != "track")  # which lines of earlier versions lack


def result_to_line(result: Result) -> str:
    """Return one line without its end, keys in the order of Result's fields.

    Numbers are rounded to a microsecond, a nanojoule and the like; one that is not finite is null.
    """
    return orjson.dumps(result_to_row(result)).decode()


def result_to_row(result: Result) -> dict[str, Any]:
    """Return what a line says, by field."""
    r = result
    return {
        "t_s": round(r.t_s, 6),
        "source": r.source,
        "window": r.window,
        "box": r.box,
        "app": r.app,
        "answer": r.answer,
        "confidence": _rounded(r.confidence, 4),
        "variant": r.variant,
        "place": r.place,
        "latency_s": _rounded(r.latency_s, 6),
        "energy_j": round(r.energy_j, 9),
        "energy_origin": r.energy_origin,
        "cost_usd": round(r.cost_usd, 12),
        "served": r.served,
        "reason": r.reason,
        "truth": r.truth,
        "track": r.track,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


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
    fields = {name: row[name] for name in _FIELDS}
    return Result(**{**fields, "box": tuple(row["box"]), "track": row.get("track")})
