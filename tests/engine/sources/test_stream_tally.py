"""Counts, processor time and time of frames go on across connections and processes."""

from __future__ import annotations

import pytest

from engine.sources.decoder_link import Progress
from engine.sources.rate_cap import OVER_RATE
from engine.sources.stream_tally import DAMAGED, NO_SLOT, StreamTally


def test_counts_of_all_connections_are_added_and_split_by_reason() -> None:
    tally = StreamTally()
    for _ in range(2):
        tally.source_opens()
        tally.add(Progress(grabbed=4, over_rate=1))
        tally.add(Progress(grabbed=10, over_rate=3, no_slot=2, damaged=1))
    assert tally.grabbed == 20
    assert tally.dropped == {OVER_RATE: 6, NO_SLOT: 4, DAMAGED: 2}


def test_processor_time_counts_from_the_start_of_each_process() -> None:
    tally = StreamTally()
    for busy_s in (0.5, 0.75):
        tally.add(Progress(busy_s=busy_s))
    tally.source_opens()
    tally.add(Progress(busy_s=1.0))
    tally.process_ends()
    tally.source_opens()
    tally.add(Progress(busy_s=0.25))
    assert tally.busy_s == pytest.approx(1.25)


def test_time_goes_on_from_the_very_first_frame() -> None:
    tally = StreamTally()
    assert tally.time_of(Progress(t_s=0.0, captured_s=100.0)) == 0.0
    assert tally.time_of(Progress(t_s=0.5, captured_s=100.7)) == 0.5
    tally.source_opens()
    assert tally.time_of(Progress(t_s=0.0, captured_s=130.0)) == 30.0
    assert tally.time_of(Progress(t_s=0.2, captured_s=130.1)) == pytest.approx(30.2)
