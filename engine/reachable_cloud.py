"""The cloud of an engine: the way to it, and what it and the radio charge."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from catalog.devices import RadioProfile
from engine.offload import NoCloud, Offload
from engine.scheduling.cloud_options import CloudPrices

FREE = CloudPrices()
NO_RADIO = RadioProfile(0.0, 0.0, math.inf)


@dataclass(frozen=True, slots=True)
class ReachableCloud:
    """A cloud and what using it takes.

    Args:
        offload: the way to it; closed by whoever made it.
        radio: of the device; NO_RADIO where sending takes no energy that is counted.
        prices: of the cloud.
        call_j: what one exchange takes of the device's processor, whatever it carries.
    """

    offload: Offload = field(default_factory=NoCloud)
    radio: RadioProfile = NO_RADIO
    prices: CloudPrices = FREE
    call_j: float = 0.0


NO_CLOUD = ReachableCloud()
