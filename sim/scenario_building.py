"""A checked SCENARIO.toml becomes a scenario: everything that it names is read and built here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

import numpy as np

from catalog.devices import DeviceProfile, RadioProfile, load_device_profile
from catalog.errors import BadInput, CatalogError
from engine.scheduling.problem import App, Link, Problem
from sim.day_tables import DemandTable, TraceTable
from sim.generated.generated_day import Limits, link_of, with_limits
from sim.generated.itinerary import (
    Bursts,
    Demand,
    Itinerary,
    LinkShape,
    Stretch,
    day_length_s,
    expected_profile,
    expected_windows,
    make_arrivals,
    make_network,
)
from sim.network import Network, Steps
from sim.scenario import DeviceDay, Scenario
from sim.scenario_file import ScenarioFile
from sim.scenario_models import Models, make_models_of
from sim.scenario_tables import RadioTable, seconds
from sim.traces import (
    Arrival,
    group_by_window,
    merge_requests,
    read_bandwidth,
    read_connectivity,
    read_contexts,
    read_requests,
    read_requests_of,
    with_contexts,
)

_MB = 1e6
_MANY_SERVERS = 1_000_000


@dataclass(frozen=True, slots=True)
class _Radio:
    """What a device expects of sending, and what sending really takes."""

    link: Link
    tail: RadioProfile | None


def build_scenario(
    file: ScenarioFile, folder: Path, where: str, parameters: Mapping[str, float | str] | None = None
) -> Scenario:
    """Build what a file says.

    Args:
        folder: that relative paths are taken from.
        where: name of the file, for errors.
        parameters: what a sweep varied.

    Raises:
        BadInput: something that it names is missing or wrong. Traces are only read while simulated.
    """
    try:
        models, days = _built(file, folder)
    except CatalogError:
        raise
    except BadInput as e:
        named = str(e).startswith(str(folder))
        raise e if named else BadInput(f"{where}: {e}") from e
    return Scenario(
        file.name,
        days,
        _MANY_SERVERS if file.cloud is None or file.cloud.servers is None else file.cloud.servers,
        file.loads_take_time,
        " ".join([file.about, *models.notes]).strip(),
        parameters or {},
    )


def _built(file: ScenarioFile, folder: Path) -> tuple[Models, tuple[DeviceDay, ...]]:
    profile = (
        None if file.device.profile is None else load_device_profile(_beside(folder, file.device.profile))
    )
    radio = _radio(file, profile)
    itinerary = _itinerary(file)
    models = make_models_of(file, folder, profile, itinerary)
    expected = expected_profile(itinerary) if file.knows_day else None
    problem = replace(models.problem, link=radio.link, profile=expected)
    problem = _with_budget(file, problem, profile, itinerary)
    return models, tuple(_days(file, folder, problem, itinerary, radio.tail))


def _days(
    file: ScenarioFile, folder: Path, problem: Problem, itinerary: Itinerary, radio: RadioProfile | None
) -> Iterator[DeviceDay]:
    late_s = np.random.default_rng((file.seed, 7)).uniform(0.0, file.device.jitter_s, file.device.count)
    for number in range(file.device.count):
        name = file.name if file.device.count == 1 else f"{file.name}-{number + 1}"
        arrivals, network = _what_comes(file, folder, problem.apps, itinerary, file.seed + number)
        delay_s = float(late_s[number])
        if delay_s > 0.0:
            arrivals, network = _delayed(arrivals, delay_s), _delayed_network(network, delay_s)
        own = problem if file.budget.period is not None else _until_later(problem, delay_s)
        yield DeviceDay(name, own, arrivals, network, radio)


def _until_later(problem: Problem, delay_s: float) -> Problem:
    """Let a budget that is for the day last until a day that begins late has ended."""
    return replace(problem, budget=replace(problem.budget, period_s=problem.budget.period_s + delay_s))


def _beside(folder: Path, named: str) -> str:
    """Return a path in a file as seen from here; a plain name stays one."""
    return str(folder / Path(named).expanduser()) if named.endswith(".toml") else named


def _radio(file: ScenarioFile, profile: DeviceProfile | None) -> _Radio:
    given = file.device.radio
    round_trip_s = 0.0 if file.cloud is None else file.cloud.round_trip_s
    if given is None:
        return _Radio(Link(round_trip_s=round_trip_s), None)
    if isinstance(given, RadioTable):
        known = RadioProfile(
            given.up_j_per_byte, given.down_j_per_byte, given.mbps or math.inf, given.tail_w, given.tail_s
        )
        if given.exchange_j:
            return _Radio(replace(link_of(known, round_trip_s), exchange_j=given.exchange_j), None)
    else:
        radios = {} if profile is None else profile.radios
        if given not in radios:
            raise BadInput(
                f"device.radio = {given!r}: expected a table, or a radio of the profile: {sorted(radios)}"
            )
        known = radios[given]
    has_tail = known.tail_w * known.tail_s > 0.0
    return _Radio(link_of(known, round_trip_s), known if has_tail else None)


def _with_budget(
    file: ScenarioFile, problem: Problem, profile: DeviceProfile | None, itinerary: Itinerary
) -> Problem:
    """Set the budgets of a period; base load is deducted from an energy given in joules."""
    b = file.budget
    if b.energy_lasts is not None and not itinerary:
        raise BadInput("budget.energy_lasts: goes with [[stretch]]: give energy_j")
    length_s = day_length_s(itinerary) if itinerary else math.inf
    period_s = length_s if b.period is None else seconds(b.period)
    if math.isinf(period_s) and (b.energy_j is not None or b.cloud_usd is not None):
        raise BadInput('budget.period: a budget needs its period, such as "10h"')
    limits = Limits(
        _without_base(b.energy_j, profile, period_s),
        math.inf if b.energy_lasts is None else b.energy_lasts,
        math.inf if b.cloud_usd is None else b.cloud_usd,
        None if b.memory_mb is None else _MB * b.memory_mb,
        math.inf if b.memory_share is None else b.memory_share,
    )
    scale = period_s / length_s if itinerary else 1.0
    windows = {t: scale * n for t, n in expected_windows(itinerary).items()}
    return with_limits(problem, limits, windows, period_s)


def _without_base(energy_j: float | None, profile: DeviceProfile | None, period_s: float) -> float | None:
    if energy_j is None or energy_j == 0.0 or profile is None:
        return energy_j
    base_j = profile.base_w * period_s
    if base_j >= energy_j:
        raise BadInput(
            f"budget.energy_j = {energy_j:g}: the base load of {profile.name} alone takes {base_j:g} J"
        )
    return energy_j - base_j


def _itinerary(file: ScenarioFile) -> Itinerary:
    return [
        Stretch(
            s.name,
            seconds(s.lasts),
            {t: _demand(d) for t, d in s.windows.items()},
            LinkShape(seconds(s.link.up), seconds(s.link.down), s.link.mbps or math.inf)
            if file.cloud is not None
            else LinkShape(0.0),
        )
        for s in file.stretch
    ]


def _demand(table: DemandTable) -> Demand:
    b = table.bursts
    bursts = None if b is None else Bursts(b.an_hour, b.factor, seconds(b.lasts))
    return Demand(table.hz, bursts, table.contexts, seconds(table.context_lasts))


def _what_comes(
    file: ScenarioFile, folder: Path, apps: Mapping[str, App], itinerary: Itinerary, seed: int
) -> tuple[Callable[[], Iterator[Arrival]], Network]:
    if file.trace is None:
        return make_arrivals(itinerary, list(apps.values()), seed), make_network(itinerary, seed)
    return _from_files(file.trace, folder, apps, file.context), _network(file, folder)


def _from_files(
    trace: TraceTable, folder: Path, apps: Mapping[str, App], contexts: Iterable[str]
) -> Callable[[], Iterator[Arrival]]:
    """Return what starts the trace anew; contexts are those that models or people know."""
    for published in trace.published:
        if published.app not in apps:
            raise BadInput(f"trace.published: app {published.app!r}: expected one of {sorted(apps)}")
    until_s = math.inf if trace.until is None else seconds(trace.until)
    input_types = {a.input_type for a in apps.values()}
    known = frozenset(contexts)

    def arrivals() -> Iterator[Arrival]:
        if trace.requests is not None:
            requests = read_requests(folder / trace.requests, apps, known)
        else:
            requests = merge_requests(read_requests_of(folder / p.file, p.app) for p in trace.published)
        found = group_by_window(requests, apps)
        if trace.contexts is not None:
            found = with_contexts(found, read_contexts(folder / trace.contexts, input_types, known))
        return takewhile(lambda a: a.t_s < until_s, found)

    return arrivals


def _network(file: ScenarioFile, folder: Path) -> Network:
    if file.cloud is None:
        return Network()
    given = file.network
    if given is None:
        return Network(Steps({}, 1.0))
    connected = (
        Steps({}, 1.0) if given.connectivity is None else read_connectivity(folder / given.connectivity)
    )
    return Network(connected, None if given.bandwidth is None else read_bandwidth(folder / given.bandwidth))


def _delayed(arrivals: Callable[[], Iterator[Arrival]], delay_s: float) -> Callable[[], Iterator[Arrival]]:
    return lambda: (a._replace(t_s=a.t_s + delay_s) for a in arrivals())


def _delayed_network(network: Network, delay_s: float) -> Network:
    def later(steps: Steps) -> Steps:
        return Steps({t + delay_s: steps.at(t) for t in steps.moments_s}, steps.at(-math.inf))

    return Network(later(network.connected), later(network.speed_mbps))
