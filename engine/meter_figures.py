"""What a meter of energy has told about a run, as a value."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class MeterFigures:
    """A meter so far.

    Args:
        meter: its name; "" without one.
        what: it sees.
        counted_j: by it, everything that it sees included.
        others_j: of that, an estimate of what other programs' processor time took.
        factor: by which the profile's power of a busy core is to be multiplied.
        since_s: since when it has counted without a break, on the source's clock; None while it does not.
        trouble: why it does not count, or did not last; "" where it never failed.
        trouble_s: when that began.
        failures: how often it failed.
    """

    meter: str = ""
    what: str = ""
    counted_j: float = 0.0
    others_j: float = 0.0
    factor: float = 1.0
    since_s: float | None = None
    trouble: str = ""
    trouble_s: float = 0.0
    failures: int = 0

    def counting(self, now: float) -> MeterFigures:
        """Return the figures of a meter that counts from now on."""
        return replace(self, since_s=now)

    def counted(self, counted_j: float, others_j: float, factor: float) -> MeterFigures:
        """Return the figures with a further reading."""
        return replace(
            self, counted_j=self.counted_j + counted_j, others_j=self.others_j + others_j, factor=factor
        )

    def failed(self, why: str, now: float) -> MeterFigures:
        """Return the figures of a meter that cannot tell from now on."""
        return replace(self, since_s=None, trouble=why, trouble_s=now, failures=self.failures + 1)


NO_METER = MeterFigures()
