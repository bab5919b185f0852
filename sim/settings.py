"""Keys of a scenario that are set from outside, one value or several: --set budget.energy_j=1800,6840."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from catalog.errors import BadInput

Value = float | int | str | bool


@dataclass(frozen=True, slots=True)
class Setting:
    """A key and the values that it takes in turn.

    Args:
        key: as in SCENARIO.toml, with dots between tables; of a list of tables, the number or the
            name of one.
        values: at least one.
    """

    key: str
    values: tuple[Value, ...]


def parse_setting(text: str) -> Setting:
    """Read "key=value" or "key=value,value,...".

    Raises:
        BadInput: there is no key or no value.
    """
    key, equals, values = text.partition("=")
    parts = [v.strip() for v in values.split(",")]
    if "[" in values or "{" in values:
        raise BadInput(
            f"--set {text}: only numbers, texts, true and false can be set: write it into the file"
        )
    if not all(step.strip() for step in key.split(".")) or not equals or not all(parts):
        raise BadInput(f"--set {text}: expected KEY=VALUE or KEY=VALUE,VALUE,...")
    return Setting(key.strip(), tuple(_value(v) for v in parts))


def _value(text: str) -> Value:
    """Return a number or a truth value as TOML writes them; anything else is a text."""
    try:
        value = tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text
    return value if isinstance(value, float | int | str) else text


def grid(settings: Iterable[Setting]) -> Iterator[dict[str, Value]]:
    """Yield every combination of values, by key; one that is empty where nothing is set.

    Raises:
        BadInput: a key is set twice.
    """
    chosen: Sequence[Setting] = list(settings)
    keys = [s.key for s in chosen]
    twice = sorted({k for k in keys if keys.count(k) > 1})
    if twice:
        raise BadInput(f"--set {twice[0]}: given twice: give all values at once, with commas")
    for values in product(*(s.values for s in chosen)):
        yield dict(zip(keys, values, strict=True))


def with_settings(table: Mapping[str, Any], values: Mapping[str, Value]) -> dict[str, Any]:
    """Return a scenario's table with keys set; what a key may hold is checked with the whole file.

    Raises:
        BadInput: a key leads through something that is no table.
    """
    changed = copy.deepcopy(dict(table))
    for key, value in values.items():
        *path, last = key.split(".")
        inner: Any = changed
        for step in path:
            inner = _inside(inner, step, key)
        if isinstance(inner, list):
            inner[_index(inner, last, key)] = value
        else:
            inner[last] = value
    return changed


def _inside(table: Any, step: str, key: str) -> Any:
    inner = table[_index(table, step, key)] if isinstance(table, list) else table.setdefault(step, {})
    if not isinstance(inner, dict | list):
        raise BadInput(f"--set {key}: {step} is {inner!r}: no table")
    return inner


def _index(tables: list[Any], step: str, key: str) -> int:
    names = [t.get("name") if isinstance(t, dict) else None for t in tables]
    if step in names:
        return names.index(step)
    if step.isdigit() and int(step) < len(tables):
        return int(step)
    known = ", ".join(str(n) for n in names if n is not None) or f"0 to {len(tables) - 1}"
    raise BadInput(f"--set {key}: no {step!r}: expected one of {known}")
