"""Configuration becomes objects: everything that ENGINE.toml names is built here and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from catalog.backends.picked import PickedBackends
from catalog.backends.protocol import Backend
from catalog.backends.table import DEFAULT, open_backend
from catalog.devices import DeviceProfile, load_device_profile
from catalog.errors import BadInput, CatalogError
from catalog.measurements import DeviceMeasurements
from catalog.meters import DeviceMeter, open_device_meter
from catalog.meters import table as meter_table
from catalog.store import Catalog, open_catalog
from engine.batch_sizes import BatchSizes, MeasuredBatchSizes
from engine.clocks import REAL_CLOCKS, Clocks
from engine.extractors.protocol import Extractor
from engine.extractors.table import default_kind, extractor_kinds, open_extractor
from engine.ledger import Ledger
from engine.period import FixedPeriod, Period, parse_period
from engine.runtime.catalog_pieces import CatalogPieces
from engine.runtime.loading import PieceStorage
from engine.runtime.special_pieces import SpecialHeads, SpecialPieces
from engine.scheduling.catalog_problem import problem_from_catalog
from engine.scheduling.policies.table import POLICIES
from engine.scheduling.problem import App, Budget, Problem
from mcdnn.cloud_wiring import CloudSetup, read_cloud
from mcdnn.engine_file import AppTable, EngineFile
from mcdnn.gating_wiring import check_tracking

_HOST = "host"
_MB = 1e6
_UNLIMITED_S = 36_000.0


@dataclass(frozen=True, slots=True)
class Setup:
    """A configuration with all that it names read and checked.

    Args:
        profile: turns processor time into joules.
        measurements: of the catalog, to plan with until the run has measured for itself.
        cloud: where it may ask, too.
        meter: of energy; None where there is none to be used.
    """

    file: EngineFile
    catalog: Catalog
    profile: DeviceProfile
    measurements: DeviceMeasurements
    cloud: CloudSetup
    meter: DeviceMeter | None = None


def open_setup(file: EngineFile, before: Setup | None = None) -> Setup:
    """Read what a configuration names.

    Args:
        before: what runs now, with the same device: its profile and meter stay, and its catalog where
            the folder still holds the same.

    Raises:
        CatalogError: the catalog is damaged, or was not measured on the device.
        BadInput: anything else that is wrong, by file and key.
        MissingExtra: the meter that is asked for needs a package.
    """
    catalog = open_catalog_to_run(Path(file.catalog))
    measurements = catalog.measurements(file.device.measured_on)
    if before is not None and _is_same(catalog, measurements, before):
        catalog, measurements = before.catalog, before.measurements
    with naming(file.where):
        _check_policy(file)
        _check_extractors(file, catalog)
        check_tracking(file, catalog.input_types)
        profile = load_device_profile(file.device.profile) if before is None else before.profile
        cloud = read_cloud(file.cloud, profile, catalog)
        meter = open_device_meter(file.device.meter, meter_table.HERE) if before is None else before.meter
        setup = Setup(file, catalog, profile, measurements, cloud, meter)
        make_ledger(setup, datetime.now().astimezone())
    return setup


def _is_same(catalog: Catalog, measurements: DeviceMeasurements, before: Setup) -> bool:
    return (
        catalog.root == before.catalog.root
        and catalog.contents == before.catalog.contents
        and measurements == before.measurements
    )


@contextmanager
def naming(where: str) -> Iterator[None]:
    """Put the name of the file into what is wrong in it; a catalog's errors name their own."""
    try:
        yield
    except CatalogError:
        raise
    except BadInput as e:
        raise BadInput(f"{where}: {e}") from e


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


def _check_policy(file: EngineFile) -> None:
    if file.policy not in POLICIES:
        raise BadInput(f"policy = {file.policy!r}: expected one of {', '.join(sorted(POLICIES))}")


