"""SCENARIO.toml: what a user writes to simulate a day, checked in full before anything starts."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from catalog.errors import BadInput
from sim.day_tables import NetworkTable, StretchTable, TraceTable
from sim.scenario_tables import (
    AppTable,
    BudgetTable,
    CatalogTable,
    CloudTable,
    ContextTable,
    DeviceTable,
    FamilyTable,
    ScenarioTable,
    VariantsTable,
)


class ScenarioFile(ScenarioTable):
    """The whole of SCENARIO.toml."""

    name: Annotated[str, Field(min_length=1)]
    about: str = ""
    seed: Annotated[int, Field(ge=0)] = 0
    models_seed: Annotated[int, Field(ge=0)] = 0
    loads_take_time: bool = True
    knows_day: bool = False
    budget: BudgetTable = BudgetTable()
    device: DeviceTable = DeviceTable()
    cloud: CloudTable | None = None
    catalog: CatalogTable | None = None
    table: VariantsTable | None = None
    family: dict[str, FamilyTable] = Field(default={})
    context: dict[str, ContextTable] = Field(default={})
    app: list[AppTable]
    trace: TraceTable | None = None
    network: NetworkTable | None = None
    stretch: list[StretchTable] = Field(default=[])

    @model_validator(mode="after")
    def _one_of_each(self) -> ScenarioFile:
        models = [k for k in ("catalog", "table", "family") if getattr(self, k)]
        if len(models) != 1:
            raise ValueError(f"expected one of [catalog], [table] and [family.INPUT], got {models or 'none'}")
        if (self.trace is None) == (not self.stretch):
            raise ValueError("expected either [trace] or [[stretch]]: what comes over the day")
        if self.network is not None and self.stretch:
            raise ValueError("[network] goes with [trace]; a [[stretch]] has a link of its own")
        if self.network is not None and self.cloud is None:
            raise ValueError("[network] goes with [cloud]: say what is at its other end")
        if self.knows_day and not self.stretch:
            raise ValueError("knows_day goes with [[stretch]]")
        return self

    @field_validator("app")
    @classmethod
    def _names_differ(cls, apps: list[AppTable]) -> list[AppTable]:
        names = [a.name for a in apps]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"app names {twice} are given twice")
        if not apps:
            raise ValueError("no app: add an [[app]] with a name")
        return apps


def read_scenario_table(path: Path) -> dict[str, Any]:
    """Read SCENARIO.toml as it is.

    Raises:
        BadInput: the file is missing or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as e:
        raise BadInput(f"{path}: {e.strerror or e}") from e
    except UnicodeDecodeError as e:
        raise BadInput(f"{path}: not a text file: {e}") from e
    except tomllib.TOMLDecodeError as e:
        raise BadInput(f"{path}: not TOML: {e}") from e


def parse_scenario_table(table: Mapping[str, Any], where: str) -> ScenarioFile:
    """Check a scenario given as a table.

    Raises:
        BadInput: naming the first key that is wrong, and what was expected.
    """
    try:
        return ScenarioFile.model_validate(table)
    except ValidationError as e:
        raise BadInput(f"{where}: {_complaint(e)}") from e


def _complaint(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(x) for x in first["loc"])
    if first["type"] == "missing":
        return f"{key}: missing: it must be given"
    if first["type"] == "extra_forbidden":
        return f"{key}: no such key: expected one of {', '.join(_known_keys(first['loc'][:-1]))}"
    what = str(first["msg"]).removeprefix("Value error, ")
    given = first["input"]
    got = f", got {given!r}" if isinstance(given, str | int | float) and "got" not in what else ""
    return f"{key}: {what}{got}" if key else what


def _known_keys(loc: Sequence[int | str]) -> list[str]:
    """Return the keys of the table at a place in the file."""
    table: type[BaseModel] = ScenarioFile
    for step in loc:
        if str(step) in table.model_fields:
            inner = _tables_in(table.model_fields[str(step)].annotation)
            table = inner[0] if inner else table
    return list(table.model_fields)


def _tables_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [t for inner in get_args(annotation) for t in _tables_in(inner)]


def schema() -> str:
    """Return the JSON schema of SCENARIO.toml."""
    return json.dumps(ScenarioFile.model_json_schema(), indent=2)
