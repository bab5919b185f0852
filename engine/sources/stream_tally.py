"""Counts, processor time and frame times of one source, across connections and decoding processes."""

from __future__ import annotations

from engine.sources.decoder_link import Progress
from engine.sources.rate_cap import OVER_RATE

NO_SLOT = "the engine had not taken the frames before"
DAMAGED = "damaged on the way"

_DROPS = {OVER_RATE: "over_rate", NO_SLOT: "no_slot", DAMAGED: "damaged"}


class StreamTally:
    """Adds up what decoders report; one thread adds, any may read.

    A decoder counts frames from the opening of the source on, and its processor time from its start.
    """

    def __init__(self) -> None:
        self._before = Progress()  # up to the latest opening
        self._total = Progress()  # replaced as a whole: whoever reads it finds counts of one moment
        self._process_busy_s = 0.0
        self._first_s: float | None = None
        self._offset_s: float | None = None

    @property
    def grabbed(self) -> int:
        """Frames that came."""
        return self._total.grabbed

    @property
    def busy_s(self) -> float:
        """Processor time of all decoders."""
        return self._total.busy_s

    @property
    def dropped(self) -> dict[str, int]:
        """Frames that decoders dropped, by reason."""
        total = self._total
        return {reason: n for reason, field in _DROPS.items() if (n := getattr(total, field))}

    def source_opens(self) -> None:
        """Note that the counts of frames begin anew."""
        self._before = self._total
        self._offset_s = None

    def process_ends(self) -> None:
        """Note that processor time begins anew."""
        self._process_busy_s = 0.0

    def add(self, progress: Progress) -> None:
        """Take how far a decoder has come."""
        before = self._before
        self._total = Progress(
            grabbed=before.grabbed + progress.grabbed,
            over_rate=before.over_rate + progress.over_rate,
            no_slot=before.no_slot + progress.no_slot,
            damaged=before.damaged + progress.damaged,
            busy_s=self._total.busy_s + max(0.0, progress.busy_s - self._process_busy_s),
        )
        self._process_busy_s = progress.busy_s

    def time_of(self, progress: Progress) -> float:
        """Return a frame's time since the very first one, in seconds."""
        zero_s = progress.captured_s - progress.t_s
        if self._first_s is None:
            self._first_s = zero_s
        if self._offset_s is None:
            self._offset_s = zero_s - self._first_s
        return self._offset_s + progress.t_s
