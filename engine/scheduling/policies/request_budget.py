"""What one request may cost: MCDNN (MobiSys 2016), section 5.3.

For every request of app n, and each resource r (energy at the device, money in the cloud) with
remaining amount r and remaining time T,

    b_n = (r - dr_n * T / dt_n) * f_n / (T * sum of f_i^2 over the apps i cached at that location)

with f_i the frequency of requests of app i since it was paged in, dr_n the cost to load n, and dt_n
the time since n was loaded (infinite if it is cached nowhere). Without the load term the sum over i
of b_i f_i T is r. The load term damps oscillation.

How the published text was read where it leaves room:
- dr_n is what the candidate would still have to load, so that staying with what is resident is
  judged without the load term. With the load cost of the running variant instead, every app would
  be thrown back to its cheapest variant by the very load that brought it up.
- An app is counted in the sum of squares at exactly one location, where it is cached now; the app
  that is being decided is counted wherever it might go. An app that moved, or whose parts were
  evicted, no longer counts where it was: forgetting this starves the other apps of that location.
- A candidate that runs partly at either location gets the share t of the device's budget and 1 - t
  of the cloud's, t being the share of its execution time at the device: 1 and 0 for the plain ones,
  so that one rule covers all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.scheduling.policies.candidates import Candidate
from engine.scheduling.policy import State
from engine.scheduling.problem import Place

HORIZON_S = 36_000.0  # where the period has no known end: the day of the authors' replay
_SHORTEST_S = 1e-6


@dataclass(frozen=True, slots=True)
class RequestBudget:
    """The budgets of one request.

    Args:
        energy_j: at the device, with the load term left out.
        cost_usd: in the cloud.
        load_weight: what a joule of loading takes off the device's budget, in joules.
    """

    energy_j: float
    cost_usd: float
    load_weight: float

    def affords(self, candidate: Candidate, load_j: float = 0.0) -> bool:
        """Tell whether a candidate that has load_j to load is within the budgets."""
        t = candidate.device_share
        if t > 0.0 and candidate.energy_j > (self.energy_j - load_j * self.load_weight) * t:
            return False
        return not candidate.needs_cloud or candidate.cost_usd <= self.cost_usd * (1.0 - t)


class BudgetShares:
    """Divides what is left of the period among the apps by their frequencies, for one window.

    Args:
        state: what is left, and for how long.
    """

    def __init__(self, state: State) -> None:
        left_s = state.period_left_s
        self._left_j = state.energy_left_j
        self._left_usd = state.cost_left_usd
        self._horizon_s = HORIZON_S if left_s == math.inf else max(_SHORTEST_S, left_s)
        self._device_hz2 = self._cloud_hz2 = 0.0

    def count(self, location: Place | None, hz: float) -> None:
        """Count an app where it is cached."""
        if location is Place.DEVICE:
            self._device_hz2 += hz * hz
        elif location is Place.CLOUD:
            self._cloud_hz2 += hz * hz

    def discount(self, location: Place | None, hz: float) -> None:
        """Take an app that was counted out again."""
        if location is Place.DEVICE:
            self._device_hz2 -= hz * hz
        elif location is Place.CLOUD:
            self._cloud_hz2 -= hz * hz

    def request(self, hz: float, since_load_s: float) -> RequestBudget:
        """Return the budgets of one request of an app that is not counted now.

        Args:
            hz: frequency of the app.
            since_load_s: since its variant was loaded; inf where it is cached nowhere.
        """
        device_share = hz / (self._horizon_s * (self._device_hz2 + hz * hz))
        cloud_share = hz / (self._horizon_s * (self._cloud_hz2 + hz * hz))
        load_rate = self._horizon_s / max(_SHORTEST_S, since_load_s)
        return RequestBudget(
            self._left_j * device_share, self._left_usd * cloud_share, load_rate * device_share
        )
