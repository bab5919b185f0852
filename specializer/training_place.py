"""Where a head is trained: here or at a server, whichever is cheaper."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.devices import DeviceProfile, RadioProfile
from specializer.training_effort import TrainingEffort


@dataclass(frozen=True, slots=True)
class TrainingCost:
    """What one head takes from a device's budgets."""

    energy_j: float
    cost_usd: float = 0.0

    def value_usd(self, usd_per_j: float) -> float:
        """Return both as one figure.

        Args:
            usd_per_j: what a joule is worth, e.g. the budget in money over the budget in energy.
        """
        return self.cost_usd + usd_per_j * self.energy_j


@dataclass(frozen=True, slots=True)
class TrainingPrices:
    """What turns effort into costs.

    Args:
        device: power of a core.
        radio: energy of a byte; its tail counts once for each way that any went.
        usd_per_s: of a server's processor.
        usd_per_byte: sent or received.
        usd_per_j: what a joule is worth; see TrainingCost.
    """

    device: DeviceProfile
    radio: RadioProfile
    usd_per_s: float = 0.0
    usd_per_byte: float = 0.0
    usd_per_j: float = 1.0

    def here(self, effort: TrainingEffort) -> TrainingCost:
        """Return the cost of a head that is trained here."""
        return TrainingCost(self.device.processor_energy_j(effort.processor_s))

    def of(self, effort: TrainingEffort) -> TrainingCost:
        """Return the cost of a head wherever it was made."""
        return self.there(effort) if effort.elsewhere else self.here(effort)

    def there(self, effort: TrainingEffort) -> TrainingCost:
        """Return the cost of a head that a server trains."""
        radio = self.radio
        bytes_j = effort.up_bytes * radio.up_j_per_byte + effort.down_bytes * radio.down_j_per_byte
        moved = effort.up_bytes + effort.down_bytes
        ways = (effort.up_bytes > 0.0) + (effort.down_bytes > 0.0)
        return TrainingCost(
            bytes_j + ways * radio.tail_w * radio.tail_s,
            self.usd_per_s * effort.processor_s + self.usd_per_byte * moved,
        )

    def cheaper_there(self, here: TrainingEffort, there: TrainingEffort) -> bool:
        """Tell whether a server is the cheaper place; of equals this device is taken."""
        mine, its = self.here(here), self.there(there)
        return its.value_usd(self.usd_per_j) < mine.value_usd(self.usd_per_j)
