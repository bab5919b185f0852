"""Tables of SCENARIO.toml about what there is: budget, device, cloud, models, contexts, apps."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from catalog.errors import BadInput
from engine.period import parse_duration_s

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
WindowsPerSecond = Annotated[float, Field(ge=0.0, le=1e4, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]


class ScenarioTable(BaseModel):
    """A table of the file: other keys than its own are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def checked_duration(text: str) -> str:
    """Return a duration above 0 as it was written.

    Raises:
        ValueError: it is none.
    """
    try:
        length_s = parse_duration_s(text)
    except BadInput as e:
        raise ValueError(str(e).partition(": ")[2]) from e
    if length_s == 0.0:
        raise ValueError("expected more than 0")
    return text


def seconds(text: str) -> float:
    """Return the seconds of a duration that was checked; inf for "always", 0 for "never"."""
    stays = {"always": math.inf, "never": 0.0}
    return stays[text] if text in stays else parse_duration_s(text)


class BudgetTable(ScenarioTable):
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
    def _ischecked_duration(cls, value: str | None) -> str | None:
        return None if value is None else checked_duration(value)


class RadioTable(ScenarioTable):
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


class DeviceTable(ScenarioTable):
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


class CloudTable(ScenarioTable):
    """[cloud]: what runs models besides the device; speedup goes with [family]."""

    servers: Count | None = None
    usd_per_s: NotNegative = 1.8e-4
    round_trip_s: NotNegative = 0.1
    speedup: Positive = 8.0


class CatalogTable(ScenarioTable):
    """[catalog]: a compiled catalog, and the device whose measurements count."""

    path: str
    measured_on: str = "host"


class VariantsTable(ScenarioTable):
    """[table]: measured variants as CSV, all of them or by task only some.

    largest_mb is the size of a task's largest variant where the file has none.
    """

    variants: str
    specialised: str | None = None
    largest_mb: dict[str, Positive] = {}
    window_bytes: Annotated[int, Field(ge=0)] = 10_000
    only: dict[str, list[str]] = {}


class FamilyTable(ScenarioTable):
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


class ContextTable(ScenarioTable):
    """[context.NAME]: few classes make up the share skew of what is seen.

    A trace may name no others. With [table] it is said of which task, and how many classes.
    """

    skew: Share = 0.9
    task: str | None = None
    classes: Count | None = None


class AppTable(ScenarioTable):
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
