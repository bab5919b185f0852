"""What a period usually brings: an hour-by-hour history that a forecast may start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.errors import BadInput


@dataclass(frozen=True, slots=True)
class DayProfile:
    """Expected demand over one budget period, in bins of equal length.

    Args:
        bin_s: length of a bin; the first starts with the period, and after the last they repeat.
        windows_hz: windows a second in each bin, by input type.

    Raises:
        BadInput: a length or a figure that makes no sense, or bins that differ in number.
    """

    bin_s: float
    windows_hz: Mapping[str, tuple[float, ...]]

    def __post_init__(self) -> None:
        if not 0.0 < self.bin_s < float("inf"):
            raise BadInput(f"daily profile: bin_s = {self.bin_s}: expected seconds above 0")
        counts = {len(rates) for rates in self.windows_hz.values()}
        if len(counts) > 1 or 0 in counts:
            raise BadInput("daily profile: expected the same number of bins, at least one, everywhere")
        figures = [hz for rates in self.windows_hz.values() for hz in rates]
        if not all(0.0 <= hz < float("inf") for hz in figures):
            raise BadInput("daily profile: windows_hz: expected numbers of at least 0")

    def windows(self, input_type: str, start_s: float, end_s: float) -> float:
        """Return the windows expected between two moments of the period."""
        rates = self.windows_hz.get(input_type)
        return 0.0 if rates is None else self._integral(rates, start_s, end_s)

    def _integral(self, rates: tuple[float, ...], start_s: float, end_s: float) -> float:
        total, at_s = 0.0, max(0.0, start_s)
        while at_s < end_s:
            step = int(at_s / self.bin_s + 1e-9)
            until_s = min(end_s, (step + 1) * self.bin_s)
            total += rates[step % len(rates)] * (until_s - at_s)
            at_s = until_s
        return total
