"""Tables of SCENARIO.toml about what comes over the day: from traces, or generated stretch by stretch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from sim.scenario_tables import Positive, ScenarioTable, WindowsPerSecond, checked_duration


class PublishedTable(ScenarioTable):
    """[[trace.published]]: a trace of `t_s` alone, asked by one app."""

    file: str
    app: str


class TraceTable(ScenarioTable):
    """[trace]: what comes, from files; contexts and until may go with any of them."""

    requests: str | None = None
    published: list[PublishedTable] = Field(default=[])
    contexts: str | None = None
    until: str | None = None

    @model_validator(mode="after")
    def _something(self) -> TraceTable:
        if (self.requests is None) == (not self.published):
            raise ValueError("expected either requests or [[trace.published]]")
        return self

    @field_validator("until")
    @classmethod
    def _ischecked_duration(cls, value: str | None) -> str | None:
        return None if value is None else checked_duration(value)


class NetworkTable(ScenarioTable):
    """[network]: when the cloud is there and how fast the link is, from files; always, where left out."""

    connectivity: str | None = None
    bandwidth: str | None = None


class BurstsTable(ScenarioTable):
    """bursts: how many begin an hour, how many times as fast windows come in them, how long they last."""

    an_hour: Positive
    factor: Annotated[float, Field(ge=1.0, allow_inf_nan=False)]
    lasts: str

    _lasts = field_validator("lasts")(classmethod(lambda _, v: checked_duration(v)))


class DemandTable(ScenarioTable):
    """[stretch.windows.INPUT]: windows a second, bursts of them, and the shares of time of contexts."""

    hz: WindowsPerSecond
    bursts: BurstsTable | None = None
    contexts: dict[str, Positive] = Field(default={"": 1.0}, min_length=1)
    context_lasts: str = "15m"

    _lasts = field_validator("context_lasts")(classmethod(lambda _, v: checked_duration(v)))


class LinkTable(ScenarioTable):
    """link: "always", "never", or stays with and without the cloud; mbps is the median speed.

    Without [cloud] it does not count.
    """

    up: str = "always"
    down: str = "10m"
    mbps: Positive | None = None

    @field_validator("up")
    @classmethod
    def _up(cls, value: str) -> str:
        return value if value in ("always", "never") else checked_duration(value)

    _down = field_validator("down")(classmethod(lambda _, v: checked_duration(v)))


class StretchTable(ScenarioTable):
    """[[stretch]]: a part of a generated day that is alike from beginning to end."""

    name: str
    lasts: str
    windows: dict[str, DemandTable] = Field(default={})
    link: LinkTable = LinkTable()

    _lasts = field_validator("lasts")(classmethod(lambda _, v: checked_duration(v)))
