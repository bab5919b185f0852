"""At most so many frames a second: even, exact on average, and counted."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sources.frame_list import FrameList
from engine.sources.protocol import ReportingSource
from engine.sources.rate_cap import OVER_RATE, CappedSource, RateCap
from tests.engine.media import frame


def kept(fps: float, times_s: list[float]) -> list[float]:
    cap = RateCap(fps)
    return [t for t in times_s if cap.wants(t)]


def test_every_sixth_frame_is_kept_of_thirty_for_five() -> None:
    assert kept(5.0, [i / 30 for i in range(60)]) == [i / 30 for i in range(0, 60, 6)]


def test_nothing_is_left_out_of_a_source_that_is_slower() -> None:
    assert len(kept(30.0, [i / 25 for i in range(250)])) == 250


def test_stamps_that_tremble_lose_no_frame_on_average() -> None:
    rng = Random(0)
    times_s = [i / 25 + rng.uniform(-0.005, 0.005) for i in range(2500)]
    assert len(kept(5.0, times_s)) == pytest.approx(500, abs=2)


def test_after_a_gap_or_a_jump_back_frames_are_kept_at_once() -> None:
    assert kept(1.0, [0.0, 0.5, 7.3, 7.8, 8.3, 1.0, 1.5, 2.0]) == [0.0, 7.3, 8.3, 1.0, 2.0]


@given(st.floats(0.5, 60.0), st.lists(st.floats(0.001, 3.0), min_size=2, max_size=200))
def test_the_rate_is_never_exceeded_over_the_whole(fps: float, steps_s: list[float]) -> None:
    times_s = [sum(steps_s[:i]) for i in range(len(steps_s))]
    count = len(kept(fps, times_s))
    assert count <= (times_s[-1] - times_s[0]) * fps * 1.06 + 2


def test_a_capped_source_counts_what_it_leaves_out() -> None:
    source = CappedSource(FrameList(frame(i, fps=10.0) for i in range(20)), 5.0)
    assert isinstance(source, ReportingSource)
    given_ = []
    while (f := source.read()) is not None:
        given_.append(f.index)
    assert given_ == list(range(0, 20, 2))
    assert source.report().dropped == {OVER_RATE: 10}
    source.close()
