"""The scenarios that come with the package, and days drawn at random from them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from catalog.errors import BadInput
from sim.scenario import Scenario
from sim.scenario_building import build_scenario
from sim.scenario_file import parse_scenario_table
from sim.scenario_tables import seconds


def ready_names() -> list[str]:
    """Return the names of the scenarios that come with the package."""
    folder = resources.files("sim") / "scenarios"
    return sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml"))


def ready_table(name: str) -> dict[str, Any]:
    """Return a scenario that comes with the package, as its file says it.

    Raises:
        BadInput: there is none of this name.
    """
    if name not in ready_names():
        raise BadInput(f"scenario {name!r}: expected one of {', '.join(ready_names())}, or a file or folder")
    file = resources.files("sim") / "scenarios" / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def ready_scenario(name: str, seed: int | None = None, devices: int = 1) -> Scenario:
    """Return a scenario that comes with the package.

    Args:
        seed: of what comes; None for that of the file.
        devices: how many live it, each with a day of its own, sharing a cloud with one server for
            each two.

    Raises:
        BadInput: there is none of this name, or no device.
    """
    table = ready_table(name)
    if seed is not None:
        table["seed"] = seed
    if devices != 1:
        table["device"] = table["device"] | {"count": devices}
        table["cloud"] = table["cloud"] | {"servers": max(1, (devices + 1) // 2)}
    return scenario_of(table, name)


def random_day(seed: int) -> Scenario:
    """Return a day drawn at random: a ready one with other rates, budgets, models, link and memory.

    The energy lasts for 30 to 60 % of the day under the most accurate models; every third day has
    memory for a part of the models, every other one a history of the demand.
    """
    return scenario_of(random_table(seed), f"day-{seed:02d}")


def random_table(seed: int) -> dict[str, Any]:
    """Return such a day as a file would say it."""
    rng = np.random.default_rng((seed, 77))
    names = ready_names()
    table = ready_table(names[seed % len(names)])
    busier, longer = float(rng.uniform(0.6, 1.4)), float(rng.uniform(0.4, 2.5))
    for stretch in table["stretch"]:
        _change_stretch(stretch, busier, longer, rng)
    budget: dict[str, float] = {
        "energy_lasts": float(rng.uniform(0.3, 0.6)),
        "cloud_usd": float(rng.uniform(0.005, 0.06)),
    }
    if (seed + seed // 3) % 3 == 0:
        budget["memory_share"] = float(rng.uniform(0.1, 0.4))
    about = f"{table['about']} Drawn with seed {seed}."
    own = {"name": f"day-{seed:02d}", "about": about, "seed": seed, "models_seed": seed, "budget": budget}
    return table | own | {"knows_day": seed % 2 == 0, "device": _without_profile(table["device"])}


def _change_stretch(stretch: dict[str, Any], busier: float, longer: float, rng: np.random.Generator) -> None:
    """Draw the length and the rates of a stretch, and make stays with and without the link longer."""
    stretch["lasts"] = f"{seconds(stretch['lasts']) * rng.uniform(0.8, 1.2):.0f}s"
    for demand in stretch.get("windows", {}).values():
        demand["hz"] = float(demand["hz"] * busier * rng.uniform(0.7, 1.3))
    link = stretch.get("link", {})
    if link.get("up", "always") not in ("always", "never"):
        link["up"] = f"{seconds(link['up']) * longer:.0f}s"
        link["down"] = f"{seconds(link.get('down', '10m')) * longer:.0f}s"


def _without_profile(device: Mapping[str, Any]) -> dict[str, Any]:
    """Return a device without base load: energy_lasts is about what models take."""
    return {k: v for k, v in device.items() if k != "profile"}


def scenario_of(table: Mapping[str, Any], where: str) -> Scenario:
    """Build a scenario that names no files."""
    return build_scenario(parse_scenario_table(table, where), Path(), where)
