"""How much energy work took, as far as a model knows, and how far a meter says that the model is off."""

from __future__ import annotations

from typing import Protocol

_TOLERANCE = 0.05


class EnergyModel(Protocol):
    """Turns processor time into joules; catalog.devices.DeviceProfile is one."""

    def processor_energy_j(self, busy_s: float) -> float:
        """Return the modelled energy of busy_s seconds of one core."""


class Correction:
    """The factor by which the model is off; without a meter it stays 1.

    What is learnt is followed in steps, and only when it is asked for, so that what is charged and
    what is planned with have one price at every moment.
    """

    __slots__ = ("adopted", "learnt")

    def __init__(self) -> None:
        self.learnt = 1.0
        self.adopted = 1.0

    def adopt(self) -> float:
        """Follow what was learnt if it is a twentieth off; return by what all prices are to be multiplied."""
        if abs(self.learnt / self.adopted - 1.0) <= _TOLERANCE:
            return 1.0
        ratio = self.learnt / self.adopted
        self.adopted = self.learnt
        return ratio


class CorrectedModel:
    """A model times what was adopted."""

    __slots__ = ("_correction", "_model")

    def __init__(self, model: EnergyModel, correction: Correction) -> None:
        self._model = model
        self._correction = correction

    def processor_energy_j(self, busy_s: float) -> float:
        """Return the energy of busy_s seconds of one core; see EnergyModel."""
        return self._correction.adopted * self._model.processor_energy_j(busy_s)
