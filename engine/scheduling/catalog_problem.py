"""The scheduling problem of apps over a catalog on one device: the options that run there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from catalog.devices import DeviceProfile
from catalog.errors import BadInput, CatalogError
from catalog.measurements import DeviceMeasurements, LiveTime
from catalog.store import Catalog
from catalog.variants import MeasuredVariant, pareto_front
from engine.scheduling.problem import App, Budget, Option, PieceCost, Place, Problem, Stage


def problem_from_catalog(
    catalog: Catalog,
    apps: Iterable[App],
    budget: Budget,
    device_profile: DeviceProfile,
    measurements: DeviceMeasurements,
    frame_energy_j: float = 0.0,
    windows_hz: Mapping[str, float] | None = None,
    frames_hz: float = 0.0,
) -> Problem:
    """Build the problem of running apps on a device.

    An app's options are the variants of its task on trunks that are worth running for its input
    type: those that carry a variant which no other dominates, for the task of any of the apps. A
    variant that is dominated alone may still be the best one where another app runs its trunk
    anyway. Options below the app's accuracy floor are left out; an app may be left with none.

    Args:
        catalog: where variants come from.
        apps: what is asked.
        budget: base load already taken off.
        device_profile: turns measured time into modelled energy.
        measurements: of the catalog on this device, or on one like it.
        frame_energy_j: expected energy to decode a frame and find its windows.
        windows_hz: expected windows a second by input type, where known.
        frames_hz: expected frames a second; 0 where unknown.

    Raises:
        BadInput: an app's task is not in the catalog, or reads another input type.
        CatalogError: a part or head that is needed was not measured.
    """
    by_name = {a.name: a for a in apps}
    for app in by_name.values():
        _check_app(catalog, app)
    try:
        measured = {t: catalog.measured(t, measurements.device) for t in {a.task for a in by_name.values()}}
        trunks = _worthy_trunks(measured)
        options = {
            a.name: _options(catalog, a, [m for m in measured[a.task] if m.variant.trunk in trunks])
            for a in by_name.values()
        }
        pieces = _pieces(catalog, options, device_profile, measurements)
    except KeyError as e:
        raise CatalogError(
            f"{catalog.root}/profiles/{measurements.device}.json: {e.args[0]} was not measured: "
            f"mcdnn catalog profile {catalog.root}"
        ) from e
    return Problem(by_name, options, pieces, budget, frame_energy_j, dict(windows_hz or {}), frames_hz)


def _check_app(catalog: Catalog, app: App) -> None:
    task = catalog.tasks.get(app.task)
    if task is None:
        raise BadInput(f"app {app.name}: task {app.task!r}: {catalog.root} has {sorted(catalog.tasks)}")
    if task.input_type != app.input_type:
        raise BadInput(
            f"app {app.name}: input type {app.input_type!r}: task {app.task} reads {task.input_type!r}"
        )


def _worthy_trunks(measured: Mapping[str, Sequence[MeasuredVariant]]) -> set[str]:
    """Return the trunks that carry a variant on the front of any of the tasks."""
    return {m.variant.trunk for variants in measured.values() for m in pareto_front(variants)}


def _options(catalog: Catalog, app: App, measured: Sequence[MeasuredVariant]) -> tuple[Option, ...]:
    """Return an app's options at the device, most accurate first."""
    return tuple(
        Option(
            app.name,
            m.variant.id,
            m.variant.validation_accuracy,
            (Stage(Place.DEVICE, catalog.trunks[m.variant.trunk].parts, m.variant.head),),
        )
        for m in measured
        if m.variant.validation_accuracy >= app.accuracy_floor
    )


def _pieces(
    catalog: Catalog,
    options: Mapping[str, Sequence[Option]],
    profile: DeviceProfile,
    measurements: DeviceMeasurements,
) -> dict[str, PieceCost]:
    stages = [s for app in options.values() for o in app for s in o.stages]
    parts = dict.fromkeys(p for s in stages for p in s.parts)
    heads = dict.fromkeys(s.head for s in stages if s.head is not None)
    head_bytes = {h.id: h.size_bytes for h in catalog.contents.heads}
    costs = {p: _part_cost(catalog, p, profile, measurements) for p in parts}
    return costs | {h: _head_cost(head_bytes[h], profile, measurements.live_head(h)) for h in heads}


def _part_cost(
    catalog: Catalog, part: str, profile: DeviceProfile, measurements: DeviceMeasurements
) -> PieceCost:
    live, load_s = measurements.live_part(part), measurements.best(part).load_s
    return PieceCost(
        live.p50_s,
        live.p95_s,
        profile.processor_energy_j(live.p50_s),
        profile.processor_energy_j(live.p95_s),
        load_s,
        profile.processor_energy_j(load_s),
        catalog.parts[part].memory_bytes,
    )


def _head_cost(size_bytes: int, profile: DeviceProfile, live: LiveTime) -> PieceCost:
    energy_j = profile.processor_energy_j(live.p50_s)
    worst_j = profile.processor_energy_j(live.p95_s)
    return PieceCost(live.p50_s, live.p95_s, energy_j, worst_j, 0.0, 0.0, size_bytes)
