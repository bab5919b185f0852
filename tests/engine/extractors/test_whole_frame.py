"""The whole frame is one window."""

from __future__ import annotations

from engine.extractors.whole_frame import WholeFrameExtractor
from tests.engine.media import frame, picture


def test_the_box_is_that_of_the_frame_whatever_its_size() -> None:
    extractor = WholeFrameExtractor()
    assert extractor.extract(frame(0, picture(0, 64, 48))) == [(0, 0, 64, 48)]
    assert extractor.extract(frame(1, picture(0, 30, 80))) == [(0, 0, 30, 80)]
