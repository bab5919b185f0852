"""Stakes and streams for tests of policies."""

from __future__ import annotations

from collections.abc import Iterable

from specializer.cascade import CascadeRates, RatesByCount, Stakes
from specializer.policy import Active, Seen, SpecializationPolicy, Wanted

RATES = CascadeRates(0.9, 0.08, 0.93)
STAKES = Stakes(RatesByCount({5: RATES, 30: CascadeRates(0.83, 0.13, 0.92)}), 0.958, 28.8, 1.93, 28.8)


def tell(
    policy: SpecializationPolicy,
    classes: Iterable[int],
    begins_s: float = 0.0,
    active: Active | None = None,
    windows_hz: float = 10.0,
) -> Wanted:
    """Tell a policy what faultless models answered, window by window; what it wants in the end."""
    wanted = Wanted(())
    for i, class_id in enumerate(classes):
        own = active is not None and class_id in active.classes
        seen = Seen(class_id if own else None, None if own else class_id, cascaded=active is not None)
        wanted = policy.observe(seen, active, begins_s + i / windows_hz)
    return wanted
