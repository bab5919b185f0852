"""SCENARIO.toml: what a user writes to simulate a day, checked in full before anything starts."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from catalog.errors import BadInput
from engine.period import parse_duration_s

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
WindowsPerSecond = Annotated[float, Field(ge=0.0, le=1e4, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _duration(text: str) -> str:
    try:
        length_s = parse_duration_s(text)
    except BadInput as e:
        raise ValueError(str(e).partition(": ")[2]) from e
    if length_s == 0.0:
        raise ValueError("expected more than 0")
    return text


class BudgetTable(_Table):
    """[budget]: what may be spent in a period, and the memory that may be held at any moment.

    energy_lasts is the share of an average day for which the energy lasts where the most accurate
    models at the device answer every window for every app, loads left out; memory_share is a share
    of what all models hold together. Without a period a budget is for the whole of a generated day.
    """

    energy_j: NotNegative | None = None
    energy_lasts: NotNegative | None = None
    cloud_usd: NotNegative | None = None
    period: str | None = None
    memory_mb: Positive | None = None
    memory_share: Share | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> BudgetTable:
        for a, b in (("energy_j", "energy_lasts"), ("memory_mb", "memory_share")):
            if getattr(self, a) is not None and getattr(self, b) is not None:
                raise ValueError(f"give {a} or {b}, not both")
        return self

    @field_validator("period")
    @classmethod
    def _is_duration(cls, value: str | None) -> str | None:
        return None if value is None else _duration(value)


class RadioTable(_Table):
    """[device.radio]: what sending takes; exchange_j once for each exchange, or a tail."""

    exchange_j: NotNegative = 0.0
    up_j_per_byte: NotNegative = 0.0
    down_j_per_byte: NotNegative = 0.0
    mbps: Positive | None = None
    tail_w: NotNegative = 0.0
    tail_s: NotNegative = 0.0

    @model_validator(mode="after")
    def _one_of_them(self) -> RadioTable:
        if self.exchange_j and self.tail_w * self.tail_s:
            raise ValueError("give exchange_j or a tail (tail_w, tail_s), not both")
        return self


class DeviceTable(_Table):
    """[device]: base load and radio, and how many devices share the cloud.

    radio is the name of one of the profile's radios, or a table. Each device has a day drawn for
    itself, or the trace; each begins at a moment of its own, up to jitter_s late.
    """

    profile: str | None = None
    radio: (
        Annotated[
            Annotated[str, Tag("name")] | Annotated[RadioTable, Tag("table")],
            Discriminator(lambda v: "name" if isinstance(v, str) else "table"),
        ]
        | None
    ) = None
    count: Count = 1
    jitter_s: NotNegative = 0.0


class CloudTable(_Table):
    """[cloud]: what runs models besides the device; speedup goes with [family]."""

    servers: Count | None = None
    usd_per_s: NotNegative = 1.8e-4
    round_trip_s: NotNegative = 0.1
    speedup: Positive = 8.0


class CatalogTable(_Table):
    """[catalog]: a compiled catalog, and the device whose measurements count."""

    path: str
    measured_on: str = "host"


class VariantsTable(_Table):
    """[table]: measured variants as CSV, all of them or by task only some.

    largest_mb is the size of a task's largest variant where the file has none.
    """

    variants: str
    specialised: str | None = None
    largest_mb: dict[str, Positive] = {}
    window_bytes: Annotated[int, Field(ge=0)] = 10_000
    only: dict[str, list[str]] = {}


class FamilyTable(_Table):
    """[family.INPUT]: models of an input type that are generated."""

    trunks: Annotated[int, Field(ge=1, le=60)] = 12
    least_j: Positive = 0.05
    most_j: Positive = 2.0
    least_right: Share = 0.6
    most_right: Share = 0.92
    mb_per_j: Positive = 120.0
    window_bytes: Annotated[int, Field(ge=0)] = 10_000
    split_bytes: Annotated[int, Field(ge=0)] | None = None
    specialises: list[str] = []

    @model_validator(mode="after")
    def _in_order(self) -> FamilyTable:
        for least, most in (("least_j", "most_j"), ("least_right", "most_right")):
            if getattr(self, least) > getattr(self, most):
                raise ValueError(
                    f"{least} = {getattr(self, least):g} is above {most} = {getattr(self, most):g}"
                )
        return self


class ContextTable(_Table):
    """[context.NAME]: few classes make up the share skew of what is seen.

    A trace may name no others. With [table] it is said of which task, and how many classes.
    """

    skew: Share = 0.9
    task: str | None = None
    classes: Count | None = None


class AppTable(_Table):
    """[[app]]: one question about one input type; the input type is that of the task where left out.

    In a generated day an app asks no more often than it wants to (rate_hz); a [trace] says itself
    when it asks.
    """

    name: Annotated[str, Field(min_length=1)]
    task: str | None = None
    input: str | None = None
    rate_hz: tuple[NotNegative, Positive] | None = None
    latency_limit_s: Positive | None = None
    weight: Positive = 1.0
    accuracy_floor: Share = 0.0

    @field_validator("rate_hz", mode="before")
    @classmethod
    def _is_pair(cls, value: object) -> object:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError("expected [least, wanted], two numbers a second")
        return value

    @field_validator("rate_hz")
    @classmethod
    def _in_order(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] > value[1]:
            raise ValueError(f"expected [least, wanted] with least <= wanted, got {list(value)}")
        return value


class PublishedTable(_Table):
    """[[trace.published]]: a trace of `t_s` alone, asked by one app."""

    file: str
    app: str


class TraceTable(_Table):
    """[trace]: what comes, from files; contexts and until may go with any of them."""

    requests: str | None = None
    published: list[PublishedTable] = []
    contexts: str | None = None
    until: str | None = None

    @model_validator(mode="after")
    def _something(self) -> TraceTable:
        if (self.requests is None) == (not self.published):
            raise ValueError("expected either requests or [[trace.published]]")
        return self

    @field_validator("until")
    @classmethod
    def _is_duration(cls, value: str | None) -> str | None:
        return None if value is None else _duration(value)


class NetworkTable(_Table):
    """[network]: when the cloud is there and how fast the link is, from files; always, where left out."""

    connectivity: str | None = None
    bandwidth: str | None = None


class BurstsTable(_Table):
    """bursts: how many begin an hour, how many times as fast windows come in them, how long they last."""

    an_hour: Positive
    factor: Annotated[float, Field(ge=1.0, allow_inf_nan=False)]
    lasts: str

    _lasts = field_validator("lasts")(classmethod(lambda _, v: _duration(v)))


class DemandTable(_Table):
    """[stretch.windows.INPUT]: windows a second, bursts of them, and the shares of time of contexts."""

    hz: WindowsPerSecond
    bursts: BurstsTable | None = None
    contexts: Annotated[dict[str, Positive], Field(min_length=1)] = {"": 1.0}
    context_lasts: str = "15m"

    _lasts = field_validator("context_lasts")(classmethod(lambda _, v: _duration(v)))


class LinkTable(_Table):
    """link: "always", "never", or stays with and without the cloud; mbps is the median speed.

    Without [cloud] it does not count.
    """

    up: str = "always"
    down: str = "10m"
    mbps: Positive | None = None

    @field_validator("up")
    @classmethod
    def _up(cls, value: str) -> str:
        return value if value in ("always", "never") else _duration(value)

    _down = field_validator("down")(classmethod(lambda _, v: _duration(v)))


class StretchTable(_Table):
    """[[stretch]]: a part of a generated day that is alike from beginning to end."""

    name: str
    lasts: str
    windows: dict[str, DemandTable] = {}
    link: LinkTable = LinkTable()

    _lasts = field_validator("lasts")(classmethod(lambda _, v: _duration(v)))


class ScenarioFile(_Table):
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
    family: dict[str, FamilyTable] = {}
    context: dict[str, ContextTable] = {}
    app: list[AppTable]
    trace: TraceTable | None = None
    network: NetworkTable | None = None
    stretch: list[StretchTable] = []

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


def seconds(text: str) -> float:
    """Return the seconds of a duration that was checked; inf for "always", 0 for "never"."""
    stays = {"always": math.inf, "never": 0.0}
    return stays[text] if text in stays else parse_duration_s(text)


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
