"""Device, radio and price profiles: what a second of work, a byte sent and a cloud second cost."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from catalog.errors import BadInput


@dataclass(frozen=True, slots=True)
class RadioProfile:
    """Energy and speed of one kind of link.

    Args:
        up_j_per_byte: energy to send a byte.
        down_j_per_byte: energy to receive a byte.
        mbps: nominal speed, megabits a second.
        tail_w: power while the radio stays on after the last byte.
        tail_s: for how long it stays on.
    """

    up_j_per_byte: float
    down_j_per_byte: float
    mbps: float
    tail_w: float = 0.0
    tail_s: float = 0.0


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """Power figures of a device, which turn measured time into modelled joules.

    Args:
        name: e.g. "tegra-k1".
        source: where the figures come from.
        base_w: camera and idle processor, drawn all the time.
        processor_w: further power while one core works.
        radios: by name ("wifi", "lte").
    """

    name: str
    source: str
    base_w: float
    processor_w: float
    radios: Mapping[str, RadioProfile] = field(default_factory=dict)

    def processor_energy_j(self, busy_s: float) -> float:
        """Return the modelled energy of busy_s seconds of one core."""
        return self.processor_w * busy_s


def _number(table: Mapping[str, Any], key: str, where: str, default: float | None = None) -> float:
    value = table.get(key, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0.0 <= value < float("inf"):
        raise BadInput(f"{where}: {key} = {value!r}: expected a number of at least 0")
    return float(value)


def parse_device_profile(text: str, where: str) -> DeviceProfile:
    """Read a device profile from TOML.

    Raises:
        BadInput: not TOML, or a figure that is missing, negative or not a number.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise BadInput(f"{where}: {e}") from e
    unknown = sorted(set(data) - {"name", "source", "base_w", "processor_w", "radio"})
    if unknown:
        raise BadInput(f"{where}: unknown keys {unknown}: known are name, source, base_w, processor_w, radio")
    radios = {
        name: RadioProfile(
            _number(r, "up_j_per_byte", f"{where}: radio.{name}"),
            _number(r, "down_j_per_byte", f"{where}: radio.{name}"),
            _number(r, "mbps", f"{where}: radio.{name}"),
            _number(r, "tail_w", f"{where}: radio.{name}", 0.0),
            _number(r, "tail_s", f"{where}: radio.{name}", 0.0),
        )
        for name, r in data.get("radio", {}).items()
    }
    return DeviceProfile(
        str(data.get("name", "")),
        str(data.get("source", "")),
        _number(data, "base_w", where),
        _number(data, "processor_w", where),
        radios,
    )


def shipped_profiles() -> list[str]:
    """Return the names of the device profiles that come with the package."""
    folder = resources.files("catalog") / "device_profiles"
    return sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml"))


def load_device_profile(name: str) -> DeviceProfile:
    """Return a shipped profile by name, or one from a TOML file by path.

    Raises:
        BadInput: neither a shipped name nor a readable file.
    """
    if name in shipped_profiles():
        file = resources.files("catalog") / "device_profiles" / f"{name}.toml"
        return parse_device_profile(file.read_text(encoding="utf-8"), f"device profile {name}")
    path = Path(name)
    if not path.is_file():
        raise BadInput(f"device profile {name!r}: expected one of {shipped_profiles()} or the path of a TOML file")
    return parse_device_profile(path.read_text(encoding="utf-8"), str(path))
