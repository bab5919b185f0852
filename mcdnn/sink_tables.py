"""[[sink]] tables of ENGINE.toml: where results go, besides what the command line asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from catalog.errors import BadInput
from engine.period import parse_duration_s

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Megabytes = Annotated[float, Field(ge=1.0, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1)]


class _Sink(BaseModel):
    """What every sink has.

    Args:
        name: in logs, summaries and metrics; from kind and target by default.
        queue: results that wait in memory at most; then the oldest are dropped and counted.
        gather_s: that the first result of a batch waits for others.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name | None = None
    queue: Annotated[int, Field(ge=1, le=1_000_000)] = 5000
    gather_s: Annotated[float, Field(ge=0.0, le=3600.0)] = 0.1

    def beside(self, folder: Path) -> _Sink:
        """Return the same with relative paths taken from a folder."""
        paths = {k: v for k in ("path", "token_file", "password_file", "ca", "spool") if (v := self._get(k))}
        moved = {k: str(folder / Path(v).expanduser()) for k, v in paths.items()}
        return self.model_copy(update=moved)

    def _get(self, key: str) -> str | None:
        value: str | None = getattr(self, key, None)
        return value


class _FileSink(_Sink):
    """A sink that keeps a file on this device.

    Args:
        path: of the file, made where it is missing and continued where it is there.
        max_age: "30d", "12h": see the kind; for ever by default.
    """

    path: Name
    max_age: str | None = None

    @field_validator("max_age")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                parse_duration_s(value, "max_age")
            except BadInput as e:
                raise ValueError(str(e)) from e
        return value

    @property
    def max_age_s(self) -> float:
        """The same in seconds; inf without a limit."""
        return float("inf") if self.max_age is None else parse_duration_s(self.max_age, "max_age")


class JsonLinesTable(_FileSink):
    """kind = "jsonl": one result a line, for weeks.

    Args:
        max_mb: of one file; then it becomes FILE.1, FILE.1 becomes FILE.2, ...
        max_age: of one file, likewise.
        keep: files beside the newest; older ones are deleted.
    """

    kind: Literal["jsonl"]
    max_mb: Megabytes = 100.0
    keep: Annotated[int, Field(ge=0, le=1000)] = 5


class DatabaseTable(_FileSink):
    """kind = "sqlite": a table of results.

    Args:
        max_mb: of the database and its write-ahead log; then the oldest rows go.
        max_age: of a row.
    """

    kind: Literal["sqlite"]
    max_mb: Megabytes = 500.0
    gather_s: Annotated[float, Field(ge=0.0, le=3600.0)] = 1.0


class _NetworkSink(_Sink):
    """A sink whose results leave the device.

    Args:
        batch: results at once, at most.
        timeout_s: in which the other side has to answer.
        ca: PEM file of who signed its certificate; else those that the system trusts.
        when_full: what happens in an outage: "drop", results wait in memory, and the oldest are
            dropped when the queue is full; "spool", they wait on disk, also for another run.
        spool: folder for "spool", of this sink alone.
        spool_mb: of that folder; then the oldest results are dropped.
    """

    batch: Annotated[int, Field(ge=1, le=10_000)] = 100
    timeout_s: Positive = 10.0
    ca: Name | None = None
    when_full: Literal["drop", "spool"] = "drop"
    spool: Name | None = None
    spool_mb: Megabytes = 100.0

    @model_validator(mode="after")
    def _folder_for_spool(self) -> _NetworkSink:
        if (self.when_full == "spool") is (self.spool is None):
            raise ValueError('spool: expected a folder with when_full = "spool", and none without')
        return self


class WebhookTable(_NetworkSink):
    """kind = "webhook": batches of results posted as a JSON array.

    Args:
        url: http:// or https://; only its host and port are ever shown.
        headers: sent with every request; never shown.
        token_file: file with a token, sent as "Authorization: Bearer TOKEN".
    """

    kind: Literal["webhook"]
    url: Name
    headers: dict[str, str] = {}
    token_file: Name | None = None
    gather_s: Annotated[float, Field(ge=0.0, le=3600.0)] = 1.0


class MqttTable(_NetworkSink):
    """kind = "mqtt": results as messages, and sensors in Home Assistant.

    Args:
        broker: HOST or HOST:PORT.
        prefix: of all topics; "mcdnn/" and the device's name by default.
        discovery_prefix: where Home Assistant looks for sensors; "" for none.
        every_result: whether each result is a message, too, beside the state of the sensors.
        state_every_s: between two states of a sensor whose answer stays the same.
        user: that the broker knows.
        password_file: file with the password.
        tls: whether to encrypt.
    """

    kind: Literal["mqtt"]
    broker: Name
    prefix: Name | None = None
    discovery_prefix: str = "homeassistant"
    every_result: bool = True
    state_every_s: Annotated[float, Field(ge=0.0, le=86400.0)] = 1.0
    user: Name | None = None
    password_file: Name | None = None
    tls: bool = False

    @model_validator(mode="after")
    def _go_together(self) -> MqttTable:
        if self.password_file is not None and self.user is None:
            raise ValueError("password_file: expected with user")
        if self.ca is not None and not self.tls:
            raise ValueError("ca: expected with tls = true")
        return self

    @field_validator("prefix", "discovery_prefix")
    @classmethod
    def _topic(cls, value: str | None) -> str | None:
        if value is not None and any(c in value for c in "+#\0"):
            raise ValueError("expected a topic without +, # and NUL")
        return None if value is None else value.strip("/")


SINK_TABLES: dict[str, type[BaseModel]] = {
    "jsonl": JsonLinesTable,
    "sqlite": DatabaseTable,
    "webhook": WebhookTable,
    "mqtt": MqttTable,
}

SinkTable = Annotated[JsonLinesTable | DatabaseTable | WebhookTable | MqttTable, Field(discriminator="kind")]


def known_sink_keys(loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that a table may have at a place in the file, ("sink", 0, "webhook", "key")."""
    return list(SINK_TABLES[str(loc[2])].model_fields)


def kind_complaint(error: Any) -> str | None:
    """Return what is wrong with a missing or unknown kind; None if the error is another."""
    if not str(error["type"]).startswith("union_tag"):
        return None
    key = ".".join(str(x) for x in error["loc"])
    return f"{key}.kind: expected one of {', '.join(SINK_TABLES)}"
