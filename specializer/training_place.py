"""Where a head is trained: here or at a server, whichever is cheaper."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.devices import DeviceProfile, RadioProfile
from specializer.head_trainer import TrainingResult

_WEIGHT_OF_LATEST = 0.3


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
class TrainingEffort:
    """What a head takes, before it is priced.

    Args:
        processor_s: on the machine that trains.
        up_bytes: sent by the device; 0 where it trains itself.
        down_bytes: received; likewise.
    """

    processor_s: float
    up_bytes: float = 0.0
    down_bytes: float = 0.0

    @classmethod
    def of(cls, result: TrainingResult) -> TrainingEffort:
        """Return what a head took."""
        return cls(result.processor_s, result.up_bytes, result.down_bytes)

    def times(self, factor: float) -> TrainingEffort:
        """Return so many times as much."""
        return TrainingEffort(factor * self.processor_s, factor * self.up_bytes, factor * self.down_bytes)

    def moved_to(self, latest: TrainingEffort) -> TrainingEffort:
        """Return an estimate that has learnt from one more head."""
        return TrainingEffort(
            *(
                before + _WEIGHT_OF_LATEST * (after - before)
                for before, after in (
                    (self.processor_s, latest.processor_s),
                    (self.up_bytes, latest.up_bytes),
                    (self.down_bytes, latest.down_bytes),
                )
            )
        )


@dataclass(frozen=True, slots=True)
class TrainingPrices:
    """What turns effort into costs.

    Args:
        device: power of a core.
        radio: energy of a byte; its tail counts once each way.
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

    def there(self, effort: TrainingEffort) -> TrainingCost:
        """Return the cost of a head that a server trains."""
        radio = self.radio
        bytes_j = effort.up_bytes * radio.up_j_per_byte + effort.down_bytes * radio.down_j_per_byte
        moved = effort.up_bytes + effort.down_bytes
        return TrainingCost(
            bytes_j + 2.0 * radio.tail_w * radio.tail_s,
            self.usd_per_s * effort.processor_s + self.usd_per_byte * moved,
        )

    def cheaper_there(self, here: TrainingEffort, there: TrainingEffort) -> bool:
        """Tell whether a server is the cheaper place; of equals this device is taken."""
        mine, its = self.here(here), self.there(there)
        return its.value_usd(self.usd_per_j) < mine.value_usd(self.usd_per_j)
