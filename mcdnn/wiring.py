"""Configuration becomes objects: everything that ENGINE.toml names is built here and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from catalog.backends.table import open_backend
from catalog.devices import DeviceProfile, load_device_profile
from catalog.errors import BadInput
from catalog.store import Catalog, open_catalog
from engine.ledger import Ledger
from engine.period import FixedPeriod, Period, parse_period
from engine.runtime.catalog_pieces import CatalogPieces
from engine.runtime.loading import PieceMemory
from engine.runtime.residency import Residency
from engine.scheduling.problem import App, Budget
from mcdnn.engine_file import AppTable, EngineFile

_MB = 1e6
_UNLIMITED_S = 36_000.0


def open_catalog_to_run(path: Path) -> Catalog:
    """Open a catalog and check that it holds something to run.

    Raises:
        CatalogError: it is damaged.
        BadInput: nothing is stored in it yet.
    """
    catalog = open_catalog(path)
    if not catalog.variants:
        raise BadInput(f"{path}: the catalog holds no variant yet: finish it with mcdnn compile --resume")
    return catalog


def make_app(table: AppTable, catalog: Catalog) -> App:
    """Return an app as the scheduler knows it.

    Raises:
        BadInput: its task is not in the catalog.
    """
    task = catalog.tasks.get(table.task)
    if task is None:
        raise BadInput(f"app {table.name}: task {table.task!r}: the catalog has {sorted(catalog.tasks)}")
    least_hz, wanted_hz = table.rate_hz or (0.0, float("inf"))
    return App(
        table.name,
        table.task,
        task.input_type,
        least_hz,
        wanted_hz,
        float("inf") if table.latency_limit_s is None else table.latency_limit_s,
        table.weight,
        table.accuracy_floor,
    )


def make_budget(file: EngineFile) -> Budget:
    """Return what the configuration grants in a period, base load included."""
    unlimited = float("inf")
    b = file.budget
    return Budget(
        unlimited if b.energy_j is None else b.energy_j,
        unlimited if b.cloud_usd is None else b.cloud_usd,
        unlimited,
        unlimited if b.memory_mb is None else b.memory_mb * _MB,
    )


def make_period(file: EngineFile, origin: datetime) -> Period:
    """Return the budget's period; without a budget, one of ten hours."""
    b = file.budget
    if b.period is None:
        return FixedPeriod(_UNLIMITED_S)
    return parse_period(b.period, b.reset_at, origin)


def make_ledger(file: EngineFile, profile: DeviceProfile, origin: datetime) -> Ledger:
    """Return a ledger for the configured budget.

    Raises:
        BadInput: the period is not understood, or the base load alone takes the budget.
    """
    return Ledger(make_budget(file), make_period(file, origin), profile.base_w, file.budget.carry_over)


def make_memory(catalog: Catalog, file: EngineFile) -> PieceMemory:
    """Return memory under the configured limit that loads parts with onnxruntime."""
    pieces = CatalogPieces(catalog, open_backend("onnxruntime", file.device.threads))
    return PieceMemory(pieces, pieces.sizes(), Residency(make_budget(file).memory_bytes))


def make_profile(file: EngineFile) -> DeviceProfile:
    """Return the device's power figures.

    Raises:
        BadInput: no such profile.
    """
    return load_device_profile(file.device.profile)


def planning_budget(ledger: Ledger, file: EngineFile) -> Budget:
    """Return what policies may plan with: the period's budget less the base load."""
    return replace(ledger.budget, memory_bytes=make_budget(file).memory_bytes)
