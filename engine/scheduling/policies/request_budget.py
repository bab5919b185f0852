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


@dataclass(slots=True)
class CachedSquares:
    """The sums of f_i^2 over the apps that are cached at each location."""

    device_hz2: float = 0.0
    cloud_hz2: float = 0.0

    def add(self, location: Place | None, hz2: float) -> None:
        """Count an app where it is cached; a negative square takes it out again."""
        if location is Place.DEVICE:
            self.device_hz2 += hz2
        elif location is Place.CLOUD:
            self.cloud_hz2 += hz2


@dataclass(frozen=True, slots=True)
class RequestBudget:
    """The budgets of one request.

    Args:
        left_j: energy left for the period.
        left_usd: money left for the period.
        load_rate: T / dt_n: how often the same load would be paid in what is left of the period.
        device_share: f_n / (T * sum of f_i^2) at the device.
        cloud_share: likewise in the cloud.
    """

    left_j: float
    left_usd: float
    load_rate: float
    device_share: float
    cloud_share: float

    def affords_running(self, candidate: Candidate) -> bool:
        """Tell whether a candidate is within the budgets with the load term left out."""
        return self.affords_loading(candidate, 0.0) and (
            not candidate.needs_cloud
            or candidate.cost_usd <= self.left_usd * self.cloud_share * (1.0 - candidate.device_share)
        )

    def affords_loading(self, candidate: Candidate, load_j: float) -> bool:
        """Tell whether the device's budget covers a candidate with the load term taken off."""
        t = candidate.device_share
        spendable_j = self.left_j - load_j * self.load_rate
        return t == 0.0 or candidate.energy_j <= spendable_j * self.device_share * t


def request_budget(state: State, hz: float, others: CachedSquares, since_load_s: float) -> RequestBudget:
    """Return the budgets of one request.

    Args:
        hz: frequency of the app that asks.
        others: the other apps that are cached.
        since_load_s: since the app's variant was loaded; inf where it is cached nowhere.
    """
    left_s = state.period_left_s
    horizon_s = max(_SHORTEST_S, left_s) if math.isfinite(left_s) else HORIZON_S
    return RequestBudget(
        state.energy_left_j,
        state.cost_left_usd,
        horizon_s / max(_SHORTEST_S, since_load_s),
        hz / (horizon_s * (others.device_hz2 + hz * hz)),
        hz / (horizon_s * (others.cloud_hz2 + hz * hz)),
    )