def _check_extractors(file: EngineFile, catalog: Catalog) -> None:
    kinds = extractor_kinds()
    for input_type, kind in file.extractor.items():
        key = f"extractor.{input_type}"
        if input_type not in catalog.input_types:
            known = ", ".join(catalog.input_types)
            raise BadInput(f"{key}: not an input type of the catalog: expected one of {known}")
        if kind not in kinds:
            raise BadInput(f"{key} = {kind!r}: expected one of {', '.join(kinds)}")


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


def make_ledger(setup: Setup, origin: datetime) -> Ledger:
    """Return a ledger for the configured budget.

    Args:
        origin: the wall clock at second 0 of the source's.

    Raises:
        BadInput: the period is not understood, or the base load alone takes the budget.
    """
    file = setup.file
    return Ledger(make_budget(file), make_period(file, origin), setup.profile.base_w, file.budget.carry_over)


@dataclass(frozen=True, slots=True)
class PiecesOfSetup:
    """Where the pieces of a setup come from.

    Args:
        storage: gives them.
        knows: tells which it has.
        sizes: bytes that each holds.
    """

    storage: PieceStorage
    knows: Callable[[str], bool]
    sizes: Mapping[str, int]


def make_pieces(setup: Setup, heads: SpecialHeads | None = None) -> PiecesOfSetup:
    """Return pieces that are loaded by what was picked for each.

    Args:
        heads: that may be loaded, too.
    """
    special = SpecialHeads() if heads is None else heads
    pieces = CatalogPieces(setup.catalog, PickedBackends(setup.measurements, setup.file.device.threads))
    sizes = pieces.sizes()
    return PiecesOfSetup(
        SpecialPieces(pieces, special), lambda p: p in sizes or special.get(p) is not None, sizes
    )


def backends_to_serve(catalog: Catalog, device: str | None, threads: int) -> Backend:
    """Return what runs each part of a catalog that answers for other devices.

    Args:
        device: whose measurements picked it; None for "host" where it was measured, else for none.

    Raises:
        CatalogError: the catalog was not measured on the device.
    """
    if device is None and _HOST not in catalog.devices():
        return open_backend(DEFAULT, threads)
    return PickedBackends(catalog.measurements(device or _HOST), threads)


def make_problem(setup: Setup, apps: Iterable[App], budget: Budget) -> Problem:
    """Return the scheduling problem of some apps.

    Args:
        budget: what may be planned with: base load taken off.

    Raises:
        CatalogError: a part that is needed was not measured.
    """
    return problem_from_catalog(setup.catalog, apps, budget, setup.profile, setup.measurements)


def kinds_of_extractor(setup: Setup, apps: Iterable[App]) -> dict[str, str]:
    """Return which extractor finds the windows of each input type that the apps ask about.

    Raises:
        BadInput: none is configured for one of them, and none belongs to it by itself.
    """
    wanted = dict.fromkeys(a.input_type for a in apps)
    return {t: setup.file.extractor.get(t) or default_kind(t) for t in wanted}


def make_extractors(setup: Setup, apps: Iterable[App]) -> dict[str, Extractor]:
    """Return a new extractor for each input type that the apps ask about.

    Raises:
        BadInput: see kinds_of_extractor.
    """
    return {t: open_extractor(kind) for t, kind in kinds_of_extractor(setup, apps).items()}


def make_batch_sizes(setup: Setup) -> BatchSizes:
    """Return how many windows of a moment run at once, by what was measured on the device."""
    activation_bytes = {part.id: part.activation_bytes for part in setup.catalog.contents.parts}
    return MeasuredBatchSizes(setup.measurements, activation_bytes)


def answering_clocks(file: EngineFile) -> Clocks:
    """Return the clocks by which answers are measured.

    Where parts run on several threads, the processor time of the one that waits for them misses
    the others: real time stands for it then, with all of them at work (answering_profile), which is
    an upper bound.
    """
    return REAL_CLOCKS if file.device.threads == 1 else Clocks(busy_s=time.perf_counter)


def answering_profile(setup: Setup) -> DeviceProfile:
    """Return the power while parts run: that of as many cores as they may use."""
    return replace(setup.profile, processor_w=setup.profile.processor_w * setup.file.device.threads)
