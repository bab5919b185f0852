"""Small scheduling problems with figures that can be checked by hand.

Trunks are of one part: large, middle and small run for 8, 4 and 1 J at 10 W, hold 800, 400 and 100
bytes, and are right at 0.9, 0.8 and 0.6. Heads cost nothing. All apps ask about the input type
"digit".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from engine.scheduling.policy import State
from engine.scheduling.problem import App, Budget, Option, PieceCost, Place, Problem, Stage

TRUNKS = {"large": (8.0, 800, 0.9), "middle": (4.0, 400, 0.8), "small": (1.0, 100, 0.6)}


def app(name: str, **settings: float) -> App:
    """An app that asks about digits."""
    return App(name, f"task of {name}", "digit", **settings)


def piece(energy_j: float, size_bytes: int = 0, load_j: float = 0.0, run_s: float | None = None) -> PieceCost:
    """A piece that runs at 10 W (unless told how long) and whose worst case is twice the expected."""
    run_s = energy_j / 10.0 if run_s is None else run_s
    return PieceCost(run_s, 2.0 * run_s, energy_j, 2.0 * energy_j, load_j / 10.0, load_j, size_bytes)


def option(app: str, trunk: str, accuracy: float) -> Option:
    """An app's head on a trunk, at the device."""
    return Option(app, f"{trunk}/{app}", accuracy, (Stage(Place.DEVICE, (trunk,), f"{trunk}.{app}"),))


def shared_trunks(
    apps: Sequence[App],
    budget: Budget | None = None,
    load_share: float = 0.0,
    windows_hz: float | None = None,
) -> Problem:
    """Every app has a head on each of the same three trunks.

    Args:
        load_share: energy to load a trunk, as a share of that to run it.
        windows_hz: expected windows a second.
    """
    return _problem(apps, budget, load_share, windows_hz, lambda _, trunk: trunk)


def own_trunks(
    apps: Sequence[App],
    budget: Budget | None = None,
    load_share: float = 0.0,
    windows_hz: float | None = None,
) -> Problem:
    """Every app has three trunks of its own: "large of who", ..."""
    return _problem(apps, budget, load_share, windows_hz, lambda app, trunk: f"{trunk} of {app}")


def _problem(
    apps: Sequence[App],
    budget: Budget | None,
    load_share: float,
    windows_hz: float | None,
    name: Callable[[str, str], str],
) -> Problem:
    pieces: dict[str, PieceCost] = {}
    options: dict[str, tuple[Option, ...]] = {}
    for a in apps:
        for trunk, (energy_j, size_bytes, _) in TRUNKS.items():
            pieces[name(a.name, trunk)] = piece(energy_j, size_bytes, load_share * energy_j)
            pieces[f"{name(a.name, trunk)}.{a.name}"] = piece(0.0)
        options[a.name] = tuple(option(a.name, name(a.name, t), right) for t, (_, _, right) in TRUNKS.items())
    rates_hz: Mapping[str, float] = {} if windows_hz is None else {"digit": windows_hz}
    return Problem({a.name: a for a in apps}, options, pieces, budget or Budget(), windows_hz=rates_hz)


def all_resident(problem: Problem, energy_left_j: float = 1e9, period_left_s: float = 1.0) -> State:
    """The state in which nothing has to be loaded."""
    return State(energy_left_j, period_left_s=period_left_s, resident=frozenset(problem.pieces))
