"""The demonstration: one digit camera, four apps, a budget that the most accurate models exhaust early."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import mcdnn
from catalog.store import Catalog
from engine.ledger import Category
from engine.snapshot import Snapshot

POLICIES = ("original", "mcdnn2016", "paced")
_FPS = 15
_SEED = 7
_TASKS = "digits"
_REHEARSED = 0.25  # share of the run
_LASTS_FOR = 0.5  # share of the period for which the most accurate models' energy lasts
_FINDING = 1.2  # finding windows costs the same under every policy: its share of the budget has room
_MODELLED = {"meter": "none"}  # runs compare on one budget, whatever else the machine does meanwhile
_MEMORY_SHARE = 0.6  # at least, of what all models hold together


@dataclass(frozen=True, slots=True)
class DemoBudget:
    """What the demonstration grants.

    Args:
        energy_j: for the whole run, base load included.
        seconds: length of the run, and of the budget's period.
        memory_mb: for parts and heads.
        base_w: power of the camera and the idle device.
    """

    energy_j: float
    seconds: float
    memory_mb: float
    base_w: float


def catalog_folder() -> Path:
    """Return where the demonstration's catalog is kept between runs.

    It is below XDG_CACHE_HOME (or ~/.cache), named after this version and the embedded task file.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    tasks = (resources.files("mcdnn") / "default_tasks.toml").read_bytes()
    return cache / "mcdnn" / f"{_TASKS}-{mcdnn.__version__}-{hashlib.sha256(tasks).hexdigest()[:8]}"


def camera(seconds: float, pace: str = "wall") -> str:
    """Return the URI of the digit camera; the same seed shows the same scenes at any pace."""
    return f"digits:?seed={_SEED}&fps={_FPS}&seconds={seconds:g}&pace={pace}"


def rehearsal_seconds(seconds: float) -> float:
    """Return how long to rehearse for a run of some seconds."""
    return max(3.0, _REHEARSED * seconds)


def apps() -> list[dict[str, Any]]:
    """Return one app a task, as in ENGINE.toml."""
    questions = {"digit": "identity", "odd": "parity", "small": "below_five", "loop": "closed_loop"}
    return [{"name": name, "task": task, "latency_limit_s": 0.5} for name, task in questions.items()]


def unlimited_config(catalog: Path) -> dict[str, Any]:
    """Return the configuration of the rehearsal: the most accurate models without a budget."""
    return {"catalog": str(catalog), "policy": "original", "device": _MODELLED, "app": apps()}


def config(catalog: Path, policy: str, budget: DemoBudget) -> dict[str, Any]:
    """Return the configuration of one run."""
    limits = {
        "energy_j": budget.energy_j,
        "cloud_usd": 0.0,
        "period": f"{budget.seconds:g}s",
        "memory_mb": budget.memory_mb,
    }
    return {"catalog": str(catalog), "policy": policy, "budget": limits, "device": _MODELLED, "app": apps()}


def budget_from(
    scenes: Snapshot, rehearsals: Sequence[Snapshot], base_w: float, seconds: float, catalog: Catalog
) -> DemoBudget:
    """Return the budget that pays for the camera all the time and for the most accurate models half of it.

    Args:
        scenes: the whole run at full speed, for how many windows there are.
        rehearsals: a part of it at its own pace, side by side as the runs will be, for what a frame and
            a window take: at full speed they take less, with everything in the processor's caches.
        base_w: power that is drawn whatever runs.
    """
    frames, requests = sum(r.frames for r in rehearsals), sum(r.requests for r in rehearsals)
    frame_j = _spent_j(rehearsals, Category.EXTRACTION) / max(frames, 1)
    request_j = _spent_j(rehearsals, Category.EXECUTION) / max(requests, 1)
    loading_j = _spent_j(rehearsals, Category.LOADING) / len(rehearsals)
    models_j = request_j * scenes.requests + loading_j
    all_bytes = sum(p.memory_bytes for p in catalog.contents.parts)
    # The most accurate models fit together: without that they would spend the energy on loading one another.
    memory_bytes = max(_MEMORY_SHARE * all_bytes, *(r.standing.memory.peak_bytes for r in rehearsals))
    return DemoBudget(
        round(base_w * seconds + _FINDING * frame_j * scenes.frames + _LASTS_FOR * models_j, 3),
        seconds,
        math.ceil(memory_bytes / 1e3) / 1e3,
        base_w,
    )


def _spent_j(snapshots: Sequence[Snapshot], category: Category) -> float:
    return sum(line.energy_j for s in snapshots for line in s.standing.spent if line.category is category)
