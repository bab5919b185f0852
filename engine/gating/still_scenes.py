"""Which frames of which sources show nothing new, and what is not done for them.

A frame is passed over when nothing has changed since the last one that was looked at and every app
that could ask has had its answer about that. The last answers stand then: no request is made, so
none stays unserved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from engine.frames import Frame
from engine.gating.motion_gate import GateSettings, MotionGate
from engine.gating.standing_answers import GateFigures, Savings
from engine.gating.trial import Trial
from engine.rates import RateGates
from engine.results import Result

_WARM_UP_S = 2.0
_WARM_UP_FRAMES = 10  # from which extractors learn what stands still
_TRIES = 3


class FrameGate(Protocol):
    """Tells which frames need not be looked at."""

    def passes_over(self, frame: Frame, asking: RateGates) -> bool:
        """Tell whether a frame is passed over: its source shows what it showed before."""

    def looked(self, frame: Frame, windows: Mapping[str, int], compared_j: float, searched_j: float) -> None:
        """Note that a frame was searched.

        Args:
            windows: found, by every input type that was looked for.
            compared_j: what passes_over took.
            searched_j: what searching it took.
        """

    def passed_over(self, frame: Frame, asking: RateGates, compared_j: float) -> None:
        """Note that a frame was not searched, and what finding that out took."""

    def asked(self, source: str, apps: Iterable[str]) -> None:
        """Note who asked about a window of the frame that is looked at."""

    def answered(self, results: Iterable[Result]) -> None:
        """Note what was answered."""

    @property
    def figures(self) -> GateFigures:
        """What was passed over, and what that saved."""


class NoGate:
    """Looks at every frame."""

    figures = GateFigures()

    def passes_over(self, frame: Frame, asking: RateGates) -> bool:  # noqa: ARG002
        """Return False; see FrameGate."""
        return False

    def looked(self, frame: Frame, windows: Mapping[str, int], compared_j: float, searched_j: float) -> None:
        """Do nothing; see FrameGate."""

    def passed_over(self, frame: Frame, asking: RateGates, compared_j: float) -> None:
        """Do nothing; see FrameGate."""

    def asked(self, source: str, apps: Iterable[str]) -> None:
        """Do nothing; see FrameGate."""

    def answered(self, results: Iterable[Result]) -> None:
        """Do nothing; see FrameGate."""


NO_GATE = NoGate()


@dataclass(slots=True)
class _Scene:
    """What a source shows, and who has not had an answer about it yet.

    Args:
        trial: whether comparing pays.
        compared: whether the frame at hand was.
        tries: by app, how often it may still ask again where it was not served.
        owed: apps without an answer, by input type.
    """

    gate: MotionGate
    began_s: float
    trial: Trial = field(default_factory=Trial)
    compared: bool = False
    looked_s: float = 0.0
    passed_s: float = 0.0
    frames: int = 0
    windows: dict[str, int] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    owed: dict[str, str] = field(default_factory=dict)
    input_types: dict[str, str] = field(default_factory=dict)


class StillScenes:
    """A motion gate for each of some sources; used by the engine's thread alone.

    Args:
        sources: names of those that are gated.
        settings: of all gates.
    """

    def __init__(self, sources: Iterable[str], settings: GateSettings) -> None:
        self._gated = frozenset(sources)
        self._settings = settings
        self._scenes: dict[str, _Scene] = {}
        self._savings = Savings()

    def begin_anew(self, sources: Iterable[str]) -> None:
        """Gate these sources from now on, and look at each again; what was counted stays.

        For when sources, apps or models have changed.
        """
        self._gated = frozenset(sources)
        self._scenes.clear()

    @property
    def figures(self) -> GateFigures:
        """What was passed over, and what that saved; see FrameGate."""
        return self._savings.figures

    def passes_over(self, frame: Frame, asking: RateGates) -> bool:
        """Tell whether a frame is passed over; see FrameGate."""
        if frame.source not in self._gated:
            return False
        scene = self._scenes.get(frame.source)
        if scene is None:
            scene = self._scenes[frame.source] = _Scene(MotionGate(self._settings), frame.t_s)
        scene.compared = not scene.trial.rests()
        if not scene.compared or not self._is_still(scene, frame, asking):
            return False
        return all(not asking.is_due(app, frame.t_s, frame.source) for app in scene.owed)

    def looked(self, frame: Frame, windows: Mapping[str, int], compared_j: float, searched_j: float) -> None:
        """Note that a frame was searched; see FrameGate."""
        scene = self._scenes.get(frame.source)
        if scene is None:
            return
        scene.windows = dict(windows)
        scene.owed = {app: t for app, t in scene.owed.items() if windows.get(t)}
        scene.passed_s = frame.t_s
        if not scene.compared:
            return
        scene.trial.looked(compared_j, searched_j)
        self._savings.compared(compared_j)
        self._savings.searched(searched_j)

    def passed_over(self, frame: Frame, asking: RateGates, compared_j: float) -> None:
        """Note a frame that was passed over; see FrameGate."""
        scene = self._scenes[frame.source]
        since_s, scene.passed_s = frame.t_s - scene.passed_s, frame.t_s
        requests = sum(asking.expected(t, n, since_s, frame.t_s) for t, n in scene.windows.items())
        scene.trial.passed_over(compared_j)
        self._savings.compared(compared_j)
        self._savings.passed_over(frame.source, requests)

    def asked(self, source: str, apps: Iterable[str]) -> None:
        """Note who asked; see FrameGate."""
        scene = self._scenes.get(source)
        if scene is not None:
            for app in apps:
                scene.owed.pop(app, None)

    def answered(self, results: Iterable[Result]) -> None:
        """Owe those another answer that were not served, a few times; see FrameGate."""
        for result in results:
            self._savings.answered(result.energy_j)
            scene = self._scenes.get(result.source)
            if scene is None:
                continue
            scene.trial.answered(result.energy_j, result.cost_usd)
            if result.served:
                continue
            left = scene.tries.get(result.app, 0)
            if left and result.app in scene.input_types:
                scene.tries[result.app] = left - 1
                scene.owed[result.app] = scene.input_types[result.app]

    def _is_still(self, scene: _Scene, frame: Frame, asking: RateGates) -> bool:
        """Compare a frame with what was looked at; where it differs, everybody is owed an answer about it."""
        now, scene.frames = frame.t_s, scene.frames + 1
        learning = scene.frames <= _WARM_UP_FRAMES or now - scene.began_s < _WARM_UP_S
        differs = scene.gate.changed(frame.pixels)
        new_apps = asking.apps.keys() - scene.input_types.keys()
        if not (differs or learning or new_apps or now - scene.looked_s >= self._settings.refresh_s):
            return True
        scene.gate.look()
        scene.looked_s = now
        scene.input_types = {name: app.input_type for name, app in asking.apps.items()}
        scene.owed = dict(scene.input_types)
        scene.tries = dict.fromkeys(scene.owed, _TRIES)
        return False
