"""ENGINE.toml: what a user writes to run apps on a camera, checked in full before anything starts."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from catalog.errors import BadInput
from mcdnn.gating_tables import GateTable, TrackingTable
from mcdnn.sink_tables import SinkTable, kind_complaint, known_sink_keys

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


_CLOUD_FILES = ("ca", "certificate", "key", "token_file")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BudgetTable(_Table):
    """[budget]: what may be spent in a period, and the memory that may be held at any moment.

    Args:
        energy_j: in a period, base load included.
        cloud_usd: in a period.
        period: "10h" or the like, "day" or "month" (with reset_at), or "charge".
        reset_at: "HH:MM".
        carry_over: whether a period leaves what it did not spend to the next.
        memory_mb: of models, at any moment.
        covers: what a meter's joules are spent on: "device", everything that it counted, or "process",
            without what other programs' processor time took.
    """

    energy_j: NotNegative | None = None
    cloud_usd: NotNegative | None = None
    period: str | None = None
    reset_at: str | None = None
    carry_over: bool = False
    memory_mb: Positive | None = None
    covers: Literal["device", "process"] = "device"

    @model_validator(mode="after")
    def _period_needed(self) -> BudgetTable:
        if (self.energy_j is not None or self.cloud_usd is not None) and self.period is None:
            raise ValueError('a budget needs its period: period = "10h", "day", "month" or "charge"')
        return self


class DeviceTable(_Table):
    """[device]: power figures, what measures energy, and the measurements of the catalog to plan with.

    Args:
        profile: power figures: a shipped name or a TOML file.
        meter: what measures energy: a name; "auto", what this machine has and this user may read;
            "none", everything is modelled.
        unmetered_w: power that the device draws beside what the meter sees, such as the camera's; by
            default none beside a battery, and the profile's base load beside every other meter.
        measured_on: device name of the catalog's measurements.
        threads: that a part may use.
    """

    profile: str = "host"
    meter: Literal["auto", "none", "battery", "rapl", "rpi5", "nvml"] = "auto"
    unmetered_w: NotNegative | None = None
    measured_on: str = "host"
    threads: Annotated[int, Field(ge=1, le=256)] = 1


class CloudTable(_Table):
    """[cloud]: a server that may answer windows, too (mcdnn serve), and what using it costs.

    Args:
        endpoint: HOST:PORT of the server.
        tls: whether to encrypt; where it is left out, unless the server is on this machine.
        ca: PEM file of who signs the server's certificate; else those that the system trusts.
        certificate: PEM file of the device's own certificate, with key.
        key: PEM file, not encrypted.
        token_file: file with the token that the server lets this device in by.
        usd_per_s: price of a second of execution.
        usd_per_byte: price of a byte sent or received.
        radio: of the device profile; may be left out where it has one radio or none.
        processor_s: processor time of the device for one exchange, in all threads.
        encoding: of windows that are sent: "measured" is JPEG at the lowest quality that the models asked
            were measured to bear, when the catalog was compiled, and raw-rgb where they bear none;
            raw-rgb and png lose nothing, jpeg always has jpeg_quality.
        jpeg_quality: 1 (smallest) to 100 (best).
    """

    endpoint: Annotated[str, Field(min_length=1)]
    tls: bool | None = None
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    token_file: str | None = None
    usd_per_s: NotNegative = 0.0
    usd_per_byte: NotNegative = 0.0
    radio: str | None = None
    processor_s: NotNegative = 0.0007  # gRPC on a small x86 core, measured around whole exchanges
    encoding: Literal["measured", "raw-rgb", "png", "jpeg"] = "measured"
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] | None = None

    @model_validator(mode="after")
    def _quality_of_jpeg(self) -> CloudTable:
        if (self.encoding == "jpeg") is (self.jpeg_quality is None):
            raise ValueError('jpeg_quality: expected with encoding = "jpeg", and with no other')
        return self

    @model_validator(mode="after")
    def _certificate_with_key(self) -> CloudTable:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key: expected both or neither")
        if self.tls is False and (self.ca or self.certificate):
            raise ValueError("ca and certificate need TLS: expected tls = true, or none of them")
        return self


class SourceTable(_Table):
    """[[source]]: where frames come from; one table for each of several sources.

    A camera or stream is decoded in a process of its own and tried again whenever it fails.

    Args:
        uri: a video file, a folder of images (with ?fps=N), a camera's number, rtsp:// or http://, or
            digits:.
        name: in results; from the uri by default. Several sources need different names.
        pace: of a recording: "max" as fast as frames are taken, "wall" at media time.
        fps: frames a second to take at most; the others are not even converted.
        drop: what happens to frames that the engine does not take in time: "latest", they give way to
            newer ones (the default of what is live); "block", none is dropped, and the source waits.
        timeout_s: in which a camera or stream has to answer and to give its next frame.
        width: in pixels, that pictures have at most: larger ones are scaled down where they are decoded.
            Boxes in results, recordings and annotated videos are of the smaller pictures.
        motion_gate: whether frames are passed over in which nothing has changed; by default those of
            cameras and streams.
    """

    uri: str
    name: Annotated[str, Field(min_length=1)] | None = None
    pace: Literal["max", "wall"] | None = None
    fps: Positive | None = None
    drop: Literal["latest", "block"] | None = None
    timeout_s: Positive = 5.0
    width: Annotated[int, Field(ge=16)] | None = None
    motion_gate: bool | None = None


class AppTable(_Table):
    """[[app]]: one question about one input type."""

    name: Annotated[str, Field(min_length=1)]
    task: str
    rate_hz: tuple[NotNegative, Positive] | None = None
    latency_limit_s: Positive | None = None
    weight: Positive = 1.0
    accuracy_floor: Share = 0.0

    @field_validator("rate_hz", mode="before")
    @classmethod
    def _two(cls, value: object) -> object:
        if value is not None and not (isinstance(value, list | tuple) and len(value) == 2):
            raise ValueError(f"expected [least, wanted] in windows a second, got {value!r}")
        return value

    @field_validator("rate_hz")
    @classmethod
    def _in_order(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] > value[1]:
            raise ValueError(f"expected [least, wanted] with least <= wanted, got {list(value)}")
        return value


class EngineFile(_Table):
    """The whole of ENGINE.toml.

    Args:
        specialize: whether heads are trained for the few classes that are being seen, while the engine
            runs, on small trunks in front of large ones (mcdnn catalog specialize says where that pays).
        state: a folder where spending is kept, so that the next run goes on with what is left of the
            period, also after a kill; without it, every run begins with a full budget.
        motion_gate: how much has to change for a frame of a gated source to be looked at.
        tracking: whether, and for how long, answers stand along tracks.
    """

    catalog: str
    policy: str = "paced"
    budget: BudgetTable = BudgetTable()
    device: DeviceTable = DeviceTable()
    cloud: CloudTable | None = None
    specialize: bool = False
    state: str | None = None
    motion_gate: GateTable = GateTable()
    tracking: TrackingTable | None = None
    extractor: dict[str, str] = {}
    source: list[SourceTable] = []
    app: list[AppTable] = []
    sink: list[SinkTable] = []
    _where: str = PrivateAttr("config")

    @property
    def where(self) -> str:
        """Name of the file, or what stands for it, for errors."""
        return self._where

    @field_validator("source")
    @classmethod
    def _source_names_differ(cls, sources: list[SourceTable]) -> list[SourceTable]:
        _check_differ("source", [s.name for s in sources if s.name is not None])
        return sources

    @field_validator("app")
    @classmethod
    def _names_differ(cls, apps: list[AppTable]) -> list[AppTable]:
        _check_differ("app", [a.name for a in apps])
        return apps


def _check_differ(kind: str, names: list[str]) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ValueError(f"{kind} names {twice} are given twice")


def parse_engine_table(table: dict[str, Any], where: str) -> EngineFile:
    """Check a configuration given as a table.

    Raises:
        BadInput: naming the first key that is wrong, and what was expected.
    """
    try:
        parsed = EngineFile.model_validate(table)
    except ValidationError as e:
        raise BadInput(f"{where}: {_complaint(e)}") from e
    parsed._where = where
    return parsed


def _complaint(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(x) for x in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{key}: no such key: expected one of {', '.join(_known_keys(first['loc']))}"
    if (complaint := kind_complaint(first)) is not None:
        return complaint
    what = str(first["msg"]).removeprefix("Value error, ")
    return f"{key}: {what}" if key else what


def _known_keys(loc: tuple[int | str, ...]) -> list[str]:
    tables: dict[str, type[BaseModel]] = {
        "budget": BudgetTable,
        "device": DeviceTable,
        "cloud": CloudTable,
        "motion_gate": GateTable,
        "tracking": TrackingTable,
        "source": SourceTable,
        "app": AppTable,
    }
    if loc[0] == "sink" and len(loc) > 1:
        return known_sink_keys(loc)
    table = tables[str(loc[0])] if len(loc) > 1 else EngineFile
    return list(table.model_fields)


def read_engine_file(path: Path) -> EngineFile:
    """Read ENGINE.toml; relative paths in it are taken from its folder.

    Raises:
        BadInput: the file is missing, not TOML, or a key is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as e:
        raise BadInput(f"{path}: {e.strerror or e}") from e
    except UnicodeDecodeError as e:
        raise BadInput(f"{path}: not a text file: {e}") from e
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise BadInput(f"{path}: not TOML: {e}") from e
    parsed = parse_engine_table(table, str(path))
    sources = [
        s.model_copy(update={"uri": str(_beside(path, s.uri)) if _is_path(s.uri) else s.uri})
        for s in parsed.source
    ]
    update: dict[str, Any] = {"catalog": str(_beside(path, parsed.catalog)), "source": sources}
    update["sink"] = [sink.beside(path.parent) for sink in parsed.sink]
    if parsed.state is not None:
        update["state"] = str(_beside(path, parsed.state))
    if parsed.device.profile.endswith(".toml"):
        profile = str(_beside(path, parsed.device.profile))
        update["device"] = parsed.device.model_copy(update={"profile": profile})
    if parsed.cloud is not None:
        named = {k: getattr(parsed.cloud, k) for k in _CLOUD_FILES}
        beside = {k: str(_beside(path, given)) for k, given in named.items() if given is not None}
        update["cloud"] = parsed.cloud.model_copy(update=beside)
    return parsed.model_copy(update=update)


def _is_path(uri: str) -> bool:
    return not uri.isdigit() and "://" not in uri and not uri.startswith("digits:")


def _beside(file: Path, given: str) -> Path:
    path = Path(given).expanduser()
    return path if path.is_absolute() else file.parent / path


def schema() -> str:
    """Return the JSON schema of ENGINE.toml."""
    return json.dumps(EngineFile.model_json_schema(), indent=2)
