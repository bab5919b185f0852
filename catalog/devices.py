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


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise BadInput(f"{where}: {key} = {value!r}: expected a text")
    return value


def _table(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadInput(f"{where} = {value!r}: expected a table")
    return value


def _check_keys(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise BadInput(f"{where}: unknown keys {unknown}: known are {', '.join(known)}")


def _radio(table: Mapping[str, Any], where: str) -> RadioProfile:
    _check_keys(table, ("up_j_per_byte", "down_j_per_byte", "mbps", "tail_w", "tail_s"), where)
    return RadioProfile(
        _number(table, "up_j_per_byte", where),
        _number(table, "down_j_per_byte", where),
        _number(table, "mbps", where),
        _number(table, "tail_w", where, 0.0),
        _number(table, "tail_s", where, 0.0),
    )


def parse_device_profile(text: str, where: str) -> DeviceProfile:
    """Read a device profile from TOML.

    Raises:
        BadInput: not TOML, or a figure that is missing, negative or not a number.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise BadInput(f"{where}: {e}") from e
    _check_keys(data, ("name", "source", "base_w", "processor_w", "radio"), where)
    radios = _table(data.get("radio", {}), f"{where}: radio")
    return DeviceProfile(
        _text(data, "name", where),
        _text(data, "source", where),
        _number(data, "base_w", where),
        _number(data, "processor_w", where),
        {
            name: _radio(_table(r, f"{where}: radio.{name}"), f"{where}: radio.{name}")
            for name, r in radios.items()
        },
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
        raise BadInput(
            f"device profile {name!r}: expected one of {shipped_profiles()} or the path of a TOML file"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise BadInput(f"{path}: cannot be read as text: {e}") from e
    return parse_device_profile(text, str(path))
