"""What a meter does, and what a meter of the device says about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Meter(Protocol):
    """Counts joules from a start of its own."""

    @property
    def origin(self) -> str:
        """How it knows: "measured" or "modelled"."""

    def read_j(self) -> float:
        """Return the joules so far.

        Raises:
            MeterFailed: it cannot tell now; a later reading may work and counts from then on.
        """


@dataclass(frozen=True, slots=True)
class Sight:
    """What a meter sees of a device.

    Args:
        what: for people.
        whole_device: nothing that the device draws is left out, the camera included.
        radio: what sending and receiving takes is in its figure.
    """

    what: str
    whole_device: bool
    radio: bool


class DeviceMeter(Meter, Protocol):
    """A meter that stands behind a ledger: it counts whatever runs, not one program."""

    @property
    def name(self) -> str:
        """As in ENGINE.toml."""

    @property
    def sight(self) -> Sight:
        """What is in its figure."""
