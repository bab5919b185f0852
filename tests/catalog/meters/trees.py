"""Folders laid out as the kernel shows its sensors."""

from __future__ import annotations

from pathlib import Path


def rapl_zone(powercap: Path, zone: str, name: str, energy_uj: int, range_uj: int = 10_000_000) -> Path:
    """Add a zone of the processor; return its counter."""
    folder = powercap / zone
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "max_energy_range_uj").write_text(f"{range_uj}\n")
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    return folder / "energy_uj"


def battery(power_supply: Path, name: str = "BAT0", **files: str | int) -> Path:
    """Add a battery that discharges, with the files that are given; return its folder."""
    folder = power_supply / name
    folder.mkdir(parents=True)
    update(folder, **{"type": "Battery", "status": "Discharging", **files})
    return folder


def update(folder: Path, **files: str | int) -> None:
    """Write what a sensor says now; each file at once, as a kernel gives it."""
    for file, content in files.items():
        new = folder / f".{file}"
        new.write_text(f"{content}\n")
        new.replace(folder / file)
