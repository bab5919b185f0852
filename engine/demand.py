"""What a source brings: frames, windows of each input type, and what finding them takes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_MEMORY_S = 600.0
_SETTLING_S = 1.0
_SETTLING_FRAMES = 10


@dataclass(frozen=True, slots=True)
class Demand:
    """What a source has brought lately.

    Args:
        windows_hz: windows a second by input type.
        frames_hz: frames a second.
        frame_energy_j: to decode a frame and find its windows.
    """

    windows_hz: Mapping[str, float]
    frames_hz: float
    frame_energy_j: float


class _Rate:
    """An amount a second: the plain average at first, later that of about the last ten minutes.

    Both the amount and the time fade with exp(-t / 600 s), so that their ratio is right from the
    start on and memory stays flat.
    """

    __slots__ = ("_amount", "_seen_s", "_upto_s", "watched_s")

    def __init__(self, now: float) -> None:
        self._amount = 0.0
        self._seen_s = 0.0
        self._upto_s = now
        self.watched_s = 0.0

    def add(self, amount: float, now: float) -> None:
        passed_s = now - self._upto_s
        fading = math.exp(-passed_s / _MEMORY_S)
        self._amount = self._amount * fading + amount
        self._seen_s = self._seen_s * fading + passed_s
        self._upto_s = now
        self.watched_s += passed_s

    def scale(self, factor: float) -> None:
        self._amount *= factor

    @property
    def hz(self) -> float:
        return self._amount / self._seen_s if self._seen_s > 0.0 else 0.0


class DemandMeter:
    """Measures the demand of one source, frame by frame.

    The first frame starts the clock and is not counted: what is set up for it would be taken for
    what every frame takes.
    """

    def __init__(self) -> None:
        self._frames: _Rate | None = None
        self._counted = 0
        self._energy = _Rate(0.0)
        self._windows: dict[str, _Rate] = {}

    def add_frame(self, energy_j: float, windows: Mapping[str, int], now: float) -> None:
        """Count a frame.

        Args:
            energy_j: what decoding it and finding its windows took.
            windows: how many were found, by every input type that was looked for.
            now: its time; never earlier than the one before.
        """
        if self._frames is None:
            self._frames = _Rate(now)
            self._energy = _Rate(now)
        else:
            self._counted += 1
            self._frames.add(1.0, now)
            self._energy.add(energy_j, now)
        for input_type, count in windows.items():
            rate = self._windows.get(input_type)
            if rate is None:
                self._windows[input_type] = _Rate(now)
            else:
                rate.add(count, now)

    def reprice(self, factor: float) -> None:
        """Take all energy counted so far for `factor` times what it was taken for."""
        self._energy.scale(factor)

    @property
    def power_w(self) -> float:
        """Power that decoding and finding windows take; 0 until a second and ten frames have passed.

        It is kept for the whole rest of a period: from one frame a second, the first would decide
        alone, with caches still cold.
        """
        settled = self._energy.watched_s >= _SETTLING_S and self._counted >= _SETTLING_FRAMES
        return self._energy.hz if settled else 0.0

    def demand(self, input_types: Iterable[str]) -> Demand | None:
        """Return what came, or None until each of these input types was looked for over a second."""
        rates = {t: self._windows.get(t) for t in input_types}
        if self._frames is None or self._frames.watched_s < _SETTLING_S:
            return None
        known = {t: r.hz for t, r in rates.items() if r is not None and r.watched_s >= _SETTLING_S}
        if len(known) < len(rates):
            return None
        frames_hz = self._frames.hz
        return Demand(known, frames_hz, self._energy.hz / frames_hz if frames_hz else 0.0)
