"""What a device draws whatever the engine does: expected ahead, booked as time goes by."""

from __future__ import annotations

from engine.energy_origin import EnergyOrigin


class BaseLoad:
    """Keeps one ledger's base load, over all periods and in the current one.

    Where a meter counts, what it counted beyond the engine's work takes the place of what was expected.

    Args:
        power_w: expected.
        start_s: of the first period.
        origin: where power_w comes from.
    """

    __slots__ = ("_booked_j", "_period_j", "_period_start_s", "_upto_s", "origin", "power_w")

    def __init__(self, power_w: float, start_s: float, origin: EnergyOrigin) -> None:
        self.power_w = power_w
        self.origin = origin
        self._upto_s = self._period_start_s = start_s
        self._booked_j: dict[EnergyOrigin, float] = {}
        self._period_j = 0.0

    def begin_period(self, start_s: float) -> None:
        """Count a new period's load from its start."""
        self._period_start_s = start_s
        self._period_j = 0.0

    def resume_period(self, start_s: float, period_j: float) -> None:
        """Go on with a period that began before anything was booked here.

        Args:
            start_s: when it began.
            period_j: its load up to now.
        """
        self._period_start_s = start_s
        self._period_j = period_j

    def period_j(self, length_s: float) -> float:
        """Return the load of the current period if it lasts for length_s, no less than it has lasted."""
        booked_s = self._upto_s - self._period_start_s
        return self._period_j + self.power_w * (length_s - booked_s if booked_s > 0.0 else length_s)

    def by_origin_j(self, now: float) -> dict[EnergyOrigin, float]:
        """Return all of it since the start."""
        expected_j = self._booked_j.get(self.origin, 0.0) + self.unbooked_j(now)
        return {**self._booked_j, self.origin: expected_j}

    def unbooked_j(self, now: float) -> float:
        """Return what is expected since the last booking."""
        return self.power_w * (now - self._upto_s)

    def book_expected(self, now: float) -> None:
        """Leave it at what was expected up to now."""
        self._book(self.unbooked_j(now), self.origin, now)
        self._upto_s = now

    def book_measured(self, counted_j: float, beside_w: float, now: float) -> None:
        """Replace what was expected since the last booking by what a meter counted.

        Args:
            beside_w: power that the meter does not see, as modelled.
        """
        self._book(counted_j, EnergyOrigin.MEASURED, now)
        self._book(beside_w * (now - self._upto_s), self.origin, now)
        self._upto_s = now

    def _book(self, energy_j: float, origin: EnergyOrigin, now: float) -> None:
        self._booked_j[origin] = self._booked_j.get(origin, 0.0) + energy_j
        since_s = now - self._upto_s
        within_s = now - max(self._upto_s, self._period_start_s)
        self._period_j += energy_j * (within_s / since_s) if since_s > 0.0 else energy_j
